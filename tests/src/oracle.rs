//! What a store may hold, told from the history of the writes made to it.
//!
//! Writes are in one order, that of the log. *Synced* is the newest write that was acknowledged with durability `sync`, and
//! all before it. After a power loss the store must hold what it held after some write of the history: of [`synced`](History::synced)
//! or a later one. So nothing synced is lost, nothing that a synced write replaced or removed comes back, and nothing is
//! there of a write unless all before it are. A store that may evict may miss entries of that state, and have none beside it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A namespace and a key.
pub type Key = (u8, u8);

/// What is under a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Value {
    /// The value itself.
    pub bytes: Arc<[u8]>,
    /// When it expires, Unix milliseconds; never for the greatest number.
    pub gone: u64,
    /// Whether it was written to survive power loss: then so must its deletion.
    pub sync: bool,
}

/// What keys hold.
pub type State = BTreeMap<Key, Value>;

/// What readers found.
pub type Seen = BTreeMap<Key, Vec<u8>>;

/// One write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// A key has another value, or another time.
    Set(Key, Value),
    /// A key has none.
    Delete(Key),
    /// A namespace is empty, or all are.
    Clear(Option<u8>),
}

impl Change {
    fn apply(&self, state: &mut State) {
        match self {
            Self::Set(key, value) => drop(state.insert(*key, value.clone())),
            Self::Delete(key) => drop(state.remove(key)),
            Self::Clear(namespace) => state.retain(|(of, _), _| namespace.is_some_and(|cleared| cleared != *of)),
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Set(key, value) => write!(f, "set {key:?} to {}", brief(&value.bytes)),
            Self::Delete(key) => write!(f, "delete {key:?}"),
            Self::Clear(namespace) => write!(f, "clear {namespace:?}"),
        }
    }
}

/// The writes made to a store.
#[derive(Debug, Clone, Default)]
pub struct History {
    synced: State,
    /// Since then.
    changes: Vec<Change>,
    now: State,
}

impl History {
    /// What the store holds as its users see it.
    #[must_use]
    pub fn state(&self) -> &State {
        &self.now
    }

    /// What it held after the newest synced write.
    #[must_use]
    pub fn synced(&self) -> &State {
        &self.synced
    }

    /// One more write, not synced.
    pub fn push(&mut self, change: Change) {
        change.apply(&mut self.now);
        self.changes.push(change);
    }

    /// The last write was none after all. It was not synced.
    pub fn pop(&mut self) {
        self.changes.pop();
        self.now = self.synced.clone();
        self.changes.iter().for_each(|change| change.apply(&mut self.now));
    }

    /// All writes so far are synced.
    pub fn sync(&mut self) {
        self.changes.clear();
        self.synced = self.now.clone();
    }

    /// Checks what was found at a time: after a power loss, or with `all` while the machine is up, when no write may be
    /// missing. With `evicts`, entries may be missing.
    ///
    /// # Errors
    /// What is wrong, measured against the state that comes closest.
    pub fn check(&self, seen: &Seen, now: u64, all: bool, evicts: bool) -> Result<(), String> {
        let mut best: Option<(usize, String)> = None;
        let mut look = |after: usize, state: &State| {
            let wrong = differences(seen, state, now, evicts);
            let is_right = wrong.is_empty();
            if best.as_ref().is_none_or(|(least, _)| wrong.len() < *least) {
                let shown: Vec<_> = wrong.iter().take(6).cloned().collect();
                let text =
                    format!("after {after} of {} writes since the last sync: {}", self.changes.len(), shown.join("; "));
                best = Some((wrong.len(), text));
            }
            is_right
        };
        // From the newest on, which is the most likely.
        if look(self.changes.len(), &self.now) {
            return Ok(());
        }
        if !all {
            let mut state = self.synced.clone();
            for (after, change) in self.changes.iter().enumerate() {
                if look(after, &state) {
                    return Ok(());
                }
                change.apply(&mut state);
            }
        }
        let changes: Vec<_> = self.changes.iter().map(ToString::to_string).collect();
        let (count, text) = best.unwrap_or_default();
        Err(format!("{count} keys are wrong {text}. Writes since the last sync: {}", changes.join(", ")))
    }
}

fn differences(seen: &Seen, state: &State, now: u64, evicts: bool) -> Vec<String> {
    let mut wrong = Vec::new();
    for (key, value) in state.iter().filter(|(_, value)| value.gone > now) {
        match seen.get(key) {
            None if !evicts => wrong.push(format!("{key:?} is missing, not {}", brief(&value.bytes))),
            Some(found) if found[..] != value.bytes[..] => {
                wrong.push(format!("{key:?} is {}, not {}", brief(found), brief(&value.bytes)));
            }
            _ => {}
        }
    }
    let is_there = |key: &Key| state.get(key).is_some_and(|value| value.gone > now);
    for (key, found) in seen.iter().filter(|(key, _)| !is_there(key)) {
        wrong.push(format!("{key:?} is {}, not missing", brief(found)));
    }
    wrong
}

fn brief(bytes: &[u8]) -> String {
    let start: String = bytes.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    format!("{start}… ({} bytes)", bytes.len())
}
