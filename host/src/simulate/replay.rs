//! One pass over a trace for many simulated caches: this thread reads, as many others as the machine has processors
//! simulate. Each batch is read once and handed to all of them; who is slow makes the reader wait.

use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;

use super::{Batch, Simulation, Totals, Trace};
use crate::error::Result;

/// Requests in a batch: enough that calling the component costs nothing, few enough to stay in the processor's cache.
const BATCH: usize = 4096;

/// Batches that wait for a thread.
const WAITING: usize = 8;

/// What each cache counted, in order. `progress` is told how many bytes were read.
pub(super) fn replay(trace: &mut Trace, caches: Vec<Simulation>, mut progress: impl FnMut(u64)) -> Result<Vec<Totals>> {
    let count = caches.len();
    let workers = thread::available_parallelism().map_or(1, |n| n.get()).clamp(1, count.max(1));
    let mut shares: Vec<Vec<(usize, Simulation)>> = (0..workers).map(|_| Vec::new()).collect();
    for (place, cache) in caches.into_iter().enumerate() {
        shares[place % workers].push((place, cache));
    }
    let mut found = thread::scope(|scope| {
        let (senders, threads): (Vec<_>, Vec<_>) = shares
            .into_iter()
            .map(|share| {
                let (sender, batches) = sync_channel(WAITING);
                (sender, scope.spawn(move || simulate(share, &batches)))
            })
            .unzip();
        let read = (|| -> Result<()> {
            loop {
                let mut batch = Batch::with_capacity(BATCH);
                if !trace.read(&mut batch, BATCH)? {
                    return Ok(());
                }
                progress(trace.bytes_read());
                let batch = Arc::new(batch);
                // Whoever hangs up has an error to tell.
                if senders.iter().any(|sender| sender.send(batch.clone()).is_err()) {
                    return Ok(());
                }
            }
        })();
        drop(senders);
        let mut found = Vec::with_capacity(count);
        for thread in threads {
            found.push(thread.join().unwrap_or_else(|panic| resume_unwind(panic)));
        }
        read.map(|()| found)
    })?
    .into_iter()
    .collect::<Result<Vec<_>>>()?
    .concat();
    found.sort_unstable_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, totals)| totals).collect())
}

fn simulate(mut share: Vec<(usize, Simulation)>, batches: &Receiver<Arc<Batch>>) -> Result<Vec<(usize, Totals)>> {
    for batch in batches {
        for (_, cache) in &mut share {
            cache.requests(&batch)?;
        }
    }
    share.iter_mut().map(|(place, cache)| Ok((*place, cache.totals()?))).collect()
}
