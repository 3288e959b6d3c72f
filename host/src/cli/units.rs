//! Spans and sizes as people write them: `90s`, `1h30m`, `never`; `500MB`, `64MiB`.

use std::time::Duration;

const SPANS: [(&str, u64); 6] =
    [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

/// Parses a span. A bare number is seconds; `never` is the longest span there is.
pub(super) fn span(text: &str) -> Result<Duration, String> {
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
pub(super) fn size(text: &str) -> Result<u64, String> {
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

/// A span in milliseconds as [`span`] reads it, in its two largest units.
pub(super) fn show_span(ms: u64) -> String {
    let mut parts = Vec::new();
    let mut rest = ms;
    for (name, unit) in SPANS.iter().rev().filter(|(name, _)| *name != "w") {
        if rest >= *unit && parts.len() < 2 {
            parts.push(format!("{}{name}", rest / unit));
        }
        rest %= unit;
    }
    if parts.is_empty() { "0ms".into() } else { parts.concat() }
}

/// A size for people.
pub(super) fn show_size(bytes: u64) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "kB", "MB", "GB"] {
        if value < 1000.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1000.0;
    }
    format!("{value:.1} TB")
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
    fn what_is_shown_can_be_read() {
        for ms in [0, 999, 1_000, 61_000, 5_400_000, 86_400_000] {
            assert_eq!(span(&show_span(ms)), Ok(Duration::from_millis(ms)));
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
