//! A disk whose k-th call fails, as one process sees it.
//!
//! All calls are counted, those too that only look. A process that is killed in the midst of something is one whose calls all
//! fail from then on, without effect.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use larder::storage::{File, Found, Look, Mode, Storage};

use super::Disk;

/// What is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names of the methods")]
pub enum Call {
    Open,
    LookAt,
    List,
    CreateDirectory,
    Rename,
    Remove,
    RemoveDirectory,
    SyncDirectory,
    Read,
    Write,
    Look,
    SetLength,
    Sync,
    TryLock,
    Lock,
    Unlock,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// The disk is broken.
    Eio,
    /// The disk is full.
    Enospc,
    /// It is not allowed.
    Eacces,
    /// Too many files are open.
    Emfile,
    /// Half of what is to be written is written, and the disk is full then. Other calls fail as with a full disk.
    ShortWrite,
}

impl Kind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Eio, Self::Enospc, Self::Eacces, Self::Emfile, Self::ShortWrite];

    fn error(self) -> io::Error {
        io::Error::from_raw_os_error(match self {
            Self::Eio => 5,
            Self::Enospc | Self::ShortWrite => 28,
            Self::Eacces => 13,
            Self::Emfile => 24,
        })
    }
}

/// What fails after the first failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lasts {
    /// Nothing.
    Once,
    /// Calls of the same name.
    Alike,
    /// Every call.
    ForGood,
}

impl Lasts {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Once, Self::Alike, Self::ForGood];
}

/// A failure to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fault {
    /// The number of the call, from 0 on.
    pub at: u64,
    /// How it fails.
    pub kind: Kind,
    /// What fails after it.
    pub lasts: Lasts,
}

/// A disk some of whose calls fail. Clones are the same.
#[derive(Debug, Clone)]
pub struct Faults {
    disk: Disk,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    calls: u64,
    fault: Option<Fault>,
    /// What failed, in order.
    failed: Vec<(Call, PathBuf)>,
    /// Half of a write was made: the rest is refused.
    is_short: bool,
}

impl Faults {
    /// A disk that works for now.
    #[must_use]
    pub fn new(disk: &Disk) -> Self {
        Self { disk: disk.clone(), state: Arc::default() }
    }

    /// Has a call fail, or none any more.
    pub fn plan(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    /// How many calls there have been.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.state().calls
    }

    /// What has failed so far, in order.
    #[must_use]
    pub fn failed(&self) -> Vec<(Call, PathBuf)> {
        self.state().failed.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fails(&self, call: Call, path: &Path) -> Option<Fault> {
        let mut state = self.state();
        let number = state.calls;
        state.calls += 1;
        let fault = state.fault?;
        let fails = number == fault.at
            || number > fault.at
                && match fault.lasts {
                    Lasts::Once => state.is_short && call == Call::Write,
                    Lasts::Alike => state.failed.first().is_some_and(|(first, _)| *first == call),
                    Lasts::ForGood => true,
                };
        fails.then(|| {
            state.failed.push((call, path.to_owned()));
            fault
        })
    }

    fn check(&self, call: Call, path: &Path) -> io::Result<()> {
        self.fails(call, path).map_or(Ok(()), |fault| Err(fault.kind.error()))
    }

    /// How many of `len` bytes a write may write.
    fn allowed(&self, path: &Path, len: usize) -> io::Result<usize> {
        let Some(fault) = self.fails(Call::Write, path) else { return Ok(len) };
        let mut state = self.state();
        // Half of it once, then nothing of the rest.
        state.is_short = fault.kind == Kind::ShortWrite && !state.is_short && len > 1;
        if state.is_short { Ok(len / 2) } else { Err(fault.kind.error()) }
    }
}

impl Storage for Faults {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn File>> {
        self.check(Call::Open, path)?;
        let file = self.disk.open(path, mode)?;
        Ok(Box::new(FaultyFile { faults: self.clone(), path: path.to_owned(), file }))
    }

    fn look(&self, path: &Path) -> io::Result<Found> {
        self.check(Call::LookAt, path)?;
        self.disk.look(path)
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        self.check(Call::List, directory)?;
        self.disk.list(directory)
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.check(Call::CreateDirectory, path)?;
        self.disk.create_directory(path)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.check(Call::Rename, to)?;
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.check(Call::Remove, path)?;
        self.disk.remove(path)
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        self.check(Call::RemoveDirectory, path)?;
        self.disk.remove_directory(path)
    }

    fn sync_directory(&self, path: &Path) -> io::Result<()> {
        self.check(Call::SyncDirectory, path)?;
        self.disk.sync_directory(path)
    }

    fn boot(&self) -> Option<[u8; 16]> {
        self.disk.boot()
    }
}

#[derive(Debug)]
struct FaultyFile {
    faults: Faults,
    path: PathBuf,
    file: Box<dyn File>,
}

impl File for FaultyFile {
    fn read_at(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        self.faults.check(Call::Read, &self.path)?;
        self.file.read_at(bytes, offset)
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> io::Result<usize> {
        let allowed = self.faults.allowed(&self.path, bytes.len())?;
        self.file.write_at(&bytes[..allowed], offset)
    }

    fn look(&self) -> io::Result<Look> {
        self.faults.check(Call::Look, &self.path)?;
        self.file.look()
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.faults.check(Call::SetLength, &self.path)?;
        self.file.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        self.faults.check(Call::Sync, &self.path).inspect_err(|_| self.faults.disk.fail_sync(&self.path))?;
        self.file.sync()
    }

    fn try_lock(&self) -> io::Result<bool> {
        self.faults.check(Call::TryLock, &self.path)?;
        self.file.try_lock()
    }

    fn lock(&self) -> io::Result<()> {
        self.faults.check(Call::Lock, &self.path)?;
        self.file.lock()
    }

    fn unlock(&self) -> io::Result<()> {
        self.faults.check(Call::Unlock, &self.path)?;
        self.file.unlock()
    }
}
