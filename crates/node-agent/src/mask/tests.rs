use arrow::array::Int64Array;
use publicdata_types::ItemType;

use super::*;

fn masked(mask: Option<Mask>, values: &[Option<&str>]) -> Vec<Option<String>> {
    let field = Field { name: "name".to_owned(), kind: ItemType::Text, mask, rules: None };
    let masking = Masking::new(std::slice::from_ref(&field), PseudonymKey::from_bytes(&[7; 32]));
    let plain = schema_of(&[Field { mask: None, ..field }]);
    let column: ArrayRef = Arc::new(StringArray::from(values.to_vec()));

    let batch = masking.apply(&RecordBatch::try_new(plain, vec![column]).unwrap()).unwrap();

    assert_eq!(&batch.schema(), masking.schema());
    batch.column(0).as_string::<i32>().iter().map(|value| value.map(str::to_owned)).collect()
}

/// R12.1: what is sensitive leaves the node masked alone.
#[test]
fn suppressed_values_are_null() {
    assert_eq!(masked(Some(Mask::Suppress), &[Some("张三"), None]), [None, None]);
}

#[test]
fn first_and_last_character_stay() {
    let values = [Some("欧阳小明"), Some("13800001234"), Some("𠮷x𠮷"), None];
    let expected = ["欧**明", "1*********4", "𠮷*𠮷"];

    let found = masked(Some(Mask::Partial), &values);

    assert_eq!(found[..3], expected.map(|text| Some(text.to_owned())));
    assert_eq!(found[3], None);
}

#[test]
fn short_values_are_hidden_too() {
    let found = masked(Some(Mask::Partial), &[Some("张三"), Some("张"), Some("")]);
    assert_eq!(found, ["张*", "*", ""].map(|text| Some(text.to_owned())));
}

#[test]
fn pseudonyms_are_equal_for_equal_values_of_one_item_and_node() {
    let found =
        masked(Some(Mask::Pseudonym(None)), &[Some("张三"), Some("李四"), Some("张三"), None]);
    assert_eq!(found[0], found[2]);
    assert_ne!(found[0], found[1]);
    assert_eq!(found[3], None);

    let key = PseudonymKey::from_bytes(&[7; 32]);
    let other_key = PseudonymKey::from_bytes(&[8; 32]);
    assert_eq!(found[0].as_deref(), Some(key.pseudonym(Place::Item("name"), "张三").as_str()));
    assert_ne!(
        key.pseudonym(Place::Item("name"), "张三"),
        key.pseudonym(Place::Item("mother"), "张三")
    );
    assert_ne!(
        key.pseudonym(Place::Item("name"), "张三"),
        other_key.pseudonym(Place::Item("name"), "张三")
    );
}

#[test]
fn masked_numbers_become_text() {
    let mask = Some(Mask::Partial);
    let field = Field { name: "id".to_owned(), kind: ItemType::Integer, mask, rules: None };
    let masking = Masking::new(std::slice::from_ref(&field), PseudonymKey::from_bytes(&[7; 32]));
    let plain = schema_of(&[Field { mask: None, ..field }]);
    let column: ArrayRef = Arc::new(Int64Array::from(vec![12_345]));

    let batch = masking.apply(&RecordBatch::try_new(plain, vec![column]).unwrap()).unwrap();

    assert_eq!(batch.column(0).as_string::<i32>().value(0), "1***5");
}

#[test]
fn key_is_made_once_and_is_private() {
    use std::os::unix::fs::MetadataExt as _;

    let folder = tempfile::tempdir().unwrap();
    let first = PseudonymKey::open(folder.path()).unwrap();
    let second = PseudonymKey::open(folder.path()).unwrap();

    assert_eq!(
        first.pseudonym(Place::Item("name"), "x"),
        second.pseudonym(Place::Item("name"), "x")
    );
    let mode = std::fs::metadata(folder.path().join(KEY_FILE)).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);

    std::fs::write(folder.path().join(KEY_FILE), "short").unwrap();
    assert!(PseudonymKey::open(folder.path()).is_err());
}

fn texts_of(masking: &Masking, column: ArrayRef) -> Vec<Option<String>> {
    let fields = masking.fields.iter().map(|field| Field { mask: None, ..field.clone() });
    let plain = schema_of(&fields.collect::<Vec<_>>());
    let batch = masking.apply(&RecordBatch::try_new(plain, vec![column]).unwrap()).unwrap();
    let texts = cast(batch.column(0), &DataType::Utf8).unwrap();
    texts.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect()
}

fn pseudonyms(item: &str, domain: Option<&str>, values: &[&str]) -> Vec<Option<String>> {
    let mask = Some(Mask::Pseudonym(domain.map(|domain| domain.parse().unwrap())));
    let field = Field { name: item.to_owned(), kind: ItemType::Text, mask, rules: None };
    let masking = Masking::new(&[field], PseudonymKey::from_bytes(&[7; 32]));
    texts_of(&masking, Arc::new(StringArray::from(values.to_vec())))
}

/// What was given to consumers before is still given: the pseudonym of a value of an item.
#[test]
fn pseudonyms_without_a_domain_stay_as_they_were() {
    let found = pseudonyms("name", None, &["张三"]);
    let context = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
    let expected = hmac::sign(&context, "name\0张三".as_bytes());
    assert_eq!(found, [Some(hex::encode(&expected.as_ref()[..16]))]);
}

/// R17.2: two resources of one provider join where both items name the domain, however each writes the value.
#[test]
fn pseudonyms_of_two_items_join_in_their_domain() {
    let domain = Some("identity-number");
    let residents = pseudonyms("id", domain, &["11010519491231002X"]);
    let patients = pseudonyms("card_no", domain, &[" 11010519491231002x", "110105491231002", ""]);

    assert_eq!(patients[..2], [residents[0].clone(), residents[0].clone()]);
    assert_eq!(patients[2], None);
    for other in [
        pseudonyms("id", None, &["11010519491231002X"]),
        pseudonyms("id", Some("mobile"), &["11010519491231002X"]),
    ] {
        assert_ne!(other, residents);
    }
    assert_ne!(pseudonyms("mobile", None, &["1"]), pseudonyms("x", Some("mobile"), &["1"]));
}

#[test]
fn dates_are_generalised_in_chinese_time() {
    let mask = |mask, kind| {
        let field = Field { name: "at".to_owned(), kind, mask: Some(mask), rules: None };
        Masking::new(&[field], PseudonymKey::from_bytes(&[7; 32]))
    };
    let days: ArrayRef = Arc::new(arrow::array::Date32Array::from(vec![Some(20_457), None]));
    let found = texts_of(&mask(Mask::Month, ItemType::Date), days);
    assert_eq!(found, [Some("2026-01".to_owned()), None]);

    // 2025-12-31T16:30:00Z is in the new year already.
    let moment = 1_767_198_600_000_000;
    let times = arrow::array::TimestampMicrosecondArray::from(vec![moment]);
    let times: ArrayRef = Arc::new(times.with_timezone("+08:00"));
    assert_eq!(texts_of(&mask(Mask::Year, ItemType::Timestamp), times), [Some("2026".to_owned())]);
}

/// R12.1: a mask that was signed for a type it does not fit lets nothing through.
#[test]
fn a_mask_of_another_type_hides_everything() {
    for mask in [
        Mask::Mobile,
        Mask::Month,
        Mask::Band("1".parse().unwrap()),
        Mask::Round("1".parse().unwrap()),
    ] {
        let field =
            Field { name: "n".to_owned(), kind: ItemType::Integer, mask: Some(mask), rules: None };
        let masking = Masking::new(&[field], PseudonymKey::from_bytes(&[7; 32]));
        assert_eq!(texts_of(&masking, Arc::new(Int64Array::from(vec![13_800_001_234]))), [None]);
    }
}
