//! What an engine and a namespace can be told, with the defaults.

use alloc::string::String;
use alloc::vec::Vec;

use crate::compression::Compression;
use crate::error::{Error, Result};
use crate::policy::{Objective, PolicyKind};

/// The longest key that any engine takes, in bytes. [`Config::max_key_size`] may be lower.
pub const MAX_KEY_SIZE: usize = 65_535;

/// The longest namespace name, in bytes.
pub const MAX_NAMESPACE_NAME: usize = 255;

/// The largest `max_entry_size` that can be asked for, in bytes (1 GiB).
pub const MAX_ENTRY_SIZE: usize = 1 << 30;

/// The most bytes that content type, metadata, tags and times of one entry may take together.
pub const MAX_FIELDS_SIZE: usize = 1 << 20;

/// The namespace of the record that holds all bans; no other entry can be in it.
pub const BANS_NAMESPACE: &str = "larder.bans";

/// The key of that record.
pub const BANS_KEY: &[u8] = b"bans";

/// The most tags that an entry can have, and the most dependencies.
pub const MAX_LABELS: usize = 1024;

/// What the memory tier charges for an entry on top of key, value and fields, in bytes. Covers the slot (48 in
/// the component), what the policy notes (8 to 36 with `adaptive`), the share of the hash table (5 to 12), the place in the
/// expiry index (4) and the allocator's header and rounding (4 to 11). The same on every host and with every policy, so that
/// every host evicts the same entries.
pub const ENTRY_OVERHEAD: usize = 128;

/// How an [`Engine`](crate::Engine) is set up. Start from `Config::default()` and change what differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Bytes that the memory tier may hold, overhead and metadata included. Default 64 MiB.
    pub max_bytes: u64,
    /// Entries that the memory tier may hold. Default: no limit beyond `max_bytes`.
    pub max_entries: Option<u32>,
    /// Largest value in bytes; larger ones are refused. Default 64 MiB, at most 1 GiB.
    pub max_entry_size: usize,
    /// Longest key in bytes. Default and maximum 65,535.
    pub max_key_size: usize,
    /// Who goes when space is needed. Default [`PolicyKind::Adaptive`].
    pub policy: PolicyKind,
    /// What a policy that weighs entries against each other tries to maximise. Default [`Objective::Balanced`].
    pub objective: Objective,
    /// How record bodies are compressed. Default [`Compression::Deflate`].
    pub codec: Compression,
    /// Values of at least this many bytes are compressed in records, unless a sample shows that it would be in vain.
    /// Default 1,024.
    pub compression_threshold: usize,
    /// DEFLATE level, 1 (fast) to 9 (small). Default 6.
    pub compression_level: u8,
    /// Whether entries that cool are compressed in memory, by [`Engine::maintain`](crate::Engine::maintain), to hold more.
    /// With `codec` [`Compression::None`] they are not. Pays where a miss costs a millisecond and more. Default false.
    pub cold_tier: bool,
    /// Whether to find out on the way what other policies and other sizes of the memory tier would hit. Default false.
    pub advice: bool,
    /// Whether a store stands behind this engine. If so, writes answer with a record to persist, and a value larger than
    /// the memory tier is passed on to the store instead of being refused. Default false.
    pub store: bool,
    /// Seed of the keyed hash and of jitter. A host draws it at random; tests fix it. Default 0.
    pub seed: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_bytes: 64 << 20,
            max_entries: None,
            max_entry_size: 64 << 20,
            max_key_size: MAX_KEY_SIZE,
            policy: PolicyKind::Adaptive,
            objective: Objective::Balanced,
            codec: Compression::Deflate,
            compression_threshold: 1024,
            compression_level: 6,
            cold_tier: false,
            advice: false,
            store: false,
            seed: 0,
        }
    }
}

impl Config {
    pub(crate) fn validate(&self) -> Result<()> {
        if self.max_key_size == 0 || self.max_key_size > MAX_KEY_SIZE {
            return Err(Error::invalid(text!("max-key-size must be between 1 and ", MAX_KEY_SIZE, " bytes")));
        }
        if self.max_entry_size > MAX_ENTRY_SIZE {
            return Err(Error::invalid(text!("max-entry-size must be at most ", MAX_ENTRY_SIZE, " bytes")));
        }
        if !(1..=9).contains(&self.compression_level) {
            return Err(Error::invalid("compression-level must be between 1 (fast) and 9 (small)"));
        }
        if !self.codec.is_here() {
            return Err(Error::invalid("this build of larder leaves out LZ4; use deflate or none"));
        }
        if self.cold_tier && !cfg!(feature = "cold-tier") {
            return Err(Error::invalid("this build of larder leaves out the cold tier"));
        }
        if self.advice && !cfg!(feature = "advice") {
            return Err(Error::invalid("this build of larder leaves out advice"));
        }
        Ok(())
    }
}

/// What an entry of a namespace gets when its `set` does not say otherwise.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NamespaceDefaults {
    /// Time to live in milliseconds, at least 1.
    pub ttl: Option<u64>,
    /// Idle time-out in milliseconds, at least 1: the entry goes when it was not read for so long.
    pub tti: Option<u64>,
    /// Stale window in milliseconds: how long after its time to live an entry may still be served, marked stale.
    pub stale: Option<u64>,
    /// Jitter in percent, 0 to 100: every time to live is shortened by a random part of up to so much, so that entries
    /// set together do not expire together.
    pub jitter: u8,
}

/// How long a write must last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub enum Durability {
    /// In the memory tier only.
    Memory,
    /// Survives the death of the process.
    #[default]
    Process,
    /// Survives power loss once acknowledged.
    Sync,
}

/// What one `set` may say about its entry. Everything is optional.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SetOptions {
    /// Time to live in milliseconds, at least 1; saturates to "never expires" past the year 10,000.
    pub ttl: Option<u64>,
    /// Idle time-out in milliseconds, at least 1.
    pub tti: Option<u64>,
    /// Stale window in milliseconds.
    pub stale: Option<u64>,
    /// Content type of the value; empty means none. At most 65,535 bytes.
    pub content_type: String,
    /// Metadata pairs, kept in order.
    pub metadata: Vec<(String, String)>,
    /// Tags, at most 1,024; one that is given twice counts once.
    pub tags: Vec<String>,
    /// What the entry's validity hangs on besides, at most 1,024.
    pub dependencies: Vec<Dependency>,
    /// How long the write must last. Default [`Durability::Process`].
    pub durability: Durability,
    /// What it costs to have the value again: money or time, in a unit that is the same for all entries of the cache. Counts
    /// under [`Objective::Cost`]; an entry without one costs 1.
    pub cost: Option<u64>,
    /// The entry was fetched before anybody asked for it. The first hit on it counts as a hit on a prefetched entry.
    pub prefetched: bool,
}

/// Something outside that an entry's validity hangs on. The engine keeps it; whether it still holds is for the host to see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dependency {
    /// What it is.
    pub kind: DependencyKind,
    /// The file's path, the pattern, or the variable's name.
    pub name: String,
    /// What it was like when the entry was made, in the host's own terms.
    pub stamp: Vec<u8>,
}

/// What an entry can depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DependencyKind {
    /// A file.
    File = 0,
    /// All files whose path matches a pattern.
    Glob = 1,
    /// An environment variable.
    Environment = 2,
}
