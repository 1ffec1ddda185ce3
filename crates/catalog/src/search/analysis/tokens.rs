//! Terms and their positions, all in one buffer.

use std::ops::Range;

use tantivy::tokenizer::{Token, TokenStream};

/// The terms of one text.
#[derive(Clone, Debug, Default)]
pub(in crate::search) struct Tokens {
    text: String,
    places: Vec<(Range<usize>, usize)>,
    next: usize,
    token: Token,
}

impl Tokens {
    /// Adds a term. Positions never go back.
    pub(super) fn push(&mut self, position: usize, text: &str) {
        let from = self.text.len();
        self.text.push_str(text);
        self.places.push((from..self.text.len(), position));
    }

    /// The terms with their positions.
    #[cfg(test)]
    pub(in crate::search) fn list(&self) -> Vec<(usize, &str)> {
        let place =
            |(range, position): &(Range<usize>, usize)| (*position, &self.text[range.clone()]);
        self.places.iter().map(place).collect()
    }
}

impl TokenStream for Tokens {
    fn advance(&mut self) -> bool {
        let Some((range, position)) = self.places.get(self.next) else { return false };

        self.next += 1;
        self.token.position = *position;
        self.token.text.clear();
        self.token.text.push_str(&self.text[range.clone()]);
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
