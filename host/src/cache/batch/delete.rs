//! Deleting many entries.

use std::hash::RandomState;
use std::sync::MutexGuard;

use hashbrown::HashSet;

use super::super::options::Durability;
use super::super::write::delete;
use super::super::{Cache, lock};
use super::{PART_KEYS, part};
use crate::error::Result;
use crate::shard::Shard;
use crate::store::{Claim, Store, Transaction};

/// A part of a batch, and what became of it.
#[derive(Default)]
struct Part<'a> {
    keys: &'a [&'a [u8]],
    hashes: Vec<u64>,
    now: u64,
    deleted: Vec<bool>,
    /// What the log has to be told: hash, namespace, whether it is to survive power loss.
    marks: Vec<(u64, u64, bool)>,
    marked: HashSet<u64, RandomState>,
}

impl Cache {
    /// Deletes several entries, in order; for each whether a live one was there.
    ///
    /// # Errors
    /// As [`delete`](Self::delete); what was deleted before stays deleted.
    pub fn delete_many<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<Vec<bool>> {
        let keys: Vec<K> = keys.into_iter().collect();
        let keys: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        let deleted = self.delete_all(&keys);
        self.inner.flights.outdate(Some(self.id), |it| keys.contains(&it));
        deleted
    }

    fn delete_all(&self, keys: &[&[u8]]) -> Result<Vec<bool>> {
        let Some(store) = &self.inner.store else { return self.delete_from_memory(keys) };
        let limit = store.deletions_at_once().clamp(1, PART_KEYS);
        let mut deleted = Vec::with_capacity(keys.len());
        for keys in keys.chunks(limit) {
            let part = self.delete_part(store, keys);
            keys.iter().for_each(|key| self.count(self.hash(key)));
            deleted.extend(part?);
        }
        Ok(deleted)
    }

    fn delete_from_memory(&self, keys: &[&[u8]]) -> Result<Vec<bool>> {
        let inner = &*self.inner;
        let now = inner.clock.now();
        let mut deleted = vec![false; keys.len()];
        for (shard, places) in self.by_shard(keys.iter().map(|key| self.hash(key))) {
            let mut rest = &places[..];
            while !rest.is_empty() {
                let (now_places, later) = rest.split_at(part(rest.iter().map(|place| keys[*place].len())));
                let asked: Vec<Vec<u8>> = now_places.iter().map(|place| keys[*place].to_vec()).collect();
                let answers = inner.call_again(&mut lock(&inner.shards[shard]), self.id, |g| {
                    let methods = g.larder.larder_cache_cache();
                    methods.cache().call_delete_many(&mut g.store, g.cache, self.id, &asked, now)
                })?;
                now_places.iter().zip(answers).for_each(|(place, existed)| deleted[*place] = existed);
                rest = later;
            }
        }
        Ok(deleted)
    }

    fn delete_part(&self, store: &Store, keys: &[&[u8]]) -> Result<Vec<bool>> {
        let inner = &*self.inner;
        let now = inner.clock.now();
        let hashes: Vec<u64> = keys.iter().map(|key| self.hash(key)).collect();
        let mut transaction = match store.begin(Claim::default(), inner, inner) {
            Ok(transaction) => transaction,
            Err(e) => {
                for (key, hash) in keys.iter().zip(hashes) {
                    store.hide(hash);
                    inner.on_shard(inner.shard(hash), self.id, |g| delete(g, self.id, key, None, now))?;
                }
                return Err(e);
            }
        };
        let mut part = Part { keys, hashes, now, deleted: vec![false; keys.len()], ..Part::default() };
        let (done, guards) = self.delete_from_shards(store, &transaction, &mut part);
        // What is gone from memory must not come back, whatever became of the others.
        transaction.delete_many(&part.marks)?;
        let point = part.marks.iter().any(|(_, _, sync)| *sync).then(|| transaction.sync_point());
        drop(guards);
        drop(transaction);
        point.map_or(Ok(()), |point| store.sync(&point))?;
        done.map(|()| part.deleted)
    }

    /// Deletes from memory and collects what the log has to be told; answers with the shards still locked.
    fn delete_from_shards(
        &self,
        store: &Store,
        transaction: &Transaction<'_>,
        part: &mut Part<'_>,
    ) -> (Result<()>, Vec<MutexGuard<'_, Shard>>) {
        let mut guards = Vec::new();
        for (shard, places) in self.by_shard(part.hashes.iter().copied()) {
            let mut shard = lock(&self.inner.shards[shard]);
            let mut places = places.into_iter();
            let done = places.try_for_each(|place| self.delete_from_shard(store, transaction, &mut shard, part, place));
            guards.push(shard);
            if done.is_err() {
                return (done, guards);
            }
        }
        (Ok(()), guards)
    }

    fn delete_from_shard(
        &self,
        store: &Store,
        transaction: &Transaction<'_>,
        shard: &mut Shard,
        part: &mut Part<'_>,
        place: usize,
    ) -> Result<()> {
        let inner = &*self.inner;
        let (key, hash, now) = (part.keys[place], part.hashes[place], part.now);
        self.forget_outdated(shard, hash, key, now)?;
        // A key that comes twice has nothing left in the log, though the log does not say so yet.
        let found = if part.marked.contains(&hash) { None } else { transaction.find(hash)? };
        let record = found.as_ref().and_then(|at| store.read(at).ok());
        part.deleted[place] = inner.call_again(shard, self.id, |g| delete(g, self.id, key, record.as_deref(), now))?;
        let outlives = found.is_some() || transaction.is_hidden(hash) || transaction.has_given_up();
        if outlives && part.marked.insert(hash) {
            let sync = self.was_sync(shard, record.as_deref()) || inner.durability == Durability::Sync;
            part.marks.push((hash, self.hash, sync));
        }
        Ok(())
    }
}
