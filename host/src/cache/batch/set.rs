//! Writing many entries.

use std::sync::MutexGuard;
use std::time::Instant;

use super::super::negative::refuse_reserved;
use super::super::options::{Durability, SetOptions, Written};
use super::super::{Cache, lock};
use super::PART_BYTES;
use crate::component::bindings::api;
use crate::error::{Error, Result};
use crate::shard::Shard;
use crate::store::{Claim, Put, SyncPoint, Transaction};

/// Bytes that an entry takes on disk besides its names and its value: frame, padding, index line, record header, checksums.
const OVERHEAD: usize = 56 + 8 + 40 + 56 + 16;

/// An entry to be written.
struct Entry<'a> {
    key: &'a [u8],
    value: &'a [u8],
    hash: u64,
}

/// What entries of a batch have in common.
struct Common {
    given: Vec<api::SetOption>,
    durability: Durability,
    /// Bytes that each takes besides key and value, at most.
    overhead: usize,
    /// Entries that take more are written one by one.
    limit: usize,
    now: u64,
}

impl Common {
    fn size(&self, entry: &Entry<'_>) -> usize {
        entry.key.len().saturating_add(entry.value.len()).saturating_add(self.overhead)
    }
}

impl Cache {
    /// Stores several values, in order; each has its own outcome. Of a key that comes twice the last value stays. What takes
    /// more than a megabyte, or a quarter of a segment of the store's log, is written as by [`set_with`](Self::set_with);
    /// as is everything in a cache that counts its entries on disk, or whose policy is `ttl`. With [`Durability::Sync`] all are
    /// made to last together, at the end.
    pub fn set_many<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        entries: impl IntoIterator<Item = (K, V)>,
        options: &SetOptions,
    ) -> Vec<Result<Written>> {
        let entries: Vec<(K, V)> = entries.into_iter().collect();
        let entries: Vec<Entry<'_>> = entries
            .iter()
            .map(|(key, value)| (key.as_ref(), value.as_ref()))
            .map(|(key, value)| Entry { key, value, hash: self.hash(key) })
            .collect();
        if let Err(e) = refuse_reserved(options) {
            return entries.iter().map(|_| Err(e.again())).collect();
        }
        let common = self.common(options);
        let mut outcomes = Vec::with_capacity(entries.len());
        let mut point = None;
        let mut rest = &entries[..];
        while let Some(first) = rest.first() {
            let mut bytes = 0_usize;
            let fitting = rest.iter().take_while(|entry| {
                bytes = bytes.saturating_add(common.size(entry));
                bytes <= common.limit
            });
            let count = fitting.count();
            if count == 0 || !self.may_be_one_batch(&common, &rest[..count]) {
                // What is alone in its part, or may not be in one.
                outcomes.push(self.set_with(first.key, first.value, options));
                rest = &rest[1..];
                continue;
            }
            outcomes.extend(self.set_part(&common, &rest[..count], &mut point));
            rest = &rest[count..];
        }
        if let (Some(store), Some(point)) = (&self.inner.store, point)
            && let Err(e) = store.sync(&point)
        {
            outcomes.iter_mut().filter(|outcome| outcome.is_ok()).for_each(|outcome| *outcome = Err(e.again()));
        }
        outcomes
    }

    fn common(&self, options: &SetOptions) -> Common {
        let inner = &*self.inner;
        let durability = options.durability.unwrap_or(inner.durability);
        let name = inner.namespaces.name(self.id).map_or(0, |name| name.len());
        let limit = match &inner.store {
            None => PART_BYTES,
            Some(_) if inner.spares_the_living.load(std::sync::atomic::Ordering::Relaxed) => 0,
            Some(store) => store.batch_size() as usize,
        };
        Common {
            given: options.to_wit(durability),
            durability,
            overhead: options.size() + name + OVERHEAD,
            limit,
            now: inner.clock.now(),
        }
    }

    /// What lasts in memory only has no business with the store, unless the store holds something under one of its keys.
    fn may_be_one_batch(&self, common: &Common, entries: &[Entry<'_>]) -> bool {
        let Some(store) = self.inner.store.as_ref().filter(|_| common.durability == Durability::Memory) else {
            return true;
        };
        self.refresh(store, common.now);
        entries.iter().all(|entry| matches!(store.find(entry.hash, common.now), Ok(None)))
    }

    fn set_part(&self, common: &Common, entries: &[Entry<'_>], point: &mut Option<SyncPoint>) -> Vec<Result<Written>> {
        let inner = &*self.inner;
        let mut transaction = match self.begin_part(common, entries) {
            Ok(transaction) => transaction,
            Err(reason) => {
                // As single writes do: each counts, and fails if memory is not enough for it.
                let refused = |_| self.degrade(common.durability, reason.again());
                let refused: Vec<_> = entries.iter().map(refused).filter_map(Result::err).collect();
                if !refused.is_empty() {
                    return refused.into_iter().map(Err).collect();
                }
                None
            }
        };
        let (stored, guards) = self.set_in_memory(common, entries, transaction.as_ref());
        let lasts = match (&inner.store, &mut transaction) {
            (Some(_), Some(open)) => self.append_part(common, entries, &stored, open),
            (Some(store), None) => {
                let written = entries.iter().zip(&stored).filter(|(_, stored)| stored.is_ok());
                written.for_each(|(entry, _)| store.hide(entry.hash));
                Ok(Durability::Memory)
            }
            (None, _) => Ok(Durability::Memory),
        };
        if let (Some(open), Ok(Durability::Sync)) = (&transaction, &lasts) {
            *point = Some(open.sync_point());
        }
        drop(guards);
        drop(transaction);
        let outcomes = entries.iter().zip(stored).map(|(entry, stored)| {
            self.count(entry.hash);
            let version = stored?.version;
            let durability = match &lasts {
                Ok(durability) => *durability,
                Err(reason) => self.degrade(common.durability, reason.again()).map(|()| Durability::Memory)?,
            };
            self.record_write(entry.key, entry.value.len());
            Ok(Written { version, durability })
        });
        outcomes.collect()
    }

    fn begin_part(&self, common: &Common, entries: &[Entry<'_>]) -> Result<Option<Transaction<'_>>> {
        let inner = &*self.inner;
        let Some(store) = inner.store.as_ref().filter(|_| common.durability != Durability::Memory) else {
            return Ok(None);
        };
        let bytes = entries.iter().map(|entry| common.size(entry) as u64).sum();
        // Without a hash nobody asks whether one entry more has room: `common` has seen to it that it need not be asked.
        store.begin(Claim { bytes, hash: None, adds: false }, inner, inner).map(Some)
    }

    /// Has the guests write; answers with the shards still locked if the log is to be written.
    fn set_in_memory(
        &self,
        common: &Common,
        entries: &[Entry<'_>],
        transaction: Option<&Transaction<'_>>,
    ) -> (Vec<Result<api::Stored>>, Vec<MutexGuard<'_, Shard>>) {
        let inner = &*self.inner;
        let mut guards = Vec::new();
        let mut sequence = transaction.map(Transaction::next_sequence);
        let mut outcomes: Vec<Option<Result<api::Stored>>> = entries.iter().map(|_| None).collect();
        for (number, places) in self.by_shard(entries.iter().map(|entry| entry.hash)) {
            let mut shard = lock(&inner.shards[number]);
            let forgot = places.iter().try_for_each(|place| {
                let entry = &entries[*place];
                self.forget_outdated(&mut shard, entry.hash, entry.key, common.now).map(drop)
            });
            let item = |place: &usize| api::Item {
                key: entries[*place].key.to_vec(),
                value: entries[*place].value.to_vec(),
                options: common.given.clone(),
            };
            let items: Vec<_> = places.iter().map(item).collect();
            let began = Instant::now();
            let answers = forgot.and_then(|()| {
                inner.call_again(&mut shard, self.id, |g| {
                    let methods = g.larder.larder_cache_cache();
                    let cache = methods.cache();
                    cache.call_set_many(&mut g.store, g.cache, self.id, &items, common.now, sequence).map(Ok)
                })
            });
            sequence = sequence.map(|sequence| sequence + places.len() as u64);
            match answers {
                Ok(answers) => {
                    self.count_compression(&items, &answers, began);
                    places.iter().zip(answers).for_each(|(place, answer)| {
                        outcomes[*place] = Some(answer.map_err(Error::from));
                    });
                }
                Err(e) => places.iter().for_each(|place| outcomes[*place] = Some(Err(e.again()))),
            }
            if transaction.is_some() {
                guards.push(shard);
            }
        }
        let missing = || Err(Error::new(crate::ErrorKind::Internal, "the component did not answer for every entry"));
        (outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(missing)).collect(), guards)
    }

    fn count_compression(
        &self,
        items: &[api::Item],
        answers: &[std::result::Result<api::Stored, crate::component::bindings::types::Error>],
        began: Instant,
    ) {
        let smaller = items.iter().zip(answers).any(|(item, answer)| {
            answer.as_ref().is_ok_and(|stored| (1..item.value.len()).contains(&stored.record.len()))
        });
        if smaller {
            let took = began.elapsed().as_nanos() as u64;
            self.inner.count_more(self.id, |counters| counters.compress_ns += took);
        }
    }

    fn append_part(
        &self,
        common: &Common,
        entries: &[Entry<'_>],
        stored: &[Result<api::Stored>],
        open: &mut Transaction<'_>,
    ) -> Result<Durability> {
        let sync = common.durability == Durability::Sync;
        let written =
            entries.iter().zip(stored).filter_map(|(entry, stored)| Some((entry.hash, stored.as_ref().ok()?)));
        let mut puts: Vec<Put<'_>> = written
            .map(|(hash, api::Stored { version, gone, record })| Put {
                hash,
                namespace: self.hash,
                record,
                version: *version,
                gone: *gone,
                sync,
                now: common.now,
            })
            .collect();
        // The order of the log is that of the versions.
        puts.sort_by_key(|put| put.version);
        open.put_many(&puts).inspect_err(|_| puts.iter().for_each(|put| open.hide(put.hash)))?;
        Ok(common.durability)
    }
}
