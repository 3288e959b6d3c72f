//! Making dependencies: what is there now, as a stamp.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::listing::Listing;
use super::look::{Eye, Found, Moment, Seen, content};
use super::pattern::{self, Pattern};
use super::stamp::Stamp;
use super::{Dependency, DependencyKind, absolute};
use crate::error::{Error, ErrorKind, Result};

impl Dependency {
    /// A file by size and time of modification, links followed. That no file is there is a state like others: the entry is valid
    /// until there is one. A file that was modified less than two seconds ago is told by its content too, because a change in the
    /// same tick of the file system's clock would not show otherwise.
    ///
    /// Costs one stat to check. Not noticed is a change that keeps the size and sets the time back, as `cp -p` or a checkout may:
    /// see [`content`](Self::content).
    ///
    /// # Errors
    /// `InvalidArgument` for what is no file, a directory for instance, and for paths that are not UTF-8; I/O errors.
    pub fn file(path: impl AsRef<Path>) -> Result<Self> {
        let racy = Moment::racy();
        Self::of_file(path.as_ref(), |path, seen| {
            Ok(match seen.modified >= racy {
                true => Stamp::RacyFile(seen, content(path).map_err(|e| unseen(path, e))?),
                false => Stamp::File(seen),
            })
        })
    }

    /// A file by the BLAKE3 hash of its content, whatever its time says. Costs reading the file to check.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn content(path: impl AsRef<Path>) -> Result<Self> {
        Self::of_file(path.as_ref(), |path, _| content(path).map(Stamp::Content).map_err(|e| unseen(path, e)))
    }

    fn of_file(path: &Path, stamp: impl FnOnce(&Path, Seen) -> Result<Stamp>) -> Result<Self> {
        let path = absolute(path)?;
        let stamp = match Eye::default().look(&path).map_err(|e| unseen(&path, e))? {
            Found::Absent => Stamp::Absent,
            Found::File(seen) => stamp(&path, seen)?,
            Found::Other(what) => {
                let shown = path.display();
                let advice = match path.is_dir() {
                    true => format!("depend on the files in it, with the pattern \"{shown}/**\""),
                    false => "depend on a file".to_owned(),
                };
                return Err(Error::invalid(format!("{shown} is {what}, which an entry cannot depend on; {advice}")));
            }
        };
        let name = path.into_os_string().into_string();
        let name = name.map_err(|path| {
            Error::invalid(format!("{} is not valid UTF-8; no entry can depend on it", path.display()))
        })?;
        Ok(Self { kind: DependencyKind::File, name, stamp: stamp.encode() })
    }

    /// All files that match a pattern, by path, size and time of modification as in [`file`](Self::file): a file more or less
    /// is a change too. `*` and `?` stay within one name, `**` crosses directories, `[…]` and `{a,b}` are sets, `\` takes the next
    /// character as it is. What `.gitignore` excludes does not count, nor do hidden files unless the pattern names them: what
    /// ripgrep would search. Links to directories are not followed.
    ///
    /// Costs a walk through the directories below the pattern's first wildcard, and one stat a file, to check.
    ///
    /// # Errors
    /// `InvalidArgument` for what is no pattern; I/O errors, also when there are more than a million files to walk through.
    pub fn glob(pattern: impl AsRef<str>) -> Result<Self> {
        let racy = Moment::racy();
        Self::of_glob(pattern.as_ref(), |listing| {
            let hash = listing.hash();
            Ok(match listing.has_since(racy) {
                true => Stamp::RacyGlob { listing: hash, since: racy, contents: listing.contents(Some(racy))? },
                false => Stamp::Glob(hash),
            })
        })
    }

    /// As [`glob`](Self::glob), by path and content. Costs reading all the files to check.
    ///
    /// # Errors
    /// As [`glob`](Self::glob).
    pub fn glob_content(pattern: impl AsRef<str>) -> Result<Self> {
        Self::of_glob(pattern.as_ref(), |listing| listing.contents(None).map(Stamp::GlobContent))
    }

    fn of_glob(pattern: &str, stamp: impl FnOnce(&Listing<'_>) -> std::io::Result<Stamp>) -> Result<Self> {
        let name = pattern::absolute(pattern)?;
        let pattern = Pattern::new(&name)?;
        let look = || stamp(&Listing::of(&pattern.walk()?.files, &Eye::default())?);
        let stamp = look().map_err(|e| unseen(Path::new(&name), e))?;
        Ok(Self { kind: DependencyKind::Glob, name, stamp: stamp.encode() })
    }

    /// An environment variable of the process that reads the entry, by the hash of its value or as not set. The value itself is
    /// not kept.
    pub fn environment(name: impl Into<String>) -> Self {
        let name = name.into();
        let stamp = variable(&name).encode();
        Self { kind: DependencyKind::Environment, name, stamp }
    }
}

/// A file or pattern that cannot be stamped.
fn unseen(path: &Path, e: std::io::Error) -> Error {
    let message = format!("could not look at {}: {e}; an entry can depend only on what you may read", path.display());
    Error::new(ErrorKind::Io, message).with(e)
}

/// What an environment variable is like now. Names that no variable can have stand for none.
pub(super) fn variable(name: &str) -> Stamp {
    let is_possible = !name.is_empty() && !name.contains(['=', '\0']);
    match std::env::var_os(name).filter(|_| is_possible) {
        Some(value) => Stamp::Variable(*blake3::hash(value.as_bytes()).as_bytes()),
        None => Stamp::Unset,
    }
}
