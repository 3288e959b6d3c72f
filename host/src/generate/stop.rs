//! A request to stop that can be waited for.
//!
//! Under it is a pipe: stopping writes a byte that nobody ever reads, so that from then on the read end is readable for
//! everybody who polls it, at once and for ever. Nothing is locked, and no thread sleeps to look again.

use std::fmt;
use std::io::{self, PipeReader, PipeWriter, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;

/// The longest single wait; whoever waits longer waits again.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// A request to stop, shared by all its clones. Its file descriptor becomes readable when it is made.
///
/// ```
/// use larder::generate::Stop;
/// use std::time::Duration;
///
/// # fn main() -> std::io::Result<()> {
/// let stop = Stop::new()?;
/// assert!(!stop.wait(Duration::from_millis(1)));
/// stop.clone().stop();
/// assert!(stop.is_stopped() && stop.wait(Duration::MAX));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Stop(Arc<Shared>);

struct Shared {
    is_stopped: AtomicBool,
    reader: PipeReader,
    writer: PipeWriter,
}

impl Stop {
    /// A request that nobody has made yet.
    ///
    /// # Errors
    /// There is no file descriptor left for a pipe.
    pub fn new() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self(Arc::new(Shared { is_stopped: AtomicBool::new(false), reader, writer })))
    }

    /// Makes the request. Never blocks; there is no way back, and making it again does nothing.
    pub fn stop(&self) {
        if !self.0.is_stopped.swap(true, Ordering::SeqCst) {
            // One byte into an empty pipe whose read end is open as long as this is.
            let _ = (&self.0.writer).write(&[1]);
        }
    }

    /// Whether the request was made.
    pub fn is_stopped(&self) -> bool {
        self.0.is_stopped.load(Ordering::SeqCst)
    }

    /// Waits for the request, `longest` at most; [`Duration::MAX`] is for ever. True when it was made.
    pub fn wait(&self, longest: Duration) -> bool {
        let deadline = Deadline::after(longest);
        while !self.is_stopped() && !deadline.is_past() {
            let mut fds = [PollFd::new(&self.0.reader, PollFlags::IN)];
            match poll(&mut fds, Some(&deadline.remaining())) {
                Ok(_) | Err(Errno::INTR) => {}
                // No memory for a poll: whoever waits comes back early, and waits again.
                Err(_) => break,
            }
        }
        self.is_stopped()
    }
}

impl AsFd for Stop {
    /// The descriptor to poll for reading. Nobody may read from it.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.reader.as_fd()
    }
}

impl fmt::Debug for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stop").field(&self.is_stopped()).finish()
    }
}

/// When to give up; never, for spans that the clock cannot hold.
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    pub(super) fn after(span: Duration) -> Self {
        Self(Instant::now().checked_add(span))
    }

    pub(super) fn is_past(&self) -> bool {
        self.0.is_some_and(|at| Instant::now() >= at)
    }

    /// How long a poll may take.
    pub(super) fn remaining(&self) -> Timespec {
        let left = self.0.map_or(LONGEST, |at| at.saturating_duration_since(Instant::now()));
        let left = left.min(LONGEST);
        Timespec { tv_sec: left.as_secs() as i64, tv_nsec: i64::from(left.subsec_nanos()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    #[test]
    fn a_waiter_wakes_when_another_thread_stops() {
        let stop = Stop::new().expect("a pipe");
        let waiter = stop.clone();
        let thread = thread::spawn(move || waiter.wait(Duration::MAX));
        stop.stop();
        stop.stop();
        assert!(thread.join().expect("no panic"));
        assert!(stop.wait(Duration::ZERO));
    }

    #[test]
    fn waiting_ends_without_a_request() {
        let stop = Stop::new().expect("a pipe");
        assert!(!stop.wait(Duration::from_millis(2)));
        assert!(!stop.wait(Duration::ZERO));
        assert_eq!(format!("{stop:?}"), "Stop(false)");
    }
}
