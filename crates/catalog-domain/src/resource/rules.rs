//! Who may do what with an entry, and when.

use jiff::civil::Date;
use publicdata_types::region::Level;
use publicdata_types::{Actor, RegionCode, ResourceCode};

use super::{Entry, Event, Rejection, Resource, Suspension, Update};
use crate::description::{Alike, Description, Facts, is_filler};
use crate::leadership::{Leadership, NotWriter};

const REASON_LENGTH_MAX: usize = 2_000;

impl Resource {
    pub(super) fn draft(
        &self,
        code: ResourceCode,
        description: Description,
        facts: &Facts,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        let writer = facts.leadership.may_write(&description.provider, by);
        if !matches!(writer, Err(NotWriter::Vacant { .. })) {
            writer.clone()?;
        }

        match self {
            Self::Absent if code.classification != description.classification => {
                return Err(Rejection::CodeElsewhere { code });
            }
            Self::Absent => {}
            Self::Submitted(entry) => {
                by.may_write_for(&entry.description.provider)?;
                return Err(Rejection::UnderReview);
            }
            Self::Withdrawn(entry) => {
                by.may_write_for(&entry.description.provider)?;
                return Err(Rejection::Withdrawn);
            }
            Self::Draft(entry) | Self::Published(entry) | Self::Returned { entry, .. } => {
                check_revision(entry, &code, &description, &facts.leadership)?;
            }
        }
        let mistakes = description.mistakes_given(facts);
        if !mistakes.is_empty() {
            return Err(Rejection::Invalid { mistakes });
        }
        // No library can be established at a place that does not exist: that is told first, as a mistake.
        writer?;

        // A retried draft is no error, and a published entry is not revised to what it says.
        let unchanged = matches!(self, Self::Draft(entry) | Self::Published(entry)
            if entry.description == description && entry.region == by.region);
        if unchanged {
            return Ok(vec![]);
        }
        Ok(vec![Event::Drafted { code, description, region: by.region }])
    }

    pub(super) fn submit(
        &self,
        leadership: &Leadership,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        let entry = self.entry().ok_or(Rejection::Absent)?;
        leadership.may_write(&entry.description.provider, by)?;

        match self {
            Self::Draft(_) => Ok(vec![Event::Submitted]),
            Self::Submitted(_) => Ok(vec![]),
            Self::Absent | Self::Returned { .. } | Self::Published(_) => Err(Rejection::NoDraft),
            Self::Withdrawn(_) => Err(Rejection::Withdrawn),
        }
    }

    pub(super) fn return_(&self, reason: String, by: &Actor) -> Result<Vec<Event>, Rejection> {
        may_review(self.entry().ok_or(Rejection::Absent)?, by)?;

        match self {
            Self::Submitted(_) => Ok(vec![Event::Returned { reason: given(reason)? }]),
            Self::Returned { reason: known, .. } if *known == reason => Ok(vec![]),
            Self::Absent | Self::Draft(_) | Self::Returned { .. } | Self::Published(_) => {
                Err(Rejection::NotSubmitted)
            }
            Self::Withdrawn(_) => Err(Rejection::Withdrawn),
        }
    }

    pub(super) fn publish(
        &self,
        on: Date,
        alike: Option<Alike>,
        leadership: &Leadership,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        may_review(self.entry().ok_or(Rejection::Absent)?, by)?;

        match (self, alike) {
            (Self::Submitted(_), Some(alike)) => Err(Rejection::NameAlike { alike }),
            (Self::Submitted(entry), None) => {
                leadership.lets_provide(&entry.description.provider)?;
                Ok(vec![Event::Published { version: entry.version + 1, on }])
            }
            (Self::Published(_), _) => Ok(vec![]),
            (Self::Absent | Self::Draft(_) | Self::Returned { .. }, _) => {
                Err(Rejection::NotSubmitted)
            }
            (Self::Withdrawn(_), _) => Err(Rejection::Withdrawn),
        }
    }

    /// Whoever stands higher may take over a suspension: it then ends when that one ends it.
    pub(super) fn suspend(
        &self,
        reason: String,
        leadership: &Leadership,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        let entry = self.entry().ok_or(Rejection::Absent)?;
        let authority = side_of_writer(entry, leadership, by)?;
        self.must_hold()?;
        let reason = given(reason)?;

        match &entry.suspension {
            Some(known) if known.reason == reason && known.authority == authority => Ok(vec![]),
            Some(Suspension { authority: Some(region), .. }) if !by.is_authority_over(region) => {
                Err(Rejection::SuspendedByAuthority { region: *region })
            }
            Some(_) | None => Ok(vec![Event::Suspended { reason, authority }]),
        }
    }

    /// Whoever suspended an entry ends that: its provider, or that authority or one above it.
    pub(super) fn resume(&self, by: &Actor) -> Result<Vec<Event>, Rejection> {
        let entry = self.entry().ok_or(Rejection::Absent)?;
        let authority = side(entry, by)?;
        self.must_hold()?;

        match (&entry.suspension, authority) {
            (None, _) => Ok(vec![]),
            (Some(Suspension { authority: Some(region), .. }), _) => {
                match by.is_authority_over(region) {
                    true => Ok(vec![Event::Resumed]),
                    false => Err(Rejection::SuspendedByAuthority { region: *region }),
                }
            }
            (Some(_), None) => Ok(vec![Event::Resumed]),
            (Some(_), Some(_)) => Err(Rejection::SuspendedByProvider),
        }
    }

    /// What was never published is its provider's alone to drop.
    pub(super) fn withdraw(
        &self,
        reason: String,
        leadership: &Leadership,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        let entry = self.entry().ok_or(Rejection::Absent)?;
        // What was never published stands in nobody's way, whoever leads by now.
        let authority = match entry.version {
            0 => side(entry, by)?,
            _ if matches!(self, Self::Withdrawn(_)) => side(entry, by)?,
            _ => side_of_writer(entry, leadership, by)?,
        };
        if matches!(self, Self::Withdrawn(_)) {
            return Ok(vec![]);
        }
        if authority.is_some() && entry.version == 0 {
            return Err(Rejection::NotPublished);
        }
        Ok(vec![Event::Withdrawn { reason: given(reason)? }])
    }

    pub(super) fn update(
        &self,
        update: Update,
        today: Date,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        let entry = self.entry().ok_or(Rejection::Absent)?;
        by.may_write_for(&entry.description.provider)?;
        self.must_hold()?;

        let Update { current_on, rows } = update;
        if current_on > today {
            return Err(Rejection::CurrentInFuture { current_on, today });
        }
        match entry.update {
            Some(known) if known.current_on > current_on => {
                Err(Rejection::CurrentGoesBack { known: known.current_on })
            }
            Some(known)
                if known.current_on == current_on && (rows.is_none() || known.rows == rows) =>
            {
                Ok(vec![])
            }
            Some(_) | None => Ok(vec![Event::Updated(update)]),
        }
    }

    /// Something was published, and not withdrawn since.
    fn must_hold(&self) -> Result<(), Rejection> {
        match self {
            Self::Withdrawn(_) => Err(Rejection::Withdrawn),
            Self::Absent => Err(Rejection::Absent),
            Self::Draft(entry)
            | Self::Submitted(entry)
            | Self::Returned { entry, .. }
            | Self::Published(entry) => match entry.version {
                0 => Err(Rejection::NotPublished),
                _ => Ok(()),
            },
        }
    }
}

fn check_revision(
    entry: &Entry,
    code: &ResourceCode,
    description: &Description,
    leadership: &Leadership,
) -> Result<(), Rejection> {
    let provider = entry.description.provider;
    if description.provider != provider && !leadership.passes_to(&description.provider) {
        return Err(Rejection::ProviderChanged { provider });
    }
    if *code != entry.code || description.classification != entry.code.classification {
        return Err(Rejection::CodeChanged { code: entry.code.clone() });
    }
    Ok(())
}

/// The authority over the provider's region reviews. A district authority leaves its own entries to
/// the city; the city's authority has none above it on the platform and reviews its own.
fn may_review(entry: &Entry, by: &Actor) -> Result<(), Rejection> {
    by.may_govern(&entry.region)?;
    if by.organisation == entry.description.provider && by.region.level() == Level::County {
        return Err(Rejection::OwnEntry { organisation: by.organisation });
    }
    Ok(())
}

/// As whom the actor speaks: as the provider (`None`), or as the authority of a region over it.
fn side(entry: &Entry, by: &Actor) -> Result<Option<RegionCode>, Rejection> {
    let provider = &entry.description.provider;
    if by.may_act_for(provider).is_ok() {
        by.may_write_for(provider)?;
        return Ok(None);
    }
    by.may_govern(&entry.region)?;
    Ok(Some(by.region))
}

/// The same where the provider must be who writes there by now: a former lead speaks as the authority that it may be.
fn side_of_writer(
    entry: &Entry,
    leadership: &Leadership,
    by: &Actor,
) -> Result<Option<RegionCode>, Rejection> {
    let side = side(entry, by)?;
    match (side, leadership.lets_provide(&entry.description.provider)) {
        (None, Err(_)) if by.is_authority_over(&entry.region) => Ok(Some(by.region)),
        (None, Err(not_writer)) => Err(not_writer.into()),
        (side, _) => Ok(side),
    }
}

/// A reason that says something.
fn given(reason: String) -> Result<String, Rejection> {
    let found = reason.chars().count();
    match found {
        _ if is_filler(&reason) => Err(Rejection::ReasonMissing),
        ..=REASON_LENGTH_MAX => Ok(reason),
        _ => Err(Rejection::ReasonTooLong { found, max: REASON_LENGTH_MAX }),
    }
}
