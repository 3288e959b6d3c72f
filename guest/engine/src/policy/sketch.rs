//! How often keys were asked for lately: a count-min sketch with counters of 4 bits.
//!
//! A key has four counters, all in one block of 64 bytes, so that counting it touches one cache line; its frequency is the
//! smallest of the four. Counters stop at 15. They age: a hand goes round the blocks and halves one after the other, once
//! round in ten times as many counts as the sketch is sized for, so that no single count takes long. Eight bytes for each
//! entry of the cache.
//!
//! Sources: Cormode and Muthukrishnan, "An improved data stream summary: the count-min sketch" (2005); Einziger, Friedman
//! and Manes, "TinyLFU: a highly efficient cache admission policy" (2017), for small counters and ageing.

use alloc::vec::Vec;

/// Words of 16 counters in a block.
const BLOCK: usize = 8;

/// Counts for each entry of the cache between two halvings of a counter.
const PERIOD: usize = 10;

/// Sixteen counters halved, without what would fall into the neighbour.
const HALVED: u64 = 0x7777_7777_7777_7777;

#[derive(Debug)]
pub(crate) struct Sketch {
    blocks: Vec<[u64; BLOCK]>,
    /// Counts until the hand moves on.
    until_ageing: u32,
    hand: usize,
}

impl Default for Sketch {
    fn default() -> Self {
        Self { blocks: vec![[0; BLOCK]], until_ageing: Self::STEP, hand: 0 }
    }
}

impl Sketch {
    /// Counts between two steps of the hand: a block stands for as many entries as it has words.
    const STEP: u32 = (BLOCK * PERIOD) as u32;

    /// Makes it fit for a cache of `entries`; what was counted stays. Never shrinks.
    pub(crate) fn grow(&mut self, entries: usize) {
        while self.blocks.len() * BLOCK < entries {
            // A key's block is told by the low bits of its hash: with one bit more it is here or in the copy.
            self.blocks.extend_from_within(..);
        }
    }

    /// Counts a key.
    #[inline]
    pub(crate) fn count(&mut self, hash: u32) {
        let block = self.block(hash);
        let block = &mut self.blocks[block];
        for (word, shift) in places(hash) {
            let word = &mut block[word];
            *word += u64::from(*word >> shift & 15 != 15) << shift;
        }
        self.until_ageing -= 1;
        if self.until_ageing == 0 {
            self.age();
        }
    }

    /// How often a key was counted lately, at most 15.
    #[inline]
    pub(crate) fn frequency(&self, hash: u32) -> u32 {
        let block = &self.blocks[self.block(hash)];
        let counters = places(hash).map(|(word, shift)| (block[word] >> shift & 15) as u32);
        counters[0].min(counters[1]).min(counters[2]).min(counters[3])
    }

    #[inline]
    fn block(&self, hash: u32) -> usize {
        hash as usize & (self.blocks.len() - 1)
    }

    #[cold]
    fn age(&mut self) {
        self.until_ageing = Self::STEP;
        self.blocks[self.hand].iter_mut().for_each(|word| *word = *word >> 1 & HALVED);
        self.hand = (self.hand + 1) & (self.blocks.len() - 1);
    }
}

/// The words in a block and bit positions of a key's four counters, each in a pair of words of its own.
#[inline(always)]
fn places(hash: u32) -> [(usize, u32); 4] {
    let spread = (u64::from(hash).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 32) as u32;
    [0, 1, 2, 3].map(|pair| {
        let bits = spread >> (8 * pair);
        (2 * pair + (bits & 1) as usize, (bits >> 1 & 15) * 4)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_rise_to_fifteen_and_age() {
        let mut sketch = Sketch::default();
        sketch.grow(1024);
        for n in 1..=20 {
            sketch.count(77);
            assert_eq!(sketch.frequency(77), n.min(15));
        }
        // The same key over and over: whatever else happens, it has aged once after a whole round.
        let before = sketch.frequency(78);
        assert_eq!(before, 0, "another block");
        (0..1024 * PERIOD as u32 - 20).for_each(|n| sketch.count(n.wrapping_mul(0x0101_0107) & !0x3FF | 0x3F0));
        assert_eq!(sketch.frequency(77), 7);
    }

    #[test]
    fn growing_keeps_what_was_counted() {
        let mut sketch = Sketch::default();
        let keys: Vec<u32> = (0..8).map(|n: u32| n.wrapping_mul(0x2545_F491)).collect();
        keys.iter().for_each(|&key| sketch.count(key));
        let before: Vec<_> = keys.iter().map(|&key| sketch.frequency(key)).collect();
        sketch.grow(100);
        assert_eq!(sketch.blocks.len(), 128 / BLOCK);
        let after: Vec<_> = keys.iter().map(|&key| sketch.frequency(key)).collect();
        assert_eq!(before, after);
    }
}
