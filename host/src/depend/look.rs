//! Looking at files: one stat each, and the content only of regular files.
//!
//! A file whose size and modification time are the same may be another all the same if it was modified within the same tick
//! of the file system's clock; git calls that racy. So a file that was modified less than [`RACY`] before it was looked at, or in
//! what is still the future, is told by its content too.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustix::fs::OFlags;

use super::stamp::Hash;

/// How long after its modification a file can be changed without that showing. FAT counts in steps of two seconds.
const RACY: Duration = Duration::from_secs(2);

const PIECE: usize = 64 << 10;

/// Bytes that are read beyond the size that a file has at first: nobody follows one that grows without end.
const GROWTH: u64 = 1 << 20;

/// A point in time as file systems have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment {
    /// Unix seconds; negative before 1970.
    pub(super) seconds: i64,
    pub(super) nanoseconds: u32,
}

impl Moment {
    /// From here on, modifications may be racy for who looks now.
    pub(super) fn racy() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().saturating_sub(RACY);
        Self { seconds: since.as_secs() as i64, nanoseconds: since.subsec_nanos() }
    }

    pub(super) fn to_bytes(self) -> [u8; 12] {
        let mut bytes = [0; 12];
        bytes[..8].copy_from_slice(&self.seconds.to_le_bytes());
        bytes[8..].copy_from_slice(&self.nanoseconds.to_le_bytes());
        bytes
    }

    pub(super) fn from_bytes(bytes: [u8; 12]) -> Self {
        let [a, b, c, d, e, f, g, h, nanoseconds @ ..] = bytes;
        Self { seconds: i64::from_le_bytes([a, b, c, d, e, f, g, h]), nanoseconds: u32::from_le_bytes(nanoseconds) }
    }
}

/// What one stat says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen {
    /// Bytes.
    pub(super) size: u64,
    pub(super) modified: Moment,
}

/// What is under a path, links followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    Absent,
    File(Seen),
    /// Something that is never opened, and what it is called.
    Other(&'static str),
}

/// Looks, and counts how often.
#[derive(Debug, Default)]
pub(crate) struct Eye {
    stats: AtomicU64,
}

impl Eye {
    /// How many files were looked at.
    pub(crate) fn stats(&self) -> u64 {
        self.stats.load(Ordering::Relaxed)
    }

    /// Looks at a path, with one stat.
    pub(super) fn look(&self, path: &Path) -> io::Result<Found> {
        self.stats.fetch_add(1, Ordering::Relaxed);
        match fs::metadata(path) {
            Ok(metadata) => Ok(found(&metadata)),
            // Below a file there is nothing either.
            Err(e) if matches!(e.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(Found::Absent),
            Err(e) => Err(e),
        }
    }
}

fn found(metadata: &fs::Metadata) -> Found {
    let kind = metadata.file_type();
    if kind.is_file() {
        let modified = Moment { seconds: metadata.mtime(), nanoseconds: metadata.mtime_nsec() as u32 };
        return Found::File(Seen { size: metadata.size(), modified });
    }
    Found::Other(match kind {
        kind if kind.is_dir() => "a directory",
        kind if kind.is_fifo() => "a named pipe",
        kind if kind.is_socket() => "a socket",
        _ => "a device",
    })
}

/// The BLAKE3 hash of a regular file's content. Look first: opening has effects on what is no file.
pub(super) fn content(path: &Path) -> io::Result<Hash> {
    let mut hasher = blake3::Hasher::new();
    let file = open(path)?;
    let mut rest = (&file).take(file.metadata()?.len().saturating_add(GROWTH));
    let mut buffer = vec![0; PIECE];
    loop {
        match rest.read(&mut buffer) {
            Ok(0) => return Ok(*hasher.finalize().as_bytes()),
            Ok(len) => hasher.update(&buffer[..len]),
            Err(e) if e.kind() == io::ErrorKind::Interrupted => continue,
            Err(e) => return Err(e),
        };
    }
}

/// Opens a regular file. Something else may have taken its place since it was looked at: a pipe must not block.
fn open(path: &Path) -> io::Result<File> {
    let flags = OFlags::NONBLOCK | OFlags::NOCTTY;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::other("it is no file any more")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_in_place_of_a_file_does_not_block() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = directory.path().join("pipe");
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).expect("a pipe");
        assert_eq!(Eye::default().look(&path).expect("looked at"), Found::Other("a named pipe"));
        assert!(content(&path).is_err());
    }

    #[test]
    fn moments_are_ordered_and_keep_their_bytes() {
        let moments = [(-2, 5), (-1, 0), (0, 999_999_999), (1, 0)];
        let moments = moments.map(|(seconds, nanoseconds)| Moment { seconds, nanoseconds });
        assert!(moments.is_sorted());
        moments.iter().for_each(|moment| assert_eq!(Moment::from_bytes(moment.to_bytes()), *moment));
    }
}
