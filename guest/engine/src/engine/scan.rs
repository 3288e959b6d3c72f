//! Walking over the memory tier with a cursor.

use alloc::vec::Vec;

use super::{Engine, Page};
use crate::error::Result;
use crate::namespace::NamespaceId;

/// The most slots that one call looks at, so that a scan for few entries among many stays short.
const LOOKED_AT: usize = 4096;

/// Bytes of keys and fields after which a page is full, however many entries it may have.
const PAGE_SIZE: usize = 1 << 20;

impl Engine {
    /// A part of the live entries in the memory tier, of one namespace or all, whose keys begin with `prefix`.
    ///
    /// At most `limit` entries, at least 1, and fewer when their keys and fields take more than 1 MiB. Start
    /// with `cursor` 0 and go on with `next` until it is `None`; a page may be empty before the end. An entry
    /// that
    /// is there during the whole scan is seen exactly once; one that comes or goes meanwhile may or may not be.
    ///
    /// # Errors
    /// `UnknownNamespace`.
    pub fn scan(
        &self,
        namespace: Option<NamespaceId>,
        prefix: &[u8],
        cursor: u32,
        limit: u32,
        now: u64,
    ) -> Result<Page> {
        let wanted = namespace.map(|ns| self.known_namespace(ns)).transpose()?;
        let mut page = Page { entries: Vec::new(), next: None };
        let mut size = 0;
        for (looked_at, (id, slot)) in self.slab.occupied_from(cursor).enumerate() {
            let full = page.entries.len() == limit.max(1) as usize || size >= PAGE_SIZE;
            if looked_at == LOOKED_AT || full {
                page.next = Some(id);
                break;
            }
            let is_wanted = wanted.is_none_or(|ns| ns == slot.namespace) && slot.key().starts_with(prefix);
            if is_wanted && slot.gone_at() > now && !self.covers(slot) {
                size += slot.key().len() + slot.fields_bytes().len();
                page.entries.push(self.info(slot));
            }
        }
        Ok(page)
    }
}
