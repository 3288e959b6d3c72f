//! Patterns over keys: `*` any bytes, `?` one byte, `[…]` and `[!…]` one of a set, `\` takes the next byte as it is.
//!
//! Matching needs no memory and takes at most `pattern × key` steps, whatever the pattern.

/// Whether the whole of `text` matches a pattern: `*` any bytes, `?` one byte, `[a-z]` and `[!a-z]` one of a set, `\` takes the next
/// byte as it is. Takes at most pattern times text steps.
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on when what follows the last star does not match.
    let mut star = None;
    while t < text.len() {
        if pattern.get(p) == Some(&b'*') {
            star = Some((p + 1, t));
            p += 1;
        } else if let Some(len) = pattern.get(p..).and_then(|rest| one(rest, text[t])) {
            p += len;
            t += 1;
        } else if let Some((after, from)) = star {
            star = Some((after, from + 1));
            (p, t) = (after, from + 1);
        } else {
            return false;
        }
    }
    pattern[p..].iter().all(|b| *b == b'*')
}

/// How much of the pattern one byte matches.
fn one(pattern: &[u8], byte: u8) -> Option<usize> {
    match pattern {
        [b'?', ..] => Some(1),
        [b'\\', escaped, ..] => (*escaped == byte).then_some(2),
        [b'[', rest @ ..] => match set(rest, byte) {
            Some((len, matched)) => matched.then_some(len + 1),
            // A bracket that never closes is a bracket.
            None => (byte == b'[').then_some(1),
        },
        [literal, ..] => (*literal == byte).then_some(1),
        [] => None,
    }
}

/// The length of a set behind its bracket, and whether a byte is in it.
fn set(rest: &[u8], byte: u8) -> Option<(usize, bool)> {
    let negated = matches!(rest.first(), Some(b'!' | b'^'));
    let start = usize::from(negated);
    let mut at = start;
    let mut found = false;
    loop {
        match rest.get(at..)? {
            [b']', ..] if at > start => return Some((at + 1, found != negated)),
            [from, b'-', to, ..] if *to != b']' => {
                found |= (*from..=*to).contains(&byte);
                at += 3;
            }
            [b, ..] => {
                found |= *b == byte;
                at += 1;
            }
            [] => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match_what_they_say() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("*", "", true),
            ("user:*", "user:42", true),
            ("user:*", "users", false),
            ("*:42", "user:42", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-d", false),
            ("?", "é", false),
            ("[a-c]x", "bx", true),
            ("[!a-c]x", "bx", false),
            ("[]]", "]", true),
            ("[", "[", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("**", "anything", true),
        ] {
            assert_eq!(matches(pattern.as_bytes(), text.as_bytes()), expected, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn a_hostile_pattern_ends_soon() {
        let pattern = b"*a".repeat(500);
        assert!(!matches(&pattern, &b"b".repeat(10_000)));
    }
}
