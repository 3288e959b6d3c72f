//! Fears a typed cache that answers with what is no longer true, or with another's value; damage that becomes an error; and
//! work that is done twice.

mod common;

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Barrier;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use common::Home;
use larder::typed::{MapCache, MapKey, Memo, RepositoryCaches, TagCache, TreeCache};
use larder::{Cache, Dependency, Error, RefreshMode, Rule, SetOptions};

fn in_memory() -> Cache {
    Cache::builder().shards(1).open().expect("a cache")
}

/// Writes a file whose time is long past.
fn write(home: &Home, name: &str, text: &str) -> PathBuf {
    let path = home.write(name, text);
    let then = SystemTime::now() - Duration::from_secs(3600);
    File::options().write(true).open(&path).and_then(|file| file.set_modified(then)).expect("a time");
    path
}

fn lines(lines: &[u32]) -> BTreeSet<u32> {
    lines.iter().copied().collect()
}

fn map_key(files: &[&Path]) -> MapKey {
    MapKey { other_files: files.iter().map(|path| path.to_path_buf()).collect(), max_tokens: 1024, ..MapKey::default() }
}

#[test]
fn tags_are_found_until_their_file_changes() {
    let home = Home::new();
    let (path, other) = (write(&home, "a.rs", "one"), write(&home, "b.rs", "two"));
    let tags = TagCache::<Vec<String>>::new(&in_memory()).expect("a cache");
    let mut computed = 0;
    let mut get = |path: &Path| {
        let compute = || {
            computed += 1;
            Ok::<_, Error>(vec![fs::read_to_string(path).expect("a text")])
        };
        tags.get_or_compute(path, compute).expect("tags")
    };
    for _ in 0..2 {
        assert_eq!((get(&path), get(&other)), (vec!["one".to_owned()], vec!["two".to_owned()]));
    }
    fs::write(&path, "three").expect("a file");
    assert_eq!((get(&path), get(&other)), (vec!["three".to_owned()], vec!["two".to_owned()]));
    assert_eq!(computed, 3);
    fs::remove_file(&path).expect("no file");
    assert_eq!(tags.get(&path).expect("an answer"), None);
}

#[test]
fn a_change_while_the_value_was_made_is_not_taken_for_known() {
    let home = Home::new();
    let path = write(&home, "a.rs", "before");
    let cache = in_memory();
    let tags = TagCache::<String>::new(&cache).expect("a cache");
    let seen = Dependency::file(&path).expect("a file");
    fs::write(&path, "meanwhile").expect("a file");
    tags.set(&path, &"before".to_owned(), seen).expect("written");
    assert_eq!(tags.get(&path).expect("an answer"), None);

    let maps = MapCache::<String>::new(&cache).expect("a cache");
    let looked_at = maps.look(&map_key(&[&path])).expect("files");
    fs::write(&path, "once more").expect("a file");
    maps.set(&looked_at, &"before".to_owned()).expect("written");
    assert_eq!(maps.get(&map_key(&[&path])).expect("an answer"), None);
}

#[test]
fn what_is_damaged_or_of_another_type_is_made_anew() {
    let cache = in_memory();
    let memo = Memo::<u32, u32>::new(&cache, "memo").expect("a memo");
    memo.set(&1, &7).expect("written");
    assert_eq!(memo.get(&1).expect("an answer"), Some(7));

    let other = Memo::<u32, String>::new(&cache, "memo").expect("a memo");
    assert_eq!(other.get(&1).expect("an answer"), None);
    let newer = Memo::<u32, u32>::new(&cache, "memo").expect("a memo").version(1);
    assert_eq!(newer.get_or_compute(&1, || Ok::<_, Error>(8)).expect("a value"), 8);
    assert_eq!(newer.get(&1).expect("an answer"), Some(8));
    assert_eq!(memo.get_many([&1, &2]).expect("answers"), [None, None]);

    let key = larder::keys::Keys::new().and_then(|keys| keys.structured(&1_u32.into())).expect("a key");
    for bytes in [&b""[..], b"short", b"longer than a mark, and no value"] {
        cache.namespace("memo").expect("a namespace").set(&key, bytes).expect("written");
        assert_eq!(memo.get(&1).expect("an answer"), None);
        assert_eq!(memo.get_or_compute(&1, || Ok::<_, Error>(9)).expect("a value"), 9);
        assert_eq!(memo.get(&1).expect("an answer"), Some(9));
    }
    assert_eq!(memo.figures().expect("figures").damaged, 7);
}

#[test]
fn failures_are_not_stored_and_reach_the_caller() {
    let memo = Memo::<str, u32>::new(&in_memory(), "memo").expect("a memo");
    let failed = memo.get_or_compute("key", || Err::<u32, Box<dyn std::error::Error>>("no jam".into()));
    assert_eq!(failed.expect_err("a failure").to_string(), "no jam");
    assert_eq!(memo.get("key").expect("an answer"), None);
}

#[test]
fn many_threads_compute_a_value_once() {
    let memo = Memo::<str, u32>::new(&in_memory(), "memo").expect("a memo");
    let (computed, all) = (AtomicU32::new(0), Barrier::new(16));
    thread::scope(|scope| {
        for _ in 0..16 {
            scope.spawn(|| {
                all.wait();
                let value = memo.get_or_compute("key", || Ok::<_, Error>(computed.fetch_add(1, Ordering::SeqCst) + 1));
                assert_eq!(value.expect("a value"), 1);
            });
        }
    });
    assert_eq!(computed.into_inner(), 1);
}

#[test]
fn trees_are_known_by_file_and_lines_in_any_order() {
    let home = Home::new();
    let (path, other) = (write(&home, "a.rs", "one"), write(&home, "b.rs", "two"));
    let trees = TreeCache::<String>::new(&in_memory()).expect("a cache");
    let set = |path: &Path, of: &[u32], text: &str| {
        trees.set(path, &lines(of), &text.to_owned(), Dependency::file(path).expect("a file")).expect("written");
    };
    set(&path, &[3, 1, 2], "three lines");
    set(&path, &[1], "one line");
    set(&other, &[1], "another file");
    let get = |path: &Path, of: &[u32]| trees.get(path, &lines(of)).expect("an answer");
    assert_eq!(get(&path, &[2, 3, 1]).as_deref(), Some("three lines"));
    assert_eq!(get(&path, &[1, 2]), None);
    trees.invalidate(&path).expect("invalid");
    assert_eq!((get(&path, &[1, 2, 3]), get(&path, &[1])), (None, None));
    assert_eq!(get(&other, &[1]).as_deref(), Some("another file"));
}

#[test]
fn every_part_of_a_map_key_counts() {
    let home = Home::new();
    let (a, b) = (write(&home, "a.rs", "one"), write(&home, "b.rs", "two"));
    let maps = MapCache::<u32>::new(&in_memory()).expect("a cache");
    let one = |text: &str| BTreeSet::from([text.to_owned()]);
    let keys = [
        map_key(&[&a]),
        map_key(&[&a, &b]),
        MapKey { chat_files: [a.clone()].into(), ..MapKey::default() },
        MapKey { max_tokens: 2048, ..map_key(&[&a]) },
        MapKey { mentioned_names: one("x"), ..map_key(&[&a]) },
        MapKey { mentioned_identifiers: one("x"), ..map_key(&[&a]) },
        MapKey { context: "x".into(), ..map_key(&[&a]) },
    ];
    for (number, key) in (0..).zip(&keys) {
        let looked_at = maps.look(key).expect("files");
        maps.set(&looked_at, &number).expect("written");
    }
    let found = maps.get_many(&keys).expect("answers");
    assert_eq!(found, (0..keys.len() as u32).map(Some).collect::<Vec<_>>());
    assert_eq!(maps.get(&map_key(&[&b, &a])).expect("an answer"), Some(1));
}

/// A map of `count` files that is there until one of them changes, or is said to have changed.
fn maps_of(count: usize) {
    let home = Home::new();
    let files: Vec<PathBuf> = (0..count).map(|n| write(&home, &format!("{n}.rs"), "text")).collect();
    let maps = MapCache::<String>::new(&in_memory()).expect("a cache");
    let key = map_key(&files.iter().map(PathBuf::as_path).collect::<Vec<_>>());
    let alone = map_key(&[&files[0]]);
    let (computed, last) = (AtomicU32::new(0), &files[count - 1]);
    let make = |key| {
        maps.get_or_compute(key, || Ok::<_, Error>(format!("map {}", computed.fetch_add(1, Ordering::SeqCst))))
            .expect("a map")
    };
    assert_eq!((make(&key), make(&alone), make(&key)), ("map 0".into(), "map 1".into(), "map 0".into()));
    fs::write(last, "another text").expect("a file");
    assert_eq!(maps.get(&key).expect("an answer"), None);
    assert_eq!((make(&key), make(&alone)), ("map 2".into(), "map 1".into()));
    maps.invalidate_by_file(last).expect("invalid");
    assert_eq!((make(&key), make(&alone)), ("map 3".into(), "map 1".into()));
    assert_eq!(make(&key), "map 3");
}

#[test]
fn a_map_of_few_files_is_invalid_when_one_changes() {
    maps_of(20);
}

#[test]
fn a_map_of_more_files_than_an_entry_can_depend_on_is_invalid_when_one_changes() {
    maps_of(1500);
}

#[test]
fn invalidation_of_a_file_reaches_all_three_caches_and_no_other_file() {
    let home = Home::new();
    let (a, b) = (write(&home, "a.rs", "one"), write(&home, "b.rs", "two"));
    // Nobody looks at files: only what is said counts.
    let cache = Cache::builder().shards(1).refresh_mode(RefreshMode::Manual).open().expect("a cache");
    let caches = RepositoryCaches::<String>::new(&cache).expect("caches");
    let count = AtomicU32::new(0);
    let next = || Ok::<_, Error>(count.fetch_add(1, Ordering::SeqCst).to_string());
    let all = |path: &Path| {
        let tags = caches.tags.get_or_compute(path, next).expect("tags");
        let map = caches.maps.get_or_compute(&map_key(&[path]), next).expect("a map");
        [tags, map, caches.trees.get_or_compute(path, &lines(&[1]), next).expect("a tree")]
    };
    let before = (all(&a), all(&b));
    fs::write(&a, "changed").expect("a file");
    assert_eq!((all(&a), all(&b)), before);
    caches.file_changed(&a).expect("invalid");
    let after = (all(&a), all(&b));
    assert!(before.0.iter().zip(&after.0).all(|(before, after)| before != after), "{before:?} {after:?}");
    assert_eq!(after.1, before.1);
    cache.invalidate(&Rule::File(b.clone())).expect("invalid");
    assert!(all(&b).iter().zip(&before.1).all(|(after, before)| before != after));
}

#[test]
fn values_survive_a_restart_and_options_have_their_effect() {
    let home = Home::new();
    let open = || Cache::builder().shards(2).directory(home.store()).open().expect("a cache");
    {
        let memo = Memo::<(u32, String), Vec<f64>>::new(&open(), "memo").expect("a memo");
        let memo = memo.options(SetOptions::new().tag("numbers"));
        memo.set(&(1, "x".into()), &vec![0.5, -1.0]).expect("written");
    }
    let cache = open();
    let memo = Memo::<(u32, String), Vec<f64>>::new(&cache, "memo").expect("a memo");
    assert_eq!(memo.get(&(1, "x".into())).expect("an answer"), Some(vec![0.5, -1.0]));
    assert_eq!(memo.get_many(&[(2, "x".into()), (1, "x".into())]).expect("answers"), [None, Some(vec![0.5, -1.0])]);
    memo.invalidate_by(&Rule::Tag("numbers".into())).expect("invalid");
    assert_eq!(memo.get(&(1, "x".into())).expect("an answer"), None);
}

#[test]
fn figures_tell_hits_misses_and_size() {
    let home = Home::new();
    let path = write(&home, "a.rs", "one");
    let caches = RepositoryCaches::<String>::new(&in_memory()).expect("caches");
    assert_eq!(caches.figures().expect("figures").tags.hit_rate(), 0.0);
    for _ in 0..4 {
        caches.tags.get_or_compute(&path, || Ok::<_, Error>("tags".into())).expect("tags");
    }
    caches.maps.get(&map_key(&[&path])).expect("an answer");
    let figures = caches.figures().expect("figures");
    assert_eq!((figures.tags.hits, figures.tags.misses, figures.tags.entries), (3, 1, 1));
    assert!(figures.tags.bytes > 0 && figures.maps.bytes == 0);
    assert_eq!((figures.tags.hit_rate(), figures.total_requests), (0.75, 5));
    let text = figures.to_string();
    for line in ["Tag cache hit rate: 75.00%\n", "Map cache size: 0.0 MB\n", "Total cache requests: 5\n"] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn paths_that_mean_one_file_share_an_entry_and_what_is_no_file_is_refused() {
    let home = Home::new();
    let path = write(&home, "a.rs", "one");
    let tags = TagCache::<u32>::new(&in_memory()).expect("a cache");
    tags.set(&path, &7, Dependency::file(&path).expect("a file")).expect("written");
    assert_eq!(tags.get(home.path().join("x/../a.rs")).expect("an answer"), Some(7));
    assert_eq!(tags.get_many([&path, &home.file("b.rs")]).expect("answers"), [Some(7), None]);
    let failed = tags.get_or_compute(home.path(), || Ok::<_, Error>(1)).expect_err("a refusal");
    assert_eq!(failed.kind(), larder::ErrorKind::InvalidArgument);
    tags.invalidate(&path).expect("invalid");
    assert_eq!(tags.get(&path).expect("an answer"), None);
}
