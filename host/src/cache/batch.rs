//! Many entries at once. Each has its own outcome; a batch is not atomic.

use super::Cache;
use super::options::{SetOptions, Written};
use crate::error::Result;

impl Cache {
    /// The values under several keys, in order.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn get_many<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<Vec<Option<Vec<u8>>>> {
        keys.into_iter().map(|key| self.get(key)).collect()
    }

    /// Stores several values, in order; each has its own outcome.
    pub fn set_many<K: AsRef<[u8]>, V: AsRef<[u8]>>(
        &self,
        entries: impl IntoIterator<Item = (K, V)>,
        options: &SetOptions,
    ) -> Vec<Result<Written>> {
        entries.into_iter().map(|(key, value)| self.set_with(key, value, options)).collect()
    }

    /// Deletes several entries, in order; for each whether a live one was there.
    ///
    /// # Errors
    /// As [`delete`](Self::delete); what was deleted before stays deleted.
    pub fn delete_many<K: AsRef<[u8]>>(&self, keys: impl IntoIterator<Item = K>) -> Result<Vec<bool>> {
        keys.into_iter().map(|key| self.delete(key)).collect()
    }
}
