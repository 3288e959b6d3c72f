//! Being told of changes in place of looking: a dependency that was seen to hold does so until something happens to it.
//!
//! First the directories on the way to a file are watched, from the root on, then the file is looked at, and what was seen counts
//! only if nothing was noticed meanwhile. So no change falls in between, and a directory that is renamed is noticed as well as the file.
//! For a pattern all directories are watched in which files may match, and the ignore files above them; it is
//! looked at twice, before and after. What lies behind a symbolic link is not watched, because it can change elsewhere.
//!
//! The first notice of a burst is enough to look again, so nothing is waited for; until it arrives, usually within a
//! millisecond, a read may see the state before. Whatever cannot be watched, be it that the system's limits are reached, is looked
//! at with every read, and one warning says so. Notices that were lost make everything be looked at again.

use std::collections::BTreeSet;
use std::fmt;
use std::fs;
use std::hash::RandomState;
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hashbrown::HashMap;

use super::checker::Sight;
use super::notice::{self, Blind, Lookout, Notice, Tell};
use super::points::{Point, Points};
use super::{Dependency, DependencyKind};

/// Beyond these everything is forgotten and begun anew.
const MAX_KNOWN: usize = 16_384;
const MAX_POINTS: usize = 65_536;
const MAX_DIRECTORIES: usize = 8_192;

/// Files that decide what a pattern matches, in directories above it.
const IGNORE_FILES: [&str; 3] = [".gitignore", ".ignore", ".git"];

type Open = Box<dyn Fn(Tell) -> Result<Box<dyn Lookout>, String> + Send + Sync>;

/// Watches what the entries of one cache depend on.
pub(crate) struct Watch {
    open: Open,
    /// Locked before `known`, and never by who is told of a change.
    lookout: Mutex<Opened>,
    known: Arc<Mutex<Known>>,
    has_warned: AtomicBool,
}

enum Opened {
    NotYet,
    Open(Box<dyn Lookout>),
    Failed,
}

/// What is known without looking.
#[derive(Default)]
struct Known {
    numbers: HashMap<Dependency, u64, RandomState>,
    watched: HashMap<u64, Watched, RandomState>,
    points: Points,
    directories: BTreeSet<PathBuf>,
    /// Directories whose watch may have ended with them.
    outdated: Vec<PathBuf>,
    /// No number is given twice.
    next: u64,
}

struct Watched {
    on: Dependency,
    points: Vec<Point>,
    standing: Standing,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Somebody is looking.
    Pending,
    Holds,
    /// It cannot be watched.
    Unwatchable,
}

/// What the watch has to say about a dependency.
pub(super) enum Answer<'a> {
    Holds,
    /// It must be looked at, and the watch be told.
    Look(Ticket<'a>),
}

/// For telling what was seen.
pub(super) struct Ticket<'a> {
    watch: &'a Watch,
    on: &'a Dependency,
    of: Of,
}

enum Of {
    /// Watched since before it is looked at.
    Number(u64),
    /// What to watch shows when it is looked at.
    Pattern,
    /// Not watched.
    Nothing,
}

impl Watch {
    /// By the operating system.
    pub(crate) fn system() -> Self {
        Self::with(Box::new(notice::system))
    }

    fn with(open: Open) -> Self {
        Self { open, lookout: Mutex::new(Opened::NotYet), known: Arc::default(), has_warned: AtomicBool::new(false) }
    }

    /// Whether a dependency is known to hold.
    pub(super) fn ask<'a>(&'a self, on: &'a Dependency) -> Answer<'a> {
        let (standing, is_full) = {
            let known = lock(&self.known);
            let number = known.numbers.get(on);
            (number.and_then(|number| known.watched.get(number)).map(|watched| watched.standing), known.is_full())
        };
        let of = match (standing, on.kind) {
            (Some(Standing::Holds), _) => return Answer::Holds,
            (Some(_), _) | (_, DependencyKind::Environment) => Of::Nothing,
            (None, kind) => {
                if is_full {
                    self.begin_anew();
                }
                match kind {
                    DependencyKind::Glob => Of::Pattern,
                    _ => {
                        let path = PathBuf::from(&on.name);
                        self.begin(on, vec![Point { path, children: false }]).map_or(Of::Nothing, Of::Number)
                    }
                }
            }
        };
        Answer::Look(Ticket { watch: self, on, of })
    }

    /// Watches what a dependency stands at; answers its number if that could be done.
    fn begin(&self, on: &Dependency, points: Vec<Point>) -> Option<u64> {
        let number = lock(&self.known).insert(on, &points)?;
        let directories: BTreeSet<_> = points
            .iter()
            .flat_map(|point| point.path.ancestors().skip(usize::from(!point.children)))
            .map(Path::to_owned)
            .collect();
        if points.iter().all(|point| is_real(&point.path)) && self.place(directories) {
            return Some(number);
        }
        lock(&self.known).settle(number, Standing::Unwatchable);
        None
    }

    /// Watches directories, parents first. Those that are not there show when they are made in theirs.
    fn place(&self, directories: BTreeSet<PathBuf>) -> bool {
        if directories.len() > MAX_DIRECTORIES / 2 {
            return self.warn(&format!("a pattern spans {} directories", directories.len()));
        }
        let mut opened = lock(&self.lookout);
        if let Opened::NotYet = *opened {
            let known = self.known.clone();
            *opened = match (self.open)(Box::new(move |notice| lock(&known).notice(&notice))) {
                Ok(lookout) => Opened::Open(lookout),
                Err(reason) => {
                    self.warn(&reason);
                    Opened::Failed
                }
            };
        }
        let Opened::Open(lookout) = &mut *opened else { return false };
        let outdated = std::mem::take(&mut lock(&self.known).outdated);
        outdated.iter().for_each(|directory| lookout.unwatch(directory));
        for directory in directories {
            // Noted before, so that a notice of its end is not missed.
            if !lock(&self.known).directories.insert(directory.clone()) {
                continue;
            }
            if let Err(blind) = lookout.watch(&directory) {
                lock(&self.known).directories.remove(&directory);
                if let Blind::Because(reason) = blind {
                    return self.warn(&format!("{} cannot be watched: {reason}", directory.display()));
                }
            }
        }
        true
    }

    /// Says once that reads ask the disk.
    fn warn(&self, reason: &str) -> bool {
        if !self.has_warned.swap(true, Ordering::Relaxed) {
            tracing::warn!("some of what entries depend on is looked at with every read: {reason}");
        }
        false
    }

    fn begin_anew(&self) {
        let mut opened = lock(&self.lookout);
        if let Opened::Open(_) = *opened {
            *opened = Opened::NotYet;
        }
        let mut known = lock(&self.known);
        let next = known.next;
        *known = Known { next, ..Known::default() };
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").finish_non_exhaustive()
    }
}

impl Ticket<'_> {
    /// Says what was seen, and answers whether the dependency holds. `again` looks once more.
    pub(super) fn settle(self, seen: &Sight, again: impl FnOnce() -> Sight) -> bool {
        let number = match self.of {
            Of::Nothing => return seen.holds,
            Of::Number(number) => {
                self.watch.settle(number, seen.holds);
                return seen.holds;
            }
            Of::Pattern if !seen.holds => return false,
            Of::Pattern => self.watch.begin(self.on, points(seen)),
        };
        let Some(number) = number else { return seen.holds };
        let now = again();
        self.watch.settle(number, now == *seen);
        now.holds
    }
}

impl Watch {
    fn settle(&self, number: u64, holds: bool) {
        let mut known = lock(&self.known);
        match holds {
            true => known.settle(number, Standing::Holds),
            false => known.forget(number),
        }
    }
}

/// What a pattern stands at: its directories, its links, and the ignore files above its root.
fn points(seen: &Sight) -> Vec<Point> {
    let point = |path: &Path, children| Point { path: path.to_owned(), children };
    let above = seen.root.ancestors().skip(1);
    let ignored = above.flat_map(|above| IGNORE_FILES.map(|name| Point { path: above.join(name), children: false }));
    let directories = seen.directories.iter().map(|directory| point(directory, true));
    let links = seen.links.iter().map(|link| point(link, false));
    directories.chain(links).chain([point(&seen.root, false)]).chain(ignored).collect()
}

/// Whether no symbolic link is on the way to a path, which need not be there.
fn is_real(path: &Path) -> bool {
    for ancestor in path.ancestors() {
        match fs::canonicalize(ancestor) {
            Ok(real) => return real == ancestor,
            Err(e) if e.kind() == io::ErrorKind::NotFound && fs::symlink_metadata(ancestor).is_err() => {}
            Err(_) => return false,
        }
    }
    false
}

impl Known {
    fn is_full(&self) -> bool {
        self.watched.len() >= MAX_KNOWN
            || self.points.len() >= MAX_POINTS
            || self.directories.len() >= MAX_DIRECTORIES / 2
    }

    /// Notes what a dependency stands at, unless somebody else is at it.
    fn insert(&mut self, on: &Dependency, points: &[Point]) -> Option<u64> {
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
    fn settle(&mut self, number: u64, standing: Standing) {
        if let Some(watched) = self.watched.get_mut(&number) {
            watched.standing = standing;
        }
    }

    fn forget(&mut self, number: u64) {
        if let Some(watched) = self.watched.remove(&number) {
            self.numbers.remove(&watched.on);
            watched.points.iter().for_each(|point| self.points.remove(number, point));
        }
    }

    fn notice(&mut self, notice: &Notice) {
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
