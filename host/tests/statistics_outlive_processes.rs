//! Counts that are lost with a process, added twice, or trusted although the file that holds them is damaged.

mod common;

use std::fs;
use std::thread;

use common::{Home, contents, noise};
use larder::{Cache, Counters, SetOptions};

fn total(home: &Home) -> Counters {
    open(home).lifetime().expect("counted").total()
}

fn open(home: &Home) -> Cache {
    Cache::builder().directory(home.store()).open().expect("opens")
}

#[test]
fn counts_of_several_processes_are_added() {
    let home = Home::new();
    home.run(&["set", "k", "v"]).succeeded();
    home.run(&["get", "k"]).succeeded();
    home.run(&["get", "k"]).succeeded();
    home.run(&["get", "nothing"]).ended(1);
    home.run(&["delete", "k"]).succeeded();
    let total = total(&home);
    assert_eq!((total.hits, total.misses, total.sets, total.deletes), (2, 1, 1, 1));
    let document = home.json(&["stats"]);
    assert_eq!(document["total"]["hits"], 2);
    assert_eq!(document["lifetime"]["namespaces"]["default"]["misses"], 1);
    assert_eq!(document["hit_rate"].as_f64().map(f64::round), Some(67.0));
    assert!(home.ok(&["stats"]).contains("2 (66.7 % of reads)"));
}

#[test]
fn a_run_that_misses_counts_one_miss() {
    let home = Home::new();
    home.run(&["run", "--", "true"]).succeeded();
    home.run(&["run", "--", "true"]).succeeded();
    let total = total(&home);
    assert_eq!((total.hits, total.misses, total.sets), (1, 1, 1));
}

#[test]
fn a_computed_value_counts_one_miss() {
    let home = Home::new();
    let cache = open(&home);
    for _ in 0..3 {
        cache.get_or_insert_with("k", &SetOptions::new(), || b"v".to_vec()).expect("computed");
    }
    let total = cache.lifetime().expect("counted").total();
    assert_eq!((total.hits, total.misses, total.sets), (2, 1, 1));
}

#[test]
fn counts_of_caches_that_close_together_are_all_there() {
    let home = Home::new();
    open(&home);
    thread::scope(|scope| {
        for n in 0..8 {
            let home = &home;
            scope.spawn(move || {
                let cache = open(home);
                for i in 0..=n {
                    cache.set(format!("{n}-{i}"), "v").expect("stored");
                }
            });
        }
    });
    assert_eq!(total(&home).sets, 36);
}

#[test]
fn what_was_added_is_not_added_again() {
    let home = Home::new();
    let cache = open(&home);
    cache.set("k", "v").expect("stored");
    for _ in 0..3 {
        assert_eq!(cache.lifetime().expect("counted").total().sets, 1);
    }
    cache.cleanup().expect("cleaned up");
    drop(cache);
    assert_eq!(total(&home).sets, 1);
}

#[test]
fn cleaning_up_saves_the_counts_of_a_cache_that_stays_open() {
    let home = Home::new();
    let cache = open(&home);
    cache.set("k", "v").expect("stored");
    cache.get("nothing").expect("looked up");
    assert_eq!(total(&home).sets, 0, "not saved yet");
    cache.cleanup().expect("cleaned up");
    let total = total(&home);
    assert_eq!((total.sets, total.misses), (1, 1));
}

#[test]
fn a_damaged_or_missing_file_counts_as_an_empty_one() {
    for damage in [None, Some("{\"updated\": 1, \"namesp"), Some(""), Some("[1, 2]")] {
        let home = Home::new();
        home.run(&["set", "k", "v"]).succeeded();
        let path = home.store().join("statistics.json");
        match damage {
            None => fs::remove_file(&path).expect("removed"),
            Some(text) => fs::write(&path, text).expect("written"),
        }
        let done = home.run(&["get", "k"]).succeeded();
        assert_eq!(done.text(), "v");
        assert_eq!(done.err.contains("statistics begin anew"), damage.is_some(), "{damage:?}: {}", done.err);
        let total = total(&home);
        assert_eq!((total.hits, total.sets), (1, 0), "{damage:?}");
    }
}

#[test]
fn looking_at_statistics_changes_nothing() {
    let home = Home::new();
    home.run(&["set", "k", "v"]).succeeded();
    let before = contents(&home.store());
    home.run(&["stats"]).succeeded();
    home.run(&["stats", "--json"]).succeeded();
    assert!(contents(&home.store()) == before);
}

#[test]
fn who_does_not_want_to_be_counted_is_not() {
    let home = Home::new();
    home.run(&["set", "k", "v"]).succeeded();
    home.run(&["--statistics", "off", "get", "k"]).succeeded();
    home.run(&["--statistics", "off", "get", "nothing"]).ended(1);
    let total = total(&home);
    assert_eq!((total.sets, total.hits, total.misses), (1, 0, 0));
    assert_eq!(home.json(&["inspect", "k"])["hits"], 0);
}

#[test]
fn what_compression_gained_and_took_is_counted() {
    let home = Home::new();
    home.run(&["set", "text", &"la".repeat(5_000)]).succeeded();
    home.run(&["get", "text"]).succeeded();
    home.pipe(&["set", "noise"], &noise(3, 20_000)).succeeded();
    home.run(&["set", "small", "v"]).succeeded();
    let total = total(&home);
    assert_eq!((total.deflated, total.lz4, total.compressed_in), (1, 0, 10_000));
    assert_eq!((total.incompressible, total.incompressible_bytes), (1, 20_000));
    assert!(total.compress_ns > 0 && total.inflate_ns > 0, "{total:?}");
    let ratio = home.json(&["stats"])["compression_ratio"].as_f64().expect("a number");
    assert!((ratio - total.compression_ratio()).abs() < 1e-9 && ratio < 10.0, "{ratio}");
    let text = home.ok(&["stats"]);
    assert!(text.contains("1 by DEFLATE, 0 by LZ4") && text.contains("incompressible 1 values"), "{text}");
}
