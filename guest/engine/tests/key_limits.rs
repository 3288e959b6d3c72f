//! Fears keys at the edges: the empty one, the longest one, one byte more, bytes that are no text, the same key in
//! another namespace.

use larder_engine::config::MAX_KEY_SIZE;
use larder_engine::{Config, Engine, Error, ErrorCode, Item, SetOptions};

fn engine(config: Config) -> Engine {
    let mut engine = Engine::open(config).expect("valid settings");
    engine.namespace("ns").expect("valid name");
    engine
}

fn refusal<T: std::fmt::Debug>(answer: Result<T, Error>) -> ErrorCode {
    answer.expect_err("a refusal").code
}

/// What every operation that writes says to a key.
fn refusals(engine: &mut Engine, key: &[u8]) -> Vec<ErrorCode> {
    let o = SetOptions::default();
    let item = Item { key: key.to_vec(), value: b"v".to_vec(), options: o.clone() };
    vec![
        refusal(engine.set(0, key, b"v", &o, 1, None)),
        refusal(engine.add(0, key, b"v", &o, None, 1, None)),
        refusal(engine.replace(0, key, b"v", &o, None, 1, None)),
        refusal(engine.compare_and_set(0, key, 1, b"v", &o, None, 1, None)),
        refusal(engine.increment(0, key, 1, &o, None, 1, None)),
        refusal(engine.set_many(0, [&item], 1, None).remove(0)),
    ]
}

#[test]
fn the_empty_key_is_refused_by_writes_and_missed_by_reads() {
    let mut engine = engine(Config::default());
    assert!(refusals(&mut engine, b"").iter().all(|&code| code == ErrorCode::InvalidArgument));
    assert_eq!(engine.get(0, b"", 1), Ok(None));
    assert_eq!(engine.delete(0, b"", None, 1), Ok(false));
    assert_eq!(engine.stats(None).expect("of all").entries, 0);
}

#[test]
fn the_longest_key_is_taken_whole() {
    let mut engine = engine(Config { store: true, ..Config::default() });
    let (longest, mut other) = (vec![b'k'; MAX_KEY_SIZE], vec![b'k'; MAX_KEY_SIZE]);
    other[MAX_KEY_SIZE - 1] = b'l';
    let record = engine.set(0, &longest, b"v", &SetOptions::default(), 1, None).expect("fits").record;
    assert_eq!(engine.exists(0, &longest, 1), Ok(true));
    assert_eq!(engine.exists(0, &other, 1), Ok(false), "they differ in the last byte");
    engine.check().expect("sound");
    engine.forget(0, &longest).expect("known namespace");
    assert_eq!(&*engine.admit(0, &longest, &record, 1).expect("its own record").value, b"v");
    assert_eq!(refusal(engine.admit(0, &other, &record, 1)), ErrorCode::AnotherKey);
}

#[test]
fn a_byte_more_is_refused_by_writes_and_missed_by_reads() {
    let mut engine = engine(Config::default());
    let too_long = vec![b'k'; MAX_KEY_SIZE + 1];
    assert!(refusals(&mut engine, &too_long).iter().all(|&code| code == ErrorCode::KeyTooLarge));
    assert_eq!(engine.get(0, &too_long, 1), Ok(None));
    assert_eq!(engine.exists(0, &too_long, 1), Ok(false));
}

#[test]
fn a_key_that_is_longer_by_a_multiple_of_65536_is_another_one() {
    let mut engine = engine(Config::default());
    engine.set(0, b"k", b"v", &SetOptions::default(), 1, None).expect("fits");
    let wrapped = vec![b'k'; MAX_KEY_SIZE + 1 + 1];
    assert_eq!(engine.exists(0, &wrapped, 1), Ok(false));
}

#[test]
fn a_lower_limit_holds() {
    let mut engine = engine(Config { max_key_size: 3, ..Config::default() });
    assert!(engine.set(0, b"abc", b"v", &SetOptions::default(), 1, None).is_ok());
    assert!(refusals(&mut engine, b"abcd").iter().all(|&code| code == ErrorCode::KeyTooLarge));
}

#[test]
fn limits_outside_their_range_do_not_open() {
    for max_key_size in [0, MAX_KEY_SIZE + 1] {
        let refusal = Engine::open(Config { max_key_size, ..Config::default() }).err().expect("out of range");
        assert_eq!(refusal.code, ErrorCode::InvalidArgument);
    }
}

#[test]
fn any_bytes_are_a_key_and_namespaces_do_not_share_them() {
    let mut engine = engine(Config::default());
    let other = engine.namespace("other").expect("valid name");
    for key in [&b"\0"[..], b"\0\0", b"\xFF\xFE", b"a\0b", b"a\0"] {
        engine.set(0, key, key, &SetOptions::default(), 1, None).expect("fits");
        assert_eq!(engine.exists(other, key, 1), Ok(false));
    }
    for key in [&b"\0"[..], b"\0\0", b"\xFF\xFE", b"a\0b", b"a\0"] {
        assert_eq!(&*engine.get(0, key, 1).expect("known namespace").expect("there").value, key);
    }
    engine.check().expect("sound");
}

#[test]
fn namespace_names_have_their_limits_too() {
    let mut engine = engine(Config::default());
    assert_eq!(refusal(engine.namespace("")), ErrorCode::InvalidArgument);
    assert_eq!(refusal(engine.namespace(&"n".repeat(256))), ErrorCode::InvalidArgument);
    let longest = engine.namespace(&"n".repeat(255)).expect("the longest name");
    assert_eq!(engine.namespace(&"n".repeat(255)), Ok(longest), "the same name has the same number");
    assert_eq!(refusal(engine.get(longest + 1, b"k", 1)), ErrorCode::UnknownNamespace);
}
