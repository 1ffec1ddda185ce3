//! `publicdata transfer archives` and `verify-archive`: the archives that the exchange log is kept in (R23.2).

use std::fs::File;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use prost::{Message as _, Name as _};
use publicdata_audit::client::{LogClient, Proof, Which};
use publicdata_identity::{SpiffeId, TrustRoots};
use publicdata_proto::event::v1::Commit;
use publicdata_proto::exchange::v1::{
    ListLogArchivesRequest, LogArchive, LogArchiveSealed, SealedLogArchive,
};
use publicdata_transfer::signed;
use publicdata_types::Digest;
use serde::{Deserialize, Serialize};

use crate::commands::audit::verifier;
use crate::commands::{answer, short, time_text};
use crate::context::Context;
use crate::output::read_json_file;
use crate::session::credentials_folder;

/// The stream that seals stand in.
const STREAM: &str = "EXCHANGE";
/// What stands in a credentials folder beside the keys.
const ROOTS_FILE: &str = "ca.pem";

/// Arguments of `archives`.
#[derive(Clone, Debug, Args)]
pub struct List {
    /// How many at most.
    #[arg(long, default_value_t = 50)]
    page_size: u32,
    /// Where to go on, as the page before said.
    #[arg(long, default_value = "")]
    page_token: String,
}

/// Arguments of `verify-archive`.
#[derive(Clone, Debug, Args)]
pub struct Verify {
    /// The archive's file.
    file: PathBuf,
    /// Its seal, as `--save-seal` wrote it: then nothing is asked of the platform.
    #[arg(long, value_name = "FILE")]
    seal: Option<PathBuf>,
    /// Writes the seal to a file: with it, anybody can verify the archive.
    #[arg(long, value_name = "FILE", conflicts_with = "seal")]
    save_seal: Option<PathBuf>,
    /// The audit log's public key, a file; by default that of the fleet's folder.
    #[arg(long)]
    key: Option<PathBuf>,
    /// The platform's root certificate (PEM); that of the credentials here without it.
    #[arg(long)]
    roots: Option<PathBuf>,
}

/// What it takes to verify an archive anywhere: the event that sealed it, and that this event is in the audit log.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Seal {
    /// The sealing commit as it is stored (`publicdata.event.v1.Commit`), hexadecimal.
    commit: String,
    /// That the audit log holds it.
    proof: Proof,
}

/// What was verified of an archive.
#[derive(Debug, Serialize)]
struct Verified {
    /// The archive's number.
    archive: u32,
    /// Where its period begins.
    from: String,
    /// The first moment after it.
    until: String,
    rows: u64,
    bytes: u64,
    digest: String,
    /// Who sealed it.
    signer: String,
    sealed_at: String,
    /// Where the sealing event stands in the audit log.
    index: u64,
    /// How many events the signed checkpoint covers.
    size: u64,
}

/// Lists archives.
///
/// # Errors
/// What the service refused, and why.
pub(super) async fn list(context: &Context, arguments: List) -> anyhow::Result<()> {
    let List { page_size, page_token } = arguments;
    let request = ListLogArchivesRequest { page_size, page_token };
    let page = answer(context.session()?.log_archives()?.list_log_archives(request).await)?;
    if !page.hindrance.is_empty() {
        tracing::warn!(hindrance = page.hindrance, "the log is not being archived");
    }
    let rows = page.archives.iter().map(row).collect();
    let header =
        ["number", "from", "until", "status", "rows", "bytes", "sealed at", "digest", "file"];
    context.output.table(&page, &header, rows)
}

/// Verifies an archive: that its file is the one that the bus sealed, and that the audit log holds the seal.
///
/// # Errors
/// Which of these does not hold.
pub(super) async fn verify(context: &Context, arguments: Verify) -> anyhow::Result<()> {
    let digest = File::open(&arguments.file)
        .and_then(Digest::of_reader)
        .with_context(|| format!("{} cannot be read", arguments.file.display()))?;
    let verifier = verifier(context, arguments.key.as_ref())?;
    let seal = match &arguments.seal {
        Some(path) => read_json_file(path)?,
        None => {
            let session = context.session()?;
            let sealed = find(context, digest).await?;
            let which = Which::Position { stream: STREAM.to_owned(), sequence: sealed.sequence };
            let proof = LogClient::new(session.audit_channel()?).prove(&verifier, which).await?;
            Seal { commit: hex::encode(&sealed.commit), proof }
        }
    };

    let tree = seal.proof.check(&verifier).context("the proof does not hold")?;
    let payload = hex::decode(&seal.commit).context("the seal's commit is not hexadecimal")?;
    let leaf = seal.proof.leaf()?;
    ensure!(
        leaf.stream == STREAM && seal.proof.is_of(&payload)?,
        "the proof is of another event than the one that sealed the archive"
    );
    let (archive, signer, sealed_at) = sealed(context, &arguments, &payload)?;
    if archive.sha256 != digest.as_bytes() {
        bail!(
            "the file is not the archive {} that was sealed: its digest is {digest}, that of the archive sha256:{}",
            archive.number,
            hex::encode(&archive.sha256)
        );
    }
    if let Some(path) = &arguments.save_seal {
        std::fs::write(path, serde_json::to_string_pretty(&seal)?)
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    let verified = Verified {
        archive: archive.number,
        from: time_text(archive.from),
        until: time_text(archive.until),
        rows: archive.rows,
        bytes: archive.bytes,
        digest: digest.to_string(),
        signer,
        sealed_at: time_text(sealed_at),
        index: seal.proof.index,
        size: tree.size,
    };
    let text = format!(
        "the file is archive {} of the exchange log, from {} to before {}: {} transfers\n\
         digest     {digest}\n\
         sealed     {} by {}\n\
         logged     leaf {} of the {} that the signed checkpoint covers",
        verified.archive,
        verified.from,
        verified.until,
        verified.rows,
        verified.sealed_at,
        verified.signer,
        verified.index,
        verified.size
    );
    context.output.value(&verified, text)
}

/// What a sealing commit says, once its signature was verified.
fn sealed(
    context: &Context,
    arguments: &Verify,
    payload: &[u8],
) -> anyhow::Result<(LogArchive, String, Option<prost_types::Timestamp>)> {
    let commit = Commit::decode(payload).context("the seal's commit cannot be read")?;
    let seal = commit.events.iter().find(|any| any.type_url == LogArchiveSealed::type_url());
    let seal = seal.context("the event seals no archive")?;
    let LogArchiveSealed { archive } = LogArchiveSealed::decode(seal.value.as_slice())?;

    let roots = arguments.roots.clone().unwrap_or_else(|| {
        credentials_folder(&context.global.data, &context.global.caller).join(ROOTS_FILE)
    });
    let pem = std::fs::read_to_string(&roots).with_context(|| {
        format!("the root certificate {} cannot be read; name it with --roots", roots.display())
    })?;
    let at = commit.occurred_at.unwrap_or_default();
    let at = jiff::Timestamp::new(at.seconds, at.nanos)?;
    let archive = archive.context("the seal is empty")?;
    // The bus's certificate had to be valid when it sealed; by now it may be another.
    let verified = signed::verify::<LogArchive>(&TrustRoots::from_pem(&pem)?, &archive, at)?;
    let signer = verified.signer;
    ensure!(
        matches!(signer, SpiffeId::Service { .. }),
        "the seal is signed by {signer}, and archives are sealed by the exchange bus alone"
    );
    Ok((verified.message, signer.to_string(), commit.occurred_at))
}

/// The archive with this digest.
async fn find(context: &Context, digest: Digest) -> anyhow::Result<SealedLogArchive> {
    let mut client = context.session()?.log_archives()?;
    let mut request = ListLogArchivesRequest::default();
    loop {
        let page = answer(client.list_log_archives(request.clone()).await)?;
        let sealed = page.archives.into_iter().find(|sealed| {
            sealed.archive.as_ref().is_some_and(|archive| archive.sha256 == digest.as_bytes())
        });
        match (sealed, page.next_page_token) {
            (Some(sealed), _) => return Ok(sealed),
            (None, token) if token.is_empty() => {
                bail!(
                    "no archive was sealed with the digest {digest}: the file is none, or was altered; \
                     `publicdata transfer archives` lists those that were sealed"
                )
            }
            (None, token) => request.page_token = token,
        }
    }
}

fn row(sealed: &SealedLogArchive) -> Vec<String> {
    let archive = sealed.archive.clone().unwrap_or_default();
    vec![
        archive.number.to_string(),
        time_text(archive.from),
        time_text(archive.until),
        short(sealed.status().as_str_name(), "LOG_ARCHIVE_STATUS_"),
        archive.rows.to_string(),
        archive.bytes.to_string(),
        time_text(sealed.sealed_at),
        format!("sha256:{}", hex::encode(&archive.sha256)),
        archive.path,
    ]
}
