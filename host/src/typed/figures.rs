//! How often a typed cache answered, and how large it is.

use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

/// What a typed cache counted since it was made, clones included, and what its namespace holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Figures {
    /// Requests that a value was there for.
    pub hits: u64,
    /// Requests that there was none for.
    pub misses: u64,
    /// Of these, how many found an entry that was no value of the type.
    pub damaged: u64,
    /// Entries in the namespace, of all processes; some may be past their time.
    pub entries: u64,
    /// Bytes that these take in the store, or else in memory.
    pub bytes: u64,
}

impl Figures {
    /// Requests in all.
    pub fn requests(&self) -> u64 {
        self.hits + self.misses
    }

    /// Hits among requests, 0 to 1; 0 without a request.
    pub fn hit_rate(&self) -> f64 {
        match self.requests() {
            0 => 0.0,
            requests => self.hits as f64 / requests as f64,
        }
    }

    /// The size in millions of bytes.
    pub fn size_mb(&self) -> f64 {
        self.bytes as f64 / 1e6
    }
}

#[derive(Debug, Default)]
pub(super) struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
    damaged: AtomicU64,
}

impl Counts {
    pub(super) fn hit(&self) {
        self.hits.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn miss(&self) {
        self.misses.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn damaged(&self) {
        self.damaged.fetch_add(1, Ordering::Relaxed);
    }

    /// The counts, without the size.
    pub(super) fn figures(&self) -> Figures {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        Figures {
            hits: read(&self.hits),
            misses: read(&self.misses),
            damaged: read(&self.damaged),
            ..Figures::default()
        }
    }
}
