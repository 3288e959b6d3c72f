//! The combinations of dimensions: counted, numbered as an odometer counts (the last dimension varies fastest), and named.
//!
//! The key of a combination is `pool:` and `name=value` of each dimension, sorted by name, with `|` between them; that of a variant
//! has `#`, its generation, `.` and its number behind it. Separators and control characters in values are escaped as in other keys
//! ([`crate::keys`]), so that two combinations never share a key. A host may place all entries of a combination
//! together by hashing what is before `#`.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use super::plan::{Dimension, Value, count};
use crate::ascending::Ascending;
use crate::error::{Error, Result};
use crate::keys::{Reserved, escape_text};

const PREFIX: &str = "pool:";
const RESERVED: Reserved = Reserved::new(b"|=#");

/// One value of each dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Combination {
    /// The key of the entry that holds what is known of it.
    pub key: Vec<u8>,
    /// Dimensions and values, in the order of the plan.
    pub values: Vec<(String, Value)>,
}

/// A part of the combinations.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// In the order of the plan.
    pub combinations: Vec<Combination>,
    /// Where to go on; `None` at the end.
    pub next: Option<u64>,
}

/// The key of a variant's entry.
pub fn variant_key(combination: &[u8], generation: u64, entry: u32) -> Vec<u8> {
    let mut key = Vec::new();
    write_variant_key(combination, generation, entry, &mut key);
    key
}

/// As [`variant_key`], into a buffer that is used again.
pub(crate) fn write_variant_key(combination: &[u8], generation: u64, entry: u32, key: &mut Vec<u8>) {
    key.clear();
    key.extend_from_slice(combination);
    key.push(b'#');
    push_decimal(generation, key);
    key.push(b'.');
    push_decimal(entry.into(), key);
}

fn push_decimal(number: u64, out: &mut Vec<u8>) {
    let begin = out.len();
    let mut rest = number;
    loop {
        out.push(b'0' + (rest % 10) as u8);
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if let Some(digits) = out.get_mut(begin..) {
        digits.reverse();
    }
}

/// The key of a combination.
pub(super) fn key<'a>(values: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Vec<u8>> {
    let values: Vec<_> = values.into_iter().collect();
    let pair = |at: u32| values[at as usize];
    let mut key = String::from(PREFIX);
    for at in Ascending::new((0..values.len() as u32).collect(), &|a, b| pair(a) < pair(b)) {
        let (name, value) = pair(at);
        if key.len() > PREFIX.len() {
            key.push('|');
        }
        key.push_str(name);
        key.push('=');
        escape_text(value, &RESERVED, &mut key)?;
    }
    Ok(key.into_bytes())
}

/// The key of the combination of these values, one for each dimension in any order.
///
/// # Errors
/// `InvalidArgument` for a dimension or value that there is not, one that is missing, and one that is given twice.
pub(super) fn key_of(dimensions: &[Dimension], values: &[(String, String)]) -> Result<Vec<u8>> {
    for (at, (name, value)) in values.iter().enumerate() {
        find_value(dimensions, name, value)?;
        if values.iter().take(at).any(|(other, _)| other == name) {
            return Err(Error::invalid(text!(name, " is given twice")));
        }
    }
    let given = |name: &str| values.iter().any(|(other, _)| other == name);
    match dimensions.iter().find(|dimension| !given(&dimension.name)) {
        Some(Dimension { name, .. }) => {
            Err(Error::invalid(text!(name, " is not given: a combination has a value of each dimension")))
        }
        None => key(values.iter().map(|(name, value)| (name.as_str(), value.as_str()))),
    }
}

fn find_value<'d>(dimensions: &'d [Dimension], name: &str, value: &str) -> Result<&'d Value> {
    let Some(dimension) = dimensions.iter().find(|dimension| dimension.name == name) else {
        let names: Vec<_> = dimensions.iter().map(|dimension| dimension.name.as_str()).collect();
        return Err(Error::invalid(text!("there is no dimension \"", name, "\"; there are ", names.join(", "))));
    };
    dimension.values.iter().find(|known| known.text == value).ok_or_else(|| {
        let some: Vec<_> = dimension.values.iter().take(30).map(|known| known.text.as_str()).collect();
        let more = if dimension.values.len() > some.len() { ", …" } else { "" };
        Error::invalid(text!(name, " has no value \"", value, "\"; it has ", some.join(", "), more))
    })
}

/// Dimensions with those values only that a filter leaves.
///
/// # Errors
/// `InvalidArgument` for a dimension or value that there is not.
pub(super) fn narrowed(dimensions: &[Dimension], filter: &[(String, String)]) -> Result<Vec<Dimension>> {
    let mut narrowed = dimensions.to_vec();
    for (name, value) in filter {
        let only = find_value(dimensions, name, value)?.clone();
        if let Some(dimension) = narrowed.iter_mut().find(|dimension| dimension.name == *name) {
            // Of two values of one dimension nothing has both.
            dimension.values.retain(|known| *known == only);
        }
    }
    Ok(narrowed)
}

/// The combination at a place; `None` beyond the last.
pub(super) fn at(dimensions: &[Dimension], place: u64) -> Option<Vec<(&str, &Value)>> {
    if u128::from(place) >= count(dimensions) {
        return None;
    }
    let mut rest = place;
    let mut values = Vec::with_capacity(dimensions.len());
    for dimension in dimensions.iter().rev() {
        let len = dimension.values.len() as u64;
        values.push((dimension.name.as_str(), dimension.values.get((rest % len) as usize)?));
        rest /= len;
    }
    values.reverse();
    Some(values)
}

/// Dimensions and their values in order, to look many combinations up.
pub(super) struct Index<'d>(Vec<(&'d str, Vec<&'d str>)>);

impl<'d> Index<'d> {
    pub(super) fn of(dimensions: &'d [Dimension]) -> Self {
        let sorted = |Dimension { name, values }: &'d Dimension| {
            let text = |at: u32| values[at as usize].text.as_str();
            let places = (0..values.len() as u32).collect();
            (name.as_str(), Ascending::new(places, &|a, b| text(a) < text(b)).map(text).collect())
        };
        Self(dimensions.iter().map(sorted).collect())
    }

    /// Whether the dimensions have the combination of these values.
    pub(super) fn has(&self, values: &[(&str, &Value)]) -> bool {
        let is_there = |(name, value): &(&str, &Value)| {
            let texts = self.0.iter().find(|(known, _)| known == name).map(|(_, texts)| texts);
            texts.is_some_and(|texts| texts.binary_search(&value.text.as_str()).is_ok())
        };
        self.0.len() == values.len() && values.iter().all(is_there)
    }
}

pub(super) fn combination(values: &[(&str, &Value)]) -> Result<Combination> {
    Ok(Combination {
        key: key(values.iter().map(|(name, value)| (*name, value.text.as_str())))?,
        values: values.iter().map(|(name, value)| ((*name).to_owned(), (*value).clone())).collect(),
    })
}
