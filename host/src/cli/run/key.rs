//! What a run's result depends on, as a key: a readable beginning, then a BLAKE3 hash over everything.

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

use super::Failure;

/// Bytes of the command that stay readable in the key.
const READABLE: usize = 80;

/// A command as a person would write it.
pub(super) fn readable(command: &[OsString]) -> String {
    command.iter().map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

/// The key for a command, the values of the named environment variables, the working directory, standard input, and the names
/// of what the result depends on: it says which changes make it invalid.
pub(super) fn of<'a>(
    command: &[OsString],
    variables: &[String],
    dependencies: impl Iterator<Item = (char, &'a String)>,
    input: Option<&[u8]>,
) -> Result<Vec<u8>, Failure> {
    let mut hash = blake3::Hasher::new();
    // Every part goes in with its length, so that no two different runs give the same bytes.
    let mut part = |bytes: &[u8]| {
        hash.update(&(bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    part(b"run 1");
    part(&(command.len() as u64).to_le_bytes());
    command.iter().for_each(|word| part(word.as_bytes()));
    let directory = env::current_dir().map_err(Failure::io("find the working directory"))?;
    part(directory.as_os_str().as_bytes());
    let mut names: Vec<_> = variables.iter().collect();
    names.sort();
    names.dedup();
    part(&(names.len() as u64).to_le_bytes());
    for name in names {
        part(name.as_bytes());
        match env::var_os(name) {
            Some(value) => part(&[b"=", value.as_bytes()].concat()),
            None => part(b""),
        }
    }
    match input {
        Some(input) => part(&[b"=", blake3::hash(input).as_bytes().as_slice()].concat()),
        None => part(b""),
    }
    for (kind, name) in dependencies {
        part(kind.to_string().as_bytes());
        part(name.as_bytes());
    }
    let mut readable = readable(command);
    let cut = (0..=READABLE.min(readable.len())).rev().find(|at| readable.is_char_boundary(*at)).unwrap_or(0);
    readable.truncate(cut);
    Ok(format!("run:{readable}#{}", hash.finalize().to_hex()).into_bytes())
}
