use super::*;

fn wanted() -> StreamOptions {
    StreamOptions::new("CATALOG", 1)
}

#[test]
fn stream_as_we_make_it_keeps_the_promise() {
    assert_eq!(broken_promises(&wanted().config(), &wanted()), Vec::<String>::new());
    assert_eq!(wanted().subjects, ["ev.catalog.>"]);
}

/// H1: whatever would let a server drop an acknowledged commit is refused.
#[test]
fn whatever_loses_commits_is_refused() {
    type Break = fn(&mut Config);
    let break_one: [(&str, Break); 12] = [
        ("storage", |config| config.storage = StorageType::Memory),
        ("retention", |config| config.retention = RetentionPolicy::Interest),
        ("discard", |config| config.discard = DiscardPolicy::Old),
        ("max_age", |config| config.max_age = Duration::from_secs(1)),
        ("max_msgs ", |config| config.max_messages = 10),
        ("max_bytes", |config| config.max_bytes = 10),
        ("deny_delete", |config| config.deny_delete = false),
        ("deny_purge", |config| config.deny_purge = false),
        ("rollup", |config| config.allow_rollup = true),
        ("ttl", |config| config.allow_message_ttl = true),
        ("persist_mode", |config| config.persist_mode = Some(PersistenceMode::Async)),
        ("subjects", |config| config.subjects = vec!["ev.>".to_owned()]),
    ];
    for (what, break_it) in break_one {
        let mut config = wanted().config();
        break_it(&mut config);
        let reasons = broken_promises(&config, &wanted());
        assert_eq!(reasons.len(), 1, "{what}: {reasons:?}");
        assert!(reasons[0].contains(what), "{what}: {reasons:?}");
    }
}

#[test]
fn everything_wrong_is_named_at_once() {
    let mut config = wanted().config();
    config.deny_purge = false;
    config.max_messages = 1;
    let three = StreamOptions { replicas: 3, ..wanted() };
    assert_eq!(
        broken_promises(&config, &three),
        ["max_msgs must be -1", "deny_purge must be true", "num_replicas must be 3"]
    );
}
