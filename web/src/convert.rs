//! The engine's types as [`wire`](crate::wire) bytes, in the order of the contract's fields and cases.

use larder_engine::{
    Banned, Carried, Codec, Compression, Config, Dependency, DependencyKind, Durability, EntryInfo, Freshness, Hit,
    NamespaceDefaults, Objective, Page, PolicyKind, Result, Rule, SetOptions, Statistics, Stored, Summary,
};

use crate::wire::{Reader, Writer};

/// A number that no case of a variant has.
pub(crate) fn unknown_case() -> ! {
    unreachable!("the contract has no such case")
}

pub(crate) fn settings(reader: &mut Reader<'_>) -> Result<Config> {
    let mut config = Config::default();
    for _ in 0..reader.u32() {
        match reader.u8() {
            0 => config.max_bytes = reader.u64(),
            1 => config.max_entries = Some(reader.u32()),
            2 => config.max_entry_size = reader.u32() as usize,
            3 => config.max_key_size = reader.u32() as usize,
            4 => config.policy = PolicyKind::parse(&reader.text())?,
            5 => config.objective = Objective::parse(&reader.text())?,
            6 => {
                config.codec = match reader.u8() {
                    0 => Compression::None,
                    1 => Compression::Deflate,
                    2 => Compression::Lz4,
                    3 => Compression::Auto,
                    _ => unknown_case(),
                }
            }
            7 => config.compression_threshold = reader.u32() as usize,
            8 => config.compression_level = reader.u8(),
            9 => config.cold_tier = reader.bool(),
            10 => config.advice = reader.bool(),
            11 => config.store = reader.bool(),
            12 => config.seed = reader.i64() as u64,
            _ => unknown_case(),
        }
    }
    Ok(config)
}

pub(crate) fn defaults(reader: &mut Reader<'_>) -> NamespaceDefaults {
    let mut defaults = NamespaceDefaults::default();
    for _ in 0..reader.u32() {
        match reader.u8() {
            0 => defaults.ttl = Some(reader.u64()),
            1 => defaults.tti = Some(reader.u64()),
            2 => defaults.stale = Some(reader.u64()),
            3 => defaults.jitter = reader.u8(),
            _ => unknown_case(),
        }
    }
    defaults
}

pub(crate) fn options(reader: &mut Reader<'_>) -> SetOptions {
    let mut options = SetOptions::default();
    for _ in 0..reader.u32() {
        match reader.u8() {
            0 => options.ttl = Some(reader.u64()),
            1 => options.tti = Some(reader.u64()),
            2 => options.stale = Some(reader.u64()),
            3 => options.content_type = reader.text(),
            4 => options.metadata.push((reader.text(), reader.text())),
            5 => options.tags.push(reader.text()),
            6 => {
                options.durability = match reader.u8() {
                    0 => Durability::Memory,
                    1 => Durability::Process,
                    _ => Durability::Sync,
                }
            }
            7 => options.cost = Some(reader.u64()),
            8 => options.dependencies.push(dependency(reader)),
            9 => options.prefetched = true,
            _ => unknown_case(),
        }
    }
    options
}

fn dependency(reader: &mut Reader<'_>) -> Dependency {
    let kind = match reader.u8() {
        0 => DependencyKind::File,
        1 => DependencyKind::Glob,
        _ => DependencyKind::Environment,
    };
    Dependency { kind, name: reader.text(), stamp: reader.bytes().to_vec() }
}

pub(crate) fn rule(reader: &mut Reader<'_>) -> Rule {
    match reader.u8() {
        0 => Rule::All,
        1 => Rule::Tag(reader.text()),
        2 => Rule::AllTags(reader.list(Reader::text)),
        3 => Rule::Prefix(reader.bytes().to_vec()),
        4 => Rule::Glob(reader.bytes().to_vec()),
        5 => Rule::File(reader.text()),
        _ => unknown_case(),
    }
}

pub(crate) fn summary(reader: &mut Reader<'_>) -> Summary {
    let (size, version, accessed) = (reader.u64(), reader.u64(), reader.u64());
    Summary { size, version, accessed, gone: reader.option(Reader::u64) }
}

impl Writer {
    fn time(&mut self, time: Option<u64>) {
        self.option(time, Self::u64);
    }

    pub(crate) fn hit(&mut self, hit: &Hit<'_>) {
        self.bytes(&hit.value);
        self.text(&hit.content_type);
        self.u64(hit.version);
        self.u64(hit.created);
        self.time(hit.expires);
        self.u8(u8::from(hit.freshness == Freshness::Stale));
        self.bool(hit.renew);
        self.bool(hit.depends);
    }

    pub(crate) fn stored(&mut self, stored: &Stored) {
        self.u64(stored.version);
        self.time(stored.gone);
        self.bytes(&stored.record);
    }

    pub(crate) fn times(&mut self, expires: Option<u64>, gone: Option<u64>) {
        self.time(expires);
        self.time(gone);
    }

    pub(crate) fn info(&mut self, info: &EntryInfo) {
        self.text(&info.namespace);
        self.bytes(&info.key);
        self.text(&info.content_type);
        self.list(&info.metadata, |writer, (name, value)| {
            writer.text(name);
            writer.text(value);
        });
        self.list(&info.tags, |writer, tag| writer.text(tag));
        self.list(&info.dependencies, |writer, it| {
            writer.u8(it.kind as u8);
            writer.text(&it.name);
            writer.bytes(&it.stamp);
        });
        self.u64(info.version);
        self.u64(info.created);
        self.u64(info.accessed);
        self.time(info.expires);
        self.time(info.gone);
        self.time(info.idle_timeout);
        self.time(info.stale_window);
        self.time(info.cost);
        self.bool(info.prefetched);
        self.u32(info.hits);
        self.u64(info.value_size);
        self.u64(info.size);
        self.u8(match info.codec {
            Codec::None => 0,
            Codec::Deflate => 1,
            Codec::Lz4 => 2,
        });
        self.u8(match info.durability {
            Durability::Memory => 0,
            Durability::Process => 1,
            Durability::Sync => 2,
        });
    }

    pub(crate) fn page(&mut self, page: &Page) {
        self.list(&page.entries, |writer, info| writer.info(info));
        self.option(page.next, Self::u32);
    }

    pub(crate) fn carried(&mut self, carried: &Carried) {
        self.list(&carried.records, |writer, record| writer.bytes(record));
        self.option(carried.next, Self::u32);
    }

    pub(crate) fn banned(&mut self, banned: &Banned) {
        self.u64(banned.sequence);
        self.time(banned.hit);
        self.bytes(&banned.record);
    }

    pub(crate) fn statistics(&mut self, s: &Statistics) {
        let numbers = [
            s.entries,
            s.bytes,
            s.hits,
            s.stale_hits,
            s.misses,
            s.admitted,
            s.refused,
            s.refused_corrupt,
            s.refused_newer,
            s.refused_too_large,
            s.refused_other_key,
            s.sets,
            s.deletes,
            s.expired,
            s.invalidated,
            s.evicted_bytes,
            s.evicted_entries,
            s.evicted_asked,
            s.turned_away,
            s.errors,
            s.invalid_arguments,
            s.keys_too_large,
            s.values_too_large,
            s.not_numbers,
            s.full,
            s.prefetched,
            s.prefetch_hits,
            s.bytes_written,
            s.bytes_read,
            s.compressed_in,
            s.compressed_out,
            s.deflated,
            s.lz4,
            s.incompressible,
            s.incompressible_bytes,
            s.cold_entries,
            s.cold_bytes,
            s.cold_values,
            s.dictionary_bytes,
            s.cooled,
            s.warmed,
            s.cold_hits,
            s.cold_damaged,
        ];
        numbers.into_iter().for_each(|number| self.u64(number));
    }
}
