//! An engine, its pool, and its host's store beside the reference: every operation happens to both.

use std::collections::{BTreeMap, BTreeSet};

use larder_engine::pools::{Choice, CombinationInfo, Dimension, NewVariant, Plan, Pool, Value};
use larder_engine::{Config, Engine, ErrorCode, Rule, SetOptions};

use crate::known::{Known, Place, Variant};
use crate::ops::Op;

const START: u64 = 1_750_000_000_000;
/// The combination's key.
pub const KEY: &[u8] = b"pool:a=b";
/// The longest that a retry may lie ahead.
pub const LONGEST_RETRY: u64 = 1_800_000;

/// Engine and reference.
pub struct World {
    pub engine: Engine,
    /// Records by key, if there is a store.
    store: Option<BTreeMap<Vec<u8>, Vec<u8>>>,
    bans: Vec<Vec<u8>>,
    sequence: u64,
    seed: u64,
    pub now: u64,
    pub pool: Pool,
    pub known: Known,
}

fn plan(per_generation: u32, cap: u32) -> Plan {
    let values = vec![Value { text: "b".to_owned(), literal: false }];
    Plan { dimensions: vec![Dimension { name: "a".to_owned(), values }], per_generation, cap, ..Plan::default() }
}

fn opened(has_store: bool, max_bytes: u64, seed: u64) -> Engine {
    let config = Config { store: has_store, max_bytes, seed, ..Config::default() };
    let mut engine = Engine::open(config).expect("valid settings");
    engine.namespace("pools").expect("valid name");
    engine
}

/// The bytes that the number stands for: of different lengths, so that they take different space.
pub fn bytes(value: u8) -> Vec<u8> {
    vec![value; 1 + usize::from(value) * 7]
}

impl World {
    pub fn new(has_store: bool, max_bytes: u64, seed: u64) -> Self {
        Self {
            engine: opened(has_store, max_bytes, seed),
            store: has_store.then(BTreeMap::new),
            bans: Vec::new(),
            sequence: 0,
            seed,
            now: START,
            pool: Pool::define(None, plan(3, 12)).expect("valid"),
            known: Known::default(),
        }
    }

    pub fn has_store(&self) -> bool {
        self.store.is_some()
    }

    fn next_sequence(&mut self) -> Option<u64> {
        self.sequence += 2;
        self.has_store().then_some(self.sequence)
    }

    pub fn exists(&mut self, key: &[u8]) -> bool {
        self.engine.exists(0, key, self.now).expect("known namespace")
    }

    pub fn stored(&self) -> Option<Vec<u8>> {
        self.store.as_ref().and_then(|store| store.get(KEY).cloned())
    }

    fn persist(&mut self, key: &[u8], record: Vec<u8>) {
        if let Some(store) = &mut self.store {
            assert!(!record.is_empty(), "there is a store");
            store.insert(key.to_vec(), record);
        }
    }

    pub fn key_of((generation, entry): Place) -> Vec<u8> {
        format!("pool:a=b#{generation}.{entry}").into_bytes()
    }

    pub fn look(&mut self) -> CombinationInfo {
        let (stored, round) = (self.stored(), self.pool.round());
        self.engine.look(0, KEY, &round, LONGEST_RETRY, stored.as_deref(), self.now).expect("known namespace")
    }

    fn add(&mut self, place: Option<Place>, value: u8, score: Option<u8>) {
        let round = self.pool.round();
        let mut known = self.known.clone();
        known.join(&round);
        // A place of the round that somebody filled is not filled again.
        let is_taken = |place: &Place| {
            place.0 == round.generation && place.1 <= round.per_generation && known.variants.contains_key(place)
        };
        let wanted = place.filter(|place| !is_taken(place));
        let at = wanted.unwrap_or_else(|| known.free_place(&round, self.now));
        let (has_store, now) = (self.has_store(), self.now);
        let there: BTreeSet<_> = {
            let places: Vec<_> = known.variants.keys().copied().collect();
            places.into_iter().filter(|place| has_store || self.exists(&Self::key_of(*place))).collect()
        };
        let new = Variant { value, score, is_banned: false };
        let (is_duplicate, gone) = known.add(at, new, round.cap, |place| there.contains(&place));
        let options = SetOptions { tags: vec![format!("t{}", value % 3)], ..SetOptions::default() };
        let new = NewVariant { place, value: bytes(value), score: score.map(f64::from), options };
        let (stored, sequence) = (self.stored(), self.next_sequence());
        let added = match self.engine.add_variant(0, KEY, &round, &new, stored.as_deref(), now, sequence) {
            Ok(added) => added,
            Err(e) => return assert!(!has_store && e.code == ErrorCode::TooLarge, "{e:?}"),
        };
        assert_eq!((added.generation, added.entry, added.duplicate), (at.0, at.1, is_duplicate));
        assert_eq!(added.pruned, gone.iter().map(|place| Self::key_of(*place)).collect::<Vec<_>>(), "what went for it");
        assert_eq!(added.variant.is_some(), !is_duplicate && !gone.contains(&at));
        if let Some((key, written)) = added.variant {
            assert_eq!(key, Self::key_of(at));
            self.persist(&key, written.record);
        }
        self.persist(KEY, added.combination.record);
        for key in added.pruned {
            self.store.as_mut().and_then(|store| store.remove(&key));
        }
        self.known = known;
    }

    fn fail(&mut self, at: usize, delay: u64) {
        let (round, now, stored, sequence) = (self.pool.round(), self.now, self.stored(), self.next_sequence());
        let mut known = self.known.clone();
        known.join(&round);
        let (missing, retry_at) = (known.missing(), now + delay);
        // One that is not missing, when there are not so many.
        let entry = missing.get(at).copied().unwrap_or(1_000);
        let place = (round.generation, entry);
        let failed = self.engine.fail(0, KEY, &round, place, "no", retry_at, stored.as_deref(), now, sequence);
        match failed {
            Ok(None) => assert!(!missing.contains(&entry)),
            Ok(Some(written)) => {
                known.fail(entry, retry_at, now);
                self.persist(KEY, written.record);
                self.known = known;
            }
            Err(e) => assert!(!self.has_store() && e.code == ErrorCode::TooLarge, "{e:?}"),
        }
    }

    fn pick(&mut self, how: Choice) {
        let stored = self.stored();
        let picked = self.engine.pick(0, KEY, how, stored.as_deref(), self.now).expect("known namespace");
        let Some(picked) = picked else { return assert!(stored.is_none(), "a record of it was given") };
        if picked.variants == 0 {
            return assert!(picked.hit.is_none());
        }
        let place = (picked.generation, picked.entry);
        let variant = self.known.variants.get(&place).unwrap_or_else(|| panic!("{place:?} was not added, or went"));
        if let Some(hit) = picked.hit {
            assert!(!variant.is_banned, "{place:?} is banned");
            return assert_eq!(*hit.value, *bytes(variant.value), "byte for byte");
        }
        let (key, is_banned) = (Self::key_of(place), variant.is_banned);
        let expected = bytes(variant.value);
        let record = self.store.as_ref().expect("memory lacks it: there is a store").get(&key).cloned();
        let record = record.expect("a variant that did not go has a record");
        match self.engine.admit(0, &key, &record, self.now) {
            Ok(hit) => assert_eq!((&*hit.value, is_banned), (&*expected, false), "byte for byte"),
            Err(e) => {
                assert!(is_banned && e.code == ErrorCode::Invalidated, "{e:?}");
                let (now, sequence) = (self.now, self.next_sequence());
                let lost = self.engine.lose(0, KEY, place, stored.as_deref(), now, sequence).expect("fits");
                self.persist(KEY, lost.expect("it has it").record);
                self.store.as_mut().and_then(|store| store.remove(&key));
                self.known.variants.remove(&place);
            }
        }
    }

    pub fn step(&mut self, op: Op) {
        match op {
            Op::Tick(ms) => self.now = self.now.saturating_add_signed(ms),
            Op::Begin { force } => {
                let (before, was_due) = (self.pool.generation(), self.pool.next() <= self.now);
                let begun = self.pool.begin(self.now, force);
                assert!(begun || !(force || was_due));
                assert_eq!(self.pool.generation() > before, begun);
                assert!(!self.pool.begin(self.now, false), "not one round after the other");
            }
            Op::Add { value, score } => self.add(None, value, score),
            Op::AddAt { back, entry, value, score } => {
                let generation = self.pool.generation().saturating_sub(u64::from(back));
                self.add(Some((generation, entry)), value, score);
            }
            Op::MakeDue { value } => {
                if let Some(entry) = self.look().due.first() {
                    self.add(Some((self.pool.generation(), *entry)), value, Some(value % 4));
                }
            }
            Op::FailMissing { at, delay } => self.fail(at, delay),
            Op::Pick { weighted, no_repeats } => self.pick(Choice { weighted, no_repeats }),
            Op::Plan { per_generation, more } => {
                let plan = plan(per_generation, per_generation + more);
                self.pool = Pool::define(Some(self.pool.clone()), plan).expect("valid");
            }
            Op::Clear { regenerate } => {
                self.pool.clear(regenerate);
                self.engine.clear(Some(0)).expect("known namespace");
                self.store.iter_mut().for_each(BTreeMap::clear);
                self.known = Known::default();
            }
            Op::Ban { tag } => {
                let (now, sequence) = (self.now, self.next_sequence());
                let banned =
                    self.engine.ban(Some(0), vec![Rule::Tag(format!("t{tag}"))], now, sequence).expect("valid");
                self.bans.push(banned.record);
                let of_the_tag = self.known.variants.values_mut().filter(|variant| variant.value % 3 == tag);
                of_the_tag.for_each(|variant| variant.is_banned = true);
            }
            Op::Restart if self.has_store() => {
                self.seed += 1;
                self.engine = opened(true, 3_000, self.seed);
                let bans = self.bans.iter().filter(|record| !record.is_empty());
                bans.for_each(|record| self.engine.take_bans(record).expect("sound"));
            }
            Op::Restart => self.engine.forget(0, KEY).expect("known namespace"),
        }
        self.pool = Pool::decode(&self.pool.encode()).expect("as it was written");
    }
}
