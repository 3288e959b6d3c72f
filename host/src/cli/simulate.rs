//! `larder simulate`: traces against policies and sizes.

use std::fs;
use std::io::{IsTerminal, stderr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use larder::simulate::{self, Capacity, Format, OnError, Row, Simulate, Unit};

use super::failure::Failure;
use super::output::Output;
use larder::config::size;

/// After how long people are shown how far it is.
const WORTH_A_BAR: Duration = Duration::from_secs(1);

#[derive(Debug, Args)]
pub(super) struct SimulateArgs {
    /// Traces; - is standard input. gzip and zstd are recognised
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Policies, or all: those of a cache, belady, belady-size (these know the future), pfoo-l (a bound)
    #[arg(id = "policy", long = "policy", value_name = "NAME,…", value_delimiter = ',', default_value = "all")]
    policies: Vec<String>,
    /// Capacities: entries or bytes, or a percentage of the trace's unique keys
    #[arg(long, value_name = "N,5%,64MiB,…", value_delimiter = ',', default_value = "1%,5%,20%")]
    capacity: Vec<String>,
    /// What capacities count
    #[arg(long, value_enum, default_value_t)]
    unit: UnitName,
    /// What policies that weigh entries try to have much of: balanced, objects, bytes, cost
    #[arg(long, value_name = "NAME", default_value = "balanced")]
    objective: String,
    /// Draw hit ratio over capacity into an SVG file
    #[arg(long, value_name = "OUT.SVG")]
    plot: Option<PathBuf>,
    /// How the traces are written
    #[arg(long, value_enum, default_value_t)]
    format: FormatName,
    /// What becomes of broken lines
    #[arg(long, value_enum, default_value_t, value_name = "WHAT")]
    on_error: OnErrorName,
    /// For policies that draw lots
    #[arg(long, default_value_t = 0, value_name = "N")]
    seed: u64,
}

macro_rules! names {
    ($($name:ident of $type:ident { $($case:ident $text:literal,)* })*) => {
        $(
            /// The command line's words for it; the first is the default.
            #[derive(Debug, Clone, Copy, PartialEq, Eq)]
            struct $name($type);

            impl Default for $name {
                fn default() -> Self {
                    Self($type::default())
                }
            }

            impl ValueEnum for $name {
                fn value_variants<'a>() -> &'a [Self] {
                    &[$(Self($type::$case)),*]
                }

                fn to_possible_value(&self) -> Option<clap::builder::PossibleValue> {
                    match self.0 {
                        $($type::$case => Some(clap::builder::PossibleValue::new($text)),)*
                        #[allow(unreachable_patterns, reason = "some enums may grow")]
                        _ => None,
                    }
                }
            }
        )*
    };
}

names! {
    UnitName of Unit { Entries "entries", Bytes "bytes", }
    FormatName of Format {
        Auto "auto", Text "text", Keys "keys", OracleGeneral "oracle-general", Arc "arc", Lirs "lirs",
    }
    OnErrorName of OnError { Stop "stop", Skip "skip", }
}

pub(super) fn simulate(args: &SimulateArgs, out: &Output) -> Result<ExitCode, Failure> {
    let unit = args.unit.0;
    let capacities = args.capacity.iter().map(|text| capacity(text, unit)).collect::<Result<Vec<_>, _>>()?;
    let simulate = Simulate::new()
        .policies(&args.policies)
        .objective(&args.objective)
        .unit(unit)
        .capacities(capacities)
        .format(args.format.0)
        .on_error(args.on_error.0)
        .seed(args.seed);
    let bar = progress(args, simulate.passes());
    let began = Instant::now();
    let mut rows = Vec::new();
    let mut done = 0;
    for file in &args.files {
        let mut read = 0;
        let report = simulate.run_with(file, |bytes| {
            read = bytes;
            if bar.is_hidden() && began.elapsed() > WORTH_A_BAR && stderr().is_terminal() {
                bar.set_draw_target(ProgressDrawTarget::stderr());
            }
            bar.set_position(done + bytes);
        });
        done += read;
        let report = report.inspect_err(|_| bar.finish_and_clear())?;
        if report.skipped > 0 {
            bar.suspend(|| eprintln!("larder: {}: {} broken lines were left out", file.display(), report.skipped));
        }
        rows.extend(report.rows);
    }
    bar.finish_and_clear();
    if let Some(file) = &args.plot {
        fs::write(file, simulate::plot(&rows)).map_err(Failure::io(format!("write {}", file.display())))?;
    }
    out.show(&rows, || table(&rows))?;
    Ok(ExitCode::SUCCESS)
}

/// A capacity as the library reads it; bytes also as people write them.
fn capacity(text: &str, unit: Unit) -> Result<Capacity, Failure> {
    let text = text.trim();
    let parsed = match unit {
        Unit::Bytes if !text.ends_with('%') => size(text).map(Capacity::Amount),
        _ => text.parse().map_err(|e: larder::Error| e.to_string()),
    };
    parsed.map_err(|e| Failure::Usage(format!("--capacity: {e}")))
}

/// A bar over the bytes of all files, or a count of bytes where nobody knows how many come; not shown yet.
fn progress(args: &SimulateArgs, passes: u64) -> ProgressBar {
    let size = |file: &PathBuf| fs::metadata(file).ok().filter(fs::Metadata::is_file).map(|meta| meta.len());
    let total = args.files.iter().map(size).sum::<Option<u64>>().map(|bytes| bytes * passes);
    let template = if total.is_some() { "{bar:40} {bytes}/{total_bytes} {eta}" } else { "{bytes} {elapsed}" };
    let style = ProgressStyle::with_template(template);
    let bar = ProgressBar::with_draw_target(total, ProgressDrawTarget::hidden());
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

/// Columns as wide as they must be; words to the left, numbers to the right.
fn table(rows: &[Row]) -> String {
    const HEAD: [&str; 8] = ["trace", "policy", "unit", "capacity", "requests", "hits", "hit ratio", "byte hit ratio"];
    const WORDS: usize = 3;
    let cells = |row: &Row| {
        [
            row.trace.clone(),
            row.policy.clone(),
            row.unit.name().to_owned(),
            row.capacity.to_string(),
            row.requests.to_string(),
            row.hits.to_string(),
            format!("{:.6}", row.hit_ratio),
            format!("{:.6}", row.byte_hit_ratio),
        ]
    };
    let lines: Vec<_> = std::iter::once(HEAD.map(str::to_owned)).chain(rows.iter().map(cells)).collect();
    let widths: [usize; 8] =
        std::array::from_fn(|at| lines.iter().map(|line| line[at].chars().count()).max().unwrap_or(0));
    let mut text = String::new();
    for line in &lines {
        for (at, (cell, width)) in line.iter().zip(widths).enumerate() {
            text += &match at < WORDS {
                true => format!("{cell:<width$}  "),
                false => format!("{cell:>width$}  "),
            };
        }
        text.truncate(text.trim_end().len());
        text.push('\n');
    }
    text
}
