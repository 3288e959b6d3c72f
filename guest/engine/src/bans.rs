//! Bans: rules that make the entries invalid that were written before them, wherever those lie.
//!
//! A ban has a number from the same sequence as versions. It matches an entry whose version is lower and of whom its rule is
//! true; nothing is looked for when it is made, so that making one costs the same however many entries it hits. An entry
//! is asked about when it is read: one that is younger than all bans costs one comparison, another a look-up for each of its
//! tags and a comparison with each younger rule that is not about one tag.
//!
//! A rule that is made again takes the place of the older one. When the list is full, whoever keeps the entries has to look
//! through them once; then no ban is needed any more ([`Bans::reap`]).
//!
//! Source of the idea: the ban lists of Varnish, whose rules are also checked when an object is next asked for.

mod format;
mod rule;
mod tagged;

use alloc::string::String;
use alloc::vec::Vec;

pub use rule::Rule;
pub(crate) use tagged::Tagged;

use crate::error::{Error, ErrorCode, Result};
use crate::record::fields::Fields;

/// How many bans there can be.
pub const MAX_BANS: usize = 1024;

/// Bytes that all of them take together when they are kept in a record.
const MAX_SIZE: usize = 4 << 20;

/// A rule, for whom it is meant, and since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ban {
    pub(crate) sequence: u64,
    /// Name of the namespace; `None` is every one.
    pub(crate) namespace: Option<String>,
    pub(crate) rule: Rule,
}

impl Ban {
    /// Whether it takes the place of the other one if it is younger.
    fn is_about_the_same(&self, other: &Self) -> bool {
        self.rule == other.rule && self.namespace == other.namespace
    }

    /// Whether it is about an entry, whatever that one's version.
    pub(crate) fn concerns(&self, entry: &Subject<'_>) -> bool {
        self.namespace.as_deref().is_none_or(|name| name == entry.namespace)
            && self.rule.is_true_of(entry.key, entry.fields)
    }
}

/// What a ban has to know of an entry.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) version: u64,
    pub(crate) namespace: &'a str,
    pub(crate) key: &'a [u8],
    pub(crate) fields: Fields<'a>,
}

#[derive(Debug, Default)]
pub(crate) struct Bans {
    /// In the order of their numbers.
    list: Vec<Ban>,
    /// The tags that one-tag rules name, sorted, with the number of the newest such rule in any namespace.
    tags: Vec<(String, u64)>,
    /// Bans up to this number were reaped: who has not known them cannot tell any more what they hit.
    reaped: u64,
    /// Bytes of all names and rules.
    size: usize,
}

impl Bans {
    /// The number of the newest ban; entries of this version and above are of no concern. 0 when there are none.
    #[inline]
    pub(crate) fn newest(&self) -> u64 {
        self.list.last().map_or(0, |ban| ban.sequence)
    }

    /// Bans up to this number were reaped.
    pub(crate) fn reaped(&self) -> u64 {
        self.reaped
    }

    /// Up to which number all bans are known, or were when they were reaped.
    pub(crate) fn known(&self) -> u64 {
        self.newest().max(self.reaped)
    }

    /// All bans in the order of their numbers.
    pub(crate) fn all(&self) -> &[Ban] {
        &self.list
    }

    /// Whether these have room; those that take the place of others need none.
    pub(crate) fn have_room(&self, bans: &[Ban]) -> bool {
        let new = bans.iter().filter(|ban| !self.list.iter().any(|other| other.is_about_the_same(ban)));
        let (count, size) = new.fold((0, 0), |(count, size), ban| (count + 1, size + format::size(ban)));
        self.list.len() + count <= MAX_BANS && self.size + size <= MAX_SIZE
    }

    /// Adds a ban; one with the same rule for the same namespace goes if it is older.
    ///
    /// # Errors
    /// `Full`.
    pub(crate) fn add(&mut self, ban: Ban) -> Result<()> {
        if let Some(at) = self.list.iter().position(|other| other.is_about_the_same(&ban)) {
            if self.list[at].sequence >= ban.sequence {
                return Ok(());
            }
            self.size -= format::size(&ban);
            self.list.remove(at);
        }
        if !self.have_room(core::slice::from_ref(&ban)) {
            return Err(Error::new(ErrorCode::Full, "there are too many bans; look through the entries and reap them"));
        }
        self.size += format::size(&ban);
        self.note_tag(&ban);
        let at = self.list.partition_point(|other| other.sequence <= ban.sequence);
        self.list.insert(at, ban);
        Ok(())
    }

    fn note_tag(&mut self, ban: &Ban) {
        let Rule::Tag(tag) = &ban.rule else { return };
        match self.tags.binary_search_by(|(known, _)| known.as_str().cmp(tag)) {
            Ok(at) => self.tags[at].1 = self.tags[at].1.max(ban.sequence),
            Err(at) => self.tags.insert(at, (tag.clone(), ban.sequence)),
        }
    }

    /// Whether an entry is invalid.
    pub(crate) fn cover(&self, entry: &Subject<'_>) -> bool {
        let mut younger = self.list.iter().rev().take_while(|ban| ban.sequence > entry.version);
        // Rules about one tag may be many, and most are about others'.
        let may_be_tagged = !self.tags.is_empty() && entry.fields.tags().any(|tag| self.is_named(tag, entry.version));
        younger.any(|ban| (may_be_tagged || !matches!(ban.rule, Rule::Tag(_))) && ban.concerns(entry))
    }

    /// Whether a one-tag rule above this version names a tag.
    fn is_named(&self, tag: &str, version: u64) -> bool {
        let found = self.tags.binary_search_by(|(known, _)| known.as_str().cmp(tag));
        found.is_ok_and(|at| self.tags[at].1 > version)
    }

    /// Forgets the bans up to a number: nothing older is left that they match.
    pub(crate) fn reap(&mut self, until: u64) {
        self.reaped = self.reaped.max(until.min(self.newest()));
        self.list.retain(|ban| ban.sequence > until);
        self.size = self.list.iter().map(format::size).sum();
        self.tags.clear();
        for ban in core::mem::take(&mut self.list) {
            self.note_tag(&ban);
            self.list.push(ban);
        }
    }

    /// All bans as the value of an entry.
    pub(crate) fn encode(&self) -> Vec<u8> {
        format::encode(self.reaped, &self.list)
    }

    /// Reads what [`encode`](Self::encode) wrote.
    ///
    /// # Errors
    /// `Corrupt`, `NewerFormat`.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self> {
        let (reaped, list) = format::decode(bytes)?;
        let mut bans = Self { reaped, ..Self::default() };
        for ban in list {
            bans.add(ban).map_err(|_| Error::corrupt("it holds more bans than there can be"))?;
        }
        Ok(bans)
    }

    /// Whether the sums are right and the order holds, for tests.
    pub(crate) fn check(&self) -> core::result::Result<(), String> {
        let size: usize = self.list.iter().map(format::size).sum();
        if size != self.size {
            return Err(text!("bans of ", size, " bytes are counted as ", self.size));
        }
        let named = |ban: &Ban| match &ban.rule {
            Rule::Tag(tag) => ban.sequence == 0 || self.is_named(tag, ban.sequence - 1),
            _ => true,
        };
        if !self.list.iter().all(named) || !self.tags.is_sorted() {
            return Err("a tag is not known by its ban".into());
        }
        if !self.list.is_sorted_by_key(|ban| ban.sequence) {
            return Err("bans are out of order".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
