//! `gdsf`: the entry whose hits are worth least for the space it takes goes first (Greedy-Dual-Size-Frequency).
//!
//! Every entry has a rank: accesses × worth of a hit / weight, plus the age that the cache had at its last access. The
//! lowest rank goes, of equals the least recently used; the cache's age then becomes the rank of what went. Strong on the
//! number of hits where sizes differ, because many small entries are kept in place of a large one; weak on bytes for the
//! same reason; with the objective `bytes` a hit is worth the bytes it brings. Source: Cherkasova, "Improving WWW proxies performance with Greedy-Dual-Size-Frequency caching policy"
//! (HP Labs 1998).

use super::ranks::Ranks;
use super::{Entry, Objective, Policy, Worth};

#[derive(Debug, Clone, Copy, Default)]
struct Note {
    /// Accesses, the arrival included.
    frequency: u32,
    weight: u32,
    worth: f32,
}

impl Note {
    /// What keeping the entry brings for each unit of weight.
    fn value(&self) -> f64 {
        f64::from(self.frequency) * f64::from(self.worth) / f64::from(self.weight)
    }
}

#[derive(Debug)]
pub(crate) struct Gdsf {
    objective: Objective,
    ranks: Ranks,
    notes: Vec<Note>,
    age: f64,
}

impl Gdsf {
    pub(crate) fn new(objective: Objective) -> Self {
        Self { objective, ranks: Ranks::default(), notes: Vec::new(), age: 0.0 }
    }
}

impl Policy for Gdsf {
    fn inserted(&mut self, id: u32, entry: &Entry) {
        if self.notes.len() <= id as usize {
            self.notes.resize(id as usize + 1, Note::default());
        }
        let note = Note { frequency: 1, weight: entry.weight, worth: self.objective.gain(entry.weight, entry.worth) };
        self.notes[id as usize] = note;
        self.ranks.insert(id, self.age + note.value());
    }

    fn accessed(&mut self, id: u32) {
        let note = &mut self.notes[id as usize];
        note.frequency = note.frequency.saturating_add(1);
        self.ranks.set(id, self.age + note.value());
    }

    fn overwritten(&mut self, id: u32, entry: &Entry) {
        let note = &mut self.notes[id as usize];
        (note.weight, note.worth) = (entry.weight, self.objective.gain(entry.weight, entry.worth));
        self.accessed(id);
    }

    fn reweighed(&mut self, id: u32, weight: u32) {
        let note = &mut self.notes[id as usize];
        let before = note.value();
        note.weight = weight;
        let rank = self.ranks.rank(id) - before + note.value();
        self.ranks.set(id, rank);
    }

    fn removed(&mut self, id: u32, evicted: bool) {
        if evicted {
            self.age = self.age.max(self.ranks.rank(id));
        }
        self.ranks.remove(id);
    }

    fn victim(&mut self, _incoming: Option<&Entry>, _worth: &dyn Worth) -> Option<u32> {
        self.ranks.first()
    }

    fn clear(&mut self) {
        *self = Self::new(self.objective);
    }

    fn check(&self) -> Result<u32, String> {
        self.ranks.check()
    }
}
