//! Fears that a record which is damaged, foreign, too new, over or outdated is served, harms the memory tier, or is
//! overwritten by somebody who could not read it.

use larder_engine::{Codec, Config, Engine, Error, ErrorCode, Rule, SetOptions, describe, names};

const NOW: u64 = 1_790_000_000_000;

fn engine() -> Engine {
    let config = Config { store: true, compression_threshold: 64, ..Config::default() };
    let mut engine = Engine::open(config).expect("valid settings");
    engine.namespace("ns").expect("valid name");
    engine.namespace("other").expect("valid name");
    engine
}

/// A record of the key `k` in `ns`, made by an engine of its own.
fn record(value: &[u8], options: &SetOptions) -> Vec<u8> {
    engine().set(0, b"k", value, options, NOW, None).expect("fits").record
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, Error>) -> ErrorCode {
    answer.expect_err("a refusal").code
}

/// Offers a bad record to an engine that has a bystander in memory; only the counter of refusals may change.
fn offered(key: &[u8], record: &[u8], now: u64) -> (ErrorCode, u64) {
    let mut engine = engine();
    engine.set(0, b"bystander", b"safe", &SetOptions::default(), NOW, None).expect("fits");
    let before = engine.stats(None).expect("of all");
    let code = refusal(engine.admit(0, key, record, now));
    engine.check().expect("sound");
    let after = engine.stats(None).expect("of all");
    assert_eq!((after.entries, after.bytes, after.admitted), (before.entries, before.bytes, before.admitted));
    assert_eq!(engine.get(0, key, now), Ok(None));
    assert_eq!(engine.exists(0, b"bystander", now), Ok(true));
    (code, after.refused)
}

#[test]
fn every_flipped_bit_is_refused() {
    for value in [&b"short"[..], &[b'x'; 500]] {
        let record = record(value, &SetOptions { ttl: Some(1_000), ..SetOptions::default() });
        for bit in 0..record.len() * 8 {
            let mut damaged = record.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let (code, refused) = offered(b"k", &damaged, NOW);
            assert!(matches!(code, ErrorCode::Corrupt | ErrorCode::NewerFormat), "bit {bit}: {code:?}");
            assert_eq!(refused, 1);
        }
    }
}

#[test]
fn nothing_damaged_fills_memory_from_a_store() {
    let good = record(b"v", &SetOptions::default());
    for bit in 0..good.len() * 8 {
        let mut damaged = good.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        let mut engine = engine();
        let code = refusal(engine.load(0, &damaged, NOW));
        assert!(matches!(code, ErrorCode::Corrupt | ErrorCode::NewerFormat), "bit {bit}: {code:?}");
        assert!(!engine.is_sound(&damaged, 1, NOW), "bit {bit}");
        let stats = engine.stats(None).expect("of all");
        assert_eq!((stats.refused, stats.entries), (1, 0));
    }
    let mut engine = engine();
    assert_eq!(engine.accessed(&good), Ok(0), "it is not in memory");
    assert_eq!(&*engine.load(0, &good, NOW + 1).expect("sound").value, b"v");
    assert_eq!(engine.exists(0, b"k", NOW), Ok(true));
    assert_eq!((names(&good), engine.accessed(&good)), (Ok(("ns", &b"k"[..])), Ok(NOW + 1)));
    assert_eq!((engine.is_sound(&good, 1, NOW), engine.is_sound(&good, 0, NOW)), (true, false));
    engine.ban(None, vec![Rule::All], NOW, None).expect("valid");
    assert_eq!((refusal(engine.accessed(&good)), engine.is_sound(&good, 1, NOW)), (ErrorCode::Invalidated, false));
}

#[test]
fn every_truncation_and_every_appendix_is_refused() {
    let record = record(&[b'x'; 500], &SetOptions::default());
    for len in 0..record.len() {
        assert_eq!(offered(b"k", &record[..len], NOW).0, ErrorCode::Corrupt, "the first {len} bytes");
    }
    assert_eq!(offered(b"k", &[&record[..], &record[..]].concat(), NOW).0, ErrorCode::Corrupt);
}

#[test]
fn a_record_of_another_key_or_namespace_is_refused_and_counted() {
    let record = record(b"v", &SetOptions::default());
    assert_eq!(offered(b"K", &record, NOW), (ErrorCode::AnotherKey, 1));
    let mut engine = engine();
    assert_eq!(refusal(engine.admit(1, b"k", &record, NOW)), ErrorCode::AnotherKey);
    assert_eq!(engine.stats(Some(1)).expect("known namespace").refused, 1, "a foreign record counts as refused");
}

/// A record in the next format: whatever else it says, it ends with its checksum.
fn newer_record(value: &[u8]) -> Vec<u8> {
    let mut record = record(value, &SetOptions::default());
    record[larder_engine::record::MAGIC.len()] = larder_engine::record::FORMAT_VERSION + 1;
    let checked = record.len() - 8;
    let sum = xxhash_rust::xxh3::xxh3_64(&record[..checked]);
    record[checked..].copy_from_slice(&sum.to_le_bytes());
    record
}

#[test]
fn a_record_of_a_newer_format_is_named_as_such() {
    let record = newer_record(b"v");
    assert_eq!(offered(b"k", &record, NOW), (ErrorCode::NewerFormat, 1));
    assert_eq!(describe(&record).expect_err("too new").code, ErrorCode::NewerFormat);
    assert_eq!(refusal(engine().admit(1, b"k", &record, NOW)), ErrorCode::NewerFormat);
}

#[test]
fn a_record_whose_time_is_over_is_refused() {
    let options = SetOptions { ttl: Some(10), stale: Some(5), ..SetOptions::default() };
    let record = record(b"v", &options);
    assert_eq!(offered(b"k", &record, NOW + 15).0, ErrorCode::Expired);
    assert!(engine().admit(0, b"k", &record, NOW + 14).is_ok());
}

#[test]
fn a_record_older_than_the_entry_in_memory_is_outdated() {
    let mut engine = engine();
    let old = engine.set(0, b"k", b"old", &SetOptions::default(), NOW, None).expect("fits").record;
    let new = engine.set(0, b"k", b"new", &SetOptions::default(), NOW, None).expect("fits").record;
    assert_eq!(refusal(engine.admit(0, b"k", &old, NOW)), ErrorCode::Outdated);
    let hit = engine.get(0, b"k", NOW).expect("known namespace").expect("there");
    assert_eq!(&*hit.value, b"new");
    assert_eq!(&*engine.admit(0, b"k", &new, NOW).expect("the same version").value, b"new");
    assert_eq!(engine.stats(None).expect("of all").entries, 1);
    engine.check().expect("sound");
}

#[test]
fn a_bad_record_passed_to_a_conditional_write_counts_as_nothing_there() {
    let good = record(b"7", &SetOptions::default());
    let mut damaged = good.clone();
    damaged[good.len() - 1] ^= 1;
    let over = record(b"7", &SetOptions { ttl: Some(1), ..SetOptions::default() });
    let foreign = engine().set(0, b"K", b"7", &SetOptions::default(), NOW, None).expect("fits").record;
    let elsewhere = engine().set(1, b"k", b"7", &SetOptions::default(), NOW, None).expect("fits").record;
    let (o, now) = (SetOptions::default(), NOW + 1);
    for bad in [&damaged, &over, &foreign, &elsewhere, &Vec::new()] {
        let bad = Some(bad.as_slice());
        assert_eq!(engine().replace(0, b"k", b"v", &o, bad, now, None), Ok(None));
        assert_eq!(engine().compare_and_set(0, b"k", 1, b"v", &o, bad, now, None), Ok(None));
        assert_eq!(engine().touch(0, b"k", None, bad, now, None), Ok(None));
        assert_eq!(engine().delete(0, b"k", bad, now), Ok(false));
        assert_eq!(engine().increment(0, b"k", 5, &o, bad, now, None).expect("created").0, 5);
        assert!(engine().add(0, b"k", b"v", &o, bad, now, None).expect("valid").is_some());
    }
    assert_eq!(engine().increment(0, b"k", 5, &o, Some(&good), now, None).expect("there").0, 12);
}

#[test]
fn a_record_that_is_too_new_is_not_overwritten_by_a_conditional_write() {
    let new = newer_record(b"7");
    let (o, new) = (SetOptions::default(), Some(new.as_slice()));
    assert_eq!(refusal(engine().add(0, b"k", b"v", &o, new, NOW, None)), ErrorCode::NewerFormat);
    assert_eq!(refusal(engine().replace(0, b"k", b"v", &o, new, NOW, None)), ErrorCode::NewerFormat);
    assert_eq!(refusal(engine().compare_and_set(0, b"k", 1, b"v", &o, new, NOW, None)), ErrorCode::NewerFormat);
    assert_eq!(refusal(engine().increment(0, b"k", 1, &o, new, NOW, None)), ErrorCode::NewerFormat);
    assert_eq!(refusal(engine().touch(0, b"k", None, new, NOW, None)), ErrorCode::NewerFormat);
    assert_eq!(refusal(engine().delete(0, b"k", new, NOW)), ErrorCode::NewerFormat);
}

#[test]
fn records_of_every_codec_are_read_whatever_the_engine_writes() {
    let value = b"all work and no play ".repeat(50);
    for codec in [Codec::None, Codec::Deflate, Codec::Lz4] {
        let config = Config { store: true, codec: codec.into(), ..Config::default() };
        let mut writer = Engine::open(config).expect("valid settings");
        writer.namespace("ns").expect("valid name");
        let record = writer.set(0, b"k", &value, &SetOptions::default(), NOW, None).expect("fits").record;
        assert_eq!(describe(&record).expect("sound").codec, codec);
        assert_eq!(&*engine().admit(0, b"k", &record, NOW).expect("sound").value, &value[..]);
    }
}
