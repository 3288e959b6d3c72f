//! A recording of a run: what it printed, in order, and how it ended.
//!
//! One byte for the format (1), one for the exit code, then pieces: one byte for the stream (1 stdout, 2 stderr), four
//! for the length (little endian), the bytes.

use std::io::{self, Write, stderr, stdout};

const FORMAT: u8 = 1;
const HEAD: usize = 2;

/// The streams of a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stream {
    Out = 1,
    Err = 2,
}

impl Stream {
    /// Passes bytes on to our own stream of the same kind.
    pub(super) fn write(self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Out => {
                let mut out = stdout().lock();
                out.write_all(bytes).and_then(|()| out.flush())
            }
            Self::Err => stderr().lock().write_all(bytes),
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Recording(Vec<u8>);

impl Recording {
    pub(super) fn new() -> Self {
        Self(vec![FORMAT, 0])
    }

    pub(super) fn code(&self) -> u8 {
        self.0[1]
    }

    pub(super) fn set_code(&mut self, code: u8) {
        self.0[1] = code;
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn encoded(&self) -> &[u8] {
        &self.0
    }

    pub(super) fn push(&mut self, stream: Stream, bytes: &[u8]) {
        self.0.push(stream as u8);
        self.0.extend_from_slice(&(bytes.len() as u32).to_le_bytes());
        self.0.extend_from_slice(bytes);
    }

    /// Gives up what was recorded, to save memory.
    pub(super) fn forget(&mut self) {
        self.0 = vec![FORMAT, self.code()];
    }

    /// Takes a recording from outside, if it is one in full.
    pub(super) fn decode(bytes: Vec<u8>) -> Option<Self> {
        if bytes.first() != Some(&FORMAT) || bytes.len() < HEAD {
            return None;
        }
        let recording = Self(bytes);
        let mut rest = &recording.0[HEAD..];
        while !rest.is_empty() {
            rest = piece(rest)?.2;
        }
        Some(recording)
    }

    pub(super) fn replay(&self) -> io::Result<()> {
        let mut rest = &self.0[HEAD..];
        while let Some((stream, bytes, tail)) = piece(rest) {
            stream.write(bytes)?;
            rest = tail;
        }
        Ok(())
    }
}

fn piece(bytes: &[u8]) -> Option<(Stream, &[u8], &[u8])> {
    let (stream, rest) = bytes.split_first()?;
    let (len, rest) = rest.split_first_chunk()?;
    let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*len) as usize)?;
    let stream = match stream {
        1 => Stream::Out,
        2 => Stream::Err,
        _ => return None,
    };
    Some((stream, bytes, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_is_taken_whole_or_not_at_all() {
        let mut recording = Recording::new();
        recording.push(Stream::Out, b"out");
        recording.push(Stream::Err, b"err");
        recording.set_code(3);
        let bytes = recording.encoded().to_vec();
        assert_eq!(Recording::decode(bytes.clone()).map(|r| r.code()), Some(3));
        for len in (0..bytes.len()).filter(|len| ![2, 10].contains(len)) {
            assert_eq!(Recording::decode(bytes[..len].to_vec()), None, "{len} bytes");
        }
        assert_eq!(Recording::decode(vec![2, 0]), None, "another format");
        assert_eq!(Recording::decode(vec![1, 0, 9, 0, 0, 0, 0]), None, "another stream");
    }
}
