//! Fears that an entry whose time is over hands something down to the one that takes its key.

use larder_engine::{Config, Engine, SetOptions};

const NOW: u64 = 1_790_000_000_000;
const TTL: u64 = 10;

/// An engine whose entry `k` was read three times and is over at `NOW + TTL`, but was not cleaned up.
fn engine() -> Engine {
    let mut engine = Engine::open(Config::default()).expect("defaults are valid");
    engine.namespace("ns").expect("valid name");
    let options = SetOptions { ttl: Some(TTL), tags: vec!["old".into()], ..SetOptions::default() };
    engine.set(0, b"k", b"7", &options, NOW, None).expect("fits");
    for _ in 0..3 {
        engine.get(0, b"k", NOW).expect("known namespace").expect("there");
    }
    engine
}

fn starts_anew(mut engine: Engine, how: &str) {
    let info = engine.inspect(0, b"k", NOW + TTL).expect("known namespace").expect("written");
    assert!(info.tags.is_empty(), "{how}: {:?}", info.tags);
    assert_eq!((info.created, info.expires), (NOW + TTL, None), "{how}");
    assert_eq!(info.hits, 0, "{how}: reads of the dead entry count for the new one");
    engine.check().expect("sound");
}

#[test]
fn a_set_over_a_dead_entry_starts_anew() {
    let mut engine = engine();
    engine.set(0, b"k", b"new", &SetOptions::default(), NOW + TTL, None).expect("fits");
    starts_anew(engine, "set");
}

#[test]
fn an_addition_and_an_increment_over_a_dead_entry_start_anew() {
    let mut added = engine();
    added.add(0, b"k", b"new", &SetOptions::default(), None, NOW + TTL, None).expect("valid").expect("none is there");
    starts_anew(added, "add");
    let mut counted = engine();
    let (sum, _) = counted.increment(0, b"k", 1, &SetOptions::default(), None, NOW + TTL, None).expect("created");
    assert_eq!(sum, 1);
    starts_anew(counted, "increment");
}

#[test]
fn a_dead_entry_is_there_for_nobody() {
    let (now, o) = (NOW + TTL, SetOptions::default());
    assert_eq!(engine().get(0, b"k", now), Ok(None));
    assert_eq!(engine().exists(0, b"k", now), Ok(false));
    assert_eq!(engine().inspect(0, b"k", now), Ok(None));
    assert_eq!(engine().delete(0, b"k", None, now), Ok(false));
    assert_eq!(engine().replace(0, b"k", b"v", &o, None, now, None), Ok(None));
    assert_eq!(engine().compare_and_set(0, b"k", 1, b"v", &o, None, now, None), Ok(None));
    assert_eq!(engine().touch(0, b"k", None, None, now, None), Ok(None));
    assert_eq!(engine().scan(None, b"", 0, 10, now).map(|page| page.entries), Ok(vec![]));
}
