//! `s3-fifo`: three queues, first in first out: a small one for newcomers, a main one, and a ghost of what was turned away.
//!
//! Newcomers enter the small queue, a tenth of the cache. At its end those that were read more than once since they came
//! move into main; the others go, and the ghost remembers them, up to nine tenths of the weight of the cache. What comes back
//! while the ghost remembers it enters main at once. At the end of main an entry that was read gets another
//! round, up to three; the others go. Quick to turn away what is asked for once; weak on loops longer than the ghost.
//! Source: Yang, Zhang, Qiu, Yue and Vinayak, "FIFO queues are all you need for cache eviction" (SOSP 2023).
//!
//! The shares are shares of the weight that is there when space is needed, that is of the capacity. Until it first is, main
//! takes all; then the oldest tenth makes up the small queue. So main begins with something to defend, as in the authors'
//! simulator.

use alloc::string::String;

use super::ghost::Ghost;
use super::nodes::{List, Nodes};
use super::{Entry, Policy, Worth};

/// Reads that are counted at most.
const MOST_READS: u32 = 3;
/// The bits of a tag that count reads; the others are the entry's hash.
const READS: u32 = 0b11;
/// The bit of a weight that says that the entry is in main. Weights are below it.
const IN_MAIN: u32 = 1 << 31;

/// What is noted of an entry, in 8 bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Note {
    tag: u32,
    weight: u32,
}

impl Note {
    fn weight(self) -> u64 {
        u64::from(self.weight & !IN_MAIN)
    }

    fn is_in_main(self) -> bool {
        self.weight & IN_MAIN != 0
    }

    fn reads(self) -> u32 {
        self.tag & READS
    }
}

/// What the ghost remembers of a hash: the bits that a tag has room for.
fn fingerprint(hash: u32) -> u32 {
    hash & !READS
}

#[derive(Debug, Default)]
pub(crate) struct S3Fifo {
    nodes: Nodes<Note>,
    small: List,
    main: List,
    small_weight: u64,
    main_weight: u64,
    ghost: Ghost,
    /// The entry that others go for, if the ghost knew it: what goes must not push it out of the ghost.
    returning: Option<u32>,
    /// Whether space was needed before.
    is_full: bool,
}

impl S3Fifo {
    fn enter_small(&mut self, id: u32) {
        self.small_weight += self.nodes.get(id).weight();
        self.small.push_front(&mut self.nodes, id);
    }

    fn enter_main(&mut self, id: u32) {
        let note = self.nodes.get_mut(id);
        note.weight |= IN_MAIN;
        self.main_weight += note.weight();
        self.main.push_front(&mut self.nodes, id);
    }

    /// Space is needed for the first time: the oldest tenth makes up the small queue.
    fn split(&mut self) {
        self.is_full = true;
        while let Some(id) = self.main.back()
            && self.small_weight + self.nodes.get(id).weight() <= (self.small_weight + self.main_weight) / 10
        {
            self.leave(id);
            self.nodes.get_mut(id).weight &= !IN_MAIN;
            self.enter_small(id);
        }
    }

    fn leave(&mut self, id: u32) {
        let note = *self.nodes.get(id);
        let (queue, weight) = match note.is_in_main() {
            true => (&mut self.main, &mut self.main_weight),
            false => (&mut self.small, &mut self.small_weight),
        };
        queue.unlink(&mut self.nodes, id);
        *weight -= note.weight();
    }
}

impl Policy for S3Fifo {
    fn inserted(&mut self, id: u32, entry: &Entry) {
        let tag = fingerprint(entry.hash);
        let was_here = self.returning.take() == Some(tag) || self.ghost.take(tag);
        self.nodes.fill(id, Note { tag, weight: entry.weight });
        if was_here || !self.is_full {
            self.enter_main(id);
        } else {
            self.enter_small(id);
        }
    }

    #[inline]
    fn accessed(&mut self, id: u32, _worth: &dyn Worth) {
        let note = self.nodes.get_mut(id);
        if note.reads() < MOST_READS {
            note.tag += 1;
        }
    }

    fn reweighed(&mut self, id: u32, weight: u32) {
        let note = self.nodes.get_mut(id);
        let sum = if note.is_in_main() { &mut self.main_weight } else { &mut self.small_weight };
        *sum = *sum - note.weight() + u64::from(weight);
        note.weight = note.weight & IN_MAIN | weight;
    }

    fn removed(&mut self, id: u32, evicted: bool) {
        let note = *self.nodes.get(id);
        if evicted && !note.is_in_main() {
            let total = self.small_weight + self.main_weight;
            self.ghost.add(fingerprint(note.tag), note.weight, total - total.div_ceil(10));
        }
        self.leave(id);
    }

    fn victim(&mut self, incoming: Option<&Entry>, _worth: &dyn Worth) -> Option<u32> {
        if let Some(tag) = incoming.map(|entry| fingerprint(entry.hash))
            && self.ghost.take(tag)
        {
            self.returning = Some(tag);
        }
        if !self.is_full {
            self.split();
        }
        let total = self.small_weight + self.main_weight;
        if self.main_weight <= total - total / 10 {
            while let Some(id) = self.small.back() {
                if self.nodes.get(id).reads() < 2 {
                    return Some(id);
                }
                self.leave(id);
                self.nodes.get_mut(id).tag &= !READS;
                self.enter_main(id);
            }
        }
        loop {
            let id = self.main.back().or(self.small.back())?;
            let note = self.nodes.get_mut(id);
            if note.reads() == 0 || !note.is_in_main() {
                return Some(id);
            }
            note.tag -= 1;
            self.main.move_to_front(&mut self.nodes, id);
        }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn check(&self) -> Result<u32, String> {
        let mut known = 0;
        for (queue, weight, is_main) in [(&self.small, self.small_weight, false), (&self.main, self.main_weight, true)]
        {
            known += queue.check(&self.nodes)?;
            let notes = || queue.iter(&self.nodes).map(|id| *self.nodes.get(id));
            if notes().map(Note::weight).sum::<u64>() != weight || notes().any(|note| note.is_in_main() != is_main) {
                return Err(text!("a queue that weighs ", weight, " holds something else"));
            }
        }
        self.ghost.check()?;
        Ok(known)
    }
}
