//! Fears a listing that shows what is gone or another namespace's, or that loses or doubles an entry.

mod common;

use common::{Home, noise, wait_until};
use larder::Cache;
use serde_json::json;

fn filled(keys: &[&str]) -> Home {
    let home = Home::new();
    for key in keys {
        home.run(&["set", key, "v"]).succeeded();
    }
    home
}

fn keys(home: &Home, args: &[&str]) -> Vec<String> {
    let listed: Vec<_> = home.ok(&[&["list"], args].concat()).lines().map(str::to_owned).collect();
    let document = home.json(&[&["list"], args].concat());
    let told: Vec<_> =
        document.as_array().expect("an array").iter().map(|e| e["key"].as_str().expect("a key").to_owned()).collect();
    assert_eq!(listed, told, "text and JSON agree");
    listed
}

#[test]
fn nothing_is_listed_of_nothing() {
    let home = Home::new();
    assert_eq!(home.ok(&["list"]), "");
    assert_eq!(home.json(&["list"]), json!([]));
}

#[test]
fn entries_are_listed_in_the_order_in_which_they_were_written() {
    let home = filled(&["c", "a", "b"]);
    assert_eq!(keys(&home, &[]), ["c", "a", "b"]);
    home.run(&["set", "c", "again"]).succeeded();
    home.run(&["delete", "a"]).succeeded();
    assert_eq!(keys(&home, &[]), ["b", "c"], "once each, and what is deleted not at all");
}

#[test]
fn a_prefix_is_taken_as_it_is() {
    let home = filled(&["user:1", "user:2", "user", "order:1", "us*r:3", "USER:4"]);
    assert_eq!(keys(&home, &["--prefix", "user:"]), ["user:1", "user:2"]);
    assert_eq!(keys(&home, &["--prefix", "us*"]), ["us*r:3"]);
    assert_eq!(keys(&home, &["--prefix", "nothing"]), [""; 0]);
    assert_eq!(keys(&home, &["--prefix", ""]).len(), 6);
}

#[test]
fn a_glob_matches_the_whole_key() {
    let home = filled(&["a1", "a2", "b1", "a10", "x/a1", "a*"]);
    assert_eq!(keys(&home, &["--glob", "a?"]), ["a1", "a2", "a*"]);
    assert_eq!(keys(&home, &["--glob", "a*"]), ["a1", "a2", "a10", "a*"]);
    assert_eq!(keys(&home, &["--glob", "*1"]), ["a1", "b1", "x/a1"]);
    assert_eq!(keys(&home, &["--glob", "[ab]1"]), ["a1", "b1"]);
    assert_eq!(keys(&home, &["--glob", "[!b]1"]), ["a1"]);
    assert_eq!(keys(&home, &["--glob", "[a-b][0-9]"]), ["a1", "a2", "b1"]);
    assert_eq!(keys(&home, &["--glob", "a\\*"]), ["a*"]);
    assert_eq!(keys(&home, &["--glob", "*"]).len(), 6);
    assert_eq!(keys(&home, &["--glob", ""]), [""; 0]);
}

#[test]
fn a_glob_full_of_stars_does_not_take_for_ever() {
    let home = filled(&[&"a".repeat(60)]);
    let pattern = format!("{}b", "*a".repeat(30));
    assert_eq!(keys(&home, &["--glob", &pattern]), [""; 0]);
}

#[test]
fn a_limit_is_kept() {
    let home = filled(&["a", "b", "c"]);
    for (limit, count) in [("0", 0), ("1", 1), ("2", 2), ("3", 3), ("99", 3)] {
        assert_eq!(keys(&home, &["--limit", limit]).len(), count, "limit {limit}");
    }
    assert_eq!(keys(&home, &["--prefix", "b", "--limit", "1"]), ["b"], "counts what matches");
    home.run(&["list", "--limit", "-1"]).refused(2, &[]);
    home.run(&["list", "--prefix", "a", "--glob", "a"]).refused(2, &["--glob"]);
}

#[test]
fn namespaces_do_not_see_each_other() {
    let home = Home::new();
    home.run(&["--namespace", "one", "set", "k", "1"]).succeeded();
    home.run(&["--namespace", "two", "set", "k", "2"]).succeeded();
    home.run(&["--namespace", "two", "set", "only", "2"]).succeeded();
    assert_eq!(keys(&home, &["--namespace", "one"]), ["k"]);
    assert_eq!(keys(&home, &["--namespace", "two"]), ["k", "only"]);
    assert_eq!(keys(&home, &[]), [""; 0], "the default one is one like the others");
    assert_eq!(home.ok(&["--namespace", "one", "get", "k"]), "1");
    assert_eq!(home.ok(&["--namespace", "two", "get", "k"]), "2");
    home.run(&["--namespace", "one", "delete", "k"]).succeeded();
    home.run(&["--namespace", "one", "delete", "only"]).ended(1);
    assert_eq!(keys(&home, &["--namespace", "two"]), ["k", "only"]);
    let told = &home.json(&["stats"])["namespaces"];
    assert_eq!(told.as_array().map(Vec::len), Some(1), "{told}");
    assert_eq!((&told[0]["name"], &told[0]["entries"]), (&json!("two"), &json!(2)));
}

/// A namespace's name and a key must not run into each other: `a` + `bc` is not `ab` + `c`.
#[test]
fn names_and_keys_do_not_run_together() {
    let home = Home::new();
    home.run(&["--namespace", "a", "set", "bc", "1"]).succeeded();
    home.run(&["--namespace", "ab", "set", "c", "2"]).succeeded();
    home.run(&["--namespace", "a:b", "set", "c", "3"]).succeeded();
    home.run(&["--namespace", "a", "set", "b:c", "4"]).succeeded();
    for (namespace, key, value) in [("a", "bc", "1"), ("ab", "c", "2"), ("a:b", "c", "3"), ("a", "b:c", "4")] {
        assert_eq!(home.ok(&["--namespace", namespace, "get", key]), value);
    }
}

#[test]
fn what_is_past_its_time_is_neither_listed_nor_counted() {
    let home = filled(&["stays"]);
    home.run(&["set", "goes", "v", "--ttl", "1ms"]).succeeded();
    home.run(&["set", "stale", "v", "--ttl", "1ms", "--stale", "1h"]).succeeded();
    wait_until("the entry is gone", || home.run(&["exists", "goes"]).code == 1);
    assert_eq!(keys(&home, &[]), ["stays", "stale"]);
    let stats = home.json(&["stats"]);
    assert_eq!((&stats["store"]["entries"], &stats["namespaces"][0]["entries"]), (&json!(2), &json!(2)));
}

#[test]
fn long_listings_show_sizes_and_times() {
    let home = Home::new();
    home.run(&["set", "k", "12345", "--ttl", "1h"]).succeeded();
    home.run(&["set", "n", "1"]).succeeded();
    let shown = home.ok(&["list", "--long"]);
    let lines: Vec<_> = shown.lines().collect();
    assert!(lines[0].contains("5 B") && lines[0].ends_with("  k"), "{shown}");
    assert!(lines[1].contains("never") && lines[1].ends_with("  n"), "{shown}");
}

/// The older segments' entries come from their indexes, the newest's from the log: both in full, once each.
#[test]
fn many_segments_are_one_listing() {
    let home = Home::new();
    let cache = Cache::builder().directory(home.store()).max_size(16 << 20).open().expect("opens");
    for n in 0..1_000 {
        cache.set(format!("k{n}"), noise(n, 1_000)).expect("stored");
    }
    for n in (0..1_000).step_by(2) {
        cache.delete(format!("k{n}")).expect("deleted");
    }
    cache.set("k1", "again").expect("stored");
    drop(cache);
    assert!(home.segments().len() > 2, "many segments");
    let mut expected: Vec<_> = (3..1_000).step_by(2).map(|n| format!("k{n}")).collect();
    expected.push("k1".into());
    assert_eq!(keys(&home, &[]), expected);
    assert_eq!(home.json(&["stats"])["store"]["entries"], json!(500));
}
