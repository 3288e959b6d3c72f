//! Fields: what an entry carries besides key and value, as a list of `id (1 byte), length (2 bytes), data`.
//!
//! Memory tier and records hold the same bytes. Ids below 128 may be skipped by a reader that does not know them; a
//! reader that meets an unknown id from 128 on refuses the record as newer than itself.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;

use super::Reader;
use crate::config::{Dependency, DependencyKind, MAX_FIELDS_SIZE, MAX_LABELS, SetOptions};
use crate::error::{Error, ErrorCode, Result};

const CONTENT_TYPE: u8 = 1;
const METADATA: u8 = 2;
const TAG: u8 = 3;
const IDLE_TIMEOUT: u8 = 4;
const STALE_WINDOW: u8 = 5;
const COST: u8 = 6;
const PREFETCHED: u8 = 7;
const MUST_UNDERSTAND: u8 = 128;
/// Whoever cannot check it must not take the entry for valid.
const DEPENDENCY: u8 = 129;

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
        let mut left = bytes;
        while !left.is_empty() {
            let (id, data, rest) = first(left).ok_or_else(|| Error::corrupt("it ends too early"))?;
            left = rest;
            let sound = match id {
                CONTENT_TYPE | TAG => core::str::from_utf8(data).is_ok(),
                METADATA => pair(data).is_some(),
                IDLE_TIMEOUT | STALE_WINDOW | COST => data.len() == 8,
                DEPENDENCY => dependency(data).is_some(),
                MUST_UNDERSTAND.. => {
                    let message =
                        text!("the record carries field ", id, ", which this version of larder does not know");
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
        let mut left = self.0;
        core::iter::from_fn(move || {
            let (id, data, rest) = first(left)?;
            left = rest;
            Some((id, data))
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
        self.all(CONTENT_TYPE).next().and_then(|data| core::str::from_utf8(data).ok()).unwrap_or("")
    }

    pub(crate) fn metadata(self) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.all(METADATA).filter_map(pair)
    }

    pub(crate) fn tags(self) -> impl Iterator<Item = &'a str> {
        self.all(TAG).filter_map(|data| core::str::from_utf8(data).ok())
    }

    pub(crate) fn dependencies(self) -> impl Iterator<Item = DependencyRef<'a>> {
        self.all(DEPENDENCY).filter_map(dependency)
    }

    /// Whether the entry depends on anything.
    pub(crate) fn depends(self) -> bool {
        self.all(DEPENDENCY).next().is_some()
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

    /// Whether nobody has asked for the entry since it was prefetched.
    pub(crate) fn is_prefetched(self) -> bool {
        self.all(PREFETCHED).next().is_some()
    }

    /// These fields, of an entry that somebody has asked for.
    pub(crate) fn used(self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.0.len());
        let mut left = self.0;
        while let Some((id, _, rest)) = first(left) {
            if id != PREFETCHED {
                out.extend_from_slice(&left[..left.len() - rest.len()]);
            }
            left = rest;
        }
        out
    }

    fn number(self, id: u8) -> Option<u64> {
        self.all(id).next().and_then(|data| data.try_into().ok()).map(u64::from_le_bytes)
    }
}

/// The first field of a list: its id, its data, and the fields behind it.
#[inline]
fn first(fields: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[id, low, high], rest) = fields.split_first_chunk()?;
    let (data, rest) = rest.split_at_checked(usize::from(u16::from_le_bytes([low, high])))?;
    Some((id, data, rest))
}

/// A metadata pair: the name's length in two bytes, the name, the value.
fn pair(data: &[u8]) -> Option<(&str, &str)> {
    let mut rest = Reader(data);
    let len = rest.u16().ok()?;
    let name = rest.take(usize::from(len)).ok()?;
    Some((core::str::from_utf8(name).ok()?, core::str::from_utf8(rest.0).ok()?))
}

/// A [`Dependency`] where the fields have it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct DependencyRef<'a> {
    pub(crate) kind: DependencyKind,
    pub(crate) name: &'a str,
    pub(crate) stamp: &'a [u8],
}

impl DependencyRef<'_> {
    pub(crate) fn to_owned(self) -> Dependency {
        Dependency { kind: self.kind, name: self.name.to_owned(), stamp: self.stamp.to_vec() }
    }
}

/// A dependency: its kind in one byte, the name's length in two, the name, the stamp.
fn dependency(data: &[u8]) -> Option<DependencyRef<'_>> {
    let mut rest = Reader(data);
    let kind = match rest.u8().ok()? {
        0 => DependencyKind::File,
        1 => DependencyKind::Glob,
        2 => DependencyKind::Environment,
        _ => return None,
    };
    let len = rest.u16().ok()?;
    let name = core::str::from_utf8(rest.take(usize::from(len)).ok()?).ok()?;
    Some(DependencyRef { kind, name, stamp: rest.0 })
}

/// Writes the fields of an entry, with the times that are in force for it.
pub(crate) fn encode(options: &SetOptions, tti: Option<u64>, stale: Option<u64>) -> Result<Vec<u8>> {
    let labels = options.tags.len().max(options.dependencies.len());
    if labels > MAX_LABELS {
        let message =
            text!("an entry has at most ", MAX_LABELS, " tags and as many dependencies, this one has ", labels);
        return Err(Error::invalid(message));
    }
    let mut out = Vec::new();
    if !options.content_type.is_empty() {
        push(&mut out, CONTENT_TYPE, &[options.content_type.as_bytes()])?;
    }
    for (name, value) in &options.metadata {
        let len = u16::try_from(name.len()).map_err(|_| too_long())?.to_le_bytes();
        push(&mut out, METADATA, &[&len, name.as_bytes(), value.as_bytes()])?;
    }
    for (at, tag) in options.tags.iter().enumerate() {
        if !options.tags[..at].contains(tag) {
            push(&mut out, TAG, &[tag.as_bytes()])?;
        }
    }
    for Dependency { kind, name, stamp } in &options.dependencies {
        let len = u16::try_from(name.len()).map_err(|_| too_long())?.to_le_bytes();
        push(&mut out, DEPENDENCY, &[&[*kind as u8], &len, name.as_bytes(), stamp])?;
    }
    for (id, number) in [(IDLE_TIMEOUT, tti), (STALE_WINDOW, stale), (COST, options.cost)] {
        if let Some(number) = number {
            push(&mut out, id, &[&number.to_le_bytes()])?;
        }
    }
    if options.prefetched {
        push(&mut out, PREFETCHED, &[])?;
    }
    Ok(out)
}

fn push(out: &mut Vec<u8>, id: u8, parts: &[&[u8]]) -> Result<()> {
    let len = parts.iter().map(|part| part.len()).sum::<usize>();
    let len = u16::try_from(len).map_err(|_| too_long())?;
    if out.len() + 3 + usize::from(len) > MAX_FIELDS_SIZE {
        return Err(Error::invalid(text!(
            "content type, metadata, tags and dependencies take more than ",
            MAX_FIELDS_SIZE,
            " bytes"
        )));
    }
    out.push(id);
    out.extend_from_slice(&len.to_le_bytes());
    for part in parts {
        out.extend_from_slice(part);
    }
    Ok(())
}

fn too_long() -> Error {
    Error::invalid(
        "a content type, tag, dependency or metadata pair is longer than 65,535 bytes; keep large texts in the value",
    )
}
