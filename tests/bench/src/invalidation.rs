//! Group `invalidation`: what it costs to make entries invalid, and what bans cost those who read.
//!
//! Without a store and with one: a million small entries with a tag each, all of which one ban hits; then reads of entries that are
//! older than 0, 1, 100 and 1,000 bans which do not concern them.

use std::time::Instant;

use anyhow::{Result, ensure};
use larder::{Cache, Rule, SetOptions};

use crate::measure::{nanoseconds_each, rounds};
use crate::report::{Report, thousands};
use crate::setup::Setup;

/// Bans that are there while is read.
const BANS: [u32; 4] = [0, 1, 100, 1_000];

/// Runs the group.
pub fn run(setup: &Setup, report: &mut Report) -> Result<()> {
    let entries: u32 = if setup.quick { 20_000 } else { 1_000_000 };
    report.add("## invalidation");
    report.add(format!(
        "{} entries of 8 + 8 bytes with one tag. Microseconds for a call that makes all of them invalid by the tag and by a prefix, all \
         shards told. Then nanoseconds for a get of an entry with a tag that is older than so many bans of other tags, and of other \
         prefixes.",
        thousands(entries.into())
    ));
    for stored in [false, true] {
        let mut contestants = [stored];
        let names = ["Larder"];
        let figures = rounds(&mut contestants, setup.rounds.min(3), |stored, _| measure(*stored, entries))?;
        report.add(if stored { "### With a store" } else { "### In memory" });
        let mut columns = vec!["µs, tag".to_owned(), "µs, prefix".to_owned()];
        columns.extend(BANS.iter().map(|bans| format!("get, {bans} tags")));
        columns.extend(BANS.iter().skip(1).map(|bans| format!("get, {bans} prefixes")));
        let columns: Vec<_> = columns.iter().map(String::as_str).collect();
        report.figures("", &names, &columns, &figures, 0);
    }
    Ok(())
}

fn measure(stored: bool, entries: u32) -> Result<Vec<f64>> {
    let dir = tempfile::tempdir()?;
    let open = |name: &str| {
        let builder = Cache::builder().max_memory(1 << 30).statistics(false).cleanup_interval(None);
        let builder = if stored { builder.directory(dir.path().join(name)).max_size(4 << 30) } else { builder };
        builder.open()
    };
    let cache = open("hit")?;
    let options = SetOptions::new().tag("all");
    for n in 0..entries {
        cache.set_with(key(n), u64::from(n).to_le_bytes(), &options)?;
    }
    let began = Instant::now();
    let done = cache.invalidate(&Rule::Tag("all".into()))?;
    let by_tag = began.elapsed().as_nanos() as f64 / 1e3;
    ensure!(done.in_memory == Some(entries.into()), "{done:?} of {entries}");
    let began = Instant::now();
    cache.invalidate(&Rule::Prefix(b"k".to_vec()))?;
    let by_prefix = began.elapsed().as_nanos() as f64 / 1e3;
    ensure!(cache.get(key(7))?.is_none(), "what is invalid is a miss");
    drop(cache);
    let mut figures = vec![by_tag, by_prefix];
    for prefixes in [false, true] {
        let cache = open(if prefixes { "prefixes" } else { "tags" })?;
        for n in 0..10_000 {
            cache.set_with(key(n), b"value", &options)?;
        }
        let mut made = 0;
        for bans in BANS.into_iter().filter(|bans| !prefixes || *bans > 0) {
            while made < bans {
                let name = format!("other{made}");
                cache.invalidate(&if prefixes { Rule::Prefix(name.into_bytes()) } else { Rule::Tag(name) })?;
                made += 1;
            }
            let mut found = 0;
            figures.push(nanoseconds_each(100_000, || {
                let there = |n: &u32| cache.get(key(n % 10_000)).is_ok_and(|value| value.is_some());
                found = (0..100_000).filter(there).count();
            }));
            ensure!(found == 100_000, "{found} of 100,000 found");
        }
    }
    Ok(figures)
}

fn key(n: u32) -> [u8; 8] {
    let [a, b, c, d] = n.to_be_bytes();
    [b'k', b'e', b'y', b':', a, b, c, d]
}
