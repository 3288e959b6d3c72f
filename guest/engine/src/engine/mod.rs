//! The engine: the memory tier and the operations on it.
//!
//! Invariants, all verified by [`Engine::check`]: every occupied slot is in the index under its namespace and key, known
//! to the policy, and in the expiry heap exactly if it ends; the charges of all slots add up to `bytes`, which never
//! passes `max_bytes`; per-namespace counts add up to the totals.
//!
//! Operations that read before they write take `stored`: the record that the host's store holds for the key. The host
//! passes it when the memory tier does not have the entry, so that the engine decides on what is really there.

mod batch;
mod check;
#[cfg(test)]
mod collisions;
mod maintain;
mod modify;
mod read;
mod resolve;
mod scan;
mod types;
mod write;

pub use read::{describe, verify};
pub use types::{EntryInfo, Freshness, Hit, Item, Page, Stored, Times};

use crate::codec::Compressor;
use crate::config::Config;
use crate::error::Result;
use crate::expiry::ExpiryHeap;
use crate::hash::KeyHasher;
use crate::index::Index;
use crate::namespace::Namespaces;
use crate::policy::Policy;
use crate::rng::SplitMix64;
use crate::slab::Slab;
use crate::slot::Contents;

/// A cache as a state machine. See the crate's page for an example and the invariants above.
///
/// All methods take `now` in Unix milliseconds; it may stand still or go backwards without harm.
pub struct Engine {
    config: Config,
    hasher: KeyHasher,
    rng: SplitMix64,
    slab: Slab,
    index: Index,
    expiry: ExpiryHeap,
    policy: Box<dyn Policy>,
    namespaces: Namespaces,
    compressor: Compressor,
    /// Sum of the charges of all occupied slots.
    bytes: u64,
    /// The highest version seen.
    sequence: u64,
}

/// Why an entry leaves the memory tier; decides which counter counts it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Expired,
    NeedsBytes,
    NeedsEntries,
    Asked,
    /// Deleted, cleared, forgotten or replaced: counted by the operation itself.
    Silent,
}

impl Engine {
    /// Opens an empty engine.
    ///
    /// # Errors
    /// `InvalidArgument` when a setting is outside its range.
    pub fn open(config: Config) -> Result<Self> {
        config.validate()?;
        Ok(Self {
            hasher: KeyHasher::new(config.seed),
            rng: SplitMix64::new(!config.seed),
            policy: config.policy.build(),
            config,
            slab: Slab::new(),
            index: Index::default(),
            expiry: ExpiryHeap::default(),
            namespaces: Namespaces::default(),
            compressor: Compressor::default(),
            bytes: 0,
            sequence: 0,
        })
    }

    /// The configuration that the engine was opened with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The slot of a live entry; one that is past its time is removed on the way.
    #[inline]
    fn find_live(&mut self, namespace: u16, key: &[u8], now: u64) -> Option<u32> {
        let hash = self.hasher.hash(namespace, key);
        let id = self.index.find(&self.slab, hash, namespace, key)?;
        if self.slab.slot(id).gone_at() <= now {
            self.remove(id, Cause::Expired);
            return None;
        }
        Some(id)
    }

    /// Puts contents into the memory tier, in place of the entry with the same key if there is one. Evicts what it
    /// must, before it grows. The caller guarantees `self.fits(contents)`.
    fn insert(&mut self, contents: &Contents<'_>) -> u32 {
        let charge = contents.charge();
        let old = self.index.find(&self.slab, contents.hash, contents.namespace, contents.key);
        // An overwritten entry keeps its slot, so that a scan under way does not see it twice.
        if let Some(id) = old {
            self.policy.removed(&mut self.slab, id);
            self.uncount(id);
            let slot = self.slab.slot_mut(id);
            // One whose time was over only happened to lie there still.
            if slot.gone_at() <= contents.accessed {
                slot.hits = 0;
            }
        }
        while self.bytes + charge > self.config.max_bytes {
            if !self.evict_one(Cause::NeedsBytes) {
                break;
            }
        }
        if let (None, Some(max)) = (old, self.config.max_entries) {
            while self.slab.len() >= max && self.evict_one(Cause::NeedsEntries) {}
        }
        let id = old.unwrap_or_else(|| self.slab.allocate());
        self.slab.slot_mut(id).fill(contents);
        if old.is_none() {
            self.index.insert(&self.slab, id);
        }
        self.policy.inserted(&mut self.slab, id);
        self.expiry.update(&mut self.slab, id);
        self.bytes += charge;
        let stats = self.namespaces.stats(contents.namespace);
        stats.entries += 1;
        stats.bytes += charge;
        id
    }

    /// Whether contents can be held at all.
    fn fits(&self, charge: u64) -> bool {
        charge <= self.config.max_bytes && self.config.max_entries != Some(0)
    }

    fn evict_one(&mut self, cause: Cause) -> bool {
        match self.policy.victim(&self.slab) {
            Some(id) => {
                self.remove(id, cause);
                true
            }
            None => false,
        }
    }

    fn remove(&mut self, id: u32, cause: Cause) {
        let namespace = self.slab.slot(id).namespace;
        self.policy.removed(&mut self.slab, id);
        self.expiry.remove(&mut self.slab, id);
        self.index.remove(&self.slab, id);
        self.uncount(id);
        self.slab.free(id);
        let stats = self.namespaces.stats(namespace);
        match cause {
            Cause::Expired => stats.expired += 1,
            Cause::NeedsBytes => stats.evicted_bytes += 1,
            Cause::NeedsEntries => stats.evicted_entries += 1,
            Cause::Asked => stats.evicted_asked += 1,
            Cause::Silent => {}
        }
    }

    fn uncount(&mut self, id: u32) {
        let slot = self.slab.slot(id);
        let (namespace, charge) = (slot.namespace, slot.charge());
        self.bytes -= charge;
        let stats = self.namespaces.stats(namespace);
        stats.entries -= 1;
        stats.bytes -= charge;
    }
}
