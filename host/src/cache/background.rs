//! What a cache does beside its operations: counting them, saving the counts now and then, cleaning up at intervals,
//! compressing what cooled.

use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use super::Inner;
use crate::error::{ErrorKind, Result};
use crate::shard::Shard;
use crate::store::{Counters, Store};

/// Operations after which counts are saved.
const OPERATIONS: u32 = 100;

/// Saving may take this part of the time at most; beyond, more operations are saved at once.
const SHARE: u32 = 20;

/// Unix seconds, as far as 32 bits go.
#[inline]
pub(super) fn seconds(now: u64) -> u32 {
    u32::try_from(now / 1000).unwrap_or(u32::MAX)
}

/// Reads that a shard collects before the store is told of them.
const READS: usize = 128;

/// What an operation leaves to be done once its shard is unlocked.
#[must_use]
pub(super) struct Due {
    reads: Option<Vec<(u64, u32)>>,
    save: bool,
}

/// When counts were saved last, and how long that took.
#[derive(Debug, Default)]
pub(super) struct Saved(Option<(Instant, Duration)>);

impl Inner {
    /// Counts an operation on a cache with a store. `read` is the hash of the entry that it found,
    /// and the time in Unix seconds.
    #[inline]
    pub(super) fn count(&self, shard: &mut Shard, namespace: u32, read: Option<(u64, u32)>) -> Due {
        shard.operations += 1;
        if shard.active.last() != Some(&namespace) {
            shard.active.push(namespace);
        }
        let save = shard.operations >= OPERATIONS;
        if save {
            shard.operations = 0;
            shard.active.sort_unstable();
            shard.active.dedup();
        }
        shard.reads.extend(read);
        let reads = (shard.reads.len() >= READS).then(|| std::mem::take(&mut shard.reads));
        Due { reads, save }
    }

    #[inline]
    pub(super) fn settle(&self, due: Due) {
        if due.save || due.reads.is_some() {
            self.settle_slowly(due);
        }
    }

    #[cold]
    fn settle_slowly(&self, due: Due) {
        let Some(store) = &self.store else { return };
        if let Some(reads) = due.reads {
            store.note_reads(&reads);
        }
        if due.save
            && let Ok(mut saved) = self.saved.try_lock()
            && saved.0.is_none_or(|(when, took)| when.elapsed() > took * SHARE)
        {
            let began = Instant::now();
            if let Err(e) = self.report(false) {
                tracing::debug!("the statistics were not saved: {e}");
            }
            saved.0 = Some((Instant::now(), began.elapsed()));
        }
    }

    /// Tells the store of all reads that shards collected.
    pub(super) fn note_reads(&self, store: &Store) {
        for shard in &self.shards {
            let reads = std::mem::take(&mut super::lock(shard).reads);
            if !reads.is_empty() {
                store.note_reads(&reads);
            }
        }
    }

    /// Counts a failure of an operation on a namespace.
    #[cold]
    pub(super) fn count_failure(&self, namespace: u32, kind: ErrorKind) {
        self.count_more(namespace, |counters| {
            match kind {
                ErrorKind::Locked => counters.lock_timeouts += 1,
                ErrorKind::Trap => counters.traps += 1,
                ErrorKind::Full => counters.full += 1,
                _ => counters.store_errors += 1,
            }
            counters.errors += 1;
        });
    }

    /// Counts what the guests know nothing of.
    pub(super) fn count_more(&self, namespace: u32, count: impl FnOnce(&mut Counters)) {
        count(super::lock(&self.host_counters).entry(namespace).or_default());
    }
}

/// How much a shard compresses before it is unlocked, about in bytes.
const BUDGET: u32 = 16 << 10;

/// How long the thread rests when nothing is due: longer each time, up to the latter.
const SHORTEST_REST: Duration = Duration::from_millis(20);
const LONGEST_REST: Duration = Duration::from_secs(1);

/// Compressing takes a part of the thread's time, one in so many.
const COOLING_SHARE: u32 = 5;

impl Inner {
    /// Compresses in each shard some of what cooled. Answers how much that was, about in bytes.
    pub(super) fn cool(&self) -> Result<u64> {
        let now = self.clock.now();
        let mut work = 0;
        for shard in &self.shards {
            let mut shard = super::lock(shard);
            if shard.is_alive() {
                let did = self.call(&mut shard, 0, |g| {
                    g.larder.larder_cache_cache().cache().call_maintain(&mut g.store, g.cache, now, BUDGET).map(Ok)
                });
                work += u64::from(did?);
            }
        }
        Ok(work)
    }

    /// As [`cool`](Self::cool); answers how long to rest after `rest`.
    fn cool_a_while(&self, rest: Duration) -> Duration {
        let began = Instant::now();
        match self.cool() {
            Ok(0) => (rest * 2).clamp(SHORTEST_REST, LONGEST_REST),
            Ok(_) => began.elapsed() * (COOLING_SHARE - 1),
            Err(e) => {
                tracing::warn!("nothing was compressed in memory: {e}");
                LONGEST_REST
            }
        }
    }
}

/// A thread that cleans a cache up at intervals and compresses what cooled, as long as the cache is open.
#[derive(Debug)]
pub(super) struct Cleaner {
    /// Dropped with the cache, which ends the thread.
    _stop: Sender<()>,
}

impl Cleaner {
    pub(super) fn start(inner: &Arc<Inner>, every: Duration, cools: bool) {
        let mut cleaned = Instant::now();
        let mut rest = if cools { SHORTEST_REST } else { every };
        let stop = repeat("larder-cleanup", inner, every.min(rest), move |inner| {
            if cleaned.elapsed() >= every {
                if let Err(e) = inner.clean_up() {
                    tracing::warn!("the cache could not be cleaned up: {e}");
                }
                cleaned = Instant::now();
            }
            if cools {
                rest = inner.cool_a_while(rest);
            }
            every.saturating_sub(cleaned.elapsed()).min(rest)
        });
        match stop {
            // Set once: the cache has just been made.
            Ok(stop) => drop(inner.cleaner.set(Self { _stop: stop })),
            Err(e) => tracing::warn!("the cache is not cleaned up at intervals: {e}"),
        }
    }
}

/// How often is looked how short memory is.
const LOOK: Duration = Duration::from_secs(1);

/// A thread that lets memory go when it is short, as long as the cache is open.
#[derive(Debug)]
pub(super) struct Reliever {
    /// Dropped with the cache, which ends the thread.
    _stop: Sender<()>,
}

impl Reliever {
    pub(super) fn start(inner: &Arc<Inner>) {
        let stop = repeat("larder-pressure", inner, LOOK, |inner| {
            if let Err(e) = inner.relieve() {
                tracing::warn!("memory could not be given back: {e}");
            }
            LOOK
        });
        match stop {
            // Set once: the cache has just been made.
            Ok(stop) => drop(inner.reliever.set(Self { _stop: stop })),
            Err(e) => tracing::warn!("how short memory is will not be followed: {e}"),
        }
    }
}

/// A thread that rests for `first`, then does `work`, which says how long to rest again, until what is answered or the cache is
/// dropped.
fn repeat(
    name: &str,
    inner: &Arc<Inner>,
    first: Duration,
    mut work: impl FnMut(&Inner) -> Duration + Send + 'static,
) -> std::io::Result<Sender<()>> {
    let (stop, stopped) = mpsc::channel();
    let weak = Arc::downgrade(inner);
    std::thread::Builder::new().name(name.into()).spawn(move || {
        let mut rest = first;
        while stopped.recv_timeout(rest) == Err(RecvTimeoutError::Timeout) {
            let Some(inner) = Weak::upgrade(&weak) else { return };
            rest = work(&inner);
        }
    })?;
    Ok(stop)
}
