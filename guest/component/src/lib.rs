//! Larder's engine as a WebAssembly component. Converts and nothing else: what the calls mean is said in `wit/cache.wit`
//! and decided in `larder-engine`. Empty on other targets than Wasm, where a component's exports cannot be linked.
#![cfg(target_family = "wasm")]

mod borrowed;
mod convert;
mod keys;
mod pools;
mod prefetch;
mod simulation;

use std::cell::RefCell;

use larder_engine::{Config, Engine, PolicyKind};

use borrowed::Kept;

use bindings::exports::larder::cache::cache::{
    BanRule, Banned, Cache, Carried, Counted, EntryInfo, Estimate, Guest, GuestCache, Hit, Item, NamespaceDefault,
    Page, SetOption, Setting, Statistics, Stored, Summary, Times,
};
use bindings::exports::larder::cache::types::Error;
use convert::{Answer, Convert, defaults, options, settings};

mod bindings {
    #![allow(missing_docs, clippy::unwrap_used, clippy::undocumented_unsafe_blocks, unsafe_op_in_unsafe_fn)]
    wit_bindgen::generate!({
        path: "../../wit",
        world: "larder",
        generate_all,
        // The calls made most; `borrowed.rs` has them.
        skip: ["[method]cache.get", "[method]cache.get-short", "[method]cache.admit", "[method]cache.set", "pick"],
    });
    export!(Component with_types_in self);
    use super::Component;
}

struct Component;

/// A cache, and what the last answer that was not copied points to.
struct Instance(RefCell<Engine>, Kept);

impl Guest for Component {
    type Cache = Instance;

    fn matches(pattern: Vec<u8>, key: Vec<u8>) -> bool {
        larder_engine::matches(&pattern, &key)
    }

    fn describe(record: Vec<u8>) -> Result<EntryInfo, Error> {
        larder_engine::describe(&record).answer()
    }

    fn verify(record: Vec<u8>, limit: u32) -> Result<EntryInfo, Error> {
        larder_engine::verify(&record, limit as usize).answer()
    }
}

impl GuestCache for Instance {
    fn open(given: Vec<Setting>) -> Result<Cache, Error> {
        let engine = settings(Config::default(), given).and_then(Engine::open).map_err(convert::error)?;
        Ok(Cache::new(Self(RefCell::new(engine), Kept::default())))
    }

    fn namespace(&self, name: String) -> Result<u32, Error> {
        self.0.borrow_mut().namespace(&name).map_err(convert::error)
    }

    fn set_defaults(&self, namespace: u32, given: Vec<NamespaceDefault>) -> Result<(), Error> {
        self.0.borrow_mut().set_defaults(namespace, defaults(given)).map_err(convert::error)
    }

    fn exists(&self, namespace: u32, key: Vec<u8>, now: u64) -> Result<bool, Error> {
        self.0.borrow_mut().exists(namespace, &key, now).map_err(convert::error)
    }

    fn ttl(&self, namespace: u32, key: Vec<u8>, now: u64) -> Result<Option<Times>, Error> {
        self.0.borrow_mut().ttl(namespace, &key, now).answer()
    }

    fn inspect(&self, namespace: u32, key: Vec<u8>, now: u64) -> Result<Option<EntryInfo>, Error> {
        self.0.borrow_mut().inspect(namespace, &key, now).answer()
    }

    fn restore(&self, namespace: u32, record: Vec<u8>, now: u64, sequence: Option<u64>) -> Result<Stored, Error> {
        self.0.borrow_mut().restore(namespace, &record, now, sequence).answer()
    }

    fn add(
        &self,
        namespace: u32,
        key: Vec<u8>,
        value: Vec<u8>,
        given: Vec<SetOption>,
        stored: Option<Vec<u8>>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Option<Stored>, Error> {
        let mut engine = self.0.borrow_mut();
        engine.add(namespace, &key, &value, &options(given), stored.as_deref(), now, sequence).answer()
    }

    fn replace(
        &self,
        namespace: u32,
        key: Vec<u8>,
        value: Vec<u8>,
        given: Vec<SetOption>,
        stored: Option<Vec<u8>>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Option<Stored>, Error> {
        let mut engine = self.0.borrow_mut();
        engine.replace(namespace, &key, &value, &options(given), stored.as_deref(), now, sequence).answer()
    }

    fn compare_and_set(
        &self,
        namespace: u32,
        key: Vec<u8>,
        expected: u64,
        value: Vec<u8>,
        given: Vec<SetOption>,
        stored: Option<Vec<u8>>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Option<Stored>, Error> {
        let mut engine = self.0.borrow_mut();
        let options = options(given);
        engine.compare_and_set(namespace, &key, expected, &value, &options, stored.as_deref(), now, sequence).answer()
    }

    fn increment(
        &self,
        namespace: u32,
        key: Vec<u8>,
        delta: i64,
        given: Vec<SetOption>,
        stored: Option<Vec<u8>>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Counted, Error> {
        let mut engine = self.0.borrow_mut();
        engine.increment(namespace, &key, delta, &options(given), stored.as_deref(), now, sequence).answer()
    }

    fn touch(
        &self,
        namespace: u32,
        key: Vec<u8>,
        ttl: Option<u64>,
        stored: Option<Vec<u8>>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Option<Stored>, Error> {
        self.0.borrow_mut().touch(namespace, &key, ttl, stored.as_deref(), now, sequence).answer()
    }

    fn delete(&self, namespace: u32, key: Vec<u8>, stored: Option<Vec<u8>>, now: u64) -> Result<bool, Error> {
        self.0.borrow_mut().delete(namespace, &key, stored.as_deref(), now).map_err(convert::error)
    }

    fn forget(&self, namespace: u32, key: Vec<u8>) -> Result<(), Error> {
        self.0.borrow_mut().forget(namespace, &key).map_err(convert::error)
    }

    fn get_many(&self, namespace: u32, keys: Vec<Vec<u8>>, now: u64) -> Result<Vec<Option<Hit>>, Error> {
        self.0.borrow_mut().get_many(namespace, keys.iter().map(Vec::as_slice), now).answer()
    }

    fn set_many(
        &self,
        namespace: u32,
        items: Vec<Item>,
        now: u64,
        sequence: Option<u64>,
    ) -> Vec<Result<Stored, Error>> {
        let items: Vec<_> = items.into_iter().map(convert::item).collect();
        let outcomes = self.0.borrow_mut().set_many(namespace, &items, now, sequence);
        outcomes.into_iter().map(Answer::answer).collect()
    }

    fn delete_many(&self, namespace: u32, keys: Vec<Vec<u8>>, now: u64) -> Result<Vec<bool>, Error> {
        self.0.borrow_mut().delete_many(namespace, keys.iter().map(Vec::as_slice), now).map_err(convert::error)
    }

    fn ban(
        &self,
        namespace: Option<u32>,
        rules: Vec<BanRule>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Banned, Error> {
        let rules = rules.into_iter().map(convert::rule).collect();
        self.0.borrow_mut().ban(namespace, rules, now, sequence).answer()
    }

    fn take_bans(&self, record: Vec<u8>) -> Result<(), Error> {
        self.0.borrow_mut().take_bans(&record).map_err(convert::error)
    }

    fn reap_bans(&self, until: u64, now: u64, sequence: Option<u64>) -> Result<Vec<u8>, Error> {
        self.0.borrow_mut().reap_bans(until, now, sequence).map_err(convert::error)
    }

    fn is_banned(&self, record: Vec<u8>) -> Result<bool, Error> {
        self.0.borrow().is_banned(&record).map_err(convert::error)
    }

    fn bans(&self) -> u32 {
        self.0.borrow().bans()
    }

    fn scan(&self, namespace: Option<u32>, prefix: Vec<u8>, cursor: u32, limit: u32, now: u64) -> Result<Page, Error> {
        self.0.borrow().scan(namespace, &prefix, cursor, limit, now).answer()
    }

    fn clear(&self, namespace: Option<u32>) -> Result<u32, Error> {
        self.0.borrow_mut().clear(namespace).map_err(convert::error)
    }

    fn cleanup(&self, now: u64, limit: u32) -> u32 {
        self.0.borrow_mut().cleanup(now, limit)
    }

    fn maintain(&self, now: u64, budget: u32) -> u32 {
        self.0.borrow_mut().maintain(now, budget)
    }

    fn next_expiry(&self) -> Option<u64> {
        self.0.borrow().next_expiry()
    }

    fn resize(&self, max_bytes: u64, now: u64) -> u32 {
        self.0.borrow_mut().resize(max_bytes, now)
    }

    fn carry(&self, cursor: u32, size: u32, now: u64) -> Carried {
        self.0.borrow_mut().carry(cursor, size, now).convert()
    }

    fn evict(&self, count: u32) -> u32 {
        self.0.borrow_mut().evict(count)
    }

    fn evict_unlikely(
        &self,
        namespace: u32,
        predictions: Vec<(Vec<u8>, f64)>,
        count: u32,
        now: u64,
    ) -> Result<u32, Error> {
        self.0.borrow_mut().evict_unlikely(namespace, &predictions, count, now).map_err(convert::error)
    }

    fn expect(&self, namespace: u32, predictions: Vec<(Vec<u8>, f64)>, now: u64) -> Result<u32, Error> {
        self.0.borrow_mut().expect(namespace, &predictions, now).map_err(convert::error)
    }

    fn set_policy(&self, name: String) -> Result<(), Error> {
        let policy = PolicyKind::parse(&name).map_err(convert::error)?;
        self.0.borrow_mut().set_policy(policy);
        Ok(())
    }

    fn stats(&self, namespace: Option<u32>) -> Result<Statistics, Error> {
        self.0.borrow().stats(namespace).answer()
    }

    fn advice(&self) -> Vec<Estimate> {
        self.0.borrow().advice().convert()
    }

    fn judge(&self, candidates: Vec<Summary>, needed: u64, now: u64) -> Vec<u32> {
        let candidates: Vec<_> = candidates.iter().map(convert::summary).collect();
        self.0.borrow().judge(&candidates, needed, now)
    }

    fn check(&self) -> Result<(), Error> {
        self.0.borrow().check().map_err(convert::error)
    }
}
