//! What a consumer reports of data that it received.

use std::collections::BTreeSet;

use jiff::civil::Date;
use publicdata_types::{Deadline, GrantId, OrganisationCode, ResourceCode, ResourceId, TransferId};

use super::{RecordReference, Rejection};
use publicdata_types::Prose;

/// How many records one ticket names at most.
pub const REFERENCES_MAX: usize = 100;

/// A completed transfer, as its receipt and its grant tell of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The transfer.
    pub transfer: TransferId,
    /// The grant that it was under.
    pub grant: GrantId,
    /// The resource.
    pub resource: ResourceId,
    /// Its code.
    pub resource_code: ResourceCode,
    /// Who provided.
    pub provider: OrganisationCode,
    /// Who received.
    pub consumer: OrganisationCode,
    /// The fields delivered.
    pub fields: Vec<String>,
}

/// What seems to be wrong with data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DataError {
    /// A value is wrong.
    WrongValue,
    /// A row that should be there is not.
    MissingRow,
    /// A row that should not be there is.
    SurplusRow,
    /// What was true once is true no longer.
    OutOfDate,
    /// It contradicts itself, or other data.
    Inconsistent,
    /// Something else.
    Other,
}

/// What a consumer found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What seems to be wrong.
    pub kind: DataError,
    /// The items in doubt; none if whole rows are.
    pub items: BTreeSet<String>,
    /// What was found, in words.
    pub description: Prose,
    /// The day on which it was found, in China.
    pub found_on: Date,
    /// The records in doubt.
    pub references: BTreeSet<RecordReference>,
}

/// A report as it was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    /// The transfer that brought the data.
    pub transfer: TransferId,
    /// The grant that it was under.
    pub grant: GrantId,
    /// The resource.
    pub resource: ResourceId,
    /// Its code.
    pub resource_code: ResourceCode,
    /// Who answers.
    pub provider: OrganisationCode,
    /// Who reports.
    pub consumer: OrganisationCode,
    /// What was found.
    pub finding: Finding,
    /// The day on which it was reported, in China.
    pub reported_on: Date,
    /// Until when it had to be reported: five working days after it was found.
    pub report_deadline: Deadline,
    /// Until when the provider answers: ten working days.
    pub deadline: Deadline,
}

impl Finding {
    pub(super) fn check(&self, delivery: &Delivery, today: Date) -> Result<(), Rejection> {
        if self.found_on > today {
            return Err(Rejection::FoundLater { found_on: self.found_on, today });
        }
        let item = self.items.iter().find(|item| !delivery.fields.contains(item));
        if let Some(item) = item {
            return Err(Rejection::ItemNotDelivered { item: item.clone() });
        }
        if self.kind == DataError::WrongValue && self.items.is_empty() {
            return Err(Rejection::ItemsMissing);
        }
        match self.references.len() {
            found if found > REFERENCES_MAX => Err(Rejection::TooManyReferences { found }),
            _ => Ok(()),
        }
    }
}

impl Report {
    pub(super) fn new(
        delivery: Delivery,
        finding: Finding,
        (report_deadline, deadline): (Deadline, Deadline),
        today: Date,
    ) -> Self {
        Self {
            transfer: delivery.transfer,
            grant: delivery.grant,
            resource: delivery.resource,
            resource_code: delivery.resource_code,
            provider: delivery.provider,
            consumer: delivery.consumer,
            finding,
            reported_on: today,
            report_deadline,
            deadline,
        }
    }

    /// Whether it came after its time (R27.1): it counts all the same.
    #[must_use]
    pub fn is_late(&self) -> bool {
        self.report_deadline.has_passed(self.reported_on)
    }

    /// Whether `other` reports the same, perhaps on another day.
    pub(super) fn is_of(&self, other: &Self) -> bool {
        let Self { reported_on, report_deadline, deadline, .. } = self.clone();
        *self == Self { reported_on, report_deadline, deadline, ..other.clone() }
    }
}
