//! The lock of writers: among the threads of a process by turns, among processes by an advisory lock on one file, which is tried
//! with a growing pause. Nobody waits for both together longer than a time-out.

use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::storage::{File, SharedNumber};

/// The longest pause between two tries.
const LONGEST_PAUSE: Duration = Duration::from_millis(5);

/// Where the file holds how many frames were written by all processes together, twice each, by which others learn that there
/// are new ones; odd while one is being written.
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
    /// Whether a thread of this process has the lock or waits for other processes to give it up.
    taken: Mutex<bool>,
    free: Condvar,
}

/// The lock, had. Given back when dropped.
#[derive(Debug)]
pub(crate) struct Locked<'a>(&'a LockFile);

impl Drop for Locked<'_> {
    fn drop(&mut self) {
        self.0.release();
    }
}

impl LockFile {
    pub(crate) fn new(file: Box<dyn File>, locks: bool) -> Self {
        Self { file, locks, taken: Mutex::new(false), free: Condvar::new() }
    }

    /// How many frames were written, shared with all processes, if that can be; `None` where one has to look at the log.
    pub(crate) fn writes(&self) -> Option<Box<dyn SharedNumber>> {
        if self.file.look().ok()?.len < SIZE {
            // Where it cannot be made longer, there is no number.
            let _ = self.file.set_len(SIZE);
        }
        self.file.shared_number(WRITES)
    }

    /// Takes the lock.
    ///
    /// # Errors
    /// `Locked` when it is not had in time; `Store` when the file system has no locks.
    pub(crate) fn acquire(&self, timeout: Duration) -> Result<Locked<'_>> {
        let began = Instant::now();
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.free.wait_timeout_while(taken, timeout, |taken| *taken);
        let (mut taken, waited) = waited.unwrap_or_else(PoisonError::into_inner);
        if waited.timed_out() {
            return Err(too_late(began));
        }
        *taken = true;
        drop(taken);
        self.acquire_file(began, timeout).inspect_err(|_| self.next()).map(|()| Locked(self))
    }

    fn acquire_file(&self, began: Instant, timeout: Duration) -> Result<()> {
        if !self.locks {
            return Ok(());
        }
        let mut pause = Duration::from_micros(20);
        loop {
            match self.file.try_lock() {
                Ok(true) => return Ok(()),
                Ok(false) => {
                    let Some(left) = timeout.checked_sub(began.elapsed()).filter(|left| !left.is_zero()) else {
                        return Err(too_late(began));
                    };
                    thread::sleep(pause.min(left));
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

    fn release(&self) {
        if self.locks
            && let Err(e) = self.file.unlock()
        {
            tracing::warn!("the store's lock could not be released: {e}");
        }
        self.next();
    }

    fn next(&self) {
        *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = false;
        self.free.notify_one();
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

fn too_late(began: Instant) -> Error {
    let message = format!(
        "the store's lock was not had in {:.1} s, others write; this write was kept in memory only",
        began.elapsed().as_secs_f64()
    );
    Error::new(ErrorKind::Locked, message)
}
