//! `publicdata proof`: proofs without paper (电子证明, R21.1).

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};
use jiff::Timestamp;
use publicdata_identity::TrustRoots;
use publicdata_proto::exchange::v1::CountSubjectsRequest;
use publicdata_proto::node::v1::{RequestProofRequest, RequestProofResponse};
use publicdata_service_kit::Clock;
use publicdata_transfer::credential::{self, Answer, Credential, CredentialError};
use serde::Serialize;

use super::query::{map, pair};
use super::{answer, time_text};
use crate::context::Context;
use crate::session::credentials_folder;

/// What stands in a credentials folder beside the keys.
const ROOTS_FILE: &str = "ca.pem";

/// What can be done with proofs.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Ask for a fact about one person, organisation or thing, in place of a paper that the applicant would have to bring.
    Request(Request),
    /// Verify a proof, from its file and the root certificate alone, offline.
    Verify {
        /// The proof.
        file: PathBuf,
        /// The platform's root certificate (PEM); that of the credentials here without it.
        #[arg(long)]
        roots: Option<PathBuf>,
        /// When it has to hold, such as 2026-01-04T09:00:00+08:00; now without it.
        #[arg(long)]
        at: Option<Timestamp>,
    },
    /// Say how often each subject was asked about, most often first. Subjects are shown by the pseudonym that the provider's node makes.
    Subjects {
        /// Only answers under this grant (id).
        #[arg(long, default_value = "")]
        grant: String,
        /// Only answers of this resource (its code).
        #[arg(long, default_value = "")]
        resource: String,
        /// Only answers asked for at this time or later.
        #[arg(long)]
        since: Option<Timestamp>,
        /// Only subjects that were asked about at least so often.
        #[arg(long, default_value_t = 1)]
        at_least: u32,
        /// How many at most.
        #[arg(long, default_value_t = 50)]
        page_size: u32,
    },
}

/// Arguments of `request`.
#[derive(Clone, Debug, Args)]
pub struct Request {
    /// The grant's id.
    #[arg(long)]
    pub grant: String,
    /// The data service; may be left out if just one gives proofs.
    #[arg(long, default_value = "")]
    pub service: String,
    /// A parameter, as `name=value`, among them whom it is about; may be given several times. The provider's node alone can read it.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = pair, required = true)]
    pub parameters: Vec<(String, String)>,
    /// What the applicant states, as `field=value`: the proof says yes or no; may be given several times.
    #[arg(long = "confirm", value_name = "FIELD=VALUE", value_parser = pair, required_unless_present = "fields", conflicts_with = "fields")]
    pub claims: Vec<(String, String)>,
    /// The fields whose values the proof shall state, with commas between.
    #[arg(long, value_delimiter = ',')]
    pub fields: Vec<String>,
    /// The purpose of this use; must be the grant's.
    #[arg(long)]
    pub purpose: String,
    /// The case that the applicant brought.
    #[arg(long)]
    pub case: String,
    /// The node to ask through; needed if your organisation has several here.
    #[arg(long)]
    pub node: Option<String>,
    /// A file for the proof.
    #[arg(long, value_name = "FILE")]
    pub to: Option<PathBuf>,
}

/// A proof that was asked for or verified.
#[derive(Debug, Serialize)]
struct Proven {
    /// What it says.
    proof: Credential,
    /// The proof itself, to keep with the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

/// Carries out a command.
///
/// # Errors
/// What was refused, and why; a proof that does not verify.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Request(request) => {
            let target = request.to.clone();
            let mut client = context.session()?.node(request.node.as_deref())?;
            let given = answer(client.request_proof(request.request()).await)?;
            save(context, given, target)
        }
        Command::Verify { file, roots, at } => {
            let roots = roots.unwrap_or_else(|| {
                credentials_folder(&context.global.data, &context.global.caller).join(ROOTS_FILE)
            });
            let pem = std::fs::read_to_string(&roots).with_context(|| {
                format!(
                    "the root certificate {} cannot be read; name it with --roots",
                    roots.display()
                )
            })?;
            let text = std::fs::read_to_string(&file)
                .with_context(|| format!("{} cannot be read", file.display()))?;
            let at = at.unwrap_or_else(|| Clock::system().now());
            let verified = credential::verify(&TrustRoots::from_pem(&pem)?, &text, at);
            let proof = verified.map_err(refused)?.credential;
            let said = format!("the proof holds\n{}", told(&proof));
            context.output.value(&Proven { proof, token: None }, said)
        }
        Command::Subjects { grant, resource, since, at_least, page_size } => {
            let request = CountSubjectsRequest {
                grant_id: grant,
                resource_code: resource,
                requested_from: since.map(publicdata_transfer::time::to_wire),
                asked_min: at_least,
                page_size,
            };
            let counted = answer(context.session()?.transfers()?.count_subjects(request).await)?;
            let rows = counted
                .subjects
                .iter()
                .map(|subject| {
                    vec![
                        subject.answers.to_string(),
                        subject.consumers.to_string(),
                        time_text(subject.last_requested_at),
                        subject.resource_code.clone(),
                        subject.subject_reference.clone(),
                    ]
                })
                .collect();
            let header = ["answers", "organisations", "last asked at", "resource", "subject"];
            context.output.table(&counted, &header, rows)
        }
    }
}

/// A proof that does not verify, with a reason that scripts may rely on.
fn refused(error: CredentialError) -> anyhow::Error {
    let reason = error.reason();
    anyhow::Error::new(error).context(format!("the proof is not accepted ({reason})"))
}

fn save(
    context: &Context,
    given: RequestProofResponse,
    target: Option<PathBuf>,
) -> anyhow::Result<()> {
    if let Some(target) = &target {
        std::fs::write(target, &given.credential)
            .with_context(|| format!("{} cannot be written", target.display()))?;
    }
    let proof = read(&given.credential)?;
    let kept = match &target {
        Some(target) => target.display().to_string(),
        None => given.credential.clone(),
    };
    let said = format!("{}\n{kept}", told(&proof));
    context.output.value(&Proven { proof, token: Some(given.credential) }, said)
}

/// What a proof says that the node has verified.
fn read(text: &str) -> anyhow::Result<Credential> {
    let token = publicdata_identity::Token::parse(text, credential::TYPE)?;
    match serde_json::from_slice(&token.payload) {
        Ok(proof) => Ok(proof),
        Err(error) => bail!("the node's answer is no proof: {error}"),
    }
}

/// A proof in words.
fn told(proof: &Credential) -> String {
    let subject = &proof.credential_subject;
    let about: Vec<String> =
        subject.parameters.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut lines = vec![format!("about      {}", about.join(", "))];
    if !subject.found {
        lines.push("found      no: there is no such record".to_owned());
    }
    match &subject.answer {
        Answer::Confirmed(facts) => {
            for (field, fact) in facts {
                let answer = if fact.confirmed { "yes" } else { "no" };
                lines.push(format!("{field} is {}: {answer}", fact.stated));
            }
        }
        Answer::Stated(values) => {
            for (field, value) in values {
                lines.push(format!("{field} is {}", value.as_deref().unwrap_or("not recorded")));
            }
        }
    }
    if subject.disputed {
        lines.push(
            "disputed   yes: a verification ticket is open, and the applicant's valid evidence stands"
                .to_owned(),
        );
    }
    let terms = &proof.terms_of_use;
    lines.push(format!("from       {} ({})", proof.issuer.organisation, subject.resource));
    lines.push(format!("for        case {}, {}", terms.case_number, terms.purpose));
    lines.push(format!("holds      {} to {}", proof.valid_from, proof.valid_until));
    lines.join("\n")
}

impl Request {
    /// The same as a node is asked.
    #[must_use]
    pub fn request(self) -> RequestProofRequest {
        RequestProofRequest {
            grant_id: self.grant,
            service: self.service,
            parameters: map(self.parameters),
            claims: map(self.claims),
            fields: self.fields,
            purpose: self.purpose,
            case_number: self.case,
        }
    }
}
