//! A segment: one file of frames behind a header of 32 bytes.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use xxhash_rust::xxh3::xxh3_64;

use super::frame::{ALIGN, Frame, HEADER, RECORD_HEADER, record_len};
use super::layout::{FORMAT_VERSION, Layout, SEGMENT_MAGIC as MAGIC, Superblock};
use super::sealed::Line;
use crate::error::{Error, ErrorKind, Result};
use crate::hash::KeyHasher;
use crate::storage::{File, Look, Mode, Storage};

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
    superblock: Superblock,
    path: PathBuf,
    storage: Arc<dyn Storage>,
    mode: Mode,
    file: OnceLock<Box<dyn File>>,
}

impl Segment {
    /// Names a segment of a store without touching it.
    pub(crate) fn new(layout: &Layout, number: u32, superblock: &Superblock) -> Self {
        let seed = superblock.id ^ u64::from(number).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let (path, storage) = (layout.segment(number), layout.storage().clone());
        Self { number, seed, superblock: superblock.clone(), path, storage, mode: layout.mode(), file: OnceLock::new() }
    }

    /// Creates the file, which must not be there yet, and makes it last.
    pub(crate) fn create(layout: &Layout, number: u32, superblock: &Superblock) -> Result<Self> {
        let segment = Self::new(layout, number, superblock);
        let file = layout.storage().open(&segment.path, Mode::CreateNew);
        let file = file.map_err(|e| Error::io("create", &segment.path, e))?;
        let _ = segment.file.set(file);
        let written = segment.write_header().and_then(|()| segment.file()?.sync());
        written.map_err(|e| Error::io("write", &segment.path, e))?;
        layout.sync_directory(&layout.segments())?;
        Ok(segment)
    }

    pub(crate) fn write_header(&self) -> io::Result<()> {
        self.file()?.write_all_at(&header(self.number, self.superblock.id), 0)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn file(&self) -> io::Result<&dyn File> {
        if let Some(file) = self.file.get() {
            return Ok(&**file);
        }
        // For writing too where that is allowed: the active segment of one opening is appended to by a later one.
        let opened = match self.storage.open(&self.path, self.mode) {
            Err(e) if matches!(e.kind(), io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem) => {
                self.storage.open(&self.path, Mode::Read)
            }
            other => other,
        }?;
        Ok(&**self.file.get_or_init(|| opened))
    }

    pub(crate) fn len(&self) -> io::Result<u64> {
        Ok(self.look()?.len)
    }

    /// The file's length and whether it still has its name.
    #[inline]
    pub(crate) fn look(&self) -> io::Result<Look> {
        self.file()?.look()
    }

    /// The segment that a seal in this one leads to: the next, and no other.
    pub(crate) fn successor(&self, seal: &Frame) -> Option<u32> {
        self.number.checked_add(1).filter(|next| seal.hash == u64::from(*next))
    }

    /// Reads `len` bytes at `offset`.
    pub(crate) fn read(&self, offset: u64, len: usize) -> io::Result<Vec<u8>> {
        // What an index claims is not allocated before the file is known to have it.
        if len > WINDOW && self.len()? < offset + len as u64 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut bytes = vec![0; len];
        self.file()?.read_exact_at(&mut bytes, offset)?;
        Ok(bytes)
    }

    /// Whether the header is this segment's.
    pub(crate) fn check_header(&self) -> Result<()> {
        let found = match self.read(0, FIRST as usize) {
            Ok(found) => found,
            Err(e) if e.kind() == io::ErrorKind::UnexpectedEof => Vec::new(),
            Err(e) => return Err(Error::io("read", &self.path, e)),
        };
        if found == header(self.number, self.superblock.id) {
            return Ok(());
        }
        let shown = self.path.display();
        // Every format's header ends with its checksum: without it, the version means nothing.
        let checked = found.split_last_chunk().is_some_and(|(rest, sum)| *sum == xxh3_64(rest).to_le_bytes());
        if checked
            && found.first_chunk() == Some(MAGIC)
            && found.get(4..8).and_then(|v| v.try_into().ok()).map(u32::from_le_bytes) > Some(FORMAT_VERSION)
        {
            return Err(Error::new(
                ErrorKind::NewerFormat,
                format!("{shown} was written by a newer larder; use that version, or another directory with --dir"),
            ));
        }
        Err(Error::new(ErrorKind::Corrupt, format!("{shown} does not begin like a segment of this store")))
    }

    /// Visits the whole frames from `from` to `to`, both of which lie at frame boundaries or the end of the file, until
    /// `visit` answers false. With `skip`, what is no frame is skipped; otherwise it ends the walk. Of a frame that is there
    /// twice one is visited.
    pub(crate) fn walk(
        &self,
        from: u64,
        to: u64,
        mut visit: impl FnMut(u64, &Frame) -> io::Result<bool>,
        skip: bool,
    ) -> io::Result<Walk> {
        let mut window = Window { segment: self, start: 0, bytes: Vec::new(), end: to };
        let mut walk = Walk { end: from, gaps: Vec::new(), salvaged: Vec::new() };
        let mut last = None;
        let mut at = from;
        while at + HEADER as u64 <= to {
            let frame = match Frame::decode(window.at(at)?, self.seed, at) {
                Some(frame) => frame,
                None if !skip => break,
                None => match self.salvage(at, to)? {
                    Some(frame) => {
                        walk.salvaged.push((at, frame));
                        frame
                    }
                    None => match self.resync(&mut window, at + ALIGN, to)? {
                        Some(next) => {
                            walk.gaps.push((at, next));
                            at = next;
                            continue;
                        }
                        None => break,
                    },
                },
            };
            let end = at + frame.size();
            // The last frame is still being written, or was never finished.
            if end > to || (last != Some(frame) && !visit(at, &frame)?) {
                break;
            }
            last = (frame.kind.is_mark() && last != Some(frame)).then_some(frame);
            at = end;
            walk.end = at;
        }
        Ok(walk)
    }

    /// The frame whose damaged header is at `at`, so that no older version of its entry is uncovered: with one bit put right, or
    /// as its record tells it. In any case its checksum has to match.
    fn salvage(&self, at: u64, to: u64) -> io::Result<Option<Frame>> {
        let header = self.read(at, HEADER)?;
        let mut frame = Frame::decode_but_for_a_bit(&header, self.seed, at);
        let start = at + HEADER as u64;
        if frame.is_none()
            && start + RECORD_HEADER as u64 <= to
            && let Some(len) = record_len(&self.read(start, RECORD_HEADER)?).filter(|len| start + len <= to)
        {
            let record = self.read(start, len as usize)?;
            let hasher = KeyHasher::new(&self.superblock.hash_key);
            frame = Frame::of_record(&record, &header, &hasher)
                .filter(|frame| frame.header(self.seed, at)[48..] == header[48..]);
        }
        Ok(frame.filter(|frame| at + frame.size() <= to))
    }

    /// The next place from `at` on where a frame begins.
    fn resync(&self, window: &mut Window<'_>, mut at: u64, to: u64) -> io::Result<Option<u64>> {
        while at + HEADER as u64 <= to {
            if Frame::decode(window.at(at)?, self.seed, at).is_some_and(|frame| at + frame.size() <= to) {
                return Ok(Some(at));
            }
            at += ALIGN;
        }
        Ok(None)
    }
}

/// How a walk ended.
#[derive(Debug)]
pub(crate) struct Walk {
    /// Behind the last whole frame.
    pub(crate) end: u64,
    /// From where to where no frame is.
    pub(crate) gaps: Vec<(u64, u64)>,
    /// Frames whose header is damaged, as their records say they were, and where they begin.
    pub(crate) salvaged: Vec<(u64, Frame)>,
}

impl Walk {
    /// Places with damage.
    pub(crate) fn damaged(&self) -> u64 {
        (self.gaps.len() + self.salvaged.len()) as u64
    }
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
    /// Up to where this process knows it to survive power loss.
    pub(crate) synced: u64,
    /// Whether its name is known to survive power loss.
    pub(crate) name_synced: bool,
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
            synced: 0,
            name_synced: false,
        }
    }

    pub(crate) fn end(&self) -> u64 {
        self.end
    }

    pub(crate) fn position(&self) -> Position {
        Position { segment: self.segment.number, offset: self.end }
    }
}
