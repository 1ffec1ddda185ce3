//! Working together with other platforms: what is offered to them, and what is taken from them.

use futures::StreamExt as _;
use publicdata_catalogue_formats::dcat::{Page, Syntax, read};
use publicdata_proto::catalog::v1::{
    CatalogChangeKind, DraftResourceRequest, ForeignDescription, ForeignOutcome, HarvestKind,
    ListForeignResourcesRequest, ListHarvestSourcesRequest, RecordForeignResourcesRequest,
    RecordForeignResourcesResponse, RegisterHarvestSourceRequest, ResourceChange, Role,
    SuspendResourceRequest, WatchChangesRequest, WithdrawResourceRequest,
};
use reqwest::StatusCode;
use serde_json::Value;
use tonic::Status;

use crate::fixture::{
    Catalogue, JINJIANG, OFFERED_AT, QINGYANG, User, command_id, description, draft, reason,
};

async fn get(catalogue: &Catalogue, path: &str, accept: &str) -> reqwest::Response {
    let request = reqwest::Client::new().get(format!("{}{path}", catalogue.feed));
    request.header("accept", accept).send().await.unwrap()
}

async fn page(catalogue: &Catalogue, path: &str, syntax: Syntax) -> Page {
    let answer = get(catalogue, path, syntax.media_type()).await;
    assert_eq!(answer.status(), StatusCode::OK, "{path}");
    let media_type = answer.headers()["content-type"].to_str().unwrap().to_owned();
    assert_eq!(Syntax::of_media_type(&media_type), Some(syntax));
    read(&answer.bytes().await.unwrap(), syntax, OFFERED_AT).unwrap()
}

async fn published(city: &mut User, provider: &mut User, name: &str) -> String {
    let id = provider.draft(name).await.resource_id;
    provider.submit(&id).await;
    city.publish(&id).await.unwrap();
    id
}

async fn revised(city: &mut User, provider: &mut User, id: &str, name: &str) {
    let revision = DraftResourceRequest {
        resource_id: id.to_owned(),
        ..draft(description(provider.code, name))
    };
    provider.resources.draft_resource(revision).await.unwrap();
    provider.submit(id).await;
    city.publish(id).await.unwrap();
}

/// The lines of a page of changes, and the last one, which says where to go on.
async fn changes(catalogue: &Catalogue, cursor: &str, limit: usize) -> (Vec<Value>, Value) {
    let path = format!("/changes?cursor={cursor}&limit={limit}");
    let text = get(catalogue, &path, "*/*").await.text().await.unwrap();
    let mut lines: Vec<Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let end = lines.pop().unwrap();
    (lines, end)
}

/// R23.3: what was published is offered in DCAT, in every syntax, and nothing else is.
#[tokio::test]
async fn what_was_published_is_offered_in_dcat() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    published(&mut city, &mut provider, "社区名录").await;
    provider.draft("草稿").await;

    for syntax in Syntax::ALL {
        for path in [format!("/catalog.{}", syntax.ending()), "/catalog".to_owned()] {
            let page = page(&catalogue, &path, syntax).await;
            assert_eq!(page.datasets.len(), 1);
            assert_eq!(page.datasets[0].title, "社区名录");
            assert_eq!(page.datasets[0].identifier, "302001/00001");
            assert_eq!(page.datasets[0].uri, format!("{OFFERED_AT}/dataset/302001-00001"));
            assert_eq!(page.next, None);
        }
    }
    let one = page(&catalogue, "/dataset/302001-00001", Syntax::JsonLd).await;
    assert_eq!(one.datasets.len(), 1);
    for hidden in ["/dataset/302001-00002", "/dataset/nonsense", "/dataset/302001-00003"] {
        assert_eq!(get(&catalogue, hidden, "*/*").await.status(), StatusCode::NOT_FOUND);
    }
    let wrong = get(&catalogue, "/catalog.ttl?page=nonsense", "*/*").await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
    assert!(wrong.text().await.unwrap().contains("page"), "H3: the field is named");
}

/// R23.3: a harvester that has the page is told so, until something changes.
#[tokio::test]
async fn a_page_that_did_not_change_is_not_sent_again() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let id = published(&mut city, &mut provider, "社区名录").await;
    let first = get(&catalogue, "/catalog.ttl", "*/*").await;
    let etag = first.headers()["etag"].clone();
    assert!(first.headers()["last-modified"].to_str().unwrap().ends_with(" GMT"));
    let again = || {
        let request = reqwest::Client::new().get(format!("{}/catalog.ttl", catalogue.feed));
        request.header("if-none-match", &etag).send()
    };

    assert_eq!(again().await.unwrap().status(), StatusCode::NOT_MODIFIED);
    revised(&mut city, &mut provider, &id, "社区（村）名录").await;
    assert_eq!(again().await.unwrap().status(), StatusCode::OK);
}

/// R23.3: changes are given out with a cursor that goes on, also when there is nothing.
#[tokio::test]
async fn changes_go_on_from_a_cursor() {
    let mut catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let (none, end) = changes(&catalogue, "", 10).await;
    assert!(none.is_empty());
    let id = published(&mut city, &mut provider, "社区名录").await;
    published(&mut city, &mut provider, "村名录").await;
    revised(&mut city, &mut provider, &id, "社区（村）名录").await;
    provider.draft("草稿").await;

    // One by one, and all at once, over a restart in between.
    let mut cursor = end["cursor"].as_str().unwrap().to_owned();
    let mut kinds = Vec::new();
    loop {
        let (lines, end) = changes(&catalogue, &cursor, 1).await;
        kinds.extend(lines.iter().map(|line| line["kind"].as_str().unwrap().to_owned()));
        cursor = end["cursor"].as_str().unwrap().to_owned();
        if end["more"] == Value::Bool(false) {
            break;
        }
    }
    let expected = ["PUBLISHED", "PUBLISHED", "REVISED"];
    assert_eq!(kinds, expected.map(|kind| format!("CATALOG_CHANGE_KIND_{kind}")));
    catalogue.restart().await;
    let (all, end) = changes(&catalogue, "", 100).await;
    assert_eq!(all.len(), 3);
    assert_eq!(all[2]["resource"]["description"]["name"], "社区（村）名录");
    assert_eq!(all[2]["resource"]["version"], 2);
    let (none, again) = changes(&catalogue, &cursor, 100).await;
    assert!(none.is_empty());
    assert_eq!(again["cursor"], end["cursor"]);

    let wrong = get(&catalogue, "/changes?cursor=nonsense", "*/*").await;
    assert_eq!(wrong.status(), StatusCode::BAD_REQUEST);
}

/// R23.3, R12.3: what is suspended or withdrawn is offered no more, and the changes say so; a draft goes unnoticed.
#[tokio::test]
async fn what_is_out_of_use_is_offered_no_more() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let first = published(&mut city, &mut provider, "社区名录").await;
    let second = published(&mut city, &mut provider, "村名录").await;
    let third = provider.draft("街道名录").await.resource_id;
    let (_, end) = changes(&catalogue, "", 100).await;
    let cursor = end["cursor"].as_str().unwrap();

    let reason = "数据有误，核查中".to_owned();
    let (command_id, resource_id) = (command_id(), first.clone());
    let suspend = SuspendResourceRequest { command_id, resource_id, reason: reason.clone() };
    provider.resources.suspend_resource(suspend).await.unwrap();
    for resource_id in [second.clone(), third] {
        let command_id = crate::fixture::command_id();
        let withdraw = WithdrawResourceRequest { command_id, resource_id, reason: reason.clone() };
        provider.resources.withdraw_resource(withdraw).await.unwrap();
    }

    assert!(page(&catalogue, "/catalog.ttl", Syntax::Turtle).await.datasets.is_empty());
    let gone = get(&catalogue, "/dataset/302001-00001", "*/*").await;
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    let (lines, _) = changes(&catalogue, cursor, 100).await;
    let said: Vec<_> =
        lines.iter().map(|line| (line["kind"].as_str().unwrap(), &line["resourceId"])).collect();
    assert_eq!(
        said,
        [
            ("CATALOG_CHANGE_KIND_SUSPENDED", &Value::from(first)),
            ("CATALOG_CHANGE_KIND_WITHDRAWN", &Value::from(second)),
        ]
    );
    assert!(lines[1]["resource"].is_null());
    assert_eq!(lines[0]["resource"]["status"], "RESOURCE_STATUS_SUSPENDED");
}

/// R23.3: whoever watches sees what was, and then what comes.
#[tokio::test]
async fn changes_are_watched_as_they_come() {
    let mut catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let mut consumer = catalogue.registered(&city, 3, QINGYANG, &[Role::Consumer]).await;
    let id = published(&mut city, &mut provider, "社区名录").await;
    let watch = async |consumer: &mut User, cursor: &str| {
        let request = WatchChangesRequest { cursor: cursor.to_owned() };
        let changes = consumer.exports.watch_changes(request).await.unwrap().into_inner();
        changes.map(|change| change.unwrap().change.unwrap()).boxed()
    };
    let summary = |change: &ResourceChange| {
        let name = change.resource.clone().and_then(|resource| resource.description);
        (change.kind(), name.unwrap().name)
    };

    let mut changes = watch(&mut consumer, "").await;
    let first = changes.next().await.unwrap();
    assert_eq!(summary(&first), (CatalogChangeKind::Published, "社区名录".to_owned()));
    provider.draft("草稿").await;
    revised(&mut city, &mut provider, &id, "社区（村）名录").await;
    let second = changes.next().await.unwrap();
    assert_eq!(summary(&second), (CatalogChangeKind::Revised, "社区（村）名录".to_owned()));

    let mut on = watch(&mut consumer, &first.cursor).await;
    assert_eq!(on.next().await.unwrap(), second);
    catalogue.restart().await;
    assert_eq!(on.next().await, None, "who watches does not hold up the end of the service");
}

fn registration(name: &str) -> RegisterHarvestSourceRequest {
    RegisterHarvestSourceRequest {
        command_id: command_id(),
        source_id: String::new(),
        name: name.to_owned(),
        kind: HarvestKind::Dcat.into(),
        url: "https://data.sc.example/catalog.ttl".to_owned(),
        platform: "四川省大数据中心".to_owned(),
    }
}

async fn register(by: &User, name: &str) -> Result<String, Status> {
    let registered = by.harvests.clone().register_harvest_source(registration(name)).await?;
    Ok(registered.into_inner().source_id)
}

fn foreign(number: u32, title: &str) -> ForeignDescription {
    ForeignDescription {
        uri: format!("https://data.sc.example/dataset/{number}"),
        title: title.to_owned(),
        ..ForeignDescription::default()
    }
}

async fn record(
    by: &User,
    source_id: &str,
    seen: Vec<ForeignDescription>,
    gone_uris: Vec<String>,
) -> Result<RecordForeignResourcesResponse, Status> {
    let request = RecordForeignResourcesRequest {
        command_id: command_id(),
        source_id: source_id.to_owned(),
        seen,
        gone_uris,
        cursor: "page-2".to_owned(),
        refused: 0,
        complete: true,
    };
    by.harvests.clone().record_foreign_resources(request).await.map(tonic::Response::into_inner)
}

async fn titles(by: &User, query: &str) -> Vec<String> {
    let mut titles = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = ListForeignResourcesRequest {
            query: query.to_owned(),
            page_size: 2,
            page_token,
            ..ListForeignResourcesRequest::default()
        };
        let page = by.harvests.clone().list_foreign_resources(request).await.unwrap().into_inner();
        titles.extend(page.resources.into_iter().map(|found| found.description.unwrap().title));
        page_token = page.next_page_token;
        if page_token.is_empty() {
            return titles;
        }
    }
}

/// R23.3: another platform's datasets are taken in, changed and let go, and what we offer ourselves does not come back.
#[tokio::test]
async fn another_platforms_datasets_are_followed() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let consumer = catalogue.registered(&city, 2, QINGYANG, &[Role::Consumer]).await;
    let source = register(&city, "四川省").await.unwrap();
    let own = ForeignDescription {
        uri: format!("{OFFERED_AT}/dataset/302001-00001"),
        ..foreign(0, "社区名录")
    };
    let seen = vec![foreign(1, "村名录"), foreign(2, "医院名录"), foreign(3, " "), own];

    let first = record(&city, &source, seen, vec![]).await.unwrap();

    use ForeignOutcome::{Changed, Own, Refused, Taken, Unchanged};
    let outcomes = |answer: &RecordForeignResourcesResponse| {
        answer.answers.iter().map(|answer| answer.outcome()).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(&first), [Taken, Taken, Refused, Own]);
    assert!(first.answers[2].message.contains("title"));
    assert_eq!(titles(&consumer, "").await, ["村名录", "医院名录"]);

    let before = catalogue.store.last_sequence("CATALOG").await.unwrap();
    let gone = vec![foreign(2, "").uri, foreign(9, "").uri];
    let second = vec![foreign(1, "村名录"), foreign(4, "学校名录")];
    let second = record(&city, &source, second, gone).await.unwrap();
    assert_eq!(outcomes(&second), [Unchanged, Taken]);
    assert_eq!(second.gone, 1);
    let after = catalogue.store.last_sequence("CATALOG").await.unwrap();
    assert_eq!(after - before, 3, "one taken, one gone, and how far it came");
    let third = record(&city, &source, vec![foreign(1, "行政村名录")], vec![]).await.unwrap();
    assert_eq!(outcomes(&third), [Changed]);
    assert_eq!(titles(&consumer, "").await, ["行政村名录", "学校名录"]);
    assert_eq!(titles(&consumer, "学校").await, ["学校名录"]);

    let sources = ListHarvestSourcesRequest::default();
    let sources = consumer.harvests.clone().list_harvest_sources(sources).await.unwrap();
    let sources = sources.into_inner().sources;
    assert_eq!((sources.len(), sources[0].resources), (1, 2));
    assert_eq!(sources[0].cursor, "page-2");
    assert!(sources[0].completed_at.is_some());

    let content = catalogue.harvest.content().await.unwrap();
    assert_eq!(catalogue.harvest.rebuild().await.unwrap().content, content, "H2");
}

/// R13.1: only an authority registers a source, and only it or one above it says what the source offers.
#[tokio::test]
async fn nobody_else_says_what_a_source_offers() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let jinjiang = catalogue.registered(&city, 2, JINJIANG, &[Role::Authority]).await;
    let qingyang = catalogue.registered(&city, 3, QINGYANG, &[Role::Authority]).await;
    let provider = catalogue.registered(&city, 4, JINJIANG, &[Role::Provider]).await;
    let source = register(&jinjiang, "锦江区").await.unwrap();

    assert_eq!(reason(&register(&provider, "我们").await.unwrap_err()), "ROLE_MISSING");
    assert_eq!(reason(&register(&city, "").await.unwrap_err()), "TEXT_MISSING");
    let seen = || vec![foreign(1, "名录")];
    let refused = async |by: &User, source: &str| {
        reason(&record(by, source, seen(), vec![]).await.unwrap_err())
    };
    assert_eq!(refused(&qingyang, &source).await, "OUTSIDE_REGION");
    assert_eq!(refused(&provider, &source).await, "ROLE_MISSING");
    assert_eq!(refused(&city, &command_id()).await, "HARVEST_SOURCE_ABSENT");
    let many = (0..501).map(|number| foreign(number, "名录")).collect();
    let many = record(&city, &source, many, vec![]).await.unwrap_err();
    assert_eq!(reason(&many), "FIELD_INVALID");
    assert_eq!(titles(&city, "").await, [""; 0]);
    for by in [&jinjiang, &city] {
        record(by, &source, seen(), vec![]).await.unwrap();
    }
}
