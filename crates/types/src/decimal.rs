//! Decimal numbers that stand in an item's mask and rules, exact.

use std::fmt;
use std::str::FromStr;

/// A decimal number of at most 28 digits before the point and 10 after it: what an item of type N holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Decimal(i128);

/// A text that is no such number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a decimal number such as 12.5, of at most 28 digits before the point and 10 after it")]
pub struct DecimalError;

const WHOLE_DIGITS_MAX: usize = 28;

impl Decimal {
    /// Digits after the point.
    pub const SCALE: u32 = 10;
    pub(crate) const ONE: i128 = 10_i128.pow(Self::SCALE);

    /// The number times ten to the power of [`Self::SCALE`].
    #[must_use]
    pub const fn unscaled(self) -> i128 {
        self.0
    }

    /// The number whose unscaled value this is.
    #[must_use]
    pub const fn from_unscaled(unscaled: i128) -> Self {
        Self(unscaled)
    }

    /// Whether nothing follows the point.
    #[must_use]
    pub const fn is_whole(self) -> bool {
        self.0 % Self::ONE == 0
    }

    /// The nearest number of double precision.
    #[must_use]
    pub fn to_f64(self) -> f64 {
        // Parsing rounds once; dividing a rounded number would round twice.
        self.to_string().parse().unwrap_or(f64::NAN)
    }
}

impl FromStr for Decimal {
    type Err = DecimalError;

    fn from_str(text: &str) -> Result<Self, DecimalError> {
        let (negative, digits) = match text.strip_prefix('-') {
            Some(digits) => (true, digits),
            None => (false, text),
        };
        let (whole, fraction) = match digits.split_once('.') {
            Some((_, "")) => return Err(DecimalError),
            Some(parts) => parts,
            None => (digits, ""),
        };
        let is_number = |digits: &str| digits.bytes().all(|digit| digit.is_ascii_digit());
        let fits =
            (1..=WHOLE_DIGITS_MAX).contains(&whole.len()) && fraction.len() <= Self::SCALE as usize;
        if !fits || !is_number(whole) || !is_number(fraction) {
            return Err(DecimalError);
        }
        let padded = format!("{whole}{fraction:0<width$}", width = Self::SCALE as usize);
        let unscaled: i128 = padded.parse().map_err(|_| DecimalError)?;
        Ok(Self(if negative { -unscaled } else { unscaled }))
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, fraction) = (
            self.0.unsigned_abs() / Self::ONE.unsigned_abs(),
            self.0.unsigned_abs() % Self::ONE.unsigned_abs(),
        );
        if self.0 < 0 {
            f.write_str("-")?;
        }
        write!(f, "{whole}")?;
        if fraction == 0 {
            return Ok(());
        }
        let digits = format!("{fraction:0width$}", width = Self::SCALE as usize);
        write!(f, ".{}", digits.trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests;
