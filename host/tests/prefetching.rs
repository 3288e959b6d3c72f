//! Fears that what is queued is fetched twice, by nobody, or though it is there; that a fetcher takes the worker down with it; and that
//! what was fetched is not counted for what it is.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use larder::generate::{Command, Failure, FailureKind, Stop, Variant};
use larder::prefetch::{Failed, Fetcher, Prefetches, Queued, Wanted, Work};
use larder::{Cache, ErrorKind, SetOptions};

fn queue(cache: &Cache) -> Prefetches {
    cache.prefetches().expect("a queue")
}

fn work() -> Work {
    Work::new().expect("a pipe")
}

fn keys(items: &[Queued]) -> String {
    items.iter().map(|item| item.key_text().into_owned()).collect::<Vec<_>>().join(" ")
}

fn push(queue: &Prefetches, items: &[(&str, f64)]) {
    let wanted = items.iter().map(|(key, priority)| Wanted::new(*key).priority(*priority));
    queue.push_all(wanted).expect("queued");
}

fn upper(item: &Queued) -> Result<Variant, Failure> {
    Ok(Variant::new(item.key.to_ascii_uppercase()).content_type("text/plain"))
}

/// A cache whose time is told.
fn timed() -> (Cache, Arc<AtomicU64>) {
    let now = Arc::new(AtomicU64::new(1_000_000));
    let clock = now.clone();
    (Cache::builder().clock(move || clock.load(Ordering::SeqCst)).open().expect("opens"), now)
}

#[test]
fn what_is_queued_is_fetched_and_stored_and_counted() {
    let dir = tempfile::tempdir().expect("a directory");
    for builder in [Cache::builder(), Cache::builder().directory(&dir)] {
        let cache = builder.open().expect("opens");
        let queue = queue(&cache);
        push(&queue, &[("a", 0.2), ("b", 0.9), ("c", 0.5)]);
        assert_eq!(keys(&queue.items(10).expect("listed")), "b c a");
        cache.set("c", "there").expect("set");
        let options = SetOptions::new().ttl(Duration::from_secs(600)).tag("fetched");
        let report = queue.run(&upper, &work().options(options)).expect("run");
        assert_eq!((report.taken, report.fetched, report.unneeded, report.failed.len()), (3, 2, 1, 0));
        assert_eq!(queue.figures().expect("counted").length, 0);
        let info = cache.inspect("a").expect("read").expect("there");
        assert!(info.prefetched && info.tags == ["fetched"] && info.content_type == "text/plain");
        let counters = || cache.stats().expect("counted").memory.counters;
        assert_eq!(
            (counters().prefetched, counters().prefetch_hits, counters().hits),
            (2, 0, 0),
            "nobody read anything"
        );
        assert_eq!(cache.get("c").expect("read").as_deref(), Some(&b"there"[..]));
        for _ in 0..3 {
            assert_eq!(cache.get("a").expect("read").as_deref(), Some(&b"A"[..]));
        }
        assert_eq!((counters().prefetch_hits, counters().prefetch_hit_rate()), (1, 50.0));
        assert!(!cache.inspect("a").expect("read").expect("there").prefetched);
    }
    // The record says so too, whoever reads it next.
    let again = Cache::builder().directory(&dir).open().expect("opens");
    again.get("a").expect("read").expect("there");
    again.get("b").expect("read").expect("there");
    assert_eq!(again.stats().expect("counted").memory.counters.prefetch_hits, 1, "a was used, b was not");
    assert_eq!(again.lifetime().expect("counted").total().prefetch_hits, 2);
}

#[test]
fn several_workers_take_nothing_twice() {
    let dir = tempfile::tempdir().expect("a directory");
    let fetched = Arc::new(Mutex::new(Vec::new()));
    let open = || Cache::builder().directory(&dir).open().expect("opens");
    push(&queue(&open()), &(0..40).map(|n| (["a", "b", "c", "d"][n % 4], 0.5)).collect::<Vec<_>>());
    let names: Vec<String> = (0..40).map(|n| format!("key-{n}")).collect();
    queue(&open()).push_all(names.iter().map(|key| Wanted::new(key.as_str()))).expect("queued");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let queue = queue(&open());
                let fetcher = |item: &Queued| {
                    fetched.lock().expect("no panic").push(item.key.clone());
                    upper(item)
                };
                while queue.run(&fetcher, &work().batch(3)).expect("run").taken > 0 {}
            });
        }
    });
    let mut fetched = fetched.lock().expect("no panic").clone();
    fetched.sort();
    let mut expected: Vec<Vec<u8>> = names.iter().map(|key| key.clone().into_bytes()).collect();
    expected.extend([b"a", b"b", b"c", b"d"].map(|key| key.to_vec()));
    expected.sort();
    assert_eq!(fetched, expected);
    assert_eq!(queue(&open()).figures().expect("counted").fetched, 44);
}

#[test]
fn what_fails_is_tried_three_times_and_says_why() {
    let (cache, now) = timed();
    let queue = queue(&cache);
    push(&queue, &[("good", 0.5), ("bad", 0.6), ("worse", 0.7)]);
    let fetcher = |item: &Queued| match item.key.as_slice() {
        b"good" => upper(item),
        b"bad" => Err(Failure::new(FailureKind::Unavailable, "nobody answers")),
        _ => panic!("this one is broken"),
    };
    let work = work().retry(Duration::from_secs(10));
    let report = queue.run(&fetcher, &work).expect("run");
    let mut failed: Vec<_> = report.failed.iter().map(|(key, reason)| (key.as_slice(), reason.as_str())).collect();
    failed.sort();
    assert_eq!(failed, [(&b"bad"[..], "nobody answers"), (b"worse", "the fetcher panicked")]);
    assert_eq!(report.fetched, 1);
    assert_eq!(queue.items(9).expect("listed")[1].reason, "nobody answers");
    assert_eq!(queue.run(&fetcher, &work).expect("run").next, Some(1_010_000));
    now.fetch_add(10_000, Ordering::SeqCst);
    assert_eq!(queue.run(&fetcher, &work).expect("run").failed.len(), 2);
    now.fetch_add(19_999, Ordering::SeqCst);
    assert_eq!(queue.run(&fetcher, &work).expect("run").taken, 0, "twice as long the second time");
    now.fetch_add(1, Ordering::SeqCst);
    assert_eq!(queue.run(&fetcher, &work).expect("run").failed.len(), 2);
    let figures = queue.figures().expect("counted");
    assert_eq!((figures.length, figures.failures, figures.given_up), (0, 6, 2));
}

#[test]
fn who_asks_meanwhile_waits_for_the_fetch_and_what_is_computed_is_not_fetched() {
    let cache = Cache::builder().open().expect("opens");
    let computed = Arc::new(AtomicUsize::new(0));
    let queue = queue(&cache);
    push(&queue, &[("a", 0.5)]);
    let (began, begins) = mpsc::channel();
    let (go_on, goes_on) = mpsc::channel::<()>();
    std::thread::scope(|scope| {
        let goes_on = Mutex::new(goes_on);
        let fetcher = move |item: &Queued| {
            began.send(()).expect("heard");
            goes_on.lock().expect("no panic").recv().expect("told");
            upper(item)
        };
        let worker = scope.spawn({
            let queue = queue.clone();
            move || queue.run(&fetcher, &work()).expect("run")
        });
        begins.recv().expect("began");
        let asks = scope.spawn(|| {
            cache.get_or_insert_with("a", &SetOptions::new(), || {
                computed.fetch_add(1, Ordering::SeqCst);
                b"computed".to_vec()
            })
        });
        // Whether it waits already or comes later: it gets what is fetched.
        go_on.send(()).expect("told");
        assert_eq!(worker.join().expect("no panic").fetched, 1);
        assert_eq!(asks.join().expect("no panic").expect("answered"), b"A");
    });
    assert_eq!(computed.load(Ordering::SeqCst), 0);
    cache
        .get_or_insert_with("b", &SetOptions::new(), || {
            push(&queue, &[("b", 0.5)]);
            let report = queue.run(&upper, &work()).expect("run");
            assert_eq!((report.fetched, report.unneeded), (0, 1), "it is being computed");
            b"computed".to_vec()
        })
        .expect("computed");
}

#[test]
fn stale_values_are_fetched_anew() {
    let (cache, now) = timed();
    let options = SetOptions::new().ttl(Duration::from_secs(1)).stale(Duration::from_secs(100));
    cache.set_with("a", "old", &options).expect("set");
    now.fetch_add(2_000, Ordering::SeqCst);
    push(&queue(&cache), &[("a", 0.5)]);
    assert_eq!(queue(&cache).run(&upper, &work()).expect("run").fetched, 1);
    assert_eq!(cache.get("a").expect("read").as_deref(), Some(&b"A"[..]));
}

#[test]
fn a_worker_works_until_it_is_stopped() {
    let cache = Cache::builder().open().expect("opens");
    let queue = queue(&cache);
    let (told, hears) = mpsc::channel();
    let told = Mutex::new(told);
    let fetcher = move |item: &Queued| {
        told.lock().expect("no panic").send(item.key.clone()).expect("heard");
        upper(item)
    };
    let worker = queue.work(Arc::new(fetcher), &work().every(Duration::from_millis(1))).expect("a thread");
    for key in ["a", "b", "c"] {
        push(&queue, &[(key, 0.5)]);
        assert_eq!(hears.recv().expect("fetched"), key.as_bytes());
    }
    worker.stop();
    push(&queue, &[("d", 0.5)]);
    assert!(hears.recv().is_err(), "the fetcher is gone, and nobody fetched d");
    assert_eq!(queue.figures().expect("counted").length, 1);
}

#[test]
fn a_request_to_stop_leaves_the_rest_for_later() {
    let (cache, now) = timed();
    let queue = queue(&cache);
    push(&queue, &[("a", 0.9), ("b", 0.5)]);
    let stop = Stop::new().expect("a pipe");
    struct Stopped;
    impl Fetcher for Stopped {
        fn fetch(&self, _: &Queued, stop: &Stop) -> Result<Variant, Failure> {
            stop.stop();
            Err(Failure::new(FailureKind::Stopped, "asked to stop"))
        }
    }
    let work = work().stop(&stop).concurrency(1).lease(Duration::from_secs(5));
    let report = queue.run(&Stopped, &work).expect("run");
    assert_eq!((report.taken, report.fetched, report.failed.len()), (1, 0, 1));
    let figures = queue.figures().expect("counted");
    assert_eq!((figures.failures, figures.ready), (0, 1), "it was not the item's fault, and b was not begun");
    now.fetch_add(5_000, Ordering::SeqCst);
    let taken = queue.take(9, Duration::from_secs(1)).expect("taken").items;
    assert_eq!(keys(&taken), "a b");
    assert_eq!(taken.iter().map(|item| item.attempts).collect::<Vec<_>>(), [2, 1]);
}

#[test]
fn a_command_gets_the_key_and_the_payload() {
    let cache = Cache::builder().open().expect("opens");
    let queue = queue(&cache);
    queue.push(Wanted::new("/users/7").payload("how")).expect("queued");
    queue.push(Wanted::new(vec![0xFF])).expect("queued");
    let command = Command::new(["sh", "-c", r#"printf '%s by %s' "$LARDER_KEY" "$(cat)""#], ".");
    let report = queue.run(&command, &work()).expect("run");
    assert_eq!(cache.get("/users/7").expect("read").as_deref(), Some(&b"/users/7 by how"[..]));
    assert_eq!(report.failed.len(), 1, "a key that is no text");
}

#[test]
fn the_queue_is_bounded_and_refuses_what_cannot_be() {
    let cache = Cache::builder().open().expect("opens");
    let queue = queue(&cache);
    let many = (0..1_500).map(|n| Wanted::new(format!("key-{n}")).priority(f64::from(n) / 1_500.0));
    let queued = queue.push_all(many).expect("queued");
    assert_eq!((queued.added, queued.dropped, queue.items(2_000).expect("listed").len()), (1_500, 500, 1_000));
    for wrong in [Wanted::new(""), Wanted::new("a").priority(2.0), Wanted::new("a").payload(vec![0; 70_000])] {
        let refused = queue.push_all([Wanted::new("good"), wrong]).expect_err("refused");
        assert_eq!(refused.kind(), ErrorKind::InvalidArgument);
    }
    assert_eq!(queue.remove(&["key-1499", "key-1", "good"]).expect("removed"), 1);
    assert_eq!(queue.fail("key-1", "why", Duration::ZERO).expect("noted"), Failed::Unknown);
    assert_eq!(queue.clear().expect("cleared"), 999);
    assert_eq!(cache.namespace("other").expect("a namespace").prefetches().expect("one").clear().expect("none"), 0);
}

#[test]
fn predictions_say_who_goes() {
    let cache = Cache::builder().shards(2).policy("predicted").max_memory_entries(8).open().expect("opens");
    for key in ["a", "b", "c", "d"] {
        cache.set(key, "value").expect("set");
    }
    assert_eq!(cache.expect(&[("a", 0.9), ("b", 0.1), ("x", 0.5)]).expect("told"), 2);
    assert_eq!(cache.expect(&[("a", 1.5)]).expect_err("refused").kind(), ErrorKind::InvalidArgument);
    let predictions = [("a", 0.9), ("b", 0.1), ("c", 0.2), ("x", 0.0), ("d", f64::NAN)];
    assert_eq!(cache.evict_unlikely(&predictions, 2).expect("evicted"), 2);
    let there = ["a", "b", "c", "d"].map(|key| cache.contains(key).expect("looked"));
    assert_eq!(there, [true, false, false, true]);
}
