//! The audit: the story from events alone, the log's proofs, and a view rebuilt from nothing.

use anyhow::{Context as _, ensure};
use futures::TryStreamExt as _;
use publicdata_audit::client::{LogClient, Selection, Verification, Which};
use publicdata_audit::evidence::{self, Statement, Texts, Trust};
use publicdata_audit_domain::Verifier;
use publicdata_identity::TrustRoots;

use super::{Cast, outside};
use crate::commands::audit::evidence::{in_words, write};
use crate::commands::audit::summary;
use crate::sample::AUDITOR;
use crate::session::credentials_folder;

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
    cast.narrator.step(title, step).await?;

    hand_over(cast, &log, &verifier, grant_id).await
}

/// Everything about the grant goes into one file, for somebody who never met the platform; and that one's own program checks it.
async fn hand_over(
    cast: &mut Cast<'_>,
    log: &LogClient,
    verifier: &Verifier,
    grant_id: &str,
) -> anyhow::Result<()> {
    let path = cast.results.join("evidence.zip");
    let step = async {
        let statement = Statement {
            title: "一项授权的申请、批准、使用与撤销".to_owned(),
            selection: format!("what concerns the grant {grant_id}"),
            finding: None,
        };
        let gathered = log.evidence_about(verifier, grant_id, (None, None), statement).await?;
        let bundle = write(&gathered, &path)?;
        let said = format!(
            "{}: {} events, {} bytes; report.html in it is the report",
            path.display(),
            gathered.items().len(),
            bundle.len()
        );
        Ok(((), said))
    };
    let title = "The grant's story is written into one file of evidence";
    cast.narrator.step(title, step).await?;

    let auditor = credentials_folder(cast.fleet.data(), AUDITOR.accounts[1].1);
    let step = async {
        let roots = TrustRoots::from_pem(&std::fs::read_to_string(auditor.join("ca.pem"))?)?;
        let trust = Trust { log: verifier.clone(), witnesses: Vec::new(), roots: Some(roots) };
        let verdict = evidence::verify(&std::fs::read(&path)?, &trust, Texts::Compare)?;
        ensure!(verdict.holds(), "the evidence does not hold: {}", in_words(&verdict));
        let signed = |what: &str| {
            let of_kind = verdict.signatures.iter().filter(|signed| signed.what == what);
            of_kind.filter(|signed| signed.accepted == Some(true)).count()
        };
        let (grants, receipts) = (signed("grant"), signed("receipt"));
        ensure!(grants == 1 && receipts >= 2, "{grants} grants and {receipts} receipts are signed");
        let said = format!(
            "{} events proven in a signed tree of {} leaves, with the file and two public keys alone\n\
             the grant is signed by the provider, {} receipts by both nodes",
            verdict.events.len(),
            verdict.size,
            receipts / 2
        );
        Ok(((), said))
    };
    cast.narrator.step("A stranger verifies the file offline", step).await?;

    let Some(wheels) = outside::installed() else {
        return cast.narrator.say(
            "     The outside verifier (aics-tlog) is not on this machine, so it has not checked the file: `deploy/setup auditors` \
             brings it",
        );
    };
    let key = cast.fleet.verifier_key().to_owned();
    let step = async { Ok(((), outside::check(&wheels, &path, &key).await?)) };
    let title = "A verifier that we did not write (aics-tlog) checks the file's proofs";
    cast.narrator.step(title, step).await
}
