use super::*;

#[test]
fn an_array_and_lines_and_an_export_are_read() {
    let array = parse(r#"[{"name": "名录"}, {"name": "清单"}]"#).unwrap();
    assert_eq!(array.len(), 2);
    assert_eq!(array[1].place, Place::row("", 2));

    let lines =
        parse("{\"name\": \"名录\"}\n\n{\n\"name\": \"清单\"}\n{\"name\": \"表\"}\n").unwrap();
    let places: Vec<u32> = lines.iter().map(|record| record.place.row).collect();
    assert_eq!(places, [1, 3, 5]);

    let export = parse(r#"{"code": "302001/00001", "description": {"name": "名录"}}"#).unwrap();
    assert_eq!(export[0].code, "302001/00001");
    assert_eq!(export[0].description.name, "名录");
}

#[test]
fn an_entry_that_does_not_fit_leaves_the_others_alone() {
    let records = parse(r#"[{"nme": "名录"}, {"name": "清单"}]"#).unwrap();
    assert!(!records[0].is_sound() && records[1].is_sound());
    assert!(records[0].findings[0].message.contains("nme"), "{:?}", records[0].findings);
    assert!(parse("{\"name\": ").is_err());
}
