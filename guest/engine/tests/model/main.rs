//! Fears that some sequence of calls, however odd, makes the engine answer what a plain map would not.
//!
//! `ops` draws the calls, `oracle` is the plain map, `memory` compares an engine with it call by call, `stored` plays
//! the host of an engine with a store, whose answers must be as if nothing was ever evicted.

mod memory;
mod ops;
mod oracle;
mod stored;

use larder_engine::{Codec, Config, PolicyKind};
use proptest::prelude::*;

/// As many cases as `PROPTEST_CASES` says; leaves no files behind.
fn settings() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

fn policy() -> impl Strategy<Value = PolicyKind> {
    prop::sample::select(&PolicyKind::ALL[..])
}

fn codec() -> impl Strategy<Value = Codec> {
    prop::sample::select(vec![Codec::None, Codec::Deflate, Codec::Lz4])
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn a_roomy_engine_answers_like_a_map(policy in policy(), seed: u64, calls in ops::calls(120)) {
        let config = Config { policy, seed, max_entry_size: ops::HUGE - 1, max_key_size: 8, ..Config::default() };
        memory::run(config, &calls);
    }

    #[test]
    fn an_engine_of_few_bytes_keeps_whom_its_policy_keeps(
        policy in policy(), max_bytes in 0..1_200u64, calls in ops::calls(120),
    ) {
        memory::run(Config { policy, max_bytes, max_entry_size: ops::HUGE - 1, ..Config::default() }, &calls);
    }

    #[test]
    fn an_engine_of_few_entries_keeps_whom_its_policy_keeps(
        policy in policy(), max_entries in 0..6u32, max_bytes in prop_oneof![Just(1 << 20), 300..2_000u64],
        calls in ops::calls(120),
    ) {
        memory::run(Config { policy, max_bytes, max_entries: Some(max_entries), ..Config::default() }, &calls);
    }

    #[test]
    fn with_a_store_nothing_is_ever_lost(
        (policy, codec, level) in (policy(), codec(), 1..=9u8),
        max_bytes in prop_oneof![1 => Just(0u64), 4 => 100..1_500u64, 1 => Just(1 << 20)],
        max_entries in prop_oneof![2 => Just(None), 1 => (0..4u32).prop_map(Some)],
        habits in stored::habits(),
        calls in ops::calls(120),
    ) {
        let config = Config {
            policy, codec, max_bytes, max_entries, compression_level: level, store: true,
            compression_threshold: 64, max_entry_size: ops::HUGE - 1, ..Config::default()
        };
        stored::run(&config, habits, &calls);
    }
}
