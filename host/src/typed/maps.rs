//! `MapCache`: sets of files, a budget and what is mentioned, and the text of a map.
//!
//! Up to a thousand files are dependencies of the entry, which `larder invalidate --file` reaches like all others. An entry can
//! have no more than 1,024: of more files the state goes into the key, as one hash over the stamps that dependencies would have
//! had, so that a change leads to another key. Either way the entry is tagged by its files, for `invalidate_by_file`: by each,
//! or of many by the 512 groups into which hashes divide them; a group of which one file is named goes whole.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::figures::Figures;
use super::memo::Memo;
use super::{file_name, file_tag};
use crate::cache::{Cache, Rule, SetOptions, Written};
use crate::depend::Dependency;
use crate::error::{Error, Result};
use crate::keys::{Key, Keys, Value};

/// Files that an entry depends on one by one.
const FEW: usize = 1000;

/// What a map was made from. The order within the sets does not matter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct MapKey {
    /// Files that are talked about.
    pub chat_files: BTreeSet<PathBuf>,
    /// The other files of the repository.
    pub other_files: BTreeSet<PathBuf>,
    /// The budget of the text, in tokens.
    pub max_tokens: u64,
    /// Names of files that were mentioned.
    pub mentioned_names: BTreeSet<String>,
    /// Identifiers that were mentioned.
    pub mentioned_identifiers: BTreeSet<String>,
    /// Whatever else the text hangs on: options, the directory where names begin.
    pub context: String,
}

/// A [`MapKey`] with what its files were like when they were looked at.
#[derive(Debug, Clone)]
pub struct LookedAt {
    value: Value,
    dependencies: Vec<Dependency>,
    tags: Vec<String>,
}

impl LookedAt {
    fn new(key: &MapKey) -> Result<Self> {
        let chat = names(&key.chat_files)?;
        let other = names(&key.other_files)?;
        let all: BTreeSet<&String> = chat.iter().chain(&other).collect();
        let mut seen = all.iter().map(Dependency::file).collect::<Result<Vec<_>>>()?;
        let mut state = Value::Null;
        let tags = match seen.len() > FEW {
            false => all.iter().map(|name| file_tag(name)).collect(),
            true => {
                state = Value::Bytes(hash(&seen));
                seen.clear();
                let groups: BTreeSet<String> = all.iter().map(|name| group_tag(name)).collect();
                groups.into_iter().collect()
            }
        };
        let value = Value::map([
            ("chat_files", Value::set(chat)),
            ("other_files", Value::set(other)),
            ("max_tokens", key.max_tokens.into()),
            ("mentioned_names", Value::set(key.mentioned_names.iter().cloned())),
            ("mentioned_identifiers", Value::set(key.mentioned_identifiers.iter().cloned())),
            ("context", key.context.as_str().into()),
            ("state", state),
        ]);
        Ok(Self { value, dependencies: seen, tags })
    }

    fn options(&self, options: SetOptions) -> SetOptions {
        let options = self.tags.iter().fold(options, SetOptions::tag);
        self.dependencies.iter().cloned().fold(options, SetOptions::depends)
    }
}

/// Texts of maps by [`MapKey`]. An entry is invalid once one of its files changes or is gone.
#[derive(Debug)]
pub struct MapCache<T = String>(Memo<LookedAt, T>);

impl<T> Clone for MapCache<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T: Serialize + DeserializeOwned> MapCache<T> {
    /// The cache in the namespace `maps`.
    ///
    /// # Errors
    /// As [`Memo::new`].
    pub fn new(cache: &Cache) -> Result<Self> {
        Self::keyed(cache, "maps", &Keys::new()?)
    }

    /// The cache in a namespace of another name.
    ///
    /// # Errors
    /// As [`Memo::keyed`].
    pub fn keyed(cache: &Cache, namespace: &str, keys: &Keys) -> Result<Self> {
        let make = |keys: &Keys, looked_at: &LookedAt| -> Result<Key> { keys.structured(&looked_at.value) };
        Memo::keyed(cache, namespace, keys.clone(), make).map(Self)
    }

    /// As [`Memo::version`]: the version of what makes maps.
    #[must_use]
    pub fn version(self, version: u32) -> Self {
        Self(self.0.version(version))
    }

    /// Looks at the files of a key, one stat each. Do it before the map is made, so that a change in between is not taken for
    /// known.
    ///
    /// # Errors
    /// `InvalidArgument` for what is no file, and for paths that are not UTF-8; I/O errors.
    pub fn look(&self, key: &MapKey) -> Result<LookedAt> {
        LookedAt::new(key)
    }

    /// The text of a map whose files are as they were.
    ///
    /// # Errors
    /// As [`look`](Self::look) and [`Cache::get`].
    pub fn get(&self, key: &MapKey) -> Result<Option<T>> {
        self.get_looked_at(&LookedAt::new(key)?)
    }

    /// As [`get`](Self::get), when the files have been looked at already.
    ///
    /// # Errors
    /// As [`Cache::get`].
    pub fn get_looked_at(&self, key: &LookedAt) -> Result<Option<T>> {
        self.0.get(key)
    }

    /// The texts of several maps, in order.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_many<'a>(&self, keys: impl IntoIterator<Item = &'a MapKey>) -> Result<Vec<Option<T>>> {
        let keys = keys.into_iter().map(LookedAt::new).collect::<Result<Vec<_>>>()?;
        self.0.get_many(&keys)
    }

    /// Stores a text that was made after its files were looked at.
    ///
    /// # Errors
    /// As [`Memo::set`].
    pub fn set(&self, key: &LookedAt, value: &T) -> Result<Written> {
        self.0.set_with(key, value, |options| Ok(key.options(options)))
    }

    /// The text of a map, or the one that `compute` makes. Among threads one computes.
    ///
    /// # Errors
    /// Those of `compute`; else as [`get`](Self::get) and [`Memo::get_or_compute`].
    pub fn get_or_compute<E: From<Error>>(
        &self,
        key: &MapKey,
        compute: impl FnOnce() -> std::result::Result<T, E>,
    ) -> std::result::Result<T, E> {
        let key = LookedAt::new(key)?;
        self.0.get_or_compute_with(&key, |options| Ok(key.options(options)), compute)
    }

    /// Makes all maps invalid that a file is part of, and of maps of more than a thousand files perhaps some others.
    ///
    /// # Errors
    /// As [`Cache::invalidate`].
    pub fn invalidate_by_file(&self, path: impl AsRef<Path>) -> Result<()> {
        let name = file_name(path.as_ref())?;
        self.0.invalidate_by(&Rule::AnyTag(vec![file_tag(&name), group_tag(&name)]))
    }

    /// How often it answered, and how large it is.
    ///
    /// # Errors
    /// As [`Cache::namespaces`].
    pub fn figures(&self) -> Result<Figures> {
        self.0.figures()
    }
}

fn names(files: &BTreeSet<PathBuf>) -> Result<Vec<String>> {
    files.iter().map(|path| file_name(path)).collect()
}

fn hash(seen: &[Dependency]) -> Vec<u8> {
    let mut hasher = blake3::Hasher::new();
    for Dependency { name, stamp, .. } in seen {
        for part in [name.as_bytes(), stamp] {
            hasher.update(&(part.len() as u64).to_le_bytes()).update(part);
        }
    }
    hasher.finalize().as_bytes().to_vec()
}

/// The tag of the group that a file belongs to: 9 bits of its name's hash.
fn group_tag(name: &str) -> String {
    let hash = blake3::hash(name.as_bytes());
    let [low, high, ..] = *hash.as_bytes();
    format!("files:{}", u16::from_le_bytes([low, high & 1]))
}
