//! Writing an entry depending on what is there: read, decide and write as one step.

use super::write::Draft;
use super::{Engine, Stored};
use crate::config::SetOptions;
use crate::error::{Error, ErrorCode, Result};
use crate::namespace::NamespaceId;
use crate::time::after;

impl Engine {
    /// Stores an entry only if no live one is there; `None` when there is.
    ///
    /// # Errors
    /// As [`set`](Self::set); `NewerFormat` when `stored` is a record that this version cannot judge.
    #[expect(clippy::too_many_arguments, reason = "they are the call's own words; a struct would only rename them")]
    pub fn add(
        &mut self,
        namespace: NamespaceId,
        key: &[u8],
        value: &[u8],
        options: &SetOptions,
        stored: Option<&[u8]>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Option<Stored>> {
        self.set_if(namespace, key, value, options, stored, now, sequence, |version| version.is_none())
    }

    /// Stores an entry only if a live one is there; `None` when there is not.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    #[expect(clippy::too_many_arguments, reason = "they are the call's own words; a struct would only rename them")]
    pub fn replace(
        &mut self,
        namespace: NamespaceId,
        key: &[u8],
        value: &[u8],
        options: &SetOptions,
        stored: Option<&[u8]>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Option<Stored>> {
        self.set_if(namespace, key, value, options, stored, now, sequence, |version| version.is_some())
    }

    /// Stores an entry only if the live one has the version `expected`; `None` when it has another or is not there.
    ///
    /// # Errors
    /// As [`add`](Self::add).
    #[expect(clippy::too_many_arguments, reason = "they are the call's own words; a struct would only rename them")]
    pub fn compare_and_set(
        &mut self,
        namespace: NamespaceId,
        key: &[u8],
        expected: u64,
        value: &[u8],
        options: &SetOptions,
        stored: Option<&[u8]>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Option<Stored>> {
        self.set_if(namespace, key, value, options, stored, now, sequence, |version| version == Some(expected))
    }

    #[expect(clippy::too_many_arguments, reason = "the sum of the three above")]
    fn set_if(
        &mut self,
        namespace: NamespaceId,
        key: &[u8],
        value: &[u8],
        options: &SetOptions,
        stored: Option<&[u8]>,
        now: u64,
        sequence: Option<u64>,
        condition: impl FnOnce(Option<u64>) -> bool,
    ) -> Result<Option<Stored>> {
        let ns = self.known_namespace(namespace)?;
        let draft = self.draft(ns, key, value, options, now)?;
        if !condition(self.current_version(ns, key, stored, now)?) {
            return Ok(None);
        }
        let version = self.next_version(sequence)?;
        self.write(&draft, version, now).map(Some)
    }

    /// Adds `delta` to an entry whose value is a decimal integer and answers the sum. An entry that is not there counts
    /// as 0 and is created with `options`; one that is there keeps its times, metadata and tags.
    ///
    /// # Errors
    /// `NotANumber` when the value is not a signed 64-bit decimal or the sum would not be; else as [`add`](Self::add).
    #[expect(clippy::too_many_arguments, reason = "they are the call's own words; a struct would only rename them")]
    pub fn increment(
        &mut self,
        namespace: NamespaceId,
        key: &[u8],
        delta: i64,
        options: &SetOptions,
        stored: Option<&[u8]>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<(i64, Stored)> {
        let ns = self.known_namespace(namespace)?;
        let Some(current) = self.current(ns, key, stored, now)? else {
            let text = text!(delta);
            let draft = self.draft(ns, key, text.as_bytes(), options, now)?;
            let version = self.next_version(sequence)?;
            return Ok((delta, self.write(&draft, version, now)?));
        };
        let sum = core::str::from_utf8(&current.value)
            .ok()
            .and_then(|text| text.trim_ascii().parse::<i64>().ok())
            .and_then(|number| number.checked_add(delta));
        let Some(sum) = sum else {
            let message = "the value is not a decimal integer, or the sum leaves the range of 64 bits";
            return Err(self.counted(ns, Error::new(ErrorCode::NotANumber, message)));
        };
        let text = text!(sum);
        let draft = Draft {
            namespace: ns,
            key,
            value: text.as_bytes(),
            fields: current.fields,
            created: current.created,
            accessed: now,
            expires: current.expires,
            durability: current.durability,
        };
        self.check_fits(&draft).map_err(|e| self.counted(ns, e))?;
        let version = self.next_version(sequence)?;
        Ok((sum, self.write(&draft, version, now)?))
    }

    /// Gives a live entry a new time to live, counted from now, and restarts its idle time-out. With `ttl` `None` only
    /// the idle time-out restarts; a `ttl` of `u64::MAX` means "never expires". `None` when no live entry is there.
    ///
    /// # Errors
    /// `InvalidArgument` for a time to live of zero; `UnknownNamespace`; `NewerFormat`.
    pub fn touch(
        &mut self,
        namespace: NamespaceId,
        key: &[u8],
        ttl: Option<u64>,
        stored: Option<&[u8]>,
        now: u64,
        sequence: Option<u64>,
    ) -> Result<Option<Stored>> {
        let ns = self.known_namespace(namespace)?;
        if ttl == Some(0) {
            let refusal = Error::invalid("a time to live of zero would expire the entry at once; delete it instead");
            return Err(self.counted(ns, refusal));
        }
        let Some(current) = self.current(ns, key, stored, now)? else { return Ok(None) };
        let draft = Draft {
            namespace: ns,
            key,
            value: &current.value,
            fields: current.fields,
            created: current.created,
            accessed: now,
            expires: ttl.map_or(current.expires, |ttl| after(now, ttl)),
            durability: current.durability,
        };
        let version = self.next_version(sequence)?;
        self.write(&draft, version, now).map(Some)
    }
}
