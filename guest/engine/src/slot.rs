//! A slot: all that the memory tier keeps of one entry, in one cache line beside one allocation.
//!
//! The allocation holds fields, key and value back to back, exactly sized. Fields are in the form that records use
//! ([`crate::record`]), so that setting, admitting and framing copy them without a conversion.

use crate::config::{Durability, ENTRY_OVERHEAD};
use crate::policy::nodes::NIL;
use crate::record::fields::Fields;
use crate::time::{NEVER, U48, after};

const OCCUPIED: u8 = 1;
const HAS_STALE: u8 = 1 << 1;
const HAS_IDLE: u8 = 1 << 2;
const DURABILITY_SHIFT: u8 = 3;

/// Bytes behind the value of an entry with an idle time-out: when its record was written.
const WRITTEN: usize = 8;

#[derive(Debug)]
pub(crate) struct Slot {
    /// Fields, key, value, and for an entry with an idle time-out when its record was written.
    blob: Box<[u8]>,
    /// Kept so that the index can grow without hashing keys again.
    pub(crate) hash: u32,
    fields_len: u32,
    key_len: u16,
    pub(crate) namespace: u16,
    flags: u8,
    /// Where the expiry heap holds this slot, or [`NIL`]. Of a vacant slot: the next vacant one.
    pub(crate) heap_at: u32,
    pub(crate) hits: u32,
    created: U48,
    accessed: U48,
    expires: U48,
    version: U48,
}

/// What a slot is filled with.
pub(crate) struct Contents<'a> {
    pub(crate) namespace: u16,
    pub(crate) hash: u32,
    pub(crate) fields: &'a [u8],
    pub(crate) key: &'a [u8],
    pub(crate) value: &'a [u8],
    pub(crate) created: u64,
    pub(crate) accessed: u64,
    /// What the record says of `accessed`, or would say.
    pub(crate) written: u64,
    pub(crate) expires: u64,
    pub(crate) version: u64,
    pub(crate) durability: Durability,
}

impl Contents<'_> {
    /// What the memory tier charges for these contents.
    pub(crate) fn charge(&self) -> u64 {
        (ENTRY_OVERHEAD + self.fields.len() + self.key.len() + self.value.len()) as u64
    }
}

impl Slot {
    pub(crate) fn vacant() -> Self {
        Self {
            blob: Box::default(),
            hash: 0,
            fields_len: 0,
            key_len: 0,
            namespace: 0,
            flags: 0,
            heap_at: NIL,
            hits: 0,
            created: U48::default(),
            accessed: U48::default(),
            expires: U48::default(),
            version: U48::default(),
        }
    }

    /// Fills the slot. Hits and the place in the expiry index stay as they are.
    pub(crate) fn fill(&mut self, c: &Contents<'_>) {
        let fields = Fields::new(c.fields);
        let has_idle = fields.idle_timeout().is_some();
        let trailer = if has_idle { WRITTEN } else { 0 };
        let mut blob = Vec::with_capacity(c.fields.len() + c.key.len() + c.value.len() + trailer);
        blob.extend_from_slice(c.fields);
        blob.extend_from_slice(c.key);
        blob.extend_from_slice(c.value);
        if has_idle {
            blob.extend_from_slice(&c.written.to_le_bytes());
        }
        self.blob = blob.into_boxed_slice();
        self.hash = c.hash;
        self.fields_len = c.fields.len() as u32;
        self.key_len = c.key.len() as u16;
        self.namespace = c.namespace;
        self.flags = OCCUPIED
            | if has_idle { HAS_IDLE } else { 0 }
            | if fields.stale_window().is_some() { HAS_STALE } else { 0 }
            | match c.durability {
                Durability::Memory => 0,
                Durability::Process => 1 << DURABILITY_SHIFT,
                Durability::Sync => 2 << DURABILITY_SHIFT,
            };
        self.created = U48::new(c.created);
        self.accessed = U48::new(c.accessed);
        self.expires = U48::new(c.expires);
        self.version = U48::new(c.version);
    }

    pub(crate) fn vacate(&mut self) {
        *self = Self::vacant();
    }

    #[inline]
    pub(crate) fn is_occupied(&self) -> bool {
        self.flags & OCCUPIED != 0
    }

    pub(crate) fn durability(&self) -> Durability {
        match self.flags >> DURABILITY_SHIFT {
            0 => Durability::Memory,
            1 => Durability::Process,
            _ => Durability::Sync,
        }
    }

    pub(crate) fn fields_bytes(&self) -> &[u8] {
        &self.blob[..self.fields_len as usize]
    }

    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields::new(self.fields_bytes())
    }

    #[inline]
    pub(crate) fn key(&self) -> &[u8] {
        let at = self.fields_len as usize;
        &self.blob[at..at + usize::from(self.key_len)]
    }

    #[inline]
    pub(crate) fn value(&self) -> &[u8] {
        &self.blob[self.fields_len as usize + usize::from(self.key_len)..self.blob.len() - self.trailer()]
    }

    #[inline]
    fn trailer(&self) -> usize {
        if self.flags & HAS_IDLE != 0 { WRITTEN } else { 0 }
    }

    /// When the record of an entry with an idle time-out was written: what another host would count from.
    pub(crate) fn written(&self) -> u64 {
        self.blob.last_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// The full compare behind every look-up.
    #[inline]
    pub(crate) fn is(&self, hash: u32, namespace: u16, key: &[u8]) -> bool {
        self.hash == hash && self.namespace == namespace && self.key() == key
    }

    pub(crate) fn charge(&self) -> u64 {
        (ENTRY_OVERHEAD + self.blob.len() - self.trailer()) as u64
    }

    pub(crate) fn created(&self) -> u64 {
        self.created.get()
    }

    pub(crate) fn accessed(&self) -> u64 {
        self.accessed.get()
    }

    #[inline]
    pub(crate) fn set_accessed(&mut self, now: u64) {
        self.accessed = U48::new(now);
    }

    /// Fresh before this time.
    #[inline]
    pub(crate) fn expires(&self) -> u64 {
        self.expires.get()
    }

    pub(crate) fn version(&self) -> u64 {
        self.version.get()
    }

    /// Whether reading this entry puts off its end.
    #[inline]
    pub(crate) fn has_idle_timeout(&self) -> bool {
        self.flags & HAS_IDLE != 0
    }

    /// Gone from this time on: the time to live and the stale window over, or idle for too long.
    #[inline]
    pub(crate) fn gone_at(&self) -> u64 {
        if self.flags & (HAS_IDLE | HAS_STALE) == 0 {
            return self.expires();
        }
        let fields = self.fields();
        gone_at(self.expires(), self.accessed(), fields)
    }
}

/// When an entry with these times and fields is gone.
pub(crate) fn gone_at(expires: u64, accessed: u64, fields: Fields<'_>) -> u64 {
    let by_age = if expires == NEVER { NEVER } else { after(expires, fields.stale_window().unwrap_or(0)) };
    by_age.min(fields.idle_timeout().map_or(NEVER, |idle| after(accessed, idle)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_pointer_width = "64")]
    fn a_slot_stays_small() {
        // 64 bytes with a 16-byte boxed slice; 56 on wasm32, where the slice takes 8.
        assert_eq!(size_of::<Slot>(), 64);
    }
}
