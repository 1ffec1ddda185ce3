//! Further nodes of the city, which are connected and have nothing to do.

use std::path::Path;

use anyhow::{Context as _, bail};
use futures::SinkExt as _;
use futures::channel::mpsc;
use publicdata::commands::answer;
use publicdata::commands::organisation::issue_into;
use publicdata::sample::CONSUMER;
use publicdata::session::{Session, new_command_id};
use publicdata_identity::Credentials;
use publicdata_proto::catalog::v1::issue_certificate_request::Subject;
use publicdata_proto::exchange::v1::open_link_request::Kind as Say;
use publicdata_proto::exchange::v1::open_link_response::Kind as Heard;
use publicdata_proto::exchange::v1::{NodeHello, OpenLinkRequest, Pong};
use tokio::task::JoinSet;

/// A node that keeps its link up until it is dropped.
pub(super) struct Idle {
    _task: JoinSet<anyhow::Result<()>>,
}

impl Idle {
    /// Connects the node of this name; the catalogue certifies it, if it has not been here before.
    pub(super) async fn connect(
        authority: &Session,
        name: &str,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        if !folder.exists() {
            let subject = Subject::NodeName(name.to_owned());
            issue_into(authority, new_command_id(), CONSUMER.code, subject, folder).await?;
        }
        let node = Session {
            credentials: Credentials::load(folder)?,
            endpoints: authority.endpoints.clone(),
        };
        let (mut words, said) = mpsc::channel(1);
        words.send(say(Say::Hello(NodeHello::default()))).await?;
        let mut heard = answer(node.links()?.open_link(said).await)?;
        let first = heard.message().await?.context("the bus ended the link")?;
        let Some(Heard::Welcome(_)) = first.kind else { bail!("{name} is not welcome") };

        let mut task = JoinSet::new();
        task.spawn(async move {
            while let Some(word) = heard.message().await? {
                if let Some(Heard::Ping(ping)) = word.kind {
                    words.send(say(Say::Pong(Pong { nonce: ping.nonce }))).await?;
                }
            }
            Ok(())
        });
        Ok(Self { _task: task })
    }
}

fn say(kind: Say) -> OpenLinkRequest {
    OpenLinkRequest { kind: Some(kind) }
}
