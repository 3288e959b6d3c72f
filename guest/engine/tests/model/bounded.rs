//! What is true under every policy, whoever it lets go: a read answers the last value written or nothing, the bounds hold
//! after every call, and whatever went without being asked to is in the statistics.

use std::collections::{BTreeMap, BTreeSet};

use larder_engine::{Config, Engine, Hit, PolicyKind, Statistics};

use crate::memory::{code, number, scan_to_the_end};
use crate::ops::{Call, NAMESPACES, Op};
use crate::oracle::Key;

struct Bounded {
    engine: Engine,
    config: Config,
    /// The last value written under each key.
    truth: BTreeMap<Key, Vec<u8>>,
    now: u64,
}

/// What a call was to do to the entries that are there.
#[derive(Default)]
struct Effect {
    /// The entry that it wrote.
    wrote: Option<Key>,
    /// Those that it was to remove.
    removed: BTreeSet<Key>,
}

/// Makes the calls; if `tidy`, what is over goes before each, so that nothing else can explain an entry less.
pub fn run(config: Config, tidy: bool, calls: &[Call]) {
    let engine = Engine::open(config.clone()).expect("valid settings");
    let mut bounded = Bounded { engine, config, truth: BTreeMap::new(), now: 1_000_000 };
    NAMESPACES.iter().for_each(|name| assert!(bounded.engine.namespace(name).is_ok()));
    for call in calls {
        bounded.now = bounded.now.saturating_add_signed(call.step);
        if tidy {
            bounded.engine.cleanup(bounded.now, u32::MAX);
        }
        let (before, counted) = (bounded.there(), bounded.statistics());
        let effect = bounded.step(&(call.namespace, call.key.clone()), &call.op, &before);
        bounded.check_bounds(call);
        if tidy {
            bounded.check_account(call, before, counted, effect);
        }
    }
}

impl Bounded {
    fn statistics(&self) -> Statistics {
        self.engine.stats(None).expect("of all")
    }

    /// The keys of all entries that are there and not over.
    fn there(&self) -> BTreeSet<Key> {
        let seen = scan_to_the_end(&self.engine, None, b"", 100, self.now);
        seen.into_iter().map(|info| (number(&info.namespace) as u32, info.key)).collect()
    }

    fn check_bounds(&self, call: &Call) {
        self.engine.check().unwrap_or_else(|what| panic!("after {call:?}: {what}"));
        let Statistics { entries, bytes, .. } = self.statistics();
        assert!(bytes <= self.config.max_bytes, "{bytes} bytes after {call:?}");
        assert!(self.config.max_entries.is_none_or(|max| entries <= max.into()), "{entries} entries after {call:?}");
    }

    /// What was there, and came, and went, is what is there.
    fn check_account(&self, call: &Call, before: BTreeSet<Key>, counted: Statistics, effect: Effect) {
        let (after, now_counted) = (self.there(), self.statistics());
        let evicted = |s: &Statistics| s.evicted_bytes + s.evicted_entries + s.evicted_asked;
        let reported = evicted(&now_counted) - evicted(&counted);
        assert_eq!(now_counted.expired, counted.expired, "nothing was over: {call:?}");
        let missing = before.iter().filter(|at| !after.contains(*at) && !effect.removed.contains(*at));
        let missing = missing.filter(|at| effect.wrote.as_ref() != Some(*at)).count();
        assert_eq!(missing as u64, reported, "entries that went and were not asked to, after {call:?}");
        let new: Vec<_> = after.iter().filter(|at| !before.contains(*at)).collect();
        assert!(new.iter().all(|at| Some(*at) == effect.wrote.as_ref()), "{new:?} came from nowhere");
        if let Some(at) = effect.wrote.filter(|_| self.takes_everything()) {
            assert!(after.contains(&at), "{at:?} was written and is not there");
        }
    }

    /// Whether what is written is always there afterwards; policies that compare newcomers with what is there may refuse.
    fn takes_everything(&self) -> bool {
        use PolicyKind::{ClockPro, Fifo, Gdsf, Lfu, Lru, Predicted, S3Fifo, Sieve, Ttl};
        matches!(self.config.policy, Lru | Fifo | Lfu | Ttl | Sieve | S3Fifo | ClockPro | Gdsf | Predicted)
    }

    fn wrote(&mut self, at: &Key, value: &[u8], happened: bool) -> Effect {
        if happened {
            self.truth.insert(at.clone(), value.to_vec());
        }
        Effect { wrote: happened.then(|| at.clone()), ..Effect::default() }
    }

    fn step(&mut self, at: &Key, op: &Op, before: &BTreeSet<Key>) -> Effect {
        let (ns, key, now) = (at.0, at.1.as_slice(), self.now);
        let is_there = before.contains(at);
        let engine = &mut self.engine;
        let only = |removed: bool| Effect { removed: removed.then(|| at.clone()).into_iter().collect(), wrote: None };
        match op {
            Op::Get | Op::GetMany(_) => {
                let hit = engine.get(ns, key, now).expect("known namespace").map(Hit::into_owned);
                assert_eq!(hit.is_some(), is_there, "a read and a scan agree");
                assert!(hit.is_none_or(|hit| *hit.value == self.truth[at]), "not the last value of {at:?}");
                Effect::default()
            }
            Op::Set(value, options) | Op::CompareAndSet(_, value, options) => {
                let happened = engine.set(ns, key, value, options, now, None).is_ok();
                self.wrote(at, value, happened)
            }
            Op::Add(value, options) => {
                let answer = code(engine.add(ns, key, value, options, None, now, None));
                assert!(answer != Ok(None) || is_there);
                self.wrote(at, value, matches!(answer, Ok(Some(_))))
            }
            Op::Replace(value, options) => {
                let answer = code(engine.replace(ns, key, value, options, None, now, None));
                assert!(answer != Ok(None) || !is_there);
                self.wrote(at, value, matches!(answer, Ok(Some(_))))
            }
            Op::Increment(delta, options) => {
                let answer = engine.increment(ns, key, *delta, options, None, now, None);
                let sum = answer.as_ref().map(|(sum, _)| sum.to_string()).unwrap_or_default();
                self.wrote(at, sum.as_bytes(), answer.is_ok())
            }
            Op::Touch(ttl) => {
                let touched = engine.touch(ns, key, *ttl, None, now, None).expect("a valid touch");
                assert_eq!(touched.is_some(), is_there);
                Effect { wrote: touched.map(|_| at.clone()), ..Effect::default() }
            }
            Op::Delete | Op::DeleteMany(_) => {
                assert_eq!(engine.delete(ns, key, None, now), Ok(is_there));
                only(is_there)
            }
            Op::Forget => {
                engine.forget(ns, key).expect("known namespace");
                only(is_there)
            }
            Op::Clear(namespace) => {
                engine.clear(*namespace).expect("known namespace");
                let covered = |at: &&Key| namespace.is_none_or(|cleared| cleared == at.0);
                Effect { removed: before.iter().filter(covered).cloned().collect(), wrote: None }
            }
            Op::Cleanup(limit) => {
                engine.cleanup(now, *limit);
                Effect::default()
            }
            Op::Maintain(budget) => {
                engine.maintain(now, *budget);
                Effect::default()
            }
            Op::Evict(count) => {
                assert!(engine.evict(*count) <= *count);
                Effect::default()
            }
            Op::Ban(namespace, rules) => {
                engine.ban(*namespace, rules.clone(), now, None).expect("rules within their limits");
                // So that what is banned is not counted as evicted later.
                engine.reap_bans(u64::MAX, now, None).expect("reaps");
                Effect { removed: before - &self.there(), wrote: None }
            }
            Op::Switch(place) => {
                let policy = PolicyKind::ALL[place % PolicyKind::ALL.len()];
                let statistics = engine.stats(None);
                engine.set_policy(policy);
                self.config.policy = policy;
                assert_eq!(self.engine.stats(None), statistics, "another policy changes nothing that is there");
                assert_eq!(&self.there(), before);
                Effect::default()
            }
            Op::SetMany(_) | Op::Inspect | Op::Exists | Op::Scan(..) | Op::Defaults(_) | Op::Reopen => {
                Effect::default()
            }
        }
    }
}
