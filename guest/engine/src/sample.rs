//! Recognises values that no codec would make smaller, at a fraction of what trying would cost.
//!
//! Two signs must agree. *Bytes are about equally frequent*: of all pairs of bytes in a sample of up to 1,024, hardly more
//! are equal than the 1 in 256 that chance makes equal. The share of equal pairs gives the collision entropy (Rényi's of
//! order 2), which no code for single bytes can beat: at 1.2 times chance such a code saves log₂ 1.2 / 8 = 3.3 % at most.
//! *Nothing comes twice*: a pass over the value that steps faster the longer it finds nothing meets no stretches of eight
//! bytes and more that were there before, as far as a thirty-second of the value. Values that begin like a compressed
//! format need only look half as random: their headers and markers are what deviates. Integers only, so that every host
//! decides alike.

/// Values below so many bytes are not judged: a sample of them says little, and trying costs little.
const SMALLEST: usize = 256;

/// Bytes of the sample, and of each of the stretches that it is made of.
const SAMPLE: usize = 1_024;
const STRETCH: usize = 64;

/// Equal pairs in the sample, of a hundred that chance would make: above, single bytes can be coded shorter.
const RANDOM: u64 = 120;
/// The same for a value that begins like a compressed format.
const RANDOM_ENOUGH: u64 = 150;

/// Where stretches of eight bytes were seen last; a power of two.
const PLACES: usize = 2_048;
const WORD: usize = 8;
/// The farthest step of the search for repeats.
const LONGEST_STEP: usize = 16;

/// How files of compressed formats begin: PNG, JPEG, gzip, zip, Zstandard, xz, bzip2, 7z, WOFF2, Ogg, FLAC, LZ4 frame.
const FORMATS: [&[u8]; 12] = [
    b"\x89PNG\r\n\x1a\n",
    b"\xFF\xD8\xFF",
    b"\x1F\x8B\x08",
    b"PK\x03\x04",
    b"\x28\xB5\x2F\xFD",
    b"\xFD7zXZ\0",
    b"BZh",
    b"7z\xBC\xAF\x27\x1C",
    b"wOF2",
    b"OggS",
    b"fLaC",
    b"\x04\x22\x4D\x18",
];

/// Whether compressing `value` would be in vain.
pub(crate) fn is_incompressible(value: &[u8]) -> bool {
    if value.len() < SMALLEST {
        return false;
    }
    let known = FORMATS.iter().any(|magic| value.starts_with(magic))
        || (value.starts_with(b"RIFF") && value.get(8..12) == Some(b"WEBP"))
        || value.get(4..8) == Some(b"ftyp");
    let most = if known { RANDOM_ENOUGH } else { RANDOM };
    equal_pairs(value) <= most && !repeats(value)
}

/// Equal pairs of bytes in a sample of the value, in hundredths of what chance makes equal.
fn equal_pairs(value: &[u8]) -> u64 {
    let mut counts = [0u32; 256];
    let mut count = |bytes: &[u8]| bytes.iter().for_each(|&byte| counts[usize::from(byte)] += 1);
    let sampled = value.len().min(SAMPLE) as u64;
    if value.len() <= SAMPLE {
        count(value);
    } else {
        // Evenly spread, the first stretch at the beginning and the last at the end.
        let (stretches, room) = (SAMPLE / STRETCH, (value.len() - STRETCH) as u64);
        for n in 0..stretches {
            let at = (room * n as u64 / (stretches as u64 - 1)) as usize;
            count(&value[at..at + STRETCH]);
        }
    }
    let equal: u64 = counts.iter().map(|&n| u64::from(n) * u64::from(n.saturating_sub(1))).sum();
    equal * 256 * 100 / (sampled * (sampled - 1))
}

/// Whether at least a thirty-second of the value was there before, in stretches of eight bytes and more.
fn repeats(value: &[u8]) -> bool {
    let word = |at: usize| value.get(at..at + WORD).and_then(|bytes| bytes.try_into().ok()).map(u64::from_le_bytes);
    let mut places = [u32::MAX; PLACES];
    let (mut at, mut repeated, mut misses) = (0usize, 0usize, 0usize);
    while let Some(here) = word(at) {
        let place = (here.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 53) as usize;
        let before = core::mem::replace(&mut places[place], at as u32) as usize;
        if before < at && word(before) == Some(here) {
            let same = value[before..].iter().zip(&value[at..]).take_while(|(a, b)| a == b).count();
            repeated += same;
            if repeated >= value.len() / 32 {
                return true;
            }
            at += same;
            misses = 0;
        } else {
            at += (1 + misses / 32).min(LONGEST_STEP);
            misses += 1;
        }
    }
    false
}

#[cfg(test)]
mod tests;
