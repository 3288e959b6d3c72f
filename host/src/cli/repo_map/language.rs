//! The languages that are understood: their file names, grammars, and queries for definitions and references.

use std::path::Path;
use std::sync::OnceLock;

use tree_sitter::{Language as Grammar, Query};

/// A language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Rust,
    Python,
    JavaScript,
}

/// What is needed to read a language.
#[derive(Debug)]
pub(super) struct Reader {
    pub(super) grammar: Grammar,
    pub(super) query: Query,
}

impl Language {
    /// The language of a file, by the end of its name.
    pub(super) fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "rs" => Some(Self::Rust),
            "py" | "pyi" => Some(Self::Python),
            "js" | "mjs" | "cjs" | "jsx" => Some(Self::JavaScript),
            _ => None,
        }
    }

    /// Grammar and query, made once in a process; `None` if they do not go together, which a test rules out.
    pub(super) fn reader(self) -> Option<&'static Reader> {
        static READERS: [OnceLock<Option<Reader>>; 3] = [const { OnceLock::new() }; 3];
        READERS[self as usize].get_or_init(|| self.make()).as_ref()
    }

    fn make(self) -> Option<Reader> {
        let (grammar, query): (Grammar, _) = match self {
            Self::Rust => (tree_sitter_rust::LANGUAGE.into(), include_str!("queries/rust.scm")),
            Self::Python => (tree_sitter_python::LANGUAGE.into(), include_str!("queries/python.scm")),
            Self::JavaScript => (tree_sitter_javascript::LANGUAGE.into(), include_str!("queries/javascript.scm")),
        };
        let query = Query::new(&grammar, query).ok()?;
        Some(Reader { grammar, query })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_language_has_a_grammar_and_a_query_that_fits_it() {
        for language in [Language::Rust, Language::Python, Language::JavaScript] {
            assert!(language.reader().is_some(), "{language:?}");
        }
    }
}
