//! The bytes of a trace: a file or standard input, decompressed by what they begin with, whatever the file is called.

use std::fs::File;
use std::io::{self, BufReader, Cursor, Read, Seek, SeekFrom, stdin};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::zstd::Frames;
use super::{Format, OnError, Trace};
use crate::error::{Error, ErrorKind, Result};

/// Bytes asked for at once.
const BUFFER: usize = 256 << 10;

/// Bytes that are looked at to guess a format.
const HEAD: usize = 64 << 10;

pub(super) type Bytes = Box<dyn Read + Send>;

/// A trace that can be opened.
pub(in super::super) enum Input {
    /// A file, or `-`.
    Path(PathBuf),
    /// What came from standard input or a pipe, in a temporary file.
    Kept(PathBuf, File),
}

impl Input {
    /// To be read once.
    pub(in super::super) fn once(path: &Path) -> Self {
        Self::Path(path.to_owned())
    }

    /// To be read more than once: what is no file is copied to a temporary one.
    pub(in super::super) fn repeatable(path: &Path) -> Result<Self> {
        let failed = |e| failed(path, &e);
        let is_stdin = path == Path::new("-");
        if !is_stdin && !std::fs::metadata(path).is_ok_and(|meta| is_pipe(&meta)) {
            return Ok(Self::once(path));
        }
        let mut kept = tempfile::tempfile().map_err(failed)?;
        if is_stdin {
            io::copy(&mut stdin().lock(), &mut kept).map_err(failed)?;
        } else {
            io::copy(&mut File::open(path).map_err(failed)?, &mut kept).map_err(failed)?;
        }
        Ok(Self::Kept(path.to_owned(), kept))
    }

    pub(in super::super) fn open(&self, format: Format, on_error: OnError) -> Result<Trace> {
        match self {
            Self::Path(path) if path == Path::new("-") => Trace::new(path, stdin(), format, on_error),
            Self::Path(path) => {
                let file = File::open(path).map_err(|e| failed(path, &e))?;
                Trace::new(path, file, format, on_error)
            }
            Self::Kept(path, kept) => {
                let mut file = kept.try_clone().map_err(|e| failed(path, &e))?;
                file.seek(SeekFrom::Start(0)).map_err(|e| failed(path, &e))?;
                Trace::new(path, file, format, on_error)
            }
        }
    }
}

fn failed(path: &Path, e: &io::Error) -> Error {
    Error::new(ErrorKind::Trace, format!("could not read {}: {e}", path.display()))
}

fn is_pipe(meta: &std::fs::Metadata) -> bool {
    !meta.is_file() && !meta.is_dir()
}

/// A source that counts what is read from it.
struct Counted<R> {
    source: R,
    count: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.count.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

/// The bytes as they were before they were compressed. Counts those on disk.
pub(super) fn decompressed(source: impl Read + Send + 'static, count: Arc<AtomicU64>) -> io::Result<Bytes> {
    let mut source = Counted { source, count };
    let mut magic = Vec::new();
    source.by_ref().take(4).read_to_end(&mut magic)?;
    let kind = magic.clone();
    let whole = BufReader::with_capacity(BUFFER, Cursor::new(magic).chain(source));
    Ok(match *kind {
        [0x1F, 0x8B, ..] => Box::new(MultiGzDecoder::new(whole)),
        // A frame, or one that decoders skip.
        [0x28, 0xB5, 0x2F, 0xFD] | [0x50..=0x5F, 0x2A, 0x4D, 0x18] => Box::new(Frames::new(whole)),
        _ => Box::new(whole),
    })
}

/// The first bytes.
pub(super) fn head(bytes: &mut Bytes) -> io::Result<Vec<u8>> {
    let mut head = Vec::new();
    bytes.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

/// The first bytes and what follows them.
pub(super) fn joined(head: Vec<u8>, rest: Bytes) -> BufReader<Bytes> {
    BufReader::with_capacity(BUFFER, Box::new(Cursor::new(head).chain(rest)))
}
