//! Fears that growing an entry evicts more than it must, evicts the entry itself, or loses count of the bytes.

use larder_engine::config::ENTRY_OVERHEAD;
use larder_engine::{Config, Engine, ErrorCode, PolicyKind, SetOptions};

const VALUE: usize = 100;

/// What an entry with a key of one byte and a value of `len` bytes is charged.
fn charge(len: usize) -> u64 {
    (ENTRY_OVERHEAD + 1 + len) as u64
}

/// An engine that is full with a, b, c and d, set in this order.
fn full(policy: PolicyKind) -> Engine {
    let config = Config { policy, max_bytes: 4 * charge(VALUE), ..Config::default() };
    let mut engine = Engine::open(config).expect("valid settings");
    engine.namespace("ns").expect("valid name");
    for key in [b"a", b"b", b"c", b"d"] {
        set(&mut engine, key, VALUE);
    }
    engine
}

fn set(engine: &mut Engine, key: &[u8], len: usize) {
    engine.set(0, key, &vec![b'x'; len], &SetOptions::default(), 1, None).expect("fits");
    engine.check().expect("sound");
}

fn there(engine: &mut Engine) -> String {
    let keys = ["a", "b", "c", "d"].into_iter();
    keys.filter(|key| engine.exists(0, key.as_bytes(), 1) == Ok(true)).collect()
}

#[test]
fn an_overwrite_of_the_same_size_evicts_nobody() {
    for policy in PolicyKind::ALL {
        let mut engine = full(policy);
        for key in [b"a", b"d", b"b"] {
            set(&mut engine, key, VALUE);
        }
        assert_eq!(there(&mut engine), "abcd", "{policy:?}");
    }
}

/// The policies that give somebody up.
fn evicting() -> impl Iterator<Item = PolicyKind> {
    PolicyKind::ALL.into_iter().filter(|policy| *policy != PolicyKind::Ttl)
}

#[test]
fn an_overwrite_that_finds_no_room_under_ttl_leaves_everybody() {
    let mut engine = full(PolicyKind::Ttl);
    let refused = engine.set(0, b"a", &[0; VALUE + 1], &SetOptions::default(), 1, None).expect_err("full");
    assert_eq!(refused.code, ErrorCode::Full);
    assert_eq!(there(&mut engine), "abcd");
    assert_eq!(*engine.get(0, b"a", 1).expect("known namespace").expect("there").value, [b'x'; VALUE]);
    assert_eq!(engine.stats(None).expect("of all").full, 1);
}

#[test]
fn an_overwrite_that_grows_by_a_byte_evicts_only_the_next_in_line() {
    for policy in evicting() {
        let mut engine = full(policy);
        // The oldest grows; it is not its own victim.
        set(&mut engine, b"a", VALUE + 1);
        assert_eq!(there(&mut engine), "acd", "{policy:?}");
        assert_eq!(engine.stats(None).expect("of all").evicted_bytes, 1, "{policy:?}");
    }
}

#[test]
fn an_overwrite_that_takes_the_whole_tier_stays_alone() {
    for policy in evicting() {
        let mut engine = full(policy);
        let whole = VALUE + 3 * charge(VALUE) as usize;
        set(&mut engine, b"c", whole);
        assert_eq!(there(&mut engine), "c", "{policy:?}");
        assert_eq!(engine.stats(None).expect("of all").bytes, engine.config().max_bytes);
    }
}

#[test]
fn a_refused_overwrite_leaves_everybody() {
    for policy in PolicyKind::ALL {
        let mut engine = full(policy);
        let too_much = vec![0; VALUE + 3 * charge(VALUE) as usize + 1];
        let before = engine.get(0, b"c", 1).expect("known namespace").expect("there").into_owned();
        engine.set(0, b"c", &too_much, &SetOptions::default(), 1, None).expect_err("larger than the tier");
        assert_eq!(there(&mut engine), "abcd", "{policy:?}");
        assert_eq!(engine.get(0, b"c", 1).expect("known namespace").expect("there"), before);
    }
}

#[test]
fn an_overwrite_at_the_entry_limit_evicts_nobody() {
    for policy in PolicyKind::ALL {
        let config = Config { policy, max_entries: Some(4), ..Config::default() };
        let mut engine = Engine::open(config).expect("valid settings");
        engine.namespace("ns").expect("valid name");
        for key in [b"a", b"b", b"c", b"d", b"a", b"c"] {
            set(&mut engine, key, VALUE);
        }
        assert_eq!(there(&mut engine), "abcd", "{policy:?}");
    }
}
