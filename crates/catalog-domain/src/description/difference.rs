//! What one version of an entry says otherwise than another, field by field.

use std::fmt::Write as _;

use publicdata_types::SharingType;
use publicdata_types::quality::{Quality, Reference};

use super::{Description, Item, Opening, Sharing};

/// A field that two descriptions fill differently.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The field's path: `name`, `items[code].title`. Items are told by their names.
    pub path: String,
    /// What stood there; empty if nothing did.
    pub before: String,
    /// What stands there now; empty if nothing does.
    pub after: String,
}

impl Description {
    /// What `after` says otherwise, in the order of the fields. Two descriptions differ exactly if there is something.
    #[must_use]
    pub fn differences(&self, after: &Self) -> Vec<Difference> {
        let mut differences = changed("", self.head(), after.head());
        differences.extend(items(&self.items, &after.items));
        differences.extend(changed("", self.tail(), after.tail()));
        differences
    }

    fn head(&self) -> Vec<(&'static str, String)> {
        vec![
            ("name", self.name.clone()),
            ("abstract", self.abstract_.clone()),
            ("classification_code", self.classification.to_string()),
            ("provider_code", self.provider.to_string()),
            ("format", self.format.to_string()),
            ("format_detail", self.format_detail.clone()),
            ("entity", self.entity.clone()),
        ]
    }

    fn tail(&self) -> Vec<(&'static str, String)> {
        let condition = match &self.sharing {
            Sharing::Unconditional => String::new(),
            Sharing::Conditional { condition: text } | Sharing::NotShared { reason: text } => {
                text.clone()
            }
        };
        let (open, open_condition) = match &self.opening {
            Opening::Open { condition } => ("yes", condition.clone()),
            Opening::NotOpen => ("no", String::new()),
        };
        vec![
            ("sharing_type", sharing(self.sharing.kind()).to_owned()),
            ("sharing_condition", condition),
            ("delivery_modes", list(&self.delivery_modes)),
            ("open", open.to_owned()),
            ("open_condition", open_condition),
            ("update_cycle", self.update_cycle.to_string()),
            ("related_codes", list(&self.related)),
            ("use_requirements", self.use_requirements.clone()),
        ]
    }
}

fn items(before: &[Item], after: &[Item]) -> Vec<Difference> {
    let named = |items: &[Item], name: &str| items.iter().find(|item| item.name == name).cloned();
    let mut differences = Vec::new();
    for item in before {
        let path = format!("items[{}]", item.name);
        match named(after, &item.name) {
            Some(now) => {
                differences.extend(changed(&format!("{path}."), fields(item), fields(&now)));
            }
            None => {
                let before = summary(item);
                differences.push(Difference { path, before, after: String::new() });
            }
        }
    }
    for item in after.iter().filter(|item| named(before, &item.name).is_none()) {
        let (path, after) = (format!("items[{}]", item.name), summary(item));
        differences.push(Difference { path, before: String::new(), after });
    }

    let order = |items: &[Item], others: &[Item]| {
        let common = items.iter().filter(|item| named(others, &item.name).is_some());
        common.map(|item| item.name.clone()).collect::<Vec<_>>()
    };
    let (was, is) = (order(before, after), order(after, before));
    if was != is {
        let path = "items".to_owned();
        differences.push(Difference { path, before: was.join(", "), after: is.join(", ") });
    }
    differences
}

fn fields(item: &Item) -> Vec<(&'static str, String)> {
    let mut fields = vec![
        ("title", item.title.clone()),
        ("type", item.kind.to_string()),
        ("length", item.length.map(|length| length.to_string()).unwrap_or_default()),
        ("required", if item.required { "yes" } else { "no" }.to_owned()),
        ("mask", item.mask.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("sharing_type", item.sharing.map(sharing).unwrap_or_default().to_owned()),
        ("open", if item.open { "yes" } else { "no" }.to_owned()),
    ];
    fields.extend(rules(&item.quality));
    fields
}

fn rules(quality: &Quality) -> Vec<(&'static str, String)> {
    let reference = |reference: &Reference| format!("{} of {}", reference.item, reference.resource);
    vec![
        ("quality.range", quality.range.map(|range| range.to_string()).unwrap_or_default()),
        ("quality.pattern", quality.pattern.clone().unwrap_or_default()),
        ("quality.one_of", list(&quality.one_of)),
        ("quality.unique", if quality.unique { "yes" } else { "" }.to_owned()),
        ("quality.reference", quality.reference.as_ref().map(reference).unwrap_or_default()),
    ]
}

/// An item in one line, for where it came or went whole.
fn summary(item: &Item) -> String {
    let mut line = String::new();
    for (field, value) in fields(item).into_iter().filter(|(_, value)| !value.is_empty()) {
        let separator = if line.is_empty() { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(line, "{separator}{field} {value}");
    }
    line
}

fn changed(
    prefix: &str,
    before: Vec<(&'static str, String)>,
    after: Vec<(&'static str, String)>,
) -> Vec<Difference> {
    let pairs = before.into_iter().zip(after);
    let changed = pairs.filter(|((_, before), (_, after))| before != after);
    changed
        .map(|((field, before), (_, after))| {
            let path = format!("{prefix}{field}");
            Difference { path, before, after }
        })
        .collect()
}

fn list<T: ToString>(values: impl IntoIterator<Item = T>) -> String {
    let texts: Vec<String> = values.into_iter().map(|value| value.to_string()).collect();
    texts.join(", ")
}

const fn sharing(kind: SharingType) -> &'static str {
    match kind {
        SharingType::Unconditional => "unconditional",
        SharingType::Conditional => "conditional",
        SharingType::NotShared => "not shared",
    }
}
