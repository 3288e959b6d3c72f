//! The one error of the host library.

use std::fmt;
use std::io;
use std::path::Path;

use crate::component::bindings::types;

/// What kind of failure an [`Error`] is. Branch on this, never on the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// An argument or a setting is outside its documented range.
    InvalidArgument,
    /// The key is longer than the limit.
    KeyTooLarge,
    /// The value is larger than the limit, or the entry than what is to hold it.
    TooLarge,
    /// The cache is full of entries that live, and its policy gives none of them up.
    Full,
    /// The cache knows as many namespaces as it may.
    TooManyNamespaces,
    /// The value is not a number that can be incremented.
    NotANumber,
    /// A record on disk or in a snapshot is damaged.
    Corrupt,
    /// Something was written by a newer version of Larder.
    NewerFormat,
    /// The record's entry is past its time.
    Expired,
    /// The entry holds something else than the type that was asked for.
    WrongType,
    /// The directory cannot be used: not a directory, not ours, not a Larder store, no permission.
    Directory,
    /// The store could not keep what it was given: disk full, read-only.
    Store,
    /// Another process held the store's lock for longer than the lock time-out.
    Locked,
    /// Reading from or writing to the disk failed.
    Io,
    /// A trace of requests cannot be read: a broken line, an empty file, damaged compression.
    Trace,
    /// The component was stopped in this call; its shard starts anew with the next one.
    Trap,
    /// A bug in Larder.
    Internal,
}

/// A failure: what kind, in which words, and what lies under it.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The library's result type.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), source: None }
    }

    pub(crate) fn with(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::InvalidArgument, message)
    }

    /// An I/O failure on `path` while doing `what` ("open", "read", …).
    pub(crate) fn io(what: &str, path: &Path, source: io::Error) -> Self {
        let hint = match source.kind() {
            io::ErrorKind::StorageFull => "; free some space on the disk, or lower max-size",
            io::ErrorKind::PermissionDenied => "; check the permissions, or use another directory with --dir",
            io::ErrorKind::ReadOnlyFilesystem => "; the file system is read-only, use another directory with --dir",
            _ => "",
        };
        let kind = match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::ReadOnlyFilesystem | io::ErrorKind::QuotaExceeded => {
                ErrorKind::Store
            }
            io::ErrorKind::PermissionDenied => ErrorKind::Directory,
            _ => ErrorKind::Io,
        };
        Self::new(kind, format!("could not {what} {}: {source}{hint}", path.display())).with(source)
    }

    pub(crate) fn trap(source: wasmtime::Error) -> Self {
        let message = "the component was stopped in this call; what it held in memory is rebuilt as it is asked for";
        Self::new(ErrorKind::Trap, message).with(source.into_boxed_dyn_error())
    }

    /// The same failure for another one whom it befell.
    pub(crate) fn again(&self) -> Self {
        Self::new(self.kind, self.message.clone())
    }

    /// The kind of failure.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }
}

impl From<types::Error> for Error {
    fn from(e: types::Error) -> Self {
        use types::ErrorCode as Code;
        let kind = match e.code {
            Code::InvalidArgument => ErrorKind::InvalidArgument,
            Code::KeyTooLarge => ErrorKind::KeyTooLarge,
            Code::TooLarge => ErrorKind::TooLarge,
            Code::Full => ErrorKind::Full,
            Code::NotANumber => ErrorKind::NotANumber,
            Code::Corrupt => ErrorKind::Corrupt,
            Code::NewerFormat => ErrorKind::NewerFormat,
            Code::Expired => ErrorKind::Expired,
            Code::UnknownNamespace | Code::Invalidated | Code::AnotherKey | Code::Outdated | Code::Internal => {
                ErrorKind::Internal
            }
        };
        Self::new(kind, e.message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_ref().map(|s| &**s as _)
    }
}
