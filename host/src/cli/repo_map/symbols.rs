//! The symbols of all files: from the cache, and for those that changed by parsing them, several at a time.

use std::io::{IsTerminal, stderr};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use larder::typed::{Outcome, Progress, TagCache, Warmer};
use larder::{Dependency, Written};

use super::super::failure::Failure;
use super::extract::{self, Symbols};
use super::walk::{Skipped, Source, read};

/// How often people are shown how far it is.
const INTERVAL: Duration = Duration::from_millis(100);

/// What is known of files.
#[derive(Debug)]
pub(super) struct Found {
    /// In the order of the files; none for what was passed over.
    pub(super) symbols: Vec<Option<Symbols>>,
    pub(super) skipped: Vec<Skipped>,
    pub(super) parsed: usize,
}

/// The symbols of all files.
pub(super) fn of(tags: &TagCache<Symbols>, sources: &[Source], jobs: usize, silent: bool) -> Result<Found, Failure> {
    let mut symbols = known(tags, sources, jobs);
    let missing: Vec<(usize, Source)> =
        sources.iter().cloned().enumerate().filter(|(place, _)| symbols[*place].is_none()).collect();
    let bar = bar(missing.len(), silent);
    let tags = tags.clone();
    let parsing = Warmer::new().workers(jobs).start(missing, move |(_, source)| parse(&tags, source))?;
    let outcomes = parsing.wait_showing(INTERVAL, |Progress { ended, .. }| bar.set_position(ended as u64));
    bar.finish_and_clear();
    let (mut skipped, mut parsed, mut not_kept) = (Vec::new(), 0, Vec::new());
    for warmed in outcomes {
        let (place, source) = warmed.item;
        let reason = match warmed.outcome {
            Outcome::Done((found, kept)) => {
                symbols[place] = Some(found);
                parsed += 1;
                not_kept.extend(kept.err());
                continue;
            }
            Outcome::Failed(reason) => reason,
            Outcome::Panicked(message) => format!("parsing it failed: {message}"),
            Outcome::Cancelled => "it was not come to".into(),
        };
        skipped.push(Skipped { path: source.name, reason });
    }
    if let Some(e) = not_kept.first() {
        tracing::warn!("what {} files define is not kept and has to be found again: {e}", not_kept.len());
    }
    Ok(Found { symbols, skipped, parsed })
}

/// What the cache knows, asked by as many threads as there are jobs.
fn known(tags: &TagCache<Symbols>, sources: &[Source], jobs: usize) -> Vec<Option<Symbols>> {
    let part = |sources: &[Source]| {
        tags.get_many(sources.iter().map(|source| &source.path)).unwrap_or_else(|e| {
            tracing::warn!("files are parsed anew: {e}");
            sources.iter().map(|_| None).collect()
        })
    };
    let size = sources.len().div_ceil(jobs).max(1);
    std::thread::scope(|scope| {
        let parts: Vec<_> = sources.chunks(size).map(|sources| (sources, scope.spawn(|| part(sources)))).collect();
        let nothing = |sources: &[Source]| sources.iter().map(|_| None).collect::<Vec<_>>();
        parts.into_iter().flat_map(|(sources, part)| part.join().unwrap_or_else(|_| nothing(sources))).collect()
    })
}

/// Parses a file and keeps what is found, if that can be. What it was like is looked at first.
fn parse(tags: &TagCache<Symbols>, source: &Source) -> Result<(Symbols, larder::Result<Written>), String> {
    let seen = Dependency::file(&source.path).map_err(|e| e.to_string())?;
    let symbols = extract::symbols(source.language, &read(&source.path)?)?;
    let kept = tags.set(&source.path, &symbols, seen);
    Ok((symbols, kept))
}

fn bar(files: usize, silent: bool) -> ProgressBar {
    // A few files are done before anybody has read that they are being done.
    if silent || files < 100 || !stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("parsing {bar:40} {pos}/{len} {eta}");
    ProgressBar::new(files as u64).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}
