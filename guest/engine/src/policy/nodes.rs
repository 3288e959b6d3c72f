//! What a policy keeps of each entry, by the entry's number, and doubly linked lists through it.
//!
//! A policy owns its nodes, so that the same code serves the memory tier, the simulator and the shadows of the adaptive
//! policy. Nodes lie in chunks of 1,024: growing copies nothing. A list operation is O(1) and allocates nothing.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

/// "No entry": the end of a list.
pub(crate) const NIL: u32 = u32::MAX;

const CHUNK_BITS: u32 = 10;
const CHUNK: usize = 1 << CHUNK_BITS;

/// Two links, and what the policy wants to know besides.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node<T> {
    prev: u32,
    next: u32,
    pub(crate) data: T,
}

/// Nodes by number.
#[derive(Debug)]
pub(crate) struct Nodes<T>(Vec<Box<[Node<T>; CHUNK]>>);

impl<T> Default for Nodes<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Copy + Default> Nodes<T> {
    /// Starts the node of an entry that arrives; it is in no list.
    #[inline]
    pub(crate) fn fill(&mut self, id: u32, data: T) {
        let chunk = (id >> CHUNK_BITS) as usize;
        while self.0.len() <= chunk {
            self.0.push(Box::new([Node { prev: NIL, next: NIL, data: T::default() }; CHUNK]));
        }
        self.0[chunk][id as usize & (CHUNK - 1)] = Node { prev: NIL, next: NIL, data };
    }

    #[inline(always)]
    fn node(&self, id: u32) -> &Node<T> {
        &self.0[(id >> CHUNK_BITS) as usize][id as usize & (CHUNK - 1)]
    }

    #[inline(always)]
    fn node_mut(&mut self, id: u32) -> &mut Node<T> {
        &mut self.0[(id >> CHUNK_BITS) as usize][id as usize & (CHUNK - 1)]
    }

    /// What the policy noted of an entry. The caller guarantees that the entry is there.
    #[inline(always)]
    pub(crate) fn get(&self, id: u32) -> &T {
        &self.node(id).data
    }

    /// The same, to be changed.
    #[inline(always)]
    pub(crate) fn get_mut(&mut self, id: u32) -> &mut T {
        &mut self.node_mut(id).data
    }

    /// The neighbour towards the front of the entry's list.
    #[inline]
    pub(crate) fn before(&self, id: u32) -> Option<u32> {
        Some(self.node(id).prev).filter(|&id| id != NIL)
    }
}

/// A list of entries. An entry is in at most one list at a time.
#[derive(Debug)]
pub(crate) struct List {
    head: u32,
    tail: u32,
    len: u32,
}

impl Default for List {
    fn default() -> Self {
        Self { head: NIL, tail: NIL, len: 0 }
    }
}

impl List {
    /// The entry at the far end from `push_front`.
    #[inline]
    pub(crate) fn back(&self) -> Option<u32> {
        (self.tail != NIL).then_some(self.tail)
    }

    pub(crate) fn len(&self) -> u32 {
        self.len
    }

    #[inline(always)]
    pub(crate) fn push_front<T: Copy + Default>(&mut self, nodes: &mut Nodes<T>, id: u32) {
        let old = self.head;
        let node = nodes.node_mut(id);
        node.prev = NIL;
        node.next = old;
        match old {
            NIL => self.tail = id,
            _ => nodes.node_mut(old).prev = id,
        }
        self.head = id;
        self.len += 1;
    }

    #[inline(always)]
    pub(crate) fn unlink<T: Copy + Default>(&mut self, nodes: &mut Nodes<T>, id: u32) {
        let node = nodes.node_mut(id);
        let (prev, next) = (node.prev, node.next);
        node.prev = NIL;
        node.next = NIL;
        match prev {
            NIL => self.head = next,
            _ => nodes.node_mut(prev).next = next,
        }
        match next {
            NIL => self.tail = prev,
            _ => nodes.node_mut(next).prev = prev,
        }
        self.len -= 1;
    }

    #[cfg(feature = "policies")]
    /// Puts the entry `new`, which is in no list, where `old` is, and takes `old` out.
    pub(crate) fn replace<T: Copy + Default>(&mut self, nodes: &mut Nodes<T>, old: u32, new: u32) {
        let (prev, next) = (nodes.node(old).prev, nodes.node(old).next);
        let node = nodes.node_mut(new);
        (node.prev, node.next) = (prev, next);
        match prev {
            NIL => self.head = new,
            _ => nodes.node_mut(prev).next = new,
        }
        match next {
            NIL => self.tail = new,
            _ => nodes.node_mut(next).prev = new,
        }
    }

    /// Moves an entry of this list to the front.
    #[inline]
    pub(crate) fn move_to_front<T: Copy + Default>(&mut self, nodes: &mut Nodes<T>, id: u32) {
        if self.head != id {
            self.unlink(nodes, id);
            self.push_front(nodes, id);
        }
    }

    /// The entries from the front to the back.
    pub(crate) fn iter<'n, T: Copy + Default>(&self, nodes: &'n Nodes<T>) -> impl Iterator<Item = u32> + use<'n, T> {
        let some = |id: u32| Some(id).filter(|&id| id != NIL);
        core::iter::successors(some(self.head), move |&id| some(nodes.node(id).next))
    }

    /// Walks the list both ways at once and counts it.
    pub(crate) fn check<T: Copy + Default>(&self, nodes: &Nodes<T>) -> Result<u32, String> {
        let (mut before, mut count) = (NIL, 0);
        for id in self.iter(nodes) {
            if nodes.node(id).prev != before {
                return Err(text!("list is broken at entry ", id));
            }
            count += 1;
            if count > self.len {
                return Err("list is longer than its count".into());
            }
            before = id;
        }
        if before != self.tail || count != self.len {
            return Err(text!("list of ", self.len, " ends after ", count));
        }
        Ok(count)
    }
}
