//! The bans in force, for all guests: the store keeps them in one entry of a namespace of its own, and every guest takes them
//! over before its next call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::hash::KeyHasher;

/// Where the store keeps them; `wit/cache.wit` says so.
pub(crate) const NAMESPACE: &str = "larder.bans";
const KEY: &[u8] = b"bans";

/// The hash of the entry that holds them.
pub(crate) fn hash(hasher: &KeyHasher) -> u64 {
    hasher.key(hasher.namespace(NAMESPACE), KEY)
}

/// What guests have to take over.
#[derive(Debug, Clone, Default)]
pub(crate) enum List {
    #[default]
    Empty,
    /// The record that a guest answered with, in this or another process.
    Record(Arc<[u8]>),
    /// A record of this number that cannot be read: nobody knows what was banned before.
    Lost(u64),
}

/// The list, which changes seldom and is looked at before every call.
#[derive(Debug, Default)]
pub(crate) struct Bans {
    /// How often the list changed; 0 as long as there never was a ban.
    generation: AtomicU64,
    /// Entries of this version and above are of no concern.
    newest: AtomicU64,
    list: Mutex<List>,
}

impl Bans {
    /// Puts another list in place. `newest` is the number of its record.
    pub(crate) fn set(&self, list: List, newest: u64) {
        let mut held = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!((&*held, &list), (List::Empty, List::Empty)) {
            return;
        }
        *held = list;
        self.newest.store(newest, Ordering::Release);
        self.generation.fetch_add(1, Ordering::Release);
    }

    /// How often the list changed.
    #[inline]
    pub(crate) fn generation(&self) -> u64 {
        self.generation.load(Ordering::Acquire)
    }

    /// The list, and how often it had changed by then.
    pub(crate) fn get(&self) -> (u64, List) {
        let held = self.list.lock().unwrap_or_else(PoisonError::into_inner);
        (self.generation(), held.clone())
    }

    /// Bytes that the record takes, at most, and what surrounds it.
    pub(crate) fn size(&self) -> usize {
        match &*self.list.lock().unwrap_or_else(PoisonError::into_inner) {
            List::Record(record) => record.len() + 512,
            List::Empty | List::Lost(_) => 4096,
        }
    }

    /// Whether an entry of this version may be banned.
    #[inline]
    pub(crate) fn concern(&self, version: u64) -> bool {
        version < self.newest.load(Ordering::Acquire)
    }

    /// The number below which entries may be banned.
    pub(crate) fn newest(&self) -> u64 {
        self.newest.load(Ordering::Acquire)
    }
}
