//! Text to terms, the same for what is indexed and for what is asked.
//!
//! Text is indexed by characters and pairs of characters, so that every part of it is found wherever a dictionary would cut it.
//! What is asked is cut by a dictionary: each of its words must occur, wherever it stands. Pinyin is another thing, in [`pinyin`].

pub(super) mod pinyin;
mod tokens;

use std::sync::LazyLock;

use jieba_rs::Jieba;
use tantivy::tokenizer::Tokenizer;
use unicode_normalization::UnicodeNormalization as _;

pub(super) use tokens::Tokens;

/// Between two texts of one field stand more positions than a phrase with a gap can span.
const BREAK: usize = 8;
/// What is longer is no word; it is cut there.
const WORD_LENGTH_MAX: usize = 64;

/// The dictionary takes a moment to load, so it is loaded once.
static DICTIONARY: LazyLock<Jieba> = LazyLock::new(Jieba::new);

/// How a field's text becomes terms.
#[derive(Clone, Copy, Debug)]
pub(super) enum Analyser {
    /// Each character and each pair of them, with positions; words of other scripts whole.
    Grams,
    /// Pinyin of a name: syllables, and two and three initials, with positions.
    Syllables,
    /// Pinyin of short texts, from each of their characters to the end.
    Readings,
    /// Every beginning of a code.
    Beginnings,
}

/// A run of text without punctuation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Chinese characters.
    Han(String),
    /// Letters and digits of any other script, in lower case, and the parts of an identifier like `areaCode`.
    Word { text: String, parts: Vec<String> },
    /// Another text begins.
    Break,
}

// === impl Analyser ===

impl Analyser {
    pub(super) const ALL: [Self; 4] =
        [Self::Grams, Self::Syllables, Self::Readings, Self::Beginnings];

    /// Its name in the schema.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Grams => "grams",
            Self::Syllables => "syllables",
            Self::Readings => "readings",
            Self::Beginnings => "beginnings",
        }
    }

    pub(super) fn tokens(self, text: &str) -> Tokens {
        let mut tokens = Tokens::default();
        match self {
            Self::Grams => grams(text, &mut tokens),
            Self::Syllables => pinyin::syllables(text, &mut tokens),
            Self::Readings => pinyin::readings(text, &mut tokens),
            Self::Beginnings => beginnings(text, &mut tokens),
        }
        tokens
    }
}

impl Tokenizer for Analyser {
    type TokenStream<'a> = Tokens;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Tokens {
        self.tokens(text)
    }
}

/// Cuts text where its script changes or punctuation stands. Full-width forms become common ones.
pub(super) fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let (mut han, mut word) = (String::new(), String::new());
    for character in text.nfkc() {
        let (is_han, is_word) = (is_han(character), character.is_alphanumeric());
        if !is_han && !han.is_empty() {
            pieces.push(Piece::Han(std::mem::take(&mut han)));
        }
        if (is_han || !is_word) && !word.is_empty() {
            pieces.push(Piece::word(&std::mem::take(&mut word)));
        }
        match (is_han, is_word) {
            (true, _) => han.push(character),
            (false, true) => word.push(character),
            (false, false) if character == '\n' => pieces.push(Piece::Break),
            (false, false) => {}
        }
    }
    if !han.is_empty() {
        pieces.push(Piece::Han(han));
    }
    if !word.is_empty() {
        pieces.push(Piece::word(&word));
    }
    pieces
}

/// The words of Chinese text, in order. Characters that make no word stay together: often they are a name. Guessing at words that
/// the dictionary lacks is left out: it would cut a name here otherwise than there.
pub(super) fn words(han: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut is_loose = false;
    for token in DICTIONARY.cut(han, false) {
        let is_single = token.end - token.start == 1;
        match words.last_mut() {
            Some(loose) if is_single && is_loose => loose.push_str(token.word),
            Some(_) | None => words.push(token.word.to_owned()),
        }
        is_loose = is_single;
    }
    words
}

/// The pairs of neighbouring characters.
pub(super) fn pairs(text: &str) -> impl Iterator<Item = &str> {
    let mut ends = text.char_indices().map(|(at, character)| at + character.len_utf8());
    ends.next();
    text.char_indices().zip(ends).map(|((from, _), to)| &text[from..to])
}

/// Loads the dictionary, which a first search would wait for.
pub(super) fn warm_up() {
    LazyLock::force(&DICTIONARY);
}

impl Piece {
    fn word(text: &str) -> Self {
        let mut parts: Vec<String> = Vec::new();
        let mut previous_is_lower = false;
        for character in text.chars() {
            let begins = character.is_uppercase() && previous_is_lower;
            if begins || parts.is_empty() {
                parts.push(String::new());
            }
            if let Some(part) = parts.last_mut() {
                part.extend(character.to_lowercase());
            }
            previous_is_lower = character.is_lowercase();
        }
        let text = parts.concat().chars().take(WORD_LENGTH_MAX).collect();
        if parts.len() == 1 {
            parts.clear();
        }
        Self::Word { text, parts }
    }
}

fn grams(text: &str, tokens: &mut Tokens) {
    let mut position = 0;
    let mut pair = String::new();
    let mut previous: Option<char> = None;
    for piece in pieces(text) {
        match piece {
            Piece::Han(han) => {
                for character in han.chars() {
                    if let Some(previous) = previous {
                        pair.clear();
                        pair.extend([previous, character]);
                        tokens.push(position - 1, &pair);
                    }
                    tokens.push(position, character.encode_utf8(&mut [0; 4]));
                    previous = Some(character);
                    position += 1;
                }
                continue;
            }
            Piece::Word { text, parts } => {
                tokens.push(position, &text);
                for part in parts {
                    tokens.push(position, &part);
                }
                position += 1;
            }
            Piece::Break => position += BREAK,
        }
        previous = None;
    }
}

fn beginnings(text: &str, tokens: &mut Tokens) {
    for (at, character) in text.char_indices() {
        tokens.push(0, &text[..at + character.len_utf8()]);
    }
}

fn is_han(character: char) -> bool {
    matches!(character, '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}'
        | '\u{20000}'..='\u{323af}' | '〇')
}

#[cfg(test)]
mod tests;
