//! Keys from a text, what is done with it, and with which options.
//!
//! `text:OPERATION|OPTIONS|=TEXT` while the text is short, else `text:OPERATION|OPTIONS|TIER#LENGTH#HASH`. All keys of an
//! operation begin with [`operation_prefix`], and no others do, so that an operation is made invalid by a prefix. Options are
//! empty, or a map as the module `value` writes it, or `#` and the hash of that if it is long.
//!
//! The hash is that of the text alone: a host that has the text in pieces, or hashes faster, gives length and hash. Settings
//! are part of what a key depends on: other thresholds, other keys.

use alloc::string::String;

use crate::error::{Error, Result};

use super::escape::{Reserved, escape};
use super::path::check_hash;
use super::{Key, Value, hasher};

/// Longest name of an operation in bytes.
pub const MAX_OPERATION: usize = 255;
/// Largest setting of [`TextSettings::hash_above`] in bytes.
pub const MAX_HASH_ABOVE: u64 = 16_384;

/// Bytes of options that stay readable.
const MAX_OPTIONS: usize = 200;

/// How large a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Tier {
    /// At most [`TextSettings::small`].
    Small,
    /// At most [`TextSettings::medium`].
    Medium,
    /// At most [`TextSettings::large`].
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

/// From which length on a text is hashed, and the sizes of tiers, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextSettings {
    /// Longer texts are hashed. At most [`MAX_HASH_ABOVE`].
    pub hash_above: u64,
    /// Longest text of the tier `small`.
    pub small: u64,
    /// Longest text of the tier `medium`, at least `small`.
    pub medium: u64,
    /// Longest text of the tier `large`, at least `medium`.
    pub large: u64,
}

impl Default for TextSettings {
    fn default() -> Self {
        Self { hash_above: 1_000, small: 500, medium: 5_000, large: 50_000 }
    }
}

impl TextSettings {
    /// The tier of a text of `length` bytes.
    pub fn tier(&self, length: u64) -> Tier {
        match length {
            length if length <= self.small => Tier::Small,
            length if length <= self.medium => Tier::Medium,
            length if length <= self.large => Tier::Large,
            _ => Tier::Xlarge,
        }
    }

    fn check(&self) -> Result<()> {
        if self.hash_above > MAX_HASH_ABOVE {
            return Err(Error::invalid(text!("texts can stay readable up to ", MAX_HASH_ABOVE, " bytes at most")));
        }
        match self.small <= self.medium && self.medium <= self.large {
            true => Ok(()),
            false => Err(Error::invalid("the tiers small, medium and large must grow")),
        }
    }
}

/// A key from a text, an operation and its options, which are a map.
///
/// ```
/// use larder_engine::keys::{self, TextSettings, Value};
///
/// let options = Value::Map(vec![("max_length".to_owned(), Value::Integer(100))]);
/// let settings = TextSettings::default();
/// let key = keys::text("summarize", &options, b"Hello, world", &settings)?;
/// assert_eq!(key.text, r#"text:summarize|{"max_length":100}|=Hello, world"#);
/// let key = keys::text("summarize", &options, "long ".repeat(1_000).as_bytes(), &settings)?;
/// assert!(key.text.starts_with(r#"text:summarize|{"max_length":100}|medium#5000#"#), "{}", key.text);
/// # Ok::<(), larder_engine::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` for an operation that is empty or longer than [`MAX_OPERATION`], options that are no map or that
/// [`dictionary`](super::dictionary) would refuse, or settings outside their range; `TooLarge` for too many options.
pub fn text(operation: &str, options: &Value, text: &[u8], settings: &TextSettings) -> Result<Key> {
    let length = text.len() as u64;
    if length > settings.hash_above {
        return text_hashed(operation, options, length, &hasher::hash(text), settings);
    }
    const RESERVED: Reserved = Reserved::new(b"");
    let (mut written, hashed) = beginning(operation, options, settings)?;
    written.push('=');
    escape(text, &RESERVED, &mut written)?;
    Ok(Key { text: written, hashed, tier: Some(settings.tier(length)) })
}

/// The key that [`text`] makes of a text with this length in bytes and this BLAKE3 hash.
///
/// # Errors
/// As [`text`]; `InvalidArgument` too for a text that would have stayed readable, or a hash of another length.
pub fn text_hashed(operation: &str, options: &Value, length: u64, hash: &[u8], settings: &TextSettings) -> Result<Key> {
    check_hash(hash)?;
    if length <= settings.hash_above {
        let message = text!("texts of up to ", settings.hash_above, " bytes stay readable; give the text itself");
        return Err(Error::invalid(message));
    }
    let (mut written, _) = beginning(operation, options, settings)?;
    let tier = settings.tier(length);
    written.push_str(&text!(tier.name(), "#", length, "#", hasher::hex(hash)));
    Ok(Key { text: written, hashed: true, tier: Some(tier) })
}

/// What all keys of an operation begin with, and no others: `text:summarize|`.
///
/// # Errors
/// `InvalidArgument` for an operation that is empty or longer than [`MAX_OPERATION`].
pub fn operation_prefix(operation: &str) -> Result<String> {
    const RESERVED: Reserved = Reserved::new(b"|");
    if operation.is_empty() || operation.len() > MAX_OPERATION {
        return Err(Error::invalid(text!("the name of an operation has 1 to ", MAX_OPERATION, " bytes")));
    }
    let mut written = String::from("text:");
    escape(operation.as_bytes(), &RESERVED, &mut written)?;
    written.push('|');
    Ok(written)
}

/// A key up to the separator behind the options, and whether these are there as a hash only.
fn beginning(operation: &str, options: &Value, settings: &TextSettings) -> Result<(String, bool)> {
    settings.check()?;
    let mut written = operation_prefix(operation)?;
    let Value::Map(entries) = options else {
        return Err(Error::invalid("options are a map; give each a name"));
    };
    let mut hashed = false;
    if !entries.is_empty() {
        let begin = written.len();
        options.write(&mut written)?;
        let options = written.get(begin..).unwrap_or_default();
        if options.len() > MAX_OPTIONS {
            let hash = hasher::hex(&hasher::hash(options.as_bytes()));
            written.truncate(begin);
            written.push('#');
            written.push_str(&hash);
            hashed = true;
        }
    }
    written.push('|');
    Ok((written, hashed))
}
