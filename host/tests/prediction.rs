//! Fears that processes do not share what they learnt, or that a read that is not a user's teaches something.

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use larder::prefetch::{Prediction, Predictor};
use larder::{Cache, ErrorKind};

fn text(predictions: &[Prediction]) -> String {
    let each = |p: &Prediction| format!("{} {:.2}", String::from_utf8_lossy(&p.key), p.probability);
    predictions.iter().map(each).collect::<Vec<_>>().join(", ")
}

fn after(predictor: &Predictor, key: &str) -> String {
    text(&predictor.predict(&[key], 10).expect("predicted"))
}

#[test]
fn reads_teach_and_others_do_not() {
    let cache = Cache::builder().learn(true).open().expect("opens");
    cache.set("b", "value").expect("set");
    for _ in 0..2 {
        cache.get("a").expect("a miss");
        cache.get("b").expect("a hit");
        cache.contains("x").expect("looked");
        cache.inspect("x").expect("looked");
        cache.get_or_insert_with("c", &larder::SetOptions::new(), || b"made".to_vec()).expect("computed");
        cache.get_many(["d", "e"]).into_iter().for_each(|read| assert_eq!(read.expect("read"), None));
    }
    let predictor = cache.predictor().expect("a predictor");
    assert_eq!(after(&predictor, "a"), "b 0.67");
    assert_eq!(after(&predictor, "b"), "c 0.67");
    assert_eq!(after(&predictor, "c"), "d 0.67");
    assert_eq!(after(&predictor, "d"), "e 0.67");
    assert_eq!(after(&predictor, "x"), "");
    let other = cache.namespace("other").expect("a namespace");
    other.get("a").expect("a miss");
    other.get("z").expect("a miss");
    assert_eq!(after(&predictor, "a"), "b 0.67", "namespaces do not mix");
    assert_eq!(after(&other.predictor().expect("a predictor"), "a"), "z 0.50");
    let silent = Cache::builder().open().expect("opens");
    silent.get("a").expect("a miss");
    silent.get("b").expect("a miss");
    assert_eq!(silent.predictor().expect("a predictor").learnt().expect("counted").observed, 0);
}

#[test]
fn threads_are_sessions() {
    let cache = Cache::builder().learn(true).open().expect("opens");
    let (turn, waiting) = (Arc::new(AtomicU64::new(0)), 2);
    let ask = |own: u64, keys: [&'static str; 2]| {
        let (cache, turn) = (cache.clone(), turn.clone());
        thread::spawn(move || {
            for (round, key) in (0..).zip(keys) {
                while turn.load(Ordering::SeqCst) != round * waiting + own {
                    thread::yield_now();
                }
                cache.get(key).expect("a miss");
                turn.fetch_add(1, Ordering::SeqCst);
            }
        })
    };
    let both = [ask(0, ["a", "b"]), ask(1, ["c", "d"])];
    both.into_iter().for_each(|thread| thread.join().expect("no panic"));
    let predictor = cache.predictor().expect("a predictor");
    assert_eq!(
        [after(&predictor, "a"), after(&predictor, "c")],
        ["b 0.50", "d 0.50"],
        "asked for in the order a c b d"
    );
    assert_eq!(after(&predictor, "b"), "");
}

#[test]
fn processes_add_up_what_they_learn() {
    let dir = tempfile::tempdir().expect("a directory");
    let open = || Cache::builder().directory(&dir).learn(true).open().expect("opens");
    {
        let one = open();
        ["a", "b"].iter().for_each(|key| drop(one.get(key).expect("a miss")));
    }
    let (one, other) = (open(), open());
    let (first, second) = (one.predictor().expect("one"), other.predictor().expect("one"));
    assert_eq!(after(&first, "a"), "b 0.50", "it was saved when the cache was closed");
    first.observe(7, "a").expect("observed");
    first.observe(7, "b").expect("observed");
    second.observe(8, "a").expect("observed");
    second.observe(8, "c").expect("observed");
    first.save().expect("saved");
    second.save().expect("saved");
    assert_eq!(after(&second, "a"), "b 0.40, c 0.20");
    assert_eq!(after(&first, "a"), "b 0.67", "it has not looked since");
    first.observe(9, "q").expect("observed");
    first.save().expect("saved");
    assert_eq!(after(&first, "a"), "b 0.40, c 0.20");
    // A session goes on in the next process.
    let third = open().predictor().expect("one");
    third.observe(7, "d").expect("observed");
    assert_eq!(after(&third, "b"), "d 0.50");
    third.unlearn().expect("forgotten");
    assert_eq!(after(&open().predictor().expect("one"), "a"), "");
}

#[test]
fn what_was_learnt_is_saved_on_the_way_but_not_all_the_time() {
    let dir = tempfile::tempdir().expect("a directory");
    let now = Arc::new(AtomicU64::new(1_000_000));
    let clock = now.clone();
    let cache = Cache::builder().directory(&dir).clock(move || clock.load(Ordering::SeqCst)).open().expect("opens");
    let predictor = cache.predictor().expect("one");
    let observe = |count: u64| (0..count).for_each(|n| predictor.observe(1, n.to_string()).expect("observed"));
    let stored = || {
        let models = cache.namespaces().expect("counted");
        models.iter().any(|namespace| namespace.name == "larder.prediction" && namespace.entries > 0)
    };
    observe(1_000);
    assert!(!stored(), "ten seconds have not passed");
    now.fetch_add(10_000, Ordering::SeqCst);
    observe(1);
    common::wait_until("it is stored", stored);
}

#[test]
fn names_of_states_are_refused() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::builder().directory(&dir).open().expect("opens");
    for name in ["larder.prediction", "larder.prefetch", "larder.pools"] {
        assert_eq!(cache.namespace(name).expect_err("refused").kind(), ErrorKind::InvalidArgument);
        let opened = Cache::builder().namespace(name).open();
        assert_eq!(opened.expect_err("refused").kind(), ErrorKind::InvalidArgument);
    }
}

#[test]
fn who_was_given_less_memory_learns_from_who_has_more() {
    let dir = tempfile::tempdir().expect("a directory");
    let open = |memory| Cache::builder().directory(&dir).learn_memory(memory).open().expect("opens");
    let large = open(128 << 20).predictor().expect("one");
    for n in 0..150_000u32 {
        large.observe(1, format!("{n:060}")).expect("observed");
    }
    for key in ["a", "b"] {
        large.observe(2, key).expect("observed");
    }
    large.save().expect("saved");
    assert_eq!(large.learnt().expect("counted").keys, 150_002);
    let small = open(1 << 20).predictor().expect("one");
    assert_eq!(after(&small, "a"), "b 0.50", "what was learnt last is kept");
    assert!(small.learnt().expect("counted").keys < 10_000);
    small.observe(3, "a").expect("observed");
    small.observe(3, "b").expect("observed");
    small.save().expect("saved");
    assert_eq!(after(&small, "a"), "b 0.67");
}

#[test]
fn who_is_full_saves_with_who_is_full() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut keys = Vec::new();
    for process in 0..2u32 {
        let cache = Cache::builder().directory(&dir).learn_memory(64 << 20).open().expect("opens");
        let predictor = cache.predictor().expect("one");
        for n in 0..400_000u32 {
            predictor.observe(1, format!("{process}/{n:060}")).expect("observed");
        }
        let before = predictor.learnt().expect("counted").keys;
        assert!(before < 400_000, "{before} keys: it is not full");
        predictor.save().expect("saved");
        keys.push(predictor.learnt().expect("counted").keys);
    }
    assert!(keys.iter().all(|&keys| keys > 100_000), "{keys:?}");
}
