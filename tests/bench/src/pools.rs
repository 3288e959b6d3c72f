//! Group `pools`: what picking costs beside a get of a value of the same size, and what a large pool costs: filled, opened
//! again, looked through.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use larder::generate::{Request, Variant};
use larder::pools::{Accumulate, Combination, Plan, Pool};
use larder::{Cache, SetOptions};

use crate::measure::{nanoseconds_each, rounds};
use crate::report::{Report, thousands};
use crate::setup::Setup;

const PICKS: u32 = 200_000;

/// Runs the group.
pub fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.add("## pools");
    report.add(
        "Nanoseconds for picking one of 12 variants of 234 combinations, in turn, beside a get of as many keys of the same length; values of \
         500 bytes.",
    );
    for stored in [false, true] {
        let dir = setup.directory()?;
        let builder = Cache::builder().max_memory(256 << 20).statistics(false).cleanup_interval(None);
        let cache = if stored { builder.directory(dir.path()).open()? } else { builder.open()? };
        let keys = filled(&cache)?;
        let uniform = pool(&cache, "uniform", &seed_plan())?;
        let weighted = pool(&cache, "weighted", &seed_plan().weighted(true))?;
        let fresh = pool(&cache, "no-repeats", &seed_plan().repeats(false))?;
        let mut contestants = [None, Some(&uniform), Some(&weighted), Some(&fresh)];
        let names = ["get", "pick", "pick, weighted", "pick, no repeats"];
        let figures = rounds(&mut contestants, setup.rounds, |contestant, _| match contestant {
            None => get(&cache, &keys).map(|it| vec![it]),
            Some((pool, combinations)) => pick(pool, combinations).map(|it| vec![it]),
        })?;
        report.figures(if stored { "With a store" } else { "In memory" }, &names, &["ns"], &figures, 0);
    }
    large(setup, report)
}

fn seed_plan() -> Plan {
    Plan::new()
        .dimension("language", (0..26).map(|n| format!("language{n}")))
        .dimension("difficulty", ["easy", "medium", "hard"])
        .dimension("lines", [10, 15, 20])
}

fn filled(cache: &Cache) -> Result<Vec<String>> {
    let keys: Vec<String> =
        (0..234 * 12).map(|n| format!("pool:difficulty=medium|language=language1|lines=10|{n:016}")).collect();
    for key in &keys {
        cache.set_with(key, [7; 500], &SetOptions::new())?;
    }
    Ok(keys)
}

fn pool(cache: &Cache, name: &str, plan: &Plan) -> Result<(Pool, Vec<Combination>)> {
    let pool = cache.define_pool(name, plan)?;
    let make = |request: &Request<'_>| {
        let mut value = format!("{:?} {} {}", request.dimensions, request.generation, request.entry).into_bytes();
        value.resize(500, b' ');
        Ok(Variant::new(value).score(f64::from(request.entry)))
    };
    for _ in 0..4 {
        pool.accumulate(&make, &Accumulate::new()?.force(true).concurrency(1))?;
    }
    let combinations = pool.combinations(&[], false)?;
    ensure!(pool.stats()?.cached_entries == 234 * 12, "the pool is full");
    Ok((pool, combinations))
}

fn get(cache: &Cache, keys: &[String]) -> Result<f64> {
    let mut bytes = 0;
    let each = nanoseconds_each(PICKS as usize, || {
        let found = keys.iter().cycle().take(PICKS as usize).map(|key| cache.get(key));
        bytes = found.filter_map(Result::ok).flatten().map(|value| value.len()).sum();
    });
    ensure!(bytes == PICKS as usize * 500, "everything was found");
    Ok(each)
}

fn pick(pool: &Pool, combinations: &[Combination]) -> Result<f64> {
    let mut bytes = 0;
    let each = nanoseconds_each(PICKS as usize, || {
        let picked = combinations.iter().cycle().take(PICKS as usize).map(|combination| pool.pick(combination));
        bytes = picked.filter_map(Result::ok).flatten().map(|picked| picked.value.len()).sum();
    });
    ensure!(bytes == PICKS as usize * 500, "everything was found");
    Ok(each)
}

/// 10,000 combinations with 100 variants each.
fn large(setup: &Setup, report: &mut Report) -> Result<()> {
    let (combinations, variants) = if setup.quick { (100, 20) } else { (10_000, 100) };
    let dir = setup.directory()?;
    let open = || {
        let builder = Cache::builder().max_memory(1 << 30).max_size(16 << 30).cleanup_interval(None);
        builder.directory(dir.path()).open()
    };
    let plan = Plan::new()
        .dimension("a", (0..combinations / 10).map(|n| format!("value{n}")))
        .dimension("b", 0..10)
        .per_generation(10)
        .cap(variants)
        .batch(100);
    let make = |request: &Request<'_>| {
        let text = format!("{:?} {} {}", request.dimensions, request.generation, request.entry);
        Ok(Variant::new(text.repeat(2)))
    };
    let cache = open()?;
    let pool = cache.define_pool("large", &plan)?;
    let began = Instant::now();
    for _ in 0..variants / 10 {
        pool.accumulate(&make, &Accumulate::new()?.force(true).concurrency(2))?;
    }
    let fill = began.elapsed();
    ensure!(pool.stats()?.cached_entries == u64::from(combinations * variants), "the pool is full");
    drop((pool, cache));
    let began = Instant::now();
    let cache = open()?;
    let pool = cache.pool("large")?.context("the pool is there")?;
    let opened = began.elapsed();
    let began = Instant::now();
    let combination = pool.combination([("a", "value3"), ("b", "4")])?;
    ensure!(pool.pick(&combination)?.is_some(), "something is picked");
    let first = began.elapsed();
    let began = Instant::now();
    ensure!(pool.due_now()?.is_empty(), "nothing is due");
    let due = began.elapsed();
    let began = Instant::now();
    let stats = pool.stats()?;
    let counted = began.elapsed();
    let began = Instant::now();
    let gone = pool.clear(false)?;
    let cleared = began.elapsed();
    ensure!(gone >= stats.cached_entries, "{gone} of {} went", stats.cached_entries);
    report.add(format!(
        "A pool of {} combinations with {variants} variants each, in a store, by one process with two threads: filled in {:.1} s ({:.1} µs a variant); \
         opened again in {:.1} ms, the first pick after {:.1} ms more; what is due known in {:.0} ms, statistics in {:.0} ms; cleared in \
         {:.1} ms.",
        thousands(combinations.into()),
        fill.as_secs_f64(),
        fill.as_secs_f64() * 1e6 / f64::from(combinations * variants),
        opened.as_secs_f64() * 1e3,
        first.as_secs_f64() * 1e3,
        due.as_secs_f64() * 1e3,
        counted.as_secs_f64() * 1e3,
        cleared.as_secs_f64() * 1e3,
    ));
    Ok(())
}
