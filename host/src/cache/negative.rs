//! What is remembered instead of a value: that there is none, or that its computation failed.
//!
//! Both are entries like others, with a time to live, tags and all, so that whatever makes an entry invalid ends them too.
//! Their content type marks them; no other write may use it. All that reads values takes them for absence, and what
//! writes only where nothing is (`add`, `increment`) or something is (`replace`) takes them for nothing.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::options::{SetOptions, Written};
use super::{Cache, Inner};
use crate::component::bindings::api;
use crate::error::{Error, Result};
use crate::shard::Shard;

const RESERVED: &str = "application/vnd.larder.no-";
/// There is no value.
const ABSENT: &str = "application/vnd.larder.no-value";
/// The computation failed; what it said is the entry's value.
const FAILED: &str = "application/vnd.larder.no-success";

/// Bytes of a record in which its content type must begin: header and namespace.
const BEFORE_FIELDS: usize = 56 + 255;

/// What stands in place of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Negative {
    Absent,
    Failed,
}

impl Negative {
    pub(super) fn of(content_type: &str) -> Option<Self> {
        match content_type {
            ABSENT => Some(Self::Absent),
            FAILED => Some(Self::Failed),
            _ => None,
        }
    }
}

/// # Errors
/// `InvalidArgument` for options that would make a value look like the absence of one.
pub(super) fn refuse_reserved(options: &SetOptions) -> Result<()> {
    if options.content_type.starts_with(RESERVED) {
        let message = format!("content types that begin with {RESERVED:?} mark what is no value; choose another");
        return Err(Error::invalid(message));
    }
    Ok(())
}

impl Cache {
    /// Remembers for a while that there is no value, if what is there is still of the version `seen`, or nothing is.
    pub(super) fn remember(
        &self,
        key: &[u8],
        negative: Negative,
        message: &str,
        ttl: Duration,
        seen: Option<u64>,
        options: &SetOptions,
    ) -> Result<Option<Written>> {
        let content_type = match negative {
            Negative::Absent => ABSENT,
            Negative::Failed => FAILED,
        };
        let options = SetOptions {
            ttl: Some(ttl),
            tti: None,
            stale: Some(Duration::ZERO),
            content_type: content_type.into(),
            ..options.clone()
        };
        self.inner.has_negatives.store(true, Ordering::Relaxed);
        match seen {
            None => self.add_any(key, message.as_bytes(), &options),
            Some(version) => self.compare_and_set_any(key, version, message.as_bytes(), &options),
        }
    }
}

impl Inner {
    /// Whether what a write that reads will find is no value: in memory, or in the record that it is given.
    pub(super) fn finds_negative(
        &self,
        shard: &mut Shard,
        namespace: u32,
        key: &[u8],
        record: Option<&[u8]>,
        now: u64,
    ) -> Result<bool> {
        if let Some(record) = record {
            // A look at where it would be spares most records the call.
            let head = &record[..record.len().min(BEFORE_FIELDS + RESERVED.len() + 3)];
            if !head.windows(RESERVED.len()).any(|bytes| bytes == RESERVED.as_bytes()) {
                return Ok(false);
            }
            let described =
                self.call(shard, namespace, |g| g.larder.larder_cache_cache().call_describe(&mut g.store, record));
            return Ok(described.is_ok_and(|info| is_negative(&info)));
        }
        if !self.has_negatives.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let known = self.call(shard, namespace, |g| {
            g.larder.larder_cache_cache().cache().call_inspect(&mut g.store, g.cache, namespace, key, now)
        })?;
        Ok(known.is_some_and(|info| is_negative(&info)))
    }
}

fn is_negative(info: &api::EntryInfo) -> bool {
    Negative::of(&info.content_type).is_some()
}
