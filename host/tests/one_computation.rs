//! Fears that a key is computed twice at the same time, that who waits for a computation waits for ever, and that one which
//! was given up overwrites what is newer.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use common::clock::Time;
use common::{DEADLINE, in_time, wait_until};
use larder::{Cache, Compute, ComputeError, ErrorKind, SetOptions, Source};

type Answer = Result<Option<Vec<u8>>, String>;

fn value(text: &str) -> Answer {
    Ok(Some(text.into()))
}

fn policy() -> Compute {
    Compute::new(SetOptions::new())
}

const MINUTE: u64 = 60_000;

#[test]
fn a_thousand_threads_asking_for_a_missing_key_run_one_computation() {
    for (cache, _dir) in Time::new().both() {
        const THREADS: usize = 1_000;
        let calls = Arc::new(AtomicUsize::new(0));
        let barrier = Arc::new(Barrier::new(THREADS));
        let threads: Vec<_> = (0..THREADS)
            .map(|_| {
                let (cache, calls, barrier) = (cache.clone(), calls.clone(), barrier.clone());
                let work = move || {
                    barrier.wait();
                    cache.compute("k", &policy(), move || {
                        calls.fetch_add(1, Ordering::SeqCst);
                        thread::yield_now();
                        value("v")
                    })
                };
                thread::Builder::new().stack_size(256 << 10).spawn(work).expect("a thread")
            })
            .collect();
        let sources = in_time("a thousand threads", move || {
            let answers = threads.into_iter().map(|thread| thread.join().expect("no panic").expect("computed"));
            answers
                .map(|answer| {
                    assert_eq!(answer.value.as_deref(), Some(&b"v"[..]));
                    answer.source
                })
                .collect::<Vec<_>>()
        });
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert_eq!(sources.iter().filter(|source| **source == Source::Computed).count(), 1);
        let counters = cache.stats().expect("statistics").memory.counters;
        assert_eq!((counters.computations, counters.waits_given_up), (1, 0));
        let shared = sources.iter().filter(|source| **source == Source::Shared).count() as u64;
        assert_eq!(counters.computations_shared, shared);
    }
}

/// A computation that has begun and ends when told to, in a thread of its own.
struct Slow {
    go: mpsc::Sender<Answer>,
    thread: thread::JoinHandle<Result<larder::Computed, ComputeError<String>>>,
}

impl Slow {
    fn begin(cache: &Cache, key: &'static str, policy: Compute) -> Self {
        let (began, has_begun) = mpsc::channel();
        let (go, gone) = mpsc::channel::<Answer>();
        let cache = cache.clone();
        let thread = thread::spawn(move || {
            cache.compute(key, &policy, move || {
                began.send(()).expect("somebody listens");
                gone.recv().expect("told to go on")
            })
        });
        has_begun.recv_timeout(DEADLINE).expect("computes");
        Self { go, thread }
    }

    fn end(self, answer: Answer) -> Result<larder::Computed, ComputeError<String>> {
        self.go.send(answer).expect("it listens");
        in_time("a slow computation", move || self.thread.join().expect("no panic"))
    }
}

/// Asks in a thread, for a value that is never computed before `passed`.
fn ask(cache: &Cache, key: &'static str, own: &'static str) -> thread::JoinHandle<larder::Computed> {
    let cache = cache.clone();
    thread::spawn(move || cache.compute(key, &policy(), move || value(own)).expect("answered"))
}

fn given_up(cache: &Cache) -> u64 {
    cache.stats().expect("statistics").memory.counters.waits_given_up
}

#[test]
fn a_computation_that_hangs_blocks_nobody_for_ever_and_changes_nothing_later() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let hangs = Slow::begin(&cache, "k", policy());
        let waiter = ask(&cache, "k", "second");
        time.pass(MINUTE - 1);
        thread::sleep(Duration::from_millis(20));
        assert!(!waiter.is_finished(), "its patience is not over");
        // Whenever it began to wait, its minute is over by now.
        let answer = in_time("the waiter", {
            let time = time.clone();
            move || {
                while !waiter.is_finished() {
                    time.pass(MINUTE);
                    thread::yield_now();
                }
                waiter.join().expect("no panic")
            }
        });
        assert_eq!((answer.value.as_deref(), answer.source), (Some(&b"second"[..]), Source::Computed));
        assert_eq!(given_up(&cache), 1);
        let late = hangs.end(value("first")).expect("computed");
        assert_eq!(late.value.as_deref(), Some(&b"first"[..]), "who computed has what it computed");
        assert_eq!(cache.get("k").expect("readable").as_deref(), Some(&b"second"[..]), "what is newer stays");
    }
}

#[test]
fn those_who_wait_for_one_that_hangs_compute_once_in_its_place() {
    let time = Time::new();
    let cache = time.on(Cache::builder()).open().expect("opens");
    let hangs = Slow::begin(&cache, "k", policy());
    let calls = Arc::new(AtomicUsize::new(0));
    let (begin, go) = (Arc::new(Barrier::new(9)), Arc::new(AtomicBool::new(false)));
    let waiters: Vec<_> = (0..8)
        .map(|_| {
            let (cache, calls, begin, go) = (cache.clone(), calls.clone(), begin.clone(), go.clone());
            thread::spawn(move || {
                begin.wait();
                cache.compute("k", &policy(), move || {
                    calls.fetch_add(1, Ordering::SeqCst);
                    wait_until("told to go on", || go.load(Ordering::SeqCst));
                    value("v")
                })
            })
        })
        .collect();
    begin.wait();
    let counting = calls.clone();
    wait_until("one computes", || {
        time.pass(MINUTE / 4);
        counting.load(Ordering::SeqCst) > 0
    });
    thread::sleep(Duration::from_millis(20));
    go.store(true, Ordering::SeqCst);
    in_time("all", move || waiters.into_iter().for_each(|w| assert!(w.join().expect("no panic").is_ok())));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert!(hangs.end(Err("late".into())).is_err());
    assert_eq!(cache.get("k").expect("readable").as_deref(), Some(&b"v"[..]));
}

#[test]
fn a_failure_is_told_to_those_who_waited_and_not_tried_by_each() {
    for (cache, _dir) in Time::new().both() {
        let slow = Slow::begin(&cache, "k", policy());
        let (asking, is_asking) = mpsc::channel();
        let waiter = {
            let cache = cache.clone();
            thread::spawn(move || {
                asking.send(()).expect("somebody listens");
                cache.compute("k", &policy(), || value("own"))
            })
        };
        is_asking.recv_timeout(DEADLINE).expect("asks");
        thread::sleep(Duration::from_millis(50));
        assert!(matches!(slow.end(Err("no network".into())), Err(ComputeError::Failed(e)) if e == "no network"));
        match in_time("the waiter", move || waiter.join().expect("no panic")) {
            Err(ComputeError::Elsewhere(message)) => assert_eq!(message, "no network"),
            // Only if it came to ask later than 50 ms after it said so.
            other => assert_eq!(other.expect("computed").source, Source::Computed),
        }
        assert_eq!(cache.stats().expect("statistics").memory.counters.computations_failed, 1);
    }
}

#[test]
fn a_panic_frees_those_who_wait_and_the_lease() {
    for (cache, _dir) in Time::new().both() {
        let (began, has_begun) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let first = {
            let cache = cache.clone();
            thread::spawn(move || {
                catch_unwind(AssertUnwindSafe(|| {
                    cache.compute("k", &policy(), move || -> Answer {
                        began.send(()).expect("somebody listens");
                        gone.recv().expect("told to go on");
                        std::panic::resume_unwind(Box::new("on purpose"))
                    })
                }))
                .is_err()
            })
        };
        has_begun.recv_timeout(DEADLINE).expect("computes");
        let waiters: Vec<_> = (0..4).map(|_| ask(&cache, "k", "next")).collect();
        go.send(()).expect("it listens");
        in_time("the waiters", move || {
            assert!(first.join().expect("caught"), "the panic passes through");
            waiters
                .into_iter()
                .for_each(|w| assert_eq!(w.join().expect("no panic").value.as_deref(), Some(&b"next"[..])));
        });
        assert_eq!(given_up(&cache), 0, "nobody waited for the end of its patience");
    }
}

#[test]
fn a_computation_that_needs_itself_is_an_error_and_no_deadlock() {
    for (cache, _dir) in Time::new().both() {
        let inner = cache.clone();
        let outer = in_time("re-entry", {
            let cache = cache.clone();
            move || {
                cache.compute("k", &policy(), move || {
                    let through_another = inner.clone();
                    let again = inner.compute("l", &policy(), move || {
                        match through_another.compute("k", &policy(), || value("never")) {
                            Err(ComputeError::Cache(e)) if e.kind() == ErrorKind::InvalidArgument => Err(e.to_string()),
                            other => panic!("not refused: {other:?}"),
                        }
                    });
                    assert!(matches!(again, Err(ComputeError::Failed(_))), "{again:?}");
                    value("outer")
                })
            }
        });
        assert_eq!(outer.expect("computed").value.as_deref(), Some(&b"outer"[..]));
    }
}

/// `a` needs `b` and `b` needs `a`, in two threads and two caches: one of them is told.
#[test]
fn two_computations_that_need_each_other_are_told() {
    let [one, two] = [(); 2].map(|()| Cache::builder().open().expect("opens"));
    let barrier = Arc::new(Barrier::new(2));
    let thread = |mine: &Cache, other: &Cache| {
        let (mine, other, barrier) = (mine.clone(), other.clone(), barrier.clone());
        thread::spawn(move || {
            mine.compute("k", &policy(), move || {
                barrier.wait();
                let needed = other.compute("k", &policy(), || value("not reached"));
                needed.map(|computed| computed.value).map_err(|e| e.to_string())
            })
        })
    };
    let threads = [thread(&one, &two), thread(&two, &one)];
    let answers = in_time("both", move || threads.map(|thread| thread.join().expect("no panic")));
    assert!(answers.iter().any(Result::is_err), "somebody must not wait: {answers:?}");
    assert_eq!(given_up(&one) + given_up(&two), 0);
}

/// What is computed began before the deletion, from what the deletion says is outdated.
#[test]
fn what_is_deleted_while_it_is_computed_does_not_come_back() {
    type Delete = fn(&Cache);
    let ways: [Delete; 4] = [
        |cache| assert!(cache.delete("k").is_ok()),
        |cache| assert!(cache.delete_many(["k"]).is_ok()),
        |cache| assert!(cache.clear().is_ok()),
        |cache| assert!(cache.clear_all().is_ok()),
    ];
    for (cache, _dir) in Time::new().both() {
        let other = cache.namespace("other").expect("a namespace");
        for (place, delete) in ways.into_iter().enumerate() {
            let slow = Slow::begin(&cache, "k", policy());
            let elsewhere = Slow::begin(&other, "k", policy());
            delete(&cache);
            assert_eq!(slow.end(value("old")).expect("computed").value.as_deref(), Some(&b"old"[..]));
            assert_eq!(cache.get("k").expect("readable"), None, "way {place}");
            assert!(elsewhere.end(value("other")).is_ok());
            assert_eq!(other.get("k").expect("readable").is_some(), place < 3, "another namespace, way {place}");
            // And the next computation is stored.
            let next = cache.compute("k", &policy(), || value("new")).expect("computed");
            assert_eq!(next.source, Source::Computed);
            assert_eq!(cache.get("k").expect("readable").as_deref(), Some(&b"new"[..]));
            cache.delete("k").expect("deleted");
            other.delete("k").expect("deleted");
        }
    }
}

#[test]
fn policies_outside_their_range_are_refused() {
    let cache = Cache::builder().open().expect("opens");
    let refused = [
        policy().early(0.0),
        policy().early(f64::NAN),
        policy().remember_absence(Duration::ZERO),
        policy().remember_failure(Duration::ZERO),
    ];
    for policy in refused {
        match cache.compute("k", &policy, || value("v")) {
            Err(ComputeError::Cache(e)) => assert_eq!(e.kind(), ErrorKind::InvalidArgument),
            other => panic!("{policy:?}: {other:?}"),
        }
    }
    assert!(Cache::builder().refresh_workers(0).open().is_err());
    // A wait of no time is none: whoever finds another at work computes too.
    let slow = Slow::begin(&cache, "k", policy());
    let own = cache.compute("k", &policy().wait(Duration::ZERO), || value("own")).expect("computed");
    assert_eq!(own.source, Source::Computed);
    assert!(slow.end(value("late")).is_ok());
    assert_eq!(cache.get("k").expect("readable").as_deref(), Some(&b"own"[..]));
}
