//! A grant's terms as they came over the wire, in the domain's words.

use std::num::NonZeroU32;

use publicdata_exchange_domain::terms::Field;
use publicdata_exchange_domain::{Rate, RatePeriod, Terms};
use publicdata_proto::catalog::v1 as wire;
use publicdata_proto::exchange::v1::{
    self as exchange, FilterItem, GrantTerms, GrantedField, RateLimit,
};
use publicdata_transfer::time;
use publicdata_types::{DeliveryMode, ItemType, Mask};

/// Terms that say something this node does not understand; it then serves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the grant's `{field}` cannot be understood")]
pub struct TermsError {
    /// The field.
    pub field: &'static str,
}

/// Reads the terms.
pub fn read(terms: &GrantTerms) -> Result<Terms, TermsError> {
    let consumer = match terms.consumer_code.as_str() {
        "" => None,
        code => Some(parse("consumer_code", code)?),
    };
    let modes = terms.delivery_modes.iter().map(|&mode| delivery_mode(mode));
    let at = |field, at: &Option<_>| time::from_wire(at.as_ref()).ok_or(TermsError { field });

    Ok(Terms {
        grant: parse("grant_id", &terms.grant_id)?,
        resource: parse("resource_id", &terms.resource_id)?,
        resource_code: parse("resource_code", &terms.resource_code)?,
        provider: parse("provider_code", &terms.provider_code)?,
        consumer,
        fields: terms.fields.iter().map(field).collect::<Result<_, _>>()?,
        row_filter: Some(terms.row_filter.clone()).filter(|filter| !filter.is_empty()),
        filter_items: terms.filter_items.iter().map(filter_item).collect::<Result<_, _>>()?,
        purpose: terms.purpose.clone(),
        modes: modes.collect::<Result<_, _>>()?,
        valid_from: at("valid_from", &terms.valid_from)?,
        valid_until: at("valid_until", &terms.valid_until)?,
        rows_max: Some(terms.max_rows).filter(|&rows| rows > 0),
        rate: terms.rate.as_ref().map(rate).transpose()?,
        total_rows_max: Some(terms.max_total_rows).filter(|&rows| rows > 0),
    })
}

fn parse<T: std::str::FromStr>(field: &'static str, text: &str) -> Result<T, TermsError> {
    text.parse().map_err(|_| TermsError { field })
}

fn field(field: &GrantedField) -> Result<Field, TermsError> {
    let kind = kind("fields.type", field.r#type)?;
    Ok(Field { name: field.name.clone(), kind, mask: mask(field.mask)? })
}

/// A rate that cannot be read must not mean that there is none.
fn rate(rate: &RateLimit) -> Result<Rate, TermsError> {
    let period = match rate.period() {
        exchange::RatePeriod::Hour => RatePeriod::Hour,
        exchange::RatePeriod::Day => RatePeriod::Day,
        exchange::RatePeriod::Week => RatePeriod::Week,
        exchange::RatePeriod::Month => RatePeriod::Month,
        exchange::RatePeriod::Unspecified => return Err(TermsError { field: "rate.period" }),
    };
    let transfers = NonZeroU32::new(rate.transfers);
    Ok(Rate { transfers: transfers.ok_or(TermsError { field: "rate.transfers" })?, period })
}

fn filter_item(item: &FilterItem) -> Result<(String, ItemType), TermsError> {
    Ok((item.name.clone(), kind("filter_items.type", item.r#type)?))
}

fn kind(field: &'static str, kind: i32) -> Result<ItemType, TermsError> {
    match wire::ItemType::try_from(kind) {
        Ok(wire::ItemType::Text) => Ok(ItemType::Text),
        Ok(wire::ItemType::Number) => Ok(ItemType::Number),
        Ok(wire::ItemType::Money) => Ok(ItemType::Money),
        Ok(wire::ItemType::Date) => Ok(ItemType::Date),
        Ok(wire::ItemType::Timestamp) => Ok(ItemType::Timestamp),
        Ok(wire::ItemType::Logical) => Ok(ItemType::Logical),
        Ok(wire::ItemType::Memo) => Ok(ItemType::Memo),
        Ok(wire::ItemType::General) => Ok(ItemType::General),
        Ok(wire::ItemType::Double) => Ok(ItemType::Double),
        Ok(wire::ItemType::Integer) => Ok(ItemType::Integer),
        Ok(wire::ItemType::Float) => Ok(ItemType::Float),
        Ok(wire::ItemType::Unspecified) | Err(_) => Err(TermsError { field }),
    }
}

/// An unknown mask must not mean that there is none.
fn mask(mask: i32) -> Result<Option<Mask>, TermsError> {
    match wire::Mask::try_from(mask) {
        Ok(wire::Mask::Unspecified) => Ok(None),
        Ok(wire::Mask::Suppress) => Ok(Some(Mask::Suppress)),
        Ok(wire::Mask::Partial) => Ok(Some(Mask::Partial)),
        Ok(wire::Mask::Pseudonym) => Ok(Some(Mask::Pseudonym)),
        Err(_) => Err(TermsError { field: "fields.mask" }),
    }
}

fn delivery_mode(mode: i32) -> Result<DeliveryMode, TermsError> {
    match wire::DeliveryMode::try_from(mode) {
        Ok(wire::DeliveryMode::Query) => Ok(DeliveryMode::Query),
        Ok(wire::DeliveryMode::Bulk) => Ok(DeliveryMode::Bulk),
        Ok(wire::DeliveryMode::Push) => Ok(DeliveryMode::Push),
        Ok(wire::DeliveryMode::Unspecified) | Err(_) => Err(TermsError { field: "delivery_modes" }),
    }
}
