//! Leases: the right of one process to compute what is under a key. A lease is a locked file, so that it ends with the
//! process that has it, however that ends.

use std::path::PathBuf;
use std::sync::Arc;

use super::Store;
use crate::error::{Error, Result};
use crate::storage::{File, Mode, Storage};

/// The exclusive right to compute what is under a key; ends when dropped.
#[derive(Debug)]
pub struct Lease {
    path: PathBuf,
    storage: Arc<dyn Storage>,
    /// Locked.
    _file: Box<dyn File>,
}

impl Store {
    /// Waits until no other process has the lease of a hash, and takes it.
    pub(crate) fn lease(&self, hash: u64) -> Result<Lease> {
        let path = self.layout.lease(hash)?;
        loop {
            let file = self.layout.open(&path, Mode::Create)?;
            file.lock().map_err(|e| Error::io("lock", &path, e))?;
            // Whoever had it removed the file; a lock on what is no longer there excludes nobody.
            if file.look().map_err(|e| Error::io("look at", &path, e))?.is_there {
                return Ok(Lease { path, storage: self.layout.storage().clone(), _file: file });
            }
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if let Err(e) = self.storage.remove(&self.path) {
            tracing::debug!("a lease was left behind: {e}");
        }
    }
}
