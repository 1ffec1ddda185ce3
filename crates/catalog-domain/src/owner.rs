//! Whose an entry of the register is.

use publicdata_types::{Actor, Denied, OrganisationCode, RegionCode};

/// An organisation, and the division that it lies in now: a fact from the directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    /// Its unified social credit code.
    pub code: OrganisationCode,
    /// Its division.
    pub region: RegionCode,
}

impl Owner {
    /// The organisation that somebody acts for.
    #[must_use]
    pub fn of(by: &Actor) -> Self {
        Self { code: by.organisation, region: by.region }
    }

    /// The organisation itself, or the authority over its division.
    ///
    /// # Errors
    /// Somebody else asks.
    pub fn may_manage(&self, by: &Actor) -> Result<(), Denied> {
        match by.may_act_for(&self.code) {
            Ok(()) => Ok(()),
            Err(_) => by.may_govern(&self.region),
        }
    }
}
