//! The lock of writers: an advisory lock on one file, tried with a growing pause until a time-out.

use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::storage::{File, SharedNumber};

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// Where the file holds how many frames were written by all processes together, by which others learn that there are new ones.
const WRITES: u64 = 64;
/// Bytes of the file: room for the above, on a page of its own.
const SIZE: u64 = 4096;

/// The file whose lock makes a process the writer. Its first bytes say in which boot of the machine the store was last made
/// sure to be whole.
#[derive(Debug)]
pub(crate) struct LockFile {
    file: Box<dyn File>,
    /// Not so where the file system has no locks and the user said so.
    locks: bool,
}

impl LockFile {
    pub(crate) fn new(file: Box<dyn File>, locks: bool) -> Self {
        Self { file, locks }
    }

    /// How many frames were written, shared with all processes, if that can be; `None` where one has to look at the log.
    pub(crate) fn writes(&self) -> Option<Box<dyn SharedNumber>> {
        if self.file.look().ok()?.len < SIZE {
            // Where it cannot be made longer, there is no number.
            let _ = self.file.set_len(SIZE);
        }
        self.file.shared_number(WRITES)
    }

    /// Takes the lock; other threads of this process must be kept out by the caller.
    pub(crate) fn acquire(&self, timeout: Duration) -> Result<()> {
        if !self.locks {
            return Ok(());
        }
        let mut pause = Duration::from_micros(20);
        let mut began = None;
        loop {
            match self.file.try_lock() {
                Ok(true) => return Ok(()),
                Ok(false) => {
                    let waited = began.get_or_insert_with(Instant::now).elapsed();
                    if waited >= timeout {
                        let message = format!(
                            "another process held the store's lock for {:.1} s; this write was kept in memory only",
                            waited.as_secs_f64()
                        );
                        return Err(Error::new(ErrorKind::Locked, message));
                    }
                    thread::sleep(pause.min(timeout - waited));
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(e) => {
                    let message = format!(
                        "the store's lock cannot be taken: {e}; on a file system without locks, switch them off with \
                         `locking = off`"
                    );
                    return Err(Error::new(ErrorKind::Store, message).with(e));
                }
            }
        }
    }

    pub(crate) fn release(&self) {
        if self.locks
            && let Err(e) = self.file.unlock()
        {
            tracing::warn!("the store's lock could not be released: {e}");
        }
    }

    /// In which boot of the machine the store was last made sure to be whole.
    pub(crate) fn boot(&self) -> Option<[u8; 16]> {
        let mut boot = [0; 16];
        self.file.read_exact_at(&mut boot, 0).ok().map(|()| boot)
    }

    /// Notes the boot. Need not last: when it does not, the store is looked at once more.
    pub(crate) fn note_boot(&self, boot: &[u8; 16]) {
        if let Err(e) = self.file.write_all_at(boot, 0) {
            tracing::debug!("the boot was not noted: {e}");
        }
    }
}
