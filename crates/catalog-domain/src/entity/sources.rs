//! Who is the source of a datum (R17.1).

use std::collections::BTreeSet;
use std::sync::Arc;

use publicdata_types::{Actor, ContestId, ResourceId};

use super::rejection::must_differ;
use super::{
    Contest, Counterpart, Entity, Event, Like, Rejection, Source, SourceKey, Winner,
    must_not_judge_itself,
};
use crate::likeness::{Probe, Vocabularies};
use crate::text::required;

/// What claims are held against, beside those of the register itself.
pub(super) struct Known {
    pub(super) elsewhere: Vec<Source>,
    pub(super) withdrawn: BTreeSet<ResourceId>,
    pub(super) vocabularies: Arc<Vocabularies>,
}

/// What the authority decides of a contest.
pub(super) struct Decision {
    pub(super) contest: ContestId,
    pub(super) winner: Winner,
    pub(super) reason: String,
}

const TEXT_LENGTH_MAX: usize = 2_000;
/// Why a claim lapses.
const WITHDRAWN: &str = "the resource was withdrawn";

impl Entity {
    pub(super) fn claim(
        &self,
        sources: Vec<Source>,
        known: &Known,
        difference: &str,
    ) -> Result<Vec<Event>, Rejection> {
        let mut held = self.held(&known.elsewhere, &known.vocabularies);
        held.retain(|(source, _)| !known.withdrawn.contains(&source.key.resource));
        let mut likes = Vec::new();
        let mut claimed = Vec::new();
        for source in sources {
            if self.sources.get(&source.key) == Some(&source) {
                continue;
            }
            likes.extend(likes_of(&source, &held, &known.vocabularies));
            claimed.push(Event::SourceClaimed { source, difference: difference.to_owned() });
        }
        must_differ(likes, difference, |likes| Rejection::Claimed { likes })?;
        if claimed.is_empty() {
            return Ok(vec![]);
        }
        // Nobody is the source of what was taken out of the catalogue.
        let lapsed = self.sources.keys().filter(|key| known.withdrawn.contains(&key.resource));
        let reason = || WITHDRAWN.to_owned();
        let lapsed = lapsed.map(|key| Event::SourceReleased { key: key.clone(), reason: reason() });
        Ok(lapsed.chain(claimed).collect())
    }

    pub(super) fn release(
        &self,
        resource: ResourceId,
        items: &[String],
        reason: &str,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        let reason = required("reason", reason, TEXT_LENGTH_MAX)?;
        let named = |key: &SourceKey| {
            key.resource == resource && (items.is_empty() || items.contains(&key.item))
        };
        let claims: Vec<_> = self.sources.values().filter(|source| named(&source.key)).collect();
        if claims.is_empty() || claims.len() < items.len() {
            return Err(Rejection::SourceAbsent);
        }
        let mut events = Vec::new();
        for source in claims {
            if by.may_act_for(&source.provider).is_err() {
                by.may_govern(&source.region)?;
            }
            events.push(Event::SourceReleased { key: source.key.clone(), reason: reason.clone() });
        }
        Ok(events)
    }

    pub(super) fn contest(
        &self,
        contest: ContestId,
        dispute: Contest,
        vocabularies: &Vocabularies,
    ) -> Result<Vec<Event>, Rejection> {
        let grounds = required("grounds", &dispute.grounds, TEXT_LENGTH_MAX)?;
        let dispute = Contest { grounds, ..dispute };
        let holder = self.sources.get(&dispute.holder).ok_or(Rejection::SourceAbsent)?;
        if holder.provider == dispute.challenger.provider {
            return Err(Rejection::OwnClaim);
        }
        if vocabularies.like(&holder.datum, &dispute.challenger.datum).is_none() {
            return Err(Rejection::NotLike);
        }
        let again = |known: &Contest| {
            known.holder == dispute.holder && known.challenger.key == dispute.challenger.key
        };
        match self.contests.values().any(again) {
            true => Ok(vec![]),
            false => Ok(vec![Event::SourceContested { contest, dispute }]),
        }
    }

    /// The contest, if `by` may decide it: the authority over both parties, and no party to it.
    pub(super) fn open_contest(
        &self,
        contest: &ContestId,
        by: &Actor,
    ) -> Result<&Contest, Rejection> {
        let dispute = self.contests.get(contest).ok_or(Rejection::ContestAbsent)?;
        let holder = self.sources.get(&dispute.holder).ok_or(Rejection::ContestAbsent)?;
        by.may_govern(&dispute.challenger.region)?;
        by.may_govern(&holder.region)?;
        must_not_judge_itself(by, [dispute.challenger.provider, holder.provider])?;
        Ok(dispute)
    }

    pub(super) fn settle(
        &self,
        dispute: &Contest,
        decision: Decision,
        elsewhere: &[Source],
        vocabularies: &Vocabularies,
    ) -> Result<Vec<Event>, Rejection> {
        let Decision { contest, winner, reason } = decision;
        let reason = required("reason", &reason, TEXT_LENGTH_MAX)?;
        let settled = Event::SourceSettled { contest, winner, reason: reason.clone() };
        match winner {
            Winner::Holder => Ok(vec![settled]),
            Winner::Challenger => {
                // What the authority has heard of both parties is the difference to everything that merely looks alike.
                let held = self.held(elsewhere, vocabularies);
                let held: Vec<_> =
                    held.into_iter().filter(|(known, _)| known.key != dispute.holder).collect();
                let source = dispute.challenger.clone();
                let likes = likes_of(&source, &held, vocabularies);
                must_differ(likes, &reason, |likes| Rejection::Claimed { likes })?;
                let key = dispute.holder.clone();
                Ok(vec![
                    settled,
                    Event::SourceReleased { key, reason: reason.clone() },
                    Event::SourceClaimed { source, difference: reason },
                ])
            }
        }
    }

    fn held<'a>(
        &'a self,
        elsewhere: &'a [Source],
        vocabularies: &Vocabularies,
    ) -> Vec<(&'a Source, Probe)> {
        let held = self.sources.values().chain(elsewhere);
        held.map(|source| (source, vocabularies.probe(&source.datum))).collect()
    }
}

/// The claims that a source is like, but for those of its own resource.
fn likes_of(source: &Source, held: &[(&Source, Probe)], vocabularies: &Vocabularies) -> Vec<Like> {
    let probe = vocabularies.probe(&source.datum);
    let mut likes = Vec::new();
    for (known, known_probe) in held {
        if known.key.resource == source.key.resource {
            continue;
        }
        let Some(why) = probe.like(known_probe) else { continue };
        likes.push(Like {
            item: source.datum.title.clone(),
            known: known.datum.title.clone(),
            counterpart: Counterpart::Source { code: known.code.clone(), provider: known.provider },
            why,
        });
    }
    likes
}
