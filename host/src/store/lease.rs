//! Leases: the right of one process to compute what is under a key. A lease is a locked file, so that it ends with the
//! process that has it, however that ends.
//!
//! Whoever ends a lease removes its file while it is locked; who had waited for that file finds it gone and makes another.
//! So does who has waited too long: it removes the file of the one that hangs, and the next file is the lease. The one that
//! hung can tell by its file having no name any more. Two who do so at once may both compute; nothing else goes wrong.

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
    file: Box<dyn File>,
}

/// One who wants a lease.
#[derive(Debug)]
pub(crate) struct Claimant {
    path: PathBuf,
    storage: Arc<dyn Storage>,
    /// The file that somebody else had locked when it was looked at last.
    file: Option<Box<dyn File>>,
    /// How often it was found to be another's than before.
    pub(crate) changes: u32,
}

impl Store {
    /// Waits until no other process has the lease of a hash, and takes it.
    pub(crate) fn lease(&self, hash: u64) -> Result<Lease> {
        let mut claimant = self.claimant(hash)?;
        loop {
            if let Some(file) = claimant.file.take() {
                file.lock().map_err(|e| Error::io("lock", &claimant.path, e))?;
                claimant.file = Some(file);
            }
            if let Some(lease) = claimant.take()? {
                return Ok(lease);
            }
        }
    }

    /// One who wants the lease of a hash.
    pub(crate) fn claimant(&self, hash: u64) -> Result<Claimant> {
        let path = self.layout.lease(hash)?;
        Ok(Claimant { path, storage: self.layout.storage().clone(), file: None, changes: 0 })
    }

    /// Whether processes have to agree on who computes.
    pub(crate) fn has_leases(&self) -> bool {
        !self.options.alone && self.options.locking && !self.options.read_only && self.lock.is_some()
    }
}

impl Claimant {
    /// Takes the lease if nobody has it.
    pub(crate) fn take(&mut self) -> Result<Option<Lease>> {
        loop {
            let (file, known) = match self.file.take() {
                Some(file) => (file, true),
                None => {
                    let file = self.storage.open(&self.path, Mode::Create);
                    (file.map_err(|e| Error::io("open", &self.path, e))?, false)
                }
            };
            let had = file.try_lock().map_err(|e| Error::io("lock", &self.path, e))?;
            let is_there = file.look().map_err(|e| Error::io("look at", &self.path, e))?.is_there;
            match (had, is_there) {
                (true, true) => {
                    return Ok(Some(Lease { path: self.path.clone(), storage: self.storage.clone(), file }));
                }
                (false, true) => {
                    self.file = Some(file);
                    return Ok(None);
                }
                // A lock on what is no longer there excludes nobody.
                (_, false) => self.changes += u32::from(known),
            }
        }
    }

    /// Takes the lease away from whoever has it for too long. `None` when somebody else did so in the same moment.
    pub(crate) fn overtake(&mut self) -> Result<Option<Lease>> {
        if let Some(file) = self.file.take()
            && file.look().is_ok_and(|look| look.is_there)
        {
            // Gone already: then so much the better.
            let _ = self.storage.remove(&self.path);
        }
        self.take()
    }
}

impl Lease {
    /// Whether somebody else took it because it was had for too long.
    pub(crate) fn is_lost(&self) -> bool {
        !self.file.look().is_ok_and(|look| look.is_there)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.is_lost() {
            return;
        }
        if let Err(e) = self.storage.remove(&self.path) {
            tracing::debug!("a lease was left behind: {e}");
        }
    }
}
