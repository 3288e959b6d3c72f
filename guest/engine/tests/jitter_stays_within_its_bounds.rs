//! Fears that jitter lengthens a time to live, shortens it too much or to nothing, does nothing at all, or differs
//! between two engines of the same seed.

use larder_engine::{Config, Engine, NamespaceDefaults, SetOptions};

const NOW: u64 = 1_790_000_000_000;
const TTL: u64 = 10_000;

fn lives(seed: u64, jitter: u8, ttl: u64) -> Vec<u64> {
    let mut engine = Engine::open(Config { seed, ..Config::default() }).expect("valid settings");
    engine.namespace("ns").expect("valid name");
    engine
        .set_defaults(0, NamespaceDefaults { ttl: Some(ttl), jitter, ..NamespaceDefaults::default() })
        .expect("valid defaults");
    let set = |n: u32| {
        let stored = engine.set(0, &n.to_le_bytes(), b"v", &SetOptions::default(), NOW, None).expect("fits");
        stored.gone.expect("expires") - NOW
    };
    (0..500).map(set).collect()
}

#[test]
fn every_life_is_within_the_bounds() {
    for jitter in [1, 10, 50, 100] {
        let shortest = (TTL - TTL * u64::from(jitter) / 100).max(1);
        for life in lives(1, jitter, TTL) {
            assert!((shortest..=TTL).contains(&life), "{jitter} percent of {TTL} gave {life}");
        }
    }
}

#[test]
fn lives_spread_over_the_whole_range() {
    let lives = lives(2, 50, TTL);
    let quarter = TTL / 8;
    for place in 0..4 {
        let part = TTL / 2 + place * quarter..TTL / 2 + (place + 1) * quarter;
        let share = lives.iter().filter(|life| part.contains(life)).count();
        assert!(share > lives.len() / 8, "{share} of {} lives are within {part:?}", lives.len());
    }
}

#[test]
fn the_shortest_life_is_a_millisecond() {
    assert!(lives(3, 100, 1).iter().all(|&life| life == 1));
    assert!(lives(3, 100, 2).iter().all(|&life| life == 1 || life == 2));
}

#[test]
fn without_jitter_all_live_equally_long() {
    assert!(lives(4, 0, TTL).iter().all(|&life| life == TTL));
}

#[test]
fn the_same_seed_draws_the_same_lives_and_another_one_others() {
    assert_eq!(lives(5, 50, TTL), lives(5, 50, TTL));
    assert_ne!(lives(5, 50, TTL), lives(6, 50, TTL));
}
