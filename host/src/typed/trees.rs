//! `TreeCache`: a file and some of its lines, and the text that shows them.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::figures::Figures;
use super::memo::Memo;
use super::{file_name, file_tag};
use crate::cache::{Cache, Rule, SetOptions, Written};
use crate::depend::Dependency;
use crate::error::{Error, Result};
use crate::keys::{Keys, Value};

/// Texts by file and lines of interest, whose order does not matter. An entry is invalid once its file changes or is gone.
#[derive(Debug)]
pub struct TreeCache<T = String>(Memo<(String, BTreeSet<u32>), T>);

impl<T> Clone for TreeCache<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Serialize + DeserializeOwned> TreeCache<T> {
    /// The cache in the namespace `trees`.
    ///
    /// # Errors
    /// As [`Memo::new`].
    pub fn new(cache: &Cache) -> Result<Self> {
        Self::keyed(cache, "trees", &Keys::new()?)
    }

    /// The cache in a namespace of another name.
    ///
    /// # Errors
    /// As [`Memo::keyed`].
    pub fn keyed(cache: &Cache, namespace: &str, keys: &Keys) -> Result<Self> {
        let make = |keys: &Keys, (name, lines): &(String, BTreeSet<u32>)| {
            let lines = Value::set(lines.iter().copied());
            keys.structured(&Value::map([("file", name.as_str().into()), ("lines", lines)]))
        };
        Memo::keyed(cache, namespace, keys.clone(), make).map(Self)
    }

    /// As [`Memo::version`]: the version of what renders.
    #[must_use]
    pub fn version(self, version: u32) -> Self {
        Self(self.0.version(version))
    }

    /// The text for these lines, if the file is as it was then.
    ///
    /// # Errors
    /// `InvalidArgument` for a path that is not UTF-8; else as [`Cache::get`].
    pub fn get(&self, path: impl AsRef<Path>, lines: &BTreeSet<u32>) -> Result<Option<T>> {
        self.0.get(&(file_name(path.as_ref())?, lines.clone()))
    }

    /// Stores the text for these lines of a file that was as `seen` when it was read; see [`TagCache::set`](super::TagCache::set).
    ///
    /// # Errors
    /// As [`Memo::set`].
    pub fn set(&self, path: impl AsRef<Path>, lines: &BTreeSet<u32>, value: &T, seen: Dependency) -> Result<Written> {
        let name = file_name(path.as_ref())?;
        let tag = file_tag(&name);
        self.0.set_with(&(name, lines.clone()), value, |options| Ok(options.tag(tag).depends(seen)))
    }

    /// The text for these lines, or the one that `compute` makes. Among threads one computes.
    ///
    /// # Errors
    /// Those of `compute`; `InvalidArgument` for what is no file; else as [`Memo::get_or_compute`].
    pub fn get_or_compute<E: From<Error>>(
        &self,
        path: impl AsRef<Path>,
        lines: &BTreeSet<u32>,
        compute: impl FnOnce() -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let key = (file_name(path.as_ref())?, lines.clone());
        let more = |options: SetOptions| Ok(options.tag(file_tag(&key.0)).depends(Dependency::file(&key.0)?));
        self.0.get_or_compute_with(&key, more, compute)
    }

    /// Forgets all texts of a file.
    ///
    /// # Errors
    /// As [`Cache::invalidate`].
    pub fn invalidate(&self, path: impl AsRef<Path>) -> Result<()> {
        self.0.invalidate_by(&Rule::Tag(file_tag(&file_name(path.as_ref())?)))
    }

    /// How often it answered, and how large it is.
    ///
    /// # Errors
    /// As [`Cache::namespaces`].
    pub fn figures(&self) -> Result<Figures> {
        self.0.figures()
    }
}
