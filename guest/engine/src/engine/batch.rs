//! Many entries in one call. Each item has its own outcome; a batch is not atomic.

use alloc::vec::Vec;

use super::{Engine, Hit, Item, Stored};
use crate::error::Result;
use crate::namespace::NamespaceId;

/// Bytes of answers after which a batch of reads ends.
const MAX_ANSWERS: usize = 1 << 20;

/// Bytes that an answer takes besides value and content type, about.
const ANSWER: usize = 128;

impl Engine {
    /// [`get`](Self::get) for each key, in order. The values are copies. Ends before the last key, but after the first one,
    /// once the answers take more than 1 MiB, 128 bytes for each included; keys without an answer were not looked up.
    pub fn get_many<'k>(
        &mut self,
        namespace: NamespaceId,
        keys: impl IntoIterator<Item = &'k [u8]>,
        now: u64,
    ) -> Result<Vec<Option<Hit<'static>>>> {
        let mut answers = Vec::new();
        let mut bytes = 0;
        for key in keys {
            let hit = self.get(namespace, key, now)?.map(Hit::into_owned);
            bytes += ANSWER + hit.as_ref().map_or(0, |hit| hit.value.len() + hit.content_type.len());
            answers.push(hit);
            if bytes > MAX_ANSWERS {
                break;
            }
        }
        Ok(answers)
    }

    /// [`set`](Self::set) for each item, in order. The item at place `i` gets the sequence number `sequence + i`.
    pub fn set_many<'i>(
        &mut self,
        namespace: NamespaceId,
        items: impl IntoIterator<Item = &'i Item>,
        now: u64,
        sequence: Option<u64>,
    ) -> Vec<Result<Stored>> {
        let numbered = items.into_iter().enumerate();
        let set = |(place, item): (usize, &Item)| {
            let sequence = sequence.map(|first| first.saturating_add(place as u64));
            self.set(namespace, &item.key, &item.value, &item.options, now, sequence)
        };
        numbered.map(set).collect()
    }

    /// Drops each key from the memory tier and answers, in order, whether a live entry was there.
    pub fn delete_many<'k>(
        &mut self,
        namespace: NamespaceId,
        keys: impl IntoIterator<Item = &'k [u8]>,
        now: u64,
    ) -> Result<Vec<bool>> {
        keys.into_iter().map(|key| self.delete(namespace, key, None, now)).collect()
    }
}

impl Hit<'_> {
    /// The same with its own copy of the value.
    pub fn into_owned(self) -> Hit<'static> {
        Hit {
            value: self.value.into_owned().into(),
            content_type: self.content_type.into_owned().into(),
            version: self.version,
            created: self.created,
            expires: self.expires,
            freshness: self.freshness,
            renew: self.renew,
            depends: self.depends,
        }
    }
}
