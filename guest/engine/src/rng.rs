//! The engine's only source of variation: SplitMix64 over the seed it was opened with.
//! Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators" (2014).

/// Spreads the bits of a number over all 64, one to one: the generator's finalizer.
#[inline]
pub(crate) fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[derive(Debug, Clone)]
pub(crate) struct SplitMix64(u64);

impl SplitMix64 {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mix(self.0)
    }

    /// A number in `0..=limit`, uniform to within 2⁻⁶⁴ × `limit`.
    pub(crate) fn up_to(&mut self, limit: u64) -> u64 {
        ((u128::from(self.next()) * (u128::from(limit) + 1)) >> 64) as u64
    }
}
