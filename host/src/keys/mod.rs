//! Keys made from what a result depends on: parts, dictionaries, paths, endpoints, texts, structured values.
//!
//! The component makes them, so that every host makes the same ones; here its one guest is kept, files are looked at, and long
//! texts are hashed as they come. Two different inputs never give one key. The formats are in `docs/design.md`, examples in
//! `docs/keys.md`.
//!
//! ```
//! use larder::Cache;
//! use larder::keys::{Keys, Value};
//!
//! # fn main() -> larder::Result<()> {
//! let keys = Keys::new()?;
//! let options = Value::map([("max_length", 100)]);
//! let key = keys.text("summarize", &options, "A text to be summarized.")?;
//! assert_eq!(key.as_str(), r#"text:summarize|{"max_length":100}|=A text to be summarized."#);
//!
//! let cache = Cache::builder().open()?;
//! cache.set(&key, "A summary.")?;
//! assert!(cache.contains(&key)?);
//! # Ok(())
//! # }
//! ```

mod file;
mod guest;
mod json;
mod serialize;
mod value;

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use crate::component::bindings::exports::larder::cache::keys as wit;
use crate::error::{Error, ErrorKind, Result};
use guest::Guest;
pub use value::Value;

/// What a key was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// Parts in their order.
    Parts,
    /// A map.
    Dictionary,
    /// Any value, sets included.
    Structured,
    /// A path, alone or with what is known of its file.
    Path,
    /// An endpoint and its parameters.
    Endpoint,
    /// A text, what is done with it, and options.
    Text,
}

impl Kind {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Parts => "parts",
            Self::Dictionary => "dictionary",
            Self::Structured => "structured",
            Self::Path => "path",
            Self::Endpoint => "endpoint",
            Self::Text => "text",
        }
    }
}

/// How large a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// Up to 500 bytes, unless [`Keys::tiers`] says otherwise.
    Small,
    /// Up to 5,000 bytes.
    Medium,
    /// Up to 50,000 bytes.
    Large,
    /// Larger than that.
    Xlarge,
}

impl Tier {
    /// Its name in keys.
    pub fn name(self) -> &'static str {
        match self {
            Self::Small => "small",
            Self::Medium => "medium",
            Self::Large => "large",
            Self::Xlarge => "xlarge",
        }
    }
}

/// A key, 1 to 65,535 bytes of text without control characters. A [`Cache`](crate::Cache) takes it as it is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    text: String,
    kind: Kind,
    hashed: bool,
    tier: Option<Tier>,
}

impl Key {
    /// The key.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// What it was made from.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Whether a part of what it was made from is in it as a hash only.
    pub fn is_hashed(&self) -> bool {
        self.hashed
    }

    /// How large the text is; `None` for other kinds.
    pub fn tier(&self) -> Option<Tier> {
        self.tier
    }
}

impl AsRef<[u8]> for Key {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Makes keys. Clones share one guest of the component, which takes some 2 MB and makes one key at a time.
#[derive(Clone)]
pub struct Keys {
    guest: Arc<Guest>,
    hash_above: u64,
    settings: Vec<wit::TextSetting>,
}

impl Keys {
    /// Starts a guest.
    ///
    /// # Errors
    /// `Trap` when the component cannot be started.
    pub fn new() -> Result<Self> {
        Ok(Self { guest: Arc::new(Guest::new()?), hash_above: 1_000, settings: Vec::new() })
    }

    /// Texts of more bytes are hashed: 1,000 by default, at most 16,384. Other settings, other keys.
    #[must_use]
    pub fn hash_above(mut self, bytes: u64) -> Self {
        self.hash_above = bytes;
        self.settings.push(wit::TextSetting::HashAbove(bytes));
        self
    }

    /// The longest text of the tiers small, medium and large in bytes: 500, 5,000 and 50,000 by default. Other settings, other
    /// keys of long texts.
    #[must_use]
    pub fn tiers(mut self, small: u64, medium: u64, large: u64) -> Self {
        use wit::TextSetting::{Large, Medium, Small};
        self.settings.extend([Small(small), Medium(medium), Large(large)]);
        self
    }

    /// A key from parts, at least one, in their order: `parts:user:profile:123`.
    ///
    /// # Errors
    /// `InvalidArgument` without a part, `TooLarge` above 16 MiB.
    pub fn parts<P: AsRef<[u8]>>(&self, parts: impl IntoIterator<Item = P>) -> Result<Key> {
        let parts: Vec<_> = parts.into_iter().map(|part| part.as_ref().to_vec()).collect();
        let size = parts.iter().map(Vec::len).sum();
        self.key(Kind::Parts, size, |keys, store| keys.call_parts(store, &parts))
    }

    /// A key from a map or a struct, whose order does not matter: `dict:{"type":"profile","user_id":123}`. Sequences keep their
    /// order; for a set that has none, give a [`Value`] to [`structured`](Self::structured).
    ///
    /// # Errors
    /// `InvalidArgument` for anything but a map, keys that are not text or come twice, or more than 64 levels; `TooLarge` above
    /// 1,048,576 values or 16 MiB.
    pub fn dictionary(&self, value: &(impl Serialize + ?Sized)) -> Result<Key> {
        self.dictionary_of(&Value::of(value)?)
    }

    /// As [`dictionary`](Self::dictionary), of a value that was put together by hand.
    ///
    /// # Errors
    /// As there.
    pub fn dictionary_of(&self, value: &Value) -> Result<Key> {
        self.of_value(Kind::Dictionary, value)
    }

    /// A key from any value: `structured:{"files":("a.rs","b.rs"),"max_tokens":1024}`.
    ///
    /// # Errors
    /// As [`dictionary`](Self::dictionary), which takes maps only.
    pub fn structured(&self, value: &Value) -> Result<Key> {
        self.of_value(Kind::Structured, value)
    }

    fn of_value(&self, kind: Kind, value: &Value) -> Result<Key> {
        let (tokens, size) = value.tokens()?;
        self.key(kind, size, |keys, store| match kind {
            Kind::Dictionary => keys.call_dictionary(store, &tokens),
            _ => keys.call_structured(store, &tokens),
        })
    }

    /// A key from an endpoint and parameters, whose order matters only among those of one name:
    /// `/api/users|filter=active&id=123`.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty endpoint, `TooLarge` above 16 MiB.
    pub fn endpoint<N: Into<String>, V: Into<String>>(
        &self,
        endpoint: &str,
        parameters: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Key> {
        let parameters: Vec<_> = parameters.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        let size = endpoint.len() + parameters.iter().map(|(name, value)| name.len() + value.len()).sum::<usize>();
        self.key(Kind::Endpoint, size, |keys, store| keys.call_endpoint(store, endpoint, &parameters))
    }

    /// A key from a path alone, taken as it is and not looked at: `path:src/lib.rs`.
    ///
    /// # Errors
    /// `InvalidArgument` for an empty path.
    pub fn path(&self, path: impl AsRef<Path>) -> Result<Key> {
        self.of_path(path.as_ref(), &wit::PathState::Unknown)
    }

    /// A key from a path with the size and the time of modification that are found there:
    /// `path:src/lib.rs|12@1700000000.000000005`.
    ///
    /// # Errors
    /// As [`path`](Self::path); `Io` or `Directory` when there is nothing or it may not be looked at.
    pub fn file(&self, path: impl AsRef<Path>) -> Result<Key> {
        self.of_path(path.as_ref(), &wit::PathState::Stamp(file::stamp(path.as_ref())?))
    }

    /// A key from a path with the content of the file: `path:src/lib.rs|hash:…`. Reads the whole file, a piece at a time.
    ///
    /// # Errors
    /// As [`file`](Self::file); `InvalidArgument` for what is no regular file.
    pub fn file_content(&self, path: impl AsRef<Path>) -> Result<Key> {
        self.of_path(path.as_ref(), &wit::PathState::ContentHash(file::hash(path.as_ref())?))
    }

    fn of_path(&self, path: &Path, state: &wit::PathState) -> Result<Key> {
        let path = path.as_os_str().as_encoded_bytes();
        self.key(Kind::Path, path.len(), |keys, store| keys.call_path(store, path, state))
    }

    /// A key from a text, an operation of 1 to 255 bytes, and options, a map: `text:summarize|{"max_length":100}|=Hello`, or with
    /// a long text `text:summarize||medium#5000#…`.
    ///
    /// # Errors
    /// As [`dictionary`](Self::dictionary) for the options; `InvalidArgument` for an operation or settings outside their range.
    pub fn text(&self, operation: &str, options: &Value, text: impl AsRef<[u8]>) -> Result<Key> {
        let text = text.as_ref();
        if text.len() as u64 > self.hash_above {
            return self.text_hashed(operation, options, text.len() as u64, &blake3::hash(text));
        }
        let (tokens, size) = value::options(options)?;
        self.key(Kind::Text, size, |keys, store| keys.call_text(store, operation, &tokens, text, &self.settings))
    }

    /// The key of a text that is read to its end, however long, in little memory.
    ///
    /// # Errors
    /// As [`text`](Self::text), and `Io` when reading fails.
    pub fn text_from(&self, operation: &str, options: &Value, text: impl std::io::Read) -> Result<Key> {
        match file::text(text, self.hash_above)? {
            file::Text::Short(text) => self.text(operation, options, text),
            file::Text::Long(length, hash) => self.text_hashed(operation, options, length, &hash),
        }
    }

    fn text_hashed(&self, operation: &str, options: &Value, length: u64, hash: &blake3::Hash) -> Result<Key> {
        let (tokens, size) = value::options(options)?;
        self.key(Kind::Text, size, |keys, store| {
            keys.call_text_hashed(store, operation, &tokens, length, hash.as_bytes(), &self.settings)
        })
    }

    /// What all keys of an operation begin with, and no others: `text:summarize|`.
    ///
    /// # Errors
    /// `InvalidArgument` for an operation that is empty or longer than 255 bytes.
    pub fn operation_prefix(&self, operation: &str) -> Result<String> {
        text_of(self.guest.call(operation.len(), |keys, store| keys.call_operation_prefix(store, operation))?)
    }

    /// Makes a key of about `size` bytes.
    fn key(
        &self,
        kind: Kind,
        size: usize,
        call: impl FnOnce(&wit::Guest, guest::Store<'_>) -> guest::Made,
    ) -> Result<Key> {
        let wit::Made { key, hashed, tier } = self.guest.call(size, call)?;
        let tier = tier.map(|tier| match tier {
            wit::Tier::Small => Tier::Small,
            wit::Tier::Medium => Tier::Medium,
            wit::Tier::Large => Tier::Large,
            wit::Tier::Xlarge => Tier::Xlarge,
        });
        Ok(Key { text: text_of(key)?, kind, hashed, tier })
    }
}

fn text_of(key: Vec<u8>) -> Result<String> {
    let internal = |e| Error::new(ErrorKind::Internal, "the component made a key that is not text").with(e);
    String::from_utf8(key).map_err(internal)
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("settings", &self.settings).finish_non_exhaustive()
    }
}
