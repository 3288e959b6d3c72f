//! Counters that outlive processes: each adds what it counted, under the lock of writers.

use std::collections::BTreeMap;
use std::fs;
use std::io;

use serde::{Deserialize, Serialize};

use super::Store;
use super::layout::{Layout, write_whole};
use crate::error::{Error, Result};

/// What was counted in a namespace: by a cache since it was opened, or by all processes since the store was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Reads that found an entry.
    pub hits: u64,
    /// Of these, reads answered by the store.
    pub store_hits: u64,
    /// Of these, reads answered with a stale value.
    pub stale_hits: u64,
    /// Reads that found nothing.
    pub misses: u64,
    /// Records refused as damaged, foreign or too new.
    pub refused: u64,
    /// Entries written.
    pub sets: u64,
    /// Entries deleted.
    pub deletes: u64,
    /// Entries removed because their time was over.
    pub expired: u64,
    /// Operations refused.
    pub errors: u64,
    /// Bytes of values written.
    pub bytes_written: u64,
    /// Bytes of values read.
    pub bytes_read: u64,
    /// Bytes given to the codec, of bodies that it made smaller.
    pub compressed_in: u64,
    /// Bytes that came out for them.
    pub compressed_out: u64,
}

impl Counters {
    fn fields(&mut self) -> [&mut u64; 13] {
        [
            &mut self.hits,
            &mut self.store_hits,
            &mut self.stale_hits,
            &mut self.misses,
            &mut self.refused,
            &mut self.sets,
            &mut self.deletes,
            &mut self.expired,
            &mut self.errors,
            &mut self.bytes_written,
            &mut self.bytes_read,
            &mut self.compressed_in,
            &mut self.compressed_out,
        ]
    }

    /// Adds `other`, counter by counter.
    pub fn add(&mut self, mut other: Self) {
        for (sum, more) in self.fields().into_iter().zip(other.fields()) {
            *sum = sum.saturating_add(*more);
        }
    }

    /// What was counted since `earlier`. A counter that began anew since then counts from zero.
    pub(crate) fn since(mut self, mut earlier: Self) -> Self {
        for (now, before) in self.fields().into_iter().zip(earlier.fields()) {
            *now = now.checked_sub(*before).unwrap_or(*now);
        }
        self
    }

    /// Reads that found an entry, of a hundred.
    pub fn hit_rate(&self) -> f64 {
        match self.hits + self.misses {
            0 => 0.0,
            reads => self.hits as f64 / reads as f64 * 100.0,
        }
    }
}

/// The statistics file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime {
    /// When something was added last, Unix milliseconds.
    pub updated: u64,
    /// Entries given up to stay within the bounds of the store.
    #[serde(default)]
    pub store_evictions: u64,
    /// By namespace.
    pub namespaces: BTreeMap<String, Counters>,
}

impl Lifetime {
    /// All namespaces added up.
    pub fn total(&self) -> Counters {
        let mut total = Counters::default();
        self.namespaces.values().for_each(|counters| total.add(*counters));
        total
    }
}

impl Store {
    /// What all processes counted. A file that is missing or damaged is one that counted nothing yet.
    pub(crate) fn lifetime(&self) -> Lifetime {
        let path = Layout::new(&self.root).statistics();
        let read = fs::read(&path).and_then(|bytes| serde_json::from_slice(&bytes).map_err(io::Error::from));
        read.unwrap_or_else(|e| {
            if e.kind() != io::ErrorKind::NotFound {
                tracing::warn!("the statistics begin anew: {} cannot be read: {e}", path.display());
            }
            Lifetime::default()
        })
    }

    /// Adds what this process counted.
    pub(crate) fn add_statistics(
        &self,
        counted: &BTreeMap<String, Counters>,
        store_evictions: u64,
        now: u64,
    ) -> Result<()> {
        let writer = self.writer();
        let lock = writer.lock.as_ref().filter(|_| !self.is_read_only()).ok_or_else(|| self.refuse_writes())?;
        lock.acquire(self.options.lock_timeout)?;
        let mut lifetime = self.lifetime();
        lifetime.updated = now;
        lifetime.store_evictions = lifetime.store_evictions.saturating_add(store_evictions);
        for (namespace, counters) in counted {
            lifetime.namespaces.entry(namespace.clone()).or_default().add(*counters);
        }
        let written = serde_json::to_vec(&lifetime)
            .map_err(|e| Error::new(crate::ErrorKind::Internal, "the statistics cannot be written").with(e))
            .and_then(|bytes| write_whole(&Layout::new(&self.root).statistics(), &bytes, false));
        lock.release();
        written
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_twice_is_added_once() {
        let earlier = Counters { hits: 5, misses: 2, ..Counters::default() };
        let now = Counters { hits: 8, misses: 1, sets: 3, ..Counters::default() };
        // The misses began anew: a shard was rebuilt.
        assert_eq!(now.since(earlier), Counters { hits: 3, misses: 1, sets: 3, ..Counters::default() });
        let mut sum = earlier;
        sum.add(now.since(earlier));
        assert_eq!((sum.hits, sum.misses, sum.sets), (8, 3, 3));
        assert_eq!(sum.hit_rate(), 8.0 / 11.0 * 100.0);
    }
}
