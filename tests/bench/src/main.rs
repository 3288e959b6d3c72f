//! `larder-bench`: Larder and its peers side by side, in one process, in interleaved rounds, with the losses shown.
//!
//! ```text
//! cargo run --release -p larder-bench -- [--only GROUP,…] [--rounds N] [--quick] [--trace FILE] [--out FILE] [--date DATE]
//! ```
//!
//! | module | what it holds |
//! | --- | --- |
//! | `memory`, `disk`, `batch`, `eviction`, `processes`, `start`, `footprint`, `layout`, `compression`, `invalidation`, `size`, `simulate`, `keys`, `pools` | the groups, one file each |
//! | `contestants` | Larder and its peers behind two traits |
//! | `workload`, `texts` | keys, values and the order of operations; real text |
//! | `measure`, `report`, `machine`, `setup` | rounds and medians; Markdown; what ran where; what groups share |
//!
//! Timings never decide whether anything passes. A contestant that answers wrongly ends the run.

mod batch;
mod compression;
mod contestants;
mod disk;
mod eviction;
mod footprint;
mod invalidation;
mod keys;
mod layout;
mod machine;
mod measure;
mod memory;
mod pools;
mod processes;
mod report;
mod setup;
mod simulate;
mod size;
mod start;
mod texts;
mod workload;

use std::path::PathBuf;

use anyhow::Result;
use clap::{Parser, ValueEnum};

use report::Report;
use setup::Setup;

/// Measures Larder and its peers side by side and prints medians and ratios as Markdown.
#[derive(Parser)]
struct Flags {
    /// Only these groups.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "GROUP")]
    only: Vec<Group>,
    /// Rounds to measure; each runs every contestant once.
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=1000), value_name = "N")]
    rounds: u16,
    /// Small sizes: shows that everything works, in less than a minute.
    #[arg(long)]
    quick: bool,
    /// Also write the report to this file.
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// The trace that group `simulate` replays. Default: generated.
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// Another build of the component, for group `layout` to compare. May be given more than once.
    #[arg(long, value_name = "FILE")]
    component: Vec<PathBuf>,
    /// The date in the report. Default: today.
    #[arg(long)]
    date: Option<String>,
    /// Fill the contestant with this number with so many entries and print by how much the process grew.
    #[arg(long, num_args = 2, value_names = ["CONTESTANT", "ENTRIES"], hide = true)]
    footprint_of: Option<Vec<usize>>,
    /// Write so many entries into a directory, as the writer with this number.
    #[arg(long, num_args = 3, value_names = ["DIR", "NUMBER", "ENTRIES"], hide = true)]
    write_into: Option<Vec<String>>,
}

/// What is measured.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Group {
    /// Everything fits into memory.
    Memory,
    /// Stores in a directory.
    Disk,
    /// Many entries in one call; computing through the cache.
    Batch,
    /// A store that is full.
    Eviction,
    /// Several processes on one directory.
    Processes,
    /// From the birth of a process to an answer.
    Start,
    /// Memory for an entry.
    Footprint,
    /// Linear memory for an entry.
    Layout,
    /// The compressed cold tier against all raw and all compressed.
    Compression,
    /// Making entries invalid, and reading beside bans.
    Invalidation,
    /// Bytes of the component.
    Size,
    /// Traces replayed without values.
    Simulate,
    /// Keys made of texts, dictionaries and sets.
    Keys,
    /// Picking variants; large pools.
    Pools,
}

fn main() -> Result<()> {
    let flags = Flags::parse();
    if let Some(&[contestant, entries]) = flags.footprint_of.as_deref() {
        return footprint::child(contestant, entries);
    }
    if let Some([dir, number, entries]) = flags.write_into.as_deref() {
        return processes::child(dir.as_ref(), number.parse()?, entries.parse()?);
    }
    let setup = Setup::new(flags.rounds.into(), flags.quick)?;
    let mut report = Report::default();
    report.add(machine::describe(flags.date.as_deref()));
    for group in Group::value_variants() {
        if !flags.only.is_empty() && !flags.only.contains(group) {
            continue;
        }
        match group {
            Group::Memory => memory::run(&setup, &mut report)?,
            Group::Disk => disk::run(&setup, &mut report)?,
            Group::Batch => batch::run(&setup, &mut report)?,
            Group::Eviction => eviction::run(&setup, &mut report)?,
            Group::Processes => processes::run(&setup, &mut report)?,
            Group::Start => start::run(&setup, &mut report)?,
            Group::Footprint => footprint::run(&setup, &mut report)?,
            Group::Layout => layout::run(&setup, &flags.component, &mut report)?,
            Group::Compression => compression::run(&setup, &mut report)?,
            Group::Invalidation => invalidation::run(&setup, &mut report)?,
            Group::Size => size::run(&mut report),
            Group::Simulate => simulate::run(&setup, flags.trace.as_deref(), &mut report)?,
            Group::Keys => keys::run(&setup, &mut report)?,
            Group::Pools => pools::run(&setup, &mut report)?,
        }
    }
    if let Some(version) = setup.diskcache() {
        report.add(format!("diskcache {version}."));
    }
    if let Some(file) = &flags.out {
        report.write(file)?;
    }
    Ok(())
}
