//! Three queues in the order of the last access, the weight in each, and what is noted of an entry: what
//! [`super::windowed`] decides about.

use alloc::string::String;

use super::nodes::{List, Nodes};

/// Weights count up to here; more only weighs as much.
const MAX_WEIGHT: u32 = (1 << 30) - 1;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Queue {
    Window = 0,
    Probation = 1,
    Protected = 2,
    /// Of an entry that is not there any more.
    None = 3,
}

const QUEUES: [Queue; 4] = [Queue::Window, Queue::Probation, Queue::Protected, Queue::None];

#[derive(Debug, Clone, Copy)]
pub(crate) struct Note {
    pub(crate) hash: u32,
    /// Weight, and in the two highest bits the queue.
    weight_and_queue: u32,
    /// When it was asked for last, in accesses.
    pub(crate) accessed: u32,
}

impl Default for Note {
    fn default() -> Self {
        Self { hash: 0, weight_and_queue: (Queue::None as u32) << 30, accessed: 0 }
    }
}

impl Note {
    #[inline]
    pub(crate) fn weight(self) -> u64 {
        u64::from(self.weight_and_queue & MAX_WEIGHT)
    }

    #[inline]
    pub(crate) fn queue(self) -> Queue {
        QUEUES[(self.weight_and_queue >> 30) as usize]
    }

    fn set(&mut self, weight: u32, queue: Queue) {
        self.weight_and_queue = weight.min(MAX_WEIGHT) | (queue as u32) << 30;
    }
}

#[derive(Debug, Default)]
pub(crate) struct Segments {
    nodes: Nodes<Note>,
    /// One more than the highest number that an entry had.
    end: u32,
    lists: [List; 3],
    weights: [u64; 3],
}

impl Segments {
    /// An entry that is not there comes to the front of a queue.
    pub(crate) fn insert(&mut self, id: u32, hash: u32, weight: u32, accessed: u32, queue: Queue) {
        let mut note = Note { hash, accessed, ..Note::default() };
        note.set(weight, queue);
        self.end = self.end.max(id + 1);
        self.nodes.fill(id, note);
        self.push(id, queue, note.weight());
    }

    /// An entry goes.
    pub(crate) fn remove(&mut self, id: u32) -> Note {
        let note = self.note(id);
        self.unlink(id, note.queue(), note.weight());
        self.nodes.get_mut(id).set(0, Queue::None);
        note
    }

    /// Moves an entry to the front of a queue.
    #[inline]
    pub(crate) fn put(&mut self, id: u32, queue: Queue) {
        // In place: a copy that is changed in part and written back as a whole makes the processor wait.
        let note = self.nodes.get_mut(id);
        let (before, weight) = (note.queue(), note.weight());
        if before == queue {
            self.lists[queue as usize].move_to_front(&mut self.nodes, id);
            return;
        }
        note.set(weight as u32, queue);
        self.unlink(id, before, weight);
        self.push(id, queue, weight);
    }

    #[inline]
    fn unlink(&mut self, id: u32, queue: Queue, weight: u64) {
        self.lists[queue as usize].unlink(&mut self.nodes, id);
        self.weights[queue as usize] -= weight;
    }

    #[inline]
    fn push(&mut self, id: u32, queue: Queue, weight: u64) {
        self.weights[queue as usize] += weight;
        self.lists[queue as usize].push_front(&mut self.nodes, id);
    }

    /// An entry that is there takes another weight.
    pub(crate) fn reweigh(&mut self, id: u32, weight: u32) {
        let note = self.nodes.get_mut(id);
        let (queue, before) = (note.queue(), note.weight());
        note.set(weight, queue);
        let sum = &mut self.weights[queue as usize];
        *sum = *sum - before + note.weight();
    }

    /// What is noted of an entry; its queue is [`Queue::None`] if it is not there.
    #[inline]
    pub(crate) fn note(&self, id: u32) -> Note {
        *self.nodes.get(id)
    }

    /// Notes an access, and answers what was noted before.
    #[inline]
    pub(crate) fn touch(&mut self, id: u32, now: u32) -> Note {
        let note = self.nodes.get_mut(id);
        let before = *note;
        note.accessed = now;
        before
    }

    /// One more than the highest number that an entry had.
    pub(crate) fn end(&self) -> u32 {
        self.end
    }

    /// The least recently used of a queue.
    #[inline]
    pub(crate) fn back(&self, queue: Queue) -> Option<u32> {
        self.lists[queue as usize].back()
    }

    /// The entry of the same queue that was used after this one.
    pub(crate) fn before(&self, id: u32) -> Option<u32> {
        self.nodes.before(id)
    }

    /// Entries in a queue.
    pub(crate) fn len_of(&self, queue: Queue) -> u32 {
        self.lists[queue as usize].len()
    }

    /// Weight in a queue.
    #[inline]
    pub(crate) fn weight_of(&self, queue: Queue) -> u64 {
        self.weights[queue as usize]
    }

    /// Entries that are there.
    pub(crate) fn len(&self) -> u32 {
        self.lists.iter().map(List::len).sum()
    }

    /// Weight of all entries.
    pub(crate) fn weight(&self) -> u64 {
        self.weights.iter().sum()
    }

    /// How many entries there are, after a look at every one.
    pub(crate) fn check(&self) -> Result<u32, String> {
        let mut known = 0;
        for queue in [Queue::Window, Queue::Probation, Queue::Protected] {
            let list = &self.lists[queue as usize];
            known += list.check(&self.nodes)?;
            let weight: u64 = list.iter(&self.nodes).map(|id| self.note(id).weight()).sum();
            let counted = self.weight_of(queue);
            if weight != counted {
                return Err(text!("queue ", queue as u32, " weighs ", weight, " and counts ", counted));
            }
            if list.iter(&self.nodes).any(|id| self.note(id).queue() != queue) {
                return Err(text!("an entry in queue ", queue as u32, " does not know it"));
            }
        }
        Ok(known)
    }
}
