//! The reference: what is known of one combination, in plain maps.

use std::collections::{BTreeMap, BTreeSet};

use larder_engine::pools::Round;

/// Generation and number.
pub type Place = (u64, u32);

/// What the reference knows of the combination.
#[derive(Debug, Clone, Default)]
pub struct Known {
    pub generation: u64,
    /// How many the round was to make when the combination joined it, and which of them were.
    pub wanted: u32,
    pub made: BTreeSet<u32>,
    pub failed: BTreeSet<u32>,
    pub retry_at: u64,
    pub failures: u32,
    pub duplicates: u64,
    pub variants: BTreeMap<Place, Variant>,
}

/// A variant.
#[derive(Debug, Clone)]
pub struct Variant {
    pub value: u8,
    pub score: Option<u8>,
    pub is_banned: bool,
}

impl Known {
    pub fn missing(&self) -> Vec<u32> {
        (1..=self.wanted).filter(|entry| !self.made.contains(entry)).collect()
    }

    pub fn join(&mut self, round: &Round) {
        if round.generation <= self.generation {
            return;
        }
        let is_new = self.generation == 0 && self.variants.is_empty();
        let wanted = if is_new && round.is_settled { 0 } else { round.per_generation };
        let made = self.variants.keys().filter(|place| place.0 == round.generation && place.1 <= wanted);
        self.made = made.map(|place| place.1).collect();
        (self.generation, self.wanted) = (round.generation, wanted);
        (self.retry_at, self.failures) = (0, 0);
        self.failed.clear();
    }

    pub fn free_place(&self, round: &Round, now: u64) -> Place {
        if let Some(entry) = self.missing().first() {
            return (self.generation, *entry);
        }
        let generation = (now / 1000).max(round.generation);
        let behind = if generation == round.generation { round.per_generation } else { 0 };
        let taken = self.variants.keys().filter(|place| place.0 == generation).map(|place| place.1);
        (generation, taken.max().unwrap_or(0).max(behind) + 1)
    }

    /// Whether the variant is a duplicate, and what went for it.
    pub fn add(
        &mut self,
        place: Place,
        new: Variant,
        cap: u32,
        is_there: impl Fn(Place) -> bool,
    ) -> (bool, Vec<Place>) {
        if place.0 == self.generation && place.1 <= self.wanted {
            self.made.insert(place.1);
            self.failed.remove(&place.1);
        }
        if self.failed.is_empty() {
            (self.retry_at, self.failures) = (0, 0);
        }
        let twins: Vec<_> = self.variants.iter().filter(|(at, it)| **at != place && it.value == new.value).collect();
        let twins: Vec<_> = twins.into_iter().map(|(at, _)| *at).collect();
        if twins.iter().any(|twin| is_there(*twin)) {
            self.duplicates += 1;
            return (true, Vec::new());
        }
        self.variants.retain(|place, _| !twins.contains(place));
        self.variants.insert(place, new);
        let mut order: Vec<_> =
            self.variants.iter().map(|(at, it)| (at.0, it.score.map_or(-1, i16::from), at.1)).collect();
        order.sort_unstable();
        let beyond = order.len().saturating_sub(cap as usize);
        let gone: Vec<_> = order[..beyond].iter().map(|(generation, _, entry)| (*generation, *entry)).collect();
        self.variants.retain(|place, _| !gone.contains(place));
        (false, gone)
    }

    pub fn fail(&mut self, entry: u32, retry_at: u64, now: u64) {
        let again = self.failed.contains(&entry) && self.retry_at > now;
        self.retry_at = if again { retry_at } else { self.retry_at.max(retry_at) };
        self.failures += 1;
        self.failed.insert(entry);
    }
}
