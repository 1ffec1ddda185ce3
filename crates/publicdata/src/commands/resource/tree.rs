//! The classification tree: `classes`, `name-class`.

use clap::Args;
use publicdata_proto::catalog::v1::{
    ClassificationNode, ListClassificationsRequest, NameClassificationRequest,
};

use super::answer;
use crate::context::Context;

/// Arguments of `classes`.
#[derive(Debug, Args)]
pub struct Classes {
    /// The node to list from, such as 1 for the base resources; the whole tree without it.
    #[arg(default_value = "")]
    pub under: String,
}

/// Arguments of `name-class`.
#[derive(Debug, Args)]
pub struct Name {
    /// The node's code: 3 digits for a 项, 6 for a 目, more for a 细目.
    pub code: String,
    /// What it is called.
    pub name: String,
}

pub(super) async fn list(context: &Context, arguments: Classes) -> anyhow::Result<()> {
    let request = ListClassificationsRequest { under: arguments.under };
    let mut classifications = context.session()?.classifications()?;
    let found = answer(classifications.list_classifications(request).await)?;
    let row = |node: &ClassificationNode| {
        let by = if node.built_in { "regulation" } else { "authority" };
        let by = if node.name.is_empty() { "" } else { by };
        let (code, name) = (node.code.clone(), node.name.clone());
        vec![code, name, by.to_owned(), node.published_entries.to_string()]
    };
    let rows = found.nodes.iter().map(row).collect();
    context.output.table(&found, &["code", "name", "named by", "entries"], rows)
}

pub(super) async fn name(context: &Context, arguments: Name) -> anyhow::Result<()> {
    let Name { code, name } = arguments;
    let request = NameClassificationRequest { command_id: context.command_id(), code, name };
    let mut classifications = context.session()?.classifications()?;
    let done = answer(classifications.name_classification(request).await)?;
    context.output.record(&done, &[("named at", done.sequence.to_string())])
}
