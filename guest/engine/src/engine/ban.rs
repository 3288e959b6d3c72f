//! Making bans, keeping them, and asking whether an entry is banned.

use alloc::vec::Vec;

use super::{Banned, Cause, Engine};
use crate::bans::{Ban, Bans, Rule, Subject};
use crate::codec::Codec;
use crate::config::{BANS_KEY, BANS_NAMESPACE, Durability};
use crate::error::{Error, ErrorCode, Result};
use crate::namespace::NamespaceId;
use crate::record::{self, Meta};
use crate::slot::Slot;
use crate::time::NEVER;

/// Rules that one call may make.
const MAX_RULES: usize = 64;

impl Engine {
    /// Makes entries invalid that are there now, in memory or in any record, and that one of `rules` (1 to 64) is true of, in one
    /// namespace or in all. Entries written later are not touched. Costs the same however many it hits: they go when they
    /// are asked for. With a store the answer carries a record of all bans, which the host must persist.
    ///
    /// `sequence` becomes the ban's number as it would become a version.
    ///
    /// # Errors
    /// `InvalidArgument` for a rule outside its limits; `UnknownNamespace`; `Full` when there are 1,024 bans and a store: the
    /// host then has to look through the records ([`is_banned`](Self::is_banned)) and [`reap`](Self::reap_bans).
    pub fn ban(
        &mut self,
        namespace: Option<NamespaceId>,
        rules: Vec<Rule>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Banned> {
        if !(1..=MAX_RULES).contains(&rules.len()) {
            return Err(Error::invalid(text!("a ban has 1 to ", MAX_RULES, " rules, this one has ", rules.len())));
        }
        rules.iter().try_for_each(Rule::validate)?;
        let scope = namespace.map(|id| self.namespaces.get(id).map(|ns| ns.name.clone())).transpose()?;
        let sequence = self.next_version(sequence)?;
        let bans: Vec<Ban> = rules.into_iter().map(|rule| Ban { sequence, namespace: scope.clone(), rule }).collect();
        if !self.bans.have_room(&bans) {
            if self.config.store {
                let message = "there are too many bans: look through the entries, delete those that are banned, and reap the bans";
                return Err(Error::new(ErrorCode::Full, message));
            }
            self.look_through();
        }
        let hit = if let [ban] = bans.as_slice() { self.count_hits(ban) } else { None };
        self.remove_unnumbered(&bans);
        bans.into_iter().try_for_each(|ban| self.bans.add(ban))?;
        self.sequence = self.sequence.max(sequence);
        Ok(Banned { sequence, hit, record: self.bans_record(sequence, now) })
    }

    /// Takes over the bans of a record that [`ban`](Self::ban) or [`reap_bans`](Self::reap_bans) answered with, in this or
    /// another process, in place of all that are known. Entries in memory that bans have hit which are in neither list, because
    /// they came and were reaped in between, go with all others of their age.
    ///
    /// # Errors
    /// `Corrupt`, `NewerFormat`, `AnotherKey` when it is no record of bans. All bans that were known stay.
    pub fn take_bans(&mut self, record: &[u8]) -> Result<()> {
        let opened = self.open_record(record)?;
        if opened.head.namespace != BANS_NAMESPACE || opened.head.key != BANS_KEY {
            return Err(Error::new(ErrorCode::AnotherKey, "the record does not hold bans"));
        }
        let bans = Bans::decode(&opened.value)?;
        let version = opened.head.meta.version;
        let known = self.bans.known();
        let new: Vec<Ban> = bans.all().iter().filter(|ban| ban.sequence > known).cloned().collect();
        self.remove_unnumbered(&new);
        if bans.reaped() > known {
            // Among them may be some that were never known here.
            self.remove_where(|slot| slot.version() < bans.reaped());
        } else if bans.reaped() > self.bans.reaped() {
            self.remove_banned();
        }
        self.bans = bans;
        self.sequence = self.sequence.max(version);
        Ok(())
    }

    /// Forgets the bans with numbers up to `until`: the caller guarantees that no entry they match is left, except in this
    /// engine's memory. With a store the answer is a record of the remaining bans, of version `sequence`, to be persisted.
    ///
    /// # Errors
    /// `InvalidArgument` for a sequence number out of range.
    pub fn reap_bans(&mut self, until: u64, now: u64, sequence: Option<u64>) -> Result<Vec<u8>> {
        let sequence = self.next_version(sequence)?;
        self.remove_banned();
        self.bans.reap(until);
        self.sequence = self.sequence.max(sequence);
        Ok(self.bans_record(sequence, now))
    }

    /// Whether the entry of a record is banned. Its first bytes are enough: the body need not be there.
    ///
    /// # Errors
    /// `Corrupt`, `NewerFormat`.
    pub fn is_banned(&self, record: &[u8]) -> Result<bool> {
        let head = record::decode_head(record)?;
        Ok(self.bans.cover(&head.as_subject()))
    }

    /// How many bans there are.
    pub fn bans(&self) -> u32 {
        self.bans.all().len() as u32
    }

    /// Whether the entry in a slot is banned.
    #[inline]
    pub(super) fn covers(&self, slot: &Slot) -> bool {
        slot.version() < self.bans.newest() && self.bans.cover(&self.subject(slot))
    }

    fn subject<'a>(&'a self, slot: &'a Slot) -> Subject<'a> {
        Subject {
            version: slot.version(),
            namespace: self.namespaces.name(slot.namespace),
            key: slot.key(),
            fields: slot.fields(),
        }
    }

    /// Removes what new bans concern and what their numbers do not tell from younger entries: those in memory only, which have
    /// numbers of this engine's own making.
    fn remove_unnumbered(&mut self, bans: &[Ban]) {
        let numbered = bans.first().is_none_or(|ban| ban.sequence > self.sequence);
        if numbered {
            return;
        }
        let is_unnumbered = |slot: &Slot| !self.config.store || slot.durability() == Durability::Memory;
        let concerned = |slot: &Slot| is_unnumbered(slot) && bans.iter().any(|ban| ban.concerns(&self.subject(slot)));
        let gone: Vec<u32> = self.slab.occupied_from(0).filter(|(_, slot)| concerned(slot)).map(|(id, _)| id).collect();
        gone.into_iter().for_each(|id| self.remove(id, Cause::Invalid));
    }

    /// Removes all entries that are banned; without a store no ban is needed any more then.
    fn look_through(&mut self) {
        self.remove_banned();
        self.bans = Bans::default();
    }

    fn remove_banned(&mut self) {
        let banned: Vec<u32> =
            self.slab.occupied_from(0).filter(|(_, slot)| self.covers(slot)).map(|(id, _)| id).collect();
        banned.into_iter().for_each(|id| self.remove(id, Cause::Invalid));
    }

    fn remove_where(&mut self, goes: impl Fn(&Slot) -> bool) {
        let gone: Vec<u32> = self.slab.occupied_from(0).filter(|(_, slot)| goes(slot)).map(|(id, _)| id).collect();
        gone.into_iter().for_each(|id| self.remove(id, Cause::Silent));
    }

    /// How many entries in memory a ban of a tag concerns.
    fn count_hits(&self, ban: &Ban) -> Option<u64> {
        let Rule::Tag(tag) = &ban.rule else { return None };
        let named = |name: &str| ban.namespace.as_deref().is_none_or(|wanted| wanted == name);
        let concerned = (0..).zip(self.namespaces.iter()).filter(|(_, namespace)| named(&namespace.name));
        Some(concerned.map(|(id, _)| self.tagged.count(self.hasher.tag(id, tag))).sum())
    }

    fn bans_record(&self, version: u64, now: u64) -> Vec<u8> {
        if !self.config.store {
            return Vec::new();
        }
        let value = self.bans.encode();
        let meta = Meta {
            codec: Codec::None,
            durability: Durability::Process,
            value_len: value.len(),
            version,
            created: now.min(NEVER),
            accessed: now.min(NEVER),
            expires: NEVER,
        };
        record::encode(&meta, BANS_NAMESPACE, &[], BANS_KEY, &value)
    }
}
