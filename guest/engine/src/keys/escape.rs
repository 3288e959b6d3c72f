//! Escapes: bytes that may not stand for themselves are written as `%` and two upper-case hexadecimal digits.
//!
//! These are `%` itself, the separators of the place, control characters (U+0000 to U+001F, U+007F to U+009F) and bytes that
//! are not UTF-8. So what is written is text for one line of a terminal, and reads back as the very bytes.

use alloc::string::String;

use crate::error::Result;

use super::within_bounds;

/// The bytes at which a closer look is due.
pub(crate) struct Reserved([bool; 256]);

impl Reserved {
    /// Those that are escaped everywhere, and these.
    pub(crate) const fn new(separators: &[u8]) -> Self {
        let mut looked_at = [false; 256];
        let mut byte = 0;
        while byte < 0x20 {
            looked_at[byte] = true;
            byte += 1;
        }
        looked_at[0x7F] = true;
        looked_at[b'%' as usize] = true;
        // Begins U+0080 to U+00BF.
        looked_at[0xC2] = true;
        let mut at = 0;
        while at < separators.len() {
            looked_at[separators[at] as usize] = true;
            at += 1;
        }
        Self(looked_at)
    }
}

/// Appends `text` to `out`, escaped.
pub(crate) fn escape_text(text: &str, reserved: &Reserved, out: &mut String) -> Result<()> {
    within_bounds(out.len().saturating_add(text.len()))?;
    push_text(text, reserved, out);
    within_bounds(out.len())
}

/// Appends `bytes` to `out`, escaped.
pub(super) fn escape(bytes: &[u8], reserved: &Reserved, out: &mut String) -> Result<()> {
    within_bounds(out.len().saturating_add(bytes.len()))?;
    for chunk in bytes.utf8_chunks() {
        push_text(chunk.valid(), reserved, out);
        chunk.invalid().iter().for_each(|&byte| push(byte, out));
    }
    within_bounds(out.len())
}

fn push_text(text: &str, reserved: &Reserved, out: &mut String) {
    let mut rest = text;
    while let Some(at) = rest.bytes().position(|byte| reserved.0[usize::from(byte)]) {
        let (plain, tail) = rest.split_at(at);
        out.push_str(plain);
        // All reserved bytes begin a character.
        let Some(found) = tail.chars().next() else { return };
        let (character, tail) = tail.split_at(found.len_utf8());
        match found.is_ascii() || found.is_control() {
            true => character.bytes().for_each(|byte| push(byte, out)),
            false => out.push_str(character),
        }
        rest = tail;
    }
    out.push_str(rest);
}

fn push(byte: u8, out: &mut String) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |nibble: u8| char::from(DIGITS[usize::from(nibble & 15)]);
    out.extend(['%', digit(byte >> 4), digit(byte)]);
}

/// The beginning of escaped text: at most `limit` bytes, and no half of a character or of an escape.
pub(super) fn cut(escaped: &str, limit: usize) -> &str {
    let end = escaped.floor_char_boundary(limit.min(escaped.len()));
    let (beginning, _) = escaped.split_at(end);
    match beginning.rfind('%') {
        Some(at) if end < at + 3 => beginning.split_at(at).0,
        _ => beginning,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn escaped(bytes: impl AsRef<[u8]>) -> String {
        let mut out = String::new();
        escape(bytes.as_ref(), &Reserved::new(b"|"), &mut out).expect("short");
        out
    }

    #[test]
    fn nothing_that_a_terminal_acts_on_is_left() {
        assert_eq!(escaped("a\nb\0c\x1b[31m\x7f"), "a%0Ab%00c%1B[31m%7F");
        assert_eq!(escaped("\u{80}\u{9b}\u{a0}\u{bf}"), "%C2%80%C2%9B\u{a0}\u{bf}");
        assert_eq!(escaped(b"caf\xc3\xa9 \xff\xc2"), "café %FF%C2");
    }

    #[test]
    fn separators_and_the_escape_itself_are_escaped() {
        assert_eq!(escaped("a|b%7Cc:d"), "a%7Cb%257Cc:d");
    }

    #[test]
    fn a_beginning_ends_before_a_half() {
        assert_eq!(cut("abc", 5), "abc");
        assert_eq!(cut("aé", 2), "a");
        for (limit, beginning) in [(1, "a"), (2, "a"), (3, "a"), (4, "a%0A"), (5, "a%0Ab")] {
            assert_eq!(cut("a%0Abc", limit), beginning, "{limit}");
        }
    }
}
