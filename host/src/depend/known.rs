//! What a watch knows without looking: which dependencies hold, what each stands at, and which directories are watched.
//!
//! A dependency gets a number when somebody begins to look at it, and loses it with the first notice that concerns it. What was
//! seen is kept under the number: it counts only if nothing was noticed in between.

use std::collections::BTreeSet;
use std::hash::RandomState;
use std::ops::Bound;
use std::path::{Path, PathBuf};

use hashbrown::HashMap;

use super::Dependency;
use super::notice::Notice;
use super::points::{Point, Points};

/// Beyond these everything is forgotten and begun anew.
pub(super) const MAX_KNOWN: usize = 16_384;
const MAX_POINTS: usize = 65_536;
pub(super) const MAX_DIRECTORIES: usize = 4_096;

/// What is known without looking.
#[derive(Default)]
pub(super) struct Known {
    numbers: HashMap<Dependency, u64, RandomState>,
    watched: HashMap<u64, Watched, RandomState>,
    points: Points,
    pub(super) directories: BTreeSet<PathBuf>,
    /// Directories whose watch may have ended with them.
    pub(super) outdated: Vec<PathBuf>,
    /// No number is given twice.
    next: u64,
}

struct Watched {
    on: Dependency,
    points: Vec<Point>,
    standing: Standing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Somebody is looking.
    Pending,
    Holds,
    /// It cannot be watched.
    Unwatchable,
}

impl Known {
    /// How a dependency stands, if anybody asked.
    pub(super) fn standing(&self, on: &Dependency) -> Option<Standing> {
        let number = self.numbers.get(on)?;
        self.watched.get(number).map(|watched| watched.standing)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.watched.len()
    }

    /// Forgets everything but which numbers were given.
    pub(super) fn begin_anew(&mut self) {
        *self = Self { next: self.next, ..Self::default() };
    }

    /// Whether it is time to begin anew.
    pub(super) fn is_full(&self) -> bool {
        self.watched.len() >= MAX_KNOWN || self.points.len() >= MAX_POINTS || self.directories.len() >= MAX_DIRECTORIES
    }

    /// Notes what a dependency stands at, unless somebody else is at it.
    pub(super) fn insert(&mut self, on: &Dependency, points: &[Point]) -> Option<u64> {
        if self.numbers.contains_key(on) {
            return None;
        }
        let number = self.next;
        self.next += 1;
        self.numbers.insert(on.clone(), number);
        points.iter().for_each(|point| self.points.add(number, point));
        let watched = Watched { on: on.clone(), points: points.to_vec(), standing: Standing::Pending };
        self.watched.insert(number, watched);
        Some(number)
    }

    /// Does nothing for what was forgotten meanwhile.
    pub(super) fn settle(&mut self, number: u64, standing: Standing) {
        if let Some(watched) = self.watched.get_mut(&number) {
            watched.standing = standing;
        }
    }

    pub(super) fn forget(&mut self, number: u64) {
        if let Some(watched) = self.watched.remove(&number) {
            self.numbers.remove(&watched.on);
            watched.points.iter().for_each(|point| self.points.remove(number, point));
        }
    }

    /// Forgets what a notice concerns.
    pub(super) fn notice(&mut self, notice: &Notice) {
        let root = [PathBuf::from("/")];
        let paths = match notice {
            Notice::Changed(paths) => paths.as_slice(),
            Notice::Lost => &root,
        };
        for path in paths {
            self.points.concerned(path).into_iter().for_each(|number| self.forget(number));
            let below = self.directories.range::<Path, _>((Bound::Included(path.as_path()), Bound::Unbounded));
            let below: Vec<_> = below.take_while(|directory| directory.starts_with(path)).cloned().collect();
            self.directories.retain(|directory| !directory.starts_with(path));
            self.outdated.extend(below);
        }
    }
}
