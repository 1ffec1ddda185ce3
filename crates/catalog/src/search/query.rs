//! What somebody typed, as a query.
//!
//! Scores depend on the entry alone, not on how many others there are: so pages fit together while entries come and go, and an
//! order by relevance can be explained. They say where a word was found; the sum over the words decides.

mod forgiving;
mod parse;

pub use parse::QueryError;

use tantivy::Term;
use tantivy::query::{
    BooleanQuery, ConstScoreQuery, DisjunctionMaxQuery, EmptyQuery, FuzzyTermQuery, Occur,
    PhraseQuery, Query, TermQuery,
};
use tantivy::schema::{Field, IndexRecordOption};

use super::analysis::{Piece, Unit, pairs, pieces, pinyin, units};
use super::page::Strictness;
use super::schema::Fields;
use parse::{Taken, Word};

/// What a place is worth.
mod worth {
    /// A piece of text stands in the name as a whole, though it is several words.
    pub(super) const WHOLE_IN_NAME: f32 = 16.0;
    pub(super) const NAME: f32 = 16.0;
    pub(super) const CODE: f32 = 16.0;
    pub(super) const NAME_BEGINNING: f32 = 12.0;
    pub(super) const TITLES: f32 = 8.0;
    pub(super) const NAME_PINYIN: f32 = 8.0;
    pub(super) const TITLES_BEGINNING: f32 = 6.0;
    pub(super) const WORDS: f32 = 4.0;
    pub(super) const READINGS: f32 = 4.0;
    pub(super) const WORDS_BEGINNING: f32 = 3.0;
    pub(super) const FORGIVEN: f32 = 1.0;
}

/// What somebody typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Typed {
    words: Vec<Word>,
}

impl Typed {
    /// Reads it.
    pub(super) fn parse(text: &str) -> Result<Self, QueryError> {
        Ok(Self { words: parse::words(text)? })
    }

    /// Whether there is a word in which something could be forgiven.
    pub(super) fn is_forgivable(&self) -> bool {
        self.words.iter().any(|word| word.taken == Taken::Apart)
    }

    /// The query: every word must be found somewhere. `None` if nothing was typed.
    pub(super) fn query(&self, fields: &Fields, strictness: Strictness) -> Option<Box<dyn Query>> {
        let words = self.words.iter().map(|word| word_query(fields, word, strictness));
        (!self.words.is_empty()).then(|| all_of(words.collect()))
    }
}

fn word_query(fields: &Fields, word: &Word, strictness: Strictness) -> Box<dyn Query> {
    let mut ways = Vec::new();
    if is_code(&word.text) {
        ways.push(worth(in_field(fields.code, &word.text), worth::CODE));
    }
    match word.taken {
        Taken::Whole => ways.extend(whole(fields, &word.text)),
        Taken::Apart => {
            let pieces: Vec<Piece> = joined(pieces(&word.text));
            let pieces = pieces.iter().map(|piece| piece_query(fields, piece, strictness));
            let pieces: Vec<_> = pieces.collect();
            if !pieces.is_empty() {
                ways.push(all_of(pieces));
            }
        }
    }
    best_of(ways)
}

/// Chinese on both sides of punctuation stands together, as in names.
fn joined(pieces: Vec<Piece>) -> Vec<Piece> {
    let mut joined: Vec<Piece> = Vec::new();
    for piece in pieces {
        match (joined.last_mut(), piece) {
            (Some(Piece::Han(before)), Piece::Han(han)) => before.push_str(&han),
            (_, Piece::Break) => {}
            (_, piece) => joined.push(piece),
        }
    }
    joined
}

fn piece_query(fields: &Fields, piece: &Piece, strictness: Strictness) -> Box<dyn Query> {
    let (exact, forgiven) = match piece {
        Piece::Han(han) => (han_query(fields, han), forgiving::han(fields, han)),
        Piece::Word { text, parts } => {
            (latin_query(fields, text, parts), forgiving::latin(fields, text))
        }
        Piece::Break => return Box::new(EmptyQuery),
    };
    match strictness {
        Strictness::Exact => exact,
        Strictness::Forgiving => {
            let forgiven = forgiven.into_iter().map(|query| worth(query, worth::FORGIVEN));
            best_of(std::iter::once(exact).chain(forgiven).collect())
        }
    }
}

/// Chinese text: each of its words somewhere, all together in the name if that can be.
fn han_query(fields: &Fields, han: &str) -> Box<dyn Query> {
    let units = units(han);
    let each: Vec<_> = units.iter().map(|unit| unit_query(fields, unit)).collect();
    match each.len() {
        0 | 1 => all_of(each),
        _ => {
            let whole = worth(together(fields.name, han), worth::WHOLE_IN_NAME);
            let clauses = vec![(Occur::Must, all_of(each)), (Occur::Should, whole)];
            Box::new(BooleanQuery::new(clauses))
        }
    }
}

fn unit_query(fields: &Fields, unit: &Unit) -> Box<dyn Query> {
    let (Unit::Known(text) | Unit::Loose(text)) = unit;
    best_of(vec![
        worth(together(fields.name, text), worth::NAME),
        worth(together(fields.titles, text), worth::TITLES),
        worth(in_running_text(fields, unit), worth::WORDS),
    ])
}

/// A word of running text, which is indexed by words.
fn in_running_text(fields: &Fields, unit: &Unit) -> Box<dyn Query> {
    match unit {
        Unit::Known(word) => in_field(fields.words, word),
        Unit::Loose(loose) if loose.chars().count() == 1 => in_field(fields.words, loose),
        Unit::Loose(loose) => {
            all_of(pairs(loose).map(|pair| in_field(fields.words, pair)).collect())
        }
    }
}

/// Letters and digits: a word, the beginning of one, or pinyin.
fn latin_query(fields: &Fields, text: &str, parts: &[String]) -> Box<dyn Query> {
    const BEGINNING_LENGTH_MIN: usize = 2;

    let places = [
        (fields.name, worth::NAME, worth::NAME_BEGINNING),
        (fields.titles, worth::TITLES, worth::TITLES_BEGINNING),
        (fields.words, worth::WORDS, worth::WORDS_BEGINNING),
    ];
    let mut ways = Vec::new();
    for (field, as_word, as_beginning) in places {
        ways.push(worth(in_field(field, text), as_word));
        if text.chars().count() >= BEGINNING_LENGTH_MIN {
            ways.push(worth(beginning(field, text), as_beginning));
        }
        if !parts.is_empty() {
            let parts = parts.iter().map(|part| in_field(field, part)).collect();
            ways.push(worth(all_of(parts), as_beginning));
        }
    }
    // A number alone is no pinyin.
    let is_pinyin = text.is_ascii() && text.bytes().any(|byte| byte.is_ascii_alphabetic());
    if is_pinyin && text.len() >= BEGINNING_LENGTH_MIN {
        ways.push(worth(phrase(fields.syllables, pinyin::initials(text)), worth::NAME_PINYIN));
        for syllables in pinyin::cuts(text) {
            ways.push(worth(
                phrase(fields.syllables, syllables.into_iter().enumerate()),
                worth::NAME_PINYIN,
            ));
        }
        ways.push(worth(beginning(fields.readings, text), worth::READINGS));
    }
    best_of(ways)
}

/// In quotation marks: all of it as it stands, in one place.
fn whole(fields: &Fields, text: &str) -> Vec<Box<dyn Query>> {
    let mut ways = Vec::new();
    for (field, value) in [(fields.name, worth::NAME), (fields.titles, worth::TITLES)] {
        let mut terms = Vec::new();
        let mut offset = 0;
        for piece in joined(pieces(text)) {
            match piece {
                Piece::Han(han) => {
                    let count = han.chars().count();
                    terms.extend(cover(&han).into_iter().map(|(at, term)| (offset + at, term)));
                    offset += count;
                }
                Piece::Word { text, .. } => {
                    terms.push((offset, text));
                    offset += 1;
                }
                Piece::Break => {}
            }
        }
        ways.push(worth(phrase(field, terms), value));
    }
    // Running text has no positions: there each word of it, in whatever order.
    let mut each = Vec::new();
    for piece in pieces(text) {
        match piece {
            Piece::Han(han) => {
                each.extend(units(&han).iter().map(|unit| in_running_text(fields, unit)));
            }
            Piece::Word { text, .. } => each.push(in_field(fields.words, &text)),
            Piece::Break => {}
        }
    }
    if !each.is_empty() {
        ways.push(worth(all_of(each), worth::WORDS));
    }
    ways
}

/// Chinese characters side by side in a field that is indexed by characters and pairs of them.
fn together(field: Field, han: &str) -> Box<dyn Query> {
    phrase(field, cover(han))
}

/// The fewest terms that cover Chinese text, with their offsets. Pairs, because they are rarer than characters.
fn cover(han: &str) -> Vec<(usize, String)> {
    let pairs: Vec<&str> = pairs(han).collect();
    match pairs.len() {
        0 => vec![(0, han.to_owned())],
        count => {
            let mut starts: Vec<usize> = (0..count).step_by(2).collect();
            if count % 2 == 0 {
                starts.push(count - 1);
            }
            starts.into_iter().map(|at| (at, pairs[at].to_owned())).collect()
        }
    }
}

/// A code, or the beginning of one.
fn is_code(text: &str) -> bool {
    text.starts_with(['1', '2', '3'])
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'/')
}

/// Documents with a term.
pub(super) fn term(term: Term) -> Box<dyn Query> {
    Box::new(TermQuery::new(term, IndexRecordOption::Basic))
}

fn in_field(field: Field, text: &str) -> Box<dyn Query> {
    term(Term::from_field_text(field, text))
}

fn beginning(field: Field, text: &str) -> Box<dyn Query> {
    let term = Term::from_field_text(field, text);
    Box::new(FuzzyTermQuery::new_prefix(term, 0, false))
}

fn phrase(field: Field, terms: impl IntoIterator<Item = (usize, String)>) -> Box<dyn Query> {
    let terms = terms.into_iter().map(|(at, text)| (at, Term::from_field_text(field, &text)));
    let mut terms: Vec<_> = terms.collect();
    match terms.len() {
        0 => Box::new(EmptyQuery),
        1 => term(terms.remove(0).1),
        _ => Box::new(PhraseQuery::new_with_offset(terms)),
    }
}

fn all_of(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match queries.len() {
        0 => Box::new(EmptyQuery),
        1 => queries.remove(0),
        _ => Box::new(BooleanQuery::intersection(queries)),
    }
}

fn best_of(mut queries: Vec<Box<dyn Query>>) -> Box<dyn Query> {
    match queries.len() {
        0 => Box::new(EmptyQuery),
        1 => queries.remove(0),
        _ => Box::new(DisjunctionMaxQuery::new(queries)),
    }
}

fn worth(query: Box<dyn Query>, value: f32) -> Box<dyn Query> {
    Box::new(ConstScoreQuery::new(query, value))
}
