//! Keys from an endpoint and parameters: `/api/users|filter=active&id=123`.
//!
//! An endpoint that does not begin with `/` gets the mark `endpoint:` in front, which tells it from all other kinds. Parameters
//! are sorted by name as written; those of one name stay in their order, which a server may look at. A key of more than
//! [`MAX_READABLE`] bytes becomes `/api/users|hash:HASH`, which is no parameter, for it has no `=`.

use alloc::string::String;
use alloc::vec::Vec;

use crate::error::{Error, Result};

use super::escape::{Reserved, cut, escape_text};
use super::order::{self, Piece};
use super::{Key, MAX_READABLE, hasher};

/// Bytes of a hashed key's endpoint that stay readable.
const MAX_ENDPOINT: usize = 128;

/// A key from an endpoint and its parameters, names and values.
///
/// ```
/// use larder_engine::keys;
///
/// assert_eq!(keys::endpoint("/api/users/123", &[])?.text, "/api/users/123");
/// let key = keys::endpoint("/api/users", &[("id", "123"), ("filter", "active")])?;
/// assert_eq!(key.text, "/api/users|filter=active&id=123");
/// assert_eq!(keys::endpoint("users", &[])?.text, "endpoint:users");
/// # Ok::<(), larder_engine::Error>(())
/// ```
///
/// # Errors
/// `InvalidArgument` for an empty endpoint, `TooLarge` above [`MAX_INPUT`](super::MAX_INPUT).
pub fn endpoint(endpoint: &str, parameters: &[(&str, &str)]) -> Result<Key> {
    const ENDPOINT: Reserved = Reserved::new(b"|");
    const PARAMETER: Reserved = Reserved::new(b"|&=");
    if endpoint.is_empty() {
        return Err(Error::invalid("the endpoint is empty; name one, such as /api/users"));
    }
    let mut written = String::from(if endpoint.starts_with('/') { "" } else { "endpoint:" });
    escape_text(endpoint, &ENDPOINT, &mut written)?;
    let end = written.len();
    let mut pieces = Vec::new();
    for (at, (name, value)) in parameters.iter().enumerate() {
        written.push(if at == 0 { '|' } else { '&' });
        let begin = written.len();
        escape_text(name, &PARAMETER, &mut written)?;
        let name_end = written.len();
        written.push('=');
        escape_text(value, &PARAMETER, &mut written)?;
        pieces.push(Piece { begin, name_end, end: written.len() });
    }
    order::sort(&mut written, pieces, '&', false);
    if written.len() <= MAX_READABLE {
        return Ok(Key { text: written, hashed: false, tier: None });
    }
    let hash = hasher::hex(&hasher::hash(written.as_bytes()));
    let (endpoint, _) = written.split_at(end);
    Ok(Key { text: text!(cut(endpoint, MAX_ENDPOINT), "|hash:", hash), hashed: true, tier: None })
}
