//! Memory or disk that grows for a day, and entries that outlive their time.
//!
//! A cache on a memory disk lives through 24 hours of virtual time: reads, writes with times to live, idle time-outs and stale
//! windows, deletions, touches and counters on 20,000 keys, ten times of which the store could hold; eviction, reclaiming, a
//! cleanup every 300 s, 100,000 values of a tag spread over the day, and three reopenings. A read answers with what was written
//! last under the key, not deleted and not past its time, or with nothing. At each virtual minute the files take at most
//! `max-size` and one segment; from hour to hour the host's memory, counted by the allocator, grows by 1 MiB at most, and once
//! it is warm no guest asks for more than 1 MiB of linear memory an hour.
//!
//! Operations a virtual second: 6, in the long form 100 (8,640,000 in all). Seen to fail with an engine that hands out entries
//! for 5 s after their time ("should be gone since"), with a store that makes room too late ("4511754 bytes on disk"), and,
//! with labels that are namespaces, with a cache that takes any number of them.

use std::collections::HashSet;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use larder::testing::{Hooks, with_hooks};
use larder::{Cache, ErrorKind, SetOptions};
use larder_tests::allocated::{self, CountingAllocator};
use larder_tests::memory_disk::MemoryDisk;
use larder_tests::scale::{self, Random};

#[global_allocator]
static COUNTING: CountingAllocator = CountingAllocator;

const START: u64 = 1_790_000_000_000;
const HOUR: u64 = 3_600_000;
const DAY: u64 = 24 * HOUR;
const LABELS: u64 = 100_000;
const KEYS: usize = 20_000;
const MAX_SIZE: u64 = 4 << 20;
const SEGMENT: u64 = 256 << 10;
const MIB: usize = 1 << 20;
/// Growths of a guest's memory in a warm hour: each is of a page of 64 KiB or more.
const GROWTHS: u64 = 16;
/// The hours at which the cache is closed and opened again.
const REOPENED: [u64; 3] = [5, 11, 18];

/// What was done to a key last.
#[derive(Clone, Copy, Default)]
struct Last {
    /// The number in the value; 0 when there is nothing.
    number: u64,
    /// When it is gone at the latest.
    gone: u64,
}

struct World {
    disk: MemoryDisk,
    clock: Arc<AtomicU64>,
    growths: Arc<AtomicU64>,
    random: Random,
    keys: Vec<Last>,
    labels: HashSet<u64>,
    /// Operations a second.
    pace: u64,
    writes: u64,
    hits: u64,
    counted: i64,
}

fn key(place: usize) -> String {
    format!("key:{place}")
}

/// The value of a write: its number, and bytes that follow from it.
fn value(number: u64) -> Vec<u8> {
    let mut random = Random(number);
    let mut value = number.to_le_bytes().to_vec();
    match random.below(10) {
        0 => value.extend(format!("text {number} ").repeat(300).into_bytes()),
        _ => value.extend({
            let len = 100 + random.below(800) as usize;
            random.bytes(len)
        }),
    }
    value
}

/// One test at a time: both look at the memory of the whole process.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    fn new() -> Self {
        Self {
            disk: MemoryDisk::new(),
            clock: Arc::new(AtomicU64::new(START)),
            growths: Arc::default(),
            random: Random(scale::seed()),
            keys: vec![Last::default(); KEYS],
            labels: HashSet::with_capacity(2 * LABELS as usize),
            pace: scale::rounds(6, 100),
            writes: 0,
            hits: 0,
            counted: 0,
        }
    }

    fn open(&self) -> Cache {
        let (clock, growths) = (self.clock.clone(), self.growths.clone());
        let grow = move || {
            growths.fetch_add(1, Ordering::Relaxed);
            false
        };
        let builder = Cache::builder()
            .directory("/soak")
            .storage(Arc::new(self.disk.clone()))
            .shards(2)
            .max_memory(1 << 20)
            .max_entry_size(64 << 10)
            .max_size(MAX_SIZE)
            .cleanup_interval(None)
            .seed(scale::seed())
            .clock(move || clock.load(Ordering::Relaxed));
        let hooks = Hooks { deny_memory: Some(Arc::new(grow)), ..Hooks::default() };
        with_hooks(builder, hooks).open().expect("the store opens")
    }

    fn now(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    fn operate(&mut self, cache: &Cache) {
        // A few keys are used often.
        let spread = if self.random.chance(50) { KEYS / 20 } else { KEYS };
        let place = self.random.below(spread as u64) as usize;
        match self.random.below(100) {
            0..55 => self.get(cache, place),
            55..90 => self.set(cache, place),
            90..95 => {
                cache.delete(key(place)).expect("deleted");
                self.keys[place] = Last::default();
            }
            95..98 => self.touch(cache, place),
            _ => {
                let sum = cache.increment("counter", 1, &SetOptions::new()).expect("counted");
                // It may be evicted between, and then begins anew.
                assert!(sum == 1 || sum == self.counted + 1, "{sum} after {} at {}", self.counted, self.now());
                self.counted = sum;
            }
        }
    }

    fn get(&mut self, cache: &Cache, place: usize) {
        let Some(found) = cache.get(key(place)).expect("readable") else { return };
        let Last { number, gone } = self.keys[place];
        let now = self.now();
        assert!(number > 0 && found == value(number), "key {place} at {now}: not what was written last");
        assert!(now < gone, "key {place} at {now}: should be gone since {gone}");
        self.hits += 1;
    }

    fn set(&mut self, cache: &Cache, place: usize) {
        self.writes += 1;
        let now = self.now();
        // Spread over the writes that there will be, more or less.
        let label = self.writes * LABELS / (DAY / 1_000 * self.pace * 35 / 100);
        self.labels.insert(label);
        let mut options = SetOptions::new().tag(format!("label:{label}"));
        let mut gone = u64::MAX;
        if self.random.chance(70) {
            let ttl = 1_000 * (1 + self.random.below(20_000));
            let stale = if self.random.chance(30) { 1_000 * self.random.below(600) } else { 0 };
            options = options.ttl(Duration::from_millis(ttl)).stale(Duration::from_millis(stale));
            gone = now + ttl + stale;
        }
        if self.random.chance(20) {
            options = options.tti(Duration::from_secs(60 + self.random.below(3_000)));
        }
        cache.set_with(key(place), value(self.writes), &options).expect("written");
        self.keys[place] = Last { number: self.writes, gone };
    }

    fn touch(&mut self, cache: &Cache, place: usize) {
        let ttl = 1_000 * (1 + self.random.below(20_000));
        if cache.touch(key(place), Some(Duration::from_millis(ttl))).expect("touched").is_some() {
            // A stale window of up to 600 s may come on top.
            self.keys[place].gone = self.now() + ttl + 600_000;
        }
    }

    /// Bytes that the host has allocated for the cache.
    fn memory(&self) -> usize {
        allocated::current().saturating_sub(self.disk.allocated())
    }
}

#[test]
fn a_day_leaves_nothing_behind() {
    let _alone = alone();
    let mut world = World::new();
    let mut cache = world.open();
    let pace = world.pace;
    let (mut memory, mut most_memory, mut most_disk, mut most_growths) = (0, 0, 0, 0);
    for second in 0..DAY / 1_000 {
        for operation in 0..pace {
            world.clock.store(START + second * 1_000 + operation * 1_000 / pace, Ordering::Relaxed);
            world.operate(&cache);
        }
        if second % 60 == 59 {
            let size = world.disk.size();
            assert!(size <= MAX_SIZE + SEGMENT, "second {second}: {size} bytes on disk");
            most_disk = most_disk.max(size);
        }
        if second % 300 == 299 {
            cache.cleanup().unwrap_or_else(|e| panic!("second {second}: {e}"));
        }
        if second % 3_600 == 3_599 {
            let hour = second / 3_600;
            cache.verify(|_, _| ()).map_or_else(
                |e| panic!("hour {hour}: {e}"),
                |found| assert!(found.is_sound(), "hour {hour}: {found:?}"),
            );
            let growths = world.growths.swap(0, Ordering::Relaxed);
            let now = world.memory();
            let is_warm = hour >= 2 && !REOPENED.iter().any(|opened| (*opened..*opened + 2).contains(&hour));
            if is_warm {
                assert!(now <= memory + MIB, "hour {hour}: {now} bytes of the host's memory, {memory} before");
                assert!(growths <= GROWTHS, "hour {hour}: the guests' memory grew {growths} times");
                most_growths = most_growths.max(growths);
            }
            memory = now;
            most_memory = most_memory.max(now);
            if REOPENED.contains(&(hour + 1)) {
                drop(cache);
                cache = world.open();
            }
        }
    }
    let stats = cache.stats_all().expect("statistics");
    drop(cache);
    let lifetime = world.open().lifetime().expect("statistics").total();
    println!(
        "{} writes, {} hits, {} labels; at most {most_disk} bytes on disk, {most_memory} of the host's memory, {most_growths} \
         growths of the guests' in a warm hour; {lifetime:?}",
        world.writes,
        world.hits,
        world.labels.len()
    );
    // A day in which nothing happened proves nothing.
    assert!(world.hits > world.writes / 10 && world.labels.len() as u64 > LABELS * 9 / 10, "too little happened");
    assert!(lifetime.expired > 0 && lifetime.evicted_store_bytes > 0 && stats.traps == 0, "{lifetime:?}");
}

#[test]
fn labels_as_namespaces_leave_nothing_behind() {
    let _alone = alone();
    let world = World::new();
    let cache = world.open();
    let (mut refused, mut warm) = (0, 0);
    for n in 0..LABELS {
        match cache.namespace(&format!("label-{n}")) {
            Ok(namespace) => drop(namespace.set("k", "v").unwrap_or_else(|e| panic!("namespace {n}: {e}"))),
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::TooManyNamespaces, "namespace {n}: {e}");
                refused += 1;
            }
        }
        if n % 8_192 == 8_191 {
            cache.cleanup().unwrap_or_else(|e| panic!("namespace {n}: {e}"));
            let file = world.disk.read(Path::new("/soak/statistics.json")).len();
            let (now, disk) = (world.memory(), world.disk.size());
            let kept = cache.lifetime().expect("statistics").namespaces.len();
            println!("{n}: {now} bytes of memory, {disk} on disk, statistics {file} bytes of {kept} namespaces");
            assert!(file as u64 <= MAX_SIZE / 32, "namespace {n}: {file} bytes of statistics");
            // From where on names are refused, nothing grows any more.
            warm = if refused == 0 || warm == 0 { now } else { warm };
            assert!(now <= warm + MIB, "namespace {n}: {now} bytes of the host's memory, {warm} before");
        }
    }
    assert!(refused > 0, "names without end were taken");
    cache.set("k", "v").expect("the others go on");
}
