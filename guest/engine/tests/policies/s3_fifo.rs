//! S3-FIFO: three queues, oldest first. The cache begins with the first tenth of what comes in the small queue and the rest in
//! main.

use crate::{Paper, take};

pub struct S3Fifo {
    capacity: usize,
    /// Keys and reads.
    small: Vec<(u64, u32)>,
    main: Vec<(u64, u32)>,
    ghost: Vec<u64>,
    was_full: bool,
}

impl S3Fifo {
    pub fn new(capacity: usize) -> Self {
        Self { capacity, small: Vec::new(), main: Vec::new(), ghost: Vec::new(), was_full: false }
    }

    fn evict_one(&mut self) {
        if self.main.len() <= self.capacity - self.capacity / 10 {
            while !self.small.is_empty() {
                let (key, reads) = self.small.remove(0);
                if reads <= 1 {
                    self.ghost.push(key);
                    return;
                }
                self.main.push((key, 0));
            }
        }
        loop {
            let (key, reads) = self.main.remove(0);
            if reads == 0 {
                return;
            }
            self.main.push((key, reads - 1));
        }
    }
}

impl Paper for S3Fifo {
    fn request(&mut self, key: u64, _size: u32) -> bool {
        let mut all = self.small.iter_mut().chain(&mut self.main);
        if let Some(object) = all.find(|object| object.0 == key) {
            object.1 = (object.1 + 1).min(3);
            return true;
        }
        let was_here = take(&mut self.ghost, |&ghost| ghost == key).is_some();
        if self.small.len() + self.main.len() == self.capacity {
            self.was_full = true;
            self.evict_one();
        }
        if was_here || !self.was_full && self.small.len() >= self.capacity / 10 {
            self.main.push((key, 0));
        } else {
            self.small.push((key, 0));
        }
        while self.ghost.len() > self.capacity * 9 / 10 {
            self.ghost.remove(0);
        }
        false
    }
}
