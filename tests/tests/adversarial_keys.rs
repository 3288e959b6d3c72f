//! Keys chosen to collide: a wrong value, or a cache that crawls.
//!
//! 100,000 keys that an adversary would send: a quarter each of keys whose hash under a SipHash-1-3 without a key
//! (that of the standard
//! library) ends in 8 zero bits, the same for FNV-1a, counters, and keys that differ only behind 200 equal bytes. They are written,
//! read and looked for when absent, in memory and with a store, and so are as many random keys of the same lengths; all
//! values must be right. How much slower the adversary's are is printed, not asserted: the scorecard's bar is 3 times.
//!
//! Keys: 20,000, in the long form 100,000.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use larder::{Builder, Cache};
use larder_tests::memory_disk::MemoryDisk;
use larder_tests::scale::{self, Random};

const ZERO_BITS: u64 = 0xFF;

fn siphash(key: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(key);
    hasher.finish()
}

fn fnv(key: &[u8]) -> u64 {
    key.iter().fold(0xCBF2_9CE4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01B3))
}

fn colliding(prefix: &str, count: usize, hash: impl Fn(&[u8]) -> u64) -> Vec<Vec<u8>> {
    let keys = (0_u64..).map(|n| format!("{prefix}{n}").into_bytes());
    keys.filter(|key| hash(key) & ZERO_BITS == 0).take(count).collect()
}

fn adversarial(count: usize) -> Vec<Vec<u8>> {
    let quarter = count / 4;
    let mut keys = colliding("s", quarter, siphash);
    keys.extend(colliding("f", quarter, fnv));
    keys.extend((0..quarter).map(|n| format!("key:{n:09}").into_bytes()));
    let prefix = "p".repeat(200);
    keys.extend((0..quarter).map(|n| format!("{prefix}{n:08}").into_bytes()));
    keys
}

fn random(keys: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut random = Random(scale::seed());
    let mut seen = HashSet::new();
    let mut drawn = |len: usize| loop {
        let key = random.bytes(len.max(6));
        if seen.insert(key.clone()) {
            return key;
        }
    };
    keys.iter().map(|key| drawn(key.len())).collect()
}

/// Writes and reads all keys, and looks for one beside each.
fn drive(cache: &Cache, keys: &[Vec<u8>]) -> Duration {
    let began = Instant::now();
    for (n, key) in keys.iter().enumerate() {
        cache.set(key, n.to_le_bytes()).expect("written");
    }
    for (n, key) in keys.iter().enumerate() {
        let found = cache.get(key).expect("readable");
        assert_eq!(found.as_deref(), Some(&n.to_le_bytes()[..]), "key {n}, {key:?}");
    }
    for (n, key) in keys.iter().enumerate() {
        let mut other = key.clone();
        other.push(b'!');
        assert_eq!(cache.get(&other).expect("readable"), None, "beside key {n}, {other:?}");
    }
    began.elapsed()
}

fn compare(what: &str, builder: impl Fn() -> Builder) {
    let chosen = adversarial(scale::rounds(20_000, 100_000) as usize);
    let drawn = random(&chosen);
    let open = || builder().shards(2).max_memory(256 << 20).cleanup_interval(None).open().expect("opens");
    // Warm, and the better of three: nothing hangs on it.
    let best = |keys: &[Vec<u8>]| (0..3).map(|_| drive(&open(), keys)).min().unwrap_or_default();
    let (bad, good) = (best(&chosen), best(&drawn));
    println!(
        "{what}, {} keys: adversarial {bad:?}, random {good:?}, ratio {:.2}",
        chosen.len(),
        bad.as_secs_f64() / good.as_secs_f64()
    );
}

#[test]
fn in_memory_every_value_is_right() {
    compare("memory", Cache::builder);
}

#[test]
fn in_a_store_every_value_is_right() {
    compare("store", || Cache::builder().directory("/keys").storage(Arc::new(MemoryDisk::new())));
}
