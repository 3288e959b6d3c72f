//! Mutants: small changes of the kinds that formats are weak against.

use crate::scale::Random;

/// The longest mutant, in bytes.
const LONGEST: usize = 1 << 16;

/// Bytes at the front that are changed more often than others.
const HEADER: usize = 64;

/// Numbers at which lengths and counts go wrong.
const NUMBERS: [u64; 16] = [
    0,
    1,
    7,
    8,
    55,
    56,
    0x7F,
    0xFF,
    0xFFFF,
    0x10_0000,
    0x7FFF_FFFF,
    0xFFFF_FFFF,
    0x1_0000_0000,
    1 << 48,
    u64::MAX - 7,
    u64::MAX,
];

/// One to four changes to `input`, some of which take bytes of `other`.
pub fn mutate(random: &mut Random, input: &[u8], other: &[u8]) -> Vec<u8> {
    let mut mutant = input.to_vec();
    for _ in 0..=random.below(4) {
        change(random, &mut mutant, other);
    }
    mutant.truncate(LONGEST);
    mutant
}

fn change(random: &mut Random, bytes: &mut Vec<u8>, other: &[u8]) {
    if bytes.is_empty() {
        bytes.extend_from_slice(other);
        return;
    }
    // What stands first is what says how the rest is read.
    let reach = if random.chance(30) { HEADER.min(bytes.len()) } else { bytes.len() };
    let at = random.below(reach as u64) as usize;
    let some = 1 + random.below(64.min((bytes.len() - at) as u64)) as usize;
    match random.below(9) {
        0 | 1 => bytes[at] ^= 1 << random.below(8),
        2 => bytes[at] = random.draw() as u8,
        // A number in the place of a field of 1, 2, 4 or 8 bytes, at a multiple of its size.
        3 | 4 => {
            let size = 1 << random.below(4);
            let at = at / size * size;
            let near = bytes.len() as u64 + random.below(17) - 8;
            let number = if random.chance(25) { near } else { NUMBERS[random.below(16) as usize] };
            let number = number.to_le_bytes();
            bytes.iter_mut().skip(at).take(size).zip(number).for_each(|(byte, new)| *byte = new);
        }
        5 => bytes.truncate(at),
        6 => drop(bytes.drain(at..at + some)),
        7 => {
            let again = bytes[at..at + some].to_vec();
            let to = random.below(bytes.len() as u64 + 1) as usize;
            drop(bytes.splice(to..to, again));
        }
        _ => {
            let from = random.below(other.len() as u64 + 1) as usize;
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
    }
}
