//! Settings as text, from the environment for instance, and where each came from.
//!
//! Every setting has one name. `max-size` is `--max-size` on the command line, `LARDER_MAX_SIZE` in the environment and `max-size`
//! in the configuration file. Flags go before the environment, that before the file, and that before the default.

mod parse;
mod units;

use std::env;
use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

pub use parse::durability;
use parse::{codec, number, refresh_mode, small_size, strategy, switch};
pub use units::{size, span};

use crate::cache::{Builder, Cache, Defaults};
use crate::error::{Error, Result};

/// Calls a macro with all settings: for each a field, a name, what stands for its value, its default, and a sentence.
#[doc(hidden)]
#[macro_export]
macro_rules! all_settings {
    ($callback:ident) => {
        $callback! {
            dir "dir" "DIR" None, "Directory of the store [default: larder in the platform's cache directory]";
            namespace "namespace" "NS" Some("default"), "Namespace [default: default]";
            max_size "max-size" "SIZE" Some("500MB"), "Bytes on disk [default: 500MB]";
            max_entries "max-entries" "N" None, "Entries on disk [default: no limit]";
            max_memory "max-memory" "SIZE" Some("64MiB"), "Bytes in memory [default: 64MiB]";
            max_entry_size "max-entry-size" "SIZE" Some("64MiB"), "Largest value [default: 64MiB]";
            policy "policy" "NAME" Some("adaptive"),
                "Who goes when space is needed: adaptive, lru, fifo, lfu, ttl, sieve, s3-fifo, clock-pro, w-tinylfu, gdsf, predicted [default: adaptive]";
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
            learn "learn" "ON|OFF" Some("off"), "Whether reads teach predict what is asked for after what [default: off]",
                arg(num_args = 0..=1, require_equals = true, default_missing_value = "on");
            learn_memory "learn-memory" "SIZE" Some("1MiB"), "Bytes that what was learnt of a namespace may take [default: 1MiB]";
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
            memory_pressure "memory-pressure" "ON|OFF" Some("off"),
                "Whether memory is given back while the system runs short of it [default: off]";
            record "record" "FILE" None, "File that requests are appended to, for larder simulate; keys as hashes [default: none]";
            refresh_mode "refresh-mode" "NAME" Some("auto"),
                "When dependencies are looked at: auto or files (every read), always (never trusted), manual (never looked at) [default: auto]";
            depends_memo "depends-memo" "TIME" Some("0s"),
                "For how long a dependency that was looked at is not looked at again [default: 0s]";
            lock_timeout "lock-timeout" "TIME" Some("5s"), "How long to wait for other processes that write [default: 5s]";
            plan "plan" "FILE" None, "Plan whose generators pick may call where a pool has nothing [default: none]";
        }
    };
}

macro_rules! names_and_defaults {
    ($($field:ident $name:literal $value:literal $default:expr, $help:literal $(, $how:meta)?;)*) => {
        const SETTINGS: &[(&str, Option<&str>)] = &[$(($name, $default)),*];
    };
}

all_settings!(names_and_defaults);

/// Where a setting came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A flag, or a call of [`Config::set`].
    Flag,
    /// A variable of the environment.
    Environment,
    /// The configuration file.
    File,
    /// Nobody said anything.
    Default,
}

impl Origin {
    /// Its name, as `larder config` prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Flag => "flag",
            Self::Environment => "environment",
            Self::File => "file",
            Self::Default => "default",
        }
    }
}

/// A setting in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Setting {
    /// Its name.
    pub name: &'static str,
    /// As it was given; none when there is no such limit.
    pub value: Option<String>,
    /// Where it came from.
    pub origin: Origin,
    /// The variable or the file it came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

/// All settings.
///
/// ```
/// # fn main() -> larder::Result<()> {
/// let mut config = larder::Config::from_env()?;
/// config.set("max-memory", "16MiB")?.set("strategy", "memory")?;
/// let cache = config.open()?;
/// # drop(cache);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config(Vec<Setting>);

impl Config {
    /// The defaults. The directory is the command line's: `larder` in the platform's cache directory.
    ///
    /// # Errors
    /// `InvalidArgument` when there is no home directory to find a cache directory in.
    pub fn new() -> Result<Self> {
        Self::without_directory().with_default_directory()
    }

    /// The defaults, and what the environment says otherwise: `LARDER_DIR`, `LARDER_MAX_SIZE`, `LARDER_REFRESH_MODE` and so on, the
    /// names of the settings in capitals with `_` for `-`. An empty variable says nothing.
    ///
    /// # Errors
    /// `InvalidArgument` when a variable is not UTF-8, or holds what its setting cannot be.
    pub fn from_env() -> Result<Self> {
        let mut config = Self::without_directory();
        config.read_env()?;
        let config = config.with_default_directory()?;
        config.builder()?;
        Ok(config)
    }

    /// The defaults, with no directory yet.
    #[doc(hidden)]
    pub fn without_directory() -> Self {
        let default = |&(name, value): &(&'static str, Option<&str>)| Setting {
            name,
            value: value.map(str::to_owned),
            origin: Origin::Default,
            source: None,
        };
        Self(SETTINGS.iter().map(default).collect())
    }

    /// Takes over what the environment says.
    #[doc(hidden)]
    pub fn read_env(&mut self) -> Result<()> {
        for setting in &mut self.0 {
            let variable = format!("LARDER_{}", setting.name.replace('-', "_").to_uppercase());
            let Some(value) = env::var_os(&variable).filter(|value| !value.is_empty()) else { continue };
            let value = value.into_string().map_err(|_| Error::invalid(format!("{variable} is not UTF-8")))?;
            (setting.value, setting.origin, setting.source) = (Some(value), Origin::Environment, Some(variable));
        }
        Ok(())
    }

    /// The platform's directory, if none was named.
    #[doc(hidden)]
    pub fn with_default_directory(mut self) -> Result<Self> {
        if self.get("dir").is_none() {
            let dir = cache_directory()?;
            self.put("dir", dir, Origin::Default, None)?;
        }
        Ok(self)
    }

    /// Gives a setting a value.
    ///
    /// # Errors
    /// `InvalidArgument` when there is no such setting, or it cannot be this; it stays what it was then.
    pub fn set(&mut self, name: &str, value: impl Into<String>) -> Result<&mut Self> {
        let before = self.clone();
        self.put(name, value.into(), Origin::Flag, None)?;
        if let Err(e) = self.builder() {
            *self = before;
            return Err(e);
        }
        Ok(self)
    }

    /// Gives a setting a value from somewhere, unchecked.
    #[doc(hidden)]
    pub fn put(&mut self, name: &str, value: String, origin: Origin, source: Option<String>) -> Result<()> {
        let known = || SETTINGS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
        let found = self.0.iter_mut().find(|setting| setting.name == name);
        let setting =
            found.ok_or_else(|| Error::invalid(format!("there is no setting {name:?}; there are: {}", known())))?;
        (setting.value, setting.origin, setting.source) = (Some(value), origin, source);
        Ok(())
    }

    /// All settings, in the order of the documentation.
    pub fn settings(&self) -> &[Setting] {
        &self.0
    }

    /// A setting as it was given; `None` when it has no value, or there is none of this name.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|setting| setting.name == name).and_then(|setting| setting.value.as_deref())
    }

    /// Opens a cache with these settings.
    ///
    /// # Errors
    /// As [`Builder::open`].
    pub fn open(&self) -> Result<Cache> {
        self.builder()?.open()
    }

    #[doc(hidden)]
    pub fn parse<T>(
        &self,
        name: &str,
        parse: impl FnOnce(&str) -> std::result::Result<T, String>,
    ) -> Result<Option<T>> {
        let parsed = self.get(name).map(parse).transpose();
        parsed.map_err(|e| Error::invalid(format!("setting {name}: {e} (`larder config` shows where it comes from)")))
    }

    /// A builder with everything set.
    ///
    /// # Errors
    /// `InvalidArgument` when a setting cannot be what it was given.
    pub fn builder(&self) -> Result<Builder> {
        let mut builder = Cache::builder().namespace(self.get("namespace").unwrap_or("default"));
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
        if let Some(on) = self.parse("learn", switch)? {
            builder = builder.learn(on);
        }
        if let Some(bytes) = self.parse("learn-memory", size)? {
            builder = builder.learn_memory(bytes);
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
        if let Some(on) = self.parse("memory-pressure", switch)? {
            builder = builder.memory_pressure(on);
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

/// Larder's directory in one of the user's base directories.
#[doc(hidden)]
pub fn directory(variable: &str, under_home: &str) -> Option<PathBuf> {
    let base = env::var_os(variable).filter(|v| !v.is_empty()).map(PathBuf::from).or_else(|| {
        let home = env::var_os("HOME").filter(|v| !v.is_empty())?;
        Some(PathBuf::from(home).join(under_home))
    });
    base.map(|base| base.join("larder"))
}

fn cache_directory() -> Result<String> {
    let under_home = if cfg!(target_os = "macos") { "Library/Caches" } else { ".cache" };
    let dir = directory("XDG_CACHE_HOME", under_home)
        .ok_or_else(|| Error::invalid("there is no HOME to find a cache directory in; name one (--dir, LARDER_DIR)"))?;
    dir.into_os_string()
        .into_string()
        .map_err(|_| Error::invalid("the cache directory is not UTF-8; name another (--dir, LARDER_DIR)"))
}
