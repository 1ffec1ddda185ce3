//! What the certificates look like.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyUsagePurpose, SanType, SerialNumber,
};
use ring::rand::{SecureRandom as _, SystemRandom};
use time::OffsetDateTime;

use crate::request::Purpose;
use crate::spiffe::{SpiffeId, TrustDomain};

/// `id-kp-documentSigning`, RFC 9336.
const DOCUMENT_SIGNING: [u64; 9] = [1, 3, 6, 1, 5, 5, 7, 3, 36];
const HOURS_PER_DAY: i64 = 24;

/// From when to when a certificate is valid, both inclusive, in whole seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    not_before: Timestamp,
    not_after: Timestamp,
}

/// The end of a validity does not lie after its beginning.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a certificate cannot be valid from {not_before} to {not_after}")]
pub struct ValidityError {
    not_before: Timestamp,
    not_after: Timestamp,
}

// === impl Validity ===

impl Validity {
    /// Fractions of a second are cut off, as X.509 knows none.
    pub fn new(not_before: Timestamp, not_after: Timestamp) -> Result<Self, ValidityError> {
        let error = ValidityError { not_before, not_after };
        match (whole_seconds(not_before), whole_seconds(not_after)) {
            (Some(not_before), Some(not_after)) if not_before < not_after => {
                Ok(Self { not_before, not_after })
            }
            _ => Err(error),
        }
    }

    /// A validity of that many days.
    pub fn days(not_before: Timestamp, days: u16) -> Result<Self, ValidityError> {
        let duration = SignedDuration::from_hours(HOURS_PER_DAY * i64::from(days));
        let not_after = not_before.checked_add(duration).unwrap_or(not_before);
        Self::new(not_before, not_after)
    }

    /// The first moment.
    #[must_use]
    pub fn not_before(&self) -> Timestamp {
        self.not_before
    }

    /// The last moment.
    #[must_use]
    pub fn not_after(&self) -> Timestamp {
        self.not_after
    }
}

pub(crate) fn root(
    domain: &TrustDomain,
    validity: Validity,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "publicdata");
    params.distinguished_name.push(DnType::CommonName, format!("root of {domain}"));
    params.subject_alt_names = vec![SanType::URI(domain.uri().try_into()?)];
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.serial_number = Some(SerialNumber::from_slice(&random_serial()?));
    set_validity(&mut params, validity)?;
    Ok(params)
}

pub(crate) fn leaf(
    id: &SpiffeId,
    purpose: Purpose,
    validity: Validity,
) -> Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::default();
    params.distinguished_name = subject(id);
    params.subject_alt_names = vec![SanType::URI(id.to_string().try_into()?)];
    params.is_ca = IsCa::ExplicitNoCa;
    params.use_authority_key_identifier_extension = true;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.serial_number = Some(SerialNumber::from_slice(&random_serial()?));
    set_validity(&mut params, validity)?;

    match (purpose, id.dns_name()) {
        (Purpose::Tls, None) => {
            params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        }
        (Purpose::Tls, Some(dns_name)) => {
            params.extended_key_usages =
                vec![ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::ServerAuth];
            params.subject_alt_names.extend([
                SanType::DnsName(dns_name.try_into()?),
                SanType::DnsName("localhost".try_into()?),
                SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)),
                SanType::IpAddress(IpAddr::V6(Ipv6Addr::LOCALHOST)),
            ]);
        }
        (Purpose::Signing, _) => {
            params.key_usages.push(KeyUsagePurpose::ContentCommitment);
            params.extended_key_usages =
                vec![ExtendedKeyUsagePurpose::Other(DOCUMENT_SIGNING.to_vec())];
        }
    }
    Ok(params)
}

fn subject(id: &SpiffeId) -> DistinguishedName {
    let (organisation, name) = match id {
        SpiffeId::Node { organisation, name, .. } => (organisation.as_str(), name.as_str()),
        SpiffeId::User { organisation, account, .. } => (organisation.as_str(), account.as_str()),
        SpiffeId::Service { name, .. } => ("publicdata", name.as_str()),
    };
    let mut subject = DistinguishedName::new();
    subject.push(DnType::OrganizationName, organisation);
    subject.push(DnType::CommonName, name);
    subject
}

fn set_validity(params: &mut CertificateParams, validity: Validity) -> Result<(), rcgen::Error> {
    let convert = |at: Timestamp| {
        OffsetDateTime::from_unix_timestamp(at.as_second()).map_err(|_| rcgen::Error::Time)
    };
    params.not_before = convert(validity.not_before)?;
    params.not_after = convert(validity.not_after)?;
    Ok(())
}

fn random_serial() -> Result<[u8; 16], rcgen::Error> {
    let mut serial = [0; 16];
    SystemRandom::new().fill(&mut serial).map_err(|_| rcgen::Error::RingUnspecified)?;
    // A serial number is positive, and has no leading zero byte.
    serial[0] = serial[0] & 0x7f | 0x40;
    Ok(serial)
}

/// The serial number of a certificate that was issued before; `None` if it cannot be one.
pub(crate) fn serial_from_hex(digits: &str) -> Option<SerialNumber> {
    let byte = |index| u8::from_str_radix(digits.get(index..index + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    bytes.filter(|bytes| !bytes.is_empty()).map(SerialNumber::from)
}

fn whole_seconds(at: Timestamp) -> Option<Timestamp> {
    Timestamp::from_second(at.as_second()).ok()
}
