//! Fears a cold tier that makes everybody wait: who is read often must stay raw, a scan must not inflate what it passes, and
//! what gains nothing must be left alone.

use larder_engine::{Codec, Compression, Config, Engine, PolicyKind, SetOptions};

const VALUE: usize = 1_000;

fn engine(policy: PolicyKind, max_bytes: u64) -> Engine {
    let mut engine =
        Engine::open(Config { policy, max_bytes, cold_tier: true, ..Config::default() }).expect("valid settings");
    engine.namespace("ns").expect("a name");
    engine
}

fn text(n: u64) -> Vec<u8> {
    format!("entry {n} says the same again and again, {} times; ", n * 7_919 % 1_000).into_bytes().repeat(30)[..VALUE]
        .to_vec()
}

fn set(engine: &mut Engine, n: u64) {
    engine.set(0, &n.to_le_bytes(), &text(n), &SetOptions::default(), 1, None).expect("written");
}

fn get(engine: &mut Engine, n: u64) -> bool {
    let hit = engine.get(0, &n.to_le_bytes(), 1).expect("known");
    hit.inspect(|hit| assert_eq!(&*hit.value, &text(n))).is_some()
}

fn read_the_hot(engine: &mut Engine) {
    for hot in 0..5 {
        get(engine, hot);
    }
}

fn codec(engine: &mut Engine, n: u64) -> Option<Codec> {
    engine.inspect(0, &n.to_le_bytes(), 1).expect("known").map(|info| info.codec)
}

fn maintain(engine: &mut Engine) {
    while engine.maintain(1, 1 << 20) > 0 {}
    engine.check().expect("sound");
}

#[test]
fn more_fits_and_nothing_is_lost() {
    for policy in PolicyKind::ALL {
        let mut engine = engine(policy, 200_000);
        for n in 0..600 {
            set(&mut engine, n);
            engine.maintain(1, 1 << 20);
        }
        let stats = engine.stats(None).expect("of all");
        assert!(stats.entries > 500, "{policy:?}: about 180 fit raw: {stats:?}");
        assert_eq!((0..600).filter(|&n| get(&mut engine, n)).count() as u64, stats.entries);
    }
}

#[test]
fn who_is_read_stays_raw_while_others_are_scanned() {
    for policy in PolicyKind::ALL {
        let mut engine = engine(policy, 220_000);
        for n in 0..900 {
            set(&mut engine, n);
            read_the_hot(&mut engine);
            engine.maintain(1, 1 << 20);
        }
        let mut cold_hits = 0;
        for round in 0..3 {
            for n in 5..900 {
                get(&mut engine, n);
                read_the_hot(&mut engine);
                engine.maintain(1, 1 << 20);
            }
            for hot in 0..5 {
                // `fifo` lets them go in their turn, and may have.
                assert!(codec(&mut engine, hot).is_none_or(|codec| codec == Codec::None), "{policy:?}, {round}: {hot}");
            }
            let stats = engine.stats(None).expect("of all");
            assert!(stats.cold_hits - cold_hits > 600, "{policy:?}: the scan read what was compressed: {stats:?}");
            assert!(stats.cold_entries * 10 > stats.entries * 8, "{policy:?}: and left it so: {stats:?}");
            cold_hits = stats.cold_hits;
        }
    }
}

#[test]
fn two_hits_in_a_round_make_an_entry_raw_and_letting_it_cool_packs_it_again() {
    let mut engine = engine(PolicyKind::Lru, 200_000);
    (0..300).for_each(|n| {
        set(&mut engine, n);
        engine.maintain(1, 1 << 20);
    });
    assert_eq!(codec(&mut engine, 7), Some(Codec::Deflate));
    assert!(get(&mut engine, 7));
    assert_eq!(codec(&mut engine, 7), Some(Codec::Deflate), "once is not enough");
    assert!(get(&mut engine, 7));
    assert_eq!(codec(&mut engine, 7), Some(Codec::None));
    engine.check().expect("sound");
    for n in 300..900 {
        set(&mut engine, n);
        engine.maintain(1, 1 << 20);
        if codec(&mut engine, 7) != Some(Codec::None) {
            return;
        }
    }
    panic!("it cooled and was never compressed");
}

#[test]
fn room_to_spare_is_no_reason_to_compress() {
    let mut engine = engine(PolicyKind::Lru, 200_000);
    (0..120).for_each(|n| set(&mut engine, n));
    assert_eq!(engine.maintain(1, 1 << 20), 0);
    assert_eq!(engine.stats(None).expect("of all").cold_entries, 0);
}

#[test]
fn noise_and_small_values_are_left_alone() {
    let mut engine = engine(PolicyKind::Lru, 100_000);
    let mut state = 0x5EEDu64;
    for n in 0..200u64 {
        let noise: Vec<u8> = (0..if n % 2 == 0 { 800 } else { 100 })
            .map(|_| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                (state >> 32) as u8
            })
            .collect();
        engine.set(0, &n.to_le_bytes(), &noise, &SetOptions::default(), 1, None).expect("written");
    }
    maintain(&mut engine);
    let before = engine.stats(None).expect("of all");
    assert_eq!((before.cold_entries, before.cooled), (0, 0));
    for _ in 0..5 {
        (0..800).for_each(|_| drop(engine.get(0, &199u64.to_le_bytes(), 1)));
        assert!(engine.maintain(1, 1 << 30) < 200 * 64, "what gained nothing is not tried again and again");
    }
}

#[test]
fn nothing_is_compressed_without_being_asked_for_or_without_a_codec() {
    let config = Config { max_bytes: 100_000, ..Config::default() };
    let of = |config: Config| {
        let mut engine = Engine::open(config).expect("valid settings");
        engine.namespace("ns").expect("a name");
        (0..200).for_each(|n| set(&mut engine, n));
        maintain(&mut engine);
        engine.stats(None).expect("of all").cold_entries > 0
    };
    assert!(!of(config.clone()));
    assert!(of(Config { cold_tier: true, ..config.clone() }));
    assert!(of(Config { store: true, cold_tier: true, ..config.clone() }));
    assert!(!of(Config { codec: Compression::None, cold_tier: true, ..config }));
}
