//! Writing an entry, whatever was there before.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;

use super::resolve::Opened;
use super::{Cause, Engine, Stored};
use crate::codec::Codec;
use crate::compression::Outcome;
use crate::config::{Config, Durability, SetOptions};
use crate::error::{Error, ErrorCode, Result};
use crate::namespace::NamespaceId;
use crate::policy::PolicyKind;
use crate::pools;
use crate::record::fields::{self, Fields};
use crate::record::{self, Meta};
use crate::slot::{Contents, gone_at};
use crate::time::{NEVER, after, known};

/// Versions are below this number.
const MAX_SEQUENCE: u64 = 1 << 48;

/// An entry ready to be written.
pub(super) struct Draft<'a> {
    pub(super) namespace: u16,
    pub(super) key: &'a [u8],
    pub(super) value: &'a [u8],
    pub(super) fields: Vec<u8>,
    pub(super) created: u64,
    pub(super) accessed: u64,
    pub(super) expires: u64,
    pub(super) durability: Durability,
}

impl Engine {
    /// Stores an entry in place of whatever was there.
    ///
    /// `sequence`, below 2⁴⁸, becomes the entry's version; a host that shares its store passes the store's next number,
    /// others pass `None` for one more than the highest version seen.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty key, a time to live or idle time-out of zero, oversized fields; `KeyTooLarge`;
    /// `TooLarge` for a value above `max_entry_size`, or for an entry that the memory tier cannot hold and no store will
    /// (there is none, or the write lasts in memory only); `Full` when it could but is full and the policy is `ttl`;
    /// `UnknownNamespace`. The entry that was there before stays.
    pub fn set(
        &mut self,
        namespace: NamespaceId,
        key: &[u8],
        value: &[u8],
        options: &SetOptions,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Stored> {
        let ns = self.known_namespace(namespace)?;
        let draft = self.draft(ns, key, value, options, now)?;
        let version = self.next_version(sequence)?;
        self.write(&draft, version, now)
    }

    /// Stores the entry of a record that came from elsewhere, a snapshot for instance, with its own times, under a new
    /// version.
    ///
    /// # Errors
    /// `Corrupt`, `NewerFormat`, `AnotherKey` when the record is of another namespace, `Expired`; else as
    /// [`set`](Self::set).
    pub fn restore(
        &mut self,
        namespace: NamespaceId,
        record: &[u8],
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Stored> {
        let ns = self.known_namespace(namespace)?;
        let Opened { head, value, .. } = self.open_record(record).map_err(|e| self.counted(ns, e))?;
        self.is_current(ns, head.key, &head, now)?;
        let draft = Draft {
            namespace: ns,
            key: head.key,
            value: &value,
            fields: head.fields.bytes().to_vec(),
            created: head.meta.created,
            accessed: head.meta.accessed,
            expires: head.meta.expires,
            durability: head.meta.durability,
        };
        self.check_fits(&draft).map_err(|e| self.counted(ns, e))?;
        let version = self.next_version(sequence)?;
        self.write(&draft, version, now)
    }

    /// Deletes an entry. Answers whether a live one was there.
    ///
    /// # Errors
    /// `UnknownNamespace`; `NewerFormat` when `stored` is a record that this version cannot judge.
    pub fn delete(&mut self, namespace: NamespaceId, key: &[u8], stored: Option<&[u8]>, now: u64) -> Result<bool> {
        let ns = self.known_namespace(namespace)?;
        let existed = self.current_version(ns, key, stored, now)?.is_some();
        match self.find_live(ns, key, now) {
            Some(id) => self.remove(id, Cause::Silent),
            None if self.advice.get().is_some() => self.forget_in_shadows(self.hasher.hash(ns, key)),
            None => {}
        }
        self.namespaces.stats(ns).deletes += u64::from(existed);
        Ok(existed)
    }

    /// Drops an entry from the memory tier because the host learned that it changed elsewhere. Counts nothing.
    ///
    /// # Errors
    /// `UnknownNamespace`.
    pub fn forget(&mut self, namespace: NamespaceId, key: &[u8]) -> Result<()> {
        let ns = self.known_namespace(namespace)?;
        let hash = self.hasher.hash(ns, key);
        match self.index.find(&self.slab, hash, ns, key) {
            Some(id) => self.remove(id, Cause::Silent),
            None => self.forget_in_shadows(hash),
        }
        Ok(())
    }

    /// Checks the request and works out the entry's times and fields. Counts a refusal.
    pub(super) fn draft<'a>(
        &mut self,
        ns: u16,
        key: &'a [u8],
        value: &'a [u8],
        options: &SetOptions,
        now: u64,
    ) -> Result<Draft<'a>> {
        self.try_draft(ns, key, value, options, now).map_err(|e| self.counted(ns, e))
    }

    /// A refusal, counted.
    pub(super) fn counted(&mut self, ns: u16, refusal: Error) -> Error {
        self.namespaces.stats(ns).count_error(refusal.code);
        refusal
    }

    fn try_draft<'a>(
        &mut self,
        ns: u16,
        key: &'a [u8],
        value: &'a [u8],
        options: &SetOptions,
        now: u64,
    ) -> Result<Draft<'a>> {
        self.check_sizes(key, value)?;
        if options.ttl == Some(0) || options.tti == Some(0) {
            return Err(Error::invalid(
                "a time of zero would expire the entry at once; leave it out for an entry that does not expire, or \
                 delete the entry",
            ));
        }
        let defaults = &self.namespaces.get(u32::from(ns))?.defaults;
        let tti = options.tti.or(defaults.tti);
        let stale = options.stale.or(defaults.stale).filter(|&ms| ms > 0);
        let (ttl, jitter) = (options.ttl.or(defaults.ttl), defaults.jitter);
        let fields = fields::encode(options, tti, stale)?;
        let expires = match ttl {
            Some(ttl) if after(now, ttl) < NEVER => after(now, self.jittered(ttl, jitter)),
            _ => NEVER,
        };
        let durability = options.durability;
        let draft = Draft { namespace: ns, key, value, fields, created: now, accessed: now, expires, durability };
        self.check_held(&draft)?;
        Ok(draft)
    }

    /// What is asked of an entry that does not come from a call's own arguments.
    pub(super) fn check_fits(&self, draft: &Draft<'_>) -> Result<()> {
        self.check_sizes(draft.key, draft.value)?;
        self.check_held(draft)
    }

    fn check_sizes(&self, key: &[u8], value: &[u8]) -> Result<()> {
        if key.is_empty() {
            return Err(Error::invalid("the key is empty; an entry needs a key of at least one byte"));
        }
        if key.len() > self.config.max_key_size {
            return Err(Error::new(
                ErrorCode::KeyTooLarge,
                text!(
                    "the key has ",
                    key.len(),
                    " bytes, the limit is ",
                    self.config.max_key_size,
                    "; use a hash of it"
                ),
            ));
        }
        if value.len() > self.config.max_entry_size {
            return Err(Error::new(
                ErrorCode::TooLarge,
                text!("the value has ", value.len(), " bytes, max-entry-size is ", self.config.max_entry_size),
            ));
        }
        Ok(())
    }

    /// Whether there is something that can hold the entry.
    fn check_held(&self, draft: &Draft<'_>) -> Result<()> {
        let charge = self.contents(draft, 0).charge();
        if !self.persists(draft) && !self.fits(charge) {
            return Err(Error::new(
                ErrorCode::TooLarge,
                text!(
                    "the entry takes ",
                    charge,
                    " bytes of memory and the memory tier holds ",
                    self.config.max_bytes,
                    " bytes and ",
                    self.config.max_entries.map_or("any number of".to_owned(), |max| text!(max)),
                    " entries; raise max-memory, or use a store"
                ),
            ));
        }
        Ok(())
    }

    fn persists(&self, draft: &Draft<'_>) -> bool {
        self.config.store && draft.durability != Durability::Memory
    }

    /// Whether there is room for the entry now, or will be when what is past its time and what the policy names have gone.
    fn check_room(&mut self, draft: &Draft<'_>, now: u64) -> Result<()> {
        if self.config.policy != PolicyKind::Ttl || self.persists(draft) {
            return Ok(());
        }
        let charge = self.contents(draft, 0).charge();
        let old = self.find_live(draft.namespace, draft.key, now);
        while self.lacks(charge, old).is_some() {
            if self.cleanup(now, 1) == 0 {
                return Err(Error::new(
                    ErrorCode::Full,
                    text!(
                        "the cache is full: the entry takes ",
                        charge,
                        " bytes of memory, and the policy ttl gives up nothing that lives; delete entries, raise max-memory, or \
                         choose another policy"
                    ),
                ));
            }
        }
        Ok(())
    }

    fn jittered(&mut self, ttl: u64, percent: u8) -> u64 {
        if percent == 0 {
            return ttl;
        }
        // Below 2^48, as `NEVER` is: the product stays within 64 bits.
        let most = ttl * u64::from(percent.min(100)) / 100;
        (ttl - self.rng.up_to(most)).max(1)
    }

    fn contents<'a>(&self, draft: &'a Draft<'_>, version: u64) -> Contents<'a> {
        Contents {
            namespace: draft.namespace,
            hash: self.hasher.hash(draft.namespace, draft.key),
            fields: &draft.fields,
            key: draft.key,
            body: draft.value,
            packing: None,
            created: draft.created,
            accessed: draft.accessed,
            written: draft.accessed,
            expires: draft.expires,
            version,
            durability: draft.durability,
        }
    }

    /// The version of the next write: the host's number, or one more than the highest seen.
    pub(super) fn next_version(&self, sequence: Option<u64>) -> Result<u64> {
        let version = sequence.unwrap_or_else(|| self.sequence.saturating_add(1));
        if version >= MAX_SEQUENCE {
            return Err(Error::invalid(text!("sequence number ", version, " is not below 2^48")));
        }
        Ok(version)
    }

    /// Writes a checked entry if there is room for it.
    pub(super) fn write(&mut self, draft: &Draft<'_>, version: u64, now: u64) -> Result<Stored> {
        self.check_room(draft, now).map_err(|e| self.counted(draft.namespace, e))?;
        self.sequence = self.sequence.max(version);
        let record = if self.persists(draft) { self.frame(draft, version) } else { Vec::new() };
        let contents = self.contents(draft, version);
        self.keep(&contents, draft.accessed);
        let stats = self.namespaces.stats(draft.namespace);
        stats.sets += 1;
        stats.prefetched += u64::from(Fields::new(&draft.fields).is_prefetched());
        stats.bytes_written += draft.value.len() as u64;
        let gone = gone_at(draft.expires, draft.accessed, Fields::new(&draft.fields));
        Ok(Stored { version, gone: known(gone), record })
    }

    fn frame(&mut self, draft: &Draft<'_>, version: u64) -> Vec<u8> {
        let (codec, packed) = self.compress(draft).unzip();
        let meta = Meta {
            codec: codec.unwrap_or(Codec::None),
            durability: draft.durability,
            value_len: draft.value.len(),
            version,
            created: draft.created,
            accessed: draft.accessed,
            expires: draft.expires,
        };
        let namespace = self.namespaces.name(draft.namespace);
        record::encode(&meta, namespace, &draft.fields, draft.key, packed.as_deref().unwrap_or(draft.value))
    }

    /// The body of the record, when it is smaller than the value.
    fn compress(&mut self, draft: &Draft<'_>) -> Option<(Codec, Vec<u8>)> {
        let Config { codec, compression_level, compression_threshold, .. } = self.config;
        let of = (draft.namespace, Fields::new(&draft.fields));
        // A pool writes what it knows of a combination with every variant, and half of it are hashes.
        if draft.value.len() < compression_threshold.max(1) || of.1.content_type() == pools::CONTENT_TYPE {
            return None;
        }
        let outcome = self.chooser.compress((codec, compression_level), &mut self.compressor, of, draft.value);
        let stats = self.namespaces.stats(draft.namespace);
        match outcome {
            Outcome::Packed(codec, body) => {
                stats.compressed_in += draft.value.len() as u64;
                stats.compressed_out += body.len() as u64;
                match codec {
                    Codec::None => {}
                    Codec::Deflate => stats.deflated += 1,
                    Codec::Lz4 => stats.lz4 += 1,
                }
                Some((codec, body))
            }
            Outcome::Skipped => {
                stats.incompressible += 1;
                stats.incompressible_bytes += draft.value.len() as u64;
                None
            }
            Outcome::Stayed => None,
        }
    }
}
