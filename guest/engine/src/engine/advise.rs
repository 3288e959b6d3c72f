//! What the shadows are shown ([`crate::advice`]), if advice was asked for.
//!
//! Entries weigh what they take raw, and the memory tier has the room that it would need to hold raw what it can hold now:
//! more than `max_bytes` by what lies compressed, less when `max_entries` is what binds.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::{Cause, Engine};
use crate::advice::{Advice, Estimate, Kind, Request};
use crate::config::Config;
use crate::policy::{Entry, Worth};
use crate::record::fields::Fields;
use crate::slot::{Contents, gone_at};

/// The shadows, if advice was asked for. Without the feature `advice` nobody can have asked for it, and the compiler knows.
pub(super) struct Advisor(Option<Box<Advice>>);

impl Advisor {
    pub(super) fn new(config: &Config) -> Self {
        let wanted = cfg!(feature = "advice") && config.advice;
        Self(wanted.then(|| Box::new(Advice::new(config.policy, config.objective, config.seed))))
    }

    #[inline]
    pub(super) fn get(&self) -> Option<&Advice> {
        self.0.as_deref().filter(|_| cfg!(feature = "advice"))
    }

    #[inline]
    pub(super) fn get_mut(&mut self) -> Option<&mut Advice> {
        self.0.as_deref_mut().filter(|_| cfg!(feature = "advice"))
    }
}

impl Engine {
    /// What the policy in force would have hit with half, all and twice the memory, and the other policies with all of it;
    /// in this order. Empty without [`Config::advice`](crate::Config::advice). Everything is estimated from a sample of the
    /// keys, and counted since the engine was opened, emptied or got its policy.
    pub fn advice(&self) -> Vec<Estimate> {
        self.advice.get().map(|advice| advice.estimates()).unwrap_or_default()
    }

    /// An entry was read that had been accessed at `before`.
    pub(super) fn advise_on_hit(&mut self, id: u32, before: u64, now: u64) {
        let slot = self.slab.slot(id);
        let body = slot.value_len();
        let weight = Contents::charge_of(slot.fields_bytes(), slot.key(), body) as u32;
        let (hash, gone, renews) = (slot.hash, slot.gone_at(), slot.has_idle_timeout());
        if !self.advice.get_mut().is_some_and(|advice| advice.count(hash, weight, Kind::Hit, before, now)) {
            return;
        }
        let worth = self.judgement(now).worth(id);
        self.show(&Request { entry: Entry { hash, weight, worth }, gone, renews, kind: Kind::Hit }, now);
    }

    /// What the arrival of these contents is, before they arrive.
    pub(super) fn kind_of(&self, contents: &Contents<'_>, now: u64) -> Kind {
        let old = self.index.find(&self.slab, contents.hash, contents.namespace, contents.key);
        match old.is_some_and(|id| self.slab.slot(id).gone_at() > now) {
            true => Kind::Overwritten,
            false => Kind::Missed,
        }
    }

    /// Contents arrived, and came in or not.
    pub(super) fn advise_on_arrival(&mut self, contents: &Contents<'_>, kind: Kind, now: u64) {
        let body = contents.packing.map_or(contents.body.len(), |packing| packing.value_len as usize);
        let weight = Contents::charge_of(contents.fields, contents.key, body) as u32;
        if !self.advice.get_mut().is_some_and(|advice| advice.count(contents.hash, weight, kind, now, now)) {
            return;
        }
        let fields = Fields::new(contents.fields);
        let gone = gone_at(contents.expires, contents.accessed, fields);
        let worth = self.judgement(now).of(fields.cost(), gone);
        let renews = kind == Kind::Overwritten || fields.idle_timeout().is_some();
        self.show(&Request { entry: Entry { hash: contents.hash, weight, worth }, gone, renews, kind }, now);
    }

    /// The entry with this hash was deleted or changed elsewhere.
    pub(super) fn forget_in_shadows(&mut self, hash: u32) {
        if let Some(advice) = self.advice.get_mut() {
            advice.forget(hash);
        }
    }

    /// An entry is about to go.
    #[inline]
    pub(super) fn advise_on_removal(&mut self, id: u32, cause: Cause) {
        let Some(advice) = self.advice.get_mut() else { return };
        let slot = self.slab.slot(id);
        match cause {
            Cause::Expired => advice.expire(slot.hash, slot.gone_at()),
            Cause::Silent | Cause::Invalid => advice.forget(slot.hash),
            Cause::NeedsBytes | Cause::NeedsEntries | Cause::Asked => {}
        }
    }

    fn show(&mut self, request: &Request, now: u64) {
        let room = self.raw_room();
        if let Some(advice) = self.advice.get_mut() {
            advice.show(request, room, now);
        }
    }

    /// Bytes that the memory tier could hold if all of it were raw.
    fn raw_room(&self) -> u64 {
        let raw = u128::from(self.bytes + self.cold.saved);
        let mut room = u128::from(self.config.max_bytes);
        if self.cold.saved > 0 {
            room = room * raw / u128::from(self.bytes.max(1));
        }
        if let Some(max) = self.config.max_entries {
            let by_entries = (u128::from(max) * raw).checked_div(u128::from(self.slab.len()));
            room = room.min(by_entries.unwrap_or(room));
        }
        u64::try_from(room).unwrap_or(u64::MAX)
    }
}
