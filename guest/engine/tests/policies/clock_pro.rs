//! CLOCK-Pro: one list, oldest first, searched from the old end for whatever a hand is to point to.

use crate::{Paper, take};

#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Hot,
    /// Cold, resident or not, in its test period or not.
    Cold {
        resident: bool,
        test: bool,
    },
}

const COLD: Kind = Kind::Cold { resident: true, test: false };
const IN_TEST: Kind = Kind::Cold { resident: true, test: true };
const GONE: Kind = Kind::Cold { resident: false, test: true };

#[derive(Debug, Clone, Copy)]
struct Page {
    key: u64,
    kind: Kind,
    referenced: bool,
}

impl Page {
    fn in_test(&self) -> bool {
        matches!(self.kind, Kind::Cold { test: true, .. })
    }
}

pub struct ClockPro {
    capacity: usize,
    list: Vec<Page>,
    cold_target: usize,
    was_full: bool,
}

impl ClockPro {
    pub fn new(capacity: usize) -> Self {
        Self { capacity, list: Vec::new(), cold_target: 0, was_full: false }
    }

    fn count(&self, is: impl Fn(&Page) -> bool) -> usize {
        self.list.iter().filter(|page| is(page)).count()
    }

    fn is_in_test(&self, key: u64) -> bool {
        self.list.iter().any(|page| page.key == key && page.in_test())
    }

    /// To the head of the list, in the order of accesses the young end.
    fn move_to_head(&mut self, key: u64, kind: Kind) {
        take(&mut self.list, |page| page.key == key);
        self.list.push(Page { key, kind, referenced: false });
        self.sweep_to_hot();
    }

    fn adapt(&mut self, more: bool) {
        let least = (self.capacity / 100).max(2).min(self.capacity / 2);
        let target = if more { self.cold_target + 1 } else { self.cold_target.saturating_sub(1) };
        self.cold_target = target.clamp(least, self.capacity - least);
    }

    fn end_test(&mut self, at: usize) {
        self.adapt(self.list[at].referenced);
        match self.list[at].kind {
            GONE => drop(self.list.remove(at)),
            _ => self.list[at].kind = COLD,
        }
    }

    /// HANDhot points to the oldest hot page: no page older than it is in its test.
    fn sweep_to_hot(&mut self) {
        if let Some(hot) = self.list.iter().position(|page| page.kind == Kind::Hot) {
            let hot = self.list[hot].key;
            while let Some(at) = self.list.iter().take_while(|page| page.key != hot).position(|page| page.in_test()) {
                self.end_test(at);
            }
        }
    }

    /// HANDhot turns a page cold; false when it gets to the page that asks for it.
    fn run_hand_hot(&mut self, asking: Option<u64>) -> bool {
        while let Some(page) = self.list.iter().find(|page| page.kind == Kind::Hot).copied() {
            if !page.referenced {
                self.move_to_head(page.key, COLD);
                return true;
            }
            self.move_to_head(page.key, Kind::Hot);
            if asking.is_some_and(|key| !self.is_in_test(key)) {
                return false;
            }
        }
        false
    }

    fn may_become_hot(&mut self, key: u64) -> bool {
        self.list.iter_mut().filter(|page| page.key == key).for_each(|page| page.referenced = false);
        self.adapt(true);
        while self.count(|page| page.kind == Kind::Hot) >= self.capacity - self.cold_target {
            if !self.is_in_test(key) || !self.run_hand_hot(Some(key)) {
                return false;
            }
        }
        true
    }

    fn evict_one(&mut self) {
        loop {
            let cold = |page: &Page| matches!(page.kind, Kind::Cold { resident: true, .. });
            let Some(at) = self.list.iter().position(cold) else {
                self.run_hand_hot(None);
                continue;
            };
            let page = self.list[at];
            if page.referenced {
                let hot = page.in_test() && self.may_become_hot(page.key);
                self.move_to_head(page.key, if hot { Kind::Hot } else { IN_TEST });
                continue;
            }
            if page.in_test() {
                self.list[at].kind = GONE;
            } else {
                self.list.remove(at);
            }
            // HANDtest points to the oldest page in its test.
            while self.count(|page| page.kind == GONE) > 2 * self.capacity {
                let oldest = self.list.iter().position(Page::in_test).expect("those that are gone are in their tests");
                self.end_test(oldest);
            }
            return;
        }
    }
}

impl Paper for ClockPro {
    fn request(&mut self, key: u64, _size: u32) -> bool {
        if let Some(page) = self.list.iter_mut().find(|page| page.key == key && page.kind != GONE) {
            page.referenced = true;
            return true;
        }
        if self.count(|page| page.kind != GONE) == self.capacity {
            self.was_full = true;
            self.evict_one();
        }
        let hot = !self.was_full || self.is_in_test(key) && self.may_become_hot(key);
        self.move_to_head(key, if hot { Kind::Hot } else { IN_TEST });
        false
    }
}
