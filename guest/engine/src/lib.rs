//! `larder-engine`: everything that makes a cache a cache, as a deterministic state machine.
//!
//! The engine performs no I/O, reads no clock and draws no randomness. Time arrives as an argument (`now`, Unix
//! milliseconds), the seed with the [`Config`]. The same configuration and the same calls give the same answers and the
//! same bytes on every host, for ever.
//!
//! ```
//! use larder_engine::{Config, Engine, SetOptions};
//!
//! let mut engine = Engine::open(Config::default())?;
//! let ns = engine.namespace("default")?;
//! engine.set(ns, b"user:42", b"Ada", &SetOptions::default(), 1_000, None)?;
//! assert_eq!(&*engine.get(ns, b"user:42", 2_000)?.expect("present").value, b"Ada");
//! # Ok::<(), larder_engine::Error>(())
//! ```
//!
//! # Layout
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`engine`] | [`Engine`] and its operations: read, write, batch, maintain, scan, check |
//! | `slab`, `slot`, `index`, `expiry` | the memory tier: slots by number, found by key, ordered by expiry |
//! | `hash`, `sip` | the keyed hash of keys |
//! | `policy` | what goes when space is needed, one file a policy |
//! | `directory`, `simulation` | a cache of keys alone, and the replay of a trace against a policy |
//! | `advice` | what other policies and sizes would hit, asked of such caches while this one runs |
//! | [`record`] | the framed form of an entry that a store keeps |
//! | `codec`, `compression`, `sample` | DEFLATE and LZ4 behind one bounded interface; which of them a value gets; which are not worth it |
//! | `cold` | what lies compressed in memory: the hand that finds it, dictionaries |
//! | [`pools`] | sets of variants that grow: plans, rounds, what is missing, picking |
//! | `prefetch` | what will be asked for next: a Markov predictor, and a queue by priority |
//! | [`keys`] | keys made from parts, dictionaries, paths, endpoints, texts and structured values |
//! | [`config`], [`error`], [`stats`] | what goes in, what goes wrong, what is counted |
//! | `text` | sentences and keys, put together without the formatting of the standard library |
//!
//! # Features
//!
//! All are on. A build for which every byte counts may do without some; what it leaves out is refused, and a record that needs
//! it is a refusal too, never a wrong value.
//!
//! | feature | without it |
//! | --- | --- |
//! | `advice` | [`Config::advice`] is refused |
//! | `cold-tier` | [`Config::cold_tier`] is refused |
//! | `lz4` | [`Compression::Lz4`] and [`Compression::Auto`] are refused; records in LZ4 are of a newer format |
//! | `policies` | there is no `lfu`, `clock-pro` and `gdsf` |
//! | `prediction` | there is no `prefetch`, and no policy `predicted` |
#![cfg_attr(not(test), no_std)]
#![forbid(unsafe_code)]

#[macro_use]
extern crate alloc;

#[macro_use]
mod text;

mod advice;
mod ascending;
mod bans;
mod codec;
mod cold;
mod compression;
pub mod config;
mod directory;
pub mod engine;
pub mod error;
mod expiry;
mod glob;
mod hash;
mod index;
mod judge;
pub mod keys;
mod namespace;
mod policy;
pub mod pools;
#[cfg(feature = "prediction")]
pub mod prefetch;
pub mod record;
mod rng;
mod sample;
mod sampling;
mod simulation;
mod sip;
mod slab;
mod slot;
pub mod stats;
mod time;

pub use advice::Estimate;
pub use bans::{MAX_BANS, Rule};
pub use codec::Codec;
pub use compression::Compression;
pub use config::{Config, Dependency, DependencyKind, Durability, NamespaceDefaults, SetOptions};
pub use engine::{
    Added, Banned, Carried, Engine, EntryInfo, Freshness, Hit, Item, Page, Picked, Stored, Times, describe, names,
    verify,
};
pub use error::{Error, ErrorCode, Refusal, Result};
pub use glob::matches;
pub use judge::Summary;
pub use namespace::NamespaceId;
pub use policy::{Objective, PolicyKind};
pub use record::checksum;
pub use simulation::{MAX_SIZE, Simulation, Totals, Unit};
pub use stats::Statistics;
