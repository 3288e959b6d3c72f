//! The operating system's files, with a word to be said before each call that changes or locks something.

use std::ffi::OsString;
use std::io;
use std::path::Path;
use std::sync::Arc;

use larder::storage::{File, Files, Found, Look, Mode, Storage};

/// What is about to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Call {
    OpenForWriting,
    Create,
    Rename,
    Remove,
    SyncDirectory,
    Write,
    SetLen,
    Sync,
    Lock,
}

type Before = dyn Fn(Call) -> io::Result<()> + Send + Sync;
type Read = dyn Fn(u64, usize) + Send + Sync;

/// Files that ask before they change anything.
#[derive(Clone)]
pub struct Disk(Arc<Before>, Option<Arc<Read>>);

impl Disk {
    pub fn new(before: impl Fn(Call) -> io::Result<()> + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self(Arc::new(before), None))
    }

    /// Tells of each read: its offset and length.
    pub fn reads(read: impl Fn(u64, usize) + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self(Arc::new(|_| Ok(())), Some(Arc::new(read))))
    }
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Disk")
    }
}

#[derive(Debug)]
struct Opened(Box<dyn File>, Disk);

impl Storage for Disk {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn File>> {
        if mode.writes() {
            (self.0)(Call::OpenForWriting)?;
        }
        Ok(Box::new(Opened(Files.open(path, mode)?, self.clone())))
    }

    fn look(&self, path: &Path) -> io::Result<Found> {
        Files.look(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        Files.list(directory)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        (self.0)(Call::Create)?;
        Files.create_directory(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        (self.0)(Call::Rename)?;
        Files.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        (self.0)(Call::Remove)?;
        Files.remove(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        (self.0)(Call::Remove)?;
        Files.remove_directory(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        (self.0)(Call::SyncDirectory)?;
        Files.sync_directory(path)
    }

    fn boot(&self) -> Option<[u8; 16]> {
        Files.boot()
    }
}

impl File for Opened {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        if let Some(read) = &self.1.1 {
            read(offset, bytes.len());
        }
        self.0.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        (self.1.0)(Call::Write)?;
        self.0.write_at(bytes, offset)
    }

    fn look(&self) -> io::Result<Look> {
        self.0.look()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        (self.1.0)(Call::SetLen)?;
        self.0.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        (self.1.0)(Call::Sync)?;
        self.0.sync()
    }

    fn try_lock(&self) -> io::Result<bool> {
        (self.1.0)(Call::Lock)?;
        self.0.try_lock()
    }

    fn lock(&self) -> io::Result<()> {
        (self.1.0)(Call::Lock)?;
        self.0.lock()
    }

    fn unlock(&self) -> io::Result<()> {
        self.0.unlock()
    }
}
