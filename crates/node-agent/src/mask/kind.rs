//! Masks of a kind of value. What is not of the kind becomes nothing.

use publicdata_types::person::{
    compact, is_identity_number, is_old_identity_number, mobile_digits,
};

use super::VEIL;
use super::form::digits;

const NAME_LENGTH_MAX: usize = 60;
/// With fewer digits, the check digit would say too much of the few that are hidden.
const CARD_DIGITS: std::ops::RangeInclusive<usize> = 15..=19;

/// 居民身份证号: what hides is the date of birth.
pub(super) fn identity_number(text: &str) -> Option<String> {
    let number = compact(text).to_ascii_uppercase();
    if is_identity_number(&number) {
        Some(between(&number, 6, 4))
    } else if is_old_identity_number(&number) {
        Some(between(&number, 6, 3))
    } else {
        None
    }
}

/// 手机号码: `138****1234`.
pub(super) fn mobile(text: &str) -> Option<String> {
    mobile_digits(text).map(|number| between(&number, 3, 4))
}

/// 银行卡号.
pub(super) fn bank_card(text: &str) -> Option<String> {
    let number = digits(text)?;
    (CARD_DIGITS.contains(&number.len()) && is_luhn(&number)).then(|| between(&number, 6, 4))
}

/// 姓名: a compound surname (欧阳) is hidden but for its first character, since none can be told from a given name.
pub(super) fn person_name(text: &str) -> Option<String> {
    let characters: Vec<char> = text.trim().chars().collect();
    let joins = |c: char| matches!(c, '·' | '•' | '‧' | '・' | '．' | '.' | '-' | '\'' | ' ');
    let (first, rest) = characters.split_first()?;
    let is_name = first.is_alphabetic()
        && characters.len() <= NAME_LENGTH_MAX
        && rest.iter().all(|&c| c.is_alphabetic() || joins(c));
    if !is_name {
        return None;
    }
    match rest.len() {
        0 => Some(VEIL.to_string()),
        hidden => Some(std::iter::once(*first).chain(std::iter::repeat_n(VEIL, hidden)).collect()),
    }
}

/// Of ASCII characters, the first and the last few stay.
fn between(text: &str, first: usize, last: usize) -> String {
    let hidden = text.len().saturating_sub(first + last);
    let veiled: String = std::iter::repeat_n(VEIL, hidden).collect();
    format!("{}{veiled}{}", &text[..first], &text[text.len() - last..])
}

/// The check digit of cards (ISO/IEC 7812-1).
fn is_luhn(digits: &str) -> bool {
    let value = |(place, digit): (usize, u8)| {
        let digit = u32::from(digit - b'0');
        match (place % 2, digit * 2) {
            (0, _) => digit,
            (_, doubled) if doubled > 9 => doubled - 9,
            (_, doubled) => doubled,
        }
    };
    digits.bytes().rev().enumerate().map(value).sum::<u32>() % 10 == 0
}

#[cfg(test)]
mod tests;
