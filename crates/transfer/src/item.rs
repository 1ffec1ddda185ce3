//! Items as the wire has them: their types, masks and rules, in entries and in grants alike.

use publicdata_proto::catalog::v1 as wire;
use publicdata_types::mask::{JoinDomain, Step};
use publicdata_types::quality::{Bound, Quality, Range, Reference};
use publicdata_types::{ItemType, Mask};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Something said of an item that is not understood, and must not be passed over.
#[derive(Debug, thiserror::Error)]
#[error("`{field}` is wrong: {source}")]
pub struct ItemError {
    /// The field, within the item.
    pub field: &'static str,
    /// What is wrong with it. It does not repeat the value (H5).
    pub source: BoxError,
}

/// An item's type; none if it is missing, or newer than this program.
#[must_use]
pub fn kind(number: i32) -> Option<ItemType> {
    use wire::ItemType as Wire;

    match Wire::try_from(number) {
        Ok(Wire::Text) => Some(ItemType::Text),
        Ok(Wire::Number) => Some(ItemType::Number),
        Ok(Wire::Money) => Some(ItemType::Money),
        Ok(Wire::Date) => Some(ItemType::Date),
        Ok(Wire::Timestamp) => Some(ItemType::Timestamp),
        Ok(Wire::Logical) => Some(ItemType::Logical),
        Ok(Wire::Memo) => Some(ItemType::Memo),
        Ok(Wire::General) => Some(ItemType::General),
        Ok(Wire::Double) => Some(ItemType::Double),
        Ok(Wire::Integer) => Some(ItemType::Integer),
        Ok(Wire::Float) => Some(ItemType::Float),
        Ok(Wire::Unspecified) | Err(_) => None,
    }
}

/// An item's type on the wire.
#[must_use]
pub const fn kind_to_wire(kind: ItemType) -> wire::ItemType {
    use wire::ItemType as Wire;

    match kind {
        ItemType::Text => Wire::Text,
        ItemType::Number => Wire::Number,
        ItemType::Money => Wire::Money,
        ItemType::Date => Wire::Date,
        ItemType::Timestamp => Wire::Timestamp,
        ItemType::Logical => Wire::Logical,
        ItemType::Memo => Wire::Memo,
        ItemType::General => Wire::General,
        ItemType::Double => Wire::Double,
        ItemType::Integer => Wire::Integer,
        ItemType::Float => Wire::Float,
    }
}

/// A mask with what it needs to know; none if the item is not masked.
///
/// # Errors
/// The mask is newer than this program, or its parameters are not the mask's: an unknown mask never means none.
pub fn mask(
    number: i32,
    parameters: Option<&wire::MaskParameters>,
) -> Result<Option<Mask>, ItemError> {
    use wire::Mask as Wire;

    let known = Wire::try_from(number)
        .map_err(|_| ItemError::new("mask", "the mask is newer than this program"))?;
    let parameters = Parameters::of(parameters);
    Ok(Some(match known {
        Wire::Unspecified => {
            parameters.none()?;
            return Ok(None);
        }
        Wire::Suppress => parameters.none().map(|()| Mask::Suppress)?,
        Wire::Partial => parameters.none().map(|()| Mask::Partial)?,
        Wire::Pseudonym => Mask::Pseudonym(parameters.domain()?),
        Wire::IdentityNumber => parameters.none().map(|()| Mask::IdentityNumber)?,
        Wire::Mobile => parameters.none().map(|()| Mask::Mobile)?,
        Wire::PersonName => parameters.none().map(|()| Mask::PersonName)?,
        Wire::Address => parameters.none().map(|()| Mask::Address)?,
        Wire::BankCard => parameters.none().map(|()| Mask::BankCard)?,
        Wire::Month => parameters.none().map(|()| Mask::Month)?,
        Wire::Year => parameters.none().map(|()| Mask::Year)?,
        Wire::Band => Mask::Band(parameters.step()?),
        Wire::Round => Mask::Round(parameters.step()?),
    }))
}

/// A mask on the wire.
#[must_use]
pub fn mask_to_wire(mask: Option<&Mask>) -> (wire::Mask, Option<wire::MaskParameters>) {
    use wire::Mask as Wire;

    let step = |step: &Step| {
        Some(wire::MaskParameters { step: step.to_string(), ..wire::MaskParameters::default() })
    };
    match mask {
        None => (Wire::Unspecified, None),
        Some(Mask::Suppress) => (Wire::Suppress, None),
        Some(Mask::Partial) => (Wire::Partial, None),
        Some(Mask::Pseudonym(domain)) => {
            let parameters = domain.as_ref().map(|domain| wire::MaskParameters {
                pseudonym_domain: domain.to_string(),
                ..wire::MaskParameters::default()
            });
            (Wire::Pseudonym, parameters)
        }
        Some(Mask::IdentityNumber) => (Wire::IdentityNumber, None),
        Some(Mask::Mobile) => (Wire::Mobile, None),
        Some(Mask::PersonName) => (Wire::PersonName, None),
        Some(Mask::Address) => (Wire::Address, None),
        Some(Mask::BankCard) => (Wire::BankCard, None),
        Some(Mask::Month) => (Wire::Month, None),
        Some(Mask::Year) => (Wire::Year, None),
        Some(Mask::Band(width)) => (Wire::Band, step(width)),
        Some(Mask::Round(to)) => (Wire::Round, step(to)),
    }
}

/// What values of an item have to be.
///
/// # Errors
/// A bound or a reference is none.
pub fn quality(rules: Option<&wire::QualityRules>) -> Result<Quality, ItemError> {
    let Some(rules) = rules else { return Ok(Quality::default()) };
    let min = bound("quality.minimum", &rules.minimum)?;
    let max = bound("quality.maximum", &rules.maximum)?;
    let reference = rules.reference.as_ref().map(|reference| {
        let resource = reference.resource_id.parse();
        Ok(Reference {
            resource: resource
                .map_err(|error| ItemError::new("quality.reference.resource_id", error))?,
            item: reference.item.clone(),
        })
    });
    Ok(Quality {
        range: (min.is_some() || max.is_some()).then_some(Range { min, max }),
        pattern: Some(rules.pattern.clone()).filter(|pattern| !pattern.is_empty()),
        one_of: rules.one_of.clone(),
        unique: rules.unique,
        reference: reference.transpose()?,
    })
}

/// The same on the wire; none if nothing is asked for.
#[must_use]
pub fn quality_to_wire(quality: &Quality) -> Option<wire::QualityRules> {
    if quality.is_empty() {
        return None;
    }
    let bound = |bound: Option<Bound>| bound.map(|bound| bound.to_string()).unwrap_or_default();
    let reference = quality.reference.as_ref().map(|reference| wire::QualityReference {
        resource_id: reference.resource.to_string(),
        item: reference.item.clone(),
    });
    Some(wire::QualityRules {
        minimum: bound(quality.range.and_then(|range| range.min)),
        maximum: bound(quality.range.and_then(|range| range.max)),
        pattern: quality.pattern.clone().unwrap_or_default(),
        one_of: quality.one_of.clone(),
        unique: quality.unique,
        reference,
    })
}

struct Parameters<'a> {
    domain: &'a str,
    step: &'a str,
}

impl<'a> Parameters<'a> {
    fn of(wire: Option<&'a wire::MaskParameters>) -> Self {
        match wire {
            Some(wire) => Self { domain: &wire.pseudonym_domain, step: &wire.step },
            None => Self { domain: "", step: "" },
        }
    }

    fn none(&self) -> Result<(), ItemError> {
        self.no_domain()?;
        self.no_step()
    }

    fn no_domain(&self) -> Result<(), ItemError> {
        let text = "only the mask pseudonym has a domain; leave it out";
        match self.domain {
            "" => Ok(()),
            _ => Err(ItemError::new("mask_parameters.pseudonym_domain", text)),
        }
    }

    fn no_step(&self) -> Result<(), ItemError> {
        let text = "only the masks band and round have a step; leave it out";
        match self.step {
            "" => Ok(()),
            _ => Err(ItemError::new("mask_parameters.step", text)),
        }
    }

    fn domain(&self) -> Result<Option<JoinDomain>, ItemError> {
        self.no_step()?;
        match self.domain {
            "" => Ok(None),
            text => text
                .parse()
                .map(Some)
                .map_err(|error| ItemError::new("mask_parameters.pseudonym_domain", error)),
        }
    }

    fn step(&self) -> Result<Step, ItemError> {
        self.no_domain()?;
        self.step.parse().map_err(|error| ItemError::new("mask_parameters.step", error))
    }
}

fn bound(field: &'static str, text: &str) -> Result<Option<Bound>, ItemError> {
    match text {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|error| ItemError::new(field, error)),
    }
}

impl ItemError {
    fn new(field: &'static str, source: impl Into<BoxError>) -> Self {
        Self { field, source: source.into() }
    }
}

#[cfg(test)]
mod tests;
