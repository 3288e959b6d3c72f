//! What caches that were asked for advice learnt, kept with the store's statistics: what other sizes and policies would hit.
//!
//! It holds for one policy and one size of memory. Processes that have the same add what they learnt; one that has
//! another begins anew. What is old fades: beyond [`FADES`] requests all counts are halved.

use serde::{Deserialize, Serialize};

use crate::component::bindings::api;

/// Requests beyond which all counts are halved.
const FADES: u64 = 1 << 22;

/// What a cache would have hit with this policy and so much memory, estimated from a sample of the keys.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Estimate {
    /// The policy's name.
    pub policy: String,
    /// Its memory, in percent of what there was.
    pub capacity_percent: u32,
    /// Requests that memory saw: reads that it could answer, and entries that came in though none was there under their key.
    pub requests: u64,
    /// Of those, reads that would have been hits.
    pub hits: u64,
    /// Bytes of the entries requested, overhead included.
    pub bytes: u64,
    /// Of those, bytes of hits.
    pub bytes_hit: u64,
}

impl Estimate {
    /// Hits, of a hundred requests.
    pub fn hit_ratio(&self) -> f64 {
        percent(self.hits, self.requests)
    }

    /// Bytes of hits, of a hundred bytes.
    pub fn byte_hit_ratio(&self) -> f64 {
        percent(self.bytes_hit, self.bytes)
    }

    fn counts(&mut self) -> [&mut u64; 4] {
        [&mut self.requests, &mut self.hits, &mut self.bytes, &mut self.bytes_hit]
    }

    fn is_of(&self, other: &Self) -> bool {
        (&self.policy, self.capacity_percent) == (&other.policy, other.capacity_percent)
    }

    fn add(&mut self, mut other: Self) {
        for (count, more) in self.counts().into_iter().zip(other.counts()) {
            *count = count.saturating_add(*more);
        }
    }

    /// What was counted since `told`, which is then told too. An estimate that was corrected downwards is told again when it
    /// has passed what was told.
    fn tell(mut self, told: &mut Self) -> Self {
        if !self.is_of(told) || self.requests < told.requests {
            *told = Self { policy: self.policy.clone(), capacity_percent: self.capacity_percent, ..Self::default() };
        }
        for (count, told) in self.counts().into_iter().zip(told.counts()) {
            let more = count.saturating_sub(*told);
            *told += more;
            *count = more;
        }
        self
    }
}

impl From<api::Estimate> for Estimate {
    fn from(e: api::Estimate) -> Self {
        let api::Estimate { policy, capacity_percent, requests, hits, bytes, bytes_hit } = e;
        Self { policy, capacity_percent, requests, hits, bytes, bytes_hit }
    }
}

fn percent(part: u64, all: u64) -> f64 {
    if all == 0 { 0.0 } else { (part as f64 / all as f64 * 100.0).min(100.0) }
}

/// What other sizes and policies would hit.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Advice {
    /// Bytes that memory may hold.
    pub max_memory: u64,
    /// Entries that memory may hold.
    pub max_memory_entries: Option<u32>,
    /// The policy in force with half, all and twice the memory; then others with all of it. Empty when nothing is known.
    pub estimates: Vec<Estimate>,
}

impl Advice {
    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        self.estimates.iter().all(|estimate| estimate.requests == 0)
    }

    /// Adds what was learnt under the same policy with the same memory; anything else takes the place of what was known.
    pub(crate) fn add(&mut self, more: Self) {
        if more.is_empty() {
            return;
        }
        let is_alike = (self.max_memory, self.max_memory_entries) == (more.max_memory, more.max_memory_entries)
            && self.estimates.len() == more.estimates.len()
            && self.estimates.iter().zip(&more.estimates).all(|(one, other)| one.is_of(other));
        if !is_alike {
            *self = more;
            return;
        }
        self.estimates.iter_mut().zip(more.estimates).for_each(|(one, other)| one.add(other));
        while self.estimates.iter().any(|estimate| estimate.requests > FADES) {
            self.estimates.iter_mut().flat_map(Estimate::counts).for_each(|count| *count /= 2);
        }
    }

    /// What was learnt since `told`, which is then told too.
    pub(crate) fn tell(self, told: &mut Vec<Estimate>) -> Self {
        told.resize_with(self.estimates.len(), Estimate::default);
        let estimates = self.estimates.into_iter().zip(told).map(|(estimate, told)| estimate.tell(told)).collect();
        Self { estimates, ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn advice(max_memory: u64, policy: &str, requests: u64, hits: u64) -> Advice {
        let estimate = Estimate { policy: policy.into(), capacity_percent: 100, requests, hits, ..Estimate::default() };
        Advice { max_memory, max_memory_entries: None, estimates: vec![estimate] }
    }

    #[test]
    fn what_is_told_twice_is_added_once() {
        let (mut told, mut sum) = (Vec::new(), Advice::default());
        // The fourth was corrected downwards, the sixth began anew.
        for (requests, hits) in [(10, 5), (20, 8), (20, 8), (30, 6), (40, 12), (3, 1)] {
            sum.add(advice(1, "lru", requests, hits).tell(&mut told));
        }
        assert_eq!(sum, advice(1, "lru", 43, 13));
    }

    #[test]
    fn another_policy_or_memory_takes_the_place_of_what_was_known() {
        let mut known = advice(1, "lru", 10, 5);
        known.add(advice(1, "lru", 0, 0));
        known.add(advice(2, "lfu", 0, 0));
        known.add(advice(1, "lru", 1, 1));
        assert_eq!(known, advice(1, "lru", 11, 6));
        known.add(advice(2, "lru", 7, 3));
        assert_eq!(known, advice(2, "lru", 7, 3));
        known.add(advice(2, "lfu", 6, 3));
        assert_eq!(known, advice(2, "lfu", 6, 3));
    }

    #[test]
    fn what_is_old_fades_and_nothing_overflows() {
        let mut known = advice(1, "lru", FADES, FADES);
        known.add(advice(1, "lru", 2, 0));
        assert_eq!(known, advice(1, "lru", FADES / 2 + 1, FADES / 2));
        known.add(advice(1, "lru", u64::MAX, u64::MAX));
        assert!(known.estimates[0].requests <= FADES);
    }
}
