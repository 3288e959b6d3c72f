//! What is known of a file, and texts that are read as they come.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::component::bindings::exports::larder::cache::keys::Stamp;
use crate::error::{Error, ErrorKind, Result};

/// Size and time of modification of what is at `path`, links followed.
pub(super) fn stamp(path: &Path) -> Result<Stamp> {
    let found = fs::metadata(path).map_err(|e| Error::io("look at", path, e))?;
    // Nanoseconds count forward from the second, also before 1970.
    Ok(Stamp { size: found.len(), seconds: found.mtime(), nanoseconds: found.mtime_nsec() as u32 })
}

/// The BLAKE3 hash of a regular file's content.
pub(super) fn hash(path: &Path) -> Result<Vec<u8>> {
    let failed = |e| Error::io("read", path, e);
    let file = open(path).map_err(failed)?;
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(Error::invalid(format!("{} is no regular file; only those have content", path.display())));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader(file).map_err(failed)?;
    Ok(hasher.finalize().as_bytes().to_vec())
}

/// Opens without waiting for the other end of a FIFO.
fn open(path: &Path) -> io::Result<File> {
    let nonblock = rustix::fs::OFlags::NONBLOCK.bits();
    OpenOptions::new().read(true).custom_flags(nonblock as i32).open(path)
}

/// A text, or of a longer one its length and hash.
pub(super) enum Text {
    Short(Vec<u8>),
    Long(u64, blake3::Hash),
}

/// Reads a text to its end; one of more than `limit` bytes is hashed.
pub(super) fn text(mut reader: impl Read, limit: u64) -> Result<Text> {
    let failed = |e: io::Error| Error::new(ErrorKind::Io, format!("could not read the text: {e}")).with(e);
    let mut beginning = Vec::new();
    // Far above the largest limit that the component takes, far below what a wrong one would allocate.
    let most = limit.min(1 << 20) + 1;
    (&mut reader).take(most).read_to_end(&mut beginning).map_err(failed)?;
    if (beginning.len() as u64) < most {
        return Ok(Text::Short(beginning));
    }
    let mut hasher = blake3::Hasher::new();
    hasher.update(&beginning);
    hasher.update_reader(reader).map_err(failed)?;
    Ok(Text::Long(hasher.count(), hasher.finalize()))
}
