//! How a round is worked off, how far it is, and what it brought.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::super::options::SetOptions;
use crate::error::{Error, Result};
use crate::generate::Stop;

/// Who is told how far a round is.
type Tell = dyn Fn(&Progress) + Send + Sync;

/// How a round is worked off.
#[derive(Clone)]
pub struct Accumulate {
    /// Ends it early; what was not made stays due.
    pub stop: Stop,
    /// Options of the variants' entries: tags, a time to live.
    pub options: SetOptions,
    pub(super) force: bool,
    pub(super) concurrency: Option<usize>,
    pub(super) budget: Budget,
    pub(super) interval: Duration,
    pub(super) progress: Option<Arc<Tell>>,
}

/// How often generators may still be called; clones share it.
#[derive(Debug, Clone)]
pub struct Budget(Arc<AtomicU64>);

impl Budget {
    /// One of so many calls.
    pub fn new(calls: u64) -> Self {
        Self(Arc::new(AtomicU64::new(calls)))
    }

    /// The calls that are left.
    pub fn left(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Takes a call; false when there is none left.
    pub(super) fn take(&self) -> bool {
        self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
    }
}

/// How far a round is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Variants that were due when the round was looked at.
    pub planned: u64,
    /// Those that are done with, one way or another.
    pub done: u64,
    /// Those of them that failed.
    pub failed: u64,
    /// Batches that are done.
    pub batch: u64,
    /// All batches.
    pub batches: u64,
}

/// What working on a round did.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Report {
    /// The round: Unix seconds.
    pub generation: u64,
    /// Whether it was begun by this call.
    pub began: bool,
    /// Variants that were due.
    pub planned: u64,
    /// Calls of the generator.
    pub calls: u64,
    /// Variants that were made and stored.
    pub made: u64,
    /// Variants that were made and there already, byte for byte.
    pub duplicates: u64,
    /// Variants whose making failed; they are scheduled.
    pub failed: u64,
    /// Combinations of which at least one failed.
    pub failed_combinations: u64,
    /// Variants that somebody else made or makes.
    pub elsewhere: u64,
    /// Variants that were not tried, because there was no call left to make, or because of a request to stop; they stay due.
    pub left: u64,
    /// Older variants that went for new ones.
    pub pruned: u64,
    /// When the next of what is missing is due, Unix milliseconds; `None` when nothing is missing.
    pub retry_at: Option<u64>,
    /// When the next round is due, Unix milliseconds.
    pub next: u64,
}

impl Accumulate {
    /// With the plan's settings.
    ///
    /// # Errors
    /// There is no file descriptor left for the request to stop.
    pub fn new() -> Result<Self> {
        let stop = Stop::new().map_err(|e| {
            Error::new(crate::ErrorKind::Internal, "a request to stop needs a pipe").with(e.to_string())
        })?;
        Ok(Self {
            stop,
            options: SetOptions::default(),
            force: false,
            concurrency: None,
            budget: Budget::new(u64::MAX),
            interval: Duration::ZERO,
            progress: None,
        })
    }

    /// Whether to begin a round that is not due yet.
    pub fn force(mut self, yes: bool) -> Self {
        self.force = yes;
        self
    }

    /// Options of the variants' entries.
    pub fn options(mut self, options: SetOptions) -> Self {
        self.options = options;
        self
    }

    /// Ends early when this is stopped.
    pub fn stop(mut self, stop: &Stop) -> Self {
        self.stop = stop.clone();
        self
    }

    /// How many variants are made at the same time, at least one. By default as many as are in a batch.
    pub fn concurrency(mut self, threads: usize) -> Self {
        self.concurrency = Some(threads.max(1));
        self
    }

    /// How often the generator may be called at most, in all rounds.
    pub fn max_calls(self, calls: u64) -> Self {
        self.budget(&Budget::new(calls))
    }

    /// How often generators may be called at most, by all who share the budget and in all rounds.
    pub fn budget(mut self, budget: &Budget) -> Self {
        self.budget = budget.clone();
        self
    }

    /// How long it takes at least from one call of the generator to the next.
    pub fn rate(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self
    }

    /// Is told how far the round is, after each variant.
    pub fn progress(mut self, tell: impl Fn(&Progress) + Send + Sync + 'static) -> Self {
        self.progress = Some(Arc::new(tell));
        self
    }
}

impl fmt::Debug for Accumulate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Accumulate").field("force", &self.force).field("budget", &self.budget).finish_non_exhaustive()
    }
}
