use publicdata_proto::catalog::v1::{
    DeliveryMode, Format, Item, Resource, ResourceDescription, SharingType, UpdateCycle,
};

use super::*;

const BASE: &str = "https://data.chengdu.example";

fn resource(serial: u32, name: &str) -> Resource {
    Resource {
        code: format!("302001/{serial:05}"),
        version: 2,
        published_on: "2026-01-04".to_owned(),
        region_code: "510100".to_owned(),
        provider_name: "成都市民政局".to_owned(),
        updated_at: Some(prost_types::Timestamp { seconds: 1_767_488_400, nanos: 0 }),
        description: Some(ResourceDescription {
            name: name.to_owned(),
            r#abstract: "全市社区的\"代码\"与名称 <一>\n二".to_owned(),
            classification_code: "302001".to_owned(),
            provider_code: "11510100MB0000027K".to_owned(),
            format: Format::Database.into(),
            items: vec![Item { title: "代码".to_owned(), ..Item::default() }],
            sharing_type: SharingType::Conditional.into(),
            delivery_modes: vec![DeliveryMode::Query.into(), DeliveryMode::Bulk.into()],
            update_cycle: UpdateCycle::HalfYearly.into(),
            ..ResourceDescription::default()
        }),
        ..Resource::default()
    }
}

fn offer() -> Offer {
    Offer::new(BASE, "成都市公共数据资源目录", "成都市大数据和电子政务管理办公室").unwrap()
}

fn written(syntax: Syntax, links: Option<&Links>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new(), syntax, &offer(), links).unwrap();
    writer.dataset(&resource(1, "社区名录")).unwrap();
    writer.dataset(&resource(2, "村名录 & <村>")).unwrap();
    writer.finish().unwrap()
}

/// R23.3: what we offer is read back, the same in every syntax.
#[test]
fn our_own_offer_is_read_back_in_every_syntax() {
    let links = Links {
        this: "catalog.ttl".to_owned(),
        first: "catalog.ttl".to_owned(),
        next: Some("catalog.ttl?page=abc".to_owned()),
    };
    for syntax in Syntax::ALL {
        let bytes = written(syntax, Some(&links));
        let page = read(&bytes, syntax, BASE).unwrap();
        assert_eq!(page.unread, []);
        assert_eq!(page.next.as_deref(), Some("https://data.chengdu.example/catalog.ttl?page=abc"));
        assert_eq!(page.datasets.len(), 2, "{syntax:?}");
        let first = &page.datasets[0];
        assert_eq!(first.uri, offer().dataset("302001/00001"));
        assert_eq!(first.identifier, "302001/00001");
        assert_eq!(first.title, "社区名录");
        assert_eq!(first.description, "全市社区的\"代码\"与名称 <一>\n二");
        assert_eq!(first.publisher, "成都市民政局");
        assert_eq!(first.themes, ["部门信息资源 302001"]);
        assert_eq!(first.keywords, ["代码"]);
        assert_eq!(first.version, "2");
        assert_eq!(first.modified, "2026-01-04T01:00:00Z");
        assert_eq!(first.distributions.len(), 2);
        assert_eq!(first.distributions[0].format, "数据库");
        assert!(offer().is_own(&first.uri));
    }
    assert!(!offer().is_own("https://data.chengdu.example.evil/dataset/1"));
    assert!(Offer::new("no address", "", "").is_err());
}

const FOREIGN: &str = r#"
@prefix dcat: <http://www.w3.org/ns/dcat#> .
@prefix dct: <http://purl.org/dc/terms/> .
@prefix foaf: <http://xmlns.com/foaf/0.1/> .
<http://data.sc.example/> a dcat:Catalog ; dcat:dataset <d/1>, <d/2>, _:none .
<d/1> a dcat:Dataset ; dct:title "Villages"@en, "行政村名录"@zh-CN ; dct:identifier "sc-1" ;
  dct:publisher [ a foaf:Agent ; foaf:name "四川省民政厅"@zh ] ; dcat:theme "民政" ; dcat:keyword "村", "镇", "村" ;
  dct:modified "2026-01-04" ;
  dcat:distribution [ a dcat:Distribution ; dcat:downloadURL <files/1.csv> ; dct:license <http://licence.example/by> ;
    dcat:mediaType <https://www.iana.org/assignments/media-types/text/csv> ] .
<d/2> a dcat:Dataset ; dct:description "without a title" .
_:none a dcat:Dataset ; dct:title "nameless" .
_:named a dcat:Dataset ; dct:title "by identifier" ; dct:identifier "http://data.sc.example/d/4" .
"#;

#[test]
fn bad_datasets_leave_the_others_alone() {
    let page = read(FOREIGN.as_bytes(), Syntax::Turtle, "http://data.sc.example/").unwrap();
    let uris: Vec<&str> = page.datasets.iter().map(|dataset| dataset.uri.as_str()).collect();
    assert_eq!(uris, ["http://data.sc.example/d/1", "http://data.sc.example/d/4"]);
    let first = &page.datasets[0];
    assert_eq!(first.title, "行政村名录", "Chinese goes before others");
    assert_eq!(first.publisher, "四川省民政厅");
    assert_eq!(first.keywords, ["村", "镇"]);
    assert_eq!(first.license, "http://licence.example/by");
    assert_eq!(first.distributions[0].url, "http://data.sc.example/files/1.csv");
    let mut unread: Vec<&str> = page.unread.iter().map(|unread| unread.uri.as_str()).collect();
    unread.sort_unstable();
    assert_eq!(unread, ["http://data.sc.example/d/2", "nameless"]);
}

#[test]
fn a_page_that_is_no_rdf_is_refused() {
    for syntax in Syntax::ALL {
        assert!(read(b"<html><body>503</body>", syntax, BASE).is_err(), "{syntax:?}");
    }
}

#[test]
fn a_syntax_is_known_by_its_media_type_and_its_ending() {
    for syntax in Syntax::ALL {
        let media_type = format!("{}; charset=utf-8", syntax.media_type());
        assert_eq!(Syntax::of_media_type(&media_type), Some(syntax));
        let path = format!("catalog.{}", syntax.ending());
        assert_eq!(Syntax::of_path(Path::new(&path)), Some(syntax));
    }
    assert_eq!(Syntax::of_media_type("text/html"), None);
}

/// Writes the offer for a SHACL validator: run it over `PUBLICDATA_DCAT_AP_SHACL`.
///
/// The shapes belong to the European Union and are not kept here; without them there is nothing to validate against, and the
/// test says so.
#[test]
#[expect(clippy::disallowed_methods, reason = "where the shapes are is told by the environment")]
fn our_offer_conforms_to_dcat_ap() {
    use std::io::Write as _;

    let Ok(shapes) = std::env::var("PUBLICDATA_DCAT_AP_SHACL") else {
        let mut stderr = std::io::stderr();
        let _ = writeln!(
            stderr,
            "SKIPPED: PUBLICDATA_DCAT_AP_SHACL names no file of SHACL shapes; nothing was validated"
        );
        return;
    };
    let shapes = defined(Path::new(&shapes));
    let python = std::env::var("PUBLICDATA_PYSHACL").unwrap_or_else(|_| "pyshacl".to_owned());
    for syntax in Syntax::ALL {
        let name = format!("offer-{}.{}", std::process::id(), syntax.ending());
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, written(syntax, None)).unwrap();
        let form = match syntax {
            Syntax::Turtle => "turtle",
            Syntax::RdfXml => "xml",
            Syntax::JsonLd => "json-ld",
        };
        let validated = std::process::Command::new(&python)
            .args(["-sf", "turtle", "-df", form, "--shapes"])
            .arg(&shapes)
            .arg(&path)
            .output()
            .expect("pyshacl, from PyPI, on the PATH or as PUBLICDATA_PYSHACL names it");
        std::fs::remove_file(&path).unwrap();
        let said = [validated.stdout, validated.stderr].concat();
        assert!(validated.status.success(), "{form}: {}", String::from_utf8_lossy(&said));
    }
    std::fs::remove_file(shapes).unwrap();
}

/// A copy of the shapes without those that are referred to and not defined: release 3.0.1 has two, of data services, and a
/// validator that is strict stops at them.
fn defined(shapes: &Path) -> std::path::PathBuf {
    const PROPERTY: &str = "http://www.w3.org/ns/shacl#property";

    let parser = oxrdfio::RdfParser::from_format(RdfFormat::Turtle);
    let file = std::fs::File::open(shapes).unwrap();
    let graph: Vec<oxrdf::Quad> = parser.for_reader(file).map(Result::unwrap).collect();
    let subjects: std::collections::BTreeSet<String> =
        graph.iter().map(|quad| quad.subject.to_string()).collect();
    let copy = std::env::temp_dir().join(format!("shapes-{}.ttl", std::process::id()));
    let mut writer = oxrdfio::RdfSerializer::from_format(RdfFormat::Turtle)
        .for_writer(std::fs::File::create(&copy).unwrap());
    for quad in &graph {
        let refers = quad.predicate.as_str() == PROPERTY;
        if !refers || subjects.contains(&quad.object.to_string()) {
            writer.serialize_quad(quad).unwrap();
        }
    }
    writer.finish().unwrap();
    copy
}
