//! When a store is full whose policy gives up nothing that lives.
//!
//! New entries are taken while what lives takes up to four fifths of the log, entries that are there already may grow up to
//! nine tenths: the rest is what reclaiming works with, so that deleting always finds its room. In a store that was made
//! smaller, what is deleted first has no room to be noted in; it is noted beyond the cap.

use super::append::{Claim, Transaction};
use super::frame::HEADER;
use super::sealed::LINE;
use crate::error::{Error, ErrorKind, Result};

/// What was found alive, so that a full store is not searched for every write that it refuses.
#[derive(Debug, Clone, Copy)]
pub(super) struct Living {
    /// Entries and bytes that were held then, whatever their time.
    held: (u64, u64),
    /// Of these, what lived.
    living: (u64, u64),
    /// When the first of them is over.
    until: u64,
}

impl Transaction<'_> {
    /// # Errors
    /// `Full` when what is claimed has no room beside what lives.
    pub(super) fn check_full(&mut self, claim: &Claim, now: u64) -> Result<()> {
        let Some(hash) = claim.hash else { return Ok(()) };
        self.store.warm()?;
        let old = self.find(hash)?.map(|at| at.line.disk_size());
        let usable = self.store.options.usable_size();
        let most_bytes = if old.is_some() { usable / 10 * 9 } else { usable / 5 * 4 };
        let most = self.store.options.max_entries.filter(|_| claim.adds && old.is_none());
        let more = (claim.bytes + (HEADER + LINE) as u64).saturating_sub(old.unwrap_or(0));
        let fits = |(entries, bytes): (u64, u64)| most.is_none_or(|most| entries < most) && bytes + more <= most_bytes;
        let held = self.store.index().held();
        if more == 0 && most.is_none() || fits(held) || fits(self.living(held, now)) {
            return Ok(());
        }
        Err(self.full())
    }

    /// Whether closing gaps between what lives would give a segment back.
    pub(super) fn has_gaps(&mut self, now: u64) -> Result<bool> {
        self.store.warm()?;
        let held = self.store.index().held();
        let (_, living) = self.living(held, now);
        Ok(self.disk_bytes() > living + self.store.options.segment_size())
    }

    pub(super) fn full(&self) -> Error {
        Error::new(
            ErrorKind::Full,
            "the store is full, and the policy ttl gives up nothing that lives; delete entries, raise max-size or \
             max-entries, or choose another policy",
        )
    }

    fn living(&mut self, held: (u64, u64), now: u64) -> (u64, u64) {
        if let Some(known) = self.writer.living
            && known.held == held
            && now < known.until
        {
            return known.living;
        }
        let (living, until) = self.store.index().living(now);
        self.writer.living = Some(Living { held, living, until });
        living
    }
}
