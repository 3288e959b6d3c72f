//! The namespaces of a cache, in the order in which they were first used: their place is their number in every guest.

use std::hash::RandomState;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use hashbrown::HashMap;

use crate::component::bindings::api;
use crate::error::{Error, ErrorKind, Result};

/// Namespaces of one open cache. Every guest that is used for one knows it, at about half a kilobyte each.
const MAX_NAMESPACES: usize = 10_000;

#[derive(Debug, Clone)]
pub(crate) struct Namespace {
    pub(crate) name: String,
    /// The store's hash of the name.
    pub(crate) hash: u64,
    pub(crate) defaults: Vec<api::NamespaceDefault>,
}

#[derive(Debug, Default)]
pub(crate) struct Namespaces(RwLock<Known>);

#[derive(Debug, Default)]
struct Known {
    all: Vec<Namespace>,
    by_name: HashMap<String, u32, RandomState>,
    by_hash: HashMap<u64, u32, RandomState>,
}

impl Namespaces {
    /// The number of a namespace, which `make` makes if it is new.
    ///
    /// # Errors
    /// `TooManyNamespaces`, so that names which come from outside cannot fill the memory.
    pub(crate) fn find_or_insert(&self, name: &str, make: impl FnOnce() -> Namespace) -> Result<u32> {
        if let Some(id) = self.read().by_name.get(name) {
            return Ok(*id);
        }
        let mut known = self.write();
        if let Some(id) = known.by_name.get(name) {
            return Ok(*id);
        }
        if known.all.len() >= MAX_NAMESPACES {
            let message = format!(
                "a cache knows {MAX_NAMESPACES} namespaces while it is open, and {name:?} would be one more; put what varies \
                 without end into keys or tags"
            );
            return Err(Error::new(ErrorKind::TooManyNamespaces, message));
        }
        let (id, namespace) = (known.all.len() as u32, make());
        known.by_name.insert(name.to_owned(), id);
        known.by_hash.insert(namespace.hash, id);
        known.all.push(namespace);
        Ok(id)
    }

    pub(crate) fn from(&self, first: u32) -> Vec<Namespace> {
        self.read().all.get(first as usize..).unwrap_or_default().to_vec()
    }

    pub(crate) fn len(&self) -> u32 {
        self.read().all.len() as u32
    }

    pub(crate) fn name(&self, id: u32) -> Option<String> {
        self.read().all.get(id as usize).map(|namespace| namespace.name.clone())
    }

    pub(crate) fn by_hash(&self, hash: u64) -> Option<u32> {
        self.read().by_hash.get(&hash).copied()
    }

    pub(crate) fn set_defaults(&self, id: u32, defaults: Vec<api::NamespaceDefault>) {
        if let Some(namespace) = self.write().all.get_mut(id as usize) {
            namespace.defaults = defaults;
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Known> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Known> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}
