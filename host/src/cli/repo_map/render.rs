//! The text of a map: files, the most important first, with the lines of their most important definitions.
//!
//! As many definitions are shown as the budget holds, found by halving. The lines of each file come from the tree cache.

use std::cell::RefCell;
use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use larder::typed::TreeCache;

use super::extract::Symbols;
use super::rank::Ranked;
use super::walk::{Source, read};

/// Raised when the same lines give another text than before.
pub(super) const VERSION: u32 = 1;

/// Bytes that count as a token: what tokenizers make of source text on average.
const TOKEN: u64 = 4;

/// Characters of the longest line that is shown.
const LONGEST_LINE: usize = 100;

/// A map's text, and how much it shows.
#[derive(Debug, Default)]
pub(super) struct Rendered {
    pub(super) text: String,
    pub(super) files: usize,
    pub(super) definitions: usize,
}

/// Tokens that a text takes, about.
pub(super) fn tokens(text: &str) -> u64 {
    (text.len() as u64).div_ceil(TOKEN)
}

/// Definitions that a budget has room for, at most: each takes its number, a space, a character and the end of the line.
pub(super) fn most(budget: u64) -> usize {
    usize::try_from(budget.saturating_mul(TOKEN) / 8).unwrap_or(usize::MAX)
}

/// Renders maps of one repository.
pub(super) struct Renderer<'a> {
    pub(super) sources: &'a [&'a Source],
    pub(super) symbols: &'a [&'a Symbols],
    pub(super) trees: &'a TreeCache,
    /// Lines of files that had to be read.
    pub(super) read: RefCell<HashMap<usize, Vec<String>>>,
}

impl Renderer<'_> {
    /// The map of the first of these definitions, as many as `budget` tokens hold.
    pub(super) fn fit(&self, ranked: &[Ranked], budget: u64) -> Rendered {
        let limit = budget.saturating_mul(TOKEN);
        let mut best = Rendered::default();
        let (mut fits, mut too_many) = (0, ranked.len().min(most(budget)) + 1);
        while too_many - fits > 1 {
            let count = fits + (too_many - fits) / 2;
            let map = self.map(&ranked[..count]);
            if map.text.len() as u64 <= limit {
                (fits, best) = (count, map);
            } else {
                too_many = count;
            }
        }
        best
    }

    fn map(&self, ranked: &[Ranked]) -> Rendered {
        let (mut order, mut lines) = (Vec::new(), HashMap::<usize, BTreeSet<u32>>::new());
        for Ranked { file, definition, .. } in ranked {
            let of_file = lines.entry(*file).or_insert_with(|| {
                order.push(*file);
                BTreeSet::new()
            });
            of_file.extend(self.symbols[*file].line(*definition));
        }
        let mut map = Rendered { definitions: ranked.len(), ..Rendered::default() };
        for file in order {
            let shown = lines.get(&file).and_then(|lines| self.lines(file, lines));
            let Some(shown) = shown.filter(|shown| !shown.is_empty()) else { continue };
            map.text += &format!("{}:\n{shown}", self.sources[file].name);
            map.files += 1;
        }
        map
    }

    /// Some lines of a file; `None` when it cannot be read any more.
    fn lines(&self, file: usize, lines: &BTreeSet<u32>) -> Option<String> {
        let path = &self.sources[file].path;
        let made = self.trees.get_or_compute(path, lines, || self.make(file, path, lines));
        match made {
            Ok(text) => Some(text),
            Err(Trouble::Unreadable) => None,
            Err(Trouble::Cache(e)) => {
                tracing::warn!("lines are rendered without the cache: {e}");
                self.make(file, path, lines).ok()
            }
        }
    }

    fn make(&self, file: usize, path: &Path, lines: &BTreeSet<u32>) -> Result<String, Trouble> {
        let mut known = self.read.borrow_mut();
        let text = match known.entry(file) {
            std::collections::hash_map::Entry::Occupied(known) => known.into_mut(),
            std::collections::hash_map::Entry::Vacant(unknown) => {
                let text = read(path).map_err(|_| Trouble::Unreadable)?;
                unknown.insert(text.lines().map(str::to_owned).collect())
            }
        };
        let line = |number: &u32| Some((*number, text.get(*number as usize - 1)?));
        Ok(lines.iter().filter_map(line).map(|(number, line)| format!("{number:>5} {}\n", shown(line))).collect())
    }
}

enum Trouble {
    Unreadable,
    Cache(larder::Error),
}

impl From<larder::Error> for Trouble {
    fn from(e: larder::Error) -> Self {
        Self::Cache(e)
    }
}

/// A line that does no harm to a terminal, and its beginning only if it is long.
fn shown(line: &str) -> String {
    let mut shown: String = line.replace('\t', "    ").chars().take(LONGEST_LINE).collect();
    shown.truncate(shown.trim_end().len());
    shown.replace(char::is_control, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escape_sequences_in_sources_do_not_reach_the_terminal() {
        assert_eq!(shown("\tfn \u{1b}[31mred() {  "), "    fn \u{fffd}[31mred() {");
        assert_eq!(shown(&"x".repeat(1000)).len(), LONGEST_LINE);
    }

    #[test]
    fn a_token_is_four_bytes_and_a_part_of_one_counts() {
        assert_eq!((tokens(""), tokens("abcd"), tokens("abcde")), (0, 1, 2));
    }
}
