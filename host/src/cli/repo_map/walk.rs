//! The sources of a directory, and their texts: whatever cannot be read as source is passed over, with a reason.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;
use serde::{Deserialize, Serialize};

use super::language::Language;

/// Bytes of the largest file that is read.
const LARGEST: u64 = 1 << 20;

/// A source file.
#[derive(Debug, Clone)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// The path below the directory, as it is shown.
    pub(super) name: String,
    pub(super) language: Language,
}

impl Source {
    /// Whether a name means this file: its last parts.
    pub(super) fn is_named(&self, name: &str) -> bool {
        Path::new(&self.name).ends_with(name)
    }
}

/// What was passed over, and why.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Skipped {
    pub(super) path: String,
    pub(super) reason: String,
}

/// The sources below a directory, by name, that `.gitignore` does not exclude and that are not hidden. Links are not followed.
pub(super) fn walk(root: &Path) -> (Vec<Source>, Vec<Skipped>) {
    let (mut sources, mut skipped) = (Vec::new(), Vec::new());
    for entry in WalkBuilder::new(root).require_git(false).build() {
        let entry = match entry {
            Ok(entry) => entry,
            Err(e) => {
                skipped.push(Skipped { path: shown(root), reason: e.to_string() });
                continue;
            }
        };
        let (path, kind) = (entry.path(), entry.file_type());
        let Some(language) = Language::of(path).filter(|_| !kind.is_some_and(|kind| kind.is_dir())) else { continue };
        let name = shown(path.strip_prefix(root).unwrap_or(path));
        let reason = match kind {
            Some(kind) if kind.is_symlink() => "a symbolic link, which is not followed",
            Some(kind) if kind.is_file() && path.to_str().is_none() => "its name is not UTF-8",
            Some(kind) if kind.is_file() => {
                sources.push(Source { path: path.to_owned(), name, language });
                continue;
            }
            _ => "no regular file",
        };
        skipped.push(Skipped { path: name, reason: reason.into() });
    }
    sources.sort_unstable_by(|a, b| a.name.cmp(&b.name));
    (sources, skipped)
}

/// A path that does no harm to a terminal and is one line.
fn shown(path: &Path) -> String {
    path.to_string_lossy().replace(char::is_control, "\u{fffd}")
}

/// A file's text, or why it has none. Never waits for a pipe.
pub(super) fn read(path: &Path) -> Result<String, String> {
    let failed = |e: std::io::Error| match e.kind() {
        ErrorKind::NotFound => "it vanished".to_owned(),
        _ => format!("it cannot be read: {e}"),
    };
    let flags = rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW;
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if !meta.is_file() {
        return Err("no regular file".into());
    }
    let too_large = || format!("it is larger than {} KiB", LARGEST >> 10);
    if meta.len() > LARGEST {
        return Err(too_large());
    }
    let bytes = bytes(file, meta.len()).map_err(failed)?;
    if bytes.len() as u64 > LARGEST {
        return Err(too_large());
    }
    if bytes.contains(&0) {
        return Err("it is binary".into());
    }
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8".into())
}

fn bytes(file: File, size: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(size as usize + 1);
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_vanishes_between_walk_and_read_is_passed_over() {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("a.rs");
        std::fs::write(&path, "fn a() {}").expect("a file");
        let (sources, skipped) = walk(home.path());
        assert_eq!((sources.len(), skipped.len()), (1, 0));
        assert_eq!(read(&sources[0].path), Ok("fn a() {}".to_owned()));
        std::fs::remove_file(&path).expect("no file");
        assert_eq!(read(&sources[0].path), Err("it vanished".to_owned()));
        std::fs::create_dir(&path).expect("a directory");
        assert_eq!(read(&sources[0].path), Err("no regular file".to_owned()));
    }
}
