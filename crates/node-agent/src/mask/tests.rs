use arrow::array::Int64Array;
use publicdata_types::ItemType;

use super::*;

fn masked(mask: Option<Mask>, values: &[Option<&str>]) -> Vec<Option<String>> {
    let field = Field { name: "name".to_owned(), kind: ItemType::Text, mask };
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
    let found = masked(Some(Mask::Pseudonym), &[Some("张三"), Some("李四"), Some("张三"), None]);
    assert_eq!(found[0], found[2]);
    assert_ne!(found[0], found[1]);
    assert_eq!(found[3], None);

    let key = PseudonymKey::from_bytes(&[7; 32]);
    let other_key = PseudonymKey::from_bytes(&[8; 32]);
    assert_eq!(found[0].as_deref(), Some(key.pseudonym("name", "张三").as_str()));
    assert_ne!(key.pseudonym("name", "张三"), key.pseudonym("mother", "张三"));
    assert_ne!(key.pseudonym("name", "张三"), other_key.pseudonym("name", "张三"));
}

#[test]
fn masked_numbers_become_text() {
    let field = Field { name: "id".to_owned(), kind: ItemType::Integer, mask: Some(Mask::Partial) };
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

    assert_eq!(first.pseudonym("name", "x"), second.pseudonym("name", "x"));
    let mode = std::fs::metadata(folder.path().join(KEY_FILE)).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);

    std::fs::write(folder.path().join(KEY_FILE), "short").unwrap();
    assert!(PseudonymKey::open(folder.path()).is_err());
}
