//! Fears advice that is lost with the process that learnt it, added twice, or given where nothing is known.

mod common;

use common::{Home, contents, noise};
use larder::{Builder, Cache};

const MEMORY: u64 = 200_000;

fn builder(home: &Home) -> Builder {
    Cache::builder().directory(home.store()).shards(2).seed(3).max_memory(MEMORY).advice(true)
}

/// Reads popular keys, and sets what is missing; answers how many reads that were.
fn work(cache: &Cache, count: usize) -> u64 {
    let draws = noise(5, 4 * count);
    for draw in draws.chunks_exact(4) {
        // The product of two draws: the smaller, the more often.
        let (a, b, size) = (u64::from(draw[0]), u64::from(draw[1]), usize::from(draw[2]));
        let key = format!("key:{}", a * b / 109);
        if cache.get(&key).expect("read").is_none() {
            cache.set(&key, noise(1, 4 * size)).expect("stored");
        }
    }
    count as u64
}

#[test]
fn a_cache_without_a_store_tells_its_own() {
    let cache = Cache::builder().max_memory(MEMORY).advice(true).cold_tier(false).open().expect("opens");
    assert!(cache.advice().expect("told").is_empty());
    let reads = work(&cache, 3_000);
    let advice = cache.advice().expect("told");
    let [half, now, double, ..] = &advice.estimates[..] else { panic!("{advice:?}") };
    let counters = cache.stats().expect("counted").memory.counters;
    assert_eq!((now.requests, now.hits), (reads, counters.hits), "what is known is not estimated");
    assert!(half.hits < now.hits && now.hits < double.hits, "{advice:?}");
    cache.clear_all().expect("emptied");
    assert!(cache.advice().expect("told").is_empty());
    let silent = Cache::builder().max_memory(MEMORY).open().expect("opens");
    work(&silent, 100);
    assert_eq!(silent.advice().expect("told"), larder::Advice::default());
}

#[test]
fn what_processes_learnt_is_added_once() {
    let home = Home::new();
    let cache = builder(&home).open().expect("opens");
    let reads = work(&cache, 1_000);
    for _ in 0..3 {
        assert_eq!(cache.advice().expect("told").estimates[1].requests, reads);
    }
    drop(cache);
    let cache = builder(&home).open().expect("opens");
    let more = work(&cache, 700);
    drop(cache);
    let other = Cache::builder().directory(home.store()).open().expect("opens");
    let advice = other.advice().expect("told");
    assert_eq!(
        (advice.max_memory, advice.estimates[1].requests),
        (MEMORY, reads + more),
        "one without advice tells, too"
    );
    drop(other);
    let cache = builder(&home).policy("sieve").open().expect("opens");
    assert_eq!(
        cache.advice().expect("told").estimates[1].policy,
        "adaptive",
        "who learnt nothing yet replaces nothing"
    );
    let reads = work(&cache, 500);
    let advice = cache.advice().expect("told");
    assert_eq!(
        (&*advice.estimates[1].policy, advice.estimates[1].requests),
        ("sieve", reads),
        "another policy begins anew"
    );
}

#[test]
fn the_command_line_shows_what_was_learnt_and_changes_nothing() {
    let home = Home::new();
    home.run(&["set", "k", "v"]).succeeded();
    let told = home.ok(&["stats", "--advice"]);
    assert!(told.contains("nothing is known yet") && told.contains("LARDER_ADVICE=on"), "{told}");
    assert_eq!(home.json(&["stats", "--advice"])["advice"], serde_json::json!([]));
    work(&builder(&home).open().expect("opens"), 3_000);
    let before = contents(&home.store());
    let told = home.ok(&["stats", "--advice"]);
    for word in ["requests      3000", "half", "as now", "double", "in force", "s3-fifo", "adaptive", "hit ratio"] {
        assert!(told.contains(word), "{word}: {told}");
    }
    assert!(told.trim_end().lines().last().expect("a sentence").contains("doubling max-memory would turn"), "{told}");
    let document = home.json(&["stats", "--advice"]);
    let lines = document["advice"].as_array().expect("an array");
    let shape = |at: usize| (lines[at]["policy"].as_str(), lines[at]["capacity_percent"].as_u64());
    assert_eq!([shape(0), shape(1), shape(2)], [50, 100, 200].map(|percent| (Some("adaptive"), Some(percent))));
    assert!(lines.len() == 10 && lines[3]["hit_ratio"].as_f64().is_some_and(|ratio| ratio > 1.0), "{document}");
    assert!(document["store"]["entries"].as_u64().is_some(), "the rest is there as well");
    assert!(home.json(&["stats"]).get("advice").is_none(), "nobody asked");
    assert!(contents(&home.store()) == before);
}

#[test]
fn a_command_learns_if_it_is_told_to() {
    let home = Home::new();
    home.run(&["--advice=on", "set", "k", "v"]).succeeded();
    home.run(&["--advice", "get", "k"]).succeeded();
    home.run(&["get", "k"]).succeeded();
    let cache = Cache::builder().directory(home.store()).open().expect("opens");
    assert_eq!(cache.advice().expect("told").estimates[1].requests, 2);
}
