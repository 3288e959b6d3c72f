//! Settings from flags, environment, file and defaults, in this order, and where each came from.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use larder::{Builder, Cache, Codec, Defaults, Durability, RefreshMode, Strategy};
use serde::Serialize;

use super::failure::Failure;
use super::units::{size, span};

macro_rules! settings {
    ($($field:ident $name:literal $value:literal $default:expr, $help:literal $(, $how:meta)?;)*) => {
        /// Every setting as a flag.
        #[derive(Debug, Args)]
        #[command(next_help_heading = "Settings")]
        pub(super) struct Flags {
            /// Configuration file [default: larder/config.toml in the platform's configuration directory]
            #[arg(long, global = true, value_name = "FILE")]
            pub(super) config: Option<PathBuf>,
            $(
                #[doc = $help]
                #[arg(long = $name, global = true, value_name = $value)]
                $(#[$how])?
                pub(super) $field: Option<String>,
            )*
        }

        impl Flags {
            fn given(&self) -> Vec<(&'static str, Option<&String>, Option<&'static str>)> {
                vec![$(($name, self.$field.as_ref(), $default)),*]
            }
        }
    };
}

settings! {
    dir "dir" "DIR" None, "Directory of the store [default: larder in the platform's cache directory]";
    namespace "namespace" "NS" Some("default"), "Namespace [default: default]";
    max_size "max-size" "SIZE" Some("500MB"), "Bytes on disk [default: 500MB]";
    max_entries "max-entries" "N" None, "Entries on disk [default: no limit]";
    max_memory "max-memory" "SIZE" Some("64MiB"), "Bytes in memory [default: 64MiB]";
    max_entry_size "max-entry-size" "SIZE" Some("64MiB"), "Largest value [default: 64MiB]";
    policy "policy" "NAME" Some("adaptive"),
        "Who goes when space is needed: adaptive, lru, fifo, lfu, ttl, sieve, s3-fifo, clock-pro, w-tinylfu, gdsf [default: adaptive]";
    objective "objective" "NAME" Some("balanced"),
        "What adaptive, w-tinylfu and gdsf try for: balanced, objects (hits), bytes, cost [default: balanced]";
    codec "codec" "NAME" Some("deflate"), "Compression: none, deflate, lz4, or auto, by what it gains [default: deflate]";
    compression_threshold "compression-threshold" "SIZE" Some("1KiB"), "Smallest value to compress [default: 1KiB]";
    compression_level "compression-level" "N" Some("6"), "DEFLATE level, 1 to 9 [default: 6]";
    cold_tier "cold-tier" "ON|OFF" Some("off"),
        "Whether entries that cool are compressed in memory; pays where misses are expensive [default: off]";
    advice "advice" "ON|OFF" Some("off"),
        "Whether to find out what other policies and sizes would hit; with stats, print it [default: off]",
        arg(num_args = 0..=1, require_equals = true, default_missing_value = "on");
    default_ttl "default-ttl" "TIME" None, "Time to live of entries set without one [default: none]";
    default_tti "default-tti" "TIME" None, "Idle time-out of entries set without one [default: none]";
    default_stale "default-stale" "TIME" None, "Stale window of entries set without one [default: none]";
    jitter "jitter" "PERCENT" Some("0"), "Percent by which times to live are shortened at random [default: 0]";
    default_durability "default-durability" "NAME" Some("process"),
        "How long writes last: memory, process, sync [default: process]";
    strategy "strategy" "NAME" Some("shared"),
        "How processes use the directory: shared, process-isolated, memory, read-only [default: shared]";
    locking "locking" "ON|OFF" Some("on"), "Whether writers lock the store; off only where one process writes [default: on]";
    cleanup_interval "cleanup-interval" "TIME" Some("300s"),
        "How often a command that stays cleans up; never switches it off [default: 300s]";
    statistics "statistics" "ON|OFF" Some("on"), "Whether what is counted is added to the store's statistics [default: on]";
    record "record" "FILE" None, "File that requests are appended to, for larder simulate; keys as hashes [default: none]";
    refresh_mode "refresh-mode" "NAME" Some("auto"),
        "When dependencies are looked at: auto or files (every read), always (never trusted), manual (never looked at) [default: auto]";
    depends_memo "depends-memo" "TIME" Some("0s"),
        "For how long a dependency that was looked at is not looked at again [default: 0s]";
    lock_timeout "lock-timeout" "TIME" Some("5s"), "How long to wait for other processes that write [default: 5s]";
}

/// A setting in force.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Setting {
    pub(super) name: &'static str,
    /// As it was given; none when there is no such limit.
    pub(super) value: Option<String>,
    /// `flag`, `environment`, `file` or `default`.
    pub(super) origin: &'static str,
    /// The variable or the file it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) source: Option<String>,
}

#[derive(Debug)]
pub(super) struct Settings(Vec<Setting>);

impl Settings {
    pub(super) fn gather(flags: &Flags) -> Result<Self, Failure> {
        let file = File::read(flags)?;
        let mut settings = Vec::new();
        for (name, flag, default) in flags.given() {
            let variable = format!("LARDER_{}", name.replace('-', "_").to_uppercase());
            let (value, origin, source) = if let Some(value) = flag {
                (Some(value.clone()), "flag", None)
            } else if let Some(value) = env::var_os(&variable).filter(|v| !v.is_empty()) {
                let value = value.into_string().map_err(|_| Failure::Usage(format!("{variable} is not UTF-8")))?;
                (Some(value), "environment", Some(variable))
            } else if let Some(value) = file.values.get(name) {
                (Some(value.clone()), "file", Some(file.path.display().to_string()))
            } else if name == "dir" {
                (Some(cache_directory()?), "default", None)
            } else {
                (default.map(str::to_owned), "default", None)
            };
            settings.push(Setting { name, value, origin, source });
        }
        let settings = Self(settings);
        settings.builder()?;
        Ok(settings)
    }

    pub(super) fn all(&self) -> &[Setting] {
        &self.0
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|setting| setting.name == name).and_then(|setting| setting.value.as_deref())
    }

    fn parse<T>(&self, name: &str, parse: impl FnOnce(&str) -> Result<T, String>) -> Result<Option<T>, Failure> {
        let parsed = self.get(name).map(parse).transpose();
        parsed.map_err(|e| Failure::Usage(format!("setting {name}: {e} (`larder config` shows where it comes from)")))
    }

    /// The namespace in force.
    pub(super) fn namespace(&self) -> &str {
        self.get("namespace").unwrap_or("default")
    }

    /// Whether somebody named a namespace, be it by flag, environment or file.
    pub(super) fn names_a_namespace(&self) -> bool {
        self.0.iter().any(|setting| setting.name == "namespace" && setting.origin != "default")
    }

    /// Whether a setting was switched on by a flag.
    pub(super) fn is_flag(&self, name: &str) -> bool {
        self.0.iter().any(|setting| setting.name == name && setting.origin == "flag")
            && self.get(name).is_some_and(|value| switch(value) == Ok(true))
    }

    /// How long writes last that do not say otherwise.
    pub(super) fn durability(&self) -> Result<Durability, Failure> {
        Ok(self.parse("default-durability", durability)?.unwrap_or_default())
    }

    /// The size cap in force.
    pub(super) fn max_size(&self) -> Result<u64, Failure> {
        Ok(self.parse("max-size", size)?.unwrap_or(u64::MAX))
    }

    /// The largest value in force.
    pub(super) fn max_entry_size(&self) -> Result<u64, Failure> {
        Ok(self.parse("max-entry-size", size)?.unwrap_or(u64::MAX))
    }

    /// A builder with everything set. One shard: a command does one thing at a time.
    pub(super) fn builder(&self) -> Result<Builder, Failure> {
        let mut builder = Cache::builder().shards(1).namespace(self.namespace());
        if let Some(dir) = self.get("dir") {
            builder = builder.directory(dir);
        }
        if let Some(n) = self.parse("max-size", size)? {
            builder = builder.max_size(n);
        }
        if let Some(n) = self.parse("max-entries", number)? {
            builder = builder.max_entries(n);
        }
        if let Some(n) = self.parse("max-memory", size)? {
            builder = builder.max_memory(n);
        }
        if let Some(n) = self.parse("max-entry-size", small_size)? {
            builder = builder.max_entry_size(n);
        }
        if let Some(name) = self.get("objective") {
            builder = builder.objective(name);
        }
        if let Some(name) = self.get("policy") {
            builder = builder.policy(name);
        }
        if let Some(codec) = self.parse("codec", codec)? {
            builder = builder.codec(codec);
        }
        if let Some(n) = self.parse("compression-threshold", small_size)? {
            builder = builder.compression_threshold(n);
        }
        if let Some(n) = self.parse("compression-level", number)? {
            builder = builder.compression_level(u8::try_from(n).unwrap_or(u8::MAX));
        }
        if let Some(on) = self.parse("cold-tier", switch)? {
            builder = builder.cold_tier(on);
        }
        if let Some(on) = self.parse("advice", switch)? {
            builder = builder.advice(on);
        }
        if let Some(d) = self.parse("default-durability", durability)? {
            builder = builder.durability(d);
        }
        if let Some(s) = self.parse("strategy", strategy)? {
            builder = builder.strategy(s);
        }
        if let Some(on) = self.parse("locking", switch)? {
            builder = builder.locking(on);
        }
        if let Some(on) = self.parse("statistics", switch)? {
            builder = builder.statistics(on);
        }
        if let Some(file) = self.get("record") {
            builder = builder.record(file);
        }
        if let Some(d) = self.parse("cleanup-interval", span)? {
            builder = builder.cleanup_interval(Some(d).filter(|d| *d != Duration::MAX));
        }
        if let Some(mode) = self.parse("refresh-mode", refresh_mode)? {
            builder = builder.refresh_mode(mode);
        }
        if let Some(d) = self.parse("depends-memo", span)? {
            builder = builder.depends_memo(d);
        }
        if let Some(d) = self.parse("lock-timeout", span)? {
            builder = builder.lock_timeout(d);
        }
        Ok(builder.defaults(Defaults {
            ttl: self.parse("default-ttl", span)?,
            tti: self.parse("default-tti", span)?,
            stale: self.parse("default-stale", span)?.filter(|d| *d > Duration::ZERO),
            jitter: u8::try_from(self.parse("jitter", number)?.unwrap_or(0)).unwrap_or(u8::MAX),
        }))
    }
}

fn number(text: &str) -> Result<u64, String> {
    text.parse().map_err(|_| format!("{text:?} is not a whole number"))
}

fn small_size(text: &str) -> Result<u32, String> {
    u32::try_from(size(text)?).map_err(|_| format!("{text:?} is more than 4 GiB"))
}

fn strategy(text: &str) -> Result<Strategy, String> {
    match text {
        "shared" => Ok(Strategy::Shared),
        "process-isolated" => Ok(Strategy::ProcessIsolated),
        "memory" => Ok(Strategy::Memory),
        "read-only" => Ok(Strategy::ReadOnly),
        _ => Err(format!("there is no strategy {text:?}; there are shared, process-isolated, memory and read-only")),
    }
}

fn refresh_mode(text: &str) -> Result<RefreshMode, String> {
    match text {
        "auto" => Ok(RefreshMode::Auto),
        "files" => Ok(RefreshMode::Files),
        "always" => Ok(RefreshMode::Always),
        "manual" => Ok(RefreshMode::Manual),
        _ => Err(format!("there is no refresh mode {text:?}; there are auto, files, always and manual")),
    }
}

fn switch(text: &str) -> Result<bool, String> {
    match text {
        "on" | "true" | "yes" | "1" => Ok(true),
        "off" | "false" | "no" | "0" => Ok(false),
        _ => Err(format!("{text:?} is neither on nor off")),
    }
}

fn codec(text: &str) -> Result<Codec, String> {
    match text {
        "none" => Ok(Codec::None),
        "deflate" => Ok(Codec::Deflate),
        "lz4" => Ok(Codec::Lz4),
        "auto" => Ok(Codec::Auto),
        _ => Err(format!("there is no codec {text:?}; there are none, deflate, lz4 and auto")),
    }
}

/// Parses a durability by name.
pub(super) fn durability(text: &str) -> Result<Durability, String> {
    match text {
        "memory" => Ok(Durability::Memory),
        "process" => Ok(Durability::Process),
        "sync" => Ok(Durability::Sync),
        _ => Err(format!("there is no durability {text:?}; there are memory, process and sync")),
    }
}

/// The configuration file's settings as text.
#[derive(Default)]
struct File {
    path: PathBuf,
    values: BTreeMap<String, String>,
}

impl File {
    fn read(flags: &Flags) -> Result<Self, Failure> {
        let named =
            flags.config.clone().or_else(|| env::var_os("LARDER_CONFIG").filter(|v| !v.is_empty()).map(PathBuf::from));
        let Some(path) = named.clone().or_else(|| Some(directory("XDG_CONFIG_HOME", ".config")?.join("config.toml")))
        else {
            return Ok(Self::default());
        };
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(e) if e.kind() == std::io::ErrorKind::NotFound && named.is_none() => return Ok(Self::default()),
            Err(e) => return Err(Failure::Usage(format!("could not read the configuration {}: {e}", path.display()))),
        };
        let table: toml::Table = toml::from_str(&text).map_err(|e| {
            Failure::Usage(format!("{} is not valid TOML: {}", path.display(), e.to_string().trim_end()))
        })?;
        let known: Vec<_> = flags.given().into_iter().map(|(name, ..)| name).collect();
        let mut values = BTreeMap::new();
        for (key, value) in table {
            let value = match value {
                toml::Value::String(text) => text,
                toml::Value::Integer(n) => n.to_string(),
                toml::Value::Boolean(on) => on.to_string(),
                _ => {
                    let message = format!("{}: {key} must be a string, a whole number, true or false", path.display());
                    return Err(Failure::Usage(message));
                }
            };
            if !known.contains(&key.as_str()) {
                return Err(Failure::Usage(unknown_key(&path.display().to_string(), &key, &known)));
            }
            values.insert(key, value);
        }
        Ok(Self { path, values })
    }
}

fn unknown_key(path: &str, key: &str, known: &[&str]) -> String {
    let nearest = known.iter().map(|name| (strsim::jaro_winkler(key, name), name)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((likeness, name)) if likeness > 0.7 => {
            format!("{path}: there is no setting {key:?}; did you mean {name:?}?")
        }
        _ => format!("{path}: there is no setting {key:?}; there are: {}", known.join(", ")),
    }
}

/// Larder's directory in one of the user's base directories.
fn directory(variable: &str, under_home: &str) -> Option<PathBuf> {
    let base = env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from).or_else(|| {
        let home = env::var_os("HOME").filter(|v| !v.is_empty())?;
        Some(PathBuf::from(home).join(under_home))
    });
    base.map(|base| base.join("larder"))
}

fn cache_directory() -> Result<String, Failure> {
    let under_home = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    let dir = directory("XDG_CACHE_HOME", under_home)
        .ok_or_else(|| Failure::Usage("there is no HOME to find a cache directory in; use --dir".into()))?;
    dir.into_os_string().into_string().map_err(|_| Failure::Usage("the cache directory is not UTF-8; use --dir".into()))
}
