//! Administrative divisions (行政区划代码, GB/T 2260) and what lies in what.

use std::fmt;
use std::str::FromStr;

/// A province, a city or a county, as six digits: two for each level, `00` where none is named.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionCode(u32);

/// A revision of GB/T 2260, by its year: the same code may name another division in another one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RegionRevision(u16);

/// How far down a region lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// `510000`
    Province,
    /// `510100`
    City,
    /// `510104`, a district or a county
    County,
}

/// Why a text is not a region code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegionCodeError {
    /// Not six digits (or, for a statistical code, not nine or twelve).
    #[error("region code has {found} characters, {expected} are needed")]
    Length {
        /// How many characters there are.
        found: usize,
        /// Which lengths are accepted.
        expected: &'static str,
    },
    /// Something other than a digit.
    #[error("region code has `{found}` at position {position}; only digits are allowed")]
    Character {
        /// The character.
        found: char,
        /// Its position, counted from 1.
        position: usize,
    },
    /// A county without a city or a city without a province.
    #[error(
        "region code names a lower level below `00`; the first two digits name the province, the \
         next two the city, the last two the county"
    )]
    Level,
}

/// Why a text is not a revision of GB/T 2260.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("revision of the region codes is no year from {FIRST_YEAR} to {LAST_YEAR}, such as 2023")]
pub struct RegionRevisionError;

/// The standard first appeared in this year.
const FIRST_YEAR: u16 = 1980;
const LAST_YEAR: u16 = 2999;

impl RegionRevision {
    /// The revision of a year that the program names itself.
    ///
    /// # Panics
    /// At compile time, if there can be no revision of that year.
    #[must_use]
    pub const fn of(year: u16) -> Self {
        assert!(year >= FIRST_YEAR && year <= LAST_YEAR, "no year of a revision");
        Self(year)
    }
}

impl FromStr for RegionRevision {
    type Err = RegionRevisionError;

    fn from_str(text: &str) -> Result<Self, RegionRevisionError> {
        let plain = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        match text.parse() {
            Ok(year @ FIRST_YEAR..=LAST_YEAR) if plain => Ok(Self(year)),
            Ok(_) | Err(_) => Err(RegionRevisionError),
        }
    }
}

impl fmt::Display for RegionRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for RegionRevision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegionRevision({self})")
    }
}

impl RegionCode {
    /// The region that a statistical code of 9 digits (street or town) or 12 (community or
    /// village) lies in.
    ///
    /// # Errors
    /// Says which length or character is wrong.
    pub fn from_statistical(text: &str) -> Result<Self, RegionCodeError> {
        let found = text.chars().count();
        if found != 9 && found != 12 {
            return Err(RegionCodeError::Length { found, expected: "9 or 12" });
        }
        all_digits(text)?;
        text[..6].parse()
    }

    /// Whether `other` is this region or lies in it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        let unit = match self.level() {
            Level::Province => 10_000,
            Level::City => 100,
            Level::County => 1,
        };
        self.0 / unit == other.0 / unit
    }

    /// The digits that its code has in common with those of all that lies in it: two for each level.
    #[must_use]
    pub fn leading(&self) -> String {
        let digits = match self.level() {
            Level::Province => 2,
            Level::City => 4,
            Level::County => 6,
        };
        self.to_string().chars().take(digits).collect()
    }

    /// The city that a county lies in; any other region is itself.
    #[must_use]
    pub fn city(&self) -> Self {
        Self(self.0 / 100 * 100)
    }

    /// Province, city or county.
    #[must_use]
    pub fn level(&self) -> Level {
        match self.0 {
            code if code % 10_000 == 0 => Level::Province,
            code if code % 100 == 0 => Level::City,
            _ => Level::County,
        }
    }
}

impl FromStr for RegionCode {
    type Err = RegionCodeError;

    fn from_str(text: &str) -> Result<Self, RegionCodeError> {
        let found = text.chars().count();
        if found != 6 {
            return Err(RegionCodeError::Length { found, expected: "6" });
        }
        all_digits(text)?;

        let code = text.bytes().fold(0, |code, digit| code * 10 + u32::from(digit - b'0'));
        let city = code / 100 % 100;
        let county = code % 100;
        if code < 10_000 || (city == 0 && county != 0) {
            return Err(RegionCodeError::Level);
        }
        Ok(Self(code))
    }
}

impl fmt::Display for RegionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:06}", self.0)
    }
}

impl fmt::Debug for RegionCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RegionCode({self})")
    }
}

fn all_digits(text: &str) -> Result<(), RegionCodeError> {
    match text.chars().enumerate().find(|(_, character)| !character.is_ascii_digit()) {
        Some((index, found)) => Err(RegionCodeError::Character { found, position: index + 1 }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests;
