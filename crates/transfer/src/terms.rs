//! A grant's terms as they are signed, in the domain's words: read alike by the bus and by every node.

use std::num::NonZeroU32;

use publicdata_exchange_domain::terms::Field;
use publicdata_exchange_domain::{Rate, RatePeriod, Terms};
use publicdata_proto::catalog::v1 as catalog;
use publicdata_proto::exchange::v1::{
    FieldRules, FilterItem, GrantTerms, GrantedField, RateLimit, RatePeriod as WirePeriod,
};
use publicdata_types::quality::Rules;
use publicdata_types::{DeliveryMode, ItemType};

use crate::item::{self, ItemError};
use crate::time;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Terms that say something which is not understood: nothing is served under them.
#[derive(Debug, thiserror::Error)]
#[error("the grant's `{field}` cannot be understood")]
pub struct TermsError {
    /// The field.
    pub field: String,
    /// Why. It does not repeat the value (H5).
    #[source]
    pub source: BoxError,
}

/// Reads terms.
///
/// # Errors
/// Names the field that does not hold what it has to.
pub fn read(terms: &GrantTerms) -> Result<Terms, TermsError> {
    let consumer = match terms.consumer_code.as_str() {
        "" => None,
        code => Some(parse("consumer_code", code)?),
    };
    let modes = terms.delivery_modes.iter().map(|&mode| delivery_mode(mode));
    let at = |field, at: &Option<_>| {
        time::from_wire(at.as_ref())
            .ok_or_else(|| TermsError::new(field, "the time is missing or out of range"))
    };

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

/// Terms as they are signed.
#[must_use]
pub fn write(terms: &Terms) -> GrantTerms {
    let kind = |kind: ItemType| item::kind_to_wire(kind).into();
    let filter_item =
        |(name, &of): (&String, &ItemType)| FilterItem { name: name.clone(), r#type: kind(of) };
    GrantTerms {
        grant_id: terms.grant.to_string(),
        resource_id: terms.resource.to_string(),
        resource_code: terms.resource_code.to_string(),
        provider_code: terms.provider.to_string(),
        consumer_code: terms.consumer.map(|code| code.to_string()).unwrap_or_default(),
        fields: terms.fields.iter().map(field_to_wire).collect(),
        row_filter: terms.row_filter.clone().unwrap_or_default(),
        purpose: terms.purpose.clone(),
        delivery_modes: terms.modes.iter().map(|&mode| delivery_mode_to_wire(mode)).collect(),
        valid_from: Some(time::to_wire(terms.valid_from)),
        valid_until: Some(time::to_wire(terms.valid_until)),
        max_rows: terms.rows_max.unwrap_or_default(),
        filter_items: terms.filter_items.iter().map(filter_item).collect(),
        rate: terms.rate.map(rate_to_wire),
        max_total_rows: terms.total_rows_max.unwrap_or_default(),
    }
}

fn field(field: &GrantedField) -> Result<Field, TermsError> {
    Ok(Field {
        name: field.name.clone(),
        kind: kind("fields.type", field.r#type)?,
        mask: item::mask(field.mask, field.mask_parameters.as_ref()).map_err(within("fields"))?,
        rules: field.rules.as_ref().map(rules).transpose()?,
    })
}

fn field_to_wire(field: &Field) -> GrantedField {
    let (mask, mask_parameters) = item::mask_to_wire(field.mask.as_ref());
    GrantedField {
        name: field.name.clone(),
        r#type: item::kind_to_wire(field.kind).into(),
        mask: mask.into(),
        mask_parameters,
        rules: field.rules.as_ref().map(|rules| FieldRules {
            required: rules.required,
            length: rules.length_max.unwrap_or_default(),
            quality: item::quality_to_wire(&rules.quality),
        }),
    }
}

fn rules(rules: &FieldRules) -> Result<Rules, TermsError> {
    Ok(Rules {
        required: rules.required,
        length_max: Some(rules.length).filter(|&length| length > 0),
        quality: item::quality(rules.quality.as_ref()).map_err(within("fields.rules"))?,
    })
}

fn within(place: &'static str) -> impl Fn(ItemError) -> TermsError {
    move |error| TermsError { field: format!("{place}.{}", error.field), source: error.source }
}

fn parse<T>(field: &'static str, text: &str) -> Result<T, TermsError>
where
    T: std::str::FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    text.parse().map_err(|error: T::Err| TermsError::new(field, error))
}

/// A rate that cannot be read must not mean that there is none.
fn rate(rate: &RateLimit) -> Result<Rate, TermsError> {
    let period = match rate.period() {
        WirePeriod::Hour => RatePeriod::Hour,
        WirePeriod::Day => RatePeriod::Day,
        WirePeriod::Week => RatePeriod::Week,
        WirePeriod::Month => RatePeriod::Month,
        WirePeriod::Unspecified => {
            return Err(TermsError::new("rate.period", "the span is missing or unknown"));
        }
    };
    let transfers = NonZeroU32::new(rate.transfers)
        .ok_or_else(|| TermsError::new("rate.transfers", "a rate allows one transfer at least"))?;
    Ok(Rate { transfers, period })
}

fn rate_to_wire(rate: Rate) -> RateLimit {
    let period = match rate.period {
        RatePeriod::Hour => WirePeriod::Hour,
        RatePeriod::Day => WirePeriod::Day,
        RatePeriod::Week => WirePeriod::Week,
        RatePeriod::Month => WirePeriod::Month,
    };
    RateLimit { transfers: rate.transfers.get(), period: period.into() }
}

fn filter_item(item: &FilterItem) -> Result<(String, ItemType), TermsError> {
    Ok((item.name.clone(), kind("filter_items.type", item.r#type)?))
}

fn kind(field: &'static str, number: i32) -> Result<ItemType, TermsError> {
    item::kind(number).ok_or_else(|| TermsError::new(field, "the type is missing or unknown"))
}

fn delivery_mode(mode: i32) -> Result<DeliveryMode, TermsError> {
    use catalog::DeliveryMode as Wire;

    match Wire::try_from(mode) {
        Ok(Wire::Query) => Ok(DeliveryMode::Query),
        Ok(Wire::Bulk) => Ok(DeliveryMode::Bulk),
        Ok(Wire::Push) => Ok(DeliveryMode::Push),
        Ok(Wire::Unspecified) | Err(_) => {
            Err(TermsError::new("delivery_modes", "the mode is missing or unknown"))
        }
    }
}

fn delivery_mode_to_wire(mode: DeliveryMode) -> i32 {
    use catalog::DeliveryMode as Wire;

    match mode {
        DeliveryMode::Query => Wire::Query.into(),
        DeliveryMode::Bulk => Wire::Bulk.into(),
        DeliveryMode::Push => Wire::Push.into(),
    }
}

impl TermsError {
    fn new(field: &'static str, source: impl Into<BoxError>) -> Self {
        Self { field: field.to_owned(), source: source.into() }
    }
}

#[cfg(test)]
mod tests;
