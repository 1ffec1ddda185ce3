//! What the events of the register have in common.

use jiff::civil::Date;
use publicdata_catalog_domain::owner::Owner;

use super::{FieldError, parse};

pub(super) fn owner_from_wire(code: &str, region: &str) -> Result<Owner, FieldError> {
    Ok(Owner { code: parse("organisation_code", code)?, region: parse("region_code", region)? })
}

/// A day that may be left out.
pub(crate) fn optional_date(field: &str, text: &str) -> Result<Option<Date>, FieldError> {
    match text {
        "" => Ok(None),
        text => parse(field, text).map(Some),
    }
}

pub(super) fn unsaid(field: &str) -> FieldError {
    FieldError::new(field, "the value is missing or unknown")
}
