//! A synced write that is lost, a hole, something deleted that comes back, a store that does not open: because power was lost.
//!
//! Two processes share a store on [`larder_tests::disk`] and write at random: sets, alone and in batches, deletions, clears, increments and touches, of
//! durability `process` and `sync`, of 0 bytes to 20 KiB, with clean-ups, reopenings and kills in the midst of a call. At random
//! operations of the disk, images are taken as a power loss may leave it. Each is opened and read; what it holds must be
//! what [`larder_tests::oracle`] allows: exactly the state after some write that is not older than the last one that was
//! acknowledged as synced. Then it takes one more synced write. Some images lose power again, at any operation while they are
//! opened, or later: then what was there and what was synced last must be there exactly.
//!
//! In two of three histories live data is far below the cap, so that nothing may be evicted while the log is rewritten several
//! times; in the third it is above, and entries may be missing. In every fourth the cache's own durability is `sync`.
//!
//! Rounds: 10,000 images, in the long form 1,000,000. The seed is the first history's; a failure names its own, and the last
//! calls. Counts are saved by the clock, so that the calls of a history repeat but not each operation of the disk.
//!
//! Seen to fail: within two seconds, by a lost write and by a hole, with payloads that are not checked when the store is mended.
//! At the twelfth call, by six lost writes, with an fsync of segments that does nothing.
//! And by what was found with it: clears that were not synced; a store whose making was interrupted and that never
//! opened again; evicted entries that were deleted and came back with their segment; a record that was moved and then missed
//! by a process that read its origin later; a process that could write no more because a segment it knew was gone.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use larder::storage::Storage;
use larder::{Cache, Codec, Durability, SetOptions};
use larder_tests::disk::faults::{Fault, Kind, Lasts};
use larder_tests::disk::{Disk, Faults, Loss};
use larder_tests::oracle::{Change, History, Key, Seen, Value};
use larder_tests::scale::{self, Random};

/// Writes of one history.
const WRITES: u64 = 1_200;
/// Keys from here on hold numbers.
const NUMBERS: u8 = 200;
/// Written after a power loss.
const PROBE: Key = (0, 255);
const NEVER: u64 = u64::MAX;

/// What kind of history it is.
#[derive(Debug, Clone, Copy)]
struct Setting {
    evicts: bool,
    default: Durability,
    /// Sets of a hundred that ask for `sync`.
    synced: u64,
    /// Operations of a hundred at which an image is taken.
    images: u64,
}

impl Setting {
    fn keys(self) -> u8 {
        if self.evicts { 60 } else { 16 }
    }

    fn open(self, storage: Arc<dyn Storage>, clock: &Arc<AtomicU64>) -> larder::Result<[Cache; 2]> {
        let clock = clock.clone();
        let builder =
            Cache::builder().directory("/store").storage(storage).clock(move || clock.load(Ordering::Relaxed));
        // Little memory, so that the store is read; no compression, because it takes most of the time and says nothing here.
        let builder = builder.seed(1).shards(1).max_size(1 << 20).max_memory(64 << 10).max_entry_size(1 << 20);
        let builder = builder.codec(Codec::None).cleanup_interval(None).durability(self.default).namespace("a");
        let cache = builder.open()?;
        let other = cache.namespace("b")?;
        Ok([cache, other])
    }

    /// Reads every key.
    fn read(self, cache: &[Cache; 2]) -> larder::Result<Seen> {
        let mut seen = Seen::new();
        for (namespace, cache) in (0..).zip(cache) {
            for place in (0..self.keys()).chain(NUMBERS..NUMBERS + 3).chain([PROBE.1]) {
                if let Some(found) = cache.get(name(place))? {
                    seen.insert((namespace, place), found);
                }
            }
        }
        Ok(seen)
    }
}

fn name(place: u8) -> String {
    format!("key {place}")
}

fn sync() -> SetOptions {
    SetOptions::new().durability(Durability::Sync)
}

/// One process: its view of the disk, and its cache.
struct Process {
    faults: Faults,
    cache: [Cache; 2],
}

/// What a call answered: whether it did anything, and how long that lasts.
type Ack = (bool, Durability);

struct Run {
    setting: Setting,
    random: Random,
    disk: Disk,
    clock: Arc<AtomicU64>,
    processes: Vec<Process>,
    history: History,
    /// Taken in the call that is under way.
    taken: Arc<Mutex<Vec<Disk>>>,
    /// Looked at.
    images: u64,
    /// The last calls, for whoever has to find out.
    log: VecDeque<String>,
}

impl Run {
    fn new(seed: u64) -> Result<Self, String> {
        let mut random = Random(seed);
        let setting = Setting {
            evicts: seed % 3 == 2,
            default: if seed % 4 == 3 { Durability::Sync } else { Durability::Process },
            synced: [2, 10, 40][random.below(3) as usize],
            images: 1 + random.below(8),
        };
        let disk = Disk::new();
        disk.make_directory("/store");
        let mut run = Self {
            setting,
            random,
            disk,
            clock: Arc::new(AtomicU64::new(1_000_000)),
            processes: Vec::new(),
            history: History::default(),
            taken: Arc::default(),
            images: 0,
            log: VecDeque::new(),
        };
        run.watch(seed, 50);
        for _ in 0..2 {
            let process = run.start()?;
            run.processes.push(process);
        }
        run.check_taken()?;
        Ok(run)
    }

    fn now(&self) -> u64 {
        self.clock.load(Ordering::Relaxed)
    }

    fn start(&self) -> Result<Process, String> {
        let faults = Faults::new(&self.disk);
        let cache = self.setting.open(Arc::new(faults.clone()), &self.clock);
        Ok(Process { faults, cache: cache.map_err(|e| format!("does not open: {e}"))? })
    }

    /// Takes images at so many of a hundred operations from now on.
    fn watch(&self, seed: u64, percent: u64) {
        let (taken, random) = (self.taken.clone(), Mutex::new(Random(seed)));
        self.disk.set_hook(Some(Arc::new(move |disk, _| {
            let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
            if random.chance(percent) {
                taken.lock().unwrap_or_else(PoisonError::into_inner).push(disk.crash(&mut random));
            }
        })));
    }

    /// One call of one process, and the images taken in it.
    fn step(&mut self) -> Result<(), String> {
        self.clock.fetch_add(self.random.below(20), Ordering::Relaxed);
        let seed = self.random.draw();
        self.watch(seed, self.setting.images);
        let who = self.random.below(2) as usize;
        if self.random.chance(2) {
            let faults = &self.processes[who].faults;
            let kind = if self.random.chance(50) { Kind::ShortWrite } else { Kind::Eio };
            faults.plan(Some(Fault { at: faults.calls() + self.random.below(30), kind, lasts: Lasts::ForGood }));
        }
        let (changes, result) = self.call(who)?;
        let what = changes.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        self.log.push_back(format!("process {who}: {what} answers {result:?}"));
        self.log.drain(..self.log.len().saturating_sub(40));
        let is_dead = !self.processes[who].faults.failed().is_empty();
        let sure = matches!(result, Ok((true, durability)) if durability > Durability::Memory);
        let synced = matches!(result, Ok((true, Durability::Sync)));
        let is_degraded = matches!(result, Ok((true, Durability::Memory)))
            && changes.iter().any(|change| matches!(change, Change::Set((_, place), _) if *place < NUMBERS));
        // An entry that was evicted is not touched.
        let skipped =
            self.setting.evicts && matches!(result, Ok((false, _))) && matches!(changes[..], [Change::Set(..)]);
        changes.iter().for_each(|change| self.history.push(change.clone()));
        self.check_taken()?;
        if is_dead {
            self.log.push_back("killed".into());
            self.processes[who] = self.start()?;
            self.resolve(who, &changes, sure)?;
        } else if let Err(e) = result {
            return Err(format!("failed without a reason: {e}"));
        } else if is_degraded {
            return Err("a write lasts in memory only, without a reason".into());
        } else if skipped {
            self.history.pop();
        }
        self.processes[who].faults.plan(None);
        if synced {
            self.history.sync();
        }
        self.check_taken()?;
        if self.random.chance(self.setting.images) {
            let image = self.disk.crash(&mut self.random);
            self.check_image(&image, 0)?;
        }
        Ok(())
    }

    /// After a kill: the last writes happened, to one of them, and everything before them did.
    fn resolve(&mut self, who: usize, changes: &[Change], sure: bool) -> Result<(), String> {
        let (setting, now) = (self.setting, self.now());
        let cache = &self.processes[who].cache;
        let seen = setting.read(cache).map_err(|e| format!("not readable after a kill: {e}"))?;
        // A touch shows in the time alone.
        let other_time = match changes {
            [Change::Set(key, value)] => {
                let info = cache[usize::from(key.0)].inspect(name(key.1)).map_err(|e| format!("not readable: {e}"))?;
                info.is_some_and(|info| info.gone.unwrap_or(NEVER) != value.gone)
            }
            _ => false,
        };
        for _ in changes.iter().filter(|_| !sure) {
            if !other_time && self.history.check(&seen, now, true, setting.evicts).is_ok() {
                break;
            }
            self.history.pop();
        }
        self.history.check(&seen, now, true, setting.evicts).map_err(|e| format!("after a kill: {e}"))
    }

    /// Makes a random call; answers the changes that it makes if it works, and what it said.
    fn call(&mut self, who: usize) -> Result<(Vec<Change>, larder::Result<Ack>), String> {
        let (setting, now) = (self.setting, self.now());
        let random = &mut self.random;
        let namespace = random.below(2) as u8;
        let key = (namespace, random.below(u64::from(setting.keys())) as u8);
        let cache = self.processes[who].cache[usize::from(namespace)].clone();
        let held = |key: &Key| self.history.state().get(key).filter(|value| value.gone > now);
        let default = setting.default;
        Ok(match random.below(1_000) {
            0..=99 => {
                let result = cache.delete(name(key.1));
                let lasts = if held(&key).is_some_and(|value| value.sync) { Durability::Sync } else { default };
                (vec![Change::Delete(key)], result.map(|did| (did, lasts)))
            }
            100..=179 => {
                let ttl = random.chance(80).then(|| 1 + random.below(8_000));
                let result = cache.touch(name(key.1), ttl.map(Duration::from_millis));
                let touched = held(&key).map(|value| {
                    let gone = ttl.map_or(value.gone, |ttl| now + ttl);
                    Change::Set(key, Value { gone, ..value.clone() })
                });
                (
                    touched.into_iter().collect(),
                    result.map(|written| written.map_or((false, default), |written| (true, written.durability))),
                )
            }
            180..=279 if !setting.evicts => {
                let key = (namespace, NUMBERS + random.below(3) as u8);
                let old = held(&key);
                let number = old
                    .map_or(0, |value| std::str::from_utf8(&value.bytes).expect("digits").parse().expect("a number"));
                let delta = random.below(100) as i64;
                let is_sync = random.chance(setting.synced) || default == Durability::Sync;
                let result = cache.increment(name(key.1), delta, &if is_sync { sync() } else { SetOptions::new() });
                // Whose disk fails counts from what is in its memory.
                let is_well = self.processes[who].faults.failed().is_empty();
                if is_well && result.as_ref().is_ok_and(|sum| *sum != number + delta) {
                    return Err(format!("{key:?}: {number} and {delta} make {result:?}"));
                }
                let bytes = (number + delta).to_string().into_bytes().into();
                let value = Value { bytes, gone: NEVER, sync: old.map_or(is_sync, |value| value.sync) };
                // Without `sync`, the answer does not say how long it lasts.
                let lasts = if is_sync { Durability::Sync } else { Durability::Memory };
                (vec![Change::Set(key, value)], result.map(|_| (true, lasts)))
            }
            280..=291 => {
                let cleared = (random.below(6) > 0).then_some(namespace);
                let mut values = self.history.state().iter().filter(|((of, _), _)| cleared.is_none_or(|it| it == *of));
                let lasts = if values.any(|(_, value)| value.sync) { Durability::Sync } else { default };
                let result = if cleared.is_some() { cache.clear() } else { cache.clear_all() };
                (vec![Change::Clear(cleared)], result.map(|_| (true, lasts)))
            }
            292..=299 => (Vec::new(), cache.cleanup().map(|_| (true, Durability::Memory))),
            300..=305 => {
                self.processes[who] = self.start()?;
                (Vec::new(), Ok((true, Durability::Memory)))
            }
            306..=449 => {
                let found = cache.get(name(key.1));
                if let Ok(found) = &found
                    && found.as_deref() != held(&key).map(|value| &value.bytes[..])
                    && !(setting.evicts && found.is_none())
                    && self.processes[who].faults.failed().is_empty()
                {
                    return Err(format!("a get of {key:?} found {:?} bytes", found.as_ref().map(Vec::len)));
                }
                (Vec::new(), found.map(|_| (true, Durability::Memory)))
            }
            450..=549 => {
                let is_sync = random.chance(setting.synced) || default == Durability::Sync;
                let options = if is_sync { sync() } else { SetOptions::new() };
                let entries: Vec<(u8, Arc<[u8]>)> = (0..2 + random.below(6))
                    .map(|_| {
                        let place = random.below(u64::from(setting.keys())) as u8;
                        let most = if random.chance(20) { 20_480 } else { 2_000 };
                        let len = random.below(most) as usize;
                        (place, random.bytes(len).into())
                    })
                    .collect();
                let outcomes = cache.set_many(entries.iter().map(|(place, bytes)| (name(*place), bytes)), &options);
                let lasts = outcomes.into_iter().map(|outcome| outcome.map(|written| written.durability));
                let lasts = lasts.collect::<larder::Result<Vec<_>>>();
                let changes = entries
                    .into_iter()
                    .map(|(place, bytes)| Change::Set((namespace, place), Value { bytes, gone: NEVER, sync: is_sync }));
                let ack = lasts.map(|lasts| (true, lasts.into_iter().min().unwrap_or(Durability::Memory)));
                (changes.collect(), ack)
            }
            _ => {
                let len = match random.below(10) {
                    0..=3 if !setting.evicts => random.below(200),
                    4..=6 if !setting.evicts => random.below(2_000),
                    _ => random.below(20_480),
                };
                let bytes: Arc<[u8]> = random.bytes(len as usize).into();
                let ttl = random.chance(10).then(|| 1 + random.below(4_000));
                let is_sync = random.chance(setting.synced) || default == Durability::Sync;
                let mut options = if is_sync { sync() } else { SetOptions::new() };
                if let Some(ttl) = ttl {
                    options = options.ttl(Duration::from_millis(ttl));
                }
                let result = cache.set_with(name(key.1), &bytes, &options);
                let value = Value { bytes, gone: ttl.map_or(NEVER, |ttl| now + ttl), sync: is_sync };
                (vec![Change::Set(key, value)], result.map(|written| (true, written.durability)))
            }
        })
    }

    fn check_taken(&mut self) -> Result<(), String> {
        let taken = std::mem::take(&mut *self.taken.lock().unwrap_or_else(PoisonError::into_inner));
        taken.iter().try_for_each(|image| self.check_image(image, 0))
    }

    /// Opens an image, and checks what it holds.
    fn check_image(&mut self, image: &Disk, depth: u32) -> Result<(), String> {
        self.images += 1;
        let (setting, now) = (self.setting, self.now());
        let at =
            |e: larder::Error, what: &str| format!("image {}, {depth} power losses earlier: {what}: {e}", self.images);
        let again: Arc<Mutex<Vec<Disk>>> = Arc::default();
        if depth < 3 && self.random.chance(10) {
            let (again, random) = (again.clone(), Mutex::new(Random(self.random.draw())));
            image.set_hook(Some(Arc::new(move |disk, _| {
                let mut random = random.lock().unwrap_or_else(PoisonError::into_inner);
                if random.chance(20) {
                    again.lock().unwrap_or_else(PoisonError::into_inner).push(disk.crash(&mut random));
                }
            })));
        }
        let cache = setting.open(Arc::new(image.clone()), &self.clock).map_err(|e| at(e, "does not open"))?;
        image.set_hook(None);
        let mut seen = setting.read(&cache).map_err(|e| at(e, "is not readable"))?;
        self.history.check(&seen, now, false, setting.evicts).map_err(|e| format!("image {}: {e}", self.images))?;
        let probe = self.random.bytes(self.images as usize % 700);
        let written = cache[0].set_with(name(PROBE.1), &probe, &sync()).map_err(|e| at(e, "takes no write"))?;
        if written.durability != Durability::Sync {
            return Err(format!("image {}: a write lasts no longer than {:?}", self.images, written.durability));
        }
        if depth < 3 && self.random.chance(20) {
            seen.insert(PROBE, probe);
            let later = image.crash(&mut self.random);
            let cache = setting.open(Arc::new(later), &self.clock).map_err(|e| at(e, "does not open again"))?;
            let mut last = setting.read(&cache).map_err(|e| at(e, "is not readable again"))?;
            if setting.evicts {
                seen.retain(|key, _| last.contains_key(key));
            }
            if last != seen {
                last.retain(|key, value| seen.get(key) != Some(value));
                let wrong: Vec<_> = last.keys().chain(seen.keys().filter(|key| !last.contains_key(*key))).collect();
                return Err(format!("image {}: not the same after a second power loss: {wrong:?}", self.images));
            }
            self.images += 1;
        }
        let again = std::mem::take(&mut *again.lock().unwrap_or_else(PoisonError::into_inner));
        again.iter().try_for_each(|image| self.check_image(image, depth + 1))
    }

    /// Nothing may have been evicted where there was room.
    fn check_evictions(&self) -> Result<(), String> {
        let evicted = self.processes.iter().map(|process| {
            let counters = process.cache[0].stats().map_err(|e| e.to_string())?.memory.counters;
            Ok(counters.evicted_store_bytes + counters.evicted_store_entries)
        });
        let evicted = evicted.sum::<Result<u64, String>>()?;
        match (self.setting.evicts, evicted) {
            (false, 1..) => Err(format!("{evicted} entries were evicted although there was room")),
            _ => Ok(()),
        }
    }
}

#[test]
fn a_power_loss_takes_nothing_that_was_synced() {
    let (first, rounds) = (scale::seed(), scale::rounds(10_000, 1_000_000));
    let (next, images) = (AtomicU64::new(first), AtomicU64::new(0));
    let work = || {
        while images.load(Ordering::Relaxed) < rounds {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            let mut run = Run::new(seed).unwrap_or_else(|e| panic!("LARDER_SEED={seed}: {e}"));
            for write in 0..WRITES {
                run.step().unwrap_or_else(|e| {
                    let log = run.log.make_contiguous().join("\n");
                    panic!("LARDER_SEED={seed}, {:?}, call {write}: {e}\nThe last calls:\n{log}", run.setting)
                });
                if write % 100 == 0 {
                    images.fetch_add(std::mem::take(&mut run.images), Ordering::Relaxed);
                    if images.load(Ordering::Relaxed) >= rounds {
                        break;
                    }
                }
            }
            run.check_evictions().unwrap_or_else(|e| panic!("LARDER_SEED={seed}: {e}"));
            images.fetch_add(run.images, Ordering::Relaxed);
        }
    };
    thread::scope(|scope| {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        (0..workers).for_each(|_| drop(scope.spawn(work)));
    });
    println!("{} images of {} histories", images.into_inner(), next.into_inner() - first);
}

#[test]
fn a_new_directory_is_not_lost() {
    let disk = Disk::new();
    disk.make_directory("/home");
    let open = |disk: &Disk| {
        let builder = Cache::builder().directory("/home/caches/larder").storage(Arc::new(disk.clone())).shards(1);
        builder.cleanup_interval(None).open().expect("opens")
    };
    open(&disk).set_with("key", "value", &sync()).expect("synced");
    let left = disk.crash_with(Loss::Everything, &mut Random(scale::seed()));
    let found = open(&left).get("key").expect("readable");
    assert_eq!(found.as_deref(), Some(&b"value"[..]), "nobody synced the names of the directories that were made");
}
