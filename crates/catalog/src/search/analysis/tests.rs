use super::*;

fn terms(analyser: Analyser, text: &str) -> String {
    let tokens = analyser.tokens(text);
    let terms = tokens.list().into_iter().map(|(position, term)| format!("{position}:{term}"));
    terms.collect::<Vec<_>>().join(" ")
}

#[test]
fn names_become_characters_and_pairs_across_punctuation() {
    assert_eq!(terms(Analyser::Grams, "社区（村）"), "0:社 0:社区 1:区 1:区村 2:村");
    assert_eq!(terms(Analyser::Grams, "ＧＤＰ统计"), "0:gdp 1:统 1:统计 2:计");
    assert_eq!(terms(Analyser::Grams, "areaCode\n名"), "0:areacode 0:area 0:code 9:名");
    assert_eq!(terms(Analyser::Grams, "😀 -"), "");
}

#[test]
fn what_is_asked_is_cut_into_words_and_the_rest_stays_together() {
    assert_eq!(words("常住人口的统计"), ["常住人口", "的", "统计"]);
    assert_eq!(words("社区囗囗名录"), ["社区", "囗囗", "名录"]);
    assert!(words("").is_empty());
}

#[test]
fn a_character_of_several_sounds_is_indexed_by_each() {
    let terms = terms(Analyser::Syllables, "重庆");
    for term in ["0:chong", "0:zhong", "1:qing", "0:'cq", "0:'zq"] {
        assert!(terms.split(' ').any(|found| found == term), "{term} in {terms}");
    }
}

#[test]
fn a_title_is_read_from_each_of_its_characters() {
    let terms = terms(Analyser::Readings, "联系人\n民政局");
    for term in ["0:lxr", "0:xr", "0:lianxiren", "0:xiren", "0:mzj", "0:zhengju"] {
        assert!(terms.split(' ').any(|found| found == term), "{term} in {terms}");
    }
    assert!(!terms.contains("renminzheng"), "{terms}");
}

#[test]
fn letters_are_cut_into_syllables_in_every_way() {
    assert_eq!(pinyin::cuts("shequ"), [["she", "qu"]]);
    let cuts = pinyin::cuts("xian");
    assert!(cuts.contains(&vec!["xian".to_owned()]), "{cuts:?}");
    assert!(cuts.contains(&vec!["xi".to_owned(), "an".to_owned()]), "{cuts:?}");
    assert!(pinyin::cuts("csqml").is_empty());
    assert!(pinyin::cuts(&"a".repeat(200)).len() <= 8);
}

#[test]
fn initials_are_covered_by_threes() {
    let covered = |letters| pinyin::initials(letters).iter().map(|(at, _)| *at).collect::<Vec<_>>();
    assert!(covered("c").is_empty());
    assert_eq!(covered("cs"), [0]);
    assert_eq!(covered("csq"), [0]);
    assert_eq!(covered("csqm"), [0, 1]);
    assert_eq!(covered("csqml"), [0, 2]);
    assert_eq!(covered("csqmlx"), [0, 3]);
    assert_eq!(pinyin::initials("csqml")[1].1, "'qml");
}

#[test]
fn a_code_is_found_by_every_beginning() {
    assert_eq!(terms(Analyser::Beginnings, "302/1"), "0:3 0:30 0:302 0:302/ 0:302/1");
}
