//! What all groups share: the flags that shape a run, directories to work in, Python.

use std::cell::OnceCell;

use anyhow::Result;
use tempfile::TempDir;

use crate::contestants::python::Python;

/// A run.
pub struct Setup {
    /// Rounds to measure.
    pub rounds: usize,
    /// Small sizes.
    pub quick: bool,
    temporary: TempDir,
    python: OnceCell<std::result::Result<Python, String>>,
}

impl Setup {
    /// Works below the system's directory for temporary files.
    pub fn new(rounds: usize, quick: bool) -> Result<Self> {
        let temporary = tempfile::Builder::new().prefix("larder-bench-").tempdir()?;
        Ok(Self { rounds, quick, temporary, python: OnceCell::new() })
    }

    /// A new directory, removed when it is dropped.
    pub fn directory(&self) -> Result<TempDir> {
        Ok(TempDir::new_in(&self.temporary)?)
    }

    /// The filesystem that directories are on.
    pub fn filesystem(&self) -> String {
        let path = self.temporary.path();
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
        let fields = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
        let above = fields.filter(|fields| fields.len() > 2 && path.starts_with(fields[1]));
        match above.max_by_key(|fields| fields[1].len()) {
            Some(fields) => format!("{} ({})", fields[2], fields[0]),
            None => "an unknown filesystem".into(),
        }
    }

    /// Python with diskcache, or why there is none. Installed when first asked for.
    pub fn python(&self) -> std::result::Result<&Python, &str> {
        let install = || Python::install(self.temporary.path()).map_err(|e| format!("{e:#}"));
        self.python.get_or_init(install).as_ref().map_err(String::as_str)
    }

    /// The version of diskcache, if it was asked for and is there.
    pub fn diskcache(&self) -> Option<&str> {
        self.python.get()?.as_ref().ok().map(|python| python.version.as_str())
    }
}
