//! Fears that a value which fits only into the store leaves an older one behind in memory, or is promised to last in
//! memory only.

use larder_engine::config::ENTRY_OVERHEAD;
use larder_engine::{Codec, Config, Durability, Engine, ErrorCode, SetOptions};

const LIMIT: u64 = (ENTRY_OVERHEAD + 200) as u64;

fn engine(store: bool, codec: Codec) -> Engine {
    let config = Config { store, codec: codec.into(), max_bytes: LIMIT, ..Config::default() };
    let mut engine = Engine::open(config).expect("valid settings");
    engine.namespace("ns").expect("valid name");
    engine
}

#[test]
fn they_go_through_the_store_and_back() {
    let value = b"a line of a large text\n".repeat(500);
    for codec in [Codec::None, Codec::Deflate, Codec::Lz4] {
        let mut engine = engine(true, codec);
        engine.set(0, b"k", b"old and small", &SetOptions::default(), 1, None).expect("fits");
        let record = engine.set(0, b"k", &value, &SetOptions::default(), 1, None).expect("for the store").record;
        assert_eq!(engine.get(0, b"k", 1), Ok(None), "the old value is not there any more");
        assert_eq!(&*engine.admit(0, b"k", &record, 1).expect("its own record").value, &value[..]);
        assert_eq!(engine.stats(None).expect("of all").entries, 0, "answered and not kept");
        let touched = engine.touch(0, b"k", Some(50), Some(&record), 2, None).expect("valid").expect("there");
        let hit = engine.admit(0, b"k", &touched.record, 2).expect("its own record");
        assert_eq!((&*hit.value, hit.expires), (&value[..], Some(52)));
        engine.check().expect("sound");
    }
}

#[test]
fn without_a_store_or_in_memory_only_they_are_refused() {
    let in_memory = SetOptions { durability: Durability::Memory, ..SetOptions::default() };
    for (store, options) in [(false, SetOptions::default()), (true, in_memory)] {
        let mut engine = engine(store, Codec::None);
        engine.set(0, b"k", b"old", &options, 1, None).expect("fits");
        let refusal = engine.set(0, b"k", &[0; LIMIT as usize], &options, 1, None).expect_err("does not fit");
        assert_eq!(refusal.code, ErrorCode::TooLarge);
        assert_eq!(&*engine.get(0, b"k", 1).expect("known namespace").expect("still there").value, b"old");
    }
}

#[test]
fn above_the_entry_limit_they_are_refused_store_or_not() {
    for store in [false, true] {
        let config = Config { store, max_entry_size: 10, ..Config::default() };
        let mut engine = Engine::open(config).expect("valid settings");
        engine.namespace("ns").expect("valid name");
        engine.set(0, b"k", &[0; 10], &SetOptions::default(), 1, None).expect("exactly the limit");
        let refusal = engine.set(0, b"k", &[0; 11], &SetOptions::default(), 1, None).expect_err("above");
        assert_eq!(refusal.code, ErrorCode::TooLarge);
    }
}
