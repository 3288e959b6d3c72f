//! The engine's answers into the contract's, as JSON.

use larder_engine::{
    Banned, Carried, Codec, Dependency, DependencyKind, Durability, EntryInfo, Error, ErrorCode, Estimate, Freshness,
    Hit, Page, Result, Statistics, Stored, Times,
};
use serde_json::{Value, json};

use crate::bytes::to_json;
use crate::host::{refusal, signed, unsigned};

/// Something that a call answers with.
pub(super) trait Answer {
    fn answer(self) -> Value;
}

pub(super) fn answer<T: Answer>(result: Result<T>) -> Value {
    result.map_or_else(|refused| refusal(code(&refused)), Answer::answer)
}

impl Answer for () {
    fn answer(self) -> Value {
        Value::Null
    }
}

impl Answer for bool {
    fn answer(self) -> Value {
        json!(self)
    }
}

impl Answer for u32 {
    fn answer(self) -> Value {
        json!(self)
    }
}

impl Answer for u64 {
    fn answer(self) -> Value {
        unsigned(self)
    }
}

/// A byte string.
pub(super) struct Bytes(pub(super) Vec<u8>);

impl Answer for Bytes {
    fn answer(self) -> Value {
        to_json(&self.0)
    }
}

impl<T: Answer> Answer for Option<T> {
    fn answer(self) -> Value {
        self.map_or(Value::Null, Answer::answer)
    }
}

impl<T: Answer> Answer for Vec<T> {
    fn answer(self) -> Value {
        self.into_iter().map(Answer::answer).collect()
    }
}

impl Answer for Times {
    fn answer(self) -> Value {
        json!({ "expires": self.expires.answer(), "gone": self.gone.answer() })
    }
}

impl Answer for Hit<'_> {
    fn answer(self) -> Value {
        json!({
            "value": to_json(&self.value),
            "content-type": self.content_type,
            "version": unsigned(self.version),
            "created": unsigned(self.created),
            "expires": self.expires.answer(),
            "freshness": match self.freshness {
                Freshness::Fresh => "fresh",
                Freshness::Stale => "stale",
            },
            "renew": self.renew,
            "depends": self.depends,
        })
    }
}

impl Answer for Stored {
    fn answer(self) -> Value {
        json!({ "version": unsigned(self.version), "gone": self.gone.answer(), "record": to_json(&self.record) })
    }
}

impl Answer for (i64, Stored) {
    fn answer(self) -> Value {
        json!({ "value": signed(self.0), "stored": self.1.answer() })
    }
}

impl Answer for EntryInfo {
    fn answer(self) -> Value {
        json!({
            "namespace": self.namespace,
            "key": to_json(&self.key),
            "content-type": self.content_type,
            "metadata": self.metadata,
            "tags": self.tags,
            "dependencies": self.dependencies.answer(),
            "version": unsigned(self.version),
            "created": unsigned(self.created),
            "accessed": unsigned(self.accessed),
            "expires": self.expires.answer(),
            "gone": self.gone.answer(),
            "idle-timeout": self.idle_timeout.answer(),
            "stale-window": self.stale_window.answer(),
            "cost": self.cost.answer(),
            "prefetched": self.prefetched,
            "hits": self.hits,
            "value-size": unsigned(self.value_size),
            "size": unsigned(self.size),
            "codec": match self.codec {
                Codec::None => "none",
                Codec::Deflate => "deflate",
                Codec::Lz4 => "lz4",
            },
            "durability": match self.durability {
                Durability::Memory => "memory",
                Durability::Process => "process",
                Durability::Sync => "sync",
            },
        })
    }
}

impl Answer for Dependency {
    fn answer(self) -> Value {
        let kind = match self.kind {
            DependencyKind::File => "file",
            DependencyKind::Glob => "glob",
            DependencyKind::Environment => "environment",
        };
        json!({ "kind": kind, "name": self.name, "stamp": to_json(&self.stamp) })
    }
}

impl Answer for Banned {
    fn answer(self) -> Value {
        json!({ "sequence": unsigned(self.sequence), "hit": self.hit.answer(), "record": to_json(&self.record) })
    }
}

impl Answer for Carried {
    fn answer(self) -> Value {
        let records: Vec<_> = self.records.into_iter().map(Bytes).collect();
        json!({ "records": records.answer(), "next": self.next.answer() })
    }
}

impl Answer for Page {
    fn answer(self) -> Value {
        json!({ "entries": self.entries.answer(), "next": self.next.answer() })
    }
}

impl Answer for Statistics {
    fn answer(self) -> Value {
        json!({
            "entries": self.entries, "bytes": self.bytes,
            "hits": self.hits, "stale-hits": self.stale_hits, "misses": self.misses,
            "admitted": self.admitted, "refused": self.refused,
            "refused-corrupt": self.refused_corrupt,
            "refused-newer": self.refused_newer,
            "refused-too-large": self.refused_too_large,
            "refused-other-key": self.refused_other_key,
            "sets": self.sets, "deletes": self.deletes, "expired": self.expired, "invalidated": self.invalidated,
            "evicted-bytes": self.evicted_bytes, "evicted-entries": self.evicted_entries,
            "evicted-asked": self.evicted_asked, "turned-away": self.turned_away, "errors": self.errors,
            "invalid-arguments": self.invalid_arguments,
            "keys-too-large": self.keys_too_large,
            "values-too-large": self.values_too_large,
            "not-numbers": self.not_numbers,
            "prefetched": self.prefetched,
            "prefetch-hits": self.prefetch_hits,
            "full": self.full,
            "bytes-written": self.bytes_written, "bytes-read": self.bytes_read,
            "compressed-in": self.compressed_in, "compressed-out": self.compressed_out,
            "deflated": self.deflated, "lz4": self.lz4,
            "incompressible": self.incompressible, "incompressible-bytes": self.incompressible_bytes,
            "cold-entries": self.cold_entries, "cold-bytes": self.cold_bytes, "cold-values": self.cold_values,
            "dictionary-bytes": self.dictionary_bytes, "cooled": self.cooled, "warmed": self.warmed,
            "cold-hits": self.cold_hits, "cold-damaged": self.cold_damaged,
        })
    }
}

impl Answer for Estimate {
    fn answer(self) -> Value {
        json!({
            "policy": self.policy.name(), "capacity-percent": self.capacity_percent,
            "requests": unsigned(self.requests), "hits": unsigned(self.hits),
            "bytes": unsigned(self.bytes), "bytes-hit": unsigned(self.bytes_hit),
        })
    }
}

fn code(refused: &Error) -> &'static str {
    match refused.code {
        ErrorCode::InvalidArgument => "invalid-argument",
        ErrorCode::KeyTooLarge => "key-too-large",
        ErrorCode::TooLarge => "too-large",
        ErrorCode::Full => "full",
        ErrorCode::UnknownNamespace => "unknown-namespace",
        ErrorCode::NotANumber => "not-a-number",
        ErrorCode::Corrupt => "corrupt",
        ErrorCode::NewerFormat => "newer-format",
        ErrorCode::Expired => "expired",
        ErrorCode::Invalidated => "invalidated",
        ErrorCode::AnotherKey => "another-key",
        ErrorCode::Outdated => "outdated",
        _ => "internal",
    }
}
