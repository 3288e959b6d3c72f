//! Trains a dictionary: bytes that many values have in common, for DEFLATE to refer back to.
//!
//! Every value is cut into words of eight bytes, one at each byte; a word is worth the number of other values that have it.
//! The values lie one after the other and are divided into as many stretches as the dictionary has room for segments. Of
//! each stretch the segment whose words are worth most is taken, and its words are worth nothing from then on. The best
//! segments come last, where references to them are shortest. After Liao, Petri, Moffat and Wirth, "Effective construction
//! of relative Lempel-Ziv dictionaries" (2016), as in Zstandard's COVER.

use alloc::vec::Vec;

/// Bytes of a word, and of a segment.
const WORD: usize = 8;
const SEGMENT: usize = 48;

/// A word's place is so many bits of its hash.
const HASH_BITS: u32 = 15;

/// A dictionary of at most `size` bytes for values like the `samples`; shorter, or empty, when they have less in common.
pub(crate) fn train(samples: &[Vec<u8>], size: usize) -> Vec<u8> {
    let text = samples.concat();
    let mut worth = Worth::of(samples);
    let segments = (size / SEGMENT).max(1);
    let stretch = (text.len() / segments).max(SEGMENT);
    let mut chosen: Vec<(u32, &[u8])> = Vec::new();
    let mut room = size;
    // What fewer than an eighth of the values would refer to only takes room.
    let least = (samples.len() / 8).max(1) as u32;
    for part in text.chunks(stretch) {
        let Some((value, segment)) = best_segment(part, &worth).filter(|(value, _)| *value >= least) else { continue };
        let segment = &segment[..segment.len().min(room)];
        for word in segment.windows(WORD) {
            worth.spend(word);
        }
        room -= segment.len();
        let at = chosen.partition_point(|(other, _)| *other < value);
        chosen.insert(at, (value, segment));
    }
    chosen.into_iter().flat_map(|(_, segment)| segment).copied().collect()
}

/// What words are worth: the number of samples that have one, but for the first.
struct Worth(Vec<Word>);

#[derive(Debug, Clone, Copy, Default)]
struct Word {
    bytes: u64,
    /// The last sample that had it, counted from 1.
    last: u32,
    worth: u32,
}

impl Worth {
    fn of(samples: &[Vec<u8>]) -> Self {
        let mut words = vec![Word::default(); 1 << HASH_BITS];
        for (number, sample) in (1u32..).zip(samples) {
            for bytes in sample.windows(WORD).map(to_number) {
                let word = &mut words[place(bytes)];
                if word.bytes == bytes && word.last != 0 {
                    word.worth += u32::from(word.last != number);
                    word.last = number;
                } else if word.worth == 0 {
                    // Of two in one place the one that comes again is kept.
                    *word = Word { bytes, last: number, worth: 0 };
                }
            }
        }
        Self(words)
    }

    fn get(&self, word: &[u8]) -> u32 {
        let bytes = to_number(word);
        let known = self.0[place(bytes)];
        if known.bytes == bytes { known.worth } else { 0 }
    }

    fn spend(&mut self, word: &[u8]) {
        let bytes = to_number(word);
        let known = &mut self.0[place(bytes)];
        if known.bytes == bytes {
            known.worth = 0;
        }
    }
}

/// The segment of `part` whose words are worth most, without worthless words at its ends.
fn best_segment<'p>(part: &'p [u8], worth: &Worth) -> Option<(u32, &'p [u8])> {
    let words: Vec<u32> = part.windows(WORD).map(|word| worth.get(word)).collect();
    let most = SEGMENT - WORD + 1;
    let mut sum: u32 = words.iter().take(most).sum();
    let (mut best, mut at) = (sum, 0);
    for begin in 1..=words.len().saturating_sub(most) {
        sum = sum - words[begin - 1] + words[begin + most - 1];
        if sum > best {
            (best, at) = (sum, begin);
        }
    }
    let taken = &words[at..words.len().min(at + most)];
    let first = taken.iter().position(|&worth| worth > 0)?;
    let last = taken.iter().rposition(|&worth| worth > 0)?;
    Some((best, &part[at + first..at + last + WORD]))
}

fn to_number(word: &[u8]) -> u64 {
    u64::from_le_bytes(word.try_into().unwrap_or_default())
}

fn place(word: u64) -> usize {
    (word.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - HASH_BITS)) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rng::SplitMix64;

    fn answers(count: u64) -> Vec<Vec<u8>> {
        let mut rng = SplitMix64::new(5);
        let one = |n| {
            let (a, b) = (rng.next(), rng.next());
            format!(
                "{{\"id\":{n},\"secret\":\"{a:016x}\",\"first_name\":\"Ada\",\"etag\":\"{b:016x}\",\"currency\":\"EUR\"}}"
            )
        };
        (0..count).map(one).map(String::into_bytes).collect()
    }

    #[test]
    fn what_values_share_is_in_it_and_what_is_one_s_own_is_not() {
        let samples = answers(100);
        let dictionary = String::from_utf8(train(&samples, 1_000)).expect("text");
        for shared in ["\"first_name\":\"Ada\"", "\"currency\":\"EUR\"", "\"secret\":\""] {
            assert!(dictionary.contains(shared), "{dictionary}");
        }
        assert!(dictionary.len() < 900, "what is shared is not repeated: {dictionary}");
    }

    #[test]
    fn it_is_never_larger_than_asked_for() {
        for size in [0, 1, 7, 48, 100, 500] {
            assert!(train(&answers(50), size).len() <= size);
        }
        assert!(train(&[], 100).is_empty());
        assert!(train(&[vec![1; 3], vec![2; 4]], 100).is_empty());
    }

    #[test]
    fn noise_has_nothing_in_common() {
        let mut rng = SplitMix64::new(6);
        let noise: Vec<Vec<u8>> = (0..50).map(|_| (0..500).map(|_| rng.next() as u8).collect()).collect();
        assert!(train(&noise, 2_000).len() < 200);
    }
}
