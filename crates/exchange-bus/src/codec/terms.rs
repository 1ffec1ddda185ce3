//! The terms of a grant.

use std::num::NonZeroU32;

use publicdata_exchange_domain::terms::Field;
use publicdata_exchange_domain::{Rate, RatePeriod, Terms};
use publicdata_proto::exchange::v1::{
    FilterItem, GrantTerms, GrantedField, RateLimit, RatePeriod as RatePeriodWire,
};
use publicdata_types::ItemType;

use super::{FieldError, values};

/// What signed terms say.
///
/// # Errors
/// Names the field that does not hold what it has to.
pub fn from_wire(wire: GrantTerms) -> Result<Terms, FieldError> {
    let consumer = match values::non_empty(wire.consumer_code) {
        Some(code) => Some(values::parse("consumer_code", &code)?),
        None => None,
    };
    Ok(Terms {
        grant: values::parse("grant_id", &wire.grant_id)?,
        resource: values::parse("resource_id", &wire.resource_id)?,
        resource_code: values::parse("resource_code", &wire.resource_code)?,
        provider: values::parse("provider_code", &wire.provider_code)?,
        consumer,
        fields: wire.fields.into_iter().map(field).collect::<Result<_, _>>()?,
        row_filter: values::non_empty(wire.row_filter),
        filter_items: wire.filter_items.into_iter().map(filter_item).collect::<Result<_, _>>()?,
        purpose: wire.purpose,
        modes: values::modes(&wire.delivery_modes)?,
        valid_from: values::time("valid_from", wire.valid_from)?,
        valid_until: values::time("valid_until", wire.valid_until)?,
        rows_max: match wire.max_rows {
            0 => None,
            max => Some(max),
        },
        rate: wire.rate.map(rate).transpose()?,
        total_rows_max: Some(wire.max_total_rows).filter(|&rows| rows > 0),
    })
}

/// Terms as they are signed.
#[must_use]
pub fn to_wire(terms: &Terms) -> GrantTerms {
    let field = |field: &Field| GrantedField {
        name: field.name.clone(),
        r#type: values::kind_to_wire(field.kind),
        mask: values::mask_to_wire(field.mask),
    };
    GrantTerms {
        grant_id: terms.grant.to_string(),
        resource_id: terms.resource.to_string(),
        resource_code: terms.resource_code.to_string(),
        provider_code: terms.provider.to_string(),
        consumer_code: terms.consumer.map(|code| code.to_string()).unwrap_or_default(),
        fields: terms.fields.iter().map(field).collect(),
        row_filter: terms.row_filter.clone().unwrap_or_default(),
        purpose: terms.purpose.clone(),
        delivery_modes: values::modes_to_wire(&terms.modes),
        valid_from: Some(values::time_to_wire(terms.valid_from)),
        valid_until: Some(values::time_to_wire(terms.valid_until)),
        max_rows: terms.rows_max.unwrap_or_default(),
        filter_items: terms.filter_items.iter().map(filter_item_to_wire).collect(),
        rate: terms.rate.map(rate_to_wire),
        max_total_rows: terms.total_rows_max.unwrap_or_default(),
    }
}

fn filter_item(wire: FilterItem) -> Result<(String, ItemType), FieldError> {
    Ok((wire.name, values::kind("filter_items.type", wire.r#type)?))
}

fn filter_item_to_wire((name, &kind): (&String, &ItemType)) -> FilterItem {
    FilterItem { name: name.clone(), r#type: values::kind_to_wire(kind) }
}

fn rate(wire: RateLimit) -> Result<Rate, FieldError> {
    let wrong = |field, what: &str| FieldError { field, source: what.into() };
    let period = match wire.period() {
        RatePeriodWire::Hour => RatePeriod::Hour,
        RatePeriodWire::Day => RatePeriod::Day,
        RatePeriodWire::Week => RatePeriod::Week,
        RatePeriodWire::Month => RatePeriod::Month,
        RatePeriodWire::Unspecified => {
            return Err(wrong("rate.period", "the span is missing or unknown"));
        }
    };
    let transfers = NonZeroU32::new(wire.transfers);
    let transfers =
        transfers.ok_or_else(|| wrong("rate.transfers", "a rate allows one transfer at least"))?;
    Ok(Rate { transfers, period })
}

fn rate_to_wire(rate: Rate) -> RateLimit {
    let period = match rate.period {
        RatePeriod::Hour => RatePeriodWire::Hour,
        RatePeriod::Day => RatePeriodWire::Day,
        RatePeriod::Week => RatePeriodWire::Week,
        RatePeriod::Month => RatePeriodWire::Month,
    };
    RateLimit { transfers: rate.transfers.get(), period: period.into() }
}

fn field(wire: GrantedField) -> Result<Field, FieldError> {
    Ok(Field {
        name: wire.name,
        kind: values::kind("fields.type", wire.r#type)?,
        mask: values::mask("fields.mask", wire.mask)?,
    })
}
