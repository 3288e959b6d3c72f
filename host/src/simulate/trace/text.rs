//! Traces made of lines. Keys that are text stand for themselves by their XXH3-64 hash; block numbers are taken as they are.

use xxhash_rust::xxh3::xxh3_64;

use super::lines::{Lines, number, shown, size};
use super::{Fault, Request};

type Next = Result<Option<Request>, Fault>;

/// Blocks that one line of an ARC trace may ask for: 512 MiB of 512 bytes.
const MAX_BLOCKS: u64 = 1 << 20;

/// `key` or `key,size`.
pub(super) struct Text(Lines);

impl Text {
    pub(super) fn new(lines: Lines) -> Self {
        Self(lines)
    }

    #[inline]
    pub(super) fn next(&mut self) -> Next {
        loop {
            let Some(line) = self.0.next()? else { return Ok(None) };
            if line.is_empty() {
                continue;
            }
            return match request(line) {
                Ok(request) => Ok(Some(request)),
                Err(what) => Err(Fault::Broken(self.0.place(), what)),
            };
        }
    }
}

#[inline]
fn request(line: &[u8]) -> Result<Request, String> {
    let Some(comma) = line.iter().rposition(|byte| *byte == b',') else {
        return Ok(Request { key: xxh3_64(line), size: 1 });
    };
    let (key, digits) = (&line[..comma], &line[comma + 1..]);
    if key.is_empty() {
        return Err("there is no key before the comma".into());
    }
    let size = size(digits).map_err(|e| format!("{e} (for keys with commas and no sizes there is --format keys)"))?;
    Ok(Request { key: xxh3_64(key), size })
}

/// The whole line is the key.
pub(super) struct Keys(Lines);

impl Keys {
    pub(super) fn new(lines: Lines) -> Self {
        Self(lines)
    }

    #[inline]
    pub(super) fn next(&mut self) -> Next {
        loop {
            match self.0.next()? {
                None => return Ok(None),
                Some([]) => {}
                Some(line) => return Ok(Some(Request { key: xxh3_64(line), size: 1 })),
            }
        }
    }
}

/// The ARC paper's blocks (Megiddo, Modha, FAST 2003).
pub(super) struct Arc {
    lines: Lines,
    /// Blocks of the last line that are still to come.
    blocks: std::ops::Range<u64>,
}

impl Arc {
    pub(super) fn new(lines: Lines) -> Self {
        Self { lines, blocks: 0..0 }
    }

    #[inline]
    pub(super) fn next(&mut self) -> Next {
        loop {
            if let Some(key) = self.blocks.next() {
                return Ok(Some(Request { key, size: 1 }));
            }
            let Some(line) = self.lines.next()? else { return Ok(None) };
            let line = line.trim_ascii();
            if line.is_empty() {
                continue;
            }
            match blocks(line) {
                Ok(blocks) => self.blocks = blocks,
                Err(what) => return Err(Fault::Broken(self.lines.place(), what)),
            }
        }
    }
}

/// What a line of an ARC trace asks for.
pub(super) fn blocks(line: &[u8]) -> Result<std::ops::Range<u64>, String> {
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mut next = |what: &str| {
        let word = words.next().ok_or_else(|| format!("there is no {what}; a line is `start count ignored number`"))?;
        number(word).ok_or_else(|| format!("{} is no {what}; it should be a whole number", shown(word)))
    };
    let (start, count) = (next("first block")?, next("number of blocks")?);
    next("third field")?;
    next("request number")?;
    if words.next().is_some() {
        return Err("there are more than four fields; a line is `start count ignored number`".into());
    }
    if !(1..=MAX_BLOCKS).contains(&count) {
        return Err(format!("{count} blocks are asked for; there must be 1 to {MAX_BLOCKS}"));
    }
    let end = start.checked_add(count).ok_or("the last block's number is above 2^64")?;
    Ok(start..end)
}

/// The LIRS paper's blocks (Jiang, Zhang, SIGMETRICS 2002).
pub(super) struct Lirs(Lines);

impl Lirs {
    pub(super) fn new(lines: Lines) -> Self {
        Self(lines)
    }

    #[inline]
    pub(super) fn next(&mut self) -> Next {
        loop {
            let Some(line) = self.0.next()? else { return Ok(None) };
            let line = line.trim_ascii();
            if line.is_empty() || line == b"*" {
                continue;
            }
            return match number(line) {
                Some(key) => Ok(Some(Request { key, size: 1 })),
                None => {
                    let what = format!("{} is no block number; it should be a whole number or *", shown(line));
                    Err(Fault::Broken(self.0.place(), what))
                }
            };
        }
    }
}
