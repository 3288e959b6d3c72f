//! Fears that a policy is not the algorithm whose name it bears.
//!
//! Beside each fast implementation runs one that is slow and obvious, written from the paper: plain vectors, searched from
//! end to end. Request by request both must hit and miss alike.

mod clock_pro;
mod ranked;
mod s3_fifo;
mod sieve;

use larder_engine::{Objective, PolicyKind, Simulation, Unit};
use proptest::collection::vec;
use proptest::prelude::*;

/// A cache of keys as its paper says.
trait Paper {
    /// One request, and whether the key was there.
    fn request(&mut self, key: u64, size: u32) -> bool;
}

/// Takes the first of `list` of which `is` is true out of it.
fn take<T>(list: &mut Vec<T>, is: impl Fn(&T) -> bool) -> Option<T> {
    list.iter().position(is).map(|at| list.remove(at))
}

/// As many cases as `PROPTEST_CASES` says; leaves no files behind.
fn settings() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

/// Requests in runs: of a few keys over and over, in a loop, once each, at random.
fn requests() -> impl Strategy<Value = Vec<u64>> {
    let any_of = |keys: std::ops::Range<u64>, most| vec(keys, 1..most);
    let in_order = (0..60u64, 2..40u64, 1..4u64);
    let run = prop_oneof![
        2 => any_of(0..8, 30),
        3 => any_of(0..60, 60),
        1 => any_of(100..100_000, 30),
        3 => in_order.prop_map(|(from, len, times)| (0..len * times).map(|n| from + n % len).collect()),
    ];
    vec(run, 1..12).prop_map(|runs| runs.concat())
}

/// Requests on both; `size` says how large the entry of a key is, and at which request.
fn compare(
    policy: PolicyKind,
    unit: Unit,
    capacity: u64,
    paper: &mut dyn Paper,
    requests: &[u64],
    size: impl Fn(u64, usize) -> u32,
) {
    let mut fast = Simulation::open(policy, unit, capacity, Objective::Balanced, 0).expect("valid settings");
    for (turn, &key) in requests.iter().enumerate() {
        let size = size(key, turn);
        let hit = fast.request(key, size);
        fast.check().unwrap_or_else(|what| panic!("after request {turn} for {key}: {what}"));
        assert_eq!(hit, paper.request(key, size), "request {turn} for {key}: whether it was there");
    }
}

/// All entries alike.
fn of_one(_key: u64, _turn: usize) -> u32 {
    1
}

proptest! {
    #![proptest_config(settings())]

    #[test]
    fn sieve_is_as_in_its_paper(capacity in 1..40usize, requests in requests()) {
        let mut paper = sieve::Sieve::new(capacity);
        compare(PolicyKind::Sieve, Unit::Entries, capacity as u64, &mut paper, &requests, of_one);
    }

    #[test]
    fn s3_fifo_is_as_in_its_paper(capacity in 1..60usize, requests in requests()) {
        let mut paper = s3_fifo::S3Fifo::new(capacity);
        compare(PolicyKind::S3Fifo, Unit::Entries, capacity as u64, &mut paper, &requests, of_one);
    }

    #[test]
    fn clock_pro_is_as_in_its_paper(capacity in 1..60usize, requests in requests()) {
        let mut paper = clock_pro::ClockPro::new(capacity);
        compare(PolicyKind::ClockPro, Unit::Entries, capacity as u64, &mut paper, &requests, of_one);
    }

    #[test]
    fn lfu_is_as_in_its_paper(capacity in 1..40u64, requests in requests()) {
        let mut paper = ranked::Ranked::new(capacity);
        compare(PolicyKind::Lfu, Unit::Entries, capacity, &mut paper, &requests, of_one);
    }

    #[test]
    fn gdsf_is_as_in_its_paper(capacity in 1..2_000u64, changes: bool, requests in requests()) {
        // Powers of two, so that no rounding decides between equals.
        let size = |key: u64, turn: usize| 1 << ((key * 7 + if changes { turn as u64 / 20 } else { 0 }) % 9);
        let mut paper = ranked::Ranked::new(capacity);
        compare(PolicyKind::Gdsf, Unit::Bytes, capacity, &mut paper, &requests, size);
    }
}
