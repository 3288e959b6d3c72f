//! Group `compression`: what the compressed cold tier holds more, and what it costs, against both extremes: everything raw,
//! and everything deflated by the caller before it is set and inflated after each hit.

use std::time::Instant;

use anyhow::Result;
use larder::Cache;
use miniz_oxide::deflate::compress_to_vec;
use miniz_oxide::inflate::decompress_to_vec;

use crate::measure::{median, rounds};
use crate::report::{Report, thousands};
use crate::setup::Setup;
use crate::texts;
use crate::workload::{Rng, Zipf, key};

/// The part of the values that fits raw: one in so many bytes.
const FITS: usize = 8;

/// How often memory is maintained: after so many requests. A cache by itself does it from a thread.
const MAINTAINED: usize = 32;

/// What a miss may cost, in microseconds: nothing, a read from a disk, an answer over a network.
const MISS_COSTS: [(f64, &str); 3] = [(0.0, "µs, miss 0"), (100.0, "µs, miss 100 µs"), (20_000.0, "µs, miss 20 ms")];

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Raw,
    ColdTier,
    AllDeflated,
}

const WAYS: [(&str, Way); 3] =
    [("all raw", Way::Raw), ("cold tier", Way::ColdTier), ("all deflated by the caller", Way::AllDeflated)];

/// Runs the group.
pub fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.add("## compression");
    report.add(format!(
        "Memory for one in {FITS} bytes of the values, one shard, `lru`, no store. \"filled\": every value was set once, the \
         bytes of values then held, as a multiple of all raw. Then gets of Zipf-distributed keys (exponents 0.8 and 1.0), each miss \
         followed by a set; after as many requests as bring every way to rest. Memory is maintained after every {MAINTAINED} requests, \
         in its own column (a cache by itself does it from a thread). Hits are timed one by one, the clock's own time \
         included. The time for a request is that of the calls, maintenance included, and of the misses at three prices."
    ));
    let mut rng = Rng::new(7);
    let count = if setup.quick { 4_000 } else { 20_000 };
    let corpora =
        [("JSON answers", texts::answers(count, &mut rng)), ("sources and documents", texts::sources(&mut rng))];
    for (name, values) in &corpora {
        let bytes: usize = values.iter().map(Vec::len).sum();
        report.add(format!(
            "### {name}: {} values of {} B",
            thousands(values.len() as u64),
            bytes / values.len().max(1)
        ));
        for exponent in [0.8, 1.0] {
            measure(setup, report, values, exponent)?;
        }
    }
    Ok(())
}

fn measure(setup: &Setup, report: &mut Report, values: &[Vec<u8>], exponent: f64) -> Result<()> {
    let mut contestants = WAYS;
    let zipf = Zipf::new(values.len(), exponent);
    let figures = rounds(&mut contestants, setup.rounds.min(5), |&mut (_, way), round| {
        let bytes: usize = values.iter().map(Vec::len).sum();
        let builder = Cache::builder().shards(1).cleanup_interval(None).seed(1);
        let cache = builder.max_memory((bytes / FITS) as u64).cold_tier(way == Way::ColdTier).open()?;
        let bench = Bench { cache, way, values };
        for id in 0..values.len() {
            bench.set(id)?;
            if id % MAINTAINED == 0 {
                bench.cache.maintain()?;
            }
        }
        let filled = bench.held()?;
        let mut rng = Rng::new(round as u64);
        bench.requests(&zipf, values.len() * 8, &mut rng)?;
        let mut run = bench.requests(&zipf, values.len() * 4, &mut rng)?;
        run.hits.sort_by(f64::total_cmp);
        let percentile = |share: usize| run.hits.get(run.hits.len() * share / 100).copied().unwrap_or(f64::NAN);
        let misses = 1.0 - run.hits.len() as f64 / run.requests;
        let mut columns =
            vec![filled / 1e6, bench.held()? / 1e6, 100.0 - misses * 100.0, median(&run.hits), percentile(99)];
        columns.push(run.maintained / run.requests);
        columns
            .extend(MISS_COSTS.map(|(cost, _)| (run.operations + run.maintained) / run.requests / 1e3 + misses * cost));
        Ok(columns)
    })?;
    report.add(format!("Zipf exponent {exponent}:"));
    let costs = MISS_COSTS.map(|(_, name)| name);
    let columns =
        [&["MB filled", "MB held", "hits, %", "median hit, ns", "99th hit, ns", "maintain, ns"][..], &costs].concat();
    report.figures("", &WAYS.map(|(name, _)| name), &columns, &figures, 0);
    Ok(())
}

struct Bench<'v> {
    cache: Cache,
    way: Way,
    values: &'v [Vec<u8>],
}

/// Nanoseconds.
struct Run {
    hits: Vec<f64>,
    operations: f64,
    maintained: f64,
    requests: f64,
}

impl Bench<'_> {
    fn set(&self, id: usize) -> Result<()> {
        let value = &self.values[id];
        match self.way {
            Way::AllDeflated => self.cache.set(key(id as u64), compress_to_vec(value, 6))?,
            Way::Raw | Way::ColdTier => self.cache.set(key(id as u64), value)?,
        };
        Ok(())
    }

    fn get(&self, id: usize) -> Result<Option<Vec<u8>>> {
        let found = self.cache.get(key(id as u64))?;
        Ok(match self.way {
            Way::AllDeflated => found.and_then(|packed| decompress_to_vec(&packed).ok()),
            Way::Raw | Way::ColdTier => found,
        })
    }

    /// Bytes of values that are there.
    fn held(&self) -> Result<f64> {
        let mut held = 0;
        for (id, value) in self.values.iter().enumerate() {
            held += if self.cache.contains(key(id as u64))? { value.len() } else { 0 };
        }
        Ok(held as f64)
    }

    fn requests(&self, zipf: &Zipf, count: usize, rng: &mut Rng) -> Result<Run> {
        let mut run = Run { hits: Vec::new(), operations: 0.0, maintained: 0.0, requests: count as f64 };
        let nanoseconds = |began: Instant| began.elapsed().as_nanos() as f64;
        for request in 0..count {
            let id = zipf.draw(rng);
            let began = Instant::now();
            let found = self.get(id)?;
            let mut took = nanoseconds(began);
            match found {
                Some(value) => {
                    anyhow::ensure!(value == self.values[id], "another value came back");
                    run.hits.push(took);
                }
                None => {
                    let began = Instant::now();
                    self.set(id)?;
                    took += nanoseconds(began);
                }
            }
            run.operations += took;
            if request % MAINTAINED == 0 {
                let began = Instant::now();
                self.cache.maintain()?;
                run.maintained += nanoseconds(began);
            }
        }
        Ok(run)
    }
}
