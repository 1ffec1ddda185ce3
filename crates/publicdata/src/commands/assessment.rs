//! `publicdata assessment`: supervision and assessment (监督考核).

use clap::{Args, Subcommand};
use publicdata_proto::catalog::v1::{
    AssessRequest, Criterion, CriterionWeight, GetAssessmentRequest, ListAssessmentsRequest,
    ListLossesRequest, Loss, PublishAssessmentRequest, PublishedAssessment, Standing,
};

use super::{answer, short, time_text};
use crate::context::Context;

/// What can be done with assessments.
///
/// A score counts marks: entries that say everything and pass review (completeness), data and catalogue updated in time
/// (timeliness), applications taken up in time (response), resources that somebody fetches (use).
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Count a period: a league table of organisations and of districts.
    ///
    /// An authority sees its region, an auditor all, other organisations themselves. With other --weights it shows what the
    /// same period would have come to.
    Show(Show),
    /// List the points that an organisation lost, each with its event.
    Losses(Losses),
    /// Publish the assessment of a period that is over (通报); the authority over the region does this.
    Publish(Show),
    /// Show a published assessment, under its own weights or under others.
    Published {
        /// Its id.
        id: String,
        /// Weights other than its own.
        #[command(flatten)]
        weights: Weights,
    },
    /// List published assessments, the newest period first.
    List {
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        page_size: u32,
        /// Where to go on, as the page before said.
        #[arg(long, default_value = "")]
        page_token: String,
    },
}

/// A period, a region and weights.
#[derive(Debug, Args)]
pub struct Show {
    #[command(flatten)]
    period: Period,
    /// The region, with those below it; by default the caller's.
    #[arg(long, default_value = "")]
    region: String,
    #[command(flatten)]
    weights: Weights,
}

/// Arguments of `losses`.
#[derive(Debug, Args)]
pub struct Losses {
    #[command(flatten)]
    period: Period,
    /// The organisation's code; by default the caller's.
    #[arg(long, default_value = "")]
    organisation: String,
    #[command(flatten)]
    weights: Weights,
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    page_size: u32,
    /// Where to go on, as the page before said.
    #[arg(long, default_value = "")]
    page_token: String,
}

/// The days that count.
#[derive(Debug, Args)]
pub struct Period {
    /// The first day, such as 2026-01-01.
    #[arg(long)]
    from: String,
    /// The last day, included.
    #[arg(long)]
    until: String,
}

/// How much each criterion counts, in proportion to their sum; all or none.
#[derive(Debug, Args)]
pub struct Weights {
    /// Weights of completeness, timeliness, response and use; 30,30,20,20 unless given.
    #[arg(long, value_delimiter = ',', num_args = 4, value_name = "W")]
    weights: Vec<u32>,
}

// === impl Weights ===

impl Weights {
    fn to_wire(&self) -> Vec<CriterionWeight> {
        let criteria =
            [Criterion::Completeness, Criterion::Timeliness, Criterion::Response, Criterion::Use];
        criteria
            .into_iter()
            .zip(&self.weights)
            .map(|(criterion, &weight)| CriterionWeight { criterion: criterion.into(), weight })
            .collect()
    }
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let mut assessments = context.session()?.assessments()?;
    match command {
        Command::Show(Show { period, region, weights }) => {
            let request = AssessRequest {
                first_on: period.from,
                last_on: period.until,
                region_code: region,
                weights: weights.to_wire(),
            };
            let found = answer(assessments.assess(request).await)?;
            let rows = rows(&found.organisations, &found.districts);
            context.output.table(&found, &HEADER, rows)
        }
        Command::Losses(Losses { period, organisation, weights, page_size, page_token }) => {
            let request = ListLossesRequest {
                first_on: period.from,
                last_on: period.until,
                organisation_code: organisation,
                weights: weights.to_wire(),
                page_size,
                page_token,
            };
            let page = answer(assessments.list_losses(request).await)?;
            let rows = page.losses.iter().map(loss).collect();
            context.output.table(&page, &["criterion", "lost", "on", "what", "event"], rows)
        }
        Command::Publish(Show { period, region, weights }) => {
            let request = PublishAssessmentRequest {
                command_id: context.command_id(),
                first_on: period.from,
                last_on: period.until,
                region_code: region,
                weights: weights.to_wire(),
            };
            let done = answer(assessments.publish_assessment(request).await)?;
            context.output.record(&done, &[("id", done.assessment_id.clone())])
        }
        Command::Published { id, weights } => {
            let request = GetAssessmentRequest { assessment_id: id, weights: weights.to_wire() };
            let found = answer(assessments.get_assessment(request).await)?;
            let rows = rows(&found.organisations, &found.districts);
            context.output.table(&found, &HEADER, rows)
        }
        Command::List { page_size, page_token } => {
            let request = ListAssessmentsRequest { page_size, page_token };
            let page = answer(assessments.list_assessments(request).await)?;
            let rows = page.assessments.iter().map(published).collect();
            context.output.table(&page, &["from", "until", "region", "published at", "id"], rows)
        }
    }
}

const HEADER: [&str; 8] =
    ["rank", "code", "name", "total", "completeness", "timeliness", "response", "use"];

/// The organisations, then the districts.
fn rows(organisations: &[Standing], districts: &[Standing]) -> Vec<Vec<String>> {
    organisations.iter().chain(districts).map(row).collect()
}

fn row(standing: &Standing) -> Vec<String> {
    let score = |criterion| {
        let mut scores = standing.criteria.iter();
        let score = scores.find(|score| score.criterion() == criterion);
        match score {
            Some(score) => format!("{} ({} marks)", points(score.micropoints), score.marks),
            None => "–".to_owned(),
        }
    };
    vec![
        standing.rank.to_string(),
        standing.code.clone(),
        standing.name.clone(),
        points(standing.total_micropoints),
        score(Criterion::Completeness),
        score(Criterion::Timeliness),
        score(Criterion::Response),
        score(Criterion::Use),
    ]
}

fn loss(loss: &Loss) -> Vec<String> {
    vec![
        short(loss.criterion().as_str_name(), "CRITERION_"),
        points(loss.micropoints),
        loss.on.clone(),
        loss.what.clone(),
        format!("{} {}", loss.stream, loss.sequence),
    ]
}

fn published(assessment: &PublishedAssessment) -> Vec<String> {
    vec![
        assessment.first_on.clone(),
        assessment.last_on.clone(),
        assessment.region_code.clone(),
        time_text(assessment.published_at),
        assessment.id.clone(),
    ]
}

/// Points with two decimals.
fn points(micropoints: u64) -> String {
    let hundredths = (micropoints + 5_000) / 10_000;
    format!("{}.{:02}", hundredths / 100, hundredths % 100)
}
