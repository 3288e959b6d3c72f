//! Who is measured: Larder and its peers behind two small traits.

pub mod databases;
pub mod memory;
pub mod native;
pub mod peers;
pub mod python;
pub mod stores;

pub use memory::{MemoryCache, contestants};
pub use stores::{DiskStore, STORES, StoreKind};
