//! The plan file: TOML, one table `[pool.NAME]` for each pool, with a table `generator` in it.

use std::collections::BTreeMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use larder::SetOptions;
use larder::config::span;
use larder::generate::{Generator, Settings, Value};
use larder::pools::{Accumulate, Plan};
use serde::de::{self, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::Failure;

/// Bytes of the longest plan that is read.
const LONGEST: u64 = 16 << 20;

/// A plan file.
pub(super) struct PlanFile {
    directory: PathBuf,
    pools: BTreeMap<String, Table>,
}

/// What is in `[pool.NAME]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    dimensions: Dimensions,
    per_generation: Option<u32>,
    cap: Option<u32>,
    interval: Option<Span>,
    retry: Option<Span>,
    batch: Option<u32>,
    weighted: Option<bool>,
    repeats: Option<bool>,
    /// Whether `pick` may call the generator.
    live: Option<bool>,
    /// Time to live of variants.
    ttl: Option<Span>,
    tags: Option<Vec<String>>,
    concurrency: Option<usize>,
    /// Calls of the generator a minute.
    per_minute: Option<f64>,
    generator: Option<Settings>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    #[serde(default)]
    pool: BTreeMap<String, Table>,
}

impl PlanFile {
    /// # Errors
    /// Usage: the file cannot be read, or is no plan; the message says where.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let size =
            fs::metadata(path).map_err(|e| Failure::Usage(format!("could not read the plan {shown}: {e}")))?.len();
        if size > LONGEST {
            return Err(Failure::Usage(format!("the plan {shown} has {size} bytes, and may have {LONGEST}")));
        }
        let text =
            fs::read_to_string(path).map_err(|e| Failure::Usage(format!("could not read the plan {shown}: {e}")))?;
        let Document { pool } = toml::from_str(&text)
            .map_err(|e| Failure::Usage(format!("{shown} is no plan: {}", e.to_string().trim_end())))?;
        if pool.is_empty() {
            return Err(Failure::Usage(format!("the plan {shown} has no pool; it needs a table [pool.NAME]")));
        }
        let directory = path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
        Ok(Self { directory: directory.to_owned(), pools: pool })
    }

    /// The names of its pools.
    pub(super) fn names(&self) -> Vec<&str> {
        self.pools.keys().map(String::as_str).collect()
    }

    fn table(&self, name: &str) -> Result<&Table, Failure> {
        let missing = || format!("the plan has no pool {name:?}; it has {}", self.names().join(", "));
        self.pools.get(name).ok_or_else(|| Failure::Usage(missing()))
    }

    pub(super) fn plan(&self, name: &str) -> Result<Plan, Failure> {
        let table = self.table(name)?;
        let mut plan = Plan::new();
        for (name, values) in &table.dimensions.0 {
            plan = plan.dimension(name, values.clone());
        }
        let Table { per_generation, cap, batch, weighted, repeats, .. } = table;
        plan.per_generation = per_generation.unwrap_or(plan.per_generation);
        plan.cap = cap.unwrap_or(plan.cap.max(plan.per_generation));
        plan.batch = batch.unwrap_or(plan.batch);
        plan.weighted = weighted.unwrap_or(plan.weighted);
        plan.repeats = repeats.unwrap_or(plan.repeats);
        plan.interval = table.interval.as_ref().map_or(plan.interval, |span| span.0);
        plan.retry = table.retry.as_ref().map_or(plan.retry, |span| span.0);
        Ok(plan)
    }

    /// The generator of a pool; `None` if it has none.
    pub(super) fn generator(&self, name: &str) -> Result<Option<Box<dyn Generator>>, Failure> {
        let table = self.table(name)?;
        let Some(settings) = &table.generator else { return Ok(None) };
        let names: Vec<&str> = table.dimensions.0.iter().map(|(name, _)| name.as_str()).collect();
        let built = settings.build(&self.directory, &names);
        built.map(Some).map_err(|e| Failure::Usage(format!("the generator of the pool {name}: {e}")))
    }

    /// Whether `pick` may call the generator.
    pub(super) fn is_live(&self, name: &str) -> bool {
        self.pools.get(name).is_some_and(|table| table.live.unwrap_or(true))
    }

    /// How the pool is filled.
    pub(super) fn accumulate(&self, name: &str) -> Result<Accumulate, Failure> {
        let table = self.table(name)?;
        let mut options = SetOptions::new();
        if let Some(Span(ttl)) = table.ttl {
            if ttl.is_zero() {
                return Err(Failure::Usage(format!("ttl of the pool {name} is 0, and has to be above 0")));
            }
            options = options.ttl(ttl);
        }
        options = table.tags.iter().flatten().fold(options, |options, tag| options.tag(tag));
        let mut accumulate = Accumulate::new()?.options(options);
        if let Some(threads) = table.concurrency {
            accumulate = accumulate.concurrency(threads);
        }
        if let Some(calls) = table.per_minute {
            let interval = Duration::try_from_secs_f64(60.0 / calls).ok().filter(|_| calls > 0.0);
            let interval = interval.ok_or_else(|| {
                Failure::Usage(format!("per_minute of the pool {name} is {calls}, and has to be above 0"))
            })?;
            accumulate = accumulate.rate(interval);
        }
        Ok(accumulate)
    }
}

/// A span as settings take it: `3h`.
#[derive(Debug)]
struct Span(Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        span(&text).map(Self).map_err(de::Error::custom)
    }
}

/// Dimensions in the order in which they are written.
#[derive(Debug)]
struct Dimensions(Vec<(String, Vec<Value>)>);

impl<'de> Deserialize<'de> for Dimensions {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(InOrder)
    }
}

struct InOrder;

impl<'de> Visitor<'de> for InOrder {
    type Value = Dimensions;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a table of dimensions, each with a list of values")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Dimensions, M::Error> {
        let mut dimensions = Vec::new();
        while let Some(dimension) = map.next_entry()? {
            dimensions.push(dimension);
        }
        Ok(Dimensions(dimensions))
    }
}
