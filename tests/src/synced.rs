//! The operating system's files, with a count of how often they were made to last.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use larder::storage::{File, Files, Found, Look, Mode, Storage};

/// See the module.
#[derive(Debug, Default, Clone)]
pub struct CountedSyncs(Arc<AtomicU64>);

impl CountedSyncs {
    /// How often a file was synced.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

impl Storage for CountedSyncs {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn File>> {
        Ok(Box::new(Counted { file: Files.open(path, mode)?, syncs: self.0.clone() }))
    }

    fn look(&self, path: &Path) -> io::Result<Found> {
        Files.look(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        Files.list(directory)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        Files.create_directory(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        Files.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        Files.remove(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        Files.remove_directory(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        Files.sync_directory(path)
    }

    fn boot(&self) -> Option<[u8; 16]> {
        Files.boot()
    }
}

#[derive(Debug)]
struct Counted {
    file: Box<dyn File>,
    syncs: Arc<AtomicU64>,
}

impl File for Counted {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.file.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        self.file.write_at(bytes, offset)
    }

    fn look(&self) -> io::Result<Look> {
        self.file.look()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.file.sync()?;
        self.syncs.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.file.try_lock()
    }

    fn lock(&self) -> io::Result<()> {
        self.file.lock()
    }

    fn unlock(&self) -> io::Result<()> {
        self.file.unlock()
    }
}
