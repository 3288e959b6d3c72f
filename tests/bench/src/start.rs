//! Group `start`: how long a process takes from its birth to an answer, with a large store behind it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use larder::Cache;

use crate::contestants::python::Python;
use crate::measure::rounds;
use crate::report::{Report, thousands};
use crate::setup::Setup;
use crate::workload::{Rng, Values, key};

const VALUE: usize = 100;
const MAX_SIZE: u64 = 2_000_000_000;
const RUNS: usize = 50;
const LARDER: usize = 0;

enum Contestant {
    /// Opens the store in this process.
    Open,
    /// Starts a process; `value` is what it must print.
    Process { program: PathBuf, arguments: Vec<String>, value: Option<Vec<u8>> },
}

/// Runs the group.
pub fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    let (entries, runs) = if setup.quick { (50_000, 20) } else { (1_000_000, RUNS) };
    report.add("## start");
    report.add(format!(
        "Milliseconds, median of {runs} runs in rotating order, with a store of {} entries of {VALUE} bytes.",
        thousands(entries as u64)
    ));
    let dir = setup.directory()?;
    let store = dir.path().join("store");
    let values = Values::random(VALUE, &mut Rng::new(1));
    fill(&store, entries, &values)?;

    let mut names = vec!["`Cache::open` in this process"];
    let mut contestants = vec![Contestant::Open];
    let wanted = entries / 2;
    let name = String::from_utf8_lossy(&key(wanted as u64)).into_owned();
    let arguments: Vec<String> = ["--dir".into(), store.display().to_string(), "get".into(), name].into();
    let value = values.of(wanted).to_vec();
    // Once to see that it is there and answers rightly.
    match larder().and_then(|program| start(&program, &arguments, Some(&value)).map(|()| program)) {
        Ok(program) => {
            contestants.push(Contestant::Process { program, arguments, value: Some(value) });
            names.push("`larder --dir DIR get KEY`");
        }
        Err(reason) => report.add(format!("**The command line was left out: {reason:#}**")),
    }
    contestants.push(Contestant::Process { program: "/bin/true".into(), arguments: Vec::new(), value: None });
    names.push("`/bin/true`");
    match setup.python() {
        Ok(python) => {
            contestants.push(diskcache(python, &dir.path().join("diskcache"))?);
            names.push("`python3 -c \"import diskcache; …\"`, one entry");
        }
        Err(reason) => report.add(format!("**Python's diskcache was left out: {reason}**")),
    }
    let figures = rounds(&mut contestants, runs, |contestant, _| {
        let begin = Instant::now();
        let opened = match contestant {
            Contestant::Open => Some(open(&store)?),
            Contestant::Process { program, arguments, value } => {
                start(program, arguments, value.as_deref())?;
                None
            }
        };
        let time = begin.elapsed().as_secs_f64() * 1e3;
        drop(opened);
        Ok(vec![time])
    })?;
    report.figures("ms", &names, &["start"], &figures, LARDER);
    Ok(())
}

fn open(store: &Path) -> Result<Cache> {
    Ok(Cache::builder().directory(store).max_size(MAX_SIZE).open()?)
}

fn fill(store: &Path, entries: usize, values: &Values) -> Result<()> {
    let cache = open(store)?;
    for id in 0..entries {
        cache.set(key(id as u64), values.of(id))?;
    }
    Ok(())
}

/// The binary beside this one.
fn larder() -> Result<PathBuf> {
    let program = std::env::current_exe()?.with_file_name("larder");
    ensure!(program.is_file(), "there is no {}; build it with `cargo build --release`", program.display());
    Ok(program)
}

fn diskcache(python: &Python, dir: &Path) -> Result<Contestant> {
    let script = "import sys, diskcache; c = diskcache.Cache(sys.argv[1]); c.add('k', b'v'); sys.stdout.write('v')";
    let arguments = vec!["-c".into(), script.into(), dir.display().to_string()];
    start(&python.interpreter, &arguments, Some(b"v"))?;
    let script = "import sys, diskcache; sys.stdout.buffer.write(diskcache.Cache(sys.argv[1])['k'])";
    let arguments = vec!["-c".into(), script.into(), dir.display().to_string()];
    Ok(Contestant::Process { program: python.interpreter.clone(), arguments, value: Some(b"v".into()) })
}

fn start(program: &Path, arguments: &[String], value: Option<&[u8]>) -> Result<()> {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null());
    let output = command.output().with_context(|| format!("starting {}", program.display()))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{} failed ({}): {}", program.display(), output.status, complaint.trim());
    ensure!(value.is_none_or(|value| output.stdout == value), "{} printed something else", program.display());
    Ok(())
}
