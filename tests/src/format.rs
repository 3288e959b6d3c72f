//! The store's and the record's formats, written down a second time from `docs/design.md`, so that a harness can make files
//! with known contents and give a damaged one checksums that match.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// Bytes of a segment's header.
pub const SEGMENT_HEADER: usize = 32;

/// Bytes of a frame's header.
pub const FRAME_HEADER: usize = 56;

/// Bytes of a sorted index's header, up to its list of clears.
pub const INDEX_HEADER: usize = 48;

/// Bytes of a block of a sorted index.
pub const INDEX_BLOCK: usize = 4096;

/// A number of eight bytes at a place, if the bytes reach so far.
#[must_use]
pub fn number(bytes: &[u8], at: usize) -> Option<u64> {
    bytes.get(at..)?.first_chunk().map(|b| u64::from_le_bytes(*b))
}

/// A number of four bytes at a place, if the bytes reach so far.
#[must_use]
pub fn half(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

/// The superblock of a store with this identity and key of its hash.
#[must_use]
pub fn superblock(id: u64, key: [u8; 16]) -> Vec<u8> {
    let mut out = [&b"\x8CLARDER\n"[..], &1u32.to_le_bytes(), &[0; 4], &id.to_le_bytes(), &key].concat();
    out.extend(xxh3_64(&out).to_le_bytes());
    out
}

/// The header of a segment.
#[must_use]
pub fn segment_header(id: u64, segment: u32) -> Vec<u8> {
    let mut out = [&b"\x8CLSG"[..], &1u32.to_le_bytes(), &segment.to_le_bytes(), &[0; 4], &id.to_le_bytes()].concat();
    out.extend(xxh3_64(&out).to_le_bytes());
    out
}

/// What the checksums of a segment's frames and index are seeded with.
#[must_use]
pub fn segment_seed(id: u64, segment: u32) -> u64 {
    id ^ u64::from(segment).wrapping_mul(0x9E37_79B9_7F4A_7C15)
}

/// What the checksum of a frame at this offset of a segment is seeded with.
#[must_use]
pub fn frame_seed(seed: u64, offset: usize) -> u64 {
    seed ^ (offset as u64).wrapping_mul(0xC2B2_AE3D_27D4_EB4F)
}

/// A frame without payload at this offset, twice as it is written: kind 2 tombstone, 3 clear, 4 seal, 5 dropped.
#[must_use]
pub fn mark(seed: u64, offset: usize, kind: u8, sequence: u64, hash: u64, namespace: u64) -> Vec<u8> {
    let mut header = [&b"\x8CLFR"[..], &[kind, 0, 0, 0], &[0; 8]].concat();
    [sequence, hash, namespace, u64::MAX].iter().for_each(|n| header.extend(n.to_le_bytes()));
    let sum = |at: usize| xxh3_64_with_seed(&header, frame_seed(seed, at)).to_le_bytes();
    [&header[..], &sum(offset), &header, &sum(offset + FRAME_HEADER)].concat()
}

/// Gives the frame at the front of `frame`, which lies at this offset, a checksum that matches its header.
pub fn seal_frame(frame: &mut [u8], seed: u64, offset: usize) {
    if let Some((header, sum)) = frame.get_mut(..FRAME_HEADER).and_then(|header| header.split_at_mut_checked(48)) {
        sum.copy_from_slice(&xxh3_64_with_seed(header, frame_seed(seed, offset)).to_le_bytes());
    }
}

/// Gives a record checksums that match: that of its head, if its lengths lie within it, and that of the whole.
pub fn seal_record(record: &mut [u8]) {
    let len = |from: usize, to: usize, record: &[u8]| {
        let bytes = record.get(from..to).unwrap_or_default();
        bytes.iter().rev().fold(0usize, |n, b| n << 8 | usize::from(*b))
    };
    let head = 56 + len(7, 8, record) + len(12, 16, record) + len(8, 10, record);
    for end in [head, record.len().saturating_sub(8)] {
        if let Some((checked, rest)) = record.split_at_mut_checked(end)
            && let Some(sum) = rest.first_chunk_mut()
        {
            *sum = xxh3_64(checked).to_le_bytes();
        }
    }
}

/// Gives a sorted index checksums that match: that of its header and list of clears, and those of its blocks.
pub fn seal_index(index: &mut [u8], seed: u64) {
    let clears = number(index, 40).map_or(usize::MAX, |clears| clears as usize);
    let Some(end) = clears.checked_mul(16).and_then(|len| len.checked_add(INDEX_HEADER)) else { return };
    let Some((head, rest)) = index.split_at_mut_checked(end) else { return };
    let Some((sum, blocks)) = rest.split_first_chunk_mut() else { return };
    *sum = xxh3_64_with_seed(head, seed).to_le_bytes();
    for (place, block) in blocks.chunks_exact_mut(INDEX_BLOCK).enumerate() {
        let (sum, lines) = block.split_at_mut(8);
        sum.copy_from_slice(&xxh3_64_with_seed(lines, seed ^ place as u64).to_le_bytes());
    }
}
