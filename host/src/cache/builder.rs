//! Setting a cache up.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use super::background::{Cleaner, Reliever};
use super::options::{Defaults, Durability};
use super::record::Recorder;
use super::{Cache, Clock, Inner, SPARES_THE_LIVING};
use crate::bans::Bans;
use crate::component::bindings::{api, types};
use crate::component::{Loaded, Room};
use crate::depend::{Checker, RefreshMode, Watch};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::{KeyHasher, random};
use crate::namespace::Namespaces;
use crate::shard::Shard;
use crate::storage::{Files, Storage};
use crate::store::{Isolated, Layout, Options, Store};
use crate::testing::Hooks;
use crate::workers::Workers;

/// Memory that a guest may use beyond its share of the cache's, for its own structures and for one value on its way.
const GUEST_SLACK: u64 = 32 << 20;

/// Bytes that a guest may hand to the host besides one value: names and fields, a page of a scan.
const ANSWER_SLACK: usize = 4 << 20;

/// Bytes of a record besides its body, at most: names, fields, header, checksums.
const MAX_NAMES: u64 = (1 << 20) + (1 << 17);

/// How record bodies are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Codec {
    /// Not at all.
    None,
    /// DEFLATE: small.
    #[default]
    Deflate,
    /// LZ4: fast.
    Lz4,
    /// What pays for values of their namespace and content type, by what was measured lately.
    Auto,
}

/// How processes use one directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Strategy {
    /// All share one store, and each sees at once what the others write.
    #[default]
    Shared,
    /// Each has a store of its own in the directory, which is removed when its cache is closed; those of processes that
    /// were killed are removed by whoever opens the directory so next.
    ProcessIsolated,
    /// No store: entries live in memory only, and nothing in the directory is touched.
    Memory,
    /// What others store can be read and nothing is written: entries set here live in this process's memory.
    ReadOnly,
}

/// How typed values are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Format {
    /// JSON, content type `application/json`.
    #[default]
    Json,
    /// Postcard, a compact binary format; content type `application/vnd.larder.postcard`.
    Postcard,
}

/// Sets a cache up; made by [`Cache::builder`]. What is not set has the default that is named there.
#[derive(Debug, Clone)]
pub struct Builder {
    directory: Option<PathBuf>,
    namespace: String,
    max_memory: u64,
    max_memory_entries: Option<u32>,
    max_entry_size: u32,
    max_key_size: u32,
    max_size: u64,
    max_entries: Option<u64>,
    policy: String,
    objective: String,
    codec: Codec,
    compression_threshold: u32,
    compression_level: u8,
    cold_tier: bool,
    advice: bool,
    learn: bool,
    learn_memory: u64,
    defaults: Defaults,
    durability: Durability,
    shards: Option<usize>,
    lock_timeout: Duration,
    strategy: Strategy,
    locking: bool,
    exact_entries: u64,
    cleanup_interval: Option<Duration>,
    refresh_workers: usize,
    statistics: bool,
    record: Option<PathBuf>,
    refresh_mode: RefreshMode,
    depends_memo: Duration,
    watch: bool,
    storage: Arc<dyn Storage>,
    pub(super) format: Format,
    clock: Clock,
    seed: Option<u64>,
    guest_memory: Option<u64>,
    memory_pressure: bool,
    hooks: Hooks,
}

impl Default for Builder {
    fn default() -> Self {
        Self {
            directory: None,
            namespace: "default".into(),
            max_memory: 64 << 20,
            max_memory_entries: None,
            max_entry_size: 64 << 20,
            max_key_size: 65_535,
            max_size: 500_000_000,
            max_entries: None,
            policy: "adaptive".into(),
            objective: "balanced".into(),
            codec: Codec::Deflate,
            compression_threshold: 1024,
            compression_level: 6,
            cold_tier: false,
            advice: false,
            learn: false,
            learn_memory: 1 << 20,
            defaults: Defaults::default(),
            durability: Durability::Process,
            shards: None,
            lock_timeout: Duration::from_secs(5),
            strategy: Strategy::Shared,
            locking: true,
            exact_entries: 100_000,
            cleanup_interval: Some(Duration::from_secs(300)),
            refresh_workers: 4,
            statistics: true,
            record: None,
            refresh_mode: RefreshMode::Auto,
            depends_memo: Duration::ZERO,
            watch: false,
            storage: Arc::new(Files),
            format: Format::Json,
            clock: Clock::System,
            seed: None,
            memory_pressure: false,
            guest_memory: None,
            hooks: Hooks::default(),
        }
    }
}

macro_rules! setters {
    ($($(#[$doc:meta])* $name:ident: $type:ty => $value:expr;)*) => {
        $($(#[$doc])* pub fn $name(mut self, $name: $type) -> Self { self.$name = $value; self })*
    };
}

impl Builder {
    setters! {
        /// The directory of the store. Default: none, the cache lives in memory only.
        directory: impl AsRef<Path> => Some(directory.as_ref().to_owned());
        /// The namespace of the handle that [`open`](Self::open) returns, 1 to 255 bytes. Default `default`.
        namespace: impl Into<String> => namespace.into();
        /// Bytes of entries in memory, metadata and 128 bytes of overhead an entry included. Default 64 MiB.
        max_memory: u64 => max_memory;
        /// Entries in memory. Default: no limit beyond `max_memory`.
        max_memory_entries: u32 => Some(max_memory_entries);
        /// Largest value in bytes, at most 1 GiB. Default 64 MiB.
        max_entry_size: u32 => max_entry_size;
        /// Longest key in bytes, 1 to 65,535. Default 65,535.
        max_key_size: u32 => max_key_size;
        /// Bytes on disk. Default 500 MB.
        max_size: u64 => max_size;
        /// Entries on disk. Default: no limit beyond `max_size`.
        max_entries: u64 => Some(max_entries);
        /// Who goes when space is needed: `adaptive` (the default), `lru`, `fifo`, `lfu`, `ttl` (only what is past its time: a
        /// full cache refuses new entries with `Full`), `sieve`, `s3-fifo`, `clock-pro`, `w-tinylfu`, `gdsf` or `predicted`
        /// (whom [`Cache::expect`] says to be least likely asked for).
        policy: impl Into<String> => policy.into();
        /// What a policy that weighs entries against each other tries to maximise: `balanced` (hits and bytes), `objects` (hits),
        /// `bytes`, or `cost` (see [`SetOptions::cost`](crate::SetOptions::cost)). Default `balanced`.
        objective: impl Into<String> => objective.into();
        /// How record bodies are compressed. Default [`Codec::Deflate`].
        codec: Codec => codec;
        /// Values of at least so many bytes are compressed. Default 1,024.
        compression_threshold: u32 => compression_threshold;
        /// DEFLATE level, 1 (fast) to 9 (small). Default 6.
        compression_level: u8 => compression_level;
        /// Whether entries that cool are compressed in memory, to hold more. A thread does it beside the operations; a cache
        /// without a cleanup interval has none and leaves it to [`Cache::maintain`]. Pays where a miss
        /// costs a millisecond and more. Default false.
        cold_tier: bool => cold_tier;
        /// Whether to find out on the way what other policies and sizes of memory would hit, for [`Cache::advice`]. A request then
        /// costs up to some microseconds in a small cache, little in a large one. Default false.
        advice: bool => advice;
        /// Whether [`Cache::predictor`] learns from every read, hit or miss, which key follows which; the reads of a thread are one
        /// session. A read then takes some hundred nanoseconds longer. Default false.
        learn: bool => learn;
        /// Bytes that the predictor of a namespace may take, about, 16 KiB to 256 MiB. Default 1 MiB, which is good for some 3,000
        /// keys.
        learn_memory: u64 => learn_memory;
        /// What entries get when their write does not say otherwise. Default: they do not expire.
        defaults: Defaults => defaults;
        /// How long writes last when they do not say otherwise. Default [`Durability::Process`].
        durability: Durability => durability;
        /// Guests that share the keys, each behind its own lock, 1 to 256. Default: twice the processors, at most 16.
        shards: usize => Some(shards);
        /// How long to wait for other processes that write. Default 5 s.
        lock_timeout: Duration => lock_timeout;
        /// How processes use the directory. Default [`Strategy::Shared`].
        strategy: Strategy => strategy;
        /// Whether writers lock the store. Default true. Without, only one process at a time may write to it: what two
        /// write at once is lost, and perhaps more. For file systems that have no locks.
        locking: bool => locking;
        /// Up to so many entries on disk, those go first that the policy values least, exactly; in a larger store a sample of
        /// 16,384 stands for the rest. Default 100,000.
        exact_entries: u64 => exact_entries;
        /// How often a cache that stays open cleans up by itself: entries past their time, and the disk space they took.
        /// `None` is never. Default every 300 s.
        cleanup_interval: Option<Duration> => cleanup_interval;
        /// Threads that renew stale values in the background, at most, 1 to 256; see
        /// [`Refresh::Background`](crate::Refresh). Default 4.
        refresh_workers: usize => refresh_workers;
        /// Whether what this cache counts is added to the store's statistics, and who was read to the notes on accesses.
        /// Default true.
        statistics: bool => statistics;
        /// A file that requests are appended to, for `larder simulate`; several processes may name the same. Keys are written
        /// as hashes under a secret. Takes some 22 bytes a request, without a bound. What goes wrong with it is logged, and fails no
        /// operation. Default: none.
        record: impl AsRef<Path> => Some(record.as_ref().to_owned());
        /// When it is seen whether what entries depend on has changed. Default [`RefreshMode::Auto`].
        refresh_mode: RefreshMode => refresh_mode;
        /// For how long a dependency that was seen to hold counts as holding without being looked at again. Default zero: every
        /// read looks, so that none answers with what was true before a change. A stat costs about a microsecond; more time than
        /// zero pays where there are many dependencies, patterns, or a slow file system.
        depends_memo: Duration => depends_memo;
        /// Whether to watch what entries depend on in place of looking at it with every read, under [`RefreshMode::Auto`]. A read
        /// may then see the state before a change until the system tells of it, usually within a millisecond. For processes
        /// that live long: what is watched first costs more than one look. Not noticed are changes through a memory mapping or by another machine on a
        /// network file system, and of git's own lists of exceptions (`.git/info/exclude`, `core.excludesFile`); what lies behind
        /// a symbolic link is not watched but looked at. Where the system's limits are reached,
        /// reads look again, and one warning says so. Default false.
        watch: bool => watch;
        /// The file system under the store. Default: the operating system's.
        storage: Arc<dyn Storage> => storage;
        /// How typed values are written. Default [`Format::Json`].
        format: Format => format;
        /// Fixes the seed of the guests' hashes, of jitter and of early refreshes, for tests that must repeat. Default: drawn at random.
        seed: u64 => Some(seed);
        /// Whether the memory tier follows how short memory is for this process's control group and for the system: looked at every
        /// second, it becomes half as large while memory is short, down to a sixteenth of `max_memory`, and grows back when there
        /// is plenty. Linux only; elsewhere nothing is ever short. Default false.
        memory_pressure: bool => memory_pressure;
        /// Bytes of linear memory that each guest may use. Default: twice its share of `max_memory`, because holes between
        /// values of different size take room, four times `max_entry_size` and 32 MiB.
        guest_memory: u64 => Some(guest_memory);
    }

    /// Where the time comes from, in Unix milliseconds, for tests on virtual time. Default: the system's clock.
    pub fn clock(mut self, now: impl Fn() -> u64 + Send + Sync + 'static) -> Self {
        self.clock = Clock::Custom(Arc::new(now));
        self
    }

    pub(crate) fn hooks(mut self, hooks: Hooks) -> Self {
        self.hooks = hooks;
        self
    }

    /// Opens the cache.
    ///
    /// # Errors
    /// `InvalidArgument` for a setting outside its range; `Directory` when the directory cannot be used; `NewerFormat`
    /// or `Corrupt` when the store in it cannot be read; I/O errors.
    pub fn open(self) -> Result<Cache> {
        let shards = self.shards.unwrap_or_else(default_shards);
        if !(1..=256).contains(&shards) {
            return Err(Error::invalid("shards must be between 1 and 256"));
        }
        if self.max_size < 1 << 20 {
            return Err(Error::invalid("max-size must be at least 1 MiB; use a memory-only cache for less"));
        }
        if self.cleanup_interval == Some(Duration::ZERO) {
            return Err(Error::invalid("cleanup-interval must be longer than zero; `never` switches it off"));
        }
        if !(1..=256).contains(&self.refresh_workers) {
            return Err(Error::invalid("refresh-workers must be between 1 and 256"));
        }
        if self.max_entries == Some(0) {
            return Err(Error::invalid("max-entries must be at least 1; leave it out for no limit"));
        }
        let loaded = Loaded::with_hooks(&self.hooks).map_err(Error::trap)?;
        let store = self.open_store()?;
        let hasher = match &store {
            Some(store) => store.hasher().clone(),
            None => KeyHasher::random()?,
        };
        let settings = self.settings(shards, store.is_some())?;
        let recorder = match &self.record {
            Some(path) => Recorder::open(path, store.as_ref().map(Store::hasher))?,
            None => None,
        };
        let memory = self.guest_memory.unwrap_or_else(|| {
            let share = self.max_memory / shards as u64;
            2 * share + 4 * u64::from(self.max_entry_size) + GUEST_SLACK
        });
        let room = Room {
            memory: usize::try_from(memory.min(4 << 30)).unwrap_or(usize::MAX),
            answer: self.max_entry_size as usize + ANSWER_SLACK,
        };
        let bans = Arc::<Bans>::default();
        let shard = |seed: u64| {
            let mut settings = settings.clone();
            settings.push(api::Setting::Seed(seed));
            Mutex::new(Shard::new(loaded.clone(), settings, room, bans.clone()))
        };
        let seed = match self.seed {
            Some(seed) => seed,
            None => u64::from_le_bytes(random()?),
        };
        let dependencies =
            Checker::new(self.refresh_mode, self.depends_memo, self.watch.then(Watch::system), store.is_some());
        let inner = Inner {
            shards: (0..shards as u64).map(|n| shard(seed.wrapping_add(n))).collect(),
            hasher,
            store,
            namespaces: Namespaces::default(),
            defaults: self.defaults.clone(),
            durability: self.durability,
            max_entry_size: self.max_entry_size,
            keeps_statistics: self.statistics,
            advised_memory: self.advice.then_some((self.max_memory, self.max_memory_entries)),
            format: self.format,
            clock: self.clock,
            bans,
            states: super::register::States::default(),
            pools: super::pools::Board::default(),
            learners: super::prefetch::Learners::new(self.learn, self.learn_memory),
            loaded,
            bans_reaped: AtomicU64::new(0),
            memory: AtomicU64::new(self.max_memory),
            max_memory: self.max_memory,
            pressure_root: self.hooks.pressure.clone().unwrap_or_else(|| "/".into()),
            flights: Arc::default(),
            workers: Workers::new(self.refresh_workers),
            random: AtomicU64::new(seed),
            has_negatives: AtomicBool::new(false),
            dependencies,
            degraded: AtomicU64::new(0),
            host_counters: Mutex::default(),
            reported: Mutex::default(),
            saved: Mutex::default(),
            spares_the_living: AtomicBool::new(self.policy == SPARES_THE_LIVING),
            cleaner: OnceLock::new(),
            reliever: OnceLock::new(),
            recorder,
        };
        if let Some(store) = &inner.store {
            inner.load_bans(store);
        }
        super::refuse_reserved(&self.namespace)?;
        let cache = Cache::with_namespace(Arc::new(inner), &self.namespace, None)?.learning()?;
        if let Some(every) = self.cleanup_interval {
            let cools = self.cold_tier && self.codec != Codec::None;
            Cleaner::start(&cache.inner, every, cools);
        }
        if self.memory_pressure {
            Reliever::start(&cache.inner);
        }
        Ok(cache)
    }

    /// Makes the directory hold an empty store again, whatever is wrong with the one in it.
    ///
    /// # Errors
    /// `Directory` when the directory is not ours or holds something else; `InvalidArgument` without a directory.
    pub fn wipe(self) -> Result<()> {
        let Some(dir) = &self.directory else { return Err(Error::invalid("there is no directory to empty")) };
        match self.strategy {
            Strategy::Shared => {}
            Strategy::ReadOnly => {
                return Err(Error::new(ErrorKind::Store, "the store is opened read-only and cannot be emptied"));
            }
            Strategy::Memory | Strategy::ProcessIsolated => {
                return Err(Error::invalid("only a shared directory can be emptied for good"));
            }
        }
        Store::wipe(&Layout::new(self.storage.clone(), dir), &self.options())
    }

    fn options(&self) -> Options {
        Options {
            max_size: self.max_size,
            max_entries: self.max_entries,
            max_record: u64::from(self.max_entry_size) + MAX_NAMES,
            lock_timeout: self.lock_timeout,
            locking: self.locking,
            alone: self.strategy == Strategy::ProcessIsolated,
            read_only: self.strategy == Strategy::ReadOnly,
            exact_entries: self.exact_entries,
        }
    }

    fn open_store(&self) -> Result<Option<Store>> {
        let Some(dir) = self.directory.as_deref().filter(|_| self.strategy != Strategy::Memory) else {
            return Ok(None);
        };
        let layout = Layout::new(self.storage.clone(), dir);
        if self.strategy == Strategy::ProcessIsolated {
            let (own, isolated) = Isolated::make(&layout)?;
            return Store::open(own, self.options(), Some(isolated)).map(Some);
        }
        let layout = if self.strategy == Strategy::ReadOnly { layout.read_only() } else { layout };
        Store::open(layout, self.options(), None).map(Some)
    }

    fn settings(&self, shards: usize, store: bool) -> Result<Vec<api::Setting>> {
        let share = |total: u64| total / shards as u64;
        let mut settings = vec![
            api::Setting::MaxBytes(share(self.max_memory)),
            api::Setting::MaxEntrySize(self.max_entry_size),
            api::Setting::MaxKeySize(self.max_key_size),
            api::Setting::Policy(self.policy.clone()),
            api::Setting::Objective(self.objective.clone()),
            api::Setting::Codec(match self.codec {
                Codec::None => types::Compression::None,
                Codec::Deflate => types::Compression::Deflate,
                Codec::Lz4 => types::Compression::Lz4,
                Codec::Auto => types::Compression::Auto,
            }),
            api::Setting::CompressionThreshold(self.compression_threshold),
            api::Setting::CompressionLevel(self.compression_level),
            api::Setting::ColdTier(self.cold_tier),
            api::Setting::Advice(self.advice),
            api::Setting::Store(store),
        ];
        if let Some(max) = self.max_memory_entries {
            if (max as usize) < shards {
                return Err(Error::invalid("max-memory-entries must be at least the number of shards"));
            }
            settings.push(api::Setting::MaxEntries(max / shards as u32));
        }
        Ok(settings)
    }
}

fn default_shards() -> usize {
    std::thread::available_parallelism().map_or(2, |n| n.get() * 2).min(16)
}
