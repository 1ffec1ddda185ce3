use super::*;

fn code(text: &str) -> ClassificationCode {
    text.parse().unwrap()
}

/// R15.1: base, theme and department resources, in a tree of four levels.
#[test]
fn digits_say_class_and_depth() {
    for (text, class, depth) in [
        ("1", Class::Base, Depth::Class),
        ("202", Class::Theme, Depth::Group),
        ("302001", Class::Department, Depth::Category),
        ("30200104", Class::Department, Depth::Detail),
    ] {
        assert_eq!((code(text).class(), code(text).depth()), (class, depth), "{text}");
    }
    assert!(code("302").contains(&code("302001")));
    assert!(!code("302001").contains(&code("302")));
}

#[test]
fn wrong_codes_say_what_is_wrong_and_where() {
    let parse = |text: &str| text.parse::<ClassificationCode>().unwrap_err();

    assert_eq!(parse(""), ClassificationCodeError::Length { found: 0 });
    assert_eq!(parse("30"), ClassificationCodeError::Length { found: 2 });
    assert_eq!(parse("4"), ClassificationCodeError::Class { found: '4' });
    assert_eq!(parse("3o2"), ClassificationCodeError::Character { found: 'o', position: 2 });
}

/// R12.2: a resource's code follows its classification and has one text form.
#[test]
fn resource_codes_follow_the_classification() {
    let first = ResourceCode { classification: code("302001"), serial: 1 };

    assert_eq!(first.to_string(), "302001/00001");
    assert_eq!("302001/00001".parse(), Ok(first));
    assert_eq!("302001/123456".parse::<ResourceCode>().unwrap().serial, 123_456);
    for text in
        ["302001/1", "302001/00000", "302001/+0001", "302001/000001", "302001/99999999999999999999"]
    {
        assert_eq!(text.parse::<ResourceCode>(), Err(ResourceCodeError::Serial), "{text}");
    }
    assert_eq!("302001".parse::<ResourceCode>(), Err(ResourceCodeError::Separator));
    assert_eq!(
        "9/00001".parse::<ResourceCode>(),
        Err(ResourceCodeError::Classification(ClassificationCodeError::Class { found: '9' }))
    );
}

#[test]
fn every_node_but_a_class_has_a_parent() {
    let parent = |text: &str| code(text).parent().map(|parent| parent.to_string());
    assert_eq!(parent("3"), None);
    assert_eq!(parent("302").as_deref(), Some("3"));
    assert_eq!(parent("302001").as_deref(), Some("302"));
    assert_eq!(parent("30200107").as_deref(), Some("302001"));

    let detail = code("30200107");
    assert_eq!(detail.ancestor(Depth::Detail), Some(detail.clone()));
    assert_eq!(detail.parent().unwrap().ancestor(Depth::Detail), None);
}
