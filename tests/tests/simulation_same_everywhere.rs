//! Fears a simulation that counts otherwise in the component than natively, or otherwise in batches of another size: nobody
//! could compare figures of two machines.

use larder::simulate::{Batch, Capacity, Format, OnError, Simulate, Trace, Unit};
use larder_engine::{Objective, PolicyKind, Simulation};
use larder_tests::scale::{self, Random};

#[test]
fn the_component_counts_like_the_native_engine() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("trace");
    let mut random = Random(scale::seed());
    let mut text = String::new();
    for _ in 0..scale::rounds(20_000, 1_000_000) {
        let key = (random.below(3_000)).min(random.below(3_000));
        text += &format!("{key},{}\n", 1 + key * 31 % 500 + u64::from(random.chance(2)));
    }
    std::fs::write(&path, text).expect("a file");
    let mut batch = Batch::default();
    let mut trace = Trace::open(&path, Format::Text, OnError::Stop).expect("opens");
    while trace.read(&mut batch, usize::MAX).expect("whole") && batch.keys().is_empty() {}

    let policies = larder::simulate::policies().expect("policies");
    assert_eq!(policies, PolicyKind::ALL.map(PolicyKind::name));
    for (unit, native_unit, capacities) in [
        (Unit::Entries, larder_engine::Unit::Entries, [0, 1, 30, 1_000]),
        (Unit::Bytes, larder_engine::Unit::Bytes, [0, 1, 10_000, 200_000]),
    ] {
        for objective in Objective::ALL {
            let simulate = Simulate::new().policies(&policies).unit(unit).objective(objective.name()).seed(5);
            let report = simulate.capacities(capacities.map(Capacity::Amount)).run(&path).expect("replays");
            let mut rows = report.rows.iter();
            for capacity in capacities {
                for policy in PolicyKind::ALL {
                    let mut native = Simulation::open(policy, native_unit, capacity, objective, 5).expect("opens");
                    for (&key, &size) in batch.keys().iter().zip(batch.sizes()) {
                        native.request(key, size);
                    }
                    native.check().expect("sound");
                    let (row, totals) = (rows.next().expect("a row"), native.totals());
                    let found = (row.policy.as_str(), row.requests, row.hits, row.refused);
                    assert_eq!(found, (policy.name(), totals.requests, totals.hits, totals.refused), "{row:?}");
                    let bytes_hit = (row.byte_hit_ratio * totals.bytes as f64).round() as u64;
                    assert_eq!(bytes_hit, totals.bytes_hit, "{row:?}");
                }
            }
        }
    }
}
