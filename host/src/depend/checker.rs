//! Whether dependencies hold: the one place of a cache that looks at files on behalf of its entries.
//!
//! A dependency holds if looking again gives the same stamp. What held is remembered for `depends-memo`, by dependency and stamp,
//! so that entries which share a file share the look, and an entry that was just computed anew is not judged by what was seen
//! before. What did not hold is not remembered: its entry is on its way out. The memory is bounded, and emptied when it is full.

use std::hash::RandomState;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use super::listing::Listing;
use super::look::{self, Eye, Found};
use super::pattern::Pattern;
use super::stamp::{Hash, Stamp};
use super::watch::{Answer, Watch};
use super::{Dependency, DependencyKind, variable};

/// Dependencies that are remembered, at most, and their bytes.
const MAX_REMEMBERED: usize = 16_384;
const MAX_BYTES: usize = 8 << 20;

/// How a cache finds out whether what its entries depend on has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum RefreshMode {
    /// As [`Files`](Self::Files), but where [`Builder::watch`](crate::Builder::watch) is on the operating system tells of changes.
    #[default]
    Auto,
    /// Every read looks at every file.
    Files,
    /// An entry with dependencies is never taken from the cache.
    Always,
    /// Dependencies are not looked at; only [`Cache::invalidate`](crate::Cache::invalidate) counts.
    Manual,
}

/// Checks dependencies for one cache.
#[derive(Debug)]
pub(crate) struct Checker {
    mode: RefreshMode,
    memo: Duration,
    eye: Eye,
    remembered: Mutex<Remembered>,
    watch: Option<Watch>,
    /// Whether there may be entries with dependencies.
    matter: AtomicBool,
}

#[derive(Debug, Default)]
struct Remembered {
    held: HashMap<Dependency, Instant, RandomState>,
    bytes: usize,
}

impl Checker {
    /// `matter` says whether there may be entries with dependencies already.
    pub(crate) fn new(mode: RefreshMode, memo: Duration, watch: Option<Watch>, matter: bool) -> Self {
        let watch = watch.filter(|_| mode == RefreshMode::Auto);
        Self { mode, memo, eye: Eye::default(), remembered: Mutex::default(), watch, matter: AtomicBool::new(matter) }
    }

    pub(crate) fn mode(&self) -> RefreshMode {
        self.mode
    }

    /// Says that there are entries with dependencies.
    pub(crate) fn matter(&self) {
        self.matter.store(true, Ordering::Relaxed);
    }

    /// Whether it can be that an entry is there and does not count.
    pub(crate) fn may_refuse(&self) -> bool {
        self.mode != RefreshMode::Manual && self.matter.load(Ordering::Relaxed)
    }

    /// How many files were looked at.
    pub(crate) fn stats(&self) -> u64 {
        self.eye.stats()
    }

    /// Whether all of them are as they were. Stops at the first that is not.
    pub(crate) fn hold(&self, dependencies: &[Dependency]) -> bool {
        match self.mode {
            RefreshMode::Manual => true,
            RefreshMode::Always => dependencies.is_empty(),
            RefreshMode::Auto | RefreshMode::Files => dependencies.iter().all(|on| self.holds(on)),
        }
    }

    fn holds(&self, on: &Dependency) -> bool {
        // Costs no more than remembering it.
        if on.kind == DependencyKind::Environment {
            return holds(on, &self.eye);
        }
        if self.remembers(on) {
            return true;
        }
        let holds = match self.watch.as_ref().map(|watch| watch.ask(on)) {
            Some(Answer::Holds) => return true,
            Some(Answer::Look(ticket)) => {
                let seen = see(on, &self.eye);
                ticket.settle(&seen, || see(on, &self.eye))
            }
            None => see(on, &self.eye).holds,
        };
        if holds {
            self.remember(on);
        }
        holds
    }

    fn remembers(&self, on: &Dependency) -> bool {
        if self.memo.is_zero() {
            return false;
        }
        let remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        remembered.held.get(on).is_some_and(|seen| seen.elapsed() < self.memo)
    }

    fn remember(&self, on: &Dependency) {
        if self.memo.is_zero() {
            return;
        }
        let mut remembered = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        if remembered.held.len() >= MAX_REMEMBERED || remembered.bytes + on.size() > MAX_BYTES {
            *remembered = Remembered::default();
        }
        if remembered.held.insert(on.clone(), Instant::now()).is_none() {
            remembered.bytes += on.size();
        }
    }
}

/// What looking at a dependency showed.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Sight {
    /// Whether it is as its stamp says.
    pub(super) holds: bool,
    /// Of a pattern, where the walk began.
    pub(super) root: PathBuf,
    /// Of a pattern, the directories in which files may match.
    pub(super) directories: Vec<PathBuf>,
    /// Of a pattern, the links that match.
    pub(super) links: Vec<PathBuf>,
}

/// Whether a dependency is as its stamp says. What cannot be looked at is not.
pub(super) fn holds(on: &Dependency, eye: &Eye) -> bool {
    see(on, eye).holds
}

fn see(on: &Dependency, eye: &Eye) -> Sight {
    let Some(stamp) = Stamp::decode(&on.stamp) else { return Sight::default() };
    match on.kind {
        DependencyKind::File => Sight { holds: file_holds(Path::new(&on.name), &stamp, eye), ..Sight::default() },
        DependencyKind::Glob => glob_holds(&on.name, &stamp, eye).unwrap_or_default(),
        DependencyKind::Environment => Sight { holds: variable(&on.name) == stamp, ..Sight::default() },
    }
}

fn file_holds(path: &Path, stamp: &Stamp, eye: &Eye) -> bool {
    let has = |hash: &Hash| look::content(path).is_ok_and(|content| content == *hash);
    match (stamp, eye.look(path)) {
        (Stamp::Absent, Ok(Found::Absent)) => true,
        (Stamp::File(then), Ok(Found::File(now))) => now == *then,
        (Stamp::RacyFile(then, hash), Ok(Found::File(now))) => now == *then && has(hash),
        (Stamp::Content(hash), Ok(Found::File(_))) => has(hash),
        _ => false,
    }
}

fn glob_holds(pattern: &str, stamp: &Stamp, eye: &Eye) -> Option<Sight> {
    let pattern = Pattern::new(pattern).ok()?;
    let walked = pattern.walk().ok()?;
    let now = Listing::of(&walked.files, eye).ok()?;
    let holds = match stamp {
        Stamp::Glob(listing) => now.hash() == *listing,
        Stamp::RacyGlob { listing, since, contents } => {
            now.hash() == *listing && now.contents(Some(*since)).ok()? == *contents
        }
        Stamp::GlobContent(contents) => now.contents(None).ok()? == *contents,
        _ => false,
    };
    Some(Sight { holds, root: pattern.root, directories: walked.directories, links: walked.links })
}
