//! A disk in memory: fast, always whole, and cheap to copy, for harnesses that open thousands of damaged stores.
//!
//! Files live behind `Arc`s that are copied when they are written to, so that a copy of a disk costs one pointer a file. It
//! forgets nothing and fails in nothing; every directory belongs to whoever runs the tests.

mod opened;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use larder::storage::{File, Found, Kind, Mode, Storage};
use opened::Opened;

/// A disk in memory. Clones share what is on it; [`copy`](Self::copy) makes another one.
#[derive(Debug, Clone)]
pub struct MemoryDisk(Arc<Mutex<Contents>>);

#[derive(Debug, Clone)]
struct Contents {
    files: BTreeMap<PathBuf, Arc<Node>>,
    directories: BTreeSet<PathBuf>,
    boot: Option<[u8; 16]>,
    owner: u32,
}

/// A file, which may have lost its name.
#[derive(Debug, Default)]
struct Node {
    bytes: Mutex<Arc<Vec<u8>>>,
    nameless: AtomicBool,
    /// The opening that has the lock; 0 is none.
    locked_by: Mutex<u64>,
    unlocked: Condvar,
}

impl Node {
    fn holding(bytes: Arc<Vec<u8>>) -> Arc<Self> {
        Arc::new(Self { bytes: Mutex::new(bytes), ..Self::default() })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Default for MemoryDisk {
    fn default() -> Self {
        Self::new()
    }
}

impl MemoryDisk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        // The user is asked of the only place that tells without unsafe code.
        let owner = std::env::temp_dir().join(format!("larder-owner-{}-{}", std::process::id(), next_number()));
        let found = std::fs::write(&owner, b"").and_then(|()| larder::storage::Files.look(&owner));
        let _ = std::fs::remove_file(&owner);
        let owner = found.expect("the user can make a file").owner;
        Self(Arc::new(Mutex::new(Contents {
            files: BTreeMap::new(),
            directories: BTreeSet::new(),
            boot: Some(*b"the memory's own"),
            owner,
        })))
    }

    /// What [`Storage::boot`] answers from now on.
    pub fn set_boot(&self, boot: Option<[u8; 16]>) {
        self.contents().boot = boot;
    }

    /// Another disk with the same files, none of them locked.
    #[must_use]
    pub fn copy(&self) -> Self {
        let mut copy = self.contents().clone();
        for node in copy.files.values_mut() {
            let bytes = lock(&node.bytes).clone();
            *node = Node::holding(bytes);
        }
        Self(Arc::new(Mutex::new(copy)))
    }

    /// The paths of all files, sorted.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.contents().files.keys().cloned().collect()
    }

    /// What is in a file.
    ///
    /// # Panics
    /// When there is no such file.
    #[must_use]
    pub fn read(&self, path: impl AsRef<Path>) -> Vec<u8> {
        let path = path.as_ref();
        let node = self.contents().files.get(path).cloned();
        lock(&node.unwrap_or_else(|| panic!("{} is there", path.display())).bytes).to_vec()
    }

    /// Gives a path these bytes, and makes the directories above it.
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) {
        let path = path.as_ref();
        let mut contents = self.contents();
        contents.directories.extend(path.ancestors().skip(1).map(Path::to_owned));
        let node = Node::holding(Arc::new(bytes.into()));
        if let Some(old) = contents.files.insert(path.to_owned(), node) {
            old.nameless.store(true, Ordering::Relaxed);
        }
    }

    /// Bytes of all files.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.contents().files.values().map(|node| lock(&node.bytes).len() as u64).sum()
    }

    /// Bytes that the files take in memory, which is more than their size.
    #[must_use]
    pub fn allocated(&self) -> usize {
        self.contents().files.values().map(|node| lock(&node.bytes).capacity()).sum()
    }

    fn contents(&self) -> MutexGuard<'_, Contents> {
        lock(&self.0)
    }
}

fn next_number() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

impl Storage for MemoryDisk {
    fn open(&self, path: &Path, mode: Mode) -> io::Result<Box<dyn File>> {
        let mut contents = self.contents();
        let node = match (contents.files.get(path).cloned(), mode) {
            (Some(_), Mode::CreateNew) => return Err(ErrorKind::AlreadyExists.into()),
            (Some(node), _) => node,
            (None, Mode::Read | Mode::Write) => return Err(ErrorKind::NotFound.into()),
            (None, _) if path.parent().is_none_or(|above| !contents.directories.contains(above)) => {
                return Err(ErrorKind::NotFound.into());
            }
            (None, _) => contents.files.entry(path.to_owned()).or_default().clone(),
        };
        Ok(Box::new(Opened { node, number: next_number() }))
    }

    fn look(&self, path: &Path) -> io::Result<Found> {
        let contents = self.contents();
        let (kind, len, permissions) = match contents.files.get(path) {
            Some(node) => (Kind::File, lock(&node.bytes).len() as u64, 0o600),
            None if contents.directories.contains(path) => (Kind::Directory, 0, 0o700),
            None => return Err(ErrorKind::NotFound.into()),
        };
        Ok(Found { kind, len, owner: contents.owner, permissions, modified: None })
    }

    fn list(&self, directory: &Path) -> io::Result<Vec<OsString>> {
        let contents = self.contents();
        if !contents.directories.contains(directory) {
            return Err(ErrorKind::NotFound.into());
        }
        let inside = contents.files.keys().chain(&contents.directories).filter(|path| path.parent() == Some(directory));
        Ok(inside.filter_map(|path| path.file_name()).map(OsString::from).collect())
    }

    fn create_directory(&self, path: &Path) -> io::Result<()> {
        self.contents().directories.extend(path.ancestors().map(Path::to_owned));
        Ok(())
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let mut contents = self.contents();
        let node = contents.files.remove(from).ok_or(ErrorKind::NotFound)?;
        if let Some(old) = contents.files.insert(to.to_owned(), node) {
            old.nameless.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        let node = self.contents().files.remove(path).ok_or(ErrorKind::NotFound)?;
        node.nameless.store(true, Ordering::Relaxed);
        Ok(())
    }

    fn remove_directory(&self, path: &Path) -> io::Result<()> {
        let mut contents = self.contents();
        if contents.files.contains_key(path) {
            return Err(ErrorKind::NotADirectory.into());
        }
        if !contents.directories.contains(path) {
            return Err(ErrorKind::NotFound.into());
        }
        contents.directories.retain(|inside| !inside.starts_with(path));
        contents.files.retain(|inside, node| {
            let stays = !inside.starts_with(path);
            node.nameless.store(!stays, Ordering::Relaxed);
            stays
        });
        Ok(())
    }

    fn sync_directory(&self, _: &Path) -> io::Result<()> {
        Ok(())
    }

    fn boot(&self) -> Option<[u8; 16]> {
        self.contents().boot
    }
}
