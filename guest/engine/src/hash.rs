//! The keyed hash of the index: SipHash-1-3 under a key drawn from the engine's seed, so that nobody who chooses keys can
//! choose collisions.

use crate::rng::SplitMix64;
use crate::sip::Sip13;

#[cfg(test)]
thread_local! {
    /// What every key hashes to on this thread, for tests of the full compare.
    pub(crate) static CONSTANT: std::cell::Cell<Option<u32>> = const { std::cell::Cell::new(None) };
}

#[derive(Debug, Clone)]
pub(crate) struct KeyHasher {
    key: Sip13,
}

impl KeyHasher {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = SplitMix64::new(seed);
        Self { key: Sip13::new([rng.next(), rng.next()]) }
    }

    /// The namespace is folded in by exclusive or: equal keys of two namespaces land apart, and the full compare
    /// settles what is left.
    #[inline]
    pub(crate) fn hash(&self, namespace: u16, key: &[u8]) -> u32 {
        #[cfg(test)]
        if let Some(constant) = CONSTANT.get() {
            return constant;
        }
        let h = self.key.hash(key);
        (h ^ (h >> 32)) as u32 ^ u32::from(namespace).wrapping_mul(0x9E37_79B9)
    }

    /// The hash of a tag in a namespace.
    pub(crate) fn tag(&self, namespace: u16, tag: &str) -> u64 {
        self.key.hash(tag.as_bytes()) ^ u64::from(namespace).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }
}
