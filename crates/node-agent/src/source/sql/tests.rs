use publicdata_exchange_domain::filter::{Columns, Filter};

use super::*;

fn relation() -> Relation {
    Relation { from: From::Table("civil.villages".to_owned()), order_by: vec!["code".to_owned()] }
}

fn filter(text: &str) -> RowFilter {
    let kinds =
        [("code", ItemType::Text), ("people", ItemType::Integer), ("at", ItemType::Timestamp)];
    let columns: Columns = kinds.map(|(name, kind)| (name.to_owned(), kind)).into();
    let readings = kinds.map(|(name, kind)| Reading {
        item: name.to_owned(),
        column: format!("c_{name}"),
        kind,
    });
    RowFilter { filter: Filter::parse(text, &columns).unwrap(), readings: readings.to_vec() }
}

fn written(text: &str, dialect: Dialect) -> String {
    let query = select(&relation(), &["1".to_owned()], Some(&filter(text)), dialect);
    let (_, after) = query.split_once(" WHERE ").unwrap();
    after.split_once(" ORDER BY ").unwrap().0.to_owned()
}

#[test]
fn names_are_quoted_and_qualified() {
    let columns = [qualified("co\"de")];

    let query = select(&relation(), &columns, None, Dialect::Postgres);

    assert_eq!(
        query,
        r#"SELECT source."co""de" FROM "civil"."villages" AS source ORDER BY source."code""#
    );
}

/// R26.2: literals are written as literals, texts compare by code point.
#[test]
fn conditions_are_written_from_their_parsed_form() {
    assert_eq!(
        written("code = 'a''b' AND people > 5", Dialect::Postgres),
        r#"(CAST(source."c_code" AS text) COLLATE "C" = 'a''b') AND (source."c_people" > 5)"#
    );
    assert_eq!(
        written("NOT (code IN ('1', '2'))", Dialect::Sqlite),
        r#"NOT (CAST(source."c_code" AS TEXT) COLLATE BINARY IN ('1', '2'))"#
    );
    assert_eq!(
        written("at >= '2026-01-04T09:00:00'", Dialect::Postgres),
        r#"source."c_at" >= TIMESTAMPTZ '2026-01-04T09:00:00+08:00'"#
    );
}

#[test]
fn patterns_keep_their_meaning() {
    assert_eq!(
        written("code LIKE '5_%*[x'", Dialect::Sqlite),
        r#"CAST(source."c_code" AS TEXT) COLLATE BINARY GLOB '5?*[*][[]x'"#
    );
    assert_eq!(
        written(r"code LIKE '\%'", Dialect::Postgres),
        r#"CAST(source."c_code" AS text) COLLATE "C" LIKE '\%' ESCAPE ''"#
    );
}
