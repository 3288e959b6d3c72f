//! Fears that a policy decides otherwise than it did: a slip that no invariant catches shows in what it hits.
//!
//! `counts.txt` holds for every policy, on six traces that are made here, how much it hit. A change on purpose, or a new policy,
//! is written into it with
//!
//! ```sh
//! LARDER_GOLDEN=write cargo test --release --workspace -p larder-engine --test golden_counts
//! ```
//!
//! `LARDER_TRACES=DIRECTORY` has the traces written there, for other simulators: `crosscheck.py` runs libCacheSim on them.

mod traces;

use std::fmt::Write;
use std::path::Path;

use larder_engine::{Objective, PolicyKind, Simulation, Unit};
use traces::{Request, TRACES};

const ENTRIES: [u64; 3] = [20, 100, 400];
const BYTES: [u64; 3] = [64_000, 320_000, 1_280_000];

/// Hits, and where bytes are bounded the bytes hit.
fn cell(policy: PolicyKind, unit: Unit, capacity: u64, trace: &[Request]) -> String {
    let mut cache = Simulation::open(policy, unit, capacity, Objective::Balanced, 0).expect("valid settings");
    for request in trace {
        cache.request(request.key, request.size);
    }
    cache.check().unwrap_or_else(|what| panic!("{policy:?} at {capacity}: {what}"));
    let totals = cache.totals();
    assert_eq!(totals.requests, trace.len() as u64);
    match unit {
        Unit::Entries => totals.hits.to_string(),
        Unit::Bytes => format!("{}/{}", totals.hits, totals.bytes_hit),
    }
}

fn table() -> String {
    let mut text = "# Hits of 20,000 requests; where bytes are bounded, hits/bytes hit. See main.rs.\n".to_owned();
    for (name, make) in TRACES {
        let trace = make();
        for (unit, capacities) in [(Unit::Entries, ENTRIES), (Unit::Bytes, BYTES)] {
            let unit_name = if unit == Unit::Entries { "entries" } else { "bytes" };
            let [small, middle, large] = capacities;
            let _ = writeln!(text, "\n{name:<6} {unit_name:<8} {small:>16} {middle:>16} {large:>16}");
            for policy in PolicyKind::ALL {
                let [small, middle, large] = capacities.map(|capacity| cell(policy, unit, capacity, &trace));
                let _ = writeln!(text, "       {:<10} {small:>14} {middle:>16} {large:>16}", policy.name());
            }
        }
    }
    text
}

#[test]
fn every_policy_hits_what_it_hit() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden_counts/counts.txt");
    let found = table();
    if std::env::var_os("LARDER_GOLDEN").is_some_and(|what| what == "write") {
        std::fs::write(&file, &found).expect("the table can be written");
        return;
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    let wrong: Vec<_> = found.lines().filter(|line| !expected.lines().any(|other| other == *line)).collect();
    assert!(wrong.is_empty(), "not in counts.txt, in the order of the file:\n{}", wrong.join("\n"));
    assert_eq!(found, expected, "counts.txt has rows that nothing makes any more");
}

#[test]
fn traces_are_written_where_asked() {
    let Some(folder) = std::env::var_os("LARDER_TRACES") else { return };
    for (name, make) in TRACES {
        let lines: Vec<_> = make().iter().map(|request| format!("{},{}\n", request.key, request.size)).collect();
        std::fs::write(Path::new(&folder).join(format!("{name}.csv")), lines.concat())
            .expect("the trace can be written");
    }
}
