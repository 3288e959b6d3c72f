//! Fears a judgement that frees too little, sacrifices more than needed, or spares what is over.

use larder_engine::{Config, Engine, PolicyKind, Summary};
use proptest::collection::vec;
use proptest::prelude::*;

fn engine(policy: PolicyKind) -> Engine {
    Engine::open(Config { policy, store: true, ..Config::default() }).expect("valid settings")
}

fn candidates() -> impl Strategy<Value = Vec<Summary>> {
    let one = (1..1_000u64, 0..100u64, prop_oneof![Just(0), 1..100u64], prop::option::of(0..100u64));
    vec(one, 0..40).prop_map(|all| {
        let summary = |(at, (size, _, accessed, gone)): (usize, (u64, u64, u64, Option<u64>))| Summary {
            size,
            version: at as u64 * 7 % 41,
            accessed,
            gone,
        };
        all.into_iter().enumerate().map(summary).collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn enough_goes_and_no_more(
        policy in prop::sample::select(&PolicyKind::ALL[..]), all in candidates(),
        needed in prop_oneof![Just(0), 1..20_000u64], now in 0..100u64,
    ) {
        let verdict = engine(policy).judge(&all, needed, now);
        let goes = |place: usize| verdict.contains(&(place as u32));
        let is_over = |place: usize| all[place].gone.is_some_and(|gone| gone <= now);

        let mut distinct = verdict.clone();
        distinct.sort_unstable();
        distinct.dedup();
        prop_assert_eq!(distinct.len(), verdict.len(), "nobody goes twice");
        prop_assert!(verdict.iter().all(|&place| (place as usize) < all.len()));
        prop_assert!((0..all.len()).all(|place| goes(place) || !is_over(place)), "what is over always goes");

        let freed: u64 = verdict.iter().map(|&place| all[place as usize].size).sum();
        let over = (0..all.len()).filter(|&place| is_over(place)).count();
        let most = if policy == PolicyKind::Ttl { over } else { all.len() };
        prop_assert!(freed >= needed || verdict.len() == most, "{} of {} freed", freed, needed);
        if let Some(&last) = verdict.last().filter(|&&last| !is_over(last as usize)) {
            prop_assert!(freed - all[last as usize].size < needed, "the last one went in vain");
        }
        // Nobody who stays is worth less than somebody who goes.
        let worth = |place: usize| match policy {
            PolicyKind::Fifo | PolicyKind::Ttl => (0, all[place].version),
            PolicyKind::Gdsf => {
                let idle = now.saturating_sub(all[place].accessed);
                (u64::MAX - all[place].size * idle, all[place].version)
            }
            _ => (all[place].accessed, all[place].version),
        };
        let living = verdict.iter().map(|&place| place as usize).filter(|&place| !is_over(place));
        let best_that_goes = living.map(worth).max();
        let worst_that_stays = (0..all.len()).filter(|&place| !goes(place)).map(worth).min();
        if let (Some(goes), Some(stays)) = (best_that_goes, worst_that_stays) {
            prop_assert!(goes <= stays, "{:?} goes before {:?}", goes, stays);
        }
    }
}

#[test]
fn the_least_worth_keeping_comes_first() {
    let entry = |version, accessed| Summary { size: 10, version, accessed, gone: None };
    let all = [entry(3, 30), entry(1, 50), entry(2, 10)];
    assert_eq!(engine(PolicyKind::Lru).judge(&all, u64::MAX, 100), [2, 0, 1]);
    assert_eq!(engine(PolicyKind::Fifo).judge(&all, u64::MAX, 100), [1, 2, 0]);
    assert_eq!(engine(PolicyKind::Ttl).judge(&all, u64::MAX, 100), [0; 0]);
}

#[test]
fn nothing_to_judge_and_nothing_needed_are_fine() {
    for policy in PolicyKind::ALL {
        assert!(engine(policy).judge(&[], 1_000, 1).is_empty());
        let lasting = Summary { size: 10, version: 1, accessed: 0, gone: None };
        assert!(engine(policy).judge(&[lasting], 0, 1).is_empty());
    }
}

#[test]
fn sizes_beyond_all_measure_do_not_overflow() {
    let huge = |version| Summary { size: u64::MAX, version, accessed: 0, gone: Some(1) };
    for policy in PolicyKind::ALL {
        assert_eq!(engine(policy).judge(&[huge(1), huge(2)], u64::MAX, 1), [0, 1]);
    }
}
