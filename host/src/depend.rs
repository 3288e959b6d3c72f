//! What an entry's validity hangs on outside the cache: files, patterns, environment variables.
//!
//! A dependency is made with a stamp of what is there now, before the value is computed, and holds as long as looking again
//! gives the same stamp.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `stamp` | stamps as bytes |
//! | `look`, `pattern`, `listing` | looking at files, and at those that match a pattern |
//! | `checker` | whether dependencies hold |
//! | `watch`, `points`, `notice` | being told of changes in place of looking |

mod checker;
mod listing;
mod look;
mod notice;
mod pattern;
mod points;
mod stamp;
mod watch;

use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use crate::component::bindings::api;
use crate::error::{Error, Result};

pub(crate) use checker::Checker;
pub use checker::RefreshMode;
pub(crate) use watch::Watch;

use listing::Listing;
use look::{Eye, Found, Moment, content};
use pattern::Pattern;
use stamp::Stamp;

/// Characters from which on a pattern is more than text.
const WILD: &[char] = &['*', '?', '[', '{', '\\', '!'];

/// What an entry can depend on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum DependencyKind {
    /// A file.
    File,
    /// All files whose path matches a pattern.
    Glob,
    /// An environment variable.
    Environment,
}

/// Something outside that an entry's validity hangs on, as it was at a certain moment.
///
/// Make it before the value is computed, not after: then a change in between makes the entry invalid, as it should, while a
/// stamp taken afterwards would pass the change off as known. Whether it still holds is looked at when the entry is read, as
/// [`Builder::refresh_mode`](crate::Builder::refresh_mode) says; an entry with one that does not is a miss.
///
/// ```
/// # fn main() -> larder::Result<()> {
/// # let directory = tempfile::tempdir().expect("a directory");
/// # let path = directory.path().join("settings.json");
/// # std::fs::write(&path, "{}").expect("a file");
/// use larder::{Cache, Dependency, SetOptions};
///
/// let cache = Cache::builder().open()?;
/// let options = SetOptions::new().depends(Dependency::file(&path)?);
/// cache.set_with("settings", std::fs::read(&path).expect("a file"), &options)?;
/// assert!(cache.get("settings")?.is_some());
///
/// std::fs::write(&path, "{\"colour\": true}").expect("a file");
/// assert!(cache.get("settings")?.is_none());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
pub struct Dependency {
    /// What it is.
    pub kind: DependencyKind,
    /// The file's absolute path, the pattern, or the variable's name.
    pub name: String,
    /// What it was like.
    #[serde(skip)]
    pub(crate) stamp: Vec<u8>,
}

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
                true => Stamp::RacyFile(seen, content(path).map_err(|e| Error::io("read", path, e))?),
                false => Stamp::File(seen),
            })
        })
    }

    /// A file by the BLAKE3 hash of its content, whatever its time says. Costs reading the file to check.
    ///
    /// # Errors
    /// As [`file`](Self::file).
    pub fn content(path: impl AsRef<Path>) -> Result<Self> {
        Self::of_file(path.as_ref(), |path, _| {
            content(path).map(Stamp::Content).map_err(|e| Error::io("read", path, e))
        })
    }

    fn of_file(path: &Path, stamp: impl FnOnce(&Path, look::Seen) -> Result<Stamp>) -> Result<Self> {
        let path = absolute(path)?;
        let stamp = match Eye::default().look(&path).map_err(|e| Error::io("look at", &path, e))? {
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
        let stamp = look().map_err(|e| Error::io("look at the files of", Path::new(&name), e))?;
        Ok(Self { kind: DependencyKind::Glob, name, stamp: stamp.encode() })
    }

    /// An environment variable of the process that reads the entry, by the hash of its value or as not set. The value itself is
    /// not kept.
    pub fn environment(name: impl Into<String>) -> Self {
        let name = name.into();
        let stamp = variable(&name).encode();
        Self { kind: DependencyKind::Environment, name, stamp }
    }

    /// Whether a text is a pattern with wildcards, for [`glob`](Self::glob), and not just a path.
    pub fn is_pattern(text: &str) -> bool {
        pattern::has_wildcards(text)
    }

    /// Whether it is now as it was. What cannot be looked at is not.
    pub fn holds(&self) -> bool {
        checker::holds(self, &Eye::default())
    }

    /// Whether a change of this file, given by its absolute path, concerns it.
    pub(crate) fn concerns(&self, path: &Path) -> bool {
        match self.kind {
            DependencyKind::File => Path::new(&self.name) == path,
            DependencyKind::Glob => {
                let literal = self.name.split(WILD).next().unwrap_or("");
                path.to_str().is_some_and(|path| path.starts_with(literal))
            }
            DependencyKind::Environment => false,
        }
    }

    /// Bytes that it takes in a record.
    pub(crate) fn size(&self) -> usize {
        self.name.len() + self.stamp.len() + 8
    }

    pub(crate) fn to_wit(&self) -> api::Dependency {
        let kind = match self.kind {
            DependencyKind::File => api::DependencyKind::File,
            DependencyKind::Glob => api::DependencyKind::Glob,
            DependencyKind::Environment => api::DependencyKind::Environment,
        };
        api::Dependency { kind, name: self.name.clone(), stamp: self.stamp.clone() }
    }
}

impl From<api::Dependency> for Dependency {
    fn from(from: api::Dependency) -> Self {
        let kind = match from.kind {
            api::DependencyKind::File => DependencyKind::File,
            api::DependencyKind::Glob => DependencyKind::Glob,
            api::DependencyKind::Environment => DependencyKind::Environment,
        };
        Self { kind, name: from.name, stamp: from.stamp }
    }
}

/// What an environment variable is like now. Names that no variable can have stand for none.
fn variable(name: &str) -> Stamp {
    let is_possible = !name.is_empty() && !name.contains(['=', '\0']);
    match std::env::var_os(name).filter(|_| is_possible) {
        Some(value) => Stamp::Variable(*blake3::hash(value.as_bytes()).as_bytes()),
        None => Stamp::Unset,
    }
}

/// A path from the root, without `.` and `..`, whether or not something is there. Links are not followed.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    let absolute = std::path::absolute(path).map_err(|e| Error::io("find", path, e))?;
    let mut out = PathBuf::new();
    for part in absolute.components() {
        match part {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            part => out.push(part),
        }
    }
    Ok(out)
}
