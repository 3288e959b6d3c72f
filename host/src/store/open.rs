//! Opening a store, and emptying one that cannot be opened.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex, RwLock};

use super::frame::Kind;
use super::index::Index;
use super::layout::{Layout, Superblock, sync_directory};
use super::lock::LockFile;
use super::sealed::{Line, Sealed};
use super::segment::{FIRST, Position, Segment, Tail};
use super::{Options, Store, Writer};
use crate::error::{Error, ErrorKind, Result};
use crate::hash::KeyHasher;

/// How often opening starts anew because a segment was dropped by another process meanwhile.
const TRIES: u32 = 16;

impl Store {
    /// Opens the store in a directory, and makes one there if the directory is new or empty.
    pub(crate) fn open(root: &Path, options: Options) -> Result<Self> {
        let layout = Layout::new(root);
        layout.ensure_directory()?;
        // Before anything is created: a directory that is not ours stays as it is.
        let there = layout.read_superblock()?;
        let lock = match layout.open_lock() {
            Ok(file) => Some(LockFile::new(file)),
            Err(e) if matches!(e.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => None,
            Err(e) => return Err(Error::io("open", &layout.lock(), e)),
        };
        let superblock = match there {
            Some(superblock) => superblock,
            None => make(&layout, lock.as_ref(), &options)?,
        };
        let loaded = load(&layout, &superblock)?;
        Ok(Self {
            root: root.to_owned(),
            options,
            hasher: KeyHasher::new(&superblock.hash_key),
            superblock,
            followed: AtomicU64::new(loaded.tail.end),
            read_only: AtomicBool::new(lock.is_none()),
            damaged: AtomicU64::new(loaded.damaged),
            synced: Mutex::new(Position::default()),
            writer: Mutex::new(Writer {
                lock,
                tail: loaded.tail,
                sequence: loaded.sequence,
                sealed_bytes: loaded.sealed_bytes,
            }),
            index: RwLock::new(loaded.index),
        })
    }

    /// Makes a new, empty store in place of one that is damaged beyond opening. Refuses a directory that is not ours.
    pub(crate) fn wipe(root: &Path, options: &Options) -> Result<()> {
        let layout = Layout::new(root);
        layout.ensure_directory()?;
        if let Err(e) = layout.read_superblock()
            && (e.kind() == ErrorKind::NewerFormat || !layout.looks_like_ours()?)
        {
            return Err(e);
        }
        let lock = layout.open_lock().map_err(|e| Error::io("open", &layout.lock(), e)).map(LockFile::new)?;
        lock.acquire(options.lock_timeout)?;
        let segments = layout.segments();
        let removed = match fs::remove_dir_all(&segments) {
            Err(e) if e.kind() == io::ErrorKind::NotADirectory => fs::remove_file(&segments),
            removed => removed,
        };
        let emptied = match removed {
            Err(e) if e.kind() != io::ErrorKind::NotFound => Err(Error::io("remove", &segments, e)),
            _ => Superblock::draw().and_then(|fresh| start(&layout, &fresh)),
        };
        lock.release();
        emptied
    }
}

/// Makes the store, unless another process did so while this one waited for the lock.
fn make(layout: &Layout, lock: Option<&LockFile>, options: &Options) -> Result<Superblock> {
    let Some(lock) = lock else {
        let message = format!("{} cannot be written; use another directory with --dir", layout.root().display());
        return Err(Error::new(ErrorKind::Directory, message));
    };
    lock.acquire(options.lock_timeout)?;
    let made = match layout.read_superblock() {
        Ok(None) => Superblock::draw().and_then(|fresh| start(layout, &fresh).map(|()| fresh)),
        Ok(Some(there)) => Ok(there),
        Err(e) => Err(e),
    };
    lock.release();
    made
}

/// The first segment, then the superblock: with it, the store is there.
fn start(layout: &Layout, superblock: &Superblock) -> Result<()> {
    layout.make_segments()?;
    for number in layout.list()? {
        let path = layout.segment(number);
        if fs::metadata(&path).map_or(0, |meta| meta.len()) > FIRST {
            let message = format!(
                "{} has lost {}, without which what it holds cannot be found; `larder clear` makes a new, empty store",
                layout.root().display(),
                layout.superblock().display()
            );
            return Err(Error::new(ErrorKind::Corrupt, message));
        }
        fs::remove_file(&path).map_err(|e| Error::io("remove", &path, e))?;
    }
    Segment::create(1, superblock.id, layout.segment(1))?;
    layout.write_superblock(superblock)?;
    sync_directory(&layout.segments())?;
    sync_directory(layout.root())
}

/// What a directory's files say.
pub(super) struct Loaded {
    pub(super) index: Index,
    pub(super) tail: Tail,
    pub(super) sequence: u64,
    pub(super) sealed_bytes: u64,
    pub(super) damaged: u64,
}

pub(super) fn load(layout: &Layout, superblock: &Superblock) -> Result<Loaded> {
    let mut tries = 0;
    loop {
        tries += 1;
        match try_load(layout, superblock) {
            Err(e) if is_not_found(&e) && tries < TRIES => {}
            other => return other,
        }
    }
}

fn is_not_found(e: &Error) -> bool {
    let source = std::error::Error::source(e).and_then(|s| s.downcast_ref::<io::Error>());
    source.is_some_and(|e| e.kind() == io::ErrorKind::NotFound)
}

fn try_load(layout: &Layout, superblock: &Superblock) -> Result<Loaded> {
    let numbers = layout.list()?;
    let Some((&active, full)) = numbers.split_last() else {
        let message = format!("{} holds no segments; `larder clear` makes a new, empty store", layout.root().display());
        return Err(Error::new(ErrorKind::Corrupt, message));
    };
    let mut loaded = Loaded {
        index: Index::default(),
        tail: Tail::new(Arc::new(Segment::new(active, superblock.id, layout.segment(active)))),
        sequence: 0,
        sealed_bytes: 0,
        damaged: 0,
    };
    for &number in full {
        let segment = Arc::new(Segment::new(number, superblock.id, layout.segment(number)));
        let (sealed, bytes) = load_sealed(layout, superblock, &segment, &mut loaded.damaged)?;
        loaded.sequence = loaded.sequence.max(sealed.last_sequence);
        loaded.sealed_bytes += bytes;
        loaded.index.add_cold(segment, sealed);
    }
    load_tail(superblock, &mut loaded)?;
    Ok(loaded)
}

/// The index of a full segment, and how many bytes both take.
fn load_sealed(
    layout: &Layout,
    superblock: &Superblock,
    segment: &Arc<Segment>,
    damaged: &mut u64,
) -> Result<(Sealed, u64)> {
    let path = segment.path();
    let len = fs::metadata(path).map_err(|e| Error::io("look at", path, e))?.len();
    let index = layout.sealed(segment.number);
    if let Some(sealed) = Sealed::open(segment.number, &index, segment.seed, len) {
        return Ok((sealed, len + fs::metadata(&index).map_or(0, |meta| meta.len())));
    }
    tracing::info!("the index of segment {} is missing or damaged and is made again", segment.number);
    let read = Contents::read(superblock, segment, len)?;
    *damaged += read.damaged;
    read.write_index(&index, segment, len);
    let sealed = Sealed::from_lines(segment.number, &read.lines, read.clears, read.last_sequence);
    Ok((sealed, len + fs::metadata(&index).map_or(0, |meta| meta.len())))
}

fn load_tail(superblock: &Superblock, loaded: &mut Loaded) -> Result<()> {
    let segment = loaded.tail.segment.clone();
    let len = segment.len().map_err(|e| Error::io("open", segment.path(), e))?;
    let read = Contents::read(superblock, &segment, len)?;
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
        segment,
        end: read.end,
        looked: len,
        lines: read.lines,
        clears: read.clears,
        sealed: read.sealed,
        has_sync: read.has_sync,
    };
    Ok(())
}

/// What a segment's frames say.
pub(super) struct Contents {
    pub(super) lines: Vec<Line>,
    pub(super) clears: Vec<(u64, u64)>,
    pub(super) sealed: Option<u32>,
    pub(super) has_sync: bool,
    pub(super) last_sequence: u64,
    pub(super) end: u64,
    pub(super) damaged: u64,
}

impl Contents {
    /// Writes the sorted index. Where that is not possible, whoever opens the store next makes it again.
    pub(super) fn write_index(&self, path: &Path, segment: &Segment, len: u64) {
        let written = Sealed::write(path, segment.seed, len, &self.lines, &self.clears, self.last_sequence);
        if let Err(e) = written {
            tracing::debug!("the index was made in memory only: {e}");
        }
    }

    pub(super) fn read(superblock: &Superblock, segment: &Segment, len: u64) -> Result<Self> {
        let mut read = Self {
            lines: Vec::new(),
            clears: Vec::new(),
            sealed: None,
            has_sync: false,
            last_sequence: 0,
            end: FIRST,
            damaged: 0,
        };
        if let Err(e) = segment.check_header(superblock.id) {
            // A newer format is refused as a whole. A damaged header loses only itself: frames carry their own proof.
            if e.kind() != ErrorKind::Corrupt {
                return Err(e);
            }
            tracing::warn!("{e}");
            read.damaged += 1;
        }
        let walk = segment.walk(FIRST.min(len), len, |offset, frame| {
            read.last_sequence = read.last_sequence.max(frame.sequence);
            read.has_sync |= frame.sync;
            match frame.kind {
                Kind::Record | Kind::Tombstone => read.lines.push(super::follow::line(offset, frame)),
                Kind::Clear => read.clears.push((frame.namespace, frame.sequence)),
                Kind::Seal => read.sealed = Some(frame.hash as u32),
                Kind::Dropped => {}
            }
        });
        let walk = walk.map_err(|e| Error::io("read", segment.path(), e))?;
        read.end = walk.end.max(FIRST);
        read.damaged += walk.damaged;
        Ok(read)
    }
}
