//! Fears advice that is wrong: estimates far from what caches of that size or policy really hit, that differ from run to run,
//! or that change what the cache does.

use larder_engine::{Config, Engine, Estimate, PolicyKind, SetOptions};

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((u128::from(z ^ (z >> 31)) * u128::from(limit)) >> 64) as u64
    }
}

/// Ranks from 0 on, each asked for in inverse proportion to its place.
fn zipf(keys: u64) -> impl FnMut(&mut Random) -> u64 {
    let sums: Vec<u64> = (1..=keys)
        .scan(0, |sum, place| {
            *sum += 1_000_000_000 / place;
            Some(*sum)
        })
        .collect();
    move |random| {
        let at = random.below(sums[sums.len() - 1]);
        sums.partition_point(|&sum| sum <= at) as u64
    }
}

type Trace = (&'static str, Vec<u64>);

fn traces(keys: u64, len: u64) -> [Trace; 3] {
    let (mut random, mut draw) = (Random(1), zipf(keys));
    let popular = (0..len).map(|_| draw(&mut random)).collect();
    let drift = (0..len).map(|turn| turn / 8 + draw(&mut random)).collect();
    let a_loop = (0..len).map(|turn| turn % (keys / 4)).collect();
    [("zipf", popular), ("drift", drift), ("loop", a_loop)]
}

/// From some 100 bytes to 900; a key always has the same.
fn value(key: u64) -> Vec<u8> {
    vec![7; Random(key).below(800) as usize]
}

struct Run {
    engine: Engine,
    hits: u64,
    requests: u64,
}

/// Reads every key of the trace and sets what is missing.
fn replay(config: Config, trace: &[u64]) -> Run {
    let mut engine = Engine::open(config).expect("valid");
    let ns = engine.namespace("default").expect("a name");
    let mut hits = 0;
    for (turn, key) in trace.iter().enumerate() {
        let now = 1_000_000 + turn as u64;
        let name = format!("key:{key}");
        if engine.get(ns, name.as_bytes(), now).expect("known").is_some() {
            hits += 1;
        } else {
            engine.set(ns, name.as_bytes(), &value(*key), &SetOptions::default(), now, None).expect("stored");
        }
    }
    engine.check().expect("sound");
    Run { engine, hits, requests: trace.len() as u64 }
}

fn config(policy: PolicyKind, max_bytes: u64, advice: bool) -> Config {
    Config { policy, max_bytes, advice, cold_tier: false, seed: 11, ..Config::default() }
}

fn ratio(hits: u64, requests: u64) -> f64 {
    hits as f64 / requests as f64 * 100.0
}

/// The farthest that an estimate is from what a cache like that hits, in points.
fn farthest(estimates: &[Estimate], context: &str, truth: impl Fn(&Estimate) -> f64) -> f64 {
    let mut farthest = 0.0f64;
    for estimate in estimates {
        let (estimated, really) = (ratio(estimate.hits, estimate.requests), truth(estimate));
        println!("{context} {:?} {} %: {estimated:.1}, really {really:.1}", estimate.policy, estimate.capacity_percent);
        farthest = farthest.max((estimated - really).abs());
    }
    farthest
}

fn compare(keys: u64, len: u64, max_bytes: u64, policies: &[PolicyKind]) {
    for (name, trace) in traces(keys, len) {
        for &policy in policies {
            let run = replay(config(policy, max_bytes, true), &trace);
            let estimates = run.engine.advice();
            assert_eq!(estimates[1].requests, run.requests);
            assert_eq!(estimates[1].hits, run.hits, "what is known is not estimated");
            let wrong = farthest(&estimates, name, |estimate| {
                let bytes = max_bytes * u64::from(estimate.capacity_percent) / 100;
                let run = replay(config(estimate.policy, bytes, false), &trace);
                ratio(run.hits, run.requests)
            });
            // Of a loop that does not fit, what is hit hangs on its length to the key: 940 keys of 15,000 tell it less exactly.
            let bound = if name == "loop" && keys > 10_000 { 5.0 } else { 3.0 };
            assert!(wrong <= bound, "{name} under {policy:?}: {wrong:.1} points");
        }
    }
}

#[test]
fn where_all_keys_are_in_the_sample() {
    compare(4_000, 40_000, 300_000, &[PolicyKind::Lru, PolicyKind::S3Fifo, PolicyKind::Fifo]);
}

#[test]
fn where_few_keys_are_in_the_sample() {
    compare(60_000, 400_000, 6_000_000, &[PolicyKind::Lru, PolicyKind::Adaptive]);
}

#[test]
fn where_entries_bind() {
    for (name, trace) in traces(20_000, 100_000) {
        let limited = |max: u32, advice| Config { max_entries: Some(max), ..config(PolicyKind::Lru, 1 << 30, advice) };
        let run = replay(limited(2_000, true), &trace);
        let wrong = farthest(&run.engine.advice()[..3], name, |estimate| {
            let run = replay(limited(2_000 * estimate.capacity_percent / 100, false), &trace);
            ratio(run.hits, run.requests)
        });
        assert!(wrong <= 3.0, "{name}: {wrong:.1} points");
    }
}

#[test]
fn where_entries_end() {
    let mut random = Random(5);
    let (mut draw, mut trace) = (zipf(5_000), Vec::new());
    trace.extend((0..60_000).map(|_| draw(&mut random)));
    let run = |max_bytes, advice| {
        let mut engine = Engine::open(config(PolicyKind::Lru, max_bytes, advice)).expect("valid");
        let ns = engine.namespace("default").expect("a name");
        let (options, mut hits) = (SetOptions { ttl: Some(2_000), ..SetOptions::default() }, 0);
        for (turn, key) in trace.iter().enumerate() {
            let (now, name) = (1_000_000 + turn as u64, format!("key:{key}"));
            if engine.get(ns, name.as_bytes(), now).expect("known").is_some() {
                hits += 1;
            } else {
                engine.set(ns, name.as_bytes(), &value(*key), &options, now, None).expect("stored");
            }
        }
        (engine, hits)
    };
    let estimates = run(200_000, true).0.advice();
    let wrong = farthest(&estimates[..3], "ttl", |estimate| {
        let hits = run(200_000 * u64::from(estimate.capacity_percent) / 100, false).1;
        ratio(hits, trace.len() as u64)
    });
    assert!(wrong <= 3.0, "{wrong:.1} points");
}

#[test]
fn it_changes_nothing_and_is_the_same_every_time() {
    let trace = &traces(4_000, 20_000)[0].1;
    for policy in PolicyKind::ALL.into_iter().filter(|policy| *policy != PolicyKind::Ttl) {
        let [off, on, again] = [false, true, true].map(|advice| replay(config(policy, 300_000, advice), trace));
        assert_eq!(off.engine.stats(None), on.engine.stats(None), "{policy:?}");
        assert_eq!((off.engine.advice().len(), on.engine.advice()), (0, again.engine.advice()), "{policy:?}");
    }
}

#[test]
fn another_policy_and_emptying_begin_anew() {
    let trace = &traces(4_000, 5_000)[0].1;
    let mut engine = replay(config(PolicyKind::Lru, 300_000, true), trace).engine;
    let first = |engine: &Engine| (engine.advice()[1].policy, engine.advice()[1].requests);
    engine.set_policy(PolicyKind::Lru);
    assert_eq!(first(&engine), (PolicyKind::Lru, 5_000), "the same policy changes nothing");
    engine.set_policy(PolicyKind::Sieve);
    assert_eq!(first(&engine), (PolicyKind::Sieve, 0));
    engine.check().expect("sound");
    let ns = engine.namespace("default").expect("a name");
    engine.set(ns, b"k", b"v", &SetOptions::default(), 2_000_000, None).expect("stored");
    assert_eq!(first(&engine).1, 1);
    engine.clear(None).expect("emptied");
    assert_eq!(first(&engine), (PolicyKind::Sieve, 0));
    engine.set(ns, b"k", b"v", &SetOptions::default(), 2_000_001, None).expect("stored");
    assert_eq!(engine.advice()[2].hits, 0, "nothing is left in the shadows");
}
