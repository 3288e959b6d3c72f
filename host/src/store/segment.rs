//! A segment: one file of frames behind a header of 32 bytes.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use xxhash_rust::xxh3::xxh3_64;

use super::frame::{ALIGN, Frame, HEADER};
use super::layout::{FORMAT_VERSION, SEGMENT_MAGIC as MAGIC, open_regular};
use super::sealed::Line;
use crate::error::{Error, ErrorKind, Result};

/// Where the first frame begins.
pub(crate) const FIRST: u64 = 32;

/// Bytes read at once while walking. Payloads that reach beyond are skipped, not read.
const WINDOW: usize = 256 << 10;

/// A place in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Position {
    pub(crate) segment: u32,
    pub(crate) offset: u64,
}

/// One segment, opened when it is first read.
#[derive(Debug)]
pub(crate) struct Segment {
    pub(crate) number: u32,
    /// Seeds the checksums of its frames.
    pub(crate) seed: u64,
    path: PathBuf,
    file: OnceLock<File>,
}

impl Segment {
    /// Names a segment without touching it.
    pub(crate) fn new(number: u32, store: u64, path: PathBuf) -> Self {
        let seed = store ^ u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self { number, seed, path, file: OnceLock::new() }
    }

    /// Creates the file, which must not be there yet.
    pub(crate) fn create(number: u32, store: u64, path: PathBuf) -> Result<Self> {
        let segment = Self::new(number, store, path);
        let options = OpenOptions::new().read(true).write(true).create_new(true).clone();
        let file = open_regular(&segment.path, &options).map_err(|e| Error::io("create", &segment.path, e))?;
        let _ = segment.file.set(file);
        segment.write_header(store).map_err(|e| Error::io("write", &segment.path, e))?;
        Ok(segment)
    }

    pub(crate) fn write_header(&self, store: u64) -> io::Result<()> {
        self.file()?.write_all_at(&header(self.number, store), 0)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self) -> io::Result<&File> {
        if let Some(file) = self.file.get() {
            return Ok(file);
        }
        // For writing too where that is allowed: the active segment of one opening is appended to by a later one.
        let opened = match open_regular(&self.path, OpenOptions::new().read(true).write(true)) {
            Err(e) if matches!(e.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {
                open_regular(&self.path, OpenOptions::new().read(true))
            }
            other => other,
        }?;
        Ok(self.file.get_or_init(|| opened))
    }

    pub(crate) fn len(&self) -> io::Result<u64> {
        Ok(self.look()?.len)
    }

    /// The file's length and whether it still has its name. One system call, the cheapest there is for it: every
    /// operation of a cache begins with this.
    #[inline]
    pub(crate) fn look(&self) -> io::Result<Look> {
        let stat = rustix::fs::fstat(self.file()?)?;
        Ok(Look { len: stat.st_size as u64, is_there: stat.st_nlink > 0 })
    }

    /// Reads `len` bytes at `offset`.
    pub(crate) fn read(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; len];
        self.file()?.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// Whether the header is this segment's.
    pub(crate) fn check_header(&self, store: u64) -> Result<()> {
        let found = match self.read(0, FIRST as usize) {
            Ok(found) => found,
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Vec::new(),
            Err(e) => return Err(Error::io("read", &self.path, e)),
        };
        if found == header(self.number, store) {
            return Ok(());
        }
        let shown = self.path.display();
        if found.first_chunk() == Some(MAGIC)
            && found.get(4..8).and_then(|v| v.try_into().ok()).map(u32::from_le_bytes) > Some(FORMAT_VERSION)
        {
            return Err(Error::new(
                ErrorKind::NewerFormat,
                format!("{shown} was written by a newer larder; use that version, or another directory with --dir"),
            ));
        }
        Err(Error::new(ErrorKind::Corrupt, format!("{shown} does not begin like a segment of this store")))
    }

    /// Visits the whole frames from `from` to `to`, both of which lie at frame boundaries or the end of the file.
    pub(crate) fn walk(&self, from: u64, to: u64, mut visit: impl FnMut(u64, &Frame)) -> io::Result<Walk> {
        let mut window = Window { segment: self, start: 0, bytes: Vec::new(), end: to };
        let mut walk = Walk { end: from, damaged: 0 };
        let mut at = from;
        while at + HEADER as u64 <= to {
            match Frame::decode(window.at(at)?, self.seed) {
                Some(frame) if at + frame.size() <= to => {
                    visit(at, &frame);
                    at += frame.size();
                    walk.end = at;
                }
                // The last frame is still being written, or was never finished.
                Some(_) => break,
                None => match self.resync(&mut window, at + ALIGN, to)? {
                    Some(next) => {
                        walk.damaged += 1;
                        at = next;
                    }
                    None => break,
                },
            }
        }
        Ok(walk)
    }

    /// The next place from `at` on where a frame begins.
    fn resync(&self, window: &mut Window<'_>, mut at: u64, to: u64) -> io::Result<Option<u64>> {
        while at + HEADER as u64 <= to {
            if Frame::decode(window.at(at)?, self.seed).is_some_and(|frame| at + frame.size() <= to) {
                return Ok(Some(at));
            }
            at += ALIGN;
        }
        Ok(None)
    }
}

/// What the file system says of a segment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) len: u64,
    /// Not so once another process emptied the whole store.
    pub(crate) is_there: bool,
}

/// How a walk ended.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Walk {
    /// Behind the last whole frame.
    pub(crate) end: u64,
    /// Places where frames had to be looked for again.
    pub(crate) damaged: u64,
}

/// A part of the file in memory.
struct Window<'a> {
    segment: &'a Segment,
    start: u64,
    bytes: Vec<u8>,
    end: u64,
}

impl Window<'_> {
    /// The bytes from `at` on: a frame's header at least, if the file has it.
    fn at(&mut self, at: u64) -> io::Result<&[u8]> {
        let inside = at.checked_sub(self.start).map(|skip| skip as usize);
        match inside {
            Some(skip) if skip + HEADER <= self.bytes.len() => Ok(&self.bytes[skip..]),
            _ => {
                let len = (self.end - at).min(WINDOW as u64) as usize;
                self.bytes.resize(len, 0);
                self.segment.file()?.read_exact_at(&mut self.bytes, at)?;
                self.start = at;
                Ok(&self.bytes)
            }
        }
    }
}

fn header(number: u32, store: u64) -> Vec<u8> {
    let mut out = Vec::with_capacity(FIRST as usize);
    out.extend_from_slice(MAGIC);
    out.extend_from_slice(&FORMAT_VERSION.to_le_bytes());
    out.extend_from_slice(&number.to_le_bytes());
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&store.to_le_bytes());
    out.extend_from_slice(&xxh3_64(&out).to_le_bytes());
    out
}

/// The active segment as far as it is known.
#[derive(Debug)]
pub(crate) struct Tail {
    pub(crate) segment: Arc<Segment>,
    /// Behind the last frame that is known.
    pub(crate) end: u64,
    /// The file's length when it was looked at last; more than `end` when a frame is not whole.
    pub(crate) looked: u64,
    /// What the segment's index will hold once it is full, in the order of writing.
    pub(crate) lines: Vec<Line>,
    /// Clears among its frames: namespace and sequence number.
    pub(crate) clears: Vec<(u64, u64)>,
    /// The number of the next segment, once this one is sealed.
    pub(crate) sealed: Option<u32>,
    /// Whether it holds a write that is to survive power loss.
    pub(crate) has_sync: bool,
}

impl Tail {
    pub(crate) fn new(segment: Arc<Segment>) -> Self {
        Self {
            segment,
            end: FIRST,
            looked: FIRST,
            lines: Vec::new(),
            clears: Vec::new(),
            sealed: None,
            has_sync: false,
        }
    }

    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn position(&self) -> Position {
        Position { segment: self.segment.number, offset: self.end }
    }
}
