//! The cold tier's part of the engine: packing what cooled, reading it, making it raw again.

use alloc::vec::Vec;

use super::{Cause, Engine};
use crate::cold::{Dictionary, LARGEST, Packing, SMALLEST, worthwhile};
use crate::compression::Compression;
use crate::error::{Error, Result};
use crate::policy::AllAlike;
use crate::record::Head;
use crate::sample::is_incompressible;
use crate::slot::{Contents, Slot};

/// What looking at a slot counts as, and packing a value on top of its bytes.
const LOOK: u32 = 16;
const PACK: u32 = 512;

/// Values up to so many bytes are packed with a dictionary.
pub(super) const SMALL: usize = 4 << 10;

impl Engine {
    /// Compresses entries that cooled, as far as memory is more than three quarters full, and answers how much work that
    /// was: about the bytes compressed. 0 is none due. Stops after about `budget`, so that whoever waits for the engine
    /// does not wait long; a budget of 16 KiB takes well below a millisecond.
    pub fn maintain(&mut self, now: u64, budget: u32) -> u32 {
        let mut work = 0;
        if !self.packs() || !self.is_tight() {
            return work;
        }
        self.cold.set_speed(self.bytes - self.cold.packed, self.config.max_bytes);
        let mut cooled = self.cooled(now, budget, &mut work);
        // Those that need the same dictionary one after the other.
        while let Some(&(dictionary, _)) = cooled.first() {
            for &(_, id) in cooled.iter().filter(|(other, _)| *other == dictionary) {
                if self.is_tight() {
                    work = work.saturating_add(PACK + self.pack(id, now) as u32);
                }
            }
            cooled.retain(|(other, _)| *other != dictionary);
        }
        for dictionary in self.cold.shelf.take_unused() {
            self.charge_dictionary(&dictionary, false);
        }
        work
    }

    /// Whether values are compressed in memory at all.
    #[inline]
    pub(super) fn packs(&self) -> bool {
        cfg!(feature = "cold-tier") && self.config.cold_tier && self.config.codec != Compression::None
    }

    /// Whether room is short enough to compress for it.
    fn is_tight(&self) -> bool {
        self.bytes > self.config.max_bytes / 4 * 3
    }

    /// Entries to pack, with the dictionaries that they will need.
    fn cooled(&mut self, now: u64, budget: u32, work: &mut u32) -> Vec<(Option<u8>, u32)> {
        let mut found = Vec::new();
        let mut planned = 0;
        while work.saturating_add(planned) < budget {
            let (entries, slots) = (self.slab.len(), self.slab.end());
            let queued = self.cold.leaves_the_queue(entries);
            let Some(id) = queued.or_else(|| self.cold.step(slots)) else { break };
            *work += LOOK;
            let slot = self.slab.slot_mut(id);
            if !slot.is_occupied() || slot.gone_at() <= now {
                continue;
            }
            if slot.was_read() {
                slot.set_read(queued.is_some());
            } else if let Some(dictionary) = self.wants_packing(self.slab.slot(id)) {
                planned += PACK + self.slab.slot(id).value_len() as u32;
                found.push((dictionary, id));
            }
        }
        found
    }

    /// Whether packing the entry may gain something, and the dictionary that it would be packed with now.
    fn wants_packing(&self, slot: &Slot) -> Option<Option<u8>> {
        let len = slot.value_len();
        if slot.is_settled() || !(SMALLEST..=LARGEST).contains(&len) {
            return None;
        }
        let current = self.cold.shelf.current(slot.namespace).filter(|_| len <= SMALL);
        match slot.packing() {
            None => Some(current),
            Some(packing) => (current.is_some() && packing.dictionary != current).then_some(current),
        }
    }

    /// Packs an entry, or packs it anew with the namespace's newer dictionary. Answers how many bytes it looked at.
    fn pack(&mut self, id: u32, now: u64) -> usize {
        let Some(len) = self.is_there(id).then(|| self.slab.slot(id).value_len()) else { return 0 };
        let ns = self.slab.slot(id).namespace;
        let mut looked_at = len;
        if len <= SMALL && self.cold.shelf.tally(ns).is_due() {
            looked_at += self.train(ns, now);
        }
        // Training may have evicted it, and whoever comes twice is packed by now.
        if !self.is_there(id) || self.wants_packing(self.slab.slot(id)).is_none() {
            return looked_at;
        }
        let place = self.cold.shelf.current(ns).filter(|_| len <= SMALL);
        let most = match self.slab.slot(id) {
            slot if slot.is_packed() => slot.body().len().saturating_sub(1),
            _ => worthwhile(len),
        };
        let Some(value) = self.value(id) else { return looked_at };
        let dictionary = place.and_then(|place| self.cold.shelf.get(place));
        let in_vain = dictionary.is_none() && is_incompressible(&value);
        let packer = &mut self.cold.packer;
        let packed = if in_vain { None } else { packer.pack(self.config.compression_level, dictionary, &value, most) };
        let Some(body) = packed else {
            self.slab.slot_mut(id).settle();
            return looked_at;
        };
        if place.is_some() {
            self.cold.shelf.tally(ns).learn(body.len(), len);
        }
        let packing = Packing { codec: crate::Codec::Deflate, value_len: len as u32, dictionary: place };
        self.reform(id, &body, Some(packing));
        self.namespaces.stats(ns).cooled += 1;
        looked_at
    }

    fn is_there(&self, id: u32) -> bool {
        self.slab.slot(id).is_occupied()
    }

    /// Holds an entry's value in another form.
    pub(super) fn reform(&mut self, id: u32, body: &[u8], packing: Option<Packing>) {
        // The new form is counted first: it may need the dictionary that the old one is the last to hold.
        packing.and_then(|packing| packing.dictionary).inspect(|&place| self.cold.shelf.take(place));
        self.uncount(id);
        self.slab.slot_mut(id).repack(body, packing);
        self.count(id);
        packing.and_then(|packing| packing.dictionary).inspect(|&place| drop(self.cold.shelf.release(place)));
        self.policy.reweighed(id, self.slab.slot(id).charge() as u32);
    }

    /// The value of a packed entry that is read. The second time since the hand passed it becomes raw, if room can be
    /// made for it. `None` when it does not inflate: the entry is gone then.
    #[cold]
    pub(super) fn read_packed(&mut self, id: u32, now: u64) -> Option<Vec<u8>> {
        let value = self.value(id)?;
        let slot = self.slab.slot(id);
        let (ns, again) = (slot.namespace, slot.was_read());
        self.namespaces.stats(ns).cold_hits += 1;
        if again {
            let more = (value.len() - slot.body().len()) as u64;
            if self.fits(slot.charge() + more) && self.make_room_beside(more, Some(id), now) {
                self.reform(id, &value, None);
                self.namespaces.stats(ns).warmed += 1;
            }
        }
        Some(value)
    }

    /// An entry's value, inflated if it is packed. `None` when it does not inflate: the entry is gone then, and counted.
    pub(super) fn value(&mut self, id: u32) -> Option<Vec<u8>> {
        let slot = self.slab.slot(id);
        let ns = slot.namespace;
        match unpacked(&mut self.cold, slot) {
            Ok(value) => Some(value),
            Err(_) => {
                self.namespaces.stats(ns).cold_damaged += 1;
                self.remove(id, Cause::Silent);
                None
            }
        }
    }

    /// Lets entries go, but not `kept`, until `more` bytes are free. False when that is not enough.
    pub(super) fn make_room_beside(&mut self, more: u64, kept: Option<u32>, now: u64) -> bool {
        while self.bytes + more > self.config.max_bytes {
            if self.cleanup(now, 1) > 0 {
                continue;
            }
            match self.policy.victim(None, &AllAlike) {
                Some(id) if Some(id) != kept => self.remove(id, Cause::NeedsBytes),
                _ => return false,
            }
        }
        true
    }

    /// How the value of a record on its way into memory is packed there, if it stays as the record has it: where room is
    /// tight, a value that is read for the first time is cold.
    pub(super) fn stays_packed(&self, head: &Head<'_>, body: &[u8], key: &[u8]) -> Option<Packing> {
        let len = head.meta.value_len;
        let wanted = self.packs() && self.is_tight() && (SMALLEST..=LARGEST).contains(&len);
        let raw = Contents::charge_of(head.fields.bytes(), key, len);
        if !wanted || head.meta.codec == crate::Codec::None || body.len() > worthwhile(len) || !self.fits(raw) {
            return None;
        }
        Some(Packing { codec: head.meta.codec, value_len: len as u32, dictionary: None })
    }

    /// Charges a dictionary to its namespace, or takes the charge back.
    pub(super) fn charge_dictionary(&mut self, dictionary: &Dictionary, there: bool) {
        let charge = dictionary.charge();
        let stats = self.namespaces.stats(dictionary.namespace);
        for sum in [&mut self.bytes, &mut stats.bytes, &mut stats.dictionary_bytes] {
            *sum = if there { *sum + charge } else { *sum - charge };
        }
    }
}

/// The value of a slot, packed or not.
pub(super) fn unpacked(cold: &mut crate::cold::Cold, slot: &Slot) -> Result<Vec<u8>> {
    let Some(packing) = slot.packing() else { return Ok(slot.body().to_vec()) };
    match cold.shelf.bytes(packing.dictionary) {
        Some(dictionary) => cold.packer.unpack(packing, dictionary, slot.body()),
        None => Err(Error::corrupt("its dictionary is gone")),
    }
}
