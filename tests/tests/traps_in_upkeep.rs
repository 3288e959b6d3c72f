//! A stop in the middle of upkeep is taken for an answer: a record that could not be looked at for a damaged one, a
//! judgement that was not passed for a verdict on everything.
//!
//! The calls of `repair`, of reclaiming, of `clear` and of `delete` are stopped twice in a row, which is what a second try
//! does not survive, at one step after the other, on a store with room for everything. What was acknowledged must be there
//! afterwards, what was deleted must stay so, and two caches on one store must agree.
//!
//! Rounds: 300 steps of each, in the long form 20,000. Seen to fail, each of them, with a store in which a stopped call was
//! taken for an answer.

use std::path::Path;
use std::sync::Arc;

use larder::testing::{Hooks, with_hooks};
use larder::{Builder, Cache, Codec, Durability, ErrorKind, SetOptions};
use larder_tests::scale::{self, Random};
use larder_tests::synced::CountedSyncs;
use larder_tests::tripwire::Tripwire;

fn open(dir: &Path, wire: &Arc<Tripwire>, with: impl Fn(Builder) -> Builder) -> Cache {
    let builder =
        Cache::builder().directory(dir).max_size(1 << 20).shards(3).seed(3).cleanup_interval(None).codec(Codec::None);
    with_hooks(with(builder), Hooks { interrupt: Some(wire.ask()), ..Hooks::default() }).open().expect("opens")
}

fn plain(dir: &Path) -> Cache {
    open(dir, &Tripwire::new(0..0), |b| b)
}

/// The steps at which to stop an operation that takes so many.
fn stops(steps: u64) -> impl Iterator<Item = u64> {
    let stride = (steps / scale::rounds(300, 20_000)).max(1);
    assert!(steps > 0, "an operation without a call");
    (scale::seed() % stride..steps).step_by(stride as usize)
}

/// How many steps something takes.
fn steps(wire: &Tripwire, operate: impl FnOnce()) -> u64 {
    let before = wire.touched();
    operate();
    wire.touched() - before
}

fn fill(cache: &Cache) {
    for n in 0..20 {
        cache.set(format!("k{n}"), value(n)).expect("stored");
    }
}

fn value(n: u64) -> Vec<u8> {
    Random(n).bytes(4_000)
}

#[test]
fn repair_deletes_nothing_because_it_was_stopped() {
    let dir = tempfile::tempdir().expect("a directory");
    let wire = Tripwire::new(0..0);
    let cache = open(dir.path(), &wire, |b| b);
    fill(&cache);
    let steps = steps(&wire, || assert!(cache.repair(|_, _| {}).expect("repaired").is_sound()));
    for step in stops(steps) {
        wire.arm(step, 2);
        let repaired = cache.repair(|_, _| {});
        wire.disarm();
        if let Err(e) = &repaired {
            assert_eq!(e.kind(), ErrorKind::Trap, "stopped at {step}: {e}");
        }
        for n in 0..20 {
            let found = cache.get(format!("k{n}")).expect("readable");
            assert!(found == Some(value(n)), "stopped at {step} of {steps}: k{n} is lost, {repaired:?}");
        }
    }
}

/// The same without hooks: a record that another cache took and this one has no memory to look at.
#[test]
fn repair_deletes_nothing_that_is_too_large_for_it() {
    let dir = tempfile::tempdir().expect("a directory");
    let big = Random(1).bytes(8 << 20);
    let open = |memory| Cache::builder().directory(dir.path()).shards(1).guest_memory(memory).open().expect("opens");
    open(64 << 20).set("big", &big).expect("stored");
    let small = open(4 << 20);
    if let Err(e) = small.repair(|_, _| {}) {
        assert_eq!(e.kind(), ErrorKind::Trap, "{e}");
    }
    drop(small);
    assert!(
        open(64 << 20).get("big").expect("readable") == Some(big),
        "an entry that nothing is wrong with is deleted"
    );
}

#[test]
fn reclaiming_gives_up_nothing_because_it_was_stopped() {
    const KEYS: u64 = 30;
    let dir = tempfile::tempdir().expect("a directory");
    let wire = Tripwire::new(0..0);
    // Nothing stays in memory, so that reading shows what the store has.
    let cache = open(dir.path(), &wire, |b| b.max_memory(3));
    let mut random = Random(scale::seed());
    let mut last = [0; KEYS as usize];
    for n in 1..scale::rounds(3_000, 200_000) {
        // Some are written once in a while, so that there is something to move; a sixth of the cap is live.
        let place = if random.chance(30) { random.below(KEYS) } else { random.below(3) };
        // Most writes end before; those that reclaim go on.
        wire.arm(30 + random.below(300), 2);
        let written = cache.set(format!("k{place}"), value(n));
        wire.disarm();
        match written {
            Ok(written) => {
                assert_eq!(written.durability, Durability::Process, "write {n}");
                last[place as usize] = n;
            }
            Err(e) => assert_eq!(e.kind(), ErrorKind::Trap, "write {n}: {e}"),
        }
        for (place, last) in last.iter().enumerate().filter(|(_, last)| **last > 0) {
            let found = cache.get(format!("k{place}")).expect("readable");
            assert!(found == Some(value(*last)), "seed {}, write {n}: k{place} is lost", scale::seed());
        }
    }
    let stats = cache.stats().expect("counted");
    let segments = stats.store.expect("a store").segments;
    assert!(stats.traps > 0 && segments > 1, "nothing was reclaimed: {stats:?}");
    drop(cache);
    let cache = plain(dir.path());
    for (place, last) in last.iter().enumerate().filter(|(_, last)| **last > 0) {
        assert!(cache.get(format!("k{place}")).expect("readable") == Some(value(*last)), "k{place}, opened again");
    }
}

#[test]
fn clear_empties_all_or_nothing_when_it_is_stopped() {
    let dir = tempfile::tempdir().expect("a directory");
    let wire = Tripwire::new(0..0);
    let cache = open(dir.path(), &wire, |b| b);
    let other = plain(dir.path());
    fill(&cache);
    let steps = steps(&wire, || assert_eq!(cache.clear().expect("cleared"), 20));
    for step in stops(steps) {
        fill(&cache);
        wire.arm(step, 1);
        let cleared = cache.clear();
        wire.disarm();
        for n in 0..20 {
            let there = |cache: &Cache| cache.get(format!("k{n}")).expect("readable").is_some();
            let (here, elsewhere) = (there(&cache), there(&other));
            assert_eq!(here, elsewhere, "stopped at {step} of {steps}: k{n} here and for others, {cleared:?}");
        }
    }
}

#[test]
fn a_deletion_of_a_synced_entry_is_synced_though_it_was_stopped() {
    let dir = tempfile::tempdir().expect("a directory");
    let (wire, syncs) = (Tripwire::new(0..0), CountedSyncs::default());
    let cache = open(dir.path(), &wire, |b| b.storage(Arc::new(syncs.clone())));
    let sync = SetOptions::new().durability(Durability::Sync);
    let fill = || assert_eq!(cache.set_with("k", value(1), &sync).expect("stored").durability, Durability::Sync);
    fill();
    let steps = steps(&wire, || assert!(cache.delete("k").expect("deleted")));
    for step in stops(steps) {
        fill();
        let before = syncs.count();
        wire.arm(step, 2);
        let deleted = cache.delete("k");
        wire.disarm();
        match deleted {
            Ok(_) => assert!(syncs.count() > before, "stopped at {step} of {steps}: acknowledged and not made to last"),
            Err(e) => assert_eq!(e.kind(), ErrorKind::Trap, "stopped at {step}: {e}"),
        }
    }
}
