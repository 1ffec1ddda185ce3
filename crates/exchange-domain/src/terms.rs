//! What a provider grants, and whether a use is within it (R26.2, R30.1).

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use publicdata_types::quality::Rules;
use publicdata_types::{
    DeliveryMode, GrantId, ItemType, Mask, OrganisationCode, ResourceCode, ResourceId, SharingType,
    china_date,
};

use crate::application::{Application, Request};
use crate::filter::{Columns, Filter};
use crate::limits::{Rate, Usage};
use crate::query::ProofKind;
use crate::resource::Item;
use crate::{Mistake, ResourceFacts};

mod refusal;

pub use refusal::Refusal;

/// The terms of a grant, as they stand in the bytes that the provider signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// The grant.
    pub grant: GrantId,
    /// The resource.
    pub resource: ResourceId,
    /// The resource's code.
    pub resource_code: ResourceCode,
    /// Who grants.
    pub provider: OrganisationCode,
    /// Who may use it; nobody in particular in a standing offer (R26.1).
    pub consumer: Option<OrganisationCode>,
    /// The fields given.
    pub fields: Vec<Field>,
    /// The rows given; none means all.
    pub row_filter: Option<String>,
    /// The items that the row filter names, with their types in the catalogue; those that are given
    /// may be missing here.
    pub filter_items: Columns,
    /// What the data is for. In a standing offer it may be empty: then each use names its own.
    pub purpose: String,
    /// How the data may be delivered.
    pub modes: BTreeSet<DeliveryMode>,
    /// From when.
    pub valid_from: Timestamp,
    /// Until when; not included.
    pub valid_until: Timestamp,
    /// The most rows in one transfer, if there is a limit.
    pub rows_max: Option<u64>,
    /// How often it may be used, if there is a limit.
    pub rate: Option<Rate>,
    /// The most rows over all transfers, if there is a limit.
    pub total_rows_max: Option<u64>,
}

/// A field that a grant gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The item's name.
    pub name: String,
    /// The item's type in the catalogue.
    pub kind: ItemType,
    /// How its values are masked; none if they are plain, also where the grant lifts a mask.
    pub mask: Option<Mask>,
    /// What its values have to be (R17.2); none if the grant promises nothing of the kind.
    pub rules: Option<Rules>,
}

/// Whether a grant still stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It was not revoked.
    InForce,
    /// It was.
    Revoked,
}

/// What someone wants to do under a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use<'a> {
    /// Who.
    pub consumer: OrganisationCode,
    /// Which fields.
    pub fields: &'a [String],
    /// What for.
    pub purpose: &'a str,
    /// How.
    pub mode: DeliveryMode,
    /// Whether a proof is asked for.
    pub proof: Option<ProofKind>,
    /// The case that it is for; may be empty.
    pub case_number: &'a str,
    /// When.
    pub at: Timestamp,
    /// What was done before.
    pub used: &'a Usage,
}

/// Whether a use is within a grant: asked at the bus, and again at the provider's node.
///
/// Whoever is not the grant's consumer is told so before anything else, and so learns nothing of
/// its terms (H3).
///
/// # Errors
/// The first thing that the grant does not allow.
pub fn authorise(terms: &Terms, standing: Standing, wanted: &Use<'_>) -> Result<(), Refusal> {
    if terms.consumer.is_some_and(|consumer| consumer != wanted.consumer) {
        return Err(Refusal::OtherConsumer { consumer: wanted.consumer });
    }
    match standing {
        Standing::Revoked => return Err(Refusal::Revoked),
        Standing::InForce if wanted.at < terms.valid_from => {
            return Err(Refusal::NotYetValid { from: terms.valid_from });
        }
        Standing::InForce if wanted.at >= terms.valid_until => {
            return Err(Refusal::Expired { until: terms.valid_until });
        }
        Standing::InForce => {}
    }
    if wanted.purpose.trim().is_empty() {
        return Err(Refusal::PurposeMissing);
    }
    if wanted.purpose != terms.purpose && !terms.leaves_purpose_open() {
        return Err(Refusal::PurposeDiffers);
    }
    if !terms.modes.contains(&wanted.mode) {
        return Err(Refusal::ModeNotGranted { mode: wanted.mode });
    }
    // A proof is for an applicant's case, and so tied to it (R21.1).
    if wanted.proof.is_some() && wanted.case_number.trim().is_empty() {
        return Err(Refusal::CaseNumberMissing);
    }
    authorise_fields(terms, wanted.fields)?;
    authorise_extent(terms, wanted)
}

/// How often and how much.
fn authorise_extent(terms: &Terms, wanted: &Use<'_>) -> Result<(), Refusal> {
    if let Some(rate) = terms.rate
        && let Some(next) = rate.exhausted_until(wanted.used, wanted.at)
    {
        let Rate { transfers, period } = rate;
        return Err(Refusal::RateExceeded { transfers: transfers.get(), period, next });
    }
    match terms.rows_left(wanted.used) {
        Some(0) => {
            let rows_max = terms.total_rows_max.unwrap_or_default();
            Err(Refusal::VolumeExhausted { rows_max })
        }
        Some(_) | None => Ok(()),
    }
}

fn authorise_fields(terms: &Terms, fields: &[String]) -> Result<(), Refusal> {
    let mut seen = BTreeSet::new();
    for field in fields {
        if !terms.fields.iter().any(|granted| granted.name == *field) {
            return Err(Refusal::FieldOutsideGrant { field: field.clone() });
        }
        if !seen.insert(field) {
            return Err(Refusal::FieldRepeated { field: field.clone() });
        }
    }
    if seen.is_empty() { Err(Refusal::FieldsMissing) } else { Ok(()) }
}

impl Terms {
    /// How many rows may still be delivered, if there is a limit over all transfers.
    #[must_use]
    pub fn rows_left(&self, used: &Usage) -> Option<u64> {
        self.total_rows_max.map(|rows_max| rows_max.saturating_sub(used.rows))
    }

    /// Whether it depends on what was done before how much may be done now.
    #[must_use]
    pub fn counts_use(&self) -> bool {
        self.rate.is_some() || self.total_rows_max.is_some()
    }

    /// The items that the row filter may name, with their types: by these the provider's node reads it.
    #[must_use]
    pub fn columns(&self) -> Columns {
        let given = self.fields.iter().map(|field| (field.name.clone(), field.kind));
        self.filter_items.clone().into_iter().chain(given).collect()
    }

    /// What is wrong with these terms as an answer to an application.
    #[must_use]
    pub fn mistakes_against(
        &self,
        application: &Application,
        resource: &ResourceFacts,
    ) -> Vec<Mistake> {
        let mut mistakes = Vec::new();

        if self.resource != application.resource || self.resource_code != application.resource_code
        {
            mistakes.push(Mistake::Other { what: "resource" });
        }
        if self.provider != application.provider {
            mistakes.push(Mistake::Other { what: "provider" });
        }
        if self.consumer != Some(application.consumer) {
            mistakes.push(Mistake::Other { what: "consumer" });
        }
        let filter = self.check_against_catalogue(resource, &mut mistakes);
        self.check_rows(filter.as_ref(), &application.request, resource, &mut mistakes);
        self.check_extent(&application.request, &mut mistakes);

        mistakes
    }

    /// What is wrong with these terms as an offer to every consumer.
    #[must_use]
    pub fn mistakes_as_standing_offer(&self, resource: &ResourceFacts) -> Vec<Mistake> {
        let mut mistakes = Vec::new();

        if self.resource != resource.id || self.resource_code != resource.code {
            mistakes.push(Mistake::Other { what: "resource" });
        }
        if self.provider != resource.provider {
            mistakes.push(Mistake::Other { what: "provider" });
        }
        self.check_against_catalogue(resource, &mut mistakes);
        for field in &self.fields {
            let sharing = resource.item(&field.name).map(|item| item.sharing);
            if sharing == Some(SharingType::Conditional) {
                mistakes.push(Mistake::FieldNotUnconditional { field: field.name.clone() });
            }
        }

        mistakes
    }

    fn leaves_purpose_open(&self) -> bool {
        self.consumer.is_none() && self.purpose.is_empty()
    }

    fn check_against_catalogue(
        &self,
        resource: &ResourceFacts,
        mistakes: &mut Vec<Mistake>,
    ) -> Option<Filter> {
        resource.check_fields(self.fields.iter().map(|field| field.name.as_str()), mistakes);
        for field in &self.fields {
            if let Some(item) = resource.item(&field.name) {
                field.check_against(item, mistakes);
            }
        }
        resource.check_modes(&self.modes, mistakes);
        if self.valid_until <= self.valid_from {
            mistakes.push(Mistake::PeriodReversed);
        }
        self.check_filter_items(resource, mistakes);
        let filter = resource.check_filter(self.row_filter.as_ref()?, mistakes)?;
        let known = self.columns();
        for item in filter.columns() {
            if !known.contains_key(item) {
                mistakes.push(Mistake::FilterItemMissing { item: item.to_owned() });
            }
        }
        Some(filter)
    }

    fn check_filter_items(&self, resource: &ResourceFacts, mistakes: &mut Vec<Mistake>) {
        for (name, &kind) in &self.filter_items {
            let item = name.clone();
            match resource.item(name).map(|item| item.kind) {
                None => mistakes.push(Mistake::FilterItemUnknown { item }),
                Some(known) if known != kind => {
                    mistakes.push(Mistake::FilterItemKind { item, kind: known });
                }
                Some(_) => {}
            }
        }
    }

    fn check_rows(
        &self,
        granted: Option<&Filter>,
        asked: &Request,
        resource: &ResourceFacts,
        mistakes: &mut Vec<Mistake>,
    ) {
        let Some(text) = &asked.row_filter else { return };
        match (Filter::parse(text, &resource.columns()), granted) {
            (Ok(asked), Some(granted)) if granted.narrows(&asked) => {}
            // The mistake in the granted filter is named already.
            (_, None) if self.row_filter.is_some() => {}
            (Ok(_), _) => mistakes.push(Mistake::RowsWidened),
            // The catalogue has changed since, so that the filter fits no more.
            (Err(error), _) => mistakes.push(Mistake::Filter(error)),
        }
    }

    fn check_extent(&self, asked: &Request, mistakes: &mut Vec<Mistake>) {
        for field in &self.fields {
            if !asked.fields.contains(&field.name) {
                mistakes.push(Mistake::FieldNotAppliedFor { field: field.name.clone() });
            }
        }
        for &mode in self.modes.difference(&asked.modes) {
            mistakes.push(Mistake::ModeNotAppliedFor { mode });
        }
        if self.purpose != asked.purpose {
            mistakes.push(Mistake::PurposeChanged);
        }
        let (from, until) = (asked.valid_from, asked.valid_until);
        // The end is not included: midnight after the last day still lies within the period.
        let moment = SignedDuration::from_nanos(1);
        let last = self.valid_until.checked_sub(moment).unwrap_or(self.valid_until);
        if china_date(self.valid_from) < from || china_date(last) > until {
            mistakes.push(Mistake::PeriodOutside { from, until });
        }
    }
}

impl Field {
    /// Checks that it is what the catalogue says of the item, but for the mask, which the provider may set or lift.
    fn check_against(&self, item: &Item, mistakes: &mut Vec<Mistake>) {
        let field = || self.name.clone();
        if item.kind != self.kind {
            mistakes.push(Mistake::FieldKind { field: field(), kind: item.kind });
        }
        if let Some(mask) = self.mask.as_ref().filter(|mask| !mask.fits(self.kind)) {
            mistakes.push(Mistake::FieldMask { field: field(), mask: mask.clone() });
        }
        let promised = match &self.rules {
            Some(rules) => *rules == item.rules,
            // Grants were made before there were such rules.
            None => item.rules.quality.is_empty(),
        };
        if !promised {
            mistakes.push(Mistake::FieldRules { field: field() });
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
