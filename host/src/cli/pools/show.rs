//! `pools`: what there is, and clearing it.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use larder::Cache;
use larder::pools::{Listed, Pool, PoolInfo, PoolStatistics};
use serde_json::json;

use super::{Failure, Values, document, due, existing, moment};
use crate::cli::output::{Output, put_bytes};
use crate::cli::units::{show_size, show_span};

#[derive(Debug, Subcommand)]
pub(crate) enum PoolsCommand {
    /// List the pools of the namespace
    List,
    /// Print a pool's plan, and variants with these values
    Show(ShowArgs),
    /// Print a pool's figures; what is broken or of an old format is removed on the way
    Stats {
        /// The pool
        pool: String,
    },
    /// Empty a pool; it fills again with the next round
    Clear {
        /// The pool
        pool: String,
        /// Forget its plan, too
        #[arg(long)]
        forget: bool,
    },
    /// Empty a pool, and have all of it made anew as soon as larder accumulate runs
    Regenerate {
        /// The pool
        pool: String,
    },
}

#[derive(Debug, Args)]
pub(crate) struct ShowArgs {
    /// The pool
    pool: String,
    #[command(flatten)]
    values: Values,
    /// Variants to print at most
    #[arg(long, value_name = "N", default_value_t = 50)]
    limit: usize,
}

pub(crate) fn pools(cache: &Cache, command: &PoolsCommand, out: &Output) -> Result<ExitCode, Failure> {
    match command {
        PoolsCommand::List => list(cache, out)?,
        PoolsCommand::Show(args) => show(cache, args, out)?,
        PoolsCommand::Stats { pool } => stats(&existing(cache, pool)?, out)?,
        PoolsCommand::Clear { pool, forget } => {
            let pool = existing(cache, pool)?;
            let removed = if *forget { pool.remove()? } else { pool.clear(false)? };
            out.show(&json!({"pool": pool.name(), "removed": removed}), || format!("removed {removed} entries\n"))?;
        }
        PoolsCommand::Regenerate { pool } => {
            let pool = existing(cache, pool)?;
            let removed = pool.clear(true)?;
            out.show(&json!({"pool": pool.name(), "removed": removed}), || {
                format!("removed {removed} entries; all of {} is due now\n", pool.name())
            })?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn list(cache: &Cache, out: &Output) -> Result<(), Failure> {
    let mut shown = Vec::new();
    let mut text = String::new();
    for name in cache.pools()? {
        let info = existing(cache, &name)?.info()?;
        text += &format!("{name}  {} combinations, up to {} variants each\n", info.combinations, info.plan.cap);
        shown.push(json!({"pool": name, "combinations": info.combinations, "cap": info.plan.cap}));
    }
    out.show(&shown, || text)
}

fn show(cache: &Cache, args: &ShowArgs, out: &Output) -> Result<(), Failure> {
    let pool = existing(cache, &args.pool)?;
    let info = pool.info()?;
    let listed = pool.list(&args.values.values, args.limit)?;
    let dimensions: serde_json::Map<_, _> =
        info.plan.dimensions.iter().map(|it| (it.name.clone(), json!(it.values))).collect();
    let entries: Vec<_> = listed.iter().map(entry).collect();
    let shown = json!({
        "pool": pool.name(),
        "dimensions": dimensions,
        "combinations": info.combinations,
        "kept_combinations": info.kept,
        "per_generation": info.plan.per_generation,
        "cap": info.plan.cap,
        "interval_ms": info.plan.interval.as_millis() as u64,
        "retry_ms": info.plan.retry.as_millis() as u64,
        "batch": info.plan.batch,
        "weighted": info.plan.weighted,
        "repeats": info.plan.repeats,
        "last_generation": Some(info.started).filter(|_| info.generation > 0).map(moment),
        "next_generation": due(info.next),
        "entries": entries,
    });
    out.show(&shown, || plan_text(&info) + &listed.iter().map(line).collect::<String>())
}

fn plan_text(info: &PoolInfo) -> String {
    let plan = &info.plan;
    let mut text = String::new();
    for dimension in &plan.dimensions {
        let values: Vec<_> = dimension.values.iter().map(|value| value.as_str()).collect();
        text += &format!("{:<14}{}\n", dimension.name, values.join(", "));
    }
    let span = |span: std::time::Duration| show_span(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
    text += &format!("combinations  {}\n", info.combinations);
    if info.kept > 0 {
        text += &format!(
            "kept          {} combinations of earlier plans: they are not made any more, and stay until the pool is cleared\n",
            info.kept
        );
    }
    text += &format!(
        "a round       {} variants each, {} at most, every {}\n",
        plan.per_generation,
        plan.cap,
        span(plan.interval)
    );
    text += &format!("retry         after {}, {} at a time\n", span(plan.retry), plan.batch);
    if info.generation > 0 {
        text += &format!("last round    {} ({})\n", moment(info.started), info.generation);
    }
    text + &format!("next round    {}\n", if info.next == 0 { "now".to_owned() } else { moment(info.next) })
}

fn line(listed: &Listed) -> String {
    let values: Vec<_> = listed.values.iter().map(|(_, value)| value.as_str()).collect();
    let preview = listed.preview();
    let first = preview.lines().next().unwrap_or_default();
    let score = listed.info.score.map(|score| format!(" score {score}")).unwrap_or_default();
    format!(
        "{}  {}.{}  {}{score}  {}\n",
        values.join("/"),
        listed.info.generation,
        listed.info.entry,
        show_size(listed.info.size.into()),
        first.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>(),
    )
}

fn entry(listed: &Listed) -> serde_json::Value {
    let mut shown = document(&listed.values);
    shown.insert("generation_id".into(), json!(listed.info.generation));
    shown.insert("entry_id".into(), json!(listed.info.entry));
    shown.insert("cached_at".into(), json!(moment(listed.info.cached_at)));
    shown.insert("size".into(), json!(listed.info.size));
    shown.insert("score".into(), json!(listed.info.score));
    shown.insert("content_type".into(), json!(listed.content_type));
    put_bytes(&mut shown, "value", &listed.value);
    shown.insert("preview".into(), json!(listed.preview()));
    shown.into()
}

fn stats(pool: &Pool, out: &Output) -> Result<(), Failure> {
    let stats = pool.stats()?;
    let mut shown = json!(stats);
    shown["last_generation"] = json!(stats.last_generation.map(moment));
    shown["next_generation"] = json!(due(stats.next_generation));
    for (index, failed) in stats.failures.iter().enumerate() {
        shown["failures"][index]["retry_at"] = json!(due(failed.retry_at));
    }
    out.show(&shown, || stats_text(&stats))
}

fn stats_text(stats: &PoolStatistics) -> String {
    let mut text = format!(
        "entries       {} of {} ({} %)\n\
         combinations  {} of {} covered ({} %), {} variants each on average\n\
         a round       {} each, {} at most\n\
         missing       {} entries; {} combinations failed\n\
         size          {}\n\
         last round    {}\n\
         next round    {}\n\
         in progress   {}\n",
        stats.cached_entries,
        stats.max_possible_entries,
        stats.entry_coverage_percentage,
        stats.unique_combinations_covered,
        stats.total_combinations,
        stats.combination_coverage_percentage,
        stats.avg_entries_per_combination,
        stats.entries_per_generation,
        stats.max_entries_per_combination,
        stats.missing_entries,
        stats.failed_combinations,
        show_size(stats.bytes),
        stats.last_generation.map_or("none yet".to_owned(), moment),
        if stats.next_generation == 0 { "now".to_owned() } else { moment(stats.next_generation) },
        if stats.generation_in_progress { "yes" } else { "no" },
    );
    for failed in &stats.failures {
        let when = if failed.retry_at == 0 { "now".to_owned() } else { moment(failed.retry_at) };
        text += &format!("failed        {}: {} (again: {when})\n", failed.combination, failed.reason);
    }
    for (count, what) in [
        (stats.duplicates, "duplicates were not stored"),
        (stats.kept_entries, "entries of earlier plans are kept"),
        (stats.removed_entries, "entries were broken or of an old format, and are removed"),
    ] {
        if count > 0 {
            text += &format!("              {count} {what}\n");
        }
    }
    text
}
