//! Fears that two engines differ after the same calls: in answers, in victims, or in a single byte of a record.

use larder_engine::{Compression, Config, Durability, Engine, NamespaceDefaults, PolicyKind, SetOptions};

const CALLS: u64 = 2_000;

/// A small generator of its own (Marsaglia's xorshift64), so that the calls are the same for ever.
struct Script(u64);

impl Script {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

/// Makes many calls and writes all answers down, records included.
fn answers(config: Config, jitter: u8) -> Vec<String> {
    let mut script = Script(0x5EED);
    let mut engine = Engine::open(config).expect("valid settings");
    for name in ["a", "b"] {
        let namespace = engine.namespace(name).expect("valid name");
        engine.set_defaults(namespace, NamespaceDefaults { jitter, ..Default::default() }).expect("valid defaults");
    }
    let mut now = 1_000_000;
    let mut call = || {
        now += script.below(20);
        let (ns, key) = (script.below(2) as u32, format!("key{}", script.below(30)).into_bytes());
        let value = format!("{now} ").repeat(script.below(100) as usize).into_bytes();
        let options = SetOptions {
            ttl: (script.below(2) == 0).then(|| 1 + script.below(500)),
            tti: (script.below(3) == 0).then(|| 1 + script.below(500)),
            tags: vec!["tag".into(); script.below(3) as usize],
            durability: if script.below(5) == 0 { Durability::Sync } else { Durability::Process },
            ..SetOptions::default()
        };
        match script.below(9) {
            0..3 => format!("{:?}", engine.get(ns, &key, now)),
            3..6 => format!("{:?}", engine.set(ns, &key, &value, &options, now, None)),
            6 => format!("{:?}", engine.touch(ns, &key, options.ttl, None, now, None)),
            7 => format!("{:?}", engine.increment(ns, &key, 1, &options, None, now, None)),
            _ => {
                format!("{:?} {:?} {:?}", engine.scan(None, b"", 0, 99, now), engine.stats(None), engine.next_expiry())
            }
        }
    };
    (0..CALLS).map(|_| call()).collect()
}

fn config(seed: u64, policy: PolicyKind, codec: Compression) -> Config {
    Config { seed, policy, codec, max_bytes: 8_000, compression_threshold: 100, store: true, ..Config::default() }
}

#[test]
fn the_same_calls_give_the_same_answers_and_records() {
    for policy in PolicyKind::ALL {
        for codec in [Compression::None, Compression::Deflate, Compression::Lz4, Compression::Auto] {
            let first = answers(config(1, policy, codec), 50);
            assert_eq!(first, answers(config(1, policy, codec), 50), "{policy:?} {codec:?}");
            let hits = first.iter().filter(|answer| answer.contains("Hit {")).count();
            assert!(hits > 50, "the script reads things that are there: {hits}");
        }
    }
}

/// What policies with sketches and samples remember depends on the keyed hash, and so on the seed.
#[test]
fn another_seed_changes_nothing_without_jitter() {
    for policy in PolicyKind::ALL {
        if matches!(policy, PolicyKind::WTinyLfu | PolicyKind::Adaptive) {
            continue;
        }
        let codec = Compression::Deflate;
        assert_eq!(answers(config(1, policy, codec), 0), answers(config(u64::MAX, policy, codec), 0), "{policy:?}");
    }
}

#[test]
fn another_seed_changes_expiry_with_jitter() {
    let (policy, codec) = (PolicyKind::Lru, Compression::None);
    assert_ne!(answers(config(1, policy, codec), 50), answers(config(2, policy, codec), 50));
}
