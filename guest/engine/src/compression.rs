//! Which codec a record's body gets: the one that was asked for, or with `auto` the one that pays.
//!
//! `auto` keeps, for each *class* of values (namespace and content type), how large DEFLATE and LZ4 left them lately, as a
//! share of their size: a running mean in which every trial counts a quarter. A codec is taken when share + price is
//! lowest; the prices stand for the time of compressing now and inflating later:
//!
//! | codec | price | so it is taken when |
//! | --- | ---: | --- |
//! | none | 0, with a share of 1 | nothing saves more than its price |
//! | LZ4 | 1/20 | it saves 5 % of the value at least |
//! | DEFLATE | 3/20 | it saves 15 % at least, and 10 % of the value more than LZ4 |
//!
//! The first four values of a class, and every sixty-fourth after them, are given to both, and the better one is kept; when
//! it is not the one that would have been taken, the next four are given to both as well. So the choice follows changes.
//! Classes share 256 places by hash; those that meet in one are judged together.

use alloc::vec::Vec;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::codec::{Codec, Compressor};
use crate::record::fields::Fields;
use crate::sample::is_incompressible;

/// How record bodies are compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    None,
    /// DEFLATE: small.
    #[default]
    Deflate,
    /// LZ4: fast.
    Lz4,
    /// What pays for values of this namespace and content type.
    Auto,
}

impl Compression {
    /// Whether this build has it.
    pub(crate) fn is_here(self) -> bool {
        cfg!(feature = "lz4") || matches!(self, Self::None | Self::Deflate)
    }
}

impl From<Codec> for Compression {
    fn from(codec: Codec) -> Self {
        match codec {
            Codec::None => Self::None,
            Codec::Deflate => Self::Deflate,
            Codec::Lz4 => Self::Lz4,
        }
    }
}

/// What became of a value that was to be compressed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It is smaller now.
    Packed(Codec, Vec<u8>),
    /// A codec was tried and did not make it smaller.
    Stayed,
    /// None was tried: it would have been in vain.
    Skipped,
}

/// The whole of a value as a share: shares are in parts of 65,536.
const WHOLE: u32 = 1 << 16;

const CANDIDATES: [(Codec, u32); 2] = [(Codec::Lz4, WHOLE / 20), (Codec::Deflate, WHOLE * 3 / 20)];

/// Values of a class that both codecs are tried on, and after how many again.
const FIRST: u32 = 4;
const AGAIN: u32 = 64;

const CLASSES: usize = 256;

/// What is known of a class of values.
#[derive(Debug, Clone, Copy, Default)]
struct Class {
    seen: u32,
    /// By codec, in the order of `CANDIDATES`; 0 is unknown.
    shares: [u32; 2],
}

/// Compresses bodies as the setting says, and remembers what came of it.
#[derive(Debug, Default)]
pub(crate) struct Chooser {
    /// Empty until `auto` needs it.
    classes: Vec<Class>,
}

impl Chooser {
    /// Compresses `value`, an entry of this namespace with these fields.
    pub(crate) fn compress(
        &mut self,
        (how, level): (Compression, u8),
        compressor: &mut Compressor,
        (namespace, fields): (u16, Fields<'_>),
        value: &[u8],
    ) -> Outcome {
        let mut one = |codec| match compressor.compress(codec, level, value) {
            Some(packed) => Outcome::Packed(codec, packed),
            None => Outcome::Stayed,
        };
        match how {
            Compression::None => Outcome::Stayed,
            _ if !how.is_here() => Outcome::Stayed,
            _ if is_incompressible(value) => Outcome::Skipped,
            Compression::Deflate => one(Codec::Deflate),
            Compression::Lz4 => one(Codec::Lz4),
            Compression::Auto => {
                self.classes.resize(CLASSES, Class::default());
                let class = &mut self.classes[place(namespace, fields.content_type())];
                class.compress(compressor, level, value)
            }
        }
    }
}

/// Where a class is remembered. Parameters of the content type do not count.
fn place(namespace: u16, content_type: &str) -> usize {
    let essence = content_type.split(';').next().unwrap_or_default().trim_ascii();
    xxh3_64_with_seed(essence.as_bytes(), u64::from(namespace)) as usize % CLASSES
}

impl Class {
    fn compress(&mut self, compressor: &mut Compressor, level: u8, value: &[u8]) -> Outcome {
        let tries_all = self.seen < FIRST || self.seen.is_multiple_of(AGAIN);
        self.seen = self.seen.wrapping_add(1);
        let chosen = self.best(self.shares);
        if !tries_all && chosen.is_none() {
            return Outcome::Skipped;
        }
        let mut now = [WHOLE; 2];
        let mut bodies = [None, None];
        for (at, (codec, _)) in CANDIDATES.iter().enumerate() {
            if tries_all || chosen == Some(at) {
                bodies[at] = compressor.compress(*codec, level, value);
                now[at] = bodies[at].as_ref().map_or(WHOLE, |body| share(body.len(), value.len()));
                self.learn(at, now[at]);
            }
        }
        let kept = if tries_all { self.best(now) } else { chosen };
        if kept != chosen && self.seen > FIRST {
            self.seen = 0;
        }
        match kept.and_then(|at| Some((CANDIDATES[at].0, bodies[at].take()?))) {
            Some((codec, body)) => Outcome::Packed(codec, body),
            None => Outcome::Stayed,
        }
    }

    /// The codec with the lowest share and price; `None` when leaving the value alone is better.
    fn best(&self, shares: [u32; 2]) -> Option<usize> {
        let costs = shares.iter().zip(CANDIDATES).map(|(share, (_, price))| share + price).enumerate();
        costs.filter(|(_, cost)| *cost < WHOLE).min_by_key(|(_, cost)| *cost).map(|(at, _)| at)
    }

    fn learn(&mut self, at: usize, share: u32) {
        let mean = &mut self.shares[at];
        *mean = if *mean == 0 { share } else { (*mean * 3 + share) / 4 }.max(1);
    }
}

fn share(part: usize, whole: usize) -> u32 {
    (part as u64 * u64::from(WHOLE) / whole.max(1) as u64) as u32
}

#[cfg(test)]
mod tests;
