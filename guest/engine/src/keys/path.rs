//! Keys from paths: the path alone, with the state of its file, or with the file's content.
//!
//! `path:PATH`, `path:PATH|SIZE@SECONDS.NANOSECONDS` or `path:PATH|hash:HASH`. A state sees most changes for the price of a
//! stat; a content hash sees all of them, and survives a checkout that touches every file. Nothing is read here: the host
//! looks, and says what it saw.

use alloc::string::String;

use crate::error::{Error, Result};
use crate::text::padded;

use super::escape::{Reserved, escape};
use super::{HASH_SIZE, Key, hasher, readable_or_hashed};

/// What is known of the file at a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PathState<'a> {
    /// Nothing: the key is of the path alone.
    Unknown,
    /// Its size and when it was modified.
    Stamp {
        /// In bytes.
        size: u64,
        /// Unix time in whole seconds, rounded down.
        seconds: i64,
        /// The rest, 0 to 999,999,999.
        nanoseconds: u32,
    },
    /// Its content. The same key as with its hash.
    Content(&'a [u8]),
    /// The BLAKE3 hash of its content, [`HASH_SIZE`] bytes.
    ContentHash(&'a [u8]),
}

/// A key from a path, which is taken as it is: `a`, `./a` and `/work/a` are three.
///
/// ```
/// use larder_engine::keys::{self, PathState};
///
/// let state = PathState::Stamp { size: 12, seconds: 1_700_000_000, nanoseconds: 5 };
/// assert_eq!(keys::path(b"src/lib.rs", &state)?.text, "path:src/lib.rs|12@1700000000.000000005");
/// # Ok::<(), larder_engine::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` for an empty path, nanoseconds of a second or more, or a hash of another length; `TooLarge` above
/// [`MAX_INPUT`](super::MAX_INPUT).
pub fn path(path: &[u8], state: &PathState<'_>) -> Result<Key> {
    const RESERVED: Reserved = Reserved::new(b"|");
    if path.is_empty() {
        return Err(Error::invalid("the path is empty; name a file"));
    }
    let mut written = String::from("path:");
    escape(path, &RESERVED, &mut written)?;
    let mut hash = |hash: &[u8]| {
        written.push_str("|hash:");
        written.push_str(&hasher::hex(hash));
    };
    match *state {
        PathState::Unknown => {}
        PathState::Stamp { nanoseconds: 1_000_000_000.., .. } => {
            return Err(Error::invalid("a time has at most 999,999,999 nanoseconds besides its seconds"));
        }
        PathState::Stamp { size, seconds, nanoseconds } => {
            written.push_str(&text!("|", size, "@", seconds, "."));
            padded(nanoseconds, 9, &mut written);
        }
        PathState::Content(content) => hash(&hasher::hash(content)),
        PathState::ContentHash(given) => {
            check_hash(given)?;
            hash(given);
        }
    }
    Ok(readable_or_hashed("path", written))
}

/// Refuses hashes that are none of BLAKE3.
pub(super) fn check_hash(hash: &[u8]) -> Result<()> {
    match hash.len() {
        HASH_SIZE => Ok(()),
        other => Err(Error::invalid(text!(
            "a BLAKE3 hash has ",
            HASH_SIZE,
            " bytes, not ",
            other,
            "; put another hash into a key of parts"
        ))),
    }
}
