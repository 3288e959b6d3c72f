//! Counters that outlive processes: each adds what it counted, under the lock of writers.

use std::collections::BTreeMap;
use std::io;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{Advice, Store};
use crate::error::{Error, ErrorKind, Result};
use crate::storage::Mode;

/// Namespaces that have counters of their own, at most.
pub(super) const MAX_NAMESPACES: usize = 1000;

/// Bytes that a namespace takes in the file, about: its name and a dozen counters.
pub(super) const NAMESPACE_SIZE: u64 = 320;

/// Under which name the others are counted together: none that a namespace can have.
const OTHERS: &str = "";

/// The longest statistics file that is read.
const MAX_FILE: u64 = 4 << 20;

macro_rules! counters {
    ($($(#[$doc:meta])* $field:ident,)*) => {
        /// What was counted in a namespace: by a cache since it was opened, or by all processes since the store was made.
        #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Counters {
            $($(#[$doc])* pub $field: u64,)*
        }

        impl Counters {
            /// Adds `other`, counter by counter.
            pub fn add(&mut self, other: Self) {
                $(self.$field = self.$field.saturating_add(other.$field);)*
            }

            /// What was counted since `earlier`. A counter that began anew since then counts from zero.
            pub(crate) fn since(self, earlier: Self) -> Self {
                Self { $($field: self.$field.checked_sub(earlier.$field).unwrap_or(self.$field),)* }
            }
        }
    };
}

counters! {
    /// Reads that found an entry.
    hits,
    /// Of these, reads answered by the store.
    store_hits,
    /// Of these, reads answered with a stale value.
    stale_hits,
    /// Reads that found nothing.
    misses,
    /// Of these, reads that found an entry whose dependencies did not hold.
    dependencies_changed,
    /// Records refused, of the kinds that follow.
    refused,
    /// Records refused because they are damaged.
    refused_corrupt,
    /// Records refused because they are in a newer format.
    refused_newer,
    /// Records refused because their value is above the limit.
    refused_too_large,
    /// Records refused because they belong to another key.
    refused_other_key,
    /// Entries written.
    sets,
    /// Entries deleted.
    deletes,
    /// Entries removed because their time was over.
    expired,
    /// Entries that were found to have been made invalid.
    invalidated,
    /// Entries removed from memory to stay within its bytes.
    evicted_memory_bytes,
    /// Entries removed from memory to stay within the number it may hold.
    evicted_memory_entries,
    /// Entries removed from memory because a caller asked.
    evicted_asked,
    /// Entries that memory was full for and that its policy valued less than what is there.
    turned_away,
    /// Entries removed from the store to stay within its bytes.
    evicted_store_bytes,
    /// Entries removed from the store to stay within the number it may hold.
    evicted_store_entries,
    /// Operations refused or failed, of the kinds that follow.
    errors,
    /// Operations refused for an argument outside its range.
    invalid_arguments,
    /// Operations refused for a key above the limit.
    keys_too_large,
    /// Operations refused for a value above the limit.
    values_too_large,
    /// Operations that were to count what is no number.
    not_numbers,
    /// Operations refused because there was no room and nobody to go.
    full,
    /// Writes kept in memory only because another process held the lock for too long.
    lock_timeouts,
    /// Reads and writes that the disk failed, or that a store which is read-only could not take.
    store_errors,
    /// Calls in which the component was stopped.
    traps,
    /// Computations made for keys that were missing or due.
    computations,
    /// Of these, those that failed.
    computations_failed,
    /// Callers answered with what somebody computed whom they waited for.
    computations_shared,
    /// Entries written that were prefetched, and not asked for by then.
    prefetched,
    /// Of these, those that were asked for.
    prefetch_hits,
    /// Waits for a computation that took too long, so that the waiter computed itself.
    waits_given_up,
    /// Stale values not renewed because the workers had too much to do.
    refreshes_refused,
    /// Bytes of values written.
    bytes_written,
    /// Bytes of values read.
    bytes_read,
    /// Bytes given to the codec, of bodies that it made smaller.
    compressed_in,
    /// Bytes that came out for them.
    compressed_out,
    /// Bodies that DEFLATE made smaller.
    deflated,
    /// Bodies that LZ4 made smaller.
    lz4,
    /// Values not given to a codec because a sample of them, or what became of others like them, said that it would be in
    /// vain.
    incompressible,
    /// Bytes of these values.
    incompressible_bytes,
    /// Values compressed in memory because they had cooled.
    cooled,
    /// Values in memory made raw again because they were read repeatedly.
    warmed,
    /// Of the hits, those on values compressed in memory.
    cold_hits,
    /// Values in memory that did not inflate; each was a miss.
    cold_damaged,
    /// Nanoseconds that sets took in the component whose value was compressed.
    compress_ns,
    /// Nanoseconds that reads took in the component whose record was inflated.
    inflate_ns,
}

impl Counters {
    /// Reads that found an entry, of a hundred.
    pub fn hit_rate(&self) -> f64 {
        match self.hits + self.misses {
            0 => 0.0,
            reads => self.hits as f64 / reads as f64 * 100.0,
        }
    }

    /// Reads that found nothing, of a hundred.
    pub fn miss_rate(&self) -> f64 {
        match self.hits + self.misses {
            0 => 0.0,
            reads => self.misses as f64 / reads as f64 * 100.0,
        }
    }

    /// Prefetched entries that were asked for, of a hundred.
    pub fn prefetch_hit_rate(&self) -> f64 {
        match self.prefetched {
            0 => 0.0,
            entries => self.prefetch_hits as f64 / entries as f64 * 100.0,
        }
    }

    /// What compressed bodies take of their size, in percent; 100 when there are none.
    pub fn compression_ratio(&self) -> f64 {
        match self.compressed_in {
            0 => 100.0,
            bytes => self.compressed_out as f64 / bytes as f64 * 100.0,
        }
    }

    /// Entries given up for want of space, in memory and in the store.
    pub fn evictions(&self) -> u64 {
        self.evicted_memory_bytes
            + self.evicted_memory_entries
            + self.evicted_asked
            + self.evicted_store_bytes
            + self.evicted_store_entries
    }
}

/// The statistics file.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lifetime {
    /// When something was added last, Unix milliseconds.
    pub updated: u64,
    #[serde(deserialize_with = "a_thousand_namespaces")]
    /// By namespace; of more than a thousand the later ones together, under the empty name.
    pub namespaces: BTreeMap<String, Counters>,
    /// What other policies and sizes would hit.
    #[serde(default, skip_serializing_if = "Advice::is_empty")]
    pub advice: Advice,
}

/// Reads no more namespaces than are ever written, whatever a damaged file claims.
fn a_thousand_namespaces<'de, D: serde::Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<BTreeMap<String, Counters>, D::Error> {
    struct Visitor;
    impl<'de> serde::de::Visitor<'de> for Visitor {
        type Value = BTreeMap<String, Counters>;

        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            write!(f, "counters of at most {} namespaces", MAX_NAMESPACES + 1)
        }

        fn visit_map<A: serde::de::MapAccess<'de>>(self, mut map: A) -> std::result::Result<Self::Value, A::Error> {
            let mut all = BTreeMap::new();
            while let Some((name, counters)) = map.next_entry()? {
                all.insert(name, counters);
                if all.len() > MAX_NAMESPACES + 1 {
                    return Err(serde::de::Error::invalid_length(all.len(), &self));
                }
            }
            Ok(all)
        }
    }
    deserializer.deserialize_map(Visitor)
}

impl Lifetime {
    /// All namespaces added up, but for those in which the cache keeps what is its own (queues, plans, what was learnt): what it reads
    /// there says nothing of what was asked of it.
    pub fn total(&self) -> Counters {
        let mut total = Counters::default();
        let asked = self.namespaces.iter().filter(|(name, _)| !crate::cache::is_own(name));
        asked.for_each(|(_, counters)| total.add(*counters));
        total
    }
}

/// The file leaves out what is zero.
struct Sparse<'a>(&'a Lifetime);

impl Serialize for Sparse<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut value = serde_json::to_value(self.0).map_err(serde::ser::Error::custom)?;
        for counters in value["namespaces"].as_object_mut().into_iter().flat_map(|all| all.values_mut()) {
            if let Some(fields) = counters.as_object_mut() {
                fields.retain(|_, count| count.as_u64() != Some(0));
            }
        }
        value.serialize(serializer)
    }
}

impl Store {
    /// What all processes counted. A file that is missing or damaged is one that counted nothing yet.
    pub(crate) fn lifetime(&self) -> Lifetime {
        let path = self.layout.statistics();
        let read = self.layout.storage().open(&path, Mode::Read).and_then(|file| file.read_all(MAX_FILE));
        read.and_then(|bytes| serde_json::from_slice(&bytes).map_err(io::Error::from)).unwrap_or_else(|e| {
            if e.kind() != io::ErrorKind::NotFound {
                tracing::warn!("the statistics begin anew: {} cannot be read: {e}", path.display());
            }
            Lifetime::default()
        })
    }

    /// Adds what this process counted, if the lock can be had at once or `wait` says to wait for it; false when it was not.
    /// With `accesses`, what was read is noted too.
    pub(crate) fn add_statistics(
        &self,
        counted: &BTreeMap<String, Counters>,
        advice: &Advice,
        now: u64,
        wait: bool,
        accesses: bool,
    ) -> Result<bool> {
        let _locked = match self.lock(if wait { self.options.lock_timeout } else { Duration::ZERO }) {
            Err(e) if !wait && e.kind() == ErrorKind::Locked => return Ok(false),
            locked => locked?,
        };
        let saved = self.save_statistics(counted, advice, now);
        let noted = if accesses { self.save_accesses() } else { Ok(()) };
        saved.and(noted).map(|()| true)
    }

    fn save_statistics(&self, counted: &BTreeMap<String, Counters>, advice: &Advice, now: u64) -> Result<()> {
        if counted.is_empty() && advice.is_empty() {
            return Ok(());
        }
        let mut lifetime = self.lifetime();
        lifetime.updated = now;
        lifetime.advice.add(advice.clone());
        for (namespace, counters) in counted {
            // Names come from callers and may be without end.
            let full = lifetime.namespaces.len() >= self.options.counted_namespaces()
                && !lifetime.namespaces.contains_key(namespace);
            let name = if full { OTHERS } else { namespace };
            lifetime.namespaces.entry(name.to_owned()).or_default().add(*counters);
        }
        let bytes = serde_json::to_vec(&Sparse(&lifetime))
            .map_err(|e| Error::new(ErrorKind::Internal, "the statistics cannot be written").with(e))?;
        self.layout.write_whole(&self.layout.statistics(), &bytes, false)
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
