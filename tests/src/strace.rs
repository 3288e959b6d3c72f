//! Which files a program touches, as `strace` tells it.

use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Output};

/// A system call that named a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touch {
    /// The file, from the root on, without `.` and `..`.
    pub path: PathBuf,
    /// Whether the call may make, change, rename or remove it.
    pub writes: bool,
    /// The call, as strace shows it.
    pub line: String,
}

/// System calls that change nothing. Any other is taken for one that does.
const HARMLESS: [&str; 19] = [
    "access",
    "faccessat",
    "faccessat2",
    "stat",
    "stat64",
    "lstat",
    "newfstatat",
    "fstatat64",
    "statx",
    "readlink",
    "readlinkat",
    "execve",
    "execveat",
    "statfs",
    "statfs64",
    "chdir",
    "getxattr",
    "lgetxattr",
    "name_to_handle_at",
];

/// Runs a program, which is not yet started, in a directory, and answers what it and its children touched.
///
/// # Panics
/// When there is no strace, or it may not trace.
#[must_use]
pub fn trace(program: &Command, cwd: &Path) -> (Output, Vec<Touch>) {
    let traces = tempfile::tempdir().expect("a directory");
    let mut strace = Command::new("strace");
    // A file for each process, so that no call is torn by another's; -y shows what descriptors stand for.
    strace.args(["-ff", "-y", "-s", "64", "-e", "trace=%file", "-o"]).arg(traces.path().join("trace")).arg("--");
    strace.arg(program.get_program()).args(program.get_args()).current_dir(cwd).env_clear();
    strace.envs(program.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let path = std::env::var_os("PATH").unwrap_or_default();
    let output = strace.env("PATH", path).output().unwrap_or_else(|e| {
        panic!(
            "strace is needed to see which files are touched, and cannot be run: {e} (Debian: apt-get install strace)"
        )
    });
    let mut touches = Vec::new();
    for trace in fs::read_dir(traces.path()).expect("traces") {
        let text = fs::read(trace.expect("a trace").path()).expect("a trace can be read");
        String::from_utf8_lossy(&text).lines().for_each(|line| touches.extend(read(line, cwd)));
    }
    let traced = !touches.is_empty();
    assert!(traced, "strace saw nothing; may it trace? {}", String::from_utf8_lossy(&output.stderr));
    (output, touches)
}

/// The files that a line of a trace names.
fn read(line: &str, cwd: &Path) -> Vec<Touch> {
    let Some((call, rest)) =
        line.split_once('(').filter(|(call, _)| call.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
    else {
        return Vec::new();
    };
    if call == "getcwd" {
        return Vec::new();
    }
    let opens = matches!(call, "open" | "openat" | "openat2");
    let writes = if opens {
        ["O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC", "O_TMPFILE"].iter().any(|flag| rest.contains(flag))
    } else {
        !HARMLESS.contains(&call)
    };
    let mut found = Vec::new();
    let mut base = cwd.to_owned();
    let mut rest = rest.as_bytes();
    // Behind the first path of these come the program's arguments and the file's text.
    let only_first = call.starts_with("exec") || call.starts_with("readlink");
    while let Some((&first, more)) = rest.split_first() {
        rest = more;
        match first {
            // What the descriptor before stands for: a directory, where the next path begins, or what was opened.
            b'<' => {
                let end = rest.iter().position(|b| *b == b'>').unwrap_or(rest.len());
                let named = PathBuf::from(OsString::from_vec(unescape(&rest[..end])));
                rest = rest.get(end + 1..).unwrap_or_default();
                if found.is_empty() { base = named } else { found.push(named) }
            }
            b'"' => {
                let end = end_of_string(rest);
                let named = PathBuf::from(OsString::from_vec(unescape(&rest[..end])));
                rest = rest.get(end + 1..).unwrap_or_default();
                if !only_first || found.is_empty() {
                    found.push(base.join(named));
                }
            }
            // Structures may show names too, but none that is looked up.
            b'{' | b'[' => rest = rest.iter().position(|b| *b == b'}' || *b == b']').map_or(&[], |end| &rest[end..]),
            _ => {}
        }
    }
    // Pipes and sockets have names, but no place.
    let files = found.iter().filter(|path| path.is_absolute());
    files.map(|path| Touch { path: normal(path), writes, line: line.to_owned() }).collect()
}

fn end_of_string(bytes: &[u8]) -> usize {
    let mut at = 0;
    while at < bytes.len() && bytes[at] != b'"' {
        at += if bytes[at] == b'\\' { 2 } else { 1 };
    }
    at.min(bytes.len())
}

/// The bytes that a string in a trace stands for.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => out.push(b'\n'),
            Some(b't') => out.push(b'\t'),
            Some(b'r') => out.push(b'\r'),
            Some(b'v') => out.push(0x0B),
            Some(b'f') => out.push(0x0C),
            Some(digit @ b'0'..=b'7') => {
                let mut code = u32::from(digit - b'0');
                for _ in 0..2 {
                    let Some(digit) = bytes.next_if(|b| (b'0'..=b'7').contains(b)) else { break };
                    code = code * 8 + u32::from(digit - b'0');
                }
                out.push(code as u8);
            }
            Some(other) => out.push(other),
            None => {}
        }
    }
    out
}

/// Without `.`, and with `..` taken as the way back, as it is where no link lies on the way.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(out.pop()),
            Component::CurDir => {}
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(line: &str) -> Vec<(String, bool)> {
        let touches = read(line, Path::new("/home"));
        touches.into_iter().map(|touch| (touch.path.to_string_lossy().into_owned(), touch.writes)).collect()
    }

    fn one(path: &str, writes: bool) -> Vec<(String, bool)> {
        vec![(path.to_owned(), writes)]
    }

    #[test]
    fn paths_are_found_wherever_they_begin() {
        assert_eq!(seen(r#"mkdir("a/../b", 0777) = 0"#), one("/home/b", true));
        assert_eq!(seen(r#"unlinkat(7</x/y>, "z", 0) = 0"#), one("/x/y/z", true));
        assert_eq!(seen(r#"unlink("\"\303\244\\\n") = 0"#), one("/home/\"ä\\\n", true));
        assert_eq!(seen(r#"newfstatat(AT_FDCWD</h>, "/a", {st_mode="b"}, 0) = 0"#), one("/a", false));
        let renamed = [("/h/a".to_owned(), true), ("/h/b".to_owned(), true)];
        assert_eq!(
            seen(r#"renameat(AT_FDCWD</h>, "a", AT_FDCWD</h>, "b") = 0"#).iter().filter(|t| t.0 != "/h").count(),
            2
        );
        assert!(
            renamed.iter().all(|touch| seen(r#"renameat(AT_FDCWD</h>, "a", AT_FDCWD</h>, "b") = 0"#).contains(touch))
        );
    }

    #[test]
    fn opening_to_write_is_told_from_opening_to_read() {
        assert_eq!(
            seen(r#"openat(AT_FDCWD</h>, "a", O_RDONLY|O_CLOEXEC) = -1 ENOENT (No such file)"#),
            one("/h/a", false)
        );
        let written = [("/h/a".to_owned(), true), ("/elsewhere".to_owned(), true)];
        assert_eq!(seen(r#"openat(AT_FDCWD</h>, "a", O_RDWR|O_CREAT, 0600) = 3</elsewhere>"#), written);
        assert_eq!(
            seen(r#"execve("/bin/sh", ["sh", "-c", "x > /etc/y"], 0x7ff /* 3 vars */) = 0"#),
            one("/bin/sh", false)
        );
        assert_eq!(seen("--- SIGCHLD {si_signo=SIGCHLD} ---"), []);
    }
}
