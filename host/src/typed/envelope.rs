//! Values as bytes: 8 bytes that stand for the type and its version, then the value as postcard.
//!
//! Postcard does not describe itself, so that the bytes of one type may read as another; the mark keeps them apart. It is the
//! beginning of the BLAKE3 hash of the type's name, its version in decimal and a separator. The name is the compiler's: where
//! another compiler names the type otherwise, its entries are misses.

use std::any::type_name;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};

/// What values begin with.
pub(super) type Mark = [u8; 8];

/// The mark of a type.
pub(super) fn mark<V>(version: u32) -> Mark {
    let hash = blake3::hash(format!("{version}|{}", type_name::<V>()).as_bytes());
    std::array::from_fn(|at| hash.as_bytes()[at])
}

pub(super) fn encode(mark: &Mark, value: &impl Serialize) -> Result<Vec<u8>> {
    let failed = |e| Error::invalid(format!("the value cannot be written: {e}"));
    postcard::to_extend(value, mark.to_vec()).map_err(failed)
}

/// The value; `None` for bytes that are none of this type.
pub(super) fn decode<V: DeserializeOwned>(mark: &Mark, bytes: &[u8]) -> Option<V> {
    let (value, rest) = postcard::take_from_bytes(bytes.strip_prefix(mark)?).ok()?;
    rest.is_empty().then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_type_or_version_and_bytes_left_over_are_no_value() {
        let bytes = encode(&mark::<u32>(0), &7_u32).expect("bytes");
        assert_eq!(decode::<u32>(&mark::<u32>(0), &bytes), Some(7));
        assert_eq!(decode::<u64>(&mark::<u64>(0), &bytes), None);
        assert_eq!(decode::<u32>(&mark::<u32>(1), &bytes), None);
        assert_eq!(decode::<u32>(&mark::<u32>(0), &[&bytes[..], b"x"].concat()), None);
        assert_eq!(decode::<u32>(&mark::<u32>(0), &bytes[..8]), None);
        assert_eq!(decode::<u32>(&mark::<u32>(0), b""), None);
    }
}
