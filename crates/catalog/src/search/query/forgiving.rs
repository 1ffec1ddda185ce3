//! One character that is wrong, missing, too many, or has changed places with its neighbour.
//!
//! Chinese text keeps all its other characters in place, so each mistake is a phrase with a gap. At most 4 phrases for each
//! character, of rare pairs: cheaper than to compare every name. In two characters a wrong one leaves too little to go by,
//! unless it sounds the same, which is how most wrong characters come about.

use tantivy::Term;
use tantivy::query::{FuzzyTermQuery, Query};
use tantivy::schema::Field;

use super::{cover, phrase, pinyin};
use crate::search::schema::Fields;

/// Of longer text, words are found one by one.
const HAN_LENGTH_MAX: usize = 20;
/// Letters of which one may be wrong.
const LATIN_LENGTH_MIN: usize = 3;

/// Where Chinese text is found with a mistake in it.
pub(super) fn han(fields: &Fields, han: &str) -> Vec<Box<dyn Query>> {
    let characters: Vec<char> = han.chars().collect();
    let mut ways = Vec::new();
    if !(2..=HAN_LENGTH_MAX).contains(&characters.len()) {
        return ways;
    }
    if let Some(sound) = pinyin::sound(han) {
        ways.push(phrase(fields.syllables, sound.into_iter().enumerate()));
    }
    ways.extend(mistakes(&characters).iter().map(|parts| gapped(fields.text, parts)));
    ways
}

/// Where letters are found with a mistake in them.
pub(super) fn latin(fields: &Fields, text: &str) -> Vec<Box<dyn Query>> {
    // Another number is no mistake.
    let is_number = text.chars().all(char::is_numeric);
    if is_number || text.chars().count() < LATIN_LENGTH_MIN {
        return vec![];
    }
    vec![Box::new(FuzzyTermQuery::new(Term::from_field_text(fields.text, text), 1, true))]
}

/// Each mistake as what is left of the text, with the offset of each part in what was meant.
fn mistakes(typed: &[char]) -> Vec<Vec<(usize, String)>> {
    let text = |range: std::ops::Range<usize>| typed[range].iter().collect::<String>();
    let length = typed.len();
    let mut mistakes = Vec::new();
    for at in 0..length {
        let (before, after) = ((0, text(0..at)), text(at + 1..length));
        if length > 2 {
            // Wrong: whatever it should be, the rest stays where it is.
            mistakes.push(vec![before.clone(), (at + 1, after.clone())]);
            // Too many: the rest moves up.
            mistakes.push(vec![before.clone(), (at, after)]);
        }
        if at > 0 {
            // Missing before this one: the rest moves on.
            mistakes.push(vec![before, (at + 1, text(at..length))]);
            let mut turned = typed.to_vec();
            turned.swap(at - 1, at);
            mistakes.push(vec![(0, turned.into_iter().collect())]);
        }
    }
    mistakes
}

fn gapped(field: Field, parts: &[(usize, String)]) -> Box<dyn Query> {
    let parts = parts.iter().filter(|(_, part)| !part.is_empty());
    let terms = parts.flat_map(|(offset, part)| {
        cover(part).into_iter().map(move |(at, term)| (offset + at, term))
    });
    phrase(field, terms)
}

#[cfg(test)]
mod tests;
