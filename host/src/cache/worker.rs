//! A thread that works in the background until somebody says stop.

use std::thread::{self, JoinHandle};

use crate::error::{Error, ErrorKind, Result};
use crate::generate::Stop;

/// A thread that works something off. Dropped, it ends.
#[derive(Debug)]
pub struct Worker {
    stop: Stop,
    thread: Option<JoinHandle<()>>,
}

impl Worker {
    /// Has a thread do `work`, which ends soon after `stop` is stopped.
    pub(super) fn start(name: String, stop: Stop, work: impl FnOnce() + Send + 'static) -> Result<Self> {
        let thread = thread::Builder::new().name(name).spawn(work).map_err(|e| {
            Error::new(ErrorKind::Internal, "a worker needs a thread, and there is none").with(e.to_string())
        })?;
        Ok(Self { stop, thread: Some(thread) })
    }

    /// Ends the worker and waits for its end.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        self.stop.stop();
        if let Some(thread) = self.thread.take() {
            // What it calls and does not trust catches panics itself.
            let _ = thread.join();
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.end();
    }
}
