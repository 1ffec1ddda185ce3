//! How the values of a sensitive item (敏感信息项) are masked before they leave their provider.
//!
//! The ways are those that GB/T 37964-2019 《信息安全技术 个人信息去标识化指南》 knows: suppression (抑制), of which
//! shielding (屏蔽) leaves a part of a value legible; pseudonyms (假名化) that only the holder of a key can make; and
//! generalisation (泛化), such as rounding (取整). Which characters of a kind stay is the habit of government systems in
//! China; each variant says it.

use std::fmt;
use std::str::FromStr;

use crate::decimal::{Decimal, DecimalError};
use crate::item::ItemType;

/// How the values of a sensitive item are masked where a grant does not lift the mask.
///
/// A value that does not fit its mask becomes null, and is never let through. That is also said of a value that already
/// holds an asterisk, where the mask is one of a kind: what it hides was chosen by somebody else.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mask {
    /// Every value becomes null.
    Suppress,
    /// The first and the last character stay, those between become asterisks.
    Partial,
    /// A keyed pseudonym: equal values stay equal within one provider's node. Items that name the same domain have the
    /// same pseudonyms, so that their rows can be joined; without one, items of the same name have.
    Pseudonym(Option<JoinDomain>),
    /// 居民身份证号 (GB 11643): the first 6 digits, which say the division, and the last 4 stay, of old numbers of 15
    /// digits the last 3. So it is the date of birth that is hidden.
    IdentityNumber,
    /// 手机号码 of the mainland: the first 3 and the last 4 of its 11 digits stay.
    Mobile,
    /// 姓名: the first character stays, whatever the surname: 欧阳小明 becomes 欧***. Of a single character nothing stays.
    PersonName,
    /// 地址: what names the division stays, down to the county or district (区、县、县级市、旗).
    Address,
    /// 银行卡号: of 15 to 19 digits the first 6, which name the bank, and the last 4 stay.
    BankCard,
    /// Of a date or time, year and month stay: 2026-01.
    Month,
    /// Of a date or time, the year stays: 2026.
    Year,
    /// Of a number, the band of that width it lies in stays, such as `[20,30)`.
    Band(Step),
    /// Of a number, the nearest multiple of the step stays; what lies in the middle goes away from zero (四舍五入).
    Round(Step),
}

/// What pseudonyms are made of that join: such as `identity-number`.
///
/// Some names also say how a value is written before it becomes a pseudonym: see [`Form`].
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct JoinDomain(String);

/// How values of a domain are brought into one form, so that those that mean the same join.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `identity-number`: without spaces, in capitals, and of 18 characters where it was given with 15.
    IdentityNumber,
    /// `credit-code`: without spaces, in capitals.
    Code,
    /// `mobile`: the 11 digits alone, without +86.
    Mobile,
    /// `bank-card`: the digits alone.
    Digits,
    /// Every other domain: without spaces before and after.
    Text,
}

/// The width of a band, or what is rounded to: more than nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Step(Decimal);

/// A text that is no domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "not a domain of pseudonyms; write 1 to 63 small letters, digits and hyphens, a letter first, such as identity-number"
)]
pub struct JoinDomainError;

/// A text that is no step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// It is no number.
    #[error(transparent)]
    Number(#[from] DecimalError),
    /// It is zero or less.
    #[error("a step has to be more than 0")]
    NotPositive,
}

const DOMAIN_LENGTH_MAX: usize = 63;

impl Mask {
    /// Whether values of that type can be masked so.
    #[must_use]
    pub const fn fits(&self, kind: ItemType) -> bool {
        match self {
            Self::Suppress | Self::Partial | Self::Pseudonym(_) => true,
            Self::IdentityNumber
            | Self::Mobile
            | Self::PersonName
            | Self::Address
            | Self::BankCard => matches!(kind, ItemType::Text | ItemType::Memo),
            Self::Month | Self::Year => matches!(kind, ItemType::Date | ItemType::Timestamp),
            Self::Band(step) | Self::Round(step) => {
                kind.is_number() && (!matches!(kind, ItemType::Integer) || step.hides_of_integers())
            }
        }
    }

    /// The types that it fits, in words.
    #[must_use]
    pub const fn fitting(&self) -> &'static str {
        match self {
            Self::Suppress | Self::Partial | Self::Pseudonym(_) => "every type",
            Self::IdentityNumber
            | Self::Mobile
            | Self::PersonName
            | Self::Address
            | Self::BankCard => "texts (C, M)",
            Self::Month | Self::Year => "dates and times (D, T)",
            Self::Band(_) | Self::Round(_) => {
                "numbers (N, Y, B, F; I if the step is a whole number above 1)"
            }
        }
    }

    /// Whether the type of what it leaves is the item's own; else it is text.
    #[must_use]
    pub const fn keeps_type(&self) -> bool {
        match self {
            Self::Suppress | Self::Round(_) => true,
            Self::Partial
            | Self::Pseudonym(_)
            | Self::IdentityNumber
            | Self::Mobile
            | Self::PersonName
            | Self::Address
            | Self::BankCard
            | Self::Month
            | Self::Year
            | Self::Band(_) => false,
        }
    }
}

impl JoinDomain {
    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The form that its values are brought into.
    #[must_use]
    pub fn form(&self) -> Form {
        match self.0.as_str() {
            "identity-number" => Form::IdentityNumber,
            "credit-code" => Form::Code,
            "mobile" => Form::Mobile,
            "bank-card" => Form::Digits,
            _ => Form::Text,
        }
    }
}

impl FromStr for JoinDomain {
    type Err = JoinDomainError;

    fn from_str(text: &str) -> Result<Self, JoinDomainError> {
        let is_word = |character: char| {
            character.is_ascii_lowercase() || character.is_ascii_digit() || character == '-'
        };
        let sound = text.len() <= DOMAIN_LENGTH_MAX
            && text.starts_with(|first: char| first.is_ascii_lowercase())
            && text.chars().all(is_word);
        if sound { Ok(Self(text.to_owned())) } else { Err(JoinDomainError) }
    }
}

impl Step {
    /// The number.
    #[must_use]
    pub const fn number(self) -> Decimal {
        self.0
    }

    /// Whether something of whole numbers is hidden, and what is left is one.
    const fn hides_of_integers(&self) -> bool {
        self.0.is_whole() && self.0.unscaled() > Decimal::ONE
    }
}

impl FromStr for Step {
    type Err = StepError;

    fn from_str(text: &str) -> Result<Self, StepError> {
        let number: Decimal = text.parse()?;
        if number.unscaled() > 0 { Ok(Self(number)) } else { Err(StepError::NotPositive) }
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Suppress => f.write_str("suppress"),
            Self::Partial => f.write_str("partial"),
            Self::Pseudonym(None) => f.write_str("pseudonym"),
            Self::Pseudonym(Some(domain)) => write!(f, "pseudonym in {domain}"),
            Self::IdentityNumber => f.write_str("identity number"),
            Self::Mobile => f.write_str("mobile"),
            Self::PersonName => f.write_str("person's name"),
            Self::Address => f.write_str("address"),
            Self::BankCard => f.write_str("bank card"),
            Self::Month => f.write_str("month"),
            Self::Year => f.write_str("year"),
            Self::Band(step) => write!(f, "band of {step}"),
            Self::Round(step) => write!(f, "round to {step}"),
        }
    }
}

impl fmt::Display for JoinDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests;
