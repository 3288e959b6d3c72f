//! Values of Rust types, by serde. The content type says how a value is written, so either format is read whatever the
//! cache is set to.

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::options::{SetOptions, Written};
use super::{Cache, Format};
use crate::error::{Error, ErrorKind, Result};

const JSON: &str = "application/json";
const POSTCARD: &str = "application/vnd.larder.postcard";

impl Cache {
    /// Stores a value of a Rust type in the cache's format.
    ///
    /// # Errors
    /// `InvalidArgument` when the value cannot be written in the format; else as [`set`](Self::set).
    pub fn set_as<T: Serialize + ?Sized>(
        &self,
        key: impl AsRef<[u8]>,
        value: &T,
        options: &SetOptions,
    ) -> Result<Written> {
        let (bytes, content_type) = self.serialize(value)?;
        self.set_with(key, bytes, &options.clone().content_type(content_type))
    }

    /// The value under a key as a Rust type.
    ///
    /// # Errors
    /// `WrongType` when the entry was not written as a typed value, or as one of another type; else as
    /// [`get`](Self::get).
    pub fn get_as<T: DeserializeOwned>(&self, key: impl AsRef<[u8]>) -> Result<Option<T>> {
        self.find(key.as_ref())?.map(|hit| decode(&hit.value, &hit.content_type)).transpose()
    }

    /// The value under a key as a Rust type, or the one that `compute` makes. One computation for each key, as in
    /// [`get_or_insert_with`](Self::get_or_insert_with).
    ///
    /// # Errors
    /// `WrongType` as [`get_as`](Self::get_as); else as [`get_or_insert_with`](Self::get_or_insert_with).
    pub fn get_or_insert_as<T: Serialize + DeserializeOwned>(
        &self,
        key: impl AsRef<[u8]>,
        options: &SetOptions,
        compute: impl FnOnce() -> T,
    ) -> Result<T> {
        let (_, content_type) = self.content_type();
        let options = options.clone().content_type(content_type);
        let (value, content_type) =
            self.get_or_try_insert(key.as_ref(), &options, || self.serialize(&compute()).map(|(bytes, _)| bytes))?;
        decode(&value, &content_type)
    }

    fn content_type(&self) -> (Format, &'static str) {
        match self.inner.format {
            Format::Json => (Format::Json, JSON),
            Format::Postcard => (Format::Postcard, POSTCARD),
        }
    }

    fn serialize<T: Serialize + ?Sized>(&self, value: &T) -> Result<(Vec<u8>, &'static str)> {
        let unfit = |e: String| Error::invalid(format!("the value cannot be written: {e}"));
        let (format, content_type) = self.content_type();
        let bytes = match format {
            Format::Json => serde_json::to_vec(value).map_err(|e| unfit(e.to_string()))?,
            Format::Postcard => postcard::to_allocvec(value).map_err(|e| unfit(e.to_string()))?,
        };
        Ok((bytes, content_type))
    }
}

fn decode<T: DeserializeOwned>(bytes: &[u8], content_type: &str) -> Result<T> {
    let wrong = |e: String| {
        let wanted = std::any::type_name::<T>();
        Error::new(ErrorKind::WrongType, format!("the entry does not hold a {wanted}: {e}"))
    };
    match content_type {
        JSON => serde_json::from_slice(bytes).map_err(|e| wrong(e.to_string())),
        POSTCARD => match postcard::take_from_bytes(bytes) {
            Ok((value, [])) => Ok(value),
            Ok((_, rest)) => Err(wrong(format!("{} bytes are left over", rest.len()))),
            Err(e) => Err(wrong(e.to_string())),
        },
        other => Err(wrong(format!("its content type is {other:?}; it was not set as a typed value"))),
    }
}
