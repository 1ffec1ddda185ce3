//! Who sees what (R13.1): decided before anything is matched or counted, so that neither tells of a draft.

use publicdata_types::{Actor, OrganisationCode, RegionCode};
use tantivy::Term;
use tantivy::query::{BooleanQuery, Occur, Query};

use super::query::term;
use super::schema::{Fields, audience};
use crate::entry::Reader;

/// Whose drafts are seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Viewer {
    /// Those of this organisation.
    own: Option<OrganisationCode>,
    /// Those of this division and within.
    governed: Option<RegionCode>,
}

// === impl Viewer ===

impl Viewer {
    /// Whoever sees what was published, and no draft: one of the platform's services.
    #[must_use]
    pub fn outsider() -> Self {
        Self::default()
    }

    /// Somebody of an organisation.
    #[must_use]
    pub fn actor(actor: &Actor) -> Self {
        let governed = actor.is_authority_over(&actor.region).then_some(actor.region);
        Self { own: Some(actor.organisation), governed }
    }

    pub(crate) fn of(reader: Reader<'_>) -> Self {
        match reader {
            Reader::Actor(actor) => Self::actor(actor),
            Reader::Service => Self::outsider(),
        }
    }

    /// What is hidden. These are the few: most entries read the same to everyone.
    pub(super) fn hidden(&self, fields: &Fields) -> Vec<(Occur, Box<dyn Query>)> {
        let only = |value| term(Term::from_field_text(fields.audience, value));
        let all = |clauses| Box::new(BooleanQuery::new(clauses)) as Box<dyn Query>;
        let mut hidden = vec![(Occur::MustNot, only(audience::NOBODY))];
        match self.insider(fields) {
            None => hidden.push((Occur::MustNot, only(audience::INSIDERS))),
            Some(insider) => {
                let elsewhere = all(vec![
                    (Occur::Must, only(audience::INSIDERS)),
                    (Occur::MustNot, insider.box_clone()),
                ]);
                let mine =
                    all(vec![(Occur::Must, only(audience::OUTSIDERS)), (Occur::Must, insider)]);
                hidden.push((Occur::MustNot, elsewhere));
                hidden.push((Occur::MustNot, mine));
            }
        }
        hidden
    }

    /// Where it may see drafts.
    fn insider(&self, fields: &Fields) -> Option<Box<dyn Query>> {
        let own = self.own.map(|own| Term::from_field_text(fields.provider, own.as_str()));
        let governed = self.governed.as_ref();
        let governed =
            governed.map(|region| Term::from_field_text(fields.within, &region.leading()));
        let terms: Vec<_> = own.into_iter().chain(governed).map(term).collect();
        (!terms.is_empty()).then(|| Box::new(BooleanQuery::union(terms)) as Box<dyn Query>)
    }
}
