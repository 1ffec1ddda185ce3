//! Events of assessments.

use std::collections::BTreeMap;

use jiff::civil::Date;
use prost_types::Any;
use publicdata_catalog_domain::assessment::score::{Criterion, Tallies, Tally, Weights};
use publicdata_catalog_domain::assessment::{self, Bulletin, Event, Period};
use publicdata_event_store::aggregates::{Codec, DecodeError};
use publicdata_proto::catalog::v1 as wire;

use super::{FieldError, from_any, parse, to_any, unknown};

/// How assessments are stored, by their id.
#[derive(Debug)]
pub struct Assessment;

impl Codec for Assessment {
    type Aggregate = assessment::Assessment;

    const SERVICE: &'static str = "catalog";
    const AGGREGATE: &'static str = "assessment";

    fn encode(event: &Event) -> Any {
        let Event::Published(bulletin) = event;
        let positions = bulletin.positions.iter();
        to_any(&wire::AssessmentPublished {
            first_on: bulletin.period.first().to_string(),
            last_on: bulletin.period.last().to_string(),
            region_code: bulletin.region.to_string(),
            weights: weights_to_wire(&bulletin.weights),
            organisations: tallies_to_wire(&bulletin.organisations),
            districts: tallies_to_wire(&bulletin.districts),
            positions: positions
                .map(|(stream, sequence)| position_to_wire(stream, *sequence))
                .collect(),
        })
    }

    fn decode(any: &Any) -> Result<Option<Event>, DecodeError> {
        let Some(published) = from_any::<wire::AssessmentPublished>(any) else {
            return Err(unknown(any));
        };
        let bulletin = bulletin_from_wire(published?);
        bulletin.map(|it| Some(Event::Published(it))).map_err(|error| DecodeError::new(any, error))
    }
}

pub(crate) fn bulletin_from_wire(
    published: wire::AssessmentPublished,
) -> Result<Bulletin, FieldError> {
    let positions = published.positions.into_iter();
    Ok(Bulletin {
        period: period_from_wire(&published.first_on, &published.last_on)?,
        region: parse("region_code", &published.region_code)?,
        weights: weights_from_wire("weights", &published.weights)?,
        organisations: tallies_from_wire("organisations", published.organisations)?,
        districts: tallies_from_wire("districts", published.districts)?,
        positions: positions.map(|position| (position.stream, position.sequence)).collect(),
    })
}

pub(crate) fn period_from_wire(first_on: &str, last_on: &str) -> Result<Period, FieldError> {
    let first: Date = parse("first_on", first_on)?;
    let last = parse("last_on", last_on)?;
    Period::new(first, last).map_err(|error| FieldError::new("last_on", error))
}

pub(crate) fn weights_to_wire(weights: &Weights) -> Vec<wire::CriterionWeight> {
    let all = Criterion::ALL.into_iter();
    all.map(|criterion| wire::CriterionWeight {
        criterion: criterion_to_wire(criterion).into(),
        weight: weights.of(criterion),
    })
    .collect()
}

/// Weights as they were given; none for the usual ones.
pub(crate) fn weights_from_wire(
    field: &str,
    weights: &[wire::CriterionWeight],
) -> Result<Weights, FieldError> {
    if weights.is_empty() {
        return Ok(Weights::default());
    }
    let mut given = BTreeMap::new();
    for weight in weights {
        let criterion = criterion_from_wire(field, weight.criterion)?;
        if given.insert(criterion, weight.weight).is_some() {
            return Err(FieldError::new(field, format!("{criterion} is given twice")));
        }
    }
    Weights::new(given).map_err(|error| FieldError::new(field, error))
}

pub(crate) const fn criterion_to_wire(criterion: Criterion) -> wire::Criterion {
    match criterion {
        Criterion::Completeness => wire::Criterion::Completeness,
        Criterion::Timeliness => wire::Criterion::Timeliness,
        Criterion::Response => wire::Criterion::Response,
        Criterion::Use => wire::Criterion::Use,
    }
}

pub(crate) fn position_to_wire(stream: &str, sequence: u64) -> wire::StreamPosition {
    wire::StreamPosition { stream: stream.to_owned(), sequence }
}

fn criterion_from_wire(field: &str, number: i32) -> Result<Criterion, FieldError> {
    let known = Criterion::ALL.into_iter();
    let mut found = known.filter(|criterion| criterion_to_wire(*criterion) as i32 == number);
    found.next().ok_or_else(|| FieldError::new(field, "the criterion is missing or unknown"))
}

fn tallies_to_wire<C: ToString>(tallies: &BTreeMap<C, Tallies>) -> Vec<wire::Tallies> {
    let by_criterion = |tallies: &Tallies| {
        let tallies = tallies.iter();
        tallies
            .map(|(criterion, tally)| wire::CriterionTally {
                criterion: criterion_to_wire(criterion).into(),
                marks: tally.marks,
                earned_permille: tally.earned_permille,
            })
            .collect()
    };
    tallies
        .iter()
        .map(|(code, tallies)| wire::Tallies {
            code: code.to_string(),
            tallies: by_criterion(tallies),
        })
        .collect()
}

fn tallies_from_wire<C>(
    field: &str,
    tallies: Vec<wire::Tallies>,
) -> Result<BTreeMap<C, Tallies>, FieldError>
where
    C: Ord + std::str::FromStr<Err: Into<publicdata_event_store::BoxError>>,
{
    let mut found = BTreeMap::new();
    for of in tallies {
        let mut sums = Tallies::default();
        for wire::CriterionTally { criterion, marks, earned_permille } in of.tallies {
            let criterion = criterion_from_wire(field, criterion)?;
            sums.add(criterion, Tally { marks, earned_permille });
        }
        found.insert(parse(field, &of.code)?, sums);
    }
    Ok(found)
}
