//! Fears a bound that is none, and a Belady that is not optimal: somebody would tune for hits that cannot be had, or stop too
//! early.
//!
//! As many cases as `PROPTEST_CASES` says, 256 unless it does.

mod common;

use std::collections::{BTreeSet, HashMap};

use common::Home;
use common::traces::sized;
use larder::simulate::{Capacity, Report, Simulate, Unit, policies};
use proptest::prelude::*;

type Requests = [(u64, u32)];

fn run(requests: &Requests, names: &[String], unit: Unit, capacity: u64) -> Report {
    let home = Home::new();
    let path = home.write("t", sized(requests));
    let simulate = Simulate::new().policies(names).unit(unit).capacities([Capacity::Amount(capacity)]);
    simulate.run(path).expect("the trace is whole")
}

/// The most hits of any cache that takes in every miss, by trying all victims.
fn most_hits(requests: &Requests, capacity: usize) -> u64 {
    let mut states: HashMap<BTreeSet<u64>, u64> = HashMap::from([(BTreeSet::new(), 0)]);
    for (key, _) in requests {
        let mut next: HashMap<BTreeSet<u64>, u64> = HashMap::new();
        let mut reach = |state, hits: u64| {
            let best = next.entry(state).or_default();
            *best = hits.max(*best);
        };
        for (state, hits) in states {
            if state.contains(key) {
                reach(state, hits + 1);
                continue;
            }
            let mut with = state.clone();
            with.insert(*key);
            if state.len() < capacity {
                reach(with, hits);
                continue;
            }
            for victim in &state {
                let mut without = with.clone();
                without.remove(victim);
                reach(without, hits);
            }
        }
        states = next;
    }
    states.into_values().max().unwrap_or(0)
}

fn short_traces() -> impl Strategy<Value = Vec<(u64, u32)>> {
    prop::collection::vec(0u64..7, 1..40).prop_map(|keys| keys.into_iter().map(|key| (key, 1)).collect())
}

fn sized_traces() -> impl Strategy<Value = Vec<(u64, u32)>> {
    let request = (0u64..20, any::<bool>(), 1u32..50);
    // Most keys keep their size.
    let size = |(key, changes, size): (u64, bool, u32)| (key, if changes { size } else { 1 + key as u32 });
    prop::collection::vec(request.prop_map(size), 1..200)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn belady_hits_as_often_as_any_cache_can(requests in short_traces(), capacity in 1usize..5) {
        let report = run(&requests, &["belady".into()], Unit::Entries, capacity as u64);
        prop_assert_eq!(report.rows[0].hits, most_hits(&requests, capacity));
    }

    #[test]
    fn nobody_passes_the_bounds(requests in sized_traces(), capacity in 0u64..120, in_bytes: bool) {
        let unit = if in_bytes { Unit::Bytes } else { Unit::Entries };
        let names = [policies().expect("policies"), vec!["belady".into(), "belady-size".into(), "pfoo-l".into()]].concat();
        let report = run(&requests, &names, unit, capacity);
        let bound = report.rows.last().expect("a row");
        prop_assert_eq!(&bound.policy, "pfoo-l");
        let sizes: HashMap<u64, BTreeSet<u32>> = requests.iter().fold(HashMap::new(), |mut sizes, (key, size)| {
            sizes.entry(*key).or_insert_with(BTreeSet::new).insert(*size);
            sizes
        });
        for row in &report.rows {
            prop_assert_eq!(row.requests, requests.len() as u64);
            prop_assert!(row.hit_ratio <= 1.0 && row.byte_hit_ratio <= 1.0, "{row:?}");
            prop_assert!(row.hits <= bound.hits, "{row:?} passes {bound:?}");
            prop_assert!(row.byte_hit_ratio <= bound.byte_hit_ratio + 1e-9, "{row:?} passes {bound:?}");
        }
        if capacity == 0 {
            prop_assert!(report.rows.iter().all(|row| row.hits == 0));
        }
        let all: u64 = if in_bytes { sizes.values().flatten().map(|size| u64::from(*size)).sum() } else { 20 };
        if capacity >= all {
            let most = (requests.len() - sizes.len()) as u64;
            prop_assert!(report.rows.iter().all(|row| row.hits == most), "everything fits: {report:?}");
        }
    }
}

#[test]
fn pfoo_l_is_what_its_paper_says() {
    // Intervals of `a`: 2 requests of 1 byte, of `b`: 3 of 3 bytes, of `c`: 1 of 2 bytes. Together 2 + 9 + 2; there are
    // seven requests.
    let requests = [(1, 1), (2, 3), (1, 1), (3, 2), (3, 2), (2, 3), (4, 1)];
    let at = |capacity| {
        let report = run(&requests, &["pfoo-l".into()], Unit::Bytes, capacity);
        (report.rows[0].hits, (report.rows[0].byte_hit_ratio * 13.0).round() as u64)
    };
    // Intervals larger than the cache are no hits.
    assert_eq!([at(0), at(1), at(2), at(3)], [(0, 0), (1, 1), (2, 3), (3, 6)]);
}
