//! Fears that many who pick an empty combination at once each have a variant made, that a generator that fails, panics or
//! hangs takes those who wait for it along, and that a pick and a round make the same variant twice.

mod common;

use std::process::{Child, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;

use common::pools::{Noting, PRINT, assert_right, fill, log, script, snippets, values_of, variant};
use common::{Home, collect, in_time, wait_until};
use larder::Cache;
use larder::generate::{Failure, FailureKind, Request, Stop, Variant};
use larder::pools::{Accumulate, Combination, PickError, Picked, Plan, Pool};
use rustix::process::{Pid, Signal, kill_process};

const THREADS: usize = 24;

fn plan() -> Plan {
    Plan::new().dimension("language", ["rust", "python"]).dimension("lines", [10, 20])
}

fn stored(home: &Home) -> (Pool, Combination) {
    let cache = Cache::builder().directory(home.store()).open().expect("opens");
    with_combination(cache.define_pool("p", &plan()).expect("defined"))
}

fn with_combination(pool: Pool) -> (Pool, Combination) {
    let combination = pool.combination([("language", "rust"), ("lines", "10")]).expect("in the plan");
    (pool, combination)
}

/// In memory, and on disk.
fn both(home: &Home) -> [(Pool, Combination); 2] {
    let memory = Cache::builder().open().expect("opens");
    [with_combination(memory.define_pool("p", &plan()).expect("defined")), stored(home)]
}

/// What as many threads get that pick at the same moment.
fn together(
    pools: &[(Pool, Combination)],
    generator: impl Fn(&Request<'_>) -> Result<Variant, Failure> + Send + Sync + 'static,
) -> Vec<Result<Picked, PickError>> {
    let (barrier, generator) = (Arc::new(Barrier::new(THREADS)), Arc::new(generator));
    let threads: Vec<_> = pools
        .iter()
        .cycle()
        .take(THREADS)
        .map(|(pool, combination)| {
            let (pool, combination, barrier, generator) =
                (pool.clone(), combination.clone(), barrier.clone(), generator.clone());
            thread::spawn(move || {
                barrier.wait();
                pool.pick_or_generate(&combination, &*generator)
            })
        })
        .collect();
    in_time("all picks", move || threads.into_iter().map(|it| it.join().expect("no panic")).collect())
}

#[test]
fn of_many_threads_one_has_it_made() {
    let home = Home::new();
    for (pool, combination) in both(&home) {
        let calls = Arc::new(AtomicUsize::new(0));
        let counted = calls.clone();
        let all = together(&[(pool.clone(), combination)], move |request| {
            counted.fetch_add(1, Ordering::SeqCst);
            Ok(Variant::new(variant(&values_of(request), request.generation, request.entry)).content_type("text/plain"))
        });
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        let all: Vec<_> = all.into_iter().map(|it| it.expect("picked")).collect();
        assert_eq!(all.iter().filter(|it| it.is_new).count(), 1, "one says that it was made just now");
        assert!(all.iter().all(|it| it.value == all[0].value && it.content_type == "text/plain"));
        assert_eq!(assert_right(&pool), 1);
    }
}

/// Two caches on one directory know no more of each other than two processes do.
#[test]
fn of_many_threads_of_several_caches_one_has_it_made() {
    let home = Home::new();
    let pools = [stored(&home), stored(&home), stored(&home)];
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let all = together(&pools, move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        Ok(Variant::new("one"))
    });
    assert!(all.into_iter().all(|it| it.expect("picked").value == b"one"));
    assert_eq!(calls.load(Ordering::SeqCst), 1);
    assert!(pools.iter().all(|(pool, _)| pool.stats().expect("counted").cached_entries == 1));
}

fn start(home: &Home) -> Child {
    let args = ["pick", "snippets", "language=rust", "difficulty=easy", "lines=10", "--plan", "plan.toml"];
    home.larder(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("larder starts")
}

#[test]
fn of_many_processes_one_has_it_made() {
    let home = Home::new();
    snippets(&home, "");
    script(&home, "make-snippet", &format!("until [ -e go ]; do sleep 0.01; done\n{PRINT}"));
    let all: Vec<_> = (0..8).map(|_| start(&home)).collect();
    wait_until("one makes it", || !log(&home).is_empty());
    home.write("go", "");
    let all: Vec<_> = all.into_iter().map(|child| collect(child).succeeded()).collect();
    assert_eq!(log(&home).len(), 1);
    assert!(all.iter().all(|done| done.out == all[0].out && !done.out.is_empty()));
    assert_eq!(all.iter().filter(|done| done.err.contains("made just now")).count(), 1);
}

#[test]
fn who_waits_for_another_process_can_be_stopped() {
    let home = Home::new();
    snippets(&home, "");
    script(&home, "make-snippet", "exec sleep 25");
    let maker = start(&home);
    wait_until("it is made", || !log(&home).is_empty());
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let args = ["pick", "snippets", "language=rust", "difficulty=easy", "lines=10", "--plan", "plan.toml", "-v"];
    let waiter =
        home.larder(&args).stdout(Stdio::piped()).stderr(Stdio::piped()).stdin(reader).spawn().expect("starts");
    drop(writer);
    // A second signal would end it by force, so this waits until it listens to the first.
    wait_until("it listens to signals", || listens(&waiter));
    for child in [waiter, maker] {
        let id = Pid::from_raw(i32::try_from(child.id()).expect("an id")).expect("not 0");
        kill_process(id, Signal::TERM).expect("it runs");
        collect(child).refused(3, &["stop"]);
    }
    assert_eq!(log(&home).len(), 1);
}

/// Whether a process has a handler for SIGTERM; elsewhere than on Linux nobody can tell.
fn listens(child: &Child) -> bool {
    let Ok(status) = std::fs::read_to_string(format!("/proc/{}/status", child.id())) else { return true };
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("a line");
    u64::from_str_radix(caught.trim(), 16).expect("a mask") & (1 << 14) != 0
}

#[test]
fn a_failure_reaches_all_who_wait_and_the_next_one_tries_again() {
    let home = Home::new();
    for (pool, combination) in both(&home) {
        let all = together(&[(pool.clone(), combination.clone())], |_: &Request<'_>| {
            Err(Failure::new(FailureKind::RateLimited, "come back later"))
        });
        for refused in all {
            let refused = refused.expect_err("nobody has one");
            assert!(refused.to_string().contains("come back later"), "{refused}");
        }
        assert_eq!(pool.pick(&combination).expect("no error"), None);
        let picked = pool.pick_or_generate(&combination, &Noting::new()).expect("made");
        assert!(picked.is_new);
    }
}

#[test]
fn a_panic_and_an_empty_answer_are_failures() {
    let home = Home::new();
    for (pool, combination) in both(&home) {
        for (generator, word) in [
            ((|_: &Request<'_>| panic!("told to")) as fn(&Request<'_>) -> Result<Variant, Failure>, "panicked"),
            ((|_: &Request<'_>| Ok(Variant::new(""))) as fn(&Request<'_>) -> Result<Variant, Failure>, "nothing"),
        ] {
            for refused in together(&[(pool.clone(), combination.clone())], generator) {
                let refused = refused.expect_err("nobody has one");
                assert!(refused.to_string().contains(word), "{refused}");
            }
            assert_eq!(pool.pick(&combination).expect("no error"), None);
            let report = fill(&pool, &generator);
            assert_eq!((report.made, report.failed), (0, report.planned));
        }
        assert!(pool.pick_or_generate(&combination, &Noting::new()).expect("made").is_new);
    }
}

/// A generator that says when it begins, and goes on when it is told to.
struct Held {
    began: Mutex<Sender<()>>,
    go: Mutex<Receiver<()>>,
    noting: Noting,
}

fn held() -> (Arc<Held>, Receiver<()>, Sender<()>) {
    let ((began, has_begun), (go, may_go)) = (channel(), channel());
    let held = Held { began: Mutex::new(began), go: Mutex::new(may_go), noting: Noting::new() };
    (Arc::new(held), has_begun, go)
}

impl larder::generate::Generator for Held {
    fn generate(&self, request: &Request<'_>) -> Result<Variant, Failure> {
        let _ = self.began.lock().expect("no panic").send(());
        let _ = self.go.lock().expect("no panic").recv();
        self.noting.generate(request)
    }
}

#[test]
fn who_waits_can_be_stopped_and_the_one_who_makes_goes_on() {
    let home = Home::new();
    for (pool, combination) in both(&home) {
        let (generator, has_begun, go) = held();
        let maker = {
            let (pool, combination, generator) = (pool.clone(), combination.clone(), generator.clone());
            thread::spawn(move || pool.pick_or_generate(&combination, &*generator))
        };
        has_begun.recv().expect("it begins");
        let stop = Stop::new().expect("a pipe");
        stop.stop();
        let waiter = (pool.clone(), combination.clone());
        let options = Accumulate::new().expect("a pipe").stop(&stop);
        let refused = in_time("a pick that was stopped", move || {
            waiter.0.pick_or_generate_with(&waiter.1, &Noting::new(), &options).expect_err("stopped")
        });
        assert!(matches!(&refused, PickError::Failed(failure) if failure.kind == FailureKind::Stopped), "{refused}");
        go.send(()).expect("it waits");
        assert!(maker.join().expect("no panic").expect("made").is_new);
        assert_eq!((generator.noting.calls().len(), assert_right(&pool)), (1, 1));
    }
}

/// What the round makes at this moment is what the pick waits for.
#[test]
fn a_pick_and_a_round_do_not_make_the_same_variant() {
    let home = Home::new();
    for (pool, combination) in both(&home) {
        let (generator, has_begun, go) = held();
        let round = {
            let (pool, generator) = (pool.clone(), generator.clone());
            let options = Accumulate::new().expect("a pipe").concurrency(3).max_calls(3);
            thread::spawn(move || pool.accumulate(&*generator, &options).expect("worked off"))
        };
        // All three variants of the first combination are being made.
        (0..3).for_each(|_| has_begun.recv().expect("it begins"));
        let picker = {
            let (pool, generator) = (pool.clone(), generator.clone());
            thread::spawn(move || pool.pick_or_generate(&combination, &*generator).expect("picked"))
        };
        (0..3).for_each(|_| go.send(()).expect("they wait"));
        let report = in_time("the round", move || round.join().expect("no panic"));
        let picked = in_time("the pick", move || picker.join().expect("no panic"));
        assert_eq!((report.made, picked.is_new), (3, false));
        assert_eq!(generator.noting.calls().len(), 3, "every variant is made once");
        assert_eq!(assert_right(&pool), 3);
    }
}

/// Somebody adds one of their own while the round makes the first.
#[test]
fn what_is_added_while_a_round_makes_another_is_not_lost() {
    let home = Home::new();
    for (pool, combination) in both(&home) {
        let adds = {
            let (pool, combination) = (pool.clone(), combination.clone());
            let noting = Noting::new();
            move |request: &Request<'_>| {
                if values_of(request) == "rust/10" && request.entry == 1 {
                    pool.add(&combination, b"my own".to_vec()).expect("added");
                }
                larder::generate::Generator::generate(&noting, request)
            }
        };
        let report = fill(&pool, &adds);
        let values: Vec<_> = pool.list(&[], 99).expect("listed").into_iter().map(|it| it.value).collect();
        assert_eq!(values.iter().filter(|value| *value == b"my own").count(), 1, "what was added is there");
        assert_eq!(values.len() as u64, report.made + 1, "and so is all that was made");
        assert_eq!(pool.stats().expect("counted").missing_entries, 0);
    }
}
