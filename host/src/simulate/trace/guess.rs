//! Which format a trace is in: the name's ending decides if it is one that is in use, else the first bytes do. Text is what
//! remains: any bytes are keys.

use std::path::Path;

use super::lines::number;
use super::{Format, binary, text};

/// Lines that are looked at.
const LINES: usize = 1000;

pub(super) fn guess(path: &Path, head: &[u8]) -> Format {
    let name = path.file_name().unwrap_or_default().to_string_lossy().to_lowercase();
    let bare = [".gz", ".zst", ".zstd"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
    let ends = |endings: &[&str]| endings.iter().any(|end| bare.ends_with(end));
    if bare.contains("oraclegeneral") {
        Format::OracleGeneral
    } else if ends(&[".arc", ".lis"]) {
        Format::Arc
    } else if ends(&[".lirs", ".trc"]) {
        Format::Lirs
    } else {
        by_content(head)
    }
}

fn by_content(head: &[u8]) -> Format {
    if head.contains(&0) && binary::is_likely(head) {
        return Format::OracleGeneral;
    }
    // The last line may be cut off.
    let end = head.iter().rposition(|byte| *byte == b'\n').unwrap_or(head.len());
    let lines = || head[..end].split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|l| !l.is_empty());
    let all = |is: &dyn Fn(&[u8]) -> bool| lines().next().is_some() && lines().take(LINES).all(is);
    if all(&|line| text::blocks(line).is_ok()) {
        Format::Arc
    } else if lines().take(LINES).any(|line| line == b"*") && all(&|line| line == b"*" || number(line).is_some()) {
        Format::Lirs
    } else {
        Format::Text
    }
}
