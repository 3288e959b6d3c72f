//! Rounds in the background, or in the foreground until somebody says stop.

use std::sync::Arc;
use std::time::Duration;

use super::super::worker::Worker;
use super::{Accumulate, Pool, Report};
use crate::error::Result;
use crate::generate::{Generator, Stop};

/// How long a worker sleeps at the longest: another process may clear the pool, or change its plan.
const LONGEST_SLEEP: Duration = Duration::from_secs(10);
/// How long it leaves alone what others make.
const ELSEWHERE: Duration = Duration::from_secs(1);
/// How long it leaves a store alone that does not work.
const AFTER_ERROR: Duration = Duration::from_secs(10);

impl Pool {
    /// Works rounds off as they become due, and what failed as it becomes due again, until the options' request to stop, or until their
    /// budget is used up. `tell` is told what each of them brought. A store that does not work is tried again after a while.
    pub fn fill(&self, generator: &dyn Generator, options: &Accumulate, mut tell: impl FnMut(&Report)) {
        let stop = &options.stop;
        let mut options = options.clone();
        while !stop.is_stopped() {
            let report = match self.accumulate(generator, &options) {
                Ok(report) => report,
                Err(e) => {
                    tracing::error!(pool = self.name(), "the round was given up for now: {e}");
                    stop.wait(AFTER_ERROR);
                    continue;
                }
            };
            if report.made + report.duplicates + report.failed > 0 || stop.is_stopped() && report.left > 0 {
                tell(&report);
            }
            options = options.force(false);
            if options.budget.left() == 0 {
                return;
            }
            // What is due is being made by somebody else.
            if report.elsewhere > 0 && stop.wait(ELSEWHERE) {
                return;
            }
            self.sleep(&report, stop);
        }
    }

    /// Sleeps until something is due.
    fn sleep(&self, report: &Report, stop: &Stop) {
        loop {
            let now = self.inner().clock.now();
            let due = report.retry_at.map_or(report.next, |at| at.min(report.next));
            if due <= now || stop.wait(Duration::from_millis(due - now).min(LONGEST_SLEEP)) {
                return;
            }
            // Begun, cleared or planned otherwise by somebody else.
            let is_as_it_was =
                |info: Arc<super::PoolInfo>| info.next == report.next && info.generation == report.generation;
            if !self.known().is_ok_and(is_as_it_was) {
                return;
            }
        }
    }

    /// Fills the pool from a thread of its own, until the worker is stopped or dropped; what it is making by then is given up and stays
    /// due.
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn work(&self, generator: Arc<dyn Generator>, options: &Accumulate) -> Result<Worker> {
        let (pool, options, stop) = (self.clone(), options.clone(), options.stop.clone());
        Worker::start(format!("pool {}", self.name()), stop, move || pool.fill(&*generator, &options, |_| {}))
    }
}
