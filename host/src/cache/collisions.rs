//! A value handed out for a key because its hash is that of another: every key hashes to one number.
//!
//! 10,000 keys share one place in the store. Whatever is written last under any of them is found there, and no other; the
//! guest, which has a hash of its own, may know more. What is read is right or a miss. Seen to fail in step 2 with an engine
//! that takes a record for any key.

use std::collections::HashMap;

use super::{Builder, Cache, SetOptions};
use crate::hash::CONSTANT;

const KEYS: u64 = 10_000;

/// Every key hashes to one number as long as this lives.
struct OneHash;

impl OneHash {
    fn new(constant: u64) -> Self {
        CONSTANT.set(Some(constant));
        Self
    }
}

impl Drop for OneHash {
    fn drop(&mut self) {
        CONSTANT.set(None);
    }
}

fn builder() -> Builder {
    Cache::builder().shards(2).cleanup_interval(None).seed(1)
}

/// Operations on all keys; what is read must be what the model says, or nothing.
fn drive(cache: &Cache, model: &mut HashMap<u64, Vec<u8>>) {
    for n in 0..KEYS {
        cache.set(n.to_le_bytes(), n.to_string()).expect("written");
        model.insert(n, n.to_string().into_bytes());
    }
    let mut random = 1_u64;
    for step in 0..3 * KEYS {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let n = (random >> 33) % KEYS;
        let key = n.to_le_bytes();
        let value = format!("{n} at {step}");
        let options = SetOptions::new();
        match random >> 60 {
            0..4 => {
                cache.set(key, &value).expect("written");
                model.insert(n, value.into_bytes());
            }
            4..6 => {
                cache.delete(key).expect("deleted");
                model.remove(&n);
            }
            6 => {
                if cache.add(key, &value, &options).expect("taken").is_some() {
                    model.insert(n, value.into_bytes());
                }
            }
            7 => {
                if cache.replace(key, &value, &options).expect("taken").is_some() {
                    assert!(model.insert(n, value.into_bytes()).is_some(), "step {step} replaced nothing");
                }
            }
            8 => {
                let info = cache.inspect(key).expect("readable");
                assert!(info.is_none_or(|info| info.key == key && model.contains_key(&n)), "step {step}");
            }
            _ => check(cache, model, n, step),
        }
    }
    (0..KEYS).for_each(|n| check(cache, model, n, u64::MAX));
}

fn check(cache: &Cache, model: &HashMap<u64, Vec<u8>>, n: u64, step: u64) {
    let found = cache.get(n.to_le_bytes()).expect("readable");
    assert!(found.is_none() || found.as_ref() == model.get(&n), "step {step}: key {n} has {found:?}");
}

fn hits(cache: &Cache) -> u64 {
    (0..KEYS).filter(|n| cache.get(n.to_le_bytes()).expect("readable").is_some()).count() as u64
}

#[test]
fn in_memory_no_key_has_the_value_of_another() {
    for constant in [0, u64::MAX] {
        let _one = OneHash::new(constant);
        let cache = builder().open().expect("opens");
        let mut model = HashMap::new();
        drive(&cache, &mut model);
        assert_eq!(hits(&cache), model.len() as u64, "memory has room for all");
    }
}

#[test]
fn in_a_store_no_key_has_the_value_of_another() {
    let directory = tempfile::tempdir().expect("a directory");
    let _one = OneHash::new(42);
    let mut model = HashMap::new();
    // Little memory, so that most reads go to the store.
    let open = || builder().directory(&directory).max_memory(64 << 10).open().expect("opens");
    let cache = open();
    drive(&cache, &mut model);
    cache.set(7_u64.to_le_bytes(), "the last").expect("written");
    model.insert(7, b"the last".to_vec());
    drop(cache);
    let cache = open();
    (0..KEYS).for_each(|n| check(&cache, &model, n, 0));
    assert_eq!(hits(&cache), 1, "one place holds one entry");
    let counters = cache.stats().expect("statistics").memory.counters;
    assert!(counters.refused_other_key >= 2 * (KEYS - 1) && counters.refused == counters.refused_other_key);
    assert!(cache.verify(|_, _| ()).expect("verified").is_sound());
}

#[test]
fn a_change_by_another_process_is_seen_under_one_hash() {
    let directory = tempfile::tempdir().expect("a directory");
    let _one = OneHash::new(42);
    let open = || builder().directory(&directory).open().expect("opens");
    let (ours, theirs) = (open(), open());
    ours.set("a", "old").expect("written");
    ours.set("b", "b").expect("written");
    theirs.set("a", "new").expect("written");
    ours.get("b").expect("readable");
    let found = ours.get("a").expect("readable");
    assert_ne!(found.as_deref(), Some(&b"old"[..]), "an overwritten value");
}
