//! Fears refusals that nobody counts, refusals that count reads or writes, and reads that count twice.

use larder_engine::config::MAX_FIELDS_SIZE;
use larder_engine::{Config, Engine, SetOptions, Statistics};

const NOW: u64 = 1_790_000_000_000;

fn engine() -> Engine {
    let config = Config { max_entry_size: 10, max_key_size: 5, ..Config::default() };
    let mut engine = Engine::open(config).expect("valid settings");
    engine.namespace("ns").expect("valid name");
    engine.set(0, b"k", b"text", &SetOptions::default(), NOW, None).expect("fits");
    engine
}

/// What changes in the statistics by a call that must be refused.
fn refused<T>(call: impl FnOnce(&mut Engine) -> larder_engine::Result<T>) -> (Statistics, Statistics) {
    let mut engine = engine();
    let before = engine.stats(Some(0)).expect("known namespace");
    assert!(call(&mut engine).is_err(), "a refusal");
    engine.check().expect("sound");
    (before, engine.stats(Some(0)).expect("known namespace"))
}

fn counts_one_error<T>(
    what: &str,
    kind: impl FnOnce(&mut Statistics) -> &mut u64,
    call: impl FnOnce(&mut Engine) -> larder_engine::Result<T>,
) {
    let (before, after) = refused(call);
    let mut wanted = Statistics { errors: before.errors + 1, ..before };
    *kind(&mut wanted) += 1;
    assert_eq!(after, wanted, "{what}");
}

fn invalid(stats: &mut Statistics) -> &mut u64 {
    &mut stats.invalid_arguments
}

#[test]
fn each_kind_of_refused_write_counts_one_error_and_nothing_else() {
    let o = SetOptions::default;
    let zero = SetOptions { ttl: Some(0), ..o() };
    let long_tag = SetOptions { tags: vec!["t".repeat(65_536)], ..o() };
    counts_one_error("a key too long", |s| &mut s.keys_too_large, |e| e.set(0, b"kkkkkk", b"v", &o(), NOW, None));
    counts_one_error("a value too large", |s| &mut s.values_too_large, |e| e.set(0, b"k", &[0; 11], &o(), NOW, None));
    counts_one_error("a time of zero", invalid, |e| e.set(0, b"k", b"v", &zero, NOW, None));
    counts_one_error("a tag too long", invalid, |e| e.set(0, b"k", b"v", &long_tag, NOW, None));
    counts_one_error("an addition", invalid, |e| e.add(0, b"", b"v", &o(), None, NOW, None));
    counts_one_error("not a number", |s| &mut s.not_numbers, |e| e.increment(0, b"k", 1, &o(), None, NOW, None));
}

#[test]
fn a_refused_touch_counts_one_error() {
    counts_one_error("a time of zero", invalid, |e| e.touch(0, b"k", Some(0), None, NOW, None));
}

#[test]
fn a_condition_that_does_not_hold_is_no_error() {
    let (mut engine, o) = (engine(), SetOptions::default());
    let before = engine.stats(Some(0)).expect("known namespace");
    assert_eq!(engine.add(0, b"k", b"v", &o, None, NOW, None), Ok(None));
    assert_eq!(engine.replace(0, b"none", b"v", &o, None, NOW, None), Ok(None));
    assert_eq!(engine.compare_and_set(0, b"k", 99, b"v", &o, None, NOW, None), Ok(None));
    assert_eq!(engine.touch(0, b"none", None, None, NOW, None), Ok(None));
    assert_eq!(engine.delete(0, b"none", None, NOW), Ok(false));
    assert_eq!(engine.exists(0, b"k", NOW), Ok(true));
    assert_eq!(engine.forget(0, b"none"), Ok(()));
    assert_eq!(engine.stats(Some(0)), Ok(before), "nothing happened, so nothing is counted");
}

#[test]
fn fields_have_a_limit_together() {
    let tag = |n: usize| char::from(b'a' + n as u8).to_string().repeat(65_532);
    let tags = |count: usize| SetOptions { tags: (0..count).map(tag).collect(), ..SetOptions::default() };
    let mut engine = Engine::open(Config::default()).expect("defaults are valid");
    engine.namespace("ns").expect("valid name");
    // A tag of 65,532 bytes takes three more for id and length: sixteen of them are a little less than 1 MiB.
    const { assert!(16 * 65_535 <= MAX_FIELDS_SIZE && 17 * 65_535 > MAX_FIELDS_SIZE) };
    engine.set(0, b"k", b"v", &tags(16), NOW, None).expect("just fits");
    let there = |engine: &mut Engine| engine.inspect(0, b"k", NOW).expect("known namespace").expect("there").tags;
    assert!(there(&mut engine) == tags(16).tags);
    engine.set(0, b"k", b"v", &tags(17), NOW, None).expect_err("above the limit");
    assert!(there(&mut engine) == tags(16).tags);
}
