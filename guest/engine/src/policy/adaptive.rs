//! `adaptive`: the rules that serve the present load best, found while it runs.
//!
//! The cache has the structure of [`super::windowed`]. Eight *experts* with different rules, which together are good at all loads that
//! are known to matter (recency, frequency, scans, loops longer than the cache, bursts), are tried at the same time on
//! a sample of the keys: a *shadow* for each holds keys only, and has the share of the cache's room that is the sample's
//! share of the keys. A sample begins with all keys and is halved whenever a shadow holds more than [`LARGEST`] entries.
//!
//! The hits of each shadow are added up, the older ones fading by a factor of [`FADING`] a round. When an expert leads the one in
//! force by more than a tenth of the entries of a shadow, its rules take over: a change makes the cache exchange what it
//! holds, and should bring more hits than that costs.
//!
//! Which experts: from 400 combinations of rules, those that together have most hits, over traces of storage, databases, web
//! services and language models, with the best of them chosen for each. `docs/benchmarks/` has what leaving traces out of that
//! choice changes.
//!
//! Source of the idea of shadows: Vietri et al., "Driving cache replacement with ML-based LeCaR" (2018), for experts; Waldspurger et
//! al., "Cache modeling and optimization using miniature simulations" (2017), for scaled-down caches on sampled keys.

use alloc::boxed::Box;
use alloc::string::String;

use super::windowed::{Rules, Windowed};
use super::{Entry, Objective, Policy, Worth};
use crate::directory::{Directory, Outcome};
use crate::sampling::Sampling;

/// Entries of a shadow above which the sample is halved; it then holds about half of it.
const LARGEST: u64 = 1024;

/// Requests to the shadows in a round: one for each of so many entries.
const ROUND: u64 = 4;

/// A round is at least so many requests.
const SHORTEST: u64 = 32;

const FADING: f32 = 0.995;

/// The leader must be ahead by the shadow's entries divided by this.
const LEAD: f32 = 10.0;

/// How many experts there are.
const EXPERTS: usize = 8;

/// Who tries for hits, or bytes, whatever the size of the entries.
const FOR_HITS: [Rules; EXPERTS] = [
    rules(50, 500, false, true, false),
    rules(800, 0, false, true, false),
    rules(10, 800, true, false, true),
    rules(10, 0, false, true, false),
    rules(200, 800, true, true, false),
    rules(10, 800, false, true, true),
    rules(200, 0, true, true, true),
    rules(10, 0, true, false, true),
];

/// Who tries for much worth by the byte.
const BY_THE_BYTE: [Rules; EXPERTS] = [
    rules(100, 800, true, false, false),
    rules(10, 800, true, false, false),
    rules(200, 800, true, false, false),
    rules(10, 800, true, false, true),
    rules(400, 800, true, false, false),
    rules(100, 800, true, true, false),
    rules(10, 800, true, true, false),
    rules(50, 500, false, true, false),
];

const fn rules(window: u16, protected: u16, admission: bool, history: bool, promotion: bool) -> Rules {
    Rules { window, protected, admission, history, promotion }
}

pub(crate) struct Adaptive {
    cache: Windowed,
    experts: &'static [Rules; EXPERTS],
    shadows: Directory<Windowed>,
    /// What the hits of each shadow were worth, faded.
    scores: [f32; EXPERTS],
    /// What hits on all requests would have been worth, and their number, both faded.
    requested: (f32, f32),
    /// The expert in force.
    current: usize,
    sampling: Sampling,
    /// Requests to the shadows in this round.
    requests: u64,
    objective: Objective,
    seed: u64,
}

impl Adaptive {
    pub(crate) fn new(objective: Objective, seed: u64) -> Self {
        let experts = if objective.is_by_the_byte() { &BY_THE_BYTE } else { &FOR_HITS };
        let shadows = experts.iter().map(|rules| Box::new(Windowed::fixed(*rules, objective, seed)));
        Self {
            cache: Windowed::new(experts[0], objective, seed),
            experts,
            shadows: Directory::new(shadows, u64::MAX),
            scores: [0.0; EXPERTS],
            requested: (0.0, 0.0),
            current: 0,
            sampling: Sampling::new(seed),
            requests: 0,
            objective,
            seed,
        }
    }

    /// Shows a request to the shadows if its key is in the sample.
    #[inline]
    fn learn(&mut self, entry: &Entry) {
        if let Some(key) = self.sampling.sampled(entry.hash) {
            self.request(key, entry);
        }
    }

    fn request(&mut self, key: u64, entry: &Entry) {
        let gain = self.objective.gain(entry.weight, entry.worth);
        let scores = &mut self.scores;
        self.shadows.request(key, entry, |at, outcome| {
            if outcome == Outcome::Hit {
                scores[at] += gain;
            }
        });
        self.requested = (self.requested.0 + gain, self.requested.1 + 1.0);
        self.requests += 1;
        let entries = self.shadows.len(0) as u64;
        if entries > LARGEST {
            self.sampling.halve();
            self.shadows.retain(self.shadows.capacity(0) / 2, |key| self.sampling.keeps(key));
        }
        if self.requests >= (entries / ROUND).max(SHORTEST) {
            self.end_round();
        }
    }

    fn end_round(&mut self) {
        self.requests = 0;
        let ahead = |at: &usize| self.scores[*at];
        let leader = (0..EXPERTS).max_by(|a, b| ahead(a).total_cmp(&ahead(b))).unwrap_or(self.current);
        let lead = self.scores[leader] - self.scores[self.current];
        if lead > self.stake() / LEAD {
            self.current = leader;
            self.cache.set_rules(self.experts[leader]);
        }
        self.scores.iter_mut().for_each(|score| *score *= FADING);
        self.requested = (self.requested.0 * FADING, self.requested.1 * FADING);
    }

    /// What one hit on every entry of a shadow would bring.
    fn stake(&self) -> f32 {
        let (gain, requests) = self.requested;
        match self.objective {
            Objective::Bytes => self.shadows.weight(0) as f32,
            _ => self.shadows.len(0) as f32 * gain / requests,
        }
    }
}

impl Policy for Adaptive {
    fn inserted(&mut self, id: u32, entry: &Entry) {
        self.cache.inserted(id, entry);
        self.learn(entry);
    }

    #[inline]
    fn accessed(&mut self, id: u32, worth: &dyn Worth) {
        self.cache.accessed(id, worth);
        let (hash, weight) = self.cache.hash_and_weight(id);
        if let Some(key) = self.sampling.sampled(hash) {
            self.request(key, &Entry { hash, weight, worth: worth.worth(id) });
        }
    }

    fn overwritten(&mut self, id: u32, entry: &Entry) {
        self.cache.overwritten(id, entry);
        self.learn(entry);
    }

    fn reweighed(&mut self, id: u32, weight: u32) {
        self.cache.reweighed(id, weight);
    }

    fn removed(&mut self, id: u32, evicted: bool) {
        self.cache.removed(id, evicted);
    }

    fn victim(&mut self, incoming: Option<&Entry>, worth: &dyn Worth) -> Option<u32> {
        // The cache is full: so much room there is, and a part of it for each shadow.
        let room = self.cache.weight() + incoming.map_or(0, |entry| u64::from(entry.weight));
        let room = room / self.sampling.stands_for();
        let known = self.shadows.capacity(0);
        if room > (known / 16).saturating_mul(17) || room < known / 16 * 15 || known == u64::MAX {
            self.shadows.set_capacity(room);
        }
        self.cache.victim(incoming, worth)
    }

    fn clear(&mut self) {
        *self = Self::new(self.objective, self.seed);
    }

    fn check(&self) -> Result<u32, String> {
        self.shadows.check()?;
        self.cache.check()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shadows_see_what_a_hit_is_worth() {
        let mut policy = Adaptive::new(Objective::Cost, 0);
        let costly = Entry { hash: 7, weight: 100, worth: 50.0 };
        policy.inserted(0, &costly);
        policy.accessed(0, &costly);
        assert_eq!(policy.scores, [50.0; EXPERTS]);
    }
}
