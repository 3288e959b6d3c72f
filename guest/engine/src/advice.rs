//! What another amount of memory, or another policy, would have brought: asked of shadows while the cache runs.
//!
//! A *shadow* is a cache of keys alone ([`crate::directory`]) that is shown the requests for a sample of the keys, chosen by
//! hash, and has the share of the memory that is the sample's share of the keys. There is one for the policy in force at
//! half, all and twice the memory, and one for each other sensible policy. The sample begins with all keys and is halved
//! whenever a shadow holds more than [`LARGEST`] entries; a request counts for as many as its sample stands for.
//!
//! A request is a read that hits, or an entry that comes in although memory had none under its key: that is how a read that
//! missed ends. So hits and misses of the cache itself are known, not estimated, and correct what the sample tells: the
//! misses of a shadow are multiplied by those of the cache over those of its own shadow. What is wrong with a
//! sample, a popular key too many for instance, is wrong with all shadows alike and thereby cancels out.
//!
//! Everything is counted since the engine was opened, emptied or got its policy. Source: Waldspurger et al., "Efficient MRC
//! construction with SHARDS" (2015) and "Cache modeling and optimization using miniature simulations" (2017).

use hashbrown::HashTable;

use crate::directory::{Directory, Outcome};
use crate::policy::{Entry, Objective, PolicyKind};
use crate::rng::mix;
use crate::time::NEVER;

/// Entries of a shadow above which the sample is halved.
const LARGEST: usize = 2048;

/// Ends of entries that a shadow knows at most.
const MOST_ENDS: usize = 2 * LARGEST;

/// Whom else to try at the present memory.
const SENSIBLE: [PolicyKind; 8] = [
    PolicyKind::Lru,
    PolicyKind::Lfu,
    PolicyKind::Sieve,
    PolicyKind::S3Fifo,
    PolicyKind::ClockPro,
    PolicyKind::WTinyLfu,
    PolicyKind::Gdsf,
    PolicyKind::Adaptive,
];

/// What a cache would have hit with this policy and so much memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Estimate {
    /// The policy.
    pub policy: PolicyKind,
    /// Its memory, in percent of what the memory tier may hold.
    pub capacity_percent: u32,
    /// Requests that the memory tier saw: reads that it could answer, and entries that came in.
    pub requests: u64,
    /// Of those, reads that would have been hits.
    pub hits: u64,
    /// Bytes of the entries requested, as the memory tier charges them.
    pub bytes: u64,
    /// Of those, bytes of hits.
    pub bytes_hit: u64,
}

/// Requests and their bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Count {
    number: u64,
    bytes: u64,
}

impl Count {
    fn add(&mut self, weight: u32, times: u64) {
        self.number = self.number.saturating_add(times);
        self.bytes = self.bytes.saturating_add(u64::from(weight).saturating_mul(times));
    }
}

struct Shadow {
    policy: PolicyKind,
    percent: u32,
    directory: Directory,
    /// When its entries are gone, of those that end. They need not be those of the cache: what the cache gave up and has anew,
    /// a shadow may have had all the time.
    ends: HashTable<(u64, u64)>,
    missed: Count,
}

impl Shadow {
    /// Whether it is a hit.
    fn request(&mut self, key: u64, request: &Request, now: u64) -> bool {
        self.expire(key, now);
        let mut is_hit = false;
        self.directory.request(key, &request.entry, |_, outcome| is_hit = outcome == Outcome::Hit);
        if !is_hit || request.renews {
            self.set_end(key, request.gone);
        }
        is_hit
    }

    /// Lets a key go that is gone at this time.
    fn expire(&mut self, key: u64, now: u64) {
        let end = self.ends.find(key, |&(other, _)| other == key).map_or(NEVER, |&(_, end)| end);
        if end <= now {
            self.directory.forget(key);
            self.set_end(key, NEVER);
        }
    }

    fn set_end(&mut self, key: u64, gone: u64) {
        if let Ok(known) = self.ends.find_entry(key, |&(other, _)| other == key) {
            known.remove();
        }
        if gone == NEVER {
            return;
        }
        if self.ends.len() >= MOST_ENDS {
            self.ends.retain(|&mut (key, _)| self.directory.contains(key));
        }
        self.ends.insert_unique(key, (key, gone), |&(key, _)| key);
    }
}

pub(crate) struct Advice {
    /// The first three have the policy in force.
    shadows: Vec<Shadow>,
    /// One key in two to the power of this is in the sample.
    sample_bits: u32,
    /// What the memory tier may hold.
    room: u64,
    /// All requests, and those that the memory tier missed.
    requests: Count,
    missed: Count,
    /// Bytes of the keys met since the sample was halved last, and those of them that are in the sample. A key that is there is
    /// met once an epoch, so that popular ones weigh no more than others.
    met: [u64; 2],
    /// When the epoch began, and bytes met in it.
    epoch: (u64, u64),
    objective: Objective,
    seed: u64,
}

/// The place in [`Advice::shadows`] of the one that has what the cache has.
const ITSELF: usize = 1;

/// A request, as the memory tier sees it.
pub(crate) struct Request {
    pub(crate) entry: Entry,
    /// When the entry is gone.
    pub(crate) gone: u64,
    /// Whether that is later than it was because of the request.
    pub(crate) renews: bool,
    pub(crate) kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A read that found its entry.
    Hit,
    /// An entry that came in: a read missed.
    Missed,
    /// An entry that was written over another. Nobody read, so it does not count.
    Overwritten,
}

impl Advice {
    pub(crate) fn new(policy: PolicyKind, objective: Objective, seed: u64) -> Self {
        let own = [50, 100, 200].map(|percent| (policy, percent));
        let others = SENSIBLE.into_iter().filter(|other| *other != policy).map(|other| (other, 100));
        let shadow = |(policy, percent): (PolicyKind, u32)| Shadow {
            policy,
            percent,
            directory: Directory::new([policy.build(objective, seed)], u64::MAX),
            ends: HashTable::new(),
            missed: Count::default(),
        };
        Self {
            shadows: own.into_iter().chain(others).map(shadow).collect(),
            sample_bits: 0,
            room: u64::MAX,
            requests: Count::default(),
            missed: Count::default(),
            met: [0; 2],
            epoch: (0, 0),
            objective,
            seed,
        }
    }

    /// Forgets everything, and has another policy in force perhaps.
    pub(crate) fn begin_anew(&mut self, policy: PolicyKind) {
        *self = Self::new(policy, self.objective, self.seed);
    }

    /// A key's place in the sample, if it is in it: those with zeros in the lowest bits are. Drawn independently of the
    /// samples that policies draw.
    #[inline]
    fn sampled(&self, hash: u32) -> Option<u64> {
        let key = mix(u64::from(hash) ^ !self.seed);
        (key.trailing_zeros() >= self.sample_bits).then_some(key)
    }

    /// Counts a request for an entry that was accessed at `before`; true if the shadows want to see it.
    #[inline]
    pub(crate) fn count(&mut self, hash: u32, weight: u32, kind: Kind, before: u64, now: u64) -> bool {
        let is_sampled = self.sampled(hash).is_some();
        if kind != Kind::Overwritten {
            self.requests.add(weight, 1);
        }
        if kind == Kind::Missed {
            self.missed.add(weight, 1);
        }
        if kind == Kind::Missed || before < self.epoch.0 {
            let weight = u64::from(weight);
            self.met[0] += weight;
            self.met[1] += if is_sampled { weight } else { 0 };
            self.epoch.1 += weight;
            if self.epoch.1 / 2 > self.room {
                self.epoch = (now, 0);
            }
        }
        is_sampled
    }

    /// Shows a request to the shadows, of a memory tier that may hold `room` bytes.
    pub(crate) fn show(&mut self, request: &Request, room: u64, now: u64) {
        let Some(key) = self.sampled(request.entry.hash) else { return };
        self.set_room(room);
        let stands_for = 1 << self.sample_bits;
        let mut largest = 0;
        for shadow in &mut self.shadows {
            let is_hit = shadow.request(key, request, now);
            if !is_hit && request.kind != Kind::Overwritten {
                shadow.missed.add(request.entry.weight, stands_for);
            }
            largest = largest.max(shadow.directory.len(0));
        }
        if largest > LARGEST {
            self.halve();
        }
    }

    /// The entry with this hash was deleted: whatever shadows have of it goes.
    pub(crate) fn forget(&mut self, hash: u32) {
        self.expire(hash, NEVER);
    }

    /// The time of the entry with this hash is over: what shadows have of it goes, unless it has another end.
    pub(crate) fn expire(&mut self, hash: u32, gone: u64) {
        if let Some(key) = self.sampled(hash) {
            self.shadows.iter_mut().for_each(|shadow| shadow.expire(key, gone));
        }
    }

    /// The policy in force with half, all and twice the memory, then the others.
    pub(crate) fn estimates(&self) -> Vec<Estimate> {
        let itself = self.shadows[ITSELF].missed;
        let estimate = |shadow: &Shadow| Estimate {
            policy: shadow.policy,
            capacity_percent: shadow.percent,
            requests: self.requests.number,
            hits: hits(self.requests.number, shadow.missed.number, self.missed.number, itself.number),
            bytes: self.requests.bytes,
            bytes_hit: hits(self.requests.bytes, shadow.missed.bytes, self.missed.bytes, itself.bytes),
        };
        self.shadows.iter().map(estimate).collect()
    }

    /// Gives the shadows their part of the memory. How much of the keys is in the sample tells who was met, and as
    /// long as that is little, what should be. A capacity that changes a little changes nothing: every change would cost entries.
    fn set_room(&mut self, room: u64) {
        let [all, sampled] = self.met.map(u128::from);
        let expected = u128::from(room).max(1);
        let room = u128::from(room).saturating_mul((sampled << self.sample_bits) + expected) / (all + expected);
        let room = u64::try_from(room).unwrap_or(u64::MAX);
        if room > (self.room / 64).saturating_mul(65) || room < self.room / 64 * 63 || self.room == u64::MAX {
            self.room = room;
            let bits = self.sample_bits;
            self.shadows.iter_mut().for_each(|s| s.directory.set_capacity(share(room, s.percent, bits)));
        }
    }

    fn halve(&mut self) {
        while self.sample_bits < 32 && self.shadows.iter().any(|shadow| shadow.directory.len(0) > LARGEST) {
            self.sample_bits += 1;
            let (bits, room) = (self.sample_bits, self.room);
            let keep = |key: u64| key.trailing_zeros() >= bits;
            self.shadows.iter_mut().for_each(|shadow| {
                shadow.directory.retain(share(room, shadow.percent, bits), keep);
                shadow.ends.retain(|&mut (key, _)| keep(key));
            });
            self.met = [0; 2];
        }
    }

    /// Whether every shadow is sound and small.
    pub(crate) fn check(&self) -> Result<(), String> {
        for shadow in &self.shadows {
            shadow.directory.check()?;
            if shadow.directory.len(0) > LARGEST || shadow.ends.len() > MOST_ENDS {
                return Err(format!("a shadow holds {} entries, {} ends", shadow.directory.len(0), shadow.ends.len()));
            }
        }
        if self.missed.number > self.requests.number {
            return Err(format!("{} of {} requests missed", self.missed.number, self.requests.number));
        }
        Ok(())
    }
}

/// What a shadow may hold.
fn share(room: u64, percent: u32, sample_bits: u32) -> u64 {
    let share = (u128::from(room) * u128::from(percent) / 100) >> sample_bits;
    u64::try_from(share).unwrap_or(u64::MAX)
}

/// What was not missed of so many: a shadow's misses, corrected by those of the cache over those of its own shadow.
fn hits(requests: u64, missed: u64, really: u64, itself: u64) -> u64 {
    let missed = match itself {
        0 => u128::from(missed),
        _ => u128::from(missed) * u128::from(really) / u128::from(itself),
    };
    requests - u64::try_from(missed).unwrap_or(u64::MAX).min(requests)
}

#[cfg(test)]
mod tests;
