//! Group `batch`: many entries in one call against single calls, and what computing through the cache costs besides the
//! computation.

use std::convert::Infallible;
use std::time::Duration;

use anyhow::{Result, ensure};
use larder::{Builder, Cache, Codec, Compute, Durability, SetOptions};

use crate::measure::{nanoseconds_each, rounds};
use crate::report::{Report, thousands};
use crate::setup::Setup;
use crate::workload::{Key, Rng, Values, key};

const VALUE: usize = 1 << 10;

/// Entries in a call; 1 is `set` and `get`.
const SIZES: [usize; 4] = [1, 10, 100, 1_000];

const NAMES: [&str; 4] = ["single calls", "10 in a call", "100 in a call", "1,000 in a call"];
const COLUMNS: [&str; 5] = ["memory: set", "memory: get", "store: set", "store: get from disk", "store: set, sync"];

/// Ways to ask, and what they are measured by.
const WAYS: [&str; 4] = ["get", "get_or_insert_with", "compute", "compute, early refresh"];
const ASKED: [&str; 3] = ["hit", "miss, memory", "miss, store"];

/// Runs the group.
pub fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    let entries = if setup.quick { 2_000 } else { 20_000 };
    report.add("## batch");
    report.add(format!(
        "Microseconds for an entry, in brackets how many times as long as in single calls. {} entries of {} random bytes, not \
         compressed. \"get from disk\": memory holds a sixteenth of them, keys in random order; the page cache is warm. \
         \"sync\": a fiftieth of the entries, each call waits for the disk. Directories on {}.",
        thousands(entries as u64),
        thousands(VALUE as u64),
        setup.filesystem()
    ));
    let figures = rounds(&mut SIZES.to_vec(), setup.rounds, |size, round| batches(setup, entries, *size, round))?;
    report.figures("µs", &NAMES, &COLUMNS, &figures, 0);
    report.add(
        "Microseconds for a key, in brackets how many times as long as `get`. A hit finds 100 bytes in memory, in a cache with a \
         store; a miss computes nothing and stores 100 bytes (for `get`: looks, then `set`). In a store, `get_or_insert_with` \
         and `compute` take a lease among processes for each miss: a file that is made, locked and removed.",
    );
    let figures =
        rounds(&mut (0..WAYS.len()).collect::<Vec<_>>(), setup.rounds, |way, _| asking(setup, entries / 4, *way))?;
    report.figures("µs", &WAYS, &ASKED, &figures, 0);
    Ok(())
}

fn builder() -> Builder {
    Cache::builder().codec(Codec::None).cleanup_interval(None)
}

fn batches(setup: &Setup, entries: usize, size: usize, round: usize) -> Result<Vec<f64>> {
    let mut rng = Rng::new(round as u64);
    let values = Values::random(VALUE, &mut rng);
    let mut order: Vec<usize> = (0..entries).collect();
    rng.shuffle(&mut order);
    let plain = SetOptions::new();
    let memory = builder().open()?;
    let mut figures = vec![set(&memory, &order, &values, size, &plain)?];
    rng.shuffle(&mut order);
    figures.push(get(&memory, &order, &values, size)?);
    let directory = setup.directory()?;
    let stored = builder().directory(&directory).max_memory((entries * VALUE / 16) as u64).open()?;
    figures.push(set(&stored, &order, &values, size, &plain)?);
    rng.shuffle(&mut order);
    figures.push(get(&stored, &order, &values, size)?);
    order.truncate(entries / 50);
    figures.push(set(&stored, &order, &values, size, &plain.durability(Durability::Sync))?);
    Ok(figures)
}

/// Microseconds to set an entry.
fn set(cache: &Cache, order: &[usize], values: &Values, size: usize, options: &SetOptions) -> Result<f64> {
    let mut done = Ok(());
    let time = nanoseconds_each(order.len(), || {
        done = order.chunks(size).try_for_each(|ids| match ids {
            [id] => cache.set_with(key(*id as u64), values.of(*id), options).map(drop_written),
            ids => {
                let entries = ids.iter().map(|id| (key(*id as u64), values.of(*id)));
                cache.set_many(entries, options).into_iter().try_for_each(|outcome| outcome.map(drop_written))
            }
        });
    });
    done?;
    Ok(time / 1e3)
}

fn drop_written(_: larder::Written) {}

/// Microseconds to get an entry; each must be exact.
fn get(cache: &Cache, order: &[usize], values: &Values, size: usize) -> Result<f64> {
    let mut done = Ok(());
    let exact = |id: usize, found: Option<Vec<u8>>| {
        ensure!(found.as_deref() == Some(values.of(id)), "entry {id} is missing or wrong");
        Ok(())
    };
    let time = nanoseconds_each(order.len(), || {
        done = order.chunks(size).try_for_each(|ids| match ids {
            [id] => exact(*id, cache.get(key(*id as u64))?),
            ids => {
                let keys: Vec<Key> = ids.iter().map(|id| key(*id as u64)).collect();
                ids.iter().zip(cache.get_many(keys)).try_for_each(|(id, found)| exact(*id, found?))
            }
        });
    });
    done?;
    Ok(time / 1e3)
}

fn asking(setup: &Setup, keys: usize, way: usize) -> Result<Vec<f64>> {
    let directory = setup.directory()?;
    let caches = [builder().open()?, builder().directory(&directory).open()?];
    let options = SetOptions::new().ttl(Duration::from_secs(3600));
    let policy = Compute::new(options.clone());
    let policy = if way == 3 { policy.early(1.0) } else { policy };
    let ask = |cache: &Cache| {
        let mut done = Ok(());
        let time = nanoseconds_each(keys, || {
            done = (0..keys as u64).try_for_each(|id| -> larder::Result<()> {
                let made = move || vec![id as u8; 100];
                match way {
                    0 if cache.get(key(id))?.is_none() => drop_written(cache.set_with(key(id), made(), &options)?),
                    0 => {}
                    1 => drop(cache.get_or_insert_with(key(id), &options, made)?),
                    _ => {
                        let computed = cache.compute(key(id), &policy, move || Ok::<_, Infallible>(Some(made())));
                        computed.map(drop).map_err(|e| match e {
                            larder::ComputeError::Cache(e) => e,
                            other => unreachable!("nothing fails: {other}"),
                        })?;
                    }
                }
                Ok(())
            });
        });
        done.map(|()| time / 1e3)
    };
    let [in_memory, in_store] = caches.each_ref().map(ask);
    let hit = ask(&caches[1]);
    Ok(vec![hit?, in_memory?, in_store?])
}
