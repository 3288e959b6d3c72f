//! The clock that stops a guest which never comes back: one thread for each process advances wasmtime's epoch, every
//! call gets a deadline.

use std::thread;
use std::time::Duration;

use wasmtime::Engine;

/// How long a tick is.
const TICK: Duration = Duration::from_secs(1);

/// A call that runs for so many ticks is stopped. Long enough for the largest value at the slowest level.
pub(crate) const DEADLINE_TICKS: u64 = 20;

pub(crate) fn start(engine: Engine) {
    let ticker = thread::Builder::new().name("larder-epoch".into()).spawn(move || {
        loop {
            thread::sleep(TICK);
            engine.increment_epoch();
        }
    });
    if let Err(reason) = ticker {
        tracing::warn!("no thread for the deadline of calls ({reason}); they run without one");
    }
}
