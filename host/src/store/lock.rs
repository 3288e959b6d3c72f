//! The lock of writers: an advisory lock on one file, tried with a growing pause until a time-out.

use std::fs::{File, TryLockError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

#[derive(Debug)]
pub(crate) struct LockFile(File);

impl LockFile {
    pub(crate) fn new(file: File) -> Self {
        Self(file)
    }

    /// Takes the lock; other threads of this process must be kept out by the caller.
    pub(crate) fn acquire(&self, timeout: Duration) -> Result<()> {
        let mut pause = Duration::from_micros(20);
        let mut began = None;
        loop {
            match self.0.try_lock() {
                Ok(()) => return Ok(()),
                Err(TryLockError::WouldBlock) => {
                    let waited = began.get_or_insert_with(Instant::now).elapsed();
                    if waited >= timeout {
                        return Err(Error::new(
                            ErrorKind::Store,
                            format!(
                                "another process held the store's lock for {:.1} s; this write was kept in memory only",
                                waited.as_secs_f64()
                            ),
                        ));
                    }
                    thread::sleep(pause.min(timeout - waited));
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
                Err(TryLockError::Error(e)) => {
                    return Err(Error::new(ErrorKind::Store, format!("the store's lock cannot be taken: {e}")).with(e));
                }
            }
        }
    }

    pub(crate) fn release(&self) {
        if let Err(e) = self.0.unlock() {
            tracing::warn!("the store's lock could not be released: {e}");
        }
    }
}
