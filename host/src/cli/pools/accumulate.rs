//! `accumulate`: fills the pools of a plan, once or as long as nobody stops it.

use std::error::Error;
use std::io::{self, IsTerminal, stderr};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;

use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use larder::generate::{Generator, Stop};
use larder::pools::{Accumulate, Budget, Pool, Progress, Report};
use larder::{Cache, Strategy};
use serde_json::json;

use super::super::signals;
use super::plan_file::PlanFile;
use super::{Failure, due, moment};
use crate::cli::output::Output;
use crate::cli::settings::Settings;

#[derive(Debug, Args)]
pub(crate) struct AccumulateArgs {
    /// The plan, a TOML file with a table [pool.NAME] for each pool
    plan_file: PathBuf,
    /// Make what is due now, and end
    #[arg(long)]
    once: bool,
    /// Stay, and make what becomes due as it does; the default
    #[arg(long, conflicts_with = "once")]
    watch: bool,
    /// Begin the next round even if it is not due
    #[arg(long)]
    force: bool,
    /// Only this pool of the plan; may be repeated
    #[arg(long = "pool", value_name = "NAME")]
    pools: Vec<String>,
    /// Say what would be made, and change nothing
    #[arg(long, conflicts_with = "watch")]
    dry_run: bool,
    /// Call generators this often at most, then end
    #[arg(long, value_name = "N")]
    max_calls: Option<u64>,
    /// Make so many variants at the same time [default: the plan's, else its batch]
    #[arg(long, value_name = "N")]
    concurrency: Option<usize>,
}

/// A pool to be filled.
struct Job {
    pool: Pool,
    generator: Box<dyn Generator>,
    options: Accumulate,
}

pub(crate) fn accumulate(
    settings: &Settings,
    args: &AccumulateArgs,
    quiet: bool,
    out: &Output,
) -> Result<ExitCode, Failure> {
    let plan = PlanFile::read(&args.plan_file)?;
    let names: Vec<&str> = match args.pools.is_empty() {
        true => plan.names(),
        false => args.pools.iter().map(String::as_str).collect(),
    };
    // All are looked at before anything is made.
    let generators = names.iter().map(|name| generator(&plan, name)).collect::<Result<Vec<_>, _>>()?;
    let options = names.iter().map(|name| plan.accumulate(name)).collect::<Result<Vec<_>, _>>()?;
    let cache = if args.dry_run { for_looking(settings)? } else { settings.builder()?.shards(8).open()? };
    names.iter().try_for_each(|name| Ok::<_, Failure>(cache.check_pool(name, &plan.plan(name)?)?))?;
    if args.dry_run {
        return dry_run(&cache, &plan, &names, args, out);
    }
    let stop = Stop::new().map_err(Failure::io("make a pipe"))?;
    let budget = Budget::new(args.max_calls.unwrap_or(u64::MAX));
    let mut jobs = Vec::new();
    for ((name, generator), options) in names.iter().zip(generators).zip(options) {
        let pool = cache.define_pool(name, &plan.plan(name)?)?;
        let info = pool.info()?;
        let described: Vec<_> =
            info.plan.dimensions.iter().map(|it| format!("{} of {}", it.values.len(), it.name)).collect();
        tracing::info!(pool = name, "values: {}; combinations: {}", described.join(", "), info.combinations);
        if info.kept > 0 {
            tracing::info!(
                pool = name,
                "{} combinations are not in the plan any more; what they hold is kept",
                info.kept
            );
        }
        let mut options = options.stop(&stop).force(args.force).budget(&budget);
        options = args.concurrency.into_iter().fold(options, Accumulate::concurrency);
        jobs.push(Job { pool, generator, options });
    }
    signals::listen(&stop)?;
    let shows = !quiet && !out.is_json() && stderr().is_terminal();
    if args.once { once(&jobs, shows, out) } else { watch(&jobs, shows, out) }
}

/// The store without leave to write. Where there is none, an empty cache says as much.
fn for_looking(settings: &Settings) -> Result<Cache, Failure> {
    let opened = settings.builder()?.strategy(Strategy::ReadOnly).open();
    let is_missing = |e: &larder::Error| {
        let source = e.source().and_then(|source| source.downcast_ref::<io::Error>());
        source.is_some_and(|source| source.kind() == io::ErrorKind::NotFound)
    };
    match opened {
        Err(e) if is_missing(&e) => Ok(settings.builder()?.strategy(Strategy::Memory).open()?),
        opened => Ok(opened?),
    }
}

fn generator(plan: &PlanFile, name: &str) -> Result<Box<dyn Generator>, Failure> {
    let missing = || format!("the pool {name} of the plan has no generator; give it a table [pool.{name}.generator]");
    plan.generator(name)?.ok_or_else(|| Failure::Usage(missing()))
}

fn dry_run(
    cache: &Cache,
    plan: &PlanFile,
    names: &[&str],
    args: &AccumulateArgs,
    out: &Output,
) -> Result<ExitCode, Failure> {
    let mut shown = Vec::new();
    let mut text = String::new();
    for name in names {
        let forecast = cache.forecast_pool(name, &plan.plan(name)?, args.force)?;
        let calls = args.max_calls.map_or(forecast.due, |most| most.min(forecast.due));
        shown.push(json!({
            "pool": name, "due": forecast.due, "calls": calls, "combinations": forecast.combinations,
            "begins": forecast.begins,
        }));
        let round = if forecast.begins { "a new round" } else { "the round under way" };
        text += &format!(
            "{name}: {} entries of {} combinations are due, in {round}; the generator would be called {calls} times\n",
            forecast.due, forecast.combinations
        );
    }
    out.show(&shown, || text)?;
    Ok(ExitCode::SUCCESS)
}

fn once(jobs: &[Job], shows: bool, out: &Output) -> Result<ExitCode, Failure> {
    let (mut documents, mut text, mut code) = (Vec::new(), String::new(), ExitCode::SUCCESS);
    for Job { pool, generator, options } in jobs {
        let bar = shows.then(bar);
        let report = pool.accumulate(&**generator, &told(options, bar.as_ref()))?;
        if let Some(bar) = bar {
            bar.finish_and_clear();
        }
        let nothing_worked = report.failed > 0 && report.made + report.duplicates + report.elsewhere == 0;
        if nothing_worked || (report.left > 0 && options.stop.is_stopped()) {
            code = ExitCode::from(3);
        }
        text += &summary(pool, &report);
        documents.push(document(pool, &report));
    }
    out.show(&documents, || text)?;
    Ok(code)
}

fn watch(jobs: &[Job], shows: bool, out: &Output) -> Result<ExitCode, Failure> {
    thread::scope(|scope| {
        for Job { pool, generator, options } in jobs {
            scope.spawn(move || {
                // Bars of several pools would draw over each other.
                let bar = (shows && jobs.len() == 1).then(bar);
                pool.fill(&**generator, &told(options, bar.as_ref()), |report| {
                    let shown = out.show(&document(pool, report), || summary(pool, report));
                    if shown.is_err() {
                        // Nobody listens any more.
                        options.stop.stop();
                    }
                });
                if let Some(bar) = bar {
                    bar.finish_and_clear();
                }
            });
        }
    });
    Ok(ExitCode::SUCCESS)
}

/// With a bar that shows how far a round is.
fn told(options: &Accumulate, bar: Option<&ProgressBar>) -> Accumulate {
    let Some(bar) = bar.cloned() else { return options.clone() };
    options.clone().progress(move |&Progress { planned, done, failed, .. }| {
        bar.set_length(planned);
        bar.set_position(done);
        if failed > 0 {
            bar.set_message(format!("{failed} failed"));
        }
    })
}

fn bar() -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len} entries, {eta} left  {msg}");
    ProgressBar::new(0).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

fn summary(pool: &Pool, report: &Report) -> String {
    let name = pool.name();
    let next = match report.retry_at.map_or(report.next, |at| at.min(report.next)) {
        0 => "now".to_owned(),
        at => format!("at {}", moment(at)),
    };
    if report.planned == 0 {
        return format!("{name}: nothing is due; next {next}\n");
    }
    let mut text = format!("{name}: {} made", report.made);
    for (count, what) in [
        (report.duplicates, "there already"),
        (report.failed, "failed"),
        (report.elsewhere, "made by others"),
        (report.left, "left"),
        (report.pruned, "old ones pruned"),
    ] {
        if count > 0 {
            text += &format!(", {count} {what}");
        }
    }
    text + &format!("; next {next}\n")
}

fn document(pool: &Pool, report: &Report) -> serde_json::Value {
    json!({
        "pool": pool.name(),
        "generation_id": report.generation,
        "began": report.began,
        "planned": report.planned,
        "calls": report.calls,
        "made": report.made,
        "duplicates": report.duplicates,
        "failed": report.failed,
        "failed_combinations": report.failed_combinations,
        "elsewhere": report.elsewhere,
        "left": report.left,
        "pruned": report.pruned,
        "retry_at": report.retry_at.map(due),
        "next_generation": moment(report.next),
    })
}
