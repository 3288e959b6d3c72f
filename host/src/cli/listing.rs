//! `list` and `stats`.

use std::collections::BTreeSet;
use std::process::ExitCode;

use clap::Args;
use larder::{Cache, Counters, Filter};
use serde_json::json;

use super::advice;
use super::failure::Failure;
use super::output::Output;
use super::settings::Settings;
use super::units::{show_size, show_span};

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Only keys that begin so
    #[arg(long, value_name = "P", conflicts_with = "glob")]
    prefix: Option<String>,
    /// Only keys that match: * any text, ? one byte, [a-z] one of a set
    #[arg(long, value_name = "G")]
    glob: Option<String>,
    /// At most so many
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
    /// With sizes and times
    #[arg(short, long)]
    long: bool,
}

pub(super) fn list(cache: &Cache, args: &ListArgs, out: &Output) -> Result<ExitCode, Failure> {
    let filter = Filter {
        prefix: args.prefix.clone().unwrap_or_default().into_bytes(),
        glob: args.glob.clone().map(String::into_bytes),
        limit: args.limit,
    };
    let entries = cache.list(&filter)?;
    if out.is_json() {
        out.show(&entries, String::new)?;
        return Ok(ExitCode::SUCCESS);
    }
    let now = now();
    let mut lines = Vec::new();
    for entry in &entries {
        if args.long {
            let expires = match entry.expires {
                None => "never".to_owned(),
                Some(then) if then > now => show_span(then - now),
                Some(_) => "stale".to_owned(),
            };
            lines.extend(format!("{:>10}  {expires:>10}  ", show_size(entry.value_size)).into_bytes());
        }
        lines.extend_from_slice(&entry.key);
        lines.push(b'\n');
    }
    out.raw(&lines)?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn stats(cache: &Cache, settings: &Settings, out: &Output) -> Result<ExitCode, Failure> {
    let store = cache.stats_all()?.store.unwrap_or_default();
    let namespaces = cache.namespaces()?;
    let lifetime = cache.lifetime()?;
    let total = lifetime.total();
    let max_size = settings.max_size()?;
    let directory = cache.directory().map(|dir| dir.display().to_string());
    let advises = settings.is_flag("advice");
    let mut document = json!({"directory": directory, "max_size": max_size, "store": store, "namespaces": namespaces,
        "lifetime": lifetime, "total": total, "hit_rate": total.hit_rate(), "miss_rate": total.miss_rate(),
        "compression_ratio": total.compression_ratio()});
    if advises {
        document["advice"] = advice::document(&lifetime.advice);
        document["advised"] = json!(advice::sentence(&lifetime.advice));
    }
    out.show(&document, || {
        if advises {
            return advice::table(&lifetime.advice);
        }
        let mut text = format!("directory     {}\n", directory.clone().unwrap_or_default());
        text += &format!("entries       {}\n", store.entries);
        text += &format!("records       {}\n", show_size(store.live_bytes));
        let percent = store.disk_bytes as f64 / max_size as f64 * 100.0;
        text += &format!("disk          {} of {} ({percent:.1} %)\n", show_size(store.disk_bytes), show_size(max_size));
        text += &format!("segments      {}\n", store.segments);
        if store.damaged > 0 {
            text += &format!("damaged       {} (run `larder verify`)\n", store.damaged);
        }
        text += &format!("hits          {} ({:.1} % of reads)\n", total.hits, total.hit_rate());
        text += &format!("misses        {} ({:.1} % of reads)\n", total.misses, total.miss_rate());
        if total.dependencies_changed > 0 {
            text += &format!(
                "changed       {} (of these, reads whose dependencies did not hold)\n",
                total.dependencies_changed
            );
        }
        text += &format!("sets          {}\n", total.sets);
        text += &format!("deletes       {}\n", total.deletes);
        text += &format!("expired       {}\n", total.expired);
        if total.invalidated > 0 {
            text += &format!("invalidated   {}\n", total.invalidated);
        }
        if total.prefetched > 0 {
            let rate = total.prefetch_hit_rate();
            text += &format!(
                "prefetched    {}, {} of them asked for ({rate:.1} %)\n",
                total.prefetched, total.prefetch_hits
            );
        }
        text += &counted("evictions", total.evictions(), &evictions(&total));
        text += &counted("errors", total.errors + total.refused, &errors(&total));
        text += &compression(&total);
        if lifetime.updated > 0 {
            text += &format!("updated       {} ago\n", show_span(now().saturating_sub(lifetime.updated)));
        }
        let names: BTreeSet<_> = namespaces.iter().map(|n| &n.name).chain(lifetime.namespaces.keys()).collect();
        if !names.is_empty() {
            text +=
                "\nnamespace               entries     records        hits  hit rate        sets   evictions  errors\n";
        }
        for name in names {
            let held = namespaces.iter().find(|n| n.name == *name);
            let (entries, bytes) = held.map_or((0, 0), |held| (held.entries, held.bytes));
            let counted = lifetime.namespaces.get(name).copied().unwrap_or_default();
            text += &format!(
                "{name:<20} {entries:>10}  {:>10}  {:>10}  {:>7.1}%  {:>10}  {:>10}  {:>6}\n",
                show_size(bytes),
                counted.hits,
                counted.hit_rate(),
                counted.sets,
                counted.evictions(),
                counted.errors + counted.refused
            );
        }
        text
    })?;
    Ok(ExitCode::SUCCESS)
}

/// A sum and, in brackets, what it is made of.
fn counted(name: &str, sum: u64, parts: &[(&str, u64)]) -> String {
    let parts: Vec<_> = parts.iter().filter(|(_, n)| *n > 0).map(|(name, n)| format!("{n} {name}")).collect();
    match parts.is_empty() {
        true => format!("{name:<14}{sum}\n"),
        false => format!("{name:<14}{sum} ({})\n", parts.join(", ")),
    }
}

fn compression(total: &Counters) -> String {
    let sizes = format!("{} to {}", show_size(total.compressed_in), show_size(total.compressed_out));
    if total.compressed_in + total.incompressible + total.inflate_ns + total.cooled == 0 {
        return format!("compressed    {sizes}\n");
    }
    let time = |ns: u64| format!("{:.1} ms", ns as f64 / 1e6);
    let mut text = format!(
        "compressed    {sizes} ({:.1} %; {} by DEFLATE, {} by LZ4; {} in sets, {} in reads)\n",
        total.compression_ratio(),
        total.deflated,
        total.lz4,
        time(total.compress_ns),
        time(total.inflate_ns)
    );
    if total.cooled > 0 {
        let Counters { cooled, warmed, cold_hits, .. } = total;
        text +=
            &format!("cold tier     {cooled} compressed in memory, {cold_hits} hits there, {warmed} made raw again\n");
    }
    if total.incompressible > 0 {
        let bytes = show_size(total.incompressible_bytes);
        text += &format!("incompressible {} values, {bytes}, left as they are\n", total.incompressible);
    }
    text
}

fn evictions(total: &Counters) -> [(&'static str, u64); 5] {
    [
        ("from disk for its size", total.evicted_store_bytes),
        ("from disk for its entries", total.evicted_store_entries),
        ("from memory for its size", total.evicted_memory_bytes),
        ("from memory for its entries", total.evicted_memory_entries),
        ("asked for", total.evicted_asked),
    ]
}

fn errors(total: &Counters) -> [(&'static str, u64); 12] {
    [
        ("damaged records", total.refused_corrupt),
        ("records in a newer format", total.refused_newer),
        ("records above the limit", total.refused_too_large),
        ("records of another key", total.refused_other_key),
        ("invalid arguments", total.invalid_arguments),
        ("keys too large", total.keys_too_large),
        ("values too large", total.values_too_large),
        ("values that are no number", total.not_numbers),
        ("writes to a full cache", total.full),
        ("lock time-outs", total.lock_timeouts),
        ("disk errors", total.store_errors),
        ("stops of the component", total.traps),
    ]
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}
