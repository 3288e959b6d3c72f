//! Making entries invalid by what they have in common: a tag, a prefix, a file they depend on.
//!
//! The rule is recorded, and every entry that was written before and that it is true of is invalid from then on, wherever it lies
//! and in every process. Nothing is looked for, so that it costs the same for one entry and for a million; what is invalid goes
//! when it is asked for, or with [`Cache::cleanup`].

use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use super::options::EntryInfo;
use super::{Cache, Inner, lock};
use crate::bans::{self, List};
use crate::component::bindings::api;
use crate::error::{Error, ErrorKind, Result};
use crate::keys::Keys;
use crate::store::{Claim, Location, Put, Store};

/// Entries that upkeep looks through for the sake of bans; a store with more is looked through when somebody asks.
const FEW: usize = 100_000;

/// What entries have in common that become invalid.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// Nothing: all go.
    All,
    /// This tag.
    Tag(String),
    /// At least one of these tags, 1 to 64.
    AnyTag(Vec<String>),
    /// All of these tags, 1 to 64.
    AllTags(Vec<String>),
    /// How the key begins.
    Prefix(Vec<u8>),
    /// A pattern that the key matches: `*` any bytes, `?` one byte, `[a-z]` and `[!a-z]` one of a set, `\` escapes.
    Glob(Vec<u8>),
    /// The operation of keys that [`Keys::text`](crate::keys::Keys::text) made.
    Operation(String),
    /// A file that they depend on, in whatever namespace; or a pattern whose text before the first wildcard the file's path
    /// begins with.
    File(PathBuf),
}

/// What an invalidation did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Invalidated {
    /// Entries in this process's memory that it concerns, where that is known without looking at all of them: for one tag. Those
    /// that lie in the store only go as well, when they are asked for.
    pub in_memory: Option<u64>,
}

impl Rule {
    fn to_wit(&self) -> Result<Vec<api::BanRule>> {
        Ok(match self {
            Self::All => vec![api::BanRule::All],
            Self::Tag(tag) => vec![api::BanRule::Tag(tag.clone())],
            Self::AnyTag(tags) => tags.iter().cloned().map(api::BanRule::Tag).collect(),
            Self::AllTags(tags) => vec![api::BanRule::AllTags(tags.clone())],
            Self::Prefix(prefix) => vec![api::BanRule::Prefix(prefix.clone())],
            Self::Glob(pattern) => vec![api::BanRule::Glob(pattern.clone())],
            Self::Operation(_) => self.resolved()?.to_wit()?,
            Self::File(path) => vec![api::BanRule::File(file_name(path)?)],
        })
    }

    /// With the name by which dependencies know a file, and the prefix that an operation's keys have.
    fn resolved(&self) -> Result<Self> {
        Ok(match self {
            Self::Operation(operation) => Self::Prefix(Keys::new()?.operation_prefix(operation)?.into_bytes()),
            Self::File(path) => Self::File(file_name(path)?.into()),
            other => other.clone(),
        })
    }

    /// Whether it is about an entry.
    fn is_true_of(&self, inner: &Inner, info: &EntryInfo) -> Result<bool> {
        let has = |tag: &String| info.tags.contains(tag);
        Ok(match self {
            Self::All => true,
            Self::Tag(tag) => has(tag),
            Self::AnyTag(tags) => tags.iter().any(has),
            Self::AllTags(tags) => tags.iter().all(has),
            Self::Prefix(prefix) => info.key.starts_with(prefix),
            Self::Glob(pattern) => return inner.matches(pattern, &info.key),
            // Resolved to a prefix before.
            Self::Operation(_) => false,
            Self::File(path) => info.dependencies.iter().any(|dependency| dependency.concerns(path)),
        })
    }

    /// Whether it may be about an entry under this key.
    fn may_concern(&self, key: &[u8]) -> bool {
        match self {
            Self::Prefix(prefix) => key.starts_with(prefix),
            _ => true,
        }
    }

    fn is_everywhere(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

/// The name by which a dependency on a file is known: its path, absolute and without `.` and `..`, as text.
pub(crate) fn file_name(path: &Path) -> Result<String> {
    let absolute = crate::depend::absolute(path)?;
    let text = absolute.into_os_string().into_string();
    text.map_err(|path| Error::invalid(format!("{} is not valid UTF-8; no entry can depend on it", path.display())))
}

impl Cache {
    /// Makes entries of this handle's namespace invalid that are there now; with [`Rule::File`], of every namespace. Entries that
    /// are written later are not touched. Survives restarts, and holds in all processes that share the store.
    ///
    /// # Errors
    /// `InvalidArgument` for a rule without tags, or with texts above 65,535 bytes; `Locked` or `Store` when the store cannot
    /// take it: then it holds in this process's memory at the most. `Trap`; I/O errors.
    pub fn invalidate(&self, rule: &Rule) -> Result<Invalidated> {
        self.ban(rule, Some(self.id).filter(|_| !rule.is_everywhere()))
    }

    /// As [`invalidate`](Self::invalidate), in all namespaces.
    ///
    /// # Errors
    /// As [`invalidate`](Self::invalidate).
    pub fn invalidate_everywhere(&self, rule: &Rule) -> Result<Invalidated> {
        self.ban(rule, None)
    }

    /// How many live entries a rule is true of now, in this handle's namespace or, with [`Rule::File`], in all. Looks at every
    /// entry.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn count_matching(&self, rule: &Rule) -> Result<u64> {
        self.count_some(rule, !rule.is_everywhere())
    }

    /// As [`count_matching`](Self::count_matching), in all namespaces.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub fn count_matching_everywhere(&self, rule: &Rule) -> Result<u64> {
        self.count_some(rule, false)
    }

    fn count_some(&self, rule: &Rule, only: bool) -> Result<u64> {
        let rule = rule.resolved()?;
        let (mut count, mut failure) = (0, None);
        self.each_entry(only, |info| {
            match rule.is_true_of(&self.inner, &info) {
                Ok(concerned) => count += u64::from(concerned),
                Err(e) => failure = Some(e),
            }
            failure.is_none()
        })?;
        failure.map_or(Ok(count), Err)
    }

    fn ban(&self, rule: &Rule, namespace: Option<u32>) -> Result<Invalidated> {
        let inner = &*self.inner;
        let rules = rule.to_wit()?;
        // What is computed meanwhile was begun before; it is not stored.
        let concerned = rule.resolved()?;
        let outdate = || inner.flights.outdate(namespace, |key| concerned.may_concern(key));
        outdate();
        let done = match inner.ban(self.id, &rules, namespace) {
            Err(e) if e.kind() == ErrorKind::Full => {
                inner.forget_bans()?;
                inner.ban(self.id, &rules, namespace)
            }
            done => done,
        };
        outdate();
        done
    }
}

impl Inner {
    fn ban(&self, known: u32, rules: &[api::BanRule], namespace: Option<u32>) -> Result<Invalidated> {
        let now = self.clock.now();
        let bytes = self.bans.size() + rules.iter().map(|rule| size(rule) + 512).sum::<usize>();
        let claim = Claim { bytes: bytes as u64, hash: None, adds: false };
        // Locked until all guests know, so that no write of ours falls in between.
        let mut transaction = self.store.as_ref().map(|store| store.begin(claim, self, self)).transpose()?;
        let sequence = transaction.as_ref().map(|open| open.next_sequence());
        let (mut hit, mut record) = (Some(0), Vec::new());
        for (place, shard) in self.shards.iter().enumerate() {
            let mut shard = lock(shard);
            // Who has no memory yet takes the list over when it begins; one of them makes it.
            if sequence.is_some() && place > 0 && !shard.is_alive() {
                continue;
            }
            let banned = self.call_again(&mut shard, known, |g| {
                let methods = g.larder.larder_cache_cache();
                methods.cache().call_ban(&mut g.store, g.cache, namespace, rules, now, sequence)
            })?;
            hit = hit.zip(banned.hit).map(|(sum, more)| sum + more);
            record = banned.record;
        }
        if let (Some(open), Some(sequence), Some(store)) = (&mut transaction, sequence, &self.store) {
            let sync = self.durability == super::Durability::Sync;
            let put = put(store, &record, sequence, sync, now);
            self.bans.set(List::Record(record.as_slice().into()), sequence);
            open.put(&put)?;
            if sync {
                let point = open.sync_point();
                drop(transaction);
                store.sync(&point)?;
            }
        }
        Ok(Invalidated { in_memory: hit })
    }

    /// Takes over the bans that the store holds. Called with the end of the log locked.
    pub(super) fn load_bans(&self, store: &Store) {
        let found = store.find_quietly(store.bans());
        let (list, newest) = match found {
            Ok(None) => (List::Empty, 0),
            Ok(Some(at)) => match store.read(&at) {
                Ok(record) => (List::Record(record.into()), at.line.sequence),
                Err(e) => {
                    tracing::warn!("the list of bans is lost, and with it everything older: {e}");
                    (List::Lost(at.line.sequence), at.line.sequence)
                }
            },
            Err(e) => {
                tracing::warn!("whether there are new bans cannot be told: {e}");
                return;
            }
        };
        self.bans.set(list, newest);
    }

    /// Whether the record at a location, which begins with `head`, is banned.
    pub(super) fn is_banned(&self, at: &Location, head: &[u8]) -> Result<bool> {
        if !self.bans.concern(at.line.sequence) {
            return Ok(false);
        }
        self.call_again(&mut lock(&self.shards[0]), 0, |g| {
            g.larder.larder_cache_cache().cache().call_is_banned(&mut g.store, g.cache, head)
        })
    }

    /// Looks through all entries for those that are banned, deletes them, and forgets the bans.
    pub(super) fn forget_bans(&self) -> Result<u64> {
        let Some(store) = &self.store else { return Ok(0) };
        let now = self.clock.now();
        if let Err(e) = store.refresh(self, now) {
            tracing::debug!("could not follow the store: {e}");
        }
        if self.count_bans()? == 0 {
            return Ok(0);
        }
        let until = self.bans.newest();
        let (mut deleted, mut all_read) = (0, true);
        for (at, _) in store.locations(now)? {
            if at.line.sequence >= until || at.line.hash == store.bans() {
                continue;
            }
            let is_banned = store.read_head(&at).and_then(|(head, whole)| match self.is_banned(&at, &head) {
                // Long keys and tags reach beyond the first bytes.
                Err(e) if e.kind() == ErrorKind::Corrupt && !whole => self.is_banned(&at, &store.read(&at)?),
                answer => answer,
            });
            match is_banned {
                Ok(false) => {}
                Ok(true) => deleted += u64::from(self.delete_banned(store, &at)?),
                // Nobody will ever read it.
                Err(e) if e.kind() == ErrorKind::Corrupt => tracing::debug!("a damaged record is left: {e}"),
                Err(e) if e.kind() == ErrorKind::Trap => return Err(e),
                // It may be read another time, or by a newer larder: the bans have to outlast it.
                Err(e) => {
                    tracing::warn!("bans are kept for a record that cannot be read now: {e}");
                    all_read = false;
                }
            }
        }
        if all_read {
            self.reap(store, until, now)?;
        }
        Ok(deleted)
    }

    /// Whether a key matches a pattern.
    pub(super) fn matches(&self, pattern: &[u8], key: &[u8]) -> Result<bool> {
        self.call_again(&mut lock(&self.shards[0]), 0, |g| {
            g.larder.larder_cache_cache().call_matches(&mut g.store, pattern, key).map(Ok)
        })
    }

    /// How many bans there are.
    fn count_bans(&self) -> Result<u32> {
        self.call_again(&mut lock(&self.shards[0]), 0, |g| {
            g.larder.larder_cache_cache().cache().call_bans(&mut g.store, g.cache).map(Ok)
        })
    }

    /// Deletes an entry if it is still the one that was looked at.
    fn delete_banned(&self, store: &Store, at: &Location) -> Result<bool> {
        let mut open = store.begin(Claim::default(), self, self)?;
        let is_same = open.find(at.line.hash)?.is_some_and(|found| found.line.sequence == at.line.sequence);
        if is_same {
            lock(self.shard(at.line.hash)).mark_outdated(at.line.hash);
            open.delete(at.line.hash, at.line.namespace, self.durability == super::Durability::Sync)?;
        }
        Ok(is_same)
    }

    fn reap(&self, store: &Store, until: u64, now: u64) -> Result<()> {
        let claim = Claim { bytes: self.bans.size() as u64, hash: None, adds: false };
        let mut open = store.begin(claim, self, self)?;
        let sequence = open.next_sequence();
        let mut record = Vec::new();
        for (place, shard) in self.shards.iter().enumerate() {
            let mut shard = lock(shard);
            if place > 0 && !shard.is_alive() {
                continue;
            }
            record = self.call_again(&mut shard, 0, |g| {
                let methods = g.larder.larder_cache_cache();
                methods.cache().call_reap_bans(&mut g.store, g.cache, until, now, Some(sequence))
            })?;
        }
        self.bans.set(List::Record(record.as_slice().into()), sequence);
        let sync = self.durability == super::Durability::Sync;
        open.put(&put(store, &record, sequence, sync, now))
    }

    /// Forgets bans in upkeep, if there are any and not many entries to look through for it.
    pub(super) fn forget_bans_if_few(&self) -> Result<()> {
        let Some(store) = &self.store else { return Ok(()) };
        let until = self.bans.newest();
        if until == 0 || store.is_read_only() || self.bans_reaped.load(Ordering::Relaxed) == self.bans.generation() {
            return Ok(());
        }
        let older = store.locations(self.clock.now())?.iter().filter(|(at, _)| at.line.sequence < until).count();
        if older <= FEW {
            self.forget_bans()?;
            self.bans_reaped.store(self.bans.generation(), Ordering::Relaxed);
        }
        Ok(())
    }
}

fn put<'a>(store: &Store, record: &'a [u8], version: u64, sync: bool, now: u64) -> Put<'a> {
    let namespace = store.hasher().namespace(bans::NAMESPACE);
    Put { hash: store.bans(), namespace, record, version, gone: None, sync, now }
}

/// Bytes of a rule's texts.
fn size(rule: &api::BanRule) -> usize {
    match rule {
        api::BanRule::All => 0,
        api::BanRule::Tag(text) | api::BanRule::File(text) => text.len(),
        api::BanRule::AllTags(tags) => tags.iter().map(|tag| tag.len() + 4).sum(),
        api::BanRule::Prefix(bytes) | api::BanRule::Glob(bytes) => bytes.len(),
    }
}
