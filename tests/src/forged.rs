//! Records, frames and indexes as somebody would write them who knows the formats and means harm: the checksums are right,
//! the rest says what it likes. `docs/design.md` has the layouts.

use std::fs;
use std::path::{Path, PathBuf};

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use crate::format::frame_seed;

/// Bytes of a frame's header.
pub const FRAME: usize = 56;

/// A record, of which anything may be a lie.
#[derive(Debug, Clone)]
pub struct Record {
    /// 0 none, 1 DEFLATE, 2 LZ4.
    pub codec: u8,
    /// The namespace.
    pub namespace: Vec<u8>,
    /// The fields, encoded.
    pub fields: Vec<u8>,
    /// The key.
    pub key: Vec<u8>,
    /// The body.
    pub body: Vec<u8>,
    /// What it says of the length of its value.
    pub value_len: u32,
    /// Its version.
    pub version: u64,
    /// Written over what the header would say: offset, bytes.
    pub lie: Option<(usize, Vec<u8>)>,
}

impl Record {
    /// An honest record of a plain value in the default namespace.
    #[must_use]
    pub fn plain(key: &[u8], value: &[u8], version: u64) -> Self {
        Self {
            codec: 0,
            namespace: b"default".to_vec(),
            fields: Vec::new(),
            key: key.to_vec(),
            body: value.to_vec(),
            value_len: value.len() as u32,
            version,
            lie: None,
        }
    }

    /// The bytes, with checksums over what they say.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut out = vec![0x8C, b'L', b'R', b'D', 1, self.codec, 1, self.namespace.len() as u8];
        out.extend_from_slice(&(self.key.len() as u16).to_le_bytes());
        out.extend_from_slice(&[0; 2]);
        for len in [self.fields.len() as u32, self.body.len() as u32, self.value_len] {
            out.extend_from_slice(&len.to_le_bytes());
        }
        for number in [self.version, 1, 1, u64::MAX] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        if let Some((at, lie)) = &self.lie {
            out[*at..*at + lie.len()].copy_from_slice(lie);
        }
        // Where a reader that believes the header looks for the first checksum; further than the head when it lies.
        let half = |at: usize| u32::from_le_bytes(std::array::from_fn(|i| out[at + i])) as usize;
        let head = usize::from(out[7]) + half(12) + usize::from(u16::from_le_bytes([out[8], out[9]]));
        let mut rest = [&self.namespace[..], &self.fields, &self.key].concat();
        let honest = rest.len();
        rest.extend_from_slice(&[0; 8]);
        rest.extend_from_slice(&self.body);
        let split = if head <= rest.len() { head } else { honest };
        out.extend_from_slice(&rest[..split]);
        let sum = xxh3_64(&out).to_le_bytes();
        out.extend_from_slice(&sum);
        out.extend_from_slice(rest.get(split + 8..).unwrap_or_default());
        out.extend_from_slice(&xxh3_64(&out).to_le_bytes());
        out
    }
}

/// A frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Frame {
    /// 1 record, 2 tombstone, 3 clear, 4 seal, 5 dropped.
    pub kind: u8,
    /// Bytes of the payload.
    pub len: u32,
    /// Sequence number.
    pub sequence: u64,
    /// Hash of namespace and key.
    pub hash: u64,
    /// Hash of the namespace.
    pub namespace: u64,
}

impl Frame {
    /// The header at an offset of the segment with this seed.
    #[must_use]
    pub fn encode(&self, seed: u64, offset: usize) -> Vec<u8> {
        let mut out = vec![0x8C, b'L', b'F', b'R', self.kind, 0, 0, 0];
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        for number in [self.sequence, self.hash, self.namespace, u64::MAX] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        out.extend_from_slice(&xxh3_64_with_seed(&out, frame_seed(seed, offset)).to_le_bytes());
        out
    }
}

fn number(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(std::array::from_fn(|i| bytes[at + i]))
}

/// A segment file of a store that no cache has open.
#[derive(Debug)]
pub struct Segment {
    /// Where it is.
    pub path: PathBuf,
    /// Seeds its checksums.
    pub seed: u64,
    /// What is in it.
    pub bytes: Vec<u8>,
}

impl Segment {
    /// The segment of a store with this place among all, the oldest being 0.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn open(store: &Path, place: usize) -> Self {
        let superblock = fs::read(store.join("larder.store")).expect("a superblock");
        let found = fs::read_dir(store.join("segments")).expect("segments");
        let mut paths: Vec<_> = found.map(|entry| entry.expect("readable").path()).collect();
        paths.retain(|path| path.extension().is_some_and(|extension| extension == "seg"));
        paths.sort();
        let path = paths.get(place).expect("a segment").clone();
        let name = path.file_stem().and_then(|stem| stem.to_str()).expect("a name");
        let segment: u64 = name.parse().expect("a number");
        let seed = number(&superblock, 16) ^ segment.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        Self { bytes: fs::read(&path).expect("readable"), path, seed }
    }

    /// The frames in it, and where they begin.
    #[must_use]
    pub fn frames(&self) -> Vec<(usize, Frame)> {
        let (mut frames, mut at) = (Vec::new(), 32);
        while at + FRAME <= self.bytes.len() {
            let header = &self.bytes[at..at + FRAME];
            let len = u32::from_le_bytes(std::array::from_fn(|i| header[8 + i]));
            let (sequence, hash, namespace) = (number(header, 16), number(header, 24), number(header, 32));
            frames.push((at, Frame { kind: header[4], len, sequence, hash, namespace }));
            at += (FRAME + len as usize).next_multiple_of(8);
        }
        frames
    }

    /// The last frame.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn last(&self) -> Frame {
        self.frames().last().expect("a frame").1
    }

    /// Appends a frame with a payload, which may be of another length than it says.
    pub fn push(&mut self, frame: &Frame, payload: &[u8]) {
        self.bytes.extend_from_slice(&frame.encode(self.seed, self.bytes.len()));
        self.bytes.extend_from_slice(payload);
        self.bytes.resize(self.bytes.len().next_multiple_of(8), 0);
    }

    /// Writes it back.
    ///
    /// # Panics
    /// When that is not possible.
    pub fn save(&self) {
        fs::write(&self.path, &self.bytes).expect("writable");
    }
}

/// Puts a record in the place of what a store holds under a key, whose frame is the last of the only segment.
pub fn plant(store: &Path, record: &Record) {
    let mut segment = Segment::open(store, 0);
    let last = segment.last();
    let bytes = Record { version: last.sequence + 1, ..record.clone() }.encode();
    segment.push(&Frame { len: bytes.len() as u32, sequence: last.sequence + 1, ..last }, &bytes);
    segment.save();
}

/// A snapshot of such records.
#[must_use]
pub fn snapshot(records: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"\x8CLSNAP\n\x01".to_vec();
    for record in records {
        out.extend_from_slice(&(record.len() as u32).to_le_bytes());
        out.extend_from_slice(record);
    }
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(&(records.len() as u64).to_le_bytes());
    out
}
