//! The queue of a namespace, one for all processes that share the store.

use std::time::Duration;

use super::super::Cache;
use super::super::options::millis;
use super::super::register::Register;
use super::QUEUES;
use crate::component::bindings::exports::larder::cache::prefetch as wit;
use crate::error::{ErrorKind, Result};

const CONTENT_TYPE: &str = "application/vnd.larder.prefetch-queue";

/// Items that a queue holds; of more those of the lowest priority go.
const CAPACITY: u32 = 1_000;

/// Something that is to be fetched.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    pub(super) key: Vec<u8>,
    pub(super) priority: f64,
    pub(super) payload: Vec<u8>,
}

impl Wanted {
    /// What is under a key, with the priority 0.5.
    pub fn new(key: impl Into<Vec<u8>>) -> Self {
        Self { key: key.into(), priority: 0.5, payload: Vec::new() }
    }

    /// How much it is wanted, 0 to 1: a probability for instance.
    pub fn priority(mut self, priority: f64) -> Self {
        self.priority = priority;
        self
    }

    /// How to get it, in terms of who will, at most 64 KiB. Default: nothing.
    pub fn payload(mut self, payload: impl Into<Vec<u8>>) -> Self {
        self.payload = payload.into();
        self
    }
}

/// Something in a queue. Times are Unix milliseconds.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Queued {
    /// The key that it is for.
    pub key: Vec<u8>,
    /// How much it is wanted, 0 to 1.
    pub priority: f64,
    /// How to get it.
    pub payload: Vec<u8>,
    /// When it was queued.
    pub since: u64,
    /// Until when it has to wait: somebody took it, or it failed. 0 is not at all.
    pub waits: u64,
    /// How often it was taken.
    pub attempts: u32,
    /// Why it failed the last time; empty if it did not.
    pub reason: String,
}

impl Queued {
    /// The key as text, with `\u{fffd}` for what is none.
    pub fn key_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.key)
    }
}

impl From<wit::Queued> for Queued {
    fn from(queued: wit::Queued) -> Self {
        let wit::Queued { wanted, since, waits, attempts, reason } = queued;
        Self { key: wanted.key, priority: wanted.priority, payload: wanted.payload, since, waits, attempts, reason }
    }
}

/// What became of things to be queued.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Enqueued {
    /// New in the queue.
    pub added: u32,
    /// In the queue already: they have the higher of both priorities, and the newer payload.
    pub merged: u32,
    /// Without room: those of the lowest priority, whether they were there or new.
    pub dropped: u32,
}

/// What is to be fetched now.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Taken {
    /// The first in order.
    pub items: Vec<Queued>,
    /// When the next one is ready, if none is now: Unix milliseconds.
    pub next: Option<u64>,
}

/// What a failure leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It is tried again from this time on, Unix milliseconds.
    Again(u64),
    /// It was given up.
    GivenUp,
    /// There is no such item any more.
    Unknown,
}

/// A queue in numbers. All but the first two never go down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct QueueFigures {
    /// Items.
    pub length: u64,
    /// Of those, the ones that can be taken now.
    pub ready: u64,
    /// Requests to queue something.
    pub requests: u64,
    /// Of those, the ones for what was in the queue already.
    pub merged: u64,
    /// Items that went because there was no room.
    pub dropped: u64,
    /// Items that were fetched.
    pub fetched: u64,
    /// Items that were in the cache when their turn came, or that somebody was computing.
    pub unneeded: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Items that were given up.
    pub given_up: u64,
}

/// What is to be fetched in a namespace, the highest priority first, of equals what was queued first. All processes that share the
/// store have one queue; in a cache without a store it lies in memory, beside the entries. It holds 1,000 items; of more, those of
/// the lowest priority go. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Prefetches {
    pub(super) cache: Cache,
    register: Register,
    name: String,
}

impl Cache {
    /// The queue of this handle's namespace.
    ///
    /// # Errors
    /// As [`namespace`](Self::namespace).
    pub fn prefetches(&self) -> Result<Prefetches> {
        let register = self.queues()?;
        let name = self.inner.namespaces.name(self.id).unwrap_or_default();
        Ok(Prefetches { cache: self.clone(), register, name })
    }

    pub(in super::super) fn queues(&self) -> Result<Register> {
        Register::open(self.inner.clone(), QUEUES, CONTENT_TYPE)
    }
}

impl Prefetches {
    /// The namespace that it is of.
    pub fn namespace(&self) -> &str {
        &self.name
    }

    /// Queues something.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty key, one of more than 65,535 bytes, a payload of more than 64 KiB, or a priority outside 0 to
    /// 1; `NewerFormat` when the queue is of a newer larder; `Store`, `Locked`, I/O errors.
    pub fn push(&self, wanted: Wanted) -> Result<Enqueued> {
        self.push_all([wanted])
    }

    /// Queues things, all or, if one of them is refused, none.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_all(&self, wanted: impl IntoIterator<Item = Wanted>) -> Result<Enqueued> {
        let wanted: Vec<_> = wanted.into_iter().collect();
        if wanted.is_empty() {
            return Ok(Enqueued::default());
        }
        let all: Vec<_> = wanted
            .into_iter()
            .map(|Wanted { key, priority, payload }| wit::Wanted { key, priority, payload })
            .collect();
        let now = self.now();
        let enqueue = |state: Option<&[u8]>| {
            self.cache.ask(|g| g.larder.larder_cache_prefetch().call_enqueue(&mut g.store, state, &all, CAPACITY, now))
        };
        self.register.change(&self.name, |held| {
            let done = match held {
                Some(held) => self.unless_damaged(enqueue(Some(&held.state)))?,
                None => None,
            };
            let wit::Enqueued { state, added, merged, dropped } = done.map_or_else(|| enqueue(None), Ok)?;
            Ok((Some(state), Enqueued { added, merged, dropped }))
        })
    }

    /// Takes up to `count` items that are ready. They stay in the queue and are ready again when `lease`, at most a day, has passed
    /// without [`finish`](Self::finish) or [`fail`](Self::fail); what was taken three times without a word is given up.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn take(&self, count: u32, lease: Duration) -> Result<Taken> {
        let (now, lease) = (self.now(), millis(lease));
        self.change(Taken::default(), |state| {
            let taken = self
                .cache
                .ask(|g| g.larder.larder_cache_prefetch().call_take(&mut g.store, state, count, lease, now))?;
            let items = taken.items.into_iter().map(Queued::from).collect();
            Ok((taken.state, Taken { items, next: taken.next }))
        })
    }

    /// Takes items out of the queue that were fetched, or, if `unneeded`, that need not be; answers how many were there.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn finish(&self, keys: &[impl AsRef<[u8]>], unneeded: bool) -> Result<u32> {
        let keys: Vec<_> = keys.iter().map(|key| key.as_ref().to_vec()).collect();
        if keys.is_empty() {
            return Ok(0);
        }
        self.change(0, |state| {
            let done = self
                .cache
                .ask(|g| g.larder.larder_cache_prefetch().call_finish(&mut g.store, state, &keys, unneeded))?;
            Ok((done.state, done.count))
        })
    }

    /// Notes that fetching an item failed. It is tried again after `retry`, then after twice that, and after the third failure given
    /// up.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn fail(&self, key: impl AsRef<[u8]>, reason: &str, retry: Duration) -> Result<Failed> {
        let (key, now, retry) = (key.as_ref(), self.now(), millis(retry));
        self.change(Failed::Unknown, |state| {
            let (state, failed) = self.cache.ask(|g| {
                g.larder.larder_cache_prefetch().call_fail_fetch(&mut g.store, state, key, reason, retry, now)
            })?;
            let failed = match failed {
                wit::Failed::Again(at) => Failed::Again(at),
                wit::Failed::GivenUp => Failed::GivenUp,
                wit::Failed::Unknown => Failed::Unknown,
            };
            Ok((state, failed))
        })
    }

    /// Takes items out of the queue that nobody wants any more; answers how many were there.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn remove(&self, keys: &[impl AsRef<[u8]>]) -> Result<u32> {
        let keys = keys.iter().map(|key| key.as_ref().to_vec()).collect();
        self.withdraw(Some(keys))
    }

    /// Takes everything out of the queue; answers how many items that were.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn clear(&self) -> Result<u32> {
        self.withdraw(None)
    }

    fn withdraw(&self, keys: Option<Vec<Vec<u8>>>) -> Result<u32> {
        self.change(0, |state| {
            let done = self
                .cache
                .ask(|g| g.larder.larder_cache_prefetch().call_withdraw(&mut g.store, state, keys.as_deref()))?;
            Ok((done.state, done.count))
        })
    }

    /// The first `limit` items, in order.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn items(&self, limit: u32) -> Result<Vec<Queued>> {
        let items = self.read(|state| {
            self.cache.ask(|g| g.larder.larder_cache_prefetch().call_queued_items(&mut g.store, state, limit))
        });
        Ok(items?.unwrap_or_default().into_iter().map(Queued::from).collect())
    }

    /// The queue in numbers.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn figures(&self) -> Result<QueueFigures> {
        let now = self.now();
        let figures = self.read(|state| {
            self.cache.ask(|g| g.larder.larder_cache_prefetch().call_figures(&mut g.store, state, now))
        })?;
        Ok(figures.map_or_else(QueueFigures::default, |f| QueueFigures {
            length: f.length,
            ready: f.ready,
            requests: f.requests,
            merged: f.merged,
            dropped: f.dropped,
            fetched: f.fetched,
            unneeded: f.unneeded,
            failures: f.failures,
            given_up: f.given_up,
        }))
    }

    fn read<T>(&self, read: impl FnOnce(&[u8]) -> Result<T>) -> Result<Option<T>> {
        match self.register.held(&self.name)? {
            Some(held) => self.unless_damaged(read(&held.state)),
            None => Ok(None),
        }
    }

    /// Changes the queue, unless there is none: then the answer is `otherwise`. Nothing is written where nothing changes.
    fn change<T: Clone>(&self, otherwise: T, change: impl Fn(&[u8]) -> Result<(Vec<u8>, T)>) -> Result<T> {
        self.register.change(&self.name, |held| {
            let changed = match held {
                Some(held) => self.unless_damaged(change(&held.state))?.map(|done| (&held.state, done)),
                None => None,
            };
            let Some((before, (state, outcome))) = changed else { return Ok((None, otherwise.clone())) };
            Ok((Some(state).filter(|state| state != before), outcome))
        })
    }

    /// What came of a call, or nothing when the queue's bytes are damaged: then it begins anew.
    fn unless_damaged<T>(&self, done: Result<T>) -> Result<Option<T>> {
        match done {
            Err(e) if e.kind() == ErrorKind::Corrupt => {
                tracing::warn!("the queue of prefetches of {} is damaged, and begins anew: {e}", self.name);
                Ok(None)
            }
            done => done.map(Some),
        }
    }

    fn now(&self) -> u64 {
        self.cache.inner.clock.now()
    }
}
