//! The rules that each value keeps or breaks by itself.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{
    Array as _, ArrayRef, AsArray as _, BooleanArray, Date32Array, Decimal128Array, Float32Array,
    Float64Array, Scalar, TimestampMicrosecondArray,
};
use arrow::compute::kernels::cmp::{gt_eq, lt_eq};
use arrow::compute::{and_kleene, cast, is_not_null};
use arrow::datatypes::{DataType, Decimal128Type, Float32Type, Float64Type};
use arrow::error::ArrowError;
use publicdata_types::quality::{Bound, PATTERN_BYTES_MAX, Range, Rule, Rules, anchored};
use publicdata_types::{Decimal, ItemType};
use regex::{Regex, RegexBuilder};

use crate::source::value::{CHINA, PRECISION};

/// Rules of one column, made ready.
pub(super) struct Column {
    required: bool,
    length_max: Option<usize>,
    range: Option<Bounds>,
    pattern: Option<Regex>,
    one_of: HashSet<String>,
}

struct Bounds {
    min: Option<ArrayRef>,
    max: Option<ArrayRef>,
}

impl Column {
    /// The rules, or the one that is not for values of this type.
    pub(super) fn new(rules: &Rules, kind: ItemType) -> Result<Self, Rule> {
        let quality = &rules.quality;
        let is_text = matches!(kind, ItemType::Text | ItemType::Memo);
        let pattern = match &quality.pattern {
            Some(_) if !is_text => return Err(Rule::Pattern),
            Some(pattern) => Some(compile(pattern).ok_or(Rule::Pattern)?),
            None => None,
        };
        let listable = is_text || kind == ItemType::Integer;
        if !quality.one_of.is_empty() && !listable {
            return Err(Rule::OneOf);
        }
        let range = quality.range.map(|range| Bounds::new(range, kind).ok_or(Rule::Range));
        Ok(Self {
            required: rules.required,
            length_max: rules.length_max.map(|length| length as usize),
            range: range.transpose()?,
            pattern,
            one_of: quality.one_of.iter().cloned().collect(),
        })
    }

    /// For each rule, which values keep it. There is an answer for every value: nulls keep all but `required`.
    pub(super) fn keeps(&self, values: &ArrayRef) -> Result<Vec<(Rule, BooleanArray)>, ArrowError> {
        let mut keeps = Vec::new();
        if self.required {
            keeps.push((Rule::Required, is_not_null(values)?));
        }
        if let Some(max) = self.length_max
            && let Some(kept) = within_length(values, max)
        {
            keeps.push((Rule::Length, kept));
        }
        if let Some(bounds) = &self.range {
            keeps.push((Rule::Range, bounds.keep(values)?));
        }
        if let Some(pattern) = &self.pattern {
            keeps.push((Rule::Pattern, texts(values, |text| pattern.is_match(text))?));
        }
        if !self.one_of.is_empty() {
            keeps.push((Rule::OneOf, texts(values, |text| self.one_of.contains(text))?));
        }
        Ok(keeps)
    }
}

impl Bounds {
    /// None if a bound is not of the values' type.
    fn new(range: Range, kind: ItemType) -> Option<Self> {
        let bound = |bound: Option<Bound>| match bound {
            Some(bound) => scalar(bound, kind).map(Some),
            None => Some(None),
        };
        Some(Self { min: bound(range.min)?, max: bound(range.max)? })
    }

    fn keep(&self, values: &ArrayRef) -> Result<BooleanArray, ArrowError> {
        let comparable = comparable(values)?;
        let mut kept = BooleanArray::from(vec![true; values.len()]);
        if let Some(min) = &self.min {
            kept = and_kleene(&kept, &gt_eq(&comparable, &Scalar::new(Arc::clone(min)))?)?;
        }
        if let Some(max) = &self.max {
            kept = and_kleene(&kept, &lt_eq(&comparable, &Scalar::new(Arc::clone(max)))?)?;
        }
        // A value that is too large to be compared lies outside, and so does what is not a number.
        let kept = (0..values.len())
            .map(|row| values.is_null(row) || (kept.is_valid(row) && kept.value(row)));
        Ok(BooleanArray::from(kept.collect::<Vec<_>>()))
    }
}

fn compile(pattern: &str) -> Option<Regex> {
    RegexBuilder::new(&anchored(pattern)).size_limit(PATTERN_BYTES_MAX).build().ok()
}

/// A bound as an array of one value.
fn scalar(bound: Bound, kind: ItemType) -> Option<ArrayRef> {
    Some(match (bound, kind) {
        (Bound::Number(number), ItemType::Number | ItemType::Money | ItemType::Integer) => {
            let array = Decimal128Array::from(vec![number.unscaled()]);
            Arc::new(array.with_precision_and_scale(PRECISION, SCALE).ok()?)
        }
        (Bound::Number(number), ItemType::Double) => {
            Arc::new(Float64Array::from(vec![number.to_f64()]))
        }
        (Bound::Number(number), ItemType::Float) => {
            // The nearest single: a value that was written 0.1 is not above a bound that was.
            Arc::new(Float32Array::from(vec![number.to_string().parse::<f32>().ok()?]))
        }
        (Bound::Date(date), ItemType::Date) => {
            let epoch = jiff::civil::date(1970, 1, 1);
            let days = epoch.until(date).ok()?.get_days();
            Arc::new(Date32Array::from(vec![days]))
        }
        (Bound::Time(time), ItemType::Timestamp) => {
            let array = TimestampMicrosecondArray::from(vec![time.as_microsecond()]);
            Arc::new(array.with_timezone(CHINA))
        }
        (Bound::Number(_) | Bound::Date(_) | Bound::Time(_), _) => return None,
    })
}

/// Decimal's own digits after the point, and type N's.
const SCALE: i8 = Decimal::SCALE as i8;

/// Values as bounds are: exact numbers with ten digits after the point. What overflows becomes null, and NaN does.
#[expect(clippy::wildcard_enum_match_arm, reason = "a table of the types that matter here")]
fn comparable(values: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    match values.data_type() {
        DataType::Int64 | DataType::Decimal128(..) => {
            cast(values, &DataType::Decimal128(PRECISION, SCALE))
        }
        DataType::Float64 => {
            let values = values.as_primitive::<Float64Type>().iter();
            let numbers = values.map(|value| value.filter(|value| !value.is_nan()));
            Ok(Arc::new(numbers.collect::<Float64Array>()))
        }
        DataType::Float32 => {
            let values = values.as_primitive::<Float32Type>().iter();
            let numbers = values.map(|value| value.filter(|value| !value.is_nan()));
            Ok(Arc::new(numbers.collect::<Float32Array>()))
        }
        _ => Ok(Arc::clone(values)),
    }
}

/// Characters of texts, digits of exact numbers; other values have no length.
#[expect(clippy::wildcard_enum_match_arm, reason = "a table of the types that matter here")]
fn within_length(values: &ArrayRef, max: usize) -> Option<BooleanArray> {
    let kept: Vec<bool> = match values.data_type() {
        DataType::Utf8 => {
            let fits = |text: &str| text.len() <= max || text.chars().count() <= max;
            values.as_string::<i32>().iter().map(|text| text.is_none_or(fits)).collect()
        }
        DataType::Int64 => {
            let values = values.as_primitive::<arrow::datatypes::Int64Type>().iter();
            values
                .map(|value| value.is_none_or(|value| digits(i128::from(value), 0) <= max))
                .collect()
        }
        &DataType::Decimal128(_, scale) => {
            let values = values.as_primitive::<Decimal128Type>().iter();
            values.map(|value| value.is_none_or(|value| digits(value, scale) <= max)).collect()
        }
        _ => return None,
    };
    Some(BooleanArray::from(kept))
}

/// How many digits a number has before and after its point, without zeros that say nothing.
fn digits(unscaled: i128, scale: i8) -> usize {
    let (mut number, mut after) = (unscaled.unsigned_abs(), scale);
    while after > 0 && number % 10 == 0 {
        number /= 10;
        after -= 1;
    }
    let after = usize::try_from(after).unwrap_or_default();
    let all = number.checked_ilog10().map_or(0, |power| power as usize + 1);
    all.max(after).max(1)
}

fn texts(values: &ArrayRef, keeps: impl Fn(&str) -> bool) -> Result<BooleanArray, ArrowError> {
    let texts = cast(values, &DataType::Utf8)?;
    let kept = texts.as_string::<i32>().iter().map(|text| text.is_none_or(&keeps));
    Ok(BooleanArray::from(kept.collect::<Vec<_>>()))
}
