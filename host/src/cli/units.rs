//! Spans and sizes as people read them.

const SPANS: [(&str, u64); 5] = [("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000)];

/// A span in milliseconds as settings take it, in its two largest units.
pub(super) fn show_span(ms: u64) -> String {
    let mut parts = Vec::new();
    let mut rest = ms;
    for (name, unit) in SPANS.iter().rev() {
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
    use std::time::Duration;

    use larder::config::span;

    use super::show_span;

    #[test]
    fn what_is_shown_can_be_read() {
        for ms in [0, 999, 1_000, 61_000, 5_400_000, 86_400_000] {
            assert_eq!(span(&show_span(ms)), Ok(Duration::from_millis(ms)));
        }
    }
}
