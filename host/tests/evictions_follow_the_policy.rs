//! Fears a store that gives up what is used and keeps what nobody reads: because it forgot who was read, because reads were
//! answered from memory or made by another process, or because what goes lay in the wrong segment.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use common::Home;
use larder::{Builder, Cache, Codec, Strategy};

const CAP: u64 = 4 << 20;
const LEN: usize = 1_000;

/// A time that tests move.
#[derive(Clone, Default)]
struct Time(Arc<AtomicU64>);

impl Time {
    fn pass(&self, seconds: u64) {
        self.0.fetch_add(seconds * 1000, Ordering::Relaxed);
    }
}

fn builder(home: &Home, time: &Time) -> Builder {
    let time = time.clone();
    Cache::builder()
        .directory(home.store())
        .max_size(CAP)
        .codec(Codec::None)
        .cleanup_interval(None)
        .clock(move || 1_790_000_000_000 + time.0.load(Ordering::Relaxed))
}

fn set(cache: &Cache, n: u64) {
    cache.set(format!("k{n}"), vec![n as u8; LEN]).expect("stored");
}

/// Which of some keys are on disk, whatever a process may still have in memory.
fn on_disk(home: &Home, time: &Time, keys: impl IntoIterator<Item = u64>) -> Vec<u64> {
    let reader = builder(home, time).strategy(Strategy::ReadOnly).open().expect("opens");
    keys.into_iter().filter(|n| reader.contains(format!("k{n}")).expect("readable")).collect()
}

/// The rest of the world goes by, while the first hundred are read now and then.
fn go_by(cache: &Cache, time: &Time) {
    for n in FITS..TOO_MANY {
        if n % 200 == 0 {
            time.pass(60);
            for hot in 0..100 {
                assert!(cache.get(format!("k{hot}")).expect("readable").is_some(), "k{hot} while k{n} is set");
            }
        }
        set(cache, n);
    }
}

/// Entries that fit for certain, and entries that do not.
const FITS: u64 = 2_000;
const TOO_MANY: u64 = 6_000;

#[test]
fn what_is_read_stays_wherever_the_answer_came_from() {
    for (memory, shards) in [(64 << 20, 2), (1 << 20, 2)] {
        let (home, time) = (Home::new(), Time::default());
        let cache = builder(&home, &time).max_memory(memory).shards(shards).open().expect("opens");
        for n in 0..FITS {
            set(&cache, n);
        }
        go_by(&cache, &time);
        assert_eq!(on_disk(&home, &time, 0..100).len(), 100);
        assert!(on_disk(&home, &time, 0..FITS).len() < 200, "what nobody read is gone");
        assert!(cache.stats_all().expect("counted").memory.counters.evicted_store_bytes > 1_000);
    }
}

#[test]
fn the_least_recently_used_go_in_their_order() {
    let (home, time) = (Home::new(), Time::default());
    let cache = builder(&home, &time).open().expect("opens");
    for n in 0..FITS {
        set(&cache, n);
    }
    // Read in another order than they lie in the log.
    let order: Vec<u64> = (0..FITS).map(|n| n * 7919 % FITS).collect();
    for n in &order {
        time.pass(2);
        assert!(cache.get(format!("k{n}")).expect("readable").is_some());
    }
    drop(cache);
    // What was read is known to whoever opens the store next.
    let cache = builder(&home, &time).open().expect("opens");
    time.pass(1_000);
    for n in FITS..FITS + 1_500 {
        set(&cache, n);
    }
    let kept = on_disk(&home, &time, order.iter().copied());
    let gone = order.len() - kept.len();
    assert!(gone > 200 && kept.len() > 200, "some went and some stayed: {gone}");
    assert_eq!(kept, order[gone..], "exactly those that were read longest ago went");
}

#[test]
fn reads_of_another_process_count() {
    let (home, time) = (Home::new(), Time::default());
    let writer = builder(&home, &time).open().expect("opens");
    for n in 0..FITS {
        set(&writer, n);
    }
    time.pass(100);
    let reader = builder(&home, &time).open().expect("opens");
    for n in 0..100 {
        assert!(reader.get(format!("k{n}")).expect("readable").is_some());
    }
    drop(reader);
    time.pass(100);
    for n in FITS..FITS + 1_800 {
        set(&writer, n);
    }
    assert_eq!(on_disk(&home, &time, 0..100).len(), 100);
    assert!(on_disk(&home, &time, 0..FITS).len() < FITS as usize - 100, "others went");
}

#[test]
fn a_large_store_is_judged_by_a_sample_and_keeps_what_is_read() {
    let (home, time) = (Home::new(), Time::default());
    let cache = builder(&home, &time).exact_entries(100).open().expect("opens");
    for n in 0..FITS {
        set(&cache, n);
    }
    go_by(&cache, &time);
    assert_eq!(on_disk(&home, &time, 0..100).len(), 100);
    assert!(on_disk(&home, &time, 0..FITS).len() < 400);
}

#[test]
fn a_number_of_entries_is_kept_in_the_same_order() {
    let (home, time) = (Home::new(), Time::default());
    let cache = builder(&home, &time).max_entries(50).open().expect("opens");
    for n in 0..50 {
        time.pass(2);
        set(&cache, n);
    }
    for n in 0..10 {
        time.pass(2);
        assert!(cache.get(format!("k{n}")).expect("readable").is_some());
    }
    for n in 50..90 {
        time.pass(2);
        set(&cache, n);
    }
    assert_eq!(on_disk(&home, &time, 0..90), (0..10).chain(50..90).collect::<Vec<_>>());
    let counters = cache.stats_all().expect("counted").memory.counters;
    assert_eq!((counters.evicted_store_entries, counters.evicted_store_bytes), (40, 0));
}

#[test]
fn evictions_are_counted_in_the_namespace_of_the_victim() {
    let (home, time) = (Home::new(), Time::default());
    {
        let victims = builder(&home, &time).namespace("victims").open().expect("opens");
        for n in 0..FITS {
            set(&victims, n);
        }
    }
    // A process that never used the namespace.
    let cache = builder(&home, &time).namespace("others").open().expect("opens");
    for n in 0..TOO_MANY {
        set(&cache, n);
    }
    let lifetime = cache.lifetime().expect("counted");
    assert_eq!(lifetime.namespaces["victims"].evicted_store_bytes, FITS);
    assert!(lifetime.namespaces["others"].evicted_store_bytes > 0);
    assert_eq!(lifetime.total().evictions(), lifetime.namespaces.values().map(|c| c.evictions()).sum::<u64>());
}
