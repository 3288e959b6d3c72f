//! Group `disk`: stores in a directory. In each round each contestant fills a new store, closes it, opens it again and
//! reads everything twice.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::contestants::python::Python;
use crate::contestants::{DiskStore, STORES, StoreKind};
use crate::measure::{nanoseconds_each, rounds};
use crate::report::{Report, thousands};
use crate::setup::Setup;
use crate::workload::{Rng, Values, key};

const VALUE: usize = 1 << 10;
const LARDER: usize = 0;
const COLUMNS: [&str; 4] = ["set", "get, cold", "get, warm", "bytes on disk"];

/// The larger size takes long in the slower stores; so many rounds of it are enough.
const LARGE_ROUNDS: usize = 3;

enum Contestant<'a> {
    Store(&'a StoreKind),
    Diskcache(&'a Python),
}

/// Runs the group.
pub fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.add("## disk");
    report.add(format!(
        "Microseconds for an operation, in brackets how many times as long as Larder. Values of {} bytes, random keys. \
         \"set\" writes new entries into a new store. \"cold\" is the first pass over the keys after the store was opened \
         again, \"warm\" the second, in another order; the operating system's page cache is warm in both. \"bytes on \
         disk\" are allocated bytes for an entry after closing. Nobody waits for the disk. Values are random bytes and \
         Larder does not compress (`Codec::None`), because its peers do not; the row \"DEFLATE, JSON text\" is Larder's \
         default compression on text. Larder's memory tier is 1 MiB, so that gets come from the store; \"64 MiB in \
         memory\" is the default. diskcache runs in Python with its default settings. \"file per entry\" suffers on ext4 \
         when many files were removed in the minutes before. Directories on {}.",
        thousands(VALUE as u64),
        setup.filesystem()
    ));
    let mut contestants: Vec<_> = STORES.iter().map(Contestant::Store).collect();
    let mut names: Vec<_> = STORES.iter().map(|kind| kind.name).collect();
    match setup.python() {
        Ok(python) => {
            contestants.push(Contestant::Diskcache(python));
            names.push("Python diskcache");
        }
        Err(reason) => report.add(format!("**Python's diskcache was left out: {reason}**")),
    }
    // ext4 takes long to make files for minutes after many were removed (`recently_deleted` in fs/ext4/ialloc.c), so
    // that these directories stay until the end.
    let mut kept = Vec::new();
    let sizes: &[(usize, usize)] = match setup.quick {
        true => &[(2_000, setup.rounds)],
        false => &[(20_000, setup.rounds), (200_000, setup.rounds.min(LARGE_ROUNDS))],
    };
    for &(entries, count) in sizes {
        let figures = rounds(&mut contestants, count, |contestant, round| match contestant {
            Contestant::Store(kind) => {
                let dir = setup.directory()?;
                let figures = measure(kind, entries, round, dir.path());
                kept.extend(kind.files.then_some(dir));
                figures.with_context(|| format!("measuring {}", kind.name))
            }
            Contestant::Diskcache(python) => {
                let dir = setup.directory()?;
                let mut figures = python.measure(dir.path(), entries, VALUE)?;
                figures.push(allocated(dir.path())? as f64 / entries as f64);
                Ok(figures)
            }
        })?;
        report.add(format!("### {} entries, {count} rounds", thousands(entries as u64)));
        report.figures("µs", &names, &COLUMNS, &figures, LARDER);
    }
    Ok(())
}

fn measure(kind: &StoreKind, entries: usize, round: usize, dir: &Path) -> Result<Vec<f64>> {
    let mut rng = Rng::new(round as u64);
    let values = if kind.text { Values::json(VALUE, &mut rng) } else { Values::random(VALUE, &mut rng) };
    let mut order: Vec<usize> = (0..entries).collect();
    rng.shuffle(&mut order);
    let mut store = (kind.open)(dir)?;
    let mut outcome = Ok(());
    let set = nanoseconds_each(entries, || {
        outcome = order.iter().try_for_each(|&id| store.set(&key(id as u64), values.of(id)));
    });
    outcome?;
    drop(store);
    let bytes = allocated(dir)? as f64 / entries as f64;
    let mut store = (kind.open)(dir)?;
    let mut pass = || {
        rng.shuffle(&mut order);
        read(&mut *store, &order, &values)
    };
    let (cold, warm) = (pass()?, pass()?);
    Ok(vec![set / 1e3, cold / 1e3, warm / 1e3, bytes])
}

/// Nanoseconds for a get, over all entries; each must be exact.
fn read(store: &mut dyn DiskStore, order: &[usize], values: &Values) -> Result<f64> {
    let mut outcome = Ok(());
    let time = nanoseconds_each(order.len(), || {
        outcome = order.iter().try_for_each(|&id| {
            let value = store.get(&key(id as u64))?;
            ensure!(value.as_deref() == Some(values.of(id)), "entry {id} is missing or wrong");
            Ok(())
        });
    });
    outcome.map(|()| time)
}

/// Bytes that the files below a directory occupy.
fn allocated(dir: &Path) -> Result<u64> {
    let mut sum = 0;
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        sum += metadata.blocks() * 512;
        if metadata.is_dir() {
            sum += allocated(&entry.path())?;
        }
    }
    Ok(sum)
}
