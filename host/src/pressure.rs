//! How short memory is, for this process's control group and for the whole system.
//!
//! Linux tells it in files: what the group has and may have (`memory.current`, `memory.max`, `memory.high` of cgroup v2), what
//! the system has left (`MemAvailable`), and for how much of the last ten seconds somebody waited for memory ("PSI",
//! pressure stall information). A file that is not there says nothing; where none is, memory is never short.

use std::fs;
use std::path::{Path, PathBuf};

/// Percent of the last ten seconds in which somebody waited for memory, from which on it is short.
const STALLED: f64 = 10.0;

/// Percent of what may be used that is left when memory is short, and when it is plenty.
const SHORT: u64 = 10;
const PLENTY: u64 = 25;

/// In a step, memory may become half as large, and larger by this part of what was asked for.
const GROWTH: u64 = 8;

/// It never becomes smaller than this part of what was asked for.
const SMALLEST: u64 = 16;

/// What the files say.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Reading {
    /// Percent of what may be used that is left, at the tightest limit.
    left: u64,
    /// Percent of the last ten seconds in which somebody waited for memory.
    stalled: f64,
}

impl Reading {
    /// How many bytes a memory tier should hold that holds `now` of at most `most`.
    pub(crate) fn advise(&self, now: u64, most: u64) -> u64 {
        if self.left < SHORT || self.stalled >= STALLED {
            return (now / 2).max(most / SMALLEST);
        }
        if self.left > PLENTY && self.stalled < STALLED / 10.0 {
            return now.saturating_add(most / GROWTH).min(most);
        }
        now
    }
}

/// Reads the files below a root directory, which is `/` but for tests.
pub(crate) fn read(root: &Path) -> Reading {
    let mut reading = Reading { left: 100, stalled: 0.0 };
    if let Some((available, total)) = system(root) {
        reading.left = percent(available, total);
    }
    for group in groups(root) {
        if let Some((current, limit)) = limits(&group) {
            reading.left = reading.left.min(percent(limit.saturating_sub(current), limit));
        }
        reading.stalled = reading.stalled.max(stalled(&group.join("memory.pressure")).unwrap_or(0.0));
    }
    reading.stalled = reading.stalled.max(stalled(&root.join("proc/pressure/memory")).unwrap_or(0.0));
    reading
}

fn percent(part: u64, whole: u64) -> u64 {
    (u128::from(part) * 100 / u128::from(whole.max(1))) as u64
}

/// The directories of this process's control group and of those around it: any of them may have a limit.
fn groups(root: &Path) -> Vec<PathBuf> {
    let mounted = root.join("sys/fs/cgroup");
    let own = fs::read_to_string(root.join("proc/self/cgroup")).unwrap_or_default();
    let Some(path) = own.lines().find_map(|line| line.strip_prefix("0::/")) else { return Vec::new() };
    let own = mounted.join(path);
    own.ancestors().take_while(|dir| dir.starts_with(&mounted)).map(Path::to_owned).collect()
}

/// What a group has, and the tighter of its limits.
fn limits(group: &Path) -> Option<(u64, u64)> {
    let limit = ["memory.max", "memory.high"].iter().filter_map(|name| number(&group.join(name))).min()?;
    Some((number(&group.join("memory.current"))?, limit))
}

/// The number in a file; `None` for "max".
fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

/// Bytes that the system could give, and all that it has.
fn system(root: &Path) -> Option<(u64, u64)> {
    let text = fs::read_to_string(root.join("proc/meminfo")).ok()?;
    let field =
        |name: &str| text.lines().find_map(|line| line.strip_prefix(name)?.split_whitespace().next()?.parse().ok());
    Some((field("MemAvailable:")?, field("MemTotal:")?))
}

/// `avg10` of a line `some avg10=0.00 avg60=0.00 avg300=0.00 total=0`.
fn stalled(path: &Path) -> Option<f64> {
    let text = fs::read_to_string(path).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("some "))?;
    line.split_whitespace().find_map(|word| word.strip_prefix("avg10="))?.parse().ok().filter(|n: &f64| n.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().expect("a directory");
        for (name, text) in files {
            let path = dir.path().join(name);
            fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
            fs::write(path, text).expect("a file");
        }
        dir
    }

    const ROOMY: (&str, &str) = ("proc/meminfo", "MemTotal: 1000 kB\nMemFree: 1 kB\nMemAvailable: 600 kB\n");

    #[test]
    fn the_tightest_limit_counts() {
        let left = |files: &[(&str, &str)]| read(root(files).path()).left;
        assert_eq!(left(&[]), 100);
        assert_eq!(left(&[ROOMY]), 60);
        let group = [
            ROOMY,
            ("proc/self/cgroup", "0::/a.slice/b.scope\n"),
            ("sys/fs/cgroup/a.slice/memory.max", "2000\n"),
            ("sys/fs/cgroup/a.slice/memory.current", "1900\n"),
            ("sys/fs/cgroup/a.slice/b.scope/memory.max", "max\n"),
            ("sys/fs/cgroup/a.slice/b.scope/memory.high", "1000\n"),
            ("sys/fs/cgroup/a.slice/b.scope/memory.current", "700\n"),
        ];
        assert_eq!(left(&group), 5, "the group around it");
        assert_eq!(left(&group[..2]), 60);
        assert_eq!(left(&[ROOMY, group[1], group[5], group[6]]), 30);
    }

    #[test]
    fn stalls_are_read_wherever_they_are_told() {
        let line = "some avg10=12.50 avg60=1.00 avg300=0.10 total=5\nfull avg10=99.00 avg60=0 avg300=0 total=0\n";
        assert_eq!(read(root(&[("proc/pressure/memory", line)]).path()).stalled, 12.5);
        let own = [("proc/self/cgroup", "0::/x\n"), ("sys/fs/cgroup/x/memory.pressure", line)];
        assert_eq!(read(root(&own).path()).stalled, 12.5);
        for odd in ["", "some", "some avg10=", "some avg10=NaN", "full avg10=50"] {
            assert_eq!(read(root(&[("proc/pressure/memory", odd)]).path()).stalled, 0.0, "{odd:?}");
        }
    }

    #[test]
    fn memory_goes_fast_and_comes_back_slowly() {
        let reading = |left, stalled| Reading { left, stalled };
        assert_eq!(reading(5, 0.0).advise(1600, 1600), 800);
        assert_eq!(reading(50, 20.0).advise(800, 1600), 400);
        assert_eq!(reading(5, 0.0).advise(100, 1600), 100, "never below a sixteenth");
        assert_eq!(reading(15, 0.0).advise(400, 1600), 400, "neither short nor plenty");
        assert_eq!(reading(50, 5.0).advise(400, 1600), 400);
        assert_eq!(reading(50, 0.0).advise(400, 1600), 600);
        assert_eq!(reading(50, 0.0).advise(1500, 1600), 1600);
        assert_eq!(reading(0, 0.0).advise(0, u64::MAX), u64::MAX / SMALLEST);
    }
}
