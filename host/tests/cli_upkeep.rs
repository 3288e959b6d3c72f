//! Fears a snapshot that is not what was exported, upkeep that takes more or less than it says, and damage that spreads
//! or goes unseen.

mod common;

use std::fs::{self, File};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use common::{Home, finish, flip, noise, wait_until};
use larder::{Cache, SetOptions};
use serde_json::{Value, json};

fn elsewhere(home: &Home, args: &[&str]) -> Command {
    let mut command = home.larder(args);
    command.env("LARDER_DIR", home.file("elsewhere"));
    command
}

fn told(home: &Home, args: &[&str]) -> Value {
    finish(elsewhere(home, &[args, &["--json"]].concat()), None).succeeded().json()
}

/// A store with three namespaces and every kind of entry.
fn varied() -> Home {
    let home = Home::new();
    home.run(&["set", "plain", "v"]).succeeded();
    home.pipe(&["set", "binary", "--type", "image/png"], &noise(1, 50_000)).succeeded();
    home.run(&[
        "set",
        "rich",
        &"la".repeat(5_000),
        "--ttl",
        "1h",
        "--stale",
        "2h",
        "--tti",
        "3h",
        "--tag",
        "t1",
        "--tag",
        "t2",
    ])
    .succeeded();
    home.run(&["--namespace", "other", "set", "plain", "another", "--meta", "a=b", "--meta", "c=d=e"]).succeeded();
    home.run(&["--namespace", "Grüße", "set", "schlüssel", "", "--durability", "sync"]).succeeded();
    home
}

const ENTRIES: [(&str, &str); 5] =
    [("default", "plain"), ("default", "binary"), ("default", "rich"), ("other", "plain"), ("Grüße", "schlüssel")];

#[test]
fn a_snapshot_is_the_same_elsewhere() {
    let home = varied();
    home.run(&["set", "deleted", "v"]).succeeded();
    home.run(&["delete", "deleted"]).succeeded();
    home.run(&["set", "gone", "v", "--ttl", "1ms"]).succeeded();
    wait_until("the entry is gone", || home.get("gone").is_none());
    let exported = home.json(&["export", "snapshot"]);
    assert_eq!(exported["entries"], json!(5), "{exported}");
    assert_eq!(told(&home, &["import", "snapshot"]), json!({"entries": 5, "expired": 0, "damaged": 0}));
    for (namespace, key) in ENTRIES {
        let args = ["--namespace", namespace, "get", key];
        assert!(home.run(&args).out == finish(elsewhere(&home, &args), None).succeeded().out, "{namespace} {key}");
        let args = ["--namespace", namespace, "inspect", key];
        let (there, here) = (told(&home, &args), home.json(&args));
        for field in ["key", "namespace", "content_type", "metadata", "tags", "created", "expires", "idle_timeout"] {
            assert_eq!(there[field], here[field], "{field} of {namespace} {key}");
        }
        for field in ["stale_window", "value_size", "durability", "codec"] {
            assert_eq!(there[field], here[field], "{field} of {namespace} {key}");
        }
    }
    for key in ["deleted", "gone"] {
        finish(elsewhere(&home, &["get", key]), None).ended(1);
    }
    finish(elsewhere(&home, &["verify"]), None).succeeded();
}

#[test]
fn what_runs_out_on_the_way_is_left_out() {
    let home = Home::new();
    let now = Arc::new(AtomicU64::new(1_000_000));
    let open = |dir: &str| {
        let clock = now.clone();
        let builder = Cache::builder().directory(home.file(dir)).clock(move || clock.load(Ordering::SeqCst));
        builder.open().expect("opens")
    };
    let from = open("from");
    from.set("keeps", "v").expect("stored");
    from.set_with("runs-out", "v", &SetOptions::new().ttl(Duration::from_secs(10))).expect("stored");
    from.set_with("lasts", "v", &SetOptions::new().ttl(Duration::from_secs(60))).expect("stored");
    let mut snapshot = Vec::new();
    assert_eq!(from.export(&mut snapshot).expect("exported").entries, 3);
    now.fetch_add(20_000, Ordering::SeqCst);
    let to = open("to");
    let imported = to.import(&snapshot[..]).expect("imported");
    assert_eq!((imported.entries, imported.expired, imported.damaged), (2, 1, 0));
    assert_eq!(to.get("runs-out").expect("readable"), None);
    assert_eq!(to.ttl("lasts").expect("readable"), Some(larder::Remaining::Fresh(40_000)), "as it was, not anew");
    now.fetch_add(40_001, Ordering::SeqCst);
    assert_eq!(to.get("lasts").expect("readable"), None);
}

#[test]
fn snapshots_go_through_pipes() {
    let home = varied();
    let done = home.run(&["export", "-"]).succeeded();
    let imported = finish(elsewhere(&home, &["import", "-", "--json"]), Some(done.out)).succeeded().json();
    assert_eq!(imported["entries"], json!(5));
    assert_eq!(finish(elsewhere(&home, &["get", "plain"]), None).succeeded().out, b"v");
}

#[test]
fn an_import_replaces_what_has_the_same_key_and_keeps_the_rest() {
    let home = varied();
    home.run(&["export", "snapshot"]).succeeded();
    home.run(&["set", "plain", "newer"]).succeeded();
    home.run(&["set", "mine", "kept"]).succeeded();
    home.run(&["import", "snapshot"]).succeeded();
    assert_eq!(home.get("plain").as_deref(), Some(&b"v"[..]));
    assert_eq!(home.get("mine").as_deref(), Some(&b"kept"[..]));
    // Twice is as good as once.
    home.run(&["import", "snapshot"]).succeeded();
    assert_eq!(home.json(&["stats"])["store"]["entries"], json!(6));
}

#[test]
fn an_empty_store_has_a_snapshot_too() {
    let home = Home::new();
    assert_eq!(home.json(&["export", "snapshot"])["entries"], json!(0));
    assert_eq!(home.json(&["import", "snapshot"]), json!({"entries": 0, "expired": 0, "damaged": 0}));
}

#[test]
fn garbage_is_not_imported() {
    let home = Home::new();
    home.run(&["set", "k", "v"]).succeeded();
    for (name, bytes) in
        [("empty", Vec::new()), ("text", b"hello, this is no snapshot\n".to_vec()), ("noise", noise(3, 5_000))]
    {
        home.write(name, bytes);
        home.run(&["import", name]).refused(3, &["larder: ", "snapshot"]);
    }
    home.run(&["import", "missing"]).refused(3, &["missing"]);
    assert_eq!(home.ok(&["list"]), "k\n");
    home.run(&["verify"]).succeeded();
}

#[test]
fn a_snapshot_of_a_newer_format_is_refused() {
    let home = varied();
    home.run(&["export", "snapshot"]).succeeded();
    let mut bytes = fs::read(home.file("snapshot")).expect("readable");
    bytes[7] += 1;
    home.write("newer", bytes);
    finish(elsewhere(&home, &["import", "newer"]), None).refused(3, &["newer"]);
    assert_eq!(finish(elsewhere(&home, &["list"]), None).succeeded().out, b"");
}

#[test]
fn of_a_cut_snapshot_what_was_read_stays() {
    let home = varied();
    home.run(&["export", "snapshot"]).succeeded();
    let whole = fs::read(home.file("snapshot")).expect("readable");
    for len in [4, 8, 10, 12, 40, whole.len() / 2, whole.len() - 12, whole.len() - 8, whole.len() - 1] {
        home.write("cut", &whole[..len]);
        let _ = fs::remove_dir_all(home.file("elsewhere"));
        finish(elsewhere(&home, &["import", "cut"]), None).refused(3, &["snapshot"]);
        let there = finish(elsewhere(&home, &["exists", "plain"]), None).code == 0;
        assert_eq!(there, len >= whole.len() / 2, "{len} of {} bytes", whole.len());
        finish(elsewhere(&home, &["set", "k", "v"]), None).succeeded();
        assert_eq!(finish(elsewhere(&home, &["get", "k"]), None).succeeded().out, b"v");
        finish(elsewhere(&home, &["verify"]), None).succeeded();
    }
}

#[test]
fn of_a_damaged_snapshot_only_the_damaged_entry_is_left_out() {
    let home = Home::new();
    for key in ["before", "damaged", "after"] {
        home.run(&["set", key, &format!("the value of {key}")]).succeeded();
    }
    home.run(&["export", "snapshot"]).succeeded();
    flip(&home.file("snapshot"), b"the value of damaged");
    let done = finish(elsewhere(&home, &["import", "snapshot", "--json"]), None).succeeded();
    assert_eq!(done.json(), json!({"entries": 2, "expired": 0, "damaged": 1}));
    finish(elsewhere(&home, &["get", "damaged"]), None).ended(1);
    assert_eq!(finish(elsewhere(&home, &["get", "after"]), None).succeeded().out, b"the value of after");
}

/// A length out of nowhere must not be believed.
#[test]
fn an_absurd_length_in_a_snapshot_costs_no_memory() {
    let home = Home::new();
    let mut bytes = b"\x8CLSNAP\n\x01".to_vec();
    bytes.extend_from_slice(&u32::MAX.to_le_bytes());
    home.write("absurd", &bytes);
    home.run(&["import", "absurd"]).refused(3, &["snapshot"]);
    bytes[8..].copy_from_slice(&(1u32 << 30).to_le_bytes());
    home.write("absurd", &bytes);
    home.run(&["import", "absurd"]).refused(3, &["snapshot"]);
}

#[test]
fn a_failed_export_leaves_the_snapshot_that_was_there() {
    let home = varied();
    home.run(&["export", "snapshot"]).succeeded();
    let before = fs::read(home.file("snapshot")).expect("readable");
    home.write("store-is-a-file", "");
    home.run(&["--dir", "store-is-a-file", "export", "snapshot"]).refused(3, &[]);
    assert!(fs::read(home.file("snapshot")).expect("readable") == before);
    home.run(&["export", "no/such/directory/snapshot"]).refused(3, &["no/such/directory"]);
}

#[test]
fn a_damaged_entry_is_left_out_of_the_snapshot() {
    let home = Home::new();
    for key in ["before", "damaged", "after"] {
        home.run(&["set", key, &format!("the value of {key}")]).succeeded();
    }
    flip(&home.segments()[0], b"the value of damaged");
    home.run(&["export", "snapshot"]).succeeded();
    let imported = told(&home, &["import", "snapshot"]);
    assert_eq!(imported["entries"], json!(2));
    assert_eq!(finish(elsewhere(&home, &["get", "after"]), None).succeeded().out, b"the value of after");
}

#[test]
fn one_namespace_is_cleared_and_no_other() {
    let home = varied();
    assert_eq!(home.json(&["--namespace", "other", "clear"])["removed"], json!(1));
    home.run(&["--namespace", "other", "exists", "plain"]).ended(1);
    for (namespace, key) in ENTRIES.iter().filter(|(namespace, _)| *namespace != "other") {
        home.run(&["--namespace", namespace, "exists", key]).succeeded();
    }
    assert_eq!(home.json(&["--namespace", "unknown", "clear"])["removed"], json!(0));
    assert_eq!(home.json(&["--namespace", "default", "clear"])["removed"], json!(3));
    home.run(&["--namespace", "Grüße", "exists", "schlüssel"]).succeeded();
    home.run(&["--namespace", "other", "set", "plain", "again"]).succeeded();
    assert_eq!(home.ok(&["--namespace", "other", "get", "plain"]), "again");
}

#[test]
fn everything_is_cleared_and_the_space_given_back() {
    let home = varied();
    for n in 0..8 {
        home.pipe(&["set", &format!("big{n}")], &noise(n, 400_000)).succeeded();
    }
    let size = || -> u64 { home.segments().iter().map(|path| fs::metadata(path).map_or(0, |meta| meta.len())).sum() };
    assert!(size() > 3_000_000);
    let done = home.run(&["clear"]).succeeded();
    assert!(done.text().contains("13"), "{done:?}");
    assert!(size() < 10_000, "{} bytes are left", size());
    for (namespace, key) in ENTRIES {
        home.run(&["--namespace", namespace, "exists", key]).ended(1);
    }
    home.run(&["set", "k", "v"]).succeeded();
    assert_eq!(home.ok(&["list"]), "k\n");
    assert_eq!(home.json(&["clear"])["removed"], json!(1));
    assert_eq!(home.json(&["clear"])["removed"], json!(0));
    home.run(&["verify"]).succeeded();
}

#[test]
fn cleanup_removes_what_is_past_its_time_once() {
    let home = Home::new();
    home.run(&["set", "stays", "v"]).succeeded();
    home.run(&["set", "stale", "v", "--ttl", "1ms", "--stale", "1h"]).succeeded();
    for key in ["a", "b"] {
        home.run(&["set", key, "v", "--ttl", "1ms"]).succeeded();
    }
    wait_until("both are gone", || home.run(&["exists", "b"]).code == 1);
    assert_eq!(home.json(&["cleanup"]), json!({"removed": 2}));
    assert_eq!(home.ok(&["list"]), "stays\nstale\n");
    assert_eq!(home.json(&["cleanup"]), json!({"removed": 0}), "what went is not there to go again");
    assert!(home.ok(&["cleanup"]).contains('0'));
}

#[test]
fn cleanup_gives_space_back() {
    let home = Home::new();
    for n in 0..12 {
        home.pipe(&["set", &format!("k{n}"), "--max-size", "16MiB", "--ttl", "1ms"], &noise(n, 200_000)).succeeded();
    }
    let full = home.json(&["stats"])["store"]["disk_bytes"].as_u64().expect("bytes");
    assert!(full > 2_000_000);
    wait_until("they are gone", || home.run(&["exists", "k11"]).code == 1);
    home.run(&["cleanup"]).succeeded();
    let left = home.json(&["stats"])["store"]["disk_bytes"].as_u64().expect("bytes");
    assert!(left < 600_000, "{left} bytes are left of {full}");
    home.run(&["verify"]).succeeded();
}

#[test]
fn stats_tell_what_is_there() {
    let home = varied();
    let stats = home.json(&["stats", "--max-size", "100MB"]);
    assert_eq!(stats["store"]["entries"], json!(5));
    assert_eq!(stats["max_size"], json!(100_000_000));
    assert_eq!(stats["directory"], json!(home.store()));
    let names: Vec<_> =
        stats["namespaces"].as_array().expect("an array").iter().map(|n| n["name"].as_str().expect("a name")).collect();
    assert_eq!(names, ["Grüße", "default", "other"]);
    assert_eq!(stats["namespaces"][1]["entries"], json!(3));
    assert!(
        stats["store"]["live_bytes"].as_u64() > Some(50_000) && stats["store"]["live_bytes"].as_u64() < Some(60_000)
    );
    let shown = home.ok(&["stats"]);
    for word in ["entries", "disk", "default", "other", "Grüße"] {
        assert!(shown.contains(word), "{word} in {shown}");
    }
}

#[test]
fn a_sound_store_is_found_sound() {
    let home = varied();
    let done = home.run(&["verify"]).succeeded();
    assert!(done.text().starts_with("sound"), "{done:?}");
    let found = home.json(&["verify"]);
    assert_eq!((&found["records"], &found["damaged_records"]), (&json!(5), &json!(0)));
    Home::new().run(&["verify"]).succeeded();
}

#[test]
fn a_flipped_bit_in_a_value_costs_that_entry_only() {
    let home = Home::new();
    for key in ["before", "damaged", "after"] {
        home.run(&["set", key, &format!("the value of {key}")]).succeeded();
    }
    flip(&home.segments()[0], b"the value of damaged");
    let done = home.run(&["verify", "--json"]).ended(3);
    assert_eq!(done.json()["damaged_records"], json!(1));
    assert!(home.run(&["verify"]).ended(3).text().starts_with("damaged"));
    assert_eq!(home.get("damaged"), None, "never a wrong value");
    for key in ["before", "after"] {
        assert_eq!(home.get(key), Some(format!("the value of {key}").into_bytes()));
    }
    home.run(&["set", "damaged", "mended"]).succeeded();
    assert_eq!(home.get("damaged").as_deref(), Some(&b"mended"[..]));
}

/// Not one byte of the log may be wrong and unseen, and none may cost more than one entry.
#[test]
fn every_flipped_byte_is_seen_and_costs_one_entry_at_most() {
    let home = Home::new();
    let cache = Cache::builder().directory(home.store()).shards(1).open().expect("opens");
    let value = |n: u64| if n == 3 { "compressible ".repeat(200).into_bytes() } else { noise(n, 40) };
    for n in 0..6 {
        cache.set_with(format!("k{n}"), value(n), &SetOptions::new().tag("t").metadata("m", "n")).expect("stored");
    }
    drop(cache);
    let path = &home.segments()[0];
    let whole = fs::read(path).expect("readable");
    for at in (32..whole.len()).step_by(11) {
        let mut harmed = whole.clone();
        harmed[at] ^= 0x04;
        fs::write(path, &harmed).expect("writable");
        let cache = Cache::builder().directory(home.store()).shards(1).open().expect("opens");
        let mut lost = 0;
        for n in 0..6 {
            match cache.get(format!("k{n}")).expect("no error") {
                Some(found) => assert!(found == value(n), "byte {at}: a wrong value"),
                None => lost += 1,
            }
        }
        assert!(lost <= 1, "byte {at} cost {lost} entries");
        let sound = cache.verify(|_, _| {}).expect("verified").is_sound();
        assert!(lost == 0 || !sound, "byte {at} cost an entry and was not seen");
    }
}

#[test]
fn damage_in_an_old_segment_is_seen() {
    let home = Home::new();
    let cache = Cache::builder().directory(home.store()).max_size(16 << 20).open().expect("opens");
    cache.set("damaged", "the value of damaged").expect("stored");
    for n in 0..600 {
        cache.set(format!("k{n}"), noise(n, 1_000)).expect("stored");
    }
    drop(cache);
    assert!(home.segments().len() > 1);
    home.run(&["verify"]).succeeded();
    flip(&home.segments()[0], b"the value of damaged");
    assert_eq!(home.run(&["verify", "--json"]).ended(3).json()["damaged_records"], json!(1));
    assert_eq!(home.get("damaged"), None);
    for n in [0, 1, 300, 599] {
        assert!(home.get(&format!("k{n}")).as_deref() == Some(&noise(n, 1_000)), "k{n}");
    }
}

#[test]
fn the_component_can_be_taken_along() {
    let home = Home::new();
    let document = home.json(&["component", "--out", "larder.wasm"]);
    let bytes = fs::read(home.file("larder.wasm")).expect("written");
    assert_eq!(document["bytes"], json!(bytes.len()));
    // Magic, version 13, layer 1: a component, not a core module.
    assert_eq!(bytes[..8], [0, b'a', b's', b'm', 0x0d, 0, 1, 0]);
    assert!(bytes == larder::COMPONENT);
    let done = home.run(&["component", "--out", "again.wasm"]).succeeded();
    assert!(done.out.is_empty() && done.err.is_empty(), "{done:?}");
    home.run(&["component", "--out", "no/such/directory"]).refused(3, &["no/such/directory"]);
    home.run(&["component"]).refused(2, &["--out"]);
    assert!(!home.store().exists(), "needs no store");
}

#[test]
fn the_interface_is_printed() {
    let home = Home::new();
    let text = home.ok(&["component", "--wit"]);
    for word in ["package larder:cache@0.1.0", "world larder", "interface cache", "resource cache", "interface types"] {
        assert!(text.contains(word), "{word}");
    }
    assert_eq!(home.json(&["component", "--wit"])["wit"], json!(text));
}

/// A process that is killed while it writes a file or holds a lease leaves it behind.
#[test]
fn cleanup_sweeps_what_killed_processes_left() {
    let home = Home::new();
    home.run(&["run", "--", "true"]).succeeded();
    let begun = [home.store().join(".larder-root"), home.store().join("segments").join(".larder-index")];
    let young = home.store().join(".larder-young");
    for path in begun.iter().chain([&young]) {
        fs::write(path, "half of it").expect("written");
    }
    let long_ago = SystemTime::now() - Duration::from_secs(7_200);
    for path in &begun {
        File::options().write(true).open(path).and_then(|file| file.set_modified(long_ago)).expect("made older");
    }
    let [abandoned, held] = ["00000000000000aa", "00000000000000bb"].map(|name| home.store().join("leases").join(name));
    fs::write(&abandoned, "").expect("written");
    let lease = File::create(&held).expect("created");
    lease.lock().expect("locked");
    home.run(&["cleanup"]).succeeded();
    assert!(begun.iter().all(|path| !path.exists()), "begun long ago");
    assert!(young.exists(), "perhaps still being written");
    assert!(!abandoned.exists() && held.exists(), "a lease is swept when nobody holds it");
    home.run(&["verify"]).succeeded();
}
