use super::*;

const KEEP: SignedDuration = SignedDuration::from_mins(5);

fn noon() -> Timestamp {
    "2026-03-02T04:00:00Z".parse().unwrap()
}

fn transfer() -> TransferId {
    "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0003".parse().unwrap()
}

fn grant() -> GrantId {
    "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0001".parse().unwrap()
}

/// R26.2: a node that was restarted still knows which grants were revoked.
#[test]
fn revocations_are_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), noon(), KEEP).unwrap();
    assert!(!journal.is_revoked(grant()));
    journal.revoke(grant()).unwrap();
    journal.revoke(grant()).unwrap();

    let much_later = noon() + SignedDuration::from_hours(9_000);
    let journal = Journal::open(folder.path(), much_later, KEEP).unwrap();

    assert!(journal.is_revoked(grant()));
    let lines = fs::read_to_string(folder.path().join(FILE)).unwrap();
    assert_eq!(lines.lines().count(), 1);
}

#[test]
fn request_is_served_once() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), noon(), KEEP).unwrap();
    let mut serve = |key: &[u8]| journal.serve(transfer(), key, noon(), noon()).unwrap();

    assert_eq!(serve(b"key"), Seen::Never);
    assert_eq!(serve(b"key"), Seen::Before);
    assert_eq!(serve(b"another attempt's key"), Seen::Never);

    let mut journal = Journal::open(folder.path(), noon(), KEEP).unwrap();
    let seen = journal.serve(transfer(), b"key", noon(), noon()).unwrap();
    assert_eq!(seen, Seen::Before, "over a restart as well");
}

#[test]
fn what_is_refused_for_its_age_is_forgotten() {
    let folder = tempfile::tempdir().unwrap();
    let mut journal = Journal::open(folder.path(), noon(), KEEP).unwrap();
    journal.serve(transfer(), b"key", noon(), noon()).unwrap();

    let later = noon() + KEEP + SignedDuration::from_secs(1);
    drop(Journal::open(folder.path(), later, KEEP).unwrap());

    assert_eq!(fs::read_to_string(folder.path().join(FILE)).unwrap(), "");
}

#[test]
fn line_cut_short_by_a_crash_is_left_out_and_a_damaged_one_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(FILE);
    fs::write(&path, format!("revoked {}\nrevoked 0b51", grant())).unwrap();
    assert!(Journal::open(folder.path(), noon(), KEEP).unwrap().is_revoked(grant()));

    fs::write(&path, format!("revoked 0b51\nrevoked {}\n", grant())).unwrap();
    let error = Journal::open(folder.path(), noon(), KEEP).unwrap_err();
    assert!(error.source.to_string().contains("line 1 is damaged"), "{}", error.source);
}

/// R26.2: what was done under a grant is counted by consumer, over restarts, until the grant is over; beyond the longest span
/// only the rows.
#[test]
fn uses_are_remembered_until_the_grant_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let days = |days: i64| noon() + SignedDuration::from_hours(24 * days);
    let (first, second) = (transfer(), "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0004".parse().unwrap());
    let (own, other): (OrganisationCode, OrganisationCode) =
        ("11510100MB7654321G".parse().unwrap(), "11510100MB1234567K".parse().unwrap());
    let key = (grant(), own);
    let mut journal = Journal::open(folder.path(), noon(), KEEP).unwrap();
    let unlimited = terms(days(100));
    journal.begin(&unlimited, own, first, noon()).unwrap();
    assert_eq!(journal.usage(key, second), Usage::default(), "nothing is counted without a limit");

    let limited = Terms { total_rows_max: Some(1), ..unlimited };
    for rows in [7, 5] {
        journal.begin(&limited, own, first, noon()).unwrap();
        journal.delivered(key, first, rows).unwrap();
    }
    journal.begin(&limited, other, second, noon()).unwrap();
    let used = Usage { begun: vec![noon()], rows: 7 };
    let at = |now| Journal::open(folder.path(), now, KEEP).unwrap().usage(key, second);
    assert_eq!(journal.usage(key, second), used, "an attempt that is resumed counts once");
    assert_eq!(
        journal.usage(key, first),
        Usage::default(),
        "nor does a transfer count against itself"
    );
    assert_eq!(at(days(30)), used);
    assert_eq!(at(days(31)), Usage { begun: vec![], rows: 7 });
    assert_eq!(at(days(32)), Usage { begun: vec![], rows: 7 });
    assert_eq!(at(days(100)), Usage::default());
    assert_eq!(fs::read_to_string(folder.path().join(FILE)).unwrap(), "");
}

fn terms(valid_until: Timestamp) -> Terms {
    Terms {
        grant: grant(),
        resource: "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0002".parse().unwrap(),
        resource_code: "302001/00001".parse().unwrap(),
        provider: "11510100MB1234567K".parse().unwrap(),
        consumer: None,
        fields: vec![],
        row_filter: None,
        filter_items: [].into(),
        purpose: String::new(),
        modes: [].into(),
        valid_from: noon(),
        valid_until,
        rows_max: None,
        rate: None,
        total_rows_max: None,
    }
}
