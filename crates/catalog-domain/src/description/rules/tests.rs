use publicdata_types::Mask;
use publicdata_types::quality::Reference;

use super::super::tests::{item, villages};
use super::*;

fn mistakes(kind: ItemType, quality: Quality) -> Vec<RuleMistake> {
    rule_mistakes(&quality, kind)
}

fn range(min: &str, max: &str) -> Quality {
    let bound = |text: &str| (!text.is_empty()).then(|| text.parse().unwrap());
    Quality { range: Some(Range { min: bound(min), max: bound(max) }), ..Quality::default() }
}

fn pattern(pattern: &str) -> Quality {
    Quality { pattern: Some(pattern.to_owned()), ..Quality::default() }
}

fn one_of(values: &[&str]) -> Quality {
    let one_of = values.iter().map(|&value| value.to_owned()).collect();
    Quality { one_of, ..Quality::default() }
}

/// R17.2: rules are declared in the catalogue, and those that can be kept have nothing wrong.
#[test]
fn sound_rules_have_no_mistake() {
    let reference = Reference {
        resource: uuid::Uuid::from_u128(1).to_string().parse().unwrap(),
        item: "code".to_owned(),
    };
    for (kind, quality) in [
        (ItemType::Integer, range("0", "150")),
        (ItemType::Money, range("-0.5", "")),
        (ItemType::Date, range("1900-01-01", "2100-12-31")),
        (ItemType::Timestamp, range("", "2026-01-04T09:00:00+08:00")),
        (ItemType::Text, pattern("[1-9][0-9]{5}|\\p{Han}+")),
        (ItemType::Text, one_of(&["男", "女"])),
        (ItemType::Integer, one_of(&["1", "2", "-9"])),
        (
            ItemType::Text,
            Quality { unique: true, reference: Some(reference), ..Quality::default() },
        ),
        (ItemType::General, Quality::default()),
    ] {
        assert_eq!(mistakes(kind, quality), []);
    }
}

/// R17.2: a rule that contradicts itself, or the item's type, is refused with the item and what to do.
#[test]
fn a_bad_rule_is_refused_with_the_item_and_what_to_do() {
    let mut description = villages();
    description.items[0] = super::super::Item {
        kind: ItemType::Integer,
        mask: Some(Mask::Mobile),
        quality: Quality { pattern: Some("[0-9]+".to_owned()), ..range("150", "0") },
        ..item("age", "年龄")
    };
    description.opening = super::super::Opening::NotOpen;

    let found = description.mistakes();

    let texts: Vec<_> = found.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "item age is of type integer (I) and cannot be masked by mobile, which fits texts (C, M); choose \
             another mask or type",
            "item age has a range from 150 to 0, in which nothing lies; exchange the bounds",
            "item age is of type integer (I), and the rule pattern is for texts (C, M); leave the rule out, or \
             change the type",
        ]
    );
    let fields: Vec<_> = found.iter().map(Mistake::field).collect();
    assert_eq!(fields, ["items[0].mask", "items[0].quality.minimum", "items[0].quality.pattern"]);
    assert_eq!(found[1].reason(), "ITEM_RULE");
}

#[test]
fn bounds_are_of_the_type_of_the_values() {
    for (kind, quality) in [
        (ItemType::Date, range("1900", "")),
        (ItemType::Integer, range("", "2026-01-04")),
        (ItemType::Timestamp, range("2026-01-04", "")),
    ] {
        assert!(matches!(mistakes(kind, quality)[..], [RuleMistake::BoundUnfit { .. }]), "{kind}");
    }
    assert!(matches!(mistakes(ItemType::Text, range("1", ""))[..], [RuleMistake::Unfit { .. }]));
}

/// What would take long, or much memory, is refused where it is entered.
#[test]
fn patterns_are_regular_expressions_of_bounded_size() {
    let why = |text: &str| match &mistakes(ItemType::Text, pattern(text))[..] {
        [RuleMistake::Pattern { why }] => why.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(why("[0-9"), "unclosed character class");
    assert_eq!(why("a)|(?:b"), "unopened group");
    assert_eq!(why("(?x)a # and a remark"), "unclosed group");
    assert!(why("(a)\\1").contains("backreferences are not supported"));
    assert!(why("(?:\\p{Han}{1,999}){1,999}").contains("exceeds size limit"));
    let long = "a".repeat(PATTERN_LENGTH_MAX + 1);
    assert_eq!(mistakes(ItemType::Text, pattern(&long)), [RuleMistake::PatternLong { found: 501 }]);
}

#[test]
fn values_of_a_list_are_sound_and_each_once() {
    let listed = |position, why| RuleMistake::Listed { position, why };
    assert_eq!(
        mistakes(ItemType::Text, one_of(&["男", "", "男"])),
        [listed(2, "empty"), listed(3, "there twice")]
    );
    assert_eq!(
        mistakes(ItemType::Integer, one_of(&["1", "02", "x"])),
        [listed(2, "no whole number such as 12"), listed(3, "no whole number such as 12")]
    );
    let many: Vec<String> = (0..=LIST_LENGTH_MAX).map(|number| number.to_string()).collect();
    let many = Quality { one_of: many, ..Quality::default() };
    assert_eq!(mistakes(ItemType::Text, many), [RuleMistake::ListLong { found: 2_001 }]);
    assert!(matches!(
        mistakes(ItemType::Date, one_of(&["2026-01-04"]))[..],
        [RuleMistake::Unfit { rule: Rule::OneOf, .. }]
    ));
}
