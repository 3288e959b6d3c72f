//! The engine: the memory tier and the operations on it.
//!
//! Invariants, all verified by [`Engine::check`]: every occupied slot is in the index under its namespace and key, known
//! to the policy, and in the expiry heap exactly if it ends; the charges of all slots and dictionaries add up to `bytes`,
//! which never passes `max_bytes`; per-namespace counts add up to the totals; a dictionary is there as long as a packed
//! value needs it, and every packed value inflates to its size.
//!
//! Operations that read before they write take `stored`: the record that the host's store holds for the key. The host
//! passes it when the memory tier does not have the entry, so that the engine decides on what is really there.

mod advise;
mod ban;
mod batch;
mod carry;
mod check;
mod cold;
#[cfg(test)]
mod collisions;
mod maintain;
mod modify;
mod pool;
mod read;
mod resolve;
mod scan;
mod switch;
mod train;
mod types;
mod worth;
mod write;

use alloc::boxed::Box;

pub use pool::{Added, Picked};
pub use read::{describe, names, verify};
pub use types::{Banned, Carried, EntryInfo, Freshness, Hit, Item, Page, Stored, Times};

use crate::bans::{Bans, Tagged};
use crate::codec::Compressor;
use crate::cold::{self as cold_tier, Cold};
use crate::compression::Chooser;
use crate::config::Config;
use crate::error::Result;
use crate::expiry::ExpiryHeap;
use crate::hash::KeyHasher;
use crate::index::Index;
use crate::namespace::Namespaces;
use crate::policy::{AllAlike, Entry, Policy};
use crate::pools::Picker;
use crate::record::fields::Fields;
use crate::rng::SplitMix64;
use crate::slab::Slab;
use crate::slot::{Contents, Slot, gone_at};
use advise::Advisor;
use worth::Judgement;

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
    chooser: Chooser,
    cold: Cold,
    bans: Bans,
    tagged: Tagged,
    picker: Picker,
    advice: Advisor,
    /// Sum of the charges of all occupied slots and of all dictionaries.
    bytes: u64,
    /// The highest version seen.
    sequence: u64,
    /// How long ago an evicted entry was asked for last, on average, in milliseconds.
    patience: u64,
}

/// Why an entry leaves the memory tier; decides which counter counts it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    Expired,
    NeedsBytes,
    NeedsEntries,
    Asked,
    /// Banned.
    Invalid,
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
            policy: config.policy.build(config.objective, config.seed),
            advice: Advisor::new(&config),
            picker: Picker::new(config.seed),
            config,
            slab: Slab::new(),
            index: Index::default(),
            expiry: ExpiryHeap::default(),
            namespaces: Namespaces::default(),
            compressor: Compressor::default(),
            chooser: Chooser::default(),
            cold: Cold::default(),
            bans: Bans::default(),
            tagged: Tagged::default(),
            bytes: 0,
            sequence: 0,
            patience: 0,
        })
    }

    /// The configuration that the engine was opened with.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The slot of a live entry; one that is past its time, or banned, is removed on the way.
    #[inline]
    fn find_live(&mut self, namespace: u16, key: &[u8], now: u64) -> Option<u32> {
        let hash = self.hasher.hash(namespace, key);
        let id = self.index.find(&self.slab, hash, namespace, key)?;
        if self.slab.slot(id).gone_at() <= now {
            self.remove(id, Cause::Expired);
            return None;
        }
        if self.slab.slot(id).version() < self.bans.newest() && self.covers(self.slab.slot(id)) {
            self.remove(id, Cause::Invalid);
            return None;
        }
        Some(id)
    }

    /// Puts contents into the memory tier, in place of the entry with the same key if there is one. What must go for
    /// them goes first. `None` when the policy would rather keep what is there; an older entry with the key goes then too.
    /// The caller guarantees `self.fits(contents)`.
    fn insert(&mut self, contents: &Contents<'_>, now: u64) -> Option<u32> {
        let entry = self.seen_as(contents, now);
        // An overwritten entry keeps its slot, so that a scan under way does not see it twice.
        let old = self.index.find(&self.slab, contents.hash, contents.namespace, contents.key);
        if let Some(id) = old {
            // Its value goes in any case, and perhaps a dictionary with it.
            if self.slab.slot(id).is_packed() {
                self.reform(id, &[], None);
            }
            self.policy.overwritten(id, &entry);
            self.expiry.remove(&mut self.slab, id);
            // One whose time was over, or that was banned, only happened to lie there still.
            let is_dead = self.slab.slot(id).gone_at() <= now || self.covers(self.slab.slot(id));
            if is_dead {
                self.slab.slot_mut(id).hits = 0;
            }
        }
        if !self.make_room(&entry, old, now) {
            if let Some(id) = old {
                self.remove(id, Cause::Silent);
            }
            self.namespaces.stats(contents.namespace).turned_away += 1;
            return None;
        }
        let id = match old {
            Some(id) => {
                self.uncount(id);
                self.slab.slot_mut(id).fill(contents);
                id
            }
            None => {
                let id = self.slab.allocate();
                self.slab.slot_mut(id).fill(contents);
                self.index.insert(&self.slab, id);
                self.policy.inserted(id, &entry);
                id
            }
        };
        self.expiry.update(&mut self.slab, id);
        self.count(id);
        self.cold.earn(self.slab.end());
        if self.packs() && contents.packing.is_none() && contents.body.len() >= cold_tier::SMALLEST {
            self.cold.wrote(id, self.slab.len());
        }
        Some(id)
    }

    /// An entry that arrives, as the policy sees it.
    fn seen_as(&self, contents: &Contents<'_>, now: u64) -> Entry {
        let fields = Fields::new(contents.fields);
        let gone = gone_at(contents.expires, contents.accessed, fields);
        let worth = self.judgement(now).of(fields.cost(), gone);
        Entry { hash: contents.hash, weight: contents.charge() as u32, worth }
    }

    fn judgement(&self, now: u64) -> Judgement<'_> {
        Judgement { slab: &self.slab, objective: self.config.objective, patience: self.patience, now }
    }

    /// Lets entries go until `entry` fits, in place of `old` if that is given: those whose time is over, then whom the
    /// policy names. False when the policy names nobody else.
    fn make_room(&mut self, entry: &Entry, old: Option<u32>, now: u64) -> bool {
        let incoming = if old.is_none() { Some(entry) } else { None };
        let mut set_aside = None;
        let there_is_room = loop {
            let Some(cause) = self.lacks(entry.weight.into(), old) else { break true };
            if self.cleanup(now, 1) > 0 {
                continue;
            }
            let judgement =
                Judgement { slab: &self.slab, objective: self.config.objective, patience: self.patience, now };
            match self.policy.victim(incoming, &judgement) {
                // An entry that is written anew does not go for itself: it comes in again when the others have gone.
                Some(id) if Some(id) == old => {
                    self.policy.removed(id, false);
                    set_aside = old;
                }
                Some(id) => {
                    let waited = now.saturating_sub(self.slab.slot(id).accessed());
                    self.patience = self.patience - self.patience / 16 + waited / 16;
                    self.remove(id, cause);
                }
                None => break false,
            }
        };
        if let Some(id) = set_aside {
            self.policy.inserted(id, entry);
        }
        there_is_room
    }

    /// What the memory tier has too little of to take `charge` more bytes, in place of those of `old` if that is given.
    fn lacks(&self, charge: u64, old: Option<u32>) -> Option<Cause> {
        let given_back = old.map_or(0, |id| self.slab.slot(id).charge());
        if self.bytes - given_back + charge > self.config.max_bytes {
            Some(Cause::NeedsBytes)
        } else if old.is_none() && self.config.max_entries.is_some_and(|max| self.slab.len() >= max) {
            Some(Cause::NeedsEntries)
        } else {
            None
        }
    }

    /// Whether contents can be held at all.
    fn fits(&self, charge: u64) -> bool {
        charge <= self.config.max_bytes && self.config.max_entries != Some(0)
    }

    fn evict_one(&mut self, cause: Cause) -> bool {
        match self.policy.victim(None, &AllAlike) {
            Some(id) => {
                self.remove(id, cause);
                true
            }
            None => false,
        }
    }

    fn remove(&mut self, id: u32, cause: Cause) {
        let namespace = self.slab.slot(id).namespace;
        self.advise_on_removal(id, cause);
        let evicted = matches!(cause, Cause::NeedsBytes | Cause::NeedsEntries | Cause::Asked);
        self.policy.removed(id, evicted);
        self.expiry.remove(&mut self.slab, id);
        self.index.remove(&self.slab, id);
        self.uncount(id);
        self.slab.free(id);
        let stats = self.namespaces.stats(namespace);
        match cause {
            Cause::Expired => stats.expired += 1,
            Cause::Invalid => stats.invalidated += 1,
            Cause::NeedsBytes => stats.evicted_bytes += 1,
            Cause::NeedsEntries => stats.evicted_entries += 1,
            Cause::Asked => stats.evicted_asked += 1,
            Cause::Silent => {}
        }
    }

    /// Takes an entry into the sums.
    fn count(&mut self, id: u32) {
        let slot = self.slab.slot(id);
        let (charge, body, packing) = (slot.charge(), slot.body().len() as u64, slot.packing());
        self.bytes += charge;
        each_tag(&self.hasher, slot, |tag| self.tagged.add(tag));
        let stats = self.namespaces.stats(slot.namespace);
        stats.entries += 1;
        stats.bytes += charge;
        if let Some(packing) = packing {
            stats.cold_entries += 1;
            stats.cold_bytes += body;
            stats.cold_values += u64::from(packing.value_len);
            self.cold.packed += charge;
            self.cold.saved += saved(packing.value_len, body);
            packing.dictionary.inspect(|&place| self.cold.shelf.take(place));
        }
    }

    /// Takes an entry out of the sums.
    fn uncount(&mut self, id: u32) {
        let slot = self.slab.slot(id);
        let (charge, body, packing) = (slot.charge(), slot.body().len() as u64, slot.packing());
        self.bytes -= charge;
        each_tag(&self.hasher, slot, |tag| self.tagged.remove(tag));
        let stats = self.namespaces.stats(slot.namespace);
        stats.entries -= 1;
        stats.bytes -= charge;
        if let Some(packing) = packing {
            stats.cold_entries -= 1;
            stats.cold_bytes -= body;
            stats.cold_values -= u64::from(packing.value_len);
            self.cold.packed -= charge;
            self.cold.saved -= saved(packing.value_len, body);
            let unused = packing.dictionary.and_then(|place| self.cold.shelf.release(place));
            if let Some(dictionary) = unused {
                self.charge_dictionary(&dictionary, false);
            }
        }
    }
}

/// Calls with the hash of each tag of an entry.
#[inline]
fn each_tag(hasher: &KeyHasher, slot: &Slot, mut call: impl FnMut(u64)) {
    if slot.has_fields() {
        slot.fields().tags().for_each(|tag| call(hasher.tag(slot.namespace, tag)));
    }
}

/// Bytes that packing a value saves in memory.
fn saved(value_len: u32, body: u64) -> u64 {
    u64::from(value_len).saturating_sub(body + cold_tier::Packing::SIZE as u64)
}
