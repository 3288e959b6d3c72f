//! Typed caches: memoised functions, and the three caches of a repository map.
//!
//! Each is a thin layer over a namespace of a [`Cache`](crate::Cache): keys by [`keys`](crate::keys), values by serde, files
//! that a value hangs on as dependencies or in its key. An entry that is damaged, or was written for another type, is a miss
//! and is made anew.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `memo` | `Memo`: any key, any value, one computation for each key |
//! | `envelope` | values as bytes that say which type they are of |
//! | `tags` | `TagCache`: a file, and what was found in it |
//! | `trees` | `TreeCache`: a file and some of its lines, and a text |
//! | `maps` | `MapCache`: sets of files, a budget and mentioned names, and a text |
//! | `repository` | `RepositoryCaches`: the three together |
//! | `figures` | how often each answered, and how large it is |
//! | `warm` | `Warmer`: work on many items in the background |

mod envelope;
mod figures;
mod maps;
mod memo;
mod repository;
mod tags;
mod trees;
mod warm;

pub use figures::Figures;
pub use maps::{LookedAt, MapCache, MapKey};
pub use memo::Memo;
pub use repository::{RepositoryCaches, RepositoryFigures};
pub use tags::TagCache;
pub use trees::TreeCache;
pub use warm::{Outcome, Progress, Warmed, Warmer, Warming};

use crate::cache::file_name;

/// The tag of entries that have to do with a file.
fn file_tag(name: &str) -> String {
    format!("file:{}", blake3::hash(name.as_bytes()).to_hex())
}
