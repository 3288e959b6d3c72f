//! Many entries at once. Each has its own outcome; a batch is not atomic.
//!
//! One call into each shard's guest, in parts that its memory can bear; one turn of the store's lock and one write to its
//! log; what has to be read from the log is read in the order in which it lies there.
//!
//! A batch of writes holds the shards that it touches until it is in the log, in the order of their numbers: else a reader
//! could take in again the older record that the log still has.

mod delete;
mod get;
mod set;

use super::Cache;

/// Bytes of keys and values that a guest is handed at once.
const PART_BYTES: usize = 1 << 20;

/// Keys that a guest is handed at once.
const PART_KEYS: usize = 1024;

impl Cache {
    /// The places of a batch by the shard that they belong to, in order; shards without one are left out.
    fn by_shard(&self, hashes: impl IntoIterator<Item = u64>) -> Vec<(usize, Vec<usize>)> {
        let mut places = vec![Vec::new(); self.inner.shards.len()];
        for (place, hash) in hashes.into_iter().enumerate() {
            places[self.inner.shard_number(hash)].push(place);
        }
        places.into_iter().enumerate().filter(|(_, places)| !places.is_empty()).collect()
    }
}

/// How many from the front are handed over at once: at least one.
fn part(sizes: impl Iterator<Item = usize>) -> usize {
    let mut bytes = 0_usize;
    let fitting = sizes.take(PART_KEYS).take_while(|size| {
        bytes = bytes.saturating_add(*size);
        bytes <= PART_BYTES
    });
    fitting.count().max(1)
}
