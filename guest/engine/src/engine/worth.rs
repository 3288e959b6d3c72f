//! What one hit on an entry is worth: by the cache's objective, and by the time the entry has left.
//!
//! An entry that ends sooner than the cache would have given it up cannot be hit for as long as others, and is worth so much
//! less. How long that is tells the *patience*: how long ago those that were evicted lately had been asked for.

use crate::policy::{Objective, Worth};
use crate::slab::Slab;
use crate::time::NEVER;

/// What an entry with almost no time left is worth still, so that nothing is worth nothing.
const LEAST: f32 = 1.0 / 1024.0;

/// The slots, seen with the eyes of the objective.
pub(super) struct Judgement<'a> {
    pub(super) slab: &'a Slab,
    pub(super) objective: Objective,
    pub(super) patience: u64,
    pub(super) now: u64,
}

impl Judgement<'_> {
    /// What a hit on an entry is worth that has this cost and is gone at this time.
    pub(super) fn of(&self, cost: Option<u64>, gone: u64) -> f32 {
        let worth = self.objective.worth(cost.map_or(1.0, |cost| cost as f32)).max(LEAST);
        let left = gone.saturating_sub(self.now);
        if gone == NEVER || left >= self.patience {
            return worth;
        }
        worth * (left as f32 / self.patience as f32).max(LEAST)
    }
}

impl Worth for Judgement<'_> {
    fn worth(&self, id: u32) -> f32 {
        let slot = self.slab.slot(id);
        self.of(slot.fields().cost(), slot.gone_at())
    }
}
