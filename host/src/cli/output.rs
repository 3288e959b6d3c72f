//! Answers on stdout: text for people and pipes, or one JSON document.

use std::io::{Write, stdout};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::failure::Failure;

pub(super) struct Output {
    json: bool,
}

impl Output {
    pub(super) fn new(json: bool) -> Self {
        Self { json }
    }

    pub(super) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints a document with `--json`, else text.
    pub(super) fn show(&self, document: &impl Serialize, text: impl FnOnce() -> String) -> Result<(), Failure> {
        if self.json {
            let mut line = serde_json::to_vec(document).map_err(|e| Failure::Usage(e.to_string()))?;
            line.push(b'\n');
            self.raw(&line)
        } else {
            self.raw(text().as_bytes())
        }
    }

    /// Prints bytes as they are.
    pub(super) fn raw(&self, bytes: &[u8]) -> Result<(), Failure> {
        let mut out = stdout().lock();
        out.write_all(bytes).and_then(|()| out.flush()).map_err(Failure::io("write to stdout"))
    }
}

/// Bytes in JSON: `name` as text where they are text, else `name_base64`.
pub(super) fn put_bytes(document: &mut Map<String, Value>, name: &str, bytes: &[u8]) {
    match std::str::from_utf8(bytes) {
        Ok(text) => document.insert(name.to_owned(), json!(text)),
        Err(_) => document.insert(format!("{name}_base64"), json!(STANDARD.encode(bytes))),
    };
}
