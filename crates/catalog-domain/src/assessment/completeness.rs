//! How much an entry says of what it may say: the fields that a review does not insist on, and that readers miss.

use publicdata_types::ItemType;

use crate::description::Description;

/// What an entry leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completeness {
    /// How much of it is there, in thousandths.
    pub filled_permille: u16,
    /// The fields that are not.
    pub missing: Vec<&'static str>,
}

/// An abstract that is shorter does not tell anybody whether the data are what they look for.
const ABSTRACT_CHARACTERS_MIN: usize = 10;

/// How complete an entry is.
#[must_use]
pub fn of(description: &Description) -> Completeness {
    let texts_have_lengths = description.items.iter().all(|item| {
        item.length.is_some() || !matches!(item.kind, ItemType::Text | ItemType::Number)
    });
    let checks = [
        ("abstract", description.abstract_.chars().count() >= ABSTRACT_CHARACTERS_MIN),
        ("entity", !description.entity.trim().is_empty()),
        ("format_detail", !description.format_detail.trim().is_empty()),
        ("items.length", texts_have_lengths),
        ("use_requirements", !description.use_requirements.trim().is_empty()),
    ];
    let missing: Vec<_> =
        checks.iter().filter(|(_, filled)| !filled).map(|(field, _)| *field).collect();
    let filled = checks.len() - missing.len();
    let filled_permille = u16::try_from(filled * 1_000 / checks.len()).unwrap_or_default();
    Completeness { filled_permille, missing }
}

#[cfg(test)]
mod tests;
