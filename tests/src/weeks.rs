//! The pool of the Code Cache document through weeks of virtual time, with snippets cut from real sources.
//!
//! Its plan has 26 languages, 3 difficulties and 3 lengths. Of most languages a machine that builds Larder has no sources:
//! they get snippets in Rust, which other languages have none of; what a pool does with variants is the same.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use larder::Cache;
use larder::generate::Command;
use larder::pools::{Accumulate, Plan, Pool};

/// The languages.
pub const LANGUAGES: [&str; 26] = [
    "c",
    "clojure",
    "cpp",
    "csharp",
    "css",
    "dart",
    "elixir",
    "go",
    "haskell",
    "html",
    "java",
    "javascript",
    "kotlin",
    "matlab",
    "objectivec",
    "perl",
    "php",
    "python",
    "r",
    "ruby",
    "rust",
    "scala",
    "shell",
    "sql",
    "swift",
    "typescript",
];

/// Files of each ending that are listed at most.
const FILES: usize = 2_000;
/// Longer files take long to read.
const LONGEST: u64 = 200_000;

const DAY: u64 = 86_400_000;
const WEEK: u64 = 7 * DAY;

/// What the document says of the weeks 1 to 4: entries, and the chance that a repeated call is answered otherwise.
pub const DOCUMENT: [(u64, u32); 4] = [(702, 67), (1404, 83), (2106, 89), (2808, 92)];

/// The ending of the files that stand for a language.
#[must_use]
pub fn ending(language: &str) -> &'static str {
    match language {
        "c" => "c",
        "css" => "css",
        "html" => "html",
        "javascript" => "js",
        "perl" => "pl",
        "python" => "py",
        "shell" => "sh",
        "sql" => "sql",
        _ => "rs",
    }
}

/// Lists sources by ending, in a directory for `make-snippet`. Answers how many endings have files of their own; those of the
/// others are Rust.
///
/// # Panics
/// When there is no Rust source in the sources of crates, without which this could not have been built.
#[must_use]
pub fn list_sources(into: &Path) -> usize {
    let cargo = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let cargo = cargo.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cargo"))).unwrap_or_default();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for root in [cargo.join("registry/src"), "/usr/lib/python3".into(), "/usr/share/perl".into(), "/usr/include".into()]
    {
        walk(&root, &mut found);
    }
    let rust = found.get("rs").cloned().unwrap_or_default();
    assert!(!rust.is_empty(), "there are sources of crates in {}", cargo.display());
    let mut own = 0;
    let mut endings: Vec<_> = LANGUAGES.iter().map(|language| ending(language)).collect();
    endings.sort_unstable();
    endings.dedup();
    for ending in endings {
        // A handful of files would soon repeat.
        let files = found.get(ending).filter(|files| files.len() >= 20);
        own += usize::from(files.is_some());
        let listed = files.unwrap_or(&rust).join("\n");
        fs::write(into.join(format!("{ending}.list")), listed).expect("the list is written");
    }
    own
}

fn walk(directory: &Path, found: &mut BTreeMap<String, Vec<String>>) {
    let Ok(listing) = fs::read_dir(directory) else { return };
    let mut entries: Vec<_> = listing.flatten().collect();
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, Ok(kind)) = (entry.path(), entry.file_type()) else { continue };
        if kind.is_dir() {
            walk(&path, found);
            continue;
        }
        let (Some(ending), Some(name)) = (path.extension().and_then(|it| it.to_str()), path.to_str()) else { continue };
        let is_short = || entry.metadata().is_ok_and(|it| (400..LONGEST).contains(&it.len()));
        if LANGUAGES.iter().any(|language| self::ending(language) == ending) && kind.is_file() && is_short() {
            let files = found.entry(ending.to_owned()).or_default();
            if files.len() < FILES {
                files.push(name.to_owned());
            }
        }
    }
}

/// A week's end.
#[derive(Debug, Clone, Copy)]
pub struct Week {
    /// Variants.
    pub entries: u64,
    /// Percent of the combinations that have one.
    pub coverage: u32,
    /// Variants that were made and there already.
    pub duplicates: u64,
    /// Bytes of all files of the store.
    pub bytes_on_disk: u64,
    /// Of pairs of picks of one combination, the share that differ.
    pub different: f64,
    /// How often the generator was called since the beginning.
    pub calls: u64,
}

/// Fills the document's pool through four weeks, with a round each `interval`, by a program. `pairs` pairs of picks of each
/// combination are made at the end of each week.
///
/// # Panics
/// When anything of it fails.
#[must_use]
pub fn run(store: &Path, program: &Path, interval: Duration, pairs: u32) -> Vec<Week> {
    let clock = Arc::new(AtomicU64::new(1_750_000_000_000));
    let now = clock.clone();
    let cache = Cache::builder().directory(store).clock(move || now.load(Ordering::SeqCst)).open().expect("a store");
    let plan = Plan::new()
        .dimension("language", LANGUAGES)
        .dimension("difficulty", ["easy", "medium", "hard"])
        .dimension("lines", [10, 15, 20])
        .interval(interval);
    let pool = cache.define_pool("snippets", &plan).expect("a pool");
    let generator = Command::new([program.to_str().expect("text")], store.parent().expect("a directory"));
    let options = Accumulate::new().expect("a pipe");
    let every = interval.as_millis() as u64;
    let (began, mut calls, mut weeks) = (clock.load(Ordering::SeqCst), 0, Vec::new());
    let mut round = 0;
    for week in 1..=DOCUMENT.len() as u64 {
        while round * every < week * WEEK {
            clock.store(began + round * every, Ordering::SeqCst);
            let report = pool.accumulate(&generator, &options).expect("a round");
            assert_eq!((report.failed, report.left), (0, 0), "every snippet was made: {report:?}");
            calls += report.planned;
            round += 1;
        }
        clock.store(began + week * WEEK - 1, Ordering::SeqCst);
        let stats = pool.stats().expect("statistics");
        weeks.push(Week {
            entries: stats.cached_entries,
            coverage: stats.combination_coverage_percentage,
            duplicates: stats.duplicates,
            bytes_on_disk: bytes_below(store),
            different: different(&pool, pairs),
            calls,
        });
    }
    weeks
}

/// Of pairs of picks, the share that differ.
fn different(pool: &Pool, pairs: u32) -> f64 {
    let combinations = pool.combinations(&[], false).expect("combinations");
    let mut different = 0_u64;
    for combination in &combinations {
        let pick = || pool.pick(combination).expect("a pick").expect("a variant").value;
        different += (0..pairs).filter(|_| pick() != pick()).count() as u64;
    }
    different as f64 / (combinations.len() as f64 * f64::from(pairs))
}

fn bytes_below(directory: &Path) -> u64 {
    let entries = fs::read_dir(directory).expect("a directory").flatten();
    let size = |entry: fs::DirEntry| match entry.file_type() {
        Ok(kind) if kind.is_dir() => bytes_below(&entry.path()),
        _ => entry.metadata().map_or(0, |it| it.len()),
    };
    entries.map(size).sum()
}

/// The weeks beside what the document says, as Markdown.
#[must_use]
pub fn table(weeks: &[Week]) -> String {
    let mut text = "| week | entries (document) | coverage | duplicates | on disk | calls | different (document) |\n\
                    | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
        .to_owned();
    for (number, (week, (entries, percent))) in (1..).zip(weeks.iter().zip(DOCUMENT)) {
        let _ = writeln!(
            text,
            "| {number} | {} ({entries}) | {} % | {} | {:.2} MB | {} | {:.1} % ({percent} %) |",
            week.entries,
            week.coverage,
            week.duplicates,
            week.bytes_on_disk as f64 / 1e6,
            week.calls,
            week.different * 100.0
        );
    }
    text
}

/// The weeks as bars, the document's figures as lines across them.
#[must_use]
pub fn plot(weeks: &[Week]) -> String {
    let mut svg = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"560\" height=\"300\" viewBox=\"0 0 560 300\" \
                   font-family=\"sans-serif\" font-size=\"12\" fill=\"#222\">\n\
                   <title>The chance that a repeated call is answered otherwise, by week</title>\n\
                   <rect width=\"560\" height=\"300\" fill=\"#fff\"/>\n\
                   <text x=\"60\" y=\"24\">A repeated call is answered otherwise (bars; lines: the document)</text>\n"
        .to_owned();
    for percent in [0, 25, 50, 75, 100] {
        let y = 260.0 - f64::from(percent) * 2.2;
        let _ = writeln!(
            svg,
            "<path d=\"M60 {y}H540\" stroke=\"#ddd\"/><text x=\"22\" y=\"{:.0}\">{percent} %</text>",
            y + 4.0
        );
    }
    for (number, (week, (_, percent))) in (0_u32..).zip(weeks.iter().zip(DOCUMENT)) {
        let (x, height) = (90 + number * 115, week.different * 220.0);
        let line = 260.0 - f64::from(percent) * 2.2;
        let _ = writeln!(
            svg,
            "<rect x=\"{x}\" y=\"{:.1}\" width=\"70\" height=\"{height:.1}\" fill=\"#0072b2\"/>\
             <path d=\"M{} {line:.1}h90\" stroke=\"#d55e00\" stroke-width=\"2\"/>\
             <text x=\"{}\" y=\"278\" text-anchor=\"middle\">week {}: {} entries</text>\
             <text x=\"{}\" y=\"{:.1}\" text-anchor=\"middle\" fill=\"#fff\">{:.1} %</text>",
            260.0 - height,
            x - 10,
            x + 35,
            number + 1,
            week.entries,
            x + 35,
            280.0 - height,
            week.different * 100.0
        );
    }
    svg.push_str("</svg>\n");
    svg
}
