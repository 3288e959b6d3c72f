//! Group `eviction`: what it costs, and what it is worth, that a store which is full asks the policy about every entry and not
//! about a sample.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use anyhow::Result;
use larder::{Cache, Codec};

use crate::measure::rounds;
use crate::report::{Report, thousands};
use crate::setup::Setup;
use crate::workload::{Rng, Values, Zipf, key};

const VALUE: usize = 1 << 10;

/// How entries are chosen, and up to how many the choice is exact.
const CHOICES: [(&str, &str, u64); 3] =
    [("lru, exact", "lru", u64::MAX), ("lru, sampled", "lru", 0), ("fifo, exact", "fifo", u64::MAX)];

/// Runs the group.
pub fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.add("## eviction");
    report.add(format!(
        "A store that is full: gets of Zipf-distributed keys (exponent 0.8, the popular ones drift), each miss followed by a set of \
         {VALUE} bytes. \"sampled\" judges the oldest segment by a sample of 16,384 entries; \"exact\" shows the engine all. \
         A request takes 20 ms of virtual time. Misses of a hundred gets, microseconds for a request, in brackets how many times as much as exact."
    ));
    let sizes: &[(u64, usize)] =
        if setup.quick { &[(4 << 20, 20_000)] } else { &[(32 << 20, 400_000), (128 << 20, 800_000)] };
    for &(max_size, requests) in sizes {
        let keys = max_size as usize / 300;
        let mut contestants = CHOICES;
        let figures = rounds(&mut contestants, setup.rounds.min(3), |&mut (_, policy, exact), round| {
            let dir = setup.directory()?;
            let builder = Cache::builder().directory(dir.path()).max_size(max_size).max_memory(1 << 20);
            let passed = Arc::new(AtomicU64::new(1_790_000_000_000));
            let clock = passed.clone();
            let builder = builder.clock(move || clock.load(Ordering::Relaxed)).cleanup_interval(None);
            let cache = builder.codec(Codec::None).policy(policy).exact_entries(exact).open()?;
            let mut rng = Rng::new(round as u64);
            let values = Values::random(VALUE, &mut rng);
            let zipf = Zipf::new(keys, 0.8);
            let mut misses = 0;
            let begin = Instant::now();
            for request in 0..requests {
                passed.fetch_add(20, Ordering::Relaxed);
                let drift = request * keys / requests / 4;
                let id = (zipf.draw(&mut rng) + drift) % keys;
                if cache.get(key(id as u64))?.is_none() {
                    misses += 1;
                    cache.set(key(id as u64), values.of(id))?;
                }
            }
            let time = begin.elapsed().as_nanos() as f64 / requests as f64 / 1e3;
            Ok(vec![f64::from(misses) / requests as f64 * 100.0, time])
        })?;
        report.add(format!(
            "### {} MiB, {} keys, {} requests",
            max_size >> 20,
            thousands(keys as u64),
            thousands(requests as u64)
        ));
        report.figures("", &CHOICES.map(|(name, ..)| name), &["misses, %", "µs a request"], &figures, 0);
    }
    Ok(())
}
