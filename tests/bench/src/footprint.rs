//! Group `footprint`: memory for each entry beyond its key and value. Every contestant fills its cache in a process of
//! its own, a child of this one, whose resident memory is read before and after.

use std::process::Command;

use anyhow::{Context, Result, ensure};

use crate::contestants::{contestants, memory::Room};
use crate::machine::field;
use crate::measure::rounds;
use crate::report::{Report, thousands};
use crate::setup::Setup;
use crate::workload::{KEY_SIZE, key};

const VALUE: usize = 8;
const LARDER: usize = 0;

/// Runs more often show the same memory.
const MOST_ROUNDS: usize = 3;

/// Runs the group.
pub fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    let entries = if setup.quick { 100_000 } else { 1_000_000 };
    let count = setup.rounds.min(MOST_ROUNDS);
    report.add("## footprint");
    report.add(format!(
        "Bytes of memory for an entry beyond {KEY_SIZE} bytes of key and {VALUE} of value, with {} entries: growth of the \
         resident memory of a fresh process, the cache's fixed part included. Median of {count} processes; in brackets how \
         many times as much as Larder.",
        thousands(entries as u64)
    ));
    let names: Vec<_> = contestants().into_iter().map(|(name, _)| name).collect();
    let mut numbered: Vec<_> = (0..names.len()).collect();
    let figures = rounds(&mut numbered, count, |at, _| {
        let mut child = Command::new(std::env::current_exe()?);
        let output = child.args(["--footprint-of", &at.to_string(), &entries.to_string()]).output()?;
        ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr).trim());
        let grown: f64 = String::from_utf8_lossy(&output.stdout).trim().parse()?;
        Ok(vec![grown / entries as f64 - (KEY_SIZE + VALUE) as f64])
    })?;
    report.figures("bytes", &names, &["overhead of an entry"], &figures, LARDER);
    Ok(())
}

/// What the child does: fills the cache with number `contestant` and prints by how many bytes the process grew.
pub fn child(contestant: usize, entries: usize) -> Result<()> {
    let (_, setup) = *contestants().get(contestant).context("no contestant has this number")?;
    let before = resident()?;
    let cache = setup(Room { entries, value: VALUE });
    for id in 0..entries as u64 {
        cache.set(&key(id), &id.to_le_bytes());
    }
    let after = resident()?;
    let missing = (0..entries as u64).filter(|id| cache.get(&key(*id)).is_none()).count();
    ensure!(missing == 0, "{missing} entries are missing");
    println!("{}", after.saturating_sub(before));
    Ok(())
}

/// Bytes of resident memory.
fn resident() -> Result<u64> {
    let kilobytes = field("/proc/self/status", "VmRSS");
    Ok(kilobytes.trim_end_matches(" kB").parse::<u64>().context("reading VmRSS")? * 1024)
}
