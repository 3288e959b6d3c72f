//! Fears a library that answers differently with and without a store, or before and after it was opened again; threads
//! that wait for ever; and a stopped guest that takes more with it than its own memory.

mod common;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use common::{in_time, noise, wait_until};
use larder::{Builder, Cache, Defaults, Durability, Error, ErrorKind, Filter, Format, Remaining, SetOptions};
use serde::{Deserialize, Serialize};
use tempfile::TempDir;

fn plain() -> SetOptions {
    SetOptions::new()
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

/// Time that passes when told to.
#[derive(Clone)]
struct Time(Arc<AtomicU64>);

impl Time {
    fn new() -> Self {
        Self(Arc::new(AtomicU64::new(1_700_000_000_000)))
    }

    fn on(&self, builder: Builder) -> Builder {
        let now = self.0.clone();
        builder.clock(move || now.load(Ordering::SeqCst))
    }

    fn pass(&self, ms: u64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

/// A cache in memory and one on disk, for what must be the same in both.
fn both() -> Vec<(Cache, Option<TempDir>)> {
    let dir = tempfile::tempdir().expect("a directory");
    let stored = on(&dir).open().expect("opens");
    vec![(Cache::builder().open().expect("opens"), None), (stored, Some(dir))]
}

fn on(dir: &TempDir) -> Builder {
    Cache::builder().directory(dir.path().join("store"))
}

#[track_caller]
fn text(cache: &Cache, key: &str) -> Option<String> {
    cache.get(key).expect("readable").map(|value| String::from_utf8(value).expect("text"))
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct User {
    name: String,
    age: u8,
    tags: Vec<String>,
}

fn ada() -> User {
    User { name: "Ada".into(), age: 36, tags: vec!["x".into(), "y".into()] }
}

#[test]
fn typed_values_come_back_in_either_format() {
    let dir = tempfile::tempdir().expect("a directory");
    for (format, content_type) in
        [(Format::Json, "application/json"), (Format::Postcard, "application/vnd.larder.postcard")]
    {
        let cache = on(&dir).format(format).open().expect("opens");
        cache.set_as(content_type, &ada(), &plain().tag("t")).expect("stored");
        assert_eq!(cache.get_as::<User>(content_type).expect("readable"), Some(ada()));
        assert_eq!(cache.lookup(content_type).expect("readable").expect("there").content_type, content_type);
        assert_eq!(cache.get_as::<User>("absent").expect("readable"), None);
    }
    // The entry says how it is written, whatever the cache is set to.
    for format in [Format::Json, Format::Postcard] {
        let cache = on(&dir).format(format).open().expect("opens");
        for key in ["application/json", "application/vnd.larder.postcard"] {
            assert_eq!(cache.get_as::<User>(key).expect("readable"), Some(ada()));
        }
    }
}

#[test]
fn a_wrong_type_is_an_error_and_no_panic() {
    for format in [Format::Json, Format::Postcard] {
        let cache = Cache::builder().format(format).open().expect("opens");
        cache.set_as("user", &ada(), &plain()).expect("stored");
        cache.set_as("bytes", &vec![1u8, 2, 3], &plain()).expect("stored");
        cache.set("raw", "not typed").expect("stored");
        cache.set_with("liar", noise(1, 50), &plain().content_type("application/json")).expect("stored");
        cache.set_with("liar2", [], &plain().content_type("application/vnd.larder.postcard")).expect("stored");
        assert_eq!(cache.get_as::<Vec<u64>>("user").expect_err("wrong").kind(), ErrorKind::WrongType);
        assert_eq!(cache.get_as::<bool>("bytes").expect_err("wrong").kind(), ErrorKind::WrongType);
        assert_eq!(cache.get_as::<u8>("bytes").expect_err("something is left over").kind(), ErrorKind::WrongType);
        for key in ["raw", "liar", "liar2"] {
            assert_eq!(cache.get_as::<User>(key).expect_err("wrong").kind(), ErrorKind::WrongType, "{key}");
            let computed = cache.get_or_insert_as(key, &plain(), ada);
            assert_eq!(computed.expect_err("nothing is overwritten").kind(), ErrorKind::WrongType, "{key}");
        }
        assert!(cache.get("raw").expect("readable").is_some());
    }
}

#[test]
fn typed_computations_are_stored_typed() {
    for format in [Format::Json, Format::Postcard] {
        let cache = Cache::builder().format(format).open().expect("opens");
        let calls = AtomicUsize::new(0);
        for _ in 0..3 {
            let found = cache.get_or_insert_as("user", &plain(), || {
                calls.fetch_add(1, Ordering::SeqCst);
                ada()
            });
            assert_eq!(found.expect("computed"), ada());
        }
        assert_eq!(calls.load(Ordering::SeqCst), 1);
        assert_eq!(cache.get_as::<User>("user").expect("readable"), Some(ada()));
    }
}

#[test]
fn sixteen_threads_compute_once() {
    for (cache, _dir) in both() {
        let calls = Arc::new(AtomicUsize::new(0));
        let barrier = Arc::new(Barrier::new(16));
        let threads: Vec<_> = (0..16)
            .map(|_| {
                let (cache, calls, barrier) = (cache.clone(), calls.clone(), barrier.clone());
                thread::spawn(move || {
                    barrier.wait();
                    cache.get_or_insert_with("k", &plain(), || {
                        calls.fetch_add(1, Ordering::SeqCst);
                        thread::yield_now();
                        b"value".to_vec()
                    })
                })
            })
            .collect();
        in_time("sixteen threads", move || {
            for thread in threads {
                assert_eq!(thread.join().expect("no panic").expect("computed"), b"value");
            }
        });
        assert_eq!(calls.load(Ordering::SeqCst), 1);
    }
}

/// However the options look, whoever waits gets what was computed while it waited.
#[test]
fn whoever_waits_gets_the_value_of_the_one_who_computes() {
    let cache = Cache::builder().open().expect("opens");
    let (began, has_begun) = mpsc::channel();
    let (go, gone) = mpsc::channel::<()>();
    let first = {
        let cache = cache.clone();
        thread::spawn(move || {
            cache.get_or_insert_with("k", &plain(), || {
                began.send(()).expect("somebody listens");
                gone.recv().expect("told to go on");
                b"first".to_vec()
            })
        })
    };
    has_begun.recv_timeout(common::DEADLINE).expect("computes");
    let second = {
        let cache = cache.clone();
        thread::spawn(move || cache.get_or_insert_with("k", &plain(), || b"second".to_vec()))
    };
    // Other keys, and other namespaces, are not held up.
    let other = cache.namespace("other").expect("a namespace");
    assert_eq!(other.get_or_insert_with("k", &plain(), || b"other".to_vec()).expect("computed"), b"other");
    assert_eq!(cache.get_or_insert_with("l", &plain(), || b"l".to_vec()).expect("computed"), b"l");
    go.send(()).expect("it listens");
    in_time("both", move || {
        assert_eq!(first.join().expect("no panic").expect("computed"), b"first");
        assert_eq!(second.join().expect("no panic").expect("found"), b"first");
    });
}

#[test]
fn a_panicking_computation_frees_its_waiters() {
    for (cache, _dir) in both() {
        let (began, has_begun) = mpsc::channel();
        let (go, gone) = mpsc::channel::<()>();
        let first = {
            let cache = cache.clone();
            thread::spawn(move || {
                catch_unwind(AssertUnwindSafe(|| {
                    cache.get_or_insert_with("k", &plain(), || {
                        began.send(()).expect("somebody listens");
                        gone.recv().expect("told to go on");
                        std::panic::resume_unwind(Box::new("on purpose"))
                    })
                }))
                .is_err()
            })
        };
        has_begun.recv_timeout(common::DEADLINE).expect("computes");
        let waiters: Vec<_> = (0..4)
            .map(|_| {
                let cache = cache.clone();
                thread::spawn(move || cache.get_or_insert_with("k", &plain(), || b"next".to_vec()))
            })
            .collect();
        go.send(()).expect("it listens");
        in_time("the waiters", move || {
            assert!(first.join().expect("caught"), "the panic passes through");
            for waiter in waiters {
                assert_eq!(waiter.join().expect("no panic").expect("computed"), b"next");
            }
        });
        assert_eq!(text(&cache, "k").as_deref(), Some("next"));
    }
}

#[test]
fn a_failed_computation_is_not_stored_and_frees_its_waiters() {
    for (cache, _dir) in both() {
        #[derive(Debug)]
        enum Mine {
            Failed,
            Larder,
        }
        impl From<Error> for Mine {
            fn from(_: Error) -> Self {
                Self::Larder
            }
        }
        let failed = cache.get_or_try_insert_with("k", &plain(), || Err(Mine::Failed));
        assert!(matches!(failed, Err(Mine::Failed)));
        assert_eq!(text(&cache, "k"), None);
        let done = cache.get_or_try_insert_with("k", &plain(), || Ok::<_, Mine>(b"v".to_vec()));
        assert!(matches!(done, Ok(value) if value == b"v"));
        assert!(!matches!(failed, Err(Mine::Larder)));
    }
}

#[test]
fn asking_for_the_key_that_is_being_computed_is_an_error() {
    for (cache, _dir) in both() {
        let asked = cache.clone();
        let (inner, outer) = in_time("re-entry", move || {
            let mut inner = None;
            let outer = asked.get_or_insert_with("k", &plain(), || {
                inner = Some(asked.get_or_insert_with("k", &plain(), || b"inner".to_vec()));
                b"outer".to_vec()
            });
            (inner.expect("asked"), outer)
        });
        assert_eq!(inner.expect_err("refused").kind(), ErrorKind::InvalidArgument);
        assert_eq!(outer.expect("computed"), b"outer");
        // Plain reads and writes of the key, and computations of others, are fine.
        let asked = cache.clone();
        let value = in_time("other keys", move || {
            asked.get_or_insert_with("a", &plain(), || {
                assert_eq!(asked.get("a").expect("readable"), None);
                asked.get_or_insert_with("b", &plain(), || b"b".to_vec()).expect("computed")
            })
        });
        assert_eq!(value.expect("computed"), b"b");
    }
}

#[test]
fn a_computed_value_that_cannot_be_stored_is_returned() {
    let cache = Cache::builder().max_entry_size(10).open().expect("opens");
    let value = cache.get_or_insert_with("k", &plain(), || vec![1; 11]).expect("computed");
    assert_eq!(value, vec![1; 11]);
    assert_eq!(cache.get("k").expect("readable"), None);
}

/// Opens the cache anew if it has a store.
fn again(cache: Cache, dir: &Option<TempDir>) -> Cache {
    match dir {
        Some(dir) => {
            drop(cache);
            on(dir).open().expect("opens again")
        }
        None => cache,
    }
}

#[test]
fn add_is_only_for_what_is_not_there() {
    for (cache, dir) in both() {
        assert!(cache.add("k", "first", &plain()).expect("decided").is_some());
        assert!(cache.add("k", "second", &plain()).expect("decided").is_none());
        let cache = again(cache, &dir);
        assert!(cache.add("k", "third", &plain()).expect("decided").is_none());
        assert_eq!(text(&cache, "k").as_deref(), Some("first"));
        cache.delete("k").expect("deleted");
        let cache = again(cache, &dir);
        assert!(cache.add("k", "fourth", &plain().tag("t")).expect("decided").is_some());
        assert_eq!(text(&again(cache, &dir), "k").as_deref(), Some("fourth"));
    }
}

#[test]
fn replace_is_only_for_what_is_there() {
    for (cache, dir) in both() {
        assert!(cache.replace("k", "v", &plain()).expect("decided").is_none());
        assert_eq!(text(&cache, "k"), None);
        cache.set_with("k", "first", &plain().ttl(ms(60_000)).tag("t")).expect("stored");
        let cache = again(cache, &dir);
        assert!(cache.replace("k", "second", &plain()).expect("decided").is_some());
        let cache = again(cache, &dir);
        assert_eq!(text(&cache, "k").as_deref(), Some("second"));
        let info = cache.inspect("k").expect("readable").expect("there");
        assert_eq!((info.expires, info.tags.len()), (None, 0), "a new entry under the old key");
    }
}

#[test]
fn compare_and_set_goes_by_the_version() {
    for (cache, dir) in both() {
        assert!(cache.compare_and_set("k", 0, "v", &plain()).expect("decided").is_none(), "not there");
        let first = cache.set("k", "first").expect("stored").version;
        let cache = again(cache, &dir);
        assert_eq!(cache.lookup("k").expect("readable").expect("there").version, first, "kept");
        assert!(cache.compare_and_set("k", first + 1, "lost", &plain()).expect("decided").is_none());
        let second = cache.compare_and_set("k", first, "second", &plain()).expect("decided").expect("written").version;
        assert!(second > first);
        assert!(cache.compare_and_set("k", first, "lost", &plain()).expect("decided").is_none());
        let cache = again(cache, &dir);
        assert!(cache.compare_and_set("k", first, "lost", &plain()).expect("decided").is_none());
        assert_eq!(text(&cache, "k").as_deref(), Some("second"));
        // A key that was deleted and set again is another entry.
        cache.delete("k").expect("deleted");
        let third = cache.set("k", "second").expect("stored").version;
        assert!(third > second);
        assert!(cache.compare_and_set("k", second, "lost", &plain()).expect("decided").is_none());
    }
}

#[test]
fn increment_counts_and_keeps_what_belongs_to_the_entry() {
    for (cache, dir) in both() {
        assert_eq!(cache.increment("n", 5, &plain().ttl(ms(3_600_000)).tag("t")).expect("counted"), 5);
        let cache = again(cache, &dir);
        assert_eq!(cache.increment("n", -7, &plain()).expect("counted"), -2);
        assert_eq!(text(&cache, "n").as_deref(), Some("-2"));
        let info = cache.inspect("n").expect("readable").expect("there");
        assert!(info.expires.is_some() && info.tags == ["t"], "{info:?}");
        let cache = again(cache, &dir);
        assert_eq!(cache.increment("n", 0, &plain()).expect("counted"), -2);
        cache.set("text", "twelve").expect("stored");
        assert_eq!(cache.increment("text", 1, &plain()).expect_err("no number").kind(), ErrorKind::NotANumber);
        assert_eq!(text(&cache, "text").as_deref(), Some("twelve"));
        cache.set("max", i64::MAX.to_string()).expect("stored");
        assert_eq!(cache.increment("max", 1, &plain()).expect_err("too much").kind(), ErrorKind::NotANumber);
        assert_eq!(text(&cache, "max"), Some(i64::MAX.to_string()));
        assert_eq!(cache.increment("max", i64::MIN, &plain()).expect("counted"), -1);
    }
}

#[test]
fn touch_changes_times_only() {
    let time = Time::new();
    let dir = tempfile::tempdir().expect("a directory");
    for builder in [Cache::builder(), on(&dir)] {
        let cache = time.on(builder.clone()).open().expect("opens");
        assert!(cache.touch("k", None).expect("decided").is_none());
        let given = plain().ttl(ms(1_000)).tag("t").metadata("a", "b").content_type("x/y");
        cache.set_with("k", "v", &given).expect("stored");
        time.pass(600);
        assert!(cache.touch("k", Some(ms(1_000))).expect("decided").is_some());
        time.pass(600);
        assert_eq!(text(&cache, "k").as_deref(), Some("v"));
        assert_eq!(cache.ttl("k").expect("readable"), Some(Remaining::Fresh(400)));
        let info = cache.inspect("k").expect("readable").expect("there");
        assert_eq!((info.tags, info.content_type), (vec!["t".to_owned()], "x/y".to_owned()));
        assert_eq!(info.metadata, [("a".to_owned(), "b".to_owned())]);
        assert_eq!(cache.touch("k", Some(Duration::ZERO)).expect_err("zero").kind(), ErrorKind::InvalidArgument);
        assert_eq!(cache.ttl("k").expect("readable"), Some(Remaining::Fresh(400)));
        assert!(cache.touch("k", Some(Duration::MAX)).expect("decided").is_some());
        assert_eq!(cache.ttl("k").expect("readable"), Some(Remaining::Forever));
        assert!(cache.touch("k", Some(ms(500))).expect("decided").is_some());
        time.pass(500);
        assert_eq!(text(&cache, "k"), None);
        assert!(cache.touch("k", Some(ms(500))).expect("decided").is_none());
    }
    // What was touched is so for those who open the store later.
    let cache = time.on(on(&dir)).open().expect("opens");
    cache.set_with("k", "v", &plain().ttl(ms(1_000))).expect("stored");
    cache.touch("k", Some(ms(10_000))).expect("touched");
    drop(cache);
    time.pass(5_000);
    let cache = time.on(on(&dir)).open().expect("opens");
    assert_eq!(cache.ttl("k").expect("readable"), Some(Remaining::Fresh(5_000)));
    assert_eq!(text(&cache, "k").as_deref(), Some("v"));
}

#[test]
fn what_lasts_in_memory_only_is_gone_with_it_and_nothing_older_comes_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = on(&dir).open().expect("opens");
    let memory = plain().durability(Durability::Memory);
    assert_eq!(cache.set("k", "stored").expect("stored").durability, Durability::Process);
    assert_eq!(cache.set_with("k", "memory", &memory).expect("kept").durability, Durability::Memory);
    assert_eq!(cache.set_with("only", "memory", &memory).expect("kept").durability, Durability::Memory);
    cache.set_with("risen", "memory", &memory).expect("kept");
    cache.set("risen", "stored").expect("stored");
    assert_eq!(text(&cache, "k").as_deref(), Some("memory"));
    assert_eq!(text(&cache, "only").as_deref(), Some("memory"));
    let listed: Vec<_> = cache.list(&Filter::default()).expect("listed").into_iter().map(|info| info.key).collect();
    assert_eq!(listed.len(), 3, "all three: {listed:?}");
    let other = on(&dir).open().expect("opens");
    assert_eq!((text(&other, "k"), text(&other, "only")), (None, None));
    drop((cache, other));
    let cache = on(&dir).open().expect("opens");
    assert_eq!((text(&cache, "k"), text(&cache, "only")), (None, None));
    assert_eq!(text(&cache, "risen").as_deref(), Some("stored"));
}

#[test]
fn times_pass_as_the_clock_says() {
    let time = Time::new();
    let dir = tempfile::tempdir().expect("a directory");
    for builder in [Cache::builder(), on(&dir)] {
        let cache = time.on(builder).open().expect("opens");
        cache.set_with("ttl", "v", &plain().ttl(ms(100))).expect("stored");
        cache.set_with("stale", "v", &plain().ttl(ms(100)).stale(ms(50))).expect("stored");
        cache.set("never", "v").expect("stored");
        time.pass(99);
        assert_eq!(cache.ttl("ttl").expect("readable"), Some(Remaining::Fresh(1)));
        assert!(cache.lookup("stale").expect("readable").is_some_and(|hit| !hit.is_stale));
        time.pass(1);
        assert_eq!(text(&cache, "ttl"), None);
        assert_eq!(cache.ttl("ttl").expect("readable"), None);
        assert!(cache.lookup("stale").expect("readable").is_some_and(|hit| hit.is_stale && hit.value == b"v"));
        assert_eq!(cache.ttl("stale").expect("readable"), Some(Remaining::Stale(50)));
        assert!(cache.contains("stale").expect("readable"));
        time.pass(50);
        assert_eq!(text(&cache, "stale"), None);
        assert_eq!(cache.list(&Filter::default()).expect("listed").len(), 1);
        time.pass(1 << 40);
        assert_eq!(text(&cache, "never").as_deref(), Some("v"));
        cache.clear_all().expect("cleared");
    }
}

#[test]
fn stored_entries_pass_their_time_while_nobody_has_them_open() {
    let time = Time::new();
    let dir = tempfile::tempdir().expect("a directory");
    let cache = time.on(on(&dir)).open().expect("opens");
    cache.set_with("short", "v", &plain().ttl(ms(100)).stale(ms(100))).expect("stored");
    cache.set_with("long", "v", &plain().ttl(ms(1_000))).expect("stored");
    drop(cache);
    time.pass(150);
    let cache = time.on(on(&dir)).open().expect("opens");
    assert!(cache.lookup("short").expect("readable").is_some_and(|hit| hit.is_stale));
    drop(cache);
    time.pass(50);
    let cache = time.on(on(&dir)).open().expect("opens");
    assert_eq!(text(&cache, "short"), None);
    assert_eq!(cache.ttl("long").expect("readable"), Some(Remaining::Fresh(800)));
    assert!(cache.add("short", "new", &plain()).expect("decided").is_some(), "as if it had never been");
}

#[test]
fn defaults_count_where_a_write_says_nothing() {
    let time = Time::new();
    let dir = tempfile::tempdir().expect("a directory");
    for builder in [Cache::builder(), on(&dir)] {
        let defaults = Defaults { ttl: Some(ms(100)), stale: Some(ms(50)), ..Defaults::default() };
        let cache = time.on(builder.defaults(defaults)).open().expect("opens");
        cache.set("k", "v").expect("stored");
        cache.set_with("own", "v", &plain().ttl(ms(500))).expect("stored");
        assert_eq!(cache.ttl("k").expect("readable"), Some(Remaining::Fresh(100)));
        assert_eq!(cache.ttl("own").expect("readable"), Some(Remaining::Fresh(500)));
        let other = cache.namespace_with("other", &Defaults::default()).expect("a namespace");
        other.set("k", "v").expect("stored");
        assert_eq!(other.ttl("k").expect("readable"), Some(Remaining::Forever));
        time.pass(149);
        assert!(cache.lookup("k").expect("readable").is_some_and(|hit| hit.is_stale));
        time.pass(1);
        assert_eq!(text(&cache, "k"), None);
    }
    let bad = Defaults { jitter: 101, ..Defaults::default() };
    assert_eq!(Cache::builder().defaults(bad).open().expect_err("refused").kind(), ErrorKind::InvalidArgument);
}

#[test]
fn idle_entries_go_and_read_ones_stay() {
    let time = Time::new();
    let dir = tempfile::tempdir().expect("a directory");
    for builder in [Cache::builder(), on(&dir)] {
        let cache = time.on(builder).open().expect("opens");
        cache.set_with("read", "v", &plain().tti(ms(1_000))).expect("stored");
        cache.set_with("idle", "v", &plain().tti(ms(1_000))).expect("stored");
        for _ in 0..5 {
            time.pass(900);
            assert_eq!(text(&cache, "read").as_deref(), Some("v"));
        }
        assert_eq!(text(&cache, "idle"), None);
        time.pass(1_000);
        assert_eq!(text(&cache, "read"), None);
    }
}

/// One process reads, another one asks later: the entry was not idle.
#[test]
fn an_entry_that_another_handle_read_in_time_is_not_idle() {
    let time = Time::new();
    let dir = tempfile::tempdir().expect("a directory");
    let (writer, reader) = (time.on(on(&dir)).open().expect("opens"), time.on(on(&dir)).open().expect("opens"));
    writer.set_with("k", "v", &plain().tti(ms(1_000)).tag("t")).expect("stored");
    for round in 0..5 {
        time.pass(600);
        assert_eq!(text(&reader, "k").as_deref(), Some("v"), "round {round}");
        time.pass(300);
        assert_eq!(text(&reader, "k").as_deref(), Some("v"), "round {round}");
    }
    time.pass(600);
    assert_eq!(text(&writer, "k").as_deref(), Some("v"), "for the one who wrote it");
    time.pass(600);
    drop((writer, reader));
    let late = time.on(on(&dir)).open().expect("opens");
    assert_eq!(text(&late, "k").as_deref(), Some("v"), "for one who comes later");
    assert_eq!(late.inspect("k").expect("readable").expect("there").tags, ["t"]);
    time.pass(1_000);
    assert_eq!(text(&late, "k"), None);
}

fn get_many(cache: &Cache, keys: &[&str]) -> Vec<Option<Vec<u8>>> {
    cache.get_many(keys).into_iter().map(|found| found.expect("readable")).collect()
}

#[test]
fn batches_answer_for_each_in_order() {
    for (cache, dir) in both() {
        let written = cache.set_many([("a", "1"), ("", "refused"), ("b", "2")], &plain().tag("t"));
        let outcomes: Vec<_> = written.iter().map(Result::is_ok).collect();
        assert_eq!(outcomes, [true, false, true]);
        let cache = again(cache, &dir);
        let found = get_many(&cache, &["b", "absent", "a", "b"]);
        let value = |text: &str| Some(text.as_bytes().to_vec());
        assert_eq!(found, [value("2"), None, value("1"), value("2")]);
        assert_eq!(cache.delete_many(["a", "absent", "a"]).expect("deleted"), [true, false, false]);
        assert_eq!(get_many(&cache, &["a", "b"]), [None, value("2")]);
        assert_eq!(get_many(&cache, &[]), [] as [Option<Vec<u8>>; 0]);
    }
}

#[test]
fn namespaces_are_apart() {
    for (cache, dir) in both() {
        let one = cache.namespace("one").expect("a namespace");
        let two = cache.namespace("two").expect("a namespace");
        one.set("k", "1").expect("stored");
        two.set("k", "2").expect("stored");
        assert_eq!(text(&cache, "k"), None);
        assert_eq!((text(&one, "k").as_deref(), text(&two, "k").as_deref()), (Some("1"), Some("2")));
        assert!(one.delete("k").expect("deleted"));
        assert_eq!((text(&one, "k"), text(&two, "k").as_deref()), (None, Some("2")));
        one.set("k", "1").expect("stored");
        assert_eq!(two.clear().expect("cleared"), 1);
        assert_eq!((text(&one, "k").as_deref(), text(&two, "k")), (Some("1"), None));
        assert_eq!(one.stats().expect("counted").memory.counters.sets, 2);
        assert_eq!(two.list(&Filter::default()).expect("listed"), []);
        let same = cache.namespace("one").expect("a namespace");
        assert_eq!(text(&same, "k").as_deref(), Some("1"));
        drop((one, two, same));
        let cache = again(cache, &dir);
        assert_eq!(text(&cache.namespace("one").expect("a namespace"), "k").as_deref(), Some("1"));
        for bad in ["", &"n".repeat(256)] {
            assert_eq!(cache.namespace(bad).expect_err("refused").kind(), ErrorKind::InvalidArgument);
        }
        assert_eq!(cache.clear_all().expect("cleared"), 1);
    }
}

/// A namespace whose name was refused must not spoil those that come after it.
#[test]
fn a_refused_namespace_harms_no_other() {
    for (cache, _dir) in both() {
        assert!(cache.namespace("").is_err());
        let bad = Defaults { jitter: 200, ..Defaults::default() };
        assert!(cache.namespace_with("bad", &bad).is_err());
        let good = cache.namespace("good").expect("a namespace");
        for n in 0..50 {
            good.set(format!("k{n}"), "v").expect("stored");
            cache.set(format!("k{n}"), "w").expect("stored");
            assert_eq!(text(&good, &format!("k{n}")).as_deref(), Some("v"));
        }
    }
}

#[test]
fn a_bound_on_entries_is_kept_on_disk() {
    let dir = tempfile::tempdir().expect("a directory");
    let small = || on(&dir).max_entries(50).open().expect("opens");
    let cache = small();
    for n in 0..50 {
        cache.set(format!("k{n}"), "v").expect("stored");
    }
    assert_eq!(cache.stats_all().expect("counted").store.expect("a store").entries, 50, "so many fit");
    for n in 50..500 {
        cache.set(format!("k{n}"), "v").expect("stored");
        let entries = cache.stats_all().expect("counted").store.expect("a store").entries;
        assert!((40..=50).contains(&entries), "{entries} after {n}");
    }
    assert_eq!(cache.stats_all().expect("counted").memory.counters.evicted_store_entries, 450);
    drop(cache);
    let cache = small();
    assert!(cache.stats_all().expect("counted").store.expect("a store").entries <= 50);
    assert_eq!(text(&cache, "k0"), None);
    for n in 480..500 {
        assert_eq!(text(&cache, &format!("k{n}")).as_deref(), Some("v"), "k{n} is among the newest");
    }
}

/// What adds no entry needs no room: nobody has to go for it.
#[test]
fn at_the_bound_only_new_entries_drive_others_out() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = on(&dir).max_entries(50).open().expect("opens");
    for n in 0..50 {
        cache.set(format!("k{n}"), "v").expect("stored");
    }
    let entries = || cache.stats_all().expect("counted").store.expect("a store").entries;
    cache.delete("absent").expect("decided");
    assert_eq!(entries(), 50, "deleting what is not there");
    cache.replace("absent", "v", &plain()).expect("decided");
    assert_eq!(entries(), 50, "replacing what is not there");
    cache.set("k49", "w").expect("stored");
    assert_eq!(entries(), 50, "overwriting");
    cache.touch("k49", None).expect("touched");
    assert_eq!(entries(), 50, "touching");
}

/// The guest of one shard runs out of memory: that shard starts anew, the others do not notice.
#[test]
fn a_stopped_guest_costs_its_own_memory_only() {
    let cache = Cache::builder().shards(8).guest_memory(4 << 20).open().expect("opens");
    let keys: Vec<_> = (0..400).map(|n| format!("k{n}")).collect();
    for key in &keys {
        cache.set(key, key).expect("stored");
    }
    let refused = cache.set("big", noise(1, 8 << 20)).expect_err("more than the guest can hold");
    assert_eq!(refused.kind(), ErrorKind::Trap);
    assert!(refused.to_string().contains(' '), "a sentence: {refused}");
    let mut lost = 0;
    for key in &keys {
        match text(&cache, key) {
            Some(value) => assert_eq!(&value, key),
            None => lost += 1,
        }
    }
    assert!(lost > 0 && lost < 200, "one shard of eight, not {lost} of 400 entries");
    assert!(cache.stats_all().expect("counted").traps > 0);
    // The shard works again.
    for key in &keys {
        cache.set(key, "again").expect("stored");
        assert_eq!(text(&cache, key).as_deref(), Some("again"));
    }
}

#[test]
fn a_stopped_guest_costs_nothing_that_is_stored() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = on(&dir).shards(4).guest_memory(4 << 20).open().expect("opens");
    let other = cache.namespace("other").expect("a namespace");
    let keys: Vec<_> = (0..200).map(|n| format!("k{n}")).collect();
    for key in &keys {
        cache.set(key, key).expect("stored");
        other.set(key, "other").expect("stored");
    }
    cache.set("big", "small at first").expect("stored");
    for round in 0..5 {
        assert_eq!(cache.set("big", noise(1, 8 << 20)).expect_err("too much").kind(), ErrorKind::Trap, "{round}");
        // After a few in a row the shard rests for a moment: it says so, and comes back.
        wait_until("the shard works again", || cache.get("big").is_ok());
        assert_eq!(text(&cache, "big").as_deref(), Some("small at first"), "the refused write left what was there");
        for key in &keys {
            assert_eq!(text(&cache, key).as_ref(), Some(key), "round {round}");
            assert_eq!(text(&other, key).as_deref(), Some("other"), "round {round}");
        }
    }
    assert_eq!(cache.increment("n", 1, &plain()).expect("counted"), 1);
    drop((cache, other));
    let cache = on(&dir).open().expect("opens");
    assert!(cache.verify(|_, _| {}).expect("verified").is_sound());
    assert_eq!(text(&cache, "big").as_deref(), Some("small at first"));
    assert_eq!(text(&cache, "k199").as_deref(), Some("k199"));
}

/// A record that one cache wrote and another, smaller one cannot take in.
#[test]
fn a_stored_value_too_large_for_the_guest_is_an_error_and_stays() {
    let dir = tempfile::tempdir().expect("a directory");
    let value = noise(1, 8 << 20);
    on(&dir).open().expect("opens").set("big", &value).expect("stored");
    let small = on(&dir).shards(2).guest_memory(4 << 20).open().expect("opens");
    assert_eq!(small.get("big").expect_err("too much").kind(), ErrorKind::Trap);
    drop(small);
    assert!(on(&dir).open().expect("opens").get("big").expect("readable") == Some(value));
}

#[test]
fn memory_stays_within_its_bounds_and_the_store_answers() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = on(&dir).max_memory(1 << 20).max_memory_entries(500).shards(2).open().expect("opens");
    for n in 0..2_000 {
        cache.set(format!("k{n}"), noise(n, 2_000)).expect("stored");
        if n % 100 == 0 {
            let memory = cache.stats_all().expect("counted").memory;
            assert!(memory.bytes <= 1 << 20 && memory.entries <= 500, "{memory:?}");
        }
    }
    for n in 0..2_000 {
        assert!(cache.get(format!("k{n}")).expect("readable") == Some(noise(n, 2_000)), "k{n}");
    }
    let memory = cache.stats_all().expect("counted").memory;
    assert!(
        memory.bytes <= 1 << 20 && memory.counters.evictions() > 0 && memory.counters.store_hits > 1_000,
        "{memory:?}"
    );
    // Larger than all memory, but not than the limit.
    let value = noise(7, 3 << 20);
    cache.set("larger", &value).expect("stored");
    assert!(cache.get("larger").expect("readable") == Some(value));
}

#[test]
fn settings_outside_their_range_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let b = Cache::builder;
    for (name, builder) in [
        ("shards", b().shards(0)),
        ("shards", b().shards(257)),
        ("max-size", on(&dir).max_size(1_000)),
        ("max-entries", on(&dir).max_entries(0)),
        ("max-key-size", b().max_key_size(0)),
        ("max-key-size", b().max_key_size(65_536)),
        ("max-entry-size", b().max_entry_size(u32::MAX)),
        ("compression-level", b().compression_level(0)),
        ("policy", b().policy("best")),
        ("max-memory-entries", b().max_memory_entries(1).shards(4)),
        ("namespace", b().namespace("")),
    ] {
        let refused = builder.open().expect_err(name);
        assert_eq!(refused.kind(), ErrorKind::InvalidArgument, "{name}");
        assert!(refused.to_string().contains(name), "{name}: {refused}");
    }
}

#[test]
fn many_threads_on_one_key_lose_no_count() {
    for (cache, _dir) in both() {
        let threads: Vec<_> = (0..8)
            .map(|_| {
                let cache = cache.clone();
                thread::spawn(move || {
                    for _ in 0..500 {
                        cache.increment("n", 1, &plain()).expect("counted");
                    }
                })
            })
            .collect();
        in_time("eight threads", move || threads.into_iter().for_each(|thread| thread.join().expect("no panic")));
        assert_eq!(text(&cache, "n").as_deref(), Some("4000"));
    }
}

/// Readers never see half a value, a value of another key, or an older value after a newer one.
#[test]
fn readers_beside_a_writer_see_whole_values_in_order() {
    for (cache, _dir) in both() {
        let value = |n: u64| [n.to_le_bytes().to_vec(), noise(n, 3_000)].concat();
        cache.set("k", value(0)).expect("stored");
        let readers: Vec<_> = (0..3)
            .map(|_| {
                let cache = cache.clone();
                thread::spawn(move || {
                    let mut last = 0;
                    while last < 1_500 {
                        let found = cache.get("k").expect("readable").expect("always there");
                        let n = u64::from_le_bytes(*found.first_chunk().expect("a number"));
                        assert!(n >= last && found[8..] == noise(n, 3_000), "{n} after {last}");
                        last = n;
                        cache.touch("k", None).expect("touched");
                    }
                })
            })
            .collect();
        for n in 1..=1_500 {
            cache.set("k", value(n)).expect("stored");
        }
        in_time("the readers", move || readers.into_iter().for_each(|thread| thread.join().expect("no panic")));
    }
}

#[test]
fn what_is_evicted_from_memory_is_still_in_the_store() {
    for (cache, dir) in both() {
        for n in 0..20 {
            cache.set(format!("k{n}"), noise(n, 100)).expect("stored");
        }
        assert_eq!(cache.evict(1_000).expect("evicted"), 20);
        assert_eq!(cache.evict(1).expect("evicted"), 0);
        let left = (0..20).filter(|n| cache.get(format!("k{n}")).expect("readable") == Some(noise(*n, 100))).count();
        assert_eq!(left, if dir.is_some() { 20 } else { 0 });
    }
}
