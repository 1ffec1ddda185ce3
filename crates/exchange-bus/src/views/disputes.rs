//! The table of disputes, each with all its steps.

use prost_types::Any;
use publicdata_exchange_domain::dispute::Stage;
use publicdata_proto::exchange::v1::{
    Dispute, DisputeDecided, DisputeRaised, DisputeReferred, DisputeSettled, DisputeStatementMade,
    DisputeStatus, DisputeStep, DisputeStepKind, DisputeWithdrawn, ExpertOpinionAsked,
    ExpertOpinionGiven, SettlementProposed,
};
use publicdata_views::ApplyError;
use sqlx::{AnyConnection, Row as _};

use super::objections::Context;
use super::{WithoutBeginning, event, from_column, to_column};

/// A row.
struct Entry {
    advised_region: String,
    dispute: Dispute,
}

pub(super) async fn apply(
    connection: &mut AnyConnection,
    context: &Context<'_>,
    any: &Any,
) -> Result<(), ApplyError> {
    if let Some(raised) = event::<DisputeRaised>(any)? {
        let entry = Entry { advised_region: String::new(), dispute: begin(context, raised) };
        return save(connection, context, &entry).await;
    }
    let Some(mut entry) = load(connection, context.id).await? else {
        return Err(ApplyError::event(WithoutBeginning {
            event: any.type_url.clone(),
            id: context.id.to_owned(),
        }));
    };
    let Some((mut step, stage)) = step(any)? else { return Ok(()) };
    let dispute = &mut entry.dispute;
    if step.kind() == DisputeStepKind::OpinionAsked {
        entry.advised_region.clone_from(&dispute.region_code);
    }
    if step.kind() == DisputeStepKind::Proposal {
        dispute.proposal_number = step.proposal_number;
    }
    if let Some(stage) = stage {
        stand(dispute, stage);
    }
    step.at = context.at;
    step.actor = context.actor.to_owned();
    dispute.steps.push(step);
    dispute.updated_at = context.at;
    save(connection, context, &entry).await
}

fn begin(context: &Context<'_>, raised: DisputeRaised) -> Dispute {
    let mut first = said(DisputeStepKind::Raised, raised.author_code.clone(), raised.statement);
    first.at = context.at;
    first.actor = context.actor.to_owned();
    let mut dispute = Dispute {
        id: context.id.to_owned(),
        matter_kind: raised.matter_kind,
        matter_id: raised.matter_id,
        resource_id: raised.resource_id,
        provider_code: raised.provider_code,
        consumer_code: raised.consumer_code,
        claimant_code: raised.author_code,
        region_code: raised.region_code,
        steps: vec![first],
        raised_at: context.at,
        updated_at: context.at,
        ..Dispute::default()
    };
    stand(&mut dispute, Stage::Negotiating);
    dispute
}

/// A step, and where the dispute stands after it, if it moved.
fn step(any: &Any) -> Result<Option<(DisputeStep, Option<Stage>)>, ApplyError> {
    use DisputeStepKind as Kind;

    if let Some(made) = event::<DisputeStatementMade>(any)? {
        return Ok(Some((said(Kind::Statement, made.author_code, made.statement), None)));
    }
    if let Some(proposed) = event::<SettlementProposed>(any)? {
        let step = said(Kind::Proposal, proposed.author_code, proposed.terms);
        let proposal_number = proposed.number;
        return Ok(Some((DisputeStep { proposal_number, ..step }, None)));
    }
    if let Some(settled) = event::<DisputeSettled>(any)? {
        let step = said(Kind::Settled, settled.author_code, String::new());
        let proposal_number = settled.number;
        return Ok(Some((DisputeStep { proposal_number, ..step }, Some(Stage::Settled))));
    }
    if let Some(referred) = event::<DisputeReferred>(any)? {
        let step = said(Kind::Referred, referred.author_code, referred.reason);
        return Ok(Some((step, Some(Stage::Referred))));
    }
    if let Some(asked) = event::<ExpertOpinionAsked>(any)? {
        let step = said(Kind::OpinionAsked, asked.author_code, asked.question);
        return Ok(Some((step, Some(Stage::OpinionAsked))));
    }
    if let Some(given) = event::<ExpertOpinionGiven>(any)? {
        let step = said(Kind::OpinionGiven, given.author_code, given.opinion);
        let (document_number, document_sha256) = (given.document_number, given.document_sha256);
        let step = DisputeStep { document_number, document_sha256, ..step };
        return Ok(Some((step, Some(Stage::OpinionGiven))));
    }
    if let Some(decided) = event::<DisputeDecided>(any)? {
        let step = said(Kind::Decided, decided.author_code, decided.decision);
        let step = DisputeStep { reason: decided.reason, outcome: decided.outcome, ..step };
        return Ok(Some((step, Some(Stage::Decided))));
    }
    if let Some(withdrawn) = event::<DisputeWithdrawn>(any)? {
        let step = said(Kind::Withdrawn, withdrawn.author_code, withdrawn.reason);
        return Ok(Some((step, Some(Stage::Withdrawn))));
    }
    Ok(None)
}

fn said(kind: DisputeStepKind, author_code: String, text: String) -> DisputeStep {
    DisputeStep { kind: kind.into(), author_code, text, ..DisputeStep::default() }
}

fn stand(dispute: &mut Dispute, stage: Stage) {
    let status = match stage {
        Stage::Negotiating => DisputeStatus::Negotiating,
        Stage::Referred => DisputeStatus::Referred,
        Stage::OpinionAsked => DisputeStatus::OpinionAsked,
        Stage::OpinionGiven => DisputeStatus::OpinionGiven,
        Stage::Settled => DisputeStatus::Settled,
        Stage::Decided => DisputeStatus::Decided,
        Stage::Withdrawn => DisputeStatus::Withdrawn,
    };
    dispute.set_status(status);
    stage.due().clone_into(&mut dispute.due);
}

async fn load(connection: &mut AnyConnection, id: &str) -> Result<Option<Entry>, ApplyError> {
    let row = sqlx::query("SELECT advised_region, body FROM bus_dispute WHERE id = $1")
        .bind(id)
        .fetch_optional(connection)
        .await?;
    match row {
        Some(row) => Ok(Some(Entry {
            advised_region: row.try_get("advised_region")?,
            dispute: from_column(&row, "body")?,
        })),
        None => Ok(None),
    }
}

async fn save(
    connection: &mut AnyConnection,
    context: &Context<'_>,
    entry: &Entry,
) -> Result<(), ApplyError> {
    let dispute = &entry.dispute;
    sqlx::query(
        "INSERT INTO bus_dispute (id, sequence, status, resource_id, provider_code, \
         consumer_code, advised_region, body) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
         ON CONFLICT (id) DO UPDATE SET status = excluded.status, \
         advised_region = excluded.advised_region, body = excluded.body",
    )
    .bind(context.id)
    .bind(context.sequence)
    .bind(i64::from(dispute.status))
    .bind(dispute.resource_id.as_str())
    .bind(dispute.provider_code.as_str())
    .bind(dispute.consumer_code.as_str())
    .bind(entry.advised_region.as_str())
    .bind(to_column(dispute))
    .execute(connection)
    .await?;
    Ok(())
}
