//! Stamps: what something was like when an entry began to depend on it, as bytes that are kept with the entry.
//!
//! Byte 0 is the format, 1; byte 1 says what follows; `docs/design.md` has the table. Nothing may follow that. A reader that
//! does not know a stamp, or finds it damaged, takes the entry for invalid: it costs a computation, and no wrong value.

use super::look::{Moment, Seen};

const FORMAT: u8 = 1;

pub(super) type Hash = [u8; 32];

/// What was seen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stamp {
    /// There was no file.
    Absent,
    /// A file, by size and time.
    File(Seen),
    /// A file that had been modified so shortly before that a later change may show the same size and time.
    RacyFile(Seen, Hash),
    /// A file, by content.
    Content(Hash),
    /// The files that match a pattern, by size and time.
    Glob(Hash),
    /// The same, and the content of those that were modified at `since` or later.
    RacyGlob { listing: Hash, since: Moment, contents: Hash },
    /// The files that match a pattern, by content.
    GlobContent(Hash),
    /// A variable that was not set.
    Unset,
    /// A variable, by its value.
    Variable(Hash),
}

impl Stamp {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        match self {
            Self::Absent => out.push(0),
            Self::File(seen) => {
                out.push(1);
                put(&mut out, seen);
            }
            Self::RacyFile(seen, content) => {
                out.push(2);
                put(&mut out, seen);
                out.extend_from_slice(content);
            }
            Self::Content(content) => {
                out.push(3);
                out.extend_from_slice(content);
            }
            Self::Glob(listing) => {
                out.push(4);
                out.extend_from_slice(listing);
            }
            Self::RacyGlob { listing, since, contents } => {
                out.push(5);
                out.extend_from_slice(listing);
                out.extend_from_slice(&since.to_bytes());
                out.extend_from_slice(contents);
            }
            Self::GlobContent(contents) => {
                out.push(6);
                out.extend_from_slice(contents);
            }
            Self::Unset => out.push(7),
            Self::Variable(value) => {
                out.push(8);
                out.extend_from_slice(value);
            }
        }
        out
    }

    /// Reads a stamp; `None` for bytes that are none, or one of another format.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let [FORMAT, what, rest @ ..] = bytes else { return None };
        let mut rest = rest;
        let stamp = match what {
            0 => Self::Absent,
            1 => Self::File(take_seen(&mut rest)?),
            2 => Self::RacyFile(take_seen(&mut rest)?, take(&mut rest)?),
            3 => Self::Content(take(&mut rest)?),
            4 => Self::Glob(take(&mut rest)?),
            5 => Self::RacyGlob {
                listing: take(&mut rest)?,
                since: Moment::from_bytes(take(&mut rest)?),
                contents: take(&mut rest)?,
            },
            6 => Self::GlobContent(take(&mut rest)?),
            7 => Self::Unset,
            8 => Self::Variable(take(&mut rest)?),
            _ => return None,
        };
        rest.is_empty().then_some(stamp)
    }
}

fn put(out: &mut Vec<u8>, seen: &Seen) {
    out.extend_from_slice(&seen.size.to_le_bytes());
    out.extend_from_slice(&seen.modified.to_bytes());
}

fn take_seen(rest: &mut &[u8]) -> Option<Seen> {
    let size = u64::from_le_bytes(take(rest)?);
    Some(Seen { size, modified: Moment::from_bytes(take(rest)?) })
}

fn take<const N: usize>(rest: &mut &[u8]) -> Option<[u8; N]> {
    let (bytes, tail) = rest.split_first_chunk()?;
    *rest = tail;
    Some(*bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_whole_or_not_at_all() {
        let seen = Seen { size: 7, modified: Moment { seconds: -1, nanoseconds: 999_999_999 } };
        let stamps = [
            Stamp::Absent,
            Stamp::File(seen),
            Stamp::RacyFile(seen, [1; 32]),
            Stamp::Content([2; 32]),
            Stamp::Glob([3; 32]),
            Stamp::RacyGlob { listing: [4; 32], since: seen.modified, contents: [5; 32] },
            Stamp::GlobContent([6; 32]),
            Stamp::Unset,
            Stamp::Variable([7; 32]),
        ];
        for stamp in stamps {
            let bytes = stamp.encode();
            assert_eq!(Stamp::decode(&bytes), Some(stamp));
            for len in 0..bytes.len() {
                assert_eq!(Stamp::decode(&bytes[..len]), None, "{stamp:?} cut to {len} bytes");
            }
            assert_eq!(Stamp::decode(&[bytes.as_slice(), &[0]].concat()), None, "{stamp:?} and a byte more");
            let newer = [&[FORMAT + 1], &bytes[1..]].concat();
            assert_eq!(Stamp::decode(&newer), None, "another format");
        }
        assert_eq!(Stamp::decode(&[FORMAT, 9]), None, "another kind");
    }

    #[test]
    fn a_stamp_keeps_its_bytes() {
        let seen = Seen { size: 258, modified: Moment { seconds: 3, nanoseconds: 4 } };
        let bytes = [1, 1, 2, 1, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0];
        assert_eq!(Stamp::File(seen).encode(), bytes);
    }
}
