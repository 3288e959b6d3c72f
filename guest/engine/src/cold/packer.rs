//! Deflates and inflates values in memory, with a dictionary where there is one.
//!
//! The dictionary is what DEFLATE may refer back to before the value's first byte. To deflate, a compressor is fed the
//! dictionary up to a sync flush, whose output is dropped; a copy of it in this state then deflates each value. To inflate,
//! the output buffer begins with the dictionary. DEFLATE and not LZ4, whose encoder packs otherwise on 64-bit machines:
//! what is packed decides what fits, and that must be the same on every host.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::vec::Vec;

use miniz_oxide::deflate::core::deflate_flags::TDEFL_FORCE_ALL_STATIC_BLOCKS;
use miniz_oxide::deflate::core::{CompressorOxide, TDEFLFlush, create_comp_flags_from_zip_params};
use miniz_oxide::inflate::core::DecompressorOxide;

use super::Packing;
use super::shelf::Dictionary;
use crate::codec::{self, Codec, RAW_WINDOW_BITS};
use crate::error::Result;

/// Compressors in two states, and a decompressor; about 350 KB each of the former, from the first use on.
#[derive(Default)]
pub(crate) struct Packer {
    plain: Option<Box<CompressorOxide>>,
    /// One that has read the dictionary of this number.
    primed: Option<(u32, Box<CompressorOxide>)>,
    inflater: Option<Box<DecompressorOxide>>,
    out: Vec<u8>,
}

impl Packer {
    /// The deflated value, when it takes at most `most` bytes.
    pub(crate) fn pack(
        &mut self,
        level: u8,
        dictionary: Option<&Dictionary>,
        value: &[u8],
        most: usize,
    ) -> Option<Vec<u8>> {
        self.out.clear();
        self.out.resize(most, 0);
        let mut copy;
        let state = match dictionary {
            None => {
                let state = self.plain.get_or_insert_with(|| Box::new(CompressorOxide::new(flags(level))));
                state.reset();
                state
            }
            Some(dictionary) => {
                if self.primed.as_ref().is_none_or(|(number, _)| *number != dictionary.number) {
                    self.primed = Some((dictionary.number, prime(level, dictionary)));
                }
                copy = self.primed.as_ref().map(|(_, state)| state.clone())?;
                &mut copy
            }
        };
        // An output that has no room left to be worthwhile need not be finished.
        let written = codec::deflate(state, value, &mut self.out, TDEFLFlush::Finish)?;
        Some(self.out[..written].to_vec())
    }

    /// The value that was packed.
    ///
    /// # Errors
    /// `Corrupt` when it does not inflate to the size noted.
    pub(crate) fn unpack(&mut self, packing: Packing, dictionary: &[u8], body: &[u8]) -> Result<Vec<u8>> {
        let len = packing.value_len as usize;
        if packing.codec != Codec::Deflate {
            return codec::decompress(packing.codec, body, len, len).map(Cow::into_owned);
        }
        let inflater = self.inflater.get_or_insert_with(Box::default);
        let mut value = Vec::with_capacity(dictionary.len() + len);
        value.extend_from_slice(dictionary);
        codec::inflate(inflater, body, &mut value, dictionary.len() + len)?;
        value.drain(..dictionary.len());
        Ok(value)
    }
}

fn flags(level: u8) -> u32 {
    create_comp_flags_from_zip_params(i32::from(level), RAW_WINDOW_BITS, 0)
}

/// A compressor that has read the dictionary.
fn prime(level: u8, dictionary: &Dictionary) -> Box<CompressorOxide> {
    // Codes of its own cost a small value more than they save.
    let blocks = if dictionary.fixed_codes { TDEFL_FORCE_ALL_STATIC_BLOCKS } else { 0 };
    let mut state = Box::new(CompressorOxide::new(flags(level) | blocks));
    let mut dropped = vec![0; dictionary.bytes.len() * 2 + 64];
    codec::deflate(&mut state, &dictionary.bytes, &mut dropped, TDEFLFlush::Sync);
    state
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dictionary(number: u32, text: &str) -> Dictionary {
        Dictionary::new(number, 0, text.as_bytes().to_vec(), number.is_multiple_of(2))
    }

    #[test]
    fn what_was_packed_with_a_dictionary_comes_back() {
        let mut packer = Packer::default();
        let all =
            [dictionary(1, "{\"name\":\"\",\"price\":,\"currency\":\"EUR\"}"), dictionary(2, &"ab".repeat(16_000))];
        let values: Vec<Vec<u8>> = (0..50u32)
            .map(|n| {
                format!("{{\"name\":\"item {n}\",\"price\":{n},\"currency\":\"EUR\"}}").repeat(n as usize).into_bytes()
            })
            .collect();
        for (n, value) in values.iter().enumerate() {
            for used in [None, Some(&all[0]), Some(&all[1]), Some(&all[0])] {
                let Some(body) = packer.pack(6, used, value, value.len() + 9) else {
                    panic!("value {n} grows by more than 9 bytes");
                };
                let packing = Packing { codec: Codec::Deflate, value_len: value.len() as u32, dictionary: None };
                let bytes = used.map_or(&[][..], |d| &d.bytes);
                assert_eq!(&packer.unpack(packing, bytes, &body).expect("ours"), value, "value {n}");
                let wrong = Packing { value_len: packing.value_len + 1, ..packing };
                assert!(packer.unpack(wrong, bytes, &body).is_err(), "value {n} is not longer");
            }
        }
    }

    #[test]
    fn a_dictionary_makes_small_values_smaller() {
        let mut packer = Packer::default();
        let value = b"{\"name\":\"lamp\",\"price\":12,\"currency\":\"EUR\"}";
        let alone = packer.pack(6, None, value, 100).expect("fits").len();
        let with = packer.pack(6, Some(&dictionary(2, "{\"name\":\"\",\"price\":,\"currency\":\"EUR\"}")), value, 100);
        assert!(with.expect("fits").len() * 2 < alone);
    }
}
