//! What holds when the service ends, comes back, or builds its views anew.

use futures::TryStreamExt as _;
use publicdata_proto::catalog::v1::{Role, SearchResourcesRequest};
use publicdata_views::testing::postgres;

use crate::fixture::{Catalogue, JINJIANG, QINGYANG};

/// H4: a service that is restarted goes on where it was.
#[tokio::test]
async fn a_restart_goes_on_where_it_was() {
    let mut catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let first = provider.draft("名录 1").await;

    catalogue.restart().await;

    let mut provider = catalogue.user(provider.code);
    let second = provider.draft("名录 2").await;
    assert_eq!([first.code, second.code], ["302001/00001", "302001/00002"]);
    let found = provider.resources.search_resources(SearchResourcesRequest::default()).await;
    assert_eq!(found.unwrap().into_inner().resources.len(), 2);
}

/// H2: the views are built from nothing to the same content, while the service answers.
#[tokio::test]
async fn views_are_rebuilt_to_the_same_content() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    for number in 0..3 {
        let id = provider.draft(&format!("名录 {number}")).await.resource_id;
        provider.submit(&id).await;
        city.publish(&id).await.unwrap();
    }
    crate::register::fill(&mut provider).await;

    for view in [&catalogue.entries, &catalogue.directory, &catalogue.register] {
        let before = view.content().await.unwrap();
        let rebuilt = view.rebuild().await.unwrap();
        assert_eq!(rebuilt.content, before);
        assert!(before.rows > 0);
    }
    let after = provider.draft("名录 3").await;
    assert_eq!(after.code, "302001/00004");
}

/// H5: an event names who acted by certificate, and holds nothing else of them.
#[tokio::test]
async fn events_name_actors_by_opaque_ids() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    provider.draft("名录").await;

    let history = catalogue.store.read("CATALOG", 1, None).await.unwrap();
    let history: Vec<_> = history.try_collect().await.unwrap();

    assert_eq!(history.len(), 4);
    for recorded in history {
        let actor = recorded.commit().unwrap().actor;
        let id: publicdata_identity::SpiffeId = actor.parse().unwrap();
        assert!(matches!(id, publicdata_identity::SpiffeId::User { .. }));
    }
}

/// H2, H4: the same on Postgres: entries are found, a restart goes on, and a rebuild gives the same content.
#[tokio::test]
async fn views_live_in_postgres_as_well() {
    let server = postgres();
    let mut catalogue = Catalogue::start_on(server.url(), tempfile::tempdir().unwrap()).await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let consumer = catalogue.registered(&city, 3, QINGYANG, &[Role::Consumer]).await;
    let published = provider.draft("社区名录 100%").await.resource_id;
    provider.submit(&published).await;
    city.publish(&published).await.unwrap();
    provider.draft("社区草稿").await;

    let query = |words: &str| SearchResourcesRequest {
        query: words.to_owned(),
        region_code: JINJIANG.to_owned(),
        ..SearchResourcesRequest::default()
    };
    for (user, words, expected) in [
        (&provider, "社区", 2),
        (&city, "社区", 2),
        (&consumer, "社区", 1),
        (&consumer, "100%", 1),
        (&consumer, "草稿", 0),
    ] {
        let found = user.resources.clone().search_resources(query(words)).await.unwrap();
        assert_eq!(found.get_ref().resources.len(), expected, "{words}");
    }

    crate::register::fill(&mut provider).await;
    crate::register::is_listed(&mut city).await;
    let before = catalogue.entries.content().await.unwrap();
    let register = catalogue.register.content().await.unwrap();
    catalogue.restart().await;
    assert_eq!(catalogue.entries.rebuild().await.unwrap().content, before);
    assert_eq!(catalogue.register.rebuild().await.unwrap().content, register);
    let again = catalogue.user(provider.code).draft("社区名录 2").await;
    assert_eq!(again.code, "302001/00003");
}
