//! Organisations, their security officers and certificates.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::SignedDuration;
use publicdata_catalog_domain::organisation::{
    Certificate, Change, Command, Key, Organisation as Aggregate, Registration, Subject, Successor,
};
use publicdata_decider::Decider as _;
use publicdata_directory as directory;
use publicdata_directory::organisation::role_to_wire;
use publicdata_event_store::aggregates::Aggregates;
use publicdata_identity::{
    CertificateAuthority, CertificateRequest, Issued, SpiffeId, Validity, peer,
};
use publicdata_proto::catalog::v1::organisation_service_server::OrganisationService;
use publicdata_proto::catalog::v1::{
    AppointSecurityOfficerRequest, AppointSecurityOfficerResponse, ChangeOrganisationRequest,
    ChangeOrganisationResponse, CloseOrganisationRequest, CloseOrganisationResponse,
    GetOrganisationRequest, GetOrganisationResponse, IssueCertificateRequest,
    IssueCertificateResponse, ListOrganisationsRequest, ListOrganisationsResponse, Organisation,
    RegisterOrganisationRequest, RegisterOrganisationResponse, issue_certificate_request,
};
use publicdata_types::{
    AgreementId, OrganisationCode, PageToken, RegionCode, RegionRevision, Role, china_date,
};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use tonic::{Request, Response, Status};

use super::{Shared, next_page_token, page_size, parse, parse_optional};
use crate::agreements::AgreementDesk;
use crate::codec::{self, role_from_request};
use crate::divisions;
use crate::error::Error;

/// Certificates begin a little before they are made: not every machine's clock is right.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Answers `OrganisationService`.
#[derive(Debug)]
pub(crate) struct Organisations {
    pub(crate) aggregates: Aggregates<codec::Organisation>,
    pub(crate) agreements: Arc<AgreementDesk>,
    pub(crate) issuing: Issuing,
    pub(crate) shared: Arc<Shared>,
}

/// Who issues certificates, and for how long.
#[derive(Debug)]
pub(crate) struct Issuing {
    pub(crate) authority: CertificateAuthority,
    pub(crate) certificate_days: u16,
}

#[tonic::async_trait]
impl OrganisationService for Organisations {
    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn register_organisation(
        &self,
        request: Request<RegisterOrganisationRequest>,
    ) -> Result<Response<RegisterOrganisationResponse>, Status> {
        let id = peer(&request).map_err(|error| Error::Internal(error.into()))?;
        let message = request.get_ref();
        let meta = self.shared.meta(&message.command_id, &id.to_string())?;
        let registration = registration(message)?;
        let code = registration.code;

        let command = self.registering(&request, &id, registration).await?;
        if message.validate_only {
            let (state, _) = self.aggregates.get(code.as_str()).await.map_err(Error::from)?;
            state.decide(command).map_err(Error::Organisation)?;
            return Ok(Response::new(RegisterOrganisationResponse { sequence: 0 }));
        }
        let done = self.aggregates.execute(code.as_str(), &meta, command).await;
        let sequence = done.map_err(Error::from)?.sequence;

        self.shared.until_seen(sequence).await;
        Ok(Response::new(RegisterOrganisationResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn change_organisation(
        &self,
        request: Request<ChangeOrganisationRequest>,
    ) -> Result<Response<ChangeOrganisationResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let code: OrganisationCode = parse("code", &message.code)?;
        let change = self.change(&code, &message).await?;

        let command = Command::Change { change, reason: message.reason, by };
        let done = self.aggregates.execute(code.as_str(), &meta, command).await;
        let sequence = done.map_err(Error::from)?.sequence;

        self.shared.until_seen(sequence).await;
        Ok(Response::new(ChangeOrganisationResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn close_organisation(
        &self,
        request: Request<CloseOrganisationRequest>,
    ) -> Result<Response<CloseOrganisationResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let code: OrganisationCode = parse("code", &message.code)?;
        let successor = self.successor(&message.successor_code).await?;

        let (on, reason) = (china_date(meta.at), message.reason);
        let command = Command::Close { successor, on, reason, by };
        let done = self.aggregates.execute(code.as_str(), &meta, command).await;
        let sequence = done.map_err(Error::from)?.sequence;

        self.shared.until_seen(sequence).await;
        Ok(Response::new(CloseOrganisationResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn appoint_security_officer(
        &self,
        request: Request<AppointSecurityOfficerRequest>,
    ) -> Result<Response<AppointSecurityOfficerResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let code: OrganisationCode = parse("organisation_code", &message.organisation_code)?;
        let account = parse("account", &message.account)?;

        let command = Command::AppointSecurityOfficer { account, by };
        let done = self.aggregates.execute(code.as_str(), &meta, command).await;
        let sequence = done.map_err(Error::from)?.sequence;

        self.shared.until_seen(sequence).await;
        Ok(Response::new(AppointSecurityOfficerResponse { sequence }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn issue_certificate(
        &self,
        request: Request<IssueCertificateRequest>,
    ) -> Result<Response<IssueCertificateResponse>, Status> {
        let by = self.shared.directory.user(&request).await?;
        let message = request.into_inner();
        let meta = self.shared.meta(&message.command_id, &by.id)?;
        let code = parse("organisation_code", &message.organisation_code)?;
        let subject = subject(&message)?;
        let id = self.issuing.id(code, &subject)?;
        let keys =
            CertificateRequest { tls: message.tls_request, signing: message.signing_request };

        let agreement: Option<AgreementId> = parse_optional("agreement_id", &message.agreement_id)?;
        let cover = match agreement {
            Some(agreement) => Some(self.agreements.cover(&agreement, &meta).await?),
            None => None,
        };
        let validity = self.issuing.validity(meta.at, cover.map(|cover| cover.not_after))?;
        let mut issued =
            self.issuing.authority.issue(&id, &keys, validity).map_err(Error::Issue)?;
        let certificate = certificate(&issued, agreement);
        let command = Command::IssueCertificate { subject, certificate, cover, by };
        let done = self.aggregates.execute(code.as_str(), &meta, command).await;
        let done = done.map_err(Error::from)?;
        if done.repeated {
            issued = self.issuing.again(&id, &keys, &done.state)?;
        }
        self.shared.until_seen(done.sequence).await;

        Ok(Response::new(IssueCertificateResponse {
            tls_certificate: der(&issued.tls.pem)?,
            signing_certificate: der(&issued.signing.pem)?,
            root_certificate: der(&issued.roots_pem)?,
            sequence: done.sequence,
        }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn get_organisation(
        &self,
        request: Request<GetOrganisationRequest>,
    ) -> Result<Response<GetOrganisationResponse>, Status> {
        self.shared.directory.caller(&request).await?;
        let code = parse("code", &request.get_ref().code)?;

        let found = self.shared.directory.organisation_now(&code).await?;
        let found = found.ok_or(Error::OrganisationNotFound)?;
        Ok(Response::new(GetOrganisationResponse { organisation: Some(to_wire(&found)) }))
    }

    #[tracing::instrument(skip_all, err(level = "debug"))]
    async fn list_organisations(
        &self,
        request: Request<ListOrganisationsRequest>,
    ) -> Result<Response<ListOrganisationsResponse>, Status> {
        self.shared.directory.caller(&request).await?;
        let message = request.get_ref();
        let size = page_size(message.page_size)?;
        let token: Option<PageToken> = parse_optional("page_token", &message.page_token)?;
        let after = token.map(|token| parse("page_token", token.key())).transpose()?;

        let found = self.shared.directory.organisations(after.as_ref(), size).await?;
        let last = found.last().map(|last| last.code.to_string());
        Ok(Response::new(ListOrganisationsResponse {
            next_page_token: next_page_token(found.len(), size, last),
            organisations: found.iter().map(to_wire).collect(),
        }))
    }
}

impl Organisations {
    /// Whoever is registered registers others; as long as there is no authority, one registers itself.
    async fn registering(
        &self,
        request: &Request<RegisterOrganisationRequest>,
        id: &SpiffeId,
        registration: Registration,
    ) -> Result<Command, Error> {
        if let SpiffeId::User { organisation: by, .. } = id {
            let directory = &self.shared.directory;
            if directory.organisation_now(by).await?.is_none() {
                let existing = directory.any_authority().await?;
                let existing_authority = existing.map(|existing| existing.code);
                return Ok(Command::Found { registration, by: *by, existing_authority });
            }
        }
        let by = self.shared.directory.user(request).await?;
        Ok(Command::Register { registration, by })
    }

    async fn change(
        &self,
        code: &OrganisationCode,
        message: &ChangeOrganisationRequest,
    ) -> Result<Change, Error> {
        let region = match (message.region_code.as_str(), message.region_revision.as_str()) {
            ("", "") => None,
            ("", revision) => {
                let known = self.shared.directory.organisation_now(code).await?;
                let known = known.ok_or(Error::OrganisationNotFound)?;
                Some(division(&known.region.to_string(), revision)?)
            }
            (region, revision) => Some(division(region, revision)?),
        };
        let roles = roles(&message.roles)?;
        Ok(Change {
            name: Some(message.name.clone()).filter(|name| !name.is_empty()),
            region,
            roles: Some(roles).filter(|roles| !roles.is_empty()),
        })
    }

    async fn successor(&self, code: &str) -> Result<Successor, Error> {
        let Some(code) = parse_optional("successor_code", code)? else {
            return Ok(Successor::Nobody);
        };
        let found = self.shared.directory.organisation_now(&code).await?;
        match found.is_some_and(|found| found.closed.is_none()) {
            true => Ok(Successor::TakesPart(code)),
            false => Ok(Successor::Unknown(code)),
        }
    }
}

impl Issuing {
    fn id(&self, organisation: OrganisationCode, subject: &Subject) -> Result<SpiffeId, Error> {
        let domain = self.authority.domain();
        match subject {
            Subject::Node(name) => SpiffeId::node(domain, organisation, name.as_str())
                .map_err(|source| Error::field("node_name", source)),
            Subject::User(account) => SpiffeId::user(domain, organisation, account.as_str())
                .map_err(|source| Error::field("account", source)),
        }
    }

    /// As long as certificates are valid, and neither the authority nor an agreement that they rest on ends before.
    fn validity(
        &self,
        now: jiff::Timestamp,
        agreement_ends: Option<jiff::Timestamp>,
    ) -> Result<Validity, Error> {
        let internal = |error: Box<dyn std::error::Error + Send + Sync>| Error::Internal(error);
        let from = now.checked_sub(CLOCK_SKEW).map_err(|error| internal(error.into()))?;
        let validity =
            Validity::days(from, self.certificate_days).map_err(|error| internal(error.into()))?;
        let until = validity.not_after().min(self.authority.not_after());
        let until = agreement_ends.map_or(until, |end| until.min(end));
        Validity::new(from, until).map_err(|error| internal(error.into()))
    }

    /// The certificates that were recorded, made again for the same keys.
    fn again(
        &self,
        id: &SpiffeId,
        keys: &CertificateRequest,
        then: &Aggregate,
    ) -> Result<Issued, Error> {
        let recorded = then.certificates().last().ok_or(Error::CommandReused)?;
        let validity = Validity::new(recorded.not_before, recorded.not_after)
            .map_err(|error| Error::Internal(error.into()))?;
        let serials = [recorded.tls.serial.as_str(), recorded.signing.serial.as_str()];
        let issued = self.authority.reissue(id, keys, validity, serials).map_err(Error::Issue)?;
        match certificate(&issued, recorded.agreement) == *recorded {
            true => Ok(issued),
            false => Err(Error::CommandReused),
        }
    }
}

fn registration(message: &RegisterOrganisationRequest) -> Result<Registration, Error> {
    let code = parse("code", &message.code)?;
    let (region, revision) = division(&message.region_code, &message.region_revision)?;
    Ok(Registration {
        code,
        name: message.name.clone(),
        region,
        region_revision: Some(revision),
        roles: roles(&message.roles)?,
    })
}

fn roles(numbers: &[i32]) -> Result<BTreeSet<Role>, Error> {
    let mut roles = BTreeSet::new();
    for number in numbers {
        roles.insert(role_from_request("roles", *number)?);
    }
    Ok(roles)
}

/// A division, and the revision that its code is of: the one that the platform knows, unless another is named.
fn division(code: &str, revision: &str) -> Result<(RegionCode, RegionRevision), Error> {
    let region = parse("region_code", code)?;
    let revision = parse_optional("region_revision", revision)?.unwrap_or(divisions::REVISION);
    let known = divisions::check(&region, revision);
    known.map_err(|error| Error::field("region_code", error))?;
    Ok((region, revision))
}

fn subject(message: &IssueCertificateRequest) -> Result<Subject, Error> {
    match &message.subject {
        Some(issue_certificate_request::Subject::NodeName(name)) => {
            parse("node_name", name).map(Subject::Node)
        }
        Some(issue_certificate_request::Subject::Account(account)) => {
            parse("account", account).map(Subject::User)
        }
        None => Err(Error::field("subject", "name a node or an account")),
    }
}

fn certificate(issued: &Issued, agreement: Option<AgreementId>) -> Certificate {
    let key = |issued: &publicdata_identity::IssuedCertificate| Key {
        serial: issued.serial.clone(),
        public_key: issued.public_key_digest,
    };
    Certificate {
        spiffe_id: issued.id.to_string(),
        tls: key(&issued.tls),
        signing: key(&issued.signing),
        not_before: issued.tls.validity.not_before(),
        not_after: issued.tls.validity.not_after(),
        agreement,
    }
}

fn der(pem: &str) -> Result<Vec<u8>, Error> {
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes());
    certificate.map(|der| der.to_vec()).map_err(|error| Error::Internal(error.into()))
}

fn to_wire(organisation: &directory::Organisation) -> Organisation {
    let officer = organisation.security_officer.as_ref();
    let closed = organisation.closed.as_ref();
    Organisation {
        code: organisation.code.to_string(),
        name: organisation.name.clone(),
        region_code: organisation.region.to_string(),
        roles: organisation.roles.iter().map(|role| role_to_wire(*role).into()).collect(),
        security_officer_account: text_of(officer),
        region_revision: text_of(organisation.region_revision),
        closed_on: text_of(closed.map(|closed| closed.on)),
        successor_code: text_of(closed.and_then(|closed| closed.successor)),
    }
}

fn text_of(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}
