//! Entries in the order of a number, the smallest first; of equal numbers the one that was set first.
//!
//! A heap of four children a place, in which every entry knows where it stands: setting or removing costs O(log n) and
//! allocates nothing, and the first is at hand. 20 bytes an entry. What [`super::ranked`] is made of.

use alloc::string::String;
use alloc::vec::Vec;

use crate::ascending::Ascending;

const CHILDREN: usize = 4;

#[derive(Debug, Clone, Copy, PartialEq)]
struct Ranked {
    rank: f64,
    /// When the rank was set, in settings since the start: of equals the earlier goes first.
    turn: u32,
    id: u32,
}

impl Ranked {
    #[inline]
    fn before(&self, other: &Self) -> bool {
        (self.rank, self.turn) < (other.rank, other.turn)
    }
}

#[derive(Debug, Default)]
pub(crate) struct Ranks {
    heap: Vec<Ranked>,
    /// Where the entry of each number stands in the heap.
    places: Vec<u32>,
    turn: u32,
}

impl Ranks {
    /// Adds an entry that is not there. The rank must be a number.
    pub(crate) fn insert(&mut self, id: u32, rank: f64) {
        if self.places.len() <= id as usize {
            self.places.resize(id as usize + 1, u32::MAX);
        }
        let turn = self.next_turn();
        let at = self.heap.len();
        self.heap.push(Ranked { rank, turn, id });
        self.rise(at);
    }

    /// Gives an entry that is there another rank, or the same anew.
    pub(crate) fn set(&mut self, id: u32, rank: f64) {
        let turn = self.next_turn();
        let at = self.places[id as usize] as usize;
        self.heap[at] = Ranked { rank, turn, id };
        self.settle(at);
    }

    /// Gives an entry that is there another rank, and leaves it its turn among equals.
    #[cfg(feature = "prediction")]
    pub(crate) fn rerank(&mut self, id: u32, rank: f64) {
        let at = self.places[id as usize] as usize;
        self.heap[at].rank = rank;
        self.settle(at);
    }

    pub(crate) fn remove(&mut self, id: u32) {
        let at = self.places[id as usize] as usize;
        self.heap.swap_remove(at);
        if at < self.heap.len() {
            self.settle(at);
        }
    }

    /// Whether the entry is there.
    #[cfg(feature = "prediction")]
    pub(crate) fn has(&self, id: u32) -> bool {
        let at = self.places.get(id as usize).map_or(usize::MAX, |&at| at as usize);
        self.heap.get(at).is_some_and(|ranked| ranked.id == id)
    }

    /// The rank of an entry that is there.
    pub(crate) fn rank(&self, id: u32) -> f64 {
        self.heap[self.places[id as usize] as usize].rank
    }

    /// The entry of the smallest rank.
    pub(crate) fn first(&self) -> Option<u32> {
        self.heap.first().map(|first| first.id)
    }

    /// After four thousand million settings the turns are counted anew, in the same order.
    fn next_turn(&mut self) -> u32 {
        if self.turn == u32::MAX {
            let turn = |at: u32| self.heap[at as usize].turn;
            let order: Vec<u32> =
                Ascending::new((0..self.heap.len() as u32).collect(), &|a, b| turn(a) < turn(b)).collect();
            for (turn, at) in (0..).zip(&order) {
                self.heap[*at as usize].turn = turn;
            }
            self.turn = order.len() as u32;
        }
        self.turn += 1;
        self.turn - 1
    }

    fn settle(&mut self, at: usize) {
        let at = self.rise(at);
        self.sink(at);
    }

    fn put(&mut self, at: usize, ranked: Ranked) {
        self.heap[at] = ranked;
        self.places[ranked.id as usize] = at as u32;
    }

    fn rise(&mut self, mut at: usize) -> usize {
        let ranked = self.heap[at];
        while at > 0 {
            let parent = (at - 1) / CHILDREN;
            let above = self.heap[parent];
            if !ranked.before(&above) {
                break;
            }
            self.put(at, above);
            at = parent;
        }
        self.put(at, ranked);
        at
    }

    fn sink(&mut self, mut at: usize) {
        let ranked = self.heap[at];
        loop {
            let first = CHILDREN * at + 1;
            let mut least = (at, ranked);
            for child in first..self.heap.len().min(first + CHILDREN) {
                if self.heap[child].before(&least.1) {
                    least = (child, self.heap[child]);
                }
            }
            if least.0 == at {
                break;
            }
            self.put(at, least.1);
            at = least.0;
        }
        self.put(at, ranked);
    }

    /// Order and places; answers how many there are.
    pub(crate) fn check(&self) -> Result<u32, String> {
        for (at, ranked) in self.heap.iter().enumerate() {
            if self.places[ranked.id as usize] as usize != at {
                return Err(text!("entry ", ranked.id, " does not know that it stands at ", at));
            }
            if ranked.rank.is_nan() || at > 0 && ranked.before(&self.heap[(at - 1) / CHILDREN]) {
                return Err(text!("entries are out of order at ", at));
            }
        }
        Ok(self.heap.len() as u32)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn turns_counted_anew_keep_their_order() {
        let mut ranks = Ranks { turn: u32::MAX - 3, ..Ranks::default() };
        for id in 0..8 {
            ranks.insert(7 - id, 1.0);
            ranks.check().expect("sound");
        }
        for id in 0..8 {
            assert_eq!(ranks.first(), Some(7 - id));
            ranks.remove(7 - id);
            ranks.check().expect("sound");
        }
    }
}
