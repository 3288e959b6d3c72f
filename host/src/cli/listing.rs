//! `list` and `stats`.

use std::process::ExitCode;

use clap::Args;
use larder::{Cache, Filter};
use serde_json::json;

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
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64);
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
    let document = json!({"directory": directory, "max_size": max_size, "store": store, "namespaces": namespaces,
        "lifetime": lifetime, "total": total, "hit_rate": total.hit_rate()});
    out.show(&document, || {
        let mut text = format!("directory     {}\n", directory.clone().unwrap_or_default());
        text += &format!("entries       {}\n", store.entries);
        text += &format!("records       {}\n", show_size(store.live_bytes));
        let percent = store.disk_bytes as f64 / max_size as f64 * 100.0;
        text += &format!("disk          {} of {} ({percent:.1} %)\n", show_size(store.disk_bytes), show_size(max_size));
        text += &format!("segments      {}\n", store.segments);
        if store.damaged > 0 {
            text += &format!("damaged       {} (run `larder verify`)\n", store.damaged);
        }
        text += &format!(
            "hits          {} of {} reads ({:.1} %)\n",
            total.hits,
            total.hits + total.misses,
            total.hit_rate()
        );
        text += &format!("misses        {}\n", total.misses);
        text += &format!("sets          {}\n", total.sets);
        text += &format!("evictions     {}\n", lifetime.store_evictions);
        text += &format!("errors        {}\n", total.errors + total.refused);
        if !namespaces.is_empty() {
            text += "\nnamespace               entries     records\n";
        }
        for namespace in &namespaces {
            text += &format!("{:<20} {:>10}  {:>10}\n", namespace.name, namespace.entries, show_size(namespace.bytes));
        }
        text
    })?;
    Ok(ExitCode::SUCCESS)
}
