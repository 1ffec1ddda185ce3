use super::*;
use crate::testing::{always, authority, domain};
use crate::{CertificateAuthority, TrustDomain};

#[test]
fn several_roots_of_one_domain_are_trusted_together() {
    let pem = authority().root_pem().to_owned() + authority().root_pem();

    assert_eq!(TrustRoots::from_pem(&pem).unwrap().domain(), &domain());
}

#[test]
fn roots_of_two_domains_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let other: TrustDomain = "other.internal".parse().unwrap();
    let other = CertificateAuthority::create(folder.path(), other, always()).unwrap();
    let pem = authority().root_pem().to_owned() + other.root_pem();

    let error = TrustRoots::from_pem(&pem).unwrap_err().to_string();
    assert!(error.contains("`test.internal` and `other.internal`"), "{error}");
}

#[test]
fn an_empty_file_is_no_root() {
    assert!(matches!(TrustRoots::from_pem(""), Err(TrustRootsError::Empty)));
}
