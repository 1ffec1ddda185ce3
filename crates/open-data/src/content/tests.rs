use std::io::Write as _;
use std::path::Path;

use futures::TryStreamExt as _;
use proptest::prelude::*;
use publicdata_types::ItemType;

use super::check::{Checked, Fault};
use super::rows::ROW_BYTES_MAX;
use super::*;
use crate::entry::{Item, Openness};

fn item(name: &str, kind: ItemType) -> Item {
    Item {
        name: name.to_owned(),
        title: name.to_owned(),
        kind,
        length_max: 0,
        required: false,
        openness: Openness::Open,
    }
}

fn items() -> Vec<Item> {
    vec![
        Item { length_max: 6, required: true, ..item("code", ItemType::Text) },
        item("name", ItemType::Text),
        item("people", ItemType::Integer),
        Item { openness: Openness::Closed, ..item("internal", ItemType::Text) },
        Item { openness: Openness::Sensitive, ..item("phone", ItemType::Text) },
    ]
}

fn ok(csv: &str) -> Checked {
    check(csv.as_bytes(), &items()).unwrap()
}

#[track_caller]
fn refused(csv: impl AsRef<[u8]>) -> (u64, Option<usize>, Fault, String) {
    match check(csv.as_ref(), &items()) {
        Err(CheckError::Content(error)) => {
            let text = error.to_string();
            (error.place.row, error.place.column, error.fault, text)
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_good_file_is_counted() {
    let checked = ok("code,name\n510104,锦江区\n510105,\"青羊\n\"\"区\"\"\"\n");
    assert_eq!(checked, Checked { rows: 2, columns: vec!["code".to_owned(), "name".to_owned()] });
    assert_eq!(ok("\u{feff}name,code\r\n锦江区,510104\r\n").columns, ["name", "code"]);
    assert_eq!(ok("code\n").rows, 0);
}

/// R25.1: what the catalogue does not open, does not leave; the column is named, what stands in it is not.
#[test]
fn columns_that_are_not_open_are_refused() {
    assert_eq!(refused("code,internal\n1,2\n").2, Fault::ColumnNotOpen);
    let (row, column, fault, text) = refused("code,phone\n1,13900000000\n");
    assert_eq!((row, column, fault), (0, Some(2), Fault::ColumnSensitive));
    assert!(text.contains("phone") && !text.contains("139"), "{text}");
}

/// H5: a file without a header has values in its first row, which no error repeats.
#[test]
fn an_unknown_column_is_named_by_its_place() {
    let (row, column, fault, text) = refused("510104,张三\n510105,李四\n");
    assert_eq!((row, column, fault), (0, Some(1), Fault::ColumnUnknown));
    assert!(!text.contains("张三") && !text.contains("510104"), "{text}");
}

#[test]
fn faults_are_found_where_they_are() {
    let cases: [(&[u8], u64, Option<usize>, Fault); 8] = [
        (b"", 0, None, Fault::ColumnsMissing),
        (b"code,code\n1,1\n", 0, Some(2), Fault::ColumnRepeated),
        (b"code,name\n1,a\n2\n", 2, None, Fault::RowRagged { found: 1, expected: 2 }),
        (b"code,name\n1,\xff\n", 1, Some(2), Fault::NotUtf8),
        (b"code,name\n,a\n", 1, Some(1), Fault::ValueMissing),
        (b"code\n1\n1234567\n", 2, Some(1), Fault::ValueTooLong { length_max: 6 }),
        (b"code,name\n1,\"a\n2,b\n", 1, None, Fault::QuoteOpen),
        (
            b"code,people\n1,2\n2,many\n",
            2,
            Some(2),
            Fault::ValueType {
                kind: "integer (I)".to_owned(),
                expected: "a whole number within 64 bits, without leading zeros",
            },
        ),
    ];
    for (csv, row, column, fault) in cases {
        let found = refused(csv);
        assert_eq!((found.0, found.1, found.2), (row, column, fault), "{}", found.3);
    }
}

/// A quote that nobody closes does not make the memory grow without bound.
#[test]
fn an_endless_row_is_refused() {
    let csv = format!("code,name\n1,\"{}", "a\n".repeat(ROW_BYTES_MAX));
    assert_eq!(refused(csv).2, Fault::RowTooLong);
}

#[test]
fn types_take_what_they_say() {
    let good = [
        (ItemType::Number, "-12.50"),
        (ItemType::Money, "0.10"),
        (ItemType::Integer, "0"),
        (ItemType::Double, "1.25e-3"),
        (ItemType::Float, "12"),
        (ItemType::Logical, "true"),
        (ItemType::Date, "2026-02-28"),
        (ItemType::Timestamp, "2026-01-04T09:00:00+08:00"),
        (ItemType::Timestamp, "2026-01-04 09:00:00"),
        (ItemType::General, "5oiQ6YO9"),
        (ItemType::Memo, "…"),
    ];
    for (kind, text) in good {
        assert!(value::fits(kind, text), "{kind} {text}");
    }
    let bad = [
        (ItemType::Number, "007"),
        (ItemType::Number, "1e3"),
        (ItemType::Money, "1,000"),
        (ItemType::Integer, "1.5"),
        (ItemType::Integer, "9223372036854775808"),
        (ItemType::Double, "1e999"),
        (ItemType::Double, "NaN"),
        (ItemType::Float, "1e39"),
        (ItemType::Logical, "是"),
        (ItemType::Date, "2026-02-30"),
        (ItemType::Date, "2026-02-28T00:00"),
        (ItemType::Timestamp, "2026-01-04"),
        (ItemType::General, "成"),
    ];
    for (kind, text) in bad {
        assert!(!value::fits(kind, text), "{kind} {text}");
    }
}

async fn json_of(csv: &str, items: &[Item]) -> serde_json::Value {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(csv.as_bytes()).unwrap();
    json_at(file.path(), items).await
}

async fn json_at(path: &Path, items: &[Item]) -> serde_json::Value {
    let pieces: Vec<_> = json(path.to_owned(), items.to_vec()).try_collect().await.unwrap();
    serde_json::from_slice(&pieces.concat()).unwrap()
}

/// R31.1: numbers are numbers, codes stay text, and what is not there is null.
#[tokio::test]
async fn json_is_typed_by_the_catalogue() {
    let items = [
        item("code", ItemType::Text),
        item("people", ItemType::Integer),
        item("rate", ItemType::Number),
        item("open", ItemType::Logical),
        item("since", ItemType::Date),
    ];
    let csv = "code,people,rate,open,since\n0510,12,1.50,true,2026-01-04\n\"a\"\"\n\",,,,\n";

    let rows = json_of(csv, &items).await;

    let expected = r#"[{"code":"0510","people":12,"rate":1.50,"open":true,"since":"2026-01-04"},
        {"code":"a\"\n","people":null,"rate":null,"open":null,"since":null}]"#;
    assert_eq!(rows, serde_json::from_str::<serde_json::Value>(expected).unwrap());
    assert_eq!(json_of("code\n", &items[..1]).await, serde_json::json!([]));
}

#[tokio::test]
async fn json_of_many_rows_is_whole() {
    let rows: String = (0..20_000).map(|row| format!("{row:06},区\n")).collect();
    let items = [item("code", ItemType::Text), item("name", ItemType::Text)];
    let json = json_of(&format!("code,name\n{rows}"), &items).await;
    assert_eq!(json.as_array().unwrap().len(), 20_000);
    assert_eq!(json[19_999]["code"], "019999");
}

#[test]
fn a_preview_is_short() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let rows: String = (0..50).map(|row| format!("{row},{}\n", "长".repeat(500))).collect();
    write!(file, "code,name\n{rows}").unwrap();

    let shown = preview(file.path(), 20).unwrap();

    assert_eq!(shown.len(), 20);
    assert_eq!(shown[19][0], "19");
    assert_eq!(shown[19][1].chars().count(), 201);
}

proptest! {
    /// Whatever the values, JSON tells the same texts as the file.
    #[test]
    fn texts_survive(values in prop::collection::vec("[^\r]{1,20}", 1..10)) {
        let mut writer = csv::Writer::from_writer(Vec::new());
        writer.write_record(["name"]).unwrap();
        for value in &values {
            writer.write_record([value]).unwrap();
        }
        let csv = String::from_utf8(writer.into_inner().unwrap()).unwrap();
        let items = [item("name", ItemType::Text)];

        prop_assert_eq!(check(csv.as_bytes(), &items).unwrap().rows, values.len() as u64);
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let json = runtime.block_on(json_of(&csv, &items));
        let told: Vec<_> = json.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect();
        prop_assert_eq!(told, values);
    }
}
