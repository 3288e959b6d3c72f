//! A file system in memory that models a page cache and power loss.
//!
//! There is what processes see, and there is what is on the medium. [`File::sync`](larder::storage::File::sync) brings a
//! file's data and length there, [`sync_directory`](larder::storage::Storage::sync_directory) the names in that directory,
//! and nothing else does: a file that was synced under a name that was not is lost. [`Disk::crash`] answers a new disk as
//! this one may look after power was lost now: each write that was not synced may be there, not there, or torn at sectors of
//! 512 bytes, whatever the order; a file may have grown by zeros or garbage where its data did not arrive; each creation,
//! rename and removal may have happened or not, a rename as a whole.
//!
//! It is stricter than today's file systems, which keep the order of names and save a new file's name with its data. What holds
//! on it holds on them. One thing is weaker: after a failed sync what was written is still there for the next one, unless
//! [`Disk::forget_failed_syncs`] says so.
//!
//! Without [`crash`](Disk::crash) it is a plain and fast file system: [`read`](Disk::read), [`write`](Disk::write),
//! [`files`](Disk::files).
//!
//! | file | what it holds |
//! | --- | --- |
//! | `node` | a file, a directory: what is seen, what is durable, what lies between |
//! | `state` | all nodes and the paths to them |
//! | `crash` | what a power loss leaves |
//! | `access` | the disk as the store sees it |
//! | `faults` | a wrapper whose k-th call fails |

mod access;
mod crash;
pub mod faults;
mod node;
mod state;

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

pub use crash::Loss;
pub use faults::Faults;
use state::State;

/// A call that changes something, or makes it last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Operation {
    /// A file is made.
    Create,
    /// Bytes are written.
    Write,
    /// A file is cut off or filled up.
    SetLength,
    /// A file is synced.
    Sync,
    /// A file gets another name.
    Rename,
    /// A file is removed.
    Remove,
    /// A directory is made.
    CreateDirectory,
    /// A directory is removed.
    RemoveDirectory,
    /// A directory is synced.
    SyncDirectory,
}

/// Called before each operation. Power may be lost at any time, but it makes a difference only there: an operation under way is
/// one of those that may have happened or not, or in parts, a moment later.
pub type Hook = Arc<dyn Fn(&Disk, Operation) + Send + Sync>;

/// A file system in memory. Clones are the same disk.
#[derive(Clone)]
pub struct Disk {
    shared: Arc<Shared>,
}

struct Shared {
    state: Mutex<State>,
    /// A lock was given back.
    unlocked: Condvar,
    operations: AtomicU64,
    /// Whether there is a hook.
    is_hooked: AtomicBool,
    hook: Mutex<Option<Hook>>,
    forgets: AtomicBool,
}

impl fmt::Debug for Disk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Disk").field("operations", &self.operations()).finish_non_exhaustive()
    }
}

impl Default for Disk {
    fn default() -> Self {
        Self::new()
    }
}

impl Disk {
    /// An empty disk.
    #[must_use]
    pub fn new() -> Self {
        Self::with(State::new())
    }

    fn with(state: State) -> Self {
        let shared = Shared {
            state: Mutex::new(state),
            unlocked: Condvar::new(),
            operations: AtomicU64::new(0),
            is_hooked: AtomicBool::new(false),
            hook: Mutex::new(None),
            forgets: AtomicBool::new(false),
        };
        Self { shared: Arc::new(shared) }
    }

    /// What a file holds, as processes see it; `None` when there is none.
    #[must_use]
    pub fn read(&self, path: impl AsRef<Path>) -> Option<Vec<u8>> {
        let state = self.state();
        let id = state.find(path.as_ref()).ok()?;
        state.file(id).ok().map(|file| file.bytes().to_vec())
    }

    /// Writes a whole file, and the directories above it where there are none, so that all of it survives power loss.
    ///
    /// # Panics
    /// When the path is a directory's, or leads through a file.
    pub fn write(&self, path: impl AsRef<Path>, bytes: impl Into<Vec<u8>>) {
        let path = path.as_ref();
        let mut state = self.state();
        state.make_directories(path.parent().unwrap_or(Path::new("/"))).expect("the path leads through directories");
        let id = state.find_or_create(path).expect("a file, or nothing");
        state.file_mut(id).expect("a file").replace(bytes.into());
        state.settle();
    }

    /// Makes a directory, and those above it, so that they survive power loss.
    ///
    /// # Panics
    /// When the path leads through a file.
    pub fn make_directory(&self, path: impl AsRef<Path>) {
        let mut state = self.state();
        state.make_directories(path.as_ref()).expect("the path leads through directories");
        state.settle();
    }

    /// All files, in the order of their paths.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.state().files()
    }

    /// How many operations there have been.
    #[must_use]
    pub fn operations(&self) -> u64 {
        self.shared.operations.load(Ordering::Relaxed)
    }

    /// Has a hook called before each operation from now on, or none.
    pub fn set_hook(&self, hook: Option<Hook>) {
        self.shared.is_hooked.store(hook.is_some(), Ordering::Release);
        *self.shared.hook.lock().unwrap_or_else(PoisonError::into_inner) = hook;
    }

    /// Whether what was to be synced by a call that failed is forgotten: it is still seen, and no later sync brings it to the
    /// medium. So does Linux, which calls pages clean that it could not write.
    pub fn forget_failed_syncs(&self, forgets: bool) {
        self.shared.forgets.store(forgets, Ordering::Relaxed);
    }

    /// Ends in failure: what a fault wrapper does to a file whose sync it fails.
    fn fail_sync(&self, path: &Path) {
        if self.shared.forgets.load(Ordering::Relaxed) {
            let mut state = self.state();
            if let Ok(id) = state.find(path)
                && let Ok(file) = state.file_mut(id)
            {
                file.forget();
            }
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self, operation: Operation) {
        self.shared.operations.fetch_add(1, Ordering::Relaxed);
        if self.shared.is_hooked.load(Ordering::Acquire) {
            let hook = self.shared.hook.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some(hook) = hook {
                hook(self, operation);
            }
        }
    }
}
