//! `accumulate`, `pick` and `pools`: sets of variants that grow, and from which one is picked.

mod accumulate;
mod pick;
mod plan_file;
mod show;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::Args;
use larder::Cache;
use larder::generate::Value;
use larder::pools::Pool;
use serde_json::Map;

use super::failure::Failure;

pub(super) use accumulate::{AccumulateArgs, accumulate};
pub(super) use pick::{PickArgs, pick};
pub(super) use show::{PoolsCommand, pools};

/// One value of some dimensions.
#[derive(Debug, Args)]
struct Values {
    /// Dimensions and their values
    #[arg(value_name = "DIM=VALUE", value_parser = pair)]
    values: Vec<(String, String)>,
}

fn pair(given: &str) -> Result<(String, String), String> {
    let pair = given.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    pair.ok_or_else(|| format!("{given:?} is no pair; write DIMENSION=VALUE"))
}

fn existing(cache: &Cache, name: &str) -> Result<Pool, Failure> {
    let message = || match cache.pools() {
        Ok(names) if !names.is_empty() => format!("there is no pool {name:?}; there are: {}", names.join(", ")),
        _ => format!("there is no pool {name:?}; define it with larder accumulate PLAN.toml"),
    };
    cache.pool(name)?.ok_or_else(|| Failure::Usage(message()))
}

/// Dimensions and values as JSON.
fn document(values: &[(String, Value)]) -> Map<String, serde_json::Value> {
    let json = |value: &Value| serde_json::to_value(value).unwrap_or_default();
    values.iter().map(|(name, value)| (name.clone(), json(value))).collect()
}

/// A moment as people and programs read it: 2026-11-20T12:00:00Z.
fn moment(ms: u64) -> String {
    match UNIX_EPOCH.checked_add(Duration::from_millis(ms)) {
        // What has more than four digits of a year cannot be written so.
        Some(at) if ms < 253_402_300_800_000 => humantime::format_rfc3339_seconds(at).to_string(),
        _ => format!("{ms}ms"),
    }
}

/// When something is due, where 0 is now.
fn due(ms: u64) -> String {
    if ms > 0 { moment(ms) } else { humantime::format_rfc3339_seconds(SystemTime::now()).to_string() }
}
