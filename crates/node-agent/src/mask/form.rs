//! Values in one form, as pseudonyms join them.

use publicdata_types::mask::Form;
use publicdata_types::person::{compact, long_identity_number, mobile_digits};

/// A value as it is joined by; none if nothing is left of it, since nothing joins with nothing.
pub(super) fn joining(form: Form, text: &str) -> Option<String> {
    let joined = match form {
        Form::Text => text.trim().to_owned(),
        Form::Code => compact(text).to_uppercase(),
        Form::IdentityNumber => long_identity_number(compact(text).to_uppercase()),
        Form::Mobile => mobile_digits(text).unwrap_or_else(|| compact(text)),
        Form::Digits => digits(text).unwrap_or_else(|| compact(text)),
    };
    Some(joined).filter(|joined| !joined.is_empty())
}

/// Digits alone, where a text holds nothing else but spaces and hyphens.
pub(super) fn digits(text: &str) -> Option<String> {
    let digits: String = compact(text).chars().filter(|c| *c != '-').collect();
    (!digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())).then_some(digits)
}

#[cfg(test)]
mod tests;
