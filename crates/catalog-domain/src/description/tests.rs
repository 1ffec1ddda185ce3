use super::*;

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
        opening: Opening::Open { condition: String::new() },
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
    assert_eq!(mistakes(|d| d.name.clear()), [Mistake::Empty { field: "name" }]);
    assert_eq!(mistakes(|d| d.abstract_ = " ".to_owned()), [Mistake::Empty { field: "abstract" }]);
    assert_eq!(
        mistakes(|d| d.name = "名".repeat(201)),
        [Mistake::TooLong { field: "name", found: 201, max: 200 }]
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
        [Mistake::DuplicateItem { name: "CODE".to_owned() }]
    );
    for name in ["", "1st", "a-b", "名称", "a; drop table x", &"a".repeat(64)] {
        assert_eq!(
            mistakes(|d| d.items.push(item(name, "名称"))),
            [Mistake::ItemName { position: 4 }],
            "{name}"
        );
    }
    assert_eq!(
        mistakes(|d| d.items[0].title.clear()),
        [Mistake::ItemTitleMissing { name: "code".to_owned() }]
    );
}

/// R26.1: a condition is published, and so is the reason for not sharing.
#[test]
fn condition_and_reason_are_published() {
    assert_eq!(
        mistakes(|d| d.sharing = Sharing::Conditional { condition: String::new() }),
        [Mistake::Empty { field: "sharing condition" }]
    );
    assert_eq!(
        mistakes(|d| {
            d.sharing = Sharing::NotShared { reason: String::new() };
            d.opening = Opening::NotOpen;
        }),
        [Mistake::Empty { field: "reason for not sharing" }]
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
        [Mistake::ItemSharedWider { name: "code".to_owned() }]
    );
    assert_eq!(mistakes(|d| d.items[2].sharing = Some(SharingType::NotShared)), []);
}

/// R25.1, R39.1: the public gets nothing that is kept from departments or that is sensitive.
#[test]
fn opening_does_not_contradict_sharing() {
    assert_eq!(mistakes(|d| d.sharing = not_shared()), [Mistake::OpenNotShared]);
    assert_eq!(
        mistakes(|d| d.items[0].sharing = Some(SharingType::NotShared)),
        [Mistake::OpenItemNotShared { name: "code".to_owned() }]
    );
    assert_eq!(
        mistakes(|d| d.items[2].open = true),
        [Mistake::OpenItemSensitive { name: "contact".to_owned() }]
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
        [Mistake::Empty { field: "name" }, Mistake::ItemsMissing, Mistake::DeliveryModeMissing]
    );
}
