//! A site that plays CKAN.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Redirect, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The site, with what a test does to it.
pub(super) struct Site {
    pub(super) url: String,
    inner: Arc<Mutex<Inner>>,
    /// Ends with the site.
    _server: JoinSet<io::Result<()>>,
}

struct Inner {
    url: String,
    /// By their number; each changed that many seconds after the first.
    packages: BTreeMap<usize, Value>,
    clock: usize,
    asked: usize,
    fail_once_at: Option<usize>,
    refuse_from: usize,
    moved: bool,
}

impl Site {
    pub(super) async fn start(packages: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let inner = Inner {
            url: url.clone(),
            packages: (0..packages).map(|n| (n, package(n, n, &format!("数据集 {n}")))).collect(),
            clock: packages,
            asked: 0,
            fail_once_at: None,
            refuse_from: usize::MAX,
            moved: false,
        };
        let inner = Arc::new(Mutex::new(inner));
        let router = Router::new()
            .route("/api/3/action/package_search", get(search))
            .route("/moved/package_search", get(answer))
            .with_state(Arc::clone(&inner));
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, router).await });
        Self { url, inner, _server: server }
    }

    /// Fails with 500 the next time that this dataset is asked for.
    pub(super) fn fail_once_at(&self, start: usize) {
        self.lock().fail_once_at = Some(start);
    }

    /// Answers nothing from this dataset on.
    pub(super) fn refuse_from(&self, start: usize) {
        self.lock().refuse_from = start;
    }

    /// A package that is none.
    pub(super) fn add_malformed(&self) {
        let mut inner = self.lock();
        let clock = inner.tick();
        let malformed =
            json!({ "id": "malformed", "title": [7], "metadata_modified": moment(clock) });
        inner.packages.insert(usize::MAX, malformed);
    }

    pub(super) fn change(&self, number: usize, title: &str) {
        let mut inner = self.lock();
        let clock = inner.tick();
        inner.packages.insert(number, package(number, clock, title));
    }

    pub(super) fn remove(&self, number: usize) {
        self.lock().packages.remove(&number);
    }

    /// Answers with a redirect from now on.
    pub(super) fn move_away(&self) {
        self.lock().moved = true;
    }

    /// How often it was asked.
    pub(super) fn asked(&self) -> usize {
        self.lock().asked
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }
}

impl Inner {
    fn tick(&mut self) -> usize {
        self.clock += 1;
        self.clock
    }
}

fn moment(clock: usize) -> String {
    format!("2026-01-04T{:02}:{:02}:{:02}.000000", clock / 3600, clock / 60 % 60, clock % 60)
}

fn package(number: usize, clock: usize, title: &str) -> Value {
    json!({
        "id": format!("id-{number:05}"), "name": format!("name-{number}"), "title": title,
        "notes": "说明", "metadata_modified": moment(clock), "version": null, "license_title": "开放许可",
        "organization": { "title": "四川省民政厅", "name": "mzt" },
        "tags": [{ "name": "村", "display_name": "村" }], "groups": [],
        "resources": [{ "name": "表", "url": format!("https://ckan.example/{number}.csv"), "format": "CSV" }],
    })
}

async fn search(
    State(inner): State<Arc<Mutex<Inner>>>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let moved = inner.lock().unwrap().moved;
    if moved {
        let url = inner.lock().unwrap().url.clone();
        let pairs: Vec<String> = query
            .iter()
            .map(|(name, value)| {
                format!("{name}={}", value.replace(' ', "%20").replace('+', "%2B"))
            })
            .collect();
        return Redirect::temporary(&format!("{url}/moved/package_search?{}", pairs.join("&")))
            .into_response();
    }
    answer(State(inner), Query(query)).await
}

async fn answer(
    State(inner): State<Arc<Mutex<Inner>>>,
    Query(query): Query<BTreeMap<String, String>>,
) -> Response {
    let mut inner = inner.lock().unwrap();
    inner.asked += 1;
    let number = |name: &str| query.get(name).and_then(|text| text.parse().ok()).unwrap_or(0);
    let (start, rows): (usize, usize) = (number("start"), number("rows"));
    if inner.fail_once_at == Some(start) && !query.contains_key("fl") {
        inner.fail_once_at = None;
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    if start >= inner.refuse_from {
        return StatusCode::FORBIDDEN.into_response();
    }
    let since = query.get("fq").and_then(|filter| filter.split(['[', ' ']).nth(1));
    let since =
        since.filter(|since| *since != "*").map(|since| since.trim_end_matches('Z').to_owned());
    let mut found: Vec<&Value> = inner
        .packages
        .values()
        .filter(|package| {
            let modified = package["metadata_modified"].as_str().unwrap();
            since.as_deref().is_none_or(|since| modified >= since)
        })
        .collect();
    let key = |package: &Value| package["metadata_modified"].as_str().unwrap().to_owned();
    found.sort_by_key(|package| key(package));
    let count = found.len();
    let results: Vec<Value> = found
        .into_iter()
        .skip(start)
        .take(rows)
        .map(|package| match query.get("fl") {
            Some(_) => json!({ "id": package["id"] }),
            None => package.clone(),
        })
        .collect();
    let answer = json!({ "success": true, "result": { "count": count, "results": results } });
    Json(answer).into_response()
}
