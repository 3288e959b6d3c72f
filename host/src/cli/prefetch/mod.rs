//! `prefetch`: queueing results to be fetched before they are asked for, and fetching them.

mod job;
mod run;

use std::io::{BufRead, stdin};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::{Args, Subcommand};
use larder::Cache;
use larder::keys::Keys;
use larder::prefetch::{Prefetches, Queued, Wanted};
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::output::{Output, put_bytes};
use super::units::show_span;
use job::Job;

const ABSENT: u8 = 1;

#[derive(Debug, Subcommand)]
pub(super) enum PrefetchCommand {
    /// Queue keys to be fetched
    Add(AddArgs),
    /// Print what is queued, the next first
    List(ListArgs),
    /// Fetch what is queued: the first 10 every second, until a signal ends it
    Run(run::RunArgs),
    /// Take keys out of the queue
    Remove {
        /// The keys
        #[arg(required = true, value_name = "KEY")]
        keys: Vec<String>,
    },
    /// Take everything out of the queue
    Clear,
    /// Print the queue in numbers, and how much of what was fetched was asked for
    Stats,
}

#[derive(Debug, Args)]
pub(super) struct AddArgs {
    /// The keys; - reads them from standard input, one a line, each with a priority behind a tab if it has its own
    #[arg(required = true, value_name = "KEY")]
    keys: Vec<String>,
    /// How much they are wanted, 0 to 1
    #[arg(long, value_name = "P", value_parser = priority, default_value_t = 0.5)]
    priority: f64,
    /// A parameter: then KEY is an endpoint, and the key is made of both as larder key endpoint does; may be repeated
    #[arg(long = "param", value_name = "K=V", value_parser = pair)]
    parameters: Vec<(String, String)>,
    /// The command that prints the value, run in this directory; without one, that of larder prefetch run
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct ListArgs {
    /// Items at most
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    limit: u32,
}

/// A number from 0 to 1.
pub(super) fn priority(given: &str) -> Result<f64, String> {
    let number = given.parse().ok().filter(|number| (0.0..=1.0).contains(number));
    number.ok_or_else(|| format!("{given:?} is no number from 0 to 1"))
}

fn pair(given: &str) -> Result<(String, String), String> {
    let pair = given.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    pair.ok_or_else(|| format!("{given:?} is no pair; write NAME=VALUE"))
}

pub(super) fn prefetch(cache: &Cache, command: PrefetchCommand, out: &Output) -> Result<ExitCode, Failure> {
    let queue = cache.prefetches()?;
    match command {
        PrefetchCommand::Add(args) => add(&queue, args, out),
        PrefetchCommand::List(args) => list(&queue, &args, out),
        PrefetchCommand::Run(args) => run::run(&queue, args, out),
        PrefetchCommand::Remove { keys } => {
            let removed = queue.remove(&keys)?;
            out.show(&json!({ "removed": removed }), || format!("removed {removed}\n"))?;
            Ok(ExitCode::from(if removed == 0 { ABSENT } else { 0 }))
        }
        PrefetchCommand::Clear => {
            let removed = queue.clear()?;
            out.show(&json!({ "removed": removed }), || format!("removed {removed}\n"))?;
            Ok(ExitCode::SUCCESS)
        }
        PrefetchCommand::Stats => stats(cache, &queue, out),
    }
}

fn add(queue: &Prefetches, args: AddArgs, out: &Output) -> Result<ExitCode, Failure> {
    let keys = Keys::new()?;
    let mut wanted = Vec::new();
    for (key, priority) in named(args.keys, args.priority)? {
        let mut job = Job::new(args.command.clone())?;
        let key = match args.parameters.is_empty() {
            true => key,
            false => {
                let made = keys.endpoint(&key, args.parameters.clone())?;
                job = job.endpoint(key, &args.parameters);
                made.as_str().to_owned()
            }
        };
        wanted.push(Wanted::new(key).priority(priority).payload(job.encode()));
    }
    let queued = queue.push_all(wanted)?;
    out.show(&queued, || {
        let mut text = format!("queued {}", queued.added);
        if queued.merged > 0 {
            text += &format!(", {} were queued already", queued.merged);
        }
        if queued.dropped > 0 {
            text += &format!(", {} had no room", queued.dropped);
        }
        text + "\n"
    })?;
    Ok(ExitCode::SUCCESS)
}

/// Keys with priorities, from the arguments and, for `-`, from standard input.
fn named(given: Vec<String>, priority: f64) -> Result<Vec<(String, f64)>, Failure> {
    let mut all = Vec::new();
    for key in given {
        if key != "-" {
            all.push((key, priority));
            continue;
        }
        for line in stdin().lock().lines() {
            let line = line.map_err(Failure::io("read standard input"))?;
            match line.rsplit_once('\t') {
                Some((key, own)) => all.push((key.to_owned(), self::priority(own).map_err(Failure::Usage)?)),
                None if line.is_empty() => {}
                None => all.push((line, priority)),
            }
        }
    }
    Ok(all)
}

fn list(queue: &Prefetches, args: &ListArgs, out: &Output) -> Result<ExitCode, Failure> {
    let items = queue.items(args.limit)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64);
    out.show(&items.iter().map(document).collect::<Vec<_>>(), || items.iter().map(|item| line(item, now)).collect())?;
    Ok(ExitCode::SUCCESS)
}

fn document(item: &Queued) -> Map<String, Value> {
    let mut document = Map::new();
    put_bytes(&mut document, "key", &item.key);
    document.insert("priority".into(), json!(item.priority));
    document.insert("command".into(), json!(Job::decode(&item.payload).command()));
    document.insert("since".into(), json!(item.since));
    document.insert("waits".into(), json!(item.waits));
    document.insert("attempts".into(), json!(item.attempts));
    document.insert("reason".into(), json!(item.reason));
    document
}

fn line(item: &Queued, now: u64) -> String {
    let mut text = format!("{:4.2}  {}", item.priority, item.key_text());
    if item.waits > now {
        text += &format!("  waits for {}", show_span(item.waits - now));
    }
    if !item.reason.is_empty() {
        text += &format!("  failed: {}", item.reason);
    }
    text + "\n"
}

fn stats(cache: &Cache, queue: &Prefetches, out: &Output) -> Result<ExitCode, Failure> {
    let figures = queue.figures()?;
    let counted = cache.lifetime()?.namespaces.get(queue.namespace()).copied().unwrap_or_default();
    let (prefetched, hits, rate) = (counted.prefetched, counted.prefetch_hits, counted.prefetch_hit_rate());
    let document = json!({
        "queue": figures, "prefetched": prefetched, "prefetch_hits": hits, "prefetch_hit_rate": rate,
    });
    out.show(&document, || {
        format!(
            "queued        {} ({} ready)\nrequests      {} ({} for what was queued already)\nfetched       {}\n\
             unneeded      {}\nfailures      {} ({} given up)\nwithout room  {}\nasked for     {hits} of {prefetched} ({rate:.1} %)\n",
            figures.length,
            figures.ready,
            figures.requests,
            figures.merged,
            figures.fetched,
            figures.unneeded,
            figures.failures,
            figures.given_up,
            figures.dropped,
        )
    })?;
    Ok(ExitCode::SUCCESS)
}
