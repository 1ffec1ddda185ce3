//! `publicdata query`: questions to providers' data services, through the caller's own node (R23.1).

use std::collections::BTreeMap;

use clap::{Args, Subcommand};
use publicdata_proto::exchange::v1::DataService;
use publicdata_proto::node::v1::value::Kind;
use publicdata_proto::node::v1::{ListServicesRequest, QueryRequest, QueryResponse, Row, Value};

use super::{answer, short};
use crate::context::Context;

/// What can be asked.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Say what can be asked under a grant, and with which parameters.
    Services {
        /// The grant's id.
        #[arg(long)]
        grant: String,
        /// The node to ask through; needed if your organisation has several here.
        #[arg(long)]
        node: Option<String>,
    },
    /// Ask a data service, and print its rows. What has more than 4 MiB is fetched: `publicdata fetch` takes the same parameters.
    Ask(Question),
}

/// A question, and what it is for.
#[derive(Clone, Debug, Args)]
pub struct Question {
    /// The grant's id.
    #[arg(long)]
    pub grant: String,
    /// The data service; may be left out if there is just one.
    #[arg(long, default_value = "")]
    pub service: String,
    /// A parameter, as `name=value`; may be given several times. The provider's node alone can read it.
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = pair, required = true)]
    pub parameters: Vec<(String, String)>,
    /// The fields wanted, with commas between; all that the grant gives without it.
    #[arg(long, value_delimiter = ',')]
    pub fields: Vec<String>,
    /// The purpose of this use; must be the grant's.
    #[arg(long)]
    pub purpose: String,
    /// The case that it is for.
    #[arg(long, default_value = "")]
    pub case: String,
    /// The node to ask through; needed if your organisation has several here.
    #[arg(long)]
    pub node: Option<String>,
}

/// Carries out a command.
///
/// # Errors
/// What was refused, and why.
pub async fn run(context: &Context, command: Command) -> anyhow::Result<()> {
    match command {
        Command::Services { grant, node } => {
            let mut client = context.session()?.node(node.as_deref())?;
            let services =
                answer(client.list_services(ListServicesRequest { grant_id: grant }).await)?;
            let rows = services.services.iter().map(service).collect();
            let header = ["service", "parameters", "proofs", "at most", "what it answers"];
            context.output.table(&services, &header, rows)
        }
        Command::Ask(question) => {
            let mut client = context.session()?.node(question.node.as_deref())?;
            let answered = answer(client.query(question.request()).await)?;
            print(context, &answered)
        }
    }
}

fn print(context: &Context, answered: &QueryResponse) -> anyhow::Result<()> {
    let mut header: Vec<&str> =
        answered.columns.iter().map(|column| column.name.as_str()).collect();
    header.extend(["disputed", "reference"]);
    context.output.table(answered, &header, answered.rows.iter().map(row).collect())
}

/// The values, and then what else is known of the row.
fn row(row: &Row) -> Vec<String> {
    let mut cells: Vec<String> = row.values.iter().map(cell).collect();
    // What R27.2 asks to be said with the record.
    let disputed = match row.disputed {
        true => "yes: a verification ticket is open, and the applicant's valid evidence stands",
        false => "",
    };
    cells.extend([disputed.to_owned(), row.reference.clone()]);
    cells
}

fn cell(value: &Value) -> String {
    match &value.kind {
        None => String::new(),
        Some(Kind::Text(text)) => text.clone(),
        Some(Kind::Integer(number)) => number.to_string(),
        Some(Kind::Number(number)) => number.to_string(),
        Some(Kind::Logical(value)) => value.to_string(),
        Some(Kind::Binary(bytes)) => format!("{} bytes", bytes.len()),
    }
}

fn service(service: &DataService) -> Vec<String> {
    let parameter = |parameter: &publicdata_proto::exchange::v1::ServiceParameter| {
        let optional = if parameter.optional { "?" } else { "" };
        let kind = short(parameter.r#type().as_str_name(), "ITEM_TYPE_");
        format!("{}{optional} ({kind})", parameter.name)
    };
    let parameters: Vec<String> = service.parameters.iter().map(parameter).collect();
    vec![
        service.name.clone(),
        parameters.join(", "),
        match service.subject_parameter.as_str() {
            "" => String::new(),
            subject => format!("about {subject}"),
        },
        service.max_rows.to_string(),
        service.description.clone(),
    ]
}

impl Question {
    /// The same as a node is asked.
    #[must_use]
    pub fn request(self) -> QueryRequest {
        QueryRequest {
            grant_id: self.grant,
            service: self.service,
            parameters: map(self.parameters),
            fields: self.fields,
            purpose: self.purpose,
            case_number: self.case,
        }
    }
}

/// Names with their values.
pub(crate) fn map(pairs: Vec<(String, String)>) -> BTreeMap<String, String> {
    pairs.into_iter().collect()
}

/// `name=value`.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), value.to_owned()))
        }
        Some(_) | None => Err("write it as name=value".to_owned()),
    }
}
