//! Organisations, security officers, certificates.

use publicdata_identity::CredentialRequest;
use publicdata_proto::catalog::v1::issue_certificate_request::Subject;
use publicdata_proto::catalog::v1::{
    AppointSecurityOfficerRequest, ChangeOrganisationRequest, CloseOrganisationRequest,
    GetOrganisationRequest, IssueCertificateRequest, IssueCertificateResponse,
    ListOrganisationsRequest, ListSystemsRequest, Organisation, RegisterOrganisationRequest, Role,
    SearchResourcesRequest,
};
use tonic::{Code, Status};

use crate::fixture::{
    CITY, Catalogue, JINJIANG, QINGYANG, User, code, command_id, reason, registration,
};

async fn appoint(by: &mut User, account: &str) -> u64 {
    let request = AppointSecurityOfficerRequest {
        command_id: command_id(),
        organisation_code: by.code.to_string(),
        account: account.to_owned(),
    };
    by.organisations.appoint_security_officer(request).await.unwrap().get_ref().sequence
}

fn certificates(of: &User, subject: Subject) -> IssueCertificateRequest {
    let keys = CredentialRequest::generate().unwrap();
    IssueCertificateRequest {
        command_id: command_id(),
        organisation_code: of.code.to_string(),
        subject: Some(subject),
        tls_request: keys.request().tls.clone(),
        signing_request: keys.request().signing.clone(),
        agreement_id: String::new(),
    }
}

async fn issue(
    by: &mut User,
    request: &IssueCertificateRequest,
) -> Result<IssueCertificateResponse, Status> {
    by.organisations.issue_certificate(request.clone()).await.map(tonic::Response::into_inner)
}

fn id_in(certificate: &[u8]) -> String {
    publicdata_identity::certificate::read(certificate).unwrap().id.to_string()
}

/// The first authority registers itself, and nobody else after it.
#[tokio::test]
async fn the_first_authority_registers_itself_and_the_last() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut second = catalogue.user(code(2));

    let itself = registration(second.code, CITY, &[Role::Authority]);
    let refused = second.organisations.register_organisation(itself).await.unwrap_err();
    assert_eq!(reason(&refused), "AUTHORITY_EXISTS");

    let get = GetOrganisationRequest { code: city.code.to_string() };
    let found = city.organisations.get_organisation(get).await.unwrap().into_inner();
    let found = found.organisation.unwrap();
    assert_eq!(found.code, city.code.to_string());
    assert_eq!((found.region_code.as_str(), found.roles), (CITY, vec![Role::Authority as i32]));
}

/// H3: a code with a wrong check digit is refused, and the right one is named.
#[tokio::test]
async fn a_mistyped_organisation_code_is_refused_with_the_expected_check_character() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let right = code(2).to_string();
    let (body, check) = right.split_at(17);
    let wrong = format!("{body}{}", if check == "0" { '1' } else { '0' });

    let request = registrations_code(&wrong);
    let refused = city.organisations.register_organisation(request).await.unwrap_err();

    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(reason(&refused), "FIELD_INVALID");
    assert!(refused.message().contains(&format!("`{check}` is expected")), "{}", refused.message());
    assert!(!refused.message().contains(&wrong), "what is refused is not repeated");
}

fn registrations_code(
    code_text: &str,
) -> publicdata_proto::catalog::v1::RegisterOrganisationRequest {
    let mut request = registration(code(2), JINJIANG, &[Role::Provider]);
    request.code = code_text.to_owned();
    request
}

/// R13.1: an authority registers in its own region only, and others register nobody.
#[tokio::test]
async fn an_authority_registers_within_its_region() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut district = catalogue.registered(&city, 2, JINJIANG, &[Role::Authority]).await;
    let mut provider = catalogue.registered(&city, 3, JINJIANG, &[Role::Provider]).await;

    let own = registration(code(4), JINJIANG, &[Role::Consumer]);
    district.organisations.register_organisation(own).await.unwrap();
    let beyond = registration(code(5), QINGYANG, &[Role::Consumer]);
    let refused = district.organisations.register_organisation(beyond.clone()).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::PermissionDenied, "OUTSIDE_REGION".to_owned())
    );
    let refused = provider.organisations.register_organisation(beyond).await.unwrap_err();
    assert_eq!(reason(&refused), "ROLE_MISSING");
}

async fn get(by: &mut User, code: impl ToString) -> Organisation {
    let request = GetOrganisationRequest { code: code.to_string() };
    let found = by.organisations.get_organisation(request).await.unwrap().into_inner();
    found.organisation.unwrap()
}

fn change(of: &User, region: &str) -> ChangeOrganisationRequest {
    ChangeOrganisationRequest {
        command_id: command_id(),
        code: of.code.to_string(),
        region_code: region.to_owned(),
        reason: "区划调整".to_owned(),
        ..ChangeOrganisationRequest::default()
    }
}

/// H3: a division that the city does not have is refused, with those that are near, or with what became of it; by another
/// revision it is taken, and the revision is kept.
#[tokio::test]
async fn a_division_is_known_by_the_revision_that_its_code_is_of() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;

    for (region, hint) in [("510103", "510104 锦江区"), ("510132", "510118 新津区")] {
        let request = registration(code(2), region, &[Role::Provider]);
        let refused = city.organisations.register_organisation(request).await.unwrap_err();
        assert_eq!(reason(&refused), "FIELD_INVALID");
        assert!(refused.message().contains(hint), "{}", refused.message());
    }
    let old = RegisterOrganisationRequest {
        region_revision: "2019".to_owned(),
        ..registration(code(2), "510132", &[Role::Provider])
    };
    city.organisations.register_organisation(old).await.unwrap();
    assert_eq!(get(&mut city, code(2)).await.region_revision, "2019");
    assert_eq!(get(&mut city, city_code()).await.region_revision, "2023");

    // Xinjin became a district.
    let mut moved = change(&catalogue.user(code(2)), "510118");
    moved.name = "成都市新津区民政局".to_owned();
    city.organisations.change_organisation(moved).await.unwrap();
    let found = get(&mut city, code(2)).await;
    assert_eq!((found.region_code.as_str(), found.region_revision.as_str()), ("510118", "2023"));
    assert_eq!(found.name, "成都市新津区民政局");
    assert_eq!(found.roles, [Role::Provider as i32]);
}

fn city_code() -> publicdata_types::OrganisationCode {
    code(1)
}

/// R13.1: an organisation is moved by the authority over both divisions, and is seen from where it lies now.
#[tokio::test]
async fn an_organisation_moves_from_one_authority_to_another() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut jinjiang = catalogue.registered(&city, 2, JINJIANG, &[Role::Authority]).await;
    let mut qingyang = catalogue.registered(&city, 3, QINGYANG, &[Role::Authority]).await;
    let mut provider = catalogue.registered(&city, 4, JINJIANG, &[Role::Provider]).await;
    crate::register::fill(&mut provider).await;

    for (authority, expected) in
        [(&mut jinjiang, "OUTSIDE_REGION"), (&mut qingyang, "OUTSIDE_REGION")]
    {
        let refused = authority.organisations.change_organisation(change(&provider, QINGYANG));
        assert_eq!(reason(&refused.await.unwrap_err()), expected);
    }
    let refused = provider.organisations.change_organisation(change(&provider, QINGYANG)).await;
    assert_eq!(reason(&refused.unwrap_err()), "ROLE_MISSING");
    let request = change(&provider, QINGYANG);
    let first = city.organisations.change_organisation(request.clone()).await.unwrap();
    let again = city.organisations.change_organisation(request).await.unwrap();
    assert_eq!(first.get_ref().sequence, again.get_ref().sequence, "H1");

    crate::register::is_listed(&mut qingyang).await;
    let listed = jinjiang.register.list_systems(ListSystemsRequest::default()).await.unwrap();
    assert_eq!(listed.get_ref().systems, []);
}

/// H3: the people of an organisation that was dissolved are refused, and told who took over.
#[tokio::test]
async fn an_organisation_that_was_dissolved_is_closed() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut jinjiang = catalogue.registered(&city, 2, JINJIANG, &[Role::Authority]).await;
    let mut provider = catalogue.registered(&city, 3, JINJIANG, &[Role::Provider]).await;
    let successor = catalogue.registered(&city, 4, JINJIANG, &[Role::Provider]).await;
    let close = |of: &User, successor: &str| CloseOrganisationRequest {
        command_id: command_id(),
        code: of.code.to_string(),
        successor_code: successor.to_owned(),
        reason: "机构改革".to_owned(),
    };

    let unknown = close(&provider, code(9).as_str());
    let refused = jinjiang.organisations.close_organisation(unknown).await.unwrap_err();
    assert_eq!(reason(&refused), "SUCCESSOR_UNFIT");
    let itself = close(&jinjiang, "");
    let refused = jinjiang.organisations.close_organisation(itself).await.unwrap_err();
    assert_eq!(reason(&refused), "OWN_AUTHORITY");
    let request = close(&provider, successor.code.as_str());
    jinjiang.organisations.close_organisation(request).await.unwrap();

    for caller in [&mut provider, &mut catalogue.node(code(3))] {
        let refused =
            caller.organisations.list_organisations(ListOrganisationsRequest::default()).await;
        let refused = refused.unwrap_err();
        assert_eq!(refused.code(), Code::PermissionDenied);
        assert_eq!(reason(&refused), "ORGANISATION_CLOSED");
        assert!(refused.message().contains(successor.code.as_str()), "{}", refused.message());
    }
    let found = get(&mut city, provider.code).await;
    assert_eq!(found.successor_code, successor.code.to_string());
    assert!(!found.closed_on.is_empty());
    let again = registration(provider.code, JINJIANG, &[Role::Provider]);
    let refused = city.organisations.register_organisation(again).await.unwrap_err();
    assert_eq!(reason(&refused), "ORGANISATION_CLOSED");
}

/// What could be registered is said without registering it, for an import that is tried first.
#[tokio::test]
async fn a_registration_is_tried_without_effect() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let tried = |number, region| RegisterOrganisationRequest {
        validate_only: true,
        ..registration(code(number), region, &[Role::Provider])
    };

    let done = city.organisations.register_organisation(tried(2, JINJIANG)).await.unwrap();
    assert_eq!(done.get_ref().sequence, 0);
    let refused = city.organisations.register_organisation(tried(1, JINJIANG)).await.unwrap_err();
    assert_eq!(reason(&refused), "ORGANISATION_REGISTERED_OTHERWISE");
    let listed =
        city.organisations.list_organisations(ListOrganisationsRequest::default()).await.unwrap();
    assert_eq!(listed.get_ref().organisations.len(), 1);
}

/// R43.1: without a security officer a node gets no certificate; with one it does.
#[tokio::test]
async fn no_security_officer_no_node_certificate() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let request = certificates(&provider, Subject::NodeName("n1".to_owned()));

    let refused = issue(&mut provider, &request).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(reason(&refused), "SECURITY_OFFICER_MISSING");

    appoint(&mut provider, "clerk-1").await;
    let issued = issue(&mut provider, &request).await.unwrap();
    let expected = format!("spiffe://test.internal/org/{}/node/n1", provider.code);
    assert_eq!(id_in(&issued.tls_certificate), expected);
    assert_eq!(id_in(&issued.signing_certificate), expected);
}

/// R43.1: a user's certificate needs no officer. R45.1: nobody gets certificates of another organisation, nor, without being
/// the security officer, of a colleague.
#[tokio::test]
async fn certificates_are_issued_to_ones_own() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let mut stranger = catalogue.registered(&city, 3, QINGYANG, &[Role::Provider]).await;

    let colleague = certificates(&provider, Subject::Account("clerk-2".to_owned()));
    let refused = issue(&mut provider, &colleague).await.unwrap_err();
    assert_eq!(reason(&refused), "SECURITY_OFFICER_REQUIRED");
    let request = certificates(&provider, Subject::Account("clerk-1".to_owned()));
    issue(&mut provider, &request).await.unwrap();
    let request = certificates(&provider, Subject::Account("clerk-1".to_owned()));
    let refused = issue(&mut stranger, &request).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);

    let unsigned = IssueCertificateRequest { tls_request: vec![1, 2, 3], ..request };
    let refused = issue(&mut provider, &unsigned).await.unwrap_err();
    assert_eq!(reason(&refused), "CERTIFICATE_REQUEST_INVALID");
}

/// H1: a repeated request is answered with the certificates that were recorded; other keys under its id are refused.
#[tokio::test]
async fn a_repeated_certificate_request_gets_the_same_certificates() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let request = certificates(&city, Subject::Account("clerk-2".to_owned()));

    let first = issue(&mut city, &request).await.unwrap();
    let again = issue(&mut city, &request).await.unwrap();

    assert_eq!(again.sequence, first.sequence);
    assert_eq!(again.root_certificate, first.root_certificate);
    let read = |der: &[u8]| publicdata_identity::certificate::read(der).unwrap();
    assert_eq!(read(&again.tls_certificate), read(&first.tls_certificate));
    assert_eq!(read(&again.signing_certificate), read(&first.signing_certificate));

    let other = certificates(&city, Subject::Account("clerk-2".to_owned()));
    let other = IssueCertificateRequest { command_id: request.command_id, ..other };
    assert_eq!(reason(&issue(&mut city, &other).await.unwrap_err()), "COMMAND_ID_REUSED");
}

/// R9.2: whoever is not registered reads nothing, whatever the certificate.
#[tokio::test]
async fn an_organisation_that_is_not_registered_is_refused() {
    let catalogue = Catalogue::start().await;
    catalogue.city().await;
    let mut unknown = catalogue.user(code(9));

    let refused =
        unknown.resources.search_resources(SearchResourcesRequest::default()).await.unwrap_err();

    assert_eq!(refused.code(), Code::PermissionDenied);
    assert_eq!(reason(&refused), "ORGANISATION_UNKNOWN");
}

/// Nodes read; they write nothing.
#[tokio::test]
async fn a_node_writes_nothing() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut node = catalogue.node(city.code);

    let request = registration(code(2), JINJIANG, &[Role::Provider]);
    let refused = node.organisations.register_organisation(request).await.unwrap_err();
    assert_eq!(reason(&refused), "USER_REQUIRED");
    node.organisations.list_organisations(ListOrganisationsRequest::default()).await.unwrap();
}

#[tokio::test]
async fn organisations_are_listed_page_by_page() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    for number in 2..=5 {
        catalogue.registered(&city, number, JINJIANG, &[Role::Consumer]).await;
    }

    let (mut found, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListOrganisationsRequest { page_size: 2, page_token };
        let page = city.organisations.list_organisations(request).await.unwrap().into_inner();
        found.extend(page.organisations.into_iter().map(|organisation| organisation.code));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }

    let expected: Vec<String> = (1..=5).map(|number| code(number).to_string()).collect();
    assert_eq!(found, expected);
}
