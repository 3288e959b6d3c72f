//! Fetching what is queued: a batch, or as it comes.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use super::super::compute::Ahead;
use super::super::lock;
use super::super::options::SetOptions;
use super::super::worker::Worker;
use super::queue::{Prefetches, Queued};
use crate::error::{Error, ErrorKind, Result};
use crate::generate::{Command, Failure, FailureKind, Stop, Variant};

/// How long a worker leaves a store alone that does not work.
const AFTER_ERROR: Duration = Duration::from_secs(10);

/// Something that gets what is queued. It may be asked by several threads at once.
pub trait Fetcher: Send + Sync {
    /// Gets one value. Returns soon after `stop` is stopped.
    ///
    /// # Errors
    /// There is none. It is asked again later, three times in all.
    fn fetch(&self, item: &Queued, stop: &Stop) -> std::result::Result<Variant, Failure>;
}

impl<F: Fn(&Queued) -> std::result::Result<Variant, Failure> + Send + Sync> Fetcher for F {
    fn fetch(&self, item: &Queued, _stop: &Stop) -> std::result::Result<Variant, Failure> {
        self(item)
    }
}

/// A program whose standard output is the value. In its environment there is `LARDER_KEY`, on its standard input the payload.
impl Fetcher for Command {
    fn fetch(&self, item: &Queued, stop: &Stop) -> std::result::Result<Variant, Failure> {
        let key = str::from_utf8(&item.key);
        let key =
            key.map_err(|_| Failure::new(FailureKind::NotStarted, "a key that is no text cannot be passed on"))?;
        Self::fetch(self, key, &item.payload, stop)
    }
}

/// How a queue is worked off. What is not said has the default that is named there.
#[derive(Debug, Clone)]
pub struct Work {
    batch: u32,
    every: Duration,
    lease: Duration,
    retry: Duration,
    concurrency: usize,
    options: SetOptions,
    stop: Stop,
}

impl Work {
    /// The defaults.
    ///
    /// # Errors
    /// `Internal` when there is no file descriptor left for a request to stop.
    pub fn new() -> Result<Self> {
        let stop = Stop::new()
            .map_err(|e| Error::new(ErrorKind::Internal, "a worker needs a pipe, and there is none").with(e))?;
        Ok(Self {
            batch: 10,
            every: Duration::from_secs(1),
            lease: Duration::from_secs(60),
            retry: Duration::from_secs(30),
            concurrency: 4,
            options: SetOptions::new(),
            stop,
        })
    }

    /// Items of a batch, at least 1. Default 10.
    pub fn batch(mut self, items: u32) -> Self {
        self.batch = items.max(1);
        self
    }

    /// How long after the beginning of a batch the next one begins. Default a second.
    pub fn every(mut self, span: Duration) -> Self {
        self.every = span;
        self
    }

    /// How long nobody else is given an item that was taken: longer than fetching takes, at most a day. Default a minute.
    pub fn lease(mut self, span: Duration) -> Self {
        self.lease = span;
        self
    }

    /// How long after a failure an item is tried again; after the second, twice that. Default 30 s.
    pub fn retry(mut self, span: Duration) -> Self {
        self.retry = span;
        self
    }

    /// Items that are fetched at a time, 1 to 64. Default 4.
    pub fn concurrency(mut self, items: usize) -> Self {
        self.concurrency = items.clamp(1, 64);
        self
    }

    /// What the entries are stored with.
    pub fn options(mut self, options: SetOptions) -> Self {
        self.options = options;
        self
    }

    /// The request that ends it.
    pub fn stop(mut self, stop: &Stop) -> Self {
        self.stop = stop.clone();
        self
    }
}

/// What a batch brought.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// Items that were taken.
    pub taken: u32,
    /// Of those, the ones that were fetched and stored.
    pub fetched: u32,
    /// Of those, the ones that were there, or that somebody else was computing.
    pub unneeded: u32,
    /// Of those, the ones that failed: keys and reasons.
    pub failed: Vec<(Vec<u8>, String)>,
    /// When the next item is ready, if none was any more: Unix milliseconds.
    pub next: Option<u64>,
}

impl Prefetches {
    /// Fetches the first items that are ready, and stores what comes as prefetched. What is in the cache and fresh is not
    /// fetched, nor what somebody is computing.
    ///
    /// # Errors
    /// As [`push`](Self::push). A fetch that fails is none: see [`Report::failed`].
    pub fn run(&self, fetcher: &dyn Fetcher, work: &Work) -> Result<Report> {
        let (report, left) = (Mutex::new(Report::default()), AtomicU32::new(work.batch));
        // One at a time: what was taken and not begun would wait until its lease is over.
        let take = || -> Result<Option<Queued>> {
            if work.stop.is_stopped() {
                return Ok(None);
            }
            if left.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_err() {
                lock(&report).next = None;
                return Ok(None);
            }
            let taken = self.take(1, work.lease)?;
            let mut report = lock(&report);
            report.taken += taken.items.len() as u32;
            report.next = taken.next;
            Ok(taken.items.into_iter().next())
        };
        let fetch_all = |first: Option<Queued>| -> Result<()> {
            let mut item = first;
            while let Some(taken) = item {
                let outcome = self.fetch(&taken, fetcher, work)?;
                let mut report = lock(&report);
                match outcome {
                    Ahead::Computed => report.fetched += 1,
                    Ahead::Needless => report.unneeded += 1,
                    Ahead::Failed(reason) => report.failed.push((taken.key, reason)),
                }
                drop(report);
                item = take()?;
            }
            Ok(())
        };
        let first = take()?;
        let helpers = if first.is_some() { work.concurrency.min(work.batch as usize) - 1 } else { 0 };
        thread::scope(|scope| {
            let helpers: Vec<_> = (0..helpers).map(|_| scope.spawn(|| take().and_then(fetch_all))).collect();
            let own = fetch_all(first);
            helpers.into_iter().fold(own, |done, helper| done.and(helper.join().unwrap_or_else(|_| panicked())))
        })?;
        Ok(report.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn fetch(&self, item: &Queued, fetcher: &dyn Fetcher, work: &Work) -> Result<Ahead> {
        let options = work.options.clone().prefetched(true);
        let outcome = self.cache.compute_ahead(&item.key, &options, || {
            let fetched = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| fetcher.fetch(item, &work.stop)));
            fetched.unwrap_or_else(|_| Err(Failure::new(FailureKind::Other, "the fetcher panicked")))
        })?;
        match &outcome {
            Ahead::Computed => drop(self.finish(&[&item.key], false)?),
            Ahead::Needless => drop(self.finish(&[&item.key], true)?),
            // It was not the item's fault.
            Ahead::Failed(_) if work.stop.is_stopped() => {}
            Ahead::Failed(reason) => {
                tracing::warn!("{} was not fetched: {reason}", item.key_text());
                self.fail(&item.key, reason, work.retry)?;
            }
        }
        Ok(outcome)
    }

    /// Works the queue off as it fills, a batch at a time, until the request to stop. `tell` is told what each batch brought that
    /// had anything to fetch. A store that does not work is tried again after a while.
    pub fn serve(&self, fetcher: &dyn Fetcher, work: &Work, mut tell: impl FnMut(&Report)) {
        while !work.stop.is_stopped() {
            let began = std::time::Instant::now();
            match self.run(fetcher, work) {
                Ok(report) if report.taken > 0 => tell(&report),
                Ok(_) => {}
                Err(e) => {
                    tracing::error!("prefetching was given up for now: {e}");
                    work.stop.wait(AFTER_ERROR);
                }
            }
            work.stop.wait(work.every.saturating_sub(began.elapsed()));
        }
    }

    /// Works the queue off from a thread of its own, until the worker is stopped or dropped; what is being fetched by then is ready again
    /// after its lease.
    ///
    /// # Errors
    /// `Internal`: there is no thread to be had.
    pub fn work(&self, fetcher: Arc<dyn Fetcher>, work: &Work) -> Result<Worker> {
        let (queue, work, stop) = (self.clone(), work.clone(), work.stop.clone());
        Worker::start("larder-prefetch".into(), stop, move || queue.serve(&*fetcher, &work, |_| {}))
    }
}

fn panicked() -> Result<()> {
    Err(Error::new(ErrorKind::Internal, "a thread that fetches panicked"))
}
