//! Traces to simulate, made from a seed, in every way in which they can be written.

use std::io::Write;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

/// Requests for `keys` keys, the lower ones more often, with a size for each key.
pub fn requests(seed: u64, count: usize, keys: u64) -> Vec<(u64, u32)> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut draw = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state >> 11
    };
    (0..count)
        .map(|_| {
            let key = (draw() % keys).min(draw() % keys);
            (key, 1 + (key * 7919 % 1000) as u32)
        })
        .collect()
}

/// `key,size` lines.
pub fn sized(requests: &[(u64, u32)]) -> Vec<u8> {
    requests.iter().flat_map(|(key, size)| format!("{key},{size}\n").into_bytes()).collect()
}

/// `key` lines.
pub fn bare(requests: &[(u64, u32)]) -> Vec<u8> {
    requests.iter().flat_map(|(key, _)| format!("{key}\n").into_bytes()).collect()
}

/// libCacheSim's records.
pub fn oracle_general(requests: &[(u64, u32)]) -> Vec<u8> {
    let record = |(place, (key, size)): (usize, &(u64, u32))| {
        let time = place as u32 / 10;
        [&time.to_le_bytes()[..], &key.to_le_bytes(), &size.to_le_bytes(), &(-1i64).to_le_bytes()].concat()
    };
    requests.iter().enumerate().flat_map(record).collect()
}

pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(bytes).expect("a vector takes all");
    encoder.finish().expect("a vector takes all")
}

pub fn zstd(bytes: &[u8]) -> Vec<u8> {
    compress_to_vec(bytes, CompressionLevel::Fastest)
}

/// Hits of `lru` with 10 entries, counted slowly.
pub fn lru_hits(keys: impl IntoIterator<Item = u64>, capacity: usize) -> u64 {
    let mut held: Vec<u64> = Vec::new();
    let mut hits = 0;
    for key in keys {
        if let Some(place) = held.iter().position(|held| *held == key) {
            held.remove(place);
            hits += 1;
        } else if held.len() == capacity {
            held.remove(0);
        }
        held.push(key);
    }
    hits
}

/// Hits of `lru` on a file, counted by Larder.
pub fn simulated(path: &Path, capacity: u64) -> larder::Result<larder::simulate::Report> {
    use larder::simulate::{Capacity, Simulate};
    Simulate::new().policies(["lru"]).capacities([Capacity::Amount(capacity)]).run(path)
}
