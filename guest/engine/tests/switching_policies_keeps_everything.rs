//! Fears that another policy for a cache in use loses entries, forgets who was read, or is confused by what it was not there to
//! see.

use larder_engine::{Config, Engine, PolicyKind, SetOptions};

const ENTRIES: u32 = 50;

fn key(n: u32) -> [u8; 4] {
    n.to_le_bytes()
}

fn engine(policy: PolicyKind) -> Engine {
    let config = Config { policy, max_entries: Some(ENTRIES), ..Config::default() };
    let mut engine = Engine::open(config).expect("valid settings");
    engine.namespace("ns").expect("valid name");
    engine
}

/// Writes what is missing, and reads what is there, in an order that `turn` says.
fn use_it(engine: &mut Engine, turn: u32, now: u64) {
    let n = turn.wrapping_mul(2_654_435_761) >> 16;
    let n = if turn.is_multiple_of(3) { n % 8 } else { n % 120 };
    if engine.get(0, &key(n), now).expect("known namespace").is_none() {
        // A full cache under `ttl` refuses.
        let _ = engine.set(0, &key(n), &vec![7; (n % 40) as usize], &SetOptions::default(), now, None);
    }
}

#[test]
fn everything_stays_from_every_policy_to_every_other() {
    for from in PolicyKind::ALL {
        for to in PolicyKind::ALL {
            let mut engine = engine(from);
            for turn in 0..2_000 {
                use_it(&mut engine, turn, 1_000 + u64::from(turn));
                if turn % 250 == 249 {
                    let before = (engine.scan(None, b"", 0, 1_000, 5_000), engine.stats(None));
                    engine.set_policy(if turn % 500 == 249 { to } else { from });
                    engine.check().unwrap_or_else(|what| panic!("{from:?} to {to:?}: {what}"));
                    assert_eq!(
                        (engine.scan(None, b"", 0, 1_000, 5_000), engine.stats(None)),
                        before,
                        "{from:?}, {to:?}"
                    );
                }
                engine.check().unwrap_or_else(|what| panic!("{from:?} and {to:?}: {what}"));
            }
        }
    }
}

#[test]
fn who_was_read_is_still_known_afterwards() {
    for to in PolicyKind::ALL {
        // Reads in quick succession are one to `adaptive`, as long as an entry is in its window.
        if matches!(to, PolicyKind::Lru | PolicyKind::Ttl | PolicyKind::Adaptive) {
            continue;
        }
        let mut engine = engine(PolicyKind::Lru);
        for n in 0..ENTRIES {
            engine.set(0, &key(n), b"v", &SetOptions::default(), 1_000, None).expect("fits");
        }
        for read in 0..9 {
            assert!(engine.get(0, &key(read % 3), 2_000).expect("known namespace").is_some());
        }
        engine.set_policy(to);
        for n in ENTRIES..ENTRIES + 20 {
            engine.set(0, &key(n), b"v", &SetOptions::default(), 3_000, None).expect("others make room");
        }
        let kept = (0..3).filter(|&read| engine.exists(0, &key(read), 4_000) == Ok(true)).count();
        // One of them was in a window, which everybody passes through.
        let in_window = usize::from(matches!(to, PolicyKind::WTinyLfu | PolicyKind::Adaptive));
        assert!(kept >= 3 - in_window, "{kept} of three that were read before, under {to:?}");
    }
}

#[test]
fn whoever_was_read_often_counts_though_others_were_read_later() {
    use PolicyKind::{ClockPro, Gdsf, Lfu, S3Fifo, Sieve};
    for to in [Lfu, Sieve, S3Fifo, ClockPro, Gdsf] {
        let mut engine = engine(PolicyKind::Lru);
        for n in 0..ENTRIES {
            engine.set(0, &key(n), b"v", &SetOptions::default(), 1_000 + u64::from(n), None).expect("fits");
            for _ in 0..if n < 3 { 3 } else { 0 } {
                assert!(engine.get(0, &key(n), 1_000 + u64::from(n)).expect("known namespace").is_some());
            }
        }
        engine.set_policy(to);
        for n in ENTRIES..ENTRIES + 20 {
            engine.set(0, &key(n), b"v", &SetOptions::default(), 3_000, None).expect("others make room");
        }
        for read in 0..3 {
            assert_eq!(engine.exists(0, &key(read), 4_000), Ok(true), "{read} was read three times, under {to:?}");
        }
    }
}

#[test]
fn the_same_policy_again_changes_nothing() {
    let mut engine = engine(PolicyKind::Fifo);
    for n in 0..ENTRIES {
        engine.set(0, &key(n), b"v", &SetOptions::default(), 1_000, None).expect("fits");
    }
    assert!(engine.get(0, &key(0), 2_000).expect("known namespace").is_some());
    engine.set_policy(PolicyKind::Fifo);
    engine.set(0, &key(ENTRIES), b"v", &SetOptions::default(), 3_000, None).expect("another makes room");
    assert_eq!(engine.exists(0, &key(0), 4_000), Ok(false), "still the first that was written");
}
