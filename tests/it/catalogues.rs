//! Catalogues in bulk and across platforms, from the command line: sheets in and out, a fleet that harvests another, and CKAN.

mod ckan;
mod other;

use std::path::{Path, PathBuf};

use publicdata::commands::harvest::{self, Harvested, Progress, Source};
use publicdata::fleet::{Fleet, Options};
use publicdata::sample;
use publicdata::session::Session;
use publicdata_service_kit::Clock;
use serde_json::Value;
use tempfile::TempDir;

use crate::process::Terminal;
use ckan::Site;
use other::{DATASETS, pages};

/// The sample city without nodes.
struct Town {
    fleet: Fleet,
    terminal: Terminal,
    // Last, so that everything has ended when the folder goes.
    folder: TempDir,
}

impl Town {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let init = sample::init_arguments().unwrap();
        let fleet = Fleet::start(Options::new(&data, Clock::system(), init)).await.unwrap();
        let authority = Session::open(&data, "authority").unwrap();
        for organisation in &sample::ORGANISATIONS {
            sample::register(&authority, organisation).await.unwrap();
            sample::issue(&authority, &data, organisation).await.unwrap();
        }
        Self { fleet, terminal: Terminal::new(&data), folder }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        self.path(name).to_str().unwrap().to_owned()
    }

    fn authority(&self) -> Session {
        Session::open(self.fleet.data(), "authority").unwrap()
    }

    /// Titles of other platforms' datasets here.
    async fn foreign(&self) -> Vec<String> {
        let list = self.terminal.json(&["catalog", "harvest", "list", "--as", "health"]).await;
        let resources = list["resources"].as_array().unwrap().iter();
        let mut titles: Vec<String> = resources
            .map(|found| found["description"]["title"].as_str().unwrap().to_owned())
            .collect();
        titles.sort();
        titles
    }

    /// The id of a published entry.
    async fn published_id(&self, name: &str) -> String {
        let file = self.text("published.jsonl");
        let export = ["catalog", "export", "--to", &file, "--status", "published"];
        self.terminal.text(&export).await;
        let text = std::fs::read_to_string(&file).unwrap();
        let mut entries = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let found = entries.find(|entry| entry["description"]["name"] == name).unwrap();
        found["id"].as_str().unwrap().to_owned()
    }

    /// Entries from lines of CSV: name and abstract; they are published.
    async fn published(&self, entries: &[(&str, &str)]) {
        let mut csv = "信息资源分类代码,信息资源名称,信息资源提供方代码,信息资源摘要,信息资源格式分类,共享类型,共享条件,\
                       共享方式类型,是否向社会开放,更新周期,信息项名称,字段标识,数据类型\n"
            .to_owned();
        for (name, about) in entries {
            csv.push_str(&format!(
                "302001,{name},{},{about},数据库,有条件共享,限于履行职责,批量获取,否,每年,代码,code,C\n",
                sample::PROVIDER.code
            ));
        }
        let file = self.text("entries.csv");
        std::fs::write(&file, csv).unwrap();
        let import = ["catalog", "import", &file, "--as", "civil-affairs", "--submit"];
        self.terminal.text(&import).await;
        let submitted = self.text("submitted.jsonl");
        let export = ["catalog", "export", "--to", &submitted, "--status", "submitted"];
        self.terminal.text(&export).await;
        for line in std::fs::read_to_string(&submitted).unwrap().lines() {
            let entry: Value = serde_json::from_str(line).unwrap();
            self.terminal.text(&["catalog", "publish", entry["id"].as_str().unwrap()]).await;
        }
    }
}

fn counts(summary: &Value) -> [u64; 4] {
    ["taken", "revised", "unchanged", "refused"].map(|name| summary[name].as_u64().unwrap())
}

/// R12.1: from the template over a dry run and a report to entries in the catalogue, and out again; importing what was
/// exported changes nothing.
#[tokio::test]
async fn a_department_fills_the_catalogue_from_a_sheet() {
    let town = Town::start().await;
    let terminal = &town.terminal;
    let template = town.text("目录.xlsx");
    let write = ["catalog", "template", "--format", "xlsx", "--to", &template];
    terminal.text(&[&write[..], &["--as", "civil-affairs"]].concat()).await;

    let import = |file: &str, more: &[&str]| {
        let arguments = [&["catalog", "import", file, "--as", "civil-affairs"], more].concat();
        let arguments: Vec<String> = arguments.into_iter().map(str::to_owned).collect();
        async move {
            let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
            terminal.json(&arguments).await
        }
    };
    assert_eq!(counts(&import(&template, &["--dry-run"]).await), [1, 0, 0, 0]);
    assert_eq!(counts(&import(&template, &[]).await), [1, 0, 0, 0]);
    assert_eq!(counts(&import(&template, &[]).await), [0, 0, 1, 0], "again changes nothing");

    for ending in ["xlsx", "csv", "json", "jsonl"] {
        let exported = town.text(&format!("出.{ending}"));
        terminal.text(&["catalog", "export", "--to", &exported, "--as", "civil-affairs"]).await;
        assert_eq!(counts(&import(&exported, &[]).await), [0, 0, 1, 0], "{ending}");
    }
}

/// H3: what is wrong is reported by cell, whoever found it, and the exit code says that some were refused.
#[tokio::test]
async fn what_is_refused_is_reported_by_cell() {
    let town = Town::start().await;
    let file = town.text("entries.csv");
    let header = "信息资源分类代码,信息资源名称,信息资源提供方代码,信息资源摘要,信息资源格式分类,共享类型,共享条件,\
                  共享方式类型,更新周期,信息项名称,字段标识,数据类型\n";
    let row = |name: &str, about: &str, cycle: &str| {
        let code = sample::PROVIDER.code;
        format!(
            "302001,{name},{code},{about},数据库,有条件共享,限于履职,批量获取,{cycle},代码,code,C\n"
        )
    };
    let text =
        [header, &row("甲", "摘要", "每世纪"), &row("乙", "", "每年"), &row("丙", "摘要", "每年")];
    let text = text.concat();
    std::fs::write(&file, encoding_rs::GB18030.encode(&text).0).unwrap();

    for ending in ["csv", "xlsx", "json"] {
        let report = town.text(&format!("报告.{ending}"));
        let import = ["catalog", "import", &file, "--as", "civil-affairs", "--report", &report];
        let ended = town.terminal.run(&import).await;
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stdout.contains("I2") && ended.stdout.contains("D3"), "{ended:?}");
        assert!(Path::new(&report).metadata().unwrap().len() > 0);
    }
    let report = std::fs::read_to_string(town.path("报告.json")).unwrap();
    let report: Vec<Value> = serde_json::from_str(&report).unwrap();
    let lines: Vec<_> = report
        .iter()
        .map(|line| ["name", "outcome", "place"].map(|field| line[field].as_str().unwrap()))
        .collect();
    assert_eq!(lines[0], ["甲", "refused", "I2"]);
    assert_eq!(lines[1], ["乙", "refused", "D3"]);
    assert_eq!(lines[2], ["丙", "unchanged", "row 4"]);
}

fn source() -> Source {
    Source { name: String::new(), platform: "另一个平台".to_owned(), source_id: None }
}

async fn harvest_dcat(town: &Town, from: &str) -> Harvested {
    let arguments = harvest::Dcat { from: from.to_owned(), source: source() };
    harvest::dcat(&town.authority(), &arguments, &Progress::hidden()).await.unwrap()
}

/// R23.3: one city's feed, harvested by another's catalogue, gives the same datasets; what changes there changes here, and what
/// a city offers does not come back to it.
#[tokio::test]
async fn one_citys_feed_is_harvested_by_another() {
    let (here, there) = (Town::start().await, Town::start().await);
    there.published(&[("社区名录", "全市社区"), ("村名录", "全市村")]).await;
    let feed = there.fleet.endpoints().catalog_feed.clone();

    for syntax in ["ttl", "rdf", "jsonld"] {
        let harvested = harvest_dcat(&here, &format!("{feed}/catalog.{syntax}")).await;
        assert_eq!((harvested.taken, harvested.refused), (2, 0), "{syntax}: {harvested:?}");
    }
    let page = format!("{feed}/catalog.ttl");
    let again = harvest_dcat(&here, &page).await;
    assert_eq!((again.taken, again.unchanged, again.gone), (0, 2, 0));

    there.published(&[("社区名录", "全市社区与小区"), ("学校名录", "全市学校")]).await;
    let after = harvest_dcat(&here, &page).await;
    assert_eq!((after.taken, after.changed, after.unchanged), (1, 1, 1), "{after:?}");

    let gone = there.published_id("村名录").await;
    there.terminal.text(&["catalog", "withdraw", &gone, "--reason", "职能已划转给另一部门"]).await;
    let after = harvest_dcat(&here, &page).await;
    assert_eq!((after.unchanged, after.gone), (2, 1), "what is withdrawn is let go: {after:?}");

    let own = harvest_dcat(&there, &page).await;
    assert_eq!((own.taken, own.own), (0, 2), "a city's own datasets do not come back to it");
    assert!(there.foreign().await.is_empty());
    here.fleet.stop().await.unwrap();
    there.fleet.stop().await.unwrap();
}

/// R23.3: DCAT from a file, in each syntax; a dataset that is malformed is reported, what is gone is let go, and our own export
/// is read as any other's.
#[tokio::test]
async fn dcat_files_are_harvested_in_every_syntax() {
    let town = Town::start().await;
    for (name, text) in pages() {
        std::fs::write(town.path(name), text).unwrap();
        let harvested = harvest_dcat(&town, &town.text(name)).await;
        assert_eq!((harvested.taken, harvested.refused), (DATASETS, 1), "{name}: {harvested:?}");
        assert!(harvested.problems[0].message.contains("title"), "{harvested:?}");
    }
    let (name, text) = &pages()[0];
    std::fs::write(
        town.path(name),
        text.replace("dcat:Dataset ; dct:title \"医院", "dct:Gone ; dct:title \"医院"),
    )
    .unwrap();
    let harvested = harvest_dcat(&town, &town.text(name)).await;
    assert_eq!((harvested.unchanged, harvested.gone), (DATASETS - 1, 1), "{harvested:?}");

    town.published(&[("社区名录", "全市社区")]).await;
    for ending in ["ttl", "rdf", "jsonld"] {
        let file = town.text(&format!("我们.{ending}"));
        let export =
            ["catalog", "export", "--to", &file, "--base-url", "https://elsewhere.example"];
        town.terminal.text(&export).await;
        let harvested = harvest_dcat(&town, &file).await;
        assert_eq!((harvested.taken, harvested.refused), (1, 0), "{ending}: {harvested:?}");
    }
}

/// R23.3: a CKAN site is harvested page by page, over an error in the middle and a redirect; then only what changed, and what is
/// gone is let go.
#[tokio::test]
async fn a_ckan_site_is_followed() {
    let town = Town::start().await;
    let site = Site::start(250).await;
    let harvest = async |site: &Site| {
        let arguments = harvest::Ckan { url: site.url.clone(), full: false, source: source() };
        harvest::ckan(&town.authority(), &arguments, &Progress::hidden()).await.unwrap()
    };

    site.fail_once_at(100);
    site.add_malformed();
    let first = harvest(&site).await;
    assert_eq!((first.taken, first.refused, first.gone), (250, 1, 0), "{first:?}");
    assert_eq!(town.foreign().await.len(), 50);

    let asked = site.asked();
    let again = harvest(&site).await;
    assert_eq!((again.taken, again.changed), (0, 0), "{again:?}");
    assert!(again.unchanged <= 1, "only what changed at the last moment comes again");
    assert!(site.asked() - asked <= 4, "what did not change is not asked for");

    site.change(7, "改了名的数据集");
    site.remove(8);
    site.remove(9);
    let after = harvest(&site).await;
    assert_eq!((after.taken, after.changed, after.gone), (0, 1, 2), "{after:?}");
    assert!(town.foreign().await.iter().any(|title| title == "改了名的数据集"));

    site.move_away();
    let moved = harvest(&site).await;
    assert_eq!((moved.taken, moved.gone), (0, 0), "{moved:?}");
}

/// H3, H4: a site that stops in the middle is reported; the next harvest goes on where it was.
#[tokio::test]
async fn a_harvest_that_broke_off_goes_on() {
    let town = Town::start().await;
    let site = Site::start(250).await;
    let arguments = harvest::Ckan { url: site.url.clone(), full: false, source: source() };
    let harvest = async || harvest::ckan(&town.authority(), &arguments, &Progress::hidden()).await;

    site.refuse_from(200);
    let broken = harvest().await.unwrap_err();
    assert!(format!("{broken:#}").contains("403"), "{broken:#}");
    site.refuse_from(usize::MAX);
    let rest = harvest().await.unwrap();
    assert_eq!((rest.taken, rest.gone), (50, 0), "{rest:?}");
    assert!(rest.unchanged <= 1, "{rest:?}");
}
