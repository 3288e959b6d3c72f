//! All bans as bytes: a version, the number up to which they were reaped, how many there are, then for each its number, its namespace and its rule. Texts are preceded by
//! their length in four bytes, numbers are little-endian. `docs/design.md` gives the layout.

use alloc::string::String;
use alloc::vec::Vec;

use super::{Ban, MAX_BANS, Rule, rule};
use crate::error::{Error, ErrorCode, Result};
use crate::record::Reader;

const VERSION: u8 = 1;

/// Bytes that a ban takes.
pub(super) fn size(ban: &Ban) -> usize {
    let mut out = Vec::new();
    put(&mut out, ban);
    out.len()
}

pub(super) fn encode(reaped: u64, bans: &[Ban]) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.extend_from_slice(&reaped.to_le_bytes());
    out.extend_from_slice(&(bans.len() as u32).to_le_bytes());
    bans.iter().for_each(|ban| put(&mut out, ban));
    out
}

fn put(out: &mut Vec<u8>, ban: &Ban) {
    out.extend_from_slice(&ban.sequence.to_le_bytes());
    put_text(out, ban.namespace.as_deref().unwrap_or_default().as_bytes());
    match &ban.rule {
        Rule::All => out.push(0),
        Rule::Tag(tag) => put_kind(out, 1, tag.as_bytes()),
        Rule::AllTags(tags) => {
            out.push(2);
            out.extend_from_slice(&(tags.len() as u32).to_le_bytes());
            tags.iter().for_each(|tag| put_text(out, tag.as_bytes()));
        }
        Rule::Prefix(prefix) => put_kind(out, 3, prefix),
        Rule::Glob(pattern) => put_kind(out, 4, pattern),
        Rule::File(path) => put_kind(out, 5, path.as_bytes()),
    }
}

fn put_kind(out: &mut Vec<u8>, kind: u8, text: &[u8]) {
    out.push(kind);
    put_text(out, text);
}

fn put_text(out: &mut Vec<u8>, text: &[u8]) {
    out.extend_from_slice(&(text.len() as u32).to_le_bytes());
    out.extend_from_slice(text);
}

/// # Errors
/// `Corrupt`, also when bans are out of order; `NewerFormat`.
pub(super) fn decode(bytes: &[u8]) -> Result<(u64, Vec<Ban>)> {
    let mut rest = Reader(bytes);
    let version = rest.u8()?;
    if version > VERSION {
        let message = text!("bans of format ", version, " were written by a newer larder; use that version or newer");
        return Err(Error::new(ErrorCode::NewerFormat, message));
    }
    let reaped = rest.u64()?;
    let count = rest.u32()? as usize;
    if count > MAX_BANS {
        return Err(Error::corrupt("it holds more bans than there can be"));
    }
    let mut bans = Vec::new();
    for _ in 0..count {
        let sequence = rest.u64()?;
        let namespace = Some(text(&mut rest)?).filter(|name| !name.is_empty());
        let rule = match rest.u8()? {
            0 => Rule::All,
            1 => Rule::Tag(text(&mut rest)?),
            2 => {
                let tags = rest.u32()? as usize;
                if tags > rule::MAX_TAGS {
                    return Err(Error::corrupt("a ban names more tags than it may"));
                }
                Rule::AllTags((0..tags).map(|_| text(&mut rest)).collect::<Result<_>>()?)
            }
            3 => Rule::Prefix(bytes_of(&mut rest)?.to_vec()),
            4 => Rule::Glob(bytes_of(&mut rest)?.to_vec()),
            5 => Rule::File(text(&mut rest)?),
            _ => return Err(Error::corrupt("a ban is of an unknown kind")),
        };
        rule.validate().map_err(|_| Error::corrupt("a ban is outside its limits"))?;
        bans.push(Ban { sequence, namespace, rule });
    }
    if !rest.0.is_empty() || !bans.is_sorted_by_key(|ban| ban.sequence) {
        return Err(Error::corrupt("its bans are not in order"));
    }
    Ok((reaped, bans))
}

fn bytes_of<'a>(rest: &mut Reader<'a>) -> Result<&'a [u8]> {
    let len = rest.u32()? as usize;
    rest.take(len)
}

fn text(rest: &mut Reader<'_>) -> Result<String> {
    let bytes = bytes_of(rest)?;
    String::from_utf8(bytes.to_vec()).map_err(|_| Error::corrupt("a ban's text is not text"))
}
