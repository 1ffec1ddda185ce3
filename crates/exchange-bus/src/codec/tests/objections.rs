//! Golden files of tickets and disputes.

use publicdata_exchange_domain::dispute::{self, Matter, Objection, Opinion, Outcome};
use publicdata_exchange_domain::ticket::{
    self, Correction, DataError, Finding, Flow, Owed, Report,
};
use publicdata_types::Prose;

use super::*;

const REFERENCE: &str = "0123456789abcdef0123456789abcdef";

fn prose(text: &str) -> Prose {
    text.parse().unwrap()
}

fn report(kind: DataError) -> Report {
    Report {
        transfer: ID.parse().unwrap(),
        grant: ID.parse().unwrap(),
        resource: ID.parse().unwrap(),
        resource_code: "302001/00001".parse().unwrap(),
        provider: PROVIDER.parse().unwrap(),
        consumer: CONSUMER.parse().unwrap(),
        finding: Finding {
            kind,
            items: ["name".to_owned()].into(),
            description: prose("名称与登记不符"),
            found_on: "2026-02-27".parse().unwrap(),
            references: [REFERENCE.parse().unwrap()].into(),
        },
        reported_on: "2026-03-02".parse().unwrap(),
        report_deadline: Deadline { on: "2026-03-06".parse().unwrap(), ..deadline() },
        deadline: deadline(),
    }
}

/// H2: as above, for verification tickets.
#[test]
fn ticket_events_read_and_write_as_they_always_did() {
    use ticket::Event;

    let correction = |flow| Correction {
        corrected_at: "2026-03-04T01:02:03.5Z".parse().unwrap(),
        description: prose("已按登记更正"),
        flow,
    };
    let owed = Owed { consumer: CONSUMER.parse().unwrap(), grant: ID.parse().unwrap() };
    let reason = || prose("与登记一致");
    for (name, event) in [
        ("ticket_raised.v1", Event::Raised(report(DataError::WrongValue))),
        ("ticket_overdue.v1", Event::Overdue { deadline: deadline() }),
        (
            "ticket_upheld.v1",
            Event::Upheld { correction: correction(Flow::ToConsumers), owed: vec![owed] },
        ),
        (
            "ticket_upheld_nowhere.v1",
            Event::Upheld { correction: correction(Flow::Nowhere), owed: vec![] },
        ),
        ("ticket_rejected.v1", Event::Rejected { reason: reason() }),
        ("ticket_withdrawn.v1", Event::Withdrawn { reason: reason() }),
        (
            "correction_delivered.v1",
            Event::CorrectionDelivered {
                consumer: CONSUMER.parse().unwrap(),
                transfer: ID.parse().unwrap(),
            },
        ),
    ] {
        golden::<super::super::ticket::Tickets>(name, &event);
    }
}

#[test]
fn every_kind_of_error_comes_back_as_it_went() {
    for kind in [
        DataError::WrongValue,
        DataError::MissingRow,
        DataError::SurplusRow,
        DataError::OutOfDate,
        DataError::Inconsistent,
        DataError::Other,
    ] {
        let event = ticket::Event::Raised(report(kind));
        let any = super::super::ticket::Tickets::encode(&event);
        assert_eq!(super::super::ticket::Tickets::decode(&any).unwrap(), Some(event));
    }
}

/// H2: as above, for disputes.
#[test]
fn dispute_events_read_and_write_as_they_always_did() {
    use dispute::Event;

    let author = CONSUMER.parse().unwrap();
    let text = || prose("以登记簿为准");
    let opinion = Opinion {
        text: text(),
        document_number: Some(prose("成数专〔2026〕3号")),
        document: Some(Digest::from_bytes([9; 32])),
    };
    let decided = |outcome| Event::Decided { author, outcome, decision: text(), reason: text() };
    for (name, event) in [
        ("dispute_raised.v1", Event::Raised(objection(Matter::Ticket(ID.parse().unwrap())))),
        ("dispute_statement_made.v1", Event::Stated { author, statement: text() }),
        ("settlement_proposed.v1", Event::Proposed { author, number: 2, terms: text() }),
        ("dispute_settled.v1", Event::Settled { author, number: 2 }),
        ("dispute_referred.v1", Event::Referred { author, reason: text() }),
        ("expert_opinion_asked.v1", Event::OpinionAsked { author, question: text() }),
        ("expert_opinion_given.v1", Event::OpinionGiven { author, opinion }),
        ("dispute_decided.v1", decided(None)),
        ("dispute_decided_outcome.v1", decided(Some(Outcome::Consumer))),
        ("dispute_withdrawn.v1", Event::Withdrawn { author, reason: text() }),
    ] {
        golden::<super::super::dispute::Disputes>(name, &event);
    }
}

#[test]
fn every_matter_comes_back_as_it_went() {
    for matter in [
        Matter::Grant(ID.parse().unwrap()),
        Matter::Application(ID.parse().unwrap()),
        Matter::Transfer(ID.parse().unwrap()),
        Matter::Ticket(ID.parse().unwrap()),
    ] {
        let event = dispute::Event::Raised(objection(matter));
        let any = super::super::dispute::Disputes::encode(&event);
        assert_eq!(super::super::dispute::Disputes::decode(&any).unwrap(), Some(event));
    }
}

#[test]
fn a_document_has_a_whole_digest_or_none() {
    assert_eq!(super::super::dispute::document(vec![]).unwrap(), None);
    assert!(super::super::dispute::document(vec![7; 32]).unwrap().is_some());
    let error = super::super::dispute::document(vec![7; 31]).unwrap_err();
    assert_eq!(error.field, "document_sha256");
}

fn objection(matter: Matter) -> Objection {
    Objection {
        matter,
        resource: ID.parse().unwrap(),
        provider: PROVIDER.parse().unwrap(),
        consumer: CONSUMER.parse().unwrap(),
        claimant: CONSUMER.parse().unwrap(),
        seat: "510100".parse().unwrap(),
        statement: prose("校核结论有误"),
    }
}
