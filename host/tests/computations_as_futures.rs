//! Fears that futures which compute need a runtime, block it, wait for ever when one of them is dropped, or are computed
//! twice. The executors here are the smallest there can be.

mod common;

use std::collections::VecDeque;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use common::clock::Time;
use common::{DEADLINE, in_time, wait_until};
use larder::{Cache, Compute, ComputeError, Computed, ErrorKind, Refresh, SetOptions, Source};

type Answer = Result<Option<Vec<u8>>, String>;
type Asked = Pin<Box<dyn Future<Output = Result<Computed, ComputeError<String>>> + Send>>;

fn value(text: &str) -> Answer {
    Ok(Some(text.into()))
}

fn policy() -> Compute {
    Compute::new(SetOptions::new())
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Polls one future in this thread, only when it was woken.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = std::pin::pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        if let Poll::Ready(answer) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return answer;
        }
        thread::park_timeout(DEADLINE);
    }
}

fn poll_once(future: &mut Asked) -> Poll<Result<Computed, ComputeError<String>>> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

/// A future that is ready once it is told to.
fn told() -> (Arc<Told>, impl Future<Output = ()> + Send + 'static) {
    let told = Arc::new(Told::default());
    let waits = told.clone();
    let future = poll_fn(move |context| {
        let mut state = waits.0.lock().expect("whole");
        if state.0 {
            return Poll::Ready(());
        }
        state.1 = Some(context.waker().clone());
        Poll::Pending
    });
    (told, future)
}

#[derive(Default)]
struct Told(Mutex<(bool, Option<Waker>)>);

impl Told {
    fn tell(&self) {
        let mut state = self.0.lock().expect("whole");
        state.0 = true;
        state.1.take().into_iter().for_each(Waker::wake);
    }
}

#[test]
fn a_thousand_futures_in_one_thread_run_one_computation() {
    for (cache, _dir) in Time::new().both() {
        let calls = Arc::new(AtomicUsize::new(0));
        let mut waiting: VecDeque<Asked> = (0..1_000)
            .map(|_| {
                let calls = calls.clone();
                let mut yields = 3;
                cache.compute_async("k", &policy(), move || async move {
                    calls.fetch_add(1, Ordering::SeqCst);
                    poll_fn(move |context| {
                        context.waker().wake_by_ref();
                        yields -= 1;
                        if yields == 0 { Poll::Ready(()) } else { Poll::Pending }
                    })
                    .await;
                    value("v")
                })
            })
            .collect();
        assert_eq!(calls.load(Ordering::SeqCst), 0, "nothing happens before they are polled");
        let answers = in_time("all", move || {
            block_on(poll_fn(move |context| {
                waiting.retain_mut(|future| match future.as_mut().poll(context) {
                    Poll::Ready(answer) => {
                        assert_eq!(answer.expect("computed").value.as_deref(), Some(&b"v"[..]));
                        false
                    }
                    Poll::Pending => true,
                });
                if waiting.is_empty() { Poll::Ready(1_000) } else { Poll::Pending }
            }))
        });
        assert_eq!((answers, calls.load(Ordering::SeqCst)), (1_000, 1));
    }
}

#[test]
fn a_dropped_future_frees_those_who_wait_and_the_lease() {
    for (cache, dir) in Time::new().both() {
        let mut first = cache.compute_async("k", &policy(), pending::<Answer>);
        assert!(poll_once(&mut first).is_pending());
        let leases = dir.as_ref().map(|dir| dir.path().join("store/leases"));
        assert!(leases.as_ref().is_none_or(|leases| common::contents(leases).len() == 1), "it has the lease");
        let thread = {
            let cache = cache.clone();
            thread::spawn(move || cache.compute("k", &policy(), || value("of a thread")).expect("computed"))
        };
        let mut second = cache.compute_async("k", &policy(), || async { value("of a future") });
        assert!(poll_once(&mut second).is_pending());
        // The second's waker, too, is taken over by whoever polls it last.
        let task = thread::spawn(move || block_on(second).expect("computed"));
        thread::sleep(Duration::from_millis(20));
        drop(first);
        let (of_thread, of_task) =
            in_time("both", move || (thread.join().expect("no panic"), task.join().expect("no panic")));
        assert_eq!(of_thread.value, of_task.value);
        let counters = cache.stats().expect("statistics").memory.counters;
        assert_eq!((counters.computations, counters.waits_given_up), (1, 0));
        assert!(leases.is_none_or(|leases| common::contents(&leases).is_empty()), "no lease is left behind");
    }
}

#[test]
fn a_future_that_is_not_polled_any_more_blocks_nobody_for_ever() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let mut hangs = cache.compute_async("k", &policy(), pending::<Answer>);
        assert!(poll_once(&mut hangs).is_pending());
        let waits = cache.compute_async("k", &policy(), || async { value("second") });
        let task = thread::spawn(move || block_on(waits).expect("computed"));
        wait_until("its patience is over", || {
            time.pass(60_000);
            task.is_finished()
        });
        assert_eq!(task.join().expect("no panic").source, Source::Computed);
        assert_eq!(cache.stats().expect("statistics").memory.counters.waits_given_up, 1);
        drop(hangs);
    }
}

fn panics_now() -> Answer {
    std::panic::resume_unwind(Box::new("on purpose"))
}

#[test]
fn a_panic_in_a_future_frees_those_who_wait() {
    let cache = Cache::builder().open().expect("opens");
    let (go, told) = told();
    let panics = cache.compute_async("k", &policy(), move || async move {
        told.await;
        panics_now()
    });
    let (polled, is_polled) = mpsc::channel();
    let first = thread::spawn(move || {
        let mut panics = panics;
        assert!(poll_once(&mut panics).is_pending());
        polled.send(()).expect("somebody listens");
        let _ = block_on(panics);
    });
    is_polled.recv_timeout(DEADLINE).expect("polled");
    let waits = cache.compute_async("k", &policy(), || async { value("next") });
    let second = thread::spawn(move || block_on(waits).expect("computed"));
    go.tell();
    in_time("both", move || {
        assert!(first.join().is_err(), "the panic passes through");
        assert_eq!(second.join().expect("no panic").value.as_deref(), Some(&b"next"[..]));
    });
}

#[test]
fn a_future_that_needs_itself_is_an_error_and_no_deadlock() {
    for (cache, _dir) in Time::new().both() {
        let inner = cache.clone();
        let outer = cache.compute_async("k", &policy(), move || async move {
            let through_another = inner.clone();
            let again = inner.compute_async("l", &policy(), move || async move {
                match through_another.compute_async("k", &policy(), || async { value("never") }).await {
                    Err(ComputeError::Cache(e)) if e.kind() == ErrorKind::InvalidArgument => Err(e.to_string()),
                    other => panic!("not refused: {other:?}"),
                }
            });
            assert!(matches!(again.await, Err(ComputeError::Failed(_))));
            // The same from a thread that computes within the future.
            match inner.compute("k", &policy(), || value("never")) {
                Err(ComputeError::Cache(_)) => value("outer"),
                other => panic!("not refused: {other:?}"),
            }
        });
        let outer = in_time("re-entry", move || block_on(outer)).expect("computed");
        assert_eq!(outer.value.as_deref(), Some(&b"outer"[..]));
    }
}

/// A stale value, computed anew by futures that run where `spawn` puts them.
#[test]
fn a_due_value_is_renewed_by_a_future_of_its_own_if_there_is_a_runtime() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        let (spawned, tasks) = mpsc::channel();
        let spawned = Mutex::new(spawned);
        let options = SetOptions::new().ttl(Duration::from_secs(1)).stale(Duration::from_secs(10));
        let caller = Compute::new(options).refresh(Refresh::Background);
        let policy =
            caller.clone().spawn(move |task| spawned.lock().expect("whole").send(task).expect("somebody listens"));
        block_on(cache.compute_async("k", &policy, || async { value("old") })).expect("computed");
        time.pass(1_500);
        let ask = |text: &'static str| {
            block_on(cache.compute_async("k", &policy, move || async move { value(text) })).expect("answered")
        };
        assert_eq!((ask("new").source, ask("newer").source), (Source::Stale, Source::Stale));
        let task = tasks.try_recv().expect("one is spawned");
        assert!(tasks.try_recv().is_err(), "and one only");
        block_on(task);
        assert_eq!((ask("never").value.as_deref(), ask("never").source), (Some(&b"new"[..]), Source::Cached));
        time.pass(1_500);
        // A task that its runtime drops leaves the value due.
        assert_eq!(ask("new").source, Source::Stale);
        drop(tasks.try_recv().expect("spawned"));
        assert_eq!(ask("newest").source, Source::Stale);
        block_on(tasks.try_recv().expect("spawned again"));
        assert_eq!(ask("never").value.as_deref(), Some(&b"newest"[..]));
        // Without a runtime the caller renews.
        time.pass(1_500);
        let renewed = block_on(cache.compute_async("k", &caller, || async { value("by hand") })).expect("computed");
        assert_eq!(renewed.source, Source::Computed);
    }
}

#[test]
fn threads_and_futures_share_one_computation() {
    let cache = Cache::builder().open().expect("opens");
    let (go, told) = told();
    let mut first = cache.compute_async("k", &policy(), move || async move {
        told.await;
        value("v")
    });
    assert!(poll_once(&mut first).is_pending());
    let waiter = {
        let cache = cache.clone();
        thread::spawn(move || cache.compute("k", &policy(), || -> Answer { panic!("one computes") }).expect("answered"))
    };
    thread::sleep(Duration::from_millis(20));
    assert!(!waiter.is_finished(), "it waits for the future");
    go.tell();
    let first = block_on(first).expect("computed");
    let waiter = in_time("the thread", move || waiter.join().expect("no panic"));
    assert_eq!((first.value, first.source), (waiter.value, Source::Computed));
}
