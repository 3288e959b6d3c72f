//! What a pattern matches, as one hash: over paths, sizes and times, or over paths and contents.

use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::look::{Eye, Found, Moment, Seen, content};
use super::stamp::Hash;

/// Files by path, in order, and what each is like.
pub(super) struct Listing<'a>(Vec<(&'a Path, Seen)>);

impl<'a> Listing<'a> {
    /// Looks at files, whose paths must be sorted. What is not there any more, or is no file, does not count.
    pub(super) fn of(files: &'a [PathBuf], eye: &Eye) -> io::Result<Self> {
        let mut listing = Vec::with_capacity(files.len());
        for path in files {
            if let Found::File(seen) = eye.look(path)? {
                listing.push((path.as_path(), seen));
            }
        }
        Ok(Self(listing))
    }

    /// Over paths, sizes and times of modification.
    pub(super) fn hash(&self) -> Hash {
        let mut hasher = blake3::Hasher::new();
        for (path, seen) in &self.0 {
            put(&mut hasher, path);
            hasher.update(&seen.size.to_le_bytes());
            hasher.update(&seen.modified.to_bytes());
        }
        *hasher.finalize().as_bytes()
    }

    /// Over paths and contents, of all files or of those that were modified at a moment or later.
    pub(super) fn contents(&self, since: Option<Moment>) -> io::Result<Hash> {
        let mut hasher = blake3::Hasher::new();
        for (path, _) in self.0.iter().filter(|(_, seen)| since.is_none_or(|since| seen.modified >= since)) {
            put(&mut hasher, path);
            hasher.update(&content(path)?);
        }
        Ok(*hasher.finalize().as_bytes())
    }

    /// Whether a file was modified at a moment or later.
    pub(super) fn has_since(&self, since: Moment) -> bool {
        self.0.iter().any(|(_, seen)| seen.modified >= since)
    }
}

fn put(hasher: &mut blake3::Hasher, path: &Path) {
    let path = path.as_os_str().as_bytes();
    hasher.update(&(path.len() as u32).to_le_bytes());
    hasher.update(path);
}
