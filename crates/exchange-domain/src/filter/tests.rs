use jiff::civil::date;
use proptest::prelude::*;

use super::*;

fn columns() -> Columns {
    [
        ("code", ItemType::Text),
        ("area_code", ItemType::Text),
        ("select", ItemType::Text),
        ("population", ItemType::Integer),
        ("budget", ItemType::Money),
        ("founded", ItemType::Date),
        ("changed", ItemType::Timestamp),
        ("rural", ItemType::Logical),
        ("map", ItemType::General),
    ]
    .map(|(name, kind)| (name.to_owned(), kind))
    .into()
}

fn parse(text: &str) -> Result<Filter, FilterError> {
    Filter::parse(text, &columns())
}

fn filter(text: &str) -> Filter {
    match parse(text) {
        Ok(filter) => filter,
        Err(error) => panic!("{text}: {error}"),
    }
}

#[track_caller]
fn check_text(text: &str, canonical: &str) {
    assert_eq!(filter(text).to_string(), canonical, "{text}");
    assert_eq!(filter(canonical), filter(text), "{text}");
}

/// H3: what, where, and what to write.
#[track_caller]
fn check_refused(text: &str, message: &str) {
    assert_eq!(parse(text).map_err(|error| error.to_string()), Err(message.to_owned()), "{text}");
}

/// R26.2: conditions have one text each.
#[test]
fn conditions_have_one_text() {
    check_text("area_code='510104'", "area_code = '510104'");
    check_text("AREA_CODE != '510104'", "area_code <> '510104'");
    check_text("\"select\" LIKE '5101%'", "\"select\" LIKE '5101%'");
    check_text("population not between -5 and 010.0", "NOT (population BETWEEN -5 AND 10)");
    check_text("budget in (.5, 1.50, 007)", "budget IN (0.5, 1.5, 7)");
    check_text("founded >= '2026-01-04'", "founded >= '2026-01-04'");
    check_text("changed < '2026-01-04 09:00'", "changed < '2026-01-04T09:00:00'");
    check_text("rural = true", "rural = TRUE");
    check_text("map is not null", "NOT (\"map\" IS NULL)");
    check_text("code = 'O''Neill' -- by name", "code = 'O''Neill'");
    check_text(
        "code = 'a' and (code = 'b' and (rural = true or code = 'c' or not not code = 'd'))",
        "code = 'a' AND code = 'b' AND (rural = TRUE OR code = 'c' OR code = 'd')",
    );
}

/// R26.2: whoever enforces a filter gets it typed.
#[test]
fn conditions_are_typed() {
    assert_eq!(
        filter("founded = '2026-01-04'").condition(),
        &Condition::Compare {
            column: "founded".to_owned(),
            operator: Comparison::Equal,
            value: Literal::Date(date(2026, 1, 4)),
        }
    );
    assert_eq!(
        filter("rural = true OR NOT code IN ('a') AND population > 3").columns(),
        BTreeSet::from(["code", "population", "rural"])
    );
}

#[test]
fn unknown_items_are_named() {
    check_refused(
        "code = '1' AND salary > 3",
        "row filter is refused at line 1, column 16: the resource has no item salary",
    );
    assert!(parse("\"CODE\" = '1'").is_err(), "in quotes, capitals matter");
    assert!(parse("`code` = '1'").is_err());
}

#[test]
fn literals_fit_their_item() {
    check_refused(
        "area_code = 510104",
        "row filter is refused at line 1, column 13: item area_code is of type text (C); write a \
         text in single quotes, such as '510104', without control characters",
    );
    for text in [
        "population = '3'",
        "population = 3.5",
        "population = 9223372036854775808",
        "budget = 1e5",
        "founded = '2026-02-30'",
        "founded = 20260104",
        "changed = 'now'",
        "rural = 1",
        "rural = 'true'",
        "map = 'x'",
        "map IN ('x')",
        "code = -'x'",
        "code = 'a\0b'",
        "code = TRUE",
    ] {
        let problem = parse(text).unwrap_err().problem;
        assert!(matches!(problem, Problem::Literal { .. }), "{text}: {problem}");
    }
}

#[test]
fn operators_fit_their_item() {
    check_refused(
        "rural < TRUE",
        "row filter is refused at line 1, column 1: item rural is of type logical (L), to which < \
         does not apply",
    );
    for text in ["population LIKE 3", "rural BETWEEN FALSE AND TRUE", "founded LIKE '2026-01-04'"] {
        let problem = parse(text).unwrap_err().problem;
        assert!(matches!(problem, Problem::Operator { .. }), "{text}: {problem}");
    }
}

#[test]
fn everything_else_is_refused_by_name() {
    for (text, what) in [
        ("lower(code) = 'a'", "a function call"),
        ("code = upper('a')", "a function call"),
        ("code = (SELECT 1)", "a subquery"),
        ("code IN (SELECT code FROM t)", "a subquery"),
        ("EXISTS (SELECT 1)", "a subquery"),
        ("population + 1 = 2", "arithmetic"),
        ("code = 'a' || 'b'", "arithmetic"),
        ("code ILIKE 'a'", "a pattern other than LIKE"),
        ("code LIKE 'a' ESCAPE '!'", "LIKE with ESCAPE or ANY"),
        ("t.code = 'a'", "a name with a dot"),
        ("founded = DATE '2026-01-04'", "a literal with its type before it"),
        ("CASE WHEN TRUE THEN TRUE END", "CASE"),
        ("CAST(code AS INT) = 1", "a conversion"),
        ("code = NULL", "NULL as a value (write IS NULL)"),
        ("code = $1", "a placeholder"),
        ("code = area_code", "an item where a condition or literal is expected"),
        ("rural", "an item where a condition or literal is expected"),
        ("1 = 1", "a literal where an item is expected"),
        ("TRUE", "a literal where an item is expected"),
        ("rural IS TRUE", "IS TRUE or IS FALSE (write = TRUE)"),
        ("code ~ 'a'", "an operator of another kind"),
    ] {
        match parse(text).map_err(|error| error.problem) {
            Err(Problem::Construct { what: named }) => assert_eq!(named, what, "{text}"),
            other => panic!("{text}: {other:?}"),
        }
    }
}

#[test]
fn malformed_text_says_where() {
    check_refused("", "row filter is refused: it is empty; leave it out to mean all rows");
    check_refused(
        "code = 'a'; DROP TABLE t",
        "row filter is refused at line 1, column 11: it cannot be read; AND, OR or the end is \
         expected here",
    );
    check_refused(
        "code =\n  )",
        "row filter is refused at line 2, column 3: it cannot be read; an expression is expected \
         here",
    );
    assert_eq!(parse("code = 'a").unwrap_err().at, Some(Position { line: 1, column: 8 }));
}

/// H5: a literal may be a person's number, so an error does not repeat it.
#[test]
fn literals_are_not_repeated_in_errors() {
    for text in ["population = '510102199001011234'", "code = 1 '510102199001011234'"] {
        let error = parse(text).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("1990"), "{error:?}");
    }
}

#[test]
fn size_is_bounded() {
    let many = |count: usize| vec!["rural = TRUE"; count].join(" OR ");
    let deep = |depth: usize| {
        (0..depth).fold("rural = TRUE".to_owned(), |inner, level| match level % 2 {
            0 => format!("({inner} OR code = 'a')"),
            _ => format!("({inner} AND code = 'a')"),
        })
    };

    assert!(parse(&many(200)).is_ok());
    assert!(parse(&deep(16)).is_ok());
    assert!(parse(&format!("population IN ({})", vec!["1"; 1_000].join(","))).is_ok());
    for text in [
        many(201),
        deep(17),
        deep(1_000).chars().take(8_000).collect(),
        "(".repeat(8_000),
        "NOT ".repeat(2_000),
        format!("population IN ({})", vec!["1"; 1_001].join(",")),
        format!("code = '{}'", "x".repeat(8_192)),
    ] {
        assert!(parse(&text).is_err(), "{}", &text[..40]);
    }
}

/// R26.2: a provider grants no more rows than were asked for by repeating what was asked for.
#[test]
fn narrower_filters_repeat_the_wider() {
    let wide = filter("area_code = '510104'");
    let narrow = wide.clone().and(filter("rural = TRUE"));

    assert_eq!(narrow.to_string(), "area_code = '510104' AND rural = TRUE");
    assert!(narrow.narrows(&wide));
    assert!(wide.narrows(&wide));
    assert!(!wide.narrows(&narrow));
    assert!(!filter("area_code = '510104' OR rural = TRUE").narrows(&wide));
}

fn simple_conditions() -> impl Strategy<Value = Condition> {
    let texts = || "[ -~一-龥]{0,12}".prop_map(Literal::Text);
    let operators = || {
        prop::sample::select(vec![
            Comparison::Equal,
            Comparison::NotEqual,
            Comparison::Less,
            Comparison::LessOrEqual,
            Comparison::Greater,
            Comparison::GreaterOrEqual,
        ])
    };
    let names = || prop::sample::select(vec!["code", "area_code", "select"]);
    let numbers = || {
        "-?[0-9]{1,9}(\\.[0-9]{1,4})?".prop_map(|text| {
            let (digits, negative) = match text.strip_prefix('-') {
                Some(digits) => (digits, true),
                None => (text.as_str(), false),
            };
            let number = Number::parse(digits).unwrap();
            Literal::Number(if negative { number.negated() } else { number })
        })
    };
    prop_oneof![
        (names(), operators(), texts()).prop_map(|(column, operator, value)| Condition::Compare {
            column: column.to_owned(),
            operator,
            value
        }),
        (names(), prop::collection::vec(texts(), 1..4))
            .prop_map(|(column, values)| Condition::In { column: column.to_owned(), values }),
        (numbers(), numbers()).prop_map(|(low, high)| Condition::Between {
            column: "budget".to_owned(),
            low,
            high
        }),
        (names(), "[ -~一-龥]{0,12}")
            .prop_map(|(column, pattern)| Condition::Like { column: column.to_owned(), pattern }),
        prop::sample::select(vec!["map", "code", "rural"])
            .prop_map(|column| Condition::IsNull { column: column.to_owned() }),
        any::<bool>().prop_map(|value| Condition::Compare {
            column: "rural".to_owned(),
            operator: Comparison::Equal,
            value: Literal::Logical(value)
        }),
    ]
}

fn conditions() -> impl Strategy<Value = Condition> {
    simple_conditions().prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::all),
            prop::collection::vec(inner.clone(), 1..4).prop_map(Condition::any),
            inner.prop_map(Condition::opposite),
        ]
    })
}

proptest! {
    /// R26.2: what is written into a grant is read from it.
    #[test]
    fn text_is_read_as_it_was_written(condition in conditions()) {
        let filter = Filter(condition);
        prop_assert_eq!(parse(&filter.to_string()), Ok(filter));
    }

    /// Whatever is sent, it is read or refused.
    #[test]
    fn nothing_makes_the_parser_panic(text in "[a-z0-9'\"() =<>,%;.-]{0,60}|\\PC{0,40}") {
        let _ = parse(&text);
    }

    #[test]
    fn both_together_narrow_each(a in conditions(), b in conditions()) {
        let both = Filter(a.clone()).and(Filter(b.clone()));
        prop_assert!(both.narrows(&Filter(a)));
        prop_assert!(both.narrows(&Filter(b)));
    }
}
