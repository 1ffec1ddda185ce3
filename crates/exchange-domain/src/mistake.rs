//! What can be wrong with an application or with the terms of a grant.

use jiff::civil::Date;
use publicdata_types::{DeliveryMode, ItemType, Mask};

use crate::filter::FilterError;

/// One thing that is wrong with an application or with terms.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Mistake {
    /// It does not say what the data is for.
    #[error("purpose is empty")]
    PurposeMissing,
    /// It does not say what the use rests on.
    #[error("legal basis is empty")]
    LegalBasisMissing,
    /// It names no field.
    #[error("no field is named; name at least one")]
    FieldsMissing,
    /// It names a field twice.
    #[error("field {field} is named twice")]
    FieldRepeated {
        /// The field.
        field: String,
    },
    /// It names a field that the catalogue does not have.
    #[error("field {field} is no item of the resource")]
    FieldUnknown {
        /// The field.
        field: String,
    },
    /// It names a field that nobody gets.
    #[error("field {field} is not shared; the catalogue gives the reason")]
    FieldNotShared {
        /// The field.
        field: String,
    },
    /// It grants a field that was not applied for.
    #[error("field {field} was not applied for")]
    FieldNotAppliedFor {
        /// The field.
        field: String,
    },
    /// It offers to everyone what is shared on condition.
    #[error("field {field} is not shared unconditionally, so a standing offer cannot give it")]
    FieldNotUnconditional {
        /// The field.
        field: String,
    },
    /// It gives a field another type than the catalogue does.
    #[error("field {field} is of type {kind} in the catalogue")]
    FieldKind {
        /// The field.
        field: String,
        /// Its type in the catalogue.
        kind: ItemType,
    },
    /// It masks a field in a way that does not fit the field's type.
    #[error("field {field} cannot be masked by {mask}, which fits {}; choose another mask", mask.fitting())]
    FieldMask {
        /// The field.
        field: String,
        /// The mask.
        mask: Mask,
    },
    /// It promises a field with other quality rules than the catalogue does, or with none.
    #[error(
        "field {field} has other quality rules in the catalogue; sign the item's rules as they stand there"
    )]
    FieldRules {
        /// The field.
        field: String,
    },
    /// The row filter cannot be read or does not fit the resource.
    #[error(transparent)]
    Filter(FilterError),
    /// The row filter would carry personal data into events.
    #[error("row filter names {item}, which is sensitive; choose rows by other items")]
    FilterOnSensitive {
        /// The item.
        item: String,
    },
    /// It gives the type of an item that the catalogue does not have.
    #[error("filter item {item} is no item of the resource")]
    FilterItemUnknown {
        /// The item.
        item: String,
    },
    /// It gives an item of the row filter another type than the catalogue does.
    #[error("filter item {item} is of type {kind} in the catalogue")]
    FilterItemKind {
        /// The item.
        item: String,
        /// Its type in the catalogue.
        kind: ItemType,
    },
    /// It does not give the type of an item that the row filter names.
    #[error("row filter names {item}, whose type is missing; add it to the filter items")]
    FilterItemMissing {
        /// The item.
        item: String,
    },
    /// It grants rows that may not have been applied for.
    #[error("row filter does not repeat the one applied for; join it to yours by AND")]
    RowsWidened,
    /// It names no way of delivery.
    #[error("no delivery mode is named; name at least one")]
    ModesMissing,
    /// It names a way of delivery that the resource does not have.
    #[error("delivery mode {mode} is not offered for the resource")]
    ModeNotOffered {
        /// The mode.
        mode: DeliveryMode,
    },
    /// It grants a way of delivery that was not applied for.
    #[error("delivery mode {mode} was not applied for")]
    ModeNotAppliedFor {
        /// The mode.
        mode: DeliveryMode,
    },
    /// The period ends before it begins.
    #[error("period ends before it begins")]
    PeriodReversed,
    /// The period is over already.
    #[error("period ended on {until}")]
    PeriodPast {
        /// Its last day.
        until: Date,
    },
    /// It grants days that were not applied for.
    #[error("period goes beyond the one applied for, {from} to {until}")]
    PeriodOutside {
        /// The first day applied for.
        from: Date,
        /// The last day applied for.
        until: Date,
    },
    /// It grants another purpose.
    #[error("purpose differs from the one applied for")]
    PurposeChanged,
    /// It is about something or someone else.
    #[error("terms name another {what}")]
    Other {
        /// What differs: `resource`, `provider`, `consumer`.
        what: &'static str,
    },
}

/// All mistakes in one line.
pub(crate) fn list(mistakes: &[Mistake]) -> String {
    let texts: Vec<String> = mistakes.iter().map(Mistake::to_string).collect();
    texts.join("; ")
}
