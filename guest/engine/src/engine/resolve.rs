//! Finding the entry an operation is about: in the memory tier, or in the record that the host hands over.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::{Cause, Engine};
use crate::codec::decompress;
use crate::config::Durability;
use crate::error::{Error, ErrorCode, Result};
use crate::namespace::NamespaceId;
use crate::record::{self, Head, Meta};
use crate::slot::{Contents, gone_at};

/// A record that was read.
pub(super) struct Opened<'a> {
    pub(super) head: Head<'a>,
    /// The value as the record has it.
    pub(super) body: &'a [u8],
    pub(super) value: Cow<'a, [u8]>,
}

/// The entry that is there now, owned, so that the slot may be overwritten while it is used.
pub(super) struct Current {
    pub(super) value: Vec<u8>,
    pub(super) fields: Vec<u8>,
    pub(super) created: u64,
    pub(super) expires: u64,
    pub(super) durability: Durability,
}

impl Engine {
    /// The namespace's number in slots, if it was given out.
    #[inline]
    pub(super) fn known_namespace(&self, namespace: NamespaceId) -> Result<u16> {
        self.namespaces.get(namespace).map(|_| namespace as u16)
    }

    /// The version of the live entry, without copying its value.
    pub(super) fn current_version(
        &mut self,
        ns: u16,
        key: &[u8],
        stored: Option<&[u8]>,
        now: u64,
    ) -> Result<Option<u64>> {
        if let Some(id) = self.find_live(ns, key, now) {
            return Ok(Some(self.slab.slot(id).version()));
        }
        let Some(record) = stored else { return Ok(None) };
        let limit = self.config.max_entry_size;
        let head = match record::decode(record) {
            Ok((head, _)) if head.meta.value_len > limit => return self.refused(ns, too_large(&head)).map(|()| None),
            Ok((head, _)) => head,
            Err(refusal) => return self.refused(ns, refusal).map(|()| None),
        };
        Ok(self.is_current(ns, key, &head, now).ok().map(|()| head.meta.version))
    }

    /// The live entry in full.
    pub(super) fn current(&mut self, ns: u16, key: &[u8], stored: Option<&[u8]>, now: u64) -> Result<Option<Current>> {
        let found = self.find_live(ns, key, now);
        if let Some((id, value)) = found.and_then(|id| Some((id, self.value(id)?))) {
            let slot = self.slab.slot(id);
            return Ok(Some(Current {
                value,
                fields: slot.fields_bytes().to_vec(),
                created: slot.created(),
                expires: slot.expires(),
                durability: slot.durability(),
            }));
        }
        let Some(record) = stored else { return Ok(None) };
        let Opened { head, value, .. } = match self.open_record(record) {
            Ok(opened) => opened,
            Err(refusal) => return self.refused(ns, refusal).map(|()| None),
        };
        if self.is_current(ns, key, &head, now).is_err() {
            return Ok(None);
        }
        let Meta { created, expires, durability, .. } = head.meta;
        Ok(Some(Current {
            value: value.into_owned(),
            fields: head.fields.bytes().to_vec(),
            created,
            expires,
            durability,
        }))
    }

    /// Decodes a record and inflates its body.
    pub(super) fn open_record<'a>(&self, record: &'a [u8]) -> Result<Opened<'a>> {
        let (head, body) = record::decode(record)?;
        let value = decompress(head.meta.codec, body, head.meta.value_len, self.config.max_entry_size)?;
        Ok(Opened { head, body, value })
    }

    /// Whether a sound record is this entry, and still good. If so, its version has been seen.
    pub(super) fn is_current(&mut self, ns: u16, key: &[u8], head: &Head<'_>, now: u64) -> Result<()> {
        if head.key != key || head.namespace != self.namespaces.name(ns) {
            self.namespaces.stats(ns).count_refusal(ErrorCode::AnotherKey);
            return Err(Error::new(ErrorCode::AnotherKey, "the record belongs to another key"));
        }
        if gone_at(head.meta.expires, head.meta.accessed, head.fields) <= now {
            self.namespaces.stats(ns).expired += 1;
            return Err(Error::new(ErrorCode::Expired, "the entry's time is over"));
        }
        if head.meta.version < self.bans.newest() && self.bans.cover(&head.as_subject()) {
            self.namespaces.stats(ns).invalidated += 1;
            return Err(invalidated());
        }
        self.sequence = self.sequence.max(head.meta.version);
        Ok(())
    }

    /// Counts a record that could not be used. A damaged record is a miss; one that is too new is an error, so that it
    /// is not overwritten by somebody who could not read it.
    pub(super) fn refused(&mut self, ns: u16, refusal: Error) -> Result<()> {
        self.namespaces.stats(ns).count_refusal(refusal.code);
        match refusal.code {
            ErrorCode::NewerFormat => Err(refusal),
            _ => Ok(()),
        }
    }

    /// Puts an entry into the memory tier if it fits there; otherwise makes sure that no older one stays behind.
    pub(super) fn keep(&mut self, contents: &Contents<'_>, now: u64) -> Option<u32> {
        let advises = self.advice.get().is_some().then(|| self.kind_of(contents, now));
        let kept = if self.fits(contents.charge()) {
            self.insert(contents, now)
        } else {
            if let Some(old) = self.index.find(&self.slab, contents.hash, contents.namespace, contents.key) {
                self.remove(old, Cause::Silent);
            }
            None
        };
        if let Some(kind) = advises {
            self.advise_on_arrival(contents, kind, now);
        }
        kept
    }
}

/// What there is instead of an entry that is banned.
pub(super) fn invalidated() -> Error {
    Error::new(ErrorCode::Invalidated, "the entry was made invalid after it was written")
}

/// What reading the record's value would be answered with.
fn too_large(head: &Head<'_>) -> Error {
    let message = text!("the record's value of ", head.meta.value_len, " bytes is above the limit");
    Error::new(ErrorCode::TooLarge, message)
}
