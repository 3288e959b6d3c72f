//! Fears that the bytes charged are not the bytes taken: the statistics would lie and the limit would not hold.

use larder_engine::config::ENTRY_OVERHEAD;
use larder_engine::{Config, Durability, Engine, SetOptions};

/// Id and length before the data of a field.
const FIELD: usize = 1 + 2;

fn engine(max_bytes: u64) -> Engine {
    let mut engine = Engine::open(Config { max_bytes, ..Config::default() }).expect("valid settings");
    engine.namespace("ns").expect("valid name");
    engine
}

fn bytes(engine: &Engine) -> u64 {
    engine.check().expect("sound");
    engine.stats(None).expect("of all").bytes
}

/// Options with what they are charged.
fn samples() -> Vec<(SetOptions, usize)> {
    let o = SetOptions::default;
    let pair = |a: &str, b: &str| (a.to_owned(), b.to_owned());
    vec![
        (o(), 0),
        (SetOptions { ttl: Some(5), durability: Durability::Sync, ..o() }, 0),
        (SetOptions { content_type: "text/html".into(), ..o() }, FIELD + "text/html".len()),
        (SetOptions { tags: vec!["a".into(), "ü".into()], ..o() }, 2 * FIELD + 1 + "ü".len()),
        (SetOptions { metadata: vec![pair("name", "text")], ..o() }, FIELD + 2 + "name".len() + "text".len()),
        (SetOptions { tti: Some(9), ..o() }, FIELD + size_of::<u64>()),
        (SetOptions { ttl: Some(5), stale: Some(9), ..o() }, FIELD + size_of::<u64>()),
    ]
}

#[test]
fn an_entry_is_charged_overhead_key_value_and_fields() {
    for (options, fields) in samples() {
        let mut engine = engine(1 << 20);
        engine.set(0, b"key", b"value", &options, 1, None).expect("fits");
        let charge = (ENTRY_OVERHEAD + "key".len() + "value".len() + fields) as u64;
        assert_eq!(bytes(&engine), charge, "{options:?}");
        assert_eq!(engine.inspect(0, b"key", 1).expect("known namespace").expect("there").size, charge);
    }
}

#[test]
fn an_entry_of_exactly_the_limit_fits_and_one_byte_more_does_not() {
    for (options, fields) in samples() {
        let limit = (ENTRY_OVERHEAD + "key".len() + "value".len() + fields) as u64;
        assert!(engine(limit).set(0, b"key", b"value", &options, 1, None).is_ok(), "{options:?}");
        assert!(engine(limit - 1).set(0, b"key", b"value", &options, 1, None).is_err(), "{options:?}");
    }
}

#[test]
fn charges_add_up_and_go_away() {
    let mut engine = engine(1 << 20);
    let other = engine.namespace("other").expect("valid name");
    let mut sum = 0;
    for (n, (options, fields)) in samples().into_iter().enumerate() {
        let (key, value) = (format!("key{n}"), vec![0; n * 100]);
        engine.set(n as u32 % 2, key.as_bytes(), &value, &options, 1, None).expect("fits");
        sum += (ENTRY_OVERHEAD + key.len() + value.len() + fields) as u64;
        assert_eq!(bytes(&engine), sum);
    }
    let of_each = [0, other].map(|ns| engine.stats(Some(ns)).expect("known namespace").bytes);
    assert_eq!(of_each.iter().sum::<u64>(), sum);

    let size =
        |engine: &mut Engine, key: &[u8]| engine.inspect(0, key, 1).expect("known namespace").expect("there").size;
    let deleted = size(&mut engine, b"key0");
    assert_eq!(engine.delete(0, b"key0", None, 1), Ok(true));
    assert_eq!(bytes(&engine), sum - deleted);
    let before = size(&mut engine, b"key2");
    engine.set(0, b"key2", b"", &SetOptions::default(), 1, None).expect("fits");
    let after = size(&mut engine, b"key2");
    assert_eq!(bytes(&engine), sum - deleted - before + after, "an overwrite replaces the charge");
    engine.evict(1);
    engine.clear(Some(other)).expect("known namespace");
    assert_eq!(engine.stats(Some(other)).expect("known namespace").bytes, 0);
    engine.clear(None).expect("of all");
    assert_eq!(bytes(&engine), 0);
}

#[test]
fn an_admitted_record_is_charged_like_the_write_it_came_from() {
    for (options, _) in samples() {
        let config = Config { store: true, compression_threshold: 1, ..Config::default() };
        let mut engine = Engine::open(config).expect("valid settings");
        engine.namespace("ns").expect("valid name");
        let record = engine.set(0, b"key", &[7; 500], &options, 1, None).expect("fits").record;
        let charged = bytes(&engine);
        engine.forget(0, b"key").expect("known namespace");
        assert_eq!(bytes(&engine), 0);
        engine.admit(0, b"key", &record, 1).expect("its own record");
        assert_eq!(bytes(&engine), charged);
    }
}
