//! Fears that bytes from elsewhere in the place of what a cache keeps for itself stop it: they come with snapshots.

use larder::prefetch::Wanted;
use larder::{Cache, pools};
use larder_engine::{Config, Engine, SetOptions};

/// A snapshot with these values under the key `default`: namespace, content type and value of each.
fn snapshot(entries: &[(&str, &str, &[u8])]) -> Vec<u8> {
    let mut engine = Engine::open(Config { store: true, ..Config::default() }).expect("valid settings");
    let mut bytes = b"\x8CLSNAP\n\x01".to_vec();
    for (namespace, content_type, value) in entries {
        let ns = engine.namespace(namespace).expect("a namespace");
        let options = SetOptions { content_type: (*content_type).to_owned(), ..SetOptions::default() };
        let record = engine.set(ns, b"default", value, &options, 1_000, None).expect("set").record;
        bytes.extend_from_slice(&(record.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&record);
    }
    bytes.extend_from_slice(&0u32.to_le_bytes());
    bytes.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    bytes
}

const MODEL: &str = "application/vnd.larder.prediction-model";
const QUEUE: &str = "application/vnd.larder.prefetch-queue";
const POOL: &str = "application/vnd.larder.pool";

fn open(dir: &tempfile::TempDir) -> Cache {
    Cache::builder().directory(dir).open().expect("opens")
}

#[test]
fn what_is_damaged_begins_anew() {
    for value in [&b""[..], b"nonsense", b"LPM\x01", b"LPQ\x01", &[0xFF; 300]] {
        let dir = tempfile::tempdir().expect("a directory");
        let cache = open(&dir);
        let foreign = [("larder.prediction", MODEL, value), ("larder.prefetch", QUEUE, value)];
        assert_eq!(cache.import(snapshot(&foreign).as_slice()).expect("read").entries, 2);
        let (predictor, queue) = (cache.predictor().expect("one"), cache.prefetches().expect("one"));
        assert_eq!(predictor.predict(&["a"], 9).expect("predicted"), []);
        assert!(queue.items(9).expect("listed").is_empty());
        assert!(queue.take(9, std::time::Duration::from_secs(1)).expect("taken").items.is_empty());
        queue.push(Wanted::new("a")).expect("queued");
        ["a", "b"].iter().for_each(|key| predictor.observe(1, key).expect("observed"));
        predictor.save().expect("saved");
        let again = open(&dir);
        assert_eq!(again.predictor().expect("one").predict(&["a"], 9).expect("predicted").len(), 1);
        assert_eq!(again.prefetches().expect("one").items(9).expect("listed").len(), 1);
    }
}

#[test]
fn what_is_newer_is_left_as_it_is() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = open(&dir);
    let newer = [("larder.prediction", MODEL, &b"LPM\x02..."[..]), ("larder.prefetch", QUEUE, b"LPQ\x02...")];
    cache.import(snapshot(&newer).as_slice()).expect("read");
    let (predictor, queue) = (cache.predictor().expect("one"), cache.prefetches().expect("one"));
    let newer = |e: larder::Error| assert_eq!(e.kind(), larder::ErrorKind::NewerFormat);
    newer(queue.push(Wanted::new("a")).expect_err("refused"));
    newer(queue.items(9).expect_err("refused"));
    ["a", "b"].iter().for_each(|key| predictor.observe(1, key).expect("observed"));
    assert_eq!(predictor.predict(&["a"], 9).expect("predicted").len(), 1, "it works on from memory");
    newer(predictor.save().expect_err("refused"));
}

#[test]
fn what_is_nothing_of_the_kind_is_left_out() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = open(&dir);
    let foreign =
        ["larder.prediction", "larder.prefetch", "larder.pools"].map(|name| (name, "text/plain", &b"text"[..]));
    let imported = cache.import(snapshot(&foreign).as_slice()).expect("read");
    assert_eq!((imported.entries, imported.damaged), (0, 3));
    let swapped = [("larder.prefetch", MODEL, &b"LPM\x01"[..]), ("larder.pools", QUEUE, b"LPQ\x01")];
    assert_eq!(cache.import(snapshot(&swapped).as_slice()).expect("read").damaged, 2);
    let damaged_pool = [("larder.pools", POOL, &b"LPL\x01"[..])];
    assert_eq!(cache.import(snapshot(&damaged_pool).as_slice()).expect("read").entries, 1);
    cache.define_pool("new", &pools::Plan::new().dimension("d", ["v"])).expect("defined");
}

#[test]
fn what_was_exported_comes_back() {
    let (from, to) = (tempfile::tempdir().expect("a directory"), tempfile::tempdir().expect("a directory"));
    let cache = open(&from);
    cache.prefetches().expect("one").push(Wanted::new("a").priority(0.75)).expect("queued");
    let predictor = cache.predictor().expect("one");
    ["a", "b"].iter().for_each(|key| predictor.observe(1, key).expect("observed"));
    predictor.save().expect("saved");
    let mut bytes = Vec::new();
    cache.export(&mut bytes).expect("exported");
    let other = open(&to);
    other.import(bytes.as_slice()).expect("imported");
    let items = other.prefetches().expect("one").items(9).expect("listed");
    assert_eq!((items[0].key.as_slice(), items[0].priority), (&b"a"[..], 0.75));
    assert_eq!(other.predictor().expect("one").predict(&["a"], 9).expect("predicted")[0].key, b"b");
}
