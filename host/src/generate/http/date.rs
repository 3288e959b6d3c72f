//! The dates of HTTP, in all three forms of RFC 9110, section 5.6.7, and the spans to them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// The longest that is waited because a service says so.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

/// What a header `Retry-After` asks for, a day at most: so many seconds, or a date, seen from the date of the answer if it has
/// one, and from now if not. `None` if it is neither.
pub(super) fn retry_after(header: &str, date: Option<&str>) -> Option<Duration> {
    let header = header.trim();
    if !header.is_empty() && header.bytes().all(|b| b.is_ascii_digit()) {
        // More digits than a number can have are a long time.
        return Some(header.parse().map_or(LONGEST, Duration::from_secs).min(LONGEST));
    }
    let until = seconds(header)?;
    let from = date.and_then(seconds).unwrap_or_else(now);
    Some(Duration::from_secs(u64::try_from(until - from).unwrap_or(0)).min(LONGEST))
}

fn now() -> i64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(now.as_secs()).unwrap_or(i64::MAX)
}

/// Seconds from 1970 to a date. Days and years are the first and the second number, in all three forms.
fn seconds(date: &str) -> Option<i64> {
    let (mut numbers, mut month, mut time) = (Vec::new(), None, None);
    for word in date.split([' ', ',', '-']).filter(|word| !word.is_empty()) {
        if let Some(at) = MONTHS.iter().position(|name| *name == word) {
            month = Some(at as i64 + 1);
        } else if word.contains(':') {
            time = Some(time_of_day(word)?);
        } else if word.bytes().all(|b| b.is_ascii_digit()) && word.len() <= 4 {
            numbers.push(word.parse::<i64>().ok()?);
        } else if !word.bytes().all(|b| b.is_ascii_alphabetic()) {
            return None;
        }
    }
    let [day @ 1..=31, year] = numbers[..] else { return None };
    // Two digits are the year that is nearest.
    let year = match year {
        0..70 => year + 2000,
        70..100 => year + 1900,
        1970.. => year,
        _ => return None,
    };
    Some(days(year, month?, day) * 86_400 + time?)
}

fn time_of_day(text: &str) -> Option<i64> {
    let parts: Vec<i64> = text.split(':').map(|part| part.parse().ok()).collect::<Option<_>>()?;
    match parts[..] {
        [hour @ 0..24, minute @ 0..60, second @ 0..=60] => Some((hour * 60 + minute) * 60 + second),
        _ => None,
    }
}

/// Days from 1970 to a day of the Gregorian calendar, by counting years from March, so that leap days come last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    365 * year + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_forms_of_dates_are_read() {
        for date in ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994"] {
            assert_eq!(seconds(date), Some(784_111_777), "{date}");
        }
        assert_eq!(seconds("Thu, 29 Feb 2024 23:59:60 GMT"), Some(1_709_251_200));
        assert_eq!(seconds("Thu, 01 Jan 1970 00:00:00 GMT"), Some(0));
    }

    #[test]
    fn waits_are_bounded_and_garbage_is_ignored() {
        let date = Some("Sun, 06 Nov 1994 08:49:37 GMT");
        let expected = |seconds| Some(Duration::from_secs(seconds));
        assert_eq!(retry_after(" 120 ", date), expected(120));
        assert_eq!(retry_after("0", None), expected(0));
        assert_eq!(retry_after("99999999999999999999999", None), expected(86_400));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:50:00 GMT", date), expected(23));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:00:00 GMT", date), expected(0));
        assert_eq!(retry_after("Sun, 06 Nov 2094 08:00:00 GMT", date), expected(86_400));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:50:00 GMT", None), expected(0));
        for garbage in
            ["", "-5", "1.5", "soon", "Sun, 06 Nov 1994", "40 Nov 1994 08:49:37", "1 Nov 1994 25:00:00", "1 2 3"]
        {
            assert_eq!(retry_after(garbage, date), None, "{garbage:?}");
        }
    }
}
