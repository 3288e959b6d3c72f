//! Fears a batch of reads whose answers no host can take at once, and one that ends without saying anything.

use larder_engine::{Config, Engine, SetOptions};

const NOW: u64 = 1_000_000;

fn engine() -> Engine {
    Engine::open(Config { max_bytes: 64 << 20, ..Config::default() }).expect("opens")
}

/// All answers, asked for again and again from the first key without one, and how many calls that took.
fn ask(engine: &mut Engine, keys: &[String]) -> (Vec<Option<usize>>, usize) {
    let (mut answers, mut calls) = (Vec::new(), 0);
    while answers.len() < keys.len() {
        let rest = keys[answers.len()..].iter().map(String::as_bytes);
        let hits = engine.get_many(0, rest, NOW).expect("a namespace");
        assert!(!hits.is_empty(), "each call answers for one key at least");
        let bytes: usize = hits.iter().map(|hit| 128 + hit.as_ref().map_or(0, |hit| hit.value.len())).sum();
        let last = hits.last().and_then(|hit| hit.as_ref()).map_or(0, |hit| hit.value.len());
        assert!(bytes <= (1 << 20) + 128 + last, "{bytes} bytes in one answer");
        answers.extend(hits.iter().map(|hit| hit.as_ref().map(|hit| hit.value.len())));
        calls += 1;
    }
    engine.check().expect("sound");
    (answers, calls)
}

#[test]
fn answers_are_split_by_their_bytes_and_none_is_missing() {
    let mut engine = engine();
    engine.namespace("default").expect("a namespace");
    let keys: Vec<String> = (0..60).map(|n| format!("k{n}")).collect();
    for (n, key) in keys.iter().enumerate() {
        let value = vec![7; n * 10_000];
        engine.set(0, key.as_bytes(), &value, &SetOptions::default(), NOW, None).expect("stored");
    }
    let (answers, calls) = ask(&mut engine, &keys);
    assert_eq!(answers, (0..60).map(|n| Some(n * 10_000)).collect::<Vec<_>>());
    assert!((10..30).contains(&calls), "{calls} calls for 18 MB");
}

#[test]
fn misses_count_as_bytes_too() {
    let mut engine = engine();
    engine.namespace("default").expect("a namespace");
    let keys: Vec<String> = (0..20_000).map(|n| format!("absent{n}")).collect();
    let (answers, calls) = ask(&mut engine, &keys);
    assert!(answers.iter().all(Option::is_none));
    assert_eq!(calls, 3, "8,193 answers of 128 bytes are more than 1 MiB");
}

#[test]
fn one_value_larger_than_the_bound_is_answered_alone() {
    let mut engine = engine();
    engine.namespace("default").expect("a namespace");
    engine.set(0, b"large", &vec![1; 5 << 20], &SetOptions::default(), NOW, None).expect("stored");
    let keys = ["large".to_owned(), "absent".to_owned()];
    assert_eq!(ask(&mut engine, &keys), (vec![Some(5 << 20), None], 2));
}
