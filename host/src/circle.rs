//! Who waits for whom among computations, so that one that would wait for itself is told so instead of hanging.
//!
//! While a computation runs, or its future is polled, its number is the thread's *current* one. Whoever then waits for
//! another computation, or starts one that it needs, enters an arrow from the current number to the other; an arrow that
//! would close a circle is refused. Nobody waits in a circle as long as nobody begins to. A computation that hands the
//! question to a thread of its own is not recognised: then the limit of waiting ends it.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

/// From whom to whom; a computation may wait for several at once.
static ARROWS: Mutex<BTreeMap<u64, Vec<u64>>> = Mutex::new(BTreeMap::new());

/// Stands for no computation.
const NOBODY: u64 = 0;

thread_local! {
    static CURRENT: Cell<u64> = const { Cell::new(NOBODY) };
}

/// An arrow. Taken back when dropped.
#[derive(Debug)]
pub(crate) struct Wait {
    from: u64,
    to: u64,
}

/// Notes that the current computation, if there is one, needs `other`.
///
/// # Errors
/// `InvalidArgument` when `other` needs the current one.
pub(crate) fn wait_for(other: u64) -> Result<Option<Wait>> {
    let from = CURRENT.get();
    if from == NOBODY {
        return Ok(None);
    }
    let mut arrows = arrows();
    let mut seen = vec![other];
    let mut next = 0;
    while let Some(&at) = seen.get(next) {
        if at == from {
            return Err(Error::invalid(
                "the computation of this key waits for this very computation; ask for the key outside of it",
            ));
        }
        for to in arrows.get(&at).into_iter().flatten() {
            if !seen.contains(to) {
                seen.push(*to);
            }
        }
        next += 1;
    }
    arrows.entry(from).or_default().push(other);
    Ok(Some(Wait { from, to: other }))
}

impl Drop for Wait {
    fn drop(&mut self) {
        let mut arrows = arrows();
        if let Some(from) = arrows.get_mut(&self.from) {
            if let Some(at) = from.iter().position(|to| *to == self.to) {
                from.swap_remove(at);
            }
            if from.is_empty() {
                arrows.remove(&self.from);
            }
        }
    }
}

/// Makes a computation the thread's current one until it is dropped.
pub(crate) struct Within(u64);

impl Within {
    pub(crate) fn enter(id: u64) -> Self {
        Self(CURRENT.replace(id))
    }
}

impl Drop for Within {
    fn drop(&mut self) {
        CURRENT.set(self.0);
    }
}

fn arrows() -> MutexGuard<'static, BTreeMap<u64, Vec<u64>>> {
    ARROWS.lock().unwrap_or_else(PoisonError::into_inner)
}
