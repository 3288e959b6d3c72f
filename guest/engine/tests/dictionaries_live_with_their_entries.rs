//! Fears dictionaries that outlive their entries, that are missing when one needs them, that never follow what values
//! become, or that take more than they save.

use larder_engine::config::ENTRY_OVERHEAD;
use larder_engine::{Codec, Config, Engine, NamespaceId, PolicyKind, SetOptions, Statistics};

fn open(max_bytes: u64) -> (Engine, NamespaceId) {
    let mut engine = Engine::open(Config { max_bytes, cold_tier: true, policy: PolicyKind::Lru, ..Config::default() })
        .expect("valid settings");
    let ns = engine.namespace("ns").expect("a name");
    (engine, ns)
}

fn mixed(n: u64) -> u64 {
    (n + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 20
}

fn old(n: u64) -> Vec<u8> {
    let (a, b) = (mixed(n), mixed(n + 1_000_000));
    format!("{{\"customer_identifier\":{a},\"shipping_address\":{{\"street\":\"Main Street\",\"number\":{}}},\"total\":{b},\"currency\":\"EUR\",\"state\":\"delivered\"}}", a % 90).into_bytes()
}

fn new(n: u64) -> Vec<u8> {
    let (a, b) = (mixed(n), mixed(n + 1_000_000));
    format!("<article rev=\"{a}\"><headline>Weather for tomorrow, region {}</headline><temperature unit=\"celsius\">{}</temperature><station>{b}</station></article>", a % 50, b % 30).into_bytes()
}

fn fill(engine: &mut Engine, ns: NamespaceId, numbers: std::ops::Range<u64>, value: fn(u64) -> Vec<u8>) {
    for n in numbers {
        engine.set(ns, &n.to_le_bytes(), &value(n), &SetOptions::default(), 1, None).expect("written");
        engine.maintain(1, 1 << 20);
    }
    engine.check().expect("sound");
}

fn stats(engine: &Engine, ns: NamespaceId) -> Statistics {
    engine.stats(Some(ns)).expect("known")
}

#[test]
fn small_values_that_are_alike_shrink_to_a_third_and_come_back() {
    let (mut engine, ns) = open(200_000);
    fill(&mut engine, ns, 0..3_000, old);
    let s = stats(&engine, ns);
    assert!(s.dictionary_bytes > 0 && s.dictionary_bytes < 200_000 / 32, "{s:?}");
    assert!(s.cold_entries * 10 > s.entries * 8 && s.cold_bytes * 3 < s.cold_values, "{s:?}");
    for n in 0..3_000u64 {
        if let Some(hit) = engine.get(ns, &n.to_le_bytes(), 1).expect("known") {
            assert_eq!(*hit.value, old(n));
        }
    }
}

#[test]
fn the_last_entry_takes_its_dictionary_along() {
    let (mut engine, ns) = open(200_000);
    let other = engine.namespace("other").expect("a name");
    fill(&mut engine, ns, 0..1_000, old);
    fill(&mut engine, other, 0..400, new);
    assert!(stats(&engine, ns).dictionary_bytes > 0);
    engine.clear(Some(ns)).expect("known");
    engine.check().expect("sound");
    assert_eq!((stats(&engine, ns).dictionary_bytes, stats(&engine, ns).bytes), (0, 0));
    for n in 0..400u64 {
        engine.delete(other, &n.to_le_bytes(), None, 1).expect("known");
        engine.check().expect("sound");
    }
    assert_eq!(engine.stats(None).expect("of all").bytes, 0);
    fill(&mut engine, ns, 0..1_000, old);
    assert!(stats(&engine, ns).dictionary_bytes > 0, "and a new one is trained in its time");
}

/// An emptied cache gave its first dictionary the number of the one before, which the compressor still knew by it: values were packed with
/// one and inflated with the other.
#[test]
fn an_emptied_cache_packs_with_what_it_inflates_with() {
    let (mut engine, ns) = open(200_000);
    let first = (0..10_000).find(|&n| {
        fill(&mut engine, ns, n..n + 1, old);
        stats(&engine, ns).dictionary_bytes > 0
    });
    assert!(first.is_some(), "its first dictionary is there");
    engine.clear(None).expect("all");
    // Alike, so that the old dictionary would pay as well, and other ones, so that the new one is another.
    fill(&mut engine, ns, 20_000..21_000, old);
    assert!(stats(&engine, ns).cold_entries > 0);
    for n in 20_000..21_000u64 {
        if let Some(hit) = engine.get(ns, &n.to_le_bytes(), 1).expect("known") {
            assert_eq!(String::from_utf8_lossy(&hit.value), String::from_utf8_lossy(&old(n)));
        }
    }
    assert_eq!(stats(&engine, ns).cold_damaged, 0);
}

#[test]
fn a_namespace_whose_values_change_gets_another_dictionary() {
    let (mut engine, ns) = open(200_000);
    fill(&mut engine, ns, 0..1_500, old);
    let before = stats(&engine, ns);
    fill(&mut engine, ns, 10_000..16_000, new);
    let after = stats(&engine, ns);
    assert!(after.cold_bytes * 2 < after.cold_values, "{before:?} became {after:?}");
    assert!(after.dictionary_bytes < 2 * before.dictionary_bytes, "old versions do not pile up: {after:?}");
}

#[test]
fn an_entry_that_fits_alone_is_kept_beside_no_dictionary() {
    // A new entry, and one in place of an entry that the dictionary was made for.
    for key in [1_000u64, 800] {
        let (mut engine, ns) = open(200_000);
        fill(&mut engine, ns, 0..1_000, old);
        let there = engine.inspect(ns, &key.to_le_bytes(), 1).expect("known").map(|info| info.codec);
        assert_eq!(there, (key < 1_000).then_some(Codec::Deflate), "key {key}");
        let large = vec![7; 200_000 - ENTRY_OVERHEAD - 8];
        engine.set(ns, &key.to_le_bytes(), &large, &SetOptions::default(), 1, None).expect("fits");
        engine.check().expect("sound");
        let s = stats(&engine, ns);
        assert_eq!((s.entries, s.dictionary_bytes), (1, 0));
        let held = engine.get(ns, &key.to_le_bytes(), 1).expect("known").map(|hit| hit.value.len());
        assert_eq!(held, Some(large.len()));
    }
}
