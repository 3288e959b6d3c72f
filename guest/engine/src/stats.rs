//! What is counted, for each namespace of an engine.

use crate::error::ErrorCode;

/// Counters of one namespace, or of several added up. Counters never go down; `entries`, `bytes`,
/// `cold_entries`, `cold_bytes`, `cold_values` and `dictionary_bytes` are current.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    /// Entries in the memory tier now.
    pub entries: u64,
    /// Bytes charged to the memory tier now: keys, values, fields and overhead.
    pub bytes: u64,
    /// Reads answered from the memory tier.
    pub hits: u64,
    /// Of the hits and admissions, those answered with a stale value.
    pub stale_hits: u64,
    /// Reads that the memory tier could not answer. A host with a store may still have served them: see `admitted`.
    pub misses: u64,
    /// Records that were offered and became hits.
    pub admitted: u64,
    /// Records that were offered and refused as damaged, foreign or of a newer format.
    pub refused: u64,
    /// Of the records refused, those that were damaged.
    pub refused_corrupt: u64,
    /// Of the records refused, those in a newer format.
    pub refused_newer: u64,
    /// Of the records refused, those whose value is above the limit.
    pub refused_too_large: u64,
    /// Of the records refused, those of another key or namespace.
    pub refused_other_key: u64,
    /// Entries written, overwrites included.
    pub sets: u64,
    /// Entries deleted by request.
    pub deletes: u64,
    /// Entries removed because their time was over.
    pub expired: u64,
    /// Entries, in memory or in records, that were found to be banned when they were asked for.
    pub invalidated: u64,
    /// Entries removed to stay within the byte limit.
    pub evicted_bytes: u64,
    /// Entries removed to stay within the entry limit.
    pub evicted_entries: u64,
    /// Entries removed because a caller asked for evictions.
    pub evicted_asked: u64,
    /// Entries that the memory tier was full for and that its policy valued less than what is there: they were not taken in.
    /// A store still has them.
    pub turned_away: u64,
    /// Operations refused: keys and values too large, not a number, invalid options.
    pub errors: u64,
    /// Of the operations refused, those for an argument outside its range.
    pub invalid_arguments: u64,
    /// Of the operations refused, those for a key above the limit.
    pub keys_too_large: u64,
    /// Of the operations refused, those for a value above the limit.
    pub values_too_large: u64,
    /// Of the operations refused, those for which there was no room and nobody to go.
    pub full: u64,
    /// Of the operations refused, those that were to count what is no number.
    pub not_numbers: u64,
    /// Of the sets, those of entries that were prefetched.
    pub prefetched: u64,
    /// Prefetched entries that were asked for: of the hits and admissions, those that were the first of such an entry.
    pub prefetch_hits: u64,
    /// Bytes of values written.
    pub bytes_written: u64,
    /// Bytes of values read.
    pub bytes_read: u64,
    /// Bytes given to the codec, of bodies that it made smaller.
    pub compressed_in: u64,
    /// Bytes that came out for them.
    pub compressed_out: u64,
    /// Bodies that DEFLATE made smaller.
    pub deflated: u64,
    /// Bodies that LZ4 made smaller.
    pub lz4: u64,
    /// Values not given to a codec because a sample of them, or what became of others like them, said that it would be in
    /// vain.
    pub incompressible: u64,
    /// Bytes of these values.
    pub incompressible_bytes: u64,
    /// Entries that lie compressed in memory now.
    pub cold_entries: u64,
    /// Bytes that their values take there now.
    pub cold_bytes: u64,
    /// Bytes that their values have.
    pub cold_values: u64,
    /// Bytes charged for dictionaries now; part of `bytes`.
    pub dictionary_bytes: u64,
    /// Values compressed in memory because they had cooled.
    pub cooled: u64,
    /// Values made raw again because they were read repeatedly.
    pub warmed: u64,
    /// Of the hits, those on compressed values.
    pub cold_hits: u64,
    /// Values in memory that did not inflate; each was a miss.
    pub cold_damaged: u64,
}

macro_rules! add_fields {
    ($into:ident, $from:ident: $($field:ident),* $(,)?) => {
        $($into.$field += $from.$field;)*
    };
}

impl Statistics {
    /// Counts a record that was offered and refused.
    pub(crate) fn count_refusal(&mut self, code: ErrorCode) {
        self.refused += 1;
        match code {
            ErrorCode::Corrupt => self.refused_corrupt += 1,
            ErrorCode::NewerFormat => self.refused_newer += 1,
            ErrorCode::TooLarge => self.refused_too_large += 1,
            ErrorCode::AnotherKey => self.refused_other_key += 1,
            _ => {}
        }
    }

    /// Counts an operation that was refused.
    pub(crate) fn count_error(&mut self, code: ErrorCode) {
        self.errors += 1;
        match code {
            ErrorCode::InvalidArgument => self.invalid_arguments += 1,
            ErrorCode::KeyTooLarge => self.keys_too_large += 1,
            ErrorCode::TooLarge => self.values_too_large += 1,
            ErrorCode::Full => self.full += 1,
            ErrorCode::NotANumber => self.not_numbers += 1,
            _ => {}
        }
    }

    /// Adds `other` to `self`, field by field.
    pub fn add(&mut self, other: &Self) {
        add_fields!(self, other: entries, bytes, hits, stale_hits, misses, admitted, refused,
            refused_corrupt, refused_newer, refused_too_large, refused_other_key, sets, deletes, expired, invalidated,
            evicted_bytes, evicted_entries, evicted_asked, turned_away, errors, invalid_arguments, keys_too_large, values_too_large, full, not_numbers,
            prefetched, prefetch_hits,
            bytes_written, bytes_read, compressed_in, compressed_out, deflated, lz4, incompressible,
            incompressible_bytes, cold_entries, cold_bytes, cold_values, dictionary_bytes, cooled, warmed, cold_hits,
            cold_damaged);
    }
}
