//! libCacheSim's oracleGeneral: records of 24 bytes, little endian, packed: time in seconds (4), key (8), size (4), when the
//! key is asked for next (8, signed). Only key and size matter here.

use std::io::{self, BufReader, Read};

use super::source::Bytes;
use super::{Fault, MAX_SIZE, Place, Request};

/// Bytes of a record.
pub(super) const RECORD: usize = 24;

pub(super) struct Records {
    input: BufReader<Bytes>,
    /// Of the record that was read last, from 1.
    number: u64,
}

impl Records {
    pub(super) fn new(input: BufReader<Bytes>) -> Self {
        Self { input, number: 0 }
    }

    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Request>, Fault> {
        let mut record = [0; RECORD];
        let mut filled = 0;
        while filled < RECORD {
            match self.input.read(&mut record[filled..]) {
                Ok(0) => break,
                Ok(read) => filled += read,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(e) => return Err(Fault::Source(e)),
            }
        }
        if filled == 0 {
            return Ok(None);
        }
        self.number += 1;
        let broken = |what| Err(Fault::Broken(Place::Record(self.number), what));
        if filled < RECORD {
            return broken(format!("the file ends after {filled} of its {RECORD} bytes"));
        }
        let (key, size) = key_and_size(&record);
        if size > MAX_SIZE {
            return broken(format!("a size of {size} bytes is more than {MAX_SIZE}; is this oracleGeneral?"));
        }
        Ok(Some(Request { key, size }))
    }
}

#[inline]
fn key_and_size(record: &[u8; RECORD]) -> (u64, u32) {
    let byte = |at: usize| record[at];
    (
        u64::from_le_bytes(std::array::from_fn(|i| byte(4 + i))),
        u32::from_le_bytes(std::array::from_fn(|i| byte(12 + i))),
    )
}

/// Whether bytes look like records: times do not go back, sizes and next accesses are possible.
pub(super) fn is_likely(head: &[u8]) -> bool {
    let mut last = 0;
    let mut records = head.chunks_exact(RECORD).peekable();
    records.peek().is_some()
        && records.all(|record| {
            let Ok(record) = <&[u8; RECORD]>::try_from(record) else { return false };
            let time = u32::from_le_bytes(std::array::from_fn(|i| record[i]));
            let next = i64::from_le_bytes(std::array::from_fn(|i| record[16 + i]));
            let is_possible = time >= last && key_and_size(record).1 <= MAX_SIZE && next >= -1;
            last = time;
            is_possible
        })
}
