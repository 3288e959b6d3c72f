//! Reading many entries.

use super::super::background::{Due, seconds};
use super::super::depends;
use super::super::negative::Negative;
use super::super::{Cache, lock};
use super::part;
use crate::error::{Error, ErrorKind, Result};
use crate::store::Store;

/// What is known of a key's place in a batch.
enum Found {
    Hit(depends::Found),
    Nothing,
    /// Memory does not have it; whether it forgot an older one.
    NotInMemory(bool),
    Failed(Error),
}

impl Cache {
    /// The values under several keys, in order, each with its own outcome.
    ///
    /// ```
    /// # fn main() -> larder::Result<()> {
    /// let cache = larder::Cache::builder().open()?;
    /// cache.set("a", "1")?;
    /// let values: Vec<_> = cache.get_many(["a", "b"]).into_iter().collect::<Result<_, _>>()?;
    /// assert_eq!(values, [Some(b"1".to_vec()), None]);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// In each place as [`get`](Self::get).
    pub fn get_many<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Vec<Result<Option<Vec<u8>>>> {
        let keys: Vec<K> = keys.into_iter().collect();
        let keys: Vec<&[u8]> = keys.iter().map(AsRef::as_ref).collect();
        let hashes: Vec<u64> = keys.iter().map(|key| self.hash(key)).collect();
        let now = self.inner.clock.now();
        if let Some(store) = &self.inner.store {
            self.refresh(store, now);
        }
        let mut found: Vec<Found> = keys.iter().map(|_| Found::Nothing).collect();
        for (shard, places) in self.by_shard(hashes.iter().copied()) {
            let mut rest = &places[..];
            while !rest.is_empty() {
                let asked = &rest[..part(rest.iter().map(|place| keys[*place].len()))];
                let answered = self.get_part(shard, asked, &keys, &hashes, now, &mut found);
                rest = &rest[answered..];
            }
        }
        if let Some(store) = &self.inner.store {
            self.find_all_stored(store, &keys, &hashes, now, &mut found);
        }
        found
            .into_iter()
            .zip(keys)
            .zip(hashes)
            .map(|((found, key), hash)| self.settled(hash, key, found, now))
            .collect()
    }

    /// Asks one shard; answers for how many of the places, at least one.
    fn get_part(
        &self,
        shard: usize,
        places: &[usize],
        keys: &[&[u8]],
        hashes: &[u64],
        now: u64,
        found: &mut [Found],
    ) -> usize {
        let inner = &*self.inner;
        let mut dues: Vec<Due> = Vec::new();
        let mut shard = lock(&inner.shards[shard]);
        let forgot = places.iter().map(|place| self.forget_outdated(&mut shard, hashes[*place], keys[*place], now));
        let answers = forgot.collect::<Result<Vec<bool>>>().and_then(|forgot| {
            let asked: Vec<Vec<u8>> = places.iter().map(|place| keys[*place].to_vec()).collect();
            let hits = inner.call_again(&mut shard, self.id, |g| {
                g.larder.larder_cache_cache().cache().call_get_many(&mut g.store, g.cache, self.id, &asked, now)
            })?;
            if hits.is_empty() {
                return Err(Error::new(ErrorKind::Internal, "the component answered for none of the keys"));
            }
            Ok((hits, forgot))
        });
        let (hits, forgot) = match answers {
            Ok(answers) => answers,
            Err(e) => {
                places.iter().for_each(|place| found[*place] = Found::Failed(e.again()));
                return places.len();
            }
        };
        let answered = hits.len().min(places.len());
        for ((place, hit), forgot) in places.iter().zip(hits).zip(forgot) {
            if inner.store.is_some() {
                let read = hit.as_ref().map(|_| (hashes[*place], seconds(now)));
                dues.push(inner.count(&mut shard, self.id, read));
            }
            found[*place] = match hit {
                Some(hit) => match self.found(&mut shard, keys[*place], hit, None, now) {
                    Ok(hit) => Found::Hit(hit),
                    Err(e) => Found::Failed(e),
                },
                None => Found::NotInMemory(forgot),
            };
        }
        drop(shard);
        dues.into_iter().for_each(|due| inner.settle(due));
        answered
    }

    /// Reads what memory lacks, in the order of the log.
    fn find_all_stored(&self, store: &Store, keys: &[&[u8]], hashes: &[u64], now: u64, found: &mut [Found]) {
        let mut stored = Vec::new();
        for (place, found) in found.iter_mut().enumerate() {
            let Found::NotInMemory(forgot) = *found else { continue };
            match store.find(hashes[place], now) {
                Ok(None) => *found = Found::Nothing,
                Ok(Some(at)) => stored.push(((at.segment.number, at.line.offset), place, forgot)),
                // Whoever reads it says what is wrong.
                Err(_) => stored.push(((0, 0), place, forgot)),
            }
        }
        stored.sort_unstable();
        for (_, place, forgot) in stored {
            found[place] = match self.find_stored(store, hashes[place], keys[place], now, forgot) {
                Ok(Some(hit)) => Found::Hit(hit),
                Ok(None) => Found::Nothing,
                Err(e) => Found::Failed(e),
            };
        }
    }

    fn settled(&self, hash: u64, key: &[u8], found: Found, now: u64) -> Result<Option<Vec<u8>>> {
        let hit = match found {
            Found::Hit(hit) => self.accept(hash, key, hit, now)?,
            Found::Nothing | Found::NotInMemory(_) => None,
            Found::Failed(e) => return Err(e),
        };
        if hit.as_ref().is_some_and(|hit| hit.renew) {
            self.renew(key);
        }
        self.note_found(key, hit.as_ref());
        Ok(hit.filter(|hit| Negative::of(&hit.content_type).is_none()).map(|hit| hit.value))
    }
}
