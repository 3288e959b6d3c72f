//! The engine's types into the contract's, and back.

use larder_engine as engine;

use crate::bindings::exports::larder::cache::cache as wit;
use crate::bindings::exports::larder::cache::types;

/// A value of the engine in the contract's type.
pub(crate) trait Convert<T> {
    fn convert(self) -> T;
}

/// An engine's result in the contract's types.
pub(crate) trait Answer<T> {
    fn answer(self) -> Result<T, types::Error>;
}

impl<E: Convert<T>, T> Answer<T> for engine::Result<E> {
    fn answer(self) -> Result<T, types::Error> {
        self.map(E::convert).map_err(error)
    }
}

impl<E: Convert<T>, T> Convert<Option<T>> for Option<E> {
    fn convert(self) -> Option<T> {
        self.map(E::convert)
    }
}

impl<E: Convert<T>, T> Convert<Vec<T>> for Vec<E> {
    fn convert(self) -> Vec<T> {
        self.into_iter().map(E::convert).collect()
    }
}

impl Convert<wit::Hit> for engine::Hit<'_> {
    fn convert(self) -> wit::Hit {
        wit::Hit {
            value: self.value.into_owned(),
            content_type: self.content_type.into_owned(),
            version: self.version,
            created: self.created,
            expires: self.expires,
            freshness: match self.freshness {
                engine::Freshness::Fresh => types::Freshness::Fresh,
                engine::Freshness::Stale => types::Freshness::Stale,
            },
            renew: self.renew,
            depends: self.depends,
        }
    }
}

impl Convert<wit::Stored> for engine::Stored {
    fn convert(self) -> wit::Stored {
        wit::Stored { version: self.version, gone: self.gone, record: self.record }
    }
}

impl Convert<wit::Times> for engine::Times {
    fn convert(self) -> wit::Times {
        wit::Times { expires: self.expires, gone: self.gone }
    }
}

impl Convert<wit::Counted> for (i64, engine::Stored) {
    fn convert(self) -> wit::Counted {
        wit::Counted { value: self.0, stored: self.1.convert() }
    }
}

impl Convert<wit::EntryInfo> for engine::EntryInfo {
    fn convert(self) -> wit::EntryInfo {
        wit::EntryInfo {
            namespace: self.namespace,
            key: self.key,
            content_type: self.content_type,
            metadata: self.metadata,
            tags: self.tags,
            dependencies: self.dependencies.convert(),
            version: self.version,
            created: self.created,
            accessed: self.accessed,
            expires: self.expires,
            gone: self.gone,
            idle_timeout: self.idle_timeout,
            stale_window: self.stale_window,
            cost: self.cost,
            prefetched: self.prefetched,
            hits: self.hits,
            value_size: self.value_size,
            size: self.size,
            codec: match self.codec {
                engine::Codec::None => types::Codec::None,
                engine::Codec::Deflate => types::Codec::Deflate,
                engine::Codec::Lz4 => types::Codec::Lz4,
            },
            durability: match self.durability {
                engine::Durability::Memory => types::Durability::Memory,
                engine::Durability::Process => types::Durability::Process,
                engine::Durability::Sync => types::Durability::Sync,
            },
        }
    }
}

impl Convert<wit::Dependency> for engine::Dependency {
    fn convert(self) -> wit::Dependency {
        let kind = match self.kind {
            engine::DependencyKind::File => wit::DependencyKind::File,
            engine::DependencyKind::Glob => wit::DependencyKind::Glob,
            engine::DependencyKind::Environment => wit::DependencyKind::Environment,
        };
        wit::Dependency { kind, name: self.name, stamp: self.stamp }
    }
}

impl Convert<wit::Banned> for engine::Banned {
    fn convert(self) -> wit::Banned {
        wit::Banned { sequence: self.sequence, hit: self.hit, record: self.record }
    }
}

impl Convert<wit::Carried> for engine::Carried {
    fn convert(self) -> wit::Carried {
        wit::Carried { records: self.records, next: self.next }
    }
}

impl Convert<wit::Page> for engine::Page {
    fn convert(self) -> wit::Page {
        wit::Page { entries: self.entries.convert(), next: self.next }
    }
}

impl Convert<wit::Statistics> for engine::Statistics {
    fn convert(self) -> wit::Statistics {
        wit::Statistics {
            entries: self.entries,
            bytes: self.bytes,
            hits: self.hits,
            stale_hits: self.stale_hits,
            misses: self.misses,
            admitted: self.admitted,
            refused: self.refused,
            refused_corrupt: self.refused_corrupt,
            refused_newer: self.refused_newer,
            refused_too_large: self.refused_too_large,
            refused_other_key: self.refused_other_key,
            sets: self.sets,
            deletes: self.deletes,
            expired: self.expired,
            invalidated: self.invalidated,
            evicted_bytes: self.evicted_bytes,
            evicted_entries: self.evicted_entries,
            evicted_asked: self.evicted_asked,
            turned_away: self.turned_away,
            errors: self.errors,
            invalid_arguments: self.invalid_arguments,
            keys_too_large: self.keys_too_large,
            values_too_large: self.values_too_large,
            not_numbers: self.not_numbers,
            full: self.full,
            prefetched: self.prefetched,
            prefetch_hits: self.prefetch_hits,
            bytes_written: self.bytes_written,
            bytes_read: self.bytes_read,
            compressed_in: self.compressed_in,
            compressed_out: self.compressed_out,
            deflated: self.deflated,
            lz4: self.lz4,
            incompressible: self.incompressible,
            incompressible_bytes: self.incompressible_bytes,
            cold_entries: self.cold_entries,
            cold_bytes: self.cold_bytes,
            cold_values: self.cold_values,
            dictionary_bytes: self.dictionary_bytes,
            cooled: self.cooled,
            warmed: self.warmed,
            cold_hits: self.cold_hits,
            cold_damaged: self.cold_damaged,
        }
    }
}

impl Convert<wit::Estimate> for engine::Estimate {
    fn convert(self) -> wit::Estimate {
        wit::Estimate {
            policy: self.policy.name().to_owned(),
            capacity_percent: self.capacity_percent,
            requests: self.requests,
            hits: self.hits,
            bytes: self.bytes,
            bytes_hit: self.bytes_hit,
        }
    }
}

pub(crate) fn error(e: engine::Error) -> types::Error {
    use engine::ErrorCode as From;
    use types::ErrorCode as To;
    let code = match e.code {
        From::InvalidArgument => To::InvalidArgument,
        From::KeyTooLarge => To::KeyTooLarge,
        From::TooLarge => To::TooLarge,
        From::Full => To::Full,
        From::UnknownNamespace => To::UnknownNamespace,
        From::NotANumber => To::NotANumber,
        From::Corrupt => To::Corrupt,
        From::NewerFormat => To::NewerFormat,
        From::Expired => To::Expired,
        From::Invalidated => To::Invalidated,
        From::AnotherKey => To::AnotherKey,
        From::Outdated => To::Outdated,
        _ => To::Internal,
    };
    types::Error { code, message: e.into_message() }
}

pub(crate) fn summary(s: &wit::Summary) -> engine::Summary {
    engine::Summary { size: s.size, version: s.version, accessed: s.accessed, gone: s.gone }
}

pub(crate) fn item(given: wit::Item) -> engine::Item {
    engine::Item { key: given.key, value: given.value, options: options(given.options) }
}

fn durability(d: types::Durability) -> engine::Durability {
    match d {
        types::Durability::Memory => engine::Durability::Memory,
        types::Durability::Process => engine::Durability::Process,
        types::Durability::Sync => engine::Durability::Sync,
    }
}

fn compression(how: types::Compression) -> engine::Compression {
    match how {
        types::Compression::None => engine::Compression::None,
        types::Compression::Deflate => engine::Compression::Deflate,
        types::Compression::Lz4 => engine::Compression::Lz4,
        types::Compression::Auto => engine::Compression::Auto,
    }
}

fn dependency(given: wit::Dependency) -> engine::Dependency {
    let kind = match given.kind {
        wit::DependencyKind::File => engine::DependencyKind::File,
        wit::DependencyKind::Glob => engine::DependencyKind::Glob,
        wit::DependencyKind::Environment => engine::DependencyKind::Environment,
    };
    engine::Dependency { kind, name: given.name, stamp: given.stamp }
}

pub(crate) fn rule(given: wit::BanRule) -> engine::Rule {
    match given {
        wit::BanRule::All => engine::Rule::All,
        wit::BanRule::Tag(tag) => engine::Rule::Tag(tag),
        wit::BanRule::AllTags(tags) => engine::Rule::AllTags(tags),
        wit::BanRule::Prefix(prefix) => engine::Rule::Prefix(prefix),
        wit::BanRule::Glob(pattern) => engine::Rule::Glob(pattern),
        wit::BanRule::File(path) => engine::Rule::File(path),
    }
}

pub(crate) fn options(given: Vec<wit::SetOption>) -> engine::SetOptions {
    let mut options = engine::SetOptions::default();
    for option in given {
        match option {
            wit::SetOption::Ttl(ms) => options.ttl = Some(ms),
            wit::SetOption::Tti(ms) => options.tti = Some(ms),
            wit::SetOption::Stale(ms) => options.stale = Some(ms),
            wit::SetOption::ContentType(text) => options.content_type = text,
            wit::SetOption::Metadata(pair) => options.metadata.push(pair),
            wit::SetOption::Tag(tag) => options.tags.push(tag),
            wit::SetOption::Durability(d) => options.durability = durability(d),
            wit::SetOption::Cost(cost) => options.cost = Some(cost),
            wit::SetOption::Dependency(given) => options.dependencies.push(dependency(given)),
            wit::SetOption::Prefetched => options.prefetched = true,
        }
    }
    options
}

pub(crate) fn defaults(given: Vec<wit::NamespaceDefault>) -> engine::NamespaceDefaults {
    let mut defaults = engine::NamespaceDefaults::default();
    for one in given {
        match one {
            wit::NamespaceDefault::Ttl(ms) => defaults.ttl = Some(ms),
            wit::NamespaceDefault::Tti(ms) => defaults.tti = Some(ms),
            wit::NamespaceDefault::Stale(ms) => defaults.stale = Some(ms),
            wit::NamespaceDefault::Jitter(percent) => defaults.jitter = percent,
        }
    }
    defaults
}

pub(crate) fn settings(mut config: engine::Config, given: Vec<wit::Setting>) -> engine::Result<engine::Config> {
    for setting in given {
        match setting {
            wit::Setting::MaxBytes(n) => config.max_bytes = n,
            wit::Setting::MaxEntries(n) => config.max_entries = Some(n),
            wit::Setting::MaxEntrySize(n) => config.max_entry_size = n as usize,
            wit::Setting::MaxKeySize(n) => config.max_key_size = n as usize,
            wit::Setting::Policy(name) => config.policy = engine::PolicyKind::parse(&name)?,
            wit::Setting::Objective(name) => config.objective = engine::Objective::parse(&name)?,
            wit::Setting::Codec(how) => config.codec = compression(how),
            wit::Setting::CompressionThreshold(n) => config.compression_threshold = n as usize,
            wit::Setting::CompressionLevel(n) => config.compression_level = n,
            wit::Setting::ColdTier(yes) => config.cold_tier = yes,
            wit::Setting::Advice(yes) => config.advice = yes,
            wit::Setting::Store(yes) => config.store = yes,
            wit::Setting::Seed(n) => config.seed = n,
        }
    }
    Ok(config)
}
