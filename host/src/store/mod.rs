//! The store: a log of segments in a directory that many processes share.
//!
//! Frames are appended to the active segment under an exclusive file lock; reads take no lock. A process notices what
//! others appended by the active segment's length and follows the tail. Only the oldest segment is ever dropped, after
//! what is worth keeping of it was appended again: so nothing deleted or overwritten can come back. `docs/design.md`
//! gives the formats byte by byte.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `layout` | names, the superblock, whose directory this is |
//! | `frame` | one frame of the log |
//! | `segment` | one file of frames: create, append, read, walk |
//! | `sealed` | the sorted index beside a full segment |
//! | `index` | where the newest record of every key is |
//! | `lock`, `lease` | the lock of writers, with a time-out; who computes a key |
//! | `open`, `follow`, `append`, `reclaim` | what a store does |
//! | `full` | when new entries are refused |
//! | `isolated` | a store of one process alone |
//! | `accesses` | when entries were last read |
//! | `statistics`, `advice` | counters and estimates that outlive processes |
//!
//! Locks are taken in this order: lock file, writer, shard (in `cache`), index.

mod accesses;
mod advice;
mod append;
mod follow;
mod frame;
mod full;
mod index;
mod isolated;
mod layout;
mod lease;
mod lock;
mod open;
mod read;
mod reclaim;
mod sealed;
mod segment;
mod statistics;
mod verify;

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::time::Duration;

pub use advice::{Advice, Estimate};
pub(crate) use append::{Claim, Put, SyncPoint, Transaction};
pub(crate) use index::Location;
pub(crate) use isolated::Isolated;
pub(crate) use layout::Layout;
pub(crate) use lease::Claimant;
pub use lease::Lease;
pub(crate) use reclaim::{Candidate, Cause, Judge};
pub use statistics::{Counters, Lifetime};
pub use verify::Verification;

use crate::hash::KeyHasher;
use crate::storage::SharedNumber;
use accesses::Accesses;
use index::Index;
use layout::Superblock;
use lock::{LockFile, Locked};
use sealed::Line;
use segment::Tail;

/// How a store is set up.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Bytes on disk.
    pub(crate) max_size: u64,
    /// Entries on disk.
    pub(crate) max_entries: Option<u64>,
    /// The longest record that is read, in bytes.
    pub(crate) max_record: u64,
    /// How long to wait for the lock.
    pub(crate) lock_timeout: Duration,
    /// Whether writers lock at all.
    pub(crate) locking: bool,
    /// Whether no other process uses the store.
    pub(crate) alone: bool,
    /// Whether nothing may be written.
    pub(crate) read_only: bool,
    /// Up to so many entries, the policy's order decides what goes exactly; beyond, a sample stands for all.
    pub(crate) exact_entries: u64,
}

impl Options {
    /// Bytes after which a segment is full: a sixty-fourth of the cap, so that dropping one is a small step; at most 8 MiB,
    /// because whoever opens the store reads the active one; more in a store so large that there would be too many.
    fn segment_size(&self) -> u64 {
        (self.max_size / 64).clamp(256 << 10, 8 << 20).max(self.max_size / 1024).min(64 << 20)
    }
}

impl Options {
    /// Bytes up to which the log fills: below the cap by what lies beside it, and by what reclaiming takes besides a
    /// segment (its index, tombstones).
    fn usable_size(&self) -> u64 {
        self.max_size - self.segment_size() / 4 * 3 - 2 * self.accesses_size()
    }

    /// Namespaces whose counters are kept apart: as many as take no more than the notes on accesses do.
    fn counted_namespaces(&self) -> usize {
        ((self.accesses_size() / statistics::NAMESPACE_SIZE) as usize).min(statistics::MAX_NAMESPACES)
    }

    /// Bytes of records that are appended at once: little enough that making room for them drives out no more than they
    /// need, and that nobody waits long.
    fn batch_size(&self) -> u64 {
        (self.segment_size() / 4).min(1 << 20)
    }

    /// Bytes that the notes on accesses may take.
    fn accesses_size(&self) -> u64 {
        self.max_size / 64
    }

    /// Entries that may be deleted in one step of reclaiming: what that takes on disk is a quarter of a segment.
    fn tombstones_at_once(&self) -> usize {
        self.segment_size() as usize / 4 / 160
    }
}

/// What a store tells its owner while it follows the log.
pub(crate) trait Observer {
    /// The time, Unix milliseconds: when what is new was written, to within a moment.
    fn now(&self) -> u64;
    /// The entry under this hash was written or deleted by another process.
    fn changed(&self, hash: u64);
    /// Another process emptied a namespace (by hash), or all.
    fn cleared(&self, namespace: Option<u64>);
}

/// Figures about a store. Sizes in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Figures {
    pub(crate) entries: u64,
    pub(crate) live_bytes: u64,
    pub(crate) disk_bytes: u64,
    pub(crate) segments: u64,
    pub(crate) damaged: u64,
}

pub(crate) struct Store {
    layout: Layout,
    options: Options,
    superblock: Superblock,
    hasher: KeyHasher,
    /// The hash of the entry that holds the bans, which is never given up.
    bans: u64,
    /// The hash of the namespace of what is known of pools, which is never given up either.
    pools: u64,
    /// Had before `writer` by whoever writes. `None` when the directory cannot be written.
    lock: Option<LockFile>,
    writer: Mutex<Writer>,
    index: RwLock<Index>,
    /// Up to where the active segment is known; beyond it are other processes' frames.
    followed: AtomicU64,
    /// How many frames all processes wrote; `None` where only the log itself tells.
    writes: Option<Box<dyn SharedNumber>>,
    /// The number of frames after which the log was last found to hold nothing new.
    seen: AtomicU64,
    /// When the log itself was last looked at, Unix milliseconds.
    looked: AtomicU64,
    /// Set after a failed write: nothing more is written until the store is opened again.
    read_only: AtomicBool,
    /// Frames that could not be used.
    damaged: AtomicU64,
    /// Whether a damaged index was met and left as it was.
    unmended: AtomicBool,
    /// Serialises fsync, so that one serves all who wait for it.
    synced: Mutex<segment::Position>,
    accesses: Accesses,
    /// Removes the directory when the store is closed, if it is this process's own.
    _isolated: Option<Isolated>,
}

/// What is known of the end of the log.
struct Writer {
    tail: Tail,
    /// The highest sequence number seen.
    sequence: u64,
    /// The frames of the write that failed, and where: found in the log after all, they are no news.
    failed: Vec<(segment::Position, frame::Frame)>,
    /// Bytes of all files but the active segment.
    sealed_bytes: u64,
    /// What was found alive when the store was full last.
    living: Option<full::Living>,
}

impl Store {
    pub(crate) fn hasher(&self) -> &KeyHasher {
        &self.hasher
    }

    /// The hash of the entry that holds the bans.
    pub(crate) fn bans(&self) -> u64 {
        self.bans
    }

    /// Whether an entry is never given up for lack of space.
    fn is_kept(&self, line: &Line) -> bool {
        line.hash == self.bans || line.namespace == self.pools
    }

    pub(crate) fn root(&self) -> &Path {
        self.layout.root()
    }

    /// Bytes that a batch may take in the log; none where each entry has to be looked at by itself, because they are
    /// counted.
    pub(crate) fn batch_size(&self) -> u64 {
        if self.options.max_entries.is_some() { 0 } else { self.options.batch_size() }
    }

    /// Entries that may be deleted as one batch.
    pub(crate) fn deletions_at_once(&self) -> usize {
        self.options.tombstones_at_once()
    }

    /// Whether writes are refused until the store is opened again.
    pub(crate) fn is_read_only(&self) -> bool {
        self.read_only.load(Ordering::Relaxed)
    }

    pub(crate) fn figures(&self, observer: &dyn Observer, now: u64) -> crate::Result<Figures> {
        self.refresh(observer, now)?;
        self.warm()?;
        let writer = self.writer();
        let index = self.index();
        let (entries, live_bytes) = index.live(now);
        let entries = entries - u64::from(index.holds(self.bans));
        Ok(Figures {
            entries,
            live_bytes,
            disk_bytes: writer.sealed_bytes + writer.tail.end(),
            segments: index.segments() as u64,
            damaged: self.damaged.load(Ordering::Relaxed),
        })
    }

    /// The lock of writers.
    fn lock(&self, timeout: Duration) -> crate::Result<Locked<'_>> {
        let lock = self.lock.as_ref().filter(|_| !self.is_read_only());
        lock.ok_or_else(|| self.refuse_writes())?.acquire(timeout)
    }

    // A panic elsewhere must not take the cache down with it: what these locks guard is valid at every step.
    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn index(&self) -> RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn index_mut(&self) -> RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}
