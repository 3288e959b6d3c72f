//! Fears that a remembered absence or failure is taken for a value, is in the way of one, outlives its time, or replaces a
//! value that came meanwhile.

mod common;

use std::time::Duration;

use common::clock::Time;
use larder::{Cache, Compute, ComputeError, ErrorKind, Filter, Known, SetOptions, Source};

type Answer = Result<Option<Vec<u8>>, String>;

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

fn policy() -> Compute {
    let options = SetOptions::new().ttl(ms(60_000)).stale(ms(60_000)).tag("t");
    Compute::new(options).remember_absence(ms(1_000)).remember_failure(ms(500))
}

fn never() -> Answer {
    panic!("it is remembered")
}

fn nothing() -> Answer {
    Ok(None)
}

fn fails() -> Answer {
    Err("no network".into())
}

/// In memory, and from disk by a process that has not seen it.
fn with(time: &Time, prepare: impl Fn(&Cache), check: impl Fn(&Cache)) {
    for (cache, dir) in time.both() {
        prepare(&cache);
        match dir {
            None => check(&cache),
            Some(dir) => {
                drop(cache);
                check(&time.on(Cache::builder().directory(dir.path().join("store"))).open().expect("opens"));
            }
        }
    }
}

fn remember(cache: &Cache) {
    let answer = cache.compute("absent", &policy(), nothing).expect("computed");
    assert_eq!((answer.value, answer.source), (None, Source::Computed));
    assert!(matches!(cache.compute("failed", &policy(), fails), Err(ComputeError::Failed(e)) if e == "no network"));
}

#[test]
fn an_absence_and_a_failure_are_told_from_each_other_and_from_what_is_unknown() {
    let time = Time::new();
    with(&time, remember, |cache| {
        assert_eq!(cache.known("absent").expect("readable"), Known::Absent);
        assert_eq!(cache.known("failed").expect("readable"), Known::Failed("no network".into()));
        assert_eq!(cache.known("unknown").expect("readable"), Known::Unknown);
        cache.set("there", "v").expect("stored");
        assert!(matches!(cache.known("there").expect("readable"), Known::Value(hit) if hit.value == b"v"));
        let answer = cache.compute("absent", &policy(), never).expect("answered");
        assert_eq!((answer.value, answer.source), (None, Source::Cached));
        match cache.compute("failed", &policy(), never) {
            Err(ComputeError::Elsewhere(message)) => assert_eq!(message, "no network"),
            other => panic!("{other:?}"),
        }
    });
}

#[test]
fn nothing_that_reads_values_takes_them_for_one() {
    let time = Time::new();
    with(&time, remember, |cache| {
        for key in ["absent", "failed"] {
            assert_eq!(cache.get(key).expect("readable"), None);
            assert_eq!(cache.lookup(key).expect("readable"), None);
            assert_eq!(cache.get_as::<String>(key).expect("readable"), None);
            assert_eq!(cache.ttl(key).expect("readable"), None);
            assert!(!cache.contains(key).expect("readable"));
            let info = cache.inspect(key).expect("readable").expect("shown");
            assert!(info.content_type.starts_with("application/vnd.larder.no-") && info.tags == ["t"], "{info:?}");
        }
        assert!(cache.list(&Filter::default()).expect("listed").is_empty());
        let many = cache.get_many(["absent", "failed"]);
        assert!(many.into_iter().all(|found| found.expect("readable").is_none()));
    });
}

#[test]
fn writes_that_look_first_find_nothing() {
    let time = Time::new();
    let plain = SetOptions::new();
    with(&time, remember, |cache| {
        for key in ["absent", "failed"] {
            assert!(cache.replace(key, "v", &plain).expect("decided").is_none(), "there is nothing to replace");
            assert!(cache.touch(key, Some(ms(1_000_000))).expect("decided").is_none(), "nothing to touch");
        }
    });
    with(&time, remember, |cache| {
        assert!(cache.add("absent", "v", &plain).expect("decided").is_some(), "there was nothing");
        assert_eq!(cache.get("absent").expect("readable").as_deref(), Some(&b"v"[..]));
        assert!(cache.add("absent", "w", &plain).expect("decided").is_none(), "now there is");
        assert_eq!(cache.increment("failed", 5, &plain).expect("counted"), 5);
        assert_eq!(cache.increment("failed", 5, &plain).expect("counted"), 10);
    });
}

#[test]
fn the_plain_way_of_asking_computes() {
    let time = Time::new();
    with(&time, remember, |cache| {
        for key in ["absent", "failed"] {
            let value = cache.get_or_insert_with(key, &SetOptions::new(), || b"v".to_vec()).expect("computed");
            assert_eq!(value, b"v");
            assert_eq!(cache.get(key).expect("readable").as_deref(), Some(&b"v"[..]));
        }
    });
}

#[test]
fn they_last_as_long_as_they_were_given_and_no_stale_window_is_theirs() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        remember(&cache);
        time.pass(499);
        assert_eq!(cache.known("failed").expect("readable"), Known::Failed("no network".into()));
        time.pass(1);
        assert_eq!(cache.known("failed").expect("readable"), Known::Unknown);
        time.pass(499);
        assert_eq!(cache.known("absent").expect("readable"), Known::Absent);
        time.pass(1);
        assert_eq!(cache.known("absent").expect("readable"), Known::Unknown);
        let answer = cache.compute("absent", &policy(), || Ok::<_, String>(Some(b"v".to_vec()))).expect("computed");
        assert_eq!(answer.source, Source::Computed);
    }
}

#[test]
fn a_value_that_came_while_nothing_was_found_stays() {
    let time = Time::new();
    for (cache, _dir) in time.both() {
        for (key, answer) in [("a", Ok(None)), ("b", Err("no network".to_owned()))] {
            let during = cache.clone();
            let _ = cache.compute(key, &policy(), move || {
                during.set(key, "came").expect("stored");
                answer
            });
            assert_eq!(cache.get(key).expect("readable").as_deref(), Some(&b"came"[..]));
        }
        // And one that was renewed by hand while its renewal found nothing.
        cache.compute("c", &policy(), || Ok::<_, String>(Some(b"old".to_vec()))).expect("computed");
        time.pass(61_000);
        let during = cache.clone();
        let answer = cache.compute("c", &policy(), move || {
            during.set("c", "came").expect("stored");
            nothing()
        });
        assert_eq!(answer.expect("computed").value, None);
        assert_eq!(cache.get("c").expect("readable").as_deref(), Some(&b"came"[..]));
    }
}

#[test]
fn a_stale_value_ends_when_there_is_none_any_more() {
    let time = Time::new();
    for forgets in [false, true] {
        for (cache, _dir) in time.both() {
            let options = SetOptions::new().ttl(ms(1_000)).stale(ms(60_000));
            let policy = Compute::new(options);
            let policy = if forgets { policy } else { policy.remember_absence(ms(5_000)) };
            cache.compute("k", &policy, || Ok::<_, String>(Some(b"old".to_vec()))).expect("computed");
            time.pass(2_000);
            assert_eq!(cache.compute("k", &policy, nothing).expect("computed").value, None);
            assert_eq!(cache.get("k").expect("readable"), None);
            time.pass(10);
            let known = if forgets { Known::Unknown } else { Known::Absent };
            assert_eq!(cache.known("k").expect("readable"), known);
        }
    }
}

#[test]
fn no_other_write_can_pass_for_one() {
    let cache = Cache::builder().open().expect("opens");
    let forged = SetOptions::new().content_type("application/vnd.larder.no-value");
    assert_eq!(cache.set_with("k", "v", &forged).expect_err("refused").kind(), ErrorKind::InvalidArgument);
    assert_eq!(cache.add("k", "v", &forged).expect_err("refused").kind(), ErrorKind::InvalidArgument);
    assert_eq!(cache.replace("k", "v", &forged).expect_err("refused").kind(), ErrorKind::InvalidArgument);
    assert_eq!(cache.increment("k", 1, &forged).expect_err("refused").kind(), ErrorKind::InvalidArgument);
    assert_eq!(cache.compare_and_set("k", 1, "v", &forged).expect_err("refused").kind(), ErrorKind::InvalidArgument);
    let refused = cache.set_many([("k", "v")], &forged).pop().expect("an outcome");
    assert_eq!(refused.expect_err("refused").kind(), ErrorKind::InvalidArgument);
    assert_eq!(cache.known("k").expect("readable"), Known::Unknown);
}

/// An error of a megabyte, cut within a character.
#[test]
fn a_long_error_is_remembered_in_short() {
    let cache = Cache::builder().open().expect("opens");
    let answer = cache.compute("k", &policy(), || -> Answer { Err("ä".repeat(500_000)) });
    assert!(matches!(answer, Err(ComputeError::Failed(e)) if e.len() == 1_000_000));
    assert_eq!(cache.known("k").expect("readable"), Known::Failed("ä".repeat(500)));
}
