//! Spans and sizes as people write them: `90s`, `1h30m`, `never`; `500MB`, `64MiB`.

use std::time::Duration;

const SPANS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

/// Parses a span. A bare number is seconds; `never` is the longest span there is.
///
/// # Errors
/// A sentence that says what a span looks like.
pub fn span(text: &str) -> Result<Duration, String> {
    let bad = || format!("{text:?} is not a time; write for example 500ms, 90s, 10m, 1h30m, 7d or never");
    if text == "never" {
        return Ok(Duration::MAX);
    }
    if let Ok(seconds) = text.parse() {
        return Ok(Duration::from_secs(seconds));
    }
    let mut rest = text;
    let mut total = 0u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, tail) = rest.split_at(digits);
        let letters = tail.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(tail.len());
        let (unit, tail) = tail.split_at(letters);
        let number: u64 = number.parse().map_err(|_| bad())?;
        let (_, ms) = SPANS.iter().find(|(name, _)| *name == unit).ok_or_else(bad)?;
        total = total.saturating_add(number.saturating_mul(*ms));
        rest = tail;
    }
    if text.is_empty() { Err(bad()) } else { Ok(Duration::from_millis(total)) }
}

/// Parses a size in bytes. `k`, `MB`, `G` and so on are powers of 1,000; `KiB`, `MiB` and so on of 1,024.
///
/// # Errors
/// A sentence that says what a size looks like.
pub fn size(text: &str) -> Result<u64, String> {
    let bad = || format!("{text:?} is not a size; write for example 500MB, 64MiB or 1048576");
    let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: u64 = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        "tib" => 1 << 40,
        _ => return Err(bad()),
    };
    number.parse::<u64>().ok().and_then(|n| n.checked_mul(factor)).ok_or_else(bad)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_are_read_as_written() {
        for (text, ms) in [("90s", 90_000), ("1h30m", 5_400_000), ("500ms", 500), ("7d", 604_800_000), ("5", 5_000)] {
            assert_eq!(span(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        assert_eq!(span("never"), Ok(Duration::MAX));
        assert!(span("365000d").is_ok(), "a thousand years");
        for text in ["", "h", "1x", "-5s", "1.5h", "s1", "99999999999999999999d"] {
            assert!(span(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn sizes_are_read_as_written() {
        for (text, bytes) in [("500MB", 500_000_000), ("64MiB", 64 << 20), ("7", 7), ("1g", 1_000_000_000)] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "MB", "1XB", "-1", "99999999999TB"] {
            assert!(size(text).is_err(), "{text:?}");
        }
    }
}
