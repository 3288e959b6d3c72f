//! Real text, or as good as real: what an API answers, and what is written in this repository.

use std::fs;
use std::path::{Path, PathBuf};

use crate::workload::Rng;

/// Bytes of a piece of source or prose, about.
const PIECE: usize = 3 << 10;

/// Answers of an API, pages of one to six records, 0.3 to 1.6 KB.
pub fn answers(count: usize, rng: &mut Rng) -> Vec<Vec<u8>> {
    (0..count).map(|_| answer(rng).into_bytes()).collect()
}

fn answer(rng: &mut Rng) -> String {
    const FIRST: [&str; 8] = ["Ada", "Grace", "Alan", "Edsger", "Barbara", "Donald", "Leslie", "Tony"];
    const LAST: [&str; 8] = ["Lovelace", "Hopper", "Turing", "Dijkstra", "Liskov", "Knuth", "Lamport", "Hoare"];
    const WORDS: [&str; 20] = [
        "reliable",
        "wooden",
        "lamp",
        "the",
        "with",
        "and",
        "for",
        "kitchen",
        "small",
        "large",
        "handmade",
        "table",
        "light",
        "from",
        "Denmark",
        "colour",
        "grey",
        "delivered",
        "within",
        "days",
    ];
    let mut text = format!("{{\"request_id\":\"{:016x}\",\"page\":{},\"results\":[", rng.next(), rng.below(50));
    for _ in 0..=rng.below(6) {
        let words: Vec<&str> = (0..6 + rng.below(10)).map(|_| WORDS[rng.below(WORDS.len())]).collect();
        text += &format!(
            "{{\"id\":{},\"owner\":{{\"first_name\":\"{}\",\"last_name\":\"{}\"}},\"price\":{}.{:02},\"currency\":\"EUR\",\
             \"created_at\":\"2026-{:02}-{:02}T{:02}:{:02}:00Z\",\"in_stock\":{},\"description\":\"{}\"}},",
            rng.below(10_000_000),
            FIRST[rng.below(8)],
            LAST[rng.below(8)],
            rng.below(1_000),
            rng.below(100),
            1 + rng.below(12),
            1 + rng.below(28),
            rng.below(24),
            rng.below(60),
            rng.below(2) == 0,
            words.join(" ")
        );
    }
    text.pop();
    text + "],\"next\":null}"
}

/// The sources and documents of this repository in pieces of about 3 KB, the same on every machine; each in eight versions,
/// from each of which every tenth line is missing, another one each time.
pub fn sources(rng: &mut Rng) -> Vec<Vec<u8>> {
    let pieces = pieces();
    let version = |piece: &Vec<u8>, rng: &mut Rng| -> Vec<u8> {
        let lines = piece.split_inclusive(|&byte| byte == b'\n').filter(|_| rng.below(10) > 0);
        lines.flatten().copied().collect()
    };
    (0..8).flat_map(|_| pieces.iter().map(|piece| version(piece, rng)).collect::<Vec<_>>()).collect()
}

fn pieces() -> Vec<Vec<u8>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    for folder in ["guest", "host", "wit", "docs", "tests/src", "tests/tests", "tests/bench/src"] {
        collect(&root.join(folder), &mut files);
    }
    files.sort();
    let mut pieces = Vec::new();
    for file in files {
        let mut piece = Vec::new();
        for line in fs::read(file).unwrap_or_default().split_inclusive(|&byte| byte == b'\n') {
            piece.extend_from_slice(line);
            if piece.len() >= PIECE {
                pieces.push(std::mem::take(&mut piece));
            }
        }
        if !piece.is_empty() {
            pieces.push(piece);
        }
    }
    pieces
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let is_text = path.extension().is_some_and(|ending| ["rs", "md", "wit"].iter().any(|text| ending == *text));
        if path.is_dir() {
            collect(&path, files);
        } else if is_text {
            files.push(path);
        }
    }
}
