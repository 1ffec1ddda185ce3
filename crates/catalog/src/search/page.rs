//! Where a page ended, so that the next one goes on behind it whatever came in between.
//!
//! A token holds the place in the order: the key of the last entry, and the entry's number. An entry that stays as it is comes
//! exactly once, however many others are added or changed meanwhile: its key depends on nothing but the entry itself.

use std::cmp::Reverse;

use publicdata_types::PageToken;

use super::request::{Order, Search};

/// Where an entry stands in an order; the smaller comes first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Key {
    /// By a number: the greater first.
    Rank(Reverse<u64>),
    /// By a text.
    Text(String),
}

/// The place of the last entry of a page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) key: Key,
    pub(super) number: u64,
}

/// How strictly words are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strictness {
    /// As they are written.
    Exact,
    /// One character of a word may be wrong, missing or too many.
    Forgiving,
}

/// A token that does not fit the search.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// It was not made here.
    #[error(
        "page token is malformed; send back the one of the page before, or none to begin at the start"
    )]
    Malformed,
    /// It belongs to another search.
    #[error(
        "page token belongs to another search; keep query, filters and order as they were, or begin at the start"
    )]
    Elsewhere,
}

/// The token of the page behind `place`.
pub(super) fn token(search: &Search, strictness: Strictness, place: &Place) -> String {
    let strictness = match strictness {
        Strictness::Exact => 'e',
        Strictness::Forgiving => 'f',
    };
    let key = match &place.key {
        Key::Rank(Reverse(rank)) => rank.to_string(),
        Key::Text(text) => text.clone(),
    };
    let (same, number) = (search.fingerprint(), place.number);
    PageToken::after(format!("{strictness}.{same:x}.{number}.{key}")).to_string()
}

/// Reads a token.
pub(super) fn read(search: &Search, token: &str) -> Result<(Strictness, Place), TokenError> {
    let token: PageToken = token.parse().map_err(|_| TokenError::Malformed)?;
    let mut parts = token.key().splitn(4, '.');
    let mut part = || parts.next().ok_or(TokenError::Malformed);
    let (strictness, same, number, key) = (part()?, part()?, part()?, part()?);

    let strictness = match strictness {
        "e" => Strictness::Exact,
        "f" => Strictness::Forgiving,
        _ => return Err(TokenError::Malformed),
    };
    if u64::from_str_radix(same, 16).map_err(|_| TokenError::Malformed)? != search.fingerprint() {
        return Err(TokenError::Elsewhere);
    }
    let key = match search.order() {
        Order::Code | Order::Name => Key::Text(key.to_owned()),
        Order::Relevance | Order::Updated | Order::Published => {
            Key::Rank(Reverse(key.parse().map_err(|_| TokenError::Malformed)?))
        }
    };
    let number = number.parse().map_err(|_| TokenError::Malformed)?;
    Ok((strictness, Place { key, number }))
}
