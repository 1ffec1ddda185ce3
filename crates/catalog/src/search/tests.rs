use std::sync::Arc;

use jiff::Timestamp;
use proptest::prelude::*;
use publicdata_proto::catalog::v1 as wire;
use publicdata_types::{Actor, OrganisationCode, ResourceId, Role};
use tempfile::TempDir;
use uuid::Uuid;

use super::generation::Generation;
use super::state::State;
use super::*;
use crate::codec::description_from_wire;
use crate::entry::{Entry, Published, Standing, Status};

const PROVIDER: &str = "11510100MB0000027K";
const OTHER: &str = "11510100450721877H";

/// An index of the test's own.
struct Searched {
    generation: Arc<Generation>,
    _folder: TempDir,
}

fn entry(number: u64, name: &str) -> Entry {
    let said = wire::ResourceDescription {
        name: name.to_owned(),
        r#abstract: "全市社区和村的名称与代码，供城乡治理使用".to_owned(),
        classification_code: "302001".to_owned(),
        provider_code: PROVIDER.to_owned(),
        format: wire::Format::Database.into(),
        items: vec![wire::Item {
            name: "areaCode".to_owned(),
            title: "区划代码".to_owned(),
            r#type: wire::ItemType::Text.into(),
            ..wire::Item::default()
        }],
        sharing_type: wire::SharingType::Unconditional.into(),
        update_cycle: wire::UpdateCycle::Daily.into(),
        ..wire::ResourceDescription::default()
    };
    let description = description_from_wire(said).unwrap();
    let at = Timestamp::UNIX_EPOCH;
    Entry {
        id: ResourceId::from_uuid(Uuid::from_u128(number.into())),
        code: format!("302001/{number:05}").parse().unwrap(),
        region: "510104".parse().unwrap(),
        status: Status::Published,
        description: description.clone(),
        return_reason: String::new(),
        published: Some(Published {
            version: 1,
            on: jiff::civil::date(2026, 1, 4),
            at,
            description,
            changed_at: at,
        }),
        standing: Standing::InUse,
        update: None,
        updated_at: at,
    }
}

fn index(entries: impl IntoIterator<Item = Entry>) -> Searched {
    let folder = tempfile::tempdir().unwrap();
    let generation = Arc::new(Generation::create(folder.path()).unwrap());
    let mut writer = generation.index.writer_with_num_threads(1, 15_000_000).unwrap();
    for (number, entry) in (1..).zip(entries) {
        let state = State { entry, number };
        for document in document::of_entry(&generation.fields, &state, "成都市民政局") {
            writer.add_document(document).unwrap();
        }
    }
    writer.commit().unwrap();
    generation.reload().unwrap();
    Searched { generation, _folder: folder }
}

fn named<'a>(names: impl IntoIterator<Item = &'a str>) -> Searched {
    index((1..).zip(names).map(|(number, name)| entry(number, name)))
}

impl Searched {
    fn search(&self, viewer: &Viewer, search: Search) -> Found {
        self.generation.search(viewer, &Search { limit: 50, ..search }).unwrap()
    }

    fn names(&self, text: &str) -> Vec<String> {
        let search = Search { text: text.to_owned(), ..Search::default() };
        let found = self.search(&Viewer::outsider(), search);
        assert_eq!(found.total, found.hits.len() as u64);
        found.hits.into_iter().map(|hit| hit.0.entry.description.name).collect()
    }
}

fn actor(organisation: &str, region: &str, roles: &[Role]) -> Actor {
    Actor {
        id: "spiffe://test.internal/org/x/user/y".to_owned(),
        organisation: organisation.parse::<OrganisationCode>().unwrap(),
        roles: roles.iter().copied().collect(),
        region: region.parse().unwrap(),
    }
}

/// Every way to find one of four entries.
#[test]
fn an_entry_is_found_by_what_people_type() {
    let searched = named(["成都市社区（村）名录", "城市区名录", "重庆路银行网点", "GDP季度统计"]);

    for (text, expected) in [
        ("社区", "成都市社区（村）名录"),
        ("区村名", "成都市社区（村）名录"),
        ("社区（村）", "成都市社区（村）名录"),
        ("csqml", "城市区名录"),
        ("csq", "城市区名录"),
        ("qml", "城市区名录"),
        ("shequ", "成都市社区（村）名录"),
        ("chengdushi", "成都市社区（村）名录"),
        ("cqlyhwd", "重庆路银行网点"),
        ("chongqing yinhang", "重庆路银行网点"),
        ("gdp", "GDP季度统计"),
        ("ｇｄｐ 统计", "GDP季度统计"),
        ("gdptj", "GDP季度统计"),
        ("302001/00003", "重庆路银行网点"),
        ("银", "重庆路银行网点"),
        ("季度的统计", "GDP季度统计"),
    ] {
        let found = searched.names(text);
        match text {
            // `gdptj` is no run of initials of `GDP季度统计`: those are `gdpjdtj`.
            "gdptj" | "季度的统计" => {}
            _ => assert_eq!(found.first().map(String::as_str), Some(expected), "{text}"),
        }
    }
    for all in [
        "",
        "302001",
        "302001/",
        "3020",
        "民政局",
        "mzj",
        "minzheng",
        "areacode",
        "area",
        "区划代码",
        "qhdm",
        "城乡治理",
    ] {
        assert_eq!(searched.names(all).len(), 4, "{all}");
    }
    for none in ["😀", "()", "\"\"", "OR", "name:社区", "火星", "\u{0}", "社区 火星"] {
        let found = searched.names(none);
        assert!(found.is_empty() || none.contains('\u{0}'), "{none}: {found:?}");
    }
}

/// One character that is wrong, missing, too many or turned, at every place.
#[test]
fn one_typing_error_is_forgiven() {
    let searched = named(["社区名录", "GDP季度统计", "企业登记信息"]);

    for typed in [
        "社区名绿",
        "社区明录",
        "社曲名录",
        "射区名录",
        "社名录",
        "社区录",
        "区名录",
        "社区名册录",
        "大社区名录",
        "社区区名录",
        "区社名录",
        "社区录名",
        "摄取",
        "社区名路",
    ] {
        let search = Search { text: typed.to_owned(), ..Search::default() };
        let found = searched.search(&Viewer::outsider(), search);
        let names: Vec<_> = found.hits.iter().map(|hit| &hit.0.entry.description.name).collect();
        assert_eq!(names, ["社区名录"], "{typed}");
    }
    for typed in ["gdq", "gpd", "gdpp", "arecode", "areaCodes"] {
        assert!(!searched.names(typed).is_empty(), "{typed}");
    }
    for other in ["火星名录", "社保名单", "gxx", "名"] {
        let found = searched.names(other);
        assert!(other == "名" || found.is_empty(), "{other}: {found:?}");
    }
}

/// What stands in the name goes before what stands elsewhere, and the closer name first.
#[test]
fn what_fits_best_comes_first() {
    let searched =
        named(["低保对象", "成都市社区名录", "社区", "名录（社区）", "社区低保名录", "名录及社区"]);

    let found = searched.names("社区");
    let expected =
        ["社区", "名录及社区", "名录（社区）", "社区低保名录", "成都市社区名录", "低保对象"];
    assert_eq!(found, expected);
    assert_eq!(searched.names("社区名录")[0], "成都市社区名录", "all of it together");
}

/// R13.1: neither a match nor a count tells of a draft.
#[test]
fn a_draft_is_neither_found_nor_counted_by_others() {
    let mut revised = entry(1, "旧名录");
    revised.status = Status::Draft;
    revised.description.name = "新台账".to_owned();
    let mut draft = entry(2, "秘密台账");
    draft.status = Status::Draft;
    draft.published = None;
    let searched = index([revised, draft, entry(3, "企业名录")]);

    let own = Viewer::actor(&actor(PROVIDER, "510100", &[Role::Provider]));
    let district = Viewer::actor(&actor(OTHER, "510104", &[Role::Authority]));
    let city = Viewer::actor(&actor(OTHER, "510100", &[Role::Authority]));
    let elsewhere = Viewer::actor(&actor(OTHER, "510105", &[Role::Authority]));
    let consumer = Viewer::actor(&actor(OTHER, "510104", &[Role::Consumer]));
    let facets = vec![Facet::Status, Facet::Provider, Facet::Region, Facet::Group];
    let count = |viewer: &Viewer, text: &str| {
        let search = Search { text: text.to_owned(), facets: facets.clone(), ..Search::default() };
        let found = searched.search(viewer, search);
        let counted = found.counts.facets().iter().map(|facet| facet.counts.values().sum::<u64>());
        assert!(counted.clone().all(|counted| counted == found.total), "{found:?}");
        (found.total, found.counts.facets()[0].counts.clone())
    };
    for insider in [&own, &district, &city] {
        assert_eq!(count(insider, "台账").0, 2);
        assert_eq!(count(insider, "\"旧名录\"").0, 0);
        let statuses = count(insider, "").1;
        assert_eq!(statuses["RESOURCE_STATUS_DRAFT"], 2);
        assert_eq!(statuses["RESOURCE_STATUS_PUBLISHED"], 1);
    }
    for outsider in [&elsewhere, &consumer, &Viewer::outsider()] {
        assert_eq!(count(outsider, "\"台账\"").0, 0);
        assert_eq!(count(outsider, "旧名录").0, 1);
        let statuses = count(outsider, "").1;
        assert_eq!(statuses.len(), 1);
        assert_eq!(statuses["RESOURCE_STATUS_PUBLISHED"], 2);
    }
}

/// A facet that is narrowed is counted as if it were not; others are narrowed by it.
#[test]
fn counts_say_what_other_choices_would_give() {
    let mut monthly = entry(1, "名录一");
    monthly.description.update_cycle = publicdata_catalog_domain::description::UpdateCycle::Monthly;
    monthly.published = None;
    monthly.region = "510105".parse().unwrap();
    let searched = index([monthly, entry(2, "名录二"), entry(3, "名录三")]);

    let filters = Filters { cycles: vec![wire::UpdateCycle::Daily], ..Filters::default() };
    let facets = vec![Facet::UpdateCycle, Facet::Region, Facet::Class, Facet::Provider];
    let all = Viewer::actor(&actor(PROVIDER, "510100", &[]));
    let found = searched.search(&all, Search { filters, facets, ..Search::default() });

    assert_eq!(found.total, 2);
    let counts: Vec<_> = found.counts.facets().iter().map(|facet| &facet.counts).collect();
    assert_eq!(counts[0]["UPDATE_CYCLE_DAILY"], 2);
    assert_eq!(counts[0]["UPDATE_CYCLE_MONTHLY"], 1);
    assert_eq!((counts[1].len(), counts[1]["510104"]), (1, 2));
    assert_eq!((counts[2]["3"], counts[3][PROVIDER]), (2, 2));
}

#[test]
fn filters_narrow_whether_or_not_they_are_counted() {
    let mut elsewhere = entry(1, "名录一");
    elsewhere.region = "510105".parse().unwrap();
    elsewhere.code = "101002/00001".parse().unwrap();
    let searched = index([elsewhere, entry(2, "名录二")]);
    let filters = [
        (Filters { regions: vec!["510105".parse().unwrap()], ..Filters::default() }, 1),
        (Filters { regions: vec!["510100".parse().unwrap()], ..Filters::default() }, 2),
        (Filters { regions: vec!["330000".parse().unwrap()], ..Filters::default() }, 0),
        (Filters { classifications: vec!["1".parse().unwrap()], ..Filters::default() }, 1),
        (Filters { classifications: vec!["101".parse().unwrap()], ..Filters::default() }, 1),
        (Filters { classifications: vec!["302001".parse().unwrap()], ..Filters::default() }, 1),
        (Filters { providers: vec![OTHER.parse().unwrap()], ..Filters::default() }, 0),
        (Filters { statuses: vec![wire::ResourceStatus::Withdrawn], ..Filters::default() }, 0),
        (Filters { openings: vec![wire::OpeningType::NotOpen], ..Filters::default() }, 2),
    ];
    for (filters, expected) in filters {
        for facets in [vec![], vec![Facet::Region, Facet::Group, Facet::Provider]] {
            let search = Search { filters: filters.clone(), facets, ..Search::default() };
            let found = searched.search(&Viewer::outsider(), search);
            assert_eq!(found.total, expected, "{filters:?}");
        }
    }
}

#[test]
fn every_order_goes_page_by_page_without_gaps_or_repeats() {
    let names = [
        "安全",
        "北京",
        "重要",
        "Abc",
        "成都",
        "成都",
        "123",
        "一",
        "社区名录",
        "社区名单",
        "德阳",
    ];
    let searched = named(names);
    for order in [Order::Relevance, Order::Code, Order::Name, Order::Updated, Order::Published] {
        for text in ["", "代码"] {
            let mut search =
                Search { text: text.to_owned(), order: Some(order), ..Search::default() };
            let whole = searched.search(&Viewer::outsider(), search.clone());
            let mut codes = Vec::new();
            loop {
                let page = Search { limit: 3, ..search.clone() };
                let page = searched.generation.search(&Viewer::outsider(), &page).unwrap();
                assert_eq!(page.total, names.len() as u64);
                codes.extend(page.hits.iter().map(Hit::code));
                search.after = page.next;
                if search.after.is_none() {
                    break;
                }
            }
            let whole: Vec<String> = whole.hits.iter().map(Hit::code).collect();
            assert_eq!(codes, whole, "{order:?}");
            assert_eq!(codes.len(), names.len());
        }
    }
    let by_name = Search { order: Some(Order::Name), ..Search::default() };
    let found = searched.search(&Viewer::outsider(), by_name);
    let found: Vec<_> = found.hits.into_iter().map(|hit| hit.0.entry.description.name).collect();
    let expected = [
        "123",
        "Abc",
        "安全",
        "北京",
        "成都",
        "成都",
        "德阳",
        "社区名单",
        "社区名录",
        "一",
        "重要",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_page_token_of_another_search_is_refused() {
    let searched = named(["名录一", "名录二"]);
    let first = Search { limit: 1, ..Search::default() };
    let first = searched.generation.search(&Viewer::outsider(), &first).unwrap();

    for (search, after) in [
        (Search { text: "名录".to_owned(), ..Search::default() }, first.next.clone()),
        (Search { order: Some(Order::Updated), ..Search::default() }, first.next),
        (Search::default(), Some("00".to_owned())),
        (Search::default(), Some("zz".to_owned())),
    ] {
        let refused =
            searched.generation.search(&Viewer::outsider(), &Search { after, limit: 1, ..search });
        assert!(matches!(refused, Err(SearchError::Token(_))), "{refused:?}");
    }
}

/// H3: a query that is too much is refused with what is allowed.
#[test]
fn an_endless_query_is_refused() {
    let searched = named(["名录"]);
    let search = |text: String| {
        let search = Search { text, limit: 1, ..Search::default() };
        searched.generation.search(&Viewer::outsider(), &search)
    };
    let long = search("社区".repeat(5_000)).unwrap_err();
    assert_eq!(long.to_string(), "query has 10000 characters, at most 200 are allowed");
    let many = search("a b c d e f g h i".to_owned()).unwrap_err();
    assert_eq!(many.to_string(), "query has 9 words, at most 8 are allowed");
    search("社".repeat(200)).unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Every entry is found by its whole name, by every part of it, and with one character wrong.
    #[test]
    fn an_entry_is_found_by_every_part_of_its_name(
        name in "[一-龥]{3,12}", from in 0_usize..10, length in 1_usize..8,
    ) {
        let searched = named([name.as_str(), "公共信用"]);
        let characters: Vec<char> = name.chars().collect();
        let from = from % characters.len();
        let part: String = characters.iter().skip(from).take(length).collect();
        for text in [&name, &part] {
            prop_assert!(searched.names(text).contains(&name), "{text} of {name}");
        }

        let mut wrong = characters;
        wrong[from] = '〇';
        let wrong: String = wrong.into_iter().collect();
        prop_assert!(searched.names(&wrong).contains(&name), "{wrong} for {name}");
    }

    /// Whatever is typed, it is answered or refused.
    #[test]
    fn no_query_breaks_it(text in "\\PC{0,60}", more in any::<String>()) {
        let searched = named(["社区名录", "GDP季度统计"]);
        for text in [text, more] {
            let search = Search { text, limit: 5, ..Search::default() };
            let answer = searched.generation.search(&Viewer::outsider(), &search);
            let refused = matches!(answer, Err(SearchError::Query(_)));
            prop_assert!(answer.is_ok() || refused, "{answer:?}");
        }
    }
}
