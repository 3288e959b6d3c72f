//! Fears a batch in which one bad entry takes others along, whose answers are in another's place, which loses the order of
//! two writes to one key, costs more than one write to the log, or answers otherwise than single calls would.

mod common;

use std::collections::HashMap;
use std::fs::File;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use common::disk::{Call, Disk};
use common::{Home, noise};
use larder::{Builder, Cache, Codec, Durability, ErrorKind, SetOptions, Strategy};
use proptest::prelude::{Just, Strategy as _, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

fn plain() -> SetOptions {
    SetOptions::new()
}

fn on(home: &Home) -> Builder {
    Cache::builder().directory(home.store()).cleanup_interval(None).codec(Codec::None)
}

/// In memory and on disk, with few shards, so that each has several entries.
fn both(change: impl Fn(Builder) -> Builder) -> Vec<(Cache, Option<Home>)> {
    let home = Home::new();
    let stored = change(on(&home).shards(3)).open().expect("opens");
    vec![(change(Cache::builder().shards(3)).open().expect("opens"), None), (stored, Some(home))]
}

fn get_many(cache: &Cache, keys: &[impl AsRef<[u8]>]) -> Vec<Option<Vec<u8>>> {
    cache.get_many(keys).into_iter().map(|found| found.expect("readable")).collect()
}

fn kinds<T>(outcomes: &[larder::Result<T>]) -> Vec<Option<ErrorKind>> {
    outcomes.iter().map(|outcome| outcome.as_ref().err().map(larder::Error::kind)).collect()
}

#[test]
fn a_bad_entry_fails_alone_and_in_its_place() {
    for (cache, home) in both(|builder| builder.max_entry_size(1_000).max_key_size(100)) {
        let long = "k".repeat(101);
        let entries = [
            ("a", vec![1; 10]),
            ("", vec![2; 10]),
            ("b", vec![3; 1_001]),
            (long.as_str(), vec![4; 10]),
            ("c", vec![5; 5_000_000]),
            ("d", vec![6; 1_000]),
        ];
        cache.set("b", "before").expect("stored");
        let outcomes = cache.set_many(entries.iter().map(|(key, value)| (key, value)), &plain());
        let (bad, large, key) =
            (Some(ErrorKind::InvalidArgument), Some(ErrorKind::TooLarge), Some(ErrorKind::KeyTooLarge));
        assert_eq!(kinds(&outcomes), [None, bad, large, key, large, None]);
        let expected = [Some(vec![1; 10]), None, Some(b"before".to_vec()), None, None, Some(vec![6; 1_000])];
        let keys = ["a", "", "b", &long, "c", "d"];
        assert_eq!(get_many(&cache, &keys), expected);
        if let Some(home) = home {
            drop(cache);
            assert_eq!(get_many(&on(&home).open().expect("opens"), &keys), expected);
        }
    }
}

#[test]
fn of_a_key_that_comes_twice_the_last_value_stays() {
    for (cache, home) in both(|builder| builder) {
        // The second is too large for a batch, so that three parts must stay in order.
        let large = noise(1, 3 << 20);
        let entries = [("k", b"first".to_vec()), ("l", b"l".to_vec()), ("k", large), ("k", b"last".to_vec())];
        let outcomes = cache.set_many(entries, &plain());
        let versions: Vec<_> = outcomes.into_iter().map(|outcome| outcome.expect("stored").version).collect();
        assert!(versions[0] < versions[2] && versions[2] < versions[3], "{versions:?}");
        let outcomes = cache.set_many([("m", "1"), ("m", "2"), ("n", "3"), ("m", "4")], &plain());
        let versions: Vec<_> = outcomes.into_iter().map(|outcome| outcome.expect("stored").version).collect();
        assert!(versions[0] < versions[1] && versions[1] < versions[3], "{versions:?}");
        let expected = [Some(b"last".to_vec()), Some(b"l".to_vec()), Some(b"4".to_vec())];
        assert_eq!(get_many(&cache, &["k", "l", "m"]), expected);
        if let Some(home) = home {
            drop(cache);
            assert_eq!(get_many(&on(&home).open().expect("opens"), &["k", "l", "m"]), expected);
        }
    }
}

#[test]
fn a_batch_larger_than_a_segment_is_there_as_a_whole() {
    let home = Home::new();
    // Segments of 256 KiB.
    let open = || on(&home).max_size(16 << 20).max_memory(1 << 20).open().expect("opens");
    let cache = open();
    let entries: Vec<_> = (0..2_000_u64).map(|n| (format!("k{n}"), noise(n, 1_000))).collect();
    let outcomes = cache.set_many(entries.iter().map(|(key, value)| (key, value)), &plain());
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|w| w.durability == Durability::Process)));
    for cache in [cache, open()] {
        let keys: Vec<_> = entries.iter().map(|(key, _)| key).collect();
        let found = get_many(&cache, &keys);
        assert!(found.iter().zip(&entries).all(|(found, (_, value))| found.as_ref() == Some(value)));
        assert!(cache.verify(|_, _| ()).expect("verified").is_sound());
    }
    assert!(home.segments().len() > 7);
}

#[test]
fn a_batch_into_a_store_that_is_full_keeps_its_bounds() {
    let home = Home::new();
    const CAP: u64 = 1 << 20;
    let cache = on(&home).max_size(CAP).max_memory(1 << 20).open().expect("opens");
    for round in 0..20_u64 {
        let entries = (0..200_u64).map(|n| (format!("k{round}-{n}"), noise(round * 200 + n, 2_000)));
        let outcomes = cache.set_many(entries, &plain());
        assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|w| w.durability == Durability::Process)));
        let disk: u64 = common::contents(&home.store()).iter().map(|(_, bytes)| bytes.len() as u64).sum();
        assert!(disk <= CAP + (256 << 10), "{disk} bytes on disk in round {round}");
        let last = format!("k{round}-199");
        assert_eq!(cache.get(&last).expect("readable"), Some(noise(round * 200 + 199, 2_000)), "what was just set");
    }
    assert!(cache.verify(|_, _| ()).expect("verified").is_sound());
}

/// Values that fit into no single answer of a guest.
#[test]
fn answers_of_any_size_and_number_come_back() {
    for (cache, _home) in both(|builder| builder.max_entry_size(1 << 20).shards(1)) {
        let large: Vec<_> = (0..20_u64).map(|n| (format!("large{n}"), noise(n, 1 << 20))).collect();
        for (key, value) in &large {
            cache.set(key, value).expect("stored");
        }
        let keys: Vec<_> = large.iter().map(|(key, _)| key.clone()).collect();
        let found = get_many(&cache, &keys);
        assert!(found.iter().zip(&large).all(|(found, (_, value))| found.as_ref() == Some(value)));
        let many: Vec<_> = (0..50_000).map(|n| format!("absent{n}")).chain(["large7".to_owned()]).collect();
        let found = get_many(&cache, &many);
        assert_eq!(found.iter().filter(|found| found.is_some()).count(), 1);
        assert!(found[50_000].is_some(), "in its place");
        assert_eq!(cache.stats().expect("statistics").traps, 0);
    }
}

#[test]
fn an_empty_batch_is_nothing() {
    for (cache, _home) in both(|builder| builder) {
        assert!(cache.get_many([""; 0]).is_empty());
        assert!(cache.set_many([("", ""); 0], &plain()).is_empty());
        assert!(cache.delete_many([""; 0]).expect("deleted").is_empty());
    }
}

/// Counts calls of a kind.
fn counting(call: Call) -> (Arc<AtomicUsize>, Arc<Disk>) {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let disk = Disk::new(move |called| {
        counted.fetch_add(usize::from(called == call), Ordering::SeqCst);
        Ok(())
    });
    (count, disk)
}

#[test]
fn a_batch_costs_one_write_one_lock_and_one_sync() {
    for (call, expected) in [(Call::Write, 1), (Call::Lock, 1), (Call::Sync, 1)] {
        let home = Home::new();
        let (count, disk) = counting(call);
        let cache = on(&home).storage(disk).statistics(false).open().expect("opens");
        cache.set_with("before", "v", &plain().durability(Durability::Sync)).expect("stored");
        let entries = (0..100).map(|n| (format!("k{n}"), noise(n, 500)));
        let before = count.load(Ordering::SeqCst);
        let outcomes = cache.set_many(entries, &plain().durability(Durability::Sync));
        assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|w| w.durability == Durability::Sync)));
        assert_eq!(count.load(Ordering::SeqCst) - before, expected, "{call:?} of a batch of writes");
        let before = count.load(Ordering::SeqCst);
        let deleted = cache.delete_many((0..100).map(|n| format!("k{n}"))).expect("deleted");
        assert!(deleted.iter().all(|existed| *existed));
        assert_eq!(count.load(Ordering::SeqCst) - before, expected, "{call:?} of a batch of deletions");
    }
}

#[test]
fn what_is_read_from_the_log_is_read_in_its_order() {
    let home = Home::new();
    let places = Arc::new(Mutex::new(Vec::new()));
    let noted = places.clone();
    // Larger reads than those of indexes and heads of files.
    let disk = Disk::reads(move |offset, len| {
        if len > 2_000 {
            noted.lock().expect("whole").push(offset);
        }
    });
    let cache = on(&home).storage(disk).max_memory(1 << 16).shards(2).open().expect("opens");
    for n in 0..300_u64 {
        cache.set(format!("k{n}"), noise(n, 2_500)).expect("stored");
    }
    places.lock().expect("whole").clear();
    let keys: Vec<_> = (0..300).map(|n| format!("k{}", n * 7 % 300)).collect();
    assert!(get_many(&cache, &keys).iter().all(Option::is_some));
    let places = places.lock().expect("whole");
    assert!(places.len() > 200, "most are not in memory: {}", places.len());
    assert!(places.is_sorted(), "{places:?}");
}

#[test]
fn a_store_that_takes_nothing_degrades_each_entry_of_a_batch() {
    let home = Home::new();
    on(&home).open().expect("opens").set("old", "stored").expect("stored");
    let locked = File::options().write(true).open(home.store().join("larder.lock")).expect("there");
    let entries = [("old", "new"), ("other", "v")];
    let busy = || on(&home).lock_timeout(Duration::from_millis(5)).open().expect("opens");
    let read_only = || on(&home).strategy(Strategy::ReadOnly).open().expect("opens");
    for (open, kind) in [(&busy as &dyn Fn() -> Cache, ErrorKind::Locked), (&read_only, ErrorKind::Store)] {
        let cache = open();
        locked.lock().expect("locked");
        let outcomes = cache.set_many(entries, &plain());
        assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|w| w.durability == Durability::Memory)));
        assert_eq!(get_many(&cache, &["old", "other"]), [Some(b"new".to_vec()), Some(b"v".to_vec())]);
        assert_eq!(cache.stats().map(|stats| stats.degraded).expect("statistics"), 2, "each counts");
        // What memory gives up must not uncover what it replaced.
        cache.evict(10).expect("evicted");
        assert_eq!(get_many(&cache, &["old", "other"]), [None, None]);
        let refused = cache.set_many(entries, &plain().durability(Durability::Sync));
        assert_eq!(kinds(&refused), [Some(kind), Some(kind)]);
        assert_eq!(cache.delete_many(["old"]).expect_err("not deleted for good").kind(), kind);
        locked.unlock().expect("unlocked");
    }
    assert_eq!(on(&home).open().expect("opens").get("old").expect("readable").as_deref(), Some(&b"stored"[..]));
}

#[test]
fn a_write_that_fails_degrades_each_entry_and_none_comes_back_half() {
    let home = Home::new();
    let fails = Arc::new(AtomicUsize::new(0));
    let failing = fails.clone();
    let disk = Disk::new(move |call| match call {
        Call::Write if failing.load(Ordering::SeqCst) > 0 => Err(std::io::ErrorKind::StorageFull.into()),
        _ => Ok(()),
    });
    let cache = on(&home).storage(disk).statistics(false).open().expect("opens");
    cache.set("a", "old").expect("stored");
    fails.store(1, Ordering::SeqCst);
    let outcomes = cache.set_many([("a", "new"), ("b", "new"), ("a", "newest")], &plain());
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|w| w.durability == Durability::Memory)));
    assert_eq!(get_many(&cache, &["a", "b"]), [Some(b"newest".to_vec()), Some(b"new".to_vec())]);
    cache.evict(10).expect("evicted");
    assert_eq!(get_many(&cache, &["a", "b"]), [None, None], "nothing older comes back");
    fails.store(0, Ordering::SeqCst);
    assert!(cache.stats().expect("statistics").store.is_some_and(|store| store.read_only));
    drop(cache);
    let cache = on(&home).open().expect("opens");
    assert_eq!(get_many(&cache, &["a", "b"]), [Some(b"old".to_vec()), None]);
}

#[test]
fn a_full_store_refuses_new_entries_of_a_batch_and_no_others() {
    let home = Home::new();
    let cache = on(&home).policy("ttl").max_size(2 << 20).open().expect("opens");
    let entries: Vec<_> = (0..3_000_u64).map(|n| (format!("k{n}"), vec![n as u8; 1_000])).collect();
    let outcomes = cache.set_many(entries, &plain());
    let taken = outcomes.iter().take_while(|outcome| outcome.is_ok()).count();
    assert!((1_000..2_000).contains(&taken), "{taken}");
    assert!(outcomes[taken..].iter().all(|outcome| outcome.as_ref().is_err_and(|e| e.kind() == ErrorKind::Full)));
    let outcomes = cache.set_many([("k0", vec![9; 1_000]), ("new", vec![9; 1_000])], &plain());
    assert_eq!(kinds(&outcomes), [None, Some(ErrorKind::Full)]);
    // And a store that counts its entries.
    let home = Home::new();
    let cache = on(&home).max_entries(10).open().expect("opens");
    cache
        .set_many((0..50).map(|n| (format!("k{n}"), "v")), &plain())
        .into_iter()
        .for_each(|outcome| assert!(outcome.is_ok()));
    assert!(cache.stats().expect("statistics").store.is_some_and(|store| store.entries <= 10));
}

#[test]
fn what_lasts_in_memory_only_replaces_what_is_stored() {
    let home = Home::new();
    let cache = on(&home).open().expect("opens");
    cache.set("a", "stored").expect("stored");
    let memory = plain().durability(Durability::Memory);
    let outcomes = cache.set_many([("a", "memory"), ("b", "memory")], &memory);
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|w| w.durability == Durability::Memory)));
    assert_eq!(get_many(&cache, &["a", "b"]), [Some(b"memory".to_vec()), Some(b"memory".to_vec())]);
    assert_eq!(get_many(&on(&home).open().expect("opens"), &["a", "b"]), [None, None]);
}

#[test]
fn deletions_of_a_batch_last_and_others_see_them() {
    let home = Home::new();
    let (cache, other) = (on(&home).open().expect("opens"), on(&home).open().expect("opens"));
    let keys: Vec<_> = (0..1_000).map(|n| format!("k{n}")).collect();
    cache.set_many(keys.iter().map(|key| (key, "v")), &plain());
    assert!(get_many(&other, &keys).iter().all(Option::is_some));
    let twice: Vec<_> = keys[..900].iter().chain(&keys[..10]).chain([&"absent".to_owned()]).cloned().collect();
    let deleted = cache.delete_many(&twice).expect("deleted");
    assert!(deleted[..900].iter().all(|existed| *existed) && deleted[900..].iter().all(|existed| !existed));
    for cache in [cache, other, on(&home).open().expect("opens")] {
        let found = get_many(&cache, &keys);
        assert!(found[..900].iter().all(Option::is_none) && found[900..].iter().all(Option::is_some));
    }
}

/// The new value is too large for memory. Whoever reads while it is written to the log finds the older record there, and
/// must not have it taken into memory, where it would stay.
#[test]
fn a_reader_beside_a_batch_brings_no_older_value_back() {
    let home = Home::new();
    let reader: Arc<Mutex<Option<Cache>>> = Arc::default();
    let reading = reader.clone();
    let disk = Disk::new(move |call| {
        let cache = if call == Call::Write { reading.lock().expect("whole").take() } else { None };
        if let Some(cache) = cache {
            let (done, is_done) = mpsc::channel();
            thread::spawn(move || {
                let _ = cache.get("k");
                let _ = done.send(());
            });
            // It may have to wait until the batch is written.
            let _ = is_done.recv_timeout(Duration::from_millis(50));
        }
        Ok(())
    });
    let builder = on(&home).storage(disk).shards(1).max_memory(64 << 10).statistics(false);
    let cache = builder.open().expect("opens");
    cache.set("k", "old").expect("stored");
    cache.evict(10).expect("evicted");
    *reader.lock().expect("whole") = Some(cache.clone());
    let new = noise(1, 200_000);
    let outcomes = cache.set_many([("k", &new)], &plain());
    assert!(outcomes.iter().all(Result::is_ok));
    assert!(reader.lock().expect("whole").is_none(), "there was a reader");
    assert_eq!(cache.get("k").expect("readable"), Some(new));
}

#[derive(Debug, Clone)]
enum Step {
    Set(Vec<(u8, usize)>),
    Delete(Vec<u8>),
    Get(Vec<u8>),
    Reopen,
}

fn step() -> impl proptest::strategy::Strategy<Value = Step> {
    let key = 0..24_u8;
    prop_oneof![
        4 => prop::collection::vec((key.clone(), 0..3_000_usize), 0..12).prop_map(Step::Set),
        2 => prop::collection::vec(key.clone(), 0..12).prop_map(Step::Delete),
        3 => prop::collection::vec(key, 0..24).prop_map(Step::Get),
        1 => Just(Step::Reopen),
    ]
}

proptest! {
    #[test]
    fn batches_answer_as_a_map_does(steps in prop::collection::vec(step(), 1..30), small in any::<bool>()) {
        let home = Home::new();
        // With little memory most reads go to the log.
        let open = || on(&home).shards(2).max_memory(if small { 8 << 10 } else { 1 << 20 }).open().expect("opens");
        let mut cache = open();
        let mut model: HashMap<u8, Vec<u8>> = HashMap::new();
        let mut seed = 0;
        for step in steps {
            match step {
                Step::Set(entries) => {
                    let entries: Vec<_> = entries.into_iter().map(|(key, len)| {
                        seed += 1;
                        (key, noise(seed, len))
                    }).collect();
                    for outcome in cache.set_many(entries.iter().map(|(key, value)| ([*key], value)), &plain()) {
                        prop_assert!(outcome.is_ok());
                    }
                    model.extend(entries);
                }
                Step::Delete(keys) => {
                    let deleted = cache.delete_many(keys.iter().map(|key| [*key])).expect("deleted");
                    for (key, existed) in keys.iter().zip(deleted) {
                        prop_assert_eq!(model.remove(key).is_some(), existed);
                    }
                }
                Step::Get(keys) => {
                    let asked: Vec<_> = keys.iter().map(|key| [*key]).collect();
                    let expected: Vec<_> = keys.iter().map(|key| model.get(key).cloned()).collect();
                    prop_assert_eq!(get_many(&cache, &asked), expected);
                }
                Step::Reopen => {
                    drop(cache);
                    cache = open();
                }
            }
        }
        prop_assert!(cache.verify(|_, _| ()).expect("verified").is_sound());
    }
}
