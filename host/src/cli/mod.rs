//! The command line: one file for each family of commands.
//!
//! Exit codes: 0 done or hit; 1 absent; 2 usage or configuration; 3 the store or another process said no. `run` passes
//! on the command's own code. Values and answers go to stdout, everything else to stderr.

mod advice;
mod entry;
mod failure;
mod invalidate;
mod key;
mod listing;
mod output;
mod pools;
mod predict;
mod prefetch;
#[cfg(feature = "repo-map")]
mod repo_map;
mod run;
#[cfg(feature = "serve")]
mod serve;
mod settings;
mod signals;
mod simulate;
mod units;
mod upkeep;

use std::io::{IsTerminal, stderr};
use std::process::ExitCode;

use clap::{ArgAction, CommandFactory, Parser, Subcommand};
use larder::Cache;

use failure::Failure;
use output::Output;
use settings::{Flags, Settings};

/// A cache you can carry: results you would otherwise compute twice.
#[derive(Debug, Parser)]
#[command(name = "larder", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    /// Print one JSON document
    #[arg(long, global = true)]
    json: bool,

    /// Say more on stderr; twice for even more
    #[arg(short, long, global = true, action = ArgAction::Count)]
    verbose: u8,

    /// Say nothing on stderr but errors
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,

    #[command(flatten)]
    flags: Flags,

    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str =
    "Exit codes: 0 done or hit, 1 absent, 2 usage or configuration, 3 the store or another process said no.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Store an entry: VALUE, a file, or standard input
    Set(entry::SetArgs),
    /// Print an entry's value, byte for byte
    Get(entry::GetArgs),
    /// Say whether an entry is there, by the exit code
    Exists(entry::KeyArgs),
    /// Print how long an entry stays fresh
    Ttl(entry::KeyArgs),
    /// Give an entry a new time to live, or restart its idle time-out
    Touch(entry::TouchArgs),
    /// Remove entries
    Delete(entry::DeleteArgs),
    /// Print all that is known of an entry but its value
    Inspect(entry::KeyArgs),
    /// List entries of the namespace
    List(listing::ListArgs),
    /// Make entries invalid by what they have in common; those written later are not touched
    Invalidate(invalidate::InvalidateArgs),
    /// Print what the cache holds and takes; with --advice, what another size or policy would bring
    Stats,
    /// Run a command, or replay what it printed and returned the last time
    Run(run::RunArgs),
    /// Fill pools by a plan: what is due now, or as it becomes due
    Accumulate(pools::AccumulateArgs),
    /// Print a variant of a pool, drawn at random
    Pick(pools::PickArgs),
    /// What is in pools: list, show, stats, clear, regenerate
    #[command(subcommand)]
    Pools(pools::PoolsCommand),
    /// Fetch results before they are asked for: queue them, and work the queue off
    #[command(subcommand)]
    Prefetch(prefetch::PrefetchCommand),
    /// Print what is asked for after a key, and how likely; learnt from reads with --learn
    Predict(predict::PredictArgs),
    /// Remove entries past their time and give disk space back
    Cleanup,
    /// Empty the namespace that was named, or everything if none was. Always works
    Clear,
    /// Look at every record and report damage; with --repair, mend it
    Verify(upkeep::VerifyArgs),
    /// Write all entries to a snapshot file (- is stdout)
    Export(upkeep::FileArgs),
    /// Store the entries of a snapshot file (- is stdin)
    Import(upkeep::FileArgs),
    /// Replay traces of requests: what caches of these policies and sizes would have hit
    Simulate(simulate::SimulateArgs),
    /// Make a key from what a result depends on
    Key(key::KeyCommand),
    /// Print a map of the sources in a directory: the definitions that others refer to most, within a budget of tokens
    #[cfg(feature = "repo-map")]
    RepoMap(repo_map::RepoMapArgs),
    /// Serve over HTTP, until a signal ends it: the demo page at /demo
    #[cfg(feature = "serve")]
    Serve(serve::ServeArgs),
    /// Print the settings in force and where each comes from
    Config(upkeep::ConfigArgs),
    /// Write the WebAssembly component, or print its interface
    Component(upkeep::ComponentArgs),
}

pub(crate) fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            // Help and version are not errors, and a closed pipe is nobody's fault.
            let _ = e.print();
            return ExitCode::from(if e.use_stderr() { 2 } else { 0 });
        }
    };
    log_to_stderr(cli.verbose, cli.quiet);
    match execute(cli) {
        Ok(code) => code,
        Err(failure) => {
            failure.report();
            failure.code()
        }
    }
}

fn log_to_stderr(verbose: u8, quiet: bool) {
    let level = match (quiet, verbose) {
        (true, _) => tracing::Level::ERROR,
        (false, 0) => tracing::Level::WARN,
        (false, 1) => tracing::Level::INFO,
        (false, 2) => tracing::Level::DEBUG,
        (false, _) => tracing::Level::TRACE,
    };
    let colour = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
    tracing_subscriber::fmt()
        .with_max_level(level)
        .with_writer(stderr)
        .with_ansi(colour)
        .with_target(false)
        .without_time()
        .init();
}

fn execute(cli: Cli) -> Result<ExitCode, Failure> {
    let out = Output::new(cli.json);
    // These need neither settings nor a directory.
    match cli.command {
        Command::Component(args) => return upkeep::component(&args, &out),
        Command::Simulate(args) => return simulate::simulate(&args, &out),
        Command::Key(args) => return key::key(args, &out),
        #[cfg(feature = "serve")]
        Command::Serve(args) => return serve::serve(args, &out),
        Command::Config(upkeep::ConfigArgs { completions: Some(shell), .. }) => {
            return upkeep::completions(shell, Cli::command());
        }
        Command::Config(upkeep::ConfigArgs { man: true, .. }) => return upkeep::man(Cli::command()),
        _ => {}
    }
    let settings = Settings::gather(&cli.flags)?;
    let open = || -> Result<Cache, Failure> { Ok(settings.builder()?.open()?) };
    match cli.command {
        Command::Set(args) => entry::set(&open()?, settings.durability()?, args, &out),
        Command::Get(args) => entry::get(&open()?, &args, &out),
        Command::Exists(args) => entry::exists(&open()?, &args, &out),
        Command::Ttl(args) => entry::ttl(&open()?, &args, &out),
        Command::Touch(args) => entry::touch(&open()?, &args, &out),
        Command::Delete(args) => entry::delete(&open()?, &args, &out),
        Command::Inspect(args) => entry::inspect(&open()?, &args, &out),
        Command::List(args) => listing::list(&open()?, &args, &out),
        Command::Invalidate(args) => invalidate::invalidate(&open()?, &args, &out),
        Command::Stats => listing::stats(&open()?, &settings, &out),
        Command::Run(args) => run::run(&settings, args),
        Command::Accumulate(args) => pools::accumulate(&settings, &args, cli.quiet, &out),
        Command::Pick(args) => pools::pick(&open()?, &settings, &args, &out),
        Command::Pools(command) => pools::pools(&open()?, &command, &out),
        #[cfg(feature = "repo-map")]
        Command::RepoMap(args) => repo_map::repo_map(&settings, &args, cli.quiet, &out),
        Command::Prefetch(command) => prefetch::prefetch(&open()?, command, &out),
        Command::Predict(args) => predict::predict(&open()?, &args, &out),
        Command::Cleanup => upkeep::cleanup(&open()?, &out),
        Command::Clear => upkeep::clear(&settings, &out),
        Command::Verify(args) => upkeep::verify(&open()?, &args, &out),
        Command::Export(args) => upkeep::export(&open()?, &args, &out),
        Command::Import(args) => upkeep::import(&open()?, &args, &out),
        Command::Config(_) => upkeep::config(&settings, &out),
        #[cfg(feature = "serve")]
        Command::Serve(_) => unreachable!("handled above"),
        Command::Component(_) | Command::Simulate(_) | Command::Key(_) => unreachable!("handled above"),
    }
}
