//! Sentences and keys, put together from texts and whole numbers: `text!("list of ", len, " ends after ", count)`.
//!
//! The macros of the standard library would do, but what stands behind them (padding, precision, alternate forms) is
//! several kilobytes of a module that pages download, and each use of them is larger.

use alloc::string::String;

/// What [`text!`] puts together.
pub(crate) trait Part {
    fn append(&self, out: &mut String);
}

/// The parts one after the other, as a [`String`].
macro_rules! text {
    ($($part:expr),+ $(,)?) => {{
        let mut text = alloc::string::String::new();
        $($crate::text::Part::append(&$part, &mut text);)+
        text
    }};
}

impl<T: Part + ?Sized> Part for &T {
    fn append(&self, out: &mut String) {
        (**self).append(out);
    }
}

impl Part for str {
    // Not made for each use, of which there are many.
    #[inline(never)]
    fn append(&self, out: &mut String) {
        out.push_str(self);
    }
}

impl Part for String {
    fn append(&self, out: &mut String) {
        self.as_str().append(out);
    }
}

impl Part for u64 {
    #[inline(never)]
    fn append(&self, out: &mut String) {
        let (mut digits, mut begin, mut rest) = ([0; 20], 20, *self);
        loop {
            begin -= 1;
            digits[begin] = b'0' + (rest % 10) as u8;
            rest /= 10;
            if rest == 0 {
                break;
            }
        }
        out.extend(digits[begin..].iter().map(|&digit| char::from(digit)));
    }
}

macro_rules! small {
    ($($number:ty)+) => {
        $(impl Part for $number {
            fn append(&self, out: &mut String) {
                (*self as u64).append(out);
            }
        })+
    };
}

small!(u8 u16 u32 usize);

impl Part for u128 {
    fn append(&self, out: &mut String) {
        const BILLION: u128 = 1_000_000_000;
        match u64::try_from(*self) {
            Ok(number) => number.append(out),
            Err(_) => {
                (self / BILLION).append(out);
                padded((self % BILLION) as u32, 9, out);
            }
        }
    }
}

impl Part for i128 {
    fn append(&self, out: &mut String) {
        if *self < 0 {
            out.push('-');
        }
        self.unsigned_abs().append(out);
    }
}

impl Part for i64 {
    fn append(&self, out: &mut String) {
        if *self < 0 {
            out.push('-');
        }
        self.unsigned_abs().append(out);
    }
}

/// Appends a number with zeros in front, so that it has so many digits at least.
pub(crate) fn padded(number: u32, digits: usize, out: &mut String) {
    let text = text!(number);
    (text.len()..digits).for_each(|_| out.push('0'));
    out.push_str(&text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ends_of_ranges() {
        assert_eq!(text!(0u8, " ", u64::MAX, " ", i64::MIN), format!("0 {} {}", u64::MAX, i64::MIN));
        assert_eq!(text!(i128::MIN, String::from("|"), u128::MAX), format!("{}|{}", i128::MIN, u128::MAX));
        let mut out = String::new();
        padded(7, 9, &mut out);
        padded(1_234_567_890, 9, &mut out);
        assert_eq!(out, "0000000071234567890");
    }

    proptest! {
        #[test]
        fn numbers_are_written_as_the_standard_library_does(a: u64, b: i64, c: u128, d: i128, shift in 0u32..128) {
            let (c, d) = (c >> shift, d >> shift);
            assert_eq!(text!(a >> (shift / 2), ",", b, ",", c, ",", d), format!("{},{b},{c},{d}", a >> (shift / 2)));
        }
    }
}
