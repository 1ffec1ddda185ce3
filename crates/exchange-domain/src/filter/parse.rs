//! From text to a typed condition: `sqlparser` reads it, and what follows admits the little that is
//! allowed.

#![expect(
    clippy::wildcard_enum_match_arm,
    reason = "SQL has a hundred constructs, of which ten are admitted and the rest refused"
)]

use publicdata_types::ItemType;
use sqlparser::ast::{BinaryOperator, Expr, Ident, InTarget, Spanned, UnaryOperator, Value};
use sqlparser::dialect::GenericDialect;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Location, Token, Tokenizer};

use super::{Columns, Comparison, Condition, FilterError, Literal, Number, Position, Problem};

const LENGTH_MAX: usize = 8 * 1024;
const CONDITIONS_MAX: usize = 200;
const VALUES_MAX: usize = 1_000;
const DEPTH_MAX: usize = 16;
/// The parser counts every parenthesis and operator, so it needs more than the depth we allow.
const RECURSION_MAX: usize = 256;

pub(super) fn parse(text: &str, columns: &Columns) -> Result<Condition, FilterError> {
    if text.trim().is_empty() {
        return Err(whole(Problem::Empty));
    }
    if text.len() > LENGTH_MAX {
        return Err(whole(Problem::TooLarge { what: "bytes", max: LENGTH_MAX }));
    }

    let expression = read(text)?;
    let mut reader = Reader { columns, conditions: 0 };
    reader.condition(&expression, 0)
}

fn read(text: &str) -> Result<Expr, FilterError> {
    let dialect = GenericDialect {};
    let tokens =
        Tokenizer::new(&dialect, text).tokenize_with_location().map_err(|error| FilterError {
            problem: Problem::Syntax { expected: "the end of a text in quotes".to_owned() },
            at: position(error.location),
        })?;
    let mut parser = Parser::new(&dialect)
        .with_recursion_limit(RECURSION_MAX)
        .with_tokens_with_locations(tokens);

    let expression = parser.parse_expr().map_err(syntax)?;
    let next = parser.peek_token();
    if next.token == Token::EOF {
        return Ok(expression);
    }
    Err(FilterError {
        problem: Problem::Syntax { expected: "AND, OR or the end".to_owned() },
        at: position(next.span.start),
    })
}

struct Reader<'a> {
    columns: &'a Columns,
    conditions: usize,
}

impl Reader<'_> {
    fn condition(&mut self, expression: &Expr, depth: usize) -> Result<Condition, FilterError> {
        if depth > DEPTH_MAX {
            return Err(whole(Problem::TooLarge { what: "levels of nesting", max: DEPTH_MAX }));
        }
        match expression {
            Expr::Nested(inner) => self.condition(inner, depth),
            Expr::BinaryOp { .. } => self.operation(expression, depth),
            Expr::UnaryOp { op: UnaryOperator::Not, expr } => {
                self.condition(expr, depth + 1).map(Condition::opposite)
            }
            Expr::IsNull(operand) => self.is_null(operand),
            Expr::IsNotNull(operand) => self.is_null(operand).map(Condition::opposite),
            Expr::In { expr, target: InTarget::List(list), negated, global: false } => {
                self.is_in(expr, list).map(|condition| negated_if(*negated, condition))
            }
            Expr::Between { expr, negated, low, high } => {
                let (column, kind) = self.ordered(expr, "BETWEEN")?;
                let low = literal(low, &column, kind)?;
                let high = literal(high, &column, kind)?;
                Ok(negated_if(*negated, Condition::Between { column, low, high }))
            }
            Expr::Like { negated, any: false, expr, pattern, escape_char: None } => {
                let (column, kind) = self.column(expr)?;
                match (kind, literal(pattern, &column, kind)?) {
                    (ItemType::Text | ItemType::Memo, Literal::Text(pattern)) => {
                        Ok(negated_if(*negated, Condition::Like { column, pattern }))
                    }
                    _ => Err(unfit("LIKE", column, kind, expr)),
                }
            }
            other => Err(construct(other)),
        }
    }

    /// A chain of `AND` or `OR` is as long as it likes; the tree that the parser makes of it leans
    /// to the left, so it is walked in a loop.
    fn operation(&mut self, expression: &Expr, depth: usize) -> Result<Condition, FilterError> {
        let Expr::BinaryOp { left, op, right } = expression else {
            return Err(construct(expression));
        };
        let join = match op {
            BinaryOperator::And => Condition::all,
            BinaryOperator::Or => Condition::any,
            other => return self.compare(left, comparison(other, expression)?, right),
        };

        let mut operands = vec![right];
        let mut rest = left;
        while let Expr::BinaryOp { left, op: next, right } = &**rest {
            if next != op {
                break;
            }
            operands.push(right);
            rest = left;
        }
        operands.push(rest);

        let mut conditions = Vec::with_capacity(operands.len());
        for operand in operands.into_iter().rev() {
            conditions.push(self.condition(operand, depth + 1)?);
        }
        Ok(join(conditions))
    }

    fn compare(
        &mut self,
        left: &Expr,
        operator: Comparison,
        right: &Expr,
    ) -> Result<Condition, FilterError> {
        let (column, kind) = match operator {
            Comparison::Equal | Comparison::NotEqual => self.column(left)?,
            Comparison::Less
            | Comparison::LessOrEqual
            | Comparison::Greater
            | Comparison::GreaterOrEqual => self.ordered(left, operator.as_str())?,
        };
        let value = literal(right, &column, kind)?;
        Ok(Condition::Compare { column, operator, value })
    }

    fn is_null(&mut self, operand: &Expr) -> Result<Condition, FilterError> {
        let (column, _) = self.column(operand)?;
        Ok(Condition::IsNull { column })
    }

    fn is_in(&mut self, operand: &Expr, list: &[Expr]) -> Result<Condition, FilterError> {
        if list.len() > VALUES_MAX {
            return Err(whole(Problem::TooLarge { what: "values in a list", max: VALUES_MAX }));
        }
        let (column, kind) = self.column(operand)?;
        let mut values = Vec::with_capacity(list.len());
        for value in list {
            values.push(literal(value, &column, kind)?);
        }
        Ok(Condition::In { column, values })
    }

    fn ordered(
        &mut self,
        operand: &Expr,
        operator: &'static str,
    ) -> Result<(String, ItemType), FilterError> {
        let (column, kind) = self.column(operand)?;
        if kind == ItemType::Logical {
            return Err(unfit(operator, column, kind, operand));
        }
        Ok((column, kind))
    }

    fn column(&mut self, operand: &Expr) -> Result<(String, ItemType), FilterError> {
        self.conditions += 1;
        if self.conditions > CONDITIONS_MAX {
            return Err(whole(Problem::TooLarge { what: "conditions", max: CONDITIONS_MAX }));
        }
        let Expr::Identifier(identifier) = operand else {
            return Err(construct(operand));
        };
        match self.find(identifier) {
            Some(column) => Ok(column),
            None => Err(at(operand, Problem::UnknownItem { name: identifier.value.clone() })),
        }
    }

    fn find(&self, identifier: &Ident) -> Option<(String, ItemType)> {
        let exact = self.columns.get_key_value(&identifier.value);
        let (name, kind) = match (exact, identifier.quote_style) {
            (Some(found), None | Some('"')) => found,
            (None, None) => self
                .columns
                .iter()
                .find(|(name, _)| name.eq_ignore_ascii_case(&identifier.value))?,
            (Some(_) | None, Some(_)) => return None,
        };
        Some((name.clone(), *kind))
    }
}

fn comparison(operator: &BinaryOperator, expression: &Expr) -> Result<Comparison, FilterError> {
    match operator {
        BinaryOperator::Eq => Ok(Comparison::Equal),
        BinaryOperator::NotEq => Ok(Comparison::NotEqual),
        BinaryOperator::Lt => Ok(Comparison::Less),
        BinaryOperator::LtEq => Ok(Comparison::LessOrEqual),
        BinaryOperator::Gt => Ok(Comparison::Greater),
        BinaryOperator::GtEq => Ok(Comparison::GreaterOrEqual),
        _ => Err(at(expression, Problem::Construct { what: "an operator of another kind" })),
    }
}

fn literal(expression: &Expr, item: &str, kind: ItemType) -> Result<Literal, FilterError> {
    let (value, negative) = match expression {
        Expr::Value(value) => (&value.value, false),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => match &**expr {
            Expr::Value(value) => (&value.value, true),
            other => return Err(construct(other)),
        },
        other => return Err(construct(other)),
    };
    match fitting(value, negative, kind) {
        Some(literal) => Ok(literal),
        None if matches!(value, Value::Null | Value::Placeholder(_)) => Err(construct(expression)),
        None => {
            let problem = Problem::Literal { item: item.to_owned(), kind, write: written(kind) };
            Err(at(expression, problem))
        }
    }
}

fn fitting(value: &Value, negative: bool, kind: ItemType) -> Option<Literal> {
    match (kind, value) {
        (ItemType::Text | ItemType::Memo, Value::SingleQuotedString(text))
            if !negative && !text.chars().any(char::is_control) =>
        {
            Some(Literal::Text(text.clone()))
        }
        (ItemType::Date, Value::SingleQuotedString(text)) if !negative => {
            text.parse().ok().map(Literal::Date)
        }
        (ItemType::Timestamp, Value::SingleQuotedString(text)) if !negative => {
            text.parse().ok().map(Literal::Timestamp)
        }
        (ItemType::Logical, Value::Boolean(value)) if !negative => Some(Literal::Logical(*value)),
        (
            ItemType::Number
            | ItemType::Money
            | ItemType::Double
            | ItemType::Float
            | ItemType::Integer,
            Value::Number(digits, false),
        ) => {
            let number = Number::parse(digits)?;
            let number = if negative { number.negated() } else { number };
            if kind == ItemType::Integer {
                number.to_i64()?;
            }
            Some(Literal::Number(number))
        }
        _ => None,
    }
}

fn written(kind: ItemType) -> &'static str {
    match kind {
        ItemType::Text | ItemType::Memo => {
            "a text in single quotes, such as '510104', without control characters"
        }
        ItemType::Number | ItemType::Money | ItemType::Double | ItemType::Float => {
            "a number without quotes, such as 12.5"
        }
        ItemType::Integer => "a whole number of at most 64 bits, without quotes, such as 12",
        ItemType::Date => "a date in single quotes, such as '2026-01-04'",
        ItemType::Timestamp => "a time in single quotes, such as '2026-01-04T09:00:00'",
        ItemType::Logical => "TRUE or FALSE",
        ItemType::General => "IS NULL or IS NOT NULL, for its values cannot be compared",
    }
}

/// What a refused part of SQL is called.
fn construct(expression: &Expr) -> FilterError {
    let what = match expression {
        Expr::Function(_) => "a function call",
        Expr::Subquery(_) | Expr::Exists { .. } => "a subquery",
        Expr::In { target: InTarget::Subquery(_), .. } => "a subquery",
        Expr::In { .. } => "IN with anything but a list",
        Expr::Case { .. } => "CASE",
        Expr::Cast { .. } | Expr::Convert { .. } => "a conversion",
        Expr::ILike { .. } | Expr::SimilarTo { .. } | Expr::RLike { .. } => {
            "a pattern other than LIKE"
        }
        Expr::Like { .. } => "LIKE with ESCAPE or ANY",
        Expr::TypedString(_) | Expr::Interval(_) => "a literal with its type before it",
        Expr::CompoundIdentifier(_) => "a name with a dot",
        Expr::BinaryOp { .. } => "arithmetic",
        Expr::IsTrue(_) | Expr::IsFalse(_) | Expr::IsNotTrue(_) | Expr::IsNotFalse(_) => {
            "IS TRUE or IS FALSE (write = TRUE)"
        }
        Expr::Value(value) if matches!(value.value, Value::Null) => {
            "NULL as a value (write IS NULL)"
        }
        Expr::Value(value) if matches!(value.value, Value::Placeholder(_)) => "a placeholder",
        Expr::Value(_) => "a literal where an item is expected",
        Expr::Identifier(_) => "an item where a condition or literal is expected",
        _ => "this part of SQL",
    };
    at(expression, Problem::Construct { what })
}

fn negated_if(negated: bool, condition: Condition) -> Condition {
    if negated { Condition::opposite(condition) } else { condition }
}

fn unfit(operator: &'static str, item: String, kind: ItemType, operand: &Expr) -> FilterError {
    at(operand, Problem::Operator { item, kind, operator })
}

fn at(expression: &Expr, problem: Problem) -> FilterError {
    FilterError { problem, at: position(expression.span().start) }
}

const fn whole(problem: Problem) -> FilterError {
    FilterError { problem, at: None }
}

/// The parser marks what it did not read itself with line 0.
fn position(location: Location) -> Option<Position> {
    match location.line {
        0 => None,
        line => Some(Position { line, column: location.column }),
    }
}

/// The parser's message holds what it expected, what it found (perhaps a literal, so that part is
/// dropped) and where.
fn syntax(error: ParserError) -> FilterError {
    let message = match error {
        ParserError::RecursionLimitExceeded => {
            return whole(Problem::TooLarge { what: "levels of nesting", max: DEPTH_MAX });
        }
        ParserError::ParserError(message) | ParserError::TokenizerError(message) => message,
    };
    let expected =
        match message.strip_prefix("Expected: ").and_then(|rest| rest.split_once(", found")) {
            Some((expected, _)) => expected.to_owned(),
            None => "a condition".to_owned(),
        };
    let at = message.rsplit_once(" at Line: ").and_then(|(_, place)| {
        let (line, column) = place.split_once(", Column: ")?;
        Some(Position { line: line.parse().ok()?, column: column.parse().ok()? })
    });
    FilterError { problem: Problem::Syntax { expected }, at }
}
