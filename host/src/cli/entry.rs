//! Commands on one entry.

use std::fs;
use std::io::{IsTerminal, Read, stderr, stdin};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use larder::{Cache, Dependency, DependencyKind, Durability, EntryInfo, Remaining, SetOptions, Written};
use serde_json::{Map, Value, json};

use super::failure::Failure;
use super::output::{Output, put_bytes};
use super::units::{show_size, show_span};
use larder::config::{durability, span};

const ABSENT: u8 = 1;

#[derive(Debug, Args)]
pub(super) struct KeyArgs {
    /// The key
    key: String,
}

/// What an entry may be given beside its value.
#[derive(Debug, Args)]
pub(super) struct EntryArgs {
    /// Time to live, such as 90s, 10m, 1h30m, 7d or never
    #[arg(long, value_name = "TIME", value_parser = span)]
    ttl: Option<Duration>,
    /// Idle time-out: the entry goes when it was not read for so long
    #[arg(long, value_name = "TIME", value_parser = span)]
    tti: Option<Duration>,
    /// How long after its time to live the entry may still be served
    #[arg(long, value_name = "TIME", value_parser = span)]
    stale: Option<Duration>,
    /// A tag; may be repeated
    #[arg(long = "tag", value_name = "TAG")]
    tags: Vec<String>,
    /// A metadata pair; may be repeated
    #[arg(long, value_name = "K=V", value_parser = pair)]
    meta: Vec<(String, String)>,
    /// How long the write must last: memory, process or sync
    #[arg(long, value_name = "NAME", value_parser = durability)]
    durability: Option<Durability>,
    /// A file that the entry depends on, or a pattern of files such as 'src/**/*.rs', by size and time; may be repeated. It is
    /// a miss once one of them changes. .gitignore is respected
    #[arg(long, value_name = "PATH")]
    depends: Vec<String>,
    /// As --depends, by content: reads the files, and notices what size and time do not show
    #[arg(long, value_name = "PATH")]
    depends_content: Vec<String>,
    /// An environment variable that the entry depends on; may be repeated
    #[arg(long, value_name = "VAR")]
    depends_env: Vec<String>,
    /// What it costs to have the value again, in whatever unit all entries use
    #[arg(long, value_name = "N")]
    cost: Option<u64>,
}

impl EntryArgs {
    /// Patterns and names of all that the entry depends on, in an order that is always the same.
    pub(super) fn dependencies(&self) -> impl Iterator<Item = (char, &String)> {
        let kinds = [('f', &self.depends), ('c', &self.depends_content), ('e', &self.depends_env)];
        kinds.into_iter().flat_map(|(kind, names)| names.iter().map(move |name| (kind, name)))
    }

    /// The options. What the entry depends on is stamped now: the value must be made afterwards.
    pub(super) fn options(self) -> Result<SetOptions, Failure> {
        let mut options = SetOptions::new();
        for (kind, name) in self.dependencies() {
            options = options.depends(dependency(kind, name)?);
        }
        if let Some(ttl) = self.ttl {
            options = options.ttl(ttl);
        }
        if let Some(tti) = self.tti {
            options = options.tti(tti);
        }
        if let Some(stale) = self.stale {
            options = options.stale(stale);
        }
        if let Some(durability) = self.durability {
            options = options.durability(durability);
        }
        if let Some(cost) = self.cost {
            options = options.cost(cost);
        }
        options = self.tags.into_iter().fold(options, SetOptions::tag);
        Ok(self.meta.into_iter().fold(options, |options, (name, value)| options.metadata(name, value)))
    }
}

/// A dependency by what it is: `f` a file or pattern, `c` the same by content, `e` a variable. A file whose name looks like a
/// pattern is a file.
fn dependency(kind: char, name: &str) -> Result<Dependency, Failure> {
    let is_pattern = Dependency::is_pattern(name) && !Path::new(name).is_file();
    Ok(match (kind, is_pattern) {
        ('f', false) => Dependency::file(name)?,
        ('f', true) => Dependency::glob(name)?,
        ('c', false) => Dependency::content(name)?,
        ('c', true) => Dependency::glob_content(name)?,
        _ => Dependency::environment(name),
    })
}

fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("{text:?} is not of the form K=V"))?;
    Ok((name.to_owned(), value.to_owned()))
}

#[derive(Debug, Args)]
pub(super) struct SetArgs {
    /// The key
    key: String,
    /// The value; - or nothing is standard input
    #[arg(conflicts_with = "file", allow_negative_numbers = true)]
    value: Option<String>,
    /// Take the value from a file
    #[arg(long, value_name = "F")]
    file: Option<PathBuf>,
    /// Content type of the value, such as application/json
    #[arg(long = "type", value_name = "MIME")]
    content_type: Option<String>,
    #[command(flatten)]
    entry: EntryArgs,
}

pub(super) fn set(cache: &Cache, default: Durability, args: SetArgs, out: &Output) -> Result<ExitCode, Failure> {
    if args.entry.durability.unwrap_or(default) == Durability::Memory {
        let message = "an entry of durability memory would end with this command; use process or sync";
        return Err(Failure::Usage(message.into()));
    }
    // Before the value is read: whoever makes it may only now be reading its sources.
    let mut options = args.entry.options()?;
    let value = match (args.value.as_deref(), args.file) {
        (_, Some(file)) => fs::read(&file).map_err(Failure::io(format!("read {}", file.display())))?,
        (Some("-"), None) => read_stdin()?,
        (Some(value), None) => value.as_bytes().to_vec(),
        (None, None) if stdin().is_terminal() => {
            return Err(Failure::Usage("give a value, --file F, or - for standard input".into()));
        }
        (None, None) => read_stdin()?,
    };
    if let Some(content_type) = args.content_type {
        options = options.content_type(content_type);
    }
    let written = cache.set_with(&args.key, value, &options)?;
    must_last(&written)?;
    out.show(
        &json!({"key": args.key, "version": written.version, "durability": name(written.durability)}),
        String::new,
    )?;
    Ok(ExitCode::SUCCESS)
}

/// A command that ends now has no memory in which an entry could live on.
fn must_last(written: &Written) -> Result<(), Failure> {
    match written.durability {
        Durability::Memory => Err(Failure::Refused("the store did not take the entry; see the warning above".into())),
        _ => Ok(()),
    }
}

fn read_stdin() -> Result<Vec<u8>, Failure> {
    let mut value = Vec::new();
    stdin().lock().read_to_end(&mut value).map_err(Failure::io("read standard input"))?;
    Ok(value)
}

#[derive(Debug, Args)]
pub(super) struct GetArgs {
    /// The key
    key: String,
    /// Write the value to a file
    #[arg(long, value_name = "F")]
    out: Option<PathBuf>,
}

pub(super) fn get(cache: &Cache, args: &GetArgs, out: &Output) -> Result<ExitCode, Failure> {
    let Some(hit) = cache.lookup(&args.key)? else { return absent(&args.key, out) };
    if let Some(file) = &args.out {
        fs::write(file, &hit.value).map_err(Failure::io(format!("write {}", file.display())))?;
    }
    if out.is_json() {
        let mut document = Map::new();
        document.insert("key".into(), json!(args.key));
        if args.out.is_none() {
            put_bytes(&mut document, "value", &hit.value);
        }
        document.insert("content_type".into(), json!(hit.content_type));
        document.insert("version".into(), json!(hit.version));
        document.insert("created".into(), json!(hit.created));
        document.insert("expires".into(), json!(hit.expires));
        document.insert("stale".into(), json!(hit.is_stale));
        out.show(&Value::Object(document), String::new)?;
    } else if args.out.is_none() {
        out.raw(&hit.value)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Says that there is no such entry: to a person in words, to a script by the exit code.
fn absent(key: &str, out: &Output) -> Result<ExitCode, Failure> {
    if out.is_json() {
        out.show(&json!({"key": key, "absent": true}), String::new)?;
    } else if stderr().is_terminal() {
        eprintln!("larder: there is no entry {key:?}");
    }
    Ok(ExitCode::from(ABSENT))
}

pub(super) fn exists(cache: &Cache, args: &KeyArgs, out: &Output) -> Result<ExitCode, Failure> {
    let exists = cache.contains(&args.key)?;
    out.show(&json!({"key": args.key, "exists": exists}), String::new)?;
    Ok(ExitCode::from(if exists { 0 } else { ABSENT }))
}

pub(super) fn ttl(cache: &Cache, args: &KeyArgs, out: &Output) -> Result<ExitCode, Failure> {
    let Some(remaining) = cache.ttl(&args.key)? else { return absent(&args.key, out) };
    let (ms, text) = match remaining {
        Remaining::Forever => (None, "never".to_owned()),
        Remaining::Fresh(ms) => (Some(ms), show_span(ms)),
        Remaining::Stale(ms) => (Some(0), format!("stale, gone in {}", show_span(ms))),
    };
    let stale = matches!(remaining, Remaining::Stale(_));
    out.show(&json!({"key": args.key, "ttl_ms": ms, "stale": stale}), || text + "\n")?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Args)]
pub(super) struct TouchArgs {
    /// The key
    key: String,
    /// New time to live, counted from now; without it only the idle time-out starts anew
    #[arg(long, value_name = "TIME", value_parser = span)]
    ttl: Option<Duration>,
}

pub(super) fn touch(cache: &Cache, args: &TouchArgs, out: &Output) -> Result<ExitCode, Failure> {
    let Some(written) = cache.touch(&args.key, args.ttl)? else { return absent(&args.key, out) };
    must_last(&written)?;
    out.show(&json!({"key": args.key, "touched": true}), String::new)?;
    Ok(ExitCode::SUCCESS)
}

#[derive(Debug, Args)]
pub(super) struct DeleteArgs {
    /// The keys
    #[arg(required = true)]
    keys: Vec<String>,
}

pub(super) fn delete(cache: &Cache, args: &DeleteArgs, out: &Output) -> Result<ExitCode, Failure> {
    let deleted = cache.delete_many(&args.keys)?.into_iter().filter(|existed| *existed).count();
    out.show(&json!({"deleted": deleted}), String::new)?;
    Ok(ExitCode::from(if deleted > 0 { 0 } else { ABSENT }))
}

pub(super) fn inspect(cache: &Cache, args: &KeyArgs, out: &Output) -> Result<ExitCode, Failure> {
    let Some(info) = cache.inspect(&args.key)? else { return absent(&args.key, out) };
    out.show(&info, || describe(&info))?;
    Ok(ExitCode::SUCCESS)
}

fn describe(info: &EntryInfo) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64);
    let ago = |then: u64| format!("{} ago", show_span(now.saturating_sub(then)));
    let until = |then: Option<u64>| match then {
        None => "never".to_owned(),
        Some(then) if then > now => format!("in {}", show_span(then - now)),
        Some(then) => ago(then),
    };
    let mut lines = vec![
        ("key", String::from_utf8_lossy(&info.key).into_owned()),
        ("namespace", info.namespace.clone()),
        ("value", show_size(info.value_size)),
        ("stored", format!("{} ({})", show_size(info.size), info.codec)),
        ("version", info.version.to_string()),
        ("durability", info.durability.to_owned()),
        ("created", ago(info.created)),
        ("accessed", ago(info.accessed)),
        ("accesses", info.hits.to_string()),
        ("expires", until(info.expires)),
    ];
    if info.gone != info.expires {
        lines.push(("gone", until(info.gone)));
    }
    lines.extend(info.idle_timeout.map(|ms| ("idle time-out", show_span(ms))));
    lines.extend(info.cost.map(|cost| ("cost", cost.to_string())));
    if info.prefetched {
        lines.push(("prefetched", "and not asked for yet".to_owned()));
    }
    if !info.content_type.is_empty() {
        lines.push(("type", info.content_type.clone()));
    }
    lines.extend(info.tags.iter().map(|tag| ("tag", tag.clone())));
    lines.extend(info.dependencies.iter().map(|on| ("depends", format!("{} {}", kind_name(on.kind), on.name))));
    lines.extend(info.metadata.iter().map(|(name, value)| ("meta", format!("{name}={value}"))));
    lines.iter().map(|(name, value)| format!("{name:<14}{value}\n")).collect()
}

fn kind_name(kind: DependencyKind) -> &'static str {
    match kind {
        DependencyKind::File => "file",
        DependencyKind::Glob => "files",
        DependencyKind::Environment => "variable",
    }
}

fn name(durability: Durability) -> &'static str {
    match durability {
        Durability::Memory => "memory",
        Durability::Process => "process",
        Durability::Sync => "sync",
    }
}
