//! A slot: all that the memory tier keeps of one entry, in 48 bytes beside one allocation.
//!
//! The allocation holds a head, fields, key and body back to back, exactly sized. The head is the key's length and, where
//! there are fields, theirs: two bytes for most entries, which cost less there than in the slot. Fields are in the form
//! that records use ([`crate::record`]), so that setting, admitting and framing copy them without a conversion. The body
//! is the value, or its packed form in the cold tier ([`crate::cold`]), which is followed by how it is packed.

use alloc::boxed::Box;

use crate::cold::Packing;
use crate::config::{Durability, ENTRY_OVERHEAD};
use crate::policy::nodes::NIL;
use crate::record::fields::Fields;
use crate::time::{NEVER, U48, after};

const OCCUPIED: u16 = 1;
const HAS_STALE: u16 = 1 << 1;
const HAS_IDLE: u16 = 1 << 2;
const DURABILITY_SHIFT: u16 = 3;
const DURABILITY: u16 = 0b11 << DURABILITY_SHIFT;
/// Read since the cold tier's hand passed.
const READ: u16 = 1 << 5;
const PACKED: u16 = 1 << 6;
/// Packing it, or packing it anew, gained nothing.
const SETTLED: u16 = 1 << 7;
const HAS_FIELDS: u16 = 1 << 8;
/// Prefetched, and not asked for since.
const PREFETCHED: u16 = 1 << 9;
const DEPENDS: u16 = 1 << 10;

/// Bytes at the start of the allocation that tell the key's length, and those that tell the fields'.
const KEY_LEN: usize = size_of::<u16>();
const FIELDS_LEN: usize = size_of::<u32>();

/// Bytes behind the value of an entry with an idle time-out: when its record was written.
const WRITTEN: usize = 8;

#[derive(Debug)]
pub(crate) struct Slot {
    /// Head, fields, key, body; of a packed one how; for an entry with an idle time-out when its record was written.
    blob: Box<[u8]>,
    /// Kept so that the index can grow without hashing keys again.
    pub(crate) hash: u32,
    pub(crate) namespace: u16,
    flags: u16,
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
    /// The value, or its packed form.
    pub(crate) body: &'a [u8],
    pub(crate) packing: Option<Packing>,
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
        let packing = if self.packing.is_some() { Packing::SIZE } else { 0 };
        Self::charge_of(self.fields, self.key, self.body.len() + packing)
    }

    /// What it charges for an entry whose body has so many bytes.
    pub(crate) fn charge_of(fields: &[u8], key: &[u8], body: usize) -> u64 {
        (ENTRY_OVERHEAD + fields.len() + key.len() + body) as u64
    }
}

impl Slot {
    pub(crate) fn vacant() -> Self {
        Self {
            blob: Box::default(),
            hash: 0,
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
        self.blob = blob([c.fields, c.key], c.body, c.packing, has_idle.then_some(c.written));
        self.hash = c.hash;
        self.namespace = c.namespace;
        self.flags = OCCUPIED
            | if c.fields.is_empty() { 0 } else { HAS_FIELDS }
            | if has_idle { HAS_IDLE } else { 0 }
            | if fields.stale_window().is_some() { HAS_STALE } else { 0 }
            | if fields.is_prefetched() { PREFETCHED } else { 0 }
            | if fields.depends() { DEPENDS } else { 0 }
            | if c.packing.is_some() { PACKED } else { 0 }
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

    /// Holds another form of the same value.
    pub(crate) fn repack(&mut self, body: &[u8], packing: Option<Packing>) {
        let written = self.has_idle_timeout().then(|| self.written());
        self.blob = blob([self.fields_bytes(), self.key()], body, packing, written);
        self.flags &= !(PACKED | SETTLED);
        if packing.is_some() {
            self.flags |= PACKED;
        }
    }

    /// Whether nobody has asked for the entry since it was prefetched.
    #[inline]
    pub(crate) fn is_prefetched(&self) -> bool {
        self.flags & PREFETCHED != 0
    }

    /// Whether the entry depends on anything.
    #[inline]
    pub(crate) fn depends(&self) -> bool {
        self.flags & DEPENDS != 0
    }

    /// Somebody has asked for the entry, so that it is one like others. Answers how many bytes less it is charged with.
    pub(crate) fn mark_used(&mut self) -> u64 {
        let before = self.charge();
        let written = self.has_idle_timeout().then(|| self.written());
        let fields = self.fields().used();
        self.blob = blob([&fields, self.key()], self.body(), self.packing(), written);
        self.flags &= !(PREFETCHED | if fields.is_empty() { HAS_FIELDS } else { 0 });
        before - self.charge()
    }

    pub(crate) fn vacate(&mut self) {
        *self = Self::vacant();
    }

    #[inline]
    pub(crate) fn is_occupied(&self) -> bool {
        self.flags & OCCUPIED != 0
    }

    pub(crate) fn durability(&self) -> Durability {
        match (self.flags & DURABILITY) >> DURABILITY_SHIFT {
            0 => Durability::Memory,
            1 => Durability::Process,
            _ => Durability::Sync,
        }
    }

    /// Where the fields begin, and where the key does.
    #[inline(always)]
    fn fields_at(&self) -> (usize, usize) {
        if self.flags & HAS_FIELDS == 0 {
            return (KEY_LEN, KEY_LEN);
        }
        let begin = KEY_LEN + FIELDS_LEN;
        let len = self.blob[KEY_LEN..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        (begin, begin + len as usize)
    }

    /// Where the key begins, and where it ends.
    #[inline(always)]
    fn key_at(&self) -> (usize, usize) {
        let (_, begin) = self.fields_at();
        let len = self.blob.first_chunk().map_or(0, |bytes| u16::from_le_bytes(*bytes));
        (begin, begin + usize::from(len))
    }

    pub(crate) fn fields_bytes(&self) -> &[u8] {
        let (begin, end) = self.fields_at();
        &self.blob[begin..end]
    }

    #[inline]
    pub(crate) fn has_fields(&self) -> bool {
        self.flags & HAS_FIELDS != 0
    }

    pub(crate) fn fields(&self) -> Fields<'_> {
        Fields::new(self.fields_bytes())
    }

    #[inline(always)]
    pub(crate) fn key(&self) -> &[u8] {
        let (begin, end) = self.key_at();
        &self.blob[begin..end]
    }

    /// The value, or its packed form.
    #[inline]
    pub(crate) fn body(&self) -> &[u8] {
        let packing = if self.is_packed() { Packing::SIZE } else { 0 };
        let end = self.blob.len() - self.trailer() - packing;
        &self.blob[self.key_at().1..end]
    }

    /// How the value is packed, if it is.
    pub(crate) fn packing(&self) -> Option<Packing> {
        let bytes = &self.blob[..self.blob.len() - self.trailer()];
        bytes.last_chunk().filter(|_| self.is_packed()).map(|bytes| Packing::from_bytes(*bytes))
    }

    /// Bytes of the value.
    pub(crate) fn value_len(&self) -> usize {
        self.packing().map_or(self.body().len(), |packing| packing.value_len as usize)
    }

    #[inline]
    pub(crate) fn is_packed(&self) -> bool {
        cfg!(feature = "cold-tier") && self.flags & PACKED != 0
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.flags & SETTLED != 0
    }

    /// Notes that packing gained nothing.
    pub(crate) fn settle(&mut self) {
        self.flags |= SETTLED;
    }

    /// Whether the entry was read since the cold tier's hand passed.
    pub(crate) fn was_read(&self) -> bool {
        self.flags & READ != 0
    }

    #[inline]
    pub(crate) fn set_read(&mut self, read: bool) {
        self.flags = self.flags & !READ | if read { READ } else { 0 };
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
    #[inline(always)]
    pub(crate) fn is(&self, hash: u32, namespace: u16, key: &[u8]) -> bool {
        self.hash == hash && self.namespace == namespace && self.key() == key
    }

    pub(crate) fn charge(&self) -> u64 {
        let (head, _) = self.fields_at();
        (ENTRY_OVERHEAD + self.blob.len() - head - self.trailer()) as u64
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

fn blob([fields, key]: [&[u8]; 2], body: &[u8], packing: Option<Packing>, written: Option<u64>) -> Box<[u8]> {
    let packing = packing.map(Packing::to_bytes);
    let written = written.map(u64::to_le_bytes);
    let trailers = [packing.as_ref().map_or(&[][..], |bytes| bytes), written.as_ref().map_or(&[][..], |bytes| bytes)];
    let key_len = (key.len() as u16).to_le_bytes();
    let fields_len = (fields.len() as u32).to_le_bytes();
    let fields_len = if fields.is_empty() { &[][..] } else { &fields_len };
    [&key_len, fields_len, fields, key, body, trailers[0], trailers[1]].concat().into_boxed_slice()
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
        // 56 bytes with a 16-byte boxed slice; 48 on wasm32, where the slice takes 8.
        assert_eq!(size_of::<Slot>(), 56);
    }
}
