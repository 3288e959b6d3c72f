//! SIEVE: a queue, oldest first, and a hand.

use crate::Paper;

pub struct Sieve {
    capacity: usize,
    /// Keys and whether they were visited, the oldest first.
    queue: Vec<(u64, bool)>,
    hand: usize,
}

impl Sieve {
    pub fn new(capacity: usize) -> Self {
        Self { capacity, queue: Vec::new(), hand: 0 }
    }
}

impl Paper for Sieve {
    fn request(&mut self, key: u64, _size: u32) -> bool {
        if let Some(object) = self.queue.iter_mut().find(|object| object.0 == key) {
            object.1 = true;
            return true;
        }
        if self.queue.len() == self.capacity {
            // Past the youngest, the hand begins again at the oldest.
            self.hand %= self.queue.len();
            while self.queue[self.hand].1 {
                self.queue[self.hand].1 = false;
                self.hand = (self.hand + 1) % self.queue.len();
            }
            let at_the_end = self.hand + 1 == self.queue.len();
            self.queue.remove(self.hand);
            if at_the_end {
                self.hand = 0;
            }
        }
        self.queue.push((key, false));
        false
    }
}
