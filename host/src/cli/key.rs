//! `larder key`: keys from what a result depends on. They need neither settings nor a directory, and print one line.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, stdin};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use larder::keys::{Key, Keys, Value};
use serde_json::json;

use super::failure::Failure;
use super::output::Output;

/// Bytes of JSON that are read at most: a key cannot be made of more.
const LONGEST_JSON: u64 = 64 << 20;

#[derive(Debug, Args)]
pub(super) struct KeyCommand {
    #[command(subcommand)]
    kind: KindCommand,
}

#[derive(Debug, Subcommand)]
enum KindCommand {
    /// From parts, in their order: parts:user:profile:123
    Parts {
        /// The parts
        #[arg(required = true)]
        parts: Vec<String>,
    },
    /// From a JSON object, in any order: dict:{"type":"profile","user_id":123}
    Dict {
        /// The object; - is standard input
        json: String,
    },
    /// From JSON with sets: structured:{"files":("a.rs","b.rs")}
    ///
    /// {"set": […]} is a set, {"bytes": "00ff"} are bytes, and {"map": {…}} is an object that is not taken for one of these.
    Structured {
        /// The value; - is standard input
        json: String,
    },
    /// From a path with the size and time of modification of what is there: path:src/lib.rs|12@1700000000.000000005
    Path {
        /// The path, taken as it is
        path: PathBuf,
        /// With a hash of the content instead
        #[arg(long, conflicts_with = "name_only")]
        content: bool,
        /// Of the path alone; nothing needs to be there
        #[arg(long)]
        name_only: bool,
    },
    /// From an endpoint and parameters: /api/users|filter=active&id=123
    Endpoint {
        /// The endpoint
        endpoint: String,
        /// Parameters
        #[arg(value_name = "K=V", value_parser = pair)]
        parameters: Vec<(String, String)>,
    },
    /// From a text, what is done with it, and options: text:summarize|{"max_length":100}|=Hello
    Text(TextArgs),
    /// What all keys of an operation begin with, and no others: text:summarize|
    Prefix {
        /// The operation
        #[arg(long, value_name = "OP")]
        operation: String,
    },
}

#[derive(Debug, Args)]
struct TextArgs {
    /// What is done with the text
    #[arg(long, value_name = "OP")]
    operation: String,
    /// An option; may be repeated. V is JSON if it can be, else text: n=1 is a number, n='"1"' a text
    #[arg(long = "option", value_name = "K=V", value_parser = pair)]
    options: Vec<(String, String)>,
    /// Bytes above which a text is hashed, at most 16384
    #[arg(long, value_name = "BYTES", default_value_t = 1_000)]
    hash_above: u64,
    /// Longest text of the tiers small, medium and large, in bytes
    #[arg(long, value_name = "BYTES", value_delimiter = ',', num_args = 1, default_value = "500,5000,50000")]
    tiers: Vec<u64>,
    /// Take the text from this file
    #[arg(long, value_name = "FILE", conflicts_with = "text")]
    file: Option<PathBuf>,
    /// The text; standard input if it is - or left out
    text: Option<String>,
}

fn pair(given: &str) -> Result<(String, String), String> {
    let pair = given.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()));
    pair.ok_or_else(|| format!("{given:?} is no pair; write NAME=VALUE"))
}

pub(super) fn key(command: KeyCommand, out: &Output) -> Result<ExitCode, Failure> {
    let keys = Keys::new()?;
    let key = match command.kind {
        KindCommand::Parts { parts } => keys.parts(parts)?,
        KindCommand::Dict { json } => keys.dictionary_of(&Value::from_json(&json_text(json)?)?)?,
        KindCommand::Structured { json } => keys.structured(&Value::from_marked_json(&json_text(json)?)?)?,
        KindCommand::Path { path, content: true, .. } => keys.file_content(path)?,
        KindCommand::Path { path, name_only: true, .. } => keys.path(path)?,
        KindCommand::Path { path, .. } => keys.file(path)?,
        KindCommand::Endpoint { endpoint, parameters } => keys.endpoint(&endpoint, parameters)?,
        KindCommand::Text(args) => text(keys, args)?,
        KindCommand::Prefix { operation } => {
            let prefix = keys.operation_prefix(&operation)?;
            out.show(&json!({ "prefix": prefix }), || format!("{prefix}\n"))?;
            return Ok(ExitCode::SUCCESS);
        }
    };
    out.show(&document(&key), || format!("{key}\n"))?;
    Ok(ExitCode::SUCCESS)
}

fn document(key: &Key) -> serde_json::Value {
    let mut document = json!({ "key": key.as_str(), "kind": key.kind().name(), "hashed": key.is_hashed() });
    if let Some(tier) = key.tier() {
        document["tier"] = json!(tier.name());
    }
    document
}

fn text(keys: Keys, args: TextArgs) -> Result<Key, Failure> {
    let [small, medium, large] = args.tiers[..] else {
        return Err(Failure::Usage("--tiers takes three sizes in bytes, such as 500,5000,50000".into()));
    };
    let keys = keys.hash_above(args.hash_above).tiers(small, medium, large);
    let mut options = BTreeMap::new();
    for (name, value) in args.options {
        if options.insert(name.clone(), option(value)?).is_some() {
            return Err(Failure::Usage(format!("the option {name:?} is given twice; give each one value")));
        }
    }
    let options = Value::Map(options);
    match (args.file, args.text) {
        (Some(file), _) => {
            let text = File::open(&file).map_err(Failure::io(format!("open {}", file.display())))?;
            Ok(keys.text_from(&args.operation, &options, text)?)
        }
        (None, Some(text)) if text != "-" => Ok(keys.text(&args.operation, &options, text)?),
        _ => Ok(keys.text_from(&args.operation, &options, stdin().lock())?),
    }
}

/// JSON if it can be. What looks like JSON but would be ambiguous is refused, and not taken for text.
fn option(value: String) -> Result<Value, Failure> {
    match serde_json::from_str::<serde::de::IgnoredAny>(&value) {
        Ok(_) => Ok(Value::from_json(&value)?),
        Err(_) => Ok(Value::Text(value)),
    }
}

/// JSON from the command line, or from standard input.
fn json_text(given: String) -> Result<String, Failure> {
    if given != "-" {
        return Ok(given);
    }
    let mut text = String::new();
    let read = stdin().lock().take(LONGEST_JSON + 1).read_to_string(&mut text);
    read.map_err(Failure::io("read JSON from standard input"))?;
    match text.len() as u64 <= LONGEST_JSON {
        true => Ok(text),
        false => {
            Err(Failure::Usage(format!("JSON may have up to {LONGEST_JSON} bytes; give a hash of the largest part")))
        }
    }
}
