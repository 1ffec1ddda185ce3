//! Verification tickets, corrections, and what of the data is in doubt.

use std::time::Duration;

use publicdata_proto::exchange::v1::answer_ticket_request::Answer;
use publicdata_proto::exchange::v1::{
    AnswerTicketRequest, AnswerTicketResponse, Correction, CorrectionStatus, DataError,
    GetDisputedRecordsRequest, GetDisputedRecordsResponse, GetTicketRequest, GrantTerms,
    ListCorrectionsRequest, ListTicketsRequest, PartyRole, RaiseTicketRequest, Rejecting, Ticket,
    TicketStatus, TransferStatus, Upholding, WithdrawTicketRequest,
};
use publicdata_views::testing::postgres;
use tokio::time::timeout;
use tonic::{Code, Status};

use crate::fleet::{AREAS, Fleet, VILLAGES, Who, new_id};
use crate::nodes::{ProviderNode, SOON, assert_refused, read, receipt_in};

const REFERENCE: &str = "0123456789abcdef0123456789abcdef";
const OTHER_REFERENCE: &str = "fedcba9876543210fedcba9876543210";

/// R27.1: a report is due within five working days of the finding, the answer within ten; a late report is taken, and is late.
#[tokio::test]
async fn a_report_has_its_limits_and_a_late_one_is_recorded_as_such() {
    let fleet = Fleet::start().await;
    let transfer = completed(&fleet).await;
    let mut tickets = fleet.tickets(Who::Consumer);

    let raised = tickets.raise_ticket(report(&transfer)).await.unwrap().into_inner();

    let limits = [raised.report_deadline.unwrap(), raised.deadline.unwrap()];
    assert_eq!(limits.each_ref().map(|limit| limit.due_on.as_str()), ["2026-03-09", "2026-03-16"]);
    assert_eq!(limits.map(|limit| limit.rule), ["R27.1", "R27.1"]);
    assert!(!raised.late);
    let late = RaiseTicketRequest { found_on: "2026-02-10".to_owned(), ..report(&transfer) };
    let raised = tickets.raise_ticket(late).await.unwrap().into_inner();
    assert!(raised.late && ticket(&fleet, Who::Auditor, &raised.ticket_id).await.unwrap().late);
}

/// R27.1: only the consumer of a completed transfer reports it, and only what was delivered; H5: nobody's number gets in.
#[tokio::test]
async fn a_report_that_cannot_be_is_refused() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let transfer = deliver(&fleet, &mut node, Who::Consumer, &terms).await;
    let raise = async |who: Who, request| fleet.tickets(who).raise_ticket(request).await;

    let refused = raise(Who::Stranger, report(&transfer)).await;
    assert_refused(refused, Code::NotFound, "TRANSFER_UNKNOWN");
    let consumer = fleet.consumer_node(Who::Consumer);
    let running = consumer.request(&terms);
    let _answer = consumer.fetch(&running).await.unwrap();
    let refused = raise(Who::Consumer, report(&running.transfer_id)).await;
    assert_refused(refused, Code::FailedPrecondition, "TRANSFER_NOT_COMPLETED");

    let with = |change: fn(&mut RaiseTicketRequest)| {
        let mut request = report(&transfer);
        change(&mut request);
        request
    };
    for (request, why) in [
        (with(|r| r.found_on = "2026-03-03".to_owned()), "FOUND_IN_FUTURE"),
        (with(|r| r.items = vec!["phone".to_owned()]), "ITEM_NOT_DELIVERED"),
        (with(|r| r.items.clear()), "ITEMS_MISSING"),
        (with(|r| r.kind = 0), "FIELD_INVALID"),
        (with(|r| r.record_references = vec![REFERENCE.to_uppercase()]), "FIELD_INVALID"),
        (with(|r| r.description = "11010519491231002X 有误".to_owned()), "FIELD_INVALID"),
    ] {
        assert_refused(raise(Who::Consumer, request).await, Code::InvalidArgument, why);
    }
}

/// R27.1: an answer that does not come is noted as overdue, once, and is still taken when it comes.
#[tokio::test]
async fn an_answer_that_does_not_come_is_overdue_once() {
    let fleet = Fleet::start().await;
    let transfer = completed(&fleet).await;
    let id = raise(&fleet, &transfer).await;

    fleet.clock.advance(Duration::from_secs(15 * 86_400));
    let overdue = async {
        while !ticket(&fleet, Who::Consumer, &id).await.unwrap().overdue {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, overdue).await.expect("the ticket is overdue");
    uphold(&fleet, &id).await.unwrap();

    let events = fleet.events("ticket", &id).await;
    assert_eq!(events, ["TicketRaised", "TicketOverdue", "TicketUpheld"]);
}

/// R27.1: a correction is owed to every consumer with the old rows, whoever reported them; each receives it by its next
/// transfer, also while the bus is restarted, and once.
#[tokio::test]
async fn a_correction_reaches_every_consumer_over_a_restart() {
    let mut fleet = Fleet::start().await;
    corrects_over_a_restart(&mut fleet).await;
}

/// R27.1: the same with views in Postgres.
#[tokio::test]
async fn a_correction_reaches_every_consumer_in_postgres() {
    let postgres = postgres();
    let folder = tempfile::tempdir().unwrap();
    let mut fleet = Fleet::start_on(postgres.url(), folder, |config| config).await;
    corrects_over_a_restart(&mut fleet).await;
}

async fn corrects_over_a_restart(fleet: &mut Fleet) {
    let offer = GrantTerms { purpose: "查询".to_owned(), ..fleet.offered().await };
    let mut node = fleet.provider_node().await;
    let transfer = deliver(fleet, &mut node, Who::Consumer, &offer).await;
    deliver(fleet, &mut node, Who::Stranger, &offer).await;
    let id = raise(fleet, &transfer).await;
    fleet.clock.advance(Duration::from_secs(60));

    assert_eq!(uphold(fleet, &id).await.unwrap().corrections_owed, 2);

    let owed = |correction: &Correction| correction.status() == CorrectionStatus::Owed;
    let of_provider = corrections(fleet, Who::Provider).await;
    assert!(of_provider.len() == 2 && of_provider.iter().all(owed), "{of_provider:?}");
    let of_stranger = corrections(fleet, Who::Stranger).await;
    assert_eq!(of_stranger.len(), 1);
    assert_eq!(of_stranger[0].consumer_code, Who::Stranger.code().to_string());
    assert_eq!(of_stranger[0].grant_id, offer.grant_id);
    assert!(listed(fleet, Who::Stranger, ListTicketsRequest::default()).await.is_empty());

    deliver(fleet, &mut node, Who::Consumer, &offer).await;
    received(fleet, Who::Consumer).await;
    assert!(corrections(fleet, Who::Stranger).await.iter().all(owed));
    fleet.restart_bus().await;
    let mut node = fleet.provider_node().await;
    let last = deliver(fleet, &mut node, Who::Stranger, &offer).await;
    fleet.restart_bus().await;
    assert_eq!(received(fleet, Who::Stranger).await.transfer_id, last);
    let mut node = fleet.provider_node().await;
    deliver(fleet, &mut node, Who::Consumer, &offer).await;

    let events = fleet.events("ticket", &id).await;
    let once = ["TicketRaised", "TicketUpheld", "CorrectionDelivered", "CorrectionDelivered"];
    assert_eq!(events, once);
    let shown = ticket(fleet, Who::Consumer, &id).await.unwrap();
    assert_eq!((shown.corrections_owed, shown.corrections_delivered), (2, 2));
    let [.., objections] = &fleet.bus.projectors;
    let before = objections.content().await.unwrap();
    // H2: the view holds nothing that the events do not say.
    assert_eq!(objections.rebuild().await.unwrap().content, before);
}

/// R27.1: what was asked for before the correction and arrives after it brings the old rows, and is owed the new ones.
#[tokio::test]
async fn what_is_under_way_is_owed_the_correction_too() {
    let fleet = Fleet::start().await;
    let offer = GrantTerms { purpose: "查询".to_owned(), ..fleet.offered().await };
    let mut node = fleet.provider_node().await;
    let transfer = deliver(&fleet, &mut node, Who::Consumer, &offer).await;
    let id = raise(&fleet, &transfer).await;
    let stranger = fleet.consumer_node(Who::Stranger);
    let answer = stranger.fetch(&stranger.request(&offer)).await.unwrap();
    let serve = node.asked().await;
    fleet.clock.advance(Duration::from_secs(60));

    assert_eq!(uphold(&fleet, &id).await.unwrap().corrections_owed, 2);
    let (delivered, (parts, ended)) = tokio::join!(node.deliver(&serve, 2), read(answer));
    delivered.unwrap();
    ended.unwrap();
    stranger.confirm(&receipt_in(&parts)).await.unwrap();
    deliver(&fleet, &mut node, Who::Consumer, &offer).await;
    received(&fleet, Who::Consumer).await;

    let of_stranger = corrections(&fleet, Who::Stranger).await;
    assert_eq!(of_stranger[0].status(), CorrectionStatus::Owed, "{of_stranger:?}");
}

/// R27.1: what was asked for without the corrected item brings no correction, and the next transfer with it does.
#[tokio::test]
async fn a_correction_comes_with_the_corrected_item_alone() {
    let fleet = Fleet::start().await;
    let offer = GrantTerms { purpose: "查询".to_owned(), ..fleet.offered().await };
    let mut node = fleet.provider_node().await;
    let transfer = deliver(&fleet, &mut node, Who::Consumer, &offer).await;
    let id = raise(&fleet, &transfer).await;
    fleet.clock.advance(Duration::from_secs(60));
    assert_eq!(uphold(&fleet, &id).await.unwrap().corrections_owed, 1);

    let mut without = offer.clone();
    without.fields.retain(|field| field.name != "name");
    assert!(!without.fields.is_empty());
    deliver(&fleet, &mut node, Who::Consumer, &without).await;
    fleet.clock.advance(Duration::from_secs(60));
    let with = deliver(&fleet, &mut node, Who::Consumer, &offer).await;

    assert_eq!(received(&fleet, Who::Consumer).await.transfer_id, with);
    assert_eq!(ticket(&fleet, Who::Consumer, &id).await.unwrap().corrections_delivered, 1);
}

/// R27.1: a correction that does not flow is owed to nobody, and one that lies ahead is none.
#[tokio::test]
async fn a_correction_that_does_not_flow_is_owed_to_nobody() {
    let fleet = Fleet::start().await;
    let transfer = completed(&fleet).await;
    let id = raise(&fleet, &transfer).await;
    fleet.clock.advance(Duration::from_secs(60));
    let ahead = fleet.clock.now().as_second() + 3_600;
    let ahead = Some(prost_types::Timestamp { seconds: ahead, nanos: 0 });
    let within = Upholding { description: "仅内部更正".to_owned(), ..Upholding::default() };

    let upheld = Upholding { corrected_at: ahead, ..within.clone() };
    let refused = answer(&fleet, Who::Provider, &id, Answer::Upheld(upheld)).await;
    assert_refused(refused, Code::InvalidArgument, "CORRECTED_IN_FUTURE");
    let answered = answer(&fleet, Who::Provider, &id, Answer::Upheld(within)).await.unwrap();

    assert_eq!(answered.corrections_owed, 0);
    assert!(corrections(&fleet, Who::Provider).await.is_empty());
}

/// R27.1, R45.1: the parties act, authorities and auditors read; H3: to anybody else there is no ticket.
#[tokio::test]
async fn a_ticket_is_the_parties_and_a_strangers_step_is_refused() {
    let fleet = Fleet::start().await;
    let transfer = completed(&fleet).await;
    let id = raise(&fleet, &transfer).await;
    let rejected = || Answer::Rejected(Rejecting { reason: "与登记一致".to_owned() });

    for who in [Who::Provider, Who::Consumer, Who::City, Who::Auditor] {
        let shown = ticket(&fleet, who, &id).await.unwrap();
        assert_eq!((shown.status(), shown.items), (TicketStatus::Open, vec!["name".to_owned()]));
    }
    let seen = ticket(&fleet, Who::Stranger, &id).await;
    assert_refused(seen, Code::NotFound, "TICKET_UNKNOWN");
    for who in [Who::Stranger, Who::City, Who::Auditor] {
        let answered = answer(&fleet, who, &id, rejected()).await;
        assert_refused(answered, Code::NotFound, "TICKET_UNKNOWN");
    }
    let answered = answer(&fleet, Who::Consumer, &id, rejected()).await;
    assert_refused(answered, Code::PermissionDenied, "OTHER_ORGANISATION");
    answer(&fleet, Who::Provider, &id, rejected()).await.unwrap();

    let by = |role: PartyRole, status: TicketStatus| ListTicketsRequest {
        role: role.into(),
        status: status.into(),
        resource_id: VILLAGES.to_owned(),
        ..ListTicketsRequest::default()
    };
    for (who, role, status, count) in [
        (Who::Provider, PartyRole::Provider, TicketStatus::Rejected, 1),
        (Who::Provider, PartyRole::Consumer, TicketStatus::Unspecified, 0),
        (Who::Consumer, PartyRole::Consumer, TicketStatus::Rejected, 1),
        (Who::Consumer, PartyRole::Consumer, TicketStatus::Open, 0),
        (Who::Auditor, PartyRole::Unspecified, TicketStatus::Unspecified, 1),
        (Who::Stranger, PartyRole::Unspecified, TicketStatus::Unspecified, 0),
    ] {
        let tickets = listed(&fleet, who, by(role, status)).await;
        assert_eq!(tickets.len(), count, "{who:?} {role:?} {status:?}");
    }
}

/// H1: a report that is sent twice is one, with the limits of the first; another's command id finds nothing.
#[tokio::test]
async fn a_repeated_report_is_answered_as_the_first_time() {
    let fleet = Fleet::start().await;
    let transfer = completed(&fleet).await;
    let request = report(&transfer);
    let mut tickets = fleet.tickets(Who::Consumer);

    let first = tickets.raise_ticket(request.clone()).await.unwrap().into_inner();
    fleet.clock.advance(Duration::from_secs(3 * 86_400));
    let second = tickets.raise_ticket(request).await.unwrap().into_inner();

    assert_eq!(second, first);
    assert_eq!(fleet.events("ticket", &first.ticket_id).await, ["TicketRaised"]);
}

/// R27.2: while tickets are open, the provider's connected nodes know the records in doubt, also those that connect later; and
/// when they are answered or withdrawn, that nothing is in doubt any longer.
#[tokio::test]
async fn marks_reach_the_providers_nodes_and_are_cleared() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let transfer = deliver(&fleet, &mut node, Who::Consumer, &terms).await;
    let first = raise(&fleet, &transfer).await;

    let told = node.told_of_doubt(VILLAGES).await;
    assert_eq!(told.records[0].grant_id, terms.grant_id);
    assert_eq!(told.records[0].references, [REFERENCE]);
    assert_eq!(told.ticket_ids, std::slice::from_ref(&first));

    let record_references = vec![OTHER_REFERENCE.to_owned(), REFERENCE.to_owned()];
    let second = RaiseTicketRequest { record_references, ..report(&transfer) };
    let second = fleet.tickets(Who::Consumer).raise_ticket(second).await.unwrap();
    let second = second.into_inner().ticket_id;
    let told = node.told_of_doubt(VILLAGES).await;
    assert_eq!(told.records[0].references, [REFERENCE, OTHER_REFERENCE]);
    assert_eq!(told.ticket_ids, [first.clone(), second.clone()]);

    let mut later = fleet.provider_node().await;
    let told = later.told_of_doubt(VILLAGES).await;
    assert_eq!(told.ticket_ids, [first.clone(), second.clone()]);

    uphold(&fleet, &first).await.unwrap();
    let told = later.told_of_doubt(VILLAGES).await;
    assert_eq!(told.ticket_ids, [second.as_str()]);
    let withdraw = WithdrawTicketRequest {
        command_id: new_id(),
        ticket_id: second,
        reason: "误报".to_owned(),
    };
    fleet.tickets(Who::Consumer).withdraw_ticket(withdraw).await.unwrap();
    let told = later.told_of_doubt(VILLAGES).await;
    assert!(told.records.is_empty() && told.ticket_ids.is_empty(), "{told:?}");
}

/// R27.2: a node hears of each resource that it serves when it connects, also that nothing is in doubt: what it may remember
/// from before no longer counts.
#[tokio::test]
async fn a_node_that_connects_is_told_where_nothing_is_in_doubt() {
    let fleet = Fleet::start().await;
    let mut node = fleet.provider_node().await;

    for resource in [VILLAGES, AREAS] {
        assert!(node.told_of_doubt(resource).await.ticket_ids.is_empty());
    }
}

/// R27.2: whoever has a grant sees what is in doubt, and that valid evidence stands; not who raised it, nor in which words.
#[tokio::test]
async fn records_in_doubt_are_shown_to_whoever_has_a_grant() {
    let fleet = Fleet::start().await;
    let transfer = completed(&fleet).await;
    let id = raise(&fleet, &transfer).await;

    for who in [Who::Provider, Who::Consumer, Who::City, Who::Auditor] {
        let shown = disputed(&fleet, who, VILLAGES).await.unwrap();
        assert!(shown.notice.contains("照常办理"), "{who:?}: {}", shown.notice);
        let [record] = &shown.records[..] else { panic!("{who:?}: {shown:?}") };
        assert_eq!(
            (record.ticket_id.as_str(), record.kind()),
            (id.as_str(), DataError::WrongValue)
        );
        assert_eq!(
            (&record.items[..], &record.record_references[..]),
            (&["name".to_owned()][..], &[REFERENCE.to_owned()][..])
        );
    }
    let refused = disputed(&fleet, Who::Stranger, VILLAGES).await;
    assert_refused(refused, Code::NotFound, "RESOURCE_UNKNOWN");

    uphold(&fleet, &id).await.unwrap();
    let shown = disputed(&fleet, Who::Consumer, VILLAGES).await.unwrap();
    assert!(shown.records.is_empty() && shown.notice.is_empty(), "{shown:?}");
}

/// R27.2: every consumer may use a standing offer, and so sees what of it is in doubt.
#[tokio::test]
async fn records_of_a_standing_offer_are_in_doubt_for_every_consumer() {
    let fleet = Fleet::start().await;
    let offer = GrantTerms { purpose: "查询".to_owned(), ..fleet.offered().await };
    let mut node = fleet.provider_node().await;
    let transfer = deliver(&fleet, &mut node, Who::Consumer, &offer).await;
    raise(&fleet, &transfer).await;

    assert_eq!(disputed(&fleet, Who::Stranger, AREAS).await.unwrap().records.len(), 1);
}

/// A completed transfer of the villages to the consumer.
pub(crate) async fn completed(fleet: &Fleet) -> String {
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    deliver(fleet, &mut node, Who::Consumer, &terms).await
}

/// Has a transfer delivered and logged.
pub(crate) async fn deliver(
    fleet: &Fleet,
    node: &mut ProviderNode,
    who: Who,
    terms: &GrantTerms,
) -> String {
    let consumer = fleet.consumer_node(who);
    let request = consumer.request(terms);
    let answer = consumer.fetch(&request).await.unwrap();
    let serve = node.asked().await;
    let (delivered, (parts, ended)) = tokio::join!(node.deliver(&serve, 2), read(answer));
    delivered.unwrap();
    ended.unwrap();
    consumer.confirm(&receipt_in(&parts)).await.unwrap();
    fleet.logged(&request.transfer_id, TransferStatus::Completed, "").await;
    request.transfer_id
}

/// A report of a wrong name, found today.
pub(crate) fn report(transfer: &str) -> RaiseTicketRequest {
    RaiseTicketRequest {
        command_id: new_id(),
        transfer_id: transfer.to_owned(),
        kind: DataError::WrongValue.into(),
        items: vec!["name".to_owned()],
        description: "名称与登记不符".to_owned(),
        found_on: "2026-03-02".to_owned(),
        record_references: vec![REFERENCE.to_owned()],
    }
}

/// Raises it.
pub(crate) async fn raise(fleet: &Fleet, transfer: &str) -> String {
    let raised = fleet.tickets(Who::Consumer).raise_ticket(report(transfer)).await;
    raised.unwrap().into_inner().ticket_id
}

/// Answers a ticket.
pub(crate) async fn answer(
    fleet: &Fleet,
    who: Who,
    id: &str,
    answer: Answer,
) -> Result<AnswerTicketResponse, Status> {
    let (command_id, ticket_id) = (new_id(), id.to_owned());
    let request = AnswerTicketRequest { command_id, ticket_id, answer: Some(answer) };
    Ok(fleet.tickets(who).answer_ticket(request).await?.into_inner())
}

pub(crate) async fn uphold(fleet: &Fleet, id: &str) -> Result<AnswerTicketResponse, Status> {
    let description = "已按登记更正".to_owned();
    let upheld = Upholding { corrected_at: None, description, flows: true };
    answer(fleet, Who::Provider, id, Answer::Upheld(upheld)).await
}

async fn ticket(fleet: &Fleet, who: Who, id: &str) -> Result<Ticket, Status> {
    let request = GetTicketRequest { ticket_id: id.to_owned() };
    Ok(fleet.tickets(who).get_ticket(request).await?.into_inner().ticket.unwrap())
}

async fn listed(fleet: &Fleet, who: Who, request: ListTicketsRequest) -> Vec<Ticket> {
    fleet.tickets(who).list_tickets(request).await.unwrap().into_inner().tickets
}

async fn corrections(fleet: &Fleet, who: Who) -> Vec<Correction> {
    let request = ListCorrectionsRequest::default();
    fleet.tickets(who).list_corrections(request).await.unwrap().into_inner().corrections
}

/// Waits until the consumer's correction is noted as delivered.
pub(crate) async fn received(fleet: &Fleet, who: Who) -> Correction {
    let delivered = async {
        loop {
            let own = corrections(fleet, who).await.pop().unwrap();
            if own.status() == CorrectionStatus::Delivered {
                return own;
            }
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, delivered).await.expect("the correction is delivered")
}

async fn disputed(
    fleet: &Fleet,
    who: Who,
    resource: &str,
) -> Result<GetDisputedRecordsResponse, Status> {
    let request = GetDisputedRecordsRequest {
        resource_id: resource.to_owned(),
        ..GetDisputedRecordsRequest::default()
    };
    Ok(fleet.tickets(who).get_disputed_records(request).await?.into_inner())
}
