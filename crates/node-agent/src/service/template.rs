//! A provider's query with parameters, and what it becomes with their values.
//!
//! `COPY` takes no bound values, so values enter as literals. The query is cut into tokens once, by the parser of SQL that the filters use;
//! what the provider wrote comes back as it was, and in the place of a parameter stands a literal of its type, never a text of the caller's.

use std::collections::{BTreeMap, BTreeSet};

use publicdata_exchange_domain::filter::Literal;
use sqlparser::dialect::{AnsiDialect, Dialect as Parser, PostgreSqlDialect, SQLiteDialect};
use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use crate::source::sql::{Dialect, literal};

/// A query, cut where its parameters stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Template {
    pieces: Vec<Piece>,
    dialect: Dialect,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Parameter(String),
}

/// Why a query cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// It is no SQL.
    #[error("it cannot be read: {message}")]
    Syntax {
        /// Why.
        message: String,
    },
    /// A parameter is declared and does not occur.
    #[error("parameter `:{name}` does not occur in it")]
    Unused {
        /// The parameter.
        name: String,
    },
    /// A parameter occurs and is not declared.
    #[error("`:{name}` is not declared as a parameter")]
    Undeclared {
        /// The parameter.
        name: String,
    },
    /// It is more than one statement.
    #[error("it has more than one statement")]
    Statements,
}

impl Template {
    /// Cuts a query at its parameters.
    pub(super) fn parse(
        query: &str,
        names: &[&str],
        dialect: Dialect,
    ) -> Result<Self, TemplateError> {
        let parser: &dyn Parser = match dialect {
            Dialect::Sqlite => &SQLiteDialect {},
            Dialect::Postgres => &PostgreSqlDialect {},
            // The session takes double quotes for names and the backslash for itself, as the standard does.
            Dialect::Mysql => &AnsiDialect {},
        };
        let tokens = Tokenizer::new(parser, query)
            .tokenize_with_location()
            .map_err(|error| TemplateError::Syntax { message: error.to_string() })?;

        let (mut pieces, mut used, mut done) = (Vec::new(), BTreeSet::new(), 0);
        let mut end = query.len();
        let mut tokens = tokens.into_iter().peekable();
        while let Some(TokenWithSpan { token, span }) = tokens.next() {
            let next = tokens.peek();
            if token == Token::SemiColon {
                end = offset(query, span.start);
                match tokens.all(|next| matches!(next.token, Token::Whitespace(_))) {
                    true => break,
                    false => return Err(TemplateError::Statements),
                }
            }
            let (name, after) = match (&token, next) {
                (Token::Colon, Some(TokenWithSpan { token: Token::Word(word), span })) => {
                    (word.value.clone(), span.end)
                }
                (Token::Placeholder(name), _) if name.starts_with(':') => {
                    (name[1..].to_owned(), span.end)
                }
                _ => continue,
            };
            if !names.contains(&name.as_str()) {
                return Err(TemplateError::Undeclared { name });
            }
            pieces.push(Piece::Text(query[done..offset(query, span.start)].to_owned()));
            done = offset(query, after);
            used.insert(name.clone());
            pieces.push(Piece::Parameter(name));
        }
        pieces.push(Piece::Text(query[done..end].to_owned()));
        match names.iter().find(|&&name| !used.contains(name)) {
            Some(&name) => Err(TemplateError::Unused { name: name.to_owned() }),
            None => Ok(Self { pieces, dialect }),
        }
    }

    /// The query with these values; a parameter without one is null.
    pub(super) fn bind(&self, values: &BTreeMap<String, Literal>) -> String {
        let piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.clone(),
            Piece::Parameter(name) => match values.get(name) {
                Some(value) => format!("({})", literal(value, self.dialect)),
                None => "(NULL)".to_owned(),
            },
        };
        self.pieces.iter().map(piece).collect()
    }
}

/// The place in the text, in bytes, of what the tokenizer counts in lines and characters, both from 1.
fn offset(query: &str, at: Location) -> usize {
    let index = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
    let line_start: usize = query.split_inclusive('\n').take(index(at.line)).map(str::len).sum();
    let line = &query[line_start..];
    line.char_indices().nth(index(at.column)).map_or(query.len(), |(bytes, _)| line_start + bytes)
}

#[cfg(test)]
mod tests;
