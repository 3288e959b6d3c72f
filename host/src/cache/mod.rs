//! The cache: shards in memory, the store behind them, and the operations on both.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `builder` | setting a cache up |
//! | `options` | what goes in and comes out |
//! | `read`, `write`, `batch` | operations on entries |
//! | `compute` | one computation for each key |
//! | `negative` | what is remembered instead of a value |
//! | `stopwatch` | spans of time |
//! | `depends` | entries that hang on files |
//! | `pools` | sets of variants that grow |
//! | `prefetch` | what will be asked for next, and what is fetched before it is |
//! | `register` | small states that processes share |
//! | `typed` | values of Rust types |
//! | `worker` | threads that pools and queues are worked off by |
//! | `invalidate` | making entries invalid by what they have in common |
//! | `list`, `statistics`, `maintain` | listing, counting, upkeep |
//! | `background` | what happens beside the operations |
//! | `record` | a trace of the requests, for `larder simulate` |
//! | `snapshot` | export and import |

mod background;
mod batch;
mod builder;
#[cfg(test)]
mod collisions;
mod compute;
mod depends;
mod invalidate;
mod list;
mod maintain;
mod negative;
mod options;
pub mod pools;
pub mod prefetch;
mod read;
mod record;
mod register;
mod snapshot;
mod statistics;
mod stopwatch;
mod typed;
mod worker;
mod write;

use std::fmt;
use std::hash::RandomState;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use hashbrown::HashMap;

pub use builder::{Builder, Codec, Format, Strategy};
pub use compute::{Compute, ComputeError, Computed, Known, Refresh, Source};
pub(crate) use invalidate::file_name;
pub use invalidate::{Invalidated, Rule};
pub use list::Filter;
pub use options::{Defaults, Durability, EntryInfo, Hit, SetOptions, Written};
pub use read::Remaining;
pub use snapshot::{Exported, Imported};
pub use statistics::{MemoryStatistics, NamespaceFigures, Statistics, StoreStatistics};

use crate::bans::Bans;
use crate::component::Loaded;
use crate::component::bindings::api;
use crate::depend::Checker;
use crate::error::{Error, ErrorKind, Result};
use crate::flight::Flights;
use crate::hash::KeyHasher;
use crate::namespace::{Namespace, Namespaces};
use crate::shard::{Answer, Guest, Shard};
use crate::store::{Candidate, Cause, Counters, Judge, Location, Observer, Store};
use crate::workers::Workers;
use background::{Cleaner, Reliever, Saved};
use record::Recorder;
use statistics::Reported;

/// A handle on one namespace of a cache. Cheap to clone; all clones and all handles made by
/// [`namespace`](Self::namespace) share one cache.
///
/// ```
/// # fn main() -> larder::Result<()> {
/// let cache = larder::Cache::builder().max_memory(8 << 20).open()?;
/// cache.set("user:42", "Ada")?;
/// assert_eq!(cache.get("user:42")?.as_deref(), Some(&b"Ada"[..]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Cache {
    inner: Arc<Inner>,
    /// The namespace's number in every guest.
    id: u32,
    /// The namespace's hash in the store.
    hash: u64,
    /// What stands for it in a recording.
    recorded: u64,
    /// Who learns from the reads of this namespace, if anybody does.
    learner: Option<Arc<prefetch::Learner>>,
}

struct Inner {
    shards: Box<[Mutex<Shard>]>,
    hasher: KeyHasher,
    store: Option<Store>,
    namespaces: Namespaces,
    /// What a new namespace starts with.
    defaults: Defaults,
    durability: Durability,
    /// Bytes of the largest value.
    max_entry_size: u32,
    /// Whether counts outlive the process.
    keeps_statistics: bool,
    /// If guests find out what other policies and sizes would hit: bytes and entries that memory may hold.
    advised_memory: Option<(u64, Option<u32>)>,
    format: Format,
    clock: Clock,
    /// What every guest has to know before it is asked.
    bans: Arc<Bans>,
    /// States of a cache without a store.
    states: register::States,
    /// Who fills which pool.
    pools: pools::Board,
    /// Who learns from requests, and whether all reads are told.
    learners: prefetch::Learners,
    loaded: Arc<Loaded>,
    /// The state of the list at which upkeep last looked through the entries.
    bans_reaped: AtomicU64,
    /// Bytes that memory may hold now, and at most.
    memory: AtomicU64,
    max_memory: u64,
    /// Where the files lie that tell how short memory is.
    pressure_root: PathBuf,
    reliever: OnceLock<Reliever>,
    flights: Arc<Flights>,
    /// Who renews what is due while nobody waits.
    workers: Arc<Workers>,
    /// Counts on with every draw.
    random: AtomicU64,
    /// Whether memory may hold what is no value.
    has_negatives: AtomicBool,
    /// Whether what entries depend on is as it was.
    dependencies: Checker,
    /// Writes that the store could not take.
    degraded: AtomicU64,
    /// By namespace, what the guests know nothing of.
    host_counters: Mutex<HashMap<u32, Counters, RandomState>>,
    /// What was added to the store's statistics already.
    reported: Mutex<Reported>,
    saved: Mutex<Saved>,
    /// Whether the policy gives up nothing that lives, so that a full store refuses new entries.
    spares_the_living: AtomicBool,
    cleaner: OnceLock<Cleaner>,
    /// Where requests are written to.
    recorder: Option<Recorder>,
}

/// The policy under which only what is past its time goes.
const SPARES_THE_LIVING: &str = "ttl";

/// Where the time comes from.
#[derive(Clone)]
enum Clock {
    System,
    Custom(Arc<dyn Fn() -> u64 + Send + Sync>),
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::System => "System",
            Self::Custom(_) => "Custom",
        })
    }
}

impl Clock {
    #[inline]
    fn now(&self) -> u64 {
        match self {
            Self::System => SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64),
            Self::Custom(now) => now(),
        }
    }
}

impl fmt::Debug for Cache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = self.inner.store.as_ref().map(Store::root);
        f.debug_struct("Cache").field("namespace", &self.id).field("directory", &root).finish_non_exhaustive()
    }
}

impl Cache {
    /// Sets up a cache.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// A handle on another namespace of the same cache, with the cache's defaults if it is new.
    ///
    /// # Errors
    /// `InvalidArgument` when the name is empty or longer than 255 bytes; `TooManyNamespaces` beyond 10,000.
    pub fn namespace(&self, name: &str) -> Result<Self> {
        refuse_reserved(name)?;
        Self::with_namespace(self.inner.clone(), name, None)?.learning()
    }

    /// A handle on another namespace of the same cache, whose defaults become `defaults`. Entries already there keep
    /// their times. Defaults live as long as this cache is open.
    ///
    /// # Errors
    /// `InvalidArgument` when the name is empty or longer than 255 bytes, or a default is outside its range.
    pub fn namespace_with(&self, name: &str, defaults: &Defaults) -> Result<Self> {
        refuse_reserved(name)?;
        Self::with_namespace(self.inner.clone(), name, Some(defaults))?.learning()
    }

    fn with_namespace(inner: Arc<Inner>, name: &str, defaults: Option<&Defaults>) -> Result<Self> {
        if name.is_empty() || name.len() > 255 {
            return Err(Error::invalid("a namespace name has 1 to 255 bytes"));
        }
        defaults.unwrap_or(&inner.defaults).validate()?;
        let hash = inner.hasher.namespace(name);
        let id = inner.namespaces.find_or_insert(name, || Namespace {
            name: name.to_owned(),
            hash,
            defaults: inner.defaults.to_wit(),
        })?;
        if let Some(defaults) = defaults {
            let defaults = defaults.to_wit();
            inner.namespaces.set_defaults(id, defaults.clone());
            for shard in &inner.shards {
                inner.on_shard(shard, id, |g| {
                    g.larder.larder_cache_cache().cache().call_set_defaults(&mut g.store, g.cache, id, &defaults)
                })?;
            }
        }
        let recorded = inner.recorder.as_ref().map_or(0, |recorder| recorder.namespace(name));
        let cache = Self { inner, id, hash, recorded, learner: None };
        // Lets the first guest judge the settings, so that a bad one is refused here and not at the first write.
        cache.inner.on_shard(&cache.inner.shards[0], id, |_| Ok(Ok(())))?;
        Ok(cache)
    }

    /// Calls a function of the contract that needs no memory tier.
    fn ask<T>(&self, op: impl Fn(&mut Guest) -> Answer<T>) -> Result<T> {
        self.inner.call_again(&mut lock(&self.inner.shards[0]), self.id, op)
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        self.inner.hasher.key(self.hash, key)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Some(store) = &self.store {
            self.note_reads(store);
        }
        if let Err(e) = self.report(true) {
            tracing::debug!("the statistics of this process are lost: {e}");
        }
    }
}

impl Inner {
    #[inline]
    fn shard(&self, hash: u64) -> &Mutex<Shard> {
        &self.shards[self.shard_number(hash)]
    }

    #[inline]
    fn shard_number(&self, hash: u64) -> usize {
        (((hash >> 48) * self.shards.len() as u64) >> 16) as usize
    }

    /// Calls a guest that knows the namespaces up to `namespace`.
    #[inline]
    fn on_shard<T>(&self, shard: &Mutex<Shard>, namespace: u32, op: impl FnOnce(&mut Guest) -> Answer<T>) -> Result<T> {
        self.call(&mut lock(shard), namespace, op)
    }

    #[inline]
    fn call<T>(&self, shard: &mut Shard, namespace: u32, op: impl FnOnce(&mut Guest) -> Answer<T>) -> Result<T> {
        let answer = shard.call(&self.namespaces, namespace, op);
        if let Err(e) = &answer
            && e.kind() == ErrorKind::Trap
        {
            self.count_failure(namespace, ErrorKind::Trap);
        }
        answer
    }

    /// As [`call`](Self::call), for operations that may be repeated: a trap is answered with one more try.
    #[inline]
    fn call_again<T>(&self, shard: &mut Shard, namespace: u32, op: impl Fn(&mut Guest) -> Answer<T>) -> Result<T> {
        match self.call(shard, namespace, &op) {
            Err(e) if e.kind() == ErrorKind::Trap => self.call(shard, namespace, op),
            answer => answer,
        }
    }
}

impl Observer for Inner {
    fn now(&self) -> u64 {
        self.clock.now()
    }

    fn changed(&self, hash: u64) {
        if let Some(store) = self.store.as_ref().filter(|store| store.bans() == hash) {
            return self.load_bans(store);
        }
        lock(self.shard(hash)).mark_outdated(hash);
    }

    fn cleared(&self, namespace: Option<u64>) {
        let id = namespace.map(|hash| self.namespaces.by_hash(hash));
        if id == Some(None) {
            return;
        }
        let id = id.flatten();
        if let Some(store) = self.store.as_ref().filter(|_| id.is_none()) {
            self.load_bans(store);
        }
        for shard in &self.shards {
            // A guest that cannot clear is replaced by an empty one, which comes to the same.
            let _ = self.on_shard(shard, id.unwrap_or(0), |g| {
                g.larder.larder_cache_cache().cache().call_clear(&mut g.store, g.cache, id)
            });
        }
    }
}

impl Judge for Inner {
    fn judge(&self, candidates: &[Candidate], needed: u64) -> Vec<usize> {
        let summaries: Vec<_> = candidates
            .iter()
            .map(|c| api::Summary { size: c.size, version: c.version, accessed: c.accessed, gone: c.gone })
            .collect();
        let now = self.clock.now();
        let judged = self.call_again(&mut lock(&self.shards[0]), 0, |g| {
            g.larder.larder_cache_cache().cache().call_judge(&mut g.store, g.cache, &summaries, needed, now).map(Ok)
        });
        match judged {
            Ok(places) => places.into_iter().map(|place| place as usize).collect(),
            // Without a judge those go that were written first.
            Err(_) => {
                let mut order: Vec<usize> = (0..candidates.len()).collect();
                order.sort_by_key(|place| candidates[*place].version);
                let spares_the_living = self.spares_the_living();
                let mut freed = 0;
                order.retain(|place| {
                    let candidate = &candidates[*place];
                    let goes = match spares_the_living {
                        true => candidate.gone.is_some_and(|gone| gone <= now),
                        false => freed < needed,
                    };
                    freed += candidate.size;
                    goes
                });
                order
            }
        }
    }

    fn spares_the_living(&self) -> bool {
        self.spares_the_living.load(Ordering::Relaxed)
    }

    fn prepare(&self, store: &Store) {
        self.note_reads(store);
    }

    fn evicted(&self, store: &Store, entries: &[Location], cause: Cause) {
        let now = self.clock.now();
        for at in entries {
            let id = self.namespaces.by_hash(at.line.namespace).or_else(|| self.learn_namespace(store, at));
            // Whose record cannot be read any more has no name to be counted under.
            let Some(id) = id else { continue };
            self.count_more(id, |counters| match cause {
                _ if at.line.gone <= now => counters.expired += 1,
                Cause::Size => counters.evicted_store_bytes += 1,
                Cause::Entries => counters.evicted_store_entries += 1,
            });
        }
    }
}

/// Whether a namespace is one in which the cache keeps states of its own.
pub(crate) fn is_own(name: &str) -> bool {
    [pools::NAMESPACE, prefetch::QUEUES, prefetch::MODELS].contains(&name)
}

/// Refuses the names of namespaces in which states are kept.
///
/// # Errors
/// `InvalidArgument` for one of them.
fn refuse_reserved(name: &str) -> Result<()> {
    match is_own(name) {
        true => {
            Err(Error::invalid(format!("in the namespace {name} the cache keeps what is its own; use another name")))
        }
        false => Ok(()),
    }
}

#[inline]
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
