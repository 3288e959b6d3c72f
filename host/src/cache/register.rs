//! States: bytes under a name that are replaced only by what was made of those that are there now, so that threads and processes
//! share them. They are entries of a namespace of their own, changed by compare-and-set. A cache without a store keeps them
//! beside the entries, from which memory could give them up.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use super::options::{Defaults, SetOptions};
use super::{Cache, Inner, lock};
use crate::component::bindings::api;
use crate::error::{Error, ErrorKind, Result};

/// How often a change starts anew because another one came first.
const TRIES: u32 = 1_000;

/// By namespace and name, what a cache without a store keeps: versions and states.
type Kept = BTreeMap<(u32, String), (u64, Vec<u8>)>;

/// The states of a cache without a store.
#[derive(Debug, Default)]
pub(super) struct States(Mutex<Kept>);

impl States {
    /// Forgets all of them.
    pub(super) fn forget(&self) {
        lock(&self.0).clear();
    }
}

/// The states in one namespace.
#[derive(Clone, Debug)]
pub(super) struct Register {
    pub(super) cache: Cache,
    content_type: &'static str,
}

/// A state and its version.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) state: Vec<u8>,
    pub(super) version: u64,
}

impl Register {
    pub(super) fn open(inner: Arc<Inner>, namespace: &str, content_type: &'static str) -> Result<Self> {
        let cache = Cache::with_namespace(inner, namespace, Some(&Defaults::default()))?;
        Ok(Self { cache, content_type })
    }

    fn inner(&self) -> &Inner {
        &self.cache.inner
    }

    fn place(&self, name: &str) -> (u32, String) {
        (self.cache.id, name.to_owned())
    }

    /// Whether a record from elsewhere may be one of these states; whether it is sound shows when it is used.
    pub(super) fn takes(&self, info: &api::EntryInfo) -> bool {
        info.content_type == self.content_type && info.key.len() <= 255
    }

    /// The names of all states.
    pub(super) fn names(&self) -> Result<Vec<String>> {
        if self.inner().store.is_none() {
            let states = lock(&self.inner().states.0);
            let ours = states.keys().filter(|(namespace, _)| *namespace == self.cache.id);
            return Ok(ours.map(|(_, name)| name.clone()).collect());
        }
        let entries = self.cache.list(&super::Filter::default())?;
        Ok(entries.into_iter().filter_map(|info| String::from_utf8(info.key).ok()).collect())
    }

    pub(super) fn held(&self, name: &str) -> Result<Option<Held>> {
        if self.inner().store.is_none() {
            let states = lock(&self.inner().states.0);
            let found = states.get(&self.place(name));
            return Ok(found.map(|(version, state)| Held { state: state.clone(), version: *version }));
        }
        let hit = self.cache.lookup(name)?;
        Ok(hit.map(|hit| Held { state: hit.value, version: hit.version }))
    }

    /// Puts another state in the place of the one that was read; false when that is not there any more.
    pub(super) fn swap(&self, name: &str, before: Option<&Held>, state: Vec<u8>) -> Result<bool> {
        if self.inner().store.is_none() {
            let mut states = lock(&self.inner().states.0);
            let there = states.get(&self.place(name)).map(|(version, _)| *version);
            if there != before.map(|held| held.version) {
                return Ok(false);
            }
            states.insert(self.place(name), (there.map_or(1, |version| version + 1), state));
            return Ok(true);
        }
        let options = SetOptions::new().content_type(self.content_type);
        let written = match before {
            Some(held) => self.cache.compare_and_set(name, held.version, state, &options)?,
            None => self.cache.add(name, state, &options)?,
        };
        Ok(written.is_some())
    }

    /// Changes a state. `change` answers with the new one, or with none to leave it, and with what comes of it; it may be asked
    /// again.
    pub(super) fn change<T>(
        &self,
        name: &str,
        mut change: impl FnMut(Option<&Held>) -> Result<(Option<Vec<u8>>, T)>,
    ) -> Result<T> {
        for _ in 0..TRIES {
            let held = self.held(name)?;
            let (state, outcome) = change(held.as_ref())?;
            let is_done = match state {
                Some(state) => self.swap(name, held.as_ref(), state)?,
                None => true,
            };
            if is_done {
                return Ok(outcome);
            }
        }
        let message = format!("the state of {name} was changed by others all the time; try again");
        Err(Error::new(ErrorKind::Locked, message))
    }

    pub(super) fn remove(&self, name: &str) -> Result<()> {
        lock(&self.inner().states.0).remove(&self.place(name));
        if self.inner().store.is_some() {
            self.cache.delete(name)?;
        }
        Ok(())
    }
}
