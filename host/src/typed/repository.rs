//! The three caches of a repository map together: told of a change at once, and counted together.

use std::fmt;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Figures, MapCache, TagCache, TreeCache};
use crate::cache::Cache;
use crate::error::Result;
use crate::keys::Keys;

/// What was found in files, maps of them, and texts of their lines: namespaces `tags`, `maps` and `trees` of one cache.
///
/// Files that change are noticed by themselves. [`file_changed`](Self::file_changed) is for who knows it earlier, and for caches
/// whose [refresh mode](crate::RefreshMode) is manual.
#[derive(Debug, Clone)]
pub struct RepositoryCaches<T, M = String> {
    /// What was found in files.
    pub tags: TagCache<T>,
    /// Maps.
    pub maps: MapCache<M>,
    /// Texts of lines.
    pub trees: TreeCache,
}

impl<T: Serialize + DeserializeOwned, M: Serialize + DeserializeOwned> RepositoryCaches<T, M> {
    /// The three caches in a cache.
    ///
    /// # Errors
    /// As [`Memo::new`](super::Memo::new).
    pub fn new(cache: &Cache) -> Result<Self> {
        let keys = Keys::new()?;
        Ok(Self {
            tags: TagCache::keyed(cache, "tags", &keys)?,
            maps: MapCache::keyed(cache, "maps", &keys)?,
            trees: TreeCache::keyed(cache, "trees", &keys)?,
        })
    }

    /// As [`Memo::version`](super::Memo::version), for all three.
    #[must_use]
    pub fn version(self, version: u32) -> Self {
        Self { tags: self.tags.version(version), maps: self.maps.version(version), trees: self.trees.version(version) }
    }

    /// Makes everything invalid that a file is part of.
    ///
    /// # Errors
    /// As [`Cache::invalidate`].
    pub fn file_changed(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        self.tags.invalidate(path)?;
        self.maps.invalidate_by_file(path)?;
        self.trees.invalidate(path)
    }

    /// How often each answered, and how large it is.
    ///
    /// # Errors
    /// As [`Cache::namespaces`].
    pub fn figures(&self) -> Result<RepositoryFigures> {
        let (tags, maps, trees) = (self.tags.figures()?, self.maps.figures()?, self.trees.figures()?);
        let total_requests = tags.requests() + maps.requests() + trees.requests();
        Ok(RepositoryFigures { tags, maps, trees, total_requests })
    }
}

/// Figures of the three caches; shown as a few lines of text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct RepositoryFigures {
    /// Of the tags.
    pub tags: Figures,
    /// Of the maps.
    pub maps: Figures,
    /// Of the trees.
    pub trees: Figures,
    /// Requests to all three.
    pub total_requests: u64,
}

impl fmt::Display for RepositoryFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, figures) in [("Tag", &self.tags), ("Map", &self.maps), ("Tree", &self.trees)] {
            writeln!(f, "{name} cache hit rate: {:.2}%", figures.hit_rate() * 100.0)?;
            writeln!(f, "{name} cache size: {:.1} MB", figures.size_mb())?;
        }
        writeln!(f, "Total cache requests: {}", self.total_requests)
    }
}
