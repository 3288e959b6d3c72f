//! Fears a cache that needs its user to look after it: counts that die with a process, time that is over and space that stays
//! taken, waiting that adds up.

mod common;

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::{DEADLINE, Home, wait_until};
use larder::{Cache, Counters, Durability, ErrorKind, SetOptions};

fn open(home: &Home) -> Cache {
    Cache::builder().directory(home.store()).open().expect("opens")
}

fn counted(home: &Home) -> Counters {
    let text = std::fs::read(home.store().join("statistics.json")).unwrap_or_default();
    let lifetime: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    serde_json::from_value(lifetime["namespaces"]["default"].clone()).unwrap_or_default()
}

/// Reads a thousand times and waits to be killed. Does nothing when the tests are run.
#[test]
fn counting_child() {
    let Ok(dir) = std::env::var("LARDER_TEST_COUNTING") else { return };
    let cache = Cache::builder().directory(Path::new(&dir)).open().expect("opens");
    cache.set("k", "v").expect("stored");
    while counted_in(Path::new(&dir)) < 100 {
        assert!(cache.get("k").expect("readable").is_some());
    }
    println!("ready");
    thread::park();
}

fn counted_in(dir: &Path) -> u64 {
    let text = std::fs::read(dir.join("statistics.json")).unwrap_or_default();
    let lifetime: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    lifetime["namespaces"]["default"]["hits"].as_u64().unwrap_or(0)
}

#[test]
fn counts_are_saved_while_a_process_runs_and_outlive_its_death() {
    let home = Home::new();
    let mut command = Command::new(std::env::current_exe().expect("this test"));
    command.args(["counting_child", "--exact", "--nocapture"]).env("LARDER_TEST_COUNTING", home.store());
    let mut child = command.stdout(Stdio::null()).spawn().expect("starts");
    wait_until("a hundred reads are saved", || counted(&home).hits >= 100);
    child.kill().expect("killed");
    child.wait().expect("ended");
    let total = open(&home).lifetime().expect("counted").total();
    assert!(total.hits >= 100 && total.sets == 1, "{total:?}");
}

#[test]
fn after_a_hundred_operations_the_counts_are_saved() {
    let home = Home::new();
    let cache = Cache::builder().directory(home.store()).shards(1).open().expect("opens");
    for n in 0..99 {
        cache.set(format!("k{n}"), "v").expect("stored");
    }
    assert_eq!(counted(&home), Counters::default(), "not yet");
    cache.get("k1").expect("readable");
    let saved = counted(&home);
    assert_eq!((saved.sets, saved.hits), (99, 1));
}

#[test]
fn errors_are_counted_by_their_kind() {
    let home = Home::new();
    let cache = Cache::builder()
        .directory(home.store())
        .max_entry_size(1 << 20)
        .max_key_size(100)
        .lock_timeout(Duration::from_millis(10))
        .open()
        .expect("opens");
    let o = SetOptions::new;
    cache.set("", "v").expect_err("no key");
    cache.set("k".repeat(101), "v").expect_err("a key too long");
    cache.set("k", vec![0; (1 << 20) + 1]).expect_err("a value too large");
    cache.set("text", "v").expect("stored");
    cache.increment("text", 1, &o()).expect_err("not a number");
    let lock = File::open(home.store().join("larder.lock")).expect("there");
    lock.lock().expect("locked");
    cache.set("waits", "v").expect("kept in memory");
    cache.set_with("must", "v", &o().durability(Durability::Sync)).expect_err("not durable");
    drop(lock);
    let counters = cache.stats().expect("counted").memory.counters;
    let kinds = [
        counters.invalid_arguments,
        counters.keys_too_large,
        counters.values_too_large,
        counters.not_numbers,
        counters.lock_timeouts,
    ];
    assert_eq!(kinds, [1, 1, 1, 1, 2]);
    assert_eq!(counters.errors, 6);
    let text = home.ok(&["stats"]);
    drop(cache);
    assert!(text.contains("errors"), "{text}");
    let text = home.ok(&["stats"]);
    assert!(text.contains("2 lock time-outs") && text.contains("1 values too large"), "{text}");
}

#[test]
fn statistics_stay_small_whatever_names_are_used() {
    let home = Home::new();
    {
        let cache = open(&home);
        for n in 0..3_000 {
            let namespace = cache.namespace(&format!("tenant {n}")).expect("a name");
            namespace.get("k").expect("readable");
        }
    }
    let lifetime = open(&home).lifetime().expect("counted");
    assert!(lifetime.namespaces.len() <= 1_001, "{}", lifetime.namespaces.len());
    assert_eq!(lifetime.total().misses, 3_000, "none is lost");
}

#[test]
fn a_cache_that_stays_open_cleans_up_by_itself() {
    let home = Home::new();
    let time = Arc::new(AtomicU64::new(1_790_000_000_000));
    let clock = time.clone();
    let cache = Cache::builder()
        .directory(home.store())
        .cleanup_interval(Some(Duration::from_millis(5)))
        .clock(move || clock.load(Ordering::Relaxed))
        .open()
        .expect("opens");
    cache.set_with("short", "v", &SetOptions::new().ttl(Duration::from_secs(1))).expect("stored");
    cache.set("long", "v").expect("stored");
    time.fetch_add(2_000, Ordering::Relaxed);
    let held = || cache.stats_all().expect("counted").memory.entries;
    wait_until("what is over is gone", || held() == 1);
    wait_until("and counted", || counted(&home).expired > 0);
    assert_eq!(cache.get("long").expect("readable").as_deref(), Some(&b"v"[..]));
    // The thread does not keep the cache alive.
    drop(cache);
    let again = open(&home);
    again.set("more", "v").expect("stored");
}

#[test]
fn what_cools_is_compressed_by_itself_and_read_all_the_same() {
    let text = |n: usize| format!("entry {n} says the same thing again and again; ").repeat(20);
    let cache = Cache::builder().max_memory(1 << 20).shards(2).cold_tier(true).open().expect("opens");
    let held = || cache.stats_all().expect("counted").memory;
    wait_until("more is there than fits raw", || {
        // No faster than a thread can follow.
        let missing = (0..1_500).filter(|n| !cache.contains(format!("key {n}")).expect("readable"));
        for n in missing.take(50) {
            cache.set(format!("key {n}"), text(n)).expect("stored");
        }
        held().entries > 1_400
    });
    let memory = held();
    assert!(memory.cold_entries > 400 && memory.cold_bytes * 4 < memory.cold_values, "{memory:?}");
    assert!(memory.bytes <= 1 << 20 && memory.counters.cooled > 400, "{memory:?}");
    for n in 0..1_500 {
        if let Some(value) = cache.get(format!("key {n}")).expect("readable") {
            assert_eq!(value, text(n).into_bytes());
        }
    }
    assert!(held().counters.cold_hits > 0);
    cache.verify(|_, _| {}).expect("sound");
}

#[test]
fn without_a_thread_memory_is_compressed_when_it_is_asked_for() {
    let cache =
        Cache::builder().max_memory(1 << 20).shards(2).cold_tier(true).cleanup_interval(None).open().expect("opens");
    let fill = |cache: &Cache| {
        for n in 0..1_000 {
            cache.set(format!("key {n}"), "the same ".repeat(110)).expect("stored");
        }
    };
    fill(&cache);
    assert_eq!(cache.stats_all().expect("counted").memory.cold_entries, 0);
    assert!(cache.maintain().expect("done") > 0);
    assert!(cache.stats_all().expect("counted").memory.cold_entries > 0);
    let raw = Cache::builder().max_memory(1 << 20).cleanup_interval(None).open().expect("opens");
    fill(&raw);
    assert_eq!(raw.maintain().expect("nothing to do"), 0);
}

#[test]
fn an_interval_of_nothing_is_refused() {
    let refused = Cache::builder().cleanup_interval(Some(Duration::ZERO)).open().expect_err("refused");
    assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    Cache::builder().cleanup_interval(None).open().expect("never is fine");
}

#[test]
fn threads_that_wait_for_another_process_do_not_wait_for_each_other() {
    let home = Home::new();
    let cache = Cache::builder().directory(home.store()).lock_timeout(Duration::from_secs(2)).open().expect("opens");
    cache.set("there", "v").expect("stored");
    let lock = File::open(home.store().join("larder.lock")).expect("there");
    lock.lock().expect("locked");
    let began = Instant::now();
    thread::scope(|scope| {
        for n in 0..16 {
            let cache = &cache;
            scope.spawn(move || {
                let written = cache.set(format!("k{n}"), "v").expect("kept in memory");
                assert_eq!(written.durability, Durability::Memory);
            });
        }
        // Reads go on meanwhile.
        for _ in 0..100 {
            assert!(cache.get("there").expect("readable").is_some());
        }
        assert!(began.elapsed() < Duration::from_secs(2), "reads waited for the lock");
    });
    // One after the other they would have taken half a minute.
    assert!(began.elapsed() < DEADLINE, "{:?}", began.elapsed());
    assert_eq!(cache.stats_all().expect("counted").memory.counters.lock_timeouts, 16);
    assert!((0..16).all(|n| cache.get(format!("k{n}")).expect("readable").is_some()));
}

#[test]
fn inspect_tells_age_accesses_and_the_last_of_them() {
    let home = Home::new();
    home.run(&["set", "k", "v", "--ttl", "1h"]).succeeded();
    let before = home.json(&["inspect", "k"]);
    assert_eq!(before["hits"], 0);
    for _ in 0..3 {
        home.run(&["get", "k"]).succeeded();
    }
    let after = home.json(&["inspect", "k"]);
    assert_eq!(after["hits"], 3, "by three processes");
    assert!(after["accessed"].as_u64() >= before["created"].as_u64().map(|t| t / 1000 * 1000));
    assert!(after["expires"].as_u64() > after["created"].as_u64() && after["value_size"] == 1);
    let text = home.ok(&["inspect", "k"]);
    for word in ["created", "accessed", "accesses", "expires", "value"] {
        assert!(text.contains(word), "{text}");
    }
}
