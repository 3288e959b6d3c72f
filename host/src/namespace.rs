//! The namespaces of a cache, in the order in which they were first used: their place is their number in every guest.

use std::sync::{PoisonError, RwLock};

use crate::component::bindings::api;

#[derive(Debug, Clone)]
pub(crate) struct Namespace {
    pub(crate) name: String,
    /// The store's hash of the name.
    pub(crate) hash: u64,
    pub(crate) defaults: Vec<api::NamespaceDefault>,
}

#[derive(Debug, Default)]
pub(crate) struct Namespaces(RwLock<Vec<Namespace>>);

impl Namespaces {
    /// The number of a namespace, which `make` makes if it is new.
    pub(crate) fn find_or_insert(&self, name: &str, make: impl FnOnce() -> Namespace) -> u32 {
        let mut all = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let at = all.iter().position(|namespace| namespace.name == name).unwrap_or_else(|| {
            all.push(make());
            all.len() - 1
        });
        at as u32
    }

    pub(crate) fn from(&self, first: u32) -> Vec<Namespace> {
        self.read().get(first as usize..).unwrap_or_default().to_vec()
    }

    pub(crate) fn by_hash(&self, hash: u64) -> Option<u32> {
        self.read().iter().position(|namespace| namespace.hash == hash).map(|at| at as u32)
    }

    pub(crate) fn set_defaults(&self, id: u32, defaults: Vec<api::NamespaceDefault>) {
        if let Some(namespace) = self.0.write().unwrap_or_else(PoisonError::into_inner).get_mut(id as usize) {
            namespace.defaults = defaults;
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Vec<Namespace>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }
}
