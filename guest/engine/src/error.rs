//! The one error of the engine. Its codes mirror `error-code` in `wit/types.wit` one to one.

use alloc::boxed::Box;
use alloc::string::String;
use core::fmt;
use core::ops::Deref;

/// What kind of refusal an [`Error`] is. Hosts branch on this and never on the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorCode {
    /// An argument is outside its documented range.
    InvalidArgument,
    /// The key is longer than the limit.
    KeyTooLarge,
    /// The entry is larger than the limit, or than the whole memory tier of a cache without a store.
    TooLarge,
    /// The cache is full of entries that live, and its policy gives none of them up.
    Full,
    /// The namespace number was never given out by this engine.
    UnknownNamespace,
    /// The value to increment is not a decimal integer, or the sum leaves the range of a signed 64-bit integer.
    NotANumber,
    /// The record is damaged.
    Corrupt,
    /// The record was written in a newer format.
    NewerFormat,
    /// The record's entry is past its time.
    Expired,
    /// The record's entry was made invalid after it was written.
    Invalidated,
    /// The record belongs to another key or namespace.
    AnotherKey,
    /// A newer version of the entry is already known.
    Outdated,
    /// The engine contradicts itself; a bug.
    Internal,
}

/// A refusal. As large as a pointer, so that handing a result on is cheap where it is none; its fields are those of
/// [`Refusal`].
#[derive(Clone, PartialEq, Eq)]
pub struct Error(Box<Refusal>);

/// What an [`Error`] says: a code to branch on and a sentence for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The kind of refusal.
    pub code: ErrorCode,
    /// A sentence that says what is wrong and what to do. Not part of any contract.
    pub message: String,
}

/// The engine's result type.
pub type Result<T> = core::result::Result<T, Error>;

impl Error {
    // Made in many places and seldom: one copy is enough.
    #[cold]
    #[inline(never)]
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self(Box::new(Refusal { code, message: message.into() }))
    }

    #[cold]
    #[inline(never)]
    pub(crate) fn corrupt(what: &str) -> Self {
        Self::new(ErrorCode::Corrupt, text!("the record is damaged: ", what))
    }

    /// A refusal of an argument that is outside its documented range.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidArgument, message)
    }

    /// The sentence alone.
    pub fn into_message(self) -> String {
        self.0.message
    }
}

impl Deref for Error {
    type Target = Refusal;

    fn deref(&self) -> &Refusal {
        &self.0
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl core::error::Error for Error {}
