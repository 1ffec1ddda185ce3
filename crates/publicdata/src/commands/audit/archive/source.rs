//! What a stream drops once archives hold it: an authority releases it, and the event store's operator drops it.

use anyhow::{Context as _, ensure};
use clap::Args;
use jiff::SignedDuration;
use publicdata_archive::store::RELEASE_REST;
use publicdata_audit::client::Which;
use publicdata_event_store::jetstream::Droppable;
use publicdata_proto::audit::v1::ReleaseSourceRequest;
use publicdata_proto::audit::v1::archive_service_client::ArchiveServiceClient;
use publicdata_service_kit::Clock;
use serde_json::json;

use super::{Line, Verified, Verify, log, problem, verified, verifier};
use crate::commands::standby::Place;
use crate::context::Context;

/// The client's name to the event store.
const CLIENT: &str = "operator";

/// Arguments of `drop`.
#[derive(Clone, Debug, Args)]
pub struct Drop {
    /// The stream.
    pub stream: String,
    /// The event store.
    #[command(flatten)]
    pub store: Place,
    /// What its archives are verified by.
    #[command(flatten)]
    pub archives: Archives,
}

/// Where archives are, and what they are verified by.
#[derive(Clone, Debug, Args)]
pub struct Archives {
    /// Where the archives are, `file:///<folder>` or `s3://<bucket>/<prefix>`; by default the folder of the fleet.
    #[arg(long, value_name = "URL")]
    pub from: Option<String>,
    /// The log's public key, a file; by default that of the fleet's folder.
    #[arg(long)]
    pub key: Option<std::path::PathBuf>,
}

/// Releases what is old enough.
///
/// # Errors
/// The service refused, or an archive is not what was sealed.
pub(super) async fn release(context: &Context, stream: String) -> anyhow::Result<()> {
    let mut client = ArchiveServiceClient::new(context.session()?.audit_channel()?);
    let request = ReleaseSourceRequest { stream: stream.clone() };
    let answer = client.release_source(request).await.map_err(problem)?.into_inner();
    let (last, archives) = (answer.last_sequence, answer.archives);
    let text = match (last, archives) {
        (0, _) => format!("{stream} keeps all it has: no archive holds events of five years ago"),
        (_, 0) => format!("{stream} may drop its events up to {last}, as before"),
        _ => format!(
            "{stream} may drop its events up to {last}: {archives} archives were read back and proven\n\
             in an hour: publicdata audit archive drop {stream} --server URL --credentials FOLDER"
        ),
    };
    let value = json!({ "stream": stream, "lastSequence": last, "archives": archives });
    context.output.value(&value, text)
}

/// Has the event store drop what was released.
///
/// # Errors
/// It was not released, or a while ago; an archive is not what was sealed; or the event store refuses.
pub(super) async fn drop_released(context: &Context, arguments: Drop) -> anyhow::Result<()> {
    let Drop { stream, store, archives: Archives { from, key } } = arguments;
    let (log, verifier) = (log(&context.session()?)?, verifier(context, key.as_ref())?);
    let released = log.released(&stream).await.map_err(problem)?;
    let released = released.with_context(|| {
        format!("nothing of {stream} was released; see `publicdata audit archive release`")
    })?;
    let proof = log.prove(&verifier, Which::Index(released.index)).await;
    let proof = proof.context("the release is not in the log as it was signed")?;
    ensure!(
        proof.index == released.index && proof.leaf()? == released.leaf,
        "the audit service proves another event than the release; nothing was dropped"
    );
    let from_then = Clock::system().now().duration_since(released.recorded_at);
    let rest = SignedDuration::try_from(RELEASE_REST)?;
    ensure!(
        from_then >= rest,
        "{stream} was released at {}: wait for an hour, until every service knows; nothing was dropped",
        released.recorded_at
    );

    let last = released.release.last_sequence;
    let verify = Verify { from, stream: stream.clone(), key };
    let Verified { lines, failed, seals, place, .. } = verified(context, &verify).await?;
    if let Some(error) = failed {
        return Err(error.context("nothing was dropped, for not all archives can be verified"));
    }
    let needed: Vec<&Line> = lines.iter().filter(|line| line.first_sequence <= last).collect();
    for line in &needed {
        ensure!(
            line.problem.is_none(),
            "nothing was dropped, for of an archive this is wrong:\n{}",
            line.text()
        );
    }
    let newest = seals.iter().find(|seal| seal.last_sequence == last).with_context(|| {
        format!(
            "nothing was dropped: no archive of {stream} ends with event {last}, which was released"
        )
    })?;
    let row = place.sealed(newest).await?.rows()?.last();
    let last_event = row.context("an archive has events")??.recorded;
    // By the event store's clock, whatever this machine's says.
    let what = Droppable { last: last_event, not_before: released.recorded_at + rest };

    let first = store.connect(CLIENT).await?.drop_released(&what).await?;
    let text = format!("{stream} begins with event {first}; what came before is in archives");
    let value = json!({
        "stream": stream, "firstSequence": first, "released": last, "archives": needed.len(),
    });
    context.output.value(&value, text)
}
