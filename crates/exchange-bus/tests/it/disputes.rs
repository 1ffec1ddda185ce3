//! Disputes between provider and consumer.

use std::time::Duration;

use publicdata_proto::exchange::v1::answer_ticket_request::Answer;
use publicdata_proto::exchange::v1::{
    AskOpinionRequest, ConfirmSettlementRequest, DecideDisputeRequest, Dispute, DisputeMatterKind,
    DisputeOutcome, DisputeStatus, DisputeStepKind, GetDisputeRequest, GiveOpinionRequest,
    ListDisputesRequest, PartyRole, ProposeSettlementRequest, RaiseDisputeRequest,
    ReferDisputeRequest, RefuseApplicationRequest, Rejecting, StateDisputeRequest,
    WithdrawDisputeRequest,
};
use tonic::{Code, Status};

use crate::fleet::{Fleet, VILLAGES, Who, new_id};
use crate::nodes::assert_refused;
use crate::tickets::{answer, completed, raise};

/// R28.1: a rejected ticket is disputed, negotiated in vain, referred, advised on, and decided; each step stands with its time
/// and author, and the committee sees it once it was asked.
#[tokio::test]
async fn a_dispute_goes_from_negotiation_over_an_opinion_to_a_decision() {
    let fleet = Fleet::start().await;
    let id = disputed(&fleet).await;
    let steps: [(Who, Step, DisputeStatus); 5] = [
        (Who::Provider, Step::State, DisputeStatus::Negotiating),
        (Who::Consumer, Step::Refer, DisputeStatus::Referred),
        (Who::City, Step::Ask, DisputeStatus::OpinionAsked),
        (Who::Committee, Step::Advise, DisputeStatus::OpinionGiven),
        (Who::City, Step::Decide, DisputeStatus::Decided),
    ];

    for (who, step, status) in steps {
        if step == Step::Ask {
            let unseen = shown(&fleet, Who::Committee, &id).await;
            assert_refused(unseen, Code::NotFound, "DISPUTE_UNKNOWN");
        }
        fleet.clock.advance(Duration::from_secs(60));
        take(&fleet, who, &id, step).await.unwrap();
        assert_eq!(shown(&fleet, who, &id).await.unwrap().status(), status);
    }

    let dispute = shown(&fleet, Who::Auditor, &id).await.unwrap();
    let kinds: Vec<_> = dispute.steps.iter().map(|step| step.kind()).collect();
    assert_eq!(
        kinds,
        [
            DisputeStepKind::Raised,
            DisputeStepKind::Statement,
            DisputeStepKind::Referred,
            DisputeStepKind::OpinionAsked,
            DisputeStepKind::OpinionGiven,
            DisputeStepKind::Decided,
        ]
    );
    let authors =
        [Who::Consumer, Who::Provider, Who::Consumer, Who::City, Who::Committee, Who::City];
    for (step, who) in dispute.steps.iter().zip(authors) {
        assert_eq!(step.author_code, who.code().to_string());
        assert_eq!(step.actor, fleet.user(who).id().to_string());
    }
    let times: Vec<_> = dispute.steps.iter().map(|step| step.at.unwrap().seconds).collect();
    assert!(times.is_sorted_by(|before, after| before < after), "{times:?}");
    assert_eq!(
        (dispute.region_code.as_str(), dispute.matter_kind()),
        ("510100", DisputeMatterKind::Ticket)
    );
    assert_eq!(dispute.steps[4].document_sha256, [9; 32]);
    assert!(!dispute.steps[5].reason.is_empty());
    let outcomes: Vec<_> = dispute.steps.iter().map(|step| step.outcome()).collect();
    let unsaid = DisputeOutcome::Unspecified;
    assert_eq!(
        outcomes[..6],
        [unsaid, unsaid, unsaid, unsaid, unsaid, DisputeOutcome::ForConsumer]
    );
    let [.., objections] = &fleet.bus.projectors;
    let before = objections.content().await.unwrap();
    // H2: the view holds nothing that the events do not say.
    assert_eq!(objections.rebuild().await.unwrap().content, before);
}

/// R28.1: a step out of its order is refused, and the refusal says what is due.
#[tokio::test]
async fn a_step_out_of_order_is_refused_with_what_is_due() {
    use tonic_types::StatusExt as _;

    let fleet = Fleet::start().await;
    let id = disputed(&fleet).await;

    let refused = take(&fleet, Who::City, &id, Step::Decide).await;
    let info = refused.as_ref().unwrap_err().get_details_error_info().unwrap();
    assert!(info.metadata["due"].contains("refers"), "{info:?}");
    assert_refused(refused, Code::FailedPrecondition, "STEP_NOT_DUE");
    let refused = take(&fleet, Who::City, &id, Step::Ask).await;
    assert_refused(refused, Code::FailedPrecondition, "STEP_NOT_DUE");
    take(&fleet, Who::City, &id, Step::Refer).await.unwrap();
    let refused = take(&fleet, Who::City, &id, Step::Decide).await;
    assert!(refused.as_ref().unwrap_err().message().contains("expert committee"), "{refused:?}");
    assert_refused(refused, Code::FailedPrecondition, "STEP_NOT_DUE");

    take(&fleet, Who::Consumer, &id, Step::Withdraw).await.unwrap();
    let refused = take(&fleet, Who::Provider, &id, Step::State).await;
    assert_refused(refused, Code::FailedPrecondition, "DISPUTE_CLOSED");
}

/// R28.1, R45.1: no step of a stranger counts, to whom there is no dispute at all (H3); nor a party's step that is not its own.
#[tokio::test]
async fn a_strangers_step_is_refused() {
    let fleet = Fleet::start().await;
    let id = disputed(&fleet).await;

    for step in [Step::State, Step::Propose, Step::Refer, Step::Ask, Step::Decide, Step::Withdraw] {
        let refused = take(&fleet, Who::Stranger, &id, step).await;
        assert_refused(refused, Code::NotFound, "DISPUTE_UNKNOWN");
    }
    assert_refused(shown(&fleet, Who::Stranger, &id).await, Code::NotFound, "DISPUTE_UNKNOWN");
    let refused = take(&fleet, Who::Provider, &id, Step::Withdraw).await;
    assert_refused(refused, Code::PermissionDenied, "OTHER_ORGANISATION");
    let refused = take(&fleet, Who::Consumer, &id, Step::Decide).await;
    assert_refused(refused, Code::PermissionDenied, "ROLE_MISSING");
    let refused = take(&fleet, Who::City, &id, Step::State).await;
    assert_refused(refused, Code::PermissionDenied, "NOT_A_PARTY");
    assert_eq!(fleet.events("dispute", &id).await, ["DisputeRaised"]);

    for (who, role, count) in [
        (Who::Consumer, PartyRole::Consumer, 1),
        (Who::Consumer, PartyRole::Provider, 0),
        (Who::Provider, PartyRole::Provider, 1),
        (Who::City, PartyRole::Unspecified, 1),
        (Who::Stranger, PartyRole::Unspecified, 0),
        (Who::Committee, PartyRole::Unspecified, 0),
    ] {
        let request = ListDisputesRequest {
            role: role.into(),
            resource_id: VILLAGES.to_owned(),
            status: DisputeStatus::Negotiating.into(),
            ..ListDisputesRequest::default()
        };
        let listed = fleet.disputes(who).list_disputes(request).await.unwrap();
        assert_eq!(listed.get_ref().disputes.len(), count, "{who:?}");
    }
}

/// R28.1: a settlement takes both parties, and the terms that both have seen.
#[tokio::test]
async fn a_settlement_is_confirmed_by_the_other_party() {
    let fleet = Fleet::start().await;
    let id = disputed(&fleet).await;
    let confirm = async |who: Who, proposal_number| {
        let (command_id, dispute_id) = (new_id(), id.clone());
        let request = ConfirmSettlementRequest { command_id, dispute_id, proposal_number };
        fleet.disputes(who).confirm_settlement(request).await
    };

    assert_refused(confirm(Who::Consumer, 1).await, Code::FailedPrecondition, "NO_PROPOSAL");
    take(&fleet, Who::Provider, &id, Step::Propose).await.unwrap();
    take(&fleet, Who::Provider, &id, Step::State).await.unwrap();
    take(&fleet, Who::Provider, &id, Step::Propose).await.unwrap();
    assert_refused(confirm(Who::Provider, 2).await, Code::FailedPrecondition, "OWN_PROPOSAL");
    assert_refused(confirm(Who::Consumer, 1).await, Code::FailedPrecondition, "OTHER_PROPOSAL");
    confirm(Who::Consumer, 2).await.unwrap();

    let dispute = shown(&fleet, Who::Consumer, &id).await.unwrap();
    assert_eq!(dispute.status(), DisputeStatus::Settled);
}

/// R28.1: grants, refused applications, transfers and rejected tickets are disputed, by whoever is a party to them.
#[tokio::test]
async fn only_what_has_come_so_far_is_disputed_and_only_by_its_parties() {
    let fleet = Fleet::start().await;
    let transfer = completed(&fleet).await;
    let grant = fleet.log(Who::Consumer).await[0].grant_id.clone();
    let waiting = fleet.apply().await;
    let ticket = raise(&fleet, &transfer).await;
    let offer = fleet.offered().await.grant_id;

    for (kind, matter) in
        [(DisputeMatterKind::Grant, &grant), (DisputeMatterKind::Transfer, &transfer)]
    {
        raise_about(&fleet, Who::Consumer, kind, matter).await.unwrap();
        raise_about(&fleet, Who::Provider, kind, matter).await.unwrap();
        let refused = raise_about(&fleet, Who::Stranger, kind, matter).await.unwrap_err();
        assert_eq!(refused.code(), Code::NotFound, "{refused:?}");
    }
    for (kind, matter) in [
        (DisputeMatterKind::Application, &waiting),
        (DisputeMatterKind::Grant, &waiting),
        (DisputeMatterKind::Ticket, &ticket),
    ] {
        let refused = raise_about(&fleet, Who::Consumer, kind, matter).await;
        assert_refused(refused, Code::FailedPrecondition, "MATTER_NOT_DISPUTABLE");
    }
    let refuse = RefuseApplicationRequest {
        command_id: new_id(),
        grant_id: waiting.clone(),
        legal_basis: "《数据安全法》第三十八条".to_owned(),
        reason: "超出职责范围".to_owned(),
    };
    fleet.grants(Who::Provider).refuse_application(refuse).await.unwrap();
    raise_about(&fleet, Who::Consumer, DisputeMatterKind::Application, &waiting).await.unwrap();

    let kind = DisputeMatterKind::Grant;
    raise_about(&fleet, Who::Stranger, kind, &offer).await.unwrap();
    let refused = raise_about(&fleet, Who::Provider, kind, &offer).await;
    assert_refused(refused, Code::FailedPrecondition, "NO_OTHER_PARTY");
    let refused = raise_about(&fleet, Who::Consumer, kind, &new_id()).await;
    assert_refused(refused, Code::NotFound, "GRANT_UNKNOWN");
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    State,
    Propose,
    Refer,
    Ask,
    Advise,
    Decide,
    Withdraw,
}

/// A dispute about a ticket that the provider rejected, raised by the consumer.
async fn disputed(fleet: &Fleet) -> String {
    let transfer = completed(fleet).await;
    let ticket = raise(fleet, &transfer).await;
    let rejected = Answer::Rejected(Rejecting { reason: "与登记一致".to_owned() });
    answer(fleet, Who::Provider, &ticket, rejected).await.unwrap();
    raise_about(fleet, Who::Consumer, DisputeMatterKind::Ticket, &ticket).await.unwrap()
}

pub(crate) async fn raise_about(
    fleet: &Fleet,
    who: Who,
    kind: DisputeMatterKind,
    matter: &str,
) -> Result<String, Status> {
    let request = RaiseDisputeRequest {
        command_id: new_id(),
        matter_kind: kind.into(),
        matter_id: matter.to_owned(),
        statement: "请求重新核查".to_owned(),
    };
    Ok(fleet.disputes(who).raise_dispute(request).await?.into_inner().dispute_id)
}

async fn take(fleet: &Fleet, who: Who, id: &str, step: Step) -> Result<(), Status> {
    let (command_id, dispute_id) = (new_id(), id.to_owned());
    let text = || "登记簿另有记载".to_owned();
    let mut client = fleet.disputes(who);
    match step {
        Step::State => {
            let request = StateDisputeRequest { command_id, dispute_id, statement: text() };
            client.state_dispute(request).await.map(drop)
        }
        Step::Propose => {
            let request = ProposeSettlementRequest { command_id, dispute_id, terms: text() };
            client.propose_settlement(request).await.map(drop)
        }
        Step::Refer => {
            let request = ReferDisputeRequest { command_id, dispute_id, reason: text() };
            client.refer_dispute(request).await.map(drop)
        }
        Step::Ask => {
            let request = AskOpinionRequest { command_id, dispute_id, question: text() };
            client.ask_opinion(request).await.map(drop)
        }
        Step::Advise => {
            let request = GiveOpinionRequest {
                command_id,
                dispute_id,
                opinion: text(),
                document_number: "成数专〔2026〕3号".to_owned(),
                document_sha256: vec![9; 32],
            };
            client.give_opinion(request).await.map(drop)
        }
        Step::Decide => {
            let (decision, reason) = (text(), "第二十八条".to_owned());
            let outcome = DisputeOutcome::ForConsumer.into();
            let request =
                DecideDisputeRequest { command_id, dispute_id, decision, reason, outcome };
            client.decide_dispute(request).await.map(drop)
        }
        Step::Withdraw => {
            let request = WithdrawDisputeRequest { command_id, dispute_id, reason: text() };
            client.withdraw_dispute(request).await.map(drop)
        }
    }
}

async fn shown(fleet: &Fleet, who: Who, id: &str) -> Result<Dispute, Status> {
    let request = GetDisputeRequest { dispute_id: id.to_owned() };
    Ok(fleet.disputes(who).get_dispute(request).await?.into_inner().dispute.unwrap())
}
