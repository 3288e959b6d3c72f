//! Group `simulate`: a trace replayed through the component and by the same engine linked natively: the price of the sandbox
//! where calls are few and long.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Instant;

use anyhow::{Result, ensure};
use larder::Cache;
use larder::simulate::{Batch, Capacity, Format, OnError, Simulate, Simulation, Trace, Unit};
use larder_engine::{Objective, PolicyKind};

use crate::measure::{nanoseconds_each, rounds};
use crate::report::{Report, thousands};
use crate::setup::Setup;
use crate::workload::{Rng, Values, Zipf, key};

/// Requests in a batch, as `larder simulate` has them.
const BATCH: usize = 4096;

/// Of a hundred unique keys, how many the cache holds.
const PERCENT: u64 = 5;

/// Runs the group on a file or, without one, on Zipf-distributed keys (exponent 0.9).
pub fn run(setup: &Setup, file: Option<&Path>, report: &mut Report) -> Result<()> {
    let directory = setup.directory()?;
    let generated = directory.path().join("zipf.txt");
    let file = match file {
        Some(file) => file,
        None => {
            let (requests, keys) = if setup.quick { (100_000, 20_000) } else { (2_000_000, 250_000) };
            std::fs::write(&generated, zipf(requests, keys))?;
            &generated
        }
    };
    let batches = read(file)?;
    let requests: usize = batches.iter().map(|batch| batch.keys().len()).sum();
    let unique = batches.iter().flat_map(Batch::keys).collect::<std::collections::HashSet<_>>().len() as u64;
    let capacity = unique * PERCENT / 100;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    report.add("## simulate");
    report.add(format!(
        "{name}: {} requests for {} keys, a cache of {} entries. Nanoseconds a request, in brackets how many times as long as the \
         native engine. \"requests alone\": the trace is in memory, {BATCH} requests a call, one thread. \"whole replay\": from the file, \
         reading and decompressing included; larder reads in one thread and simulates in another, the native engine does both in one.",
        thousands(requests as u64),
        thousands(unique),
        thousands(capacity)
    ));
    for policy in PolicyKind::ALL {
        let mut contestants = ["engine linked natively", "Larder"];
        let mut hits = Vec::new();
        let figures = rounds(&mut contestants, setup.rounds, |name, _| {
            let each = |began: Instant| began.elapsed().as_nanos() as f64 / requests as f64;
            let native = || {
                larder_engine::Simulation::open(policy, larder_engine::Unit::Entries, capacity, Objective::default(), 0)
            };
            let feed = |cache: &mut larder_engine::Simulation, batch: &Batch| {
                for (&key, &size) in batch.keys().iter().zip(batch.sizes()) {
                    cache.request(key, size);
                }
            };
            if *name == "Larder" {
                let mut cache = Simulation::open(policy.name(), "balanced", Unit::Entries, capacity, 0)?;
                let began = Instant::now();
                batches.iter().try_for_each(|batch| cache.requests(batch))?;
                let alone = each(began);
                hits.push(cache.totals()?.hits);
                let simulate = Simulate::new().policies([policy.name()]).capacities([Capacity::Amount(capacity)]);
                let began = Instant::now();
                hits.push(simulate.run(file)?.rows[0].hits);
                Ok(vec![alone, each(began)])
            } else {
                let mut cache = native()?;
                let began = Instant::now();
                batches.iter().for_each(|batch| feed(&mut cache, batch));
                let alone = each(began);
                hits.push(cache.totals().hits);
                let mut cache = native()?;
                let began = Instant::now();
                let mut trace = Trace::open(file, Format::Auto, OnError::Stop)?;
                let mut batch = Batch::with_capacity(BATCH);
                while trace.read(&mut batch, BATCH)? {
                    feed(&mut cache, &batch);
                    batch.clear();
                }
                Ok(vec![alone, each(began)])
            }
        })?;
        ensure!(hits.windows(2).all(|pair| pair[0] == pair[1]), "{}: hits differ: {hits:?}", policy.name());
        let speed = 1e3 / figures.median(1, 0);
        report.add(format!("### {}, {:.1} million requests a second through the component", policy.name(), speed));
        report.figures("ns", &contestants, &["requests alone", "whole replay"], &figures, 0);
    }
    recording(setup, report)
}

/// What it costs a cache in memory to record.
fn recording(setup: &Setup, report: &mut Report) -> Result<()> {
    let (entries, operations) = if setup.quick { (1_000, 20_000) } else { (10_000, 200_000) };
    let mut contestants = [("not recorded", false), ("recorded", true)];
    let figures = rounds(&mut contestants, setup.rounds, |&mut (_, records), round| {
        let directory = setup.directory()?;
        let mut builder = Cache::builder().shards(1);
        if records {
            builder = builder.record(directory.path().join("trace.txt"));
        }
        let cache = builder.open()?;
        let mut rng = Rng::new(round as u64);
        let values = Values::random(100, &mut rng);
        for id in 0..entries {
            cache.set(key(id as u64), values.of(id))?;
        }
        let ids: Vec<usize> = (0..operations).map(|_| rng.below(entries)).collect();
        let hit = nanoseconds_each(operations, || ids.iter().for_each(|&id| drop(cache.get(key(id as u64)))));
        let miss =
            nanoseconds_each(operations, || ids.iter().for_each(|&id| drop(cache.get(key((entries + id) as u64)))));
        Ok(vec![hit, miss])
    })?;
    report.add("### Recording");
    report.add("Nanoseconds for a get of 100 B in a cache in memory, one shard, one thread, 10,000 entries.");
    report.figures("ns", &contestants.map(|(name, _)| name), &["get hit", "get miss"], &figures, 0);
    Ok(())
}

fn read(file: &Path) -> Result<Vec<Batch>> {
    let mut trace = Trace::open(file, Format::Auto, OnError::Stop)?;
    let mut batches = Vec::new();
    loop {
        let mut batch = Batch::with_capacity(BATCH);
        if !trace.read(&mut batch, BATCH)? {
            return Ok(batches);
        }
        batches.push(batch);
    }
}

fn zipf(requests: usize, keys: usize) -> String {
    let (mut rng, zipf) = (Rng::new(7), Zipf::new(keys, 0.9));
    let mut text = String::new();
    for _ in 0..requests {
        let key = zipf.draw(&mut rng);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{key},{}", 64 + key * 7919 % 4096);
    }
    text
}
