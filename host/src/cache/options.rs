//! What a write may say, and what a cache answers with.

use std::time::Duration;

use crate::component::bindings::{api, types};
use crate::depend::Dependency;
use crate::error::{Error, Result};

/// How long a write must last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Hash)]
pub enum Durability {
    /// In memory only; gone with the process.
    Memory,
    /// Survives the death of the process, kill -9 included; not a power loss.
    #[default]
    Process,
    /// Survives power loss once the call returned.
    Sync,
}

impl Durability {
    pub(crate) fn to_wit(self) -> types::Durability {
        match self {
            Self::Memory => types::Durability::Memory,
            Self::Process => types::Durability::Process,
            Self::Sync => types::Durability::Sync,
        }
    }
}

/// What one write may say about its entry; everything is optional.
///
/// ```
/// # use larder::SetOptions;
/// # use std::time::Duration;
/// let options = SetOptions::new().ttl(Duration::from_secs(600)).content_type("application/json").tag("users");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetOptions {
    pub(crate) ttl: Option<Duration>,
    pub(crate) tti: Option<Duration>,
    pub(crate) stale: Option<Duration>,
    pub(crate) content_type: String,
    pub(crate) metadata: Vec<(String, String)>,
    pub(crate) tags: Vec<String>,
    pub(crate) dependencies: Vec<Dependency>,
    pub(crate) durability: Option<Durability>,
    pub(crate) cost: Option<u64>,
    pub(crate) prefetched: bool,
}

impl SetOptions {
    /// Options that say nothing: the namespace's defaults count.
    pub fn new() -> Self {
        Self::default()
    }

    /// Time to live, at least a millisecond.
    pub fn ttl(mut self, ttl: Duration) -> Self {
        self.ttl = Some(ttl);
        self
    }

    /// Idle time-out, at least a millisecond: the entry goes when it was not read for so long.
    pub fn tti(mut self, tti: Duration) -> Self {
        self.tti = Some(tti);
        self
    }

    /// Stale window: how long after its time to live the entry may still be served, marked stale.
    pub fn stale(mut self, window: Duration) -> Self {
        self.stale = Some(window);
        self
    }

    /// Content type of the value.
    pub fn content_type(mut self, content_type: impl Into<String>) -> Self {
        self.content_type = content_type.into();
        self
    }

    /// Adds a metadata pair.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.push((name.into(), value.into()));
        self
    }

    /// Adds a tag.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        self.tags.push(tag.into());
        self
    }

    /// Adds something that the entry's validity hangs on. Make the dependency before the value: what changes in between then
    /// makes the entry invalid, as it should.
    pub fn depends(mut self, on: Dependency) -> Self {
        self.dependencies.push(on);
        self
    }

    /// How long the write must last; without it, as the cache was built.
    pub fn durability(mut self, durability: Durability) -> Self {
        self.durability = Some(durability);
        self
    }

    /// What it costs to have the value again: money or time, in a unit that is the same for all entries of the cache. Counts
    /// under the objective `cost`; an entry without one costs 1.
    pub fn cost(mut self, cost: u64) -> Self {
        self.cost = Some(cost);
        self
    }

    /// The entry is fetched before anybody asked for it: statistics count it, and whether somebody does.
    pub fn prefetched(mut self, yes: bool) -> Self {
        self.prefetched = yes;
        self
    }

    /// What the record will need beside key and value, at most, in bytes.
    pub(crate) fn size(&self) -> usize {
        let metadata = self.metadata.iter().map(|(name, value)| name.len() + value.len() + 8).sum::<usize>();
        let tags = self.tags.iter().map(|tag| tag.len() + 4).sum::<usize>();
        let dependencies = self.dependencies.iter().map(Dependency::size).sum::<usize>();
        self.content_type.len() + metadata + tags + dependencies + 64
    }

    pub(crate) fn to_wit(&self, durability: Durability) -> Vec<api::SetOption> {
        let mut options = Vec::new();
        options.extend(self.ttl.map(millis).map(api::SetOption::Ttl));
        options.extend(self.tti.map(millis).map(api::SetOption::Tti));
        options.extend(self.stale.map(millis).map(api::SetOption::Stale));
        if !self.content_type.is_empty() {
            options.push(api::SetOption::ContentType(self.content_type.clone()));
        }
        options.extend(self.metadata.iter().cloned().map(api::SetOption::Metadata));
        options.extend(self.tags.iter().cloned().map(api::SetOption::Tag));
        if durability != Durability::Process {
            options.push(api::SetOption::Durability(durability.to_wit()));
        }
        options.extend(self.cost.map(api::SetOption::Cost));
        options.extend(self.prefetched.then_some(api::SetOption::Prefetched));
        options.extend(self.dependencies.iter().map(Dependency::to_wit).map(api::SetOption::Dependency));
        options
    }
}

/// Whole milliseconds, rounded up so that a time that is not zero does not become it.
pub(crate) fn millis(d: Duration) -> u64 {
    u64::try_from(d.as_nanos().div_ceil(1_000_000)).unwrap_or(u64::MAX)
}

/// What entries of a namespace get when their write does not say otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Defaults {
    /// Time to live.
    pub ttl: Option<Duration>,
    /// Idle time-out.
    pub tti: Option<Duration>,
    /// Stale window.
    pub stale: Option<Duration>,
    /// Percent by which a time to live may be shortened at random, so that entries set together do not expire together.
    pub jitter: u8,
}

impl Defaults {
    pub(crate) fn validate(&self) -> Result<()> {
        let spans = [("ttl", self.ttl), ("tti", self.tti)];
        if let Some((name, _)) = spans.iter().find(|(_, span)| *span == Some(Duration::ZERO)) {
            return Err(Error::invalid(format!(
                "a default {name} of zero would expire every entry at once; leave it out"
            )));
        }
        if self.jitter > 100 {
            return Err(Error::invalid("jitter is a percentage between 0 and 100"));
        }
        Ok(())
    }

    pub(crate) fn to_wit(&self) -> Vec<api::NamespaceDefault> {
        let mut defaults = Vec::new();
        defaults.extend(self.ttl.map(millis).map(api::NamespaceDefault::Ttl));
        defaults.extend(self.tti.map(millis).map(api::NamespaceDefault::Tti));
        defaults.extend(self.stale.map(millis).map(api::NamespaceDefault::Stale));
        if self.jitter > 0 {
            defaults.push(api::NamespaceDefault::Jitter(self.jitter));
        }
        defaults
    }
}

/// An entry that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit {
    /// The value, exactly as it was set.
    pub value: Vec<u8>,
    /// Content type; empty if none was given.
    pub content_type: String,
    /// The entry's version, for [`Cache::compare_and_set`](crate::Cache::compare_and_set).
    pub version: u64,
    /// When it was set, Unix milliseconds.
    pub created: u64,
    /// When it stops being fresh, Unix milliseconds; `None` is never.
    pub expires: Option<u64>,
    /// Past its time to live, within its stale window.
    pub is_stale: bool,
}

impl From<api::Hit> for Hit {
    fn from(hit: api::Hit) -> Self {
        Self {
            value: hit.value,
            content_type: hit.content_type,
            version: hit.version,
            created: hit.created,
            expires: hit.expires,
            is_stale: hit.freshness == types::Freshness::Stale,
        }
    }
}

/// A write that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Written {
    /// The entry's new version.
    pub version: u64,
    /// What the write achieved. Lower than what was asked when the store could not take it: see
    /// [`Cache::set`](crate::Cache::set).
    pub durability: Durability,
}

/// All that is known of an entry, without its value. Times are Unix milliseconds, spans milliseconds, sizes bytes.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct EntryInfo {
    /// Name of the namespace.
    pub namespace: String,
    /// The key.
    #[serde(serialize_with = "as_text")]
    pub key: Vec<u8>,
    /// Content type; empty if none was given.
    pub content_type: String,
    /// Metadata pairs in the order in which they were given.
    pub metadata: Vec<(String, String)>,
    /// Tags in the order in which they were given.
    pub tags: Vec<String>,
    /// What its validity hangs on.
    pub dependencies: Vec<Dependency>,
    /// The entry's version.
    pub version: u64,
    /// When it was set.
    pub created: u64,
    /// When it was last read or written, by any process that has told the store of it.
    pub accessed: u64,
    /// When it stops being fresh; `None` is never.
    pub expires: Option<u64>,
    /// When it is gone, stale window and idle time-out included; `None` is never.
    pub gone: Option<u64>,
    /// Idle time-out.
    pub idle_timeout: Option<u64>,
    /// Stale window.
    pub stale_window: Option<u64>,
    /// What it costs to have the value again.
    pub cost: Option<u64>,
    /// It was prefetched, and nobody has asked for it since.
    pub prefetched: bool,
    /// How often it was read: in a cache with a store by all processes that have told it, else by this one.
    pub hits: u32,
    /// Bytes of the value.
    pub value_size: u64,
    /// Bytes that the entry takes where it is.
    pub size: u64,
    /// How it is compressed: `none`, `deflate` or `lz4`.
    pub codec: &'static str,
    /// How long the write was asked to last: `memory`, `process` or `sync`.
    pub durability: &'static str,
}

fn as_text<S: serde::Serializer>(key: &[u8], serializer: S) -> std::result::Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(key))
}

impl From<api::EntryInfo> for EntryInfo {
    fn from(info: api::EntryInfo) -> Self {
        Self {
            namespace: info.namespace,
            key: info.key,
            content_type: info.content_type,
            metadata: info.metadata,
            tags: info.tags,
            dependencies: info.dependencies.into_iter().map(Dependency::from).collect(),
            version: info.version,
            created: info.created,
            accessed: info.accessed,
            expires: info.expires,
            gone: info.gone,
            idle_timeout: info.idle_timeout,
            stale_window: info.stale_window,
            cost: info.cost,
            prefetched: info.prefetched,
            hits: info.hits,
            value_size: info.value_size,
            size: info.size,
            codec: match info.codec {
                types::Codec::None => "none",
                types::Codec::Deflate => "deflate",
                types::Codec::Lz4 => "lz4",
            },
            durability: match info.durability {
                types::Durability::Memory => "memory",
                types::Durability::Process => "process",
                types::Durability::Sync => "sync",
            },
        }
    }
}
