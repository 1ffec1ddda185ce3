//! Who gets certificates, and what they may rest on.

use publicdata_types::{Actor, AgreementId};

use super::{
    Certificate, Event, Organisation, Registration, Rejection, Subject, may_manage,
    must_be_responsible,
};
use crate::agreement::Cover;

impl Organisation {
    pub(super) fn issue_certificate(
        &self,
        subject: &Subject,
        certificate: Certificate,
        cover: Option<Cover>,
        by: &Actor,
    ) -> Result<Vec<Event>, Rejection> {
        let (registration, security_officer) = self.taking_part()?;
        may_manage(registration, by)?;

        let expected = format!("/org/{}/{subject}", registration.code);
        if !certificate.spiffe_id.ends_with(&expected) {
            return Err(Rejection::OtherSubject { expected });
        }
        if matches!(subject, Subject::Node(_)) && security_officer.is_none() {
            return Err(Rejection::SecurityOfficerMissing);
        }
        // A service provider's account could otherwise shed its agreement, and outlive it.
        let agreement = cover.map(|cover| cover.agreement);
        let renews_itself =
            by.id.ends_with(&expected) && agreement == self.agreement_of(&certificate.spiffe_id);
        if !renews_itself {
            must_be_responsible(registration, security_officer, by)?;
        }
        check_cover(registration, subject, &certificate, cover)?;
        if certificate.not_after <= certificate.not_before {
            return Err(Rejection::NeverValid { not_after: certificate.not_after });
        }
        match self.certificates().contains(&certificate) {
            true => Ok(vec![]),
            false => Ok(vec![Event::CertificateIssued(certificate)]),
        }
    }

    /// The certificates it was given, oldest first; one that was closed has none any more.
    #[must_use]
    pub fn certificates(&self) -> &[Certificate] {
        match self {
            Self::Registered { certificates, .. } => certificates,
            Self::Absent | Self::Closed { .. } => &[],
        }
    }

    /// The agreement that the last certificates of this principal rest on.
    fn agreement_of(&self, spiffe_id: &str) -> Option<AgreementId> {
        let mut latest = self.certificates().iter().rev();
        latest.find(|issued| issued.spiffe_id == spiffe_id).and_then(|issued| issued.agreement)
    }
}

/// R44.1: what rests on an agreement is its organisation's, an account, and ends with it.
fn check_cover(
    registration: &Registration,
    subject: &Subject,
    certificate: &Certificate,
    cover: Option<Cover>,
) -> Result<(), Rejection> {
    let Some(Cover { agreement, organisation, not_after }) = cover else { return Ok(()) };
    if matches!(subject, Subject::Node(_)) {
        return Err(Rejection::AgreementForNode);
    }
    if organisation != registration.code {
        return Err(Rejection::AgreementOfOther { agreement });
    }
    match certificate.not_after > not_after {
        true => Err(Rejection::OutlivesAgreement { not_after }),
        false => Ok(()),
    }
}
