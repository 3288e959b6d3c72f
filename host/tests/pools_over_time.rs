//! Fears a round that begins too early, too late or twice, a failure that is tried at once or never again, a pool that grows
//! beyond its cap or loses its youngest, a clock that jumps, and a plan that changes under what is there.

mod common;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

use common::clock::Time;
use common::pools::{HOUR, MINUTE, Noting, SECOND, assert_right, fill, variant};
use larder::Cache;
use larder::generate::{Failure, FailureKind, Request, Variant};
use larder::pools::{Accumulate, Plan, Pool};
use tempfile::TempDir;

const DAY: u64 = 24 * HOUR;

/// Four combinations of three variants, every three hours.
fn plan() -> Plan {
    Plan::new().dimension("language", ["rust", "python"]).dimension("lines", [10, 20])
}

fn open(time: &Time, dir: &TempDir) -> Cache {
    time.on(Cache::builder().directory(dir.path())).open().expect("opens")
}

fn define(cache: &Cache, plan: &Plan) -> Pool {
    cache.define_pool("p", plan).expect("defined")
}

fn again(cache: &Cache) -> Pool {
    cache.pool("p").expect("readable").expect("there is one")
}

/// How many variants are due.
fn due(pool: &Pool) -> usize {
    pool.due_now().expect("counted").iter().map(|(_, entries)| entries.len()).sum()
}

#[test]
fn rounds_add_up_to_the_cap_and_then_the_oldest_go() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let (pool, generator) = (define(&cache, &plan()), Noting::new());
        let mut generations = Vec::new();
        for round in 1..=7_u64 {
            let report = fill(&pool, &generator);
            assert_eq!((report.began, report.planned, report.made, report.failed), (true, 12, 12, 0), "round {round}");
            assert_eq!(report.pruned, if round > 4 { 12 } else { 0 }, "round {round}");
            assert_eq!((report.retry_at, report.next), (None, time.now() + 3 * HOUR));
            generations.push(report.generation);
            assert_eq!(report.generation, time.now() / 1000);
            let stats = pool.stats().expect("counted");
            assert_eq!((stats.cached_entries, stats.removed_entries), (4 * (3 * round).min(12), 0));
            assert_eq!(stats.last_generation, Some(time.now()));
            // Nothing more until the interval has passed.
            time.pass(3 * HOUR - 1);
            let early = fill(&pool, &generator);
            assert_eq!((early.began, early.planned), (false, 0), "round {round}");
            time.pass(1);
            assert_eq!(generator.calls().len(), 12);
        }
        assert_eq!(assert_right(&pool), 48);
        for listed in pool.list(&[], usize::MAX).expect("listed") {
            assert!(generations[3..].contains(&listed.info.generation), "the oldest went: {:?}", listed.info);
        }
    }
}

#[test]
fn the_figures_are_those_of_the_plan_with_234_combinations() {
    let time = Time::new();
    let cache = time.on(Cache::builder()).open().expect("opens");
    let languages: Vec<_> = (0..26).map(|n| format!("language{n}")).collect();
    let plan = Plan::new()
        .dimension("language", languages)
        .dimension("difficulty", ["easy", "medium", "hard"])
        .dimension("lines", [10, 15, 20]);
    let pool = define(&cache, &plan);
    let before = pool.stats().expect("counted");
    assert_eq!((before.total_combinations, before.max_possible_entries), (234, 2_808));
    assert_eq!((before.cached_entries, before.last_generation, before.next_generation), (0, None, 0));
    for (round, percent) in [(1_u32, 25), (2, 50), (3, 75), (4, 100), (5, 100)] {
        assert_eq!(fill(&pool, &Noting::new()).made, 702);
        let stats = pool.stats().expect("counted");
        let each = (3 * round).min(12);
        assert_eq!(stats.cached_entries, 234 * u64::from(each));
        assert_eq!((stats.avg_entries_per_combination, stats.entry_coverage_percentage), (f64::from(each), percent));
        assert_eq!((stats.unique_combinations_covered, stats.combination_coverage_percentage), (234, 100));
        assert_eq!((stats.failed_combinations, stats.missing_entries), (0, 0));
        time.pass(3 * HOUR);
    }
}

#[test]
fn what_failed_is_tried_after_the_retry_and_not_before() {
    let (time, dir) = (Time::new(), TempDir::new().expect("a directory"));
    let generator = Noting::failing(|request| request.dimensions[0].1.as_str() == "rust" && request.entry == 2);
    let report = fill(&define(&open(&time, &dir), &plan()), &generator);
    assert_eq!((report.made, report.failed, report.failed_combinations), (10, 2, 2));
    assert_eq!(report.retry_at, Some(time.now() + 30 * MINUTE));
    generator.calls();
    for failures in 1..=3 {
        // Each time in another process.
        let pool = again(&open(&time, &dir));
        let stats = pool.stats().expect("counted");
        assert_eq!((stats.failed_combinations, stats.missing_entries, stats.cached_entries), (2, 2, 10));
        let combination = pool.combination([("language", "rust"), ("lines", "10")]).expect("in the plan");
        let info = pool.look(&combination).expect("known");
        assert_eq!((info.failures, info.missing.as_slice(), info.due.as_slice()), (failures, &[2][..], &[][..]));
        assert!(info.reason.contains("told to fail"));
        time.pass(30 * MINUTE - 1);
        assert_eq!((due(&pool), fill(&pool, &generator).planned, generator.calls().len()), (0, 0, 0));
        time.pass(1);
        assert_eq!(due(&pool), 2);
        if failures == 3 {
            generator.mend();
        }
        let report = fill(&pool, &generator);
        assert_eq!((report.began, report.planned, generator.calls().len()), (false, 2, 2));
    }
    let pool = again(&open(&time, &dir));
    let stats = pool.stats().expect("counted");
    assert_eq!((stats.failed_combinations, stats.missing_entries, stats.cached_entries), (0, 0, 12));
    assert_eq!(assert_right(&pool), 12);
}

#[test]
fn a_failure_that_the_next_round_meets_is_of_the_past() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let pool = define(&cache, &plan().retry(Duration::from_secs(24 * 3600)));
        let generator = Noting::failing(|request| request.entry == 1);
        assert_eq!(fill(&pool, &generator).failed, 4);
        generator.mend();
        time.pass(3 * HOUR);
        let report = fill(&pool, &generator);
        assert_eq!((report.began, report.made), (true, 12));
        let stats = pool.stats().expect("counted");
        assert_eq!((stats.cached_entries, stats.failed_combinations, stats.missing_entries), (20, 0, 0));
    }
}

#[test]
fn a_round_that_was_broken_off_goes_on_after_a_restart() {
    let (time, dir) = (Time::new(), TempDir::new().expect("a directory"));
    let generator = Noting::new();
    let mut generation = None;
    let mut calls = Vec::new();
    for (left, began) in [(7, true), (2, false), (0, false)] {
        let pool = define(&open(&time, &dir), &plan());
        let options = Accumulate::new().expect("a pipe").max_calls(5);
        let report = pool.accumulate(&generator, &options).expect("worked off");
        assert_eq!((report.began, report.left), (began, left));
        assert_eq!(*generation.get_or_insert(report.generation), report.generation, "the same round");
        calls.extend(generator.calls());
        assert_eq!(due(&pool), left as usize);
        time.pass(MINUTE);
    }
    calls.sort();
    let before = calls.len();
    calls.dedup();
    assert_eq!((before, calls.len()), (12, 12), "each was asked for once");
    assert_eq!(assert_right(&again(&open(&time, &dir))), 12);
}

#[test]
fn a_clock_that_leaps_forward_means_one_round() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let (pool, generator) = (define(&cache, &plan()), Noting::new());
        fill(&pool, &generator);
        time.pass(1_000 * DAY);
        assert_eq!(fill(&pool, &generator).made, 12);
        assert_eq!(fill(&pool, &generator).planned, 0);
        assert_eq!(pool.stats().expect("counted").cached_entries, 24);
    }
}

#[test]
fn a_clock_that_goes_back_keeps_nothing_waiting_and_makes_nothing_twice() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let (pool, generator) = (define(&cache, &plan().cap(6)), Noting::new());
        let first = fill(&pool, &generator);
        time.go_back(400 * DAY);
        let second = fill(&pool, &generator);
        assert!(second.generation > first.generation, "generations only grow");
        assert_eq!((second.made, fill(&pool, &generator).planned), (12, 0));
        time.pass(3 * HOUR - SECOND);
        assert_eq!(fill(&pool, &generator).planned, 0);
        time.pass(SECOND);
        let third = fill(&pool, &generator);
        assert_eq!((third.made, third.pruned), (12, 12));
        for listed in pool.list(&[], usize::MAX).expect("listed") {
            assert_ne!(
                listed.info.generation, first.generation,
                "the first round is the oldest, whatever the clock said"
            );
        }
        assert_eq!(assert_right(&pool), 24);
        time.pass(400 * DAY);
        assert_eq!(fill(&pool, &generator).made, 12, "back where the clock was, a round is due");
    }
}

/// The retry of before lies so far ahead then that it counts for nothing; the one after must count again.
#[test]
fn a_failure_after_the_clock_went_back_is_not_tried_without_a_pause() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let pool = define(&cache, &plan().interval(Duration::from_secs(100 * 86_400)));
        let generator = Noting::failing(|request| request.entry == 1);
        fill(&pool, &generator);
        time.pass(50 * DAY);
        assert_eq!(fill(&pool, &generator).failed, 4);
        time.go_back(20 * DAY);
        assert_eq!(fill(&pool, &generator).failed, 4, "it does not wait twenty days");
        assert_eq!(due(&pool), 0, "and is not tried again at once");
        time.pass(30 * MINUTE);
        assert_eq!(due(&pool), 4);
    }
}

#[test]
fn values_that_are_new_become_due_and_those_that_are_no_more_are_kept() {
    let (time, dir) = (Time::new(), TempDir::new().expect("a directory"));
    let generator = Noting::new();
    fill(&define(&open(&time, &dir), &plan()), &generator);
    generator.calls();
    let other = Plan::new().dimension("language", ["rust", "go"]).dimension("lines", [10, 20]);
    let cache = open(&time, &dir);
    let pool = define(&cache, &other);
    assert_eq!(due(&pool), 6);
    let report = fill(&pool, &generator);
    assert_eq!((report.began, report.made), (false, 6));
    assert!(generator.calls().iter().all(|(values, ..)| values.starts_with("go/")));
    let stats = pool.stats().expect("counted");
    assert_eq!((stats.cached_entries, stats.kept_combinations, stats.kept_entries), (12, 2, 6));
    assert_eq!(pool.info().expect("known").kept, 2);
    assert_eq!(assert_right(&pool), 18);
    assert!(pool.combination([("language", "python"), ("lines", "10")]).is_err());
    // They are not made any more,
    time.pass(3 * HOUR);
    assert_eq!(fill(&pool, &generator).made, 12);
    assert!(generator.calls().iter().all(|(values, ..)| !values.starts_with("python/")));
    drop((pool, cache));
    // are there as they were if they come back,
    let pool = define(&open(&time, &dir), &plan());
    let python = pool.combination([("language", "python"), ("lines", "20")]).expect("in the plan");
    assert_eq!((pool.look(&python).expect("known").variants.len(), due(&pool)), (3, 6));
    let pool = define(&open(&time, &dir), &other);
    // and go when the pool is cleared.
    pool.clear(false).expect("cleared");
    let stats = pool.stats().expect("counted");
    assert_eq!((stats.kept_combinations, stats.kept_entries, stats.cached_entries), (0, 0, 0));
}

#[test]
fn a_lower_cap_and_a_larger_round_count_from_the_next_variant_on() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let (pool, generator) = (define(&cache, &plan()), Noting::new());
        for _ in 0..4 {
            fill(&pool, &generator);
            time.pass(3 * HOUR);
        }
        let pool = define(&cache, &plan().per_generation(4).cap(5));
        assert_eq!(fill(&pool, &generator).made, 16);
        let stats = pool.stats().expect("counted");
        assert_eq!((stats.cached_entries, stats.max_entries_per_combination), (20, 5));
        assert_eq!(assert_right(&pool), 20);
    }
}

#[test]
fn a_dimension_more_is_another_set_of_combinations() {
    let (time, dir) = (Time::new(), TempDir::new().expect("a directory"));
    let generator = Noting::new();
    fill(&define(&open(&time, &dir), &plan()), &generator);
    let pool = define(&open(&time, &dir), &plan().dimension("style", ["plain", "terse"]));
    let stats = pool.stats().expect("counted");
    assert_eq!((stats.total_combinations, stats.cached_entries, stats.kept_entries), (8, 0, 12));
    assert_eq!(fill(&pool, &generator).made, 24);
    assert_eq!(assert_right(&pool), 36);
}

#[test]
fn a_cleared_pool_fills_with_the_next_round_and_a_regenerated_one_now() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let (pool, generator) = (define(&cache, &plan()), Noting::new());
        let first = fill(&pool, &generator);
        assert!(pool.clear(false).expect("cleared") >= 12);
        assert_eq!((due(&pool), fill(&pool, &generator).planned), (0, 0));
        time.pass(3 * HOUR);
        assert_eq!(fill(&pool, &generator).made, 12);
        pool.clear(true).expect("cleared");
        let report = fill(&pool, &generator);
        assert_eq!((report.began, report.made), (true, 12));
        assert!(report.generation > first.generation);
        assert_eq!((pool.stats().expect("counted").cached_entries, assert_right(&pool)), (12, 12));
    }
}

/// What is made at that moment may come in afterwards; what was not begun may not.
#[test]
fn a_pool_that_is_cleared_in_the_middle_of_a_round_does_not_fill_on() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let pool = define(&cache, &plan().batch(1));
        let (generator, other) = (Arc::new(Noting::new()), pool.clone());
        let clears = {
            let generator = generator.clone();
            move |request: &Request<'_>| {
                let made = larder::generate::Generator::generate(&*generator, request);
                if generator.calls().iter().any(|(values, _, entry)| (values.as_str(), *entry) == ("rust/20", 2)) {
                    other.clear(false).expect("cleared");
                }
                made
            }
        };
        let report = fill(&pool, &clears);
        assert_eq!((report.made, report.left), (5, 7));
        let stats = pool.stats().expect("counted");
        assert!(stats.cached_entries <= 1, "{stats:?}");
        let text = variant("rust/20", report.generation, 2).into_bytes();
        assert!(pool.list(&[], 9).expect("listed").iter().all(|listed| listed.value == text));
    }
}

/// The worker's own thread fills the pool, and ends when it is told to or forgotten.
#[test]
fn a_worker_fills_a_pool_and_ends_with_what_is_under_way() {
    let cache = Cache::builder().open().expect("opens");
    for forgets in [false, true] {
        let plan = Plan::new().dimension("n", [1, 2]).per_generation(2).batch(1);
        let pool = cache.define_pool(if forgets { "forgotten" } else { "stopped" }, &plan).expect("defined");
        let (begun, begins) = mpsc::channel();
        // The fourth one never ends by itself.
        let calls = AtomicU32::new(0);
        let generator = move |request: &Request<'_>| {
            if calls.fetch_add(1, Ordering::SeqCst) == 3 {
                begun.send(()).expect("somebody waits");
                request.stop.wait(Duration::MAX);
                return Err(Failure::new(FailureKind::Stopped, "asked to stop"));
            }
            Ok(Variant::new(format!("{} {}", request.dimensions[0].1, request.entry)))
        };
        let worker = pool.work(Arc::new(generator), &Accumulate::new().expect("a pipe")).expect("a thread");
        begins.recv().expect("three were made");
        if forgets {
            drop(worker)
        } else {
            worker.stop()
        }
        assert_eq!(pool.stats().expect("counted").cached_entries, 3);
        assert_eq!(pool.due_now().expect("known").len(), 1, "what was under way stays due");
    }
}
