use proptest::prelude::*;
use publicdata_decider::replay;

use super::*;
use crate::vocabulary::Event;

fn datum(entity: &str, name: &str, title: &str) -> Datum {
    Datum { entity: entity.to_owned(), name: name.to_owned(), title: title.to_owned() }
}

fn vocabulary(groups: &[&[&str]]) -> Vocabulary {
    let declared = |names: &&[&str]| Event::Declared {
        terms: names.iter().map(|name| (*name).to_owned()).collect(),
    };
    let events: Vec<Event> = groups.iter().map(declared).collect();
    replay(Vocabulary::default(), &events)
}

fn vocabularies() -> Vocabularies {
    Vocabularies {
        entities: vocabulary(&[&["自然人", "公民", "个人"], &["社区（村）", "社区", "村"]]),
        items: vocabulary(&[&["公民身份号码", "身份证号", "证件号码", "sfzh"]]),
    }
}

#[track_caller]
fn check(left: (&str, &str, &str), right: (&str, &str, &str), expected: Option<Why>) {
    let (left, right) = (datum(left.0, left.1, left.2), datum(right.0, right.1, right.2));
    let vocabularies = vocabularies();
    assert_eq!(vocabularies.like(&left, &right), expected, "{left:?} and {right:?}");
    assert_eq!(vocabularies.like(&right, &left), expected, "{right:?} and {left:?}");
}

fn synonyms() -> Option<Why> {
    Some(Why::Synonyms { preferred: "公民身份号码".to_owned() })
}

/// R17.1: titles are the same whatever their spaces, widths, punctuation and filling words; also with the entity before them.
#[test]
fn titles_are_compared_by_what_they_say() {
    let same = Some(Why::SameTitle);
    for (left, right) in [
        ("出生日期", "出生 日期"),
        ("统计用区划代码（12位）", "统计用区划代码(12位)"),
        ("联系电话号码", "联系电话号"),
        ("婚姻状况信息", "婚姻状况"),
        ("ＩＤ号", "id号"),
        ("公民姓名", "个人姓名"),
    ] {
        check(("自然人", "a", left), ("公民", "b", right), same.clone());
    }
    check(("村", "", "村名称"), ("社区（村）", "n", "社区（村）名称"), same);
    check(("自然人", "a", "姓名"), ("法人", "b", "姓名"), None);
    check(("自然人", "a", "出生日期"), ("自然人", "b", "住址"), None);
}

/// R17.1: what the authority's vocabulary knows as one is one, by title or by identifier.
#[test]
fn synonyms_are_the_same_datum() {
    check(("自然人", "a", "身份证号码"), ("公民", "b", "公民身份号码"), synonyms());
    check(("自然人", "SFZH", "编码"), ("公民", "b", "证件号码"), synonyms());
}

/// R17.1: identifiers count, but those that anything may have ask a person.
#[test]
fn identifiers_are_compared_without_capitals_and_underscores() {
    check(("自然人", "id_card", "证件"), ("自然人", "IDCARD", "号牌"), Some(Why::SameIdentifier));
    check(
        ("自然人", "code", "统计用区划代码"),
        ("自然人", "CODE", "邮政编码"),
        Some(Why::CommonIdentifier),
    );
    check(("自然人", "", "户籍地"), ("自然人", "", "籍贯"), None);
}

/// R18.1: titles one character apart may be a slip, or two data: a person decides. Other digits are other data.
#[test]
fn near_titles_ask_a_person() {
    let near = Some(Why::NearTitle);
    check(("自然人", "a", "出生日期"), ("自然人", "b", "出身日期"), near.clone());
    check(("自然人", "a", "省级代码"), ("自然人", "b", "市级代码"), near);
    check(("自然人", "a", "联系地址1"), ("自然人", "b", "联系地址2"), None);
    check(("自然人", "a", "身高"), ("自然人", "b", "身长"), None);
    assert_eq!(Why::NearTitle.strength(), Strength::Weak);
    assert_eq!(Why::CommonIdentifier.strength(), Strength::Weak);
    assert_eq!(Why::EntityUnsaid.strength(), Strength::Weak);
    assert!(Why::SameTitle.refuses() && Why::SameIdentifier.refuses());
}

/// R18.1: where a resource does not say what it is about, a telling title asks a person, and a common one nobody.
#[test]
fn without_an_entity_telling_titles_ask_a_person() {
    check(("", "a", "婚姻状况"), ("自然人", "b", "婚姻状况"), Some(Why::EntityUnsaid));
    check(("", "a", "身份证号"), ("自然人", "b", "公民身份号码"), Some(Why::EntityUnsaid));
    check(("", "a", "名称"), ("自然人", "b", "名称"), None);
    check(("", "a", "联系电话"), ("", "b", "联系电话"), None);
    check(("", "id_card", "证件"), ("自然人", "id_card", "号牌"), None);
}

/// H3: every reason has words for people.
#[test]
fn reasons_say_why() {
    let why = Why::Synonyms { preferred: "公民身份号码".to_owned() };
    assert_eq!(why.to_string(), "the vocabulary knows both as 公民身份号码");
    assert_eq!(Why::SameTitle.to_string(), "the titles are the same");
}

fn data() -> impl Strategy<Value = Datum> {
    let entity = prop::sample::select(vec!["", "自然人", "公民", "法人", "村", "社区"]);
    let name = prop::sample::select(vec!["", "code", "id_card", "IDCARD", "sfzh", "x"]);
    let title = prop_oneof![
        prop::sample::select(vec![
            "姓名",
            "公民姓名",
            "出生日期",
            "出身日期",
            "身份证号",
            "证件号码"
        ])
        .prop_map(ToOwned::to_owned),
        "[出生日期地址（）12 ]{1,6}",
    ];
    (entity, name, title).prop_map(|(entity, name, title)| datum(entity, name, &title))
}

proptest! {
    /// R17.1: likeness works both ways, and everything that says something is like itself.
    #[test]
    fn likeness_is_symmetric_and_reflexive(left in data(), right in data()) {
        let vocabularies = vocabularies();
        let why = vocabularies.like(&left, &right).map(|why| std::mem::discriminant(&why));
        let back = vocabularies.like(&right, &left).map(|why| std::mem::discriminant(&why));
        prop_assert_eq!(why, back);
        if !left.entity.is_empty() && !key::title(&left.title).is_empty() {
            prop_assert_eq!(vocabularies.like(&left, &left), Some(Why::SameTitle));
        }
    }

    /// Keys are stable: the key of a key is itself, but for a filling word behind another one.
    #[test]
    fn spaces_and_punctuation_make_no_difference(title in "[a-zA-Z出生日期]{1,8}", at in 0..8_usize) {
        let mut spaced: Vec<char> = title.chars().collect();
        spaced.insert(at.min(spaced.len()), '（');
        spaced.push(' ');
        let spaced: String = spaced.into_iter().collect();
        prop_assert_eq!(key::title(&spaced), key::title(&title));
        prop_assert_eq!(key::title(&title.to_uppercase()), key::title(&title));
    }

    /// A synonym more never makes two data less alike.
    #[test]
    fn synonyms_only_add_likeness(left in data(), right in data()) {
        let without = Vocabularies::default().like(&left, &right);
        if without.is_some_and(|why| why.refuses()) {
            prop_assert!(vocabularies().like(&left, &right).is_some_and(|why| why.refuses()));
        }
    }
}
