//! Agreements with service providers, and the credentials that end with them.

use std::time::Duration;

use publicdata_identity::CredentialRequest;
use publicdata_proto::catalog::v1::issue_certificate_request::Subject;
use publicdata_proto::catalog::v1::{
    Agreement, AgreementStatus, AgreementTerms, AppointSecurityOfficerRequest, GetAgreementRequest,
    IssueCertificateRequest, IssueCertificateResponse, ListAgreementsRequest, ListSystemsRequest,
    RegisterAgreementRequest, Role, TerminateAgreementRequest,
};
use publicdata_types::china_date;
use tonic::Status;

use crate::fixture::{Catalogue, JINJIANG, QINGYANG, User, code, command_id, reason};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
const SOON: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(20);

pub(crate) async fn register(by: &mut User, until: &str) -> Result<String, Status> {
    let terms = AgreementTerms {
        provider_name: "成都某科技有限公司".to_owned(),
        provider_code: "91350100M000100Y43".to_owned(),
        scope: "数据清洗".to_owned(),
        from: "2026-01-01".to_owned(),
        until: until.to_owned(),
        security_agreement_number: "2026-安-007".to_owned(),
    };
    let request = RegisterAgreementRequest { command_id: command_id(), terms: Some(terms) };
    by.agreements.register_agreement(request).await.map(|done| done.into_inner().agreement_id)
}

async fn terminate(by: &mut User, id: &str) -> Result<(), Status> {
    let request = TerminateAgreementRequest {
        command_id: command_id(),
        agreement_id: id.to_owned(),
        reason: "违约".to_owned(),
    };
    by.agreements.terminate_agreement(request).await.map(|_| ())
}

async fn get(by: &mut User, id: &str) -> Result<Agreement, Status> {
    let request = GetAgreementRequest { agreement_id: id.to_owned() };
    Ok(by.agreements.get_agreement(request).await?.into_inner().agreement.unwrap())
}

async fn list(by: &mut User, request: ListAgreementsRequest) -> Vec<Agreement> {
    by.agreements.list_agreements(request).await.unwrap().into_inner().agreements
}

async fn issue(
    by: &mut User,
    account: &str,
    agreement: &str,
) -> Result<IssueCertificateResponse, Status> {
    let keys = CredentialRequest::generate().unwrap();
    let request = IssueCertificateRequest {
        command_id: command_id(),
        organisation_code: by.code.to_string(),
        subject: Some(Subject::Account(account.to_owned())),
        tls_request: keys.request().tls.clone(),
        signing_request: keys.request().signing.clone(),
        agreement_id: agreement.to_owned(),
    };
    by.organisations.issue_certificate(request).await.map(tonic::Response::into_inner)
}

/// A department whose clerk is its security officer.
async fn department(catalogue: &Catalogue, city: &User) -> User {
    let mut department = catalogue.registered(city, 2, JINJIANG, &[Role::Provider]).await;
    let request = AppointSecurityOfficerRequest {
        command_id: command_id(),
        organisation_code: department.code.to_string(),
        account: "clerk-1".to_owned(),
    };
    department.organisations.appoint_security_officer(request).await.unwrap();
    department
}

fn in_days(catalogue: &Catalogue, days: i64) -> String {
    let today = china_date(catalogue.clock.now());
    today.checked_add(jiff::Span::new().days(days)).unwrap().to_string()
}

/// R44.1: what is issued under an agreement ends on its last day, long before other certificates do.
#[tokio::test]
async fn certificates_end_with_their_agreement() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut department = department(&catalogue, &city).await;
    let until = in_days(&catalogue, 3);
    let agreement = register(&mut department, &until).await.unwrap();

    let issued = issue(&mut department, "vendor-1", &agreement).await.unwrap();
    let read = |der: &[u8]| publicdata_identity::certificate::read(der).unwrap();
    let end = publicdata_types::china_day_end(until.parse().unwrap());
    assert_eq!(read(&issued.tls_certificate).not_after, end);
    assert_eq!(read(&issued.signing_certificate).not_after, end);

    let found = get(&mut department, &agreement).await.unwrap();
    assert_eq!(found.status(), AgreementStatus::InForce);
    assert_eq!(found.spiffe_ids.len(), 1);
    assert!(found.spiffe_ids[0].ends_with("/user/vendor-1"));
    // A long agreement does not make certificates longer.
    let long = register(&mut department, "2999-12-31").await.unwrap();
    let issued = issue(&mut department, "vendor-2", &long).await.unwrap();
    let after = catalogue.clock.now() + jiff::SignedDuration::from_hours(31 * 24);
    assert!(read(&issued.tls_certificate).not_after < after);
}

/// R44.1: an agreement that was terminated lets nobody in any more, whatever the certificate says, and no other agreement's
/// people out.
#[tokio::test]
async fn a_terminated_agreement_takes_its_accounts_out() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut department = department(&catalogue, &city).await;
    let first = register(&mut department, "2999-12-31").await.unwrap();
    let second = register(&mut department, "2999-12-30").await.unwrap();
    issue(&mut department, "vendor-1", &first).await.unwrap();
    issue(&mut department, "vendor-2", &second).await.unwrap();
    let [mut one, mut two] =
        ["vendor-1", "vendor-2"].map(|account| catalogue.account(department.code, account));
    one.register.list_systems(ListSystemsRequest::default()).await.unwrap();
    // An account does not get rid of its agreement by itself.
    let refused = issue(&mut one, "vendor-1", "").await.unwrap_err();
    assert_eq!(reason(&refused), "SECURITY_OFFICER_REQUIRED");
    issue(&mut one, "vendor-1", &first).await.unwrap();

    terminate(&mut department, &first).await.unwrap();

    let refused = one.register.list_systems(ListSystemsRequest::default()).await.unwrap_err();
    assert_eq!(reason(&refused), "AGREEMENT_OVER");
    two.register.list_systems(ListSystemsRequest::default()).await.unwrap();
    let refused = issue(&mut department, "vendor-1", &first).await.unwrap_err();
    assert_eq!(reason(&refused), "AGREEMENT_OVER");
    let found = get(&mut department, &first).await.unwrap();
    assert_eq!(found.status(), AgreementStatus::Terminated);
    assert_eq!(found.termination_reason, "违约");

    issue(&mut department, "vendor-1", &second).await.unwrap();
    one.register.list_systems(ListSystemsRequest::default()).await.unwrap();
}

/// R44.1: an agreement that is about to end is shown ahead; when its last day has passed it ends by itself, as an event.
#[tokio::test]
async fn an_agreement_is_shown_ahead_and_ends_by_itself() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut department = department(&catalogue, &city).await;
    let until = in_days(&catalogue, 10);
    let agreement = register(&mut department, &until).await.unwrap();
    register(&mut department, "2999-12-31").await.unwrap();
    issue(&mut department, "vendor-1", &agreement).await.unwrap();
    let within = |days: u32| ListAgreementsRequest {
        ends_within_days: Some(days),
        ..ListAgreementsRequest::default()
    };

    assert_eq!(list(&mut city, within(9)).await, []);
    let soon = list(&mut city, within(10)).await;
    assert_eq!((soon.len(), &soon[0].id), (1, &agreement));
    assert_eq!(soon[0].terms.clone().unwrap().until, until);

    catalogue.clock.advance(11 * DAY);
    let ended = tokio::time::timeout(SOON, async {
        while get(&mut department, &agreement).await.unwrap().status() != AgreementStatus::Ended {
            tokio::time::sleep(POLL).await;
        }
    });
    ended.await.unwrap();
    assert_eq!(list(&mut city, within(30)).await, []);
    let mut vendor = catalogue.account(department.code, "vendor-1");
    let refused = vendor.register.list_systems(ListSystemsRequest::default()).await.unwrap_err();
    assert_eq!(reason(&refused), "AGREEMENT_OVER");
}

/// R44.1: nothing is issued under an agreement of somebody else, one that has not begun, or none at all.
#[tokio::test]
async fn nothing_rests_on_an_agreement_that_does_not_hold() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut department = department(&catalogue, &city).await;
    let mut other = catalogue.registered(&city, 3, JINJIANG, &[Role::Provider]).await;
    let foreign = register(&mut other, "2999-12-31").await.unwrap();

    let refused = issue(&mut department, "vendor-1", &foreign).await.unwrap_err();
    assert_eq!(reason(&refused), "AGREEMENT_OF_OTHER_ORGANISATION");
    let absent = command_id();
    let refused = issue(&mut department, "vendor-1", &absent).await.unwrap_err();
    assert_eq!(reason(&refused), "AGREEMENT_ABSENT");
    let refused = register(&mut department, "2020-12-31").await.unwrap_err();
    assert_eq!(reason(&refused), "AGREEMENT_ENDS_BEFORE_BEGINNING");
}

/// R13.1: agreements are seen and ended by the department and the authority over it, by nobody else.
#[tokio::test]
async fn nobody_sees_or_ends_an_agreement_over_the_border() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut jinjiang = catalogue.registered(&city, 5, JINJIANG, &[Role::Authority]).await;
    let mut qingyang = catalogue.registered(&city, 6, QINGYANG, &[Role::Authority]).await;
    let mut department = department(&catalogue, &city).await;
    let mut other = catalogue.registered(&city, 7, JINJIANG, &[Role::Provider]).await;
    let agreement = register(&mut department, "2999-12-31").await.unwrap();

    for insider in [&mut department, &mut jinjiang, &mut city] {
        assert!(get(insider, &agreement).await.is_ok());
        assert_eq!(list(insider, ListAgreementsRequest::default()).await.len(), 1);
    }
    for outsider in [&mut qingyang, &mut other] {
        let refused = get(outsider, &agreement).await.unwrap_err();
        assert_eq!(reason(&refused), "AGREEMENT_NOT_FOUND");
        let refused = terminate(outsider, &agreement).await.unwrap_err();
        assert_eq!(reason(&refused), "AGREEMENT_NOT_FOUND");
        assert_eq!(list(outsider, ListAgreementsRequest::default()).await, []);
    }
    terminate(&mut jinjiang, &agreement).await.unwrap();
    assert_eq!(code(2), department.code);
}
