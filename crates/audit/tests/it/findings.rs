//! Findings, from the event that shows them to the authority's last word.

use jiff::Timestamp;
use prost::Name;
use prost_types::Any;
use publicdata_audit::client::{Selection, Which};
use publicdata_audit::findings::{RuleSet, Trial, TrialError};
use publicdata_event_store::{NewCommit, Subject};
use publicdata_identity::testing;
use publicdata_proto::audit::v1::finding_service_client::FindingServiceClient;
use publicdata_proto::audit::v1::{
    DismissFindingRequest, EscalateFindingRequest, Finding, FindingKind, FindingStatus,
    GetFindingRequest, JudgeRectificationRequest, ListFindingsRequest, ListRulesRequest,
    OrderRectificationRequest, RaiseFindingRequest, ReportRectificationRequest, StreamPosition,
};
use publicdata_proto::catalog::v1::{
    ObligationKind, ObligationMet, ObligationMissed, ObligationOpened, Role,
    SecurityOfficerAppointed, SecurityRecordClosed, SecurityRecordOpened,
};
use publicdata_proto::exchange::v1::{TransferRefused, TransferRequested};
use publicdata_service_kit::grpc::Channel;
use publicdata_service_kit::problem::Code;
use publicdata_service_kit::{Clock, Problem};
use publicdata_types::CommandId;
use publicdata_views::Database;
use tonic::Status;
use uuid::Uuid;

use crate::bench::{AUDIT, Bench, Running, until};

const PROVIDER: &str = "11310000MB2F30284K";
const OTHER: &str = "91110000802100433B";
const AUTHORITY: &str = "12100000400002259P";
const NOW: &str = "2026-03-02T12:00:00+08:00";

type Calls = FindingServiceClient<Channel>;

/// The parties of a finding.
struct Parties {
    provider: Calls,
    other: Calls,
    authority: Calls,
}

impl Parties {
    async fn of(bench: &Bench, running: &Running) -> Self {
        let provider = Calls::new(bench.user(running, PROVIDER, Role::Provider).await);
        let other = Calls::new(bench.user(running, OTHER, Role::Provider).await);
        let authority = Calls::new(bench.user(running, AUTHORITY, Role::Authority).await);
        // Who is responsible for security is another matter.
        for code in [PROVIDER, OTHER] {
            let officer = SecurityOfficerAppointed { account: "so-1".to_owned() };
            happen(bench, "catalog", "organisation", code, &officer).await;
        }
        Self { provider, other, authority }
    }
}

fn bench_at(mut bench: Bench, now: &str) -> Bench {
    bench.clock = Clock::manual(now.parse::<Timestamp>().unwrap());
    bench
}

fn id() -> String {
    Uuid::new_v4().to_string()
}

/// Appends one event to a thing, after what happened to it before.
async fn happen<M: Name>(
    bench: &Bench,
    service: &str,
    aggregate: &str,
    id: &str,
    event: &M,
) -> u64 {
    let subject = Subject::new(service, aggregate, id).unwrap();
    let before = bench.store.load(&subject, 0).await.unwrap();
    let last = before.last().map_or(0, |recorded| recorded.sequence);
    let commit = NewCommit {
        command_id: CommandId::from_uuid(Uuid::new_v4()),
        actor: testing::service(service).to_string(),
        occurred_at: bench.clock.now(),
        traceparent: None,
        events: vec![Any { type_url: M::type_url(), value: event.encode_to_vec() }],
    };
    bench.store.append(&subject, last, commit).await.unwrap().sequence
}

/// An update of the catalogue that is not made in time: its id, and where the events stand.
async fn missed(bench: &Bench) -> (String, Vec<StreamPosition>) {
    let thing = id();
    let opened = ObligationOpened {
        kind: ObligationKind::CatalogueUpdate.into(),
        organisation_code: PROVIDER.to_owned(),
        ..ObligationOpened::default()
    };
    let opened = happen(bench, "catalog", "obligation", &thing, &opened).await;
    let missed = happen(bench, "catalog", "obligation", &thing, &ObligationMissed::default()).await;
    let place = |sequence| StreamPosition { stream: "CATALOG".to_owned(), sequence };
    (thing, vec![place(opened), place(missed)])
}

async fn list(calls: &Calls, request: ListFindingsRequest) -> Vec<Finding> {
    calls.clone().list_findings(request).await.unwrap().into_inner().findings
}

/// Waits for the one finding that the caller sees to stand so.
async fn found(calls: &Calls, status: FindingStatus) -> Finding {
    until("the finding", async || {
        let found = list(calls, ListFindingsRequest::default()).await;
        assert!(found.len() < 2, "{found:?}");
        found.iter().any(|finding| finding.status() == status)
    })
    .await;
    list(calls, ListFindingsRequest::default()).await.remove(0)
}

#[track_caller]
fn refused<T: std::fmt::Debug>(answer: Result<T, Status>, code: Code, reason: &str) {
    let problem = Problem::from_status(&answer.unwrap_err());
    assert_eq!((problem.code, problem.reason.as_ref()), (code, reason), "{problem}");
}

fn order(finding: &Finding, due_on: &str) -> OrderRectificationRequest {
    OrderRectificationRequest {
        command_id: id(),
        finding_id: finding.id.clone(),
        demand: "十日内更新目录".to_owned(),
        due_on: due_on.to_owned(),
        document_number: "成数〔2026〕1号".to_owned(),
    }
}

fn report(finding: &Finding) -> ReportRectificationRequest {
    let statement = "已更新".to_owned();
    ReportRectificationRequest { command_id: id(), finding_id: finding.id.clone(), statement }
}

fn judge(finding: &Finding, due_on: &str) -> JudgeRectificationRequest {
    JudgeRectificationRequest {
        command_id: id(),
        finding_id: finding.id.clone(),
        reason: "现场核查".to_owned(),
        due_on: due_on.to_owned(),
    }
}

async fn a_finding_is_followed_to_its_end(bench: Bench) {
    let running = bench.start().await;
    let Parties { mut provider, other, mut authority } = Parties::of(&bench, &running).await;
    let (thing, evidence) = missed(&bench).await;

    let finding = found(&provider, FindingStatus::Open).await;
    let raised = finding.raised.clone().unwrap();
    assert_eq!(raised.kind(), FindingKind::Breach);
    assert_eq!((raised.clause, raised.article.as_str()), (4, "第十四条"));
    assert_eq!(raised.thing, format!("ev.catalog.obligation.{thing}"));
    assert_eq!(raised.evidence, evidence);
    assert_eq!(raised.found_on, "2026-03-02");

    // R46.2: it stands in the log itself, and so does what shows it.
    let auditor = bench.auditor(&running).await;
    let own = finding.events[0].clone();
    let all = [raised.evidence.as_slice(), &[own]].concat();
    for place in all {
        let StreamPosition { stream, sequence } = place;
        until("the event to be logged", async || {
            let which = Which::Position { stream: stream.clone(), sequence };
            auditor.prove(&running.verifier, which).await.is_ok()
        })
        .await;
    }

    // R45.1, H3: whoever has no part in it cannot tell it from one that does not exist.
    assert_eq!(list(&other, ListFindingsRequest::default()).await, []);
    let get = GetFindingRequest { finding_id: finding.id.clone() };
    refused(other.clone().get_finding(get.clone()).await, Code::NotFound, "FINDING_UNKNOWN");
    refused(
        other.clone().report_rectification(report(&finding)).await,
        Code::NotFound,
        "FINDING_UNKNOWN",
    );
    let early = provider.report_rectification(report(&finding)).await;
    refused(early, Code::FailedPrecondition, "RECTIFICATION_NOT_ORDERED");
    let own = provider.order_rectification(order(&finding, "2026-03-12")).await;
    refused(own, Code::PermissionDenied, "ROLE_MISSING");
    let past = authority.order_rectification(order(&finding, "2026-03-01")).await;
    refused(past, Code::FailedPrecondition, "DUE_IN_THE_PAST");

    // H1: the same command again is answered as the first time.
    let ordered = order(&finding, "2026-03-12");
    let first = authority.order_rectification(ordered.clone()).await.unwrap().into_inner();
    let again = authority.order_rectification(ordered).await.unwrap().into_inner();
    assert_eq!(first, again);
    provider.report_rectification(report(&finding)).await.unwrap();
    authority.judge_rectification(judge(&finding, "2026-03-20")).await.unwrap();
    let rejected = found(&provider, FindingStatus::Ordered).await;
    assert_eq!(rejected.order.unwrap().due_on, "2026-03-20");

    // What later events show to be set right is cleared; the order waits for its report.
    happen(&bench, "catalog", "obligation", &thing, &ObligationMet::default()).await;
    until("the finding to be cleared", async || {
        found(&provider, FindingStatus::Ordered).await.cleared
    })
    .await;
    provider.report_rectification(report(&finding)).await.unwrap();
    authority.judge_rectification(judge(&finding, "")).await.unwrap();
    let closed = found(&provider, FindingStatus::Accepted).await;
    assert!(closed.cleared);
    assert_eq!(closed.events.len(), 7);
    let shown = authority.get_finding(get).await.unwrap().into_inner().finding;
    assert_eq!(shown, Some(closed));
}

/// R46.1: from the event to the order, the report, the second look and the end.
#[tokio::test]
async fn a_finding_is_followed_to_its_end_on_sqlite() {
    a_finding_is_followed_to_its_end(bench_at(Bench::on_nats().await, NOW)).await;
}

/// R46.1: the same on Postgres.
#[tokio::test]
async fn a_finding_is_followed_to_its_end_on_postgres() {
    a_finding_is_followed_to_its_end(bench_at(Bench::on_postgres().await, NOW)).await;
}

/// R46.1: an order whose day passes is overdue of itself, and what is not followed is handed on.
#[tokio::test]
async fn an_order_that_is_not_followed_is_escalated() {
    let bench = bench_at(Bench::on_nats().await, NOW);
    let running = bench.start().await;
    let Parties { provider, mut authority, .. } = Parties::of(&bench, &running).await;
    missed(&bench).await;
    let finding = found(&provider, FindingStatus::Open).await;
    authority.order_rectification(order(&finding, "2026-03-12")).await.unwrap();

    bench.clock.advance(std::time::Duration::from_hours(11 * 24));
    // Whatever happens next lets the clock be looked at.
    unnoticed(&bench).await;
    found(&provider, FindingStatus::Overdue).await;

    let escalate = EscalateFindingRequest {
        command_id: id(),
        finding_id: finding.id.clone(),
        addressee: "监察机关".to_owned(),
        reason: "拒不整改".to_owned(),
        document_number: String::new(),
    };
    authority.escalate_finding(escalate).await.unwrap();
    let escalated = found(&provider, FindingStatus::Escalated).await;
    assert_eq!(escalated.order.unwrap().due_on, "2026-03-12");
}

/// An event that no rule looks at.
async fn unnoticed(bench: &Bench) {
    let officer = SecurityOfficerAppointed { account: "so-2".to_owned() };
    happen(bench, "catalog", "organisation", PROVIDER, &officer).await;
}

/// R46.1 (3), (9), (10): what no rule can see, an authority says; and what turns out to be none, too.
#[tokio::test]
async fn an_authority_raises_and_dismisses() {
    let bench = bench_at(Bench::on_nats().await, NOW);
    let running = bench.start().await;
    let Parties { mut provider, mut authority, .. } = Parties::of(&bench, &running).await;
    let raise = RaiseFindingRequest {
        command_id: id(),
        organisation_code: PROVIDER.to_owned(),
        clause: 3,
        article: "第二十一条".to_owned(),
        title: "要求申请人重复提交证明".to_owned(),
        description: "窗口要求提交可通过平台核验的材料".to_owned(),
        evidence: vec![StreamPosition { stream: "CATALOG".to_owned(), sequence: 1 }],
    };
    running.reaches(1).await;
    let asked = provider.raise_finding(raise.clone()).await;
    refused(asked, Code::PermissionDenied, "ROLE_MISSING");
    let personal = RaiseFindingRequest {
        description: "申请人 13800138000 投诉".to_owned(),
        ..raise.clone()
    };
    refused(authority.raise_finding(personal).await, Code::InvalidArgument, "FIELD_INVALID");
    let nothing = vec![StreamPosition { stream: "CATALOG".to_owned(), sequence: 99 }];
    let unproven = RaiseFindingRequest { evidence: nothing, ..raise.clone() };
    refused(authority.raise_finding(unproven).await, Code::InvalidArgument, "FIELD_INVALID");
    let nobody =
        RaiseFindingRequest { organisation_code: "91350100M000100Y43".to_owned(), ..raise.clone() };
    refused(authority.raise_finding(nobody).await, Code::NotFound, "ORGANISATION_UNKNOWN");

    let first = authority.raise_finding(raise.clone()).await.unwrap().into_inner();
    let again = authority.raise_finding(raise.clone()).await.unwrap().into_inner();
    assert_eq!(first, again);
    let other = RaiseFindingRequest { title: "其他".to_owned(), ..raise };
    refused(authority.raise_finding(other).await, Code::FailedPrecondition, "COMMAND_REUSED");

    let finding = found(&provider, FindingStatus::Open).await;
    assert_eq!(finding.id, first.finding_id);
    let reason = "材料不在平台目录内".to_owned();
    let dismiss = DismissFindingRequest { command_id: id(), finding_id: finding.id, reason };
    refused(
        provider.dismiss_finding(dismiss.clone()).await,
        Code::PermissionDenied,
        "ROLE_MISSING",
    );
    authority.dismiss_finding(dismiss).await.unwrap();
    found(&provider, FindingStatus::Dismissed).await;
}

/// R46.1, H4: a service that is cut off at any moment finds nothing twice, and forgets nothing.
#[tokio::test]
async fn rules_go_on_after_a_crash() {
    let bench = bench_at(Bench::on_nats().await, NOW);
    let mut running = bench.start().await;
    let mut parties = Parties::of(&bench, &running).await;
    for round in 1..=5 {
        missed(&bench).await;
        drop(running);
        running = bench.start().await;
        parties = Parties::of(&bench, &running).await;
        let authority = &parties.authority;
        until("each to be found", async || {
            list(authority, ListFindingsRequest::default()).await.len() == round
        })
        .await;
    }
    // Days that pass are judged once the log is read to its end, which may be after the last was found.
    let rules = async || {
        let rules = parties.authority.clone().list_rules(ListRulesRequest::default()).await;
        rules.unwrap().into_inner()
    };
    until("the rules to be in force", async || rules().await.problem.is_empty()).await;
    let rules = rules().await.rules;
    assert!(rules.iter().all(|rule| rule.failures == 0), "{rules:?}");
}

/// R45.1: refusals in a row are unusual use, which the authority sees and the consumer's own organisation too.
#[tokio::test]
async fn unusual_use_is_an_event_on_sqlite() {
    unusual_use_is_an_event(bench_at(Bench::on_nats().await, NOW)).await;
}

/// R45.1: the same on Postgres.
#[tokio::test]
async fn unusual_use_is_an_event_on_postgres() {
    unusual_use_is_an_event(bench_at(Bench::on_postgres().await, NOW)).await;
}

async fn unusual_use_is_an_event(bench: Bench) {
    let running = bench.start().await;
    let Parties { provider, authority, .. } = Parties::of(&bench, &running).await;
    for _ in 0..6 {
        let (transfer, consumer_code) = (id(), PROVIDER.to_owned());
        let requested = TransferRequested { consumer_code, ..TransferRequested::default() };
        happen(&bench, "exchange", "transfer", &transfer, &requested).await;
        let reason = "GRANT_EXPIRED".to_owned();
        let refused = TransferRefused { reason, ..TransferRefused::default() };
        happen(&bench, "exchange", "transfer", &transfer, &refused).await;
    }

    let alert = found(&provider, FindingStatus::Open).await.raised.unwrap();
    assert_eq!(alert.kind(), FindingKind::UnusualUse);
    assert_eq!((alert.clause, alert.rule.as_str()), (0, "refused-repeatedly"));
    assert_eq!(alert.evidence.len(), 5);
    let kind = FindingKind::UnusualUse.into();
    let alerts = ListFindingsRequest { kind, ..ListFindingsRequest::default() };
    assert_eq!(list(&authority, alerts).await.len(), 1);
    let kind = FindingKind::Breach.into();
    let breaches = ListFindingsRequest { kind, ..ListFindingsRequest::default() };
    assert_eq!(list(&authority, breaches).await, []);
}

/// R42.1, R46.1 (9): a day that passes while nothing happens is found by the clock, and not before all that happened is read.
async fn a_day_that_passes_is_found(bench: Bench) {
    let running = bench.start().await;
    Parties::of(&bench, &running).await;
    let record = |due_on: &str| SecurityRecordOpened {
        organisation_code: PROVIDER.to_owned(),
        due_on: due_on.to_owned(),
        ..SecurityRecordOpened::default()
    };
    let (closed, open) = (id(), id());
    happen(&bench, "catalog", "security-record", &closed, &record("2026-03-05")).await;
    happen(&bench, "catalog", "security-record", &open, &record("2026-03-05")).await;
    bench.settled(&running).await;
    drop(running);
    // While the service is away, one is closed in time, the day passes, and nobody looks.
    let done = SecurityRecordClosed::default();
    happen(&bench, "catalog", "security-record", &closed, &done).await;
    bench.clock.advance(std::time::Duration::from_hours(10 * 24));

    let running = bench.start().await;
    let provider = Calls::new(bench.user(&running, PROVIDER, Role::Provider).await);
    let finding = found(&provider, FindingStatus::Open).await.raised.unwrap();
    assert_eq!(finding.thing, format!("ev.catalog.security-record.{open}"));
    assert_eq!(
        (finding.rule.as_str(), finding.found_on.as_str()),
        ("security-record-overdue", "2026-03-06")
    );
}

#[tokio::test]
async fn a_day_that_passes_is_found_on_sqlite() {
    a_day_that_passes_is_found(bench_at(Bench::on_nats().await, NOW)).await;
}

#[tokio::test]
async fn a_day_that_passes_is_found_on_postgres() {
    a_day_that_passes_is_found(bench_at(Bench::on_postgres().await, NOW)).await;
}

/// R46.1: new rules are tried on history first, and find the same once they are in force.
#[tokio::test]
async fn new_rules_are_tried_on_history() {
    let rules = r#"
        [[rule]]
        name = "drill-too-long"
        clause = 9
        article = "第四十二条"
        title = "演练期限过长"
        organisation = "event.organisation_code"
        [rule.raise]
        on = ["catalog.v1.SecurityRecordOpened"]
        when = "event.due_on > '2026-12-31'"
    "#;
    let mut bench = bench_at(Bench::on_nats().await, NOW);
    let running = bench.start().await;
    let Parties { provider, .. } = Parties::of(&bench, &running).await;
    let record = SecurityRecordOpened {
        organisation_code: PROVIDER.to_owned(),
        due_on: "2027-06-30".to_owned(),
        ..SecurityRecordOpened::default()
    };
    happen(&bench, "catalog", "security-record", &id(), &record).await;
    let auditor = bench.auditor(&running).await;
    bench.settled(&running).await;

    let tables = format!("sqlite:{}", bench.folder.path().join("trial.db").display());
    let trial = Trial::new(Database::open(&tables).await.unwrap(), RuleSet::alone(rules).unwrap());
    let trial: Trial = trial.await.map_err(|error: TrialError<Status>| error).unwrap();
    let tried = trial.run(auditor.logged(Selection::default()).await.unwrap(), None).await.unwrap();
    assert_eq!(tried.found.len(), 1, "{tried:?}");
    assert_eq!(list(&provider, ListFindingsRequest::default()).await, []);

    drop(running);
    let path = bench.folder.path().join("rules.toml");
    std::fs::write(&path, rules).unwrap();
    bench.rules = Some(path);
    let running = bench.start().await;
    let Parties { provider, .. } = Parties::of(&bench, &running).await;
    let raised = found(&provider, FindingStatus::Open).await.raised.unwrap();
    assert_eq!(raised.rule, tried.found[0].rule);
    let places: Vec<_> =
        raised.evidence.iter().map(|place| (place.stream.clone(), place.sequence)).collect();
    assert_eq!(places, tried.found[0].evidence);
    assert_eq!(bench.store.last_sequence(AUDIT).await.unwrap(), 1);
}
