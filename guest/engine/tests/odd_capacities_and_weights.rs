//! Fears a policy that is sound in the middle and breaks at the edges: no room at all, room for one or two, an entry as large
//! as everything, sizes that change, sums beyond 32 bits, requests made to hurt.

use larder_engine::config::ENTRY_OVERHEAD;
use larder_engine::{Config, Engine, ErrorCode, MAX_SIZE, Objective, PolicyKind, SetOptions, Simulation, Unit};

fn simulation(policy: PolicyKind, unit: Unit, capacity: u64) -> Simulation {
    Simulation::open(policy, unit, capacity, Objective::Balanced, 7).expect("valid settings")
}

/// Numbers without a pattern.
fn scrambled(n: u64) -> u64 {
    let z = (n ^ (n >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB) >> 11
}

/// Requests made to hurt: only new keys, one key, loops around the capacity, everything marked before anything goes, keys that
/// differ in their high bits only, and what nearly always misses by one.
fn hostile(capacity: u64) -> Vec<u64> {
    let rounds = |len: u64, times: u64| (0..len * times).map(move |n| n % len.max(1));
    let mut keys: Vec<u64> = (0..300).map(|n| 1_000_000 + n).collect();
    keys.extend([42; 50]);
    for len in [capacity.saturating_sub(1), capacity, capacity + 1, 2 * capacity, 3 * capacity + 1] {
        keys.extend(rounds(len.max(1), 4));
    }
    keys.extend(rounds(capacity.max(1), 5).chain(2_000..2_010).chain(rounds(capacity.max(1), 2)));
    keys.extend((0..200).map(|n| (n % 50) << 40));
    keys.extend((0..300u64).flat_map(|n| [n, n, n + 5_000, n.saturating_sub(capacity + 1)]));
    keys
}

#[test]
fn tiny_caches_keep_their_bounds_whatever_is_asked() {
    for policy in PolicyKind::ALL {
        for capacity in [0, 1, 2, 3, 10] {
            let mut cache = simulation(policy, Unit::Entries, capacity);
            for (turn, key) in hostile(capacity).into_iter().enumerate() {
                let hit = cache.request(key, 1);
                assert!(!hit || capacity > 0, "{policy:?}: a hit in nothing");
                assert!(cache.len() as u64 <= capacity, "{policy:?}: {} entries of {capacity}", cache.len());
                cache.check().unwrap_or_else(|what| panic!("{policy:?}, {capacity} entries, request {turn}: {what}"));
            }
            let full = cache.len() as u64 == capacity;
            assert!(full, "{policy:?} keeps {} of {capacity} entries", cache.len());
        }
    }
}

#[test]
fn the_same_key_again_is_a_hit_where_there_is_room_for_one() {
    for policy in PolicyKind::ALL {
        let mut cache = simulation(policy, Unit::Entries, 1);
        assert_eq!([5, 5, 5].map(|key| cache.request(key, 1)), [false, true, true], "{policy:?}");
    }
}

#[test]
fn an_entry_as_large_as_the_cache_takes_all_of_it() {
    for policy in PolicyKind::ALL {
        let mut cache = simulation(policy, Unit::Bytes, 1_000);
        assert!(!cache.request(1, 1_000) && cache.request(1, 1_000), "{policy:?}");
        assert!(!cache.request(2, 1_001) && !cache.request(2, 1_001), "{policy:?}: larger than everything");
        assert!(cache.request(1, 1_000), "{policy:?}: what cannot come in drives nobody out");
        for key in 10..40 {
            cache.request(key, 100);
            cache.check().unwrap_or_else(|what| panic!("{policy:?}: {what}"));
        }
        let small = if policy == PolicyKind::Ttl { 1 } else { 10 };
        assert_eq!(cache.len(), small, "{policy:?}");
        cache.request(3, 1_000);
        cache.check().unwrap_or_else(|what| panic!("{policy:?}: {what}"));
    }
}

#[test]
fn sizes_may_change_with_every_request() {
    for policy in PolicyKind::ALL {
        let mut cache = simulation(policy, Unit::Bytes, 5_000);
        for turn in 0..5_000 {
            let random = scrambled(turn);
            // Now and then more than the cache holds, and sometimes nothing.
            let size = if random.is_multiple_of(50) { 6_000 } else { (random >> 8) % 1_500 };
            cache.request(random % 40, size as u32);
            cache.check().unwrap_or_else(|what| panic!("{policy:?}, request {turn}: {what}"));
        }
        assert!(!cache.is_empty(), "{policy:?}");
    }
}

#[test]
fn weights_may_sum_past_four_gigabytes() {
    for policy in PolicyKind::ALL {
        let capacity = 20 * u64::from(MAX_SIZE);
        let mut cache = simulation(policy, Unit::Bytes, capacity);
        for turn in 0..2_000 {
            let random = scrambled(turn);
            let size = if random.is_multiple_of(3) { u32::MAX } else { MAX_SIZE - (random >> 40) as u32 };
            cache.request(random % 60, size);
            if turn % 16 == 0 {
                cache.check().unwrap_or_else(|what| panic!("{policy:?}, request {turn}: {what}"));
            }
        }
        assert!(cache.len() >= 20, "{policy:?}: {} entries", cache.len());
        assert!(cache.totals().bytes > u64::from(u32::MAX) * 100, "sums do not wrap");
    }
}

#[test]
fn engines_of_no_entry_or_one_say_so_or_keep_one() {
    for policy in PolicyKind::ALL {
        let one = ENTRY_OVERHEAD as u64 + 2;
        for (max_entries, max_bytes) in
            [(Some(0), 1 << 20), (None, 0), (None, one - 1), (Some(1), 1 << 20), (None, one)]
        {
            let config = Config { policy, max_entries, max_bytes, ..Config::default() };
            let mut engine = Engine::open(config).expect("valid settings");
            engine.namespace("ns").expect("valid name");
            let holds = u64::from(max_entries != Some(0) && max_bytes >= one);
            for key in 0..20u8 {
                let set = engine.set(0, &[key % 5], b"v", &SetOptions::default(), 1, None);
                match set {
                    Err(refusal) if holds == 0 => assert_eq!(refusal.code, ErrorCode::TooLarge),
                    Err(refusal) => assert_eq!((policy, refusal.code), (PolicyKind::Ttl, ErrorCode::Full)),
                    Ok(_) => assert!(engine.get(0, &[key % 5], 1).expect("known namespace").is_some(), "{policy:?}"),
                }
                engine.check().unwrap_or_else(|what| panic!("{policy:?}: {what}"));
                assert!(engine.stats(None).expect("of all").entries <= holds);
            }
            assert_eq!(engine.stats(None).expect("of all").entries, holds, "{policy:?}");
        }
    }
}

#[test]
fn whoever_is_read_most_survives_a_scan_where_the_policy_says_so() {
    use PolicyKind::{ClockPro, Gdsf, Lfu, S3Fifo, Sieve};
    for policy in [Lfu, Sieve, S3Fifo, ClockPro, Gdsf] {
        let mut cache = simulation(policy, Unit::Entries, 100);
        for turn in 0..2_000 {
            cache.request(turn % 40, 1);
            cache.request(1_000 + turn % 200, 1);
        }
        for n in 0..150 {
            cache.request(1_000_000 + n, 1);
        }
        let kept = (0..40).filter(|&key| cache.request(key, 1)).count();
        assert!(kept >= 35, "{policy:?} kept {kept} of 40 through a scan");
    }
}
