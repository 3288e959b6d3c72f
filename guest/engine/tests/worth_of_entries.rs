//! Fears that a cache that was told what its entries cost, or that they end soon, gives up the wrong ones.

use larder_engine::{Config, Engine, Objective, PolicyKind, SetOptions};

const ROOM: u32 = 200;

/// A cache of so many entries that tries for `objective`.
fn engine(objective: Objective) -> Engine {
    let policy = PolicyKind::Adaptive;
    let config = Config { policy, objective, max_entries: Some(ROOM), ..Config::default() };
    Engine::open(config).expect("valid settings")
}

/// Asks for 1,000 keys, 400 times in random order; what is missing is set with the options that `say` gives for its number.
/// Answers how often keys with even and with odd numbers were there.
fn replay(engine: &mut Engine, say: impl Fn(u32, &mut SetOptions)) -> [u32; 2] {
    let ns = engine.namespace("ns").expect("a namespace");
    let (mut hits, mut state, mut now) = ([0, 0], 1u64, 1_000_000);
    for _ in 0..400_000 {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let key = (state >> 40) as u32 % 1_000;
        now += 10;
        if engine.get(ns, &key.to_le_bytes(), now).expect("known").is_some() {
            hits[(key % 2) as usize] += 1;
        } else {
            let mut options = SetOptions::default();
            say(key, &mut options);
            engine.set(ns, &key.to_le_bytes(), b"value", &options, now, None).expect("written");
        }
    }
    engine.check().expect("no contradiction");
    hits
}

#[test]
fn what_costs_more_is_kept_when_cost_is_the_objective() {
    let costly = |key: u32, options: &mut SetOptions| options.cost = Some(if key.is_multiple_of(2) { 100 } else { 1 });
    let [even, odd] = replay(&mut engine(Objective::Cost), costly);
    assert!(even > 2 * odd, "{even} hits on what is costly, {odd} on what is cheap");
    let [even, odd] = replay(&mut engine(Objective::Objects), costly);
    assert!(even < odd + odd / 4 && odd < even + even / 4, "{even} and {odd} hits: cost does not count");
}

#[test]
fn what_ends_soon_is_worth_less() {
    let short = |key: u32, options: &mut SetOptions| {
        options.ttl = Some(if key.is_multiple_of(2) { 3_600_000 } else { 500 });
    };
    let lasting = replay(&mut engine(Objective::Objects), short);
    let alike = replay(&mut engine(Objective::Objects), |_, options| options.ttl = Some(3_600_000));
    assert!(lasting[0] > alike[0], "{} hits on what lasts, {} when all last", lasting[0], alike[0]);
}
