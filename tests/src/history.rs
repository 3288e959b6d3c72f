//! Histories of operations on one key, and whether an order explains them.
//!
//! A history is *linearizable* (Herlihy and Wing, 1990) when its operations can be put in an order that keeps those
//! apart that did not overlap, and in which each answers what it answers when they run one by one. The search is
//! that of Wing and Gong (1993) with Lowe's (2017) memory of places reached before. Versions are not predicted but
//! learnt: from a write's answer, or from the first look-up after a write that does not tell; they must grow.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Operations that a history may have.
pub const MAX_OPERATIONS: usize = 128;

/// What was asked for. Values are numbers here; the harness gives them their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// Read value and version.
    Lookup,
    /// Write, whatever is there.
    Set(i64),
    /// Remove.
    Delete,
    /// Write if nothing is there.
    Add(i64),
    /// Write if something is there.
    Replace(i64),
    /// Write if that version is there: version, value.
    CompareAndSet(u64, i64),
    /// Add to the number that is there, or to 0.
    Increment(i64),
}

/// What was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Answer {
    /// To a look-up: value and version.
    Found(i64, u64),
    /// To a look-up: nothing.
    Absent,
    /// To a write: done, and the new version.
    Written(u64),
    /// To a conditional write: not done.
    Refused,
    /// To a delete: whether something was there.
    Deleted(bool),
    /// To an increment: the sum.
    Counted(i64),
}

/// An operation that has ended. It took effect once between `began` and `ended`, in nanoseconds of one clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operation {
    /// Which process and thread.
    pub who: u32,
    /// Which of the history's keys.
    pub key: usize,
    /// What was asked for.
    pub call: Call,
    /// What was answered.
    pub answer: Answer,
    /// Before the call.
    pub began: u64,
    /// After the answer.
    pub ended: u64,
}

/// What is under a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
struct State {
    value: Option<i64>,
    /// Version of the value, once it is known.
    version: Option<u64>,
    /// The highest version known; all later ones are above it.
    floor: u64,
}

impl State {
    fn written(self, value: i64, version: u64) -> Option<Self> {
        (version > self.floor).then_some(Self { value: Some(value), version: Some(version), floor: version })
    }

    /// Whether the value that is there may have this version.
    fn may_be(self, version: u64) -> bool {
        self.value.is_some() && self.version.map_or(version > self.floor, |known| known == version)
    }

    /// Whether the value that is there, if any, may have another version.
    fn may_differ(self, version: u64) -> bool {
        self.version != Some(version)
    }

    /// What is there after the operation; `None` when the answer is not possible now.
    fn after(self, call: Call, answer: Answer) -> Option<Self> {
        let there = self.value.is_some();
        match (call, answer) {
            (Call::Lookup, Answer::Absent) => (!there).then_some(self),
            (Call::Lookup, Answer::Found(value, version)) => (self.value == Some(value) && self.may_be(version))
                .then_some(Self { version: Some(version), floor: version, ..self }),
            (Call::Set(value), Answer::Written(version)) => self.written(value, version),
            (Call::Delete, Answer::Deleted(existed)) => {
                (existed == there).then_some(Self { value: None, version: None, ..self })
            }
            (Call::Add(_), Answer::Refused) => there.then_some(self),
            (Call::Add(value), Answer::Written(version)) => (!there).then(|| self.written(value, version))?,
            (Call::Replace(_), Answer::Refused) => (!there).then_some(self),
            (Call::Replace(value), Answer::Written(version)) => there.then(|| self.written(value, version))?,
            (Call::CompareAndSet(expected, _), Answer::Refused) => self.may_differ(expected).then_some(self),
            (Call::CompareAndSet(expected, value), Answer::Written(version)) => {
                (self.may_be(expected) && version > expected).then(|| self.written(value, version))?
            }
            (Call::Increment(delta), Answer::Counted(sum)) => (self.value.unwrap_or(0).checked_add(delta) == Some(sum))
                .then_some(Self { value: Some(sum), version: None, ..self }),
            _ => None,
        }
    }
}

/// A history that no order explains.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// The operations in the order of their beginning.
    pub operations: Vec<Operation>,
    /// Places of the longest part that an order explains, in that order.
    pub explained: Vec<usize>,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let zero = self.operations.first().map_or(0, |operation| operation.began);
        writeln!(
            f,
            "no order explains these operations (who, from and to in µs, what; # is the place in the longest order):"
        )?;
        for (place, operation) in self.operations.iter().enumerate() {
            let at = self.explained.iter().position(|explained| *explained == place);
            let at = at.map_or("  -".to_owned(), |at| format!("#{at:<2}"));
            let micros = |time: u64| (time - zero) as f64 / 1000.0;
            let Operation { who, call, answer, began, ended, .. } = operation;
            writeln!(f, "{at} {who:>2} {:>9.1} {:>9.1} {call:?} -> {answer:?}", micros(*began), micros(*ended))?;
        }
        Ok(())
    }
}

/// Judges the history of one key that was absent before.
///
/// # Errors
/// The history, when no order explains it.
///
/// # Panics
/// When it has more than [`MAX_OPERATIONS`].
pub fn check(mut operations: Vec<Operation>) -> Result<(), Violation> {
    assert!(operations.len() <= MAX_OPERATIONS, "a history of {} operations", operations.len());
    operations.sort_by_key(|operation| operation.began);
    let mut search = Search { operations: &operations, seen: HashSet::new(), order: Vec::new(), longest: Vec::new() };
    if search.goes_on(0, State::default()) {
        return Ok(());
    }
    let explained = search.longest;
    Err(Violation { operations, explained })
}

struct Search<'a> {
    operations: &'a [Operation],
    /// Sets of operations and what they left behind, from where there is no way on.
    seen: HashSet<(u128, State)>,
    order: Vec<usize>,
    longest: Vec<usize>,
}

impl Search<'_> {
    /// Whether what is not in `done` can follow it.
    fn goes_on(&mut self, done: u128, state: State) -> bool {
        if self.order.len() == self.operations.len() {
            return true;
        }
        if !self.seen.insert((done, state)) {
            return false;
        }
        let open = |place: &usize| done & 1 << place == 0;
        let all = 0..self.operations.len();
        // Whatever began after another ended comes after it.
        let first_end = all.clone().filter(open).map(|place| self.operations[place].ended).min().unwrap_or(u64::MAX);
        for place in all.filter(open) {
            let Operation { call, answer, began, .. } = self.operations[place];
            if began > first_end {
                break;
            }
            let Some(next) = state.after(call, answer) else { continue };
            self.order.push(place);
            if self.order.len() > self.longest.len() {
                self.longest.clone_from(&self.order);
            }
            if self.goes_on(done | 1 << place, next) {
                return true;
            }
            self.order.pop();
        }
        false
    }
}

#[cfg(test)]
mod tests;
