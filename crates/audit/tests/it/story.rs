//! The story that events tell.

use futures::TryStreamExt as _;
use publicdata_audit::client::Selection;
use publicdata_proto::catalog::v1::ResourcePublished;
use publicdata_proto::exchange::v1::{GrantRevoked, TransferRefused};

use crate::bench::Bench;

/// H2: what happened is told from the events alone, in the order of the log, and can be narrowed down.
#[tokio::test]
async fn story_is_told_from_events_alone() {
    let bench = Bench::on_nats().await;
    let running = bench.start().await;
    let published = ResourcePublished { version: 1, published_on: "2026-03-02".to_owned() };
    bench.append("catalog", "resource", &published).await;
    let refused =
        TransferRefused { reason: "FIELD_OUTSIDE_GRANT".to_owned(), ..TransferRefused::default() };
    bench.append("exchange", "transfer", &refused).await;
    let revoked = GrantRevoked { reason: "no longer needed".to_owned() };
    bench.append("exchange", "grant", &revoked).await;
    let auditor = bench.auditor(&running).await;
    let events = bench.settled(&running).await;

    let told = async |selection: Selection| -> Vec<String> {
        let story = auditor.replay(selection).await.unwrap();
        let story: Vec<_> = story.try_collect().await.unwrap();
        story.into_iter().flat_map(|told| told.events).map(|event| event.sentence).collect()
    };
    let all = told(Selection::default()).await;
    assert_eq!(u64::try_from(all.len()).unwrap(), events);
    let of_stream = Selection { stream: "EXCHANGE".to_owned(), ..Selection::default() };
    assert_eq!(
        told(of_stream).await,
        ["transfer refused: reason FIELD_OUTSIDE_GRANT", "grant revoked: reason no longer needed",]
    );
    let of_subject =
        Selection { subject_prefix: "ev.catalog.resource.".to_owned(), ..Selection::default() };
    assert_eq!(told(of_subject).await, ["resource published: version 1, published on 2026-03-02"]);
    let before_all =
        Selection { until: Some("2020-01-01T00:00:00Z".parse().unwrap()), ..Selection::default() };
    assert!(told(before_all).await.is_empty());
    let since =
        Selection { from: Some("2020-01-01T00:00:00Z".parse().unwrap()), ..Selection::default() };
    assert_eq!(told(since).await, all);
}
