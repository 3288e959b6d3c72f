//! The test plays the host of an engine with a store. Whatever the memory tier loses, reads answer the exact bytes of
//! the newest completed write, or a miss when that was deleted or is over. Two kinds of entries may go earlier: those
//! written to last in memory only, and those with an idle time-out whose record was not renewed lately.

use std::collections::BTreeMap;

use larder_engine::{
    Codec, Config, Durability, Engine, EntryInfo, ErrorCode, Hit, NamespaceDefaults, PolicyKind, SetOptions, Stored,
    describe,
};
use proptest::prelude::*;

use crate::memory::{code, number, scan_to_the_end, without_renew};
use crate::ops::{Call, NAMESPACES, Op};
use crate::oracle::{Answer, Entry, Key, in_force, later};

/// What hosts do differently.
#[derive(Debug, Clone, Copy)]
pub struct Habits {
    /// Numbers its writes itself, and only then may open an engine anew over its store.
    numbers: bool,
    /// Passes the record along even if the memory tier has the entry.
    always_passes: bool,
}

pub fn habits() -> impl Strategy<Value = Habits> {
    any::<(bool, bool)>().prop_map(|(numbers, always_passes)| Habits { numbers, always_passes })
}

/// What is true of an entry.
struct Known {
    entry: Entry,
    /// When its record is over, and when it was written; `None` for an entry in memory only.
    record: Option<(Option<u64>, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Is {
    There,
    Gone,
    /// Only the memory tier would know.
    Either,
}

struct Host {
    habits: Habits,
    config: Config,
    engine: Engine,
    numbers: [u32; NAMESPACES.len()],
    defaults: Vec<NamespaceDefaults>,
    records: BTreeMap<Key, Vec<u8>>,
    truth: BTreeMap<Key, Known>,
    /// The record of all bans.
    bans: Option<Vec<u8>>,
    highest: u64,
    now: u64,
    /// Reads made and records admitted since the engine was opened.
    counted: (u64, u64),
}

/// Makes the calls and compares.
pub fn run(config: &Config, habits: Habits, calls: &[Call]) {
    let mut host = Host {
        habits,
        config: config.clone(),
        engine: Engine::open(config.clone()).expect("valid settings"),
        numbers: [0; NAMESPACES.len()],
        defaults: vec![NamespaceDefaults::default(); NAMESPACES.len()],
        records: BTreeMap::new(),
        truth: BTreeMap::new(),
        bans: None,
        highest: 0,
        now: 1_000_000,
        counted: (0, 0),
    };
    host.open(config.clone());
    for call in calls {
        host.now = host.now.saturating_add_signed(call.step);
        host.step(&(call.namespace, call.key.clone()), &call.op);
        host.engine.check().unwrap_or_else(|what| panic!("after {call:?}: {what}"));
        let stats = host.engine.stats(None).expect("of all");
        let (reads, admitted) = host.counted;
        assert_eq!((stats.hits + stats.misses, stats.admitted), (reads, admitted), "reads counted after {call:?}");
    }
    let all: Vec<Key> = host.truth.keys().cloned().collect();
    for at in all {
        host.read(&at);
    }
}

impl Host {
    fn open(&mut self, config: Config) {
        self.engine = Engine::open(config).expect("valid settings");
        self.counted = (0, 0);
        if let Some(bans) = &self.bans {
            self.engine.take_bans(bans).expect("the host's own record");
        }
        // The numbers differ from one opening to the next.
        for place in (0..NAMESPACES.len()).rev() {
            let name = NAMESPACES[(place + self.highest as usize) % NAMESPACES.len()];
            self.numbers[number(name)] = self.engine.namespace(name).expect("valid name");
        }
        for (place, defaults) in self.defaults.iter().enumerate() {
            self.engine.set_defaults(self.numbers[place], defaults.clone()).expect("valid defaults");
        }
    }

    fn number(&self, at: &Key) -> u32 {
        self.numbers[at.0 as usize]
    }

    fn state(&self, at: &Key) -> Is {
        match self.truth.get(at) {
            None => Is::Gone,
            Some(known) if known.entry.is_gone(self.now) => Is::Gone,
            Some(Known { record: Some((gone, _)), .. }) if gone.is_none_or(|gone| gone > self.now) => Is::There,
            Some(_) => Is::Either,
        }
    }

    /// Reads as a host does: the memory tier, then the store.
    fn read(&mut self, at: &Key) -> bool {
        let hit = self.engine.get(self.number(at), &at.1, self.now).expect("known namespace").map(Hit::into_owned);
        self.counted.0 += 1;
        self.finish_read(at, hit)
    }

    fn finish_read(&mut self, at: &Key, from_memory: Option<Hit<'static>>) -> bool {
        let (state, namespace) = (self.state(at), self.number(at));
        let hit = from_memory.or_else(|| {
            let record = self.records.get(at)?;
            match self.engine.admit(namespace, &at.1, record, self.now) {
                Ok(hit) => {
                    self.counted.1 += 1;
                    Some(hit.into_owned())
                }
                Err(refusal) => {
                    let known = matches!(refusal.code, ErrorCode::Expired | ErrorCode::Invalidated);
                    assert!(known, "the host's own record: {refusal}");
                    self.records.remove(at);
                    None
                }
            }
        });
        let Some(hit) = hit else {
            assert_ne!(state, Is::There, "{at:?} was lost");
            self.truth.remove(at);
            return false;
        };
        assert_ne!(state, Is::Gone, "{at:?} came back: {hit:?}");
        let known = self.truth.get_mut(at).expect("not gone");
        let renew = hit.renew;
        assert_eq!(without_renew(hit), known.entry.hit(self.now));
        known.entry.accessed = known.entry.accessed.max(self.now);
        // Whose first use it may be. That it is renewed then is seen elsewhere.
        let is_prefetched = known.entry.options.prefetched;
        if let (Some(idle), Some((_, written))) = (known.entry.options.tti, known.record) {
            let age = self.now.saturating_sub(written);
            assert!(renew || age <= idle / 2, "record not renewed for {age} of {idle} ms, and {at:?} is being read");
            assert!(!renew || age > 0 || is_prefetched, "a new record needs no renewal");
        }
        let may_renew = known.entry.options.tti.is_some() || is_prefetched;
        assert!(!renew || may_renew, "nothing to renew without an idle time-out");
        if renew {
            // Of a batch, the entry may have made room for another one since it was read.
            let there = self.state(at) == Is::There || self.engine.exists(namespace, &at.1, self.now) == Ok(true);
            self.touch(at, None, there);
            if !there {
                self.records.remove(at);
                self.truth.remove(at);
            }
        }
        true
    }

    /// Whether a live entry is there, found out by reading if nothing else tells.
    fn settle(&mut self, at: &Key) -> bool {
        match self.state(at) {
            Is::There => true,
            Is::Gone => false,
            Is::Either => self.read(at),
        }
    }

    /// The record to pass along.
    fn passed(&mut self, at: &Key) -> Option<Vec<u8>> {
        let namespace = self.number(at);
        if !self.habits.always_passes && self.engine.exists(namespace, &at.1, self.now).expect("known namespace") {
            return None;
        }
        self.records.get(at).cloned()
    }

    fn next(&self) -> Option<u64> {
        self.habits.numbers.then_some(self.highest + 1)
    }

    fn new_entry(&self, at: &Key, value: &[u8], options: &SetOptions) -> Entry {
        Entry::new(value, in_force(options, &self.defaults[at.0 as usize]), self.now, 0)
    }

    /// Whether the engine must take this entry.
    fn verdict(&self, at: &Key, entry: &Entry) -> Answer<()> {
        let fits = entry.charge(&at.1) <= self.config.max_bytes && self.config.max_entries != Some(0);
        if entry.value.len() > self.config.max_entry_size {
            Err(ErrorCode::TooLarge)
        } else if entry.options.ttl == Some(0) || entry.options.tti == Some(0) {
            Err(ErrorCode::InvalidArgument)
        } else if !fits && entry.options.durability == Durability::Memory {
            Err(ErrorCode::TooLarge)
        } else {
            Ok(())
        }
    }

    /// Whether memory alone is to hold the entry and may have no room for it.
    fn may_be_refused(&self, entry: &Entry) -> bool {
        self.config.policy == PolicyKind::Ttl && entry.options.durability == Durability::Memory
    }

    /// Persists what a write answered, and believes it.
    fn wrote(&mut self, at: &Key, mut entry: Entry, version: u64, stored: Stored) {
        assert_eq!((stored.version, stored.gone), (version, entry.gone()));
        self.highest = self.highest.max(version);
        entry.version = version;
        let in_memory_only = entry.options.durability == Durability::Memory;
        assert_eq!(stored.record.is_empty(), in_memory_only, "a record exactly for what must last");
        if in_memory_only {
            self.records.remove(at);
            self.truth.insert(at.clone(), Known { entry, record: None });
            return;
        }
        let said = describe(&stored.record).expect("a sound record");
        let size = stored.record.len() as u64;
        // Whether it was used is in the record of those who used it, and written with the next touch.
        let EntryInfo { codec, prefetched, .. } = said;
        assert!(!prefetched || entry.options.prefetched);
        assert_eq!(EntryInfo { codec, prefetched, hits: 0, size, ..entry.info(at) }, said);
        if entry.value.len() < self.config.compression_threshold {
            assert_eq!(said.codec, Codec::None, "too small to be compressed");
        }
        self.records.insert(at.clone(), stored.record);
        self.truth.insert(at.clone(), Known { record: Some((stored.gone, self.now)), entry });
    }

    fn touch(&mut self, at: &Key, ttl: Option<u64>, there: bool) {
        let record = self.passed(at);
        let answer = self.engine.touch(self.number(at), &at.1, ttl, record.as_deref(), self.now, self.next());
        let answer = answer.expect("a valid touch");
        assert_eq!(answer.is_some(), there, "touch of {at:?}");
        if let Some(stored) = answer {
            let entry = self.truth[at].entry.clone();
            let expires = ttl.map_or(entry.expires, |ttl| later(Some(self.now), ttl));
            self.wrote(at, Entry { accessed: self.now, expires, ..entry }, self.highest + 1, stored);
        }
    }

    /// Compares a write that was to happen if `wanted`.
    fn conditional(&mut self, at: &Key, entry: Entry, wanted: bool, answer: Answer<Option<Stored>>) {
        if wanted && self.may_be_refused(&entry) && answer == Err(ErrorCode::Full) {
            return;
        }
        assert_eq!(
            answer.as_ref().map(Option::is_some).map_err(|code| *code),
            self.verdict(at, &entry).map(|()| wanted)
        );
        if let Ok(Some(stored)) = answer {
            self.wrote(at, entry, self.highest + 1, stored);
        }
    }

    fn step(&mut self, at: &Key, op: &Op) {
        let (ns, key, now, next) = (self.number(at), at.1.as_slice(), self.now, self.next());
        match op {
            Op::Get => {
                self.read(at);
            }
            Op::GetMany(keys) => {
                let mut keys = keys.clone();
                keys.sort();
                keys.dedup();
                let hits = self.engine.get_many(ns, keys.iter().map(Vec::as_slice), now).expect("known namespace");
                self.counted.0 += keys.len() as u64;
                for (key, hit) in keys.into_iter().zip(hits) {
                    self.finish_read(&(at.0, key), hit);
                }
            }
            Op::Set(value, options) => {
                let answer = code(self.engine.set(ns, key, value, options, now, next)).map(Some);
                self.conditional(at, self.new_entry(at, value, options), true, answer);
            }
            Op::SetMany(items) => {
                let answers = self.engine.set_many(ns, items, now, next);
                assert_eq!(answers.len(), items.len());
                for (place, (item, answer)) in items.iter().zip(answers).enumerate() {
                    let at = (at.0, item.key.clone());
                    let entry = self.new_entry(&at, &item.value, &item.options);
                    if self.may_be_refused(&entry) && code(answer.clone()) == Err(ErrorCode::Full) {
                        continue;
                    }
                    assert_eq!(code(answer.clone()).map(|_| ()), self.verdict(&at, &entry));
                    let version = next.map_or(self.highest + 1, |first| first + place as u64);
                    if let Ok(stored) = answer {
                        self.wrote(&at, entry, version, stored);
                    }
                }
            }
            Op::Add(value, options) => {
                let (there, record) = (self.settle(at), self.passed(at));
                let next = self.next();
                let answer = code(self.engine.add(ns, key, value, options, record.as_deref(), now, next));
                self.conditional(at, self.new_entry(at, value, options), !there, answer);
            }
            Op::Replace(value, options) => {
                let (there, record) = (self.settle(at), self.passed(at));
                let next = self.next();
                let answer = code(self.engine.replace(ns, key, value, options, record.as_deref(), now, next));
                self.conditional(at, self.new_entry(at, value, options), there, answer);
            }
            Op::CompareAndSet(off, value, options) => {
                let (there, record) = (self.settle(at), self.passed(at));
                let expected = self.truth.get(at).map_or(0, |known| known.entry.version) + off;
                let (next, record) = (self.next(), record.as_deref());
                let answer = code(self.engine.compare_and_set(ns, key, expected, value, options, record, now, next));
                self.conditional(at, self.new_entry(at, value, options), there && *off == 0, answer);
            }
            Op::Increment(delta, options) => self.increment(at, *delta, options),
            Op::Touch(ttl) => {
                let there = self.settle(at);
                self.touch(at, *ttl, there);
            }
            Op::Delete => self.delete(at),
            Op::DeleteMany(keys) => keys.iter().for_each(|key| self.delete(&(at.0, key.clone()))),
            Op::Forget => self.engine.forget(ns, key).expect("known namespace"),
            Op::Exists => {
                let in_memory = self.engine.exists(ns, key, now).expect("known namespace");
                assert!(!in_memory || self.state(at) != Is::Gone, "{at:?} exists and should not");
            }
            Op::Inspect => {
                if let Some(info) = self.engine.inspect(ns, key, now).expect("known namespace") {
                    self.compare_info(info);
                }
            }
            Op::Scan(namespace, prefix, limit) => {
                let wanted = namespace.map(|place| self.numbers[place as usize]);
                let seen = scan_to_the_end(&self.engine, wanted, prefix, *limit, now);
                let mut keys: Vec<_> = seen.iter().map(|info| (info.namespace.clone(), info.key.clone())).collect();
                keys.sort();
                keys.dedup();
                assert_eq!(keys.len(), seen.len(), "an entry was seen twice");
                seen.into_iter().for_each(|info| self.compare_info(info));
            }
            Op::Clear(namespace) => {
                let wanted = namespace.map(|place| self.numbers[place as usize]);
                let there = self.engine.stats(wanted).expect("known namespace").entries;
                assert_eq!(code(self.engine.clear(wanted)), Ok(there as u32));
                assert_eq!(self.engine.stats(wanted).expect("known namespace").entries, 0);
            }
            Op::Cleanup(limit) => assert!(self.engine.cleanup(now, *limit) <= *limit),
            Op::Evict(count) => {
                let there = match self.config.policy {
                    PolicyKind::Ttl => 0,
                    _ => self.engine.stats(None).expect("of all").entries,
                };
                assert_eq!(u64::from(self.engine.evict(*count)), there.min(u64::from(*count)));
            }
            Op::Maintain(budget) => {
                let before = self.engine.stats(None).expect("of all");
                self.engine.maintain(now, *budget);
                let after = self.engine.stats(None).expect("of all");
                assert!(after.bytes <= before.bytes && after.entries == before.entries, "{before:?} became {after:?}");
            }
            Op::Defaults(defaults) => {
                let defaults = NamespaceDefaults { jitter: 0, ..defaults.clone() };
                self.engine.set_defaults(ns, defaults.clone()).expect("valid defaults");
                self.defaults[at.0 as usize] = defaults;
            }
            Op::Ban(namespace, rules) => {
                let scope = namespace.map(|place| self.numbers[place as usize]);
                let banned = self.engine.ban(scope, rules.clone(), now, next).expect("rules within their limits");
                self.highest += 1;
                assert_eq!(banned.sequence, self.highest);
                self.bans = Some(banned.record);
                self.truth.retain(|(ns, key), known| {
                    namespace.is_some_and(|scope| scope != *ns)
                        || !rules.iter().any(|rule| known.entry.is_meant(key, rule))
                });
            }
            Op::Switch(place) => {
                self.config.policy = PolicyKind::ALL[place % PolicyKind::ALL.len()];
                self.engine.set_policy(self.config.policy);
            }
            Op::Reopen if self.habits.numbers => {
                let config = Config { seed: self.config.seed + 1, ..self.config.clone() };
                self.config = config.clone();
                self.open(config);
            }
            Op::Reopen => {}
        }
    }

    fn increment(&mut self, at: &Key, delta: i64, options: &SetOptions) {
        let (there, record) = (self.settle(at), self.passed(at));
        let (namespace, next) = (self.number(at), self.next());
        let answer = self.engine.increment(namespace, &at.1, delta, options, record.as_deref(), self.now, next);
        let expected = if there { self.truth[at].entry.plus(delta) } else { Ok(delta) };
        let Ok(sum) = expected else {
            assert_eq!(code(answer).map(|_| ()), Err(ErrorCode::NotANumber));
            return;
        };
        let text = sum.to_string().into_bytes();
        let entry = match self.truth.get(at).filter(|_| there) {
            Some(known) => Entry { value: text, accessed: self.now, ..known.entry.clone() },
            None => self.new_entry(at, &text, options),
        };
        let answer = code(answer).map(|(answered, stored)| {
            assert_eq!(answered, sum, "the sum of {at:?}");
            Some(stored)
        });
        self.conditional(at, entry, true, answer);
    }

    fn delete(&mut self, at: &Key) {
        let (there, record) = (self.settle(at), self.passed(at));
        let answer = self.engine.delete(self.number(at), &at.1, record.as_deref(), self.now);
        assert_eq!(code(answer), Ok(there), "delete of {at:?}");
        self.records.remove(at);
        self.truth.remove(at);
    }

    /// What the memory tier says of an entry must be true of it.
    fn compare_info(&self, info: EntryInfo) {
        let at = (number(&info.namespace) as u32, info.key.clone());
        assert_ne!(self.state(&at), Is::Gone, "{at:?} is known and should not be");
        let known = &self.truth[&at];
        let mut entry = Entry { accessed: info.accessed, hits: info.hits, ..known.entry.clone() };
        assert!(!info.prefetched || entry.options.prefetched, "nobody prefetched it");
        entry.options.prefetched = info.prefetched;
        assert!(info.accessed <= known.entry.accessed, "accessed later than ever");
        let expected = entry.info(&at);
        if info.codec == Codec::None {
            assert_eq!(info, expected);
            return;
        }
        assert!(info.size < expected.size, "what was compressed takes less: {info:?}");
        assert_eq!(EntryInfo { codec: Codec::None, size: expected.size, ..info }, expected);
    }
}
