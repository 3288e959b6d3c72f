//! Writing entries: the store is locked, the engine decides, the record is appended, all before anyone else can.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::options::{Durability, SetOptions, Written, millis};
use super::{Cache, lock};
use crate::component::bindings::{api, types};
use crate::error::{Error, ErrorKind, Result};
use crate::shard::{Answer, Guest};
use crate::store::{Claim, Put, Transaction};

/// What the engine answered to a write: a record to persist, if it wrote.
trait Outcome {
    fn stored(&self) -> Option<&api::Stored>;
}

impl Outcome for api::Stored {
    fn stored(&self) -> Option<&api::Stored> {
        Some(self)
    }
}

impl Outcome for Option<api::Stored> {
    fn stored(&self) -> Option<&api::Stored> {
        self.as_ref()
    }
}

impl Outcome for api::Counted {
    fn stored(&self) -> Option<&api::Stored> {
        Some(&self.stored)
    }
}

/// A write to be made.
struct Request<'a> {
    key: &'a [u8],
    /// Bytes of the value, for who records requests; none where there is no new value, or it is not known before.
    value: Option<usize>,
    /// Bytes that the record may take.
    size: usize,
    durability: Durability,
    /// Whether the engine must know what is there now.
    reads: bool,
    /// Whether there may be an entry more afterwards.
    adds: bool,
}

/// What the engine is given besides the call's own arguments.
struct Given<'a> {
    stored: Option<&'a [u8]>,
    now: u64,
    sequence: Option<u64>,
}

impl Cache {
    /// Stores a value.
    ///
    /// When the store cannot take it (another process holds the lock too long, the disk is full, an earlier write
    /// failed), the entry is kept in memory, and [`Written::durability`] says so.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty key or a time of zero; `KeyTooLarge`; `TooLarge`; `Full` under the policy `ttl`; `Trap`; `Store` or `Locked` when the write
    /// asked for [`Durability::Sync`] and did not get it.
    pub fn set(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Result<Written> {
        self.set_with(key, value, &SetOptions::default())
    }

    /// Stores a value with options.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn set_with(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, options: &SetOptions) -> Result<Written> {
        let (key, value) = (key.as_ref(), value.as_ref());
        let request = self.request(key, value, options, false);
        let given = options.to_wit(request.durability);
        let (stored, durability) = self.write(&request, |g, with| {
            let methods = g.larder.larder_cache_cache();
            methods.cache().call_set(&mut g.store, g.cache, self.id, key, value, &given, with.now, with.sequence)
        })?;
        Ok(Written { version: stored.version, durability })
    }

    /// Stores a value only if no live entry is there; `None` when there is.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn add(&self, key: impl AsRef<[u8]>, value: impl AsRef<[u8]>, options: &SetOptions) -> Result<Option<Written>> {
        let (key, value) = (key.as_ref(), value.as_ref());
        let request = self.request(key, value, options, true);
        let given = options.to_wit(request.durability);
        self.write_maybe(&request, |g, Given { stored, now, sequence }| {
            let methods = g.larder.larder_cache_cache();
            methods.cache().call_add(&mut g.store, g.cache, self.id, key, value, &given, stored, now, sequence)
        })
    }

    /// Stores a value only if a live entry is there; `None` when there is not.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn replace(
        &self,
        key: impl AsRef<[u8]>,
        value: impl AsRef<[u8]>,
        options: &SetOptions,
    ) -> Result<Option<Written>> {
        let (key, value) = (key.as_ref(), value.as_ref());
        let request = Request { adds: false, ..self.request(key, value, options, true) };
        let given = options.to_wit(request.durability);
        self.write_maybe(&request, |g, Given { stored, now, sequence }| {
            let methods = g.larder.larder_cache_cache();
            methods.cache().call_replace(&mut g.store, g.cache, self.id, key, value, &given, stored, now, sequence)
        })
    }

    /// Stores a value only if the live entry has the version `expected`; `None` when it has another or is not there.
    ///
    /// # Errors
    /// As [`set`](Self::set).
    pub fn compare_and_set(
        &self,
        key: impl AsRef<[u8]>,
        expected: u64,
        value: impl AsRef<[u8]>,
        options: &SetOptions,
    ) -> Result<Option<Written>> {
        let (key, value) = (key.as_ref(), value.as_ref());
        let request = Request { adds: false, ..self.request(key, value, options, true) };
        let given = options.to_wit(request.durability);
        self.write_maybe(&request, |g, Given { stored, now, sequence }| {
            g.larder.larder_cache_cache().cache().call_compare_and_set(
                &mut g.store,
                g.cache,
                self.id,
                key,
                expected,
                value,
                &given,
                stored,
                now,
                sequence,
            )
        })
    }

    /// Adds to an entry whose value is a decimal integer and answers the sum. One that is not there counts as 0 and is
    /// created with `options`.
    ///
    /// # Errors
    /// `NotANumber` when the value is none, or the sum leaves the range of 64 bits; else as [`set`](Self::set).
    pub fn increment(&self, key: impl AsRef<[u8]>, delta: i64, options: &SetOptions) -> Result<i64> {
        let key = key.as_ref();
        let request = Request { value: None, ..self.request(key, &[0; 20], options, true) };
        let given = options.to_wit(request.durability);
        let (counted, _) = self.write(&request, |g, Given { stored, now, sequence }| {
            let methods = g.larder.larder_cache_cache();
            methods.cache().call_increment(&mut g.store, g.cache, self.id, key, delta, &given, stored, now, sequence)
        })?;
        if self.inner.recorder.is_some() {
            self.record_write(key, counted.value.to_string().len());
        }
        Ok(counted.value)
    }

    /// Gives an entry a new time to live, counted from now, and restarts its idle time-out; with `None` only the latter.
    /// [`Duration::MAX`] means "never expires". `None` when no live entry is there.
    ///
    /// # Errors
    /// `InvalidArgument` for a time of zero; else as [`set`](Self::set).
    pub fn touch(&self, key: impl AsRef<[u8]>, ttl: Option<Duration>) -> Result<Option<Written>> {
        self.touch_ms(key.as_ref(), ttl.map(millis))
    }

    pub(super) fn touch_ms(&self, key: &[u8], ttl: Option<u64>) -> Result<Option<Written>> {
        // The value is written again; how large it is shows only under the lock, so room is made for what is known.
        let size = self.known(key)?.map_or(0, |info| info.value_size + info.size) as usize;
        let request = Request { key, value: None, size, durability: self.inner.durability, reads: true, adds: false };
        self.write_maybe(&request, |g, Given { stored, now, sequence }| {
            g.larder.larder_cache_cache().cache().call_touch(
                &mut g.store,
                g.cache,
                self.id,
                key,
                ttl,
                stored,
                now,
                sequence,
            )
        })
    }

    /// Deletes an entry; true when a live one was there, whether or not its dependencies held.
    ///
    /// # Errors
    /// `Store` or `Locked` when the store cannot take the deletion: the entry is gone from memory and would come back when the
    /// store is opened again. `Trap`.
    pub fn delete(&self, key: impl AsRef<[u8]>) -> Result<bool> {
        let key = key.as_ref();
        let (hash, now) = (self.hash(key), self.inner.clock.now());
        let deleted = self.delete_at(key, hash, now);
        self.count(hash);
        deleted
    }

    /// Counts a write, once nothing is locked any more.
    fn count(&self, hash: u64) {
        if self.inner.store.is_some() {
            let due = self.inner.count(&mut lock(self.inner.shard(hash)), self.id, None);
            self.inner.settle(due);
        }
    }

    fn delete_at(&self, key: &[u8], hash: u64, now: u64) -> Result<bool> {
        let inner = &*self.inner;
        let Some(store) = &inner.store else {
            let mut shard = lock(inner.shard(hash));
            return inner.call_again(&mut shard, self.id, |g| delete(g, self.id, key, None, now));
        };
        let mut transaction = match store.begin(Claim::default(), inner, inner) {
            Ok(transaction) => transaction,
            Err(e) => {
                store.hide(hash);
                inner.on_shard(inner.shard(hash), self.id, |g| delete(g, self.id, key, None, now))?;
                return Err(e);
            }
        };
        let found = transaction.find(hash)?;
        let mut shard = lock(inner.shard(hash));
        self.forget_outdated(&mut shard, hash, key, now)?;
        let record = found.as_ref().and_then(|at| store.read(at).ok());
        let existed = inner.call_again(&mut shard, self.id, |g| delete(g, self.id, key, record.as_deref(), now))?;
        // What the store gave up may be in another process's memory still, which must learn of it.
        if found.is_some() || transaction.is_hidden(hash) || transaction.has_given_up() {
            // What was to survive a power loss must not come back after one.
            let was_sync = record.as_deref().is_none_or(|record| {
                let described = inner.call_again(&mut shard, self.id, |g| {
                    g.larder.larder_cache_cache().call_describe(&mut g.store, record)
                });
                described.map_or(true, |info| info.durability == types::Durability::Sync)
            });
            let sync = was_sync || inner.durability == Durability::Sync;
            transaction.delete(hash, self.hash, sync)?;
            if sync {
                let point = transaction.sync_point();
                drop(shard);
                drop(transaction);
                store.sync(&point)?;
            }
        }
        Ok(existed)
    }

    fn request<'a>(&self, key: &'a [u8], value: &[u8], options: &SetOptions, reads: bool) -> Request<'a> {
        if !options.dependencies.is_empty() {
            self.inner.dependencies.matter();
        }
        Request {
            key,
            value: Some(value.len()),
            size: key.len() + value.len() + options.size(),
            durability: options.durability.unwrap_or(self.inner.durability),
            reads,
            adds: true,
        }
    }

    fn write_maybe(
        &self,
        request: &Request<'_>,
        op: impl Fn(&mut Guest, Given<'_>) -> Answer<Option<api::Stored>>,
    ) -> Result<Option<Written>> {
        let (stored, durability) = self.write(request, op)?;
        Ok(stored.map(|stored| Written { version: stored.version, durability }))
    }

    fn write<T: Outcome>(
        &self,
        request: &Request<'_>,
        op: impl Fn(&mut Guest, Given<'_>) -> Answer<T>,
    ) -> Result<(T, Durability)> {
        let now = self.inner.clock.now();
        let hash = self.hash(request.key);
        if request.reads {
            self.remove_invalid(request.key, hash, now)?;
        }
        let written = self.write_at(request, hash, now, op);
        self.count(hash);
        if let (Ok((outcome, _)), Some(value)) = (&written, request.value)
            && outcome.stored().is_some()
        {
            self.record_write(request.key, value);
        }
        written
    }

    fn record_write(&self, key: &[u8], value: usize) {
        if let Some(recorder) = &self.inner.recorder {
            recorder.write(self.recorded, key, value);
        }
    }

    fn write_at<T: Outcome>(
        &self,
        request: &Request<'_>,
        hash: u64,
        now: u64,
        op: impl Fn(&mut Guest, Given<'_>) -> Answer<T>,
    ) -> Result<(T, Durability)> {
        let inner = &*self.inner;
        let key = request.key;
        let mut transaction = self.transaction(request, hash, now)?;
        let mut shard = lock(inner.shard(hash));
        let sequence = transaction.as_ref().map(Transaction::next_sequence);
        self.forget_outdated(&mut shard, hash, key, now)?;
        let record = match (&inner.store, request.reads) {
            (Some(store), true) => {
                let in_memory = inner.call_again(&mut shard, self.id, |g| {
                    g.larder.larder_cache_cache().cache().call_exists(&mut g.store, g.cache, self.id, key, now)
                })?;
                let found = if in_memory { None } else { store.find(hash, now)? };
                found.map(|at| store.read(&at)).transpose()?
            }
            _ => None,
        };
        let once = |g: &mut Guest| op(g, Given { stored: record.as_deref(), now, sequence });
        let began = (transaction.is_some() && !request.reads).then(Instant::now);
        // After a trap the guest is empty, so an operation that read from it cannot simply be repeated.
        let outcome = match request.reads {
            true => inner.call(&mut shard, self.id, once)?,
            false => inner.call_again(&mut shard, self.id, once)?,
        };
        let Some(stored) = outcome.stored() else { return Ok((outcome, request.durability)) };
        let Some(store) = &inner.store else { return Ok((outcome, Durability::Memory)) };
        if let Some(began) = began.filter(|_| (1..request.size).contains(&stored.record.len())) {
            // Smaller than what is in it: it was compressed.
            let took = began.elapsed().as_nanos() as u64;
            inner.count_more(self.id, |counters| counters.compress_ns += took);
        }
        let Some(open) = &mut transaction else {
            store.hide(hash);
            return Ok((outcome, Durability::Memory));
        };
        let sync = request.durability == Durability::Sync;
        let appended = if stored.record.is_empty() {
            // Lasts in memory only: what the store holds under the key is outdated all the same.
            match open.find(hash)? {
                Some(_) => open.delete(hash, self.hash, sync),
                None => Ok(()),
            }
        } else {
            let api::Stored { record, version, gone } = stored;
            open.put(&Put { hash, namespace: self.hash, record, version: *version, gone: *gone, sync, now })
        };
        if let Err(e) = appended {
            store.hide(hash);
            return self.degrade(request, e).map(|()| (outcome, Durability::Memory));
        }
        if stored.record.is_empty() {
            return Ok((outcome, Durability::Memory));
        }
        if sync {
            let point = open.sync_point();
            drop(shard);
            drop(transaction);
            store.sync(&point)?;
        }
        Ok((outcome, request.durability))
    }

    /// The lock and the end of the log, unless the write has no business with the store or the store cannot take it.
    fn transaction(&self, request: &Request<'_>, hash: u64, now: u64) -> Result<Option<Transaction<'_>>> {
        let inner = &*self.inner;
        let Some(store) = &inner.store else { return Ok(None) };
        if request.durability == Durability::Memory && !request.reads {
            self.refresh(store, now);
            if store.find(hash, now)?.is_none() {
                return Ok(None);
            }
        }
        let claim = Claim { bytes: request.size as u64, hash: Some(hash), adds: request.adds };
        match store.begin(claim, inner, inner) {
            Ok(transaction) => Ok(Some(transaction)),
            Err(e) if e.kind() == ErrorKind::TooLarge => Err(e),
            Err(e) if e.kind() == ErrorKind::Full => {
                inner.count_failure(self.id, e.kind());
                Err(e)
            }
            Err(e) => self.degrade(request, e).map(|()| None),
        }
    }

    /// Counts a write that the store could not take, says so once, and fails it if memory is not enough for it.
    fn degrade(&self, request: &Request<'_>, reason: Error) -> Result<()> {
        if self.inner.degraded.fetch_add(1, Ordering::Relaxed) == 0 {
            tracing::warn!("{reason}");
        }
        self.inner.count_failure(self.id, reason.kind());
        if request.durability == Durability::Sync { Err(reason) } else { Ok(()) }
    }
}

fn delete(g: &mut Guest, ns: u32, key: &[u8], stored: Option<&[u8]>, now: u64) -> Answer<bool> {
    g.larder.larder_cache_cache().cache().call_delete(&mut g.store, g.cache, ns, key, stored, now)
}
