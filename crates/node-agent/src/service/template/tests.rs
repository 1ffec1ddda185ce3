use proptest::prelude::*;
use publicdata_types::ItemType;

use super::*;

fn template(query: &str) -> Result<Template, TemplateError> {
    Template::parse(query, &["code"], Dialect::Postgres)
}

fn bound(query: &str, value: &str) -> String {
    let value = Literal::read(value, ItemType::Text).unwrap();
    template(query).unwrap().bind(&[("code".to_owned(), value)].into())
}

/// R23.1: what the provider wrote stays as it was, also where it looks like a parameter.
#[test]
fn parameters_alone_are_replaced() {
    check(
        "SELECT a::text, ':code' AS \"x:code\" -- :code\nFROM t WHERE code = :code AND b = E'\\':code';",
        "SELECT a::text, ':code' AS \"x:code\" -- :code\nFROM t WHERE code = ('510104') AND b = E'\\':code'",
    );
    check(
        "SELECT $$:code$$ FROM t WHERE code=:code",
        "SELECT $$:code$$ FROM t WHERE code=('510104')",
    );
}

#[track_caller]
fn check(query: &str, expected: &str) {
    assert_eq!(bound(query, "510104"), expected);
}

#[test]
fn a_parameter_that_is_left_out_is_null() {
    let query = template("SELECT 1 WHERE :code IS NULL").unwrap();
    assert_eq!(query.bind(&BTreeMap::new()), "SELECT 1 WHERE (NULL) IS NULL");
}

#[test]
fn a_query_that_does_not_fit_its_parameters_is_refused_by_name() {
    let undeclared = TemplateError::Undeclared { name: "name".to_owned() };
    assert_eq!(template("SELECT :code, :name"), Err(undeclared));
    let unused = TemplateError::Unused { name: "code".to_owned() };
    assert_eq!(template("SELECT ':code'"), Err(unused));
    assert_eq!(template("SELECT :code; DROP TABLE t"), Err(TemplateError::Statements));
    assert!(matches!(template("SELECT 'open, :code"), Err(TemplateError::Syntax { .. })));
}

proptest! {
    /// R24.1: whatever is asked with, it stays one literal: nothing of it becomes a part of the query.
    #[test]
    fn no_value_leaves_its_literal(value in "[^\\p{Cc}]{0,40}|['\\\\;:\\-]{0,12}") {
        let query = bound("SELECT * FROM t WHERE code = :code", &value);
        let tokens = Tokenizer::new(&PostgreSqlDialect {}, &query).tokenize().unwrap();
        let literals = tokens.iter().filter(|token| matches!(token, Token::SingleQuotedString(text) if *text == value));
        prop_assert_eq!(literals.count(), 1);
        prop_assert_eq!(tokens.len(), 17, "{}", query);
    }
}
