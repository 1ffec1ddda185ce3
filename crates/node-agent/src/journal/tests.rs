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

const OWN: &str = "11510100MB7654321G";
const OTHER: &str = "11510100MB1234567K";

fn days(days: i64) -> Timestamp {
    noon() + SignedDuration::from_hours(24 * days)
}

fn second() -> TransferId {
    "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0004".parse().unwrap()
}

/// R26.2: what was done under a grant is counted by consumer, over restarts, until the grant is over; beyond the longest span
/// only the rows.
#[test]
fn uses_are_remembered_until_the_grant_is_over() {
    let folder = tempfile::tempdir().unwrap();
    let (own, other): (OrganisationCode, OrganisationCode) =
        (OWN.parse().unwrap(), OTHER.parse().unwrap());
    let key = (grant(), own);
    let mut journal = Journal::open(folder.path(), noon(), KEEP).unwrap();
    let unlimited = terms(days(100));
    journal.begin(&unlimited, own, (transfer(), 0), noon()).unwrap();
    assert_eq!(journal.usage(key, second(), 0), Usage::default(), "there is no limit");

    let limited = Terms { total_rows_max: Some(1), ..unlimited };
    assert_eq!(journal.begin(&limited, own, (transfer(), 0), noon()).unwrap(), 0);
    journal.delivered(key, transfer(), 7, 2).unwrap();
    // It goes on with what it has: once more the same use, whose rows are added.
    assert_eq!(journal.begin(&limited, own, (transfer(), 2), days(1)).unwrap(), 7);
    journal.delivered(key, transfer(), 9, 3).unwrap();
    journal.begin(&limited, other, (second(), 0), noon()).unwrap();

    let used = Usage { begun: vec![noon()], rows: 9 };
    assert_eq!(journal.usage(key, second(), 0), used);
    let resumed = Usage { begun: vec![], rows: 9 };
    assert_eq!(journal.usage(key, transfer(), 3), resumed, "no beginning counts against a resume");
    let at = |now| Journal::open(folder.path(), now, KEEP).unwrap().usage(key, second(), 0);
    assert_eq!(at(days(30)), used);
    assert_eq!(at(days(31)), Usage { begun: vec![], rows: 9 });
    assert_eq!(at(days(32)), Usage { begun: vec![], rows: 9 });
    assert_eq!(at(days(100)), Usage::default());
    assert_eq!(fs::read_to_string(folder.path().join(FILE)).unwrap(), "");
}

/// R26.2: whoever asks again and again for frames that were sent uses the grant again.
#[test]
fn frames_that_are_sent_again_and_again_are_another_use() {
    let folder = tempfile::tempdir().unwrap();
    let own: OrganisationCode = OWN.parse().unwrap();
    let key = (grant(), own);
    let mut journal = Journal::open(folder.path(), noon(), KEEP).unwrap();
    let limited = Terms { total_rows_max: Some(1), ..terms(days(100)) };
    journal.begin(&limited, own, (transfer(), 0), noon()).unwrap();
    journal.delivered(key, transfer(), 10, 5).unwrap();

    for hour in 1..=3 {
        assert_eq!(journal.usage(key, transfer(), 1).begun, [], "attempt {hour}");
        let at = noon() + SignedDuration::from_hours(hour);
        journal.begin(&limited, own, (transfer(), 1), at).unwrap();
    }
    drop(journal);
    let mut journal = Journal::open(folder.path(), noon(), KEEP).unwrap();
    assert_eq!(journal.usage(key, transfer(), 5).begun, [], "one that has all goes on");
    assert_eq!(journal.usage(key, transfer(), 1).begun, [noon()]);
    journal.begin(&limited, own, (transfer(), 1), days(1)).unwrap();
    assert_eq!(journal.usage(key, second(), 0).begun, [noon(), days(1)]);
}

/// R26.2: what was delivered counts, also if it could not be written down at once.
#[test]
fn what_could_not_be_written_counts_nevertheless() {
    let folder = tempfile::tempdir().unwrap();
    let own: OrganisationCode = OWN.parse().unwrap();
    let mut journal = Journal::open(folder.path(), noon(), KEEP).unwrap();
    let limited = Terms { total_rows_max: Some(1), ..terms(days(100)) };
    journal.begin(&limited, own, (transfer(), 0), noon()).unwrap();
    // A file that is open for reading alone takes nothing, as a full disk.
    let writable =
        std::mem::replace(&mut journal.file, File::open(folder.path().join(FILE)).unwrap().into());
    journal.delivered((grant(), own), transfer(), 7, 1).unwrap_err();
    journal.file = writable;

    assert_eq!(journal.usage((grant(), own), second(), 0).rows, 7);
    journal.delivered((grant(), own), transfer(), 8, 1).unwrap();
    let journal = Journal::open(folder.path(), noon(), KEEP).unwrap();
    assert_eq!(journal.usage((grant(), own), second(), 0).rows, 8);
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
