//! The report: what events say, for people, from the events and nothing else.

use askama::Template;
use publicdata_proto::DESCRIPTORS;
use publicdata_types::Digest;

use super::{Signed, Statement, signatures};
use crate::replay::Told;
use crate::time;

/// Counted up whenever the report, or what is told of events, is worded otherwise.
const WORDS: u32 = 1;
const DIGITS: usize = 16;

/// Which version of the program finds these words: what it knows of events is a part of it.
pub(super) fn words() -> String {
    let known = hex::encode(Digest::of(DESCRIPTORS).as_bytes());
    format!("{WORDS}-{}", known.get(..DIGITS).unwrap_or_default())
}

#[derive(Template)]
#[template(path = "evidence.html")]
struct Report<'a> {
    statement: &'a Statement,
    finding: Option<String>,
    checkpoint: &'a str,
    events: Vec<Event>,
    signatures: Vec<Line>,
}

/// An event in words.
struct Event {
    index: u64,
    place: String,
    recorded_at: String,
    occurred_at: String,
    subject: String,
    actor: String,
    command_id: String,
    facts: Vec<Fact>,
}

struct Fact {
    type_name: String,
    sentence: String,
    fields: String,
}

/// A signature in words.
struct Line {
    index: u64,
    what: &'static str,
    role: &'static str,
    claimed: String,
    algorithm: String,
    certificate: String,
}

pub(super) fn html(
    statement: &Statement,
    checkpoint: &str,
    events: &[Told],
    signed: &[Signed],
) -> Result<String, askama::Error> {
    let report = Report {
        statement,
        finding: statement.finding.as_ref().map(|finding| format!("{finding:#}")),
        checkpoint,
        events: events.iter().map(event).collect(),
        signatures: signed.iter().map(line).collect(),
    };
    report.render()
}

fn event(told: &Told) -> Event {
    let at = |at: Option<jiff::Timestamp>| at.map(time::for_people).unwrap_or_default();
    let facts = told.events.iter().map(|event| Fact {
        type_name: event.type_name.clone(),
        sentence: event.sentence.clone(),
        fields: format!("{:#}", event.fields),
    });
    Event {
        index: told.index,
        place: format!("{} {}", told.stream, told.sequence),
        recorded_at: at(told.recorded_at),
        occurred_at: at(told.occurred_at),
        subject: told.subject.clone(),
        actor: told.actor.clone(),
        command_id: told.command_id.clone(),
        facts: facts.collect(),
    }
}

fn line(signed: &Signed) -> Line {
    Line {
        index: signed.index,
        what: signed.what,
        role: signed.role,
        claimed: signed.claimed().unwrap_or_default(),
        algorithm: signed.algorithm().to_owned(),
        certificate: signed.certificate().map(signatures::certificate_path).unwrap_or_default(),
    }
}
