//! A request to stop by signal: the first one lets what is under way end in order, the second one ends the process.

use std::thread;

use larder::generate::Stop;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::failure::Failure;

/// Stops `stop` with the first SIGINT, SIGTERM or SIGHUP.
pub(super) fn listen(stop: &Stop) -> Result<(), Failure> {
    let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP]).map_err(Failure::io("listen to signals"))?;
    let stop = stop.clone();
    thread::spawn(move || {
        for signal in signals.forever() {
            if stop.is_stopped() {
                // As if nobody listened; there is nobody to tell if that fails.
                let _ = emulate_default_handler(signal);
            }
            tracing::info!("stopping; what is not done stays due");
            stop.stop();
        }
    });
    Ok(())
}
