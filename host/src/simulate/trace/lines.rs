//! Lines of bounded length, and numbers in them.

use std::io::{BufRead, BufReader, Read};

use super::source::Bytes;
use super::{Fault, MAX_SIZE, Place};

/// Bytes of the longest line: the longest key, a comma and a size.
const MAX_LINE: usize = 65_535 + 11;

/// Bytes of a broken word that a message shows.
const SHOWN: usize = 40;

pub(super) struct Lines {
    input: BufReader<Bytes>,
    line: Vec<u8>,
    /// Of the line that was read last, from 1.
    number: u64,
}

impl Lines {
    pub(super) fn new(input: BufReader<Bytes>) -> Self {
        Self { input, line: Vec::new(), number: 0 }
    }

    /// Where the line is that was read last.
    pub(super) fn place(&self) -> Place {
        Place::Line(self.number)
    }

    /// The next line, without what ends it (`\n` or `\r\n`).
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<&[u8]>, Fault> {
        self.line.clear();
        // One byte more than a line and its end have.
        let limit = MAX_LINE as u64 + 3;
        let read = self.input.by_ref().take(limit).read_until(b'\n', &mut self.line).map_err(Fault::Source)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        let ended = self.line.last() == Some(&b'\n');
        let line = self.line.strip_suffix(b"\n").unwrap_or(&self.line);
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.len() > MAX_LINE {
            if !ended {
                self.input.skip_until(b'\n').map_err(Fault::Source)?;
            }
            return Err(Fault::Broken(self.place(), format!("the line is longer than {MAX_LINE} bytes")));
        }
        Ok(Some(line))
    }
}

/// A decimal number without a sign.
#[inline]
pub(super) fn number(digits: &[u8]) -> Option<u64> {
    if digits.is_empty() {
        return None;
    }
    let mut number = 0u64;
    for digit in digits {
        if !digit.is_ascii_digit() {
            return None;
        }
        number = number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))?;
    }
    Some(number)
}

/// A size in bytes.
#[inline]
pub(super) fn size(digits: &[u8]) -> Result<u32, String> {
    number(digits.trim_ascii())
        .and_then(|size| u32::try_from(size).ok())
        .filter(|size| *size <= MAX_SIZE)
        .ok_or_else(|| format!("{} is no size; a size is a whole number of bytes, at most {MAX_SIZE}", shown(digits)))
}

/// Bytes as a message shows them.
pub(super) fn shown(bytes: &[u8]) -> String {
    let cut = &bytes[..bytes.len().min(SHOWN)];
    let more = if cut.len() < bytes.len() { "…" } else { "" };
    format!("{:?}{more}", String::from_utf8_lossy(cut))
}
