use super::*;

const ORIGIN: &str = "test.internal/audit";

#[test]
fn key_is_made_once_and_only_its_owner_reads_it() {
    let folder = tempfile::tempdir().unwrap();

    let made = open(folder.path(), ORIGIN).unwrap();
    let again = open(folder.path(), ORIGIN).unwrap();

    assert_eq!(made.verifier_key(), again.verifier_key());
    let mode = fs::metadata(folder.path().join(KEY_FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, OWNER_ONLY);
    let public = fs::read_to_string(folder.path().join(VERIFIER_KEY_FILE)).unwrap();
    assert_eq!(public.trim(), made.verifier_key());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2, "nothing else is left behind");
}

#[test]
fn key_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path(), ORIGIN).unwrap();
    let path = folder.path().join(KEY_FILE);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();

    assert!(matches!(open(folder.path(), ORIGIN), Err(KeyFileError::Exposed { .. })));
}

#[test]
fn key_of_another_log_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path(), ORIGIN).unwrap();

    let other = open(folder.path(), "test.internal/other");

    assert!(matches!(other, Err(KeyFileError::OtherOrigin { .. })));
}

#[test]
fn damaged_key_is_refused_and_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path(), ORIGIN).unwrap();
    let path = folder.path().join(KEY_FILE);
    fs::write(&path, "nothing of use").unwrap();

    assert!(matches!(open(folder.path(), ORIGIN), Err(KeyFileError::Key { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), "nothing of use");
}
