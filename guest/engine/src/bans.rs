//! Bans: rules that make the entries invalid that were written before them, wherever those lie.
//!
//! A ban has a number from the same sequence as versions. It matches an entry whose version is lower and of whom its rule is
//! true; nothing is looked for when it is made, so that making one costs the same however many entries it hits. An entry
//! is asked about when it is read: one that is younger than all bans costs one comparison, another a look-up for each of its
//! tags and a comparison with each rule that is not about one tag.
//!
//! A rule that is made again takes the place of the older one. When the list is full, whoever keeps the entries has to look
//! through them once; then no ban is needed any more ([`Bans::reap`]).
//!
//! Source of the idea: the ban lists of Varnish, whose rules are also checked when an object is next asked for.

mod format;
mod rule;
mod tagged;

pub use rule::Rule;
pub(crate) use tagged::Tagged;

use std::collections::BTreeMap;

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
    /// The highest number; 0 when there are none.
    newest: u64,
    /// Numbers of the bans of one tag: by the tag, then by the namespace.
    tags: BTreeMap<String, Vec<(Option<String>, u64)>>,
    /// All others, in the order of their numbers.
    others: Vec<Ban>,
    /// Bans up to this number were reaped: who has not known them cannot tell any more what they hit.
    reaped: u64,
    /// Bytes of all names and rules.
    size: usize,
    /// How many there are.
    len: usize,
}

impl Bans {
    /// The number of the newest ban; entries of this version and above are of no concern. 0 when there are none.
    #[inline]
    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    /// Bans up to this number were reaped.
    pub(crate) fn reaped(&self) -> u64 {
        self.reaped
    }

    /// Up to which number all bans are known, or were when they were reaped.
    pub(crate) fn known(&self) -> u64 {
        self.newest.max(self.reaped)
    }

    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Whether as many more bans, of so many bytes, have room.
    pub(crate) fn have_room(&self, bans: &[Ban]) -> bool {
        self.len + bans.len() <= MAX_BANS && self.size + bans.iter().map(format::size).sum::<usize>() <= MAX_SIZE
    }

    /// Adds a ban, which is younger than all others.
    ///
    /// # Errors
    /// `Full`.
    pub(crate) fn add(&mut self, ban: Ban) -> Result<()> {
        self.remove(&ban);
        if !self.have_room(std::slice::from_ref(&ban)) {
            return Err(Error::new(ErrorCode::Full, "there are too many bans; look through the entries and reap them"));
        }
        self.newest = self.newest.max(ban.sequence);
        self.size += format::size(&ban);
        self.len += 1;
        match ban.rule {
            Rule::Tag(tag) => self.tags.entry(tag).or_default().push((ban.namespace, ban.sequence)),
            _ => self.others.push(ban),
        }
        Ok(())
    }

    /// Removes the ban with the same rule for the same namespace.
    fn remove(&mut self, ban: &Ban) {
        let known = match &ban.rule {
            Rule::Tag(tag) => self.tags.get_mut(tag).and_then(|scopes| {
                let at = scopes.iter().position(|(namespace, _)| *namespace == ban.namespace)?;
                Some(scopes.remove(at)).map(drop)
            }),
            rule => {
                let same = |other: &Ban| other.rule == *rule && other.namespace == ban.namespace;
                self.others.iter().position(same).map(|at| drop(self.others.remove(at)))
            }
        };
        if known.is_some() {
            self.size -= format::size(ban);
            self.len -= 1;
        }
    }

    /// Whether an entry is invalid.
    pub(crate) fn cover(&self, entry: &Subject<'_>) -> bool {
        if entry.version >= self.newest {
            return false;
        }
        let concerns = |namespace: &Option<String>| namespace.as_deref().is_none_or(|name| name == entry.namespace);
        if !self.tags.is_empty() {
            for scopes in entry.fields.tags().filter_map(|tag| self.tags.get(tag)) {
                if scopes.iter().any(|(namespace, sequence)| *sequence > entry.version && concerns(namespace)) {
                    return true;
                }
            }
        }
        let younger = self.others.iter().rev().take_while(|ban| ban.sequence > entry.version);
        younger.into_iter().any(|ban| concerns(&ban.namespace) && ban.rule.is_true_of(entry.key, entry.fields))
    }

    /// Forgets the bans up to a number: nothing older is left that they match.
    pub(crate) fn reap(&mut self, until: u64) {
        let all = self.all();
        let until = until.min(self.newest);
        let kept: Vec<Ban> = all.into_iter().filter(|ban| ban.sequence > until).collect();
        *self = Self { reaped: until.max(self.reaped), ..Self::default() };
        for ban in kept {
            // Fewer than there were.
            let _ = self.add(ban);
        }
    }

    /// All bans in the order of their numbers.
    pub(crate) fn all(&self) -> Vec<Ban> {
        let of_tags = self.tags.iter().flat_map(|(tag, scopes)| {
            scopes.iter().map(|(namespace, sequence)| Ban {
                sequence: *sequence,
                namespace: namespace.clone(),
                rule: Rule::Tag(tag.clone()),
            })
        });
        let mut all: Vec<Ban> = of_tags.chain(self.others.iter().cloned()).collect();
        all.sort_by(|a, b| (a.sequence, &a.namespace, &a.rule).cmp(&(b.sequence, &b.namespace, &b.rule)));
        all
    }

    /// All bans as the value of an entry.
    pub(crate) fn encode(&self) -> Vec<u8> {
        format::encode(self.reaped, &self.all())
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
    pub(crate) fn check(&self) -> std::result::Result<(), String> {
        let all = self.all();
        let size: usize = all.iter().map(format::size).sum();
        if all.len() != self.len || size != self.size {
            return Err(format!("{} bans of {size} bytes are counted as {} of {}", all.len(), self.len, self.size));
        }
        if all.last().map_or(0, |ban| ban.sequence) > self.newest || !self.others.is_sorted_by_key(|ban| ban.sequence) {
            return Err("bans are out of order".into());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
