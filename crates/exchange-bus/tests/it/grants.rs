//! Applications and grants.

use std::time::Duration;

use publicdata_identity::Signer;
use publicdata_proto::catalog::v1::{
    DeliveryMode, ItemType, Mask, QualityRules, ResourceResumed, ResourceSuspended,
    ResourceWithdrawn,
};
use publicdata_proto::exchange::v1::{
    FieldRules, FilterItem, GrantStatus, GrantTerms, GrantedField, IssueGrantRequest,
    ListGrantsRequest, RefuseApplicationRequest, SubmitApplicationRequest, TransferRequest,
};
use publicdata_transfer::signed;
use tonic::{Code, Status};

use crate::fleet::{
    AREAS, CASES, CASES_REASON, Fleet, VILLAGES, Who, application, field, foreign, new_id,
};
use crate::nodes::assert_refused;

/// R26.1: the provider has ten working days; the day of the application is not counted.
#[tokio::test]
async fn an_application_is_taken_up_within_ten_working_days() {
    let fleet = Fleet::start().await;

    let response = fleet.grants(Who::Consumer).submit_application(application()).await.unwrap();

    let deadline = response.get_ref().deadline.clone().unwrap();
    assert_eq!((deadline.due_on.as_str(), deadline.rule.as_str()), ("2026-03-16", "R26.1"));
    let grant = fleet.grant(Who::Provider, &response.get_ref().grant_id).await.unwrap();
    assert_eq!(grant.status(), GrantStatus::Applied);
    assert_eq!(grant.fields, ["code", "name"]);
}

/// R26.1: an application that waits too long is noted as overdue, once, and can still be decided.
#[tokio::test]
async fn an_application_that_waits_too_long_is_overdue_once() {
    let fleet = Fleet::start().await;
    let id = fleet.apply().await;

    fleet.clock.advance(Duration::from_secs(15 * 86_400));
    while !fleet.grant(Who::Consumer, &id).await.unwrap().overdue {
        tokio::task::yield_now().await;
    }
    fleet.issue(&fleet.terms(&id)).await.unwrap();

    let events = fleet.events("grant", &id).await;
    assert_eq!(events, ["ApplicationSubmitted", "ApplicationOverdue", "GrantIssued"]);
}

/// R25.1: what is not shared cannot be applied for, and the catalogue's reason is given.
#[tokio::test]
async fn what_is_not_shared_is_refused_with_the_catalogues_reason() {
    let fleet = Fleet::start().await;

    let resource = SubmitApplicationRequest { resource_id: CASES.to_owned(), ..application() };
    let status = submit(&fleet, resource).await.unwrap_err();
    assert!(status.message().contains(CASES_REASON), "{status:?}");
    assert_refused::<()>(Err(status), Code::FailedPrecondition, "NOT_SHARED");

    let fields = vec!["code".to_owned(), "secret".to_owned()];
    let status = submit(&fleet, SubmitApplicationRequest { fields, ..application() }).await;
    let status = status.unwrap_err();
    assert!(status.message().contains("secret"), "{status:?}");
    assert_refused::<()>(Err(status), Code::InvalidArgument, "APPLICATION_INVALID");
}

/// R26.1: what is shared unconditionally needs no application; the caller is told which offer to use.
#[tokio::test]
async fn an_unconditional_resource_points_to_its_standing_offer() {
    let fleet = Fleet::start().await;
    let offer = fleet.offered().await;

    let request = SubmitApplicationRequest { resource_id: AREAS.to_owned(), ..application() };
    let status = submit(&fleet, request).await.unwrap_err();

    assert!(status.message().contains(&offer.grant_id), "{status:?}");
    assert_refused::<()>(Err(status), Code::FailedPrecondition, "APPLICATION_NOT_NEEDED");
}

/// R12.3: what the catalogue took out of use is neither applied for nor granted; once it is resumed, it is.
#[tokio::test]
async fn what_is_out_of_use_is_not_granted_anew() {
    let fleet = Fleet::start().await;
    let repeated = application();
    let waiting = submit(&fleet, repeated.clone()).await.unwrap();

    let suspended = ResourceSuspended { reason: "核查中".to_owned(), ..Default::default() };
    fleet.catalogue_says(VILLAGES, &suspended).await;
    let status = submit(&fleet, application()).await.unwrap_err();
    assert_refused::<()>(Err(status), Code::FailedPrecondition, "RESOURCE_SUSPENDED");
    let issued = fleet.issue(&fleet.terms(&waiting)).await;
    assert_refused(issued, Code::FailedPrecondition, "RESOURCE_SUSPENDED");
    assert_eq!(submit(&fleet, repeated).await.unwrap(), waiting, "H1: answered as it was");

    fleet.catalogue_says(VILLAGES, &ResourceResumed {}).await;
    fleet.issue(&fleet.terms(&waiting)).await.unwrap();
    let withdrawn = ResourceWithdrawn { reason: "职能已划转".to_owned() };
    fleet.catalogue_says(VILLAGES, &withdrawn).await;
    let status = submit(&fleet, application()).await.unwrap_err();
    assert_refused::<()>(Err(status), Code::FailedPrecondition, "RESOURCE_WITHDRAWN");
}

#[tokio::test]
async fn a_malformed_filter_is_refused_with_its_place() {
    use tonic_types::StatusExt as _;

    let fleet = Fleet::start().await;

    let row_filter = "code = '1' AND kode = '2'".to_owned();
    let status = submit(&fleet, SubmitApplicationRequest { row_filter, ..application() }).await;
    let status = status.unwrap_err();

    let info = status.get_details_error_info().unwrap();
    assert_eq!(info.metadata["row_filter.line"], "1");
    assert_eq!(info.metadata["row_filter.column"], "16");
    assert_refused::<()>(Err(status), Code::InvalidArgument, "APPLICATION_INVALID");
}

#[tokio::test]
async fn a_field_that_is_not_in_the_catalogue_is_named() {
    let fleet = Fleet::start().await;

    let fields = vec!["kode".to_owned()];
    let status = submit(&fleet, SubmitApplicationRequest { fields, ..application() }).await;
    let status = status.unwrap_err();

    assert!(status.message().contains("kode"), "{status:?}");
    assert_refused::<()>(Err(status), Code::InvalidArgument, "APPLICATION_INVALID");
}

#[tokio::test]
async fn a_malformed_request_is_refused_by_field() {
    let fleet = Fleet::start().await;

    for request in [
        SubmitApplicationRequest { command_id: "1".to_owned(), ..application() },
        SubmitApplicationRequest { resource_id: String::new(), ..application() },
        SubmitApplicationRequest { delivery_modes: vec![99], ..application() },
        SubmitApplicationRequest { valid_from: "yesterday".to_owned(), ..application() },
    ] {
        assert_refused(submit(&fleet, request).await, Code::InvalidArgument, "FIELD_INVALID");
    }
    let unknown = SubmitApplicationRequest { resource_id: new_id(), ..application() };
    assert_refused(submit(&fleet, unknown).await, Code::NotFound, "RESOURCE_UNKNOWN");
}

/// R22.1: an application is refused on a legal basis only.
#[tokio::test]
async fn a_refusal_needs_a_legal_basis() {
    let fleet = Fleet::start().await;
    let grant_id = fleet.apply().await;
    let refuse = |legal_basis: &str| RefuseApplicationRequest {
        command_id: new_id(),
        grant_id: grant_id.clone(),
        legal_basis: legal_basis.to_owned(),
        reason: "超出职责范围".to_owned(),
    };

    let refused = fleet.grants(Who::Provider).refuse_application(refuse("")).await;
    assert_refused(refused, Code::InvalidArgument, "LEGAL_BASIS_MISSING");

    fleet
        .grants(Who::Provider)
        .refuse_application(refuse("《数据安全法》第三十八条"))
        .await
        .unwrap();
    let grant = fleet.grant(Who::Consumer, &grant_id).await.unwrap();
    assert_eq!(grant.status(), GrantStatus::Refused);
    assert!(grant.reason.contains("第三十八条"));
}

/// R26.2: a grant gives nothing that was not applied for.
#[tokio::test]
async fn a_grant_is_no_wider_than_its_application() {
    let fleet = Fleet::start().await;
    let terms = fleet.terms(&fleet.apply().await);

    let mut fields = terms.fields.clone();
    fields.push(field("phone"));
    for wider in [
        GrantTerms { fields, ..terms.clone() },
        GrantTerms { purpose: "其他".to_owned(), ..terms.clone() },
        GrantTerms { delivery_modes: vec![DeliveryMode::Push.into()], ..terms.clone() },
        GrantTerms { consumer_code: Who::Stranger.code().to_string(), ..terms.clone() },
    ] {
        assert_refused(fleet.issue(&wider).await, Code::InvalidArgument, "TERMS_INVALID");
    }
    let narrower = GrantTerms { fields: vec![field("code")], ..terms };
    fleet.issue(&narrower).await.unwrap();
}

/// R17.2: rules that the catalogue does not have are not promised, and a mask fits its field.
#[tokio::test]
async fn rules_and_masks_of_a_grant_are_held_against_the_catalogue() {
    let fleet = Fleet::start().await;
    let terms = fleet.terms(&fleet.apply().await);
    let ruled = |quality: QualityRules| GrantTerms {
        fields: vec![GrantedField {
            rules: Some(FieldRules { quality: Some(quality), ..FieldRules::default() }),
            ..field("code")
        }],
        ..terms.clone()
    };
    let unknown = GrantedField { mask: 99, ..field("code") };
    let unfit = GrantedField { mask: Mask::Month.into(), ..field("code") };

    for (terms, named, reason) in [
        (
            ruled(QualityRules { unique: true, ..QualityRules::default() }),
            "field code has other quality rules in the catalogue",
            "TERMS_INVALID",
        ),
        (
            ruled(QualityRules { minimum: "many".to_owned(), ..QualityRules::default() }),
            "fields.rules.quality.minimum",
            "FIELD_INVALID",
        ),
        (GrantTerms { fields: vec![unknown], ..terms.clone() }, "fields.mask", "FIELD_INVALID"),
        (GrantTerms { fields: vec![unfit], ..terms.clone() }, "masked by month", "TERMS_INVALID"),
    ] {
        let refused = fleet.issue(&terms).await;
        let message = refused.as_ref().unwrap_err().message();
        assert!(message.contains(named), "{message}");
        assert_refused(refused, Code::InvalidArgument, reason);
    }
    fleet.issue(&ruled(QualityRules::default())).await.unwrap();
}

/// R26.2: the items that the row filter names are signed with their types, which are the catalogue's.
#[tokio::test]
async fn items_of_a_row_filter_are_signed_with_their_types() {
    let fleet = Fleet::start().await;
    let row_filter = "name = '村' AND code IS NOT NULL".to_owned();
    let filtered = SubmitApplicationRequest { row_filter: row_filter.clone(), ..application() };
    let grant_id = submit(&fleet, filtered).await.unwrap();
    let fields = vec![field("code")];
    let terms = GrantTerms { fields, row_filter, ..fleet.terms(&grant_id) };
    let item =
        |name: &str, kind: ItemType| FilterItem { name: name.to_owned(), r#type: kind.into() };

    for (filter_items, named) in [
        (vec![], "row filter names name, whose type is missing"),
        (vec![item("name", ItemType::Integer)], "filter item name is of type"),
        (vec![item("name", ItemType::Text), item("kode", ItemType::Text)], "filter item kode"),
    ] {
        let refused = fleet.issue(&GrantTerms { filter_items, ..terms.clone() }).await;
        let message = refused.as_ref().unwrap_err().message();
        assert!(message.contains(named), "{message}");
        assert_refused(refused, Code::InvalidArgument, "TERMS_INVALID");
    }
    let filter_items = vec![item("name", ItemType::Text)];
    fleet.issue(&GrantTerms { filter_items, ..terms }).await.unwrap();
}

/// R26.2: only what the caller, a user of the provider, has signed as a grant is issued.
#[tokio::test]
async fn a_grant_that_the_caller_did_not_sign_is_refused() {
    let fleet = Fleet::start().await;
    let terms = fleet.terms(&fleet.apply().await);
    let user = fleet.user(Who::Provider);
    let issue = |grant| IssueGrantRequest { command_id: new_id(), grant: Some(grant) };

    let by_consumer = signed::sign(&Signer::from(&fleet.user(Who::Consumer)), &terms);
    let refused = fleet.grants(Who::Provider).issue_grant(issue(by_consumer.clone())).await;
    assert_refused(refused, Code::PermissionDenied, "NOT_THE_SIGNER");
    let refused = fleet.grants(Who::Consumer).issue_grant(issue(by_consumer)).await;
    assert_refused(refused, Code::PermissionDenied, "OTHER_ORGANISATION");

    let mut altered = signed::sign(&Signer::from(&user), &terms);
    altered.message.push(0);
    let by_foreigner = signed::sign(&Signer::from(&foreign(&user)), &terms);
    let mut other_context = signed::sign(&Signer::from(&user), &TransferRequest::default());
    other_context.message = signed::sign(&Signer::from(&user), &terms).message;
    for forged in [altered, by_foreigner, other_context] {
        let refused = fleet.grants(Who::Provider).issue_grant(issue(forged)).await;
        assert_refused(refused, Code::PermissionDenied, "SIGNATURE_INVALID");
    }
    assert_eq!(fleet.events("grant", &terms.grant_id).await, ["ApplicationSubmitted"]);
}

/// H1: a command that is sent twice has one effect and one answer.
#[tokio::test]
async fn a_repeated_command_is_answered_as_the_first_time() {
    let fleet = Fleet::start().await;
    let request = application();

    let first = submit(&fleet, request.clone()).await.unwrap();
    let terms = fleet.terms(&first);
    let grant = Some(signed::sign(&Signer::from(&fleet.user(Who::Provider)), &terms));
    let issue = IssueGrantRequest { command_id: new_id(), grant };
    let issued = fleet.grants(Who::Provider).issue_grant(issue.clone()).await.unwrap();

    assert_eq!(submit(&fleet, request).await.unwrap(), first);
    let repeated = fleet.grants(Who::Provider).issue_grant(issue).await.unwrap();
    assert_eq!(repeated.get_ref(), issued.get_ref());
    assert_eq!(fleet.events("grant", &first).await, ["ApplicationSubmitted", "GrantIssued"]);
}

/// H1: of two decisions at once, one holds.
#[tokio::test]
async fn of_two_decisions_at_once_one_holds() {
    let fleet = Fleet::start().await;
    let grant_id = fleet.apply().await;
    let refuse = RefuseApplicationRequest {
        command_id: new_id(),
        grant_id: grant_id.clone(),
        legal_basis: "《数据安全法》".to_owned(),
        reason: "不符合条件".to_owned(),
    };

    let mut client = fleet.grants(Who::Provider);
    let terms = fleet.terms(&grant_id);
    let (refused, issued) = tokio::join!(client.refuse_application(refuse), fleet.issue(&terms));

    assert!(refused.is_ok() != issued.is_ok(), "{refused:?} {issued:?}");
    assert_eq!(fleet.events("grant", &grant_id).await.len(), 2);
}

async fn submit(fleet: &Fleet, request: SubmitApplicationRequest) -> Result<String, Status> {
    let response = fleet.grants(Who::Consumer).submit_application(request).await?;
    Ok(response.into_inner().grant_id)
}

/// R26.2: a grant that ends is asked for once more, by its own consumer and for the same resource; who has to renew in time is told.
#[tokio::test]
async fn a_grant_that_ends_is_renewed() {
    let fleet = Fleet::start().await;
    let terms = fleet.granted().await;
    let renewal = || SubmitApplicationRequest {
        valid_from: "2026-12-31".to_owned(),
        valid_until: "2027-06-30".to_owned(),
        renews_grant_id: terms.grant_id.clone(),
        ..application()
    };
    let ending = async |seconds| {
        let now = fleet.clock.now().as_second();
        let ends_before = Some(prost_types::Timestamp { seconds: now + seconds, nanos: 0 });
        let request = ListGrantsRequest { ends_before, ..ListGrantsRequest::default() };
        let listed = fleet.grants(Who::Consumer).list_grants(request).await.unwrap();
        listed.into_inner().grants.into_iter().map(|grant| grant.id).collect::<Vec<_>>()
    };
    assert_eq!(ending(86_400).await, Vec::<String>::new());
    assert_eq!(ending(365 * 86_400).await, std::slice::from_ref(&terms.grant_id));

    let renewed = submit(&fleet, renewal()).await.unwrap();

    let shown = fleet.grant(Who::Provider, &renewed).await.unwrap();
    assert_eq!(shown.renews_grant_id, terms.grant_id);
    let stranger = fleet.grants(Who::Stranger).submit_application(renewal()).await;
    assert_refused(stranger, Code::NotFound, "GRANT_UNKNOWN");
    let resource_id = AREAS.to_owned();
    let other = SubmitApplicationRequest { resource_id, ..renewal() };
    assert_refused(submit(&fleet, other).await, Code::InvalidArgument, "FIELD_INVALID");
    let unknown = SubmitApplicationRequest { renews_grant_id: new_id(), ..renewal() };
    assert_refused(submit(&fleet, unknown).await, Code::NotFound, "GRANT_UNKNOWN");
    fleet.revoke(&terms.grant_id).await;
    let revoked = SubmitApplicationRequest { command_id: new_id(), ..renewal() };
    assert_refused(submit(&fleet, revoked).await, Code::PermissionDenied, "GRANT_REVOKED");
}
