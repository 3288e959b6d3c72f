//! Pools over the memory tier: picking, adding, noting failures. What is known of a combination is the value of an entry;
//! every operation reads it, changes it and writes it as one step, and a variant is written together with it.

use alloc::borrow::ToOwned;
use alloc::vec::Vec;

use super::read::hit_of;
use super::worth::Judgement;
use super::write::Draft;
use super::{Cause, Engine, Hit, Stored};
use crate::config::{Durability, SetOptions};
use crate::error::{Error, ErrorCode, Result};
use crate::namespace::NamespaceId;
use crate::pools::{
    CONTENT_TYPE, Choice, CombinationInfo, Lines, NewVariant, Round, State, info_of, variant_key, write_variant_key,
};
use crate::record::fields;
use crate::time::NEVER;

/// A variant that was picked.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Picked<'a> {
    /// Its generation, Unix seconds; 0 if there is none.
    pub generation: u64,
    /// Its number within the generation.
    pub entry: u32,
    /// How many variants the combination has.
    pub variants: u32,
    /// The variant; `None` when the memory tier lacks it.
    pub hit: Option<Hit<'a>>,
}

/// What adding a variant did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Added {
    /// The combination had a variant of the same bytes: nothing was stored but that.
    pub duplicate: bool,
    /// The variant's generation, Unix seconds.
    pub generation: u64,
    /// Its number.
    pub entry: u32,
    /// Its entry's key and write; `None` for a duplicate, and for one that is itself among the pruned.
    pub variant: Option<(Vec<u8>, Stored)>,
    /// The write of what is known of the combination.
    pub combination: Stored,
    /// Keys of variants that went for it, the oldest first.
    pub pruned: Vec<Vec<u8>>,
}

impl Engine {
    /// Picks a variant of a combination. `None` when the memory tier does not know it and `stored`, its record, is not given. Where the
    /// variant itself is not in memory, a host with a store looks for it under [`variant_key`], offers it to
    /// [`admit`](Self::admit), and calls [`lose`](Self::lose) if there is none; without a store that is done here. Counts as a read
    /// of the variant.
    ///
    /// # Errors
    /// `UnknownNamespace`; `NewerFormat` when `stored` cannot be judged.
    pub fn pick(
        &mut self,
        namespace: NamespaceId,
        combination: &[u8],
        how: Choice,
        stored: Option<&[u8]>,
        now: u64,
    ) -> Result<Option<Picked<'_>>> {
        let ns = self.known_namespace(namespace)?;
        loop {
            let chosen = match (self.find_live(ns, combination, now), stored) {
                (Some(id), _) => self.pick_from_slot(id, how, now),
                (None, Some(record)) => self.pick_from_record(namespace, combination, record, how, now)?,
                (None, None) => return Ok(None),
            };
            let Some((generation, entry, variants)) = chosen else { return Ok(Some(Picked::default())) };
            let mut key = core::mem::take(&mut self.picker.key);
            write_variant_key(combination, generation, entry, &mut key);
            let found = self.find_for_reading(ns, &key, now);
            self.picker.key = key;
            if found.is_none() && !self.config.store {
                // It went for lack of space, or was made invalid; so may others have been.
                let left = self.forget_gone(ns, combination, stored, now)?;
                match left > 0 && self.find_live(ns, combination, now).is_some() {
                    true => continue,
                    false => return Ok(Some(Picked::default())),
                }
            }
            let hit = found.map(|found| hit_of(self.slab.slot(found.id), found));
            return Ok(Some(Picked { generation, entry, variants, hit }));
        }
    }

    /// Generation, number, and how many there are.
    fn pick_from_slot(&mut self, id: u32, how: Choice, now: u64) -> Option<(u64, u32, u32)> {
        let inflated = if self.slab.slot(id).is_packed() { Some(self.read_packed(id, now)?) } else { None };
        let slot = self.slab.slot(id);
        let lines = Lines::of(inflated.as_deref().unwrap_or(slot.body()));
        let lines = lines.filter(|_| slot.fields().content_type() == CONTENT_TYPE)?;
        let variants = lines.len() as u32;
        let (generation, entry) = self.picker.pick(&lines, how, slot.hash.into())?;
        self.note_use(id, now);
        Some((generation, entry, variants))
    }

    fn pick_from_record(
        &mut self,
        namespace: NamespaceId,
        combination: &[u8],
        record: &[u8],
        how: Choice,
        now: u64,
    ) -> Result<Option<(u64, u32, u32)>> {
        let admitted = match self.admit(namespace, combination, record, now) {
            Ok(hit) => hit.into_owned(),
            Err(e) if e.code == ErrorCode::NewerFormat => return Err(e),
            Err(_) => return Ok(None),
        };
        let Some(lines) = Lines::of(&admitted.value).filter(|_| admitted.content_type == CONTENT_TYPE) else {
            return Ok(None);
        };
        let hash = self.hasher.hash(self.known_namespace(namespace)?, combination);
        let picked = self.picker.pick(&lines, how, hash.into());
        Ok(picked.map(|(generation, entry)| (generation, entry, lines.len() as u32)))
    }

    /// Adds a variant; beyond the cap the oldest go. With a sequence number, the variant gets it as its version and the combination the
    /// one after; a duplicate leaves the combination with the first.
    ///
    /// # Errors
    /// `InvalidArgument` for a score or place outside its range; `NewerFormat` when what is stored of the combination cannot be
    /// judged; else as [`set`](Self::set). What was there before stays.
    #[expect(clippy::too_many_arguments, reason = "they are the call's own words; a struct would only rename them")]
    pub fn add_variant(
        &mut self,
        namespace: NamespaceId,
        combination: &[u8],
        round: &Round,
        new: &NewVariant,
        stored: Option<&[u8]>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Added> {
        new.validate()?;
        let ns = self.known_namespace(namespace)?;
        let mut state = self.state(ns, combination, stored, now)?.unwrap_or_default();
        state.join(round);
        let wanted = new.place.filter(|place| !(round.has(*place) && state.is_taken(*place)));
        let place = wanted.unwrap_or_else(|| state.free_place(round, now));
        let (generation, entry) = place;
        let hash = State::hash(&new.value);
        state.settle(place);
        let durability = new.options.durability;
        while let Some(twin) = state.twin(&hash, place) {
            if self.config.store || self.has_variant(ns, combination, twin, now) {
                state.count_duplicate();
                let combination = self.write_state(ns, combination, &state, durability, now, sequence)?;
                return Ok(Added {
                    duplicate: true,
                    generation,
                    entry,
                    variant: None,
                    combination,
                    pruned: Vec::new(),
                });
            }
            state.lose(twin);
        }
        state.insert(info_of(new, place, hash, now));
        let gone = state.prune(round.cap);
        let pruned: Vec<_> =
            gone.iter().map(|(generation, entry)| variant_key(combination, *generation, *entry)).collect();
        let key = variant_key(combination, generation, entry);
        if gone.contains(&place) {
            let combination = self.write_state(ns, combination, &state, durability, now, sequence)?;
            pruned.iter().for_each(|key| self.drop_silently(ns, key));
            return Ok(Added { duplicate: false, generation, entry, variant: None, combination, pruned });
        }
        // What would be refused of the combination is refused before the variant is written.
        let next = sequence.map(|sequence| sequence.saturating_add(1));
        let value = state.encode();
        self.state_draft(ns, combination, &value, durability, now)?;
        self.next_version(next)?;
        let variant = self.set(namespace, &key, &new.value, &new.options, now, sequence)?;
        let written = self.write_state(ns, combination, &state, durability, now, next);
        let combination = written.inspect_err(|_| self.drop_silently(ns, &key))?;
        pruned.iter().for_each(|key| self.drop_silently(ns, key));
        Ok(Added { duplicate: false, generation, entry, variant: Some((key, variant)), combination, pruned })
    }

    /// Notes that making a variant failed, and that it is to be tried again from `retry_at` (Unix milliseconds) on. `None` when it is
    /// not missing.
    ///
    /// # Errors
    /// As [`add_variant`](Self::add_variant).
    #[expect(clippy::too_many_arguments, reason = "they are the call's own words; a struct would only rename them")]
    pub fn fail(
        &mut self,
        namespace: NamespaceId,
        combination: &[u8],
        round: &Round,
        place: (u64, u32),
        reason: &str,
        retry_at: u64,
        stored: Option<&[u8]>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Option<Stored>> {
        let ns = self.known_namespace(namespace)?;
        let mut state = self.state(ns, combination, stored, now)?.unwrap_or_default();
        state.join(round);
        match state.fail(place, reason, retry_at, now) {
            true => self.write_state(ns, combination, &state, Durability::Process, now, sequence).map(Some),
            false => Ok(None),
        }
    }

    /// Forgets a variant whose entry is gone. `None` when the combination does not have it.
    ///
    /// # Errors
    /// As [`add_variant`](Self::add_variant).
    pub fn lose(
        &mut self,
        namespace: NamespaceId,
        combination: &[u8],
        (generation, entry): (u64, u32),
        stored: Option<&[u8]>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Option<Stored>> {
        let ns = self.known_namespace(namespace)?;
        let Some(mut state) = self.state(ns, combination, stored, now)? else { return Ok(None) };
        if !state.lose((generation, entry)) {
            return Ok(None);
        }
        self.drop_silently(ns, &variant_key(combination, generation, entry));
        self.write_state(ns, combination, &state, Durability::Process, now, sequence).map(Some)
    }

    /// What is known of a combination. `longest_retry` (milliseconds) is the longest that a retry may still lie ahead.
    ///
    /// # Errors
    /// `UnknownNamespace`; `NewerFormat` when what is stored of it cannot be judged.
    pub fn look(
        &mut self,
        namespace: NamespaceId,
        combination: &[u8],
        round: &Round,
        longest_retry: u64,
        stored: Option<&[u8]>,
        now: u64,
    ) -> Result<CombinationInfo> {
        let ns = self.known_namespace(namespace)?;
        let (state, broken) = match self.current(ns, combination, stored, now)? {
            Some(current) => match State::decode(&current.value) {
                Ok(state) => (state, false),
                Err(e) if e.code == ErrorCode::NewerFormat => return Err(e),
                Err(_) => (State::default(), true),
            },
            None => (State::default(), stored.is_some_and(|record| self.open_record(record).is_err())),
        };
        Ok(CombinationInfo { broken, ..state.info(round, longest_retry, now) })
    }

    /// The state of a combination; `None` when there is none, or none that can be used: then it is made anew.
    fn state(&mut self, ns: u16, combination: &[u8], stored: Option<&[u8]>, now: u64) -> Result<Option<State>> {
        let Some(current) = self.current(ns, combination, stored, now)? else { return Ok(None) };
        match State::decode(&current.value) {
            Ok(state) => Ok(Some(state)),
            Err(e) if e.code == ErrorCode::NewerFormat => Err(e),
            Err(_) => Ok(None),
        }
    }

    /// Strikes the variants that the memory tier lacks, and says how many are left.
    fn forget_gone(&mut self, ns: u16, combination: &[u8], stored: Option<&[u8]>, now: u64) -> Result<usize> {
        let Some(mut state) = self.state(ns, combination, stored, now)? else { return Ok(0) };
        let all = core::mem::take(&mut state.variants);
        state.variants = all.into_iter().filter(|it| self.has_variant(ns, combination, it.place(), now)).collect();
        self.write_state(ns, combination, &state, Durability::Process, now, None)?;
        Ok(state.variants.len())
    }

    fn has_variant(&mut self, ns: u16, combination: &[u8], (generation, entry): (u64, u32), now: u64) -> bool {
        let mut key = core::mem::take(&mut self.picker.key);
        write_variant_key(combination, generation, entry, &mut key);
        let is_there = self.find_live(ns, &key, now).is_some();
        self.picker.key = key;
        is_there
    }

    /// Defaults of the namespace are for variants: what is known of a combination does not end.
    fn state_draft<'a>(
        &mut self,
        namespace: u16,
        key: &'a [u8],
        value: &'a [u8],
        durability: Durability,
        now: u64,
    ) -> Result<Draft<'a>> {
        if key.is_empty() {
            return Err(Error::invalid("a combination has a key"));
        }
        let options = SetOptions { content_type: CONTENT_TYPE.to_owned(), ..SetOptions::default() };
        let fields = fields::encode(&options, None, None)?;
        let draft = Draft { namespace, key, value, fields, created: now, accessed: now, expires: NEVER, durability };
        self.check_fits(&draft).map_err(|e| self.counted(namespace, e))?;
        Ok(draft)
    }

    fn write_state(
        &mut self,
        ns: u16,
        key: &[u8],
        state: &State,
        durability: Durability,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Stored> {
        let value = state.encode();
        let draft = self.state_draft(ns, key, &value, durability, now)?;
        let version = self.next_version(sequence)?;
        self.write(&draft, version, now)
    }

    fn drop_silently(&mut self, ns: u16, key: &[u8]) {
        let hash = self.hasher.hash(ns, key);
        if let Some(id) = self.index.find(&self.slab, hash, ns, key) {
            self.remove(id, Cause::Silent);
        }
    }

    /// Tells the policy that an entry was of use, once a second: a combination is as often as all its variants together. Counts as no
    /// read.
    fn note_use(&mut self, id: u32, now: u64) {
        const SECOND: u64 = 1_000;
        let slot = self.slab.slot_mut(id);
        slot.set_read(true);
        let before = slot.accessed();
        if (before..before + SECOND).contains(&now) {
            return;
        }
        slot.set_accessed(now.max(before));
        let Self { policy, slab, config, patience, .. } = self;
        policy.accessed(id, &Judgement { slab, objective: config.objective, patience: *patience, now });
    }
}
