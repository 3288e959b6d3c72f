//! Compression of record bodies: DEFLATE (RFC 1951, by `miniz_oxide`) and the LZ4 block format (by `lz4_flex`).
//!
//! Inflating is bounded while it runs: output never passes the smaller of the declared and the permitted size, and a
//! declared size beyond what the format can reach from the input is refused before anything is allocated.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use miniz_oxide::deflate::core::{
    CompressorOxide, TDEFLFlush, TDEFLStatus, compress, create_comp_flags_from_zip_params,
};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
use miniz_oxide::inflate::core::{DecompressorOxide, decompress as inflate_some};

use crate::error::{Error, ErrorCode, Result};

/// How a body is compressed. The number is what a record carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[repr(u8)]
pub enum Codec {
    /// Bytes as they are.
    None = 0,
    /// DEFLATE without a zlib header.
    #[default]
    Deflate = 1,
    /// One LZ4 block.
    Lz4 = 2,
}

impl Codec {
    pub(crate) fn from_u8(n: u8) -> Option<Self> {
        match n {
            0 => Some(Self::None),
            1 => Some(Self::Deflate),
            2 => Some(Self::Lz4),
            _ => None,
        }
    }

    /// The most that one compressed byte can become: 1,032 in DEFLATE, 255 in LZ4.
    fn max_ratio(self) -> usize {
        match self {
            Self::None => 1,
            Self::Deflate => 1_032,
            Self::Lz4 => 255,
        }
    }
}

/// Raw DEFLATE with a window of 32 KiB; `create_comp_flags_from_zip_params` takes the window's sign for "no zlib header".
pub(crate) const RAW_WINDOW_BITS: i32 = -15;

/// Compresses bodies. Keeps DEFLATE's tables (about 300 KB) between calls, from the first body that needs them on.
#[derive(Default)]
pub(crate) struct Compressor {
    deflate: Option<(u8, Box<CompressorOxide>)>,
}

impl Compressor {
    /// The compressed form of `raw`, or `None` when it would not be smaller.
    pub(crate) fn compress(&mut self, codec: Codec, level: u8, raw: &[u8]) -> Option<Vec<u8>> {
        match codec {
            Codec::None => None,
            Codec::Deflate => self.deflate(level, raw),
            #[cfg(not(feature = "lz4"))]
            Codec::Lz4 => None,
            #[cfg(feature = "lz4")]
            Codec::Lz4 => Some(lz4_flex::block::compress(raw)).filter(|packed| packed.len() < raw.len()),
        }
    }

    fn deflate(&mut self, level: u8, raw: &[u8]) -> Option<Vec<u8>> {
        let state = match &mut self.deflate {
            Some((kept, state)) if *kept == level => {
                state.reset();
                state
            }
            slot => {
                let flags = create_comp_flags_from_zip_params(i32::from(level), RAW_WINDOW_BITS, 0);
                &mut slot.insert((level, Box::new(CompressorOxide::new(flags)))).1
            }
        };
        // An output that has no room left to be smaller than the input need not be finished.
        let mut packed = vec![0; raw.len().saturating_sub(1)];
        let written = deflate(state, raw, &mut packed, TDEFLFlush::Finish)?;
        packed.truncate(written);
        Some(packed)
    }
}

/// Deflates `raw`, to its end or so that more can follow. Answers how many bytes came out, or `None` when there is no room
/// for them. Like [`inflate`] one function for all callers: what it is made of is a good part of the component.
#[inline(never)]
pub(crate) fn deflate(state: &mut CompressorOxide, raw: &[u8], packed: &mut [u8], flush: TDEFLFlush) -> Option<usize> {
    let (status, _, written) = compress(state, raw, packed, flush);
    (status == TDEFLStatus::Done || flush != TDEFLFlush::Finish).then_some(written)
}

/// Inflates `body` behind what `out` holds, which it may refer back to, up to exactly `end` bytes. Room is taken as the
/// output grows, not on the word of whoever says how large it is.
#[inline(never)]
pub(crate) fn inflate(state: &mut DecompressorOxide, body: &[u8], out: &mut Vec<u8>, end: usize) -> Result<()> {
    state.init();
    let (mut read, mut at) = (0, out.len());
    loop {
        let room = out.len().saturating_mul(2).max(at.saturating_add(body.len().saturating_mul(4)));
        out.resize(room.min(end), 0);
        let flags = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF;
        let (status, consumed, written) = inflate_some(state, body.get(read..).unwrap_or_default(), out, at, flags);
        read += consumed;
        at += written;
        match status {
            TINFLStatus::Done if at == end => return Ok(()),
            TINFLStatus::HasMoreOutput if out.len() < end => {}
            _ => return Err(Error::corrupt("its body does not inflate to the declared size")),
        }
    }
}

/// The original of `body`, exactly `raw_len` bytes; `TooLarge` when that is above `limit`.
pub(crate) fn decompress(codec: Codec, body: &[u8], raw_len: usize, limit: usize) -> Result<Cow<'_, [u8]>> {
    if raw_len > limit {
        let message = text!("the record's value of ", raw_len, " bytes is above the limit of ", limit);
        return Err(Error::new(ErrorCode::TooLarge, message));
    }
    if raw_len > body.len().saturating_mul(codec.max_ratio()) {
        return Err(Error::corrupt("it declares more than its body can hold"));
    }
    let value = match codec {
        Codec::None => Cow::Borrowed(body),
        Codec::Deflate => {
            let mut value = Vec::new();
            inflate(&mut Box::default(), body, &mut value, raw_len)?;
            Cow::Owned(value)
        }
        #[cfg(not(feature = "lz4"))]
        Codec::Lz4 => {
            let message = "the record is compressed with LZ4, which this build of larder leaves out";
            return Err(Error::new(ErrorCode::NewerFormat, message));
        }
        #[cfg(feature = "lz4")]
        Codec::Lz4 => lz4_flex::block::decompress(body, raw_len)
            .map(Cow::Owned)
            .map_err(|_| Error::corrupt("its body does not decompress to the declared size"))?,
    };
    if value.len() != raw_len {
        return Err(Error::corrupt("its body does not have the declared size"));
    }
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deflate_bomb_stops_at_the_declared_size() {
        let bomb = Compressor::default().compress(Codec::Deflate, 9, &vec![0; 1 << 20]).expect("zeros compress");
        assert!(bomb.len() < 2_000);
        assert_eq!(decompress(Codec::Deflate, &bomb, 1 << 20, 1 << 20).expect("whole").len(), 1 << 20);
        assert!(decompress(Codec::Deflate, &bomb, 1 << 10, 1 << 20).is_err(), "declared smaller than it is");
        assert!(decompress(Codec::Deflate, &bomb, 1 << 20, 1 << 19).is_err(), "above the limit");
        assert!(decompress(Codec::Deflate, &bomb[..4], 1 << 20, 1 << 30).is_err(), "impossible ratio");
    }

    #[test]
    fn incompressible_bytes_are_left_alone() {
        let mut rng = crate::rng::SplitMix64::new(7);
        let noise: Vec<u8> = (0..4096).map(|_| rng.next() as u8).collect();
        for codec in [Codec::Deflate, Codec::Lz4] {
            assert_eq!(Compressor::default().compress(codec, 6, &noise), None, "{codec:?}");
        }
    }

    #[test]
    fn a_kept_compressor_gives_the_bytes_of_a_new_one() {
        let text = b"the quick brown fox jumps over the lazy dog. ".repeat(40);
        let mut kept = Compressor::default();
        for level in [6, 6, 1, 9, 6] {
            let one = kept.compress(Codec::Deflate, level, &text).expect("compresses");
            assert_eq!(Some(&one), Compressor::default().compress(Codec::Deflate, level, &text).as_ref());
            assert_eq!(decompress(Codec::Deflate, &one, text.len(), 1 << 20).expect("inflates"), text);
        }
    }
}
