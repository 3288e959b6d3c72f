//! Why a command ends without having done what it was asked, and with which exit code.

use std::fmt;
use std::io;
use std::process::ExitCode;

use larder::{Error, ErrorKind};

#[derive(Debug)]
pub(super) enum Failure {
    /// What was asked makes no sense; exit code 2.
    Usage(String),
    /// The store or another process said no; exit code 3.
    Refused(String),
    /// The command to run could not be started; the exit code is the one a shell would give.
    NotRun(u8, String),
    /// The library refused.
    Larder(Error),
    /// A file or stream of the user's failed; exit code 3.
    Io(String, io::Error),
}

impl Failure {
    pub(super) fn code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Usage(_) => 2,
            Self::NotRun(code, _) => *code,
            Self::Io(_, e) if e.kind() == io::ErrorKind::BrokenPipe => 0,
            Self::Io(..) | Self::Refused(_) => 3,
            Self::Larder(e) => match e.kind() {
                ErrorKind::InvalidArgument
                | ErrorKind::KeyTooLarge
                | ErrorKind::TooLarge
                | ErrorKind::NotANumber
                | ErrorKind::WrongType
                | ErrorKind::Trace => 2,
                _ => 3,
            },
        })
    }

    pub(super) fn report(&self) {
        // Whoever reads our output has enough of it when the pipe is closed.
        if !matches!(self, Self::Io(_, e) if e.kind() == io::ErrorKind::BrokenPipe) {
            eprintln!("larder: {self}");
        }
    }

    /// For `map_err`: an I/O failure while doing `what`.
    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let what = what.into();
        |e| Self::Io(what, e)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(message) | Self::Refused(message) | Self::NotRun(_, message) => f.write_str(message),
            Self::Larder(e) => e.fmt(f),
            Self::Io(what, e) => write!(f, "could not {what}: {e}"),
        }
    }
}

impl From<Error> for Failure {
    fn from(e: Error) -> Self {
        Self::Larder(e)
    }
}
