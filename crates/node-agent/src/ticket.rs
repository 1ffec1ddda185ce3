//! The ticket: what a system asks its node for, as JSON.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::FetchError;

/// `publicdata.node.v1.FetchTicket` in protobuf's JSON form.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Ticket {
    /// The grant.
    #[serde(alias = "grant_id")]
    pub grant_id: String,
    /// The fields wanted; empty for all that the grant gives.
    pub fields: Vec<String>,
    /// The purpose of this use.
    pub purpose: String,
    /// The case that it is for; may be empty.
    #[serde(alias = "case_number")]
    pub case_number: String,
    /// The data service to ask; empty to fetch in bulk, or if the parameters leave no doubt.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub service: String,
    /// Its parameters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub parameters: BTreeMap<String, String>,
    /// What shall be proven, if a proof is asked for; not in JSON, as proofs are no rows.
    #[serde(skip)]
    pub proof: Option<Proof>,
}

/// What shall be proven (R21.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// Whether these values, by field, are on record.
    Confirm(BTreeMap<String, String>),
    /// What is on record.
    Extract,
}

impl Ticket {
    /// Reads a ticket.
    pub fn read(json: &[u8]) -> Result<Self, FetchError> {
        let ticket: Self =
            serde_json::from_slice(json).map_err(|error| FetchError::Ticket(error.to_string()))?;
        match ticket.grant_id.is_empty() {
            true => Err(FetchError::Ticket("`grantId` is missing".to_owned())),
            false => Ok(ticket),
        }
    }

    /// Whether it asks a data service.
    #[must_use]
    pub fn is_question(&self) -> bool {
        !self.service.is_empty() || !self.parameters.is_empty() || self.proof.is_some()
    }

    /// The same in JSON.
    #[must_use]
    pub fn to_json(&self) -> Vec<u8> {
        // A struct of texts always has a JSON form.
        serde_json::to_vec(self).unwrap_or_default()
    }

    /// Names all fields, where none is named.
    #[must_use]
    pub fn with_fields(self, all: impl Iterator<Item = String>) -> Self {
        match self.fields.is_empty() {
            true => Self { fields: all.collect(), ..self },
            false => self,
        }
    }
}

#[cfg(test)]
mod tests;
