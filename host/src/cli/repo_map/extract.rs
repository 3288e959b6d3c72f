//! Definitions and references of one source text, by tree-sitter.
//!
//! The parser and the query keep what they have to remember on the heap, so that deep nesting costs no stack. Both are told to
//! stop when a text takes too long.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use tree_sitter::{ParseOptions, Parser, QueryCursor, QueryCursorOptions, StreamingIterator};

use super::language::Language;

/// Raised when the same text gives other symbols than before.
pub(super) const VERSION: u32 = 1;

/// After how long a text is given up. Sources of a megabyte take a tenth of a second.
const PATIENCE: Duration = Duration::from_secs(3);

/// Matches that a query has under way at the same time.
const MATCHES: u32 = 4096;

/// Bytes of the longest name that counts as one.
const LONGEST_NAME: usize = 200;

/// What a file defines and what it refers to. Names lie in one text each, a line a name: a repository has millions.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Symbols {
    /// Of each name that is defined, its line, from 1 and in order.
    lines: Vec<u32>,
    defined: String,
    /// Of each name that is referred to, how often.
    counts: Vec<u32>,
    referred: String,
}

impl Symbols {
    /// Names that occur with their lines, and others with how often they do.
    pub(super) fn new<'a>(
        definitions: impl IntoIterator<Item = (u32, &'a str)>,
        references: impl IntoIterator<Item = (&'a str, u32)>,
    ) -> Self {
        let mut symbols = Self::default();
        for (line, name) in definitions {
            symbols.lines.push(line);
            symbols.defined += name;
            symbols.defined.push('\n');
        }
        for (name, count) in references {
            symbols.counts.push(count);
            symbols.referred += name;
            symbols.referred.push('\n');
        }
        symbols
    }

    /// Lines of names, and the names.
    pub(super) fn definitions(&self) -> impl Iterator<Item = (u32, &str)> {
        self.lines.iter().copied().zip(self.defined.split_terminator('\n'))
    }

    /// Names that are referred to, and how often.
    pub(super) fn references(&self) -> impl Iterator<Item = (&str, u32)> {
        self.referred.split_terminator('\n').zip(self.counts.iter().copied())
    }

    /// The line of a definition, by its place.
    pub(super) fn line(&self, definition: usize) -> Option<u32> {
        self.lines.get(definition).copied()
    }
}

/// The symbols of a text, or why there are none.
pub(super) fn symbols(language: Language, source: &str) -> Result<Symbols, &'static str> {
    let reader = language.reader().ok_or("there is no reader for its language")?;
    let began = Instant::now();
    let go_on = || if began.elapsed() < PATIENCE { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    let mut parser = Parser::new();
    parser.set_language(&reader.grammar).map_err(|_| "its language has another version than the parser")?;
    let mut tell = |_: &_| go_on();
    let options = ParseOptions::new().progress_callback(&mut tell);
    let bytes = source.as_bytes();
    let tree = parser.parse_with_options(&mut |at, _| bytes.get(at..).unwrap_or_default(), None, Some(options));
    let tree = tree.ok_or("it takes more than 3 s to parse")?;

    let names = reader.query.capture_names();
    let mut definitions = BTreeSet::new();
    let mut references = BTreeMap::<&str, u32>::new();
    // Where a name is defined, its type is named too.
    let mut defined_at = BTreeSet::new();
    let mut found = Vec::new();
    let mut cursor = QueryCursor::new();
    cursor.set_match_limit(MATCHES);
    let mut tell = |_: &_| go_on();
    let options = QueryCursorOptions::new().progress_callback(&mut tell);
    let mut matches = cursor.matches_with_options(&reader.query, tree.root_node(), bytes, options);
    while let Some(matched) = matches.next() {
        for capture in matched.captures() {
            let (node, index) = (capture.node, capture.index);
            let is_name = |name: &&str| name.len() <= LONGEST_NAME && !name.contains('\n');
            let Some(name) = source.get(node.byte_range()).filter(is_name) else { continue };
            if names.get(index as usize).is_some_and(|name| name.starts_with("definition")) {
                let line = u32::try_from(node.start_position().row).unwrap_or(u32::MAX).saturating_add(1);
                definitions.insert((line, name));
                defined_at.insert(node.start_byte());
            } else {
                found.push((node.start_byte(), name));
            }
        }
    }
    if go_on().is_break() {
        return Err("it takes more than 3 s to parse");
    }
    for (at, name) in found {
        if !defined_at.contains(&at) {
            *references.entry(name).or_default() += 1;
        }
    }
    Ok(Symbols::new(definitions, references))
}

#[cfg(test)]
mod tests {
    use super::*;

    type Lines = Vec<(u32, String)>;
    type Counts = Vec<(String, u32)>;

    fn of(language: Language, source: &str) -> (Lines, Counts) {
        let symbols = symbols(language, source).expect("symbols");
        let owned = |(number, name): (u32, &str)| (number, name.to_owned());
        let references = symbols.references().map(|(name, count)| (name.to_owned(), count));
        (symbols.definitions().map(owned).collect(), references.collect())
    }

    fn names(of: &[(u32, &str)]) -> Lines {
        of.iter().map(|(line, name)| (*line, (*name).to_owned())).collect()
    }

    fn counts(of: &[(&str, u32)]) -> Counts {
        of.iter().map(|(name, count)| ((*name).to_owned(), *count)).collect()
    }

    #[test]
    fn rust_definitions_are_no_references_and_methods_are_found() {
        let source = "struct Larder;\nimpl Larder {\n    fn fill(&self, with: Jam) { pour(with); pour(with); self.shut() }\n}\n\
                      macro_rules! jam { () => {} }\nconst SIZE: Jam = jam!();\n";
        let (definitions, references) = of(Language::Rust, source);
        assert_eq!(definitions, names(&[(1, "Larder"), (3, "fill"), (5, "jam"), (6, "SIZE")]));
        assert_eq!(references, counts(&[("Jam", 2), ("Larder", 1), ("jam", 1), ("pour", 2), ("shut", 1)]));
    }

    #[test]
    fn python_definitions_and_references_are_found() {
        let source = "from store import Shelf\nSIZE = 3\nclass Larder(Shelf):\n    def fill(self, jam: Jam):\n        pour(jam)\n        jam.shut()\n";
        let (definitions, references) = of(Language::Python, source);
        assert_eq!(definitions, names(&[(2, "SIZE"), (3, "Larder"), (4, "fill")]));
        assert_eq!(references, counts(&[("Jam", 1), ("Shelf", 2), ("pour", 1), ("shut", 1)]));
    }

    #[test]
    fn javascript_definitions_and_references_are_found() {
        let source = "import { Shelf } from './store';\nclass Larder extends Shelf {\n  fill(jam) { pour(jam); }\n}\n\
                      const shut = () => new Lid();\nexport const SIZE = 3;\nexports.open = function () { shut(); };\n";
        let (definitions, references) = of(Language::JavaScript, source);
        assert_eq!(definitions, names(&[(2, "Larder"), (3, "fill"), (5, "shut"), (6, "SIZE"), (7, "open")]));
        assert_eq!(references, counts(&[("Lid", 1), ("Shelf", 2), ("pour", 1), ("shut", 1)]));
    }

    #[test]
    fn deep_nesting_costs_no_stack() {
        let deep = 20_000;
        let work = move || {
            for (language, open, close) in
                [(Language::Rust, "(", ")"), (Language::Python, "[", "]"), (Language::JavaScript, "{", "}")]
            {
                let source = format!("{}{}", open.repeat(deep), close.repeat(deep));
                // Whatever becomes of it, it ends.
                let _ = symbols(language, &source);
                let _ = symbols(language, &open.repeat(deep));
            }
        };
        let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(work).expect("a thread");
        thread.join().expect("an end");
    }

    #[test]
    fn broken_sources_give_what_can_be_read() {
        let (definitions, _) = of(Language::Rust, "fn whole() {}\nfn }{ broken(((\nfn also() {}\n");
        assert!(definitions.contains(&(1, "whole".to_owned())), "{definitions:?}");
        assert_eq!(of(Language::Python, ""), (Vec::new(), Vec::new()));
    }
}
