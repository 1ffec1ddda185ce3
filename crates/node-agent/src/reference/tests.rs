use arrow::array::Int64Array;
use arrow::datatypes::{DataType, Field, Schema};
use uuid::Uuid;

use super::*;

fn resource(number: u128) -> ResourceId {
    ResourceId::from_uuid(Uuid::from_u128(number))
}

fn grant(number: u128) -> GrantId {
    GrantId::from_uuid(Uuid::from_u128(number))
}

fn references(under: GrantId, disputed: &Disputed) -> References {
    References::new(PseudonymKey::from_bytes(&[7; 32]), resource(1), under, disputed)
}

fn rows(keys: &[[Option<&str>; 2]], references: &References) -> (Vec<String>, Vec<bool>) {
    let schema = Schema::new(vec![Field::new("people", DataType::Int64, true)]);
    let people = Int64Array::from(vec![0; keys.len()]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(people)]).unwrap();
    let column = |place: usize| -> ArrayRef {
        Arc::new(keys.iter().map(|key| key[place]).collect::<StringArray>())
    };
    let [names, disputed] = references.columns(&batch, &[column(0), column(1)]);
    let names = names.as_string::<i32>().iter().map(|name| name.unwrap().to_owned()).collect();
    (names, disputed.as_boolean().iter().map(|mark| mark.unwrap()).collect())
}

/// R27.1: a row has the same reference whenever it is delivered under a grant, and no two rows have the same.
#[test]
fn each_row_has_a_reference_of_its_own() {
    let none = Disputed::default();
    let keys = [[Some("a"), Some("bc")], [Some("ab"), Some("c")], [Some("a"), None]];

    let (names, _) = rows(&keys, &references(grant(1), &none));

    assert_eq!(rows(&keys, &references(grant(1), &none)).0, names);
    assert_eq!(names.iter().collect::<HashSet<_>>().len(), 3);
    assert!(names.iter().all(|name| name.len() == 32), "{names:?}");
}

/// H5: what two grants give of a resource cannot be joined by the references.
#[test]
fn another_grant_gives_other_references() {
    let none = Disputed::default();
    let keys = [[Some("a"), Some("b")]];

    assert_ne!(
        rows(&keys, &references(grant(1), &none)).0,
        rows(&keys, &references(grant(2), &none)).0
    );
}

/// R27.2: a row is marked under every grant, whichever its reference was given out under.
#[test]
fn a_disputed_row_is_marked_under_every_grant() {
    let disputed = Disputed::default();
    let keys = [[Some("a"), Some("b")], [Some("c"), Some("d")]];
    let (names, marks) = rows(&keys, &references(grant(1), &disputed));
    assert_eq!(marks, [false, false]);

    disputed.replace(resource(1), [(grant(1), [names[1].clone()].into())].into());

    assert_eq!(rows(&keys, &references(grant(1), &disputed)).1, [false, true]);
    assert_eq!(rows(&keys, &references(grant(2), &disputed)).1, [false, true]);
    disputed.replace(resource(1), Marks::new());
    assert_eq!(rows(&keys, &references(grant(2), &disputed)).1, [false, false]);
}

#[test]
fn rows_that_nothing_identifies_have_no_reference() {
    let schema = Schema::new(vec![Field::new("people", DataType::Int64, true)]);
    let batch = RecordBatch::try_new(Arc::new(schema), vec![Arc::new(Int64Array::from(vec![1]))]);

    let [names, disputed] =
        references(grant(1), &Disputed::default()).columns(&batch.unwrap(), &[]);

    assert!(names.is_null(0));
    assert!(!disputed.as_boolean().value(0));
}
