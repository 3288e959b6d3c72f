//! Who was evicted lately, and when it was last asked for: fingerprints in a table of fixed size.
//!
//! A bucket of eight places, 32 bytes, holds for each entry 16 bits of its hash and 16 bits of its time. A full bucket gives
//! up its oldest. Times are counted in ticks, of which a few hundred pass while the cache is asked for as many entries as it
//! holds; what is older than half the range of ticks is swept out before its number means something else.
//!
//! A key that was never evicted is taken for one that was in about 1 of 8,000 look-ups.

use alloc::vec::Vec;

const PLACES: usize = 1 << PLACE_BITS;
const PLACE_BITS: u32 = 3;

/// Ticks that an entry stays at most.
const LIFETIME: u16 = 1 << 15;

/// An empty place: fingerprints are never 0.
const EMPTY: u32 = 0;

#[derive(Debug, Default)]
pub(crate) struct History {
    buckets: Vec<[u32; PLACES]>,
    /// Accesses in a tick, as a power of two.
    tick_bits: u32,
    /// The tick at which was swept last, and the place to go on with.
    swept: u16,
    hand: usize,
}

impl History {
    /// Makes it fit for a cache of `entries`: twice as many are remembered, eight times as many by a small cache, to which
    /// a loop over a few thousand keys is long. Forgets everything when the size changes.
    pub(crate) fn fit(&mut self, entries: usize) {
        let wanted = (2 * entries).max((8 * entries).min(1 << 15)).next_power_of_two().max(PLACES) / PLACES;
        if self.buckets.len() < wanted || self.buckets.len() > 4 * wanted {
            self.buckets = vec![[EMPTY; PLACES]; wanted];
            self.tick_bits = (entries / 512).max(1).ilog2();
            self.hand = 0;
        }
    }

    /// Remembers an evicted entry that was asked for last at `accessed`.
    pub(crate) fn insert(&mut self, hash: u32, accessed: u32, now: u32) {
        self.sweep(now);
        let (fingerprint, today) = (fingerprint(hash), self.tick(now));
        let place = fingerprint << 16 | u32::from(self.tick(accessed));
        let Some(bucket) = self.bucket(hash) else { return };
        let bucket = &mut self.buckets[bucket];
        // Its own place, or an empty one, or that of the oldest.
        let mut best = 0;
        for (at, &place) in (0..).zip(bucket.iter()) {
            let age = u32::from(today.wrapping_sub(place as u16));
            let rank = u32::from(place == EMPTY) << 16 | u32::from(place >> 16 == fingerprint) << 17 | age;
            best = best.max(rank << PLACE_BITS | at);
        }
        bucket[best as usize % PLACES] = place;
    }

    /// How many accesses ago an evicted entry was asked for last, rounded down to ticks; `None` when it is not remembered.
    #[inline]
    pub(crate) fn age(&self, hash: u32, now: u32) -> Option<u32> {
        let fingerprint = fingerprint(hash);
        let place = self.buckets[self.bucket(hash)?].iter().find(|&&place| place >> 16 == fingerprint)?;
        let ticks = self.tick(now).wrapping_sub(*place as u16);
        Some(u32::from(ticks) << self.tick_bits)
    }

    /// Forgets an entry that is back.
    pub(crate) fn remove(&mut self, hash: u32) {
        let fingerprint = fingerprint(hash);
        let Some(bucket) = self.bucket(hash) else { return };
        for place in self.buckets[bucket].iter_mut().filter(|place| **place >> 16 == fingerprint) {
            *place = EMPTY;
        }
    }

    #[inline]
    fn tick(&self, time: u32) -> u16 {
        (time >> self.tick_bits) as u16
    }

    /// The bucket of a hash; `None` as long as there are none.
    #[inline]
    fn bucket(&self, hash: u32) -> Option<usize> {
        Some((spread(hash) >> 40) as usize & self.buckets.len().checked_sub(1)?)
    }

    /// With each tick a part of the table, so that every place is seen before its number has gone half round.
    fn sweep(&mut self, now: u32) {
        let today = self.tick(now);
        let passed = usize::from(today.wrapping_sub(self.swept));
        if passed == 0 {
            return;
        }
        self.swept = today;
        let places = self.buckets.as_flattened_mut();
        let share = (places.len() / usize::from(LIFETIME / 2)).max(1);
        for _ in 0..(passed * share).min(places.len()) {
            let place = &mut places[self.hand];
            if *place != EMPTY && today.wrapping_sub(*place as u16) > LIFETIME {
                *place = EMPTY;
            }
            self.hand = (self.hand + 1) & (places.len() - 1);
        }
    }
}

#[inline]
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0xD6E8_FEB8_6659_FD93)
}

#[inline]
fn fingerprint(hash: u32) -> u32 {
    ((spread(hash) >> 20) as u32 & 0xFFFF).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_evicted_are_remembered_with_their_age() {
        let mut history = History::default();
        history.fit(1_000);
        for n in 0..8_000u32 {
            history.insert(n.wrapping_mul(0x9E37_79B9), n, n);
        }
        let remembered = (0..8_000u32).filter(|n| history.age(n.wrapping_mul(0x9E37_79B9), 8_000) == Some(8_000 - n));
        assert!(remembered.count() > 7_000, "one in a tick of its own each, few lost to full buckets");
        history.remove(0x9E37_79B9);
        assert_eq!(history.age(0x9E37_79B9, 8_000), None);
    }

    #[test]
    fn the_old_are_swept_out_before_their_time_means_another() {
        let mut history = History::default();
        history.fit(16);
        history.insert(5, 0, 0);
        for now in 1..70_000u32 {
            if now % 100 == 0 {
                history.insert(now.wrapping_mul(0x9E37_79B9), now, now);
            }
            if now > 60_000 {
                assert_eq!(history.age(5, now), None, "at {now}");
            }
        }
    }
}
