//! The compressed cold tier: entries that cool lie deflated in memory, so that more of them fit; those in use stay raw.
//!
//! Which entries are cold is told by a *clock hand* over the slots and one bit a slot, "read since the hand passed", so it
//! is the same under every policy. An entry that the hand finds unread is packed; one that was read loses its bit and has
//! until the next round. A hit on a packed entry answers the inflated value and sets the bit; a second one in the same
//! round makes the entry raw again, so that one scan inflates nothing for good. New entries wait in a queue of a
//! thirty-second of all entries and are packed when they leave it unread.
//!
//! The hand moves with hits and writes, not with time: as many steps for each as raw entries take eighths of memory. Is
//! more than an eighth raw, then rounds are short and only the hottest are read in time; is it less, they are long and many
//! are. So the raw ones settle at about an eighth of memory, the part that most hits go to, and the rest is room for others.
//!
//! Nothing is packed while memory is less than three quarters full. Source of the clock: Corbató, "A paging experiment
//! with the Multics system" (1968); of the queue: Yang et al., "FIFO queues are all you need for cache eviction" (2023).

mod dictionary;
mod packer;
mod shelf;

use alloc::collections::VecDeque;

pub(crate) use dictionary::train;
pub(crate) use packer::Packer;
pub(crate) use shelf::{Dictionary, Shelf};

use crate::codec::Codec;

/// Smaller values are not worth packing: what an entry costs besides its value would not change.
pub(crate) const SMALLEST: usize = 128;

/// Larger values would keep a shard locked for too long, when they are packed as when they are read.
pub(crate) const LARGEST: usize = 64 << 10;

/// What packing must save to be worth a slower hit, at least: an eighth of the value, and so many bytes.
const LEAST_SAVED: usize = 32;

/// A step of the hand, in the units that it earns.
const STEP: u32 = 16;

/// Raw entries should take one in so many bytes of memory.
const RAW_SHARE: u32 = 8;

/// Bytes that a packed value may have at most.
pub(crate) fn worthwhile(value_len: usize) -> usize {
    value_len.saturating_sub((value_len / 8).max(LEAST_SAVED) + Packing::SIZE)
}

/// How a value is packed in memory; stored behind it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Packing {
    pub(crate) codec: Codec,
    /// Bytes of the value.
    pub(crate) value_len: u32,
    /// The dictionary that inflating needs, by its place on the shelf.
    pub(crate) dictionary: Option<u8>,
}

impl Packing {
    pub(crate) const SIZE: usize = 6;
    const NO_DICTIONARY: u8 = u8::MAX;

    pub(crate) fn to_bytes(self) -> [u8; Self::SIZE] {
        let [a, b, c, d] = self.value_len.to_le_bytes();
        [a, b, c, d, self.codec as u8, self.dictionary.unwrap_or(Self::NO_DICTIONARY)]
    }

    pub(crate) fn from_bytes([a, b, c, d, codec, dictionary]: [u8; Self::SIZE]) -> Self {
        Self {
            codec: Codec::from_u8(codec).unwrap_or_default(),
            value_len: u32::from_le_bytes([a, b, c, d]),
            dictionary: Some(dictionary).filter(|&place| place != Self::NO_DICTIONARY),
        }
    }
}

/// What the cold tier remembers beside the slots.
pub(crate) struct Cold {
    pub(crate) packer: Packer,
    pub(crate) shelf: Shelf,
    /// The slot that the hand looks at next.
    hand: u32,
    /// Steps that the hand may make, in sixteenths, and how many more for each hit or write.
    steps: u32,
    speed: u32,
    /// What packed entries are charged.
    pub(crate) packed: u64,
    /// What they would be charged more if they were raw.
    pub(crate) saved: u64,
    /// Slots written lately, the oldest in front. Some may hold another entry by now, which is then packed a little early.
    new: VecDeque<u32>,
}

impl Default for Cold {
    fn default() -> Self {
        Self {
            packer: Packer::default(),
            shelf: Shelf::default(),
            hand: 0,
            steps: 0,
            speed: STEP,
            packed: 0,
            saved: 0,
            new: VecDeque::new(),
        }
    }
}

impl Cold {
    /// An entry was read or written: the hand may move on. More than a round is not saved up.
    #[inline]
    pub(crate) fn earn(&mut self, slots: u32) {
        self.steps = self.steps.saturating_add(self.speed).min(slots.saturating_mul(STEP));
    }

    /// Sets how fast the hand moves: by what raw entries are charged, of all that memory may hold.
    pub(crate) fn set_speed(&mut self, raw: u64, max: u64) {
        let eighths = raw.saturating_mul(u64::from(RAW_SHARE * STEP)) / max.max(1);
        self.speed = (eighths as u32).clamp(1, RAW_SHARE * STEP);
    }

    /// An entry was written. A queue that nobody empties loses its oldest to the hand.
    pub(crate) fn wrote(&mut self, id: u32, entries: u32) {
        self.new.push_back(id);
        if self.new.len() > entries as usize / 8 + 64 {
            self.new.pop_front();
        }
    }

    /// The oldest of the new entries, when more than a thirty-second of all are new.
    pub(crate) fn leaves_the_queue(&mut self, entries: u32) -> Option<u32> {
        if self.new.len() <= entries as usize / 32 {
            return None;
        }
        self.new.pop_front()
    }

    /// The slot under the hand, which moves on.
    pub(crate) fn step(&mut self, slots: u32) -> Option<u32> {
        if self.steps < STEP || slots == 0 {
            return None;
        }
        self.steps -= STEP;
        let id = if self.hand < slots { self.hand } else { 0 };
        self.hand = id + 1;
        Some(id)
    }

    /// Everything is gone.
    pub(crate) fn clear(&mut self) {
        self.shelf.clear();
        self.hand = 0;
        self.steps = 0;
        self.packed = 0;
        self.saved = 0;
        self.new = VecDeque::new();
    }
}
