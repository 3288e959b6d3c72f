//! Settings from flags, environment, file and defaults, in this order, and where each came from.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::PathBuf;

use clap::Args;
use larder::config::{Origin, Setting, directory, durability, size};
use larder::{Builder, Config, Durability};

use super::failure::Failure;

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

larder::all_settings!(settings);

#[derive(Debug)]
pub(super) struct Settings(Config);

impl Settings {
    pub(super) fn gather(flags: &Flags) -> Result<Self, Failure> {
        let file = File::read(flags)?;
        let mut config = Config::without_directory();
        for (name, value) in &file.values {
            config.put(name, value.clone(), Origin::File, Some(file.path.display().to_string()))?;
        }
        config.read_env()?;
        for (name, flag, _) in flags.given() {
            if let Some(value) = flag {
                config.put(name, value.clone(), Origin::Flag, None)?;
            }
        }
        let settings = Self(config.with_default_directory()?);
        settings.builder()?;
        Ok(settings)
    }

    pub(super) fn all(&self) -> &[Setting] {
        self.0.settings()
    }

    /// Whether somebody named a namespace, be it by flag, environment or file.
    pub(super) fn names_a_namespace(&self) -> bool {
        self.all().iter().any(|setting| setting.name == "namespace" && setting.origin != Origin::Default)
    }

    /// Whether a setting was switched on by a flag.
    pub(super) fn is_flag(&self, name: &str) -> bool {
        self.all().iter().any(|setting| setting.name == name && setting.origin == Origin::Flag)
            && self.0.get(name).is_some_and(|value| value != "off")
    }

    /// How long writes last that do not say otherwise.
    pub(super) fn durability(&self) -> Result<Durability, Failure> {
        Ok(self.0.parse("default-durability", durability)?.unwrap_or_default())
    }

    /// The plan whose generators may be called.
    pub(super) fn plan(&self) -> Option<PathBuf> {
        self.0.get("plan").map(PathBuf::from)
    }

    /// The size cap in force.
    pub(super) fn max_size(&self) -> Result<u64, Failure> {
        Ok(self.0.parse("max-size", size)?.unwrap_or(u64::MAX))
    }

    /// The largest value in force.
    pub(super) fn max_entry_size(&self) -> Result<u64, Failure> {
        Ok(self.0.parse("max-entry-size", size)?.unwrap_or(u64::MAX))
    }

    /// A builder with everything set. One shard: a command does one thing at a time.
    pub(super) fn builder(&self) -> Result<Builder, Failure> {
        Ok(self.0.builder()?.shards(1))
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
