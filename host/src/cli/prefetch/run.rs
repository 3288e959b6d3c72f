//! Fetching what is queued, by commands.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use larder::config::span;
use larder::generate::{Command, Failure as NotMade, FailureKind, Stop, Variant};
use larder::prefetch::{Fetcher, Prefetches, Queued, Report, Work};
use serde_json::json;

use super::super::entry::EntryArgs;
use super::super::output::Output;
use super::super::signals;
use super::Failure;
use super::job::Job;

#[derive(Debug, Args)]
pub(in super::super) struct RunArgs {
    /// Fetch one batch of what is ready, and end
    #[arg(long)]
    once: bool,
    /// Items of a batch
    #[arg(long, value_name = "N", default_value_t = 10)]
    batch: u32,
    /// How long after the beginning of a batch the next one begins
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "1s")]
    every: Duration,
    /// Items that are fetched at a time
    #[arg(long, value_name = "N", default_value_t = 4)]
    concurrency: usize,
    /// How long a command may take
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "30s")]
    timeout: Duration,
    /// How long after a failure an item is tried again; it is given up after the third
    #[arg(long, value_name = "TIME", value_parser = span, default_value = "30s")]
    retry: Duration,
    #[command(flatten)]
    entry: EntryArgs,
    /// The command that prints the value of a key that has none of its own. LARDER_KEY is in its environment
    #[arg(last = true, value_name = "CMD")]
    command: Vec<String>,
}

/// Runs the command of an item, or else the one for all.
struct Commands {
    own: Option<Command>,
    timeout: Duration,
}

impl Fetcher for Commands {
    fn fetch(&self, item: &Queued, stop: &Stop) -> Result<Variant, NotMade> {
        let job = Job::decode(&item.payload);
        match (job.command(), &self.own) {
            (Some(command), _) => {
                let command = Command::new(command, job.directory()).timeout(self.timeout);
                Fetcher::fetch(&command, item, stop)
            }
            (None, Some(command)) => Fetcher::fetch(command, item, stop),
            (None, None) => {
                let message = "it was queued without a command; give one behind larder prefetch run --";
                Err(NotMade::new(FailureKind::NotStarted, message))
            }
        }
    }
}

pub(super) fn run(queue: &Prefetches, args: RunArgs, out: &Output) -> Result<ExitCode, Failure> {
    let stop = Stop::new().map_err(Failure::io("make a pipe"))?;
    signals::listen(&stop)?;
    let own = (!args.command.is_empty()).then(|| Command::new(args.command, ".").timeout(args.timeout));
    let fetcher = Commands { own, timeout: args.timeout };
    let work = Work::new()?
        .batch(args.batch)
        .every(args.every)
        .concurrency(args.concurrency)
        .retry(args.retry)
        // Nobody else takes what may still be under way.
        .lease(args.timeout.saturating_add(Duration::from_secs(30)))
        .options(args.entry.options()?)
        .stop(&stop);
    if args.once {
        let report = queue.run(&fetcher, &work)?;
        tell(&report, out)?;
        let nothing_worked = !report.failed.is_empty() && report.fetched == 0;
        return Ok(ExitCode::from(if nothing_worked { 3 } else { 0 }));
    }
    queue.serve(&fetcher, &work, |report| {
        if tell(report, out).is_err() {
            // Nobody listens any more.
            stop.stop();
        }
    });
    Ok(ExitCode::SUCCESS)
}

fn tell(report: &Report, out: &Output) -> Result<(), Failure> {
    let failed: Vec<_> = report
        .failed
        .iter()
        .map(|(key, reason)| json!({ "key": String::from_utf8_lossy(key), "reason": reason }))
        .collect();
    let document = json!({
        "taken": report.taken, "fetched": report.fetched, "unneeded": report.unneeded, "failed": failed,
        "next": report.next,
    });
    out.show(&document, || {
        if report.taken == 0 {
            return "nothing is ready\n".to_owned();
        }
        let mut text = format!("fetched {}", report.fetched);
        if report.unneeded > 0 {
            text += &format!(", {} were there", report.unneeded);
        }
        if !report.failed.is_empty() {
            text += &format!(", {} failed", report.failed.len());
        }
        text + "\n"
    })
}
