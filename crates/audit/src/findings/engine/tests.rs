//! Each rule that comes with the platform, made and cleared from events alone.

use bytes::Bytes;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use prost::{Message, Name};
use publicdata_proto::audit::v1::Leaf;
use publicdata_proto::catalog::v1 as catalog;
use publicdata_proto::common::v1::SignedMessage;
use publicdata_proto::event::v1::Commit;
use publicdata_proto::exchange::v1 as exchange;
use publicdata_views::Database;

use super::*;
use crate::findings::{Found, Trial, Tried};
use crate::time;

mod breaches;
mod unusual;

const PROVIDER: &str = "91110000802100433B";
const CONSUMER: &str = "12100000400002259P";
const CENTRE: &str = "11510100MB0000035E";
const ID: &str = "01900000-0000-7000-8000-000000000001";
const OTHER_ID: &str = "01900000-0000-7000-8000-000000000002";

/// Events, as they are logged.
struct Story {
    events: Vec<Event>,
    at: Timestamp,
}

impl Story {
    fn new() -> Self {
        let at = Timestamp::UNIX_EPOCH;
        let officer = catalog::SecurityOfficerAppointed { account: "so-1".to_owned() };
        let mut story = Self { events: Vec::new(), at }.at("2026-01-05T10:00");
        for (code, role) in
            [(PROVIDER, catalog::Role::Provider), (CONSUMER, catalog::Role::Consumer)]
        {
            let subject = format!("catalog.organisation.{code}");
            story = story.event(&subject, &registered(code, role)).event(&subject, &officer);
        }
        story
    }

    fn at(mut self, local: &str) -> Self {
        let local: DateTime = local.parse().unwrap();
        self.at = Offset::constant(8).to_timestamp(local).unwrap();
        self
    }

    fn later(mut self, span: jiff::SignedDuration) -> Self {
        self.at = self.at.checked_add(span).unwrap();
        self
    }

    fn event<M: Message + Name>(mut self, subject: &str, event: &M) -> Self {
        let index = self.events.len() as u64;
        let any = prost_types::Any { type_url: M::type_url(), value: event.encode_to_vec() };
        let at = Some(time::to_proto(self.at));
        let actor = "spiffe://test.internal/service/catalog".to_owned();
        let commit = Commit { occurred_at: at, actor, events: vec![any], ..Commit::default() };
        let leaf = Leaf {
            stream: "TEST".to_owned(),
            sequence: index + 1,
            recorded_at: at,
            subject: format!("ev.{subject}"),
            ..Leaf::default()
        };
        let payload = Bytes::from(commit.encode_to_vec());
        self.events.push(Event { index, leaf: leaf.encode_to_vec(), payload });
        self
    }

    async fn held_against(self, rules: RuleSet, until: Option<&str>) -> Tried {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("trial.db").display());
        let trial =
            Trial::new::<std::convert::Infallible>(Database::open(&url).await.unwrap(), rules);
        let trial = trial.await.unwrap();
        let events =
            futures::stream::iter(self.events.into_iter().map(Ok::<_, std::convert::Infallible>));
        let tried = trial.run(events, until.map(|day| day.parse().unwrap())).await.unwrap();
        assert_eq!(tried.failures, Vec::new());
        tried
    }

    /// What one of the rules finds; others may find more.
    async fn found(self, rule: &str, until: Option<&str>) -> Vec<Found> {
        let mut tried = self.held_against(RuleSet::built_in().unwrap(), until).await;
        tried.found.retain(|found| found.rule == rule);
        tried.found
    }

    /// The one thing that a rule finds.
    #[track_caller]
    fn finds(self, rule: &str, clause: u8, found_on: &str, cleared_on: Option<&str>) -> Check {
        let (rule, found_on) = (rule.to_owned(), found_on.parse().unwrap());
        let cleared_on = cleared_on.map(|day| day.parse().unwrap());
        Check { story: self, rule, clause, found_on, cleared_on }
    }
}

struct Check {
    story: Story,
    rule: String,
    clause: u8,
    found_on: Date,
    cleared_on: Option<Date>,
}

impl Check {
    async fn against(self, organisation: &str, until: Option<&str>) {
        let last = self.story.events.len() as u64;
        let found = self.story.found(&self.rule, until).await;
        let [found] = found.as_slice() else { panic!("{} found {found:?}", self.rule) };
        assert_eq!(found.clause, Some(self.clause));
        assert_eq!(found.organisation, organisation);
        assert_eq!(found.found_on, self.found_on);
        assert_eq!(found.cleared_on, self.cleared_on);
        assert!(!found.evidence.is_empty());
        assert!(found.evidence.iter().all(|(_, sequence)| (1..=last).contains(sequence)));
    }
}

fn registered(code: &str, role: catalog::Role) -> catalog::OrganisationRegistered {
    catalog::OrganisationRegistered {
        code: code.to_owned(),
        region_code: "510104".to_owned(),
        roles: vec![role.into()],
        ..catalog::OrganisationRegistered::default()
    }
}

fn subject(kind: &str) -> String {
    format!("{kind}.{ID}")
}

fn description() -> Option<catalog::ResourceDescription> {
    let provider_code = PROVIDER.to_owned();
    Some(catalog::ResourceDescription { provider_code, ..catalog::ResourceDescription::default() })
}

fn system(integration: catalog::SystemIntegration) -> Option<catalog::SystemDescription> {
    Some(catalog::SystemDescription {
        integration: integration.into(),
        integration_due_on: match integration == catalog::SystemIntegration::Planned {
            true => "2026-03-31".to_owned(),
            false => String::new(),
        },
        ..catalog::SystemDescription::default()
    })
}

fn system_registered() -> catalog::SystemRegistered {
    catalog::SystemRegistered {
        organisation_code: PROVIDER.to_owned(),
        description: system(catalog::SystemIntegration::Planned),
        ..catalog::SystemRegistered::default()
    }
}

fn applied() -> exchange::ApplicationSubmitted {
    exchange::ApplicationSubmitted {
        resource_id: ID.to_owned(),
        provider_code: PROVIDER.to_owned(),
        consumer_code: CONSUMER.to_owned(),
        ..exchange::ApplicationSubmitted::default()
    }
}

fn requested(mode: catalog::DeliveryMode, fields: &[&str]) -> exchange::TransferRequested {
    exchange::TransferRequested {
        grant_id: ID.to_owned(),
        resource_id: ID.to_owned(),
        provider_code: PROVIDER.to_owned(),
        consumer_code: CONSUMER.to_owned(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        mode: mode.into(),
        ..exchange::TransferRequested::default()
    }
}

fn bulk() -> exchange::TransferRequested {
    requested(catalog::DeliveryMode::Bulk, &["code"])
}

fn completed(rows: u64, rejected_rows: u64) -> exchange::TransferCompleted {
    exchange::TransferCompleted { rows, rejected_rows, ..exchange::TransferCompleted::default() }
}

fn refused(reason: &str) -> exchange::TransferRefused {
    exchange::TransferRefused { reason: reason.to_owned(), ..exchange::TransferRefused::default() }
}

fn obligation(kind: catalog::ObligationKind) -> catalog::ObligationOpened {
    catalog::ObligationOpened {
        kind: kind.into(),
        organisation_code: PROVIDER.to_owned(),
        ..catalog::ObligationOpened::default()
    }
}

/// An obligation that is missed, and met after all.
fn missed_and_met(kind: catalog::ObligationKind) -> Story {
    let on = subject("catalog.obligation");
    Story::new()
        .event(&on, &obligation(kind))
        .at("2026-02-02T00:10")
        .event(&on, &catalog::ObligationMissed::default())
        .at("2026-02-09T11:00")
        .event(&on, &catalog::ObligationMet::default())
}

/// R46.1: a finding does not rest on the order in which streams were logged, and is found also if nobody looked at the clock in time.
#[tokio::test]
async fn what_was_in_time_is_so_in_any_order() {
    let enrolled = catalog::RecoveryEnrolled::default();
    let (on, recovery) = (subject("catalog.system"), subject("catalog.recovery"));
    let rule = "system-not-backed-up";
    let in_time = Story::new()
        .event(&on, &system_registered())
        .at("2026-06-01T08:00")
        .event("exchange.transfer.1", &bulk())
        .at("2026-01-20T08:00")
        .event(&recovery, &enrolled);
    assert_eq!(in_time.found(rule, Some("2026-06-02")).await, Vec::new());
    // A day that is set after the first has passed does not undo that.
    let mut moved = system_registered().description.unwrap();
    moved.integration_due_on = "2026-12-31".to_owned();
    Story::new()
        .event(&on, &system_registered())
        .at("2026-04-20T08:00")
        .event(&on, &catalog::SystemChanged { description: Some(moved) })
        .finds("system-not-integrated", 7, "2026-04-01", None)
        .against(PROVIDER, Some("2026-05-01"))
        .await;
}

/// R46.1: what no longer is needs no backup, whichever ends first.
#[tokio::test]
async fn what_ended_is_not_found() {
    let enrolled = catalog::RecoveryEnrolled {
        organisation_code: PROVIDER.to_owned(),
        ..catalog::RecoveryEnrolled::default()
    };
    let (on, recovery) = (subject("catalog.system"), subject("catalog.recovery"));
    let retired = Story::new()
        .event(&on, &system_registered())
        .event(&recovery, &enrolled)
        .event(&on, &catalog::SystemRetired::default())
        .event(&recovery, &catalog::RecoveryWithdrawn::default());
    assert_eq!(retired.found("backup-given-up", Some("2026-06-02")).await, Vec::new());
}

/// R46.1: a rule that fails at an event is named, and the others go on.
#[tokio::test]
async fn a_failing_rule_does_not_hold_up_others() {
    let rules = RuleSet::alone(
        r#"
        [[rule]]
        name = "asks-for-nothing"
        clause = 6
        article = "第九条"
        title = "…"
        organisation = "event.nobody"
        raise = { on = ["catalog.v1.NetworkBuilt"] }
        [[rule]]
        name = "works"
        clause = 6
        article = "第九条"
        title = "…"
        organisation = "event.organisation_code"
        raise = { on = ["catalog.v1.NetworkBuilt"] }
        "#,
    );
    let built = catalog::NetworkBuilt {
        organisation_code: PROVIDER.to_owned(),
        ..catalog::NetworkBuilt::default()
    };
    let story = Story::new().event(&subject("catalog.network"), &built);
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite:{}", folder.path().join("trial.db").display());
    let database = Database::open(&url).await.unwrap();
    let trial = Trial::new::<std::convert::Infallible>(database, rules.unwrap()).await.unwrap();
    let events =
        futures::stream::iter(story.events.into_iter().map(Ok::<_, std::convert::Infallible>));

    let tried = trial.run(events, None).await.unwrap();

    assert_eq!(tried.found.len(), 1);
    assert_eq!(tried.found[0].rule, "works");
    let [(rule, problem)] = tried.failures.as_slice() else { panic!("{:?}", tried.failures) };
    assert_eq!(rule, "asks-for-nothing");
    assert!(problem.starts_with("event 5 of stream TEST: `event.nobody`"), "{problem}");
}
