//! The catalogue's classification (类、项、目、细目) and the resource codes that follow it (R12.2).

use std::fmt;
use std::str::FromStr;

/// A node of the classification tree, as digits: 类 has one, 项 two more, 目 three more, and what
/// follows is 细目, of any depth.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassificationCode(String);

/// What the first digit of a classification says (R15.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// 基础信息资源: population, legal persons, space, …
    Base,
    /// 主题信息资源: a matter that several departments share.
    Theme,
    /// 部门信息资源: a department's own.
    Department,
}

/// How deep a classification goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Depth {
    /// 类, one digit
    Class,
    /// 项, three digits
    Group,
    /// 目, six digits
    Category,
    /// 细目, more than six
    Detail,
}

/// A resource's code: its classification and a serial number in it, `302001/00001`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceCode {
    /// Where the resource stands in the tree.
    pub classification: ClassificationCode,
    /// Which resource of that place it is, counted from 1.
    pub serial: u64,
}

/// Why a text is not a classification code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClassificationCodeError {
    /// The number of digits fits no level.
    #[error("classification code has {found} digits; write 1, 3, 6, or 7 to 18 of them")]
    Length {
        /// How many characters there are.
        found: usize,
    },
    /// Something other than a digit.
    #[error("classification code has `{found}` at position {position}; only digits are allowed")]
    Character {
        /// The character.
        found: char,
        /// Its position, counted from 1.
        position: usize,
    },
    /// The first digit names no class.
    #[error(
        "classification code begins with `{found}`; it begins with 1 (base), 2 (theme) or 3 \
         (department)"
    )]
    Class {
        /// The first digit.
        found: char,
    },
}

/// Why a text is not a resource code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ResourceCodeError {
    /// There is no slash.
    #[error("resource code has no `/`; write the classification, `/` and the serial number")]
    Separator,
    /// What stands before the slash is no classification.
    #[error("resource code is wrong before the `/`")]
    Classification(#[source] ClassificationCodeError),
    /// What stands after the slash is no serial number.
    #[error(
        "resource code is wrong after the `/`; the serial number has at least 5 digits and is \
         not 0"
    )]
    Serial,
}

const LENGTH_MAX: usize = 18;

impl ClassificationCode {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Base, theme or department.
    #[must_use]
    pub fn class(&self) -> Class {
        match self.0.as_bytes().first() {
            Some(b'1') => Class::Base,
            Some(b'2') => Class::Theme,
            Some(_) | None => Class::Department,
        }
    }

    /// 类, 项, 目 or 细目.
    #[must_use]
    pub fn depth(&self) -> Depth {
        match self.0.len() {
            0..3 => Depth::Class,
            3..6 => Depth::Group,
            6 => Depth::Category,
            _ => Depth::Detail,
        }
    }

    /// The node above, or this one itself, at that depth; `None` if this one lies higher. Of 细目 there is only itself.
    #[must_use]
    pub fn ancestor(&self, depth: Depth) -> Option<Self> {
        let length = match depth {
            Depth::Class => 1,
            Depth::Group => 3,
            Depth::Category => 6,
            Depth::Detail => self.0.len().max(7),
        };
        self.0.get(..length).map(|digits| Self(digits.to_owned()))
    }

    /// The node that this one is named under: 类 above 项, 项 above 目, and 目 above every 细目. 类 has none.
    #[must_use]
    pub fn parent(&self) -> Option<Self> {
        match self.depth() {
            Depth::Class => None,
            Depth::Group => self.ancestor(Depth::Class),
            Depth::Category => self.ancestor(Depth::Group),
            Depth::Detail => self.ancestor(Depth::Category),
        }
    }

    /// Whether `other` is this node or lies below it.
    #[must_use]
    pub fn contains(&self, other: &Self) -> bool {
        other.0.starts_with(&self.0)
    }
}

impl FromStr for ClassificationCode {
    type Err = ClassificationCodeError;

    fn from_str(text: &str) -> Result<Self, ClassificationCodeError> {
        if let Some((index, found)) =
            text.chars().enumerate().find(|(_, character)| !character.is_ascii_digit())
        {
            return Err(ClassificationCodeError::Character { found, position: index + 1 });
        }
        match text.chars().next() {
            Some('1' | '2' | '3') | None => {}
            Some(found) => return Err(ClassificationCodeError::Class { found }),
        }
        match text.len() {
            1 | 3 | 6..=LENGTH_MAX => Ok(Self(text.to_owned())),
            found => Err(ClassificationCodeError::Length { found }),
        }
    }
}

impl fmt::Display for ClassificationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ClassificationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ClassificationCode({self})")
    }
}

impl FromStr for ResourceCode {
    type Err = ResourceCodeError;

    fn from_str(text: &str) -> Result<Self, ResourceCodeError> {
        let (classification, serial) = text.split_once('/').ok_or(ResourceCodeError::Separator)?;
        let classification = classification.parse().map_err(ResourceCodeError::Classification)?;

        let digits = serial.len() >= 5 && serial.bytes().all(|byte| byte.is_ascii_digit());
        let padded = serial.len() == 5 || !serial.starts_with('0');
        match serial.parse() {
            Ok(serial) if digits && padded && serial > 0 => Ok(Self { classification, serial }),
            _ => Err(ResourceCodeError::Serial),
        }
    }
}

impl fmt::Display for ResourceCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{:05}", self.classification, self.serial)
    }
}

#[cfg(test)]
mod tests;
