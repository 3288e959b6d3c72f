//! Operations that leave entries as they are.

use alloc::borrow::Cow;
use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::resolve::{Opened, invalidated};
use super::worth::Judgement;
use super::{Engine, EntryInfo, Freshness, Hit, Times};
use crate::codec::{Codec, decompress};
use crate::error::{Error, ErrorCode, Result};
use crate::namespace::NamespaceId;
use crate::record::fields::{DependencyRef, Fields};
use crate::record::{self, Meta};
use crate::slot::{Contents, Slot, gone_at};
use crate::time::known;

/// An entry that is read.
pub(super) struct Found {
    pub(super) id: u32,
    /// The value, if it lies packed.
    inflated: Option<Vec<u8>>,
    is_stale: bool,
    renew: bool,
}

impl Engine {
    /// Looks an entry up in the memory tier and counts the read. `None` is a miss; a host with a store then reads the
    /// record itself and offers it to [`admit`](Self::admit).
    ///
    /// # Errors
    /// `UnknownNamespace`.
    #[inline]
    pub fn get(&mut self, namespace: NamespaceId, key: &[u8], now: u64) -> Result<Option<Hit<'_>>> {
        let ns = self.known_namespace(namespace)?;
        let found = self.find_for_reading(ns, key, now);
        Ok(found.map(|found| hit_of(self.slab.slot(found.id), found)))
    }

    /// Finds an entry that is about to be read, and counts that.
    #[inline]
    pub(super) fn find_for_reading(&mut self, ns: u16, key: &[u8], now: u64) -> Option<Found> {
        let Some(id) = self.find_live(ns, key, now) else {
            self.namespaces.stats(ns).misses += 1;
            return None;
        };
        let Self { policy, slab, config, patience, .. } = self;
        policy.accessed(id, &Judgement { slab, objective: config.objective, patience: *patience, now });
        self.cold.earn(self.slab.end());
        let mut inflated = None;
        if self.slab.slot(id).is_packed() {
            inflated = self.read_packed(id, now);
            if inflated.is_none() {
                self.namespaces.stats(ns).misses += 1;
                return None;
            }
        }
        let slot = self.slab.slot_mut(id);
        slot.set_read(true);
        let before = slot.accessed();
        slot.set_accessed(now.max(before));
        slot.hits = slot.hits.saturating_add(1);
        let mut renew = false;
        if slot.is_prefetched() {
            renew = true;
            self.first_use(id);
        }
        let slot = self.slab.slot(id);
        if slot.has_idle_timeout() {
            let written = slot.written();
            renew |= slot.fields().idle_timeout().is_some_and(|idle| now.saturating_sub(written) > idle / 4);
            self.expiry.update(&mut self.slab, id);
        }
        if self.advice.get().is_some() {
            self.advise_on_hit(id, before, now);
        }
        let slot = self.slab.slot(id);
        let is_stale = slot.expires() <= now;
        let len = inflated.as_ref().map_or(slot.body().len(), Vec::len);
        let stats = self.namespaces.stats(ns);
        stats.hits += 1;
        stats.stale_hits += u64::from(is_stale);
        stats.bytes_read += len as u64;
        Some(Found { id, inflated, is_stale, renew })
    }

    /// Takes a record that the host's store holds for a key into the memory tier, and answers as [`get`](Self::get)
    /// would have. A value too large for the memory tier is answered and not kept.
    ///
    /// # Errors
    /// `Corrupt`, `NewerFormat`, `TooLarge` (for `max_entry_size`), `AnotherKey`, `Expired`, `Invalidated` or `Outdated` say why the
    /// record is a miss; `UnknownNamespace`.
    pub fn admit(&mut self, namespace: NamespaceId, key: &[u8], record: &[u8], now: u64) -> Result<Hit<'_>> {
        self.take_in(namespace, Some(key), record, now)
    }

    /// As [`admit`](Self::admit), under the key that the record itself names: fills the memory tier from a store. That is no use of a
    /// prefetched entry.
    ///
    /// # Errors
    /// As [`admit`](Self::admit).
    pub fn load(&mut self, namespace: NamespaceId, record: &[u8], now: u64) -> Result<Hit<'_>> {
        self.take_in(namespace, None, record, now)
    }

    fn take_in(&mut self, namespace: NamespaceId, key: Option<&[u8]>, record: &[u8], now: u64) -> Result<Hit<'_>> {
        let ns = self.known_namespace(namespace)?;
        let Opened { head, body, value } = match self.open_record(record) {
            Ok(opened) => opened,
            Err(refusal) => {
                self.namespaces.stats(ns).count_refusal(refusal.code);
                return Err(refusal);
            }
        };
        let is_first_use = key.is_some() && head.fields.is_prefetched();
        let key = key.unwrap_or(head.key);
        self.is_current(ns, key, &head, now)?;
        if let Some(id) = self.find_live(ns, key, now)
            && self.slab.slot(id).version() > head.meta.version
        {
            return Err(Error::new(ErrorCode::Outdated, "a newer version of the entry is known already"));
        }
        let Meta { version, created, accessed, expires, durability, .. } = head.meta;
        let stale = expires <= now;
        let idle = head.fields.idle_timeout();
        let renew = is_first_use || idle.is_some_and(|idle| now.saturating_sub(accessed) > idle / 4);
        let used = is_first_use.then(|| head.fields.used());
        let stats = self.namespaces.stats(ns);
        stats.admitted += 1;
        stats.prefetch_hits += u64::from(is_first_use);
        stats.stale_hits += u64::from(stale);
        stats.bytes_read += value.len() as u64;
        let packing = self.stays_packed(&head, body, key);
        let contents = Contents {
            namespace: ns,
            hash: self.hasher.hash(ns, key),
            fields: used.as_deref().unwrap_or(head.fields.bytes()),
            key,
            body: if packing.is_some() { body } else { &value },
            packing,
            created,
            accessed: now.max(accessed),
            written: accessed,
            expires,
            version,
            durability,
        };
        Ok(match self.keep(&contents, now) {
            Some(id) if packing.is_some() => {
                self.slab.slot_mut(id).set_read(true);
                Hit { renew, ..hit(self.slab.slot(id), Cow::Owned(value.into_owned()), stale) }
            }
            Some(id) => {
                let slot = self.slab.slot(id);
                Hit { renew, ..hit(slot, Cow::Borrowed(slot.body()), stale) }
            }
            None => Hit {
                value: Cow::Owned(value.into_owned()),
                content_type: Cow::Owned(head.fields.content_type().to_owned()),
                version,
                created,
                expires: known(expires),
                freshness: freshness(stale),
                renew,
                depends: head.fields.depends(),
            },
        })
    }

    /// A prefetched entry is asked for.
    #[cold]
    fn first_use(&mut self, id: u32) {
        let slot = self.slab.slot_mut(id);
        let less = slot.mark_used();
        let (namespace, charge, is_packed) = (slot.namespace, slot.charge(), slot.is_packed());
        self.bytes -= less;
        let stats = self.namespaces.stats(namespace);
        stats.bytes -= less;
        stats.prefetch_hits += 1;
        if is_packed {
            self.cold.packed -= less;
        }
        self.policy.reweighed(id, charge as u32);
    }

    /// Whether a live entry is in the memory tier. Counts nothing and refreshes nothing.
    ///
    /// # Errors
    /// `UnknownNamespace`.
    pub fn exists(&mut self, namespace: NamespaceId, key: &[u8], now: u64) -> Result<bool> {
        let ns = self.known_namespace(namespace)?;
        Ok(self.find_live(ns, key, now).is_some())
    }

    /// Until when a live entry in the memory tier is there. Counts nothing and refreshes nothing.
    ///
    /// # Errors
    /// `UnknownNamespace`.
    pub fn ttl(&mut self, namespace: NamespaceId, key: &[u8], now: u64) -> Result<Option<Times>> {
        let ns = self.known_namespace(namespace)?;
        Ok(self.find_live(ns, key, now).map(|id| {
            let slot = self.slab.slot(id);
            Times { expires: known(slot.expires()), gone: known(slot.gone_at()) }
        }))
    }

    /// All that is known of a live entry in the memory tier, without its value. Counts nothing and refreshes nothing.
    ///
    /// # Errors
    /// `UnknownNamespace`.
    pub fn inspect(&mut self, namespace: NamespaceId, key: &[u8], now: u64) -> Result<Option<EntryInfo>> {
        let ns = self.known_namespace(namespace)?;
        Ok(self.find_live(ns, key, now).map(|id| self.info(self.slab.slot(id))))
    }

    /// When the entry of a record was last read, as far as the memory tier knows: Unix milliseconds, or 0. The record's first bytes
    /// are enough: the body need not be there.
    ///
    /// # Errors
    /// `Corrupt`, `NewerFormat`, `Invalidated`.
    pub fn accessed(&self, record: &[u8]) -> Result<u64> {
        let head = record::decode_head(record)?;
        if self.bans.cover(&head.as_subject()) {
            return Err(invalidated());
        }
        let Some(ns) = self.namespaces.find(head.namespace) else { return Ok(0) };
        let hash = self.hasher.hash(ns as u16, head.key);
        let found = self.index.find(&self.slab, hash, ns as u16, head.key);
        Ok(found.map_or(0, |id| self.slab.slot(id).accessed()))
    }

    /// Whether a record is whole, body included, and its entry neither over nor banned. One with a value above `limit` bytes is not.
    pub fn is_sound(&self, record: &[u8], limit: usize, now: u64) -> bool {
        let Ok((head, body)) = record::decode(record) else { return false };
        let Meta { codec, value_len, accessed, expires, .. } = head.meta;
        decompress(codec, body, value_len, limit).is_ok()
            && gone_at(expires, accessed, head.fields) > now
            && !self.bans.cover(&head.as_subject())
    }

    pub(super) fn info(&self, slot: &Slot) -> EntryInfo {
        let base = described(slot.fields(), slot.expires(), slot.accessed());
        EntryInfo {
            namespace: self.namespaces.name(slot.namespace).to_owned(),
            key: slot.key().to_vec(),
            version: slot.version(),
            created: slot.created(),
            hits: slot.hits,
            value_size: slot.value_len() as u64,
            size: slot.charge(),
            codec: slot.packing().map_or(Codec::None, |packing| packing.codec),
            durability: slot.durability(),
            ..base
        }
    }
}

/// Reads what a record says of its entry. The first bytes are enough: the body need not be there.
///
/// # Errors
/// `Corrupt` or `NewerFormat`.
pub fn describe(record: &[u8]) -> Result<EntryInfo> {
    let head = record::decode_head(record)?;
    let Meta { codec, durability, value_len, version, created, accessed, expires } = head.meta;
    Ok(EntryInfo {
        namespace: head.namespace.to_owned(),
        key: head.key.to_vec(),
        version,
        created,
        hits: 0,
        value_size: value_len as u64,
        size: head.record_len() as u64,
        codec,
        durability,
        ..described(head.fields, expires, accessed)
    })
}

/// The namespace and the key of the entry of a record. The first bytes are enough: the body need not be there.
///
/// # Errors
/// `Corrupt` or `NewerFormat`.
pub fn names(record: &[u8]) -> Result<(&str, &[u8])> {
    let head = record::decode_head(record)?;
    Ok((head.namespace, head.key))
}

/// Checks a whole record, body included, without keeping it. Values above `limit` bytes are refused.
///
/// # Errors
/// `Corrupt`, `NewerFormat` or `TooLarge`.
pub fn verify(record: &[u8], limit: usize) -> Result<EntryInfo> {
    let (head, body) = record::decode(record)?;
    decompress(head.meta.codec, body, head.meta.value_len, limit)?;
    describe(record)
}

/// What fields and times say; the rest is for the caller to fill in.
fn described(fields: Fields<'_>, expires: u64, accessed: u64) -> EntryInfo {
    EntryInfo {
        namespace: String::new(),
        key: Vec::new(),
        content_type: fields.content_type().to_owned(),
        metadata: fields.metadata().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
        tags: fields.tags().map(str::to_owned).collect(),
        dependencies: fields.dependencies().map(DependencyRef::to_owned).collect(),
        version: 0,
        created: 0,
        accessed,
        expires: known(expires),
        gone: known(gone_at(expires, accessed, fields)),
        idle_timeout: fields.idle_timeout(),
        stale_window: fields.stale_window(),
        cost: fields.cost(),
        prefetched: fields.is_prefetched(),
        hits: 0,
        value_size: 0,
        size: 0,
        codec: Codec::None,
        durability: Default::default(),
    }
}

/// What a read answers with.
#[inline]
pub(super) fn hit_of(slot: &Slot, found: Found) -> Hit<'_> {
    let value = found.inflated.map_or(Cow::Borrowed(slot.body()), Cow::Owned);
    Hit { renew: found.renew, ..hit(slot, value, found.is_stale) }
}

#[inline]
fn hit<'a>(slot: &'a Slot, value: Cow<'a, [u8]>, stale: bool) -> Hit<'a> {
    Hit {
        value,
        content_type: Cow::Borrowed(slot.fields().content_type()),
        version: slot.version(),
        created: slot.created(),
        expires: known(slot.expires()),
        freshness: freshness(stale),
        renew: false,
        depends: slot.depends(),
    }
}

fn freshness(stale: bool) -> Freshness {
    if stale { Freshness::Stale } else { Freshness::Fresh }
}
