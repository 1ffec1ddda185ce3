//! What requests to the register say.

use jiff::civil::Date;
use publicdata_catalog_domain::security_record::Entry;
use publicdata_catalog_domain::system::Description;
use publicdata_event_store::aggregates::Meta;
use publicdata_proto::catalog::v1::{
    self as wire, ListNetworksRequest, ListRecoveryRequest, ListSecurityRecordsRequest,
    ListSystemsRequest, NetworkBasis, NetworkStatus, OpenSecurityRecordRequest, RecoveryFilter,
    RecoveryKind, SecurityRecordFilter, SecurityRecordKind, SystemIntegration,
};
use publicdata_types::{OrganisationCode, PageToken, china_date};

use super::super::{page_size, parse, parse_optional};
use crate::codec::{optional_date, security_kind_from_wire, system_from_wire};
use crate::error::Error;
use crate::queries::register::Listing;

/// The day that a request names, or today.
pub(super) fn day(field: &str, text: &str, meta: &Meta) -> Result<Date, Error> {
    let today = china_date(meta.at);
    match optional_date(field, text)? {
        Some(named) if named > today => {
            Err(Error::field(field, format!("{named} is still to come; record it then")))
        }
        Some(named) => Ok(named),
        None => Ok(today),
    }
}

/// What is said of a system; without an operator, its organisation operates it.
pub(super) fn system_description(
    description: Option<wire::SystemDescription>,
    owner: OrganisationCode,
) -> Result<Description, Error> {
    let mut description = description.unwrap_or_default();
    if description.operator_code.is_empty() {
        description.operator_code = owner.to_string();
    }
    system_from_wire(description).map_err(|error| error.within("description").into())
}

pub(super) fn security_entry(
    message: OpenSecurityRecordRequest,
    organisation: OrganisationCode,
    meta: &Meta,
) -> Result<Entry, Error> {
    Ok(Entry {
        organisation,
        kind: security_kind_from_wire("kind", message.kind)?,
        owner: parse("owner_account", &message.owner_account)?,
        opened_on: day("opened_on", &message.opened_on, meta)?,
        due_on: parse("due_on", &message.due_on)?,
        title: message.title,
    })
}

pub(super) fn systems(message: &ListSystemsRequest) -> Result<Listing, Error> {
    let integration = known(
        "integration",
        message.integration,
        SystemIntegration::try_from(message.integration).is_ok(),
    )?;
    let listing = listing(
        [&message.organisation_code, &message.region_code],
        message.page_size,
        &message.page_token,
    )?;
    let listing = listing.numbered("integration", integration);
    match message.retired {
        true => Ok(listing),
        false => Ok(listing.only("t.retired = 0")),
    }
}

pub(super) fn networks(message: &ListNetworksRequest) -> Result<Listing, Error> {
    let status = known("status", message.status, NetworkStatus::try_from(message.status).is_ok())?;
    let listing = listing(
        [&message.organisation_code, &message.region_code],
        message.page_size,
        &message.page_token,
    )?;
    let listing = listing.numbered("status", status);
    if !message.without_opinion {
        return Ok(listing);
    }
    let found = [NetworkBasis::WithoutOpinion as i32, NetworkBasis::AgainstObjection as i32];
    Ok(listing.only(&format!("t.basis IN ({}, {})", found[0], found[1])))
}

pub(super) fn recovery(message: &ListRecoveryRequest) -> Result<Listing, Error> {
    let kind = known("kind", message.kind, RecoveryKind::try_from(message.kind).is_ok())?;
    let listing = listing(
        [&message.organisation_code, &message.region_code],
        message.page_size,
        &message.page_token,
    )?;
    let listing = listing.numbered("kind", kind);
    match RecoveryFilter::try_from(message.filter) {
        Ok(RecoveryFilter::Unspecified) => Ok(listing),
        Ok(RecoveryFilter::Enrolled) => Ok(listing.only("r.terms IS NOT NULL")),
        Ok(RecoveryFilter::NotEnrolled) => Ok(listing.only("r.terms IS NULL")),
        Err(_) => Err(Error::field("filter", UNKNOWN)),
    }
}

pub(super) fn security_records(
    message: &ListSecurityRecordsRequest,
    today: Date,
) -> Result<Listing, Error> {
    let kind = known("kind", message.kind, SecurityRecordKind::try_from(message.kind).is_ok())?;
    let listing = listing(
        [&message.organisation_code, &message.region_code],
        message.page_size,
        &message.page_token,
    )?;
    let listing = listing.numbered("kind", kind);
    match SecurityRecordFilter::try_from(message.filter) {
        Ok(SecurityRecordFilter::Unspecified) => Ok(listing),
        Ok(SecurityRecordFilter::Open) => Ok(listing.only("t.open = 1")),
        Ok(SecurityRecordFilter::Closed) => Ok(listing.only("t.open = 0")),
        Ok(SecurityRecordFilter::Overdue) => {
            Ok(listing.only(&format!("t.open = 1 AND t.due_on < '{today}'")))
        }
        Err(_) => Err(Error::field("filter", UNKNOWN)),
    }
}

const UNKNOWN: &str = "the value is unknown";

/// A number of an enum that may be left out, but must be known if it is there.
fn known(field: &str, number: i32, is_known: bool) -> Result<i32, Error> {
    match is_known {
        true => Ok(number),
        false => Err(Error::field(field, UNKNOWN)),
    }
}

/// What all lists have in common: whose, where, how many, and from where on.
pub(in super::super) fn listing(
    [organisation, region]: [&String; 2],
    size: u32,
    token: &str,
) -> Result<Listing, Error> {
    let token: Option<PageToken> = parse_optional("page_token", token)?;
    Ok(Listing {
        organisation: parse_optional("organisation_code", organisation)?,
        region: parse_optional("region_code", region)?,
        conditions: String::new(),
        after: token.map(|token| token.key().to_owned()).unwrap_or_default(),
        limit: page_size(size)?,
    })
}
