//! Another size, and another home: what a host needs that has less memory to give, or gives it to another guest. A guest
//! cannot return linear memory; the host makes a new one and lets it admit what the old one carries over.

use super::{Carried, Cause, Engine};
use crate::codec::Codec;
use crate::record::{self, Meta};
use crate::time::NEVER;

impl Engine {
    /// Lets the memory tier hold so many bytes from now on. What is too much goes at once, in the policy's order, whatever the
    /// policy spares otherwise. Answers how many entries went.
    pub fn resize(&mut self, max_bytes: u64, now: u64) -> u32 {
        self.config.max_bytes = max_bytes;
        let before = self.slab.len();
        while self.bytes > max_bytes && self.slab.len() > 0 {
            if self.cleanup(now, 1) > 0 || self.evict_one(Cause::NeedsBytes) {
                continue;
            }
            // The policy names nobody: then those that were asked for longest ago.
            let oldest = self.slab.occupied_from(0).min_by_key(|(_, slot)| (slot.accessed(), slot.version()));
            let Some((id, _)) = oldest else { break };
            self.remove(id, Cause::NeedsBytes);
        }
        before - self.slab.len()
    }

    /// Records of the live entries in memory from slot `cursor` on, of about `size` bytes together and at least one, as
    /// [`admit`](Self::admit) takes them: with their own versions and times, their values not compressed. Start with 0 and go on
    /// with `next`. Reads of each, and its place in the policy's order, are not carried.
    pub fn carry(&mut self, cursor: u32, size: u32, now: u64) -> Carried {
        let mut carried = Carried::default();
        let mut sum = 0;
        for id in cursor..self.slab.end() {
            let slot = self.slab.slot(id);
            if !slot.is_occupied() || slot.gone_at() <= now || self.covers(slot) {
                continue;
            }
            if sum >= size as usize && !carried.records.is_empty() {
                carried.next = Some(id);
                break;
            }
            let Some(value) = self.value(id) else { continue };
            let slot = self.slab.slot(id);
            let accessed = if slot.has_idle_timeout() { slot.written() } else { slot.accessed() };
            let meta = Meta {
                codec: Codec::None,
                durability: slot.durability(),
                value_len: value.len(),
                version: slot.version(),
                created: slot.created(),
                accessed,
                expires: slot.expires().min(NEVER),
            };
            let namespace = self.namespaces.name(slot.namespace);
            let record = record::encode(&meta, namespace, slot.fields_bytes(), slot.key(), &value);
            sum += record.len();
            carried.records.push(record);
        }
        carried
    }
}
