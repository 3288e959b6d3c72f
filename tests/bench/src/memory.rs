//! Group `memory`: everything fits, nobody evicts; what is measured is the way to a value and back.

use std::sync::Barrier;
use std::thread;

use anyhow::Result;

use crate::contestants::{MemoryCache, contestants, memory::Room};
use crate::measure::{Figures, nanoseconds_each, rounds};
use crate::report::{Report, number, thousands};
use crate::setup::Setup;
use crate::workload::{KEY_SIZE, Mix, Op, Rng, Values, Zipf, key};

/// Bytes of a value and numbers of entries.
const FULL: [(usize, &[usize]); 3] =
    [(100, &[10_000, 100_000, 1_000_000]), (1 << 10, &[10_000, 100_000]), (10 << 10, &[10_000])];
const QUICK: [(usize, &[usize]); 3] = [(100, &[10_000]), (1 << 10, &[10_000]), (10 << 10, &[2_000])];

const THREADS: [usize; 2] = [1, 2];
const LARDER: usize = 0;
const NATIVE: usize = 1;

/// Runs the group.
pub fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.add("## memory");
    report.add(format!(
        "Nanoseconds for an operation, median of {} rounds; in brackets how many times as long as Larder. Keys of \
         {KEY_SIZE} bytes. Nobody evicts. Everyone hands out owned bytes: Larder and the native engine copy them out, the \
         peers clone a `Vec<u8>`; in the rows \"Arc\" they clone an `Arc<[u8]>`, which copies nothing. \"set\" overwrites \
         entries that are there. With two threads the time is that of the slower thread, divided by its own operations: \
         a cache that scales keeps the number of one thread.",
        setup.rounds
    ));
    let mut prices = Vec::new();
    for (value, sizes) in if setup.quick { QUICK } else { FULL } {
        for &entries in sizes {
            measure(Room { entries, value }, setup, report, &mut prices)?;
        }
    }
    report.add("### The price of the sandbox");
    report.add("How many times as long Larder takes as the same engine linked natively.");
    let columns = Mix::ALL.iter().map(|mix| mix.name().to_owned());
    let head: Vec<String> = ["value", "entries", "threads"].map(str::to_owned).into_iter().chain(columns).collect();
    report.table(&head, &prices);
    Ok(())
}

fn measure(room: Room, setup: &Setup, report: &mut Report, prices: &mut Vec<Vec<String>>) -> Result<()> {
    let mut rng = Rng::new(1);
    let values = Values::random(room.value, &mut rng);
    let zipf = Zipf::new(room.entries, 0.99);
    let (names, mut caches): (Vec<_>, Vec<_>) =
        contestants().into_iter().map(|(name, setup)| (name, setup(room))).unzip();
    let mut order: Vec<usize> = (0..room.entries).collect();
    rng.shuffle(&mut order);
    for cache in &caches {
        order.iter().for_each(|&id| cache.set(&key(id as u64), values.of(id)));
    }
    for threads in THREADS {
        // Larger values take longer: fewer operations are enough.
        let count = if room.value > 1 << 10 || setup.quick { 30_000 } else { 100_000 };
        let mut missed = vec![0; caches.len()];
        let mut numbered: Vec<_> = caches.iter_mut().enumerate().collect();
        let figures = rounds(&mut numbered, setup.rounds, |(at, cache), round| {
            let run = |mix: Mix| {
                // The same operations for all contestants of a round, others in the next.
                let sequences: Vec<_> = (0..threads)
                    .map(|thread| {
                        let mut rng = Rng::new((round * THREADS.len() + thread) as u64 + 1_000 * mix as u64);
                        mix.operations(&zipf, count, &mut rng)
                    })
                    .collect();
                let (time, found) = timed(&***cache, &sequences, &values);
                let reads = sequences.iter().flatten().filter(|op| !op.write).count();
                missed[*at] += if mix == Mix::Miss { found } else { reads - found };
                time
            };
            Ok(Mix::ALL.map(run).to_vec())
        })?;
        report.add(format!(
            "### {} B values, {} entries, {threads} thread{}",
            thousands(room.value as u64),
            thousands(room.entries as u64),
            if threads > 1 { "s" } else { "" }
        ));
        report.figures("ns", &names, &Mix::ALL.map(Mix::name), &figures, LARDER);
        for (name, missed) in names.iter().zip(missed).filter(|(_, missed)| *missed > 0) {
            report.add(format!("**{name}: {} reads did not answer as they should.**", thousands(missed as u64)));
        }
        prices.push(price(room, threads, &figures));
    }
    Ok(())
}

fn price(room: Room, threads: usize, figures: &Figures) -> Vec<String> {
    let case = [format!("{} B", thousands(room.value as u64)), thousands(room.entries as u64), threads.to_string()];
    let prices = (0..Mix::ALL.len()).map(|column| number(figures.ratio(LARDER, NATIVE, column)));
    case.into_iter().chain(prices).collect()
}

/// Runs each sequence in a thread of its own; answers the nanoseconds for an operation in the slowest, and how many
/// reads found a value.
fn timed(cache: &dyn MemoryCache, sequences: &[Vec<Op>], values: &Values) -> (f64, usize) {
    if let [sequence] = sequences {
        return perform(cache, sequence, values);
    }
    let barrier = Barrier::new(sequences.len());
    let outcomes: Vec<_> = thread::scope(|scope| {
        let mut handles = Vec::new();
        for sequence in sequences {
            handles.push(scope.spawn(|| {
                barrier.wait();
                perform(cache, sequence, values)
            }));
        }
        handles.into_iter().map(|handle| handle.join().expect("contestants do not panic")).collect()
    });
    (outcomes.iter().map(|o| o.0).fold(0.0, f64::max), outcomes.iter().map(|o| o.1).sum())
}

fn perform(cache: &dyn MemoryCache, sequence: &[Op], values: &Values) -> (f64, usize) {
    let mut found = 0;
    let time = nanoseconds_each(sequence.len(), || {
        for (at, op) in sequence.iter().enumerate() {
            match op.write {
                true => cache.set(&op.key, values.of(at)),
                false => found += usize::from(cache.get(&op.key).is_some()),
            }
        }
    });
    (time, found)
}
