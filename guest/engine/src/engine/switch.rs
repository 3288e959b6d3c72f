//! Another policy for a cache that is in use.

use alloc::vec::Vec;

use super::Engine;
use crate::ascending::Ascending;
use crate::policy::{Entry, PolicyKind, Worth};

/// Reads of an entry that a new policy is told of at most. What went before cannot be told in full; this much is enough to
/// tell what was read again from what was not.
const TOLD_READS: u32 = 3;

impl Engine {
    /// Decides from now on by `policy` who goes. Everything that is there stays: the new policy is told of all entries, from
    /// the least to the most recently accessed, and of up to three reads of each. Costs O(n log n).
    pub fn set_policy(&mut self, policy: PolicyKind) {
        if policy == self.config.policy {
            return;
        }
        let ids: Vec<u32> = self.slab.occupied_from(0).map(|(id, _)| id).collect();
        let age = |id| {
            let slot = self.slab.slot(id);
            (slot.accessed(), slot.version())
        };
        let mut new = policy.build(self.config.objective, self.config.seed);
        for id in Ascending::new(ids, &|a, b| age(a) < age(b)) {
            let slot = self.slab.slot(id);
            let judgement = self.judgement(slot.accessed());
            let worth = judgement.worth(id);
            new.inserted(id, &Entry { hash: slot.hash, weight: slot.charge() as u32, worth });
            (0..slot.hits.min(TOLD_READS)).for_each(|_| new.accessed(id, &judgement));
        }
        self.policy = new;
        self.config.policy = policy;
        if let Some(advice) = self.advice.get_mut() {
            advice.begin_anew(policy);
        }
    }
}
