//! The names that mean the same.

use std::path::PathBuf;

use clap::{Subcommand, ValueEnum};
use publicdata_proto::catalog::v1::{
    DeclareSynonymsRequest, GetVocabularyRequest, SynonymGroup, VocabularyKind,
    WithdrawSynonymRequest,
};
use serde::{Deserialize, Serialize};

use crate::commands::answer;
use crate::context::Context;
use crate::output::read_json_file;
use crate::session::{Session, new_command_id};

/// The list that a city may begin with.
const STARTER: &str = include_str!("../../../../../deploy/data/vocabulary.json");

/// What can be done with vocabularies.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Declare that names mean the same, the preferred one first; the city's authority does this.
    Declare {
        /// Of what they are names.
        #[arg(value_enum)]
        kind: Kind,
        /// The names; at least two.
        #[arg(required = true, num_args = 2..)]
        terms: Vec<String>,
    },
    /// Take a name out of its group: it means something else.
    Withdraw {
        /// Of what it is a name.
        #[arg(value_enum)]
        kind: Kind,
        /// The name.
        term: String,
        /// Why.
        #[arg(long)]
        reason: String,
    },
    /// Show which names mean the same.
    Show {
        /// Of what they are names.
        #[arg(value_enum)]
        kind: Kind,
    },
    /// Declare all groups of a file; what is known already stays as it is.
    Load {
        /// JSON: `{"entity": [["自然人", "公民"]], "item": [["公民身份号码", "身份证号"]]}`. Without it, the platform's own list
        /// to begin with.
        file: Option<PathBuf>,
    },
}

/// Which vocabulary, as it is typed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Kind {
    /// Entities (数据对象): 自然人, 公民.
    Entity,
    /// Items (信息项), by title or identifier: 身份证号, 公民身份号码, sfzh.
    Item,
}

/// A file of groups of names.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Groups {
    #[serde(default)]
    entity: Vec<Vec<String>>,
    #[serde(default)]
    item: Vec<Vec<String>>,
}

/// How much was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Loaded {
    /// Groups of names of entities.
    pub entity_groups: usize,
    /// Groups of names of items.
    pub item_groups: usize,
}

pub(super) async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    let session = context.session()?;
    let mut vocabularies = session.vocabularies()?;
    let command_id = context.command_id();
    match command {
        Command::Declare { kind, terms } => {
            let kind = kind.to_wire().into();
            let request = DeclareSynonymsRequest { command_id, kind, terms };
            let done = answer(vocabularies.declare_synonyms(request).await)?;
            context.output.record(&done, &[("declared at", done.sequence.to_string())])
        }
        Command::Withdraw { kind, term, reason } => {
            let kind = kind.to_wire().into();
            let request = WithdrawSynonymRequest { command_id, kind, term, reason };
            let done = answer(vocabularies.withdraw_synonym(request).await)?;
            context.output.record(&done, &[("withdrawn at", done.sequence.to_string())])
        }
        Command::Show { kind } => {
            let request = GetVocabularyRequest { kind: kind.to_wire().into() };
            let found = answer(vocabularies.get_vocabulary(request).await)?;
            let rows = found.groups.iter().map(row).collect();
            context.output.table(&found, &["preferred", "means the same"], rows)
        }
        Command::Load { file } => {
            let groups = match file {
                Some(file) => read_json_file(&file)?,
                None => serde_json::from_str(STARTER)?,
            };
            let loaded = declare_all(&session, groups).await?;
            let Loaded { entity_groups, item_groups } = loaded;
            let text = format!("{entity_groups} groups of entities, {item_groups} of items");
            context.output.value(&loaded, text)
        }
    }
}

/// Declares the list that a city may begin with.
///
/// # Errors
/// The service refused.
pub async fn load_starter(session: &Session) -> anyhow::Result<Loaded> {
    declare_all(session, serde_json::from_str(STARTER)?).await
}

async fn declare_all(session: &Session, groups: Groups) -> anyhow::Result<Loaded> {
    let mut vocabularies = session.vocabularies()?;
    let loaded = Loaded { entity_groups: groups.entity.len(), item_groups: groups.item.len() };
    let entities = groups.entity.into_iter().map(|terms| (Kind::Entity, terms));
    for (kind, terms) in entities.chain(groups.item.into_iter().map(|terms| (Kind::Item, terms))) {
        // Whoever repeats a load repeats what it means: groups that are known say nothing new.
        let command_id = new_command_id();
        let kind = kind.to_wire().into();
        let request = DeclareSynonymsRequest { command_id, kind, terms };
        answer(vocabularies.declare_synonyms(request).await)?;
    }
    Ok(loaded)
}

fn row(group: &SynonymGroup) -> Vec<String> {
    match group.terms.split_first() {
        Some((preferred, others)) => vec![preferred.clone(), others.join("、")],
        None => vec![],
    }
}

impl Kind {
    const fn to_wire(self) -> VocabularyKind {
        match self {
            Self::Entity => VocabularyKind::Entity,
            Self::Item => VocabularyKind::Item,
        }
    }
}
