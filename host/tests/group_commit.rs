//! Fears an fsync for every writer, and an acknowledgement that no fsync stands behind.

mod common;

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;

use common::disk::{Call, Disk};
use common::{Home, wait_until};
use larder::{Cache, Durability, ErrorKind, SetOptions};

/// What becomes of fsyncs.
#[derive(Debug, Default)]
struct Gate {
    syncs: AtomicU64,
    waiting: AtomicU64,
    closed: AtomicBool,
    broken: AtomicBool,
}

/// The operating system's files, whose fsyncs are counted, can be held up, and can fail.
fn slow(gate: &Arc<Gate>) -> Arc<Disk> {
    let gate = gate.clone();
    Disk::new(move |call| {
        if call != Call::Sync {
            return Ok(());
        }
        gate.waiting.fetch_add(1, Ordering::SeqCst);
        while gate.closed.load(Ordering::SeqCst) {
            thread::yield_now();
        }
        gate.waiting.fetch_sub(1, Ordering::SeqCst);
        gate.syncs.fetch_add(1, Ordering::SeqCst);
        match gate.broken.load(Ordering::SeqCst) {
            true => Err(std::io::Error::other("the disk is gone")),
            false => Ok(()),
        }
    })
}

const WRITERS: u64 = 8;

fn sync() -> SetOptions {
    SetOptions::new().durability(Durability::Sync)
}

#[test]
fn writers_that_wait_together_share_an_fsync() {
    let (home, gate) = (Home::new(), Arc::<Gate>::default());
    let cache = Cache::builder().directory(home.store()).storage(slow(&gate)).open().expect("opens");
    cache.set_with("first", "v", &sync()).expect("durable");
    let before = gate.syncs.load(Ordering::SeqCst);
    gate.closed.store(true, Ordering::SeqCst);
    let written = Barrier::new(WRITERS as usize + 1);
    thread::scope(|scope| {
        let leader = scope.spawn(|| cache.set_with("leader", "v", &sync()));
        wait_until("one waits for the disk", || gate.waiting.load(Ordering::SeqCst) == 1);
        let others: Vec<_> = (0..WRITERS)
            .map(|n| {
                let (cache, written) = (&cache, &written);
                scope.spawn(move || {
                    written.wait();
                    cache.set_with(format!("k{n}"), "v", &sync())
                })
            })
            .collect();
        written.wait();
        // All have written, and wait for the disk behind the leader.
        wait_until("all have written", || (0..WRITERS).all(|n| cache.contains(format!("k{n}")).expect("readable")));
        gate.closed.store(false, Ordering::SeqCst);
        assert_eq!(leader.join().expect("no panic").expect("durable").durability, Durability::Sync);
        for other in others {
            assert_eq!(other.join().expect("no panic").expect("durable").durability, Durability::Sync);
        }
    });
    let syncs = gate.syncs.load(Ordering::SeqCst) - before;
    // The leader's, and one for those who came while it waited. One more if a writer was late.
    assert!((2..=3).contains(&syncs), "{syncs} for {} writers", WRITERS + 1);
}

#[test]
fn whoever_waits_behind_a_failed_fsync_is_not_told_otherwise() {
    let (home, gate) = (Home::new(), Arc::<Gate>::default());
    let cache = Cache::builder().directory(home.store()).storage(slow(&gate)).open().expect("opens");
    cache.set_with("first", "v", &sync()).expect("durable");
    gate.closed.store(true, Ordering::SeqCst);
    gate.broken.store(true, Ordering::SeqCst);
    thread::scope(|scope| {
        let leader = scope.spawn(|| cache.set_with("leader", "v", &sync()));
        wait_until("one waits for the disk", || gate.waiting.load(Ordering::SeqCst) == 1);
        let second = scope.spawn(|| cache.set_with("second", "v", &sync()));
        wait_until("the second has written", || cache.contains("second").expect("readable"));
        gate.closed.store(false, Ordering::SeqCst);
        leader.join().expect("no panic").expect_err("not durable");
        // The disk works again, and what the failed fsync dropped is gone all the same.
        second.join().expect("no panic").expect_err("not durable");
    });
    gate.broken.store(false, Ordering::SeqCst);
    assert!(cache.stats_all().expect("counted").store.expect("a store").read_only);
    let refused = cache.set_with("later", "v", &sync()).expect_err("read-only until it is opened again");
    assert_eq!(refused.kind(), ErrorKind::Store);
    assert_eq!(cache.set("later", "v").expect("kept in memory").durability, Durability::Memory);
    for key in ["first", "leader", "second", "later"] {
        assert_eq!(cache.get(key).expect("readable").as_deref(), Some(&b"v"[..]), "{key}: the cache works on");
    }
    drop(cache);
    let cache = Cache::builder().directory(home.store()).storage(slow(&gate)).open().expect("opens");
    cache.set_with("again", "v", &sync()).expect("durable");
    assert_eq!(cache.get("first").expect("readable").as_deref(), Some(&b"v"[..]));
}
