use publicdata_proto::catalog::v1::{Item, ItemType, ResourceDescription};

use super::{from_json, to_json};

#[test]
fn message_survives_its_json_form() {
    let description = ResourceDescription {
        name: "成都市社区（村）名录".to_owned(),
        items: vec![Item {
            name: "code".to_owned(),
            r#type: ItemType::Text.into(),
            ..Item::default()
        }],
        ..ResourceDescription::default()
    };

    let json = to_json(&description).unwrap().to_string();

    assert!(json.contains("ITEM_TYPE_TEXT"), "{json}");
    assert_eq!(from_json::<ResourceDescription>(&json).unwrap(), description);
}

/// H3: an error names what was wrong, and where.
#[test]
fn unknown_field_is_refused_by_name() {
    let error = from_json::<ResourceDescription>(r#"{"nmae": "x"}"#).unwrap_err();

    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("nmae"), "{source}");
}
