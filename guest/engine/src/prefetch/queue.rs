//! What is to be fetched, by priority.
//!
//! A queue is small and changes seldom, and several processes share one: so it is bytes that the host keeps and replaces only by what
//! was made of those that are there now. Taking an item leaves it in the queue under a lease: who took it reports back, or it is
//! there again when the lease is over.

use alloc::string::String;
use alloc::vec::Vec;

use super::format;
use super::places::Places;
use crate::ascending::Ascending;
use crate::config::MAX_KEY_SIZE;
use crate::error::{Error, Result};
use crate::hash::KeyHasher;

/// Items that a queue can hold.
pub const MAX_ITEMS: usize = 10_000;

/// Bytes of a payload.
const MAX_PAYLOAD: usize = 64 << 10;

/// Bytes that all keys, payloads and reasons may take together.
pub(super) const MAX_SIZE: usize = 16 << 20;

/// Bytes of a reason that are kept.
pub(super) const MAX_REASON: usize = 256;

/// Times that fetching an item is tried before it is given up.
const ATTEMPTS: u32 = 3;

/// The longest that an item can have to wait: one that has longer, because the clock went back, is ready.
const LONGEST_WAIT: u64 = 24 * 3_600 * 1_000;

/// Something that is to be fetched.
#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    /// The key that it is for, 1 to 65,535 bytes.
    pub key: Vec<u8>,
    /// How much it is wanted, 0 to 1: a probability for instance.
    pub priority: f64,
    /// How to get it, in the host's own terms, at most 64 KiB.
    pub payload: Vec<u8>,
}

/// Something in a queue.
#[derive(Debug, Clone, PartialEq)]
pub struct Queued {
    /// What is wanted.
    pub wanted: Wanted,
    /// When it was queued, Unix milliseconds.
    pub since: u64,
    /// Until when it has to wait: somebody took it, or it failed. 0 is not at all.
    pub waits: u64,
    /// How often it was taken.
    pub attempts: u32,
    /// Why it failed the last time, if it did.
    pub reason: String,
    /// Its number: of equal priorities the lower goes first.
    pub(super) number: u64,
}

/// What became of things to be queued.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Enqueued {
    /// New in the queue.
    pub added: u32,
    /// In the queue already. They have the higher of both priorities, and the newer payload.
    pub merged: u32,
    /// Without room: those of the lowest priority, whether they were there or new.
    pub dropped: u32,
}

/// What is to be fetched now.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Taken {
    /// The first in order.
    pub items: Vec<Queued>,
    /// When the next one is ready, if none is now: Unix milliseconds.
    pub next: Option<u64>,
}

/// What a failure leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It is tried again from this time on.
    Again(u64),
    /// It was given up.
    GivenUp,
    /// There is no such item any more.
    Unknown,
}

/// A queue in numbers. All but the first two never go down.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
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
    /// Items that were in the cache when their turn came.
    pub unneeded: u64,
    /// Attempts that failed.
    pub failures: u64,
    /// Items that were given up.
    pub given_up: u64,
}

/// What is to be fetched, the highest priority first, of equals what was queued first.
///
/// ```
/// use larder_engine::prefetch::{Queue, Wanted};
///
/// let mut queue = Queue::default();
/// let wanted = |key: &str, priority| Wanted { key: key.into(), priority, payload: Vec::new() };
/// queue.enqueue(vec![wanted("/orders", 0.5), wanted("/cart", 0.8)], 1_000, 1_000)?;
/// let taken = queue.take(1, 30_000, 2_000);
/// assert_eq!(taken.items[0].wanted.key, b"/cart");
/// queue.finish(&[b"/cart".to_vec()], false);
/// let stored = queue.encode();
/// # Ok::<(), larder_engine::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Queue {
    /// In order.
    pub(super) items: Vec<Queued>,
    pub(super) counts: QueueFigures,
    /// The number of the next item.
    pub(super) number: u64,
}

impl Queue {
    /// The queue that these bytes hold.
    ///
    /// # Errors
    /// `Corrupt` or `NewerFormat`.
    pub fn decode(bytes: &[u8]) -> Result<Self> {
        format::decode_queue(bytes)
    }

    /// The queue as bytes.
    pub fn encode(&self) -> Vec<u8> {
        format::encode_queue(self)
    }

    /// Queues things, for a queue of at most `capacity` items (up to [`MAX_ITEMS`]).
    ///
    /// # Errors
    /// `InvalidArgument` for an empty key, one or a payload that is too long, or a priority outside 0 to 1; nothing is queued then.
    pub fn enqueue(&mut self, wanted: Vec<Wanted>, capacity: u32, now: u64) -> Result<Enqueued> {
        wanted.iter().try_for_each(check)?;
        let mut done = Enqueued::default();
        self.counts.requests += wanted.len() as u64;
        let hasher = KeyHasher::new(0);
        let hash = |item: &Queued| hasher.hash(0, &item.wanted.key);
        let mut places = Places::default();
        (0..).zip(&self.items).for_each(|(at, item)| places.insert(hash(item), at));
        for wanted in wanted {
            let (since, number) = (now, self.number);
            let item = Queued { wanted, since, waits: 0, attempts: 0, reason: String::new(), number };
            let key = &item.wanted.key;
            if let Some(at) = places.find(hash(&item), &|at| self.items[at as usize].wanted.key == *key) {
                done.merged += 1;
                let there = &mut self.items[at as usize].wanted;
                *there = Wanted { priority: there.priority.max(item.wanted.priority), ..item.wanted };
            } else {
                done.added += 1;
                self.number += 1;
                places.insert(hash(&item), self.items.len() as u32);
                self.items.push(item);
            }
        }
        self.bring_into_order();
        let capacity = MAX_ITEMS.min(capacity as usize);
        let mut size: usize = self.items.iter().map(size_of_item).sum();
        while self.items.len() > capacity || size > MAX_SIZE {
            let Some(last) = self.items.pop() else { break };
            size -= size_of_item(&last);
            done.dropped += 1;
        }
        self.counts.merged += u64::from(done.merged);
        self.counts.dropped += u64::from(done.dropped);
        Ok(done)
    }

    fn bring_into_order(&mut self) {
        let mut items: Vec<Option<Queued>> = core::mem::take(&mut self.items).into_iter().map(Some).collect();
        let is_before = |a: u32, b: u32| match (&items[a as usize], &items[b as usize]) {
            (Some(a), Some(b)) => is_before(a, b),
            _ => false,
        };
        let order: Vec<u32> = Ascending::new((0..items.len() as u32).collect(), &is_before).collect();
        self.items = order.iter().filter_map(|&at| items[at as usize].take()).collect();
    }

    /// Takes up to `count` items that are ready, the first in order. They stay in the queue and are ready again when `lease`
    /// milliseconds (at most a day) have passed without a word from who took them. What was taken three times without a word is given
    /// up.
    pub fn take(&mut self, count: u32, lease: u64, now: u64) -> Taken {
        // Nobody reported on these, three times: whoever took them may have died of them.
        let before = self.items.len();
        self.items.retain(|item| item.attempts < ATTEMPTS || !is_ready(item, now));
        self.counts.given_up += (before - self.items.len()) as u64;
        let mut items = Vec::new();
        let until = now.saturating_add(lease.min(LONGEST_WAIT));
        for item in self.items.iter_mut().filter(|item| is_ready(item, now)).take(count as usize) {
            item.waits = until;
            item.attempts = item.attempts.saturating_add(1);
            items.push(item.clone());
        }
        let next = if items.is_empty() { self.items.iter().map(|item| item.waits).min() } else { None };
        Taken { items, next }
    }

    /// Takes items out of the queue that were fetched, or, if `unneeded`, that were in the cache when their turn came. Answers
    /// how many were there.
    pub fn finish(&mut self, keys: &[Vec<u8>], unneeded: bool) -> u32 {
        let gone = self.remove(keys);
        let count = if unneeded { &mut self.counts.unneeded } else { &mut self.counts.fetched };
        *count += u64::from(gone);
        gone
    }

    /// Notes that fetching an item failed. It is tried again after `retry` milliseconds, then after twice that, and after the third
    /// failure given up.
    pub fn fail(&mut self, key: &[u8], reason: &str, retry: u64, now: u64) -> Failed {
        let Some(at) = self.items.iter().position(|item| item.wanted.key == key) else { return Failed::Unknown };
        self.counts.failures += 1;
        let item = &mut self.items[at];
        if item.attempts >= ATTEMPTS {
            self.items.remove(at);
            self.counts.given_up += 1;
            return Failed::GivenUp;
        }
        let wait = retry.saturating_mul(1 << item.attempts.saturating_sub(1)).min(LONGEST_WAIT);
        item.waits = now.saturating_add(wait);
        let end = (0..=MAX_REASON.min(reason.len())).rfind(|&at| reason.is_char_boundary(at)).unwrap_or(0);
        item.reason = reason[..end].into();
        Failed::Again(item.waits)
    }

    /// Takes items out of the queue that nobody wants any more; answers how many were there.
    pub fn remove(&mut self, keys: &[Vec<u8>]) -> u32 {
        let before = self.items.len();
        self.items.retain(|item| !keys.contains(&item.wanted.key));
        (before - self.items.len()) as u32
    }

    /// Takes everything out of the queue; answers how many items that were.
    pub fn clear(&mut self) -> u32 {
        let gone = self.items.len() as u32;
        self.items.clear();
        gone
    }

    /// The items in order.
    pub fn items(&self) -> &[Queued] {
        &self.items
    }

    /// The queue in numbers.
    pub fn figures(&self, now: u64) -> QueueFigures {
        let ready = self.items.iter().filter(|item| is_ready(item, now)).count() as u64;
        QueueFigures { length: self.items.len() as u64, ready, ..self.counts }
    }
}

pub(super) fn check(wanted: &Wanted) -> Result<()> {
    let Wanted { key, priority, payload } = wanted;
    if key.is_empty() || key.len() > MAX_KEY_SIZE {
        return Err(Error::invalid(text!("the key of a prefetch has 1 to ", MAX_KEY_SIZE, " bytes")));
    }
    if !(0.0..=1.0).contains(priority) {
        return Err(Error::invalid("the priority of a prefetch is a number from 0 to 1"));
    }
    if payload.len() > MAX_PAYLOAD {
        return Err(Error::invalid(text!("the payload of a prefetch has at most ", MAX_PAYLOAD, " bytes")));
    }
    Ok(())
}

pub(super) fn is_before(a: &Queued, b: &Queued) -> bool {
    let (first, second) = (a.wanted.priority, b.wanted.priority);
    first > second || first == second && a.number < b.number
}

fn is_ready(item: &Queued, now: u64) -> bool {
    item.waits <= now || item.waits - now > LONGEST_WAIT
}

fn size_of_item(item: &Queued) -> usize {
    item.wanted.key.len() + item.wanted.payload.len() + item.reason.len()
}
