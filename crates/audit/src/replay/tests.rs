use prost::{Message, Name};
use publicdata_proto::catalog::v1::{OrganisationRegistered, ResourcePublished, Role};
use publicdata_proto::common::v1::SignedMessage;
use publicdata_proto::exchange::v1::{
    ApplicationSubmitted, DataError, Deadline, DisputeDecided, DisputeOutcome, GrantIssued,
    GrantTerms, GrantedField, OwedCorrection, TicketRaised, TicketUpheld, TransferRefused,
};

use super::*;

fn commit(events: Vec<prost_types::Any>) -> Vec<u8> {
    let commit = Commit {
        command_id: "b9f6a3c2-0b7e-4d53-9d8b-6c1f5f1f4a10".to_owned(),
        actor: "spiffe://test.internal/service/catalog".to_owned(),
        occurred_at: Some(prost_types::Timestamp { seconds: 1_772_424_000, nanos: 0 }),
        events,
    };
    commit.encode_to_vec()
}

fn any<M: Message + Name>(event: &M) -> prost_types::Any {
    prost_types::Any { type_url: M::type_url(), value: event.encode_to_vec() }
}

fn tell(events: Vec<prost_types::Any>) -> Told {
    let leaf = Leaf {
        stream: "CATALOG".to_owned(),
        sequence: 3,
        subject: "ev.catalog.resource.0190".to_owned(),
        ..Leaf::default()
    };
    Storyteller::new().unwrap().tell(41, &leaf, &commit(events))
}

#[track_caller]
fn check<M: Message + Name>(event: &M, sentence: &str) {
    let told = tell(vec![any(event)]);
    assert_eq!(told.events[0].type_name, M::full_name());
    assert_eq!(told.events[0].sentence, sentence);
}

#[test]
fn event_is_told_in_words() {
    let published = ResourcePublished { version: 2, published_on: "2026-03-02".to_owned() };

    check(&published, "resource published: version 2, published on 2026-03-02");
}

#[test]
fn enums_lose_their_prefix_and_names_keep_their_script() {
    let registered = OrganisationRegistered {
        code: "11510100MB1234567X".to_owned(),
        name: "成都市民政局".to_owned(),
        region_code: "510100".to_owned(),
        roles: vec![Role::Provider.into(), Role::LeadDepartment.into()],
        ..OrganisationRegistered::default()
    };

    check(
        &registered,
        "organisation registered: code 11510100MB1234567X, name 成都市民政局, region code 510100, \
         roles provider/lead department",
    );
}

#[test]
fn limits_are_told_by_their_last_day() {
    let submitted = ApplicationSubmitted {
        purpose: "eligibility".to_owned(),
        fields: vec!["village_name".to_owned(), "street_code".to_owned()],
        deadline: Some(Deadline { due_on: "2026-03-16".to_owned(), ..Deadline::default() }),
        ..ApplicationSubmitted::default()
    };

    check(
        &submitted,
        "application submitted: purpose eligibility, fields village_name/street_code, deadline \
         2026-03-16",
    );
}

/// R27.1, R28.1: what is in doubt, by when it is answered, who is owed the correction, and what was decided.
#[test]
fn doubts_corrections_and_decisions_are_told() {
    let raised = TicketRaised {
        kind: DataError::WrongValue.into(),
        items: vec!["village_name".to_owned()],
        late: true,
        deadline: Some(Deadline { due_on: "2026-03-16".to_owned(), ..Deadline::default() }),
        ..TicketRaised::default()
    };
    check(
        &raised,
        "ticket raised: kind wrong value, items village_name, late yes, deadline 2026-03-16",
    );
    let owed = |consumer: &str| OwedCorrection {
        consumer_code: consumer.to_owned(),
        grant_id: "0190".to_owned(),
    };
    let upheld = TicketUpheld {
        description: "已更正".to_owned(),
        flows: true,
        owed: vec![owed("11510100MB1234567X"), owed("12100000400002259P")],
        ..TicketUpheld::default()
    };
    check(
        &upheld,
        "ticket upheld: description 已更正, flows yes, owed 11510100MB1234567X/12100000400002259P",
    );
    let decided = DisputeDecided {
        author_code: "11510100MB1234567X".to_owned(),
        decision: "三日内更正".to_owned(),
        reason: "第二十八条".to_owned(),
        outcome: DisputeOutcome::ForConsumer.into(),
    };
    check(
        &decided,
        "dispute decided: author code 11510100MB1234567X, decision 三日内更正, reason 第二十八条, outcome for consumer",
    );
}

/// R26.2: what a grant allows is in the story, though it stands in the event as signed bytes.
#[test]
fn signed_terms_are_opened() {
    let field = |name: &str| GrantedField { name: name.to_owned(), ..GrantedField::default() };
    let terms = GrantTerms {
        grant_id: "0190".to_owned(),
        fields: vec![field("village_name"), field("street_code")],
        purpose: "eligibility".to_owned(),
        max_rows: 500,
        ..GrantTerms::default()
    };
    let signed = SignedMessage { message: terms.encode_to_vec(), signature: None };
    let issued = GrantIssued { grant: Some(signed) };

    check(
        &issued,
        "grant issued: grant id 0190, fields village_name/street_code, purpose eligibility, max \
         rows 500",
    );
    let told = tell(vec![any(&issued)]);
    assert_eq!(told.events[0].fields["grant"]["purpose"], "eligibility");
}

/// Whatever somebody wrote into an event, it does not become a line, or a colour, of its own.
#[test]
fn control_characters_do_not_reach_the_terminal() {
    let refused = TransferRefused {
        reason: "FIELD_OUTSIDE_GRANT".to_owned(),
        message: "first\nsecond \u{1b}[31mred".to_owned(),
        ..TransferRefused::default()
    };

    let sentence = tell(vec![any(&refused)]).events[0].sentence.clone();

    assert!(!sentence.contains(char::is_control), "{sentence:?}");
}

#[test]
fn unknown_type_is_told_by_name_and_size() {
    let event = prost_types::Any {
        type_url: "type.googleapis.com/publicdata.future.v9.Happened".to_owned(),
        value: vec![1, 2, 3],
    };

    let told = tell(vec![event]);

    assert_eq!(
        told.events[0].sentence,
        "publicdata.future.v9.Happened, of a type that is not known here, 3 bytes"
    );
    assert_eq!(told.events[0].fields["unknown_bytes"], "010203");
}

#[test]
fn payload_that_is_no_commit_is_told_as_such() {
    let told = Storyteller::new().unwrap().tell(0, &Leaf::default(), &[0xff; 5]);

    assert_eq!(
        told.events[0].sentence,
        "payload that is no commit, of a type that is not known here, 5 bytes"
    );
}

#[test]
fn line_says_when_where_what_and_by_whom() {
    let told = tell(vec![any(&ResourcePublished { version: 1, published_on: String::new() })]);

    assert_eq!(
        told.to_string(),
        "2026-03-02 12:00:00  CATALOG 3  resource.0190  resource published: version 1  \
         (by spiffe://test.internal/service/catalog)"
    );
}

/// Every event type that the contracts declare can be told: none needs code of its own.
#[test]
fn every_declared_event_has_a_sentence() {
    let storyteller = Storyteller::new().unwrap();
    let events =
        storyteller.descriptors.files().filter(|file| file.name().ends_with("events.proto"));
    let mut told = 0;
    for message in events.flat_map(|file| file.messages().collect::<Vec<_>>()) {
        let event = prost_types::Any {
            type_url: format!("type.googleapis.com/{}", message.full_name()),
            value: DynamicMessage::new(message).encode_to_vec(),
        };
        assert!(!storyteller.event(&event).sentence.contains("not known"));
        told += 1;
    }
    assert!(told > 15, "only {told} events found");
}
