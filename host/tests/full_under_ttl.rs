//! Fears a cache under the policy `ttl` that gives up what it was to keep, takes what it cannot hold, or is stuck once it is
//! full.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use common::{Home, noise};
use larder::{Builder, Cache, Codec, ErrorKind, SetOptions, Strategy};

const CAP: u64 = 4 << 20;
const LEN: usize = 1_000;

/// A time that tests move.
#[derive(Clone, Default)]
struct Time(Arc<AtomicU64>);

fn builder(time: &Time) -> Builder {
    let time = time.clone();
    let now = move || 1_790_000_000_000 + time.0.load(Ordering::Relaxed);
    Cache::builder().policy("ttl").codec(Codec::None).cleanup_interval(None).clock(now)
}

fn stored(home: &Home, time: &Time) -> Builder {
    builder(time).directory(home.store()).max_size(CAP)
}

fn value(n: u64) -> Vec<u8> {
    vec![n as u8; LEN]
}

fn hour() -> SetOptions {
    SetOptions::new().ttl(Duration::from_secs(3600))
}

/// Sets entries from `from` on until one is refused, and answers which.
fn fill(cache: &Cache, from: u64, options: &SetOptions) -> u64 {
    for n in from.. {
        if let Err(refused) = cache.set_with(format!("k{n}"), value(n), options) {
            assert_eq!(refused.kind(), ErrorKind::Full, "{refused}");
            assert!(refused.to_string().contains("delete entries"), "{refused}");
            return n;
        }
    }
    unreachable!("a cache has an end")
}

/// All of them are on disk, as whoever opens the store sees it.
fn assert_on_disk(home: &Home, time: &Time, keys: std::ops::Range<u64>) {
    let reader = stored(home, time).strategy(Strategy::ReadOnly).open().expect("opens");
    for n in keys {
        assert_eq!(reader.get(format!("k{n}")).expect("readable"), Some(value(n)), "k{n}");
    }
}

fn disk_bytes(home: &Home) -> u64 {
    let folder = std::fs::read_dir(home.store().join("segments")).expect("there");
    folder.map(|file| file.expect("listed").metadata().expect("there").len()).sum()
}

#[test]
fn a_full_memory_refuses_and_loses_nothing() {
    let time = Time::default();
    let cache = builder(&time).strategy(Strategy::Memory).shards(1).max_memory_entries(10).open().expect("opens");
    assert_eq!(fill(&cache, 0, &hour()), 10);
    for n in 0..10 {
        assert_eq!(cache.get(format!("k{n}")).expect("readable"), Some(value(n)));
    }
    assert_eq!(cache.stats().expect("counted").memory.counters.full, 1);
    time.0.fetch_add(3_600_000, Ordering::Relaxed);
    assert_eq!(fill(&cache, 100, &SetOptions::new()), 110, "what is over makes room");
}

#[test]
fn a_full_store_refuses_and_loses_nothing() {
    let (home, time) = (Home::new(), Time::default());
    let cache = stored(&home, &time).open().expect("opens");
    let end = fill(&cache, 0, &SetOptions::new());
    assert!(end > 2_000, "{end} entries of a kilobyte in four megabytes");
    for more in 0..500 {
        cache.set(format!("more{more}"), value(more)).expect_err("full");
    }
    assert_on_disk(&home, &time, 0..end);
    assert!(disk_bytes(&home) <= CAP, "{} bytes", disk_bytes(&home));
    assert_eq!(cache.stats().expect("counted").memory.counters.full, 501);
    drop(cache);
    let cache = stored(&home, &time).open().expect("opens");
    assert_eq!(cache.set("another process", value(1)).expect_err("full").kind(), ErrorKind::Full);
    assert_eq!(cache.stats().expect("counted").memory.counters.evictions(), 0);
}

#[test]
fn a_full_store_goes_on_with_what_is_there() {
    let (home, time) = (Home::new(), Time::default());
    let cache = stored(&home, &time).open().expect("opens");
    let end = fill(&cache, 0, &hour());
    // Four times what the store holds is written.
    for turn in 0..4 * end {
        let n = turn * 7919 % end;
        cache.set_with(format!("k{n}"), value(n), &hour()).expect("takes nobody's place");
        cache.touch(format!("k{n}"), Some(Duration::from_secs(7200))).expect("takes nobody's place").expect("there");
    }
    assert_on_disk(&home, &time, 0..end);
    assert!(disk_bytes(&home) <= CAP, "{} bytes", disk_bytes(&home));
    for n in 0..end {
        assert!(cache.delete(format!("k{n}")).expect("deleting finds its room"));
    }
    assert!(fill(&cache, 10_000, &SetOptions::new()) - 10_000 >= end - 10, "as many as before");
}

#[test]
fn what_is_over_makes_room_in_a_full_store() {
    let (home, time) = (Home::new(), Time::default());
    let cache = stored(&home, &time).open().expect("opens");
    for n in 0..1_000 {
        cache.set_with(format!("short{n}"), value(n), &hour()).expect("stored");
    }
    let end = fill(&cache, 0, &SetOptions::new());
    time.0.fetch_add(3_600_000, Ordering::Relaxed);
    let further = fill(&cache, end, &SetOptions::new());
    assert!((900..1_100).contains(&(further - end)), "{} entries in place of a thousand", further - end);
    assert_on_disk(&home, &time, 0..further);
    assert!(disk_bytes(&home) <= CAP, "{} bytes", disk_bytes(&home));
}

#[test]
fn a_store_of_few_entries_refuses_one_more() {
    let (home, time) = (Home::new(), Time::default());
    let cache = stored(&home, &time).max_entries(10).open().expect("opens");
    cache.set_with("short", "v", &hour()).expect("stored");
    assert_eq!(fill(&cache, 0, &SetOptions::new()), 9);
    cache.set("k0", value(0)).expect("no entry more");
    time.0.fetch_add(3_600_000, Ordering::Relaxed);
    assert_eq!(fill(&cache, 9, &SetOptions::new()), 10);
    assert_on_disk(&home, &time, 0..10);
}

#[test]
fn a_store_that_was_made_smaller_loses_nothing_and_can_be_emptied() {
    let (home, time) = (Home::new(), Time::default());
    let cache = stored(&home, &time).max_size(2 * CAP).open().expect("opens");
    let end = fill(&cache, 0, &SetOptions::new());
    drop(cache);
    let cache = stored(&home, &time).open().expect("opens");
    assert_eq!(fill(&cache, end, &SetOptions::new()), end);
    cache.cleanup().expect("there is nothing to clean up");
    assert_on_disk(&home, &time, 0..end);
    for n in 0..end - 1_000 {
        assert!(cache.delete(format!("k{n}")).expect("there is always room to delete"));
    }
    assert_on_disk(&home, &time, end - 1_000..end);
    let further = fill(&cache, end, &SetOptions::new());
    assert!(further - end > 1_000, "{} entries more", further - end);
    assert_on_disk(&home, &time, end - 1_000..further);
    assert!(disk_bytes(&home) <= CAP, "{} bytes", disk_bytes(&home));
}

#[test]
fn another_policy_makes_room_again() {
    let (home, time) = (Home::new(), Time::default());
    let cache = stored(&home, &time).open().expect("opens");
    let end = fill(&cache, 0, &SetOptions::new());
    assert_eq!(cache.set_policy("best").expect_err("no such policy").kind(), ErrorKind::InvalidArgument);
    assert_eq!(cache.set("more", "v".repeat(LEN)).expect_err("still full").kind(), ErrorKind::Full);
    cache.set_policy("lru").expect("there is one");
    for n in end..end + 2_000 {
        cache.set(format!("k{n}"), value(n)).expect("others make room");
    }
    cache.set_policy("ttl").expect("there is one");
    let there = (0..end + 2_000).filter(|n| cache.contains(format!("k{n}")).expect("readable")).count();
    fill(&cache, end + 2_000, &SetOptions::new());
    let still = (0..end + 2_000).filter(|n| cache.contains(format!("k{n}")).expect("readable")).count();
    assert_eq!(still, there, "nothing goes any more");
}

#[test]
fn the_command_says_that_the_store_is_full() {
    let home = Home::new();
    let set = |n: u64| {
        let path = home.write("value", noise(n, 400_000));
        let file = path.to_str().expect("UTF-8");
        home.run(&["--policy", "ttl", "--max-size", "4MB", "set", &format!("k{n}"), "--file", file])
    };
    let refused = (0..50).map(|n| (n, set(n))).find(|(_, done)| done.code != 0);
    let (end, refused) = refused.expect("fifty times 400 KB are more than 4 MB");
    assert_eq!(refused.code, 3, "{refused:?}");
    assert!(refused.err.contains("full") && refused.err.contains("max-size"), "{}", refused.err);
    assert!(end >= 5, "{end} entries");
    for n in 0..end {
        assert_eq!(home.get(&format!("k{n}")), Some(noise(n, 400_000)), "k{n}");
    }
    home.run(&["delete", "k0"]).succeeded();
    assert_eq!(set(end).code, 0);
}
