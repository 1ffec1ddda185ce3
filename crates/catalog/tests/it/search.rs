//! Search, and the index that it is done with.

use std::collections::BTreeMap;
use std::fs;
use std::time::Duration;

use futures::TryStreamExt as _;
use publicdata_catalog::search::SearchIndex;
use publicdata_proto::catalog::v1::{
    GetSearchIndexStatusRequest, GetSearchIndexStatusResponse, RebuildSearchIndexRequest,
    ResourceDescription, ResourceFacet, ResourceOrder, ResourceStatus, Role,
    SearchResourcesRequest, SearchResourcesResponse, SharingType,
};
use publicdata_service_kit::Clock;
use tonic::{Code, Status};

use crate::fixture::{CITY, Catalogue, JINJIANG, QINGYANG, User, description, draft, reason};

const EVERY_FACET: [ResourceFacet; 9] = [
    ResourceFacet::Class,
    ResourceFacet::Group,
    ResourceFacet::Provider,
    ResourceFacet::Region,
    ResourceFacet::SharingType,
    ResourceFacet::OpeningType,
    ResourceFacet::Format,
    ResourceFacet::UpdateCycle,
    ResourceFacet::Status,
];

async fn try_search(
    by: &User,
    request: SearchResourcesRequest,
) -> Result<SearchResourcesResponse, Status> {
    Ok(by.resources.clone().search_resources(request).await?.into_inner())
}

async fn search(by: &User, request: SearchResourcesRequest) -> SearchResourcesResponse {
    try_search(by, request).await.unwrap()
}

async fn names(by: &User, query: &str) -> Vec<String> {
    let found = search(by, words(query)).await.resources.into_iter();
    found.map(|resource| resource.description.unwrap().name).collect()
}

fn words(query: &str) -> SearchResourcesRequest {
    SearchResourcesRequest { query: query.to_owned(), ..SearchResourcesRequest::default() }
}

fn counted(query: &str) -> SearchResourcesRequest {
    let facets = EVERY_FACET.map(Into::into).to_vec();
    SearchResourcesRequest { facets, ..words(query) }
}

/// The counts of an answer, by facet and value.
fn counts(found: &SearchResourcesResponse, facet: ResourceFacet) -> BTreeMap<&str, u64> {
    let counts = found.facets.iter().find(|counts| counts.facet() == facet).unwrap();
    counts.counts.iter().map(|count| (count.value.as_str(), count.count)).collect()
}

async fn published(provider: &User, city: &User, description: ResourceDescription) -> String {
    let (mut provider, mut city) = (provider.clone(), city.clone());
    let drafted = provider.resources.draft_resource(draft(description)).await.unwrap().into_inner();
    provider.submit(&drafted.resource_id).await;
    city.publish(&drafted.resource_id).await.unwrap();
    drafted.resource_id
}

async fn status(by: &User) -> Result<GetSearchIndexStatusResponse, Status> {
    let request = GetSearchIndexStatusRequest {};
    Ok(by.index.clone().get_search_index_status(request).await?.into_inner())
}

/// Builds the index anew, and says how often it told of progress.
async fn rebuild(by: &User) -> usize {
    let told = by.index.clone().rebuild_search_index(RebuildSearchIndexRequest {}).await.unwrap();
    let told: Vec<_> = told.into_inner().try_collect().await.unwrap();
    let last = told.last().unwrap();
    assert!(last.done, "{told:?}");
    assert_eq!(told.iter().filter(|told| told.done).count(), 1);
    told.len()
}

/// R12.1: an entry is found by words, parts of words, pinyin and its code, right after it was written, with a character forgiven.
#[tokio::test]
async fn an_entry_is_found_by_words_pinyin_and_code() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let consumer = catalogue.registered(&city, 3, QINGYANG, &[Role::Consumer]).await;
    let name = "城市区名录";
    published(&provider, &city, description(provider.code, name)).await;
    let other = ResourceDescription {
        r#abstract: "登记在册的企业".to_owned(),
        classification_code: "302002".to_owned(),
        entity: "法人".to_owned(),
        ..description(provider.code, "企业登记信息")
    };
    published(&provider, &city, other).await;

    for query in ["城市", "市区名", "区", "csqml", "csq", "chengshi", "302001/", "\"市区\"", "社区"]
    {
        let found = search(&consumer, words(query)).await;
        assert_eq!((found.total, found.forgiven), (1, false), "{query}");
        assert_eq!(found.resources[0].description.as_ref().unwrap().name, name);
    }
    for query in ["城市区名绿", "城市区录", "城市区的名录", "诚实区名录"] {
        let found = search(&consumer, words(query)).await;
        assert_eq!((found.total, found.forgiven), (1, true), "{query}");
    }
    assert_eq!(names(&consumer, "lxr").await.len(), 2, "an item's title, in initials");
    assert_eq!(names(&consumer, "机构").await.len(), 2, "the provider's name");
    assert_eq!(names(&consumer, "企业 城市").await, Vec::<String>::new(), "every word");
}

/// R12.1, H3: what cannot be searched for is refused with what is allowed.
#[tokio::test]
async fn a_query_that_is_too_much_is_refused() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;

    let long = try_search(&city, words(&"长".repeat(10_000))).await.unwrap_err();
    assert_eq!((long.code(), reason(&long).as_str()), (Code::InvalidArgument, "QUERY_INVALID"));
    assert!(long.message().contains("at most 200"), "{}", long.message());
    let unknown = SearchResourcesRequest { facets: vec![99], ..words("") };
    assert_eq!(reason(&try_search(&city, unknown).await.unwrap_err()), "FIELD_INVALID");
    let unspecified = SearchResourcesRequest { formats: vec![0], ..words("") };
    assert_eq!(reason(&try_search(&city, unspecified).await.unwrap_err()), "FIELD_INVALID");
    let elsewhere = SearchResourcesRequest { page_token: "3030".to_owned(), ..words("") };
    assert_eq!(reason(&try_search(&city, elsewhere).await.unwrap_err()), "FIELD_INVALID");
    for odd in ["((((", "\"", "a AND (b", "😀", "\u{7}", "' OR 1=1 --", "[* TO *]"] {
        try_search(&city, words(odd)).await.unwrap();
    }
}

/// R12.1, R13.1: facets count what the caller may see, and nothing else; a narrowed one shows the other choices.
#[tokio::test]
async fn facets_count_what_the_caller_may_see() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let jinjiang = catalogue.registered(&city, 2, JINJIANG, &[Role::Authority]).await;
    let mut provider = catalogue.registered(&city, 4, JINJIANG, &[Role::Provider]).await;
    let other = catalogue.registered(&city, 5, QINGYANG, &[Role::Provider]).await;
    published(&provider, &city, description(provider.code, "名录一")).await;
    published(&other, &city, description(other.code, "名录二")).await;
    let secret = ResourceDescription {
        sharing_type: SharingType::Unconditional.into(),
        sharing_condition: String::new(),
        classification_code: "301002".to_owned(),
        ..description(provider.code, "名录三")
    };
    provider.resources.draft_resource(draft(secret)).await.unwrap();

    for (user, total) in [(&provider, 3), (&jinjiang, 3), (&city, 3), (&other, 2)] {
        let found = search(user, counted("名录")).await;
        assert_eq!(found.total, total);
        for facet in &found.facets {
            assert_eq!(facet.counts.iter().map(|count| count.count).sum::<u64>(), total);
        }
        let groups = counts(&found, ResourceFacet::Group);
        assert_eq!(groups.get("301").copied().unwrap_or_default(), total - 2);
        let sharing = counts(&found, ResourceFacet::SharingType);
        assert_eq!(sharing.contains_key("SHARING_TYPE_UNCONDITIONAL"), total == 3);
    }

    let narrowed = SearchResourcesRequest {
        sharing_types: vec![SharingType::Conditional.into()],
        region_codes: vec![JINJIANG.to_owned(), QINGYANG.to_owned()],
        ..counted("")
    };
    let found = search(&city, narrowed).await;
    assert_eq!(found.total, 2);
    assert_eq!(counts(&found, ResourceFacet::SharingType)["SHARING_TYPE_UNCONDITIONAL"], 1);
    assert_eq!(counts(&found, ResourceFacet::Status).len(), 1);
    let region = counts(&found, ResourceFacet::Region);
    assert_eq!(region, BTreeMap::from([(JINJIANG, 1), (QINGYANG, 1)]));
    let providers = found.facets.iter().find(|it| it.facet() == ResourceFacet::Provider).unwrap();
    assert!(providers.counts.iter().all(|count| count.label == format!("机构 {}", count.value)));

    // Narrowing to what is hidden says nothing either.
    let drafts =
        SearchResourcesRequest { statuses: vec![ResourceStatus::Draft.into()], ..counted("") };
    assert_eq!(search(&other, drafts.clone()).await.total, 0);
    assert_eq!(counts(&search(&other, drafts).await, ResourceFacet::Status).len(), 1);
}

/// R12.1: going page by page while entries are added, each one that was there comes exactly once.
#[tokio::test]
async fn pages_fit_together_while_entries_are_added() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let mut before = Vec::new();
    for number in 0..8 {
        before.push(provider.draft(&format!("名录 {number}")).await.code);
    }

    for order in [ResourceOrder::Relevance, ResourceOrder::Name] {
        let (mut seen, mut page_token, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let request = SearchResourcesRequest {
                page_size: 4,
                page_token,
                order: order.into(),
                ..words("名录")
            };
            let page = search(&provider, request).await;
            seen.extend(page.resources.into_iter().map(|resource| resource.code));
            page_token = page.next_page_token;
            if page_token.is_empty() {
                break;
            }
            pages += 1;
            provider.draft(&format!("名录 {order:?} {pages}")).await;
            provider.draft(&format!("名录 9 {order:?} {pages}")).await;
        }
        for code in &before {
            assert_eq!(seen.iter().filter(|seen| *seen == code).count(), 1, "{order:?} {code}");
        }
        let mut once = seen.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), seen.len(), "{order:?}: nothing comes twice");
    }
}

/// H2: the index is built anew while it serves and events come in, and holds the same.
#[tokio::test]
async fn the_index_is_built_anew_while_it_serves() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    for number in 0..5 {
        published(&provider, &city, description(provider.code, &format!("名录 {number}"))).await;
    }
    provider.draft("草稿").await;
    let before = search(&city, counted("")).await;
    let folder = fs::read_to_string(catalogue.index_folder().join("current")).unwrap();

    let busy = async {
        let mut provider = provider.clone();
        for number in 0..10 {
            let id = provider.draft(&format!("期间 {number}")).await.resource_id;
            assert_eq!(names(&provider, &format!("\"期间 {number}\"")).await.len(), 1);
            provider.submit(&id).await;
        }
    };
    let ((), told) = tokio::join!(busy, rebuild(&city));
    assert!(told >= 1);

    let after = search(&city, SearchResourcesRequest { statuses: vec![1, 4], ..counted("") }).await;
    assert_eq!(after.resources, before.resources);
    let now = fs::read_to_string(catalogue.index_folder().join("current")).unwrap();
    assert_ne!(now, folder);
    let indexes = fs::read_dir(catalogue.index_folder()).unwrap();
    let indexes = indexes.filter(|entry| entry.as_ref().unwrap().path().is_dir()).count();
    assert_eq!(indexes, 1, "the old one is removed");
    let status = status(&city).await.unwrap();
    assert_eq!((status.entries, status.documents), (16, 16));
    assert_eq!(status.sequence, status.last_sequence);
    assert!(status.bytes > 0 && status.building.is_none() && status.trouble.is_empty());
    assert!(status.committed_at.is_some());
    rebuild(&city).await;
}

/// R13.1: the index is the city's to look after.
#[tokio::test]
async fn only_the_citys_authority_looks_after_the_index() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let district = catalogue.registered(&city, 2, JINJIANG, &[Role::Authority]).await;
    let provider = catalogue.registered(&city, 3, CITY, &[Role::Provider]).await;

    for other in [&district, &provider] {
        assert_eq!(reason(&status(other).await.unwrap_err()), "OPERATOR_REQUIRED");
        let refused = other.index.clone().rebuild_search_index(RebuildSearchIndexRequest {}).await;
        assert_eq!(refused.err().unwrap().code(), Code::PermissionDenied);
    }
}

/// H4: a service that was away takes its index up where it was, and catches up with what others wrote.
#[tokio::test]
async fn an_index_goes_on_from_its_position() {
    let mut catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    published(&provider, &city, description(provider.code, "名录一")).await;
    assert_eq!(names(&provider, "名录").await.len(), 1);
    let current = fs::read_to_string(catalogue.index_folder().join("current")).unwrap();

    // What it had not committed when it was killed is in the events.
    let behind = catalogue.index_folder().with_extension("behind");
    catalogue.stop().await;
    copy(&catalogue.index_folder(), &behind);
    catalogue.begin().await;
    let provider = catalogue.user(provider.code);
    let city = catalogue.user(city.code);
    published(&provider, &city, description(provider.code, "名录二")).await;
    catalogue.stop().await;
    fs::remove_dir_all(catalogue.index_folder()).unwrap();
    fs::rename(&behind, catalogue.index_folder()).unwrap();
    catalogue.begin().await;

    let provider = catalogue.user(provider.code);
    assert_eq!(names(&provider, "名录").await.len(), 2);
    let again = fs::read_to_string(catalogue.index_folder().join("current")).unwrap();
    assert_eq!(again, current, "it was not built anew");
}

/// H4: a damaged index is found out when it is opened, and built anew.
#[tokio::test]
async fn a_damaged_index_is_built_anew() {
    let mut catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    published(&provider, &city, description(provider.code, "名录一")).await;
    assert_eq!(names(&provider, "名录").await.len(), 1);

    for damage in [truncate as fn(&std::path::Path), flip, remove] {
        catalogue.stop().await;
        let current = fs::read_to_string(catalogue.index_folder().join("current")).unwrap();
        let index = catalogue.index_folder().join(&current);
        for file in fs::read_dir(index).unwrap().map(|file| file.unwrap().path()) {
            if file.extension().is_some_and(|extension| extension == "store") {
                damage(&file);
            }
        }
        catalogue.begin().await;

        let provider = catalogue.user(provider.code);
        assert_eq!(names(&provider, "名录").await, ["名录一"]);
        let now = fs::read_to_string(catalogue.index_folder().join("current")).unwrap();
        assert_ne!(now, current);
    }
}

/// H3, H4: while the index cannot be written, a search says so instead of leaving out what was written; then it goes on.
#[tokio::test]
async fn a_search_says_when_the_index_cannot_be_written() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    provider.draft("名录一").await;
    assert_eq!(names(&provider, "名录").await.len(), 1);

    let (folder, away) =
        (catalogue.index_folder(), catalogue.index_folder().with_extension("away"));
    fs::rename(&folder, &away).unwrap();
    fs::write(&folder, "no folder").unwrap();
    provider.draft("名录二").await;
    let refused = try_search(&provider, words("名录")).await.unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "{refused:?}");
    assert!(!status(&city).await.unwrap().trouble.is_empty());

    fs::remove_file(&folder).unwrap();
    fs::rename(&away, &folder).unwrap();
    let mut found = None;
    for _ in 0..100 {
        tokio::time::sleep(Duration::from_millis(100)).await;
        found = try_search(&provider, words("名录")).await.ok();
        if found.is_some() {
            break;
        }
    }
    assert_eq!(found.unwrap().total, 2);
    assert_eq!(status(&city).await.unwrap().trouble, "");
}

/// H4: a second process on the same folder is refused.
#[tokio::test]
async fn a_folder_has_one_process() {
    let catalogue = Catalogue::start().await;
    let store = std::sync::Arc::clone(&catalogue.store);
    let second = SearchIndex::open(&catalogue.index_folder(), store, Clock::system());
    assert!(second.unwrap_err().to_string().contains("in use by another process"));
}

fn copy(from: &std::path::Path, to: &std::path::Path) {
    fs::create_dir(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(|file| file.unwrap()) {
        let to = to.join(file.file_name());
        match file.file_type().unwrap().is_dir() {
            true => copy(&file.path(), &to),
            false => drop(fs::copy(file.path(), to).unwrap()),
        }
    }
}

fn truncate(file: &std::path::Path) {
    let length = fs::metadata(file).unwrap().len();
    fs::OpenOptions::new().write(true).open(file).unwrap().set_len(length / 2).unwrap();
}

fn flip(file: &std::path::Path) {
    let mut bytes = fs::read(file).unwrap();
    bytes[5] ^= 1;
    fs::write(file, bytes).unwrap();
}

fn remove(file: &std::path::Path) {
    fs::remove_file(file).unwrap();
}
