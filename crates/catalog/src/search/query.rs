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

use super::analysis::{Piece, pairs, pieces, pinyin, words};
use super::page::Strictness;
use super::schema::Fields;
use parse::{Taken, Word};

/// What a place is worth.
mod worth {
    /// A piece of text stands in the name as a whole, though it is several words.
    pub(super) const WHOLE_IN_NAME: f32 = 16.0;
    /// On top of what it is worth anywhere.
    pub(super) const NAME: f32 = 16.0;
    pub(super) const CODE: f32 = 16.0;
    pub(super) const NAME_BEGINNING: f32 = 12.0;
    pub(super) const NAME_PINYIN: f32 = 8.0;
    pub(super) const TEXT: f32 = 4.0;
    pub(super) const TEXT_BEGINNING: f32 = 3.0;
    pub(super) const READINGS: f32 = 3.0;
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
        let mut clauses = Clauses::default();
        for word in &self.words {
            clauses.word(fields, word, strictness);
        }
        (!self.words.is_empty()).then(|| clauses.query())
    }
}

/// What must be found, and what makes it fit better. Everything that must be found is one flat list, so that the rarest leads.
#[derive(Default)]
struct Clauses {
    must: Vec<Box<dyn Query>>,
    should: Vec<Box<dyn Query>>,
}

impl Clauses {
    fn query(self) -> Box<dyn Query> {
        if self.must.is_empty() {
            return Box::new(EmptyQuery);
        }
        let must = self.must.into_iter().map(|query| (Occur::Must, query));
        let should = self.should.into_iter().map(|query| (Occur::Should, query));
        Box::new(BooleanQuery::new(must.chain(should).collect()))
    }

    fn word(&mut self, fields: &Fields, word: &Word, strictness: Strictness) {
        let mut taken = Self::default();
        match word.taken {
            Taken::Whole => taken.whole(fields, &word.text),
            Taken::Apart => {
                for piece in joined(pieces(&word.text)) {
                    taken.piece(fields, &piece, strictness);
                }
            }
        }
        if is_code(&word.text) {
            let code = worth(in_field(fields.code, &word.text), worth::CODE);
            self.must.push(best_of(vec![code, taken.query()]));
        } else if taken.must.is_empty() {
            // Nothing that is indexed is nowhere.
            self.must.push(Box::new(EmptyQuery));
        } else {
            self.must.extend(taken.must);
            self.should.extend(taken.should);
        }
    }

    fn piece(&mut self, fields: &Fields, piece: &Piece, strictness: Strictness) {
        let forgiven = match (strictness, piece) {
            (Strictness::Exact, _) | (_, Piece::Break) => vec![],
            (Strictness::Forgiving, Piece::Han(han)) => forgiving::han(fields, han),
            (Strictness::Forgiving, Piece::Word { text, .. }) => forgiving::latin(fields, text),
        };
        let mut exact = Self::default();
        match piece {
            Piece::Han(han) => exact.han(fields, han),
            Piece::Word { text, parts } => exact.must.push(latin(fields, text, parts)),
            Piece::Break => {}
        }
        if forgiven.is_empty() {
            self.must.extend(exact.must);
            self.should.extend(exact.should);
        } else {
            let forgiven = forgiven.into_iter().map(|query| worth(query, worth::FORGIVEN));
            self.must.push(best_of(std::iter::once(exact.query()).chain(forgiven).collect()));
        }
    }

    /// Chinese text: each of its words somewhere, better in the name, best all together there.
    fn han(&mut self, fields: &Fields, han: &str) {
        let words = words(han);
        for word in &words {
            self.must.push(worth(together(fields.text, word), worth::TEXT));
            self.should.push(worth(together(fields.name, word), worth::NAME));
        }
        if words.len() > 1 {
            self.should.push(worth(together(fields.name, han), worth::WHOLE_IN_NAME));
        }
    }

    /// In quotation marks: all of it as it stands, in one place.
    fn whole(&mut self, fields: &Fields, text: &str) {
        let mut terms = Vec::new();
        let mut offset = 0;
        for piece in joined(pieces(text)) {
            match piece {
                Piece::Han(han) => {
                    terms.extend(cover(&han).into_iter().map(|(at, term)| (offset + at, term)));
                    offset += han.chars().count();
                }
                Piece::Word { text, .. } => {
                    terms.push((offset, text));
                    offset += 1;
                }
                Piece::Break => {}
            }
        }
        if !terms.is_empty() {
            self.should.push(worth(phrase(fields.name, terms.clone()), worth::NAME));
            self.must.push(worth(phrase(fields.text, terms), worth::TEXT));
        }
    }
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

/// Letters and digits: a word, the beginning of one, or pinyin.
fn latin(fields: &Fields, text: &str, parts: &[String]) -> Box<dyn Query> {
    const BEGINNING_LENGTH_MIN: usize = 2;

    let places = [
        (fields.name, worth::NAME, worth::NAME_BEGINNING),
        (fields.text, worth::TEXT, worth::TEXT_BEGINNING),
    ];
    let mut ways = Vec::new();
    for (field, as_word, as_beginning) in places {
        ways.push(worth(in_field(field, text), as_word));
        if text.chars().count() >= BEGINNING_LENGTH_MIN {
            ways.push(worth(beginning(field, text), as_beginning));
        }
        if !parts.is_empty() {
            let parts = parts.iter().map(|part| in_field(field, part)).collect();
            ways.push(worth(Box::new(BooleanQuery::intersection(parts)), as_beginning));
        }
    }
    // A number alone is no pinyin.
    let is_pinyin = text.is_ascii() && text.bytes().any(|byte| byte.is_ascii_alphabetic());
    if is_pinyin && text.len() >= BEGINNING_LENGTH_MIN {
        ways.push(worth(phrase(fields.syllables, pinyin::initials(text)), worth::NAME_PINYIN));
        for syllables in pinyin::cuts(text) {
            let syllables = phrase(fields.syllables, syllables.into_iter().enumerate());
            ways.push(worth(syllables, worth::NAME_PINYIN));
        }
        ways.push(worth(beginning(fields.readings, text), worth::READINGS));
    }
    best_of(ways)
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
