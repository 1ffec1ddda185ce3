//! The data services that a node answers (数据服务封装, R23.1).

use std::collections::BTreeSet;

use publicdata_types::ItemType;
use publicdata_types::id::IdError;
use serde::Deserialize;

const ROWS_MAX: u64 = 1_000;
const PROOF_DAYS: u16 = 30;

/// A question that the node answers about one of its resources.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceConfig {
    /// The resource (UUID); a dataset of it is configured too.
    pub resource_id: String,
    /// The service's name, unique within the resource.
    pub name: String,
    /// What it answers, for people.
    #[serde(default)]
    pub description: String,
    /// A query of the dataset's database with the parameters as `:name`; without it, the parameters are conditions on the dataset's rows.
    pub query: Option<String>,
    /// Columns that order the answer of `query`.
    #[serde(default)]
    pub order_by: Vec<String>,
    /// Columns of `query` that together identify a row.
    #[serde(default)]
    pub key: Vec<String>,
    /// The items that it can answer with; empty for all that a grant gives.
    #[serde(default)]
    pub fields: Vec<String>,
    /// The most rows in one answer.
    #[serde(default = "rows_max")]
    pub max_rows: u64,
    /// The parameter that names whom or what is asked about. With it, the service gives proofs (R21.1), and one can see how often it is
    /// asked about somebody.
    pub subject: Option<String>,
    /// For how many days a proof holds.
    #[serde(default = "proof_days")]
    pub proof_days: u16,
    /// What it is asked with.
    #[serde(rename = "parameter")]
    pub parameters: Vec<ParameterConfig>,
}

/// What a data service is asked with.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ParameterConfig {
    /// The parameter's name.
    pub name: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: ParameterKind,
    /// The item that it is compared with, if it has another name; not with `query`.
    pub item: Option<String>,
    /// How it is compared: `item operator value`; not with `query`.
    pub operator: Option<Operator>,
    /// Whether it may be left out: then it is no condition, and null in `query`.
    #[serde(default)]
    pub optional: bool,
    /// What it means, for people.
    #[serde(default)]
    pub description: String,
}

/// The types of parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ParameterKind {
    /// A text, such as a code or a name.
    Text,
    /// A whole number.
    Integer,
    /// A decimal number.
    Number,
    /// A date, such as 2026-01-04.
    Date,
    /// A time in China, such as 2026-01-04T09:00:00.
    Timestamp,
    /// `true` or `false`.
    Logical,
}

/// How a parameter is compared with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Operator {
    /// The item is the value.
    #[serde(rename = "=")]
    Equal,
    /// The item is something else.
    #[serde(rename = "<>")]
    NotEqual,
    /// The item is less.
    #[serde(rename = "<")]
    Less,
    /// The item is not greater.
    #[serde(rename = "<=")]
    LessOrEqual,
    /// The item is greater.
    #[serde(rename = ">")]
    Greater,
    /// The item is not less.
    #[serde(rename = ">=")]
    GreaterOrEqual,
}

fn rows_max() -> u64 {
    ROWS_MAX
}

fn proof_days() -> u16 {
    PROOF_DAYS
}

impl ServiceConfig {
    /// The resource.
    pub fn resource(&self) -> Result<publicdata_types::ResourceId, IdError> {
        self.resource_id.parse()
    }

    pub(super) fn check(&self) -> Result<(), &'static str> {
        let names: BTreeSet<&str> =
            self.parameters.iter().map(|parameter| parameter.name.as_str()).collect();
        if self.name.trim().is_empty() {
            return Err("`name` is empty");
        }
        if names.len() < self.parameters.len() {
            return Err("two parameters have one name");
        }
        if self.parameters.iter().all(|parameter| parameter.optional) {
            return Err(
                "at least one parameter has to be given; what needs none is fetched in bulk",
            );
        }
        if self.max_rows == 0 {
            return Err("`max_rows` is 0; name the most rows in one answer");
        }
        let compared = self
            .parameters
            .iter()
            .any(|parameter| parameter.item.is_some() || parameter.operator.is_some());
        if self.query.is_some() && compared {
            return Err(
                "`item` and `operator` are for services without `query`; write the condition there",
            );
        }
        if self.query.is_none() && !(self.order_by.is_empty() && self.key.is_empty()) {
            return Err("`order_by` and `key` are for `query`; without it, the dataset's hold");
        }
        match &self.subject {
            Some(subject) => {
                let required =
                    |parameter: &ParameterConfig| parameter.name == *subject && !parameter.optional;
                match self.parameters.iter().any(required) {
                    true => Ok(()),
                    false => Err("`subject` has to name a parameter that is not optional"),
                }
            }
            None => Ok(()),
        }
    }
}

impl ParameterKind {
    /// The same as a type of the catalogue.
    #[must_use]
    pub const fn item_type(self) -> ItemType {
        match self {
            Self::Text => ItemType::Text,
            Self::Integer => ItemType::Integer,
            Self::Number => ItemType::Number,
            Self::Date => ItemType::Date,
            Self::Timestamp => ItemType::Timestamp,
            Self::Logical => ItemType::Logical,
        }
    }
}
