//! What is found, if what an event says is enough.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};
use publicdata_audit_domain::finding::{Position, Raised, Source};
use publicdata_types::{Digest, FindingId, OrganisationCode, RegionCode};
use sqlx::AnyConnection;
use uuid::Uuid;

use super::asked::Answer;
use super::{Effect, Failure, Seen};
use crate::findings::rules::{Count, Rule};
use crate::findings::state::{self, Awaited, Key, Place, Standing};

/// Names findings: theirs is derived from rule, key and event.
const NAMESPACE: Uuid = Uuid::from_u128(0x5f4e_2c1a_9b37_4d60_8a15_c3e7_06d2_b9f4);
/// In so many parts of a rule's time its events are counted.
const PARTS: i64 = 120;
/// For so long what is new stands for more that is.
const NEW_STANDS: SignedDuration = SignedDuration::from_hours(24);
const VALUES_SHOWN: usize = 5;
const VALUE_CHARS_SHOWN: usize = 40;
const ORGANISATION_SUBJECTS: &str = "ev.catalog.organisation.";

/// What a rule is to say of an event.
pub(super) struct Hit<'a> {
    pub(super) rule: &'a Rule,
    pub(super) key: String,
    pub(super) seen: Seen<'a>,
    pub(super) organisation: String,
}

impl Hit<'_> {
    pub(super) async fn judge(
        self,
        connection: &mut AnyConnection,
        answer: Answer,
    ) -> std::result::Result<Option<Effect>, Failure> {
        let key = Key { rule: &self.rule.definition.name, key: &self.key };
        if state::is_ended(connection, key).await? {
            return Ok(None);
        }
        let standing = state::standing(connection, key).await?;
        match answer {
            Answer::Found if standing.is_some() => Ok(None),
            Answer::Found => {
                self.raise(connection, None, self.seen.thing.events.clone()).await.map(Some)
            }
            Answer::Due(_) if standing.is_some() => Ok(None),
            Answer::Due(due_on) => {
                if let Some((earlier, awaited)) = state::awaited(connection, key).await?
                    && earlier < self.seen.facts.day()
                {
                    // Another day was set, after the first had passed.
                    state::expect_no_more(connection, key).await?;
                    return due(connection, self.rule, key, earlier, awaited).await.map(Some);
                }
                let thing = self.seen.facts.subject.clone();
                let (organisation, evidence) =
                    (self.organisation.clone(), self.seen.thing.events.clone());
                let awaited = Awaited { organisation, thing, evidence };
                state::expect(connection, key, due_on, &awaited).await?;
                Ok(None)
            }
            Answer::Count(count, amount) => self.count(connection, &count, amount, standing).await,
            Answer::New(after, values) => {
                self.new_values(connection, after, values, standing).await
            }
        }
    }

    async fn new_values(
        self,
        connection: &mut AnyConnection,
        after: u64,
        values: Vec<String>,
        standing: Option<Standing>,
    ) -> std::result::Result<Option<Effect>, Failure> {
        let key = Key { rule: &self.rule.definition.name, key: &self.key };
        let before = state::see(connection, key, "").await?;
        let mut new = Vec::new();
        for value in values {
            if state::see(connection, key, &state::told_apart(value.clone())).await? == 0 {
                new.push(value);
            }
        }
        let stands = standing.is_some_and(|standing| self.is_within(standing, NEW_STANDS));
        if before < after || new.is_empty() || stands {
            return Ok(None);
        }
        let shown: Vec<String> = new.iter().take(VALUES_SHOWN).map(|value| shown(value)).collect();
        let more = match new.len().saturating_sub(VALUES_SHOWN) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        let measured = format!("{}{more}, not seen in {before} before", shown.join(", "));
        self.raise(connection, Some(measured), self.seen.thing.events.clone()).await.map(Some)
    }

    /// Whether what was found is so fresh that it stands for this, too.
    fn is_within(&self, standing: Standing, span: SignedDuration) -> bool {
        let now = self.seen.facts.at.as_microsecond();
        standing.raised_at.saturating_add(microseconds(span)) > now
    }

    async fn count(
        self,
        connection: &mut AnyConnection,
        count: &Count,
        amount: i64,
        standing: Option<Standing>,
    ) -> std::result::Result<Option<Effect>, Failure> {
        let key = Key { rule: &self.rule.definition.name, key: &self.key };
        let now = self.seen.facts.at.as_microsecond();
        let within = microseconds(count.within);
        let part = now - now.rem_euclid((within / PARTS).max(1));
        let place = Place::from(&self.seen.facts.position);
        state::count(connection, key, part, amount, place).await?;
        let first = match count.baseline {
            Some(_) => state::first_counted(connection, key, now).await?,
            None => now,
        };
        // What was found stands for all that comes within the same time.
        if standing.is_some_and(|standing| self.is_within(standing, count.within)) {
            return Ok(None);
        }
        let begin = now.saturating_sub(within);
        let total = state::counted(connection, key, begin, now).await?;
        if total < count.at_least {
            return Ok(None);
        }
        let span = count.within;
        let mut measured = format!("{total} in {span:#}, from {} on", count.at_least);
        if let Some(baseline) = count.baseline {
            let oldest = now.saturating_sub(horizon(count));
            let before = state::counted(connection, key, oldest, begin).await?;
            let (windows, factor) = (i64::from(baseline.windows), i64::from(baseline.factor));
            // Nobody knows yet what is usual, or it is: total < factor * before / windows.
            if first > oldest || total.saturating_mul(windows) < before.saturating_mul(factor) {
                return Ok(None);
            }
            measured = format!("{measured}; {before} in the {windows} times as long before");
        }
        let places = state::counted_places(connection, key, begin).await?;
        self.raise(connection, Some(measured), places).await.map(Some)
    }

    async fn raise(
        &self,
        connection: &mut AnyConnection,
        measured: Option<String>,
        evidence: Vec<Place>,
    ) -> std::result::Result<Effect, Failure> {
        let key = Key { rule: &self.rule.definition.name, key: &self.key };
        let found = Found {
            organisation: &self.organisation,
            thing: &self.seen.facts.subject,
            evidence,
            found_on: self.seen.facts.day(),
            raised_at: self.seen.facts.at,
            measured,
        };
        found.stand(connection, self.rule, key, &self.seen.facts.position).await
    }
}

/// What is found.
struct Found<'a> {
    organisation: &'a str,
    thing: &'a str,
    evidence: Vec<Place>,
    found_on: Date,
    raised_at: Timestamp,
    measured: Option<String>,
}

impl Found<'_> {
    async fn stand(
        self,
        connection: &mut AnyConnection,
        rule: &Rule,
        key: Key<'_>,
        by: &Position,
    ) -> std::result::Result<Effect, Failure> {
        let (organisation, region) = division(connection, self.organisation).await?;
        let id = finding_id(key, by);
        let raised_at = self.raised_at.as_microsecond();
        state::stand(connection, key, Standing { id, raised_at }).await?;
        let raised = Box::new(Raised {
            matter: rule.matter,
            article: rule.definition.article.clone(),
            title: rule.definition.title.clone(),
            organisation,
            region,
            thing: Some(self.thing.to_owned()),
            evidence: self.evidence.into_iter().map(Position::from).collect(),
            found_on: self.found_on,
            source: Source::Rule {
                name: rule.definition.name.clone(),
                digest: rule.digest,
                measured: self.measured,
            },
        });
        Ok(Effect::Raise { id, raised })
    }
}

/// What was awaited has come about.
pub(super) async fn due(
    connection: &mut AnyConnection,
    rule: &Rule,
    key: Key<'_>,
    due_on: Date,
    awaited: Awaited,
) -> std::result::Result<Effect, Failure> {
    let Awaited { organisation, thing, evidence } = awaited;
    let by = evidence.last().cloned().map(Position::from);
    let by = by.unwrap_or_else(|| Position { stream: thing.clone(), sequence: 0 });
    let found_on = due_on.tomorrow().unwrap_or(due_on);
    let found = Found {
        organisation: &organisation,
        thing: &thing,
        evidence,
        found_on,
        raised_at: Timestamp::UNIX_EPOCH,
        measured: Some(format!("due on {due_on}")),
    };
    found.stand(connection, rule, key, &by).await
}

/// An organisation's code and division, as the last event about it says.
async fn division(
    connection: &mut AnyConnection,
    code: &str,
) -> std::result::Result<(OrganisationCode, RegionCode), Failure> {
    let unknown = || Failure::Organisation(code.to_owned());
    let thing = state::thing(connection, &format!("{ORGANISATION_SUBJECTS}{code}")).await?;
    let region = thing.document.get("region_code").and_then(|region| region.as_str());
    let region = region.and_then(|region| region.parse().ok()).ok_or_else(unknown)?;
    Ok((code.parse().map_err(|_| unknown())?, region))
}

fn finding_id(key: Key<'_>, by: &Position) -> FindingId {
    let Position { stream, sequence } = by;
    let name = Digest::of(format!("{}\n{}\n{stream}\n{sequence}", key.rule, key.key).as_bytes());
    FindingId::from_uuid(Uuid::new_v5(&NAMESPACE, name.as_bytes()))
}

/// How far back a rule looks, in microseconds.
pub(super) fn horizon(count: &Count) -> i64 {
    let windows = count.baseline.map_or(0, |baseline| i64::from(baseline.windows));
    microseconds(count.within).saturating_mul(windows + 1)
}

/// A value as it may stand in a finding.
fn shown(value: &str) -> String {
    let plain = value.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(VALUE_CHARS_SHOWN).collect()
}

fn microseconds(span: SignedDuration) -> i64 {
    i64::try_from(span.as_micros()).unwrap_or(i64::MAX)
}
