//! `Memo`: a function's results by what they were made from, in a namespace of a cache.

use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::envelope::{self, Mark};
use super::figures::{Counts, Figures};
use crate::cache::{Cache, Filter, Rule, SetOptions, Written};
use crate::error::{Error, ErrorKind, Result};
use crate::keys::{Key, Keys, Value};

/// How a key is made.
type MakeKey<K> = dyn Fn(&Keys, &K) -> Result<Key> + Send + Sync;

/// Values of a type by keys of a type, in a namespace of its own. Clones share its counts.
///
/// ```
/// # fn main() -> larder::Result<()> {
/// use larder::Cache;
/// use larder::typed::Memo;
///
/// let cache = Cache::builder().open()?;
/// let lengths = Memo::<(String, u32), usize>::new(&cache, "lengths")?;
/// let key = ("a text".to_owned(), 3);
/// let length = lengths.get_or_compute(&key, || Ok::<_, larder::Error>(key.0.len() * key.1 as usize))?;
/// assert_eq!(length, 18);
/// assert_eq!(lengths.get(&key)?, Some(18));
/// # Ok(())
/// # }
/// ```
pub struct Memo<K: ?Sized, V> {
    cache: Cache,
    namespace: String,
    keys: Keys,
    make: Arc<MakeKey<K>>,
    options: SetOptions,
    mark: Mark,
    counts: Arc<Counts>,
    value: PhantomData<fn() -> V>,
}

/// What is under a key.
enum Found<V> {
    Value(V),
    Nothing,
    /// An entry that is no value of the type.
    Damaged,
}

impl<K: Serialize + ?Sized, V: Serialize + DeserializeOwned> Memo<K, V> {
    /// A memo whose keys are made from whatever serialises: maps and structs in any order of fields, sequences in theirs. Give
    /// sets as `BTreeSet`: the order of a `HashSet` changes.
    ///
    /// # Errors
    /// `InvalidArgument` for a namespace that is empty or longer than 255 bytes; `Trap` when the component cannot be started.
    pub fn new(cache: &Cache, namespace: &str) -> Result<Self> {
        Self::keyed(cache, namespace, Keys::new()?, |keys, key: &K| keys.structured(&Value::of(key)?))
    }
}

impl<K: ?Sized, V: Serialize + DeserializeOwned> Memo<K, V> {
    /// A memo whose keys are made by `make`, which gives different values different keys.
    ///
    /// # Errors
    /// `InvalidArgument` for a namespace that is empty or longer than 255 bytes.
    pub fn keyed(
        cache: &Cache,
        namespace: &str,
        keys: Keys,
        make: impl Fn(&Keys, &K) -> Result<Key> + Send + Sync + 'static,
    ) -> Result<Self> {
        Ok(Self {
            cache: cache.namespace(namespace)?,
            namespace: namespace.to_owned(),
            keys,
            make: Arc::new(make),
            options: SetOptions::new(),
            mark: envelope::mark::<V>(0),
            counts: Arc::default(),
            value: PhantomData,
        })
    }

    /// What entries are written with, unless more is said: times, tags, what all of them depend on.
    #[must_use]
    pub fn options(mut self, options: SetOptions) -> Self {
        self.options = options;
        self
    }

    /// The version of what is computed, 0 by default: values of another one are misses. Raise it when the function changes, or
    /// when the type does and keeps its name.
    #[must_use]
    pub fn version(mut self, version: u32) -> Self {
        self.mark = envelope::mark::<V>(version);
        self
    }

    /// The value under a key; `None` also for an entry that is damaged or of another type.
    ///
    /// # Errors
    /// `InvalidArgument` for what no key can be made of; else as [`Cache::get`].
    pub fn get(&self, key: &K) -> Result<Option<V>> {
        Ok(match self.find(&self.key(key)?)? {
            Found::Value(value) => Some(value),
            Found::Nothing | Found::Damaged => None,
        })
    }

    /// The values under several keys, in order.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_many<'a>(&self, keys: impl IntoIterator<Item = &'a K>) -> Result<Vec<Option<V>>>
    where
        K: 'a,
    {
        let keys = keys.into_iter().map(|key| self.key(key)).collect::<Result<Vec<_>>>()?;
        let found = self.cache.get_many(&keys).into_iter().collect::<Result<Vec<_>>>()?;
        let value = |found: Option<Vec<u8>>| match self.read(found.as_deref()) {
            Found::Value(value) => Some(value),
            Found::Nothing | Found::Damaged => None,
        };
        Ok(found.into_iter().map(value).collect())
    }

    /// Stores a value, with the memo's options.
    ///
    /// # Errors
    /// `InvalidArgument` for what cannot be written; else as [`Cache::set_with`].
    pub fn set(&self, key: &K, value: &V) -> Result<Written> {
        self.set_with(key, value, Ok)
    }

    /// As [`set`](Self::set), with what `more` adds to the options.
    ///
    /// # Errors
    /// Those of `more` too.
    pub fn set_with(&self, key: &K, value: &V, more: impl FnOnce(SetOptions) -> Result<SetOptions>) -> Result<Written> {
        let options = more(self.options.clone())?;
        self.cache.set_with(self.key(key)?, envelope::encode(&self.mark, value)?, &options)
    }

    /// The value under a key, or the one that `compute` makes. Among threads one computes and the others wait.
    ///
    /// # Errors
    /// Those of `compute`; else as [`get`](Self::get) and [`Cache::get_or_insert_with`].
    pub fn get_or_compute<E: From<Error>>(
        &self,
        key: &K,
        compute: impl FnOnce() -> std::result::Result<V, E>,
    ) -> std::result::Result<V, E> {
        self.get_or_compute_with(key, Ok, compute)
    }

    /// As [`get_or_compute`](Self::get_or_compute), with what `more` adds to the options. It is called after a miss and before
    /// `compute`, as is right for a [`Dependency`](crate::Dependency).
    ///
    /// # Errors
    /// Those of `more` too.
    pub fn get_or_compute_with<E: From<Error>>(
        &self,
        key: &K,
        more: impl FnOnce(SetOptions) -> Result<SetOptions>,
        compute: impl FnOnce() -> std::result::Result<V, E>,
    ) -> std::result::Result<V, E> {
        let key = self.key(key)?;
        match self.find(&key)? {
            Found::Value(value) => return Ok(value),
            Found::Nothing => {}
            // Makes room for the one computation.
            Found::Damaged => drop(self.cache.delete(&key)?),
        }
        let options = more(self.options.clone())?;
        let mut compute = Some(compute);
        let mut made = None;
        let found = self.cache.get_or_try_insert_with(&key, &options, || {
            let Some(compute) = compute.take() else { return Ok(Vec::new()) };
            let value = compute()?;
            let bytes = envelope::encode(&self.mark, &value)?;
            made = Some(value);
            Ok::<_, E>(bytes)
        })?;
        match (made, compute) {
            (Some(value), _) => Ok(value),
            (None, Some(compute)) => match envelope::decode(&self.mark, &found) {
                Some(value) => Ok(value),
                // Somebody else writes values of another type under the same key.
                None => compute(),
            },
            (None, None) => Err(Error::new(ErrorKind::Internal, "a computation ended without a value").into()),
        }
    }

    /// Removes the value under a key; whether one was there.
    ///
    /// # Errors
    /// As [`Cache::delete`].
    pub fn invalidate(&self, key: &K) -> Result<bool> {
        self.cache.delete(self.key(key)?)
    }

    /// Makes the values invalid that a rule is true of, as [`Cache::invalidate`] does.
    ///
    /// # Errors
    /// As there.
    pub fn invalidate_by(&self, rule: &Rule) -> Result<()> {
        self.cache.invalidate(rule).map(drop)
    }

    /// The handle on the namespace.
    pub fn cache(&self) -> &Cache {
        &self.cache
    }

    /// How often it answered, and how large it is. For the size, all entries are looked at.
    ///
    /// # Errors
    /// As [`Cache::namespaces`] and [`Cache::list`].
    pub fn figures(&self) -> Result<Figures> {
        let (entries, bytes) = match self.cache.directory() {
            Some(_) => {
                let held = self.cache.namespaces()?.into_iter().find(|held| held.name == self.namespace);
                held.map_or((0, 0), |held| (held.entries, held.bytes))
            }
            None => {
                let held = self.cache.list(&Filter::default())?;
                (held.len() as u64, held.iter().map(|info| info.size).sum())
            }
        };
        Ok(Figures { entries, bytes, ..self.counts.figures() })
    }

    fn key(&self, key: &K) -> Result<Key> {
        (self.make)(&self.keys, key)
    }

    fn find(&self, key: &Key) -> Result<Found<V>> {
        Ok(self.read(self.cache.get(key)?.as_deref()))
    }

    fn read(&self, found: Option<&[u8]>) -> Found<V> {
        let value = found.map(|bytes| envelope::decode(&self.mark, bytes));
        match &value {
            Some(Some(_)) => self.counts.hit(),
            Some(None) => {
                self.counts.miss();
                self.counts.damaged();
                tracing::debug!("an entry of {} is damaged or of another type; it is made anew", self.namespace);
            }
            None => self.counts.miss(),
        }
        match value {
            Some(Some(value)) => Found::Value(value),
            Some(None) => Found::Damaged,
            None => Found::Nothing,
        }
    }
}

impl<K: ?Sized, V> Clone for Memo<K, V> {
    fn clone(&self) -> Self {
        Self {
            cache: self.cache.clone(),
            namespace: self.namespace.clone(),
            keys: self.keys.clone(),
            make: self.make.clone(),
            options: self.options.clone(),
            mark: self.mark,
            counts: self.counts.clone(),
            value: PhantomData,
        }
    }
}

impl<K: ?Sized, V> fmt::Debug for Memo<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memo").field("namespace", &self.namespace).finish_non_exhaustive()
    }
}
