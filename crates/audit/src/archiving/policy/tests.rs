use super::*;

/// R23.2: a month is archived whole, and not before all of it is old enough.
#[test]
fn months_are_archived_whole() {
    let due = |now: &str, days| due(now.parse().unwrap(), days).to_string();

    assert_eq!(due("2026-03-15T12:00:00+08:00", 0), "2026-02-28T16:00:00Z");
    assert_eq!(due("2026-03-31T23:59:59+08:00", 31), "2026-01-31T16:00:00Z");
    assert_eq!(due("2026-01-01T00:00:00+08:00", 365), "2024-12-31T16:00:00Z");
}
