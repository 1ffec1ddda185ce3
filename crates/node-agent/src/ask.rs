//! Questions in one call, for systems that do not speak Arrow (R23.1, R21.1).

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::datatypes::{DataType, Float32Type, Float64Type, Int64Type};
use arrow::error::ArrowError;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use publicdata_identity::SpiffeId;
use publicdata_proto::node::v1::value::Kind;
use publicdata_proto::node::v1::{
    Column, QueryRequest, QueryResponse, RequestProofRequest, RequestProofResponse, Row, Value,
};
use publicdata_transfer::question::{CREDENTIAL, DISPUTED, REFERENCE};

use crate::error::FetchError;
use crate::fetch::{Fetch, Fetcher};
use crate::ticket::{Proof, Ticket};

/// What fits into one answer, as it is counted before it is encoded.
const ANSWER_BYTES_MAX: usize = 4 << 20;

/// Asks a data service, and answers with all of its rows.
///
/// # Errors
/// The question is refused, or the answer is too large for one message.
pub async fn query(
    fetcher: &Fetcher,
    request: QueryRequest,
    caller: &SpiffeId,
) -> Result<QueryResponse, FetchError> {
    let QueryRequest { grant_id, service, parameters, fields, purpose, case_number } = request;
    let proof = None;
    let ticket = Ticket { grant_id, service, parameters, fields, purpose, case_number, proof };
    if !ticket.is_question() {
        return Err(FetchError::Ticket("`service` and `parameters` are missing".to_owned()));
    }
    let mut fetch = fetcher.open(ticket, caller).await?;

    let columns = columns(&fetch);
    let (mut rows, mut bytes) = (Vec::new(), 0);
    while let Some(batch) = next(&mut fetch).await? {
        bytes += batch.get_array_memory_size();
        if bytes > ANSWER_BYTES_MAX {
            return Err(FetchError::TooLarge { bytes_max: ANSWER_BYTES_MAX });
        }
        rows.extend(rows_of(&batch, columns.len()).map_err(|_| FetchError::Schema)?);
    }
    let transfer_id = fetch.transfer().to_string();
    Ok(QueryResponse { transfer_id, columns, rows, receipt: fetch.receipt().cloned() })
}

/// Asks for a proof, and verifies it before it is passed on.
///
/// # Errors
/// The question is refused, or what came proves something else.
pub async fn proof(
    fetcher: &Fetcher,
    request: RequestProofRequest,
    caller: &SpiffeId,
) -> Result<RequestProofResponse, FetchError> {
    let RequestProofRequest { grant_id, service, parameters, claims, fields, purpose, case_number } =
        request;
    let (fields, proof) = match (claims.is_empty(), fields.is_empty()) {
        (false, true) => (claims.keys().cloned().collect(), Proof::Confirm(claims)),
        (true, false) => (fields, Proof::Extract),
        (true, true) | (false, false) => {
            let text = "a proof either confirms `claims` or states `fields`; name one of the two";
            return Err(FetchError::Ticket(text.to_owned()));
        }
    };
    let proof = Some(proof);
    let ticket = Ticket { grant_id, service, parameters, fields, purpose, case_number, proof };
    let mut fetch = fetcher.open(ticket, caller).await?;

    let mut credential = None;
    while let Some(batch) = next(&mut fetch).await? {
        let column = batch.column_by_name(CREDENTIAL).ok_or(FetchError::Schema)?;
        if credential.is_some() || column.len() != 1 {
            return Err(FetchError::Schema);
        }
        credential = Some(column.as_string::<i32>().value(0).to_owned());
    }
    let credential = credential.ok_or(FetchError::Schema)?;
    fetch.check_proof(&credential)?;
    let transfer_id = fetch.transfer().to_string();
    Ok(RequestProofResponse { transfer_id, credential, receipt: fetch.receipt().cloned() })
}

async fn next(fetch: &mut Fetch) -> Result<Option<RecordBatch>, FetchError> {
    while let Some(parts) = fetch.next().await? {
        // The first part is the schema, which was checked.
        if parts.rows > 0 {
            return parts.decode(fetch.schema()).map(Some).map_err(|_| FetchError::Schema);
        }
    }
    Ok(None)
}

/// The fields; references and marks have places of their own in each row.
fn columns(fetch: &Fetch) -> Vec<Column> {
    let own = |name: &str| name != REFERENCE && name != DISPUTED;
    let fields = fetch.schema().fields().iter().filter(|field| own(field.name()));
    let column = |field: &arrow::datatypes::FieldRef| Column {
        name: field.name().clone(),
        r#type: field.data_type().to_string(),
    };
    fields.map(column).collect()
}

fn rows_of(batch: &RecordBatch, fields: usize) -> Result<Vec<Row>, ArrowError> {
    let mut rows = vec![Row::default(); batch.num_rows()];
    for column in &batch.columns()[..fields] {
        append(column, &mut rows)?;
    }
    let references =
        batch.column_by_name(REFERENCE).and_then(|column| column.as_string_opt::<i32>());
    let disputed = batch.column_by_name(DISPUTED).and_then(|column| column.as_boolean_opt());
    if let (Some(references), Some(disputed)) = (references, disputed) {
        for (index, row) in rows.iter_mut().enumerate() {
            row.reference = match references.is_valid(index) {
                true => references.value(index).to_owned(),
                false => String::new(),
            };
            row.disputed = disputed.is_valid(index) && disputed.value(index);
        }
    }
    Ok(rows)
}

fn append(column: &ArrayRef, rows: &mut [Row]) -> Result<(), ArrowError> {
    let options = FormatOptions::default();
    let formatter = ArrayFormatter::try_new(column, &options)?;
    for (index, row) in rows.iter_mut().enumerate() {
        let kind = match column.is_valid(index) {
            false => None,
            true => Some(value(column, index, &formatter)?),
        };
        row.values.push(Value { kind });
    }
    Ok(())
}

#[expect(clippy::wildcard_enum_match_arm, reason = "every other type of Arrow's has a text")]
fn value(
    column: &ArrayRef,
    index: usize,
    formatter: &ArrayFormatter<'_>,
) -> Result<Kind, ArrowError> {
    Ok(match column.data_type() {
        DataType::Utf8 => Kind::Text(column.as_string::<i32>().value(index).to_owned()),
        DataType::Int64 => Kind::Integer(column.as_primitive::<Int64Type>().value(index)),
        DataType::Float64 => Kind::Number(column.as_primitive::<Float64Type>().value(index)),
        DataType::Float32 => {
            Kind::Number(f64::from(column.as_primitive::<Float32Type>().value(index)))
        }
        DataType::Boolean => Kind::Logical(column.as_boolean().value(index)),
        DataType::Binary => Kind::Binary(column.as_binary::<i32>().value(index).to_vec()),
        _ => Kind::Text(formatter.value(index).try_to_string()?),
    })
}
