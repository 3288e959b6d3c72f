//! Fears that processes on one directory do not see each other, lose each other's writes, or together take more of the
//! disk than they may.

mod common;

use std::collections::HashSet;
use std::env;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

use common::{Home, end_of, noise, wait_until};
use larder::{Cache, ErrorKind, SetOptions};
use serde_json::json;

const TASK: &str = "TASK_OF_THIS_CHILD";

/// Not a test: what this binary does as a child of one.
#[test]
fn child() {
    let Ok(task) = env::var(TASK) else { return };
    let words: Vec<_> = task.split('|').collect();
    let [name, dir, place] = words[..] else { panic!("no task {task:?}") };
    let dir = Path::new(dir);
    let place: u64 = place.parse().expect("a number");
    let cache = Cache::builder().directory(dir.join("store")).max_size(16 << 20).open().expect("opens");
    fs::write(dir.join(format!("ready-{place}")), "").expect("writable");
    wait_until("all are ready", || dir.join("go").exists());
    match name {
        "increment" => {
            for _ in 0..INCREMENTS {
                cache.increment("counter", 1, &SetOptions::new()).expect("counted");
            }
        }
        "write" => {
            for n in 0..WRITES {
                cache.set(format!("{place}:{n}"), noise(place * WRITES + n, 500)).expect("stored");
            }
        }
        "add" => {
            let won = (0..ADDS).filter(|n| {
                let added = cache.add(format!("key{n}"), place.to_string(), &SetOptions::new()).expect("decided");
                added.is_some()
            });
            fs::write(dir.join(format!("won-{place}")), won.map(|n| format!("{n}\n")).collect::<String>())
                .expect("said");
        }
        "churn" => {
            let small = Cache::builder().directory(dir.join("small")).max_size(SMALL).open().expect("opens");
            for n in 0..CHURN {
                small.set(format!("{place}:{n}"), noise(place * CHURN + n, 1_000)).expect("stored");
            }
        }
        _ => panic!("no task {task:?}"),
    }
}

const INCREMENTS: u64 = 1_500;
const WRITES: u64 = 600;
const ADDS: u64 = 300;
const CHURN: u64 = 4_000;
const SMALL: u64 = 1 << 20;
/// The smallest segment there is.
const SEGMENT: u64 = 256 << 10;

/// Children that do a task at the same time.
fn children(home: &Home, task: &str, count: u64) -> Vec<Child> {
    let children = (0..count).map(|place| {
        let mut command = Command::new(env::current_exe().expect("this program"));
        command.args(["--exact", "child", "--nocapture"]).stdin(Stdio::null()).stdout(Stdio::null());
        command.env(TASK, format!("{task}|{}|{place}", home.path().display()));
        command.spawn().expect("starts")
    });
    let mut children: Vec<_> = children.collect();
    wait_until("all are ready", || {
        let dead = children.iter_mut().any(|child| child.try_wait().expect("can be asked").is_some());
        if dead {
            // The others would wait for one that does not come.
            children.iter_mut().for_each(|child| drop(child.kill()));
        }
        assert!(!dead, "a child failed to open the store");
        (0..count).all(|place| home.file(&format!("ready-{place}")).exists())
    });
    home.write("go", "");
    children
}

fn succeed(children: Vec<Child>) {
    for mut child in children {
        assert!(end_of(&mut child).success(), "a child failed");
    }
}

fn open(home: &Home) -> Cache {
    Cache::builder().directory(home.store()).open().expect("opens")
}

fn get(cache: &Cache, key: &str) -> Option<String> {
    cache.get(key).expect("readable").map(|value| String::from_utf8(value).expect("text"))
}

#[test]
fn a_long_lived_cache_sees_what_commands_do() {
    let home = Home::new();
    let cache = open(&home);
    assert_eq!(get(&cache, "k"), None);
    home.run(&["set", "k", "first"]).succeeded();
    // Twice: the second time it is in memory.
    assert_eq!((get(&cache, "k"), get(&cache, "k")), (Some("first".into()), Some("first".into())));
    home.run(&["set", "k", "second", "--ttl", "1h"]).succeeded();
    assert_eq!(get(&cache, "k").as_deref(), Some("second"));
    assert!(cache.inspect("k").expect("readable").is_some_and(|info| info.expires.is_some()));
    home.run(&["touch", "k", "--ttl", "never"]).succeeded();
    assert_eq!(cache.ttl("k").expect("readable"), Some(larder::Remaining::Forever));
    home.run(&["delete", "k"]).succeeded();
    assert_eq!(get(&cache, "k"), None);
    assert!(!cache.contains("k").expect("readable"));
    home.run(&["set", "k", "third"]).succeeded();
    assert_eq!(get(&cache, "k").as_deref(), Some("third"));
}

#[test]
fn a_long_lived_cache_sees_what_commands_clear() {
    let home = Home::new();
    let cache = open(&home);
    let other = cache.namespace("other").expect("a namespace");
    for key in ["a", "b"] {
        cache.set(key, "v").expect("stored");
        other.set(key, "w").expect("stored");
        assert_eq!((get(&cache, key).as_deref(), get(&other, key).as_deref()), (Some("v"), Some("w")));
    }
    home.run(&["--namespace", "other", "clear"]).succeeded();
    assert_eq!((get(&other, "a"), get(&other, "b")), (None, None));
    assert_eq!((get(&cache, "a").as_deref(), get(&cache, "b").as_deref()), (Some("v"), Some("v")));
    home.run(&["clear"]).succeeded();
    assert_eq!((get(&cache, "a"), get(&cache, "b")), (None, None));
    assert_eq!(cache.list(&Default::default()).expect("listed"), []);
}

/// What `clear` leaves behind is a store like any other, also for those who had it open.
#[test]
fn a_long_lived_cache_goes_on_after_a_clear() {
    let home = Home::new();
    let cache = open(&home);
    for round in 0..3 {
        cache.set("before", "v").expect("stored");
        home.run(&["clear"]).succeeded();
        assert_eq!(get(&cache, "before"), None, "round {round}");
        let written = cache.set("after", "v").expect("stored");
        assert_eq!(written.durability, larder::Durability::Process, "round {round}");
        assert_eq!(home.ok(&["get", "after"]), "v", "round {round}");
        home.run(&["set", "theirs", "w"]).succeeded();
        assert_eq!(get(&cache, "theirs").as_deref(), Some("w"), "round {round}");
    }
}

/// As after `clear` alone, but nothing is asked of the open cache before it writes.
#[test]
fn a_long_lived_cache_writes_first_thing_after_a_clear() {
    let home = Home::new();
    let cache = open(&home);
    cache.set("mine", "old").expect("stored");
    home.run(&["clear"]).succeeded();
    home.run(&["set", "theirs", "w"]).succeeded();
    assert_eq!(cache.set("mine", "new").expect("stored").durability, larder::Durability::Process);
    assert_eq!(home.ok(&["get", "mine"]), "new");
    assert_eq!(home.ok(&["get", "theirs"]), "w");
    home.run(&["verify"]).succeeded();
}

#[test]
fn a_long_lived_cache_survives_that_its_store_is_made_anew() {
    let home = Home::new();
    let cache = open(&home);
    cache.set("old", "v").expect("stored");
    let superblock = home.store().join("larder.store");
    let mut bytes = fs::read(&superblock).expect("readable");
    bytes[30] ^= 1;
    fs::write(&superblock, bytes).expect("writable");
    home.run(&["clear"]).succeeded();
    home.run(&["set", "new", "w"]).succeeded();
    // It may work on from memory, but not fail, and not write over the new one.
    let _ = cache.set("late", "v");
    let _ = cache.get("old").expect("no error");
    drop(cache);
    home.run(&["verify"]).succeeded();
    assert_eq!(home.ok(&["get", "new"]), "w");
    assert_eq!(get(&open(&home), "new").as_deref(), Some("w"));
}

#[test]
fn commands_see_what_a_long_lived_cache_does() {
    let home = Home::new();
    let cache = open(&home);
    cache.set("k", "first").expect("stored");
    assert_eq!(home.ok(&["get", "k"]), "first");
    cache.set("k", "second").expect("stored");
    assert_eq!(home.ok(&["get", "k"]), "second");
    cache.delete("k").expect("deleted");
    assert_eq!(home.get("k"), None);
    cache.set("k", "third").expect("stored");
    cache.clear().expect("cleared");
    assert_eq!(home.get("k"), None);
    assert_eq!(home.ok(&["list"]), "");
}

#[test]
fn two_handles_in_one_process_see_each_other_too() {
    let home = Home::new();
    let (one, two) = (open(&home), open(&home));
    for n in 0..200 {
        let (writer, reader) = if n % 2 == 0 { (&one, &two) } else { (&two, &one) };
        writer.set("k", n.to_string()).expect("stored");
        assert_eq!(get(reader, "k"), Some(n.to_string()));
        assert_eq!(reader.increment("k", 1, &SetOptions::new()).expect("counted"), n + 1);
        assert_eq!(get(writer, "k"), Some((n + 1).to_string()));
    }
}

/// While it looked away, others wrote so much that all it knew is gone from the disk.
#[test]
fn a_long_lived_cache_keeps_up_when_all_its_segments_are_dropped() {
    let home = Home::new();
    let small = || Cache::builder().directory(home.store()).max_size(SMALL).open().expect("opens");
    let (idle, busy) = (small(), small());
    idle.set("early", "v").expect("stored");
    assert_eq!(get(&idle, "early").as_deref(), Some("v"));
    for round in 0..3 {
        for n in 0..3_000 {
            busy.set(format!("k{n}"), noise(n, 1_000)).expect("stored");
        }
        assert!(idle.get("k2999").expect("readable") == Some(noise(2_999, 1_000)), "round {round}: sees the newest");
        let written = idle.set("late", round.to_string()).expect("stored");
        assert_eq!(written.durability, larder::Durability::Process, "round {round}: can write");
        assert_eq!(get(&busy, "late"), Some(round.to_string()), "round {round}");
    }
    drop((idle, busy));
    home.run(&["--max-size", "1MiB", "verify"]).succeeded();
}

#[test]
fn increments_add_up() {
    let home = Home::new();
    let cache = Cache::builder().directory(home.store()).max_size(16 << 20).open().expect("opens");
    cache.set("counter", "1000").expect("stored");
    let all = children(&home, "increment", 4);
    // One that only watches never sees it go down.
    let mut last = 1_000;
    let done = 1_000 + 4 * INCREMENTS as i64;
    wait_until("all have counted", || {
        let now: i64 = get(&cache, "counter").expect("always there").parse().expect("a number");
        assert!(now >= last, "{now} after {last}");
        last = now;
        now >= done
    });
    succeed(all);
    assert_eq!(get(&cache, "counter"), Some(done.to_string()));
    drop(cache);
    assert_eq!(get(&open(&home), "counter"), Some(done.to_string()));
}

#[test]
fn writers_at_the_same_time_lose_nothing() {
    let home = Home::new();
    succeed(children(&home, "write", 4));
    let cache = open(&home);
    for place in 0..4 {
        for n in 0..WRITES {
            let found = cache.get(format!("{place}:{n}")).expect("readable");
            assert!(found == Some(noise(place * WRITES + n, 500)), "{place}:{n}");
        }
    }
    assert_eq!(home.json(&["stats"])["store"]["entries"], json!(4 * WRITES));
    home.run(&["verify"]).succeeded();
}

#[test]
fn of_all_who_add_one_wins() {
    let home = Home::new();
    succeed(children(&home, "add", 4));
    let cache = open(&home);
    let mut seen = HashSet::new();
    for place in 0..4 {
        let won = fs::read_to_string(home.file(&format!("won-{place}"))).expect("said");
        for n in won.lines() {
            assert!(seen.insert(n.to_owned()), "key{n} was won twice");
            assert_eq!(get(&cache, &format!("key{n}")), Some(place.to_string()));
        }
    }
    assert_eq!(seen.len() as u64, ADDS);
}

#[test]
fn a_store_is_made_once_however_many_come_first() {
    for _ in 0..3 {
        let home = Home::new();
        let start = |n: u32| {
            let mut command = home.larder(&["set", &format!("k{n}"), "v"]);
            command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("larder starts")
        };
        let all: Vec<_> = (0..12).map(start).collect();
        for child in all {
            common::collect(child).succeeded();
        }
        assert_eq!(home.ok(&["list"]).lines().count(), 12);
        home.run(&["verify"]).succeeded();
    }
}

/// Between looking for the superblock and looking what else there is, somebody else may make the store.
#[test]
fn whoever_comes_while_the_store_is_made_is_not_turned_away() {
    for round in 0..200 {
        let home = Home::new();
        let barrier = Arc::new(Barrier::new(3));
        let come = |patience: Duration| {
            let (dir, barrier) = (home.store(), barrier.clone());
            thread::spawn(move || {
                barrier.wait();
                let began = Instant::now();
                loop {
                    // Without patience for the lock it comes again and again while another one makes the store.
                    let opened = Cache::builder().directory(&dir).shards(1).lock_timeout(patience).open();
                    match opened {
                        Err(e) if e.kind() == ErrorKind::Locked && began.elapsed() < common::DEADLINE => {}
                        opened => return opened.map(drop),
                    }
                }
            })
        };
        let all = [come(Duration::from_secs(5)), come(Duration::ZERO), come(Duration::ZERO)];
        for one in all {
            one.join().expect("no panic").unwrap_or_else(|e| panic!("turned away in round {round}: {e}"));
        }
    }
}

/// The sizes of all files below a directory, if nothing changed while they were looked at.
fn sizes(dir: &Path) -> Option<Vec<(PathBuf, u64)>> {
    fn walk(dir: &Path, found: &mut Vec<(PathBuf, u64)>) {
        for entry in fs::read_dir(dir).into_iter().flatten().flatten() {
            let path = entry.path();
            match fs::metadata(&path) {
                Ok(meta) if meta.is_dir() => walk(&path, found),
                Ok(meta) => found.push((path, meta.len())),
                Err(_) => {}
            }
        }
    }
    let look = || {
        let mut found = Vec::new();
        walk(dir, &mut found);
        found.sort();
        found
    };
    let (first, second) = (look(), look());
    (first == second).then_some(second)
}

#[derive(Debug, Default)]
struct Seen {
    looks: u64,
    largest: u64,
    files: Vec<(PathBuf, u64)>,
}

/// Watches a directory's size until told to stop.
fn watch(dir: PathBuf, stop: Arc<AtomicBool>) -> thread::JoinHandle<Seen> {
    thread::spawn(move || {
        let mut seen = Seen::default();
        // Who had no time to look before looks at what there is in the end.
        while seen.looks == 0 || !stop.load(Ordering::Relaxed) {
            let Some(files) = sizes(&dir) else { continue };
            seen.looks += 1;
            let total = files.iter().map(|(_, size)| size).sum();
            if total > seen.largest {
                seen.largest = total;
                seen.files = files;
            }
        }
        seen
    })
}

#[test]
fn the_disk_stays_within_its_cap_at_every_moment() {
    for (len, count) in [(100, 20_000), (1_000, 6_000), (20_000, 400)] {
        let home = Home::new();
        let cache = Cache::builder().directory(home.store()).max_size(SMALL).open().expect("opens");
        let stop = Arc::new(AtomicBool::new(false));
        let watcher = watch(home.store(), stop.clone());
        for n in 0..count {
            cache.set(format!("k{n}"), noise(n, len)).expect("stored");
            if n % 10 == 0 {
                let files = sizes(&home.store()).expect("nobody else writes");
                let total: u64 = files.iter().map(|(_, size)| size).sum();
                assert!(total <= SMALL + SEGMENT, "{total} bytes of {len} each after {n}: {files:?}");
            }
        }
        stop.store(true, Ordering::Relaxed);
        let seen = watcher.join().expect("watched");
        assert!(seen.looks > 0 && seen.largest <= SMALL + SEGMENT, "{len} bytes each: {seen:?}");
        // Half of what fits is certainly still there, and it is the newest.
        let kept = SMALL / 2 / (len as u64 + 400);
        for n in count - kept..count {
            assert!(cache.get(format!("k{n}")).expect("readable") == Some(noise(n, len)), "k{n} of {len} bytes");
        }
        let stats = cache.stats_all().expect("counted");
        let store = stats.store.expect("a store");
        assert!(store.disk_bytes <= SMALL && stats.memory.counters.evicted_store_bytes > 0, "{stats:?}");
        assert_eq!(stats.degraded, 0);
        drop(cache);
        let cache = Cache::builder().directory(home.store()).max_size(SMALL).open().expect("opens");
        for n in count - kept..count {
            assert!(cache.get(format!("k{n}")).expect("readable") == Some(noise(n, len)), "k{n} of {len} bytes");
        }
        assert!(cache.verify(|_, _| {}).expect("verified").is_sound());
    }
}

#[test]
fn entries_as_large_as_a_segment_stay_within_the_cap_too() {
    let home = Home::new();
    let cache = Cache::builder().directory(home.store()).max_size(SMALL).open().expect("opens");
    for n in 0..40 {
        let len = [400_000, 1_000, 300_000][n as usize % 3];
        cache.set(format!("k{n}"), noise(n, len)).expect("stored");
        let files = sizes(&home.store()).expect("nobody else writes");
        let total: u64 = files.iter().map(|(_, size)| size).sum();
        assert!(total <= SMALL + SEGMENT, "{total} after {n}: {files:?}");
        assert!(cache.get(format!("k{n}")).expect("readable") == Some(noise(n, len)), "k{n}");
    }
}

#[test]
fn many_processes_together_stay_within_the_cap() {
    let home = Home::new();
    let all = children(&home, "churn", 4);
    let stop = Arc::new(AtomicBool::new(false));
    let watcher = watch(home.file("small"), stop.clone());
    succeed(all);
    stop.store(true, Ordering::Relaxed);
    let seen = watcher.join().expect("watched");
    assert!(seen.looks > 0 && seen.largest <= SMALL + SEGMENT, "{seen:?}");
    let cache = Cache::builder().directory(home.file("small")).max_size(SMALL).open().expect("opens");
    let listed = cache.list(&Default::default()).expect("listed");
    assert!(listed.len() > 300, "{} entries", listed.len());
    for info in listed {
        let key = String::from_utf8(info.key).expect("text");
        let (place, n) = key.split_once(':').expect("a key of ours");
        let seed = place.parse::<u64>().expect("a number") * CHURN + n.parse::<u64>().expect("a number");
        assert!(cache.get(&key).expect("readable") == Some(noise(seed, 1_000)), "{key}");
    }
    assert!(cache.verify(|_, _| {}).expect("verified").is_sound());
}

/// One key overwritten many thousand times fills segments with nothing: none of the live entries need go.
#[test]
fn overwriting_one_key_costs_no_other_entry() {
    let home = Home::new();
    let cache = Cache::builder().directory(home.store()).max_size(SMALL).open().expect("opens");
    for n in 0..100 {
        cache.set(format!("k{n}"), noise(n, 1_000)).expect("stored");
    }
    for n in 0..20_000 {
        cache.set("hot", noise(n, 900)).expect("stored");
    }
    let kept = |cache: &Cache| {
        let lost: Vec<_> =
            (0..100).filter(|n| cache.get(format!("k{n}")).expect("readable") != Some(noise(*n, 1_000))).collect();
        assert!(lost.is_empty(), "lost: {lost:?}");
        assert!(cache.get("hot").expect("readable") == Some(noise(19_999, 900)));
    };
    kept(&cache);
    assert_eq!(cache.stats_all().expect("counted").memory.counters.evicted_store_bytes, 0);
    drop(cache);
    let cache = Cache::builder().directory(home.store()).max_size(SMALL).open().expect("opens");
    kept(&cache);
    // And neither does one value of a third of the cap, again and again.
    for n in 0..50 {
        cache.set("hot", noise(n, 350_000)).expect("stored");
    }
    for n in 0..100 {
        assert!(cache.get(format!("k{n}")).expect("readable") == Some(noise(n, 1_000)), "k{n}");
    }
}

/// Nothing deleted comes back when the segments that say so are dropped.
#[test]
fn what_is_deleted_stays_so_when_segments_are_dropped() {
    let home = Home::new();
    let small = || Cache::builder().directory(home.store()).max_size(SMALL).open().expect("opens");
    let cache = small();
    for n in 0..50 {
        cache.set(format!("k{n}"), "old").expect("stored");
    }
    for n in 0..25 {
        cache.delete(format!("k{n}")).expect("deleted");
    }
    for n in 25..50 {
        cache.set(format!("k{n}"), "new").expect("stored");
    }
    for round in 0..12 {
        for n in 0..400 {
            cache.set("hot", noise(n, 1_000)).expect("stored");
        }
        let again = small();
        for n in 0..50 {
            let expected = (n >= 25).then(|| "new".to_owned());
            assert_eq!(get(&cache, &format!("k{n}")), expected, "k{n} in round {round}");
            assert_eq!(get(&again, &format!("k{n}")), expected, "k{n} in round {round}, reopened");
        }
    }
}
