//! Memory that the component asks for and does not get, at any moment, ends in more than a typed error and a shard that
//! starts anew: a wrong value, a lost acknowledgement, a host that grows or falls.
//!
//! The run of 90 operations of `workload`, with values of up to 40 KB, is played on a cache with a store and on one
//! without, each time with another request for memory denied, once, or this one and all that follow. Then it is played
//! with the memory of a guest capped at every size from nothing to what it needs, and with every size of the memory tier.
//! What the process itself takes is compared with what it took after the first runs.
//!
//! Rounds: every request of two workloads; every 256 KiB of a cap and 40 sizes of the tier. In the long form 40 workloads,
//! every 10 KiB and 1,000 sizes.
//! Seen to fail: with a limiter that ignores the cap ("a guest without memory was started") or is not asked ("0 requests
//! for memory"); with stopped guests that are never given back ("the process grew from 28512256 to 53739520 bytes"); with
//! operations that read before they write tried again after a stop ("another answer than what was acknowledged").

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use larder::testing::Hooks;
use larder::{Builder, Cache, ErrorKind};
use larder_tests::allocated::resident;
use larder_tests::scale;
use larder_tests::tripwire::Tripwire;
use larder_tests::workload::{self, Faults, Oracle, Workload};

/// The tests look at what the process takes, so that one runs at a time.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How much more than after the first runs the process may take: what the allocator keeps for later.
const SLACK: u64 = 24 << 20;

#[derive(Default)]
struct Resident(Option<u64>, u64);

impl Resident {
    fn look(&mut self, context: &str) {
        self.1 += 1;
        if self.1 == 10 {
            self.0 = Some(resident());
        }
        if let Some(first) = self.0 {
            let now = resident();
            assert!(now <= first + SLACK, "{context}: the process grew from {first} to {now} bytes");
        }
    }
}

fn large(seed: u64, is_tight: bool) -> Workload {
    Workload { seed, value_size: 40_000, is_tight }
}

/// One run; `with` sets the cache up. Whatever happens in it, the store holds what was acknowledged. Answers how often the
/// component was stopped.
fn run(
    with_store: bool,
    workload: Workload,
    hooks: &Hooks,
    faults: Faults,
    context: &str,
    with: impl Fn(Builder) -> Builder,
) -> u64 {
    let dir = tempfile::tempdir().expect("a directory");
    let path: Option<&Path> = with_store.then_some(dir.path());
    let mut stopped = 0;
    let cache = loop {
        match workload::cache(path, hooks.clone(), &with) {
            Ok(cache) => break cache,
            Err(e) => assert_eq!(e.kind(), ErrorKind::Trap, "{context}, opening: {e}"),
        }
        stopped += 1;
        if faults == Faults::Many {
            return stopped;
        }
        assert!(stopped < 2, "{context}: opening failed again without a reason");
    };
    let mut oracle = if with_store { Oracle::default() } else { Oracle::of_memory() };
    workload::play(&cache, workload, &mut oracle, faults, context, |_| {});
    if faults == Faults::One {
        oracle.verify(&cache, &format!("{context}, afterwards"));
        stopped += cache.stats_all().expect("counted").traps;
    }
    drop(cache);
    if with_store {
        let cache: Cache = workload::cache(path, Hooks::default(), |b| b).expect("opens again");
        oracle.verify(&cache, &format!("{context}, opened again"));
        assert!(cache.verify(|_, _| {}).expect("verified").is_sound(), "{context}: the store is damaged");
    }
    stopped
}

fn denied_by(wire: &Arc<Tripwire>) -> Hooks {
    Hooks { deny_memory: Some(wire.ask()), ..Hooks::default() }
}

#[test]
fn memory_denied_at_any_request_is_a_typed_error_or_a_new_shard() {
    let _alone = alone();
    let mut resident = Resident::default();
    for seed in scale::seed()..scale::seed() + scale::rounds(2, 40) {
        for with_store in [true, false] {
            let workload = large(seed, false);
            let counted = Tripwire::new(0..0);
            run(
                with_store,
                workload,
                &denied_by(&counted),
                Faults::One,
                &format!("seed {seed}, nothing denied"),
                |b| b,
            );
            let requests = counted.touched();
            eprintln!("seed {seed}, store: {with_store}: {requests} requests for memory");
            assert!(requests > 5, "{requests} requests for memory");
            let mut denied = 0;
            for request in 0..requests {
                for (times, faults) in [(1, Faults::One), (u64::MAX, Faults::Many)] {
                    let wire = Tripwire::new(request..request.saturating_add(times));
                    let context = format!("seed {seed}, store: {with_store}, request {request}, denied {times} times");
                    let stopped = run(with_store, workload, &denied_by(&wire), faults, &context, |b| b);
                    if faults == Faults::One {
                        assert_eq!(stopped, wire.tripped(), "{context}: stops");
                    }
                    denied += u64::from(wire.tripped() > 0);
                    resident.look(&context);
                }
            }
            // Without a store the keys lie in other shards each time, and a few requests more or less are made.
            assert!(denied > requests, "seed {seed}: denied in {denied} runs of {}", 2 * requests);
        }
    }
}

#[test]
fn a_guest_lives_within_any_cap() {
    let _alone = alone();
    let mut resident = Resident::default();
    let stride = (256 << 10) / scale::rounds(1, 25);
    let mut too_small = 0;
    for cap in (0..6 << 20).step_by(stride as usize) {
        for with_store in [true, false] {
            let context = format!("store: {with_store}, a guest of {cap} bytes");
            let seed = scale::seed() + cap / stride;
            let hooks = Hooks::default();
            too_small += run(with_store, large(seed, false), &hooks, Faults::Many, &context, |b| b.guest_memory(cap));
            resident.look(&context);
        }
    }
    assert!(too_small > 0, "a guest without memory was started");
}

#[test]
fn a_memory_tier_of_any_size_answers_right() {
    let _alone = alone();
    let mut resident = Resident::default();
    let share = scale::rounds(1, 25);
    let sizes = (0..20 * share).map(|n| n * 400 / share).chain((0..20 * share).map(|n| n * 60_000 / share));
    for (n, size) in (0..).zip(sizes) {
        for with_store in [true, false] {
            let context = format!("store: {with_store}, {size} bytes of memory");
            let workload = large(scale::seed() + n, true);
            run(with_store, workload, &Hooks::default(), Faults::Many, &context, |b| b.max_memory(size));
            resident.look(&context);
        }
    }
}
