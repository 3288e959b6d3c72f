//! `clock-pro`: keeps what is read again after a short while, by comparing with when others were read.
//!
//! One list of pages in the order of their last move, in four states: *hot*; *cold*; cold and *in its test*, which begins
//! when the page comes in; and *gone*: evicted in its test, only the hash is kept. Reading a page marks it. Three hands go
//! through the list from the old end:
//!
//! * The cold hand looks for a victim among the resident cold pages. A marked one is moved to the young end instead; if it was
//!   in its test, it asks to become hot.
//! * The hot hand makes room for a page that becomes hot: it clears the marks of hot pages, moves them to the young end, and
//!   the first without one becomes cold. Tests of pages that it passes are over. If it reaches the page that asked, that
//!   page had the longer reuse distance and stays cold.
//! * The test hand ends the oldest tests when twice as much is gone as the cache holds.
//!
//! A page that comes back while it is gone asks to become hot at once. The share of cold pages adapts: a page read in its test
//! makes it larger, a test that ends without a read smaller. Source: Jiang, Chen and Zhang, "CLOCK-Pro: an effective
//! improvement of the CLOCK replacement" (USENIX ATC 2005). Beyond the paper: that the hot hand may refuse is the authors'
//! implementation; the paper remembers half as much of what is gone (`docs/benchmarks/policies-crosscheck.md` has both).
//!
//! Sums are of weights, and the capacity is the weight that is there when space is needed. Until it first is, pages arrive
//! hot. 16 bytes for each page that is there, and 22 to 31 for each that is gone.

use alloc::string::String;
use alloc::vec::Vec;

use hashbrown::HashTable;

use super::nodes::{List, NIL, Nodes};
use super::{Entry, Policy, Worth, widen};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Hot,
    Cold,
    InTest,
    Gone,
}

/// How much may be gone and remembered, in capacities.
const MEMORY: u64 = 2;
/// The bits of a tag that say the state; the others are the entry's hash.
const STATE: u32 = 0b11;
/// The bit of a weight that marks a page that was read. Weights are below it.
const MARK: u32 = 1 << 31;

/// A page, in 8 bytes.
#[derive(Debug, Clone, Copy, Default)]
struct Page {
    tag: u32,
    weight: u32,
}

impl Page {
    fn new(hash: u32, state: State, weight: u32) -> Self {
        Self { tag: fingerprint(hash) | state as u32, weight }
    }

    fn state(self) -> State {
        [State::Hot, State::Cold, State::InTest, State::Gone][(self.tag & STATE) as usize]
    }

    fn weight(self) -> u64 {
        u64::from(self.weight & !MARK)
    }

    fn is_marked(self) -> bool {
        self.weight & MARK != 0
    }

    fn is_hot(self) -> bool {
        self.state() == State::Hot
    }

    fn is_cold_and_there(self) -> bool {
        matches!(self.state(), State::Cold | State::InTest)
    }

    fn is_in_test(self) -> bool {
        matches!(self.state(), State::InTest | State::Gone)
    }
}

fn fingerprint(hash: u32) -> u32 {
    hash & !STATE
}

/// The list's nodes: even numbers are entries, odd ones pages that are gone.
fn node_of(id: u32) -> u32 {
    2 * id
}

#[derive(Debug)]
pub(crate) struct ClockPro {
    nodes: Nodes<Page>,
    list: List,
    /// The oldest hot page, the oldest resident cold one and the oldest test, or [`NIL`] where there is none.
    hot_hand: u32,
    cold_hand: u32,
    test_hand: u32,
    /// Weights by state.
    hot: u64,
    cold: u64,
    gone: u64,
    entries: u32,
    /// Weight that was there after the last arrival.
    capacity: u64,
    /// Weight that cold pages shall have.
    target: u64,
    /// Whether space was needed before.
    is_full: bool,
    /// Nodes of the pages that are gone, by hash.
    table: HashTable<u32>,
    /// Odd nodes that were given back, and how many there ever were.
    free: Vec<u32>,
    used: u32,
}

impl Default for ClockPro {
    fn default() -> Self {
        Self {
            nodes: Nodes::default(),
            list: List::default(),
            hot_hand: NIL,
            cold_hand: NIL,
            test_hand: NIL,
            hot: 0,
            cold: 0,
            gone: 0,
            entries: 0,
            capacity: 0,
            target: 0,
            is_full: false,
            table: HashTable::new(),
            free: Vec::new(),
            used: 0,
        }
    }
}

impl ClockPro {
    fn page(&self, node: u32) -> Page {
        *self.nodes.get(node)
    }

    /// The first page from `node` on, towards the young end, of which `is` is true.
    fn seek(&self, node: Option<u32>, is: impl Fn(Page) -> bool) -> u32 {
        let onward = core::iter::successors(node, |&node| self.nodes.before(node));
        onward.into_iter().find(|&node| is(self.page(node))).unwrap_or(NIL)
    }

    fn count(&mut self, page: Page, sign: bool) {
        let sum = match page.state() {
            State::Hot => &mut self.hot,
            State::Cold | State::InTest => &mut self.cold,
            State::Gone => &mut self.gone,
        };
        *sum = if sign { *sum + page.weight() } else { *sum - page.weight() };
    }

    /// Puts a page that is in no list at the young end.
    fn push(&mut self, node: u32, page: Page) {
        self.nodes.fill(node, page);
        self.list.push_front(&mut self.nodes, node);
        self.count(page, true);
        if page.is_hot() && self.hot_hand == NIL {
            self.advance_hot_hand(self.list.back());
        }
        if page.is_cold_and_there() && self.cold_hand == NIL {
            self.cold_hand = node;
        }
        if page.is_in_test() && self.test_hand == NIL {
            self.test_hand = node;
        }
    }

    /// Takes a page out of the list; hands that are at it go on.
    fn unlink(&mut self, node: u32) {
        let page = self.page(node);
        let onward = self.nodes.before(node);
        self.list.unlink(&mut self.nodes, node);
        self.count(page, false);
        if self.cold_hand == node {
            self.cold_hand = self.seek(onward, Page::is_cold_and_there);
        }
        if self.test_hand == node {
            self.test_hand = self.seek(onward, Page::is_in_test);
        }
        if self.hot_hand == node {
            self.advance_hot_hand(onward);
        }
        if page.state() == State::Gone {
            if let Ok(found) = self.table.find_entry(widen(fingerprint(page.tag)), |&other| other == node) {
                found.remove();
            }
            *self.nodes.get_mut(node) = Page::default();
            self.free.push(node);
        }
    }

    fn move_to_front(&mut self, node: u32, state: State) {
        let page = self.page(node);
        self.unlink(node);
        self.push(node, Page::new(page.tag, state, page.weight & !MARK));
    }

    /// Lets the hot hand go to the next hot page, from `node` on. Tests on the way are over.
    fn advance_hot_hand(&mut self, node: Option<u32>) {
        self.hot_hand = NIL;
        if self.hot == 0 {
            return;
        }
        let mut next = node;
        while let Some(node) = next {
            next = self.nodes.before(node);
            let page = self.page(node);
            if page.is_hot() {
                self.hot_hand = node;
                return;
            }
            if page.is_in_test() {
                self.end_test(node);
            }
        }
    }

    /// A test is over: a page that is gone is forgotten, one that is there stays where it is.
    fn end_test(&mut self, node: u32) {
        let page = self.page(node);
        match page.state() {
            State::Gone => self.unlink(node),
            _ => {
                self.nodes.get_mut(node).tag = fingerprint(page.tag) | State::Cold as u32;
                if self.test_hand == node {
                    self.test_hand = self.seek(self.nodes.before(node), Page::is_in_test);
                }
            }
        }
        self.adapt(page.weight(), page.is_marked());
    }

    /// More or less is to be cold: at least a hundredth of all and two pages of average weight, and at most all but that.
    fn adapt(&mut self, weight: u64, more: bool) {
        let two_pages = 2 * self.capacity / u64::from(self.entries.max(1));
        let least = (self.capacity / 100).max(two_pages.min(self.capacity / 2));
        let target = if more { self.target + weight } else { self.target.saturating_sub(weight) };
        self.target = target.clamp(least, self.capacity - least);
    }

    /// The hot hand turns a page cold. False when there is none, or when the hand passes the page that asks for it.
    fn demote(&mut self, asking: Option<u32>) -> bool {
        while self.hot_hand != NIL {
            let node = self.hot_hand;
            if !self.page(node).is_marked() {
                self.move_to_front(node, State::Cold);
                return true;
            }
            self.move_to_front(node, State::Hot);
            if asking.is_some_and(|asking| !self.page(asking).is_in_test()) {
                return false;
            }
        }
        false
    }

    /// Whether a page that was read in its test may become hot.
    fn may_become_hot(&mut self, node: u32) -> bool {
        let page = self.nodes.get_mut(node);
        page.weight &= !MARK;
        let weight = page.weight();
        self.adapt(weight, true);
        while self.hot + weight > self.capacity.saturating_sub(self.target) {
            if !self.page(node).is_in_test() || !self.demote(Some(node)) {
                return false;
            }
        }
        true
    }

    fn find_gone(&self, tag: u32) -> Option<u32> {
        let is = |&node: &u32| fingerprint(self.page(node).tag) == tag;
        self.table.find(widen(tag), is).copied()
    }

    /// A page in its test is evicted: a page that is gone takes its place in the list.
    fn leave_a_trace(&mut self, node: u32, page: Page) {
        let trace = self.free.pop().unwrap_or_else(|| {
            self.used += 1;
            2 * self.used - 1
        });
        let tag = fingerprint(page.tag);
        self.nodes.fill(trace, Page::new(tag, State::Gone, page.weight & !MARK));
        let onward = self.nodes.before(node);
        self.list.replace(&mut self.nodes, node, trace);
        self.count(page, false);
        self.gone += page.weight();
        if self.test_hand == node {
            self.test_hand = trace;
        }
        if self.cold_hand == node {
            self.cold_hand = self.seek(onward, Page::is_cold_and_there);
        }
        let nodes = &self.nodes;
        self.table.insert_unique(widen(tag), trace, |&other| widen(fingerprint(nodes.get(other).tag)));
    }
}

impl Policy for ClockPro {
    fn inserted(&mut self, id: u32, entry: &Entry) {
        self.entries += 1;
        let tag = fingerprint(entry.hash);
        let state = match self.find_gone(tag) {
            _ if !self.is_full => State::Hot,
            Some(trace) if self.may_become_hot(trace) => State::Hot,
            _ => State::InTest,
        };
        if let Some(trace) = self.find_gone(tag) {
            self.unlink(trace);
        }
        self.push(node_of(id), Page::new(tag, state, entry.weight));
        self.capacity = self.hot + self.cold;
    }

    #[inline]
    fn accessed(&mut self, id: u32, _worth: &dyn Worth) {
        self.nodes.get_mut(node_of(id)).weight |= MARK;
    }

    fn reweighed(&mut self, id: u32, weight: u32) {
        let page = self.page(node_of(id));
        self.count(page, false);
        self.nodes.get_mut(node_of(id)).weight = page.weight & MARK | weight;
        self.count(self.page(node_of(id)), true);
    }

    fn removed(&mut self, id: u32, evicted: bool) {
        let node = node_of(id);
        let page = self.page(node);
        if evicted && page.state() == State::InTest {
            self.leave_a_trace(node, page);
        } else {
            self.unlink(node);
        }
        self.entries -= 1;
        while self.gone > MEMORY * self.capacity {
            self.end_test(self.test_hand);
        }
    }

    fn victim(&mut self, _incoming: Option<&Entry>, _worth: &dyn Worth) -> Option<u32> {
        self.is_full = true;
        loop {
            let node = self.cold_hand;
            if node == NIL {
                if !self.demote(None) {
                    return None;
                }
                continue;
            }
            let page = self.page(node);
            if !page.is_marked() {
                return Some(node / 2);
            }
            let becomes_hot = page.is_in_test() && self.may_become_hot(node);
            self.move_to_front(node, if becomes_hot { State::Hot } else { State::InTest });
        }
    }

    fn clear(&mut self) {
        *self = Self::default();
    }

    fn check(&self) -> Result<u32, String> {
        self.list.check(&self.nodes)?;
        let (mut sums, mut entries, mut gone) = ([0; 4], 0, 0);
        for node in self.list.iter(&self.nodes) {
            let page = self.page(node);
            sums[page.state() as usize] += page.weight();
            entries += u32::from(page.state() != State::Gone);
            if page.state() == State::Gone {
                gone += 1;
                if node % 2 == 0 || self.find_gone(fingerprint(page.tag)) != Some(node) {
                    return Err(text!("page ", node, " is gone and not found"));
                }
            }
        }
        let [hot, cold, in_test, gone_weight] = sums;
        if (hot, cold + in_test, gone_weight) != (self.hot, self.cold, self.gone) || self.table.len() != gone {
            return Err(text!(
                "pages weigh ",
                sums[0],
                " ",
                sums[1],
                " ",
                sums[2],
                ", counted ",
                self.hot,
                " ",
                self.cold,
                " ",
                self.gone
            ));
        }
        let oldest = self.list.back();
        let hands = [
            (self.hot_hand, self.seek(oldest, Page::is_hot)),
            (self.cold_hand, self.seek(oldest, Page::is_cold_and_there)),
            (self.test_hand, self.seek(oldest, Page::is_in_test)),
        ];
        match hands.iter().find(|(hand, first)| hand != first) {
            Some((hand, first)) => Err(text!("a hand is at ", hand, " and not at ", first, ", the oldest of its kind")),
            None if entries != self.entries => Err(text!(entries, " entries, counted ", self.entries)),
            None => Ok(entries),
        }
    }
}
