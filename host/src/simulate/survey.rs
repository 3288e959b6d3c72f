//! The first pass over a trace: how many keys there are, how much they take, and, for those who need to know the future, all
//! requests by number of the key. Takes some 40 bytes a unique key, and 4 to 8 a request where requests are kept.

use std::collections::HashMap;

use super::{Batch, Format, Trace};
use crate::error::{Error, Result};

const BATCH: usize = 4096;

/// What a trace holds.
pub(super) struct Survey {
    /// Unique keys.
    pub(super) unique: u64,
    /// The sum of their sizes, each as it was first asked for.
    pub(super) unique_bytes: u64,
    /// Requests.
    pub(super) requests: u64,
    /// Bytes requested.
    pub(super) bytes: u64,
    /// The keys requested, numbered as they first appear; empty if they were not to be kept.
    pub(super) ids: Vec<u32>,
    /// The sizes requested; empty while all are 1, or if they were not to be kept.
    sizes: Vec<u32>,
    /// The format that was read.
    pub(super) format: Format,
    /// Lines that were left out.
    pub(super) skipped: u64,
}

impl Survey {
    /// Reads a trace to its end. `progress` is told how many bytes were read.
    pub(super) fn take(trace: &mut Trace, keep: bool, mut progress: impl FnMut(u64)) -> Result<Self> {
        let mut numbers: HashMap<u64, u32> = HashMap::new();
        let (mut ids, mut sizes) = (Vec::new(), Vec::new());
        let (mut unique_bytes, mut requests, mut bytes) = (0u64, 0u64, 0u64);
        let mut batch = Batch::with_capacity(BATCH);
        while trace.read(&mut batch, BATCH)? {
            progress(trace.bytes_read());
            if batch.is_sized() && keep && sizes.is_empty() {
                sizes.resize(ids.len(), 1);
            }
            let is_sized = !sizes.is_empty() || batch.is_sized();
            for (&key, &size) in batch.keys().iter().zip(batch.sizes()) {
                let size = size.max(1);
                let next = u32::try_from(numbers.len()).map_err(|_| too_long())?;
                let id = *numbers.entry(key).or_insert_with(|| {
                    unique_bytes += u64::from(size);
                    next
                });
                bytes += u64::from(size);
                if keep {
                    ids.push(id);
                    if is_sized {
                        sizes.push(size);
                    }
                }
            }
            requests += batch.keys().len() as u64;
            // Places in the trace are numbers of 32 bits, and one of them means "never".
            if keep && requests >= u64::from(u32::MAX) {
                return Err(too_long());
            }
            batch.clear();
        }
        let unique = numbers.len() as u64;
        let (format, skipped) = (trace.format(), trace.skipped());
        Ok(Self { unique, unique_bytes, requests, bytes, ids, sizes, format, skipped })
    }

    /// Unique keys, and the sum of their sizes.
    pub(super) fn keys(&self) -> (u64, u64) {
        (self.unique, self.unique_bytes)
    }

    /// The size of the request at a place.
    pub(super) fn size(&self, place: usize) -> u32 {
        self.sizes.get(place).copied().unwrap_or(1)
    }
}

fn too_long() -> Error {
    Error::invalid(
        "the trace is too long to look into its future; cut it, or leave offline policies and percentages out",
    )
}
