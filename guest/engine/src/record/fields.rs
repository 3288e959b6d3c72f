//! Fields: what an entry carries besides key and value, as a list of `id (1 byte), length (2 bytes), data`.
//!
//! Memory tier and records hold the same bytes. Ids below 128 may be skipped by a reader that does not know them; a
//! reader that meets an unknown id from 128 on refuses the record as newer than itself.

use super::Reader;
use crate::config::{MAX_FIELDS_SIZE, SetOptions};
use crate::error::{Error, ErrorCode, Result};

const CONTENT_TYPE: u8 = 1;
const METADATA: u8 = 2;
const TAG: u8 = 3;
const IDLE_TIMEOUT: u8 = 4;
const STALE_WINDOW: u8 = 5;
const COST: u8 = 6;
const MUST_UNDERSTAND: u8 = 128;

/// A well-formed list of fields.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    /// The caller guarantees that `bytes` came out of [`encode`] or [`Fields::bytes`].
    #[inline]
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Checks bytes from outside.
    pub(crate) fn validate(bytes: &'a [u8]) -> Result<Self> {
        let mut rest = Reader(bytes);
        while !rest.0.is_empty() {
            let id = rest.u8()?;
            let len = rest.u16()?;
            let data = rest.take(usize::from(len))?;
            let sound = match id {
                CONTENT_TYPE | TAG => std::str::from_utf8(data).is_ok(),
                METADATA => pair(data).is_some(),
                IDLE_TIMEOUT | STALE_WINDOW | COST => data.len() == 8,
                MUST_UNDERSTAND.. => {
                    let message = format!("the record carries field {id}, which this version of larder does not know");
                    return Err(Error::new(ErrorCode::NewerFormat, message));
                }
                _ => true,
            };
            if !sound {
                return Err(Error::corrupt("one of its fields is malformed"));
            }
        }
        Ok(Self(bytes))
    }

    pub(crate) fn bytes(self) -> &'a [u8] {
        self.0
    }

    fn all(self, wanted: u8) -> impl Iterator<Item = &'a [u8]> {
        let mut rest = Reader(self.0);
        std::iter::from_fn(move || {
            let (id, len) = (rest.u8().ok()?, rest.u16().ok()?);
            Some((id, rest.take(usize::from(len)).ok()?))
        })
        .filter(move |(id, _)| *id == wanted)
        .map(|(_, data)| data)
    }

    /// The content type, empty if none was given.
    #[inline]
    pub(crate) fn content_type(self) -> &'a str {
        if self.0.is_empty() {
            return "";
        }
        self.all(CONTENT_TYPE).next().and_then(|data| std::str::from_utf8(data).ok()).unwrap_or("")
    }

    pub(crate) fn metadata(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.all(METADATA).filter_map(pair)
    }

    pub(crate) fn tags(self) -> impl Iterator<Item = &'a str> {
        self.all(TAG).filter_map(|data| std::str::from_utf8(data).ok())
    }

    pub(crate) fn idle_timeout(self) -> Option<u64> {
        self.number(IDLE_TIMEOUT)
    }

    pub(crate) fn stale_window(self) -> Option<u64> {
        self.number(STALE_WINDOW)
    }

    pub(crate) fn cost(self) -> Option<u64> {
        self.number(COST)
    }

    fn number(self, id: u8) -> Option<u64> {
        if self.0.is_empty() {
            return None;
        }
        self.all(id).next().and_then(|data| data.try_into().ok()).map(u64::from_le_bytes)
    }
}

/// A metadata pair: the name's length in two bytes, the name, the value.
fn pair(data: &[u8]) -> Option<(&str, &str)> {
    let mut rest = Reader(data);
    let len = rest.u16().ok()?;
    let name = rest.take(usize::from(len)).ok()?;
    Some((std::str::from_utf8(name).ok()?, std::str::from_utf8(rest.0).ok()?))
}

/// Writes the fields of an entry, with the times that are in force for it.
pub(crate) fn encode(options: &SetOptions, tti: Option<u64>, stale: Option<u64>) -> Result<Vec<u8>> {
    let mut out = Vec::new();
    if !options.content_type.is_empty() {
        push(&mut out, CONTENT_TYPE, &[options.content_type.as_bytes()])?;
    }
    for (name, value) in &options.metadata {
        let len = u16::try_from(name.len()).map_err(|_| too_long())?.to_le_bytes();
        push(&mut out, METADATA, &[&len, name.as_bytes(), value.as_bytes()])?;
    }
    for tag in &options.tags {
        push(&mut out, TAG, &[tag.as_bytes()])?;
    }
    for (id, number) in [(IDLE_TIMEOUT, tti), (STALE_WINDOW, stale), (COST, options.cost)] {
        if let Some(number) = number {
            push(&mut out, id, &[&number.to_le_bytes()])?;
        }
    }
    Ok(out)
}

fn push(out: &mut Vec<u8>, id: u8, parts: &[&[u8]]) -> Result<()> {
    let len = parts.iter().map(|part| part.len()).sum::<usize>();
    let len = u16::try_from(len).map_err(|_| too_long())?;
    if out.len() + 3 + usize::from(len) > MAX_FIELDS_SIZE {
        return Err(Error::invalid(format!("content type, metadata and tags take more than {MAX_FIELDS_SIZE} bytes")));
    }
    out.push(id);
    out.extend_from_slice(&len.to_le_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
    Ok(())
}

fn too_long() -> Error {
    Error::invalid("a content type, tag or metadata pair is longer than 65,535 bytes; keep large texts in the value")
}
