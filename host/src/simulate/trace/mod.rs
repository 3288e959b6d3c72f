//! Reading traces, however they are written and compressed, in batches and in bounded memory.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `source` | the bytes: files, standard input, gzip and zstd |
//! | `zstd` | frames of zstd, one after the other |
//! | `guess` | which format it is |
//! | `lines` | lines of bounded length, and numbers in them |
//! | `text` | formats made of lines |
//! | `binary` | libCacheSim's records |
//! | `recorded` | what a live cache recorded |

mod binary;
mod guess;
mod lines;
mod recorded;
mod source;
mod text;
mod zstd;

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::Serialize;

use crate::error::{Error, ErrorKind, Result};
use binary::Records;
use lines::Lines;
use recorded::Recorded;
pub(super) use source::Input;
use text::{Arc as ArcTrace, Keys, Lirs, Text};

/// The largest size that a request may have, in bytes.
const MAX_SIZE: u32 = (1 << 31) - 1;

/// How a trace is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Format {
    /// Guessed from the file's name and its first 64 KiB.
    #[default]
    Auto,
    /// A request a line, `key` or `key,size`. What follows the last comma is the size; what precedes it is the key, any
    /// bytes but a line feed. Blank lines are no requests. Also what a cache records.
    Text,
    /// A request a line, all of it the key.
    Keys,
    /// libCacheSim's oracleGeneral: records of 24 bytes, little endian: time (4), key (8), size (4), next access (8).
    OracleGeneral,
    /// The ARC paper's: `start count ignored request-number`, a request for each of `count` blocks from `start` on.
    Arc,
    /// The LIRS paper's: a block number a line; blank lines and lines of `*` are no requests.
    Lirs,
}

impl Format {
    /// Every format, in the order of the documentation.
    pub const ALL: [Self; 6] = [Self::Auto, Self::Text, Self::Keys, Self::OracleGeneral, Self::Arc, Self::Lirs];

    /// The name used on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Text => "text",
            Self::Keys => "keys",
            Self::OracleGeneral => "oracle-general",
            Self::Arc => "arc",
            Self::Lirs => "lirs",
        }
    }
}

/// What becomes of broken lines and records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum OnError {
    /// The first one ends the run.
    #[default]
    Stop,
    /// They are left out and counted.
    Skip,
}

/// A request: a number that stands for the key, and a size in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Request {
    key: u64,
    size: u32,
}

/// Some requests in order.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    keys: Vec<u64>,
    sizes: Vec<u32>,
    is_sized: bool,
}

impl Batch {
    /// An empty one with room for so many.
    pub fn with_capacity(requests: usize) -> Self {
        Self { keys: Vec::with_capacity(requests), sizes: Vec::with_capacity(requests), is_sized: false }
    }

    /// Numbers that stand for the keys: hashes of 64 bits, or block numbers.
    pub fn keys(&self) -> &[u64] {
        &self.keys
    }

    /// A size for each key, in bytes, up to 2³¹ − 1; 1 where the trace says none.
    pub fn sizes(&self) -> &[u32] {
        &self.sizes
    }

    /// Whether any size is another one than 1.
    pub fn is_sized(&self) -> bool {
        self.is_sized
    }

    /// Makes it empty.
    pub fn clear(&mut self) {
        self.keys.clear();
        self.sizes.clear();
        self.is_sized = false;
    }

    /// Adds a request for a key that a number stands for, with a size in bytes; sizes above 2³¹ − 1 count as that.
    #[inline]
    pub fn push(&mut self, key: u64, size: u32) {
        self.keys.push(key);
        self.sizes.push(size.min(MAX_SIZE));
        self.is_sized |= size != 1;
    }
}

/// Why there is no next request.
#[derive(Debug)]
enum Fault {
    /// This line or record is broken; the next one may be whole.
    Broken(Place, String),
    /// Nothing more can be read.
    Source(io::Error),
}

/// Where something is broken, counted from 1.
#[derive(Debug, Clone, Copy)]
enum Place {
    Line(u64),
    Record(u64),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Line(number) => write!(f, "line {number}"),
            Self::Record(number) => write!(f, "record {number}"),
        }
    }
}

/// A reader of one format. After `Broken` it goes on with the line or record behind.
enum Reader {
    Text(Text),
    Recorded(Recorded),
    Keys(Keys),
    OracleGeneral(Records),
    Arc(ArcTrace),
    Lirs(Lirs),
}

impl Reader {
    #[inline]
    fn next(&mut self) -> std::result::Result<Option<Request>, Fault> {
        match self {
            Self::Text(text) => text.next(),
            Self::Recorded(recorded) => recorded.next(),
            Self::Keys(keys) => keys.next(),
            Self::OracleGeneral(records) => records.next(),
            Self::Arc(arc) => arc.next(),
            Self::Lirs(lirs) => lirs.next(),
        }
    }
}

/// A trace that is being read. Memory stays below a megabyte, and what decompression needs: 128 MiB at most.
///
/// ```
/// use larder::simulate::{Batch, Format, OnError, Trace};
///
/// # fn main() -> larder::Result<()> {
/// # let directory = tempfile::tempdir().expect("a directory");
/// # let file = directory.path().join("trace.txt");
/// std::fs::write(&file, "a,100\nb,200\na,100\n").expect("a file");
/// let mut trace = Trace::open(&file, Format::Auto, OnError::Stop)?;
/// let mut batch = Batch::default();
/// assert!(trace.read(&mut batch, 1000)?);
/// assert_eq!(batch.keys()[0], batch.keys()[2]);
/// assert_eq!(batch.sizes(), [100, 200, 100]);
/// # Ok(())
/// # }
/// ```
pub struct Trace {
    shown: String,
    format: Format,
    reader: Reader,
    on_error: OnError,
    skipped: u64,
    requests: u64,
    bytes_read: Arc<AtomicU64>,
}

impl Trace {
    /// Opens a file; `-` is standard input.
    ///
    /// # Errors
    /// `Trace` when it cannot be opened, or is compressed and damaged.
    pub fn open(path: impl AsRef<Path>, format: Format, on_error: OnError) -> Result<Self> {
        Input::once(path.as_ref()).open(format, on_error)
    }

    fn new(path: &Path, raw: impl io::Read + Send + 'static, format: Format, on_error: OnError) -> Result<Self> {
        let shown = if path == Path::new("-") { "standard input".into() } else { path.display().to_string() };
        let bytes_read = Arc::new(AtomicU64::new(0));
        let opened = source::decompressed(raw, bytes_read.clone()).and_then(|mut bytes| {
            let head = source::head(&mut bytes)?;
            Ok((head, bytes))
        });
        let (head, bytes) = opened.map_err(|e| unreadable(&shown, &e))?;
        let is_recorded = recorded::is_recorded(&head);
        if !is_recorded && head.starts_with(recorded::MAGIC) && matches!(format, Format::Auto | Format::Text) {
            let message = format!("{shown} was recorded by a newer version of Larder; replay it with that one");
            return Err(Error::new(ErrorKind::NewerFormat, message));
        }
        let format = match format {
            Format::Auto => guess::guess(path, &head),
            given => given,
        };
        let bytes = source::joined(head, bytes);
        let reader = match format {
            Format::Auto | Format::Text if is_recorded => Reader::Recorded(Recorded::new(Lines::new(bytes))),
            Format::Auto | Format::Text => Reader::Text(Text::new(Lines::new(bytes))),
            Format::Keys => Reader::Keys(Keys::new(Lines::new(bytes))),
            Format::OracleGeneral => Reader::OracleGeneral(Records::new(bytes)),
            Format::Arc => Reader::Arc(ArcTrace::new(Lines::new(bytes))),
            Format::Lirs => Reader::Lirs(Lirs::new(Lines::new(bytes))),
        };
        tracing::info!("{shown} is read as {}", if is_recorded { "a recording" } else { format.name() });
        Ok(Self { shown, format, reader, on_error, skipped: 0, requests: 0, bytes_read })
    }

    /// Adds requests to a batch until it has `limit`, or until the end. False when none are left.
    ///
    /// # Errors
    /// `Trace` for a broken line, unless these are left out, for bytes that cannot be read or decompressed, and at the
    /// end of a trace without a single request.
    pub fn read(&mut self, batch: &mut Batch, limit: usize) -> Result<bool> {
        while batch.keys.len() < limit {
            match self.reader.next() {
                Ok(Some(request)) => {
                    self.requests += 1;
                    batch.push(request.key, request.size);
                }
                Ok(None) => break,
                Err(Fault::Broken(..)) if self.on_error == OnError::Skip => self.skipped += 1,
                Err(Fault::Broken(place, what)) => {
                    return Err(Error::new(ErrorKind::Trace, format!("{}, {place}: {what}", self.shown)));
                }
                Err(Fault::Source(e)) => return Err(unreadable(&self.shown, &e)),
            }
        }
        if self.requests == 0 && batch.keys.is_empty() {
            let broken = match self.skipped {
                0 => String::new(),
                skipped => format!("; {skipped} broken ones were left out"),
            };
            let message = format!("{} has no requests{broken}; check the file and --format", self.shown);
            return Err(Error::new(ErrorKind::Trace, message));
        }
        Ok(!batch.keys.is_empty())
    }

    /// The format that is read.
    pub fn format(&self) -> Format {
        self.format
    }

    /// Lines or records that were left out because they are broken.
    pub fn skipped(&self) -> u64 {
        self.skipped
    }

    /// Bytes of the file that were read so far, as they lie on disk.
    pub fn bytes_read(&self) -> u64 {
        self.bytes_read.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trace").field("file", &self.shown).field("format", &self.format).finish_non_exhaustive()
    }
}

fn unreadable(shown: &str, e: &io::Error) -> Error {
    let what = match e.kind() {
        io::ErrorKind::UnexpectedEof => "it ends in the middle: the compressed file is cut off".to_owned(),
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => {
            format!("it is compressed, and damaged or not of a kind that is known here ({e})")
        }
        _ => e.to_string(),
    };
    Error::new(ErrorKind::Trace, format!("could not read {shown}: {what}"))
}
