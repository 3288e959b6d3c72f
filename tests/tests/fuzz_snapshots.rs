//! A snapshot that import stumbles over: a panic, an endless loop, memory taken on a length's word.
//!
//! Mutants of snapshots, half of them with records whose checksums match what they became, are imported into a cache in
//! memory, which is made anew every 256 executions. Each is imported or refused as corrupt, newer or too large, below 1 s and
//! 2 MiB; what it says it imported is not more than a snapshot of its length can hold.
//!
//! Executions: 200,000, in the long form 10,000,000. Seen to fail in round 14, by 540 MB allocated at once, with
//! room for a record made on the word of its length.

use larder::{Cache, ErrorKind, SetOptions};
use larder_tests::allocated::CountingAllocator;
use larder_tests::format::{half, seal_record};
use larder_tests::fuzz::{Fuzzer, Input, corpus, mutate};
use larder_tests::memory_disk::MemoryDisk;
use larder_tests::scale::{self, Random};
use larder_tests::small_store::{NOW, builder};

#[global_allocator]
static COUNTING: CountingAllocator = CountingAllocator;

/// Executions that one cache serves: the names of namespaces that mutants carry are never forgotten.
const CACHE_SERVES: u64 = 256;

/// The shortest record, and its length before it.
const SHORTEST: u64 = 4 + 56 + 2 + 16;

fn snapshot(entries: u32) -> Input {
    let cache = builder(&MemoryDisk::new()).open().expect("opens");
    for n in 0..entries {
        let options = SetOptions::new().tag("t").metadata("n", n.to_string()).stale(std::time::Duration::from_secs(9));
        let value = format!("value {n} ").repeat(1 + n as usize * 60);
        cache.set_with(format!("k{n}"), value, &options).expect("written");
    }
    let mut bytes = Vec::new();
    cache.export(&mut bytes).expect("exported");
    Input { name: "snapshot".into(), bytes }
}

/// Gives the records in a snapshot checksums that match what they became.
fn forge(bytes: &mut [u8]) {
    let mut at = 8;
    while let Some(len) = half(bytes, at).filter(|len| *len > 0) {
        let end = at + 4 + len as usize;
        let Some(record) = bytes.get_mut(at + 4..end) else { return };
        seal_record(record);
        at = end;
    }
}

fn make(random: &mut Random, one: &Input, other: &Input) -> Input {
    let mut bytes = mutate(random, &one.bytes, &other.bytes);
    if random.chance(50) {
        forge(&mut bytes);
    }
    Input { name: "snapshot".into(), bytes }
}

fn open() -> Cache {
    let memory = Cache::builder().shards(1).max_memory(1 << 20).max_entry_size(64 << 10).clock(|| NOW);
    memory.cleanup_interval(None).open().expect("opens")
}

fn run(cache: &Cache, mutant: &Input) -> String {
    match cache.import(mutant.bytes.as_slice()) {
        Ok(done) => {
            let all = done.entries + done.expired + done.damaged;
            assert!(all <= mutant.bytes.len() as u64, "{all} records in {} bytes", mutant.bytes.len());
            assert!(done.entries * SHORTEST <= mutant.bytes.len() as u64, "{done:?}");
            format!("{} {} {}", done.entries.min(5), done.expired.min(2), done.damaged.min(3))
        }
        Err(e) => {
            let known = [ErrorKind::Corrupt, ErrorKind::NewerFormat, ErrorKind::TooLarge, ErrorKind::KeyTooLarge];
            assert!(known.contains(&e.kind()), "{:?}: {e}", e.kind());
            e.to_string().chars().filter(|c| !c.is_ascii_digit()).collect()
        }
    }
}

#[test]
fn no_snapshot_harms_import() {
    let mut inputs = vec![snapshot(0), snapshot(1), snapshot(4)];
    inputs.extend(corpus("corpus/snapshots"));
    let mut cache = open();
    let mut fuzzer = Fuzzer::new("fuzz_snapshots", inputs, scale::seed(), 2 << 20);
    for round in 0..scale::rounds(200_000, 10_000_000) {
        if round.is_multiple_of(CACHE_SERVES) {
            cache.verify(|_, _| ()).unwrap_or_else(|e| panic!("before round {round}: {e}"));
            cache = open();
        }
        fuzzer.round(round, make, |mutant| run(&cache, mutant));
    }
    fuzzer.report();
    assert!(fuzzer.outcomes() > 10, "the mutants get nowhere");
}
