//! The audit: the story from events alone, the log's proofs, and a view rebuilt from nothing.

use anyhow::{Context as _, ensure};
use futures::TryStreamExt as _;
use publicdata_audit::client::{LogClient, Selection, Verification, Which};
use publicdata_audit_domain::Verifier;

use super::Cast;
use crate::commands::audit::summary;
use crate::sample::AUDITOR;

pub(super) async fn audit(cast: &mut Cast<'_>, grant_id: &str) -> anyhow::Result<()> {
    let session = cast.session(AUDITOR.accounts[1].1)?;
    let log = LogClient::new(session.audit_channel()?);
    let verifier: Verifier = cast.fleet.verifier_key().parse()?;

    let step = async {
        let report = log.verify(&verifier, &Verification::default()).await?;
        ensure!(report.is_sound(), "the log is not sound: {}", summary(&report));
        Ok((report.size, summary(&report)))
    };
    let title =
        "The auditor replays every event and verifies the log against its signed checkpoint";
    let size = cast.narrator.step(title, step).await?;

    let step = async {
        let subject = format!("ev.exchange.grant.{grant_id}");
        let selection = Selection { subject_prefix: subject, ..Selection::default() };
        let story: Vec<_> = log.replay(selection).await?.try_collect().await?;
        let told: Vec<_> = story.iter().map(ToString::to_string).collect();
        ensure!(told.len() == 3, "a grant that was applied for, issued and revoked has 3 commits");
        let last = story.last().context("the grant has a last event")?;
        Ok(((last.stream.clone(), last.sequence), told.join("\n")))
    };
    let title = "The grant's story, from events alone";
    let (stream, sequence) = cast.narrator.step(title, step).await?;

    let results = cast.results.clone();
    let step = async {
        let proof = log.prove(&verifier, Which::Position { stream, sequence }).await?;
        let tree = proof.check(&verifier)?;
        ensure!(tree.size >= size, "the log shrank");
        let path = results.join("revocation-proof.json");
        std::fs::write(&path, serde_json::to_vec_pretty(&proof)?)?;
        let said = format!(
            "leaf {} of {}, {} hashes; anyone with the log's public key can check {}",
            proof.index,
            tree.size,
            proof.hashes.len(),
            path.display()
        );
        Ok(((), said))
    };
    cast.narrator.step("The revocation is proven to be in the log", step).await?;

    let entries = cast.fleet.entries().clone();
    let step = async {
        let before = entries.content().await?;
        let rebuilt = entries.rebuild().await?;
        ensure!(rebuilt.content == before, "the rebuilt view differs from the live one");
        let said = format!("{} commits, {} rows, {}", rebuilt.commits, before.rows, before.digest);
        Ok(((), said))
    };
    let title = "The catalogue's view is rebuilt from nothing, to the same content";
    cast.narrator.step(title, step).await
}
