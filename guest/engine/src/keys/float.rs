//! Floats as text: the shortest decimal digits that read back as the number, and of those the nearest to it.
//!
//! Exact long division (Steele and White, How to Print Floating-Point Numbers Accurately, 1990): the number and the gaps to
//! its neighbours are whole numbers of some 1,100 bits over a common divisor. Without tables, for its code is downloaded by every page
//! that makes keys; a number takes microseconds. The text is that of the standard library's `{:?}`, which the tests hold it to.

use alloc::string::String;
use core::cmp::Ordering;

use crate::text::Part as _;

/// Words of the longest number: 2¹⁰²⁴ and a few factors beside it.
const WORDS: usize = 36;

/// A whole number; its lowest word is the first.
#[derive(Clone)]
struct Long([u32; WORDS]);

impl Long {
    fn new(number: u64) -> Self {
        let mut words = [0; WORDS];
        (words[0], words[1]) = (number as u32, (number >> 32) as u32);
        Self(words)
    }

    fn multiply(&mut self, by: u32) {
        let mut carry = 0;
        for word in &mut self.0 {
            carry += u64::from(*word) * u64::from(by);
            *word = carry as u32;
            carry >>= 32;
        }
    }

    fn shift(&mut self, bits: u32) {
        (0..bits / 31).for_each(|_| self.multiply(1 << 31));
        self.multiply(1 << (bits % 31));
    }

    fn add(&mut self, other: &Self) {
        let mut carry = 0;
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            carry += u64::from(*word) + u64::from(*other);
            *word = carry as u32;
            carry >>= 32;
        }
    }

    /// The caller guarantees that `other` is no larger.
    fn subtract(&mut self, other: &Self) {
        let mut borrow = 0;
        for (word, other) in self.0.iter_mut().zip(&other.0) {
            borrow += i64::from(*word) - i64::from(*other);
            *word = borrow as u32;
            borrow >>= 32;
        }
    }

    fn compare(&self, other: &Self) -> Ordering {
        self.0.iter().rev().cmp(other.0.iter().rev())
    }
}

/// Appends a number that is none of NaN and 0.
pub(super) fn write(number: f64, out: &mut String) {
    if number < 0.0 {
        out.push('-');
    }
    let number = number.abs();
    if number == f64::INFINITY {
        out.push_str("inf");
        return;
    }
    let (digits, point) = digits(number);
    let zeros = |out: &mut String, count: i32| (0..count).for_each(|_| out.push('0'));
    // Where the point goes among the digits, and which power of ten is told beside them.
    let (before, power) = if (1e-4..1e16).contains(&number) { (point, None) } else { (1, Some(point - 1)) };
    if before <= 0 {
        out.push_str("0.");
        zeros(out, -before);
    }
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && at as i32 == before {
            out.push('.');
        }
        out.push(digit);
    }
    if before >= digits.len() as i32 && power.is_none() {
        zeros(out, before - digits.len() as i32);
        out.push_str(".0");
    }
    if let Some(power) = power {
        out.push('e');
        i64::from(power).append(out);
    }
}

/// Digits of a finite number above 0, the first of which is not 0, and where the point is: the number is 0.d₁d₂… · 10ᵖ.
fn digits(number: f64) -> (String, i32) {
    let bits = number.to_bits();
    let (fraction, exponent) = (bits & ((1 << 52) - 1), (bits >> 52) as i32);
    // Twice the number, so that half of the gap above it is 1; the gap below a power of two is half as wide.
    let mantissa = if exponent == 0 { fraction } else { fraction | 1 << 52 };
    let is_narrow = fraction == 0 && exponent > 1;
    let scale = 1 + u32::from(is_narrow);
    let exponent = exponent.max(1) - 1075 - scale as i32;
    let mut rest = Long::new(mantissa << scale);
    let (mut below, mut above, mut divisor) = (Long::new(1), Long::new(u64::from(scale)), Long::new(1));
    match u32::try_from(exponent) {
        Ok(bits) => [&mut rest, &mut below, &mut above].into_iter().for_each(|number| number.shift(bits)),
        Err(_) => divisor.shift(exponent.unsigned_abs()),
    }
    // What lies on a border reads back as the number when its last bit is 0.
    let border = if mantissa & 1 == 0 { Ordering::Greater } else { Ordering::Equal };
    let reaches = |rest: &Long, above: &Long, divisor: &Long| {
        let mut sum = rest.clone();
        sum.add(above);
        divisor.compare(&sum) < border
    };
    // At most one too small: log₁₀ 2 is a little more than 1233 / 4096.
    let length = (64 - (mantissa << scale).leading_zeros()) as i32;
    let mut point = ((length - 1 + exponent) * 1233) >> 12;
    for _ in 0..point {
        divisor.multiply(10);
    }
    for _ in point..0 {
        [&mut rest, &mut below, &mut above].into_iter().for_each(|number| number.multiply(10));
    }
    while reaches(&rest, &above, &divisor) {
        divisor.multiply(10);
        point += 1;
    }
    let mut digits = String::new();
    loop {
        [&mut rest, &mut below, &mut above].into_iter().for_each(|number| number.multiply(10));
        let mut digit = b'0';
        while rest.compare(&divisor) != Ordering::Less {
            rest.subtract(&divisor);
            digit += 1;
        }
        let (down, up) = (rest.compare(&below) < border, reaches(&rest, &above, &divisor));
        if !down && !up {
            digits.push(digit.into());
            continue;
        }
        let mut twice = rest.clone();
        twice.multiply(2);
        let is_up = up && (!down || twice.compare(&divisor) != Ordering::Less);
        // Never above 9: the digits before would have been enough.
        digits.push((digit + u8::from(is_up)).into());
        return (digits, point);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Whether the number is written as the standard library writes it.
    fn check(number: f64) {
        if number == 0.0 || number.is_nan() {
            return;
        }
        let mut text = String::new();
        write(number, &mut text);
        assert_eq!(text, format!("{number:?}"), "{:#x}", number.to_bits());
    }

    /// The number and those about it.
    fn check_about(number: f64) {
        let bits = number.to_bits();
        (bits.saturating_sub(3)..=bits.saturating_add(3))
            .map(f64::from_bits)
            .filter(|it| it.is_finite())
            .for_each(check);
    }

    #[test]
    fn powers_and_their_neighbours() {
        (0..2047u64).for_each(|exponent| check_about(f64::from_bits(exponent << 52)));
        (0..52u64).for_each(|bit| check_about(f64::from_bits(1 << bit)));
        for power in -330..=308 {
            (1..=99).for_each(|factor| check_about(format!("{factor}e{power}").parse().expect("a number")));
        }
    }

    #[test]
    fn whole_numbers_hundredths_and_ends() {
        for number in 0..20_000 {
            let number = f64::from(number);
            [number, -number, number / 100.0, number * 1e12, number / 3.0].into_iter().for_each(check);
        }
        [
            f64::MAX,
            f64::MIN,
            f64::MIN_POSITIVE,
            f64::from_bits(1),
            f64::INFINITY,
            f64::NEG_INFINITY,
            1e16,
            9_007_199_254_740_993.0,
        ]
        .into_iter()
        .for_each(check_about);
        [f64::INFINITY, f64::NEG_INFINITY].into_iter().for_each(check);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn any_bits(bits: u64) {
            check(f64::from_bits(bits));
        }

        #[test]
        fn short_decimals(digits in 0u64..1_000_000_000_000_000_000, power in -30i32..30) {
            check(format!("{digits}e{power}").parse().expect("a number"));
        }
    }
}
