//! A sample of the keys, chosen by hash, that can be halved: all requests for a key are in it or none.
//!
//! Source: Waldspurger, Park, Garthwaite and Ahmad, "Efficient MRC construction with SHARDS" (2015).

use crate::rng::mix;

#[derive(Debug, Clone, Copy)]
pub(crate) struct Sampling {
    /// One key in two to the power of this is in the sample.
    bits: u32,
    seed: u64,
}

impl Sampling {
    /// All keys. Samples with different seeds are independent of each other.
    pub(crate) fn new(seed: u64) -> Self {
        Self { bits: 0, seed }
    }

    /// What the key with this hash is called in the sample, if it is in it: a number whose bits are evenly distributed.
    #[inline]
    pub(crate) fn sampled(&self, hash: u32) -> Option<u64> {
        let key = mix(u64::from(hash) ^ self.seed);
        self.keeps(key).then_some(key)
    }

    /// Whether a key that was in the sample still is: those with zeros in the lowest bits are.
    #[inline]
    pub(crate) fn keeps(&self, key: u64) -> bool {
        key.trailing_zeros() >= self.bits
    }

    /// Half of the keys leave. Stops at one in four thousand million.
    pub(crate) fn halve(&mut self) {
        self.bits = (self.bits + 1).min(32);
    }

    /// How many keys one in the sample stands for.
    pub(crate) fn stands_for(&self) -> u64 {
        1 << self.bits
    }
}
