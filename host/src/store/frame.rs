//! A frame: one entry of the log, a header of 56 bytes and a payload padded to 8.
//!
//! The header's checksum is seeded with the store's identity and the segment's number, so that a frame is good only
//! where it was written. Payloads are opaque here: a record guards itself.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::sealed::Line;

/// Bytes of a frame's header.
pub(crate) const HEADER: usize = 56;

/// Frames begin at multiples of this.
pub(crate) const ALIGN: u64 = 8;

const MAGIC: u32 = u32::from_le_bytes([0x8C, b'L', b'F', b'R']);

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

    pub(crate) fn encode(&self, seed: u64, payload: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.size() as usize);
        self.put_header(seed, &mut out);
        out.extend_from_slice(payload);
        out.resize(self.size() as usize, 0);
        out
    }

    /// The header alone.
    pub(crate) fn header(&self, seed: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER);
        self.put_header(seed, &mut out);
        out
    }

    fn put_header(&self, seed: u64, out: &mut Vec<u8>) {
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
        out.extend_from_slice(&xxh3_64_with_seed(out, seed).to_le_bytes());
    }

    /// The header at the front of `bytes`, if it is one that was written with this seed.
    pub(crate) fn decode(bytes: &[u8], seed: u64) -> Option<Self> {
        let header: &[u8; HEADER] = bytes.first_chunk()?;
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| header[at + i]));
        let half = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| header[at + i]));
        if half(0) != MAGIC || number(48) != xxh3_64_with_seed(&header[..48], seed) {
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
        let bytes = frame.encode(42, b"abc");
        assert_eq!(bytes.len() as u64, frame.size());
        assert_eq!(Frame::decode(&bytes, 42), Some(frame));
        assert_eq!(Frame::decode(&bytes, 43), None);
        for bit in 0..HEADER * 8 {
            let mut harmed = bytes.clone();
            harmed[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Frame::decode(&harmed, 42), None, "bit {bit}");
        }
    }
}
