//! Fears versions that repeat or shrink: a compare-and-set would then overwrite what it never saw.

use larder_engine::{Config, Engine, Item, SetOptions};

const NOW: u64 = 1_790_000_000_000;

fn engine() -> Engine {
    let mut engine = Engine::open(Config { store: true, ..Config::default() }).expect("valid settings");
    engine.namespace("ns").expect("valid name");
    engine
}

fn set(engine: &mut Engine, key: &[u8], sequence: Option<u64>) -> u64 {
    let stored = engine.set(0, key, b"1", &SetOptions::default(), NOW, sequence).expect("fits");
    let hit = engine.get(0, key, NOW).expect("known namespace").expect("just set");
    assert_eq!(hit.version, stored.version, "a read answers the version that the write answered");
    stored.version
}

/// A record of `k` with the version 100, written by an engine that is gone.
fn record_of_version_100() -> Vec<u8> {
    engine().set(0, b"k", b"1", &SetOptions::default(), NOW, Some(100)).expect("fits").record
}

#[test]
fn without_a_sequence_number_a_version_is_one_more_than_the_highest() {
    let mut engine = engine();
    let first = set(&mut engine, b"a", None);
    assert_eq!(set(&mut engine, b"b", None), first + 1);
    assert_eq!(set(&mut engine, b"a", Some(50)), 50);
    assert_eq!(set(&mut engine, b"a", Some(20)), 20, "a host may number as it likes");
    assert_eq!(set(&mut engine, b"b", None), 51);
    engine.clear(None).expect("of all");
    assert_eq!(set(&mut engine, b"b", None), 52, "clearing forgets no version");
}

#[test]
fn a_refused_write_uses_no_version_up() {
    let mut engine = engine();
    let first = set(&mut engine, b"a", None);
    let zero = SetOptions { ttl: Some(0), ..SetOptions::default() };
    engine.set(0, b"a", b"v", &zero, NOW, None).expect_err("a time of zero");
    assert_eq!(engine.add(0, b"a", b"v", &SetOptions::default(), None, NOW, Some(99)), Ok(None));
    assert_eq!(set(&mut engine, b"a", None), first + 1);
}

#[test]
fn an_admitted_record_has_been_seen() {
    let mut engine = engine();
    engine.admit(0, b"k", &record_of_version_100(), NOW).expect("sound");
    assert_eq!(set(&mut engine, b"a", None), 101);
}

#[test]
fn a_record_passed_to_a_conditional_write_has_been_seen() {
    let (record, o) = (record_of_version_100(), SetOptions::default());
    let record = Some(record.as_slice());
    let touched = engine().touch(0, b"k", None, record, NOW, None).expect("valid").expect("there");
    assert_eq!(touched.version, 101, "touch");
    let replaced = engine().replace(0, b"k", b"v", &o, record, NOW, None).expect("valid").expect("there");
    assert_eq!(replaced.version, 101, "replace");
    let swapped = engine().compare_and_set(0, b"k", 100, b"v", &o, record, NOW, None).expect("valid").expect("there");
    assert_eq!(swapped.version, 101, "compare_and_set");
    let (_, counted) = engine().increment(0, b"k", 1, &o, record, NOW, None).expect("a number");
    assert_eq!(counted.version, 101, "increment");
}

#[test]
fn a_batch_is_numbered_in_order() {
    let mut engine = engine();
    let item = |key: &[u8]| Item { key: key.to_vec(), value: b"v".to_vec(), options: SetOptions::default() };
    let items = [item(b"a"), item(b""), item(b"a")];
    let versions = |engine: &mut Engine, sequence| {
        let answers = engine.set_many(0, &items, NOW, sequence);
        answers.into_iter().map(|answer| answer.ok().map(|stored| stored.version)).collect::<Vec<_>>()
    };
    assert_eq!(versions(&mut engine, Some(10)), [Some(10), None, Some(12)], "place by place");
    assert_eq!(versions(&mut engine, None), [Some(13), None, Some(14)], "one after the other");
}

#[test]
fn a_large_sequence_number_is_kept_exactly_or_refused() {
    for bits in [32, 47, 48, 49, 63] {
        for sequence in [(1 << bits) - 1, 1 << bits] {
            let mut engine = engine();
            let Ok(stored) = engine.set(0, b"k", b"v", &SetOptions::default(), NOW, Some(sequence)) else { continue };
            assert_eq!(stored.version, sequence);
            let hit = engine.get(0, b"k", NOW).expect("known namespace").expect("just set");
            assert_eq!(hit.version, sequence, "version {sequence} as read from the memory tier");
        }
    }
}

#[test]
fn the_largest_sequence_number_is_no_trap() {
    let mut engine = engine();
    let options = SetOptions::default();
    if engine.set(0, b"k", b"v", &options, NOW, Some(u64::MAX)).is_ok() {
        // Whatever the answer, it must be one.
        let _ = engine.set(0, b"k", b"v", &options, NOW, None);
    }
    let item = Item { key: b"a".to_vec(), ..Item::default() };
    assert_eq!(engine.set_many(0, [&item, &item], NOW, Some(u64::MAX)).len(), 2);
    engine.check().expect("sound");
}
