//! The index beside a full segment: fixed-width lines sorted by hash, in blocks of 4 KiB that each carry a checksum.
//!
//! Hashes are uniform, so the block of a hash is found by interpolation: one or two reads answer whether a segment holds
//! a key, however large it is, and opening a store reads headers only.

use std::io;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::frame::ALIGN;
use super::layout::Layout;
use super::segment::Segment;
use crate::error::{Error, Result};
use crate::storage::{File, Mode};

const MAGIC: &[u8; 8] = b"\x8CLIDX\0\0\x01";
const HEADER: usize = 48;
pub(super) const LINE: usize = 40;
const BLOCK: usize = 4096;
const LINES: usize = (BLOCK - 16) / LINE;
const HEADER_OF_FRAME: u64 = super::frame::HEADER as u64;

/// Where a segment holds the newest it knows of a hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Line {
    pub(crate) hash: u64,
    pub(crate) sequence: u64,
    pub(crate) gone: u64,
    pub(crate) namespace: u64,
    /// Where the record begins, behind the frame's header.
    pub(crate) offset: u32,
    /// Bytes of the record; 0 for a tombstone.
    pub(crate) len: u32,
}

impl Line {
    /// Bytes of the entry's frame.
    pub(crate) fn frame_size(&self) -> u64 {
        (HEADER_OF_FRAME + u64::from(self.len)).next_multiple_of(ALIGN)
    }

    /// Bytes that the entry takes on disk: its frame, and its line in the index.
    pub(crate) fn disk_size(&self) -> u64 {
        self.frame_size() + LINE as u64
    }

    fn encode(&self, out: &mut Vec<u8>) {
        for number in [self.hash, self.sequence, self.gone, self.namespace] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.len.to_le_bytes());
    }

    fn decode(bytes: &[u8]) -> Self {
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        let half = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| bytes[at + i]));
        Self {
            hash: number(0),
            sequence: number(8),
            gone: number(16),
            namespace: number(24),
            offset: half(32),
            len: half(36),
        }
    }
}

/// Bytes that the index of a segment with so many lines takes, at most.
pub(crate) fn index_size(lines: usize) -> u64 {
    (HEADER + lines.div_ceil(LINES) * BLOCK) as u64
}

/// Keeps of every hash the line written last, sorted by hash.
pub(crate) fn newest(lines: &[Line]) -> Vec<Line> {
    let mut sorted = lines.to_vec();
    // A stable sort keeps the order of writing within a hash.
    sorted.sort_by_key(|line| line.hash);
    sorted.reverse();
    sorted.dedup_by_key(|line| line.hash);
    sorted.reverse();
    sorted
}

/// A full segment's index, on disk or, where the file is missing or damaged, rebuilt in memory.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) segment: u32,
    pub(crate) clears: Vec<(u64, u64)>,
    pub(crate) last_sequence: u64,
    source: Source,
}

#[derive(Debug)]
enum Source {
    Disk { file: Box<dyn File>, seed: u64, start: u64, blocks: u32 },
    Memory(Vec<Line>),
}

impl Sealed {
    pub(crate) fn from_lines(segment: u32, lines: &[Line], clears: Vec<(u64, u64)>, last_sequence: u64) -> Self {
        Self { segment, clears, last_sequence, source: Source::Memory(newest(lines)) }
    }

    /// Writes the index of a segment whose first `covered` bytes `lines` describe.
    pub(crate) fn write(
        layout: &Layout,
        segment: &Segment,
        covered: u64,
        lines: &[Line],
        clears: &[(u64, u64)],
        last_sequence: u64,
    ) -> Result<()> {
        let seed = segment.seed;
        let sorted = newest(lines);
        let blocks = sorted.chunks(LINES);
        let mut out = Vec::with_capacity(HEADER + clears.len() * 16 + 8 + blocks.len() * BLOCK);
        out.extend_from_slice(MAGIC);
        for number in [seed, covered, last_sequence, blocks.len() as u64, clears.len() as u64] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        for (namespace, sequence) in clears {
            out.extend_from_slice(&namespace.to_le_bytes());
            out.extend_from_slice(&sequence.to_le_bytes());
        }
        out.extend_from_slice(&xxh3_64_with_seed(&out, seed).to_le_bytes());
        for (place, lines) in blocks.enumerate() {
            let start = out.len();
            out.extend_from_slice(&[0; 8]);
            out.extend_from_slice(&(lines.len() as u64).to_le_bytes());
            lines.iter().for_each(|line| line.encode(&mut out));
            out.resize(start + BLOCK, 0);
            let sum = xxh3_64_with_seed(&out[start + 8..], seed ^ place as u64);
            out[start..start + 8].copy_from_slice(&sum.to_le_bytes());
        }
        // It can be made again, so nobody waits for it to reach the disk.
        layout.write_whole(&layout.sealed(segment.number), &out, false)
    }

    /// Opens the index of a segment of `covered` bytes. `None` when it is missing, damaged or of another length.
    pub(crate) fn open(layout: &Layout, segment: &Segment, covered: u64) -> Option<Self> {
        let seed = segment.seed;
        let file = layout.storage().open(&layout.sealed(segment.number), Mode::Read).ok()?;
        let mut header = vec![0; HEADER];
        file.read_exact_at(&mut header, 0).ok()?;
        let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| header[at + i]));
        if &header[..8] != MAGIC || number(8) != seed || number(16) != covered {
            return None;
        }
        let (last_sequence, blocks, clears_len) = (number(24), number(32), number(40));
        let size = file.look().ok()?.len;
        let start = (HEADER as u64).checked_add(clears_len.checked_mul(16)?)?.checked_add(8)?;
        // Every line stands for a frame.
        if blocks > covered / HEADER_OF_FRAME / LINES as u64 + 1 || clears_len > covered / HEADER_OF_FRAME {
            return None;
        }
        if start.checked_add(blocks.checked_mul(BLOCK as u64)?)? != size {
            return None;
        }
        let mut rest = vec![0; (start - HEADER as u64) as usize];
        file.read_exact_at(&mut rest, HEADER as u64).ok()?;
        let (listed, sum) = rest.split_at(rest.len() - 8);
        let checked = [&header[..], listed].concat();
        if sum != xxh3_64_with_seed(&checked, seed).to_le_bytes() {
            return None;
        }
        let clears = listed
            .chunks_exact(16)
            .map(|pair| {
                let number = |at: usize| u64::from_le_bytes(std::array::from_fn(|i| pair[at + i]));
                (number(0), number(8))
            })
            .collect();
        let source = Source::Disk { file, seed, start, blocks: u32::try_from(blocks).ok()? };
        Some(Self { segment: segment.number, clears, last_sequence, source })
    }

    /// What the segment knows of a hash.
    pub(crate) fn probe(&self, hash: u64) -> Result<Option<Line>> {
        match &self.source {
            Source::Memory(lines) => {
                Ok(lines.binary_search_by_key(&hash, |line| line.hash).ok().map(|place| lines[place]))
            }
            Source::Disk { blocks, .. } => {
                let (mut low, mut high) = (0, *blocks);
                let mut guess = ((u128::from(hash) * u128::from(*blocks)) >> 64) as u32;
                while low < high {
                    let lines = self.block(guess)?;
                    match (lines.first(), lines.last()) {
                        (Some(first), _) if hash < first.hash => high = guess,
                        (_, Some(last)) if hash > last.hash => low = guess + 1,
                        _ => return Ok(lines.into_iter().find(|line| line.hash == hash)),
                    }
                    guess = guess.clamp(low, high.max(low + 1) - 1);
                }
                Ok(None)
            }
        }
    }

    /// All lines, sorted by hash.
    pub(crate) fn lines(&self) -> Result<Vec<Line>> {
        match &self.source {
            Source::Memory(lines) => Ok(lines.clone()),
            Source::Disk { file, seed, start, blocks } => {
                let mut bytes = vec![0; *blocks as usize * BLOCK];
                file.read_exact_at(&mut bytes, *start).map_err(|e| self.unreadable(e))?;
                let mut lines = Vec::with_capacity(*blocks as usize * LINES);
                for (place, block) in bytes.chunks_exact(BLOCK).enumerate() {
                    lines.extend(decode_block(block, *seed, place).ok_or_else(|| self.damaged())?);
                }
                Ok(lines)
            }
        }
    }

    fn block(&self, place: u32) -> Result<Vec<Line>> {
        let Source::Disk { file, seed, start, .. } = &self.source else { return Ok(Vec::new()) };
        let mut bytes = [0; BLOCK];
        let at = start + u64::from(place) * BLOCK as u64;
        file.read_exact_at(&mut bytes, at).map_err(|e| self.unreadable(e))?;
        Ok(decode_block(&bytes, *seed, place as usize).ok_or_else(|| self.damaged())?.collect())
    }

    fn unreadable(&self, e: io::Error) -> Error {
        Error::new(crate::ErrorKind::Io, format!("the index of segment {} cannot be read: {e}", self.segment)).with(e)
    }

    fn damaged(&self) -> Error {
        Error::new(crate::ErrorKind::Corrupt, format!("the index of segment {} is damaged", self.segment))
    }
}

fn decode_block(block: &[u8], seed: u64, place: usize) -> Option<impl Iterator<Item = Line>> {
    let (sum, rest) = block.split_first_chunk::<8>()?;
    if *sum != xxh3_64_with_seed(rest, seed ^ place as u64).to_le_bytes() {
        return None;
    }
    let (count, lines) = rest.split_first_chunk::<8>()?;
    let count = usize::try_from(u64::from_le_bytes(*count)).ok().filter(|count| *count <= LINES)?;
    Some(lines.chunks_exact(LINE).take(count).map(Line::decode))
}

#[cfg(test)]
mod tests {
    use super::super::layout::Superblock;
    use super::*;

    /// Bytes of a segment that has room for all lines.
    const COVERED: u64 = 1 << 20;

    fn line(hash: u64, sequence: u64) -> Line {
        Line { hash, sequence, gone: u64::MAX, namespace: 1, offset: 32, len: 10 }
    }

    fn segment(dir: &std::path::Path) -> (Layout, Segment) {
        let layout = Layout::new(std::sync::Arc::new(crate::storage::Files), dir);
        layout.make_segments().expect("a directory");
        let segment = Segment::new(&layout, 1, &Superblock { id: 7, hash_key: [0; 16] });
        (layout, segment)
    }

    #[test]
    fn every_hash_is_found_and_no_other() {
        let dir = tempfile::tempdir().expect("a directory");
        let (layout, segment) = segment(dir.path());
        let spread = |i: u64| i.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let lines: Vec<_> = (1..=5_000).map(|i| line(spread(i), i)).collect();
        Sealed::write(&layout, &segment, COVERED, &lines, &[(3, 4)], 5_000).expect("writes");
        let sealed = Sealed::open(&layout, &segment, COVERED).expect("opens");
        assert_eq!((sealed.clears.as_slice(), sealed.last_sequence), (&[(3, 4)][..], 5_000));
        for l in &lines {
            assert_eq!(sealed.probe(l.hash).expect("readable"), Some(*l));
        }
        for i in 5_001..6_000 {
            assert_eq!(sealed.probe(spread(i)).expect("readable"), None);
        }
        assert_eq!(sealed.lines().expect("readable"), newest(&lines));
    }

    #[test]
    fn skewed_hashes_are_found_too() {
        let dir = tempfile::tempdir().expect("a directory");
        let (layout, segment) = segment(dir.path());
        let lines: Vec<_> = (0..1_000).map(|i| line(i, i)).chain([line(u64::MAX, 7)]).collect();
        Sealed::write(&layout, &segment, COVERED, &lines, &[], 1).expect("writes");
        let sealed = Sealed::open(&layout, &segment, COVERED).expect("opens");
        for l in &lines {
            assert_eq!(sealed.probe(l.hash).expect("readable"), Some(*l));
        }
        assert_eq!(sealed.probe(5_000).expect("readable"), None);
    }

    #[test]
    fn the_last_line_of_a_hash_counts() {
        assert_eq!(newest(&[line(5, 1), line(3, 2), line(5, 3)]), [line(3, 2), line(5, 3)]);
    }

    #[test]
    fn a_damaged_or_foreign_index_is_not_used() {
        let dir = tempfile::tempdir().expect("a directory");
        let (layout, segment) = segment(dir.path());
        let lines: Vec<_> = (0..300).map(|i| line(i << 55, i)).collect();
        Sealed::write(&layout, &segment, COVERED, &lines, &[], 300).expect("writes");
        assert!(
            Sealed::open(&layout, &Segment::new(&layout, 1, &Superblock { id: 8, hash_key: [0; 16] }), COVERED)
                .is_none(),
            "another segment's"
        );
        assert!(Sealed::open(&layout, &segment, COVERED + 1).is_none(), "the segment is longer");
        let path = layout.sealed(1);
        let whole = std::fs::read(&path).expect("readable");
        for at in (0..whole.len()).step_by(13) {
            let mut harmed = whole.clone();
            harmed[at] ^= 0x10;
            std::fs::write(&path, &harmed).expect("writable");
            let noticed = Sealed::open(&layout, &segment, COVERED).is_none_or(|sealed| sealed.lines().is_err());
            assert!(noticed, "byte {at}");
        }
    }
}
