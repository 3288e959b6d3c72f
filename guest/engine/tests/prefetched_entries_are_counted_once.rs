//! Fears that a prefetch looks useful that was not, or the other way round; and that predictions evict the wrong entries.

use larder_engine::{Config, Engine, ErrorCode, PolicyKind, SetOptions, Statistics, describe};

const NOW: u64 = 1_000_000;

fn prefetched() -> SetOptions {
    SetOptions { prefetched: true, content_type: "text/plain".into(), ..SetOptions::default() }
}

fn engine(config: Config) -> (Engine, u32) {
    let mut engine = Engine::open(config).expect("valid settings");
    let ns = engine.namespace("ns").expect("valid name");
    (engine, ns)
}

fn counts(engine: &Engine) -> (u64, u64) {
    let Statistics { prefetched, prefetch_hits, .. } = engine.stats(None).expect("of all");
    (prefetched, prefetch_hits)
}

#[test]
fn the_first_hit_counts_and_no_other() {
    let (mut engine, ns) = engine(Config::default());
    engine.set(ns, b"a", b"value", &prefetched(), NOW, None).expect("set");
    engine.set(ns, b"b", b"value", &prefetched(), NOW, None).expect("set");
    engine.set(ns, b"c", b"value", &SetOptions::default(), NOW, None).expect("set");
    let before = engine.stats(None).expect("of all").bytes;
    assert!(engine.inspect(ns, b"a", NOW).expect("known").expect("there").prefetched);
    assert!(engine.exists(ns, b"a", NOW).expect("known"));
    assert_eq!(counts(&engine), (2, 0), "looking is not using");
    let hit = engine.get(ns, b"a", NOW).expect("known").expect("a hit").into_owned();
    assert!(hit.renew, "the record is to be written without the mark");
    assert_eq!((&*hit.value, &*hit.content_type), (&b"value"[..], "text/plain"));
    engine.check().expect("no contradiction");
    assert!(!engine.get(ns, b"a", NOW).expect("known").expect("a hit").renew);
    engine.get(ns, b"c", NOW).expect("known").expect("a hit");
    assert_eq!(counts(&engine), (2, 1));
    assert!(!engine.inspect(ns, b"a", NOW).expect("known").expect("there").prefetched);
    assert_eq!(engine.stats(None).expect("of all").bytes, before - 3, "the mark was charged");
}

#[test]
fn a_record_says_so_until_somebody_used_it() {
    let (mut writer, ns) = engine(Config { store: true, ..Config::default() });
    let record = writer.set(ns, b"a", b"value", &prefetched(), NOW, None).expect("set").record;
    assert!(describe(&record).expect("sound").prefetched);
    let (mut reader, ns) = engine(Config { store: true, ..Config::default() });
    let hit = reader.admit(ns, b"a", &record, NOW).expect("a hit").into_owned();
    assert!(hit.renew);
    assert_eq!(counts(&reader), (0, 1));
    let renewed = reader.touch(ns, b"a", None, None, NOW, None).expect("touched").expect("there").record;
    assert!(!describe(&renewed).expect("sound").prefetched);
    let (mut third, ns) = engine(Config { store: true, ..Config::default() });
    assert!(!third.admit(ns, b"a", &renewed, NOW).expect("a hit").renew);
    assert_eq!(counts(&third), (0, 0));
    assert_eq!(counts(&writer), (1, 0));
    // Too large for memory: it counts all the same.
    let (mut small, ns) = engine(Config { store: true, max_bytes: 100, ..Config::default() });
    assert!(small.admit(ns, b"a", &record, NOW).expect("a hit").renew);
    assert_eq!(counts(&small), (0, 1));
}

#[test]
fn filling_memory_from_a_store_is_no_use() {
    let (mut writer, ns) = engine(Config { store: true, ..Config::default() });
    let record = writer.set(ns, b"a", b"value", &prefetched(), NOW, None).expect("set").record;
    let (mut reader, ns) = engine(Config { store: true, ..Config::default() });
    assert!(!reader.load(ns, &record, NOW).expect("sound").renew);
    assert_eq!(counts(&reader), (0, 0), "nobody asked for it");
    assert!(reader.inspect(ns, b"a", NOW).expect("known").expect("there").prefetched);
    assert!(reader.get(ns, b"a", NOW).expect("known").expect("a hit").renew);
    assert_eq!(counts(&reader), (0, 1));
}

#[test]
fn in_the_cold_tier_too() {
    let (mut engine, ns) = engine(Config { cold_tier: true, max_bytes: 100_000, ..Config::default() });
    let value = b"the same again and again ".repeat(40);
    for n in 0..150u32 {
        engine.set(ns, &n.to_le_bytes(), &value, &prefetched(), NOW, None).expect("set");
        while engine.maintain(NOW, 1 << 20) > 0 {}
    }
    assert!(engine.stats(None).expect("of all").cold_entries > 0);
    let mut hits = 0;
    for n in 0..150u32 {
        hits += u64::from(engine.get(ns, &n.to_le_bytes(), NOW).expect("known").is_some());
        engine.check().unwrap_or_else(|what| panic!("after {n}: {what}"));
    }
    assert_eq!(counts(&engine), (150, hits));
}

#[test]
fn what_is_least_likely_is_evicted_first() {
    let (mut engine, ns) = engine(Config::default());
    for key in [b"a", b"b", b"c", b"d"] {
        engine.set(ns, key, b"value", &SetOptions::default(), NOW, None).expect("set");
    }
    let predictions = [(b"a", 0.1), (b"x", 0.0), (b"b", 0.8), (b"c", 0.05), (b"d", f64::NAN)];
    assert_eq!(engine.evict_unlikely(ns, &predictions, 2, NOW), Ok(2));
    let there = [b"a", b"b", b"c", b"d"].map(|key| engine.exists(ns, key, NOW).expect("known"));
    assert_eq!(there, [false, true, false, true], "c and a; x is not there, d has no probability");
    assert_eq!(engine.evict_unlikely(ns, &predictions, 10, NOW), Ok(1));
    assert_eq!(engine.stats(None).expect("of all").evicted_asked, 3);
    assert_eq!(engine.evict_unlikely(99, &predictions, 1, NOW).expect_err("refused").code, ErrorCode::UnknownNamespace);
}

#[test]
fn the_policy_predicted_goes_by_what_it_is_told_last() {
    let config = Config { policy: PolicyKind::Predicted, max_entries: Some(4), ..Config::default() };
    let (mut engine, ns) = engine(config);
    let set = |engine: &mut Engine, key: &[u8]| {
        engine.set(ns, key, b"value", &SetOptions::default(), NOW, None).expect("set");
        engine.check().expect("no contradiction");
    };
    let there = |engine: &mut Engine| -> String {
        let all = "abcdefgh".bytes().filter(|key| engine.exists(ns, &[*key], NOW).expect("known"));
        all.map(char::from).collect()
    };
    "abcd".bytes().for_each(|key| set(&mut engine, &[key]));
    engine.get(ns, b"a", NOW).expect("known").expect("there");
    set(&mut engine, b"e");
    assert_eq!(there(&mut engine), "acde", "without predictions the least recently used goes");
    assert_eq!(engine.expect(ns, &[(b"c", 0.9), (b"a", 0.2), (b"z", 0.7)], NOW), Ok(2));
    set(&mut engine, b"f");
    set(&mut engine, b"g");
    set(&mut engine, b"h");
    assert_eq!(there(&mut engine), "acgh");
    // c was expected and did not come: other expectations take the place of that.
    assert_eq!(engine.expect(ns, &[(b"g", 0.1)], NOW), Ok(1));
    set(&mut engine, b"b");
    set(&mut engine, b"d");
    assert_eq!(there(&mut engine), "bdgh", "a and c were not used for longest");
    let refused = engine.expect(ns, &[(b"b", 0.5), (b"d", 1.5)], NOW).expect_err("refused");
    assert_eq!(refused.code, ErrorCode::InvalidArgument);
    set(&mut engine, b"a");
    assert_eq!(there(&mut engine), "abdg", "nothing was changed by it");
}
