//! Fears sums that wrap around, text that is no number, and counters that lose their times or outgrow a limit.

use larder_engine::config::ENTRY_OVERHEAD;
use larder_engine::{Config, Engine, ErrorCode, SetOptions};

const NOW: u64 = 1_790_000_000_000;

fn engine(config: Config) -> Engine {
    let mut engine = Engine::open(config).expect("valid settings");
    engine.namespace("ns").expect("valid name");
    engine
}

fn value(engine: &mut Engine) -> Option<String> {
    engine.check().expect("sound");
    let hit = engine.get(0, b"n", NOW).expect("known namespace")?;
    Some(String::from_utf8(hit.value.into_owned()).expect("text"))
}

fn increment(engine: &mut Engine, delta: i64) -> Result<i64, ErrorCode> {
    let answer = engine.increment(0, b"n", delta, &SetOptions::default(), None, NOW, None);
    answer.map(|(sum, _)| sum).map_err(|refusal| refusal.code)
}

#[test]
fn the_ends_of_the_range_are_reached_and_not_passed() {
    for (end, past) in [(i64::MAX, 1), (i64::MIN, -1)] {
        let mut engine = engine(Config::default());
        assert_eq!(increment(&mut engine, end), Ok(end));
        assert_eq!(increment(&mut engine, past), Err(ErrorCode::NotANumber));
        assert_eq!(value(&mut engine), Some(end.to_string()), "a refused increment leaves the value");
        assert_eq!(increment(&mut engine, 0), Ok(end));
        assert_eq!(increment(&mut engine, -past), Ok(end - past));
        assert_eq!(engine.stats(None).expect("of all").errors, 1);
    }
}

#[test]
fn what_is_not_a_decimal_integer_is_refused_and_stays() {
    let too_large = format!("{}0", i64::MAX);
    for text in ["", "-", "1.5", "0x10", "1e3", "one", "1 2", "\u{661}", &too_large] {
        let mut engine = engine(Config::default());
        engine.set(0, b"n", text.as_bytes(), &SetOptions::default(), NOW, None).expect("fits");
        assert_eq!(increment(&mut engine, 1), Err(ErrorCode::NotANumber), "{text:?}");
        assert_eq!(value(&mut engine).as_deref(), Some(text));
    }
}

#[test]
fn an_entry_that_is_not_there_begins_at_zero_with_the_options() {
    let mut engine = engine(Config::default());
    let options = SetOptions { ttl: Some(10), tags: vec!["t".into()], ..SetOptions::default() };
    let (sum, stored) = engine.increment(0, b"n", -3, &options, None, NOW, None).expect("created");
    assert_eq!((sum, stored.gone), (-3, Some(NOW + 10)));
    assert_eq!(engine.inspect(0, b"n", NOW).expect("known namespace").expect("there").tags, ["t"]);
}

#[test]
fn an_entry_that_is_there_keeps_its_times_metadata_and_tags() {
    let mut engine = engine(Config::default());
    let options = SetOptions {
        ttl: Some(10),
        content_type: "text/plain".into(),
        metadata: vec![("a".into(), "b".into())],
        tags: vec!["t".into()],
        ..SetOptions::default()
    };
    engine.set(0, b"n", b"41", &options, NOW, None).expect("fits");
    let before = engine.inspect(0, b"n", NOW).expect("known namespace").expect("there");
    let other = SetOptions { ttl: Some(99), tags: vec!["other".into()], ..SetOptions::default() };
    let (sum, stored) = engine.increment(0, b"n", 1, &other, None, NOW + 5, None).expect("a number");
    assert_eq!((sum, stored.version > before.version, stored.gone), (42, true, Some(NOW + 10)));
    let after = engine.inspect(0, b"n", NOW + 5).expect("known namespace").expect("there");
    assert_eq!((after.tags, after.metadata, after.content_type), (before.tags, before.metadata, before.content_type));
    assert_eq!((after.created, after.expires), (before.created, before.expires));
    assert_eq!(engine.get(0, b"n", NOW + 10), Ok(None));
}

#[test]
fn a_counter_that_outgrows_the_memory_tier_is_refused_and_stays() {
    let exactly_one_digit = (ENTRY_OVERHEAD + "n".len() + "9".len()) as u64;
    let mut engine = engine(Config { max_bytes: exactly_one_digit, ..Config::default() });
    assert_eq!(increment(&mut engine, 9), Ok(9));
    assert_eq!(increment(&mut engine, 1), Err(ErrorCode::TooLarge));
    assert_eq!(value(&mut engine).as_deref(), Some("9"), "a refused write leaves the entry that was there");
}

#[test]
fn a_counter_that_outgrows_the_entry_limit_is_refused_and_stays() {
    let mut engine = engine(Config { max_entry_size: 1, store: true, ..Config::default() });
    assert_eq!(increment(&mut engine, 9), Ok(9));
    assert_eq!(increment(&mut engine, 1), Err(ErrorCode::TooLarge));
    assert_eq!(value(&mut engine).as_deref(), Some("9"), "a refused write leaves the entry that was there");
}
