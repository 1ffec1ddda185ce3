//! Drafts and publications, many at once: what there is most of when the view is built.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use prost::Name as _;
use publicdata_event_store::Recorded;
use publicdata_proto::catalog::v1 as catalog;
use publicdata_types::china_date;
use publicdata_views::{ApplyError, parts};
use sqlx::AnyConnection;

use super::event;
use super::rows::{Occasion, Publication, keep, published, written};
use crate::codec::time_from_wire;

/// Commits in which entries were drafted, handed in and published, none of them published twice.
pub(super) struct Reviews<'a> {
    occasions: Vec<(Occasion<'a>, Vec<Step>)>,
}

#[expect(clippy::large_enum_variant, reason = "a batch of them lives at a time")]
enum Step {
    Drafted(catalog::ResourceDescription),
    /// Which event of its commit it is.
    Published(usize),
}

impl<'a> Reviews<'a> {
    /// These commits, unless there is another thing among them.
    pub(super) fn of(commits: &[&'a Recorded]) -> Result<Option<Self>, ApplyError> {
        let mut occasions = Vec::with_capacity(commits.len());
        let mut seen = BTreeSet::new();
        for recorded in commits {
            if recorded.subject.aggregate() != "resource" {
                return Ok(None);
            }
            let commit = recorded.commit().map_err(ApplyError::event)?;
            let at =
                time_from_wire("occurred_at", commit.occurred_at).map_err(ApplyError::event)?;
            let mut steps = Vec::new();
            for (index, any) in commit.events.iter().enumerate() {
                if let Some(drafted) = event::<catalog::ResourceDrafted>(any)? {
                    steps.push(Step::Drafted(drafted.description.unwrap_or_default()));
                } else if event::<catalog::ResourcePublished>(any)?.is_some() {
                    if !seen.insert(recorded.subject.id()) {
                        return Ok(None);
                    }
                    steps.push(Step::Published(index));
                } else if any.type_url != catalog::ResourceSubmitted::type_url() {
                    return Ok(None);
                }
            }
            let on = china_date(at).to_string();
            occasions.push((Occasion { recorded, on }, steps));
        }
        Ok(Some(Self { occasions }))
    }

    /// Writes what follows from them.
    pub(super) async fn write(self, connection: &mut AnyConnection) -> Result<(), ApplyError> {
        let is_published = |steps: &[Step]| steps.iter().any(|it| matches!(it, Step::Published(_)));
        let ids = self.occasions.iter().filter(|(_, steps)| is_published(steps));
        let ids: Vec<&str> = ids.map(|(occasion, _)| occasion.id()).collect();
        let mut known = HashMap::new();
        for ids in parts(&ids) {
            known.extend(written(&mut *connection, ids).await?);
        }

        let (mut drafts, mut publications) = (BTreeMap::new(), Vec::new());
        for (occasion, steps) in &self.occasions {
            for step in steps {
                match step {
                    Step::Drafted(description) => {
                        known.insert(occasion.id().to_owned(), description.clone());
                        drafts.insert(occasion.id(), description.clone());
                    }
                    Step::Published(index) => {
                        let written = known.get(occasion.id()).cloned().ok_or_else(|| {
                            ApplyError::event("a publication of what was not drafted")
                        })?;
                        publications.push(Publication { occasion, index: *index, written });
                    }
                }
            }
        }
        for drafts in parts(&Vec::from_iter(drafts)) {
            keep(&mut *connection, drafts).await?;
        }
        for publications in parts(&publications) {
            published(&mut *connection, publications).await?;
        }
        Ok(())
    }
}
