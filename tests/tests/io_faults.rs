//! An acknowledgement after a failed sync, an entry lost to an error that passed, a panic or a wait without end: because a call
//! of the file system failed.
//!
//! One workload (open; sets of each durability, deletions, compare-and-set, increments; rotation and reclaiming; clean-up,
//! clear, statistics; close, reopen and more of it) runs on [`larder_tests::disk`] once to count its calls. Then the k-th call fails,
//! for every k: with EIO, ENOSPC, EACCES, EMFILE, or half a write; once, with all later ones of its name, or with all later ones.
//! For every key the harness knows what a read may answer, what may be there after the cache is opened again without faults, and
//! what after a power loss that takes everything that was not synced. After a failed write or sync of the log the store must
//! say that it is read-only, and the cache must answer from memory. Records that the disk does not give back may be given
//! up; any other failure costs nothing that was acknowledged.
//!
//! In a second test the disk forgets what a failed sync was to save, as Linux does: what was written is seen and never saved.
//! Then a write that is synced after reopening must survive a power loss all the same.
//!
//! Rounds: 1,000 and 200 faults drawn at random; in the long form every call with every kind of failure (16,575 and 2,210).
//!
//! Seen to fail, in 43 of 1,000 runs, with the error of a failed fsync swallowed: synced writes are lost. And by what was found
//! with it: a deletion after a failed write that did not delete, an older value after one that was not written, records given
//! up because too many files were open, and the second test by every failed sync.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use larder::storage::Storage;
use larder::{Cache, Codec, Durability, ErrorKind, Result, SetOptions};
use larder_tests::disk::faults::{Call, Fault, Kind, Lasts};
use larder_tests::disk::{Disk, Faults, Loss};
use larder_tests::scale::{self, Random};

/// No run may take longer.
const LIMIT: Duration = Duration::from_secs(60);

type Bytes = Option<Arc<[u8]>>;

/// What may be under a key: each list has at least one answer.
#[derive(Debug, Clone)]
struct Known {
    /// Now.
    live: Vec<Bytes>,
    /// After closing and opening.
    closed: Vec<Bytes>,
    /// After a power loss.
    crashed: Vec<Bytes>,
    /// Set by this process: answered from memory.
    in_memory: bool,
    /// Written with `sync`.
    sync: bool,
}

impl Default for Known {
    fn default() -> Self {
        let nothing = vec![None];
        Self { live: nothing.clone(), closed: nothing.clone(), crashed: nothing, in_memory: false, sync: false }
    }
}

impl Known {
    /// A write of `value` that lasts so long, or failed.
    fn note(&mut self, value: &Bytes, lasts: Option<Durability>) {
        let only = vec![value.clone()];
        for list in [&mut self.live, &mut self.closed, &mut self.crashed] {
            list.push(value.clone());
        }
        if lasts.is_some() {
            self.live = only.clone();
            self.in_memory = value.is_some();
        }
        if lasts >= Some(Durability::Process) {
            self.closed = only.clone();
        }
        if lasts == Some(Durability::Sync) {
            self.crashed = only;
        }
    }
}

struct Run {
    disk: Disk,
    faults: Faults,
    cache: Option<[Cache; 2]>,
    /// How many calls had failed when the cache was opened last.
    opened_after: usize,
    keys: BTreeMap<(usize, String), Known>,
    random: Random,
}

fn open(storage: Arc<dyn Storage>) -> Result<[Cache; 2]> {
    let builder = Cache::builder().directory("/store").storage(storage).clock(|| 1_000_000).seed(1).shards(1);
    let builder = builder.max_size(1 << 20).codec(Codec::None).cleanup_interval(None).namespace("a");
    let cache = builder.lock_timeout(Duration::from_millis(5)).open()?;
    let other = cache.namespace("b")?;
    Ok([cache, other])
}

fn lasting(durability: Durability) -> SetOptions {
    SetOptions::new().durability(durability)
}

impl Run {
    fn new(fault: Option<Fault>, forgets: bool) -> Self {
        let disk = Disk::new();
        disk.make_directory("/store");
        disk.forget_failed_syncs(forgets);
        let faults = Faults::new(&disk);
        faults.plan(fault);
        Self { disk, faults, cache: None, opened_after: 0, keys: BTreeMap::new(), random: Random(7) }
    }

    /// Opens the cache; false when that fails, which is allowed if a call did.
    fn open(&mut self) -> bool {
        self.cache = None;
        self.keys.values_mut().for_each(|known| {
            known.in_memory = false;
            known.live = known.closed.clone();
        });
        let failed = self.faults.failed().len();
        match open(Arc::new(self.faults.clone())) {
            Ok(cache) => self.cache = Some(cache),
            Err(e) => assert!(self.faults.failed().len() > failed, "does not open, although no call failed: {e}"),
        }
        self.opened_after = self.faults.failed().len();
        self.cache.is_some()
    }

    fn cache(&self, namespace: usize) -> Cache {
        self.cache.as_ref().expect("open")[namespace].clone()
    }

    fn known(&mut self, namespace: usize, key: &str) -> &mut Known {
        self.keys.entry((namespace, key.to_owned())).or_default()
    }

    /// What a write answered must agree with whether calls failed in it.
    fn judge<T>(&self, failed: usize, result: &Result<T>) {
        if let Err(e) = result {
            let ever = !self.faults.failed().is_empty();
            assert!(ever, "an error, although no call failed: {e}");
            assert!(e.kind() != ErrorKind::Internal && e.kind() != ErrorKind::Trap, "{e}, after {failed} failures");
        }
    }

    fn set(&mut self, key: &str, len: usize, durability: Durability) {
        let value = self.random.bytes(len);
        let failed = self.faults.failed().len();
        let result = self.cache(0).set_with(key, &value, &lasting(durability));
        self.judge(failed, &result);
        let known = self.known(0, key);
        if durability == Durability::Memory {
            // What the store holds under the key is outdated, and deleted.
            known.closed.push(None);
            known.crashed.push(None);
        }
        known.note(&Some(value.into()), result.ok().map(|written| written.durability));
        known.sync = durability == Durability::Sync;
    }

    fn delete(&mut self, key: &str) {
        let failed = self.faults.failed().len();
        let result = self.cache(0).delete(key);
        self.judge(failed, &result);
        let known = self.known(0, key);
        let lasts = if known.sync { Durability::Sync } else { Durability::Process };
        known.note(&None, result.ok().map(|_| lasts));
    }

    fn compare_and_set(&mut self, key: &str) {
        let value = self.random.bytes(50);
        let failed = self.faults.failed().len();
        let cache = self.cache(0);
        let result = cache.lookup(key).and_then(|hit| match hit {
            Some(hit) => cache.compare_and_set(key, hit.version, &value, &lasting(Durability::Process)),
            None => Ok(None),
        });
        self.judge(failed, &result);
        let known = self.known(0, key);
        if !matches!(result, Ok(None)) {
            known.note(&Some(value.into()), result.ok().flatten().map(|written| written.durability));
            known.sync = false;
        }
    }

    fn increment(&mut self, key: &str, durability: Durability) {
        let failed = self.faults.failed().len();
        let result = self.cache(1).increment(key, 3, &lasting(durability));
        self.judge(failed, &result);
        let clean = self.faults.failed().is_empty();
        let known = self.known(1, key);
        let number = |bytes: &Bytes| {
            bytes.as_deref().map_or(0, |b| std::str::from_utf8(b).expect("digits").parse::<i64>().expect("a number"))
        };
        let may: Vec<i64> = known.live.iter().map(|bytes| number(bytes) + 3).collect();
        if let Ok(sum) = &result {
            assert!(may.contains(sum), "{key} counts {sum}, not one of {may:?}");
        }
        // The answer says `sync` or nothing.
        let lasts = if durability == Durability::Sync || clean { durability } else { Durability::Memory };
        let value = |sum: i64| Some(Arc::from(sum.to_string().into_bytes()));
        match result {
            Ok(sum) => known.note(&value(sum), Some(lasts)),
            Err(_) => may.into_iter().for_each(|sum| known.note(&value(sum), None)),
        }
    }

    fn get(&mut self, namespace: usize, key: &str) {
        let failed = self.faults.failed().len();
        let found = self.cache(namespace).get(key).expect("a read answers");
        let has_failed = self.faults.failed().len() > failed;
        let known = self.known(namespace, key);
        let may_miss = has_failed && !known.in_memory;
        let is_right = known.live.iter().any(|value| value.as_deref() == found.as_deref());
        let may: Vec<_> = known.live.iter().map(|bytes| brief(bytes.as_deref())).collect();
        assert!(
            is_right || found.is_none() && may_miss,
            "a read of {key} answers {}, not one of {may:?}",
            brief(found.as_deref())
        );
    }

    fn clear(&mut self, namespace: usize) {
        let failed = self.faults.failed().len();
        let result = self.cache(namespace).clear();
        self.judge(failed, &result);
        let any_sync = self.keys.iter().any(|((of, _), known)| *of == namespace && known.sync);
        let lasts = if any_sync { Durability::Sync } else { Durability::Process };
        for (_, known) in self.keys.iter_mut().filter(|((of, _), _)| *of == namespace) {
            known.in_memory = false;
            known.note(&None, result.as_ref().ok().map(|_| lasts));
        }
    }

    /// Everything a cache does, so that the log is rewritten more than once.
    fn work(&mut self) {
        use Durability::{Memory, Process, Sync};
        if !self.open() {
            return;
        }
        for round in 0..40 {
            let key = format!("large {}", round % 6);
            self.set(&key, 24_000, if round % 7 == 0 { Sync } else { Process });
            self.set(&format!("small {}", round % 5), 40, [Process, Sync, Memory][round % 3]);
            self.set(&format!("once {round}"), 100, if round % 2 == 0 { Sync } else { Process });
            match round % 8 {
                0 => self.increment("n", Process),
                1 => self.delete(&format!("once {}", round / 2)),
                2 => self.compare_and_set("once 1"),
                3 => self.increment("n", Sync),
                4 => self.get(0, &format!("once {}", round / 2)),
                5 => drop(self.cache(0).cleanup()),
                6 => drop(self.cache(0).stats()),
                _ => self.delete(&key),
            }
            if round == 15 {
                self.clear(1);
            }
            if round == 20 && !self.open() {
                return;
            }
            if round == 25 {
                self.read_all();
            }
        }
        self.clear(1);
    }

    fn read_all(&mut self) {
        let keys: Vec<_> = self.keys.keys().cloned().collect();
        keys.iter().for_each(|(namespace, key)| self.get(*namespace, key));
    }

    /// Runs the workload, then checks what is left of it.
    fn run(&mut self) {
        self.work();
        self.faults.plan(None);
        if self.cache.is_some() {
            self.check_live();
        }
        // What is closed writes statistics and nothing else.
        self.cache = None;
        let lost = self.disk.crash_with(Loss::Everything, &mut self.random);
        self.check_disk(&lost, "after a power loss", |known| &known.crashed);
        let disk = self.disk.clone();
        let cache = self.check_disk(&disk, "after reopening", |known| &known.closed);
        let written = cache[0].set_with("last", "the last", &lasting(Durability::Sync)).expect("takes a write");
        assert_eq!(written.durability, Durability::Sync);
        let lost = self.disk.crash_with(Loss::Everything, &mut self.random);
        drop(cache);
        let cache = open(Arc::new(lost)).expect("opens after a power loss");
        let found = cache[0].get("last").expect("readable");
        assert!(found.as_deref() == Some(&b"the last"[..]), "what was synced after reopening is lost with the power");
    }

    /// After a failed write or sync of the log, nothing is written any more, and memory goes on.
    fn check_live(&mut self) {
        let harmed = self.faults.failed()[self.opened_after..].iter().any(|(call, path)| match call {
            Call::Write | Call::Sync => is_log(path),
            _ => false,
        });
        let store = self.cache(0).stats().expect("figures").store.expect("a store");
        if harmed {
            assert!(store.read_only, "a write of the log failed: {:?}", self.faults.failed());
        }
        self.read_all();
        if store.read_only {
            self.set("after", 10, Durability::Process);
            self.get(0, "after");
            let refused = self.cache(0).set_with("after", "x", &lasting(Durability::Sync));
            assert!(refused.is_err(), "acknowledged as synced by a store that is read-only");
            self.keys.remove(&(0, "after".into()));
        }
    }

    fn check_disk(&self, disk: &Disk, when: &str, may: impl Fn(&Known) -> &Vec<Bytes>) -> [Cache; 2] {
        let cache = open(Arc::new(disk.clone())).unwrap_or_else(|e| panic!("does not open {when}: {e}"));
        let failed = self.faults.failed();
        let is_given_up = failed.iter().any(|(call, path)| *call == Call::Read && is_log(path));
        for ((namespace, key), known) in &self.keys {
            let found = cache[*namespace].get(key).expect("readable");
            let is_right = may(known).iter().any(|value| value.as_deref() == found.as_deref());
            let is_right = is_right || found.is_none() && is_given_up;
            let (found, may) = (brief(found.as_deref()), may(known).iter().map(|b| brief(b.as_deref())));
            assert!(is_right, "{when} {key} is {found}, not one of {:?}", may.collect::<Vec<_>>());
        }
        cache
    }
}

fn is_log(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "seg")
}

fn brief(bytes: Option<&[u8]>) -> String {
    bytes.map_or("missing".into(), |b| format!("{:02x?}… ({} bytes)", &b[..b.len().min(4)], b.len()))
}

/// Runs the workload with faults, and answers what went wrong. `numbers` chooses of all faults those of one round.
fn storm(rounds: (u64, u64), forgets: bool, may_choose: fn(&Fault) -> bool) {
    let mut clean = Run::new(None, false);
    clean.run();
    let calls = clean.faults.calls();
    assert!(clean.faults.failed().is_empty());
    let faults = (0..calls).flat_map(|at| {
        let kinds = Kind::ALL.into_iter().flat_map(move |kind| Lasts::ALL.map(|lasts| Fault { at, kind, lasts }));
        kinds.filter(may_choose)
    });
    let all: Arc<Vec<Fault>> = Arc::new(faults.collect());
    let (count, seed) = (all.len() as u64, scale::seed());
    let rounds = scale::rounds(rounds.0, if rounds.1 == 0 { count } else { rounds.1 });
    let next = Arc::new(AtomicU64::new(0));
    let (done, finished) = mpsc::channel();
    for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
        let (all, next, done) = (all.clone(), next.clone(), done.clone());
        thread::spawn(move || {
            loop {
                let round = next.fetch_add(1, Ordering::Relaxed);
                if round >= rounds {
                    return;
                }
                let drawn = if rounds >= count { round % count } else { Random(seed ^ round << 20).below(count) };
                if done.send(try_fault(all[drawn as usize], forgets)).is_err() {
                    return;
                }
            }
        });
    }
    drop(done);
    let mut wrong = Vec::new();
    for round in 0..rounds {
        match finished.recv_timeout(LIMIT) {
            Ok(said) => wrong.extend(said),
            Err(e) => panic!("after {round} runs one takes longer than {LIMIT:?}: {e}"),
        }
    }
    println!("{rounds} of {count} faults in {calls} calls");
    let shown: Vec<_> = wrong.iter().take(10).cloned().collect();
    assert!(wrong.is_empty(), "{} of {rounds} runs went wrong:\n{}", wrong.len(), shown.join("\n"));
}

/// What goes wrong with a fault, a panic included.
fn try_fault(fault: Fault, forgets: bool) -> Option<String> {
    let mut run = Run::new(Some(fault), forgets);
    let panic = catch_unwind(AssertUnwindSafe(|| run.run())).err()?;
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default();
    Some(format!("{fault:?}, first {:?}: {text}", run.faults.failed().first()))
}

#[test]
fn no_failing_call_loses_what_was_acknowledged() {
    storm((1_000, 0), false, |_| true);
}

#[test]
fn what_a_failed_sync_left_behind_does_not_take_later_writes_along() {
    storm((200, 0), true, |fault| fault.lasts != Lasts::ForGood && fault.kind == Kind::Eio);
}
