//! What somebody typed, cut into words.

/// How long a query may be: as long as a name.
pub(super) const LENGTH_MAX: usize = 200;
/// How many words of a query count.
pub(super) const WORDS_MAX: usize = 8;

/// A word, or what stood in quotation marks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) taken: Taken,
}

/// How a word is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Cut into smaller words if it is Chinese, and forgiven a character if need be.
    Apart,
    /// As it stands.
    Whole,
}

/// A query that is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// It is too long.
    #[error("query has {found} characters, at most {LENGTH_MAX} are allowed")]
    TooLong {
        /// How many characters it has.
        found: usize,
    },
    /// It has too many words.
    #[error("query has {found} words, at most {WORDS_MAX} are allowed")]
    TooManyWords {
        /// How many words it has.
        found: usize,
    },
}

/// The words, in order. Signs that nothing is indexed by make no word, unless there is nothing else.
pub(super) fn words(text: &str) -> Result<Vec<Word>, QueryError> {
    let found = text.chars().count();
    if found > LENGTH_MAX {
        return Err(QueryError::TooLong { found });
    }

    let mut words = Vec::new();
    let mut rest = text;
    while let Some((before, quoted, after)) = quoted(rest) {
        apart(before, &mut words);
        words.push(Word { text: quoted.to_owned(), taken: Taken::Whole });
        rest = after;
    }
    apart(rest, &mut words);

    let says = |word: &Word| word.text.chars().any(char::is_alphanumeric);
    if words.iter().any(says) {
        words.retain(says);
    }
    match words.len() {
        0..=WORDS_MAX => Ok(words),
        found => Err(QueryError::TooManyWords { found }),
    }
}

fn apart(text: &str, words: &mut Vec<Word>) {
    let breaks =
        |character: char| character.is_whitespace() || character.is_control() || is_mark(character);
    let found = text.split(breaks).filter(|word| !word.is_empty());
    words.extend(found.map(|word| Word { text: word.to_owned(), taken: Taken::Apart }));
}

/// What stands before, in and after the first pair of quotation marks.
fn quoted(text: &str) -> Option<(&str, &str, &str)> {
    let (before, after) = text.split_once(is_mark)?;
    let (quoted, after) = after.split_once(is_mark)?;
    Some((before, quoted, after))
}

fn is_mark(character: char) -> bool {
    matches!(character, '"' | '“' | '”' | '「' | '」' | '＂')
}
