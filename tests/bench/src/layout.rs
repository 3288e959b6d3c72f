//! Group `layout`: what an entry takes of the component's linear memory beyond its key and value, and what that costs in time.
//!
//! One guest has room for so many entries by what the memory tier charges, and is given a quarter more, so that policies
//! have their sketches and histories. With `--component FILE` another build of the component runs in the same rounds, one
//! with another allocator for instance.

use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use larder::Cache;
use larder::testing::{Hooks, with_hooks};
use larder_engine::config::ENTRY_OVERHEAD;

use crate::measure::{nanoseconds_each, rounds};
use crate::report::{Report, thousands};
use crate::setup::Setup;

const POLICIES: [&str; 2] = ["lru", "adaptive"];

/// Bytes of key and of value.
const SHAPES: [(usize, usize); 3] = [(8, 8), (16, 100), (16, 1024)];

const ENTRIES: [usize; 3] = [10_000, 100_000, 1_000_000];

/// More bytes of keys and values than that are not filled in.
const LARGEST: usize = 256 << 20;

/// Runs the group; `others` are components beside the embedded one.
pub fn run(setup: &Setup, others: &[PathBuf], report: &mut Report) -> Result<()> {
    report.add("## layout");
    report.add(format!(
        "Bytes of linear memory for an entry beyond key and value, in one guest that is full; {ENTRY_OVERHEAD} are charged. \
         Nanoseconds for a set, of which a fifth evicts, and for a get that hits. Components: {} bytes.",
        sizes(others)?
    ));
    let mut components = vec![("embedded".to_owned(), None)];
    for path in others {
        let bytes: Arc<[u8]> = std::fs::read(path).with_context(|| format!("reading {}", path.display()))?.into();
        components.push((name(path), Some(bytes)));
    }
    let names: Vec<_> = components.iter().map(|(name, _)| name.clone()).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    for policy in POLICIES {
        for (key, value) in SHAPES {
            for entries in ENTRIES.into_iter().filter(|n| n * (key + value) <= LARGEST) {
                if setup.quick && entries > ENTRIES[0] {
                    continue;
                }
                let figures = rounds(&mut components, setup.rounds, |(_, component), _| {
                    measure(policy, (key, value), entries, component.clone())
                })?;
                let title = format!("### {policy}, {key} + {value} bytes, {} entries", thousands(entries as u64));
                report.add(title);
                report.figures("component", &names, &["bytes beyond", "ns a set", "ns a get"], &figures, 0);
            }
        }
    }
    Ok(())
}

fn name(path: &Path) -> String {
    path.file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned())
}

fn sizes(others: &[PathBuf]) -> Result<String> {
    let mut sizes = format!("embedded {}", thousands(larder::COMPONENT.len() as u64));
    for path in others {
        sizes += &format!(", {} {}", name(path), thousands(path.metadata()?.len()));
    }
    Ok(sizes)
}

fn measure(
    policy: &str,
    (key, value): (usize, usize),
    entries: usize,
    component: Option<Arc<[u8]>>,
) -> Result<Vec<f64>> {
    let told = Arc::new(AtomicUsize::new(0));
    let hooks = Hooks { component, linear_memory: Some(told.clone()), ..Hooks::default() };
    let room = (entries * (ENTRY_OVERHEAD + key + value)) as u64;
    let builder = Cache::builder().shards(1).seed(1).policy(policy).max_memory(room).guest_memory(4 << 30);
    let cache = with_hooks(builder.cold_tier(false).cleanup_interval(None), hooks).open()?;
    let keys: Vec<Vec<u8>> = (0..entries + entries / 4).map(|n| padded(n, key)).collect();
    let bytes = vec![7; value];
    let mut outcome = Ok(());
    let set = nanoseconds_each(keys.len(), || {
        outcome = keys.iter().try_for_each(|key| cache.set(key, &bytes).map(drop));
    });
    outcome?;
    let taken = told.load(Ordering::Relaxed) as f64 / entries as f64 - (key + value) as f64;
    let held: Vec<&Vec<u8>> = keys.iter().filter(|key| cache.contains(key).unwrap_or(false)).collect();
    ensure!(held.len() > entries * 9 / 10, "{} of {entries} entries are held", held.len());
    let get = nanoseconds_each(held.len(), || {
        // A stride that is prime to most lengths, so that hits do not come in the order of writing.
        (0..held.len()).for_each(|n| drop(black_box(cache.get(held[n * 7_919 % held.len()]))));
    });
    Ok(vec![taken, set, get])
}

fn padded(n: usize, len: usize) -> Vec<u8> {
    let mut key = n.to_le_bytes().to_vec();
    key.resize(len, 0);
    key
}
