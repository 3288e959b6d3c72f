//! Records: an entry framed for storage, the only thing a store ever sees.
//!
//! A record is a fixed header, the head (namespace, fields, key), a checksum over both, the body, and a checksum over all
//! of it. The first checksum lets a host list entries without reading values; the second guards the whole. `docs/design.md`
//! gives the layout byte by byte. A decoder treats every byte as hostile: lengths are checked before they are used, and
//! nothing is allocated on a record's word alone.

pub(crate) mod fields;

use alloc::string::String;
use alloc::vec::Vec;

use xxhash_rust::xxh3::xxh3_64;

use crate::bans::Subject;
use crate::codec::Codec;
use crate::config::{Durability, MAX_FIELDS_SIZE};
use crate::error::{Error, ErrorCode, Result};
use crate::time::{NEVER, known};
use fields::Fields;

/// The first four bytes of every record.
pub const MAGIC: [u8; 4] = [0x8C, b'L', b'R', b'D'];

/// The format version written, and the newest one read.
pub const FORMAT_VERSION: u8 = 1;

/// Bytes of the fixed header.
pub const HEADER_SIZE: usize = 56;

const CHECKSUM_SIZE: usize = 8;

/// What guards records: XXH3-64 of these bytes. Hosts that frame records in files of their own can guard these with it, too.
#[must_use]
#[inline(never)]
pub fn checksum(bytes: &[u8]) -> u64 {
    xxh3_64(bytes)
}
const DURABILITY_BITS: u8 = 0b11;

/// The times and numbers of a record, all of its fixed header but the lengths.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Meta {
    pub(crate) codec: Codec,
    pub(crate) durability: Durability,
    /// Bytes of the value before compression.
    pub(crate) value_len: usize,
    pub(crate) version: u64,
    pub(crate) created: u64,
    pub(crate) accessed: u64,
    pub(crate) expires: u64,
}

/// Everything of a record but its body.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head<'a> {
    pub(crate) meta: Meta,
    pub(crate) namespace: &'a str,
    pub(crate) fields: Fields<'a>,
    pub(crate) key: &'a [u8],
    pub(crate) body_len: usize,
    /// Bytes of header, head and head checksum: where the body begins.
    len: usize,
}

impl Head<'_> {
    /// What a ban has to know of it.
    pub(crate) fn as_subject(&self) -> Subject<'_> {
        Subject { version: self.meta.version, namespace: self.namespace, key: self.key, fields: self.fields }
    }

    /// Bytes of the whole record.
    pub(crate) fn record_len(&self) -> usize {
        self.len + self.body_len + CHECKSUM_SIZE
    }
}

/// Frames an entry. The caller guarantees lengths within the engine's limits and a `body` in `meta.codec`'s form.
pub(crate) fn encode(meta: &Meta, namespace: &str, fields: &[u8], key: &[u8], body: &[u8]) -> Vec<u8> {
    let head_len = HEADER_SIZE + namespace.len() + fields.len() + key.len() + CHECKSUM_SIZE;
    let mut out = Vec::with_capacity(head_len + body.len() + CHECKSUM_SIZE);
    out.extend_from_slice(&MAGIC);
    out.push(FORMAT_VERSION);
    out.push(meta.codec as u8);
    out.push(match meta.durability {
        Durability::Memory => 0,
        Durability::Process => 1,
        Durability::Sync => 2,
    });
    out.push(namespace.len() as u8);
    out.extend_from_slice(&(key.len() as u16).to_le_bytes());
    out.extend_from_slice(&[0; 2]);
    for len in [fields.len(), body.len(), meta.value_len] {
        out.extend_from_slice(&(len as u32).to_le_bytes());
    }
    for number in [meta.version, meta.created, meta.accessed, known(meta.expires).unwrap_or(u64::MAX)] {
        out.extend_from_slice(&number.to_le_bytes());
    }
    out.extend_from_slice(namespace.as_bytes());
    out.extend_from_slice(fields);
    out.extend_from_slice(key);
    out.extend_from_slice(&checksum(&out).to_le_bytes());
    out.extend_from_slice(body);
    out.extend_from_slice(&checksum(&out).to_le_bytes());
    out
}

/// Reads the head from the first bytes of a record; the body need not be there.
pub(crate) fn decode_head(bytes: &[u8]) -> Result<Head<'_>> {
    let mut header = Reader(bytes);
    if header.take(4)? != MAGIC {
        return Err(Error::corrupt("it does not begin like a record"));
    }
    let format = header.u8()?;
    if format > FORMAT_VERSION {
        // A checksum of the whole ends a record of every format. Without it, this is one of ours with a flipped bit.
        if !is_whole(bytes) {
            return Err(Error::corrupt("its format is unknown and its checksum does not match"));
        }
        return Err(newer(&text!("format ", format, ", this is a reader of format ", FORMAT_VERSION)));
    }
    if format == 0 {
        return Err(Error::corrupt("format 0 does not exist"));
    }
    let codec = header.u8()?;
    let flags = header.u8()?;
    let namespace_len = usize::from(header.u8()?);
    let key_len = usize::from(header.u16()?);
    header.take(2)?;
    let fields_len = header.u32()? as usize;
    let body_len = header.u32()? as usize;
    let value_len = header.u32()? as usize;
    let version = header.u64()?;
    let created = header.u64()?;
    let accessed = header.u64()?;
    let expires = header.u64()?.min(NEVER);
    if fields_len > MAX_FIELDS_SIZE {
        return Err(Error::corrupt("its fields are longer than any engine writes"));
    }
    let mut head = Reader(header.0);
    let namespace = head.take(namespace_len)?;
    let fields = head.take(fields_len)?;
    let key = head.take(key_len)?;
    let checked = HEADER_SIZE + namespace_len + fields_len + key_len;
    if head.u64()? != checksum(&bytes[..checked]) {
        return Err(Error::corrupt("the checksum of its head does not match"));
    }
    // Past the checksum, whatever does not fit was written on purpose, by something newer.
    let codec = Codec::from_u8(codec).ok_or_else(|| newer(&text!("codec ", codec)))?;
    let durability = match flags & DURABILITY_BITS {
        0 => Durability::Memory,
        1 => Durability::Process,
        2 => Durability::Sync,
        _ => return Err(newer("an unknown durability")),
    };
    if flags & !DURABILITY_BITS != 0 {
        return Err(newer("unknown flags"));
    }
    let namespace = core::str::from_utf8(namespace).map_err(|_| Error::corrupt("its namespace is not text"))?;
    let fields = Fields::validate(fields)?;
    if namespace.is_empty() || key.is_empty() {
        return Err(Error::corrupt("it names no entry"));
    }
    if version > NEVER {
        return Err(Error::corrupt("its version is out of range"));
    }
    Ok(Head {
        meta: Meta { codec, durability, value_len, version, created, accessed, expires },
        namespace,
        fields,
        key,
        body_len,
        len: checked + CHECKSUM_SIZE,
    })
}

/// Reads a whole record: its head and its body, both checked.
pub(crate) fn decode(bytes: &[u8]) -> Result<(Head<'_>, &[u8])> {
    let head = decode_head(bytes)?;
    if bytes.len() != head.record_len() {
        return Err(Error::corrupt("its length is not the declared one"));
    }
    if !is_whole(bytes) {
        return Err(Error::corrupt("its checksum does not match"));
    }
    Ok((head, &bytes[head.len..bytes.len() - CHECKSUM_SIZE]))
}

/// Whether the bytes end with the checksum of all before.
fn is_whole(bytes: &[u8]) -> bool {
    bytes.split_last_chunk().is_some_and(|(checked, sum)| *sum == checksum(checked).to_le_bytes())
}

fn newer(what: &str) -> Error {
    Error::new(
        ErrorCode::NewerFormat,
        text!("the record was written by a newer larder (", what, "); use that version or newer to read it"),
    )
}

/// Takes little-endian numbers and slices off the front, and never past the end.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn take(&mut self, len: usize) -> Result<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len).ok_or_else(|| Error::corrupt("it ends too early"))?;
        self.0 = rest;
        Ok(taken)
    }

    /// Takes the four bytes that a format begins with, the last of which is its version.
    pub(crate) fn mark(&mut self, mark: [u8; 4], what: &str) -> Result<()> {
        let found = self.take(mark.len())?;
        if found == mark {
            return Ok(());
        }
        if found[..3] == mark[..3] && found[3] > mark[3] {
            let message = text!(what, " was written by a newer larder; use that version or newer");
            return Err(Error::new(ErrorCode::NewerFormat, message));
        }
        Err(Error::corrupt("it does not hold what it should"))
    }

    /// Takes a text of so many bytes.
    pub(crate) fn text(&mut self, len: usize) -> Result<String> {
        let bytes = self.take(len)?;
        String::from_utf8(bytes.to_vec()).map_err(|_| Error::corrupt("a text in it is not text"))
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk().ok_or_else(|| Error::corrupt("it ends too early"))?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(crate) fn u8(&mut self) -> Result<u8> {
        Ok(self.array::<1>()?[0])
    }

    pub(crate) fn u16(&mut self) -> Result<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64> {
        self.array().map(u64::from_le_bytes)
    }
}

#[cfg(test)]
mod tests;
