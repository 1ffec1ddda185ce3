use proptest::prelude::*;

use super::*;

#[test]
fn wildcards_dots_and_spaces_are_refused() {
    for part in ["", "*", ">", "a.b", "a b", "a\tb", "$JS", "数据", "a\r\nPUB x", &"a".repeat(65)]
    {
        assert!(Subject::new(part, "resource", "1").is_err(), "{part:?} as service");
        assert!(Subject::new("catalog", part, "1").is_err(), "{part:?} as aggregate");
        assert!(Subject::new("catalog", "resource", part).is_err(), "{part:?} as id");
    }
}

#[test]
fn other_shapes_are_no_subjects() {
    for text in ["", "ev", "ev.catalog.resource", "ev.catalog.resource.1.2", "$JS.API.INFO.x"] {
        assert_eq!(text.parse::<Subject>(), Err(SubjectError::Shape { text: text.to_owned() }));
    }
    assert!("ev.catalog.resource.".parse::<Subject>().is_err());
}

proptest! {
    #[test]
    fn parts_survive_the_text(
        service in "[a-z]{1,64}", aggregate in "[a-z_-]{1,64}", id in "[A-Za-z0-9_-]{1,64}"
    ) {
        let subject = Subject::new(&service, &aggregate, &id).unwrap();
        prop_assert_eq!(subject.service(), &service);
        prop_assert_eq!(subject.aggregate(), &aggregate);
        prop_assert_eq!(subject.id(), &id);
        prop_assert_eq!(subject.to_string().parse(), Ok(subject));
    }

    #[test]
    fn whatever_parses_is_the_same_text_again(text in "(ev|[a-z.*> ]{0,3})[.a-z*>]{0,12}") {
        if let Ok(subject) = text.parse::<Subject>() {
            prop_assert_eq!(subject.as_str(), &text);
            prop_assert_eq!(text.matches(['*', '>']).count(), 0);
        }
    }
}
