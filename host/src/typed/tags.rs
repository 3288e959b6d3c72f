//! `TagCache`: a file, and what was found in it: tags, symbols, whatever was extracted.

use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::figures::Figures;
use super::memo::Memo;
use super::{file_name, file_tag};
use crate::cache::{Cache, Rule, Written};
use crate::depend::Dependency;
use crate::error::{Error, Result};
use crate::keys::Keys;

/// What was found in files, by path. An entry is invalid once its file changes or is gone. Paths are made absolute; links in them
/// are not followed.
///
/// ```
/// # fn main() -> larder::Result<()> {
/// # let directory = tempfile::tempdir().expect("a directory");
/// # let path = directory.path().join("lib.rs");
/// # std::fs::write(&path, "fn main() {}").expect("a file");
/// use larder::Cache;
/// use larder::typed::TagCache;
///
/// let cache = Cache::builder().open()?;
/// let words = TagCache::<usize>::new(&cache)?;
/// let count = || Ok::<_, larder::Error>(std::fs::read_to_string(&path).expect("a text").split(' ').count());
/// assert_eq!(words.get_or_compute(&path, count)?, 3);
///
/// std::fs::write(&path, "// Nothing").expect("a file");
/// assert_eq!(words.get(&path)?, None);
/// assert_eq!(words.get_or_compute(&path, count)?, 2);
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct TagCache<T>(Memo<str, T>);

impl<T> Clone for TagCache<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Serialize + DeserializeOwned> TagCache<T> {
    /// The cache in the namespace `tags`.
    ///
    /// # Errors
    /// As [`Memo::new`].
    pub fn new(cache: &Cache) -> Result<Self> {
        Self::keyed(cache, "tags", &Keys::new()?)
    }

    /// The cache in a namespace of another name.
    ///
    /// # Errors
    /// As [`Memo::keyed`].
    pub fn keyed(cache: &Cache, namespace: &str, keys: &Keys) -> Result<Self> {
        Memo::keyed(cache, namespace, keys.clone(), |keys, name: &str| keys.path(name)).map(Self)
    }

    /// As [`Memo::version`]: the version of what extracts.
    #[must_use]
    pub fn version(self, version: u32) -> Self {
        Self(self.0.version(version))
    }

    /// What is known of a file, if it is as it was then.
    ///
    /// # Errors
    /// `InvalidArgument` for a path that is not UTF-8; else as [`Cache::get`].
    pub fn get(&self, path: impl AsRef<Path>) -> Result<Option<T>> {
        self.0.get(&file_name(path.as_ref())?)
    }

    /// What is known of several files, in order.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_many<P: AsRef<Path>>(&self, paths: impl IntoIterator<Item = P>) -> Result<Vec<Option<T>>> {
        let names = paths.into_iter().map(|path| file_name(path.as_ref())).collect::<Result<Vec<_>>>()?;
        self.0.get_many(names.iter().map(String::as_str))
    }

    /// Stores what was found in a file that was as `seen` when it was read: make that before reading, by [`Dependency::file`] or
    /// [`Dependency::content`], so that a change in between is not taken for known.
    ///
    /// # Errors
    /// As [`Memo::set`].
    pub fn set(&self, path: impl AsRef<Path>, value: &T, seen: Dependency) -> Result<Written> {
        let name = file_name(path.as_ref())?;
        self.0.set_with(&name, value, |options| Ok(options.tag(file_tag(&name)).depends(seen)))
    }

    /// What is known of a file, or what `compute` finds in it. Among threads one computes.
    ///
    /// # Errors
    /// Those of `compute`; `InvalidArgument` for what is no file; else as [`Memo::get_or_compute`].
    pub fn get_or_compute<E: From<Error>>(
        &self,
        path: impl AsRef<Path>,
        compute: impl FnOnce() -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let name = file_name(path.as_ref())?;
        let more = |options: crate::SetOptions| Ok(options.tag(file_tag(&name)).depends(Dependency::file(&name)?));
        self.0.get_or_compute_with(&name, more, compute)
    }

    /// Forgets what is known of a file.
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
