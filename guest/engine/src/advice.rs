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

mod shadow;

use alloc::string::String;
use alloc::vec::Vec;

use shadow::{Count, MOST_ENDS, Shadow};
pub(crate) use shadow::{Kind, Request};

use crate::policy::{Objective, PolicyKind};
use crate::sampling::Sampling;
use crate::time::NEVER;

/// Entries of a shadow above which the sample is halved.
const LARGEST: usize = 2048;

/// Whom else to try at the present memory.
const SENSIBLE: [PolicyKind; if cfg!(feature = "policies") { 8 } else { 5 }] = [
    PolicyKind::Lru,
    #[cfg(feature = "policies")]
    PolicyKind::Lfu,
    PolicyKind::Sieve,
    PolicyKind::S3Fifo,
    #[cfg(feature = "policies")]
    PolicyKind::ClockPro,
    PolicyKind::WTinyLfu,
    #[cfg(feature = "policies")]
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

pub(crate) struct Advice {
    /// The first three have the policy in force.
    shadows: Vec<Shadow>,
    /// Drawn independently of the samples that policies draw.
    sampling: Sampling,
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

impl Advice {
    pub(crate) fn new(policy: PolicyKind, objective: Objective, seed: u64) -> Self {
        let own = [50, 100, 200].map(|percent| (policy, percent));
        let others = SENSIBLE.into_iter().filter(|other| *other != policy).map(|other| (other, 100));
        let shadow = |(policy, percent): (PolicyKind, u32)| Shadow::new(policy, percent, objective, seed);
        Self {
            shadows: own.into_iter().chain(others).map(shadow).collect(),
            sampling: Sampling::new(!seed),
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

    /// Counts a request for an entry that was accessed at `before`; true if the shadows want to see it.
    #[inline]
    pub(crate) fn count(&mut self, hash: u32, weight: u32, kind: Kind, before: u64, now: u64) -> bool {
        let is_sampled = self.sampling.sampled(hash).is_some();
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
        let Some(key) = self.sampling.sampled(request.entry.hash) else { return };
        self.set_room(room);
        let stands_for = self.sampling.stands_for();
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
        if let Some(key) = self.sampling.sampled(hash) {
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
        let room = u128::from(room).saturating_mul(sampled * u128::from(self.sampling.stands_for()) + expected)
            / (all + expected);
        let room = u64::try_from(room).unwrap_or(u64::MAX);
        if room > (self.room / 64).saturating_mul(65) || room < self.room / 64 * 63 || self.room == u64::MAX {
            self.room = room;
            let sampling = self.sampling;
            self.shadows.iter_mut().for_each(|s| s.directory.set_capacity(share(room, s.percent, sampling)));
        }
    }

    fn halve(&mut self) {
        while self.shadows.iter().any(|shadow| shadow.directory.len(0) > LARGEST) {
            self.sampling.halve();
            let (sampling, room) = (self.sampling, self.room);
            self.shadows.iter_mut().for_each(|shadow| shadow.retain(share(room, shadow.percent, sampling), sampling));
            self.met = [0; 2];
        }
    }

    /// Whether every shadow is sound and small.
    pub(crate) fn check(&self) -> Result<(), String> {
        for shadow in &self.shadows {
            shadow.directory.check()?;
            if shadow.directory.len(0) > LARGEST || shadow.ends() > MOST_ENDS {
                return Err(text!("a shadow holds ", shadow.directory.len(0), " entries, ", shadow.ends(), " ends"));
            }
        }
        if self.missed.number > self.requests.number {
            return Err(text!(self.missed.number, " of ", self.requests.number, " requests missed"));
        }
        Ok(())
    }
}

/// What a shadow may hold.
fn share(room: u64, percent: u32, sampling: Sampling) -> u64 {
    let share = u128::from(room) * u128::from(percent) / 100 / u128::from(sampling.stands_for());
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
