//! Application, grant, fetch, and what is refused.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use jiff::ToSpan as _;
use publicdata_proto::catalog::v1::SearchResourcesRequest;
use publicdata_proto::exchange::v1::{ListTransfersRequest, RevokeGrantRequest, TransferStatus};
use publicdata_proto::node::v1::RequestProofRequest;
use publicdata_transfer::credential::{self, Answer};
use tokio::time::{Instant, sleep};

use super::preparation::Entries;
use super::{Cast, refused};
use crate::commands::grant::{
    Apply, Approve, Limits, Mode, Modes, application, signed_issue, terms_of_application,
};
use crate::commands::{answer, fetch};
use crate::sample::{CONSUMER, PROVIDER, VILLAGES_CSV};
use crate::session::{Session, new_command_id};

/// How long a view may take to follow the events.
const FOLLOW_DEADLINE: Duration = Duration::from_secs(10);
const FOLLOW_POLL: Duration = Duration::from_millis(20);
pub(super) const PURPOSE: &str = "社区公共卫生服务网格划分";
pub(super) const GRANTED: [&str; 3] = ["code", "name", "areaCode"];
pub(super) const AREA: &str = "510104";

pub(super) async fn grant(cast: &mut Cast<'_>, entries: &Entries) -> anyhow::Result<String> {
    let (consumer, provider) = (cast.consumer()?, cast.provider()?);
    let today = publicdata_types::china_date(cast.fleet.clock().now());

    let step = async {
        let found = eventually(async || {
            let request =
                SearchResourcesRequest { query: "社区".to_owned(), ..Default::default() };
            let page = answer(consumer.resources()?.search_resources(request).await)?;
            let mut found = page.resources.into_iter();
            let found = found.find(|resource| resource.id == entries.villages_id);
            found.context("the search for 社区 must find the entry")
        })
        .await?;
        let condition = found.description.clone().unwrap_or_default().sharing_condition;
        Ok(((), format!("{}: {condition}", found.code)))
    };
    cast.narrator.step(&format!("{} searches for 社区", CONSUMER.name), step).await?;

    let step = async {
        let arguments = Apply {
            resource: entries.villages_id.clone(),
            purpose: PURPOSE.to_owned(),
            legal_basis: "《基本医疗卫生与健康促进法》第十六条".to_owned(),
            fields: ["code", "name", "streetCode", "areaCode"].map(str::to_owned).to_vec(),
            filter: "areaCode IN ('510104', '510105')".to_owned(),
            from: today,
            until: today.checked_add(90.days())?,
            modes: Modes { modes: vec![Mode::Bulk, Mode::Query, Mode::Push] },
        };
        let request = application(new_command_id(), arguments);
        // The bus learns from the catalogue's events which entries there are.
        let done = eventually(async || {
            Ok(answer(consumer.grants()?.submit_application(request.clone()).await)?)
        })
        .await?;
        let due = done.deadline.context("an application has a deadline")?;
        let said =
            format!("four fields, two districts; answer due on {} (10 个工作日)", due.due_on);
        Ok((done.grant_id, said))
    };
    let grant_id =
        cast.narrator.step("It applies with purpose, legal basis, fields and period", step).await?;

    let step = async {
        let arguments = Approve {
            id: grant_id.clone(),
            fields: GRANTED.map(str::to_owned).to_vec(),
            filter: Some(format!("areaCode = '{AREA}'")),
            limits: Limits::default(),
        };
        let terms =
            eventually(async || terms_of_application(&provider, arguments.clone()).await).await?;
        let request = signed_issue(&provider, new_command_id(), &terms);
        answer(provider.grants()?.issue_grant(request).await)?;
        Ok(((), format!("three fields, one district; signed by {}", provider.credentials.id())))
    };
    let title = format!("{} approves less, and signs the grant", PROVIDER.name);
    cast.narrator.step(&title, step).await?;
    Ok(grant_id)
}

pub(super) async fn fetch(cast: &mut Cast<'_>, grant_id: &str) -> anyhow::Result<()> {
    let consumer = cast.consumer()?;
    let csv_path = cast.results.join("villages.csv");
    let parquet_path = cast.results.join("villages.parquet");

    let step = async {
        let mut arguments = arguments(grant_id, &GRANTED, PURPOSE);
        arguments.targets = vec![parquet_path.clone(), csv_path.clone()];
        let report = fetch::fetch(&consumer, arguments, |_| ()).await?;
        ensure!(report.columns == GRANTED, "columns are {:?}", report.columns);
        let said = format!(
            "{} rows of {}\n{}\n{}",
            report.rows,
            report.columns.join(", "),
            parquet_path.display(),
            csv_path.display()
        );
        Ok((report.rows, said))
    };
    let title = format!("{} fetches through its own node's Arrow Flight endpoint", CONSUMER.name);
    let rows = cast.narrator.step(&title, step).await?;

    let step = async { Ok(((), check_rows(&csv_path, &parquet_path, rows)?)) };
    cast.narrator.step("Exactly the granted rows and fields, the name masked", step).await
}

/// Compares what arrived with the source, row by row.
fn check_rows(csv_path: &Path, parquet_path: &Path, rows: u64) -> anyhow::Result<String> {
    let mut expected = Vec::new();
    for record in csv::Reader::from_reader(VILLAGES_CSV.as_bytes()).records() {
        let record = record?;
        if &record[5] == AREA {
            expected.push((record[0].to_owned(), mask(&record[1]), record[5].to_owned()));
        }
    }
    expected.sort();
    let mut arrived = Vec::new();
    for record in csv::Reader::from_path(csv_path)?.records() {
        let record = record?;
        arrived.push((record[0].to_owned(), record[1].to_owned(), record[2].to_owned()));
    }
    ensure!(arrived == expected, "what arrived is not what was granted");

    let file = std::fs::File::open(parquet_path)?;
    let reader = parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder::try_new(file)?;
    let parquet_rows = u64::try_from(reader.metadata().file_metadata().num_rows())?;
    ensure!(parquet_rows == rows && rows == expected.len() as u64, "row counts differ");

    let first: Vec<_> =
        arrived.iter().take(3).map(|row| format!("{} {} {}", row.0, row.1, row.2)).collect();
    Ok(format!("{} …", first.join("\n")))
}

/// The first and the last character stay.
fn mask(name: &str) -> String {
    let characters: Vec<_> = name.chars().collect();
    let last = characters.len().saturating_sub(1);
    let masked = characters.iter().enumerate();
    masked.map(|(i, c)| if i == 0 || i == last { *c } else { '*' }).collect()
}

pub(super) async fn refusals(cast: &mut Cast<'_>, grant_id: &str) -> anyhow::Result<()> {
    let (consumer, provider) = (cast.consumer()?, cast.provider()?);

    let step = async {
        let arguments = arguments(grant_id, &["code", "streetCode"], PURPOSE);
        let said = refused(attempt(&consumer, &arguments).await, "FIELD_OUTSIDE_GRANT")?;
        Ok(((), said))
    };
    cast.narrator.step("A field outside the grant is refused", step).await?;

    let step = async {
        let arguments = arguments(grant_id, &GRANTED, "商业推广");
        Ok(((), refused(attempt(&consumer, &arguments).await, "PURPOSE_DIFFERS")?))
    };
    cast.narrator.step("Another purpose is refused", step).await?;

    let step = async {
        let request = RevokeGrantRequest {
            command_id: new_command_id(),
            grant_id: grant_id.to_owned(),
            reason: "网格划分工作已经完成".to_owned(),
        };
        answer(provider.grants()?.revoke_grant(request).await)?;
        let arguments = arguments(grant_id, &GRANTED, PURPOSE);
        Ok(((), refused(attempt(&consumer, &arguments).await, "GRANT_REVOKED")?))
    };
    cast.narrator.step("The provider revokes the grant; the next fetch is refused", step).await?;

    let step = async {
        let said = eventually(async || attempts(&provider, grant_id).await).await?;
        Ok(((), said))
    };
    cast.narrator.step("The exchange log (交换日志) holds every attempt", step).await
}

/// A citizen applies for something, and brings no paper (R21.1).
pub(super) async fn prove(cast: &mut Cast<'_>, grant_id: &str) -> anyhow::Result<()> {
    let consumer = cast.consumer()?;
    let path = cast.results.join("proof.jwt");
    let code = village_of_the_area()?;
    let request = RequestProofRequest {
        grant_id: grant_id.to_owned(),
        parameters: [("code".to_owned(), code.clone())].into(),
        claims: [("areaCode".to_owned(), AREA.to_owned())].into(),
        purpose: PURPOSE.to_owned(),
        case_number: "川卫受字〔2026〕104号".to_owned(),
        ..RequestProofRequest::default()
    };

    let step = async {
        let given = answer(consumer.node(None)?.request_proof(request.clone()).await)?;
        std::fs::write(&path, &given.credential)?;
        let about = given.receipt.map(|receipt| receipt.subject_reference).unwrap_or_default();
        let said = format!(
            "{code} lies in {AREA}: yes\n{}\nthe log names the subject as {about}",
            path.display()
        );
        Ok((given.credential, said))
    };
    let title = format!("{} asks for a fact in place of a paper (电子证明)", CONSUMER.name);
    let token = cast.narrator.step(&title, step).await?;

    let now = cast.fleet.clock().now();
    let step = async {
        let roots = consumer.credentials.roots();
        let proven = credential::verify(roots, &token, now)?;
        let Answer::Confirmed(facts) = &proven.credential.credential_subject.answer else {
            anyhow::bail!("the proof must say yes or no");
        };
        ensure!(facts["areaCode"].confirmed, "the proof must say yes");
        // One character of what was signed.
        let mut parts: Vec<String> = token.split('.').map(ToOwned::to_owned).collect();
        parts[1] = parts[1].replacen('a', "b", 1);
        let forged = credential::verify(roots, &parts.join("."), now);
        ensure!(forged.is_err(), "a changed proof must not verify");
        Ok(((), format!("signed by {}; a changed one is not accepted", proven.signer)))
    };
    cast.narrator.step("Whoever holds the root certificate verifies it, offline", step).await?;

    let step = async {
        let mut wrong = request.clone();
        wrong.case_number.clear();
        let asked = answer(consumer.node(None)?.request_proof(wrong).await);
        Ok(((), refused(asked.map_err(Into::into), "CASE_NUMBER_MISSING")?))
    };
    cast.narrator.step("Without a case, nobody is asked about", step).await
}

/// The code of a village in the area of the grant.
pub(super) fn village_of_the_area() -> anyhow::Result<String> {
    let record = csv::Reader::from_reader(VILLAGES_CSV.as_bytes())
        .into_records()
        .find(|record| record.as_ref().is_ok_and(|record| &record[5] == AREA))
        .context("the villages' file has one of the area")??;
    Ok(record[0].to_owned())
}

/// What the log holds under the grant: every attempt, and nothing else.
async fn attempts(provider: &Session, grant_id: &str) -> anyhow::Result<String> {
    let request = ListTransfersRequest { grant_id: grant_id.to_owned(), ..Default::default() };
    let page = answer(provider.transfers()?.list_transfers(request).await)?;
    let count =
        |status| page.transfers.iter().filter(|transfer| transfer.status() == status).count();
    let (completed, refused) = (count(TransferStatus::Completed), count(TransferStatus::Refused));
    // How often it was asked whether a mark had come is left to the machine.
    ensure!(
        completed >= 6 && refused == 4 && page.transfers.len() == completed + refused,
        "the log must hold at least 6 completed and 4 refused, not {completed} and {refused}"
    );
    Ok(format!("{completed} completed, {refused} refused, each with its reason"))
}

/// Views follow the events within moments: asks again until the answer is there, up to a limit.
pub(super) async fn eventually<T>(
    mut ask: impl AsyncFnMut() -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let deadline = Instant::now() + FOLLOW_DEADLINE;
    loop {
        match ask().await {
            Err(_) if Instant::now() < deadline => sleep(FOLLOW_POLL).await,
            answered => return answered,
        }
    }
}

pub(super) fn arguments(grant_id: &str, fields: &[&str], purpose: &str) -> fetch::Arguments {
    fetch::Arguments {
        grant: grant_id.to_owned(),
        fields: fields.iter().map(|field| (*field).to_owned()).collect(),
        purpose: purpose.to_owned(),
        case: String::new(),
        service: String::new(),
        parameters: Vec::new(),
        node: None,
        targets: Vec::new(),
    }
}

async fn attempt(consumer: &Session, arguments: &fetch::Arguments) -> anyhow::Result<()> {
    fetch::fetch(consumer, arguments.clone(), |_| ()).await?;
    Ok(())
}
