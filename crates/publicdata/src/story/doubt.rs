//! A record is doubted, marked, corrected, and the correction arrives (R27.1, R27.2).

use anyhow::{Context as _, ensure};
use publicdata_proto::exchange::v1::answer_ticket_request::Answer;
use publicdata_proto::exchange::v1::{
    AnswerTicketRequest, CorrectionStatus, DataError, ListCorrectionsRequest, RaiseTicketRequest,
    Upholding,
};
use publicdata_proto::node::v1::{QueryRequest, QueryResponse};
use publicdata_types::china_date;

use super::exchange::{GRANTED, PURPOSE, arguments, eventually};
use super::{Cast, exchange};
use crate::commands::{answer, fetch};
use crate::sample::{self, CONSUMER, PROVIDER};
use crate::session::{Session, new_command_id};

/// How the register should have it.
const RIGHT_NAME: &str = "更正后的社区居委会";

pub(super) async fn correct(cast: &mut Cast<'_>, grant_id: &str) -> anyhow::Result<()> {
    let consumer = cast.consumer()?;
    let code = exchange::village_of_the_area()?;

    let step = async {
        let found = ask(&consumer, grant_id, &code).await?;
        let reference = found.rows[0].reference.clone();
        ensure!(!found.rows[0].disputed, "nothing is in doubt yet");
        let request = RaiseTicketRequest {
            command_id: new_command_id(),
            transfer_id: found.transfer_id,
            kind: DataError::WrongValue.into(),
            items: vec!["name".to_owned()],
            description: "名称与公示牌不符".to_owned(),
            found_on: china_date(cast.fleet.clock().now()).to_string(),
            record_references: vec![reference.clone()],
        };
        // The bus shows in a moment that the transfer was completed.
        let raised = eventually(async || {
            Ok(answer(consumer.tickets()?.raise_ticket(request.clone()).await)?)
        })
        .await?;
        let due = raised.deadline.context("a ticket has a deadline")?;
        let said = format!("record {reference}; answer due on {} (10 个工作日)", due.due_on);
        Ok((raised.ticket_id, said))
    };
    let title = format!("{} doubts a record that it was given (数据校核)", CONSUMER.name);
    let ticket = cast.narrator.step(&title, step).await?;
    settle(cast, grant_id, &code, &ticket).await
}

async fn settle(
    cast: &mut Cast<'_>,
    grant_id: &str,
    code: &str,
    ticket: &str,
) -> anyhow::Result<()> {
    let (consumer, provider) = (cast.consumer()?, cast.provider()?);
    let step = async {
        eventually(async || {
            let found = ask(&consumer, grant_id, code).await?;
            ensure!(found.rows[0].disputed, "the record must be marked");
            Ok(())
        })
        .await?;
        Ok(((), "disputed: the applicant's valid evidence stands (照常办理)".to_owned()))
    };
    cast.narrator.step("Whoever asks meanwhile is told that it is in doubt", step).await?;

    let database = cast.fleet.data().join("civil-affairs.sqlite");
    let now = cast.fleet.clock().now();
    let step = async {
        sample::correct_village(&database, code, RIGHT_NAME).await?;
        let upheld = Upholding {
            description: "已按批复更正名称".to_owned(),
            corrected_at: Some(publicdata_transfer::time::to_wire(now)),
            flows: true,
        };
        let request = AnswerTicketRequest {
            command_id: new_command_id(),
            ticket_id: ticket.to_owned(),
            answer: Some(Answer::Upheld(upheld)),
        };
        let done = answer(provider.tickets()?.answer_ticket(request).await)?;
        Ok(((), format!("{} consumer is owed the correction", done.corrections_owed)))
    };
    let title = format!("{} corrects its database, and upholds the ticket", PROVIDER.name);
    cast.narrator.step(&title, step).await?;

    let target = cast.results.join("corrected.csv");
    let step = async {
        let mut arguments = arguments(grant_id, &GRANTED, PURPOSE);
        arguments.targets = vec![target.clone()];
        fetch::fetch(&consumer, arguments, |_| ()).await?;
        let transfer = eventually(async || delivered(&consumer, ticket).await).await?;
        let found = ask(&consumer, grant_id, code).await?;
        ensure!(!found.rows[0].disputed, "the mark must be gone");
        Ok(((), format!("by transfer {transfer}; the mark is gone")))
    };
    cast.narrator
        .step("The correction reaches who had the old rows, with the next fetch", step)
        .await
}

async fn ask(consumer: &Session, grant_id: &str, code: &str) -> anyhow::Result<QueryResponse> {
    let request = QueryRequest {
        grant_id: grant_id.to_owned(),
        parameters: [("code".to_owned(), code.to_owned())].into(),
        purpose: PURPOSE.to_owned(),
        ..QueryRequest::default()
    };
    let found = answer(consumer.node(None)?.query(request).await)?;
    ensure!(found.rows.len() == 1, "one record has the code, not {}", found.rows.len());
    Ok(found)
}

/// The transfer that brought the correction.
async fn delivered(consumer: &Session, ticket: &str) -> anyhow::Result<String> {
    let request = ListCorrectionsRequest {
        ticket_id: ticket.to_owned(),
        status: CorrectionStatus::Delivered.into(),
        ..ListCorrectionsRequest::default()
    };
    let page = answer(consumer.tickets()?.list_corrections(request).await)?;
    let correction = page.corrections.into_iter().next();
    Ok(correction.context("the correction must have arrived")?.transfer_id)
}
