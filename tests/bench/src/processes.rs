//! Group `processes`: what it costs that many processes may share a directory, how several write together, and how long
//! opening takes after a kill.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use larder::{Builder, Cache, Codec, Strategy};

use crate::measure::{nanoseconds_each, rounds};
use crate::report::{Report, thousands};
use crate::setup::Setup;
use crate::workload::{Rng, Values, key};

const VALUE: usize = 1 << 10;
const MAX_SIZE: u64 = 4_000_000_000;
const WRITERS: [usize; 3] = [1, 2, 4];

/// Runs the group.
pub fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    report.add("## processes");
    sharing(setup, report)?;
    writing(setup, report)?;
    opening(setup, report)
}

/// The same store, shared and of one process alone.
fn sharing(setup: &Setup, report: &mut Report) -> Result<()> {
    let entries = if setup.quick { 2_000 } else { 50_000 };
    report.add(format!(
        "### Sharing\n\nMicroseconds for an operation on {} entries of {VALUE} random bytes, not compressed, in brackets how many \
         times as long as a store of one process alone (`Strategy::ProcessIsolated`: no file lock, no look at what others \
         wrote). \"get, store\" has 1 MiB of memory, \"get, memory\" has room for all.",
        thousands(entries as u64)
    ));
    let mut contestants = [Strategy::ProcessIsolated, Strategy::Shared];
    let figures = rounds(&mut contestants, setup.rounds, |strategy, round| {
        let mut rng = Rng::new(round as u64);
        let values = Values::random(VALUE, &mut rng);
        let mut order: Vec<usize> = (0..entries).collect();
        rng.shuffle(&mut order);
        let dir = setup.directory()?;
        let open = |memory: u64| builder(dir.path()).strategy(*strategy).max_memory(memory).open();
        let cache = open(1 << 20)?;
        let mut outcome = Ok(());
        let set = nanoseconds_each(entries, || {
            outcome = order.iter().try_for_each(|&id| cache.set(key(id as u64), values.of(id)).map(drop));
        });
        outcome?;
        rng.shuffle(&mut order);
        // Once to load the index, once to measure.
        read(&cache, &order, &values)?;
        let stored = read(&cache, &order, &values)?;
        drop(cache);
        let cache = open(1 << 30)?;
        for &id in &order {
            cache.set(key(id as u64), values.of(id))?;
        }
        read(&cache, &order, &values)?;
        let memory = read(&cache, &order, &values)?;
        Ok(vec![set / 1e3, stored / 1e3, memory / 1e3])
    })?;
    report.figures("µs", &["alone", "shared"], &["set", "get, store", "get, memory"], &figures, 0);
    Ok(())
}

fn read(cache: &Cache, order: &[usize], values: &Values) -> Result<f64> {
    let mut outcome = Ok(());
    let time = nanoseconds_each(order.len(), || {
        outcome = order.iter().try_for_each(|&id| {
            let value = cache.get(key(id as u64))?;
            ensure!(value.as_deref() == Some(values.of(id)), "entry {id} is missing or wrong");
            Ok(())
        });
    });
    outcome.map(|()| time)
}

/// Several processes write into one directory.
fn writing(setup: &Setup, report: &mut Report) -> Result<()> {
    let entries = if setup.quick { 2_000 } else { 80_000 };
    report.add(format!(
        "### Writing together\n\nMicroseconds for a set, over all processes together: they write {} entries of {VALUE} bytes into one \
         directory, each its share. In brackets how many times as long as one process.",
        thousands(entries as u64)
    ));
    let mut contestants = WRITERS;
    let figures = rounds(&mut contestants, setup.rounds, |writers, _| {
        let dir = setup.directory()?;
        // Made before, so that nobody measures that.
        drop(builder(dir.path()).open()?);
        let mut children =
            (0..*writers).map(|id| spawn(dir.path(), id, entries / *writers)).collect::<Result<Vec<_>>>()?;
        for child in &mut children {
            say(child, "ready")?;
        }
        let begin = Instant::now();
        for child in &mut children {
            child.0.stdin.take().context("a pipe")?.write_all(b"go\n")?;
        }
        for child in &mut children {
            say(child, "done")?;
        }
        let time = begin.elapsed().as_nanos() as f64 / entries as f64;
        for (mut child, _) in children {
            ensure!(child.wait()?.success(), "a writer failed");
        }
        Ok(vec![time / 1e3])
    })?;
    report.figures("µs", &["1 process", "2 processes", "4 processes"], &["set"], &figures, 0);
    Ok(())
}

type Writer = (Child, BufReader<std::process::ChildStdout>);

fn spawn(dir: &Path, id: usize, entries: usize) -> Result<Writer> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg("--write-into").arg(dir).arg(id.to_string()).arg(entries.to_string());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let output = BufReader::new(child.stdout.take().context("a pipe")?);
    Ok((child, output))
}

/// Waits for a word of a writer.
fn say(writer: &mut Writer, word: &str) -> Result<()> {
    let mut line = String::new();
    writer.1.read_line(&mut line)?;
    ensure!(line.trim() == word, "a writer said {line:?} instead of {word:?}");
    Ok(())
}

/// The body of a writer: waits for the word, writes, says so, and ends without a goodbye if it writes for ever.
pub fn child(dir: &Path, id: usize, entries: usize) -> Result<()> {
    let values = Values::random(VALUE, &mut Rng::new(id as u64));
    let cache = builder(dir).open()?;
    println!("ready");
    std::io::stdin().lock().read_line(&mut String::new())?;
    for n in 0..entries {
        cache.set(key((id << 32 | n) as u64), values.of(n))?;
    }
    println!("done");
    Ok(())
}

/// Opening a large store after its writer was killed.
fn opening(setup: &Setup, report: &mut Report) -> Result<()> {
    let entries = if setup.quick { 20_000 } else { 1_000_000 };
    let dir = setup.directory()?;
    let mut writer = spawn(dir.path(), 0, usize::MAX >> 33)?;
    say(&mut writer, "ready")?;
    writer.0.stdin.take().context("a pipe")?.write_all(b"go\n")?;
    let reader = builder(dir.path()).open()?;
    while !reader.contains(key(entries))? {
        std::thread::yield_now();
    }
    writer.0.kill()?;
    writer.0.wait()?;
    drop(reader);
    let size: u64 = std::fs::read_dir(dir.path().join("segments"))?
        .map(|entry| Ok(entry?.metadata()?.len()))
        .sum::<std::io::Result<u64>>()?;
    report.add(format!(
        "### Opening after a kill\n\nMilliseconds until a store of {} entries and {:.2} GiB is open and has answered one get, and until it has also counted \
         its entries, after its writer was killed. \"indexes lost\" has to make all sorted indexes again; \"machine restarted\" \
         also checks the records of the active segment.",
        thousands(entries),
        size as f64 / (1u64 << 30) as f64
    ));
    let mut contestants = [Lost::Nothing, Lost::Indexes, Lost::Boot];
    let figures = rounds(&mut contestants, setup.rounds, |lost, _| {
        match lost {
            Lost::Nothing => {}
            Lost::Indexes => {
                for entry in std::fs::read_dir(dir.path().join("segments"))? {
                    let path = entry?.path();
                    if path.extension().is_some_and(|e| e == "idx") {
                        std::fs::remove_file(path)?;
                    }
                }
            }
            Lost::Boot => {
                use std::os::unix::fs::FileExt;
                let lock = std::fs::OpenOptions::new().write(true).open(dir.path().join("larder.lock"))?;
                lock.write_all_at(&[0; 16], 0)?;
            }
        }
        let begin = Instant::now();
        let cache = builder(dir.path()).open()?;
        ensure!(cache.contains(key(entries / 2))?, "an entry is missing");
        let opened = begin.elapsed().as_secs_f64() * 1e3;
        let counted = cache.stats_all()?.store.map_or(0, |store| store.entries);
        ensure!(counted >= entries, "{counted} entries of {entries}");
        Ok(vec![opened, begin.elapsed().as_secs_f64() * 1e3])
    })?;
    let names = ["after a kill", "indexes lost too", "machine restarted"];
    report.figures("ms", &names, &["open and get", "and count"], &figures, 0);
    Ok(())
}

/// What was lost besides the writer.
#[derive(Clone, Copy)]
enum Lost {
    Nothing,
    Indexes,
    Boot,
}

fn builder(dir: &Path) -> Builder {
    Cache::builder().directory(dir).max_size(MAX_SIZE).codec(Codec::None)
}
