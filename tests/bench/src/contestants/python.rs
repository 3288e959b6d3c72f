//! Python's diskcache, in a child process that measures itself: what starting Python costs does not count.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

const SCRIPT: &str = include_str!("diskcache.py");

/// A Python interpreter that has diskcache.
pub struct Python {
    /// The interpreter of the virtual environment.
    pub interpreter: PathBuf,
    /// Version of diskcache.
    pub version: String,
}

impl Python {
    /// Makes a virtual environment below `dir` and installs diskcache into it.
    pub fn install(dir: &Path) -> Result<Self> {
        let home = dir.join("python");
        output(Command::new("python3").args(["-m", "venv"]).arg(&home)).context("making a virtual environment")?;
        let interpreter = home.join("bin").join("python");
        let mut pip = Command::new(&interpreter);
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--timeout", "10", "diskcache"]);
        output(&mut pip).context("installing diskcache with pip")?;
        let mut ask = Command::new(&interpreter);
        let version = output(ask.args(["-c", "import diskcache; print(diskcache.__version__)"]))?;
        Ok(Self { interpreter, version: version.trim().to_owned() })
    }

    /// Microseconds for a set, a get after reopening, and a get after that, of `entries` values of `size` bytes.
    pub fn measure(&self, dir: &Path, entries: usize, size: usize) -> Result<Vec<f64>> {
        let mut child = Command::new(&self.interpreter);
        child.args(["-c", SCRIPT]).arg(dir).args([entries.to_string(), size.to_string()]);
        let text = output(&mut child).context("measuring diskcache")?;
        let figures = text.split_whitespace().map(str::parse).collect::<Result<Vec<f64>, _>>()?;
        ensure!(figures.len() == 3, "diskcache's script answered {text:?}");
        Ok(figures)
    }
}

/// What a command printed; its complaint if it failed.
fn output(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("starting {}", command.get_program().display()))?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{}", complaint.trim().lines().last().unwrap_or("it failed without a word"));
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
