//! Why a generator made nothing.

use std::fmt;
use std::time::Duration;

/// What kind of failure a [`Failure`] is. Branch on this, never on the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FailureKind {
    /// It could not be asked: no such program, a variable that is not set, dimensions that cannot be passed on.
    NotStarted,
    /// The command ended with an exit code other than 0.
    Exit,
    /// A signal ended the command.
    Signal,
    /// It took longer than it may, and was ended.
    TimedOut,
    /// It made more than it may, and was ended.
    TooLarge,
    /// It made nothing.
    Empty,
    /// The service wants to be asked less often.
    RateLimited,
    /// The service cannot be reached, or has troubles of its own.
    Unavailable,
    /// The service does not accept the request, and will not accept it the next time.
    Refused,
    /// The answer is not what the settings say it is.
    BadAnswer,
    /// Somebody asked to [stop](super::Stop).
    Stopped,
    /// Anything else.
    Other,
}

/// A failure to generate: what kind, in which words, and when it makes sense to ask again.
///
/// The words hold nothing secret of Larder's own: neither environment variables nor headers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure this is.
    pub kind: FailureKind,
    message: String,
    /// The time the service wants to be left alone for, up to a day, if it said.
    pub retry_after: Option<Duration>,
}

impl Failure {
    /// A failure of a kind, in the words of a sentence without a full stop.
    pub fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), retry_after: None }
    }

    /// The same failure, with the time to wait before asking again.
    pub fn retry_after(mut self, span: Option<Duration>) -> Self {
        self.retry_after = span;
        self
    }

    /// The words.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}

/// Text of a stranger for a message: on one line, without control characters and marks that turn the writing direction.
pub(super) fn printable(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' if !line.ends_with(' ') => line.push(' '),
            '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {}
            '\u{2028}' | '\u{2029}' => {}
            c if c.is_control() => {}
            c => line.push(c),
        }
    }
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_do_not_write_on_the_terminal() {
        assert_eq!(printable("a\r\n\tb\u{1b}[31m\0\u{202e}c\u{9b}\n"), "a b[31mc");
    }

    #[test]
    fn a_failure_says_its_message() {
        let failure = Failure::new(FailureKind::RateLimited, "busy").retry_after(Some(Duration::from_secs(3)));
        assert_eq!((failure.to_string(), failure.retry_after), ("busy".into(), Some(Duration::from_secs(3))));
    }
}
