use super::*;

fn mirror() -> MirrorConfig {
    MirrorConfig { stream: "CATALOG".to_owned(), domain: "city".to_owned() }
}

/// R45.1: least privilege: a leaf node copies what it is to copy, and writes nothing.
#[test]
fn a_leaf_node_publishes_no_event() {
    let leaf = mirror_permissions(&["CATALOG"], "city");
    assert_eq!(leaf.publish, ["$JS.city.API.CONSUMER.CREATE.CATALOG", "$JS.FC.>"]);
    assert_eq!(leaf.subscribe, ["$JS.M.>", "$JSC.R.>"]);
}

#[test]
fn a_stream_that_is_no_such_mirror_is_refused() {
    assert!(broken_promises(&mirror().config(1), &mirror(), 1).is_empty());
    let other = MirrorConfig { domain: "province".to_owned(), ..mirror() };
    assert_eq!(
        broken_promises(&mirror().config(1), &other, 1),
        ["it must mirror CATALOG of domain province"]
    );
    let lossy = Config { deny_purge: false, ..mirror().config(1) };
    assert_eq!(broken_promises(&lossy, &mirror(), 1), ["deny_purge must be true"]);
}
