//! Fears that a record restored from elsewhere loses its times, or gets past a limit that a write would not.

use larder_engine::config::ENTRY_OVERHEAD;
use larder_engine::{Config, Engine, ErrorCode, SetOptions, describe};

const NOW: u64 = 1_790_000_000_000;

fn engine(config: Config) -> Engine {
    let mut engine = Engine::open(config).expect("valid settings");
    engine.namespace("ns").expect("valid name");
    engine
}

fn record(options: &SetOptions) -> Vec<u8> {
    let mut writer = engine(Config { store: true, ..Config::default() });
    writer.set(0, b"key", &[7; 100], options, NOW, Some(9)).expect("fits").record
}

#[test]
fn a_restored_entry_keeps_its_times_under_a_new_version() {
    let options = SetOptions { ttl: Some(100), stale: Some(5), tags: vec!["t".into()], ..SetOptions::default() };
    let mut engine = engine(Config { store: true, ..Config::default() });
    let stored = engine.restore(0, &record(&options), NOW + 50, Some(20)).expect("sound");
    assert_eq!((stored.version, stored.gone), (20, Some(NOW + 105)));
    let hit = engine.get(0, b"key", NOW + 50).expect("known namespace").expect("there");
    assert_eq!((&*hit.value, hit.version, hit.created), (&[7; 100][..], 20, NOW));
    let said = describe(&stored.record).expect("sound");
    assert_eq!((said.expires, said.version, said.tags), (Some(NOW + 100), 20, vec!["t".to_owned()]));
    engine.check().expect("sound");
}

#[test]
fn a_record_that_is_over_or_of_another_namespace_is_not_restored() {
    let mut engine = engine(Config::default());
    let other = engine.namespace("other").expect("valid name");
    let record = record(&SetOptions { ttl: Some(100), ..SetOptions::default() });
    assert_eq!(engine.restore(0, &record, NOW + 100, None).expect_err("over").code, ErrorCode::Expired);
    assert_eq!(engine.restore(other, &record, NOW, None).expect_err("foreign").code, ErrorCode::AnotherKey);
    assert_eq!(engine.restore(0, &record[1..], NOW, None).expect_err("damaged").code, ErrorCode::Corrupt);
    assert_eq!(engine.stats(None).expect("of all").entries, 0);
}

#[test]
fn a_record_above_the_key_limit_is_refused() {
    let mut engine = engine(Config { max_key_size: 2, ..Config::default() });
    let refusal = engine.restore(0, &record(&SetOptions::default()), NOW, None).expect_err("above");
    assert_eq!(refusal.code, ErrorCode::KeyTooLarge);
}

#[test]
fn a_record_above_the_value_limit_is_refused() {
    let mut engine = engine(Config { max_entry_size: 99, ..Config::default() });
    let refusal = engine.restore(0, &record(&SetOptions::default()), NOW, None).expect_err("above");
    assert_eq!(refusal.code, ErrorCode::TooLarge);
}

#[test]
fn a_record_larger_than_the_memory_tier_is_refused_without_a_store() {
    let mut engine = engine(Config { max_bytes: (ENTRY_OVERHEAD + 50) as u64, ..Config::default() });
    engine.set(0, b"key", b"old", &SetOptions::default(), NOW, None).expect("fits");
    let answer = engine.restore(0, &record(&SetOptions::default()), NOW, None);
    assert_eq!(answer.expect_err("does not fit").code, ErrorCode::TooLarge);
    assert_eq!(engine.exists(0, b"key", NOW), Ok(true), "a refused write leaves the entry that was there");
}
