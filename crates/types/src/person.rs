//! Numbers of persons, as they are told from other numbers: so that masks leave little of them, and events hold none (H5).

use jiff::civil::Date;

const IDENTITY_WEIGHTS: [u32; 17] = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
const IDENTITY_CHECKS: &[u8; 11] = b"10X98765432";
const MOBILE_DIGITS: usize = 11;
/// What stands before mobile numbers of the mainland.
const COUNTRY_CODES: [&str; 3] = ["+86", "0086", "86"];

/// The 11 digits of a mobile number, however it is written.
#[must_use]
pub fn mobile_digits(text: &str) -> Option<String> {
    let compact: String = compact(text).chars().filter(|c| !matches!(c, '-' | '(' | ')')).collect();
    let local =
        |prefix: &&str| compact.strip_prefix(*prefix).filter(|rest| rest.len() == MOBILE_DIGITS);
    let number = COUNTRY_CODES.iter().find_map(local).unwrap_or(&compact);
    let mut bytes = number.bytes();
    let begins = bytes.next() == Some(b'1') && matches!(bytes.next(), Some(b'3'..=b'9'));
    let is_mobile = begins && number.len() == MOBILE_DIGITS && is_digits(number);
    is_mobile.then(|| number.to_owned())
}

/// Whether this is an identity number of 18 characters, by its date of birth and its check character (GB 11643).
#[must_use]
pub fn is_identity_number(text: &str) -> bool {
    let Some((body, check)) = text.split_at_checked(17) else { return false };
    is_digits(body)
        && !body.starts_with('0')
        && is_date(&body[6..14])
        && check.as_bytes() == [identity_check(body)]
}

/// Whether this is one of the old numbers of 15 digits.
#[must_use]
pub fn is_old_identity_number(text: &str) -> bool {
    text.len() == 15
        && is_digits(text)
        && !text.starts_with('0')
        && is_date(&format!("19{}", &text[6..12]))
}

/// A character in its half width.
#[must_use]
pub fn narrow(character: char) -> char {
    match character {
        '！'..='～' => char::from_u32(u32::from(character) - 0xfee0).unwrap_or(character),
        other => other,
    }
}

/// Without white space, and in characters of half width.
#[must_use]
pub fn compact(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).map(narrow).collect()
}

/// Of the old numbers of 15 digits, the new one of 18 that the same person has; any other text as it is.
#[must_use]
pub fn long_identity_number(text: String) -> String {
    if !is_old_identity_number(&text) {
        return text;
    }
    let body = format!("{}19{}", &text[..6], &text[6..]);
    let check = char::from(identity_check(&body));
    format!("{body}{check}")
}

/// Of 17 digits.
fn identity_check(body: &str) -> u8 {
    let digits = body.bytes().map(|digit| u32::from(digit - b'0'));
    let sum: u32 = digits.zip(IDENTITY_WEIGHTS).map(|(digit, weight)| digit * weight).sum();
    IDENTITY_CHECKS[sum as usize % IDENTITY_CHECKS.len()]
}

/// Of 8 digits.
fn is_date(digits: &str) -> bool {
    let part = |range: std::ops::Range<usize>| digits[range].parse().unwrap_or(0_i16);
    let (month, day) = (part(4..6) as i8, part(6..8) as i8);
    Date::new(part(0..4), month, day).is_ok()
}

fn is_digits(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests;
