//! Which column types of a database hold an Arrow type without loss.

use arrow::datatypes::{DataType, Field};

use super::SinkError;
use super::sql::Dialect;
use crate::source::value::{MONEY_SCALE, NUMBER_SCALE, PRECISION};

/// A column as a table has it.
#[derive(sqlx::FromRow)]
pub(super) struct Found {
    pub(super) name: String,
    /// The type's name, in small letters.
    pub(super) kind: String,
}

/// What a table's column has to be.
struct Fitting {
    /// What it is made as.
    made: &'static str,
    /// What else does.
    also: &'static [&'static str],
}

/// The type that a column is made as.
pub(super) fn made(dialect: Dialect, field: &Field) -> &'static str {
    fitting(dialect, field.data_type()).made
}

/// Fails unless the table has each field's column, and with a type that loses nothing.
pub(super) fn check(
    dialect: Dialect,
    table: &str,
    found: &[Found],
    fields: &[&Field],
) -> Result<(), SinkError> {
    for field in fields {
        let fitting = fitting(dialect, field.data_type());
        let column = field.name();
        let Some(known) = found.iter().find(|known| known.name == *column) else {
            return Err(SinkError::ColumnMissing {
                table: table.to_owned(),
                column: column.clone(),
                expected: fitting.made,
            });
        };
        if known.kind != fitting.made && !fitting.also.contains(&known.kind.as_str()) {
            return Err(SinkError::ColumnType {
                table: table.to_owned(),
                column: column.clone(),
                found: known.kind.clone(),
                expected: fitting.made,
            });
        }
    }
    Ok(())
}

fn fitting(dialect: Dialect, kind: &DataType) -> Fitting {
    match dialect {
        Dialect::Postgres => in_postgres(kind),
        Dialect::Sqlite => in_sqlite(kind),
    }
}

fn in_postgres(kind: &DataType) -> Fitting {
    const MONEY: &str = "numeric(38,4)";
    const NUMBER: &str = "numeric(38,10)";

    #[expect(clippy::wildcard_enum_match_arm, reason = "the catalogue has no other types")]
    let (made, also): (_, &[_]) = match kind {
        DataType::Int64 => ("bigint", &["numeric"]),
        DataType::Float64 => ("double precision", &[]),
        DataType::Float32 => ("real", &["double precision"]),
        DataType::Boolean => ("boolean", &[]),
        DataType::Date32 => ("date", &[]),
        DataType::Timestamp(..) => ("timestamp with time zone", &[]),
        DataType::Binary => ("bytea", &[]),
        DataType::Decimal128(PRECISION, MONEY_SCALE) => (MONEY, &["numeric", NUMBER]),
        DataType::Decimal128(PRECISION, NUMBER_SCALE) => (NUMBER, &["numeric"]),
        _ => ("text", &["character varying"]),
    };
    Fitting { made, also }
}

/// In SQLite a column converts what it can. Decimals go into texts, as its numbers would round them.
fn in_sqlite(kind: &DataType) -> Fitting {
    const TEXTS: &[&str] = &["varchar", "character varying", "clob"];

    #[expect(clippy::wildcard_enum_match_arm, reason = "the catalogue has no other types")]
    let (made, also): (_, &[_]) = match kind {
        DataType::Int64 => ("integer", &["int", "bigint"]),
        DataType::Boolean => ("integer", &["int", "boolean", "bool"]),
        DataType::Float64 | DataType::Float32 => ("real", &["double", "double precision", "float"]),
        DataType::Binary => ("blob", &[]),
        DataType::Date32 => ("text", &["date"]),
        DataType::Timestamp(..) => ("text", &["datetime", "timestamp"]),
        _ => ("text", TEXTS),
    };
    Fitting { made, also }
}
