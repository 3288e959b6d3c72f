//! What could be had by who knows the whole trace: two policies and a bound.
//!
//! * `belady`: the entry goes that is asked for latest (Belady, IBM Systems Journal 1966). With entries of one size no
//!   policy that takes in every miss hits more.
//! * `belady-size`: the entry goes whose size times time until it is asked for is the largest, of 128 drawn at random.
//! * `pfoo-l`: no policy, a bound that none can pass (PFOO-L; Berger, Beckmann, Harchol-Balter, SIGMETRICS 2018). Between two
//!   requests for a key its entry takes size times time of the cache; the intervals that take least count as hits until
//!   they take together what the cache has over the whole trace. It says nothing of whether they fit at each moment. Its byte hit
//!   ratio is another bound, for who is after bytes: of the intervals that take least for a byte.

use std::collections::BinaryHeap;

use super::Unit;
use super::survey::Survey;

/// Entries that `belady-size` looks at.
const SAMPLE: usize = 128;

/// No request comes any more.
const NEVER: u32 = u32::MAX;

/// A policy or bound that knows the future.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Offline {
    Belady,
    BeladySize,
    PfooL,
}

/// Hits, and bytes that were there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Found {
    pub(super) hits: u64,
    pub(super) bytes_hit: u64,
}

impl Offline {
    const ALL: [Self; 3] = [Self::Belady, Self::BeladySize, Self::PfooL];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Belady => "belady",
            Self::BeladySize => "belady-size",
            Self::PfooL => "pfoo-l",
        }
    }

    pub(super) fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|offline| offline.name() == name)
    }

    /// The one that says most of what can be had.
    pub(super) fn best(unit: Unit) -> Self {
        match unit {
            Unit::Entries => Self::Belady,
            Unit::Bytes => Self::PfooL,
        }
    }

    /// Replays a trace.
    pub(super) fn compute(self, survey: &Survey, unit: Unit, capacity: u64, seed: u64) -> Found {
        let trace = Future { survey, unit, next: next_requests(survey) };
        match self {
            Self::Belady => trace.replay(capacity, Latest { held: BinaryHeap::new() }),
            Self::BeladySize => trace.replay(capacity, LatestAndLargest { state: seed }),
            Self::PfooL => trace.bound(capacity),
        }
    }
}

/// For each request, where the next one for its key is.
fn next_requests(survey: &Survey) -> Vec<u32> {
    let mut next = vec![NEVER; survey.ids.len()];
    let mut seen = vec![NEVER; survey.unique as usize];
    for (place, &id) in survey.ids.iter().enumerate().rev() {
        next[place] = std::mem::replace(&mut seen[id as usize], place as u32);
    }
    next
}

struct Future<'a> {
    survey: &'a Survey,
    unit: Unit,
    next: Vec<u32>,
}

/// An entry that is held.
#[derive(Debug, Clone, Copy)]
struct Held {
    id: u32,
    /// Where its key is asked for next.
    next: u32,
    weight: u32,
}

/// Entries that are held, and where each is.
struct Entries {
    held: Vec<Held>,
    /// By key.
    places: Vec<u32>,
}

const ABSENT: u32 = u32::MAX;

impl Entries {
    fn get(&self, id: u32) -> Option<Held> {
        self.held.get(self.places[id as usize] as usize).copied()
    }

    fn put(&mut self, entry: Held) {
        let place = &mut self.places[entry.id as usize];
        match self.held.get_mut(*place as usize) {
            Some(held) => *held = entry,
            None => {
                *place = self.held.len() as u32;
                self.held.push(entry);
            }
        }
    }

    fn remove(&mut self, id: u32) {
        let place = std::mem::replace(&mut self.places[id as usize], ABSENT);
        self.held.swap_remove(place as usize);
        if let Some(moved) = self.held.get(place as usize) {
            self.places[moved.id as usize] = place;
        }
    }
}

/// Who goes.
trait Choice {
    /// The entry came in, or was asked for.
    fn requested(&mut self, entry: Held, entries: &Entries);
    /// One of the entries, of which there is one at least.
    fn victim(&mut self, entries: &Entries, now: u32) -> u32;
}

/// Entries by when they are asked for next. Those that were asked for meanwhile stay in the heap until they come up or
/// outnumber the others.
struct Latest {
    held: BinaryHeap<(u32, u32)>,
}

impl Choice for Latest {
    fn requested(&mut self, entry: Held, entries: &Entries) {
        self.held.push((entry.next, entry.id));
        if self.held.len() > 2 * entries.held.len() + 1024 {
            self.held = entries.held.iter().map(|entry| (entry.next, entry.id)).collect();
        }
    }

    fn victim(&mut self, entries: &Entries, _now: u32) -> u32 {
        while let Some((next, id)) = self.held.pop() {
            if entries.get(id).is_some_and(|entry| entry.next == next) {
                return id;
            }
        }
        entries.held[0].id
    }
}

struct LatestAndLargest {
    state: u64,
}

impl Choice for LatestAndLargest {
    fn requested(&mut self, _entry: Held, _entries: &Entries) {}

    fn victim(&mut self, entries: &Entries, now: u32) -> u32 {
        let cost = |entry: &Held| match entry.next {
            NEVER => u64::MAX,
            next => u64::from(next - now) * u64::from(entry.weight),
        };
        let held = &entries.held;
        if held.len() <= SAMPLE {
            return held.iter().max_by_key(|entry| cost(entry)).map_or(0, |entry| entry.id);
        }
        let mut draw = || {
            // SplitMix64 (Steele, Lea, Flood 2014), scaled to the number of entries.
            self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.state;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            let place = ((z >> 32) * held.len() as u64) >> 32;
            held[place as usize]
        };
        let mut worst = draw();
        for _ in 1..SAMPLE {
            let other = draw();
            if cost(&other) > cost(&worst) {
                worst = other;
            }
        }
        worst.id
    }
}

impl Future<'_> {
    fn weight(&self, place: usize) -> u32 {
        match self.unit {
            Unit::Entries => 1,
            Unit::Bytes => self.survey.size(place),
        }
    }

    /// A cache that takes in every miss that fits.
    fn replay(&self, capacity: u64, mut choice: impl Choice) -> Found {
        let mut found = Found::default();
        let mut entries = Entries { held: Vec::new(), places: vec![ABSENT; self.survey.unique as usize] };
        let mut taken = 0u64;
        for (place, (&id, &next)) in self.survey.ids.iter().zip(&self.next).enumerate() {
            let entry = Held { id, next, weight: self.weight(place) };
            if let Some(held) = entries.get(id) {
                found.hits += 1;
                found.bytes_hit += u64::from(self.survey.size(place));
                if held.weight == entry.weight {
                    entries.put(entry);
                    choice.requested(entry, &entries);
                    continue;
                }
                // It changed its size: in again, as what it is now.
                entries.remove(id);
                taken -= u64::from(held.weight);
            }
            let weight = u64::from(entry.weight);
            if weight > capacity {
                continue;
            }
            while taken + weight > capacity {
                let victim = choice.victim(&entries, place as u32);
                taken -= entries.get(victim).map_or(0, |held| u64::from(held.weight));
                entries.remove(victim);
            }
            taken += weight;
            entries.put(entry);
            choice.requested(entry, &entries);
        }
        found
    }

    /// The bound PFOO-L.
    fn bound(&self, capacity: u64) -> Found {
        // Of each interval: what it takes, and the bytes that a hit at its end brings.
        let mut intervals: Vec<(u64, u32)> = Vec::new();
        for (place, &next) in self.next.iter().enumerate() {
            let weight = self.weight(place);
            if next != NEVER && u64::from(weight) <= capacity {
                let time = u64::from(next) - place as u64;
                intervals.push((time * u64::from(weight), self.survey.size(next as usize)));
            }
        }
        let room = u128::from(capacity) * self.next.len() as u128;
        // Hits of the first intervals, and bytes, of which the first one that does not fit brings a part.
        let affordable = |intervals: &[(u64, u32)]| {
            let (mut hits, mut bytes, mut left) = (0u64, 0u64, room);
            for &(cost, size) in intervals {
                if u128::from(cost) > left {
                    return (hits, bytes + (left * u128::from(size) / u128::from(cost)) as u64);
                }
                left -= u128::from(cost);
                hits += 1;
                bytes += u64::from(size);
            }
            (hits, bytes)
        };
        intervals.sort_unstable();
        let hits = affordable(&intervals).0;
        intervals.sort_unstable_by(|a, b| {
            // a costs less for a byte than b.
            (u128::from(a.0) * u128::from(b.1)).cmp(&(u128::from(b.0) * u128::from(a.1)))
        });
        Found { hits, bytes_hit: affordable(&intervals).1 }
    }
}
