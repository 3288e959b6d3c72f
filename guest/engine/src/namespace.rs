//! Namespaces: named sets of entries with their own defaults and statistics.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use crate::config::{BANS_NAMESPACE, MAX_NAMESPACE_NAME, NamespaceDefaults};
use crate::error::{Error, ErrorCode, Result};
use crate::stats::Statistics;

/// The number under which an engine knows a namespace. Given out in order from 0; the default namespace has no special
/// number.
pub type NamespaceId = u32;

#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) name: String,
    pub(crate) defaults: NamespaceDefaults,
    pub(crate) stats: Statistics,
}

/// All namespaces of an engine; a namespace is never forgotten, so numbers stay valid.
#[derive(Debug, Default)]
pub(crate) struct Namespaces(Vec<Namespace>);

impl Namespaces {
    /// The number of the namespace `name`, which is created if new.
    pub(crate) fn find_or_create(&mut self, name: &str) -> Result<NamespaceId> {
        if let Some(at) = self.find(name) {
            return Ok(at);
        }
        if name == BANS_NAMESPACE {
            return Err(Error::invalid(text!(
                "the namespace ",
                BANS_NAMESPACE,
                " is where bans are kept; use another name"
            )));
        }
        if name.is_empty() || name.len() > MAX_NAMESPACE_NAME {
            return Err(Error::invalid(text!("a namespace name has 1 to ", MAX_NAMESPACE_NAME, " bytes")));
        }
        if self.0.len() > usize::from(u16::MAX) {
            return Err(Error::invalid("an engine holds at most 65,536 namespaces"));
        }
        self.0.push(Namespace {
            name: name.to_owned(),
            defaults: NamespaceDefaults::default(),
            stats: Statistics::default(),
        });
        Ok((self.0.len() - 1) as NamespaceId)
    }

    /// The number of the namespace `name`, if there is one.
    pub(crate) fn find(&self, name: &str) -> Option<NamespaceId> {
        self.0.iter().position(|n| n.name == name).map(|at| at as NamespaceId)
    }

    #[inline]
    pub(crate) fn get(&self, id: NamespaceId) -> Result<&Namespace> {
        self.0.get(id as usize).ok_or_else(|| unknown(id))
    }

    #[inline]
    pub(crate) fn get_mut(&mut self, id: NamespaceId) -> Result<&mut Namespace> {
        self.0.get_mut(id as usize).ok_or_else(|| unknown(id))
    }

    /// The statistics that belong to a slot's namespace number, which is valid by construction.
    #[inline]
    pub(crate) fn stats(&mut self, id: u16) -> &mut Statistics {
        &mut self.0[usize::from(id)].stats
    }

    pub(crate) fn name(&self, id: u16) -> &str {
        &self.0[usize::from(id)].name
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut Namespace> {
        self.0.iter_mut()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Namespace> {
        self.0.iter()
    }
}

fn unknown(id: NamespaceId) -> Error {
    Error::new(ErrorCode::UnknownNamespace, text!("namespace number ", id, " was not given out by this cache"))
}
