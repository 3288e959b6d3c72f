//! One shadow: a policy with a part of the memory, shown the requests for the sample, and the ends of its entries.

use hashbrown::HashTable;

use super::LARGEST;
use crate::directory::{Directory, Outcome};
use crate::policy::{Entry, Objective, PolicyKind};
use crate::sampling::Sampling;
use crate::time::NEVER;

/// Ends of entries that a shadow knows at most.
pub(super) const MOST_ENDS: usize = 2 * LARGEST;

/// A request, as the memory tier sees it.
pub(crate) struct Request {
    pub(crate) entry: Entry,
    /// When the entry is gone.
    pub(crate) gone: u64,
    /// Whether that is later than it was because of the request.
    pub(crate) renews: bool,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A read that found its entry.
    Hit,
    /// An entry that came in: a read missed.
    Missed,
    /// An entry that was written over another. Nobody read, so it does not count.
    Overwritten,
}

/// Requests and their bytes.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Count {
    pub(super) number: u64,
    pub(super) bytes: u64,
}

impl Count {
    pub(super) fn add(&mut self, weight: u32, times: u64) {
        self.number = self.number.saturating_add(times);
        self.bytes = self.bytes.saturating_add(u64::from(weight).saturating_mul(times));
    }
}

pub(super) struct Shadow {
    pub(super) policy: PolicyKind,
    /// Of the memory.
    pub(super) percent: u32,
    pub(super) directory: Directory,
    /// When its entries are gone, of those that end. They need not be those of the cache: what the cache gave up and has anew,
    /// a shadow may have had all the time.
    ends: HashTable<(u64, u64)>,
    pub(super) missed: Count,
}

impl Shadow {
    pub(super) fn new(policy: PolicyKind, percent: u32, objective: Objective, seed: u64) -> Self {
        let directory = Directory::new([policy.build(objective, seed)], u64::MAX);
        Self { policy, percent, directory, ends: HashTable::new(), missed: Count::default() }
    }

    /// Drops what is not in the sample any more and has another capacity from now on.
    pub(super) fn retain(&mut self, capacity: u64, sampling: Sampling) {
        self.directory.retain(capacity, |key| sampling.keeps(key));
        self.ends.retain(|&mut (key, _)| sampling.keeps(key));
    }

    /// How many ends it knows.
    pub(super) fn ends(&self) -> usize {
        self.ends.len()
    }

    /// Whether it is a hit.
    pub(super) fn request(&mut self, key: u64, request: &Request, now: u64) -> bool {
        self.expire(key, now);
        let mut is_hit = false;
        self.directory.request(key, &request.entry, |_, outcome| is_hit = outcome == Outcome::Hit);
        if !is_hit || request.renews {
            self.set_end(key, request.gone);
        }
        is_hit
    }

    /// Lets a key go that is gone at this time.
    pub(super) fn expire(&mut self, key: u64, now: u64) {
        let end = self.ends.find(key, |&(other, _)| other == key).map_or(NEVER, |&(_, end)| end);
        if end <= now {
            self.directory.forget(key);
            self.set_end(key, NEVER);
        }
    }

    fn set_end(&mut self, key: u64, gone: u64) {
        if let Ok(known) = self.ends.find_entry(key, |&(other, _)| other == key) {
            known.remove();
        }
        if gone == NEVER {
            return;
        }
        if self.ends.len() >= MOST_ENDS {
            self.ends.retain(|&mut (key, _)| self.directory.contains(key));
        }
        self.ends.insert_unique(key, (key, gone), |&(key, _)| key);
    }
}
