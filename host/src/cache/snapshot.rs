//! Snapshots: all live records in one file that any host of Larder can read.
//!
//! A snapshot is `\x8CLSNAP\n\x01`, then for each record its length (4 bytes, little endian) and the record, then a length
//! of 0 and the number of records (8 bytes). Records guard themselves; the number tells a whole snapshot from a cut one.

use std::io::{Read, Write};
use std::sync::atomic::Ordering;

use serde::Serialize;

use super::negative::Negative;
use super::{Cache, lock, pools, prefetch};
use crate::component::bindings::api;
use crate::error::{Error, ErrorKind, Result};
use crate::store::{Claim, Put};

const MAGIC: &[u8; 8] = b"\x8CLSNAP\n\x01";

/// The longest record that is read: a value of 1 GiB and what surrounds it.
const MAX_RECORD: u32 = (1 << 30) + (4 << 20);

/// What an export wrote.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Exported {
    /// Entries.
    pub entries: u64,
    /// Bytes of their records.
    pub bytes: u64,
}

/// What an import read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Entries that were stored.
    pub entries: u64,
    /// Entries left out because their time is over.
    pub expired: u64,
    /// Records left out because they are damaged.
    pub damaged: u64,
}

impl Cache {
    /// Writes all live entries of all namespaces in the store.
    ///
    /// # Errors
    /// `InvalidArgument` for a cache without a store; I/O errors.
    pub fn export(&self, mut to: impl Write) -> Result<Exported> {
        let inner = &*self.inner;
        let Some(store) = &inner.store else {
            return Err(Error::invalid("only a cache with a store can be exported; open it with a directory"));
        };
        let failed =
            |e: std::io::Error| Error::new(ErrorKind::Io, format!("the snapshot cannot be written: {e}")).with(e);
        let mut exported = Exported::default();
        to.write_all(MAGIC).map_err(failed)?;
        store.each_record(inner.clock.now(), inner, |at, record| {
            if at.line.hash == store.bans() {
                return Ok(());
            }
            if self.describe(store, at)?.is_none() {
                tracing::debug!("a record that is damaged or was made invalid is left out of the snapshot");
                return Ok(());
            }
            exported.entries += 1;
            exported.bytes += record.len() as u64;
            to.write_all(&(record.len() as u32).to_le_bytes()).and_then(|()| to.write_all(&record)).map_err(failed)
        })?;
        to.write_all(&0u32.to_le_bytes())
            .and_then(|()| to.write_all(&exported.entries.to_le_bytes()))
            .and_then(|()| to.flush())
            .map_err(failed)?;
        Ok(exported)
    }

    /// Stores the entries of a snapshot, with their namespaces, times and metadata, over those that are there.
    ///
    /// # Errors
    /// `Corrupt` when it is not a snapshot or ends too early (what was read until then stays stored); `NewerFormat`;
    /// else as [`set`](Self::set).
    pub fn import(&self, mut from: impl Read) -> Result<Imported> {
        let mut magic = [0; 8];
        read(&mut from, &mut magic)?;
        if magic[..7] != MAGIC[..7] {
            return Err(Error::new(ErrorKind::Corrupt, "this is not a snapshot made by `larder export`"));
        }
        if magic[7] != MAGIC[7] {
            return Err(Error::new(
                ErrorKind::NewerFormat,
                "the snapshot was made by a newer larder; use that version",
            ));
        }
        let mut imported = Imported::default();
        loop {
            let mut len = [0; 4];
            read(&mut from, &mut len)?;
            match u32::from_le_bytes(len) {
                0 => break,
                len if len > MAX_RECORD => return Err(cut()),
                len => {
                    // Grows with what is really there, not with what the length claims.
                    let mut record = Vec::new();
                    let got = from.by_ref().take(u64::from(len)).read_to_end(&mut record);
                    got.map_err(|e| Error::new(ErrorKind::Io, format!("the snapshot cannot be read: {e}")).with(e))?;
                    if record.len() != len as usize {
                        return Err(cut());
                    }
                    self.restore(&record, &mut imported)?;
                }
            }
        }
        let mut count = [0; 8];
        read(&mut from, &mut count)?;
        if u64::from_le_bytes(count) != imported.entries + imported.expired + imported.damaged {
            return Err(cut());
        }
        Ok(imported)
    }

    /// A handle on the namespace of a record from elsewhere; `None` for one that cannot be what it says.
    fn namespace_of(&self, info: &api::EntryInfo) -> Result<Option<Self>> {
        match info.namespace.as_str() {
            pools::NAMESPACE => self.namespace_for_pool(info),
            prefetch::QUEUES => self.queues().map(|queues| queues.takes(info).then_some(queues.cache)),
            prefetch::MODELS => self.models().map(|models| models.takes(info).then_some(models.cache)),
            name => self.namespace(name).map(Some),
        }
    }

    fn restore(&self, record: &[u8], imported: &mut Imported) -> Result<()> {
        let inner = &*self.inner;
        let described = inner.call_again(&mut lock(&inner.shards[0]), self.id, |g| {
            g.larder.larder_cache_cache().call_describe(&mut g.store, record)
        });
        let info = match described {
            Ok(info) => info,
            Err(e) if e.kind() == ErrorKind::Corrupt => {
                imported.damaged += 1;
                return Ok(());
            }
            Err(e) => return Err(e),
        };
        let Some(target) = self.namespace_of(&info)? else {
            imported.damaged += 1;
            return Ok(());
        };
        let hash = target.hash(&info.key);
        let now = inner.clock.now();
        if !info.dependencies.is_empty() {
            inner.dependencies.matter();
        }
        let claim = Claim { bytes: record.len() as u64 + info.value_size, hash: Some(hash), adds: true };
        let mut transaction = match &inner.store {
            Some(store) => Some(store.begin(claim, inner, inner)?),
            None => None,
        };
        let sequence = transaction.as_ref().map(|open| open.next_sequence());
        let mut shard = lock(inner.shard(hash));
        shard.is_current_again(hash);
        if Negative::of(&info.content_type).is_some() {
            inner.has_negatives.store(true, Ordering::Relaxed);
        }
        let restored = inner.call_again(&mut shard, target.id, |g| {
            let methods = g.larder.larder_cache_cache();
            methods.cache().call_restore(&mut g.store, g.cache, target.id, record, now, sequence)
        });
        match restored {
            Ok(stored) => {
                if let Some(open) = &mut transaction {
                    open.put(&Put {
                        hash,
                        namespace: target.hash,
                        record: &stored.record,
                        version: stored.version,
                        gone: stored.gone,
                        sync: false,
                        now,
                    })?;
                }
                imported.entries += 1;
            }
            Err(e) if e.kind() == ErrorKind::Corrupt => imported.damaged += 1,
            Err(e) if e.kind() == ErrorKind::Expired => imported.expired += 1,
            Err(e) => return Err(e),
        }
        Ok(())
    }
}

fn read(from: &mut impl Read, into: &mut [u8]) -> Result<()> {
    from.read_exact(into).map_err(|e| match e.kind() {
        std::io::ErrorKind::UnexpectedEof => cut(),
        _ => Error::new(ErrorKind::Io, format!("the snapshot cannot be read: {e}")).with(e),
    })
}

fn cut() -> Error {
    Error::new(ErrorKind::Corrupt, "the snapshot ends too early or is damaged; what was read until then is stored")
}
