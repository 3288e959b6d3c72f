//! An engine without a store beside the oracle: every answer, every counter, after every call.

use larder_engine::{Config, Engine, Hit, Item, NamespaceDefaults, Result, Stored};

use crate::ops::{Call, NAMESPACES, Op, PLAIN};
use crate::oracle::{Answer, Key, Oracle, PREDICTABLE};

/// Makes the calls and compares.
pub fn run(config: Config, calls: &[Call]) {
    let mut oracle = Oracle::new(&config);
    let mut engine = Engine::open(config).expect("valid settings");
    for (number, name) in NAMESPACES.iter().enumerate() {
        assert_eq!(engine.namespace(name), Ok(number as u32), "namespaces are numbered in order");
    }
    let mut now = 1_000_000u64;
    for call in calls {
        now = now.saturating_add_signed(call.step);
        let at = (call.namespace, call.key.clone());
        // A host numbers writes above the bans that were before them.
        let from = |off| (oracle.highest + 1).saturating_add_signed(off).max(oracle.newest_ban() + 1);
        let sequence = call.sequence.map(|off| oracle.unused(from(off)));
        step(&mut engine, &mut oracle, &at, sequence, now, &call.op);
        engine.check().unwrap_or_else(|what| panic!("after {call:?}: {what}"));
        for namespace in 0..NAMESPACES.len() as u32 {
            let statistics = engine.stats(Some(namespace)).expect("known namespace");
            assert_eq!(statistics, oracle.statistics(namespace), "statistics of {namespace} after {call:?}");
        }
        assert_eq!(engine.next_expiry(), oracle.next_expiry(), "next expiry after {call:?}");
    }
    let mut sum = larder_engine::Statistics::default();
    (0..NAMESPACES.len() as u32).for_each(|namespace| sum.add(&oracle.statistics(namespace)));
    assert_eq!(engine.stats(None), Ok(sum), "the statistics of all namespaces");
}

fn step(engine: &mut Engine, oracle: &mut Oracle, at: &Key, sequence: Option<u64>, now: u64, op: &Op) {
    let (ns, key) = (at.0, at.1.as_slice());
    match op {
        Op::Get => {
            let hit = engine.get(ns, key, now).expect("known namespace").map(Hit::into_owned);
            assert_eq!(hit.map(without_renew), oracle.get(at, now));
        }
        Op::Set(value, options) => {
            let answer = code(engine.set(ns, key, value, options, now, sequence));
            let drawn = drawn(engine, oracle, at, options.ttl, answer.is_ok(), now);
            assert_eq!(answer, oracle.set(at, value, options, now, sequence, drawn));
        }
        Op::Add(value, options) => {
            let answer = code(engine.add(ns, key, value, options, None, now, sequence));
            let drawn = drawn(engine, oracle, at, options.ttl, wrote(&answer), now);
            assert_eq!(answer, oracle.set_if(at, value, options, now, sequence, drawn, |live| live.is_none()));
        }
        Op::Replace(value, options) => {
            let answer = code(engine.replace(ns, key, value, options, None, now, sequence));
            let drawn = drawn(engine, oracle, at, options.ttl, wrote(&answer), now);
            assert_eq!(answer, oracle.set_if(at, value, options, now, sequence, drawn, |live| live.is_some()));
        }
        Op::CompareAndSet(off, value, options) => {
            let expected = oracle.entries.get(at).map_or(0, |entry| entry.version) + off;
            let answer = code(engine.compare_and_set(ns, key, expected, value, options, None, now, sequence));
            let drawn = drawn(engine, oracle, at, options.ttl, wrote(&answer), now);
            let condition = |live| live == Some(expected);
            assert_eq!(answer, oracle.set_if(at, value, options, now, sequence, drawn, condition));
        }
        Op::Increment(delta, options) => {
            let answer = code(engine.increment(ns, key, *delta, options, None, now, sequence));
            let created = answer.is_ok() && oracle.entries.get(at).is_none_or(|entry| oracle.is_dead(at, entry, now));
            let drawn = drawn(engine, oracle, at, options.ttl, created, now);
            assert_eq!(answer, oracle.increment(at, *delta, options, now, sequence, drawn));
        }
        Op::Touch(ttl) => {
            assert_eq!(
                code(engine.touch(ns, key, *ttl, None, now, sequence)),
                Ok(oracle.touch(at, *ttl, now, sequence))
            );
        }
        Op::Delete => assert_eq!(code(engine.delete(ns, key, None, now)), Ok(oracle.delete(at, now))),
        Op::Forget => {
            engine.forget(ns, key).expect("known namespace");
            oracle.entries.remove(at);
        }
        Op::Inspect => {
            let expected = oracle.live(at, now).map(|entry| entry.info(at));
            assert_eq!(code(engine.inspect(ns, key, now)), Ok(expected));
        }
        Op::Exists => assert_eq!(code(engine.exists(ns, key, now)), Ok(oracle.live(at, now).is_some())),
        Op::GetMany(keys) => {
            let hits = engine.get_many(ns, keys.iter().map(Vec::as_slice), now).expect("known namespace");
            let expected: Vec<_> = keys.iter().map(|key| oracle.get(&(ns, key.clone()), now)).collect();
            assert_eq!(hits.into_iter().map(|hit| hit.map(without_renew)).collect::<Vec<_>>(), expected);
        }
        Op::SetMany(items) => {
            let answers: Vec<_> = engine.set_many(PLAIN, items, now, sequence).into_iter().map(code).collect();
            let set = |(place, item): (usize, &Item)| {
                let sequence = sequence.map(|first| first + place as u64);
                oracle.set(&(PLAIN, item.key.clone()), &item.value, &item.options, now, sequence, None)
            };
            assert_eq!(answers, items.iter().enumerate().map(set).collect::<Vec<_>>());
        }
        Op::DeleteMany(keys) => {
            let answers = code(engine.delete_many(ns, keys.iter().map(Vec::as_slice), now));
            assert_eq!(answers, Ok(keys.iter().map(|key| oracle.delete(&(ns, key.clone()), now)).collect()));
        }
        Op::Scan(namespace, prefix, limit) => {
            let mut seen = scan_to_the_end(engine, *namespace, prefix, *limit, now);
            seen.sort_by(|a, b| (number(&a.namespace), &a.key).cmp(&(number(&b.namespace), &b.key)));
            assert_eq!(seen, oracle.scan(*namespace, prefix, now));
        }
        Op::Clear(namespace) => assert_eq!(code(engine.clear(*namespace)), Ok(oracle.clear(*namespace))),
        Op::Cleanup(limit) => {
            let mut left = oracle.cleanup(now);
            while left > 0 {
                let gone = engine.cleanup(now, *limit);
                assert_eq!(gone, left.min(*limit), "cleanup with a limit of {limit}");
                left -= gone;
            }
            assert_eq!(engine.cleanup(now, *limit), 0, "nothing more to clean up");
        }
        Op::Evict(count) => assert_eq!(engine.evict(*count), oracle.evict(*count)),
        Op::Maintain(budget) => assert_eq!(engine.maintain(now, *budget), 0, "the cold tier is off"),
        Op::Ban(namespace, rules) => {
            let banned = engine.ban(*namespace, rules.clone(), now, None).expect("rules within their limits");
            assert_eq!((banned.sequence, banned.record), (oracle.ban(*namespace, rules), Vec::new()));
        }
        Op::Defaults(defaults) => {
            let jitter = if ns == PLAIN { 0 } else { defaults.jitter };
            let defaults = NamespaceDefaults { jitter, ..defaults.clone() };
            engine.set_defaults(ns, defaults.clone()).expect("valid defaults");
            oracle.defaults[ns as usize] = defaults;
        }
        Op::Switch(place) => {
            let policy = PREDICTABLE[place % PREDICTABLE.len()];
            engine.set_policy(policy);
            oracle.switch(policy);
        }
        Op::Reopen => {}
    }
}

/// The expiry that the engine drew for an entry just written, if there was a choice; checks that it was allowed to.
fn drawn(
    engine: &mut Engine,
    oracle: &Oracle,
    at: &Key,
    ttl: Option<u64>,
    written: bool,
    now: u64,
) -> Option<Option<u64>> {
    let defaults = &oracle.defaults[at.0 as usize];
    let ttl = ttl.or(defaults.ttl).filter(|_| defaults.jitter > 0 && written)?;
    let expires = engine.inspect(at.0, &at.1, now).expect("known namespace").expect("just written").expires;
    let (earliest, latest) = oracle.may_expire(at, ttl, now);
    let never = |time: Option<u64>| time.unwrap_or(u64::MAX);
    let allowed = never(earliest)..=never(latest);
    assert!(allowed.contains(&never(expires)), "expires at {expires:?}, allowed is {allowed:?}");
    Some(expires)
}

/// All entries of a scan; an empty page is fine, a page above the limit or a scan without end is not.
pub fn scan_to_the_end(
    engine: &Engine,
    namespace: Option<u32>,
    prefix: &[u8],
    limit: u32,
    now: u64,
) -> Vec<larder_engine::EntryInfo> {
    let (mut seen, mut cursor) = (Vec::new(), Some(0));
    while let Some(from) = cursor {
        let page = engine.scan(namespace, prefix, from, limit, now).expect("known namespace");
        assert!(page.entries.len() <= limit.max(1) as usize, "a page holds at most {limit} entries");
        assert!(page.next.is_none_or(|next| next > from), "the cursor moves on");
        seen.extend(page.entries);
        cursor = page.next;
    }
    seen
}

pub fn number(name: &str) -> usize {
    NAMESPACES.iter().position(|known| *known == name).expect("a namespace of this test")
}

fn wrote(answer: &Answer<Option<Stored>>) -> bool {
    matches!(answer, Ok(Some(_)))
}

pub fn code<T>(answer: Result<T>) -> Answer<T> {
    answer.map_err(|refusal| refusal.code)
}

pub fn without_renew(hit: Hit<'static>) -> Hit<'static> {
    Hit { renew: false, ..hit }
}
