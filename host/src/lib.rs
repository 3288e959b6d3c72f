//! Larder for Rust: a cache in one WebAssembly component, with a disk under it.
//!
//! ```
//! use larder::{Cache, SetOptions};
//! use std::time::Duration;
//!
//! # fn main() -> larder::Result<()> {
//! # let directory = tempfile::tempdir().expect("a directory");
//! let cache = Cache::builder().directory(&directory).max_size(100 << 20).open()?;
//! let answer = cache.get_or_insert_with("prompt:7", &SetOptions::new().ttl(Duration::from_secs(3600)), || {
//!     b"an expensive answer".to_vec()
//! })?;
//! assert_eq!(answer, b"an expensive answer");
//! assert!(cache.contains("prompt:7")?);
//! # Ok(())
//! # }
//! ```
//!
//! [`Cache`] is the entry point; [`keys`] makes keys. What it promises when processes die, disks fill and bytes rot is said in
//! `docs/design.md`.

mod bans;
mod cache;
mod circle;
mod component;
pub mod config;
mod depend;
mod error;
mod flight;
pub mod generate;
mod hash;
pub mod keys;
mod namespace;
mod pressure;
mod shard;
#[cfg(feature = "simulate")]
pub mod simulate;
pub mod storage;
mod store;
#[doc(hidden)]
pub mod testing;
mod timer;
pub mod typed;
mod workers;

pub use cache::{
    Builder, Cache, Codec, Compute, ComputeError, Computed, Defaults, Durability, EntryInfo, Exported, Filter, Format,
    Hit, Imported, Invalidated, Known, MemoryStatistics, NamespaceFigures, Refresh, Remaining, Rule, SetOptions,
    Source, Statistics, StoreStatistics, Strategy, Written,
};
pub use cache::{pools, prefetch};
pub use component::{COMPONENT, WIT};
pub use config::Config;
pub use depend::{Dependency, DependencyKind, RefreshMode};
pub use error::{Error, ErrorKind, Result};
pub use store::{Advice, Counters, Estimate, Lease, Lifetime, Verification};

/// The README's program, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;

/// The guide to keys, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../docs/keys.md")]
struct MakingKeys;

/// The guide to prefetching, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../docs/prefetch.md")]
struct Prefetching;

/// The guide to pools, run as a test.
#[cfg(doctest)]
#[doc = include_str!("../../docs/pools.md")]
struct Pools;
