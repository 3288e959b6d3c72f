//! Replaying traces: what a cache of this policy and size would have hit, counted by the component itself.
//!
//! A trace is a file of requests. It is read once, in batches, however many policies and capacities are asked for: each
//! has a guest of its own, and the guests share the machine's threads. Only capacities in percent, offline policies and
//! the bounds need more: a first pass that counts the keys, and for the latter two the whole trace in memory.
//!
//! ```
//! use larder::simulate::{Capacity, Simulate};
//!
//! # fn main() -> larder::Result<()> {
//! # let directory = tempfile::tempdir().expect("a directory");
//! # let file = directory.path().join("trace.txt");
//! std::fs::write(&file, "a\nb\na\nc\na\n").expect("a file");
//! let report = Simulate::new().policies(["lru", "belady"]).capacities([Capacity::Amount(2)]).run(&file)?;
//! assert_eq!(report.rows[0].hits, 2);
//! # Ok(())
//! # }
//! ```
//!
//! | file | what it holds |
//! | --- | --- |
//! | `trace` | reading traces: formats, compression, broken lines |
//! | `capacity` | capacities, absolute and in percent |
//! | `simulation` | a simulated cache in the component |
//! | `replay` | one pass over a trace, for many simulated caches |
//! | `survey` | the first pass |
//! | `offline` | what could be had by who knows the future |
//! | `plot` | hit ratio over capacity, as SVG |

mod capacity;
mod offline;
mod plot;
mod replay;
mod simulation;
mod survey;
mod trace;

use std::path::{Path, PathBuf};

use serde::Serialize;

pub use capacity::{Capacity, Unit};
pub use plot::plot;
pub use simulation::{Simulation, Totals, policies};
pub use trace::{Batch, Format, OnError, Trace};

use crate::error::{Error, Result};
use offline::Offline;
use survey::Survey;
use trace::Input;

/// What one simulated cache would have hit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Row {
    /// The file's name up to the first dot.
    pub trace: String,
    /// The policy, or the bound.
    pub policy: String,
    /// What the capacity counts.
    pub unit: Unit,
    /// Entries or bytes.
    pub capacity: u64,
    /// Requests in the trace.
    pub requests: u64,
    /// Requests for a key that was there.
    pub hits: u64,
    /// Hits of all requests, 0 to 1.
    pub hit_ratio: f64,
    /// Bytes that were there, of all bytes requested, 0 to 1. A request without a size has one byte.
    pub byte_hit_ratio: f64,
    /// Misses whose entry was not taken in. 0 for what is computed offline.
    pub refused: u64,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Report {
    /// One row for each capacity and policy, in the order in which they were asked for.
    pub rows: Vec<Row>,
    /// The format that the trace was read in.
    pub format: Format,
    /// Lines or records that were left out because they are broken.
    pub skipped: u64,
}

/// What to simulate; see the [module](self). What is not set has the default that is named there.
#[derive(Debug, Clone)]
pub struct Simulate {
    policies: Vec<String>,
    objective: String,
    unit: Unit,
    capacities: Vec<Capacity>,
    format: Format,
    on_error: OnError,
    seed: u64,
}

impl Default for Simulate {
    fn default() -> Self {
        Self {
            policies: vec!["all".into()],
            objective: "balanced".into(),
            unit: Unit::Entries,
            capacities: [1, 5, 20].map(Capacity::percent).to_vec(),
            format: Format::Auto,
            on_error: OnError::Stop,
            seed: 0,
        }
    }
}

impl Simulate {
    /// Every policy, at 1, 5 and 20 % of the unique keys.
    pub fn new() -> Self {
        Self::default()
    }

    /// The policies by name: those of a cache ([`policies`]), and three that know the future: `belady` (who is asked for
    /// latest goes), `belady-size` (so does the largest, by the product of both, among 128 drawn at random) and `pfoo-l`,
    /// which is no policy but a bound: no cache can hit more. `all` stands for those of a cache, and for `belady` or,
    /// when bytes are counted, `pfoo-l`. Default `all`.
    pub fn policies(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.policies = names.into_iter().map(Into::into).collect();
        self
    }

    /// What policies that weigh entries try to have much of: `balanced` (the default), `objects`, `bytes`, `cost`.
    pub fn objective(mut self, name: impl Into<String>) -> Self {
        self.objective = name.into();
        self
    }

    /// What capacities count. Default [`Unit::Entries`].
    pub fn unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// How large the caches are. Default 1, 5 and 20 percent.
    pub fn capacities(mut self, capacities: impl IntoIterator<Item = Capacity>) -> Self {
        self.capacities = capacities.into_iter().collect();
        self
    }

    /// How the trace is written. Default [`Format::Auto`].
    pub fn format(mut self, format: Format) -> Self {
        self.format = format;
        self
    }

    /// What becomes of broken lines. Default [`OnError::Stop`].
    pub fn on_error(mut self, on_error: OnError) -> Self {
        self.on_error = on_error;
        self
    }

    /// For policies that draw lots, and for the hashes of keys: equal seeds give equal counts. Default 0.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// How often a trace will be read.
    pub fn passes(&self) -> u64 {
        1 + u64::from(self.needs_survey())
    }

    /// Replays a file; `-` is standard input.
    ///
    /// # Errors
    /// As [`run_with`](Self::run_with).
    pub fn run(&self, trace: impl AsRef<Path>) -> Result<Report> {
        self.run_with(trace, |_| {})
    }

    /// As [`run`](Self::run); `progress` is told again and again how many bytes of the file were read, in all passes.
    ///
    /// # Errors
    /// `Trace` for a file that cannot be read, is empty, is compressed and damaged, or has a broken line, unless these are left
    /// out; `InvalidArgument` for a policy, an objective or a capacity that cannot be simulated; `Trap` for one
    /// that takes more than 4 GiB of memory.
    pub fn run_with(&self, trace: impl AsRef<Path>, mut progress: impl FnMut(u64)) -> Result<Report> {
        let names = self.names()?;
        let offline: Vec<Option<Offline>> = names.iter().map(|name| Offline::parse(name)).collect();
        let path = trace.as_ref();
        let input = if self.needs_survey() { Input::repeatable(path)? } else { Input::once(path) };

        let mut survey = None;
        let mut read_before = 0;
        if self.needs_survey() {
            let mut trace = self.open(&input)?;
            survey = Some(Survey::take(&mut trace, offline.iter().any(Option::is_some), &mut progress)?);
            read_before = trace.bytes_read();
        }
        let capacities: Vec<u64> = self
            .capacities
            .iter()
            .map(|c| c.resolve(self.unit, survey.as_ref().map_or((0, 0), Survey::keys)))
            .collect();

        let mut caches = Vec::new();
        for &capacity in &capacities {
            for name in names.iter().zip(&offline).filter(|(_, offline)| offline.is_none()).map(|(name, _)| name) {
                caches.push(Simulation::open(name, &self.objective, self.unit, capacity, self.seed)?);
            }
        }
        let mut trace = self.open(&input)?;
        let (totals, format, skipped) = match (&survey, caches.is_empty()) {
            // Nothing is left to be counted in a second pass.
            (Some(survey), true) => (Vec::new(), survey.format, survey.skipped),
            _ => {
                let totals = replay::replay(&mut trace, caches, |bytes| progress(read_before + bytes))?;
                (totals, trace.format(), trace.skipped())
            }
        };

        let mut totals = totals.into_iter();
        let mut rows = Vec::new();
        let trace = name_of(path);
        for &capacity in &capacities {
            for (policy, offline) in names.iter().zip(&offline) {
                let row = |requests, hits, bytes, bytes_hit, refused| Row {
                    trace: trace.clone(),
                    policy: policy.clone(),
                    unit: self.unit,
                    capacity,
                    requests,
                    hits,
                    hit_ratio: ratio(hits, requests),
                    byte_hit_ratio: ratio(bytes_hit, bytes),
                    refused,
                };
                match (offline, &survey) {
                    (Some(offline), Some(survey)) => {
                        let found = offline.compute(survey, self.unit, capacity, self.seed);
                        rows.push(row(survey.requests, found.hits, survey.bytes, found.bytes_hit, 0));
                    }
                    _ => {
                        let t = totals.next().ok_or_else(|| Error::invalid("a policy was not simulated"))?;
                        rows.push(row(t.requests, t.hits, t.bytes, t.bytes_hit, t.refused));
                    }
                }
            }
        }
        Ok(Report { rows, format, skipped })
    }

    fn open(&self, input: &Input) -> Result<Trace> {
        input.open(self.format, self.on_error)
    }

    /// Whether the trace must be known before it is replayed.
    fn needs_survey(&self) -> bool {
        self.capacities.iter().any(Capacity::is_relative)
            || self.policies.iter().any(|name| name == "all" || Offline::parse(name).is_some())
    }

    /// The policies, each once.
    fn names(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::new();
        let mut add = |name: String| {
            if !names.contains(&name) {
                names.push(name);
            }
        };
        for name in &self.policies {
            if name != "all" {
                add(name.clone());
                continue;
            }
            policies()?.into_iter().for_each(&mut add);
            add(Offline::best(self.unit).name().to_owned());
        }
        if names.is_empty() || self.capacities.is_empty() {
            return Err(Error::invalid("there is nothing to simulate; name a policy and a capacity"));
        }
        Ok(names)
    }
}

/// The file's name up to the first dot.
fn name_of(path: &Path) -> String {
    if path == Path::new("-") {
        return "stdin".into();
    }
    let name = path.file_name().map(PathBuf::from).unwrap_or_default();
    let name = name.to_string_lossy();
    // Files that begin with a dot are named by what follows it.
    let bare = name.trim_start_matches('.');
    bare.split('.').next().unwrap_or(bare).to_owned()
}

fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}
