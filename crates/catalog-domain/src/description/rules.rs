//! Whether an item's mask and quality rules can be carried out at all (R17.2).

use std::collections::BTreeSet;

use publicdata_types::ItemType;
use publicdata_types::quality::{
    Bound, LIST_LENGTH_MAX, LISTED_LENGTH_MAX, PATTERN_BYTES_MAX, PATTERN_LENGTH_MAX, Quality,
    Range, Rule, anchored,
};
use regex::RegexBuilder;

use super::{Item, Mistake};

/// What is wrong with a rule of an item, and what to do about it; it goes on after the item's name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleMistake {
    /// Such values cannot be held against such a rule.
    #[error(
        "is of type {kind}, and the rule {rule} is for {fitting}; leave the rule out, or change the type"
    )]
    Unfit {
        /// The rule.
        rule: Rule,
        /// The item's type.
        kind: ItemType,
        /// What the rule is for.
        fitting: &'static str,
    },
    /// The bound is of another kind than the values.
    #[error("is of type {kind}, and its range is bounded by {bound}; write {expected}")]
    BoundUnfit {
        /// Which bound, as a field.
        field: &'static str,
        /// The item's type.
        kind: ItemType,
        /// The bound.
        bound: Bound,
        /// What to write instead.
        expected: &'static str,
    },
    /// Nothing lies in the range.
    #[error("has a range from {min} to {max}, in which nothing lies; exchange the bounds")]
    RangeEmpty {
        /// The least value.
        min: Bound,
        /// The greatest value.
        max: Bound,
    },
    /// The pattern is no regular expression.
    #[error("has a pattern that is no regular expression, or one too large: {why}; correct it")]
    Pattern {
        /// What the expression's parser says.
        why: String,
    },
    /// The pattern is too long.
    #[error(
        "has a pattern of {found} characters, at most {PATTERN_LENGTH_MAX} are allowed; shorten it"
    )]
    PatternLong {
        /// How many characters it has.
        found: usize,
    },
    /// The list is too long.
    #[error(
        "has a list of {found} values, at most {LIST_LENGTH_MAX} are allowed; refer to a resource that holds them"
    )]
    ListLong {
        /// How many there are.
        found: usize,
    },
    /// A value of the list is empty, too long, twice there, or not of the item's type.
    #[error("has a list whose value {position} is {why}; correct it or leave it out")]
    Listed {
        /// Which value, counted from 1.
        position: usize,
        /// What is wrong with it.
        why: &'static str,
    },
    /// The item referred to is not named by an identifier.
    #[error("refers to an item without a name; name the other resource's item")]
    ReferenceItem,
}

impl RuleMistake {
    /// The field, within the item's rules.
    pub(super) const fn field(&self) -> &'static str {
        match self {
            Self::Unfit { rule, .. } => match rule {
                Rule::Required | Rule::Length => "",
                Rule::Range => "minimum",
                Rule::Pattern => "pattern",
                Rule::OneOf => "one_of",
                Rule::Unique => "unique",
                Rule::Reference => "reference",
            },
            Self::BoundUnfit { field, .. } => field,
            Self::RangeEmpty { .. } => "minimum",
            Self::Pattern { .. } | Self::PatternLong { .. } => "pattern",
            Self::ListLong { .. } | Self::Listed { .. } => "one_of",
            Self::ReferenceItem => "reference.item",
        }
    }
}

impl Item {
    /// Checks what is said of the item's values.
    pub(super) fn check_values(&self, position: usize, mistakes: &mut Vec<Mistake>) {
        if let Some(mask) = self.mask.as_ref().filter(|mask| !mask.fits(self.kind)) {
            let (name, mask) = (self.name.clone(), mask.clone());
            mistakes.push(Mistake::ItemMaskUnfit { position, name, kind: self.kind, mask });
        }
        for mistake in rule_mistakes(&self.quality, self.kind) {
            mistakes.push(Mistake::ItemRule { position, name: self.name.clone(), mistake });
        }
    }
}

fn rule_mistakes(quality: &Quality, kind: ItemType) -> Vec<RuleMistake> {
    let mut mistakes = Vec::new();
    let is_text = matches!(kind, ItemType::Text | ItemType::Memo);
    let unfit = |rule, fitting| RuleMistake::Unfit { rule, kind, fitting };

    if let Some(range) = quality.range {
        check_range(range, kind, &mut mistakes);
    }
    match &quality.pattern {
        Some(_) if !is_text => mistakes.push(unfit(Rule::Pattern, "texts (C, M)")),
        Some(pattern) => check_pattern(pattern, &mut mistakes),
        None => {}
    }
    if !quality.one_of.is_empty() {
        match kind {
            ItemType::Text | ItemType::Memo | ItemType::Integer => {
                check_list(&quality.one_of, kind, &mut mistakes);
            }
            ItemType::Number
            | ItemType::Money
            | ItemType::Date
            | ItemType::Timestamp
            | ItemType::Logical
            | ItemType::General
            | ItemType::Double
            | ItemType::Float => {
                mistakes.push(unfit(Rule::OneOf, "texts and whole numbers (C, M, I)"));
            }
        }
    }
    let comparable = !matches!(kind, ItemType::Logical | ItemType::General);
    if quality.unique && !comparable {
        mistakes.push(unfit(Rule::Unique, "values that can be told apart, not for L and G"));
    }
    if let Some(reference) = &quality.reference {
        if !comparable {
            mistakes.push(unfit(Rule::Reference, "values that can be told apart, not for L and G"));
        }
        if reference.item.trim().is_empty() {
            mistakes.push(RuleMistake::ReferenceItem);
        }
    }
    mistakes
}

fn check_range(range: Range, kind: ItemType, mistakes: &mut Vec<RuleMistake>) {
    let expected = match kind {
        ItemType::Date => "a date such as 2026-01-04",
        ItemType::Timestamp => "a time such as 2026-01-04T09:00:00+08:00",
        ItemType::Number
        | ItemType::Money
        | ItemType::Double
        | ItemType::Integer
        | ItemType::Float => "a number such as 12.5",
        ItemType::Text | ItemType::Memo | ItemType::Logical | ItemType::General => {
            let fitting = "numbers, dates and times";
            mistakes.push(RuleMistake::Unfit { rule: Rule::Range, kind, fitting });
            return;
        }
    };
    let fits = |bound: &Bound| match bound {
        Bound::Number(_) => kind.is_number(),
        Bound::Date(_) => kind == ItemType::Date,
        Bound::Time(_) => kind == ItemType::Timestamp,
    };
    for (field, bound) in [("minimum", range.min), ("maximum", range.max)] {
        if let Some(bound) = bound.filter(|bound| !fits(bound)) {
            mistakes.push(RuleMistake::BoundUnfit { field, kind, bound, expected });
            return;
        }
    }
    // Both are of the item's kind.
    if let (Some(min), Some(max)) = (range.min, range.max)
        && min > max
    {
        mistakes.push(RuleMistake::RangeEmpty { min, max });
    }
}

fn check_pattern(pattern: &str, mistakes: &mut Vec<RuleMistake>) {
    let found = pattern.chars().count();
    if found > PATTERN_LENGTH_MAX {
        mistakes.push(RuleMistake::PatternLong { found });
        return;
    }
    let build = |text: &str| RegexBuilder::new(text).size_limit(PATTERN_BYTES_MAX).build();
    // By itself, so that no bracket reaches out of it; and as it is used.
    if let Err(error) = build(pattern).and_then(|_| build(&anchored(pattern))) {
        // The parser draws a picture of many lines; the last one says it.
        let text = error.to_string();
        let why = text.lines().last().unwrap_or_default().trim();
        let why = why.strip_prefix("error: ").unwrap_or(why).to_owned();
        mistakes.push(RuleMistake::Pattern { why });
    }
}

fn check_list(values: &[String], kind: ItemType, mistakes: &mut Vec<RuleMistake>) {
    if values.len() > LIST_LENGTH_MAX {
        mistakes.push(RuleMistake::ListLong { found: values.len() });
        return;
    }
    let mut seen = BTreeSet::new();
    for (position, value) in (1..).zip(values) {
        let canonical = value.parse::<i64>().is_ok_and(|number| number.to_string() == *value);
        let why = if value.is_empty() {
            "empty"
        } else if value.chars().count() > LISTED_LENGTH_MAX {
            "longer than 200 characters"
        } else if !seen.insert(value) {
            "there twice"
        } else if kind == ItemType::Integer && !canonical {
            "no whole number such as 12"
        } else {
            continue;
        };
        mistakes.push(RuleMistake::Listed { position, why });
    }
}

#[cfg(test)]
mod tests;
