//! Keys made from what a result depends on, so that every host makes the same ones.
//!
//! A key is text: a mark that says which kind it is, then what was given, with a separator between the pieces. Whatever could
//! be taken for a separator, `%` and control characters are written as `%` and two hexadecimal digits, so that the text can
//! be read back in one way only: two different inputs never give one key, of one kind or of two. What comes in no order
//! (maps, sets, parameters) is sorted first.
//!
//! Text longer than [`MAX_READABLE`] bytes becomes its beginning and its BLAKE3 hash (all 256 bits: at 128, two inputs with
//! one key could be searched for in 2⁶⁴ steps, which is within reach of whoever may choose inputs). No key is empty or has
//! more than [`MAX_KEY`] bytes. `docs/design.md` has the formats byte by byte.
//!
//! | kind | function | mark |
//! | --- | --- | --- |
//! | parts | [`parts`] | `parts:`, hashed `parts#` |
//! | dictionary | [`dictionary`] | `dict:`, hashed `dict#` |
//! | structured value | [`structured`] | `structured:`, hashed `structured#` |
//! | path | [`path`] | `path:`, hashed `path#` |
//! | endpoint and parameters | [`endpoint`] | `/` or `endpoint:` |
//! | text, operation and options | [`text`], [`text_hashed`] | `text:` |

mod endpoint;
mod escape;
mod float;
mod hasher;
mod order;
mod path;
mod text;
mod token;
mod value;

use alloc::string::String;

use crate::error::{Error, ErrorCode, Result};
pub(crate) use escape::{Reserved, escape_text};
use escape::{cut, escape};

pub use endpoint::endpoint;
pub use hasher::{HASH_SIZE, Hasher};
pub use path::{PathState, path};
pub use text::{MAX_HASH_ABOVE, MAX_OPERATION, TextSettings, Tier, operation_prefix, text, text_hashed};
pub use token::Token;
pub use value::Value;

/// Bytes up to which a key made of anything but a text stays readable as a whole.
pub const MAX_READABLE: usize = 1_000;
/// No key is longer, in bytes.
pub const MAX_KEY: usize = 65_535;
/// How many lists, sets and maps of a value may lie in each other.
pub const MAX_DEPTH: usize = 64;
/// How many values there may be in a value, itself and keys of maps included.
pub const MAX_VALUES: usize = 1 << 20;
/// How many bytes may be given to make a key of, escapes included. Only texts and contents of files may be longer.
pub const MAX_INPUT: usize = 16 << 20;

/// Bytes of what was given that stay readable in front of a hash.
const BEGINNING: usize = 64;

/// A key, and how it came about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Key {
    /// The key: text without control characters.
    pub text: String,
    /// Whether a part of what was given is there as a hash only.
    pub hashed: bool,
    /// How large the text is; none for other kinds.
    pub tier: Option<Tier>,
}

/// A key from parts, in their order: `parts:user:profile:123`.
///
/// ```
/// use larder_engine::keys;
///
/// assert_eq!(keys::parts(["user", "profile", "123"])?.text, "parts:user:profile:123");
/// assert_eq!(keys::parts(["user:profile", "123"])?.text, "parts:user%3Aprofile:123");
/// # Ok::<(), larder_engine::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` without any part, `TooLarge` above [`MAX_INPUT`].
pub fn parts<P: AsRef<[u8]>>(parts: impl IntoIterator<Item = P>) -> Result<Key> {
    const RESERVED: Reserved = Reserved::new(b":");
    let mut written = String::from("parts");
    let mut given = false;
    for part in parts {
        written.push(':');
        escape(part.as_ref(), &RESERVED, &mut written)?;
        given = true;
    }
    match given {
        true => Ok(readable_or_hashed("parts", written)),
        false => Err(Error::invalid("a key needs at least one part")),
    }
}

/// A key from a map; the order of its entries does not matter: `dict:{"type":"profile","user_id":123}`.
///
/// # Errors
/// `InvalidArgument` for anything but a map, a map that has a key twice, or more than [`MAX_DEPTH`] levels; `TooLarge` above
/// [`MAX_VALUES`] or [`MAX_INPUT`].
pub fn dictionary(value: &Value) -> Result<Key> {
    match value {
        Value::Map(_) => of_value("dict", value),
        _ => Err(Error::invalid("a dictionary is a map; make the key of another value as a structured one")),
    }
}

/// A key from any value, sets included: `structured:{"files":("a.rs","b.rs"),"max_tokens":1024}`.
///
/// ```
/// use larder_engine::keys::{self, Value};
///
/// let files = |names: [&str; 2]| Value::Set(names.map(|name| Value::Text(name.to_owned())).into());
/// let key = keys::structured(&files(["b.rs", "a.rs"]))?;
/// assert_eq!(key.text, r#"structured:("a.rs","b.rs")"#);
/// assert_eq!(key, keys::structured(&files(["a.rs", "b.rs"]))?);
/// # Ok::<(), larder_engine::Error>(())
/// ```
///
/// # Errors
/// As [`dictionary`], which takes maps only.
pub fn structured(value: &Value) -> Result<Key> {
    of_value("structured", value)
}

fn of_value(kind: &str, value: &Value) -> Result<Key> {
    let mut written = text!(kind, ":");
    value.write(&mut written)?;
    Ok(readable_or_hashed(kind, written))
}

/// `written`, which begins with the kind and a separator, or the kind, `#`, a beginning, `#` and its hash.
fn readable_or_hashed(kind: &str, written: String) -> Key {
    if written.len() <= MAX_READABLE {
        return Key { text: written, hashed: false, tier: None };
    }
    let content = written.get(kind.len() + 1..).unwrap_or_default();
    let text = text!(kind, "#", cut(content, BEGINNING), "#", hasher::hex(&hasher::hash(written.as_bytes())));
    Key { text, hashed: true, tier: None }
}

/// Refuses what has grown beyond [`MAX_INPUT`].
fn within_bounds(bytes: usize) -> Result<()> {
    match bytes <= MAX_INPUT {
        true => Ok(()),
        false => {
            let message =
                text!("a key is made of at most ", MAX_INPUT, " bytes; give a hash of the largest part instead");
            Err(Error::new(ErrorCode::TooLarge, message))
        }
    }
}
