//! Who is where: the last two keys of each session.

use alloc::vec::Vec;

use super::model::NONE;
use super::places::{Places, mix};

/// Sessions that are followed at a time; with another one the one that began first goes.
pub(super) const MAX_SESSIONS: usize = 1_024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Session {
    pub(super) id: u64,
    /// The key before the last, or [`NONE`]; the last, or [`NONE`].
    pub(super) before: u32,
    pub(super) last: u32,
    /// When the last one was asked for.
    pub(super) at: u64,
}

#[derive(Debug, Default, Clone)]
pub(super) struct Sessions {
    sessions: Vec<Session>,
    places: Places,
    /// Whose place the next one takes when all are taken.
    hand: usize,
}

impl Sessions {
    pub(super) fn find(&self, id: u64) -> Option<&Session> {
        self.place(id).map(|at| &self.sessions[at as usize])
    }

    fn place(&self, id: u64) -> Option<u32> {
        self.places.find(mix(id), &|at| self.sessions[at as usize].id == id)
    }

    /// The session of this number, which begins if it is not there.
    pub(super) fn find_or_begin(&mut self, id: u64) -> &mut Session {
        let at = self.place(id).unwrap_or_else(|| self.begin(id));
        &mut self.sessions[at as usize]
    }

    fn begin(&mut self, id: u64) -> u32 {
        let session = Session { id, before: NONE, last: NONE, at: 0 };
        let at = if self.sessions.len() < MAX_SESSIONS {
            self.sessions.push(session);
            self.sessions.len() - 1
        } else {
            let at = self.hand;
            self.hand = (at + 1) % MAX_SESSIONS;
            self.places.remove(mix(self.sessions[at].id), at as u32);
            self.sessions[at] = session;
            at
        };
        self.places.insert(mix(id), at as u32);
        at as u32
    }

    pub(super) fn all(&self) -> &[Session] {
        &self.sessions
    }

    /// Calls keys by other numbers.
    pub(super) fn rename(&mut self, number: &mut dyn FnMut(u32) -> u32) {
        for session in &mut self.sessions {
            (session.before, session.last) = (number(session.before), number(session.last));
        }
    }
}
