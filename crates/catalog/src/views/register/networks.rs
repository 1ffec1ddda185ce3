//! Networks.

use publicdata_proto::catalog::v1::{
    Network, NetworkBuilt, NetworkGivenUp, NetworkMerged, NetworkOpinionGiven,
    NetworkOpinionRequested, NetworkStatus,
};
use publicdata_views::ApplyError;
use sqlx::AnyConnection;

use super::{Happened, to_column};

const TABLE: &str = "register_network";

pub(super) async fn apply(
    connection: &mut AnyConnection,
    happened: &Happened<'_>,
) -> Result<(), ApplyError> {
    if let Some(requested) = happened.as_a::<NetworkOpinionRequested>()? {
        let network = Network {
            id: happened.id().to_owned(),
            organisation_code: requested.organisation_code,
            answering_region_code: requested.answering_region_code,
            plan: requested.plan,
            status: NetworkStatus::Asked.into(),
            ..Network::default()
        };
        return write(connection, happened, network).await;
    }
    if let Some(built) = happened.as_a::<NetworkBuilt>()? {
        let network = before_building(connection, happened, &built).await?;
        let network = Network {
            plan: built.plan,
            status: NetworkStatus::Built.into(),
            basis: built.basis,
            built_on: built.built_on,
            ..network
        };
        return write(connection, happened, network).await;
    }
    let network: Network = happened.body(connection, TABLE).await?;
    let changed = if let Some(given) = happened.as_a::<NetworkOpinionGiven>()? {
        Network {
            status: NetworkStatus::Answered.into(),
            opinion: given.opinion,
            opinion_reasons: given.reasons,
            authority_code: given.authority_code,
            ..network
        }
    } else if let Some(merged) = happened.as_a::<NetworkMerged>()? {
        Network { status: NetworkStatus::Merged.into(), ended_on: merged.merged_on, ..network }
    } else if let Some(given_up) = happened.as_a::<NetworkGivenUp>()? {
        Network {
            status: NetworkStatus::GivenUp.into(),
            ended_on: given_up.given_up_on,
            end_reason: given_up.reason,
            ..network
        }
    } else {
        return Ok(());
    };
    write(connection, happened, changed).await
}

/// A network may be on record before it is built, or not.
async fn before_building(
    connection: &mut AnyConnection,
    happened: &Happened<'_>,
    built: &NetworkBuilt,
) -> Result<Network, ApplyError> {
    let known = sqlx::query("SELECT id FROM register_network WHERE id = $1")
        .bind(happened.id())
        .fetch_optional(&mut *connection)
        .await?;
    match known {
        Some(_) => happened.body(connection, TABLE).await,
        None => Ok(Network {
            id: happened.id().to_owned(),
            organisation_code: built.organisation_code.clone(),
            ..Network::default()
        }),
    }
}

async fn write(
    connection: &mut AnyConnection,
    happened: &Happened<'_>,
    network: Network,
) -> Result<(), ApplyError> {
    let network = Network { updated_at: Some(happened.at()), ..network };
    sqlx::query(
        "INSERT INTO register_network (
             id, organisation_code, answering_region_code, place, status, basis, body
         ) VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (id) DO UPDATE SET
             status = excluded.status, basis = excluded.basis, body = excluded.body",
    )
    .bind(&network.id)
    .bind(&network.organisation_code)
    .bind(&network.answering_region_code)
    .bind(happened.place())
    .bind(i64::from(network.status))
    .bind(i64::from(network.basis))
    .bind(to_column(&network))
    .execute(connection)
    .await?;
    Ok(())
}
