//! Working a round off: what is due is listed once, and made in batches, by as many threads as the plan allows. Any number of
//! processes may do so at once: each variant is claimed by one of them.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hashbrown::HashSet;

use super::super::lock;
use super::items::{Item, Outcome};
use super::{Accumulate, Combination, Pool, PoolInfo, Progress, Report};
use crate::error::{Error, Result};
use crate::generate::Generator;

/// What the threads of a round share.
pub(super) struct Work<'a> {
    pub(super) info: &'a PoolInfo,
    pub(super) generator: &'a dyn Generator,
    pub(super) options: &'a Accumulate,
    /// Calls of the generator.
    calls: AtomicU64,
    /// When the generator may be called next.
    next_call: Mutex<Instant>,
}

impl Work<'_> {
    /// Whether nothing more is to be begun.
    pub(super) fn is_over(&self) -> bool {
        self.options.stop.is_stopped() || self.options.budget.left() == 0
    }

    /// Whether the round is not the one under way any more, or its pool was cleared since.
    pub(super) fn is_past(&self, info: &PoolInfo) -> bool {
        info.generation != self.info.generation || info.is_settled != self.info.is_settled
    }

    /// Takes leave to call the generator, and waits until it may be called. False when it may not be any more.
    pub(super) fn may_call(&self) -> bool {
        if !self.options.budget.take() {
            return false;
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        let wait = {
            let mut next = lock(&self.next_call);
            let at = (*next).max(Instant::now());
            *next = at + self.options.interval;
            at.saturating_duration_since(Instant::now())
        };
        !self.options.stop.wait(wait)
    }

    /// Has nobody call the generator for a while.
    pub(super) fn pause(&self, pause: Duration) {
        let mut next = lock(&self.next_call);
        *next = (*next).max(Instant::now() + pause);
    }
}

/// Sums of a round, by all threads.
#[derive(Default)]
struct Sums {
    report: Report,
    failed: HashSet<Vec<u8>, std::hash::RandomState>,
    error: Option<Error>,
}

impl Pool {
    /// Begins the next round if it is due, and makes what is due of the one under way, in batches. What fails is scheduled for after the
    /// plan's retry; what is not tried stays due. Several processes may do so at once, and share the work.
    ///
    /// # Errors
    /// `InvalidArgument` when there is no such pool any more; `Store`, `Locked`, I/O errors, after which nothing more is begun: what was made
    /// by then is stored.
    pub fn accumulate(&self, generator: &dyn Generator, options: &Accumulate) -> Result<Report> {
        let _working = self.working();
        let began = self.begin_round(options.force)?;
        let info = self.known()?;
        if began {
            tracing::info!(
                pool = self.name(),
                generation = info.generation,
                "starting generation for all combinations"
            );
        }
        let (items, retry_at) = self.due(&info)?;
        let report = Report {
            generation: info.generation,
            began,
            planned: items.len() as u64,
            retry_at,
            next: info.next,
            ..Report::default()
        };
        if items.is_empty() {
            return Ok(report);
        }
        let per_generation = info.plan.per_generation;
        tracing::info!(pool = self.name(), "generating {} entries ({per_generation} per combination)", items.len());
        let work =
            Work { info: &info, generator, options, calls: AtomicU64::new(0), next_call: Mutex::new(Instant::now()) };
        let sums = Mutex::new(Sums { report, ..Sums::default() });
        self.work_off(&work, &items, &sums)?;
        let Sums { mut report, failed, error } = sums.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        if let Some(e) = error {
            return Err(e);
        }
        report.calls = work.calls.into_inner();
        report.failed_combinations = failed.len() as u64;
        if report.left + report.elsewhere == 0 && !info.is_settled {
            self.settle(info.generation)?;
        }
        if !failed.is_empty() {
            tracing::info!(pool = self.name(), "scheduling retry for {} failed combinations", failed.len());
        }
        let Report { made, duplicates, left, elsewhere, .. } = report;
        tracing::info!(
            pool = self.name(),
            made,
            duplicates,
            elsewhere,
            left,
            failed = report.failed,
            "generation completed"
        );
        // What failed now is due later, and what others make may be done by now.
        (_, report.retry_at) = self.due(&info)?;
        Ok(report)
    }

    /// What is due now: combinations, with the numbers of the variants that they lack.
    ///
    /// # Errors
    /// As [`stats`](Self::stats).
    pub fn due_now(&self) -> Result<Vec<(Combination, Vec<u32>)>> {
        let held = self.must_be_held()?;
        let info = self.info_of(&held)?;
        let mut due = Vec::new();
        self.each_combination(&held, &[], false, |combination| {
            let entries = self.look_with(&info, &combination)?.due;
            if !entries.is_empty() {
                due.push((combination, entries));
            }
            Ok(true)
        })?;
        Ok(due)
    }

    /// What is due now, and when the rest of what is missing is.
    fn due(&self, info: &PoolInfo) -> Result<(Vec<Item>, Option<u64>)> {
        let (mut items, mut retry_at) = (Vec::new(), None::<u64>);
        self.each_combination(&self.must_be_held()?, &[], false, |combination| {
            let found = self.look_with(info, &combination)?;
            if let Some(at) = found.retry_at {
                retry_at = Some(retry_at.map_or(at, |earliest| earliest.min(at)));
            }
            items.extend(found.due.into_iter().map(|entry| Item { combination: combination.clone(), entry }));
            Ok(true)
        })?;
        Ok((items, retry_at))
    }

    fn work_off(&self, work: &Work<'_>, items: &[Item], sums: &Mutex<Sums>) -> Result<()> {
        let size = work.info.plan.batch.max(1) as usize;
        let batches = items.len().div_ceil(size) as u64;
        for (number, batch) in (1..).zip(items.chunks(size)) {
            // Another process may have begun the next round, or cleared the pool.
            if work.is_past(&*self.known()?) || work.is_over() || lock(sums).error.is_some() {
                let done = (number - 1) as usize * size;
                lock(sums).report.left += items.len().saturating_sub(done) as u64;
                return Ok(());
            }
            self.work_off_batch(work, batch, sums, (number, batches));
            tracing::info!(pool = self.name(), "completed batch {number}/{batches}");
        }
        Ok(())
    }

    fn work_off_batch(&self, work: &Work<'_>, batch: &[Item], sums: &Mutex<Sums>, (number, batches): (u64, u64)) {
        let threads = work.options.concurrency.unwrap_or(batch.len()).min(batch.len());
        let next = AtomicU64::new(0);
        let one_after_the_other = || {
            while let Some(item) = batch.get(next.fetch_add(1, Ordering::Relaxed) as usize) {
                let outcome = self.make(work, item);
                let mut sums = lock(sums);
                sums.count(item, outcome);
                let Report { planned, made, duplicates, failed, elsewhere, left, .. } = sums.report;
                drop(sums);
                let done = made + duplicates + failed + elsewhere + left;
                if let Some(tell) = &work.options.progress {
                    tell(&Progress { planned, done, failed, batch: number - 1, batches });
                }
            }
        };
        if threads == 1 {
            return one_after_the_other();
        }
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(one_after_the_other);
            }
        });
    }
}

impl Sums {
    fn count(&mut self, item: &Item, outcome: Result<Outcome>) {
        let report = &mut self.report;
        match outcome {
            Ok(Outcome::Made(added)) => {
                report.made += u64::from(!added.is_duplicate);
                report.duplicates += u64::from(added.is_duplicate);
                report.pruned += u64::from(added.pruned);
            }
            Ok(Outcome::Failed) => {
                report.failed += 1;
                if self.failed.insert(item.combination.key().to_vec()) {
                    tracing::warn!("generation failed for {}", item.combination);
                }
            }
            Ok(Outcome::Elsewhere) => report.elsewhere += 1,
            Ok(Outcome::Left) => report.left += 1,
            Err(e) => {
                report.left += 1;
                self.error.get_or_insert(e);
            }
        }
    }
}
