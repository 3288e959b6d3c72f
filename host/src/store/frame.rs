//! A frame: one entry of the log, a header of 56 bytes and a payload padded to 8.
//!
//! The header's checksum is seeded with the store's identity, the segment's number and the offset, so that a frame is good
//! only where it was written. Payloads are opaque here: a record guards itself.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::sealed::Line;
use crate::hash::KeyHasher;

/// Bytes of a frame's header.
pub(crate) const HEADER: usize = 56;

/// Frames begin at multiples of this.
pub(crate) const ALIGN: u64 = 8;

const MAGIC: u32 = u32::from_le_bytes([0x8C, b'L', b'F', b'R']);

const RECORD_MAGIC: [u8; 4] = *b"\x8CLRD";

/// The largest payload, in bytes: a value of 1 GiB and what surrounds it.
const MAX_PAYLOAD: u32 = (1 << 30) + (4 << 20);

/// `gone` of an entry that never expires.
pub(crate) const NEVER: u64 = u64::MAX;

/// What a frame says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The payload is the record of the entry under `hash`.
    Record,
    /// The entry under `hash` was deleted.
    Tombstone,
    /// All entries of the namespace with hash `namespace`, or of all when it is 0, were cleared.
    Clear,
    /// The segment ends here; the log goes on in the one numbered `hash`.
    Seal,
    /// The segment numbered `hash` was dropped.
    Dropped,
    /// Nothing: fills a place where there was damage.
    Void,
}

impl Kind {
    /// Whether its frames have no payload, and are written twice: nothing else could say what a damaged one said.
    pub(crate) fn is_mark(self) -> bool {
        matches!(self, Self::Tombstone | Self::Clear | Self::Seal | Self::Dropped)
    }
}

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    /// Whether the payload was to survive power loss.
    pub(crate) sync: bool,
    /// Bytes of the payload without padding.
    pub(crate) len: u32,
    /// Order among all frames of the store; a record that is appended again keeps its number.
    pub(crate) sequence: u64,
    pub(crate) hash: u64,
    pub(crate) namespace: u64,
    /// When the entry is gone, Unix milliseconds.
    pub(crate) gone: u64,
}

impl Frame {
    /// A frame without payload.
    pub(crate) fn mark(kind: Kind, sequence: u64, hash: u64, namespace: u64) -> Self {
        Self { kind, sync: false, len: 0, sequence, hash, namespace, gone: NEVER }
    }

    /// Bytes that it takes, if need be twice.
    pub(crate) fn space(&self) -> u64 {
        if self.kind.is_mark() { 2 * self.size() } else { self.size() }
    }

    /// Bytes of header, payload and padding.
    pub(crate) fn size(&self) -> u64 {
        (HEADER as u64 + u64::from(self.len)).next_multiple_of(ALIGN)
    }

    /// A frame of so many bytes that says nothing.
    pub(crate) fn void(size: u64) -> Self {
        Self { len: size.saturating_sub(HEADER as u64) as u32, ..Self::mark(Kind::Void, 0, 0, 0) }
    }

    /// The frame that a line of an index is about.
    pub(crate) fn of(line: &Line) -> Self {
        let kind = if line.len == 0 { Kind::Tombstone } else { Kind::Record };
        let Line { hash, sequence, gone, namespace, len, .. } = *line;
        Self { kind, sync: false, len, sequence, hash, namespace, gone }
    }

    /// Writes the frame, as it is at an offset of the segment with this seed, behind what is in `out` already.
    pub(crate) fn encode(&self, seed: u64, offset: u64, payload: &[u8], out: &mut Vec<u8>) {
        let start = out.len();
        self.put_header(seed, offset, out);
        out.extend_from_slice(payload);
        out.resize(start + self.size() as usize, 0);
        if self.kind.is_mark() {
            self.put_header(seed, offset + self.size(), out);
        }
    }

    /// The frame of a whole record; what the record does not tell is taken from what is left of the header.
    pub(crate) fn of_record(record: &[u8], header: &[u8], hasher: &KeyHasher) -> Option<Self> {
        if !payload_is_whole(record) {
            return None;
        }
        let number = |bytes: &[u8], at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let (namespace_len, key_len) = (usize::from(record[7]), number(record, 8) as u16 as usize);
        let (names, fields) = (record.get(RECORD_HEADER..)?, number(record, 12) as u32 as usize);
        let namespace = hasher.namespace(std::str::from_utf8(names.get(..namespace_len)?).ok()?);
        let key = names.get(namespace_len + fields..)?.get(..key_len)?;
        let (hash, len) = (hasher.key(namespace, key), record.len() as u32);
        let (sync, gone) = (header[5] & 1 != 0, number(header, 40));
        Some(Self { kind: Kind::Record, sync, len, sequence: number(record, 24), hash, namespace, gone })
    }

    /// The header at the front of `bytes`, if it is one of which a single bit was flipped since it was written here.
    pub(crate) fn decode_but_for_a_bit(bytes: &[u8], seed: u64, offset: u64) -> Option<Self> {
        let mut header: [u8; HEADER] = *bytes.first_chunk()?;
        (0..HEADER * 8).find_map(|bit| {
            header[bit / 8] ^= 1 << (bit % 8);
            let found = Self::decode(&header, seed, offset);
            header[bit / 8] ^= 1 << (bit % 8);
            found
        })
    }

    /// The header alone.
    pub(crate) fn header(&self, seed: u64, offset: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER);
        self.put_header(seed, offset, &mut out);
        out
    }

    fn put_header(&self, seed: u64, offset: u64, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MAGIC.to_le_bytes());
        out.push(match self.kind {
            Kind::Record => 1,
            Kind::Tombstone => 2,
            Kind::Clear => 3,
            Kind::Seal => 4,
            Kind::Dropped => 5,
            Kind::Void => 6,
        });
        out.push(u8::from(self.sync));
        out.extend_from_slice(&[0; 2]);
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        for number in [self.sequence, self.hash, self.namespace, self.gone] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        let sum = xxh3_64_with_seed(&out[start..], place(seed, offset));
        out.extend_from_slice(&sum.to_le_bytes());
    }

    /// The header at the front of `bytes`, if it is one that was written here.
    pub(crate) fn decode(bytes: &[u8], seed: u64, offset: u64) -> Option<Self> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| header[at + i]));
        let half = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| header[at + i]));
        if half(0) != MAGIC || number(48) != xxh3_64_with_seed(&header[..48], place(seed, offset)) {
            return None;
        }
        let kind = match header[4] {
            1 => Kind::Record,
            2 => Kind::Tombstone,
            3 => Kind::Clear,
            4 => Kind::Seal,
            5 => Kind::Dropped,
            6 => Kind::Void,
            _ => return None,
        };
        let frame = Self {
            kind,
            sync: header[5] & 1 != 0,
            len: half(8),
            sequence: number(16),
            hash: number(24),
            namespace: number(32),
            gone: number(40),
        };
        (frame.len <= MAX_PAYLOAD).then_some(frame)
    }
}

/// The seed of a frame's checksum: a frame is good only where it was written, and no copy of it in some value is.
fn place(seed: u64, offset: u64) -> u64 {
    seed ^ offset.wrapping_mul(0xC2B2_AE3D_27D4_EB4F)
}

/// Bytes of a record before its names.
pub(crate) const RECORD_HEADER: usize = 56;

/// How long the record is whose first bytes these are, as it says itself.
pub(crate) fn record_len(header: &[u8]) -> Option<u64> {
    let header: &[u8; RECORD_HEADER] = header.first_chunk()?;
    let half = |at: usize| u64::from(u32::from_le_bytes(std::array::from_fn(|i| header[at + i])));
    let names = u64::from(header[7]) + u64::from(u16::from_le_bytes([header[8], header[9]]));
    let len = RECORD_HEADER as u64 + names + half(12) + 8 + half(16) + 8;
    (header[..4] == RECORD_MAGIC && len <= u64::from(MAX_PAYLOAD)).then_some(len)
}

/// Whether a record is as it was written: it ends with a checksum of all that goes before.
pub(crate) fn payload_is_whole(record: &[u8]) -> bool {
    record.split_last_chunk().is_some_and(|(rest, sum)| *sum == xxh3_64(rest).to_le_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_good_only_under_its_own_seed_and_unharmed() {
        let frame = Frame { len: 3, ..Frame::mark(Kind::Record, 9, 77, 5) };
        let mut bytes = Vec::new();
        frame.encode(42, 64, b"abc", &mut bytes);
        assert_eq!(bytes.len() as u64, frame.size());
        assert_eq!(Frame::decode(&bytes, 42, 64), Some(frame));
        assert_eq!(Frame::decode(&bytes, 43, 64), None);
        assert_eq!(Frame::decode(&bytes, 42, 72), None);
        for bit in 0..HEADER * 8 {
            let mut harmed = bytes.clone();
            harmed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Frame::decode(&harmed, 42, 64), None, "bit {bit}");
            assert_eq!(Frame::decode_but_for_a_bit(&harmed, 42, 64), Some(frame), "bit {bit}");
            assert_eq!(Frame::decode_but_for_a_bit(&harmed, 43, 64), None, "bit {bit}");
        }
    }
}
