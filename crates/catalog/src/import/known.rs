//! What the importing organisation has in the catalogue: small enough to hold, so that no row waits for a search.

use std::collections::HashMap;

use publicdata_catalog_domain::name::NameKey;
use publicdata_types::{OrganisationCode, ResourceId};
use publicdata_views::Database;
use uuid::Uuid;

use crate::entry::Status;
use crate::error::Error;
use crate::queries::listing::{Listing, whole};

/// Entries of one organisation, by code and by name: 64 bytes each.
#[derive(Debug, Default)]
pub(super) struct Known {
    codes: HashMap<Uuid, ResourceId>,
    names: HashMap<Uuid, ResourceId>,
}

impl Known {
    pub(super) async fn load(
        database: &Database,
        provider: &OrganisationCode,
    ) -> Result<Self, Error> {
        let mut known = Self::default();
        let listing = Listing { provider: Some(*provider), ..Listing::default() };
        let mut after = String::new();
        loop {
            let page = whole(database, &listing, &after).await?;
            for entry in page.entries {
                known.codes.insert(hash(&entry.code.to_string()), entry.id);
                // The name of what was withdrawn is free for a new entry.
                if entry.status != Status::Withdrawn {
                    known.names.insert(key(provider, &entry.description.name), entry.id);
                }
            }
            match page.next {
                Some(next) => after = next,
                None => return Ok(known),
            }
        }
    }

    pub(super) fn by_code(&self, code: &str) -> Option<ResourceId> {
        self.codes.get(&hash(code)).copied()
    }

    pub(super) fn by_name(&self, name: Uuid) -> Option<ResourceId> {
        self.names.get(&name).copied()
    }
}

/// A provider's entry by its name, as people compare names.
pub(super) fn key(provider: &OrganisationCode, name: &str) -> Uuid {
    hash(&format!("{provider} {}", NameKey::of(name).as_str()))
}

fn hash(text: &str) -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, text.as_bytes())
}
