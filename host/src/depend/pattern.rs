//! Patterns over files: which files match, as ripgrep would see them.
//!
//! `*` and `?` stay within one name, `**` crosses directories, `[…]` and `{a,b}` are sets; `\` takes the next character as it is.
//! The walk begins at the directory that the pattern names before its first wildcard, goes no deeper than it can match,
//! follows no links to directories, and leaves out what `.gitignore`, `.ignore` and git's own lists of exceptions say (the former
//! within a repository only), and hidden files unless the pattern names them.

use std::io;
use std::path::{Path, PathBuf};

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use ignore::WalkBuilder;

use crate::error::{Error, Result};

/// Bytes of a pattern, at most.
const MAX_PATTERN: usize = 4096;

/// Files and directories that a walk may meet. More is a mistake, such as `/**`.
const MAX_MET: usize = 1_000_000;

/// Characters that are something else in a pattern.
const SPECIAL: &[char] = &['*', '?', '[', ']', '{', '}', '\\', '!'];

/// A pattern that is ready to be matched.
#[derive(Debug)]
pub(super) struct Pattern {
    matcher: GlobSet,
    /// Where the walk begins.
    pub(super) root: PathBuf,
    /// How deep it goes below the root; `None` is without end.
    depth: Option<usize>,
    /// Whether the pattern names hidden files.
    names_hidden: bool,
}

/// What a walk met.
#[derive(Debug, Default)]
pub(super) struct Walked {
    /// Files and links that match, sorted.
    pub(super) files: Vec<PathBuf>,
    /// Directories in which there might be some, sorted.
    pub(super) directories: Vec<PathBuf>,
    /// Of the files, those that are links.
    pub(super) links: Vec<PathBuf>,
}

/// Whether a text is a pattern with wildcards, not just a path.
pub(super) fn has_wildcards(text: &str) -> bool {
    text.contains(['*', '?', '[', '{'])
}

/// A pattern from the root of the file system on.
///
/// # Errors
/// `InvalidArgument` for one that is too long, ends with `/`, or has `..` behind a wildcard.
pub(super) fn absolute(pattern: &str) -> Result<String> {
    if pattern.is_empty() || pattern.len() > MAX_PATTERN {
        return Err(Error::invalid(format!("a pattern of files has 1 to {MAX_PATTERN} bytes")));
    }
    if pattern.ends_with('/') {
        return Err(Error::invalid(format!(
            "{pattern:?} names no files; those below it are {:?}",
            format!("{pattern}**")
        )));
    }
    let mut parts = Vec::new();
    if !pattern.starts_with('/') {
        let here = std::env::current_dir().map_err(|e| Error::io("find", Path::new("."), e))?;
        let Some(here) = here.to_str() else {
            let message =
                format!("the working directory {} is not valid UTF-8; give an absolute pattern", here.display());
            return Err(Error::invalid(message));
        };
        parts.extend(here.split('/').filter(|part| !part.is_empty()).map(escaped));
    }
    let mut is_literal = true;
    for part in pattern.split('/') {
        is_literal &= literal(part).is_some();
        match part {
            "" | "." => {}
            ".." if is_literal => drop(parts.pop()),
            ".." => {
                return Err(Error::invalid(format!(
                    "{pattern:?} goes up behind a wildcard; give the directory itself"
                )));
            }
            part => parts.push(part.to_owned()),
        }
    }
    Ok(format!("/{}", parts.join("/")))
}

fn escaped(part: &str) -> String {
    let mut out = String::new();
    for c in part.chars() {
        if SPECIAL.contains(&c) {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// The name that a part of a pattern stands for, if it is only one.
fn literal(part: &str) -> Option<String> {
    let mut out = String::new();
    let mut chars = part.chars();
    while let Some(c) = chars.next() {
        match c {
            '*' | '?' | '[' | '{' => return None,
            '\\' => out.push(chars.next()?),
            c => out.push(c),
        }
    }
    Some(out)
}

/// Whether a part of a pattern asks for names that begin with a dot.
fn names_hidden(part: &str) -> bool {
    let begins = |start: &str| part.starts_with(start);
    begins(".") || begins("\\.") || begins("[.]") || begins("{") && (part.contains("{.") || part.contains(",."))
}

impl Pattern {
    /// Reads an absolute pattern.
    ///
    /// # Errors
    /// `InvalidArgument` with what is wrong with it.
    pub(super) fn new(pattern: &str) -> Result<Self> {
        let built = GlobBuilder::new(pattern).literal_separator(true).backslash_escape(true).build();
        let matcher = built.and_then(|glob| GlobSetBuilder::new().add(glob).build());
        let matcher =
            matcher.map_err(|e| Error::invalid(format!("{pattern:?} is no pattern of files: {}", e.kind())))?;
        let parts: Vec<_> = pattern.split('/').filter(|part| !part.is_empty()).collect();
        let names: Vec<_> = parts.iter().take(parts.len().saturating_sub(1)).map_while(|part| literal(part)).collect();
        let rest = &parts[names.len()..];
        Ok(Self {
            matcher,
            root: Path::new("/").join(names.join("/")),
            depth: (!rest.iter().any(|part| part.contains("**"))).then_some(rest.len()),
            names_hidden: rest.iter().any(|part| names_hidden(part)),
        })
    }

    /// All that matches now.
    ///
    /// # Errors
    /// I/O errors: what cannot be read may hold something that matches.
    pub(super) fn walk(&self) -> io::Result<Walked> {
        let mut walked = Walked::default();
        let mut builder = WalkBuilder::new(&self.root);
        builder.hidden(!self.names_hidden).max_depth(self.depth).follow_links(false);
        for (met, entry) in builder.build().enumerate() {
            if met >= MAX_MET {
                return Err(io::Error::other(format!(
                    "there are more than {MAX_MET} files; begin the pattern with a smaller directory"
                )));
            }
            let entry = match entry {
                Ok(entry) => entry,
                // Gone since its name was read, or never there.
                Err(e) if e.io_error().is_some_and(|e| e.kind() == io::ErrorKind::NotFound) => continue,
                Err(e) => return Err(e.into_io_error().unwrap_or_else(|| io::Error::other("it cannot be walked"))),
            };
            let kind = entry.file_type();
            if kind.is_some_and(|kind| kind.is_dir()) {
                walked.directories.push(entry.into_path());
            } else if self.matcher.is_match(entry.path()) {
                if entry.path_is_symlink() {
                    walked.links.push(entry.path().to_owned());
                }
                walked.files.push(entry.into_path());
            }
        }
        walked.files.sort_unstable();
        walked.directories.sort_unstable();
        walked.links.sort_unstable();
        Ok(walked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_walk_begins_where_the_wildcards_do() {
        for (pattern, root, depth) in [
            ("/a/b/*.rs", "/a/b", Some(1)),
            ("/a/b/**/*.rs", "/a/b", None),
            ("/a/*/b/c.rs", "/a", Some(3)),
            ("/a/b.rs", "/a", Some(1)),
            ("/\\[a\\]/x/{b,c/d}.rs", "/[a]/x", Some(2)),
            ("/*", "/", Some(1)),
        ] {
            let read = Pattern::new(pattern).expect(pattern);
            assert_eq!((read.root.to_str(), read.depth), (Some(root), depth), "{pattern}");
        }
    }

    #[test]
    fn patterns_are_made_absolute_without_changing_what_they_mean() {
        let here = std::env::current_dir().expect("a working directory");
        let here = here.to_str().expect("text");
        assert_eq!(absolute("src/./../src/*.rs").expect("good"), format!("{here}/src/*.rs"));
        assert_eq!(absolute("/a//b/../**").expect("good"), "/a/**");
        assert_eq!(absolute("/../a/*").expect("good"), "/a/*");
        assert_eq!(escaped("a[1]"), "a\\[1\\]");
        for bad in ["", "src/", "a/*/../b", &"x".repeat(MAX_PATTERN + 1)] {
            assert_eq!(absolute(bad).expect_err("bad").kind(), crate::ErrorKind::InvalidArgument, "{bad:?}");
        }
    }

    #[test]
    fn a_pattern_that_explodes_is_refused() {
        let bomb = format!("/{}", "{a,{b,{c,d}}}*".repeat(280));
        let nested = format!("/{}x{}", "{a,".repeat(600), "}".repeat(600));
        for pattern in [bomb, nested, "/[".into(), "/{a".into()] {
            let start = &pattern[..pattern.len().min(20)];
            if let Err(e) = Pattern::new(&pattern) {
                assert_eq!(e.kind(), crate::ErrorKind::InvalidArgument, "{start}");
            } else {
                assert!(pattern.len() > 10, "{start} is not closed");
            }
        }
    }
}
