//! Opening: proposal, secrecy review by a second person, publication, download.

use anyhow::{Context as _, ensure};
use publicdata_proto::opendata::v1::{PublishRequest, ReviewOutcome, ReviewPublicationRequest};

use super::preparation::Entries;
use super::{Cast, refused};
use crate::commands::{answer, open};
use crate::sample::{AREAS_CSV, PROVIDER};
use crate::session::{Session, new_command_id};

pub(super) async fn open(cast: &mut Cast<'_>, entries: &Entries) -> anyhow::Result<()> {
    let proposer = cast.provider()?;
    let reviewer = cast.session(PROVIDER.accounts[2].1)?;
    let file = cast.results.join("areas-proposed.csv");
    std::fs::write(&file, AREAS_CSV)?;

    let step = async {
        let done = open::propose(&proposer, new_command_id(), &entries.areas_id, &file).await?;
        Ok((done.publication_id, format!("{} rows, as a CSV file", done.rows)))
    };
    let title = format!("{} proposes 成都市行政区划 for opening", PROVIDER.name);
    let id = cast.narrator.step(&title, step).await?;

    let step = async {
        let early = publish(&proposer, &id).await.map(drop);
        let unreviewed = refused(early, "NOT_REVIEWED")?;
        let own = refused(review(&proposer, &id).await, "REVIEWER_PROPOSED")?;
        Ok(((), format!("{unreviewed}\n{own}")))
    };
    let title =
        "Publishing without a secrecy review, and reviewing one's own proposal, are refused";
    cast.narrator.step(title, step).await?;

    let step = async {
        review(&reviewer, &id).await?;
        let url = publish(&proposer, &id).await?;
        Ok((url.clone(), url))
    };
    let title = "A second person reviews it for secrecy (保密审查), and it is published";
    let url = cast.narrator.step(title, step).await?;

    let results = cast.results.clone();
    let step = async {
        let csv = reqwest::get(format!("{url}.csv")).await?.error_for_status()?.text().await?;
        ensure!(csv == AREAS_CSV, "the CSV that the public gets is not what was published");
        let json: Vec<serde_json::Value> =
            reqwest::get(format!("{url}.json")).await?.error_for_status()?.json().await?;
        let first = json.first().context("the JSON has no rows")?;
        ensure!(json.len() + 1 == AREAS_CSV.lines().count(), "the JSON has {} rows", json.len());
        ensure!(first["code"] == "510104", "codes must stay text: {first}");
        std::fs::write(results.join("areas.csv"), &csv)?;
        std::fs::write(results.join("areas.json"), serde_json::to_vec_pretty(&json)?)?;
        Ok(((), format!("{} rows, first {first}", json.len())))
    };
    cast.narrator.step("Anyone downloads it over HTTP, as CSV and as JSON", step).await
}

async fn review(session: &Session, id: &str) -> anyhow::Result<()> {
    let publication = open::get(session, id).await?;
    let request = ReviewPublicationRequest {
        command_id: new_command_id(),
        publication_id: id.to_owned(),
        outcome: ReviewOutcome::Passed.into(),
        basis: "已对照定密事项清单逐项核对，不含国家秘密、商业秘密和个人隐私".to_owned(),
        content_sha256: publication.content_sha256,
    };
    answer(session.publications()?.review_publication(request).await)?;
    Ok(())
}

async fn publish(session: &Session, id: &str) -> anyhow::Result<String> {
    let request = PublishRequest { command_id: new_command_id(), publication_id: id.to_owned() };
    Ok(answer(session.publications()?.publish(request).await)?.url)
}
