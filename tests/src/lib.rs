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
//! | [`allocated`] | how much of the heap is used |
//! | [`bytes`] | byte strings in JSON |
//! | [`disk`] | a file system in memory that loses power, and one whose calls fail |
//! | [`oracle`] | what a store may hold, told from the writes made to it |
//! | [`random`] | seeded random calls |
//! | [`format`] | the store's formats, written down a second time |
//! | [`memory_disk`] | a disk in memory |
//! | [`small_store`] | a store of 64 KiB of which everything is known |
//! | [`watchdog`] | notices that a round never ends |
//! | [`fuzz`], [`counting`] | mutants and the bars they are held to; an allocator that counts |
//! | [`scale`] | how long a harness runs, and its random numbers |
//! | [`synced`] | files that count how often they were synced |
//! | [`tripwire`] | makes something fail at a chosen moment |
//! | [`workload`] | a run of operations on a cache that may fail, and what must be there |

pub mod allocated;
pub mod bytes;
pub mod compare;
pub mod component;
pub mod disk;
pub mod oracle;
pub mod host;
pub mod interpret;
pub mod memory_disk;
pub mod native;
pub mod random;
pub mod scale;
pub mod synced;
pub mod tripwire;
pub mod vector;
pub mod workload;

pub use component::Component;
pub use host::Host;
pub use native::Native;
pub use vector::Vector;
