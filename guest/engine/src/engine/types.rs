//! What the operations answer with.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;

use crate::codec::Codec;
use crate::config::{Dependency, Durability, SetOptions};

/// Whether a value is within its time to live or in the stale window after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Freshness {
    /// Within its time to live.
    Fresh,
    /// Past its time to live, within its stale window: usable, due for renewal.
    Stale,
}

/// An entry that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hit<'a> {
    /// The value, exactly as it was set.
    pub value: Cow<'a, [u8]>,
    /// Content type, empty if none was given.
    pub content_type: Cow<'a, str>,
    /// The entry's version, for compare-and-set.
    pub version: u64,
    /// When it was set, Unix milliseconds.
    pub created: u64,
    /// When it stops being fresh; `None` is never.
    pub expires: Option<u64>,
    /// Fresh or stale.
    pub freshness: Freshness,
    /// The entry has an idle time-out of which a good part has passed since its record was written, or was prefetched and this is
    /// its first use: a host with a store should call [`touch`](crate::Engine::touch) and persist the new record, or
    /// others will find it idle, or unused.
    pub renew: bool,
    /// The entry has dependencies: a host must see whether they hold before it answers with the value.
    pub depends: bool,
}

/// What a write answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// The entry's new version.
    pub version: u64,
    /// When the entry will be gone, stale window and idle time-out included; `None` is never.
    pub gone: Option<u64>,
    /// The record to persist; empty when there is no store or the write lasts in memory only.
    pub record: Vec<u8>,
}

/// What making a ban answers with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Banned {
    /// The ban's number: entries of lower versions that it matches are invalid.
    pub sequence: u64,
    /// Entries in memory that it concerns, where that is known without looking at all of them: for one rule about one tag. Those
    /// that are invalid already, and were not asked for since, count too.
    pub hit: Option<u64>,
    /// The record to persist, of all bans there are; empty without a store.
    pub record: Vec<u8>,
}

/// A part of what is in memory, to be carried elsewhere.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Carried {
    /// A record of each entry, which another engine can admit.
    pub records: Vec<Vec<u8>>,
    /// Where to go on; `None` at the end.
    pub next: Option<u32>,
}

/// Until when an entry is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Times {
    /// When it stops being fresh, Unix milliseconds; `None` is never.
    pub expires: Option<u64>,
    /// When it is gone, stale window and idle time-out included; `None` is never.
    pub gone: Option<u64>,
}

/// One item of a batch of writes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Item {
    /// The key.
    pub key: Vec<u8>,
    /// The value.
    pub value: Vec<u8>,
    /// The item's options.
    pub options: SetOptions,
}

/// All that is known of an entry, without its value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryInfo {
    /// Name of the namespace.
    pub namespace: String,
    /// The key.
    pub key: Vec<u8>,
    /// Content type, empty if none was given.
    pub content_type: String,
    /// Metadata pairs in the order in which they were given.
    pub metadata: Vec<(String, String)>,
    /// Tags in the order in which they were given.
    pub tags: Vec<String>,
    /// Dependencies in the order in which they were given.
    pub dependencies: Vec<Dependency>,
    /// The entry's version.
    pub version: u64,
    /// When it was set, Unix milliseconds.
    pub created: u64,
    /// When it was last read or written.
    pub accessed: u64,
    /// When it stops being fresh; `None` is never.
    pub expires: Option<u64>,
    /// When it is gone, stale window and idle time-out included; `None` is never.
    pub gone: Option<u64>,
    /// Idle time-out in milliseconds.
    pub idle_timeout: Option<u64>,
    /// Stale window in milliseconds.
    pub stale_window: Option<u64>,
    /// It was prefetched, and nobody has asked for it since.
    pub prefetched: bool,
    /// What it costs to have the value again.
    pub cost: Option<u64>,
    /// Reads since the entry came into the memory tier; 0 for a record that is only described.
    pub hits: u32,
    /// Bytes of the value.
    pub value_size: u64,
    /// Bytes charged to the memory tier, or bytes of the record for one that is only described.
    pub size: u64,
    /// How the value is compressed: in memory, where that is [`Codec::None`] unless it cooled, or in a described record.
    pub codec: Codec,
    /// How long the write was asked to last.
    pub durability: Durability,
}

/// A part of a scan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// Entries in no particular order.
    pub entries: Vec<EntryInfo>,
    /// Where to go on; `None` at the end.
    pub next: Option<u32>,
}
