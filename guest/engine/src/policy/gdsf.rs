//! `gdsf`: the entry whose hits are worth least for the space it takes goes first (Greedy-Dual-Size-Frequency).
//!
//! Every entry has a rank: accesses × worth of a hit / weight, plus the age that the cache had at its last access. The
//! lowest rank goes, of equals the least recently used; the cache's age then becomes the rank of what went. Strong on the
//! number of hits where sizes differ, because many small entries are kept in place of a large one; weak on bytes for the
//! same reason; with the objective `bytes` a hit is worth the bytes it brings. Source: Cherkasova, "Improving WWW proxies
//! performance with Greedy-Dual-Size-Frequency caching policy" (HP Labs 1998).

use super::ranked::{Ranked, Value};
use super::{Entry, Objective};

/// How often an entry was asked for, and what that brings.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Density {
    frequency: u32,
    weight: u32,
    gain: f32,
}

/// Ranks by what keeping an entry brings for each unit of its weight.
pub(crate) type Gdsf = Ranked<Density>;

impl Value for Density {
    fn of(entry: &Entry, objective: Objective) -> Self {
        Self { frequency: 0, weight: entry.weight, gain: objective.gain(entry.weight, entry.worth) }
    }

    fn count(&mut self) {
        self.frequency = self.frequency.saturating_add(1);
    }

    fn value(&self) -> f64 {
        f64::from(self.frequency) * f64::from(self.gain) / f64::from(self.weight)
    }

    fn update(&mut self, entry: &Entry, objective: Objective) {
        *self = Self { frequency: self.frequency, ..Self::of(entry, objective) };
    }

    fn reweigh(&mut self, weight: u32) {
        self.weight = weight;
    }
}
