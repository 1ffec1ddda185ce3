//! Whose authority answers.

use publicdata_types::region::Level;
use publicdata_types::{Actor, OrganisationCode, RegionCode, Role};

use super::Rejection;

/// The authority of the same level answers (同级). What an authority asks for itself goes one level up; the city's has none
/// above it on the platform.
pub(super) fn answering(by: &Actor) -> RegionCode {
    let asks_itself = by.roles.contains(&Role::Authority) && by.region.level() == Level::County;
    match asks_itself {
        true => by.region.city(),
        false => by.region,
    }
}

pub(super) fn may_answer(
    owner: &OrganisationCode,
    answering: &RegionCode,
    by: &Actor,
) -> Result<(), Rejection> {
    by.may_govern(answering)?;
    if by.region != *answering {
        return Err(Rejection::OtherLevel { answering: *answering });
    }
    if by.organisation == *owner && by.region.level() == Level::County {
        return Err(Rejection::OwnRequest { organisation: *owner });
    }
    Ok(())
}
