//! `lfu`: the entry read least often goes first, with ageing, so that what was popular once does not stay for ever.
//!
//! Every entry has a rank: how often it was written and read, plus the age that the cache had at its last access. The
//! lowest rank goes, of equals the least recently used; the cache's age then becomes the rank of what went. Newcomers so
//! start level with what was just given up. Source: LFU-DA in Arlitt, Cherkasova, Dilley, Friedrich and Jin, "Evaluating
//! content management techniques for web proxy caches" (WISP 1999).

use super::ranked::{Ranked, Value};
use super::{Entry, Objective};

/// How often an entry was asked for.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Frequency(u32);

/// Ranks by frequency.
pub(crate) type Lfu = Ranked<Frequency>;

impl Value for Frequency {
    fn of(_entry: &Entry, _objective: Objective) -> Self {
        Self(0)
    }

    fn count(&mut self) {
        self.0 = self.0.saturating_add(1);
    }

    fn value(&self) -> f64 {
        f64::from(self.0)
    }

    fn update(&mut self, _entry: &Entry, _objective: Objective) {}

    fn reweigh(&mut self, _weight: u32) {}
}
