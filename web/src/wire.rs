//! Arguments and answers as bytes: fields one after the other, little endian. A text or bytes are preceded by their length (4), a
//! list by its number (4), an option by 1 or 0, a variant by the number of its case, in the order of the contract. A
//! whole number of 64 bits travels as a float: JavaScript has no other numbers that are cheap, and none of ours reaches 2⁵³ but
//! those that stand for "never", which saturate.

use alloc::string::String;
use alloc::vec::Vec;

use larder_engine::{Error, ErrorCode};

/// Numbers from here on mean "as large as can be".
const LARGEST: f64 = 9_007_199_254_740_991.0;

/// Arguments that are read. They come from the other half of this package: what is not of the form is an error of it, and a trap.
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    #[inline(never)]
    fn take(&mut self, len: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at(len);
        self.0 = rest;
        taken
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        self.take(N).first_chunk().copied().unwrap_or_else(|| unreachable!("as many were taken"))
    }

    /// Whether all was read.
    pub(crate) fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    #[inline(never)]
    pub(crate) fn u8(&mut self) -> u8 {
        let [byte] = self.array();
        byte
    }

    #[inline(never)]
    pub(crate) fn bool(&mut self) -> bool {
        self.u8() != 0
    }

    #[inline(never)]
    pub(crate) fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    #[inline(never)]
    pub(crate) fn f64(&mut self) -> f64 {
        f64::from_le_bytes(self.array())
    }

    /// A whole number; what is no number or negative is 0.
    #[inline(never)]
    pub(crate) fn u64(&mut self) -> u64 {
        whole(self.f64())
    }

    /// A number of 64 bits in two halves, for what may be larger than a float tells apart.
    #[inline(never)]
    pub(crate) fn i64(&mut self) -> i64 {
        i64::from_le_bytes(self.array())
    }

    #[inline(never)]
    pub(crate) fn bytes(&mut self) -> &'a [u8] {
        let len = self.u32() as usize;
        self.take(len)
    }

    #[inline(never)]
    pub(crate) fn text(&mut self) -> String {
        String::from_utf8(self.bytes().to_vec()).unwrap_or_else(|_| unreachable!("texts are written as UTF-8"))
    }

    pub(crate) fn option<T>(&mut self, read: impl FnOnce(&mut Self) -> T) -> Option<T> {
        self.bool().then(|| read(self))
    }

    pub(crate) fn list<T>(&mut self, mut read: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.u32()).map(|_| read(self)).collect()
    }
}

/// A float as a whole number.
pub(crate) fn whole(number: f64) -> u64 {
    if number >= LARGEST { u64::MAX } else { number as u64 }
}

/// An answer that is written.
pub(crate) struct Writer(Vec<u8>);

impl Writer {
    pub(crate) fn new(mut bytes: Vec<u8>) -> Self {
        bytes.clear();
        if bytes.capacity() > 1 << 20 {
            bytes = Vec::new();
        }
        Self(bytes)
    }

    pub(crate) fn into_bytes(self) -> Vec<u8> {
        self.0
    }

    /// Writes a refusal in place of an answer; answers with its status.
    pub(crate) fn refuse(&mut self, refusal: &Error) -> u32 {
        self.0.clear();
        self.0.extend_from_slice(refusal.message.as_bytes());
        1 + code(refusal.code)
    }

    /// A refusal in the midst of an answer: its status, as a call would answer, and its message.
    pub(crate) fn refusal(&mut self, refusal: &Error) {
        self.u8(1 + code(refusal.code) as u8);
        self.text(&refusal.message);
    }

    #[inline(never)]
    pub(crate) fn u8(&mut self, number: u8) {
        self.0.push(number);
    }

    #[inline(never)]
    pub(crate) fn bool(&mut self, yes: bool) {
        self.0.push(u8::from(yes));
    }

    #[inline(never)]
    pub(crate) fn u32(&mut self, number: u32) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    #[inline(never)]
    pub(crate) fn f64(&mut self, number: f64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    #[inline(never)]
    pub(crate) fn u64(&mut self, number: u64) {
        self.f64(number as f64);
    }

    #[inline(never)]
    pub(crate) fn i64(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }

    #[inline(never)]
    pub(crate) fn bytes(&mut self, bytes: &[u8]) {
        self.u32(bytes.len() as u32);
        self.0.extend_from_slice(bytes);
    }

    #[inline(never)]
    pub(crate) fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    pub(crate) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.bool(value.is_some());
        if let Some(value) = value {
            write(self, value);
        }
    }

    pub(crate) fn list<T>(
        &mut self,
        list: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        mut write: impl FnMut(&mut Self, T),
    ) {
        let list = list.into_iter();
        self.u32(list.len() as u32);
        list.for_each(|item| write(self, item));
    }
}

/// The place of a code in the contract.
fn code(code: ErrorCode) -> u32 {
    match code {
        ErrorCode::InvalidArgument => 0,
        ErrorCode::KeyTooLarge => 1,
        ErrorCode::TooLarge => 2,
        ErrorCode::Full => 3,
        ErrorCode::UnknownNamespace => 4,
        ErrorCode::NotANumber => 5,
        ErrorCode::Corrupt => 6,
        ErrorCode::NewerFormat => 7,
        ErrorCode::Expired => 8,
        ErrorCode::Invalidated => 9,
        ErrorCode::AnotherKey => 10,
        ErrorCode::Outdated => 11,
        _ => 12,
    }
}
