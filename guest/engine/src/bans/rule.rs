//! What a ban can say of entries.

use alloc::string::String;
use alloc::vec::Vec;

use crate::config::DependencyKind;
use crate::error::{Error, Result};
use crate::glob;
use crate::record::fields::Fields;

/// Characters from which on a pattern is more than text.
const WILD: &[char] = &['*', '?', '[', '{', '\\', '!'];

/// A text in a rule has at most so many bytes, as a key or a tag has.
pub(super) const MAX_TEXT: usize = 65_535;

/// Tags that one rule may name.
pub(super) const MAX_TAGS: usize = 64;

/// Which entries a ban makes invalid, of those that were written before it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// All.
    All,
    /// Those with this tag.
    Tag(String),
    /// Those with all of these tags, 1 to 64.
    AllTags(Vec<String>),
    /// Those whose key begins so.
    Prefix(Vec<u8>),
    /// Those whose key matches this pattern: `*` any bytes, `?` one byte, `[a-z]` and `[!a-z]` one of a set, `\` takes the
    /// next byte as it is.
    Glob(Vec<u8>),
    /// Those that depend on the file of this name, which is compared byte for byte with those of dependencies; and those that
    /// depend on a pattern whose text before the first wildcard this name begins with.
    File(String),
}

impl Rule {
    /// # Errors
    /// `InvalidArgument` when it is longer than a rule may be, or names no tag.
    pub(crate) fn validate(&self) -> Result<()> {
        let (texts, longest) = match self {
            Self::All => (0, 0),
            Self::Tag(text) | Self::File(text) => (1, text.len()),
            Self::AllTags(tags) => (tags.len(), tags.iter().map(String::len).max().unwrap_or(0)),
            Self::Prefix(bytes) | Self::Glob(bytes) => (1, bytes.len()),
        };
        if matches!(self, Self::AllTags(_)) && !(1..=MAX_TAGS).contains(&texts) {
            return Err(Error::invalid(text!("a rule names 1 to ", MAX_TAGS, " tags, this one ", texts)));
        }
        if longest > MAX_TEXT {
            return Err(Error::invalid(text!(
                "a rule's text has at most ",
                MAX_TEXT,
                " bytes, this one has ",
                longest
            )));
        }
        Ok(())
    }

    /// Whether an entry with this key and these fields is meant.
    pub(crate) fn is_true_of(&self, key: &[u8], fields: Fields<'_>) -> bool {
        match self {
            Self::All => true,
            Self::Tag(tag) => fields.tags().any(|own| own == tag),
            Self::AllTags(tags) => tags.iter().all(|tag| fields.tags().any(|own| own == tag)),
            Self::Prefix(prefix) => key.starts_with(prefix),
            Self::Glob(pattern) => glob::matches(pattern, key),
            Self::File(path) => fields.dependencies().any(|dependency| match dependency.kind {
                DependencyKind::File => dependency.name == path,
                DependencyKind::Glob => path.starts_with(dependency.name.split(WILD).next().unwrap_or("")),
                DependencyKind::Environment => false,
            }),
        }
    }
}
