use super::*;
use crate::description::tests::villages;

/// R12.4: what an entry leaves out is named, and costs its share.
#[test]
fn what_is_left_out_is_named() {
    let whole = Description {
        abstract_: "全市社区和村的名称、代码及其所属街道和区县。".to_owned(),
        entity: "社区".to_owned(),
        format_detail: "PostgreSQL".to_owned(),
        use_requirements: "不得转让".to_owned(),
        ..villages()
    };
    let whole = Description {
        items: whole
            .items
            .iter()
            .cloned()
            .map(|item| crate::description::Item { length: Some(20), ..item })
            .collect(),
        ..whole
    };
    assert_eq!(of(&whole), Completeness { filled_permille: 1_000, missing: vec![] });

    let partial = Description { entity: " ".to_owned(), use_requirements: String::new(), ..whole };
    let missing = vec!["entity", "use_requirements"];
    assert_eq!(of(&partial), Completeness { filled_permille: 600, missing });
}
