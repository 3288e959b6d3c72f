//! Opening a store, mending it after the machine went down, and emptying one that cannot be opened.
//!
//! While the machine is up, what a process wrote is there, synced or not, however the process ended. When it went down
//! meanwhile, only what was synced is sure: full segments, and of the active one the part up to the last fsync. So the first to
//! open the store after a start of the machine reads the active segment to its first flaw and cuts off the rest: what
//! comes back is what was written up to some moment, without a hole.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, RwLock};

use super::accesses::Accesses;
use super::frame::{Frame, Kind, payload_is_whole};
use super::index::Index;
use super::isolated::Isolated;
use super::layout::{Layout, Superblock};
use super::lock::LockFile;
use super::sealed::{Line, Sealed};
use super::segment::{FIRST, Position, Segment, Tail};
use super::{Options, Store, Writer};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::KeyHasher;
use crate::storage::Mode;

/// How often opening starts anew because a segment was dropped by another process meanwhile.
const TRIES: u32 = 16;

impl Store {
    /// Opens the store in a directory, and makes one there if the directory is new or empty.
    pub(crate) fn open(layout: Layout, options: Options, isolated: Option<Isolated>) -> Result<Self> {
        layout.ensure_directory(!options.read_only)?;
        // Before anything is created: a directory that is not ours stays as it is.
        let there = layout.read_superblock()?;
        let lock = open_lock(&layout, &options)?;
        let superblock = match there {
            Some(superblock) => superblock,
            None => make(&layout, lock.as_ref(), &options)?,
        };
        layout.check_segments()?;
        let trust = if_same_boot(&layout, lock.as_ref());
        let trust = match (&lock, trust) {
            (Some(lock), Trust::Synced) => mend(&layout, lock, &superblock, &options)?,
            (_, trust) => trust,
        };
        let loaded = load(&layout, &superblock, &options, trust)?;
        let can_write = lock.is_some() && !options.read_only;
        let writes = lock.as_ref().and_then(LockFile::writes).filter(|_| !options.alone && options.locking);
        if !options.locking && !options.alone && can_write {
            tracing::warn!(
                "locking is off: if another process writes to {} too, entries of both will be lost",
                layout.root().display()
            );
        }
        let hasher = KeyHasher::new(&superblock.hash_key);
        Ok(Self {
            bans: crate::bans::hash(&hasher),
            pools: hasher.namespace(crate::cache::pools::NAMESPACE),
            hasher,
            superblock,
            // Behind a seal there is more to come, in a file whose length nobody looks at yet.
            followed: AtomicU64::new(if loaded.tail.sealed.is_some() { 0 } else { loaded.tail.end }),
            writes,
            // Learnt with the first operation: the log may have grown since it was loaded.
            seen: AtomicU64::new(u64::MAX),
            looked: AtomicU64::new(0),
            read_only: AtomicBool::new(!can_write),
            damaged: AtomicU64::new(loaded.damaged),
            unmended: AtomicBool::new(false),
            synced: Mutex::new(Position::default()),
            lock,
            writer: Mutex::new(Writer {
                tail: loaded.tail,
                sequence: loaded.sequence,
                failed: Vec::new(),
                sealed_bytes: loaded.sealed_bytes,
                living: None,
            }),
            index: RwLock::new(loaded.index),
            accesses: Accesses::default(),
            layout,
            options,
            _isolated: isolated,
        })
    }

    /// Makes a new, empty store in place of one that is damaged beyond opening. Refuses a directory that is not ours.
    pub(crate) fn wipe(layout: &Layout, options: &Options) -> Result<()> {
        layout.ensure_directory(true)?;
        if let Err(e) = layout.read_superblock()
            && (e.kind() == ErrorKind::NewerFormat || !layout.looks_like_ours()?)
        {
            return Err(e);
        }
        let lock = LockFile::new(layout.open(&layout.lock(), Mode::Create)?, options.locking);
        let _locked = lock.acquire(options.lock_timeout)?;
        let segments = layout.segments();
        let removed = match layout.storage().remove_directory(&segments) {
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => layout.storage().remove(&segments),
            removed => removed,
        };
        let emptied = match removed {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", &segments, e)),
            _ => Superblock::draw().and_then(|fresh| start(layout, &fresh)),
        };
        // Whoever has the old store open looks again.
        if let Some(writes) = lock.writes() {
            // To the next even number: nobody is writing when this is done.
            while !writes.increase().is_multiple_of(2) {}
        }
        emptied
    }
}

/// The lock file; `None` where nothing can or may be written.
fn open_lock(layout: &Layout, options: &Options) -> Result<Option<LockFile>> {
    let path = layout.lock();
    let mode = if options.read_only { Mode::Read } else { Mode::Create };
    match layout.storage().open(&path, mode) {
        Ok(file) => Ok(Some(LockFile::new(file, options.locking && !options.read_only && !options.alone))),
        Err(e) if options.read_only && e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) if matches!(e.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => Ok(None),
        Err(e) => Err(Error::io("open", &path, e)),
    }
}

/// Makes the store, unless another process did so while this one waited for the lock.
fn make(layout: &Layout, lock: Option<&LockFile>, options: &Options) -> Result<Superblock> {
    let shown = layout.root().display();
    let Some(lock) = lock.filter(|_| !options.read_only) else {
        let message = format!("there is no store in {shown}, and none may be made; use another directory with --dir");
        return Err(Error::new(ErrorKind::Directory, message).with(io::Error::from(io::ErrorKind::NotFound)));
    };
    let _locked = lock.acquire(options.lock_timeout)?;
    match layout.read_superblock()? {
        None => Superblock::draw().and_then(|fresh| start(layout, &fresh).map(|()| fresh)),
        Some(there) => Ok(there),
    }
}

/// How far what is on disk can be relied on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// All that was written: the machine has been up since.
    Written,
    /// Only what was synced.
    Synced,
}

fn if_same_boot(layout: &Layout, lock: Option<&LockFile>) -> Trust {
    let noted = lock.and_then(LockFile::boot);
    // Where boots cannot be told apart, each opening might be the first.
    if noted.is_some() && noted == layout.storage().boot() { Trust::Written } else { Trust::Synced }
}

/// Cuts off the active segment what the machine may have lost parts of, makes the rest last, and notes that this was done.
fn mend(layout: &Layout, lock: &LockFile, superblock: &Superblock, options: &Options) -> Result<Trust> {
    if options.read_only {
        return Ok(Trust::Synced);
    }
    let _locked = match lock.acquire(options.lock_timeout) {
        Ok(locked) => locked,
        Err(e) => {
            tracing::warn!("the store may be in need of mending: {e}");
            return Ok(Trust::Synced);
        }
    };
    check_formats(layout, superblock)?;
    let mended = match if_same_boot(layout, Some(lock)) {
        // Another process did, while this one waited.
        Trust::Written => Ok(()),
        Trust::Synced => mend_locked(layout, superblock),
    };
    if mended.is_ok()
        && let Some(boot) = layout.storage().boot()
    {
        lock.note_boot(&boot);
    }
    match mended {
        Ok(()) => Ok(Trust::Written),
        Err(e) if e.kind() == ErrorKind::NewerFormat => Err(e),
        // A disk that cannot be written to can still be read from.
        Err(e) => {
            tracing::warn!("the store could not be mended: {e}");
            Ok(Trust::Synced)
        }
    }
}

/// Segments are dropped from the oldest on, so that those below a gap are ones whose removal a power loss undid.
fn without_undone(mut numbers: Vec<u32>) -> Vec<u32> {
    let gap = numbers.windows(2).rposition(|pair| pair[0] + 1 != pair[1]);
    numbers.split_off(gap.map_or(0, |before| before + 1))
}

/// Refuses a store in which a segment is of a newer format, before anything in it is changed.
fn check_formats(layout: &Layout, superblock: &Superblock) -> Result<()> {
    for number in layout.list()? {
        match Segment::new(layout, number, superblock).check_header() {
            Err(e) if e.kind() == ErrorKind::NewerFormat => return Err(e),
            _ => {}
        }
    }
    Ok(())
}

fn mend_locked(layout: &Layout, superblock: &Superblock) -> Result<()> {
    let numbers = without_undone(layout.list()?);
    let Some(&active) = numbers.last() else { return Ok(()) };
    for path in layout.paths(&layout.segments()) {
        let number = path.file_stem().and_then(|stem| stem.to_str()?.parse::<u32>().ok());
        // Their removal was not made to last, or they are the index of a segment that is not full any more.
        let is_index = path.extension().is_some_and(|e| e == "idx");
        if number.is_some_and(|n| n < numbers[0] || is_index && n >= active) {
            layout.remove(&path)?;
        }
    }
    let segment = Segment::new(layout, active, superblock);
    let failed = |what: &'static str| move |e| Error::io(what, &layout.segment(active), e);
    let len = segment.len().map_err(failed("open"))?;
    let read = Contents::read(&segment, len, Trust::Synced)?;
    if !read.has_header {
        segment.write_header().map_err(failed("write"))?;
    }
    if read.end < len {
        tracing::warn!(
            "{} bytes that were not synced when the machine went down are cut off {}",
            len - read.end,
            segment.path().display()
        );
        segment.file().and_then(|file| file.set_len(read.end)).map_err(failed("shorten"))?;
    }
    // Again, in case that a sync failed: the kernel may take for saved what it could not save.
    let whole = segment.read(0, read.end as usize).map_err(failed("read"))?;
    segment.file().and_then(|file| file.write_all_at(&whole, 0)).map_err(failed("write"))?;
    segment.file().and_then(|file| file.sync()).map_err(failed("sync"))?;
    layout.sync_directory(&layout.segments())?;
    // Whoever made the store may not have come to it.
    layout.sync_directory(layout.root())
}

/// The first segment, then the superblock: with it, the store is there.
fn start(layout: &Layout, superblock: &Superblock) -> Result<()> {
    layout.make_segments()?;
    for number in layout.list()? {
        let path = layout.segment(number);
        if layout.storage().look(&path).map_or(0, |found| found.len) > FIRST {
            let message = format!(
                "{} has lost {}, without which what it holds cannot be found; `larder clear` makes a new, empty store",
                layout.root().display(),
                layout.superblock().display()
            );
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        layout.remove(&path)?;
    }
    Segment::create(layout, 1, superblock)?;
    layout.sync_directory(layout.root())?;
    layout.write_superblock(superblock)?;
    layout.sync_directory(layout.root())
}

/// What a directory's files say.
pub(super) struct Loaded {
    pub(super) index: Index,
    pub(super) tail: Tail,
    pub(super) sequence: u64,
    pub(super) sealed_bytes: u64,
    pub(super) damaged: u64,
}

pub(super) fn load(layout: &Layout, superblock: &Superblock, options: &Options, trust: Trust) -> Result<Loaded> {
    let mut tries = 0;
    loop {
        tries += 1;
        match try_load(layout, superblock, options, trust) {
            Err(e) if is_not_found(&e) && tries < TRIES => {}
            other => return other,
        }
    }
}

fn is_not_found(e: &Error) -> bool {
    let source = std::error::Error::source(e).and_then(|s| s.downcast_ref::<io::Error>());
    source.is_some_and(|e| e.kind() == io::ErrorKind::NotFound)
}

fn try_load(layout: &Layout, superblock: &Superblock, options: &Options, trust: Trust) -> Result<Loaded> {
    let numbers = match trust {
        Trust::Written => layout.list()?,
        Trust::Synced => without_undone(layout.list()?),
    };
    let Some((&active, full)) = numbers.split_last() else {
        let message = format!("{} holds no segments; `larder clear` makes a new, empty store", layout.root().display());
        return Err(Error::new(ErrorKind::Corrupt, message));
    };
    let mut loaded = Loaded {
        index: Index::default(),
        tail: Tail::new(Arc::new(Segment::new(layout, active, superblock))),
        sequence: 0,
        sealed_bytes: 0,
        damaged: 0,
    };
    let mut sizes = Vec::with_capacity(full.len());
    for &number in full {
        let segment = Arc::new(Segment::new(layout, number, superblock));
        let (sealed, bytes) = load_sealed(layout, &segment, !options.read_only, &mut loaded.damaged)?;
        loaded.sequence = loaded.sequence.max(sealed.last_sequence);
        loaded.sealed_bytes += bytes;
        loaded.index.add_cold(segment, sealed);
        sizes.push((number, bytes));
    }
    // Listed above, and dropped by another process since.
    let dropped = load_tail(&mut loaded, trust)?;
    let last = dropped.iter().max().copied().unwrap_or(0);
    loaded.index.drop_until(last);
    loaded.sealed_bytes -= sizes.iter().filter(|(number, _)| *number <= last).map(|(_, bytes)| bytes).sum::<u64>();
    Ok(loaded)
}

/// The index of a full segment, and how many bytes both take.
fn load_sealed(layout: &Layout, segment: &Arc<Segment>, keep: bool, damaged: &mut u64) -> Result<(Sealed, u64)> {
    let len = layout.look(segment.path())?.len;
    let index_len = || layout.storage().look(&layout.sealed(segment.number)).map_or(0, |found| found.len);
    if let Some(sealed) = Sealed::open(layout, segment, len) {
        return Ok((sealed, len + index_len()));
    }
    tracing::info!("the index of segment {} is missing or damaged and is made again", segment.number);
    let read = Contents::read(segment, len, Trust::Written)?;
    *damaged += read.damaged;
    if keep {
        read.write_index(layout, segment, len);
    }
    let sealed = Sealed::from_lines(segment.number, &read.lines, read.clears, read.last_sequence);
    Ok((sealed, len + index_len()))
}

/// The active segment; answers which segments it says were dropped.
fn load_tail(loaded: &mut Loaded, trust: Trust) -> Result<Vec<u32>> {
    let segment = loaded.tail.segment.clone();
    let len = segment.len().map_err(|e| Error::io("open", segment.path(), e))?;
    let read = Contents::read(&segment, len, trust)?;
    loaded.index.add_segment(segment.clone());
    for line in &read.lines {
        loaded.index.insert(segment.number, *line, 0);
    }
    for &(namespace, sequence) in &read.clears {
        loaded.index.clear(namespace, sequence);
    }
    loaded.sequence = loaded.sequence.max(read.last_sequence);
    loaded.damaged += read.damaged;
    loaded.tail = Tail {
        end: read.end,
        looked: len,
        lines: read.lines,
        clears: read.clears,
        sealed: read.sealed,
        ..Tail::new(segment)
    };
    Ok(read.dropped)
}

/// What a segment's frames say.
pub(super) struct Contents {
    pub(super) lines: Vec<Line>,
    pub(super) clears: Vec<(u64, u64)>,
    pub(super) sealed: Option<u32>,
    pub(super) dropped: Vec<u32>,
    pub(super) last_sequence: u64,
    pub(super) end: u64,
    pub(super) damaged: u64,
    pub(super) has_header: bool,
    pub(super) gaps: Vec<(u64, u64)>,
    pub(super) salvaged: Vec<(u64, Frame)>,
}

impl Contents {
    /// Writes the sorted index. Where that is not possible, whoever opens the store next makes it again.
    pub(super) fn write_index(&self, layout: &Layout, segment: &Segment, len: u64) {
        let written = Sealed::write(layout, segment, len, &self.lines, &self.clears, self.last_sequence);
        if let Err(e) = written {
            tracing::debug!("the index was made in memory only: {e}");
        }
    }

    /// Reads the first `len` bytes of a segment. When only what was synced can be relied on, the first flaw ends it;
    /// otherwise a flaw is skipped.
    pub(super) fn read(segment: &Segment, len: u64, trust: Trust) -> Result<Self> {
        let mut read = Self {
            lines: Vec::new(),
            clears: Vec::new(),
            sealed: None,
            dropped: Vec::new(),
            last_sequence: 0,
            end: FIRST,
            damaged: 0,
            has_header: true,
            gaps: Vec::new(),
            salvaged: Vec::new(),
        };
        if let Err(e) = segment.check_header() {
            // A newer format is refused as a whole. A damaged header loses only itself: frames carry their own proof.
            if e.kind() != ErrorKind::Corrupt {
                return Err(e);
            }
            tracing::warn!("{e}");
            read.damaged += 1;
            read.has_header = false;
        }
        let failed = |e| Error::io("read", segment.path(), e);
        let walk = segment.walk(
            FIRST.min(len),
            len,
            |offset, frame| {
                if trust == Trust::Synced && frame.kind == Kind::Record {
                    let payload = segment.read(offset + super::frame::HEADER as u64, frame.len as usize)?;
                    if !payload_is_whole(&payload) {
                        return Ok(false);
                    }
                }
                read.last_sequence = read.last_sequence.max(frame.sequence);
                match frame.kind {
                    Kind::Record | Kind::Tombstone => read.lines.push(super::follow::line(offset, frame)),
                    Kind::Clear => read.clears.push((frame.namespace, frame.sequence)),
                    Kind::Seal => read.sealed = segment.successor(frame),
                    Kind::Dropped => read.dropped.push(frame.hash as u32),
                    Kind::Void => {}
                }
                Ok(true)
            },
            trust == Trust::Written,
        );
        let walk = walk.map_err(failed)?;
        read.end = walk.end.max(FIRST);
        read.damaged += walk.damaged();
        (read.gaps, read.salvaged) = (walk.gaps, walk.salvaged);
        Ok(read)
    }
}
