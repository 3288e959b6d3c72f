//! SipHash-1-3: one round for each eight bytes, three to finish. Source: Aumasson and Bernstein, "SipHash: a fast short-input
//! PRF" (2012), with the reduced rounds of Rust's own tables.

/// A key, as the state that hashing begins in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sip13([u64; 4]);

impl Sip13 {
    pub(crate) fn new(key: [u64; 2]) -> Self {
        let [low, high] = key;
        Self([
            low ^ 0x736f_6d65_7073_6575,
            high ^ 0x646f_7261_6e64_6f6d,
            low ^ 0x6c79_6765_6e65_7261,
            high ^ 0x7465_6462_7974_6573,
        ])
    }

    #[inline]
    pub(crate) fn hash(self, bytes: &[u8]) -> u64 {
        let (words, rest) = bytes.as_chunks();
        let mut state = self.0;
        for word in words {
            absorb(&mut state, u64::from_le_bytes(*word));
        }
        let rest = rest.iter().rev().fold(0, |word, &byte| word << 8 | u64::from(byte));
        absorb(&mut state, rest | (bytes.len() as u64) << 56);
        state[2] ^= 0xff;
        for _ in 0..3 {
            round(&mut state);
        }
        state[0] ^ state[1] ^ state[2] ^ state[3]
    }
}

#[inline(always)]
fn absorb(state: &mut [u64; 4], word: u64) {
    state[3] ^= word;
    round(state);
    state[0] ^= word;
}

#[inline(always)]
fn round(state: &mut [u64; 4]) {
    let [mut a, mut b, mut c, mut d] = *state;
    a = a.wrapping_add(b);
    b = b.rotate_left(13) ^ a;
    a = a.rotate_left(32);
    c = c.wrapping_add(d);
    d = d.rotate_left(16) ^ c;
    a = a.wrapping_add(d);
    d = d.rotate_left(21) ^ a;
    c = c.wrapping_add(b);
    b = b.rotate_left(17) ^ c;
    c = c.rotate_left(32);
    *state = [a, b, c, d];
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use siphasher::sip::SipHasher13;

    use super::Sip13;

    proptest! {
        #[test]
        fn it_hashes_as_others_do(key in any::<[u64; 2]>(), bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let expected = SipHasher13::new_with_keys(key[0], key[1]).hash(&bytes);
            prop_assert_eq!(Sip13::new(key).hash(&bytes), expected);
        }
    }
}
