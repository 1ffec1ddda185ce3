//! Who writes the entries of a place in the classification (R16.1): a fact that comes in with commands to entries.

use publicdata_types::classification::Class;
use publicdata_types::{Actor, ClassificationCode, Denied, OrganisationCode};

use crate::library::LibraryCode;

/// Who writes the entries of a place in the classification.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Leadership {
    /// 部门信息资源: each provider its own.
    #[default]
    Provider,
    /// The lead department of the library that contains the place, alone.
    Led {
        /// The library.
        library: LibraryCode,
        /// Its lead department.
        lead: OrganisationCode,
    },
    /// Nobody yet: no library is established there.
    Vacant {
        /// The place.
        place: ClassificationCode,
    },
}

/// Why somebody does not write an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotWriter {
    /// The entry lies in a library that another department leads.
    #[error(
        "library {library} is led by {lead}, which alone provides and writes its entries; hand the data to it, or \
         classify the resource as a department's own (class 3)"
    )]
    Led {
        /// The library.
        library: LibraryCode,
        /// Its lead department.
        lead: OrganisationCode,
    },
    /// No library is established there.
    #[error(
        "no library is established for classification {place}; ask the city's authority to establish it and name its \
         lead department, or classify the resource as a department's own (class 3)"
    )]
    Vacant {
        /// The place.
        place: ClassificationCode,
    },
    /// The caller does not act for the provider.
    #[error(transparent)]
    Denied(#[from] Denied),
}

impl Leadership {
    /// Whether a library has a say in who writes the entries of this place.
    #[must_use]
    pub fn lies_in_library(place: &ClassificationCode) -> bool {
        match place.class() {
            Class::Base | Class::Theme => true,
            Class::Department => false,
        }
    }

    /// Whether `by` may write an entry that `provider` provides there.
    ///
    /// # Errors
    /// Says who may instead, or what must be done first.
    pub fn may_write(&self, provider: &OrganisationCode, by: &Actor) -> Result<(), NotWriter> {
        self.lets_provide(provider)?;
        Ok(by.may_write_for(provider)?)
    }

    /// Whether `provider` provides entries there.
    ///
    /// # Errors
    /// Says who does instead, or what must be done first.
    pub fn lets_provide(&self, provider: &OrganisationCode) -> Result<(), NotWriter> {
        match self {
            Self::Provider => Ok(()),
            Self::Led { lead, .. } if lead == provider => Ok(()),
            Self::Led { library, lead } => {
                Err(NotWriter::Led { library: library.clone(), lead: *lead })
            }
            Self::Vacant { place } => Err(NotWriter::Vacant { place: place.clone() }),
        }
    }

    /// Whether an entry may pass from its provider to this one: from one lead department of a library to the next.
    #[must_use]
    pub fn passes_to(&self, provider: &OrganisationCode) -> bool {
        match self {
            Self::Led { lead, .. } => lead == provider,
            Self::Provider | Self::Vacant { .. } => false,
        }
    }
}

impl NotWriter {
    /// The stable code that clients may rely on.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::Led { .. } => "LIBRARY_LED_BY_OTHER",
            Self::Vacant { .. } => "LIBRARY_NOT_ESTABLISHED",
            Self::Denied(denied) => denied.reason(),
        }
    }
}

#[cfg(test)]
mod tests;
