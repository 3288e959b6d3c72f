//! The host's keyed hash of a namespace and key: chooses the shard and finds the record in the store.
//!
//! SipHash-1-3 under a key that is drawn at random, per store or per process, so that nobody who chooses keys can choose
//! collisions. Two keys with one hash share one place in the store: the later one wins, the other becomes a miss.
//!
//! The first 16 bits of a hash choose the shard. The entries of a pool's combination have them in common, so that one guest has them
//! all: their keys begin with `pool:`, and what is before `#` is the combination's.

use std::hash::Hasher;

use siphasher::sip::SipHasher13;

use crate::error::{Error, ErrorKind, Result};

#[cfg(test)]
thread_local! {
    /// What every key hashes to on this thread, for tests of what is said above.
    pub(crate) static CONSTANT: std::cell::Cell<Option<u64>> = const { std::cell::Cell::new(None) };
}

#[derive(Debug, Clone)]
pub(crate) struct KeyHasher {
    keyed: SipHasher13,
}

impl KeyHasher {
    pub(crate) fn new(key: &[u8; 16]) -> Self {
        Self { keyed: SipHasher13::new_with_key(key) }
    }

    /// Drawn at random, for a cache without a store.
    pub(crate) fn random() -> Result<Self> {
        Ok(Self::new(&random()?))
    }

    pub(crate) fn namespace(&self, name: &str) -> u64 {
        // 0 stands for "all namespaces" in the log.
        self.keyed.hash(name.as_bytes()).max(1)
    }

    #[inline]
    pub(crate) fn key(&self, namespace: u64, key: &[u8]) -> u64 {
        #[cfg(test)]
        if let Some(constant) = CONSTANT.get() {
            return constant;
        }
        match combination(key) {
            None => self.plain(namespace, key),
            Some(combination) => self.variant(namespace, key, self.plain(namespace, combination)),
        }
    }

    /// The hash of a pool's variant, whose combination has the hash `combination`.
    #[inline]
    pub(crate) fn variant(&self, namespace: u64, key: &[u8], combination: u64) -> u64 {
        combination >> 48 << 48 | self.plain(namespace, key) >> 16
    }

    #[inline]
    fn plain(&self, namespace: u64, key: &[u8]) -> u64 {
        let mut state = self.keyed;
        state.write_u64(namespace);
        state.write(key);
        state.finish()
    }
}

/// Of the key of a pool's variant, the part that is its combination's.
#[inline]
fn combination(key: &[u8]) -> Option<&[u8]> {
    if !key.starts_with(b"pool:") {
        return None;
    }
    key.iter().position(|byte| *byte == b'#').and_then(|at| key.get(..at))
}

/// Random bytes from the operating system.
pub(crate) fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|e| {
        Error::new(ErrorKind::Internal, "the operating system gives no random bytes").with(e.to_string())
    })?;
    Ok(bytes)
}
