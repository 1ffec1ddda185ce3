//! `publicdata dispute`: what provider and consumer disagree about.

mod show;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand, ValueEnum};
use publicdata_proto::exchange::v1::{
    AskOpinionRequest, ConfirmSettlementRequest, DecideDisputeRequest, DisputeMatterKind,
    DisputeOutcome, DisputeStatus, GetDisputeRequest, GiveOpinionRequest, ListDisputesRequest,
    ProposeSettlementRequest, RaiseDisputeRequest, ReferDisputeRequest, StateDisputeRequest,
    WithdrawDisputeRequest,
};
use publicdata_types::Digest;

use super::answer;
use super::ticket::Part;
use crate::context::Context;
use crate::session::Session;

/// What the help of `publicdata dispute` ends with.
pub const GUIDE: &str = "\
Provider and consumer negotiate; if they do not agree, the authority has the expert committee give an
opinion, and decides, which binds both (regulation, article 28). The article sets no limits of time.

  publicdata dispute raise --about ticket --matter ID --statement 请求重新核查 --as health
  publicdata dispute state ID --statement … --as civil-affairs
  publicdata dispute settle ID --terms … --as civil-affairs   # and: settle ID --confirm 1 --as health
  publicdata dispute refer ID --reason 协商未果 --as health
  publicdata dispute ask-opinion ID --question …              # the authority
  publicdata dispute give-opinion ID --opinion … --document FILE --as committee
  publicdata dispute decide ID --for consumer --decision … --reason …        # the authority

Of parties in the same division its authority decides, otherwise that of the provider's city. Until
then the parties may still settle, and whoever raised the dispute may withdraw it. What is due now,
publicdata dispute show says. Write no personal data into a dispute.";

/// What can be done about a disagreement on sharing or use (异议, article 28).
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Object to what the other party did (提出异议): to a grant, a refused application, a transfer or a rejected ticket.
    ///
    /// For example: publicdata dispute raise --as health --about ticket --matter ID --statement 请求重新核查
    Raise(Raise),
    /// Say something about a dispute, as a party to it (陈述).
    State {
        /// The dispute's id.
        id: String,
        /// What, without personal data.
        #[arg(long)]
        statement: String,
    },
    /// Propose how to settle, or agree to what the other party proposed (和解).
    Settle(Settle),
    /// Hand a dispute to the authority because the parties did not agree (提请); either party does this, or the authority.
    Refer {
        /// The dispute's id.
        id: String,
        /// Why the parties did not agree.
        #[arg(long)]
        reason: String,
    },
    /// Ask the expert committee for an opinion, as the authority (委托评估).
    AskOpinion {
        /// The dispute's id.
        id: String,
        /// What it is asked.
        #[arg(long)]
        question: String,
    },
    /// Give the opinion that was asked for, as the expert committee (评估意见).
    GiveOpinion(GiveOpinion),
    /// Decide, as the authority, once the opinion is there; this binds both parties (决定).
    Decide {
        /// The dispute's id.
        id: String,
        /// Which party was right, whoever had raised the dispute.
        #[arg(long = "for", value_enum, value_name = "PARTY")]
        outcome: Outcome,
        /// What holds from now on.
        #[arg(long)]
        decision: String,
        /// Why, with what it rests on.
        #[arg(long)]
        reason: String,
    },
    /// Take a dispute back, as the party that raised it (撤回).
    Withdraw {
        /// The dispute's id.
        id: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// List the disputes that you may see, newest first.
    List(List),
    /// Show one dispute with all its steps, and what is due now.
    Show {
        /// Its id.
        id: String,
    },
}

/// Arguments of `raise`.
#[derive(Clone, Debug, Args)]
pub struct Raise {
    /// What it is about.
    #[arg(long, value_enum)]
    pub about: About,
    /// Which (id).
    #[arg(long)]
    pub matter: String,
    /// What you object to, and what you ask for, without personal data.
    #[arg(long)]
    pub statement: String,
}

/// Arguments of `settle`: either a proposal, or one that is agreed to.
#[derive(Clone, Debug, Args)]
#[command(group(clap::ArgGroup::new("settlement").required(true).args(["terms", "confirm"])))]
pub struct Settle {
    /// The dispute's id.
    pub id: String,
    /// Propose this; it takes the place of the proposal before.
    #[arg(long)]
    pub terms: Option<String>,
    /// Agree to the other party's proposal of this number; see `publicdata dispute show`.
    #[arg(long, value_name = "NUMBER")]
    pub confirm: Option<u32>,
}

/// Arguments of `give-opinion`.
#[derive(Clone, Debug, Args)]
pub struct GiveOpinion {
    /// The dispute's id.
    pub id: String,
    /// The opinion, or its summary, without personal data.
    #[arg(long)]
    pub opinion: String,
    /// The number of the document that holds it (文号).
    #[arg(long, default_value = "")]
    pub document_number: String,
    /// That document: its SHA-256 stands in the event, so that it can be told from any other. The document itself stays here.
    #[arg(long, value_name = "FILE")]
    pub document: Option<std::path::PathBuf>,
}

/// Arguments of `list`.
#[derive(Clone, Debug, Args)]
pub struct List {
    /// Only those that concern this resource (id).
    #[arg(long, default_value = "")]
    pub resource: String,
    /// Only those that stand here.
    #[arg(long, value_enum)]
    pub status: Option<Status>,
    /// Which ones, and how many.
    #[command(flatten)]
    pub part: Part,
}

/// What a dispute is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum About {
    /// A grant that was issued (授权).
    Grant,
    /// An application that was refused (被拒绝的申请).
    Application,
    /// A transfer (交换).
    Transfer,
    /// A verification ticket that was rejected (校核结论).
    Ticket,
}

/// Where a dispute stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Status {
    /// The parties negotiate (协商中).
    Negotiating,
    /// It lies with the authority (已提请).
    Referred,
    /// The expert committee's opinion is due (评估中).
    OpinionAsked,
    /// The authority's decision is due (待决定).
    OpinionGiven,
    /// The parties agreed (已和解).
    Settled,
    /// The authority decided (已决定).
    Decided,
    /// It was taken back (已撤回).
    Withdrawn,
}

/// Who was right.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Outcome {
    /// The consumer (使用部门).
    Consumer,
    /// The provider (提供部门).
    Provider,
    /// Each in part (双方各有其理).
    Both,
}

impl From<Outcome> for DisputeOutcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Consumer => Self::ForConsumer,
            Outcome::Provider => Self::ForProvider,
            Outcome::Both => Self::ForBoth,
        }
    }
}

/// Carries out a command.
///
/// # Errors
/// What the service refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let session = context.session()?;
    let mut disputes = session.disputes()?;
    let command_id = context.command_id();
    match command {
        Command::Raise(arguments) => raise(context, &session, arguments).await,
        Command::State { id: dispute_id, statement } => {
            let request = StateDisputeRequest { command_id, dispute_id, statement };
            let done = answer(disputes.state_dispute(request).await)?;
            context.output.record(&done, &[("stated at", done.sequence.to_string())])
        }
        Command::Settle(arguments) => settle(context, &session, arguments).await,
        Command::Refer { id: dispute_id, reason } => {
            let request = ReferDisputeRequest { command_id, dispute_id, reason };
            let done = answer(disputes.refer_dispute(request).await)?;
            context.output.record(&done, &[("referred at", done.sequence.to_string())])
        }
        Command::AskOpinion { id: dispute_id, question } => {
            let request = AskOpinionRequest { command_id, dispute_id, question };
            let done = answer(disputes.ask_opinion(request).await)?;
            context.output.record(&done, &[("asked at", done.sequence.to_string())])
        }
        Command::GiveOpinion(arguments) => give_opinion(context, &session, arguments).await,
        Command::Decide { id: dispute_id, outcome, decision, reason } => {
            let outcome = DisputeOutcome::from(outcome).into();
            let request =
                DecideDisputeRequest { command_id, dispute_id, decision, reason, outcome };
            let done = answer(disputes.decide_dispute(request).await)?;
            context.output.record(&done, &[("decided at", done.sequence.to_string())])
        }
        Command::Withdraw { id: dispute_id, reason } => {
            let request = WithdrawDisputeRequest { command_id, dispute_id, reason };
            let done = answer(disputes.withdraw_dispute(request).await)?;
            context.output.record(&done, &[("withdrawn at", done.sequence.to_string())])
        }
        Command::List(arguments) => list(context, &session, arguments).await,
        Command::Show { id: dispute_id } => {
            let found = answer(disputes.get_dispute(GetDisputeRequest { dispute_id }).await)?;
            let dispute = found.dispute.clone().unwrap_or_default();
            context.output.record(&found, &show::lines(&dispute))
        }
    }
}

async fn raise(context: &Context, session: &Session, arguments: Raise) -> anyhow::Result<()> {
    let matter_kind = match arguments.about {
        About::Grant => DisputeMatterKind::Grant,
        About::Application => DisputeMatterKind::Application,
        About::Transfer => DisputeMatterKind::Transfer,
        About::Ticket => DisputeMatterKind::Ticket,
    };
    let request = RaiseDisputeRequest {
        command_id: context.command_id(),
        matter_kind: matter_kind.into(),
        matter_id: arguments.matter,
        statement: arguments.statement,
    };
    let done = answer(session.disputes()?.raise_dispute(request).await)?;
    let lines = [("id", done.dispute_id.clone()), ("authority of", done.region_code.clone())];
    context.output.record(&done, &lines)
}

async fn settle(context: &Context, session: &Session, arguments: Settle) -> anyhow::Result<()> {
    let (command_id, dispute_id) = (context.command_id(), arguments.id);
    match (arguments.terms, arguments.confirm) {
        (Some(terms), _) => {
            let request = ProposeSettlementRequest { command_id, dispute_id, terms };
            let done = answer(session.disputes()?.propose_settlement(request).await)?;
            context.output.record(&done, &[("proposal", done.proposal_number.to_string())])
        }
        (None, Some(proposal_number)) => {
            let request = ConfirmSettlementRequest { command_id, dispute_id, proposal_number };
            let done = answer(session.disputes()?.confirm_settlement(request).await)?;
            context.output.record(&done, &[("settled at", done.sequence.to_string())])
        }
        (None, None) => bail!("neither --terms nor --confirm is given; give one of them"),
    }
}

async fn give_opinion(
    context: &Context,
    session: &Session,
    arguments: GiveOpinion,
) -> anyhow::Result<()> {
    let document_sha256 = match &arguments.document {
        Some(path) => {
            let document =
                std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            Digest::of(document).as_bytes().to_vec()
        }
        None => Vec::new(),
    };
    let request = GiveOpinionRequest {
        command_id: context.command_id(),
        dispute_id: arguments.id,
        opinion: arguments.opinion,
        document_number: arguments.document_number,
        document_sha256,
    };
    let done = answer(session.disputes()?.give_opinion(request).await)?;
    context.output.record(&done, &[("given at", done.sequence.to_string())])
}

async fn list(context: &Context, session: &Session, arguments: List) -> anyhow::Result<()> {
    let status = arguments.status.map_or(DisputeStatus::Unspecified, |status| match status {
        Status::Negotiating => DisputeStatus::Negotiating,
        Status::Referred => DisputeStatus::Referred,
        Status::OpinionAsked => DisputeStatus::OpinionAsked,
        Status::OpinionGiven => DisputeStatus::OpinionGiven,
        Status::Settled => DisputeStatus::Settled,
        Status::Decided => DisputeStatus::Decided,
        Status::Withdrawn => DisputeStatus::Withdrawn,
    });
    let request = ListDisputesRequest {
        status: status.into(),
        resource_id: arguments.resource,
        role: super::ticket::Role::filter(arguments.part.role).into(),
        page_size: arguments.part.page_size,
        page_token: arguments.part.page_token,
    };
    let page = answer(session.disputes()?.list_disputes(request).await)?;
    context.output.table(&page, &show::HEADER, page.disputes.iter().map(show::row).collect())
}
