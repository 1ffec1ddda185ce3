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

/// R46.1 (1): what was ordered to be consolidated does not flow; shared data is not updated.
#[tokio::test]
async fn clause_1_consolidating_and_sharing() {
    let ordered = catalog::ConsolidationOrdered {
        provider_code: PROVIDER.to_owned(),
        centre_code: CENTRE.to_owned(),
        ..catalog::ConsolidationOrdered::default()
    };
    let settings = exchange::SubscriptionSettings {
        resource_id: ID.to_owned(),
        provider_code: PROVIDER.to_owned(),
        consumer_code: CENTRE.to_owned(),
        ..exchange::SubscriptionSettings::default()
    };
    let others =
        exchange::SubscriptionSettings { consumer_code: CONSUMER.to_owned(), ..settings.clone() };
    let others = exchange::SubscriptionOpened { settings: Some(others) };
    let opened = exchange::SubscriptionOpened { settings: Some(settings) };
    let story =
        || Story::new().event(&subject("catalog.consolidation"), &ordered).at("2026-03-01T09:00");
    let flows = format!("exchange.subscription.{OTHER_ID}");
    let story = story().event(&flows, &opened);
    let rule = "consolidation-not-flowing";
    story.finds(rule, 1, "2026-02-05", Some("2026-03-01")).against(PROVIDER, None).await;

    // In time; the same order again, on another basis, is no new one.
    let early = Story::new()
        .event(&subject("catalog.consolidation"), &ordered)
        .at("2026-01-20T09:00")
        .event(&flows, &opened)
        .event(&subject("catalog.consolidation"), &ordered);
    assert_eq!(early.found(rule, Some("2026-06-01")).await, Vec::new());
    // That somebody else has the data is not the centre's having it.
    let elsewhere =
        Story::new().event(&subject("catalog.consolidation"), &ordered).event(&flows, &others);
    assert_eq!(elsewhere.found(rule, Some("2026-06-01")).await.len(), 1);

    missed_and_met(catalog::ObligationKind::DataUpdate)
        .finds("data-update-missed", 1, "2026-02-02", Some("2026-02-09"))
        .against(PROVIDER, None)
        .await;
}

/// R46.1 (2): copies that differ, rows that break the rules, errors again and again, tickets without answer.
#[tokio::test]
async fn clause_2_untrue_and_incomplete_data() {
    let settings = exchange::SubscriptionSettings {
        provider_code: PROVIDER.to_owned(),
        ..exchange::SubscriptionSettings::default()
    };
    let reconciled = |equal| exchange::SubscriptionReconciled {
        equal,
        ..exchange::SubscriptionReconciled::default()
    };
    let on = subject("exchange.subscription");
    Story::new()
        .event(&on, &exchange::SubscriptionOpened { settings: Some(settings) })
        .event(&on, &reconciled(true))
        .at("2026-02-02T08:00")
        .event(&on, &reconciled(false))
        .at("2026-02-03T08:00")
        .event(&on, &reconciled(true))
        .finds("copies-differ", 2, "2026-02-02", Some("2026-02-03"))
        .against(PROVIDER, None)
        .await;

    let (on, after) = (subject("exchange.transfer"), format!("exchange.transfer.{OTHER_ID}"));
    Story::new()
        .event(&on, &bulk())
        .event(&on, &completed(90, 10))
        .at("2026-02-02T08:00")
        .event(&after, &bulk())
        .event(&after, &completed(100, 0))
        .finds("rows-rejected", 2, "2026-01-05", Some("2026-02-02"))
        .against(PROVIDER, None)
        .await;

    let raised = exchange::TicketRaised {
        resource_id: ID.to_owned(),
        provider_code: PROVIDER.to_owned(),
        ..exchange::TicketRaised::default()
    };
    let mut story = Story::new();
    for (ticket, day) in
        [("a", "2026-02-01T09:00"), ("b", "2026-03-01T09:00"), ("c", "2026-04-01T09:00")]
    {
        let on = format!("exchange.ticket.{ticket}");
        story = story.at(day).event(&on, &raised).event(&on, &exchange::TicketUpheld::default());
    }
    story.finds("errors-upheld", 2, "2026-04-01", None).against(PROVIDER, None).await;

    let on = subject("exchange.ticket");
    Story::new()
        .event(&on, &raised)
        .at("2026-01-20T00:10")
        .event(&on, &exchange::TicketOverdue::default())
        .at("2026-01-21T09:00")
        .event(&on, &exchange::TicketRejected::default())
        .finds("ticket-unanswered", 2, "2026-01-20", Some("2026-01-21"))
        .against(PROVIDER, None)
        .await;
}

/// R21.1, R46.1 (3): who may ask for proofs, and never does, may still ask applicants for papers.
#[tokio::test]
async fn clause_3_asked_again() {
    let granted = |mode: catalog::DeliveryMode| {
        let terms = exchange::GrantTerms {
            consumer_code: CONSUMER.to_owned(),
            delivery_modes: vec![mode.into()],
            ..exchange::GrantTerms::default()
        };
        let grant = SignedMessage { message: terms.encode_to_vec(), signature: None };
        exchange::GrantIssued { grant: Some(grant) }
    };
    let on = subject("exchange.grant");
    let rule = "proofs-never-asked-for";
    Story::new()
        .event(&on, &granted(catalog::DeliveryMode::Query))
        .at("2026-05-01T08:00")
        .event("exchange.transfer.1", &requested(catalog::DeliveryMode::Query, &["code"]))
        .finds(rule, 3, "2026-04-06", Some("2026-05-01"))
        .against(CONSUMER, None)
        .await;
    let bulk = Story::new().event(&on, &granted(catalog::DeliveryMode::Bulk));
    assert_eq!(bulk.found(rule, Some("2026-06-01")).await, Vec::new());
}

/// R46.1 (4): the catalogue is not kept up.
#[tokio::test]
async fn clause_4_catalogue() {
    missed_and_met(catalog::ObligationKind::CatalogueUpdate)
        .finds("catalogue-update-missed", 4, "2026-02-02", Some("2026-02-09"))
        .against(PROVIDER, None)
        .await;

    let on = subject("catalog.resource");
    let drafted = catalog::ResourceDrafted {
        description: description(),
        ..catalog::ResourceDrafted::default()
    };
    Story::new()
        .event(&on, &drafted)
        .event(&on, &catalog::ResourceReturned::default())
        .at("2026-02-10T08:00")
        .event(&on, &catalog::ResourceSubmitted::default())
        .finds("returned-entry-left", 4, "2026-02-05", Some("2026-02-10"))
        .against(PROVIDER, None)
        .await;
}

/// R46.1 (5): applications that wait too long.
#[tokio::test]
async fn clause_5_applications() {
    let on = subject("exchange.grant");
    Story::new()
        .event(&on, &applied())
        .at("2026-01-20T00:10")
        .event(&on, &exchange::ApplicationOverdue::default())
        .at("2026-01-22T09:00")
        .event(&on, &exchange::GrantIssued { grant: Some(SignedMessage::default()) })
        .finds("application-overdue", 5, "2026-01-20", Some("2026-01-22"))
        .against(PROVIDER, None)
        .await;
}

/// R28.1, R46.1 (5): an application was refused, and the authority found that the refusal does not stand. A grant for the same resource
/// clears it; a refusal that stands is no finding.
#[tokio::test]
async fn clause_5_refusals_without_basis() {
    let on = subject("exchange.dispute");
    let raised = |kind: exchange::DisputeMatterKind| exchange::DisputeRaised {
        matter_kind: kind.into(),
        matter_id: ID.to_owned(),
        resource_id: OTHER_ID.to_owned(),
        provider_code: PROVIDER.to_owned(),
        consumer_code: CONSUMER.to_owned(),
        author_code: CONSUMER.to_owned(),
        ..exchange::DisputeRaised::default()
    };
    let decided = |kind, outcome: exchange::DisputeOutcome| {
        let decided = exchange::DisputeDecided {
            outcome: outcome.into(),
            ..exchange::DisputeDecided::default()
        };
        Story::new().event(&on, &raised(kind)).at("2026-02-10T08:00").event(&on, &decided)
    };
    let granted_to = |consumer: &str| {
        let terms = exchange::GrantTerms {
            resource_id: OTHER_ID.to_owned(),
            consumer_code: consumer.to_owned(),
            ..exchange::GrantTerms::default()
        };
        let grant = SignedMessage { message: terms.encode_to_vec(), signature: None };
        exchange::GrantIssued { grant: Some(grant) }
    };
    let (rule, grant) = ("refused-without-basis", subject("exchange.grant"));
    let application = exchange::DisputeMatterKind::Application;
    decided(application, exchange::DisputeOutcome::ForConsumer)
        .at("2026-02-20T08:00")
        .event(&grant, &granted_to(CONSUMER))
        .finds(rule, 5, "2026-02-10", Some("2026-02-20"))
        .against(PROVIDER, None)
        .await;
    // In part is enough, and what others are granted mends nothing.
    decided(application, exchange::DisputeOutcome::ForBoth)
        .at("2026-02-20T08:00")
        .event(&grant, &granted_to(CENTRE))
        .finds(rule, 5, "2026-02-10", None)
        .against(PROVIDER, None)
        .await;
    for (kind, outcome) in [
        (application, exchange::DisputeOutcome::ForProvider),
        // What a decision from before outcomes were recorded meant, nobody can say.
        (application, exchange::DisputeOutcome::Unspecified),
        (exchange::DisputeMatterKind::Ticket, exchange::DisputeOutcome::ForConsumer),
    ] {
        assert_eq!(decided(kind, outcome).found(rule, None).await, Vec::new());
    }
}

/// R9.1, R46.1 (6): a network was built without an opinion, and merged afterwards.
#[tokio::test]
async fn clause_6_networks() {
    let built = |basis: catalog::NetworkBasis| catalog::NetworkBuilt {
        organisation_code: PROVIDER.to_owned(),
        basis: basis.into(),
        ..catalog::NetworkBuilt::default()
    };
    let on = subject("catalog.network");
    Story::new()
        .event(&on, &built(catalog::NetworkBasis::WithoutOpinion))
        .at("2026-02-02T08:00")
        .event(&on, &catalog::NetworkMerged::default())
        .finds("network-without-opinion", 6, "2026-01-05", Some("2026-02-02"))
        .against(PROVIDER, None)
        .await;
    let agreed = Story::new().event(&on, &built(catalog::NetworkBasis::Agreed));
    assert_eq!(agreed.found("network-without-opinion", None).await, Vec::new());
}

/// R8.2, R46.1 (7): a system is integrated after its day.
#[tokio::test]
async fn clause_7_systems() {
    let on = subject("catalog.system");
    let integrated =
        catalog::SystemChanged { description: system(catalog::SystemIntegration::Integrated) };
    Story::new()
        .event(&on, &system_registered())
        .at("2026-04-20T08:00")
        .event(&on, &integrated)
        .finds("system-not-integrated", 7, "2026-04-01", Some("2026-04-20"))
        .against(PROVIDER, None)
        .await;
    let in_time = Story::new().event(&on, &system_registered()).event(&on, &integrated);
    assert_eq!(in_time.found("system-not-integrated", Some("2026-06-01")).await, Vec::new());
}

/// R11.1, R46.1 (8): resources and systems without backup, and those that gave it up.
#[tokio::test]
async fn clause_8_backup() {
    let enrolled = catalog::RecoveryEnrolled {
        organisation_code: PROVIDER.to_owned(),
        ..catalog::RecoveryEnrolled::default()
    };
    let (resource, recovery) = (subject("catalog.resource"), subject("catalog.recovery"));
    let drafted = catalog::ResourceDrafted {
        description: description(),
        ..catalog::ResourceDrafted::default()
    };
    let published = catalog::ResourcePublished { version: 1, ..Default::default() };
    Story::new()
        .event(&resource, &drafted)
        .event(&resource, &published)
        .at("2026-02-20T08:00")
        .event(&recovery, &enrolled)
        .finds("resource-not-backed-up", 8, "2026-02-05", Some("2026-02-20"))
        .against(PROVIDER, None)
        .await;
    Story::new()
        .event(&subject("catalog.system"), &system_registered())
        .at("2026-02-20T08:00")
        .event(&recovery, &enrolled)
        .finds("system-not-backed-up", 8, "2026-02-05", Some("2026-02-20"))
        .against(PROVIDER, None)
        .await;
    Story::new()
        .event(&recovery, &enrolled)
        .at("2026-02-20T08:00")
        .event(&recovery, &catalog::RecoveryWithdrawn::default())
        .at("2026-02-25T08:00")
        .event(&recovery, &enrolled)
        .finds("backup-given-up", 8, "2026-02-20", Some("2026-02-25"))
        .against(PROVIDER, None)
        .await;
}

/// R42.1, R43.1, R46.1 (9): a drill that was never closed, an organisation without a security officer.
#[tokio::test]
async fn clause_9_security() {
    let opened = catalog::SecurityRecordOpened {
        organisation_code: PROVIDER.to_owned(),
        due_on: "2026-01-31".to_owned(),
        ..catalog::SecurityRecordOpened::default()
    };
    let on = subject("catalog.security-record");
    Story::new()
        .event(&on, &opened)
        .at("2026-02-03T08:00")
        .event(&on, &catalog::SecurityRecordClosed::default())
        .finds("security-record-overdue", 9, "2026-02-01", Some("2026-02-03"))
        .against(PROVIDER, None)
        .await;

    let other = "11510100MB0000027K";
    let on = format!("catalog.organisation.{other}");
    let officer = catalog::SecurityOfficerAppointed { account: "so-1".to_owned() };
    Story::new()
        .event(&on, &registered(other, catalog::Role::Provider))
        .at("2026-02-10T08:00")
        .event(&on, &officer)
        .finds("no-security-officer", 9, "2026-02-05", Some("2026-02-10"))
        .against(other, None)
        .await;
}

/// R30.1, R46.1 (10): attempts to use data for something else than was granted.
#[tokio::test]
async fn clause_10_use() {
    let mut story = Story::new();
    for (number, reason) in
        ["PURPOSE_DIFFERS", "FIELD_OUTSIDE_GRANT", "PURPOSE_DIFFERS"].iter().enumerate()
    {
        let on = format!("exchange.transfer.{number}");
        story = story.event(&on, &bulk()).event(&on, &refused(reason));
    }
    let found = {
        let Story { events, at } = &story;
        Story { events: events.clone(), at: *at }.found("used-outside-purpose", None).await
    };
    assert_eq!(found[0].measured.as_deref(), Some("3 in 720h, from 3 on"));
    assert_eq!(found[0].evidence.len(), 3);
    // A fourth within the time is the same finding; one after it is another.
    let on = "exchange.transfer.9";
    story = story.event(on, &bulk()).event(on, &refused("PURPOSE_DIFFERS"));
    story.finds("used-outside-purpose", 10, "2026-01-05", None).against(CONSUMER, None).await;
}

/// R20.1, R46.1 (11): an item of a library that its department does not keep up.
#[tokio::test]
async fn clause_11_others() {
    missed_and_met(catalog::ObligationKind::LibraryItem)
        .finds("library-item-missed", 11, "2026-02-02", Some("2026-02-09"))
        .against(PROVIDER, None)
        .await;
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

/// R45.1: ten times as much as on other days; of a newcomer nobody knows what is usual.
#[tokio::test]
async fn unusual_volume() {
    let days = |last: u64| {
        let mut story = Story::new();
        for day in 0..9 {
            let on = format!("exchange.transfer.{day}");
            let rows = if day == 8 { last } else { 5_000 };
            story = story.event(&on, &bulk()).event(&on, &completed(rows, 0));
            story = story.later(jiff::SignedDuration::from_hours(24));
        }
        story
    };
    assert_eq!(days(45_000).found("unusual-volume", None).await, Vec::new());
    let found = days(60_000).found("unusual-volume", None).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].clause, None);
    assert_eq!(found[0].organisation, CONSUMER);
    let newcomer = Story::new();
    let newcomer = newcomer.event("exchange.transfer.1", &bulk());
    let newcomer = newcomer.event("exchange.transfer.1", &completed(60_000, 0));
    assert_eq!(newcomer.found("unusual-volume", None).await, Vec::new());
    let measured = found[0].measured.as_deref();
    assert_eq!(measured, Some("60000 in 24h, from 10000 on; 35000 in the 7 times as long before"));
}

/// R45.1: an hour, and a field, that were never seen before.
#[tokio::test]
async fn unusual_hours_and_fields() {
    let queries = |count: usize| {
        let mut story = Story::new();
        for number in 0..count {
            let on = format!("exchange.transfer.{number}");
            story = story.event(&on, &requested(catalog::DeliveryMode::Query, &["code", "name"]));
            story = story.event(&on, &completed(1, 0)).later(jiff::SignedDuration::from_secs(30));
        }
        let on = "exchange.transfer.night";
        story
            .at("2026-01-06T03:20")
            .event(on, &requested(catalog::DeliveryMode::Query, &["code", "phone"]))
            .event(on, &completed(1, 0))
    };
    let hours = queries(60).found("unusual-hour", None).await;
    assert_eq!(hours.len(), 1);
    assert_eq!(hours[0].measured.as_deref(), Some("3, not seen in 60 before"));
    let fields = queries(60).found("new-field", None).await;
    assert_eq!(fields[0].measured.as_deref(), Some("phone, not seen in 60 before"));
    // So few say nothing of what is usual.
    assert_eq!(queries(10).found("unusual-hour", None).await, Vec::new());
    assert_eq!(queries(10).found("new-field", None).await, Vec::new());
}

/// R45.1: identifiers asked for one after the other, and refusals in a row.
#[tokio::test]
async fn sweeping_and_refusals() {
    let swept = |count: usize| {
        let first = requested(catalog::DeliveryMode::Query, &["code"]);
        let mut story = Story::new().event("exchange.transfer.first", &first);
        story = story.later(jiff::SignedDuration::from_hours(26));
        for number in 0..count {
            let on = format!("exchange.transfer.{number}");
            story = story.event(&on, &requested(catalog::DeliveryMode::Query, &["code"]));
            story = story.later(jiff::SignedDuration::from_secs(5));
        }
        story
    };
    assert_eq!(swept(199).found("identifiers-swept", None).await, Vec::new());
    assert_eq!(swept(250).found("identifiers-swept", None).await.len(), 1);

    let refusals = |count: usize| {
        let mut story = Story::new();
        for number in 0..count {
            let on = format!("exchange.transfer.{number}");
            story = story.event(&on, &bulk()).event(&on, &refused("GRANT_EXPIRED"));
        }
        story
    };
    assert_eq!(refusals(4).found("refused-repeatedly", None).await, Vec::new());
    assert_eq!(refusals(6).found("refused-repeatedly", None).await.len(), 1);
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
