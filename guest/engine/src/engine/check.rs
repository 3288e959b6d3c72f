//! The structural self-check behind every model test.

use alloc::string::String;
use alloc::vec::Vec;

use super::Engine;
use crate::cold::Packer;
use crate::error::{Error, ErrorCode, Result};
use crate::policy::nodes::NIL;
use crate::time::NEVER;

impl Engine {
    /// Walks every structure and verifies that they agree. Costs O(n); meant for tests and `verify`.
    ///
    /// # Errors
    /// `Internal`, with what contradicts what.
    pub fn check(&self) -> Result<()> {
        self.contradiction().map_or(Ok(()), |what| Err(Error::new(ErrorCode::Internal, what)))
    }

    fn contradiction(&self) -> Option<String> {
        let (mut entries, mut bytes, mut ending) = (0u32, 0u64, 0usize);
        let mut per_namespace = vec![(0u64, 0u64); self.namespaces.iter().count()];
        for (id, slot) in self.slab.occupied_from(0) {
            entries += 1;
            bytes += slot.charge();
            let hash = self.hasher.hash(slot.namespace, slot.key());
            if hash != slot.hash || self.index.find(&self.slab, hash, slot.namespace, slot.key()) != Some(id) {
                return Some(text!("slot ", id, " is not found under its own key"));
            }
            let ends = slot.gone_at() != NEVER;
            if ends != (slot.heap_at != NIL) {
                return Some(text!("slot ", id, " and the expiry heap disagree on whether it ends"));
            }
            ending += usize::from(ends);
            let (count, sum) = &mut per_namespace[usize::from(slot.namespace)];
            *count += 1;
            *sum += slot.charge();
        }
        match self.contradiction_in_the_cold() {
            Err(what) => return Some(what),
            Ok(charges) => charges.into_iter().for_each(|(namespace, charge)| {
                bytes += charge;
                per_namespace[usize::from(namespace)].1 += charge;
            }),
        }
        if let Err(what) = self.expiry.check(&self.slab) {
            return Some(what);
        }
        if self.expiry.len() != ending {
            return Some(text!(self.expiry.len(), " in the expiry heap, ", ending, " entries end"));
        }
        match self.policy.check() {
            Err(what) => return Some(what),
            Ok(known) if known != entries => {
                return Some(text!("the policy knows ", known, " of ", entries, " entries"));
            }
            Ok(_) => {}
        }
        if let Err(what) = self.bans.check() {
            return Some(what);
        }
        let tags: usize = self.slab.occupied_from(0).map(|(_, slot)| slot.fields().tags().count()).sum();
        if self.tagged.total() != tags as u64 {
            return Some(text!(tags, " tags are counted as ", self.tagged.total()));
        }
        if let Some(Err(what)) = self.advice.get().map(|advice| advice.check()) {
            return Some(what);
        }
        if self.index.len() != entries as usize || self.slab.len() != entries {
            return Some(text!("index ", self.index.len(), ", slab ", self.slab.len(), ", occupied ", entries));
        }
        match self.slab.count_free() {
            Err(what) => return Some(what),
            Ok(free) if free + entries != self.slab.end() => return Some(text!(free, " free slots are too few")),
            Ok(_) => {}
        }
        if bytes != self.bytes || bytes > self.config.max_bytes {
            return Some(text!(bytes, " bytes charged, ", self.bytes, " counted, ", self.config.max_bytes, " allowed"));
        }
        if self.config.max_entries.is_some_and(|max| entries > max) {
            return Some(text!(entries, " entries are more than allowed"));
        }
        self.namespaces
            .iter()
            .zip(per_namespace)
            .find(|(ns, counted)| (ns.stats.entries, ns.stats.bytes) != *counted)
            .map(|(ns, (entries, bytes))| {
                let (name, stats) = (&ns.name, &ns.stats);
                text!(
                    "namespace ",
                    name,
                    " counts ",
                    stats.entries,
                    " entries, ",
                    stats.bytes,
                    " bytes, holds ",
                    entries,
                    ", ",
                    bytes
                )
            })
    }

    /// Whether packed values, dictionaries and their counts agree. Answers what the dictionaries cost whom.
    fn contradiction_in_the_cold(&self) -> core::result::Result<Vec<(u16, u64)>, String> {
        let mut packer = Packer::default();
        let mut users = [0u32; 256];
        let mut sums = vec![[0u64; 4]; self.namespaces.iter().count()];
        for (id, slot) in self.slab.occupied_from(0) {
            let Some(packing) = slot.packing() else { continue };
            let dictionary = self.cold.shelf.bytes(packing.dictionary);
            let value = dictionary.and_then(|bytes| packer.unpack(packing, bytes, slot.body()).ok());
            if value.is_none_or(|value| value.len() != slot.value_len()) {
                return Err(text!("slot ", id, " does not inflate"));
            }
            packing.dictionary.inspect(|&place| users[usize::from(place)] += 1);
            let sum = &mut sums[usize::from(slot.namespace)];
            sum[0] += 1;
            sum[1] += slot.body().len() as u64;
            sum[2] += u64::from(packing.value_len);
        }
        let packed: u64 =
            self.slab.occupied_from(0).filter(|(_, slot)| slot.is_packed()).map(|(_, s)| s.charge()).sum();
        if packed != self.cold.packed {
            return Err(text!("packed entries are charged ", packed, ", ", self.cold.packed, " are counted"));
        }
        let mut charges = Vec::new();
        for (place, dictionary, counted) in self.cold.shelf.iter() {
            if counted == 0 || counted != users[usize::from(place)] {
                return Err(text!(
                    "dictionary ",
                    place,
                    " counts ",
                    counted,
                    " users, ",
                    users[usize::from(place)],
                    " are there"
                ));
            }
            charges.push((dictionary.namespace, dictionary.charge()));
            sums[usize::from(dictionary.namespace)][3] += dictionary.charge();
        }
        for (ns, sum) in self.namespaces.iter().zip(sums) {
            let s = &ns.stats;
            let counted = [s.cold_entries, s.cold_bytes, s.cold_values, s.dictionary_bytes];
            if let Some(at) = (0..sum.len()).find(|&at| counted[at] != sum[at]) {
                let of = ["entries", "bytes", "values", "dictionaries"][at];
                return Err(text!(
                    "namespace ",
                    ns.name,
                    " counts ",
                    counted[at],
                    " cold ",
                    of,
                    ", there are ",
                    sum[at]
                ));
            }
        }
        Ok(charges)
    }
}
