use proptest::prelude::*;

use super::*;

#[test]
fn width_case_spaces_and_punctuation_make_no_difference() {
    for (one, other) in [
        ("社区（村）名录", "社区(村)名录"),
        ("社区 名录", "社区名录"),
        ("社区名录。", "社区名录"),
        ("ＡＰＰ名录", "app名录"),
        ("《企业》—名录", "企业 名录"),
        ("２０２６年度名录", "2026年度名录"),
        ("①类名录", "1类名录"),
        ("社区\u{3000}名录", "社区名录"),
    ] {
        assert_eq!(NameKey::of(one), NameKey::of(other), "{one} and {other}");
    }
}

#[test]
fn other_words_and_numbers_make_a_difference() {
    for (one, other) in [("社区名录", "村名录"), ("名录 1", "名录 2"), ("企业名录", "企业目录")]
    {
        assert_ne!(NameKey::of(one), NameKey::of(other), "{one} and {other}");
    }
    assert!(NameKey::of("——/。").is_empty());
}

/// Marks that punctuation kept apart are ordered anew once it is gone.
#[test]
fn a_key_is_normal_without_what_was_dropped() {
    let key = NameKey::of("\u{f71}:\u{c55}");
    assert_eq!(NameKey::of(key.as_str()), key);
}

proptest! {
    /// The key of a key is itself, so it does not matter whether a name was folded before.
    #[test]
    fn a_key_is_its_own_key(name in "\\PC{0,40}") {
        let key = NameKey::of(&name);
        prop_assert_eq!(NameKey::of(key.as_str()), key);
    }
}
