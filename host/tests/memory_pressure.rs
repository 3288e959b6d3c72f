//! Fears a cache that keeps memory which the system needs, or gives up more than it must.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use larder::testing::{Hooks, with_hooks};
use larder::{Cache, SetOptions};

const MEMORY: u64 = 16 << 20;

fn fill(cache: &Cache, count: u32) {
    for n in 0..count {
        let options = SetOptions::new().ttl(Duration::from_secs(3600)).tag(format!("t{}", n % 5));
        cache.set_with(n.to_le_bytes(), vec![n as u8; 4_000], &options).expect("stored");
    }
}

fn there(cache: &Cache, count: u32) -> u32 {
    (0..count).filter(|n| cache.contains(n.to_le_bytes()).expect("readable")).count() as u32
}

#[test]
fn memory_that_is_not_needed_any_more_goes_back_to_the_system() {
    let linear = Arc::new(AtomicUsize::new(0));
    let hooks = Hooks { linear_memory: Some(linear.clone()), ..Hooks::default() };
    let cache = with_hooks(Cache::builder().max_memory(MEMORY).shards(1).policy("lru"), hooks).open().expect("opens");
    fill(&cache, 3_000);
    assert!(linear.load(Ordering::Relaxed) > 12 << 20);
    for n in 2_900..3_000u32 {
        assert!(cache.get(n.to_le_bytes()).expect("readable").is_some());
    }
    let before = cache.inspect(2_950u32.to_le_bytes()).expect("readable").expect("there");
    let gone = cache.shrink_to(1 << 20).expect("shrinks");
    assert_eq!(gone, 3_000 - u64::from(there(&cache, 3_000)));
    assert!(linear.load(Ordering::Relaxed) < 8 << 20, "{} bytes of linear memory", linear.load(Ordering::Relaxed));
    for n in 2_900..3_000u32 {
        assert_eq!(cache.get(n.to_le_bytes()).expect("readable"), Some(vec![n as u8; 4_000]), "asked for lately");
    }
    let after = cache.inspect(2_950u32.to_le_bytes()).expect("readable").expect("there");
    assert_eq!((after.version, after.expires, after.tags), (before.version, before.expires, before.tags));
    fill(&cache, 3_000);
    assert!(there(&cache, 3_000) < 270, "it stays so");
    cache.shrink_to(MEMORY).expect("grows");
    fill(&cache, 3_000);
    assert_eq!(there(&cache, 3_000), 3_000);
}

#[test]
fn what_is_in_the_store_comes_back() {
    let dir = tempfile::tempdir().expect("a directory");
    let cache = Cache::builder().directory(dir.path()).max_memory(MEMORY).open().expect("opens");
    fill(&cache, 2_000);
    cache.shrink_to(0).expect("shrinks");
    for n in 0..2_000u32 {
        assert_eq!(cache.get(n.to_le_bytes()).expect("readable"), Some(vec![n as u8; 4_000]));
    }
}

fn write(root: &Path, name: &str, text: &str) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
    fs::write(path, text).expect("a file");
}

#[test]
fn a_control_group_that_runs_short_gets_memory_back() {
    let root = tempfile::tempdir().expect("a directory");
    let hooks = Hooks { pressure: Some(root.path().to_owned()), ..Hooks::default() };
    let cache = with_hooks(Cache::builder().max_memory(MEMORY).shards(2), hooks).open().expect("opens");
    fill(&cache, 3_000);
    assert_eq!(cache.relieve().expect("looks"), MEMORY, "nothing says that memory is short");
    write(root.path(), "proc/self/cgroup", "0::/own\n");
    write(root.path(), "sys/fs/cgroup/own/memory.max", "1000000\n");
    write(root.path(), "sys/fs/cgroup/own/memory.current", "950000\n");
    assert_eq!(cache.relieve().expect("looks"), MEMORY / 2);
    let held = || cache.stats_all().expect("counts").memory.bytes;
    assert!(held() <= MEMORY / 2);
    for _ in 0..10 {
        cache.relieve().expect("looks");
    }
    assert_eq!(cache.relieve().expect("looks"), MEMORY / 16, "and no smaller");
    assert!(held() > 0);
    write(root.path(), "sys/fs/cgroup/own/memory.current", "100000\n");
    assert_eq!(cache.relieve().expect("looks"), MEMORY / 16 + MEMORY / 8);
    for _ in 0..10 {
        cache.relieve().expect("looks");
    }
    assert_eq!(cache.relieve().expect("looks"), MEMORY);
    fill(&cache, 3_000);
    assert_eq!(there(&cache, 3_000), 3_000);
}
