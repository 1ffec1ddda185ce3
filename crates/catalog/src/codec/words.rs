//! The vocabulary of messages and of the domain, word by word.

use publicdata_catalog_domain::change::Kind as ChangeKind;
use publicdata_catalog_domain::description::{Format, UpdateCycle};
use publicdata_catalog_domain::obligation::Kind as ObligationKind;
use publicdata_directory::organisation::role_from_wire;
use publicdata_proto::catalog::v1 as wire;
use publicdata_types::{DeliveryMode, ItemType, Role, SharingType};

use super::FieldError;
use crate::entry::Status;

/// Two exhaustive matches from one list; no word, and words that are newer than this program, are `None`.
macro_rules! words {
    ($domain:ident, $wire:path, $to:ident, $from:ident: $($word:ident),+ $(,)?) => {
        pub(crate) const fn $to(word: $domain) -> $wire {
            use $wire as Wire;
            match word { $($domain::$word => Wire::$word),+ }
        }

        pub(crate) fn $from(number: i32) -> Option<$domain> {
            use $wire as Wire;
            match Wire::try_from(number) {
                $(Ok(Wire::$word) => Some($domain::$word),)+
                Ok(Wire::Unspecified) | Err(_) => None,
            }
        }
    };
}

words!(ItemType, wire::ItemType, item_type_to_wire, item_type_from_wire:
    Text, Number, Money, Date, Timestamp, Logical, Memo, General, Double, Integer, Float);
words!(SharingType, wire::SharingType, sharing_type_to_wire, sharing_type_from_wire:
    Unconditional, Conditional, NotShared);
words!(DeliveryMode, wire::DeliveryMode, delivery_mode_to_wire, delivery_mode_from_wire:
    Query, Bulk, Push);
words!(Format, wire::Format, format_to_wire, format_from_wire:
    ElectronicFile, Spreadsheet, Database, Image, StreamingMedia, SelfDescribing, ServiceInterface);
words!(UpdateCycle, wire::UpdateCycle, update_cycle_to_wire, update_cycle_from_wire:
    RealTime, Daily, Weekly, Monthly, Quarterly, Yearly, HalfYearly, Irregular);
words!(ChangeKind, wire::ChangeKind, change_kind_to_wire, change_kind_from_wire: Law, Function);
words!(ObligationKind, wire::ObligationKind, obligation_kind_to_wire, obligation_kind_from_wire:
    CatalogueUpdate, DataUpdate, LibraryItem);

pub(crate) const fn status_to_wire(status: Status) -> wire::ResourceStatus {
    match status {
        Status::Draft => wire::ResourceStatus::Draft,
        Status::Submitted => wire::ResourceStatus::Submitted,
        Status::Returned => wire::ResourceStatus::Returned,
        Status::Published => wire::ResourceStatus::Published,
        Status::Suspended => wire::ResourceStatus::Suspended,
        Status::Withdrawn => wire::ResourceStatus::Withdrawn,
    }
}

/// The status that a search asks for; `None` for any.
pub(crate) fn status_from_request(field: &str, number: i32) -> Result<Option<Status>, FieldError> {
    let wanted = |status: &Status| status_to_wire(*status) as i32 == number;
    match Status::ALL.into_iter().find(wanted) {
        None if number != wire::ResourceStatus::Unspecified as i32 => Err(missing(field)),
        found => Ok(found),
    }
}

pub(crate) fn role_from_request(field: &str, number: i32) -> Result<Role, FieldError> {
    role_from_wire(number).ok_or_else(|| missing(field))
}

/// The update cycle that a request names.
pub(crate) fn update_cycle_from_request(
    field: &str,
    number: i32,
) -> Result<UpdateCycle, FieldError> {
    required(field, update_cycle_from_wire(number))
}

/// An update cycle as messages and rows number it.
pub(crate) const fn update_cycle_to_number(cycle: UpdateCycle) -> i32 {
    update_cycle_to_wire(cycle) as i32
}

/// The update cycle of that number, if this program knows it.
pub(crate) fn update_cycle_from_number(number: i32) -> Option<UpdateCycle> {
    update_cycle_from_wire(number)
}

/// A sharing type as messages number it.
pub(crate) const fn sharing_type_to_number(sharing: SharingType) -> i32 {
    sharing_type_to_wire(sharing) as i32
}

/// The sharing type of that number, if there is one and this program knows it.
pub(crate) fn sharing_type_from_number(number: i32) -> Option<SharingType> {
    sharing_type_from_wire(number)
}

/// A word that must be there.
pub(crate) fn required<T>(field: &str, word: Option<T>) -> Result<T, FieldError> {
    word.ok_or_else(|| missing(field))
}

/// A word that may be left out, but must be known if it is there.
pub(crate) fn optional<T>(
    field: &str,
    number: i32,
    word: Option<T>,
) -> Result<Option<T>, FieldError> {
    match (number, word) {
        (0, None) => Ok(None),
        (_, None) => Err(missing(field)),
        (_, word) => Ok(word),
    }
}

fn missing(field: &str) -> FieldError {
    FieldError::new(field, "the value is missing or unknown")
}
