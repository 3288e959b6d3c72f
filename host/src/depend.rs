//! What an entry's validity hangs on outside the cache: files, patterns, environment variables.
//!
//! A dependency is made with a stamp of what is there now, before the value is computed, and holds as long as looking again
//! gives the same stamp.
//!
//! | file | what it holds |
//! | --- | --- |
//! | `make`, `stamp` | making dependencies, stamps as bytes |
//! | `look`, `pattern`, `listing` | looking at files, and at those that match a pattern |
//! | `checker` | whether dependencies hold |
//! | `watch`, `known`, `points`, `notice` | being told of changes in place of looking |

mod checker;
mod known;
mod listing;
mod look;
mod make;
mod notice;
mod pattern;
mod points;
mod stamp;
mod watch;

use std::path::{Component, Path, PathBuf};

use serde::Serialize;

use crate::component::bindings::api;
use crate::error::{Error, Result};

pub(crate) use checker::Checker;
pub use checker::RefreshMode;
pub(crate) use watch::Watch;

use look::Eye;

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
