//! Fears warming that blocks its caller, takes more threads than it may, loses an item's outcome, or cannot be stopped.

mod common;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{channel, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{in_time, wait_until};
use larder::typed::{Outcome, Progress, Warmer};

#[test]
fn each_item_has_its_own_outcome_in_order() {
    let work = |n: &u32| match n {
        3 => Err(format!("no {n}")),
        4 => panic!("fell over {n}"),
        n => Ok(n * 2),
    };
    let warming = Warmer::new().workers(3).start(0..6, work).expect("warming");
    let mut last = None;
    let warmed = warming.wait_showing(Duration::from_secs(1), |progress| last = Some(progress));
    assert_eq!(last, Some(Progress { total: 6, ended: 6, failed: 2 }));
    assert_eq!(warmed.iter().map(|warmed| warmed.item).collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
    let outcomes: Vec<_> = warmed.into_iter().map(|warmed| warmed.outcome).collect();
    let failed = Outcome::Failed("no 3".to_owned());
    let panicked = Outcome::Panicked("fell over 4".to_owned());
    assert_eq!(outcomes, [Outcome::Done(0), Outcome::Done(2), Outcome::Done(4), failed, panicked, Outcome::Done(10)]);
}

#[test]
fn it_does_not_block_and_no_more_work_at_once_than_may() {
    let (at_work, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (go, wait) = channel::<()>();
    let wait = Mutex::new(wait);
    let (mine, highest) = (at_work.clone(), most.clone());
    let work = move |_: &u32| {
        highest.fetch_max(mine.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        // Held until the test lets go.
        let _ = wait.lock().expect("a lock").recv();
        mine.fetch_sub(1, Ordering::SeqCst);
        Ok::<_, ()>(())
    };
    let warming = Warmer::new().workers(4).start(0..40, work).expect("warming");
    wait_until("four at work", || at_work.load(Ordering::SeqCst) == 4);
    assert_eq!(warming.progress(), Progress { total: 40, ended: 0, failed: 0 });
    assert!(!warming.is_finished() && !warming.wait_for(Duration::ZERO));
    (0..40).for_each(|_| go.send(()).expect("a worker"));
    let mut last = None;
    let warmed = in_time("the end", move || {
        warming.wait_showing(Duration::from_millis(1), |progress| last = Some(progress));
        last
    });
    assert_eq!(warmed, Some(Progress { total: 40, ended: 40, failed: 0 }));
    assert_eq!(most.load(Ordering::SeqCst), 4);
}

#[test]
fn who_cancels_lets_end_what_was_begun_and_begins_no_more() {
    let (begun, is_begun) = channel();
    let (go, wait) = sync_channel::<()>(0);
    let wait = Mutex::new(wait);
    let work = move |n: &u32| {
        begun.send(*n).map_err(drop)?;
        wait.lock().expect("a lock").recv().map_err(drop)
    };
    let warming = Warmer::new().workers(1).start(0..3, work).expect("warming");
    assert_eq!(is_begun.recv(), Ok(0));
    warming.cancel();
    go.send(()).expect("a worker");
    let warmed = in_time("the end", move || warming.wait());
    let outcomes: Vec<_> = warmed.into_iter().map(|warmed| warmed.outcome).collect();
    assert_eq!(outcomes, [Outcome::Done(()), Outcome::Cancelled, Outcome::Cancelled]);
    assert!(is_begun.recv().is_err());
}

#[test]
fn without_its_handle_the_work_goes_on() {
    let (send, received) = channel();
    drop(Warmer::new().workers(2).start(0..10, move |n| send.send(*n)).expect("warming"));
    let mut all: Vec<u32> = received.iter().collect();
    all.sort_unstable();
    assert_eq!(all, (0..10).collect::<Vec<_>>());
}

#[test]
fn nothing_to_do_is_done_at_once() {
    let warming = Warmer::new().workers(0).start(Vec::<u32>::new(), |_| Ok::<_, ()>(())).expect("warming");
    assert!(warming.is_finished());
    assert!(warming.wait().is_empty());
}
