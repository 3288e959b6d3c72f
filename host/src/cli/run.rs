//! `run`: a command's stdout, stderr and exit code, from the cache or by running it once.

mod child;
mod key;
mod recording;

use std::ffi::OsString;
use std::io::{IsTerminal, Read, stdin};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::Args;
use larder::{Cache, SetOptions};

use super::entry::EntryArgs;
use super::failure::Failure;
use super::settings::Settings;
use super::units::span;
use recording::Recording;

const CONTENT_TYPE: &str = "application/vnd.larder.run";

#[derive(Debug, Args)]
pub(super) struct RunArgs {
    #[command(flatten)]
    entry: EntryArgs,
    /// An environment variable that the result depends on; may be repeated
    #[arg(long = "env", value_name = "VAR")]
    env: Vec<String>,
    /// The result depends on standard input, which is passed on to the command
    #[arg(long)]
    stdin: bool,
    /// Cache failures too
    #[arg(long)]
    cache_failures: bool,
    /// Time to live of failures
    #[arg(long, value_name = "TIME", value_parser = span, requires = "cache_failures", default_value = "1m")]
    failure_ttl: Duration,
    /// Run the command even if its result is there, and store the new one
    #[arg(long)]
    refresh: bool,
    /// The command and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(super) fn run(settings: &Settings, args: RunArgs) -> Result<ExitCode, Failure> {
    let input = if args.stdin {
        let mut input = Vec::new();
        stdin().lock().read_to_end(&mut input).map_err(Failure::io("read standard input"))?;
        Some(input)
    } else {
        None
    };
    let keyed = key::of(&args.command, &args.env, args.entry.dependencies(), input.as_deref());
    let opened = keyed.and_then(|key| Ok((key, settings.builder()?.open()?)));
    let (key, cache) = match opened {
        Ok(opened) => opened,
        // A cache that does not work must not keep the command from running.
        Err(e) => {
            tracing::warn!("running without a cache: {e}");
            let child = child::run(&args.command, input, 0)?;
            return Ok(ExitCode::from(child.recording.code()));
        }
    };
    if !args.refresh
        && let Some(recording) = find(&cache, &key)?
    {
        return replay(&recording);
    }
    // Whoever runs the same command now is waited for, and its result taken.
    let lease = cache.lease(&key).unwrap_or_else(|e| {
        tracing::warn!("running although another process may be doing the same: {e}");
        None
    });
    // Asked first without counting a read: the miss has been counted.
    if !args.refresh
        && cache.contains(&key)?
        && let Some(recording) = find(&cache, &key)?
    {
        return replay(&recording);
    }
    // Before the command reads them.
    let options = args.entry.options()?;
    let began = Instant::now();
    let limit = settings.max_entry_size()?;
    let child = child::run(&args.command, input, limit)?;
    let code = child.recording.code();
    if !child.is_whole {
        tracing::info!("not cached: the output was not taken in full, or a signal ended the command");
    } else if code == 0 || args.cache_failures {
        let mut options = options
            .content_type(CONTENT_TYPE)
            .metadata("command", key::readable(&args.command))
            .metadata("duration-ms", began.elapsed().as_millis().to_string());
        if code != 0 {
            options = options.ttl(args.failure_ttl);
        }
        store(&cache, &key, &child.recording, &options);
    }
    drop(lease);
    Ok(ExitCode::from(code))
}

fn find(cache: &Cache, key: &[u8]) -> Result<Option<Recording>, Failure> {
    let hit = cache.lookup(key)?.filter(|hit| !hit.is_stale && hit.content_type == CONTENT_TYPE);
    Ok(hit.and_then(|hit| Recording::decode(hit.value)))
}

fn replay(recording: &Recording) -> Result<ExitCode, Failure> {
    recording.replay().map_err(Failure::io("write the output"))?;
    Ok(ExitCode::from(recording.code()))
}

fn store(cache: &Cache, key: &[u8], recording: &Recording, options: &SetOptions) {
    if let Err(e) = cache.set_with(key, recording.encoded(), options) {
        tracing::warn!("the result was not cached: {e}");
    }
}

/// Whether the command may talk to a person: only then does it get our standard input without `--stdin`.
fn is_interactive() -> bool {
    stdin().is_terminal()
}
