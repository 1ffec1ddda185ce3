//! CEL: the field's language of conditions, which cannot loop, call out, or change anything.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use cel::objects::{Key, Map};
use cel::{Context, Value};

/// An expression, ready to be asked.
pub(crate) struct Program {
    text: String,
    program: cel::Program,
}

/// Why an expression gives no answer.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// It is none.
    #[error("{0}")]
    Syntax(String),
    /// It cannot be evaluated.
    #[error("`{text}` cannot be evaluated: {source}")]
    Execution {
        /// The expression.
        text: String,
        /// Why.
        source: Box<cel::ExecutionError>,
    },
    /// It is of another type.
    #[error("`{text}` is no {wanted}")]
    Type {
        /// The expression.
        text: String,
        /// What it should be.
        wanted: &'static str,
    },
}

#[expect(clippy::wildcard_enum_match_arm, reason = "CEL has values of types that no rule can mean")]
impl Program {
    pub(crate) fn compile(text: &str) -> Result<Self, ProgramError> {
        let program = cel::Program::compile(text)
            .map_err(|errors| ProgramError::Syntax(format!("`{text}`: {errors}")))?;
        Ok(Self { text: text.to_owned(), program })
    }

    pub(crate) fn holds(&self, facts: &Context<'_, '_>) -> Result<bool, ProgramError> {
        match self.execute(facts)? {
            Value::Bool(holds) => Ok(holds),
            _ => Err(self.not("condition")),
        }
    }

    pub(crate) fn text(&self, facts: &Context<'_, '_>) -> Result<String, ProgramError> {
        match self.execute(facts)? {
            Value::String(text) => Ok(text.as_ref().clone()),
            _ => Err(self.not("text")),
        }
    }

    pub(crate) fn number(&self, facts: &Context<'_, '_>) -> Result<i64, ProgramError> {
        match self.execute(facts)? {
            Value::Int(number) => Ok(number),
            Value::UInt(number) => Ok(i64::try_from(number).unwrap_or(i64::MAX)),
            _ => Err(self.not("whole number")),
        }
    }

    /// A text, or a list of texts.
    pub(crate) fn texts(&self, facts: &Context<'_, '_>) -> Result<Vec<String>, ProgramError> {
        let text = |value: &Value| match value {
            Value::String(text) => Ok(text.as_ref().clone()),
            _ => Err(self.not("list of texts")),
        };
        match self.execute(facts)? {
            Value::List(values) => values.iter().map(text).collect(),
            value => Ok(vec![text(&value)?]),
        }
    }

    fn execute(&self, facts: &Context<'_, '_>) -> Result<Value, ProgramError> {
        self.program.execute(facts).map_err(|source| ProgramError::Execution {
            text: self.text.clone(),
            source: Box::new(source),
        })
    }

    fn not(&self, wanted: &'static str) -> ProgramError {
        ProgramError::Type { text: self.text.clone(), wanted }
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Program({})", self.text)
    }
}

/// JSON as CEL knows it. Whole numbers are `int`, so that they compare with what stands in an expression.
pub(crate) fn value(json: &serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(yes) => Value::Bool(*yes),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::Int(whole),
            None => number.as_u64().map_or_else(
                || Value::Float(number.as_f64().unwrap_or(f64::NAN)),
                |_| Value::Int(i64::MAX),
            ),
        },
        serde_json::Value::String(text) => Value::from(text.as_str()),
        serde_json::Value::Array(items) => Value::List(Arc::new(items.iter().map(value).collect())),
        serde_json::Value::Object(fields) => {
            let map: HashMap<Key, Value> =
                fields.iter().map(|(name, item)| (Key::from(name.clone()), value(item))).collect();
            Value::Map(Map { map: Arc::new(map) })
        }
    }
}
