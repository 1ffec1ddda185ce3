//! What a consumer asks a provider for (R26.1).

use std::collections::BTreeSet;

use jiff::civil::Date;
use publicdata_types::{
    Deadline, DeliveryMode, GrantId, OrganisationCode, ResourceCode, ResourceId,
};

use crate::{Mistake, ResourceFacts};

/// What a consumer says when it applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// What the data is for.
    pub purpose: String,
    /// What the use rests on.
    pub legal_basis: String,
    /// The fields asked for.
    pub fields: Vec<String>,
    /// The rows asked for; none means all.
    pub row_filter: Option<String>,
    /// How the data shall be delivered.
    pub modes: BTreeSet<DeliveryMode>,
    /// The first day of the period asked for, in China.
    pub valid_from: Date,
    /// The last day, included.
    pub valid_until: Date,
    /// The grant that this one shall follow, if it is not asked for the first time.
    pub renews: Option<GrantId>,
}

/// An application as it was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    /// The resource.
    pub resource: ResourceId,
    /// Its code.
    pub resource_code: ResourceCode,
    /// Who provides it.
    pub provider: OrganisationCode,
    /// Who applies.
    pub consumer: OrganisationCode,
    /// What is asked for; the row filter in its one text.
    pub request: Request,
    /// Until when the provider takes it up: ten working days.
    pub deadline: Deadline,
}

impl Request {
    /// The same request with its row filter in its one text.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn checked(mut self, resource: &ResourceFacts, today: Date) -> Result<Self, Vec<Mistake>> {
        let mut mistakes = Vec::new();

        if self.purpose.trim().is_empty() {
            mistakes.push(Mistake::PurposeMissing);
        }
        if self.legal_basis.trim().is_empty() {
            mistakes.push(Mistake::LegalBasisMissing);
        }
        resource.check_fields(self.fields.iter().map(String::as_str), &mut mistakes);
        if let Some(text) = &self.row_filter {
            let filter = resource.check_filter(text, &mut mistakes);
            self.row_filter = filter.map(|filter| filter.to_string());
        }
        resource.check_modes(&self.modes, &mut mistakes);
        if self.valid_until < self.valid_from {
            mistakes.push(Mistake::PeriodReversed);
        } else if self.valid_until < today {
            mistakes.push(Mistake::PeriodPast { until: self.valid_until });
        }

        if mistakes.is_empty() { Ok(self) } else { Err(mistakes) }
    }
}
