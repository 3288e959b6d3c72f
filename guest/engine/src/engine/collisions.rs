//! A value handed out for a key because its hash is that of another: every key hashes to one number.
//!
//! Seen to fail with `Slot::is` comparing the hash and the namespace only.

use super::Engine;
use crate::config::{Config, SetOptions};
use crate::hash::CONSTANT;

const KEYS: u32 = 10_000;
const NOW: u64 = 1_000;

fn key(n: u32) -> [u8; 4] {
    n.to_le_bytes()
}

#[test]
fn keys_of_one_hash_are_told_apart() {
    CONSTANT.set(Some(0x8000_0001));
    let mut engine = Engine::open(Config::default()).expect("valid settings");
    let spaces = [0, 1].map(|n| engine.namespace(&format!("ns{n}")).expect("a namespace"));
    for n in 0..KEYS {
        let set = engine.set(spaces[(n % 2) as usize], &key(n), &n.to_be_bytes(), &SetOptions::default(), NOW, None);
        set.expect("written");
    }
    for n in (0..KEYS).step_by(3) {
        assert!(engine.delete(spaces[(n % 2) as usize], &key(n), None, NOW).expect("deleted"), "key {n}");
    }
    engine.check().expect("no contradiction");
    for n in 0..KEYS {
        let expected = (n % 3 != 0).then(|| n.to_be_bytes().to_vec());
        let found = engine.get(spaces[(n % 2) as usize], &key(n), NOW).expect("known");
        assert_eq!(found.map(|hit| hit.value.into_owned()), expected, "key {n}");
        assert!(engine.get(spaces[((n + 1) % 2) as usize], &key(n), NOW).expect("known").is_none(), "key {n}");
    }
    CONSTANT.set(None);
}

#[test]
fn a_record_of_another_key_is_refused() {
    CONSTANT.set(Some(7));
    let mut engine = Engine::open(Config { store: true, ..Config::default() }).expect("valid settings");
    let ns = engine.namespace("ns").expect("a namespace");
    let records: Vec<_> = (0..100)
        .map(|n| engine.set(ns, &key(n), &n.to_be_bytes(), &SetOptions::default(), NOW, None).expect("written").record)
        .collect();
    engine.clear(None).expect("cleared");
    for (n, record) in (0..).zip(&records) {
        let other = (n + 1) % 100;
        assert!(engine.admit(ns, &key(other), record, NOW).is_err(), "record {n} is not key {other}'s");
        assert_eq!(&*engine.admit(ns, &key(n), record, NOW).expect("its own").value, n.to_be_bytes());
        engine.forget(ns, &key(n)).expect("forgotten");
    }
    CONSTANT.set(None);
}
