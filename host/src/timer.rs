//! Wakes tasks after a while, whatever runtime they belong to: one thread for the whole process, which is started when it is
//! first needed and sleeps until the next task is due.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};
use std::sync::OnceLock;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::task::Waker;
use std::time::{Duration, Instant};

/// A waker is kept no longer than this, so that tasks that ended are not held for long. Whoever is woken early asks again.
const LONGEST: Duration = Duration::from_secs(1);

/// Wakes a task after `pause`, or a second if that is longer.
pub(crate) fn wake_after(pause: Duration, waker: Waker) {
    static TIMER: OnceLock<Option<Sender<(Instant, Waker)>>> = OnceLock::new();
    let timer = TIMER.get_or_init(|| {
        let (send, receive) = mpsc::channel();
        let thread = std::thread::Builder::new().name("larder-timer".into());
        match thread.spawn(move || run(&receive)) {
            Ok(_) => Some(send),
            Err(e) => {
                tracing::warn!("tasks that wait keep a processor busy: {e}");
                None
            }
        }
    });
    let due = Instant::now() + pause.min(LONGEST);
    let sent = timer.as_ref().map(|timer| timer.send((due, waker.clone())));
    if !matches!(sent, Some(Ok(()))) {
        waker.wake();
    }
}

fn run(receive: &Receiver<(Instant, Waker)>) {
    let mut due: BinaryHeap<Reverse<(Instant, u64)>> = BinaryHeap::new();
    let mut wakers = BTreeMap::new();
    let mut count = 0_u64;
    loop {
        while let Some(&Reverse((when, number))) = due.peek()
            && when <= Instant::now()
        {
            due.pop();
            wakers.remove(&number).into_iter().for_each(Waker::wake);
        }
        let received = match due.peek() {
            Some(Reverse((when, _))) => receive.recv_timeout(when.saturating_duration_since(Instant::now())),
            None => receive.recv().map_err(|_| RecvTimeoutError::Disconnected),
        };
        match received {
            Ok((when, waker)) => {
                count += 1;
                due.push(Reverse((when, count)));
                wakers.insert(count, waker);
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
