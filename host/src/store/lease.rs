//! Leases: the right of one process to compute what is under a key. A lease is a locked file, so that it ends with the
//! process that has it, however that ends.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use super::Store;
use super::layout::{Layout, open_regular};
use crate::error::{Error, Result};

/// The exclusive right to compute what is under a key; ends when dropped.
#[derive(Debug)]
pub struct Lease {
    path: PathBuf,
    /// Locked.
    _file: File,
}

impl Store {
    /// Waits until no other process has the lease of a hash, and takes it.
    pub(crate) fn lease(&self, hash: u64) -> Result<Lease> {
        let path = Layout::new(&self.root).lease(hash)?;
        loop {
            let file = open_regular(&path, OpenOptions::new().read(true).write(true).create(true))
                .map_err(|e| Error::io("open", &path, e))?;
            file.lock().map_err(|e| Error::io("lock", &path, e))?;
            // Whoever had it removed the file; a lock on what is no longer there excludes nobody.
            let ours = file.metadata().map_err(|e| Error::io("look at", &path, e))?.ino();
            if fs::metadata(&path).is_ok_and(|there| there.ino() == ours) {
                return Ok(Lease { path, _file: file });
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Err(e) = fs::remove_file(&self.path) {
            tracing::debug!("a lease was left behind: {e}");
        }
    }
}
