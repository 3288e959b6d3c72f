//! Fears that some sequence of calls, however odd, makes the engine answer what a plain map would not.
//!
//! `ops` draws the calls, `oracle` is the plain map, `memory` compares an engine with it call by call under the policies that
//! the map can predict. `bounded` asks of all policies what must be true of any: the last value or none, the bounds kept,
//! nothing lost unreported. `stored` plays the host of an engine with a store, whose answers must be as if nothing was ever
//! evicted.

mod bounded;
mod memory;
mod ops;
mod oracle;
mod stored;

use larder_engine::{Compression, Config, PolicyKind};
use proptest::prelude::*;

/// As many cases as `PROPTEST_CASES` says; leaves no files behind.
fn settings() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

fn policy() -> impl Strategy<Value = PolicyKind> {
    prop::sample::select(&PolicyKind::ALL[..])
}

/// A policy whose victims the oracle knows.
fn predictable() -> impl Strategy<Value = PolicyKind> {
    prop::sample::select(&oracle::PREDICTABLE[..])
}

fn codec() -> impl Strategy<Value = Compression> {
    prop::sample::select(vec![Compression::None, Compression::Deflate, Compression::Lz4, Compression::Auto])
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn a_roomy_engine_answers_like_a_map(policy in predictable(), seed: u64, calls in ops::calls(120)) {
        let config = Config { policy, seed, max_entry_size: ops::HUGE - 1, max_key_size: 8, cold_tier: false, ..Config::default() };
        memory::run(config, &calls);
    }

    #[test]
    fn an_engine_of_few_bytes_keeps_whom_its_policy_keeps(
        policy in predictable(), max_bytes in 0..1_200u64, calls in ops::calls(120),
    ) {
        memory::run(Config { policy, max_bytes, max_entry_size: ops::HUGE - 1, cold_tier: false, ..Config::default() }, &calls);
    }

    #[test]
    fn an_engine_of_few_entries_keeps_whom_its_policy_keeps(
        policy in predictable(), max_entries in 0..6u32, max_bytes in prop_oneof![Just(1 << 20), 300..2_000u64],
        calls in ops::calls(120),
    ) {
        memory::run(Config { policy, max_bytes, max_entries: Some(max_entries), cold_tier: false, ..Config::default() }, &calls);
    }

    #[test]
    fn no_policy_passes_its_bounds_or_loses_what_it_did_not_report(
        policy in policy(),
        max_bytes in prop_oneof![1 => Just(0u64), 6 => 100..3_000u64, 1 => Just(1 << 20)],
        max_entries in prop_oneof![2 => Just(None), 1 => (0..5u32).prop_map(Some)],
        tidy: bool,
        calls in ops::calls(120),
    ) {
        let config = Config { policy, max_bytes, max_entries, max_entry_size: ops::HUGE - 1, ..Config::default() };
        bounded::run(config, tidy, &calls);
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

    #[test]
    fn what_cools_is_as_if_it_had_not(
        (policy, seed) in (policy(), any::<u64>()),
        max_bytes in 1_000..6_000u64,
        habits in stored::habits(),
        calls in ops::calls(200),
    ) {
        let config = Config {
            policy, seed, max_bytes, store: true, compression_threshold: 100, max_entry_size: ops::HUGE - 1,
            cold_tier: true, ..Config::default()
        };
        stored::run(&config, habits, &calls);
    }
}
