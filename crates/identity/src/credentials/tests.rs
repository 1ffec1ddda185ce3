use std::error::Error as _;
use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::testing::{
    authority, credentials, credentials_for, node, noon, past, service, validity,
};

fn saved(credentials: &Credentials) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    credentials.save(folder.path()).unwrap();
    folder
}

#[track_caller]
fn unusable(folder: &tempfile::TempDir, expected: &str) {
    let error = Credentials::load(folder.path()).unwrap_err();
    assert!(error.to_string().contains(&folder.path().display().to_string()), "{error}");
    let reason = error.source().unwrap().to_string();
    assert!(reason.contains(expected), "{reason}");
}

#[test]
fn what_is_saved_is_loaded() {
    let credentials = credentials(&authority(), &node("n1"));

    let loaded = Credentials::load(saved(&credentials).path()).unwrap();

    assert_eq!(loaded.id(), &node("n1"));
    assert_eq!(loaded.tls_certificate_pem(), credentials.tls_certificate_pem());
    assert_eq!(loaded.tls_key_pem(), credentials.tls_key_pem());
    assert_eq!(loaded.not_after(), credentials.not_after());
}

#[test]
fn keys_are_readable_by_their_owner_alone_also_after_renewal() {
    let authority = authority();
    let folder = saved(&credentials(&authority, &node("n1")));
    credentials(&authority, &node("n1")).save(folder.path()).unwrap();

    for key in ["tls.key", "signing.key"] {
        let mode = folder.path().join(key).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{key}");
    }
    assert_eq!(folder.path().read_dir().unwrap().count(), 5);
}

#[test]
fn keys_are_not_printed() {
    let printed = format!("{:?}", credentials(&authority(), &node("n1")));

    assert!(printed.contains("n1"), "{printed}");
    assert!(!printed.contains("PRIVATE"), "{printed}");
}

/// H3: an error names the file and what to do.
#[test]
fn a_missing_file_is_named() {
    let folder = saved(&credentials(&authority(), &node("n1")));
    fs::remove_file(folder.path().join("signing.pem")).unwrap();

    let error = Credentials::load(folder.path()).unwrap_err().to_string();
    assert!(error.contains("signing.pem; ask the authority"), "{error}");
}

#[test]
fn files_of_two_requests_do_not_mix() {
    let authority = authority();
    let folder = saved(&credentials(&authority, &node("n1")));
    let other = saved(&credentials(&authority, &node("n1")));
    fs::copy(other.path().join("tls.key"), folder.path().join("tls.key")).unwrap();

    unusable(&folder, "tls.key does not belong to tls.pem");
}

#[test]
fn another_authoritys_root_does_not_fit() {
    let folder = saved(&credentials(&authority(), &node("n1")));
    fs::write(folder.path().join("ca.pem"), authority().root_pem()).unwrap();

    unusable(&folder, "tls.pem is not vouched for by ca.pem");
}

#[test]
fn certificates_of_two_principals_do_not_mix() {
    let authority = authority();
    let folder = saved(&credentials(&authority, &node("n1")));
    let other = saved(&credentials(&authority, &service("audit")));
    for file in ["tls.pem", "tls.key"] {
        fs::copy(other.path().join(file), folder.path().join(file)).unwrap();
    }

    unusable(&folder, "both must be issued to one principal");
}

#[test]
fn the_pairs_are_not_interchangeable() {
    let folder = saved(&credentials(&authority(), &node("n1")));
    for (from, to) in [("signing.pem", "tls.pem"), ("signing.key", "tls.key")] {
        fs::copy(folder.path().join(from), folder.path().join(to)).unwrap();
    }

    unusable(&folder, "tls.pem is not vouched for");
}

#[test]
fn damaged_files_are_named() {
    for (file, expected) in [
        ("ca.pem", "ca.pem is unusable"),
        ("tls.pem", "tls.pem does not hold a certificate"),
        ("signing.key", "signing.key does not hold a private key"),
    ] {
        let folder = saved(&credentials(&authority(), &node("n1")));
        fs::write(folder.path().join(file), "damaged").unwrap();

        unusable(&folder, expected);
    }
}

#[test]
fn expiry_is_judged_at_a_given_time() {
    let authority = authority();
    let credentials_of = |validity| credentials_for(&authority, &node("n1"), validity);

    assert!(credentials(&authority, &node("n1")).check_valid(noon()).is_ok());
    let expired = credentials_of(past()).check_valid(noon()).unwrap_err().to_string();
    assert!(expired.contains("expired at 2021-01-01T00:00:00Z; ask the authority"), "{expired}");
    let early = credentials_of(validity("2030-01-01T00:00:00Z", "2031-01-01T00:00:00Z"));
    assert!(matches!(early.check_valid(noon()), Err(CredentialsError::NotYetValid { .. })));
}
