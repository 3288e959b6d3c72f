//! BLAKE3 (O'Connor, Aumasson, Neves and Wilcox-O'Hearn, 2020) with 256 bits and without a key.
//!
//! A tree whose leaves are chunks of 1,024 bytes: what a chunk comes to is joined with its neighbour as soon as both are there, so that
//! never more than one for each level waits. The rounds are one loop: unrolled, as in the crate that the tests hold it to, they are most of what
//! a page downloads for it.

use alloc::vec::Vec;

const IV: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];
const ROUNDS: usize = 7;

const BLOCK: usize = 64;
const BLOCKS_OF_A_CHUNK: u8 = 16;

const CHUNK_START: u32 = 1;
const CHUNK_END: u32 = 2;
const PARENT: u32 = 4;
const ROOT: u32 = 8;

type Words = [u32; 8];

/// What is hashed into one value: a block of a chunk, or two values below it in the tree.
struct Node {
    from: Words,
    block: [u32; 16],
    chunk: u64,
    len: u32,
    flags: u32,
}

impl Node {
    fn parent(left: Words, right: Words) -> Self {
        let mut block = [0; 16];
        block[..8].copy_from_slice(&left);
        block[8..].copy_from_slice(&right);
        Self { from: IV, block, chunk: 0, len: BLOCK as u32, flags: PARENT }
    }

    fn compress(&self) -> Words {
        let mut state = [0; 16];
        state[..8].copy_from_slice(&self.from);
        state[8..12].copy_from_slice(&IV[..4]);
        state[12..].copy_from_slice(&[self.chunk as u32, (self.chunk >> 32) as u32, self.len, self.flags]);
        let mut words = self.block;
        for _ in 0..ROUNDS {
            mix(&mut state, [0, 4, 8, 12], [words[0], words[1]]);
            mix(&mut state, [1, 5, 9, 13], [words[2], words[3]]);
            mix(&mut state, [2, 6, 10, 14], [words[4], words[5]]);
            mix(&mut state, [3, 7, 11, 15], [words[6], words[7]]);
            mix(&mut state, [0, 5, 10, 15], [words[8], words[9]]);
            mix(&mut state, [1, 6, 11, 12], [words[10], words[11]]);
            mix(&mut state, [2, 7, 8, 13], [words[12], words[13]]);
            mix(&mut state, [3, 4, 9, 14], [words[14], words[15]]);
            let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = words;
            words = [c, g, d, k, h, a, e, n, b, l, m, f, j, o, p, i];
        }
        let [a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p] = state;
        [a ^ i, b ^ j, c ^ k, d ^ l, e ^ m, f ^ n, g ^ o, h ^ p]
    }
}

/// Without loops, so that all words stay where the machine is quickest.
#[inline(always)]
fn mix(state: &mut [u32; 16], [a, b, c, d]: [usize; 4], [first, second]: [u32; 2]) {
    state[a] = state[a].wrapping_add(state[b]).wrapping_add(first);
    state[d] = (state[d] ^ state[a]).rotate_right(16);
    state[c] = state[c].wrapping_add(state[d]);
    state[b] = (state[b] ^ state[c]).rotate_right(12);
    state[a] = state[a].wrapping_add(state[b]).wrapping_add(second);
    state[d] = (state[d] ^ state[a]).rotate_right(8);
    state[c] = state[c].wrapping_add(state[d]);
    state[b] = (state[b] ^ state[c]).rotate_right(7);
}

/// Hashes bytes that come in pieces.
#[derive(Clone)]
pub(crate) struct Blake3 {
    /// What the blocks of this chunk came to so far.
    value: Words,
    /// The last block, not compressed before it is known whether more follows.
    block: [u8; BLOCK],
    filled: u8,
    /// Blocks of this chunk before the last.
    blocks: u8,
    /// Whole chunks before this one.
    chunks: u64,
    /// What waits for its neighbour, the largest part of the tree first.
    waiting: Vec<Words>,
}

impl Default for Blake3 {
    fn default() -> Self {
        Self { value: IV, block: [0; BLOCK], filled: 0, blocks: 0, chunks: 0, waiting: Vec::new() }
    }
}

impl Blake3 {
    pub(crate) fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            if usize::from(self.filled) == BLOCK {
                self.next_block();
            }
            let rest = &mut self.block[usize::from(self.filled)..];
            let (taken, left) = bytes.split_at(rest.len().min(bytes.len()));
            rest[..taken.len()].copy_from_slice(taken);
            self.filled += taken.len() as u8;
            bytes = left;
        }
    }

    pub(crate) fn length(&self) -> u64 {
        self.chunks * 1024 + u64::from(self.blocks) * BLOCK as u64 + u64::from(self.filled)
    }

    pub(crate) fn digest(&self) -> [u8; 32] {
        let mut node = self.last(CHUNK_END);
        for left in self.waiting.iter().rev() {
            node = Node::parent(*left, node.compress());
        }
        node.flags |= ROOT;
        let mut digest = [0; 32];
        for (bytes, word) in digest.chunks_exact_mut(4).zip(node.compress()) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
        digest
    }

    /// The last block as a node.
    fn last(&self, flags: u32) -> Node {
        let word = |at: usize| self.block[4 * at..].first_chunk().map_or(0, |bytes| u32::from_le_bytes(*bytes));
        let start = if self.blocks == 0 { CHUNK_START } else { 0 };
        let block = core::array::from_fn(word);
        Node { from: self.value, block, chunk: self.chunks, len: self.filled.into(), flags: start | flags }
    }

    /// Puts the last block, behind which more follows, to what came before.
    fn next_block(&mut self) {
        if self.blocks + 1 < BLOCKS_OF_A_CHUNK {
            self.value = self.last(0).compress();
            self.blocks += 1;
        } else {
            let mut value = self.last(CHUNK_END).compress();
            self.chunks += 1;
            // As many parts of the tree are complete as the number of chunks can be halved.
            for _ in 0..self.chunks.trailing_zeros() {
                if let Some(left) = self.waiting.pop() {
                    value = Node::parent(left, value).compress();
                }
            }
            self.waiting.push(value);
            (self.value, self.blocks) = (IV, 0);
        }
        (self.block, self.filled) = ([0; BLOCK], 0);
    }
}

pub(crate) fn hash(bytes: &[u8]) -> [u8; 32] {
    let mut state = Blake3::default();
    state.update(bytes);
    state.digest()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sample(len: usize) -> Vec<u8> {
        (0..len).map(|at| (at % 251) as u8).collect()
    }

    #[test]
    fn every_length_up_to_some_chunks() {
        for len in (0..4 * 1024 + 3).chain([8191, 8192, 8193, 31_744, 102_400, 1 << 20, (1 << 20) + 1]) {
            let bytes = sample(len);
            assert_eq!(hash(&bytes), *blake3::hash(&bytes).as_bytes(), "{len}");
        }
    }

    proptest! {
        #[test]
        fn pieces_come_to_the_same(pieces in proptest::collection::vec(0usize..3000, 0..12), seed: u8) {
            let (mut own, mut theirs) = (Blake3::default(), blake3::Hasher::new());
            for len in pieces {
                let bytes: Vec<_> = sample(len).into_iter().map(|byte| byte ^ seed).collect();
                own.update(&bytes);
                theirs.update(&bytes);
                prop_assert_eq!(own.length(), theirs.count());
                prop_assert_eq!(own.digest(), *theirs.finalize().as_bytes());
            }
        }
    }
}
