//! The platform's main job, told from end to end: a governed exchange between two departments, audited.
//!
//! The demonstration tells it to a person, and a test tells it to nobody: every claim in it is checked as it is made, and a
//! claim that does not hold ends the story with an error.

mod audited;
mod collection;
mod doubt;
mod exchange;
mod obligations;
mod opening;
mod outside;
mod preparation;
mod push;

use std::path::PathBuf;

use anyhow::bail;
use publicdata_service_kit::Problem;

use crate::fleet::Fleet;
use crate::narrator::Narrator;
use crate::sample::{AUTHORITY, CONSUMER, PROVIDER};
use crate::session::Session;

/// What the story's people work with.
struct Cast<'a> {
    fleet: &'a mut Fleet,
    narrator: &'a mut Narrator,
    /// Where files are written that a person may want to look at afterwards.
    results: PathBuf,
}

/// Tells the story to the end.
///
/// # Errors
/// A step failed, or something in it was not as it must be.
pub async fn tell(fleet: &mut Fleet, narrator: &mut Narrator) -> anyhow::Result<()> {
    let results = fleet.data().join("results");
    std::fs::create_dir_all(&results)?;
    let mut cast = Cast { fleet, narrator, results };

    cast.narrator.chapter("Who takes part 参与机构")?;
    preparation::organisations(&mut cast).await?;
    cast.narrator.chapter("The catalogue 目录")?;
    let entries = preparation::catalogue(&mut cast).await?;
    cast.narrator.chapter("No double collection 不得重复采集")?;
    collection::refuse_double(&mut cast, &entries).await?;
    cast.narrator.chapter("A law changes 法规修订")?;
    obligations::follow_a_law(&mut cast, &entries).await?;
    cast.narrator.chapter("The exchange 共享交换")?;
    preparation::nodes(&mut cast, &entries).await?;
    let grant = exchange::grant(&mut cast, &entries).await?;
    exchange::fetch(&mut cast, &grant).await?;
    exchange::prove(&mut cast, &grant).await?;
    doubt::correct(&mut cast, &grant).await?;
    push::follow(&mut cast, &grant).await?;
    exchange::refusals(&mut cast, &grant).await?;
    push::ended(&mut cast, &grant).await?;
    cast.narrator.chapter("Opening to the public 开放")?;
    opening::open(&mut cast, &entries).await?;
    cast.narrator.chapter("The audit 审计")?;
    audited::audit(&mut cast, &grant).await
}

impl Cast<'_> {
    /// Somebody of the sample city, by the name of the credentials.
    fn session(&self, name: &str) -> anyhow::Result<Session> {
        Session::open(self.fleet.data(), name)
    }

    fn authority(&self) -> anyhow::Result<Session> {
        self.session(AUTHORITY.accounts[0].1)
    }

    fn provider(&self) -> anyhow::Result<Session> {
        self.session(PROVIDER.accounts[1].1)
    }

    fn consumer(&self) -> anyhow::Result<Session> {
        self.session(CONSUMER.accounts[1].1)
    }
}

/// Checks that a call was refused for this reason, and says the words that the caller read.
fn refused<T>(result: anyhow::Result<T>, reason: &str) -> anyhow::Result<String> {
    let Err(error) = result else {
        bail!("this had to be refused with {reason}, and was not");
    };
    match error.chain().find_map(|cause| cause.downcast_ref::<Problem>()) {
        Some(problem) if problem.reason == reason => Ok(format!("refused: {problem} ({reason})")),
        _ => Err(error.context(format!("this had to be refused with {reason}"))),
    }
}
