//! `repo-map`: what a repository's sources define, ranked by who refers to it, within a budget of tokens.
//!
//! Each step is cached through a typed cache, in the namespaces `tags`, `maps` and `trees`: a map of files that have not changed
//! is one entry; else what each file defines and refers to is known for all files but those that changed, and so are
//! the lines that are shown. What goes wrong with the cache is logged, and costs time only.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `walk` | the files of a directory, and their texts |
//! | `language`, `queries/` | what is looked for in which language |
//! | `extract` | definitions and references of a text |
//! | `symbols` | those of all files, from the cache or parsed |
//! | `rank` | which matter most |
//! | `render` | the text of a map |

mod extract;
mod language;
mod rank;
mod render;
mod symbols;
mod walk;

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

use clap::Args;
use larder::typed::{LookedAt, MapKey, RepositoryCaches};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::failure::Failure;
use super::output::Output;
use super::settings::Settings;
use extract::Symbols;
use rank::Interest;
use render::{Rendered, Renderer, tokens};
use walk::{Skipped, Source, walk};

#[derive(Debug, Args)]
pub(super) struct RepoMapArgs {
    /// Directory of the sources; .gitignore counts, links are not followed
    #[arg(id = "sources", default_value = ".", value_name = "DIR")]
    dir: PathBuf,
    /// Budget of the map; a token is taken for 4 bytes
    #[arg(long, default_value_t = 1024, value_name = "N")]
    tokens: u64,
    /// A file that is known already: it is left out of the map, and what it refers to matters more
    #[arg(long, value_name = "FILE")]
    chat: Vec<PathBuf>,
    /// A file name that was mentioned: what such files refer to matters more
    #[arg(long, value_name = "NAME")]
    mention_file: Vec<String>,
    /// An identifier that was mentioned: its definitions matter more
    #[arg(long, value_name = "NAME")]
    mention: Vec<String>,
    /// Files that are parsed at the same time [default: as many as there are processors]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// Print how the caches did to stderr; with --json it is part of the document
    #[arg(long)]
    caches: bool,
}

/// A map as it is cached.
#[derive(Debug, Serialize, Deserialize)]
struct Map {
    text: String,
    /// Files and definitions that it shows.
    ranked: usize,
    definitions: usize,
    /// What could not be parsed.
    skipped: Vec<Skipped>,
}

type Caches = RepositoryCaches<Symbols, Map>;

pub(super) fn repo_map(
    settings: &Settings,
    args: &RepoMapArgs,
    quiet: bool,
    out: &Output,
) -> Result<ExitCode, Failure> {
    let began = Instant::now();
    if !args.dir.is_dir() {
        return Err(Failure::Usage(format!("{} is no directory; name one with sources in it", args.dir.display())));
    }
    let jobs = args.jobs.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from)).clamp(1, 64);
    let cache = settings.builder()?.shards(jobs).open()?;
    let caches = Caches::new(&cache)?.version(extract::VERSION << 16 | render::VERSION);
    let (sources, mut skipped) = walk(&args.dir);
    let chat: BTreeSet<PathBuf> = args.chat.iter().map(|path| absolute(path)).collect::<Result<_, _>>()?;
    let looked_at = look(&caches, args, &sources, &chat);
    let known = looked_at.as_ref().and_then(|key| {
        caches.maps.get_looked_at(key).unwrap_or_else(|e| {
            tracing::warn!("the map is made anew: {e}");
            None
        })
    });
    let from_cache = known.is_some();
    let (map, parsed) = match known {
        Some(map) => (map, 0),
        None => {
            let (map, parsed) = make(&caches, args, &sources, &chat, jobs, quiet || out.is_json())?;
            if let Some(Err(e)) = looked_at.map(|key| caches.maps.set(&key, &map)) {
                tracing::warn!("the map is not kept: {e}");
            }
            (map, parsed)
        }
    };
    skipped.extend(map.skipped.iter().cloned());
    skipped.iter().filter(|_| !out.is_json()).for_each(|Skipped { path, reason }| tracing::info!("{path}: {reason}"));
    if !skipped.is_empty() && !out.is_json() && !quiet {
        let were = if skipped.len() == 1 { "file was" } else { "files were" };
        eprintln!("{} {were} passed over; -v says why", skipped.len());
    }
    let figures = args.caches.then(|| caches.figures()).transpose()?;
    if let Some(figures) = figures.filter(|_| !out.is_json()) {
        eprint!("{figures}");
    }
    let document = json!({
        "directory": args.dir.to_string_lossy(),
        "files": sources.len(),
        "parsed": parsed,
        "from_cache": sources.len() - parsed - map.skipped.len(),
        "map_from_cache": from_cache,
        "skipped": skipped,
        "ranked": map.ranked,
        "definitions": map.definitions,
        "tokens": tokens(&map.text),
        "max_tokens": args.tokens,
        "took_ms": began.elapsed().as_secs_f64() * 1e3,
        "caches": figures,
        "map": map.text,
    });
    out.show(&document, || map.text.clone())?;
    Ok(ExitCode::SUCCESS)
}

/// Looks at all files, for the map's key; `None`, with a warning, where there are too many for one.
fn look(caches: &Caches, args: &RepoMapArgs, sources: &[Source], chat: &BTreeSet<PathBuf>) -> Option<LookedAt> {
    let key = MapKey {
        chat_files: chat.clone(),
        other_files: sources.iter().map(|source| source.path.clone()).collect(),
        max_tokens: args.tokens,
        mentioned_names: args.mention_file.iter().cloned().collect(),
        mentioned_identifiers: args.mention.iter().cloned().collect(),
        // Names in the map begin here.
        context: args.dir.to_string_lossy().into_owned(),
    };
    let looked_at = caches.maps.look(&key);
    looked_at.inspect_err(|e| tracing::warn!("the map is made without its cache: {e}")).ok()
}

fn make(
    caches: &Caches,
    args: &RepoMapArgs,
    sources: &[Source],
    chat: &BTreeSet<PathBuf>,
    jobs: usize,
    silent: bool,
) -> Result<(Map, usize), Failure> {
    let found = symbols::of(&caches.tags, sources, jobs, silent)?;
    let (files, symbols): (Vec<&Source>, Vec<&Symbols>) =
        sources.iter().zip(&found.symbols).filter_map(|(source, found)| Some((source, found.as_ref()?))).unzip();
    let in_chat = files.iter().map(|source| Ok(chat.contains(&absolute(&source.path)?)));
    let in_chat = in_chat.collect::<Result<Vec<bool>, Failure>>()?;
    let is_mentioned = |source: &Source| args.mention_file.iter().any(|name| source.is_named(name));
    let likely: Vec<bool> = files.iter().zip(&in_chat).map(|(source, chat)| *chat || is_mentioned(source)).collect();
    let mentioned = args.mention.iter().map(String::as_str).collect();
    let interest = Interest { likely: &likely, known: &in_chat, mentioned };
    let ranked = rank::rank(&symbols, &interest, render::most(args.tokens));
    let read = RefCell::new(HashMap::new());
    let renderer = Renderer { sources: &files, symbols: &symbols, trees: &caches.trees, read };
    let Rendered { text, files: ranked, definitions } = renderer.fit(&ranked, args.tokens);
    Ok((Map { text, ranked, definitions, skipped: found.skipped }, found.parsed))
}

fn absolute(path: &Path) -> Result<PathBuf, Failure> {
    std::path::absolute(path).map_err(Failure::io(format!("find {}", path.display())))
}
