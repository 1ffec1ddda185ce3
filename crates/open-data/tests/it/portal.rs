//! What the public meets.

use publicdata_proto::catalog::v1::{ResourceDescription, ResourceSuspended, ResourceWithdrawn};
use reqwest::header::{CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use reqwest::{Client, Response, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::city::{self, AREAS, AREAS_CODE};
use crate::service::Service;

async fn get(url: &str) -> Response {
    reqwest::get(url).await.unwrap()
}

async fn text(url: &str) -> String {
    get(url).await.error_for_status().unwrap().text().await.unwrap()
}

#[track_caller]
fn header(response: &Response, name: impl reqwest::header::AsHeaderName) -> String {
    response.headers()[name].to_str().unwrap().to_owned()
}

/// R31.1: search, browse and preview, in Chinese.
#[tokio::test]
async fn a_dataset_is_found_and_looked_at() {
    let service = Service::start().await;
    let (_, url) = service.open_shipped_areas().await;
    assert_eq!(url, service.url("/datasets/3010100-00001"));

    for path in [
        "/",
        "/?q=行政区划",
        "/?q=不存在",
        "/?q=3010100/00001",
        "/?q=NAME+成都&page=1",
        "/?q=民政局+区划",
    ] {
        let page = get(&service.url(path)).await;
        let found = page.status() == StatusCode::OK
            && page.text().await.unwrap().contains("href=\"/datasets/3010100-00001\"");
        assert_eq!(found, !path.contains("不存在"), "{path}");
    }
    let nothing = text(&service.url("/?q=%25")).await;
    assert!(nothing.contains("找到 0 个数据集"), "a wildcard is a word like any other");
    assert!(nothing.contains("可以这样再试"), "who finds nothing is helped on");
    let beyond = text(&service.url("/?page=9")).await;
    assert!(beyond.contains("没有这一页") && !beyond.contains("第 9 页"), "{beyond}");

    let page = text(&url).await;
    for shown in [
        "<html lang=\"zh-CN\">",
        "<h1>成都市行政区划</h1>",
        "成都市各区（市）县的行政区划代码和名称。",
        "成都市民政局",
        "3010100/00001",
        "2026-03-02",
        "每年",
        "未另设开放条件。",
        "使用时请注明来源。",
        "<th scope=\"col\">区（市）县名称</th>",
        "<td>510104</td><td>锦江区</td>",
        "全部 20 行",
        &format!("<code>{url}.json</code>"),
        "href=\"/datasets/3010100-00001.csv\"",
        "href=\"/datasets/3010100-00001.json\"",
        "跳到主要内容",
    ] {
        assert!(page.contains(shown), "{shown} is missing in {page}");
    }
    assert!(
        !page.contains("内部编号") && !page.contains("联系电话"),
        "what is closed is not shown"
    );
    assert!(!page.contains("<script"));
}

/// R31.1: download in open formats; codes stay text.
#[tokio::test]
async fn a_dataset_is_downloaded_as_csv_and_json() {
    let service = Service::start().await;
    let content = "code,name,people\n051010,锦江区,902933\n510105,,\n";
    let (_, url) = service.open_areas(content).await;

    let csv = get(&format!("{url}.csv")).await;
    assert_eq!(header(&csv, CONTENT_TYPE), "text/csv; charset=utf-8; header=present");
    assert_eq!(header(&csv, CONTENT_DISPOSITION), "attachment; filename=\"3010100-00001.csv\"");
    assert_eq!(header(&csv, "content-length"), content.len().to_string());
    assert_eq!(csv.text().await.unwrap(), content);

    let rows = get(&format!("{url}.json")).await;
    assert_eq!(header(&rows, CONTENT_TYPE), "application/json");
    assert_eq!(header(&rows, "access-control-allow-origin"), "*");
    let expected = json!([
        { "code": "051010", "name": "锦江区", "people": 902_933 },
        { "code": "510105", "name": null, "people": null },
    ]);
    assert_eq!(rows.json::<Value>().await.unwrap(), expected);
}

/// R31.1: the list for programs leads to the data.
#[tokio::test]
async fn a_program_finds_the_data() {
    let service = Service::start().await;
    service.open_shipped_areas().await;

    let list: Value = get(&service.url("/api/datasets?q=成都")).await.json().await.unwrap();

    assert_eq!((&list["total"], &list["pages"]), (&json!(1), &json!(1)));
    let entry = &list["datasets"][0];
    assert_eq!(entry["title"], "成都市行政区划");
    assert_eq!(entry["provider"], "成都市民政局");
    assert_eq!(entry["published_on"], "2026-03-02");
    assert_eq!(text(entry["csv"].as_str().unwrap()).await, AREAS);
    let refused = get(&service.url("/api/datasets?page=0")).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert!(refused.json::<Value>().await.unwrap()["error"].as_str().unwrap().contains("页码"));
}

/// R31.1: the portal says how it is used, by people and by programs.
#[tokio::test]
async fn the_portal_explains_itself() {
    let service = Service::start().await;
    assert!(text(&service.url("/")).await.contains("href=\"/help\""));

    let help = text(&service.url("/help")).await;

    for shown in
        ["<h1>使用说明</h1>", "UTF-8", "certutil -hashfile", "/api/datasets?q=", "每页 20 个"]
    {
        assert!(help.contains(shown), "{shown} is missing in {help}");
    }
}

/// R31.1: long lists come in pages.
#[tokio::test]
async fn a_long_list_is_paged() {
    let service = Service::start().await;
    for number in 2..=22 {
        let id = Uuid::new_v4();
        let code = format!("3010100/{number:05}");
        let described = ResourceDescription { name: format!("数据集{number}"), ..city::areas() };
        city::publish_entry(&service.store, id, &code, described).await;
        let proposed = service.proposer().propose(id, AREAS).await.unwrap();
        service.reviewer().review(&proposed.publication_id, AREAS).await.unwrap();
        service.proposer().publish(&proposed.publication_id).await.unwrap();
    }

    let first = text(&service.url("/?q=数据集")).await;
    assert!(first.contains("找到 21 个数据集") && first.contains("第 1 页，共 2 页"), "{first}");
    assert!(first.contains("<h2><a href=\"/datasets/3010100-00022\">"), "the newest comes first");
    assert!(!first.contains(">数据集2<"));
    assert!(first.contains("page=2") && !first.contains("上一页"));
    let second = text(&service.url("/?q=数据集&page=2")).await;
    assert!(second.contains(">数据集2<") && !second.contains("下一页"));
}

/// R31.1: what was sent once is not sent again, and is asked for again each time.
#[tokio::test]
async fn a_version_is_sent_once() {
    let service = Service::start().await;
    let (_, url) = service.open_shipped_areas().await;
    let urls = ["", ".csv", ".json"].map(|ending| format!("{url}{ending}"));
    for url in urls.into_iter().chain([service.url("/style.css"), service.url("/help")]) {
        let first = get(&url).await;
        assert_eq!(header(&first, "cache-control"), "public, no-cache");
        let tag = header(&first, ETAG);

        let again = Client::new().get(&url).header(IF_NONE_MATCH, &tag).send().await.unwrap();
        assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{url}");
        assert_eq!(header(&again, ETAG), tag);
        let other = Client::new().get(&url).header(IF_NONE_MATCH, "\"x\"").send().await.unwrap();
        assert_eq!(other.status(), StatusCode::OK);
    }
    let head = Client::new().head(format!("{url}.csv")).send().await.unwrap();
    assert_eq!(header(&head, "content-length"), AREAS.len().to_string());
}

/// R31.1: a visitor who errs is told so in Chinese, and nothing that was typed comes back as markup.
#[tokio::test]
async fn wrong_requests_are_answered_in_chinese() {
    let service = Service::start().await;
    let long = format!("/?q={}", "长".repeat(101));
    for (path, status, says) in [
        ("/nowhere", 404, "没有这个页面"),
        ("/datasets/3010100-00009", 404, "没有这个数据集"),
        ("/datasets/3010100-00001.csv", 404, "没有这个数据集"),
        ("/datasets/../../etc/passwd", 404, "没有这个页面"),
        ("/datasets/%2e%2e%2fviews.db", 404, "没有这个数据集"),
        ("/datasets/%ff", 404, "没有这个数据集"),
        ("/datasets/3010100-00001.xlsx", 404, "没有这个数据集"),
        ("/?page=x", 400, "页码有误"),
        ("/?page=0", 400, "页码有误"),
        ("/?q=%ff%fe", 200, "找到 0 个数据集"),
        (&long, 400, "搜索内容太长"),
        ("/?q=a+b+c+d+e+f+g+h+i", 400, "搜索词太多"),
    ] {
        let page = get(&service.url(path)).await;
        assert_eq!(page.status(), status, "{path}");
        let text = page.text().await.unwrap();
        assert!(text.contains(says), "{path}: {text}");
    }
    let posted = Client::new().post(service.url("/")).send().await.unwrap();
    assert_eq!(posted.status(), StatusCode::METHOD_NOT_ALLOWED);
    assert!(posted.text().await.unwrap().contains("不支持这种访问方式"));

    let page = text(&service.url("/?q=<script>\"'")).await;
    assert!(!page.contains("<script"), "{page}");
}

/// R31.1: pages run no script and load nothing from elsewhere.
#[tokio::test]
async fn every_answer_is_guarded() {
    let service = Service::start().await;
    let (_, url) = service.open_shipped_areas().await;
    for url in [service.url("/"), service.url("/style.css"), service.url("/nowhere"), url] {
        let answer = get(&url).await;
        let policy = header(&answer, "content-security-policy");
        assert!(policy.starts_with("default-src 'none'; style-src 'self';"), "{policy}");
        assert!(!policy.contains("unsafe"));
        assert_eq!(header(&answer, "x-content-type-options"), "nosniff");
        assert_eq!(header(&answer, "referrer-policy"), "no-referrer");
    }
}

/// R40.1: what is withdrawn is gone, and what was there before it does not come back.
#[tokio::test]
async fn withdrawn_content_is_gone() {
    let service = Service::start().await;
    service.open_shipped_areas().await;
    let newer = "code,name\n510104,锦江区\n";
    let (id, url) = service.open_areas(newer).await;
    assert_eq!(text(&format!("{url}.csv")).await, newer, "the newest is served");

    service.proposer().withdraw(&id, "内容有误").await.unwrap();

    for ending in ["", ".csv", ".json"] {
        let answer = get(&format!("{url}{ending}")).await;
        assert_eq!(answer.status(), StatusCode::GONE);
        assert!(answer.text().await.unwrap().contains("数据集已撤回"));
    }
    assert!(text(&service.url("/")).await.contains("共 0 个数据集"));

    let (_, url) = service.open_areas("code\n510105\n").await;
    assert_eq!(text(&format!("{url}.csv")).await, "code\n510105\n", "opened anew, it is served");
}

/// R12.3: what the catalogue withdrew is gone for the public; what it suspended stays as it was published.
#[tokio::test]
async fn a_withdrawn_resource_is_gone() {
    let service = Service::start().await;
    let (_, url) = service.open_shipped_areas().await;

    let suspended = ResourceSuspended { reason: "核查中".to_owned(), ..Default::default() };
    let at = city::say(&service.store, service.areas, &suspended).await;
    service.until_catalogued(at).await;
    assert_eq!(get(&format!("{url}.csv")).await.status(), StatusCode::OK);

    let withdrawn = ResourceWithdrawn { reason: "职能已划转".to_owned() };
    let at = city::say(&service.store, service.areas, &withdrawn).await;
    service.until_catalogued(at).await;
    for gone in [url.clone(), format!("{url}.csv")] {
        assert_eq!(get(&gone).await.status(), StatusCode::GONE, "{gone}");
    }
    assert!(text(&service.url("/")).await.contains("共 0 个数据集"));
}

/// R25.1: what the catalogue closes is no longer given out, though nobody withdrew it.
#[tokio::test]
async fn closed_content_is_gone() {
    let service = Service::start().await;
    let (_, url) = service.open_shipped_areas().await;

    let mut closed = city::areas();
    closed.items[3].open = false;
    let at = city::publish_entry(&service.store, service.areas, AREAS_CODE, closed).await;
    service.until_catalogued(at).await;
    assert_eq!(get(&format!("{url}.csv")).await.status(), StatusCode::GONE);

    let closed = ResourceDescription { open: false, ..city::areas() };
    let at = city::publish_entry(&service.store, service.areas, AREAS_CODE, closed).await;
    service.until_catalogued(at).await;
    assert_eq!(get(&url).await.status(), StatusCode::GONE);
    assert!(text(&service.url("/")).await.contains("共 0 个数据集"));
}
