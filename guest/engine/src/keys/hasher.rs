//! BLAKE3 (O'Connor, Aumasson, Neves and Wilcox-O'Hearn, 2020) with 256 bits, of bytes that come in pieces.

use alloc::string::String;
use core::fmt;

/// Bytes of a hash.
pub const HASH_SIZE: usize = 32;

/// Hashes bytes that need not be in memory all at once; a host that hashes by itself gets the same.
///
/// ```
/// use larder_engine::keys::Hasher;
///
/// let mut hasher = Hasher::default();
/// hasher.update(b"Hel");
/// hasher.update(b"lo");
/// assert_eq!(hasher.length(), 5);
/// assert_eq!(hasher.digest()[..4], [0xfb, 0xc2, 0xb0, 0x51]);
/// ```
#[derive(Clone, Default)]
pub struct Hasher {
    state: blake3::Hasher,
}

impl Hasher {
    /// Takes the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
    }

    /// How many bytes there were.
    pub fn length(&self) -> u64 {
        self.state.count()
    }

    /// The hash of all bytes so far.
    pub fn digest(&self) -> [u8; HASH_SIZE] {
        self.state.finalize().into()
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hasher").field("length", &self.length()).finish()
    }
}

pub(super) fn hash(bytes: &[u8]) -> [u8; HASH_SIZE] {
    blake3::hash(bytes).into()
}

/// Two lower-case digits for each byte.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}
