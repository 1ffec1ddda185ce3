//! The place that a library has in the classification.

use std::fmt;
use std::str::FromStr;

use publicdata_types::ClassificationCode;
use publicdata_types::classification::{Class, ClassificationCodeError, Depth};

/// A 项 (3 digits) or 目 (6 digits) of the base or theme class.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LibraryCode(ClassificationCode);

/// Why a text is no library's code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LibraryCodeError {
    /// It is no classification code.
    #[error(transparent)]
    Classification(#[from] ClassificationCodeError),
    /// It lies in the class of departments.
    #[error("library code {code} lies in class 3; a library lies in class 1 (base) or 2 (theme)")]
    Department {
        /// The code.
        code: ClassificationCode,
    },
    /// It is neither a 项 nor a 目.
    #[error("library code {code} is neither a 项 (3 digits) nor a 目 (6 digits)")]
    Depth {
        /// The code.
        code: ClassificationCode,
    },
}

impl LibraryCode {
    /// The code as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }

    /// The libraries that may contain this place, the narrowest first: where both are established, the narrower one leads.
    pub fn around(place: &ClassificationCode) -> impl Iterator<Item = Self> {
        let prefix = |digits| place.as_str().get(..digits).and_then(|code| code.parse().ok());
        [prefix(6), prefix(3)].into_iter().flatten()
    }
}

impl TryFrom<ClassificationCode> for LibraryCode {
    type Error = LibraryCodeError;

    fn try_from(code: ClassificationCode) -> Result<Self, LibraryCodeError> {
        match (code.class(), code.depth()) {
            (Class::Department, _) => Err(LibraryCodeError::Department { code }),
            (Class::Base | Class::Theme, Depth::Group | Depth::Category) => Ok(Self(code)),
            (Class::Base | Class::Theme, Depth::Class | Depth::Detail) => {
                Err(LibraryCodeError::Depth { code })
            }
        }
    }
}

impl FromStr for LibraryCode {
    type Err = LibraryCodeError;

    fn from_str(text: &str) -> Result<Self, LibraryCodeError> {
        text.parse::<ClassificationCode>()?.try_into()
    }
}

impl fmt::Display for LibraryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
