use proptest::prelude::*;

use super::*;
use crate::description::words::system_ending;

/// A description without mistakes: the villages of the city, conditionally shared.
pub(crate) fn villages() -> Description {
    Description {
        name: "成都市社区（村）名录".to_owned(),
        abstract_: "全市社区和村的名称与统计用区划代码".to_owned(),
        classification: "302001".parse().unwrap(),
        provider: "91110000802100433B".parse().unwrap(),
        format: Format::Database,
        items: vec![
            item("code", "统计用区划代码"),
            item("name", "名称"),
            Item { mask: Some(Mask::Partial), open: false, ..item("contact", "联系电话") },
        ],
        sharing: Sharing::Conditional { condition: "用于社区服务".to_owned() },
        delivery_modes: BTreeSet::from([DeliveryMode::Bulk]),
        opening: Opening::Open { condition: "注明来源".to_owned() },
        update_cycle: UpdateCycle::Yearly,
        related: Vec::new(),
        use_requirements: String::new(),
        entity: String::new(),
        format_detail: String::new(),
    }
}

pub(crate) fn item(name: &str, title: &str) -> Item {
    Item {
        name: name.to_owned(),
        title: title.to_owned(),
        kind: ItemType::Text,
        length: Some(12),
        required: true,
        mask: None,
        sharing: None,
        open: true,
        quality: Quality::default(),
    }
}

/// Changes the villages and lists what is wrong then.
fn mistakes(change: impl FnOnce(&mut Description)) -> Vec<Mistake> {
    let mut description = villages();
    change(&mut description);
    description.mistakes()
}

fn not_shared() -> Sharing {
    Sharing::NotShared { reason: "涉及国家秘密".to_owned() }
}

/// R12.1
#[test]
fn complete_description_has_no_mistake() {
    assert_eq!(mistakes(|_| {}), []);
}

#[test]
fn texts_are_neither_empty_nor_endless() {
    assert_eq!(mistakes(|d| d.name.clear()), [Mistake::Empty { text: Text::Name }]);
    assert_eq!(
        mistakes(|d| d.abstract_ = " ".to_owned()),
        [Mistake::Empty { text: Text::Abstract }]
    );
    assert_eq!(
        mistakes(|d| d.name = "名".repeat(201)),
        [Mistake::TooLong { text: Text::Name, found: 201, max: 200 }]
    );
}

/// R12.2: the code follows the classification, so that must go down to a 目.
#[test]
fn classification_goes_down_to_a_category() {
    assert_eq!(
        mistakes(|d| d.classification = "302".parse().unwrap()),
        [Mistake::ClassificationTooGeneral { code: "302".parse().unwrap() }]
    );
}

#[test]
fn items_are_needed() {
    assert_eq!(mistakes(|d| d.items.clear()), [Mistake::ItemsMissing]);
}

#[test]
fn items_have_identifiers_of_their_own() {
    assert_eq!(
        mistakes(|d| d.items.push(item("CODE", "代码"))),
        [Mistake::DuplicateItem { position: 4, name: "CODE".to_owned() }]
    );
    for name in ["", "1st", "a-b", "名称", "a; drop table x", &"a".repeat(64)] {
        assert_eq!(
            mistakes(|d| d.items.push(item(name, "别名"))),
            [Mistake::ItemName { position: 4 }],
            "{name}"
        );
    }
    assert_eq!(
        mistakes(|d| d.items[0].title.clear()),
        [Mistake::ItemTitleMissing { position: 1, name: "code".to_owned() }]
    );
}

/// R26.1: a condition is published, and so is the reason for not sharing.
#[test]
fn condition_and_reason_are_published() {
    assert_eq!(
        mistakes(|d| d.sharing = Sharing::Conditional { condition: String::new() }),
        [Mistake::Empty { text: Text::SharingCondition }]
    );
    assert_eq!(
        mistakes(|d| {
            d.sharing = Sharing::NotShared { reason: String::new() };
            d.opening = Opening::NotOpen;
        }),
        [Mistake::Empty { text: Text::NotSharedReason }]
    );
}

/// R23.1
#[test]
fn shared_resource_has_a_delivery_mode() {
    assert_eq!(mistakes(|d| d.delivery_modes.clear()), [Mistake::DeliveryModeMissing]);
    assert_eq!(
        mistakes(|d| {
            d.delivery_modes.clear();
            d.sharing = not_shared();
            d.opening = Opening::NotOpen;
        }),
        []
    );
}

/// R25.1: an item may be narrower than its resource, not wider.
#[test]
fn item_is_not_shared_more_widely_than_its_resource() {
    assert_eq!(
        mistakes(|d| d.items[0].sharing = Some(SharingType::Unconditional)),
        [Mistake::ItemSharedWider { position: 1, name: "code".to_owned() }]
    );
    assert_eq!(mistakes(|d| d.items[2].sharing = Some(SharingType::NotShared)), []);
}

/// R25.1, R39.1: the public gets nothing that is kept from departments or that is sensitive.
#[test]
fn opening_does_not_contradict_sharing() {
    assert_eq!(mistakes(|d| d.sharing = not_shared()), [Mistake::OpenNotShared]);
    assert_eq!(
        mistakes(|d| d.items[0].sharing = Some(SharingType::NotShared)),
        [Mistake::OpenItemNotShared { position: 1, name: "code".to_owned() }]
    );
    assert_eq!(
        mistakes(|d| d.items[2].open = true),
        [Mistake::OpenItemSensitive { position: 3, name: "contact".to_owned() }]
    );
    assert_eq!(
        mistakes(|d| d.items.iter_mut().for_each(|item| item.open = false)),
        [Mistake::OpenItemsMissing]
    );
}

/// H3: all mistakes at once, so that nobody corrects them one by one.
#[test]
fn all_mistakes_are_named_at_once() {
    assert_eq!(
        mistakes(|d| {
            d.name.clear();
            d.items.clear();
            d.delivery_modes.clear();
        }),
        [Mistake::Empty { text: Text::Name }, Mistake::ItemsMissing, Mistake::DeliveryModeMissing]
    );
}

/// Issue 3: the names of systems, as departments file them, and names that only look like one.
#[test]
fn a_system_is_not_a_resource() {
    for name in [
        "社会保险信息系统",
        "不动产登记系统（二期）",
        "智慧城管平台V2.0",
        "市民云APP",
        "天府市民云ａｐｐ",
        "人口基础数据库",
        "行政审批管理软件",
        "蓉易办小程序",
        "成都市政务服务网站",
        "公共信用信息系统 （升级版）",
        "综合监管子系统",
    ] {
        assert!(system_ending(name).is_some(), "{name}");
        let found = mistakes(|d| d.name = name.to_owned());
        assert!(matches!(found[..], [Mistake::SystemName { .. }]), "{name}: {found:?}");
    }
    for name in [
        "信息系统清单",
        "政务信息系统目录",
        "社会保险信息系统用户信息",
        "平台企业名录",
        "城市生态系统",
        "二次供水系统",
        "观景平台",
        "网站备案数据",
        "低保对象信息（二期）",
        "行政处罚（一般程序）",
    ] {
        assert_eq!(mistakes(|d| d.name = name.to_owned()), [], "{name}");
    }
}

#[test]
fn placeholders_say_nothing() {
    for filler in ["无", "暂无。", "/", "——", "略", "同 上", "N/A", "见附件"] {
        assert_eq!(
            mistakes(|d| d.sharing = Sharing::Conditional { condition: filler.to_owned() }),
            [Mistake::Filler { text: Text::SharingCondition }],
            "{filler}"
        );
        let reason = filler.to_owned();
        assert_eq!(
            mistakes(|d| {
                d.sharing = Sharing::NotShared { reason };
                d.opening = Opening::NotOpen;
            }),
            [Mistake::Filler { text: Text::NotSharedReason }],
            "{filler}"
        );
        assert_eq!(
            mistakes(|d| d.abstract_ = filler.to_owned()),
            [Mistake::Filler { text: Text::Abstract }],
            "{filler}"
        );
    }
}

#[test]
fn an_abstract_says_more_than_the_name() {
    assert_eq!(
        mistakes(|d| d.abstract_ = "成都市社区(村)名录。".to_owned()),
        [Mistake::AbstractRepeatsName]
    );
}

/// R23.1: queries need rows, and a service interface holds no file.
#[test]
fn the_format_fits_the_way_of_delivery() {
    use DeliveryMode::{Bulk, Push, Query};

    let unfit = |format, modes: &[DeliveryMode]| {
        mistakes(|d| {
            d.format = format;
            d.delivery_modes = modes.iter().copied().collect();
        })
    };
    for format in [Format::ElectronicFile, Format::Image, Format::StreamingMedia] {
        assert_eq!(unfit(format, &[Bulk, Push]), []);
        let mode = Query;
        assert_eq!(unfit(format, &[Query, Bulk]), [Mistake::DeliveryModeUnfit { format, mode }]);
    }
    for format in [Format::Spreadsheet, Format::Database, Format::SelfDescribing] {
        assert_eq!(unfit(format, &[Query, Bulk, Push]), []);
    }
    let format = Format::ServiceInterface;
    assert_eq!(unfit(format, &[Query]), []);
    assert_eq!(
        unfit(format, &[Bulk, Push]),
        [Bulk, Push].map(|mode| Mistake::DeliveryModeUnfit { format, mode })
    );
}

/// R15.1: base and theme classes are those of the regulation, or were named; a department's are its own.
#[test]
fn base_and_theme_classes_are_those_of_the_tree() {
    let given = |code: &str, group_named| {
        let description = Description { classification: code.parse().unwrap(), ..villages() };
        description.mistakes_given(&Facts { group_named, ..Facts::default() })
    };
    for code in ["101001", "105999", "212001", "399001", "30100107"] {
        assert_eq!(given(code, false), [], "{code}");
    }
    for code in ["106001", "199001", "213001"] {
        let unknown = Mistake::ClassificationUnknown { code: code.parse().unwrap() };
        assert_eq!(given(code, false), [unknown], "{code}");
        assert_eq!(given(code, true), [], "{code}");
    }
}

#[test]
fn an_entry_with_a_name_alike_is_named() {
    let alike = Alike { code: "302001/00007".parse().unwrap(), name: "社区名录".to_owned() };
    let facts = Facts { alike: Some(alike.clone()), ..Facts::default() };
    let found = villages().mistakes_given(&facts);
    assert_eq!(found, [Mistake::NameAlike { alike }]);
    assert!(found[0].to_string().contains("302001/00007"), "{}", found[0]);
}

#[test]
fn two_items_with_one_title_are_told_apart() {
    assert_eq!(
        mistakes(|d| d.items.push(item("alias", "名 称"))),
        [Mistake::DuplicateItemTitle {
            position: 4,
            name: "alias".to_owned(),
            other: "name".to_owned()
        }]
    );
}

/// R25.1: the public does not get without a condition what departments get on one.
#[test]
fn opening_is_no_wider_than_sharing() {
    let open = |condition: &str| Opening::Open { condition: condition.to_owned() };
    for condition in ["", " ", "无"] {
        assert_eq!(mistakes(|d| d.opening = open(condition)), [Mistake::OpenWithoutCondition]);
    }
    assert_eq!(
        mistakes(|d| {
            d.sharing = Sharing::Unconditional;
            d.opening = open("");
        }),
        []
    );
}

/// H3: each mistake says where it is, in the words of the request.
#[test]
fn a_mistake_names_its_field() {
    let found = mistakes(|d| {
        d.name.clear();
        d.abstract_ = "无".to_owned();
        d.items[1].title.clear();
        d.items[2].open = true;
        d.sharing = Sharing::Conditional { condition: String::new() };
        d.delivery_modes.clear();
        d.opening = Opening::Open { condition: String::new() };
    });
    let fields: Vec<_> = found.iter().map(|found| (found.field(), found.reason())).collect();
    let expected = [
        ("name", "EMPTY"),
        ("abstract", "FILLER"),
        ("items[1].title", "ITEM_TITLE_MISSING"),
        ("sharing_condition", "EMPTY"),
        ("delivery_modes", "DELIVERY_MODE_MISSING"),
        ("open_condition", "OPEN_WITHOUT_CONDITION"),
        ("items[2].open", "OPEN_ITEM_SENSITIVE"),
    ];
    assert_eq!(fields, expected.map(|(field, reason)| (field.to_owned(), reason)));
}

fn differences(change: impl FnOnce(&mut Description)) -> Vec<(String, String, String)> {
    let mut after = villages();
    change(&mut after);
    let differences = villages().differences(&after).into_iter();
    differences.map(|found| (found.path, found.before, found.after)).collect()
}

fn difference(path: &str, before: &str, after: &str) -> (String, String, String) {
    (path.to_owned(), before.to_owned(), after.to_owned())
}

/// R12.3: versions are compared field by field, items by their names.
#[test]
fn versions_are_compared_field_by_field() {
    assert_eq!(
        differences(|d| {
            d.name = "社区名录".to_owned();
            d.items[0].length = None;
            d.items.remove(1);
            d.items.push(item("kind", "城乡分类"));
            d.delivery_modes.insert(DeliveryMode::Push);
            d.opening = Opening::NotOpen;
        }),
        [
            difference("name", "成都市社区（村）名录", "社区名录"),
            difference("items[code].length", "12", ""),
            difference(
                "items[name]",
                "title 名称, type text (C), length 12, required yes, open yes",
                ""
            ),
            difference(
                "items[kind]",
                "",
                "title 城乡分类, type text (C), length 12, required yes, open yes"
            ),
            difference("delivery_modes", "bulk", "bulk, push"),
            difference("open", "yes", "no"),
            difference("open_condition", "注明来源", ""),
        ]
    );
    assert_eq!(
        differences(|d| d.items.reverse()),
        [difference("items", "code, name, contact", "contact, name, code")]
    );
}

fn descriptions() -> impl Strategy<Value = Description> {
    let items = prop::sample::subsequence(
        vec![
            item("a", "甲"),
            item("b", "乙"),
            Item { kind: ItemType::Integer, ..item("c", "丙") },
            Item { mask: Some(Mask::Suppress), required: false, ..item("d", "丁") },
            Item { sharing: Some(SharingType::NotShared), length: None, ..item("e", "戊") },
        ],
        0..=5,
    );
    let sharing = prop::sample::select(vec![
        Sharing::Unconditional,
        Sharing::Conditional { condition: "甲".to_owned() },
        Sharing::NotShared { reason: "甲".to_owned() },
    ]);
    let opening = prop::sample::select(vec![
        Opening::NotOpen,
        Opening::Open { condition: String::new() },
        Opening::Open { condition: "甲".to_owned() },
    ]);
    let words = prop::sample::select(vec!["", "甲", "乙"]);
    (items.prop_shuffle(), sharing, opening, words).prop_map(|(items, sharing, opening, word)| {
        let use_requirements = word.to_owned();
        Description { items, sharing, opening, use_requirements, ..villages() }
    })
}

proptest! {
    /// R12.3: two versions differ exactly if something is said to differ, and both ways alike.
    #[test]
    fn a_difference_is_said_exactly_where_there_is_one(
        before in descriptions(),
        after in descriptions(),
    ) {
        let there = before.differences(&after);
        prop_assert_eq!(there.is_empty(), before == after);
        let mut back: Vec<_> = after.differences(&before).into_iter().map(|found| Difference {
            path: found.path,
            before: found.after,
            after: found.before,
        }).collect();
        let mut there = there;
        there.sort_by(|one, other| one.path.cmp(&other.path));
        back.sort_by(|one, other| one.path.cmp(&other.path));
        prop_assert_eq!(there, back);
    }
}
