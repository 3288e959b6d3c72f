//! Fears a recording that replays as something else than what the cache saw, tells what the keys were, or costs the cache an
//! operation.

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::thread;

use common::Home;
use common::traces::{lru_hits, requests, simulated};
use larder::simulate::{Capacity, Simulate, Unit};
use larder::{Builder, Cache, SetOptions};

fn builder() -> Builder {
    Cache::builder().shards(1).max_memory(64 << 20)
}

/// Lines that are no header.
fn lines(home: &Home, name: &str) -> Vec<String> {
    let text = fs::read_to_string(home.file(name)).expect("the recording is there");
    text.lines().filter(|line| !line.starts_with('#')).map(str::to_owned).collect()
}

#[test]
fn what_a_cache_was_asked_for_hits_alike_in_a_replay() {
    let home = Home::new();
    let requests = requests(11, 4_000, 300);
    for capacity in [20, 100] {
        let path = home.file(&format!("recorded-{capacity}"));
        let cache = builder().max_memory_entries(capacity).policy("lru").record(&path).open().expect("opens");
        let mut hits = 0;
        for (key, size) in &requests {
            match cache.get(key.to_string()).expect("reads") {
                Some(value) => {
                    assert_eq!(value.len(), *size as usize);
                    hits += 1;
                }
                None => drop(cache.set(key.to_string(), vec![7; *size as usize]).expect("writes")),
            }
        }
        drop(cache);
        let row = simulated(&path, capacity.into()).expect("replays").rows.remove(0);
        assert_eq!((row.requests, row.hits), (4_000, hits), "{capacity} entries");
        assert_eq!(hits, lru_hits(requests.iter().map(|(key, _)| *key), capacity as usize));
    }
}

#[test]
fn sizes_are_what_entries_take_in_memory() {
    let home = Home::new();
    let path = home.file("recorded");
    let cache = builder().record(&path).open().expect("opens");
    cache.set("key", "four").expect("writes");
    let size = cache.inspect("key").expect("reads").expect("is there").size;
    cache.get("key").expect("reads");
    drop(cache);
    let lines = lines(&home, "recorded");
    assert!(lines.iter().all(|line| line.ends_with(&format!(",{size}"))), "{lines:?}: {size}");
    let whole = Simulate::new().policies(["lru"]).unit(Unit::Bytes);
    let hits =
        |capacity| whole.clone().capacities([Capacity::Amount(capacity)]).run(&path).expect("replays").rows[0].hits;
    assert_eq!((hits(size), hits(size - 1)), (1, 0));
}

#[test]
fn every_way_to_ask_is_recorded_once() {
    let home = Home::new();
    let path = home.file("recorded");
    let cache = builder().record(&path).open().expect("opens");
    let none = SetOptions::new();
    let other = cache.namespace("other").expect("a namespace");
    cache.get("a").expect("reads");
    cache.get_or_insert_with("b", &none, || vec![0; 100]).expect("computes");
    cache.get_or_insert_with("b", &none, || unreachable!("is there")).expect("reads");
    cache.get_as::<u32>("c").expect("reads");
    cache.set_as("c", &7u32, &none).expect("writes");
    other.get("c").expect("reads");
    cache.get_many(["b", "c"]).into_iter().for_each(|found| drop(found.expect("reads")));
    cache.add("d", "1", &none).expect("adds");
    cache.add("d", "2", &none).expect("is there");
    cache.increment("d", 99, &none).expect("counts");
    cache.replace("nobody", "1", &none).expect("is not there");
    // These are no requests.
    cache.contains("b").expect("looks");
    cache.touch("b", None).expect("touches");
    cache.delete("b").expect("deletes");
    drop((cache, other));
    let lines = lines(&home, "recorded");
    let shapes: Vec<&str> = lines.iter().map(|line| line.split_once(',').map_or("-", |(_, size)| size)).collect();
    assert_eq!(shapes, ["-", "-", "229", "229", "-", "130", "-", "229", "130", "130", "132"], "{lines:?}");
    let keys: Vec<&str> = lines.iter().map(|line| &line[..16]).collect();
    assert_eq!((keys[1], keys[4]), (keys[3], keys[8]), "one key, one hash");
    assert_ne!(keys[4], keys[6], "another namespace, another key");
    let report = simulated(&path, 100).expect("replays");
    assert_eq!((report.rows[0].requests, report.rows[0].hits), (9, 4));
}

#[test]
fn a_miss_and_the_write_that_answers_it_are_one_request_also_among_processes() {
    let home = Home::new();
    let record = ["--record", "recorded"];
    for round in 0..3 {
        for key in ["a", "b", "c"] {
            let done = home.run(&[&record[..], &["get", key]].concat());
            assert_eq!(done.code, i32::from(round == 0));
            if done.code == 1 {
                home.ok(&[&record[..], &["set", key, "value"]].concat());
            }
        }
    }
    let path = home.file("recorded");
    let hits = |capacity| simulated(&path, capacity).expect("replays").rows.remove(0);
    assert_eq!((hits(3).requests, hits(3).hits, hits(2).hits), (9, 6, 0));
    assert_eq!(home.ok(&["simulate", "recorded", "--policy=lru", "--capacity=3"]).lines().count(), 2);
}

#[test]
fn nothing_of_a_key_is_in_the_file() {
    let home = Home::new();
    let record = |name: &str, directory: &str| {
        let cache = builder().directory(home.file(directory)).record(home.file(name)).open().expect("opens");
        for n in 0..50 {
            cache.set(format!("secret-{n}"), "hidden value").expect("writes");
        }
        drop(cache);
        lines(&home, name).into_iter().map(|line| line[..16].to_owned()).collect::<BTreeSet<_>>()
    };
    let first = record("one", "store");
    let text = fs::read_to_string(home.file("one")).expect("readable");
    assert!(!text.contains("secret") && !text.contains("hidden") && !text.contains("default"));
    assert_eq!(first.len(), 50);
    assert!(first.is_disjoint(&record("two", "store")), "two files of one store have nothing in common");
    assert_eq!(record("one", "store"), first, "opened again, the file goes on with the same hashes");
    assert!(record("one", "another-store").len() == 100, "the salt alone makes no hash: the store's secret does");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(fs::metadata(home.file("one")).expect("is there").permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn many_threads_and_caches_write_whole_lines() {
    let home = Home::new();
    let (path, store) = (home.file("recorded"), home.file("store"));
    thread::scope(|scope| {
        for _ in 0..2 {
            let cache = builder().directory(&store).record(&path).open().expect("opens");
            for _ in 0..2 {
                let cache = cache.clone();
                scope.spawn(move || (0..5_000).for_each(|n| drop(cache.get(format!("{}", n % 100)).expect("reads"))));
            }
        }
    });
    let lines = lines(&home, "recorded");
    assert_eq!(lines.len(), 20_000);
    assert!(lines.iter().all(|line| line.len() == 16), "whole lines");
    assert_eq!(lines.iter().collect::<BTreeSet<_>>().len(), 100, "one hash for one key in both caches");
    assert_eq!(fs::read_to_string(&path).expect("readable").matches('#').count(), 2, "one header");
}

#[test]
fn a_file_that_cannot_be_recorded_to_costs_nothing_but_a_warning() {
    let home = Home::new();
    home.write("foreign", "my letters\n");
    home.write("newer", "#larder-trace 2\n");
    home.write("short", "#larder-trace 1\n#salt 00\n");
    for name in ["foreign", "newer", "short", "missing/file", ".", "/dev/null"] {
        let before = fs::read(home.file(name)).ok();
        let done = home.run(&["--record", name, "set", "key", "value"]).succeeded();
        assert_eq!(done.err.matches("not recorded").count(), 1, "{name}: {}", done.err);
        assert_eq!(fs::read(home.file(name)).ok(), before, "{name} is left alone");
        assert_eq!(home.get("key").as_deref(), Some(&b"value"[..]));
    }
    let done = home.run(&["simulate", "newer"]).ended(3);
    assert!(done.err.contains("newer version"), "{}", done.err);
}

#[test]
fn a_torn_line_loses_only_itself() {
    let home = Home::new();
    home.ok(&["--record", "recorded", "set", "key", "value"]);
    let mut bytes = fs::read(home.file("recorded")).expect("readable");
    bytes.extend(b"0123");
    home.write("recorded", bytes);
    home.ok(&["--record", "recorded", "get", "key"]);
    home.run(&["simulate", "recorded"]).refused(2, &["line 4:", "\"0123\" is no key of a recording"]);
    let rows = home.json(&["simulate", "recorded", "--on-error=skip", "--policy=lru", "--capacity=1"]);
    assert_eq!((&rows[0]["requests"], &rows[0]["hits"]), (&2.into(), &1.into()));
}

#[test]
fn a_read_waits_for_its_size_but_not_for_ever() {
    let home = Home::new();
    let filler: String = (0..5_000).map(|n| format!("{:016x},100\n", n + 10)).collect();
    let (a, b) = (format!("{:016x}", 1), format!("{:016x}", 2));
    let text = format!("#larder-trace 1\n#salt 00\n{a}\n{b}\n{a}\n{b},70\n{filler}{a},50\n{a}\n");
    let path = home.write("recorded", text);
    let mut trace = larder::simulate::Trace::open(&path, Default::default(), Default::default()).expect("opens");
    let mut batch = larder::simulate::Batch::default();
    assert!(trace.read(&mut batch, 10_000).expect("whole"));
    let (keys, sizes) = (batch.keys(), batch.sizes());
    assert_eq!(keys.len(), 5_000 + 5);
    assert_eq!(sizes[..4], [1, 70, 1, 100], "the reads come where they were made");
    assert_eq!(sizes[5_003..], [50, 1]);
    assert_eq!((keys[0], keys[0], keys[0]), (keys[2], keys[5_003], keys[5_004]));
}
