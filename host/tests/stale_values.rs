//! Fears that a stale value keeps callers waiting, is answered for longer than it may be, is never renewed, or renewed by
//! everybody at once; and that a failure drives out a value that is still good.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use common::clock::Time;
use common::{DEADLINE, in_time, wait_until};
use larder::{Cache, Compute, ComputeError, Refresh, SetOptions, Source};

type Answer = Result<Option<Vec<u8>>, String>;

fn value(text: &str) -> Answer {
    Ok(Some(text.into()))
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Fresh for a second, stale for ten more.
fn policy() -> Compute {
    Compute::new(SetOptions::new().ttl(ms(1_000)).stale(ms(10_000)))
}

fn background() -> Compute {
    policy().refresh(Refresh::Background)
}

/// Has `old` stored and stale.
fn make_stale(cache: &Cache, time: &Time, key: &str, policy: &Compute) {
    cache.compute(key, policy, || value("old")).expect("computed");
    time.pass(1_500);
}

fn get(cache: &Cache, key: &str) -> Option<String> {
    cache.get(key).expect("readable").map(|bytes| String::from_utf8(bytes).expect("text"))
}

#[test]
fn a_stale_value_is_answered_at_once_and_renewed_behind_the_callers_back() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        make_stale(&cache, &time, "k", &background());
        let (go, gone) = mpsc::channel::<()>();
        let calls = Arc::new(AtomicUsize::new(0));
        let ask = |gone: Option<mpsc::Receiver<()>>| {
            let calls = calls.clone();
            let (asked, policy) = (cache.clone(), background());
            in_time("a stale answer", move || {
                asked.compute("k", &policy, move || {
                    calls.fetch_add(1, Ordering::SeqCst);
                    if let Some(gone) = gone {
                        gone.recv().expect("told to go on");
                    }
                    value("new")
                })
            })
            .expect("answered")
        };
        let first = ask(Some(gone));
        assert_eq!((first.value.as_deref(), first.source), (Some(&b"old"[..]), Source::Stale));
        // While it is renewed, nobody else does.
        for _ in 0..10 {
            assert_eq!(ask(None).source, Source::Stale);
        }
        go.send(()).expect("it listens");
        wait_until("it is renewed", || get(&cache, "k").as_deref() == Some("new"));
        wait_until("the worker is done", || calls.load(Ordering::SeqCst) == 1 && ask(None).source == Source::Cached);
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}

#[test]
fn one_caller_renews_and_the_others_take_the_stale_value_meanwhile() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        make_stale(&cache, &time, "k", &policy());
        let (began, has_begun) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let first = {
            let cache = cache.clone();
            thread::spawn(move || {
                cache.compute("k", &policy(), move || {
                    began.send(()).expect("somebody listens");
                    gone.recv().expect("told to go on");
                    value("new")
                })
            })
        };
        has_begun.recv_timeout(DEADLINE).expect("computes");
        let other = cache.compute("k", &policy(), || -> Answer { panic!("only one renews") }).expect("answered");
        assert_eq!((other.value.as_deref(), other.source), (Some(&b"old"[..]), Source::Stale));
        let plain = cache.get_or_insert_with("k", &SetOptions::new(), || panic!("only one renews"));
        assert_eq!(plain.expect("answered"), b"old");
        go.send(()).expect("it listens");
        let first = in_time("the first", move || first.join().expect("no panic")).expect("computed");
        assert_eq!((first.value.as_deref(), first.source), (Some(&b"new"[..]), Source::Computed));
        assert_eq!(get(&cache, "k").as_deref(), Some("new"));
    }
}

#[test]
fn the_oldest_way_of_asking_renews_too() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let options = SetOptions::new().ttl(ms(1_000)).stale(ms(10_000));
        cache.get_or_insert_with("k", &options, || b"old".to_vec()).expect("computed");
        time.pass(1_500);
        assert_eq!(cache.get_or_insert_with("k", &options, || b"new".to_vec()).expect("computed"), b"new");
        assert_eq!(cache.get_or_insert_as("n", &options, || 1_u32).expect("computed"), 1);
        time.pass(1_500);
        assert_eq!(cache.get_or_insert_as("n", &options, || 2_u32).expect("computed"), 2);
    }
}

#[test]
fn a_failure_leaves_the_stale_value_and_says_so_until_its_window_ends() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let policy = policy().remember_failure(ms(2_000));
        make_stale(&cache, &time, "k", &policy);
        let failing = || -> Answer { Err("no network".into()) };
        let answer = cache.compute("k", &policy, failing).expect("answered");
        assert_eq!(answer.value.as_deref(), Some(&b"old"[..]));
        assert_eq!(answer.source, Source::StaleOnError("no network".into()));
        // It is left alone for as long as failures are remembered.
        let answer = cache.compute("k", &policy, || -> Answer { panic!("too soon") }).expect("answered");
        assert_eq!(answer.source, Source::Stale);
        time.pass(2_000);
        let answer = cache.compute("k", &policy, failing).expect("answered");
        assert_eq!(answer.source, Source::StaleOnError("no network".into()));
        let strict = policy.clone().stale_if_error(false);
        time.pass(2_000);
        assert!(matches!(cache.compute("k", &strict, failing), Err(ComputeError::Failed(_))));
        assert_eq!(get(&cache, "k").as_deref(), Some("old"), "it is not driven out");
        // Past its window it is no answer any more.
        time.pass(10_000);
        assert!(matches!(cache.compute("k", &policy, failing), Err(ComputeError::Failed(_))));
        assert!(matches!(cache.compute("k", &policy, failing), Err(ComputeError::Elsewhere(_))), "remembered by now");
    }
}

#[test]
fn a_window_that_ends_while_the_renewal_fails_is_over() {
    let time = Time::new();
    let cache = time.on(Cache::builder()).open().expect("opens");
    make_stale(&cache, &time, "k", &policy());
    let later = time.clone();
    let answer = cache.compute("k", &policy(), move || -> Answer {
        later.pass(20_000);
        Err("too late".into())
    });
    assert!(matches!(answer, Err(ComputeError::Failed(_))), "{answer:?}");
}

#[test]
fn a_panic_in_the_background_costs_the_renewal_and_no_worker() {
    let time = Time::new();
    let cache = time.on(Cache::builder().refresh_workers(1)).open().expect("opens");
    for key in ["a", "b"] {
        make_stale(&cache, &time, key, &background());
    }
    let answer = cache.compute("a", &background(), || -> Answer { std::panic::resume_unwind(Box::new("on purpose")) });
    assert_eq!(answer.expect("answered").source, Source::Stale);
    assert_eq!(cache.compute("b", &background(), || value("new")).expect("answered").source, Source::Stale);
    wait_until("the other is renewed", || get(&cache, "b").as_deref() == Some("new"));
    wait_until("the panic counts", || cache.stats().expect("statistics").memory.counters.computations_failed == 1);
    assert_eq!(get(&cache, "a").as_deref(), Some("old"));
    time.pass(1_000);
    let answer = cache.compute("a", &background(), || value("new")).expect("answered");
    assert_eq!(answer.source, Source::Stale, "and it can be tried again");
    wait_until("it is renewed", || get(&cache, "a").as_deref() == Some("new"));
}

/// One worker that hangs, a queue of 64: the rest is refused, counted and stays due.
#[test]
fn the_background_is_bounded() {
    let time = Time::new();
    let cache = time.on(Cache::builder().refresh_workers(1)).open().expect("opens");
    let keys: Vec<_> = (0..100).map(|n| format!("k{n}")).collect();
    for key in &keys {
        cache.compute(key, &background(), || value("old")).expect("computed");
    }
    time.pass(1_500);
    let (go, gone) = mpsc::channel::<()>();
    let (began, has_begun) = mpsc::channel();
    let first = cache.compute("k0", &background(), move || {
        began.send(()).expect("somebody listens");
        gone.recv().expect("told to go on");
        value("new")
    });
    assert_eq!(first.expect("answered").source, Source::Stale);
    has_begun.recv_timeout(DEADLINE).expect("computes");
    for key in &keys[1..] {
        assert_eq!(cache.compute(key, &background(), || value("new")).expect("answered").source, Source::Stale);
    }
    assert_eq!(cache.stats().expect("statistics").memory.counters.refreshes_refused, 99 - 64);
    go.send(()).expect("it listens");
    wait_until("the queue is done", || cache.stats().expect("statistics").memory.counters.computations == 100 + 65);
    assert_eq!(cache.compute("k99", &background(), || value("new")).expect("answered").source, Source::Stale);
    wait_until("the rest can be renewed", || get(&cache, "k99").as_deref() == Some("new"));
}

#[test]
fn a_cache_that_is_closed_is_not_kept_open_by_what_runs_in_the_background() {
    let time = Time::new();
    let dir = tempfile::tempdir().expect("a directory");
    let cache = time.on(Cache::builder().directory(dir.path().join("store"))).open().expect("opens");
    make_stale(&cache, &time, "k", &background());
    let (go, gone) = mpsc::channel::<()>();
    let (began, has_begun) = mpsc::channel();
    let (done, is_done) = mpsc::channel();
    struct Tell(mpsc::Sender<()>);
    impl Drop for Tell {
        fn drop(&mut self) {
            let _ = self.0.send(());
        }
    }
    let tell = Tell(done);
    let answer = cache.compute("k", &background(), move || {
        let _tell = tell;
        began.send(()).expect("somebody listens");
        gone.recv().expect("told to go on");
        value("new")
    });
    assert_eq!(answer.expect("answered").source, Source::Stale);
    has_begun.recv_timeout(DEADLINE).expect("computes");
    drop(cache);
    go.send(()).expect("it listens");
    is_done.recv_timeout(DEADLINE).expect("it ends");
    let cache = time.on(Cache::builder().directory(dir.path().join("store"))).open().expect("opens");
    assert_eq!(get(&cache, "k").as_deref(), Some("old"));
    // Its lease ended with it, so that somebody else can renew.
    wait_until("the lease is free", || {
        let answer = cache.compute("k", &policy(), || value("newer")).expect("answered");
        answer.source == Source::Computed
    });
}

/// With a seed the draws repeat: a value that took 400 ms to compute and has 100 ms left is renewed early by about
/// `e^(-100/400)`, 78 of 100 callers; one that has 900 ms left by 11.
#[test]
fn early_refreshes_are_as_frequent_as_their_formula_says() {
    let early = |left: u64| {
        let time = Time::new();
        let cache = time.on(Cache::builder().seed(7)).open().expect("opens");
        let policy = policy().early(1.0);
        let renewed = (0..500).filter(|n| {
            let key = format!("k{n}");
            let during = time.clone();
            let computed = cache.compute(&key, &policy, move || {
                during.pass(400);
                value("old")
            });
            assert_eq!(computed.expect("computed").source, Source::Computed);
            time.pass(1_000 - left);
            cache.compute(&key, &policy, || value("new")).expect("answered").source == Source::Computed
        });
        renewed.count()
    };
    let (late, soon) = (early(100), early(900));
    assert!((350..=430).contains(&late), "{late} of 500");
    assert!((30..=85).contains(&soon), "{soon} of 500");
    assert_eq!(late, early(100), "the same seed draws the same");
}

#[test]
fn an_early_refresh_that_fails_leaves_the_fresh_value() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let policy = policy().early(1_000_000.0);
        let during = time.clone();
        let computed = cache.compute("k", &policy, move || {
            during.pass(50);
            value("old")
        });
        assert_eq!(computed.expect("computed").source, Source::Computed);
        let info = cache.inspect("k").expect("readable").expect("there");
        assert_eq!(info.metadata, [("compute-us".to_owned(), "50000".to_owned())]);
        let answer = cache.compute("k", &policy, || -> Answer { Err("no".into()) }).expect("answered");
        assert_eq!((answer.value.as_deref(), answer.source), (Some(&b"old"[..]), Source::Cached));
        let counters = cache.stats().expect("statistics").memory.counters;
        assert_eq!((counters.computations, counters.computations_failed), (2, 1), "it was tried");
    }
}
