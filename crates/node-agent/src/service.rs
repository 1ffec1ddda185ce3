//! Data services: questions that a node answers about its resources, with parameters (数据服务封装, R23.1).

mod template;

use std::collections::BTreeMap;

use jiff::SignedDuration;
use publicdata_exchange_domain::filter::{Columns, Comparison, Filter, FilterError, Literal};
use publicdata_exchange_domain::terms::Field;
use publicdata_proto::exchange::v1 as wire;
use publicdata_transfer::item;
use publicdata_types::ResourceId;

use crate::config::{Operator, ParameterConfig, ParameterKind, ServiceConfig};
use crate::dataset::Dataset;
use crate::source::Scan;
use template::Template;

pub use template::TemplateError;

/// A question that the node answers.
#[derive(Clone, Debug)]
pub struct DataService {
    /// The resource that it is about.
    pub resource: ResourceId,
    /// Its name, unique within the resource.
    pub name: String,
    /// The most rows in one answer.
    pub rows_max: u64,
    /// For how long a proof holds.
    pub proof_validity: SignedDuration,
    description: String,
    parameters: Vec<Parameter>,
    fields: Vec<String>,
    subject: Option<String>,
    source: Source,
}

#[derive(Clone, Debug)]
struct Parameter {
    name: String,
    kind: ParameterKind,
    item: String,
    operator: Comparison,
    optional: bool,
    description: String,
}

#[derive(Clone, Debug)]
enum Source {
    /// The parameters are conditions on the dataset's rows.
    Dataset(Dataset),
    /// A query of the dataset's database.
    Query { dataset: Dataset, template: Template, order_by: Vec<String>, key: Vec<String> },
}

/// Why a data service cannot be set up.
#[derive(Debug, thiserror::Error)]
pub enum ServiceError {
    /// The query cannot be used.
    #[error("`query` of data service {name} cannot be used")]
    Template {
        /// The service.
        name: String,
        /// Why.
        #[source]
        source: TemplateError,
    },
    /// The dataset is no database.
    #[error(
        "data service {name} has a `query`, but its dataset is a file; leave `query` out, and its parameters are conditions on the rows"
    )]
    NoDatabase {
        /// The service.
        name: String,
    },
}

/// Why a question is not answered. No message contains a parameter's value (H5).
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuestionError {
    /// A parameter is missing.
    #[error("parameter `{name}` is missing")]
    Missing {
        /// The parameter.
        name: String,
    },
    /// A parameter is not known, or given twice.
    #[error("parameter `{name}` is given twice, or the service has none of this name")]
    Unknown {
        /// The parameter.
        name: String,
    },
    /// A value is not of its parameter's type.
    #[error("the value of parameter `{name}` is not {expected}")]
    Value {
        /// The parameter.
        name: String,
        /// What it has to be.
        expected: &'static str,
    },
    /// The service does not answer with a field.
    #[error("the service does not answer with field `{field}`")]
    Field {
        /// The field.
        field: String,
    },
    /// A condition cannot be applied.
    #[error(transparent)]
    Filter(#[from] FilterError),
}

/// What has to be read to answer, and from where.
pub struct Reading {
    /// The source.
    pub dataset: Dataset,
    /// The columns and rows.
    pub scan: Scan,
    /// Columns at the source that together identify a row; empty if nothing does.
    pub key: Vec<String>,
}

impl DataService {
    /// Sets up a service of a configuration that was validated.
    pub fn new(config: &ServiceConfig, dataset: &Dataset) -> Result<Self, ServiceError> {
        let parameters: Vec<Parameter> = config.parameters.iter().map(Parameter::new).collect();
        let source = match &config.query {
            None => Source::Dataset(dataset.clone()),
            Some(query) => {
                let name = || config.name.clone();
                let dialect =
                    dataset.dialect().ok_or_else(|| ServiceError::NoDatabase { name: name() })?;
                let names: Vec<&str> =
                    parameters.iter().map(|parameter| parameter.name.as_str()).collect();
                let template = Template::parse(query, &names, dialect)
                    .map_err(|source| ServiceError::Template { name: name(), source })?;
                let (order_by, key) = (config.order_by.clone(), config.key.clone());
                Source::Query { dataset: dataset.clone(), template, order_by, key }
            }
        };
        Ok(Self {
            resource: dataset.resource,
            name: config.name.clone(),
            rows_max: config.max_rows,
            proof_validity: SignedDuration::from_hours(24 * i64::from(config.proof_days)),
            description: config.description.clone(),
            parameters,
            fields: config.fields.clone(),
            subject: config.subject.clone(),
            source,
        })
    }

    /// The parameter that names whom or what is asked about, if there is one.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The parameters as they were given, each once, none missing, none unknown.
    pub fn values(
        &self,
        given: &[wire::NamedValue],
    ) -> Result<BTreeMap<String, Literal>, QuestionError> {
        let mut values = BTreeMap::new();
        for value in given {
            let unknown = || QuestionError::Unknown { name: value.name.clone() };
            let parameter = self
                .parameters
                .iter()
                .find(|parameter| parameter.name == value.name)
                .ok_or_else(unknown)?;
            let read =
                Literal::read(&value.value, parameter.kind.item_type()).ok_or_else(|| {
                    QuestionError::Value {
                        name: value.name.clone(),
                        expected: expected(parameter.kind),
                    }
                })?;
            if values.insert(value.name.clone(), read).is_some() {
                return Err(unknown());
            }
        }
        let missing =
            |parameter: &&Parameter| !parameter.optional && !values.contains_key(&parameter.name);
        match self.parameters.iter().find(missing) {
            Some(parameter) => Err(QuestionError::Missing { name: parameter.name.clone() }),
            None => Ok(values),
        }
    }

    /// What has to be read to answer with these fields, of the rows that a grant gives.
    pub fn reading(
        &self,
        values: &BTreeMap<String, Literal>,
        fields: &[Field],
        known: &Columns,
        row_filter: Option<&str>,
    ) -> Result<Reading, QuestionError> {
        let answered =
            |field: &&Field| !self.fields.is_empty() && !self.fields.contains(&field.name);
        if let Some(field) = fields.iter().find(answered) {
            return Err(QuestionError::Field { field: field.name.clone() });
        }
        match &self.source {
            Source::Dataset(dataset) => {
                let mut scan = dataset.scan(fields, known, row_filter)?;
                for parameter in &self.parameters {
                    if let Some(value) = values.get(&parameter.name) {
                        parameter.narrow(dataset, &mut scan, value.clone());
                    }
                }
                Ok(Reading { dataset: dataset.clone(), scan, key: dataset.key().to_vec() })
            }
            Source::Query { dataset, template, order_by, key } => {
                let bound = dataset.with_query(template.bind(values), order_by.clone());
                let scan = bound.scan(fields, known, row_filter)?;
                Ok(Reading { dataset: bound, scan, key: key.clone() })
            }
        }
    }

    /// What consumers are told of it.
    #[must_use]
    pub fn describe(&self) -> wire::DataService {
        let parameters = self.parameters.iter().map(|parameter| wire::ServiceParameter {
            name: parameter.name.clone(),
            r#type: item::kind_to_wire(parameter.kind.item_type()).into(),
            optional: parameter.optional,
            description: parameter.description.clone(),
        });
        wire::DataService {
            name: self.name.clone(),
            resource_id: self.resource.to_string(),
            description: self.description.clone(),
            parameters: parameters.collect(),
            fields: self.fields.clone(),
            max_rows: self.rows_max,
            subject_parameter: self.subject.clone().unwrap_or_default(),
        }
    }
}

// === impl Parameter ===

impl Parameter {
    fn new(config: &ParameterConfig) -> Self {
        let operator = match config.operator {
            None | Some(Operator::Equal) => Comparison::Equal,
            Some(Operator::NotEqual) => Comparison::NotEqual,
            Some(Operator::Less) => Comparison::Less,
            Some(Operator::LessOrEqual) => Comparison::LessOrEqual,
            Some(Operator::Greater) => Comparison::Greater,
            Some(Operator::GreaterOrEqual) => Comparison::GreaterOrEqual,
        };
        Self {
            name: config.name.clone(),
            kind: config.kind,
            item: config.item.clone().unwrap_or_else(|| config.name.clone()),
            operator,
            optional: config.optional,
            description: config.description.clone(),
        }
    }

    /// Leaves of a scan the rows that this value means. The item is read once more, as the parameter's type: the grant may know it as another.
    fn narrow(&self, dataset: &Dataset, scan: &mut Scan, value: Literal) {
        let column = format!("_parameter.{}", self.name);
        let reading = dataset.reading_as(&column, &self.item, self.kind.item_type());
        scan.narrow(Filter::compare(column, self.operator, value), reading);
    }
}

fn expected(kind: ParameterKind) -> &'static str {
    match kind {
        ParameterKind::Text => "a text without control characters",
        ParameterKind::Integer => "a whole number of at most 64 bits",
        ParameterKind::Number => "a number such as 12.5",
        ParameterKind::Date => "a date such as 2026-01-04",
        ParameterKind::Timestamp => "a time such as 2026-01-04T09:00:00",
        ParameterKind::Logical => "true or false",
    }
}

#[cfg(test)]
mod tests;
