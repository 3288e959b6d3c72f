//! Vectors: files of calls with the answers that every host gives. `vectors/README.md` says how they are written.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

/// One file: a cache opened with `settings`, and what happens to it.
#[derive(Debug)]
pub struct Vector {
    /// The file's name without its ending.
    pub file: String,
    /// What the file is about.
    pub name: String,
    /// The argument of `open`.
    pub settings: Value,
    /// The calls, in order.
    pub steps: Vec<Step>,
}

/// One call.
#[derive(Debug)]
pub struct Step {
    /// A function of the contract.
    pub call: String,
    /// Its arguments as written; byte strings in any form.
    pub args: Value,
    /// The answer expected.
    pub answer: Value,
    /// What of this answer later steps find under which name; an empty field is the answer itself.
    pub save: Vec<(String, String)>,
}

/// Where the vectors are.
#[must_use]
pub fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors")
}

/// All vectors, by the name of their file.
///
/// # Panics
/// When a file cannot be read or is not a vector.
#[must_use]
pub fn all() -> Vec<Vector> {
    let listing = fs::read_dir(folder()).expect("the folder of vectors is there");
    let paths = listing.map(|entry| entry.expect("the folder can be listed").path());
    let mut files: Vec<_> = paths.filter(|path| path.extension().is_some_and(|ending| ending == "json")).collect();
    files.sort();
    files.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Vector {
    let file = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
    let content = json_file(path);
    known(&file, &content, &["name", "about", "settings", "steps"]);
    let text = |value: &Value| value.as_str().unwrap_or_else(|| panic!("{file}: {value} is not text")).to_owned();
    let steps = content["steps"].as_array().unwrap_or_else(|| panic!("{file} has no steps"));
    let step = |step: &Value| {
        known(&file, step, &["note", "call", "args", "answer", "save"]);
        Step {
            call: text(&step["call"]),
            args: step.get("args").cloned().unwrap_or_else(|| json!({})),
            answer: step["answer"].clone(),
            save: match step.get("save") {
                Some(Value::Object(fields)) => fields.iter().map(|(field, name)| (field.clone(), text(name))).collect(),
                name => name.map(|name| (String::new(), text(name))).into_iter().collect(),
            },
        }
    };
    Vector {
        name: text(&content["name"]),
        settings: content["settings"].clone(),
        steps: steps.iter().map(step).collect(),
        file,
    }
}

/// Refuses words that the format does not have: a misspelt one would silently mean nothing.
fn known(file: &str, object: &Value, words: &[&str]) {
    let object = object.as_object().unwrap_or_else(|| panic!("{file}: {object} is not an object"));
    if let Some(unknown) = object.keys().find(|word| !words.contains(&word.as_str())) {
        panic!("{file}: the format has no {unknown:?}");
    }
}

/// A file of JSON.
///
/// # Panics
/// When it cannot be read or is not JSON.
#[must_use]
pub fn json_file(path: &Path) -> Value {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
