//! Tests that hold for every build of Larder: the same calls, the same answers, the same bytes.
//!
//! A call is a name and its arguments in the words of `wit/cache.wit`, both as JSON; a [`Host`] answers it. What is said
//! once against that trait is tested against the natively linked engine ([`Native`]) and against the component in
//! wasmtime ([`Component`]); a browser's runner reads the same files in `vectors/`.
//!
//! | module | what it holds |
//! | --- | --- |
//! | [`host`] | the trait and the form of calls and answers |
//! | [`native`], [`component`] | the two hosts |
//! | [`vector`], [`interpret`], [`compare`] | reading vectors, playing them, judging answers |
//! | [`bytes`] | byte strings in JSON |
//! | [`random`] | seeded random calls |
//! | [`scale`] | how long a harness runs, and its random numbers |
//! | [`disk`], [`oracle`] | a file system in memory that loses power, and one whose calls fail; what a store may hold then |
//! | [`memory_disk`], [`small_store`] | a disk in memory, and a store of 64 KiB on it of which everything is known |
//! | [`mod@format`], [`forged`] | the store's formats, written down a second time, and files that lie |
//! | [`fuzz`] | mutants, and the bars that they are held to |
//! | [`history`], [`crew`] | whether a history is linearizable; processes that a harness commands |
//! | [`strace`], [`stores`], [`copies`] | which files a command touches; stores to look at; copies of them |
//! | [`tripwire`], [`workload`] | making something fail at a chosen moment; a run of operations that may fail |
//! | [`allocated`], [`synced`], [`watchdog`] | memory taken, files synced, rounds that never end |

// The object of all statistics is one expression.
#![recursion_limit = "256"]

pub mod allocated;
pub mod bytes;
pub mod compare;
pub mod component;
pub mod copies;
pub mod crew;
pub mod disk;
pub mod forged;
pub mod format;
pub mod fuzz;
pub mod history;
pub mod host;
pub mod interpret;
pub mod memory_disk;
pub mod native;
pub mod oracle;
pub mod random;
pub mod scale;
pub mod small_store;
pub mod stores;
pub mod strace;
pub mod synced;
pub mod tripwire;
pub mod vector;
pub mod watchdog;
pub mod weeks;
pub mod workload;

pub use component::Component;
pub use host::Host;
pub use native::Native;
pub use vector::Vector;
