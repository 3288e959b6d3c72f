//! Frames of zstd (RFC 8878), one after the other, as `cat`, `pzstd` and appending tools leave them. Checksums are verified,
//! skippable frames are skipped, and a window of more than 128 MiB is refused before it is allocated.

use std::io::{self, BufRead, Error, ErrorKind, Read};

use ruzstd::decoding::errors::{FrameDecoderError, ReadFrameHeaderError};
use ruzstd::decoding::{BlockDecodingStrategy, FrameDecoder};

const MAX_WINDOW: u64 = 128 << 20;

pub(super) struct Frames<R> {
    source: Tail<R>,
    decoder: FrameDecoder,
    /// Whether a frame has begun and not ended.
    inside: bool,
}

impl<R: BufRead> Frames<R> {
    pub(super) fn new(source: R) -> Self {
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(MAX_WINDOW);
        Self { source: Tail { source, ended: false }, decoder, inside: false }
    }

    /// Reads the next frame's header; false at the end.
    fn begin(&mut self) -> io::Result<bool> {
        while !self.source.source.fill_buf()?.is_empty() {
            match self.decoder.reset(&mut self.source) {
                Ok(()) => return Ok(true),
                Err(FrameDecoderError::ReadFrameHeaderError(ReadFrameHeaderError::SkipFrame { length, .. })) => {
                    let skipped = io::copy(&mut self.source.by_ref().take(u64::from(length)), &mut io::sink())?;
                    if skipped < u64::from(length) {
                        return Err(ErrorKind::UnexpectedEof.into());
                    }
                }
                Err(e) => return Err(self.failed(&e)),
            }
        }
        Ok(false)
    }

    fn end(&self) -> io::Result<()> {
        match (self.decoder.get_checksum_from_data(), self.decoder.get_calculated_checksum()) {
            (Some(said), Some(found)) if said != found => Err(Error::new(ErrorKind::InvalidData, "a wrong checksum")),
            _ => Ok(()),
        }
    }

    /// The decoder does not tell a source that ends from one that is damaged.
    fn failed(&self, e: &FrameDecoderError) -> Error {
        if self.source.ended {
            return ErrorKind::UnexpectedEof.into();
        }
        Error::new(ErrorKind::InvalidData, e.to_string())
    }
}

impl<R: BufRead> Read for Frames<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        while !into.is_empty() {
            if !self.inside {
                if !self.begin()? {
                    return Ok(0);
                }
                self.inside = true;
            }
            if self.decoder.can_collect() > 0 {
                return self.decoder.read(into);
            }
            if self.decoder.is_finished() {
                self.end()?;
                self.inside = false;
                continue;
            }
            let decoded = self.decoder.decode_blocks(&mut self.source, BlockDecodingStrategy::UptoBlocks(1));
            decoded.map_err(|e| self.failed(&e))?;
        }
        Ok(0)
    }
}

/// A source that remembers whether it ended.
struct Tail<R> {
    source: R,
    ended: bool,
}

impl<R: Read> Read for Tail<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(into)?;
        self.ended |= read == 0 && !into.is_empty();
        Ok(read)
    }
}
