//! A store of one process alone: a directory of its own under `processes/`, removed when the process is done with it.
//!
//! Beside the directory lies a file of the same name that the process keeps locked: a directory whose file can be locked
//! belongs to nobody any more, and whoever opens a store of its own next sweeps it.

use std::path::PathBuf;
use std::sync::Arc;

use super::layout::Layout;
use crate::error::{Error, Result};
use crate::hash::random;
use crate::storage::{File, Mode, Storage};

const ALIVE: &str = "alive";

#[derive(Debug)]
pub(crate) struct Isolated {
    storage: Arc<dyn Storage>,
    directory: PathBuf,
    alive: PathBuf,
    /// Locked.
    _file: Box<dyn File>,
}

impl Isolated {
    /// Makes a directory for this process under the shared one, and removes those of processes that are dead.
    pub(crate) fn make(shared: &Layout) -> Result<(Layout, Self)> {
        shared.ensure_directory(true)?;
        // Refuses a directory that holds something else.
        shared.read_superblock()?;
        let processes = shared.processes();
        shared.make_directory(&processes)?;
        let storage = shared.storage().clone();
        sweep(shared);
        loop {
            let name = format!("{}-{:08x}", std::process::id(), u32::from_le_bytes(random()?));
            let directory = processes.join(&name);
            let alive = processes.join(format!("{name}.{ALIVE}"));
            let file = shared.open(&alive, Mode::Create)?;
            let locked = file.try_lock().map_err(|e| Error::io("lock", &alive, e))?;
            // A sweeper may have found the file before it was locked.
            if locked && file.look().map_err(|e| Error::io("look at", &alive, e))?.is_there {
                let layout = Layout::new(storage.clone(), &directory);
                return Ok((layout, Self { storage, directory, alive, _file: file }));
            }
        }
    }
}

/// Removes what dead processes left behind. What cannot be removed stays for the next time.
pub(super) fn sweep(shared: &Layout) {
    let storage = shared.storage();
    for alive in shared.paths(&shared.processes()) {
        if alive.extension().is_some_and(|e| e == ALIVE)
            && let Ok(file) = storage.open(&alive, Mode::Write)
            && matches!(file.try_lock(), Ok(true))
        {
            remove(&**storage, &alive.with_extension(""), &alive);
        }
    }
}

/// The directory first: as long as it is there, so is the file that tells whose it is.
fn remove(storage: &dyn Storage, directory: &std::path::Path, alive: &std::path::Path) {
    match storage.remove_directory(directory) {
        Err(e) if e.kind() != std::io::ErrorKind::NotFound => {
            tracing::debug!("{} was not removed: {e}", directory.display());
        }
        _ => drop(storage.remove(alive)),
    }
}

impl Drop for Isolated {
    fn drop(&mut self) {
        remove(&*self.storage, &self.directory, &self.alive);
    }
}
