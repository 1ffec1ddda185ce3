//! Pinyin of Chinese text: whole syllables and initials, with every common reading of a character.
//!
//! A name is indexed with positions: at each character its syllables, and the initials of it and those that follow, by twos and
//! threes. Initials alone are too few letters to tell entries apart, and longer runs of them too many terms. Items' titles and
//! providers' names repeat from entry to entry, so there each rest of a text is a term of its own, found by its beginning.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use pinyin::{ToPinyin as _, ToPinyinMulti as _};

use super::{Piece, Tokens, pieces};

/// Marks initials, so that they are not taken for a syllable.
const INITIALS: char = '\'';
/// How many readings of a character count. The rare ones come last.
const READINGS_MAX: usize = 3;
/// How many ways to read a title count.
const WAYS_MAX: usize = 4;
/// How many letters of a title's rest are kept.
const REST_LENGTH_MAX: usize = 32;
/// How many ways to cut letters into syllables are tried.
const CUTS_MAX: usize = 8;

/// Every syllable there is.
static SYLLABLES: LazyLock<BTreeSet<String>> = LazyLock::new(|| {
    let common = ('\u{4e00}'..='\u{9fff}').filter_map(|character| character.to_pinyin_multi());
    common.flatten().map(|sound| ascii(sound.plain())).collect()
});

/// One character of a text, in letters.
struct Slot {
    readings: Vec<String>,
    initials: Vec<char>,
}

/// The terms of a name.
pub(super) fn syllables(text: &str, tokens: &mut Tokens) {
    let slots: Vec<Slot> = slots(text).into_iter().flatten().collect();
    let mut initials = String::new();
    for (position, slot) in slots.iter().enumerate() {
        slot.readings.iter().for_each(|reading| tokens.push(position, reading));
        for length in 2..=3 {
            let Some(slots) = slots.get(position..position + length) else { continue };
            for way in ways(slots.iter().map(|slot| slot.initials.as_slice()), usize::MAX) {
                initials.clear();
                initials.push(INITIALS);
                initials.extend(way);
                tokens.push(position, &initials);
            }
        }
    }
}

/// The terms of titles, one a line.
pub(super) fn readings(text: &str, tokens: &mut Tokens) {
    let mut terms = BTreeSet::new();
    for line in slots(text) {
        for way in ways(line.iter().map(|slot| slot.initials.as_slice()), WAYS_MAX) {
            let way: Vec<String> = way.into_iter().map(String::from).collect();
            rests(&way, 2, &mut terms);
        }
        for way in ways(line.iter().map(|slot| slot.readings.as_slice()), WAYS_MAX) {
            rests(&way, 1, &mut terms);
        }
    }
    terms.iter().for_each(|term| tokens.push(0, term));
}

/// The terms that stand for a run of initials in a name, with their offsets; none for a single letter.
pub(in crate::search) fn initials(letters: &str) -> Vec<(usize, String)> {
    let term = |from: usize, to: usize| (from, format!("{INITIALS}{}", &letters[from..to]));
    match letters.len() {
        _ if !letters.is_ascii() => vec![],
        0 | 1 => vec![],
        2 => vec![term(0, 2)],
        length => {
            let mut starts: Vec<usize> = (0..=length - 3).step_by(3).collect();
            if length % 3 != 0 {
                starts.push(length - 3);
            }
            starts.into_iter().map(|from| term(from, from + 3)).collect()
        }
    }
}

/// The ways to cut letters into whole syllables.
pub(in crate::search) fn cuts(letters: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    if letters.is_ascii() {
        cut(letters, &mut Vec::new(), &mut found);
    }
    found
}

/// How Chinese text sounds, as it is mostly read; `None` if there is a character whose sound is unknown.
pub(in crate::search) fn sound(han: &str) -> Option<Vec<String>> {
    let plain = |character: char| character.to_pinyin().map(|sound| ascii(sound.plain()));
    han.chars().map(plain).collect()
}

/// What puts names in the order of pinyin: each character's sound and tone, then the character.
pub(in crate::search) fn sort_key(name: &str) -> String {
    let mut key = String::new();
    for piece in pieces(name) {
        match piece {
            Piece::Han(han) => {
                for character in han.chars() {
                    if let Some(sound) = character.to_pinyin() {
                        key.push_str(sound.with_tone_num_end());
                    }
                    key.push(' ');
                    key.push(character);
                    key.push(' ');
                }
            }
            Piece::Word { text, .. } => {
                key.push_str(&text);
                key.push(' ');
            }
            Piece::Break => {}
        }
    }
    key
}

fn cut(rest: &str, before: &mut Vec<String>, found: &mut Vec<Vec<String>>) {
    const SYLLABLE_LENGTH_MAX: usize = 6;

    if rest.is_empty() && !before.is_empty() {
        found.push(before.clone());
    }
    // Longer syllables first: they are the likelier ones.
    for length in (1..=SYLLABLE_LENGTH_MAX.min(rest.len())).rev() {
        if found.len() >= CUTS_MAX {
            return;
        }
        let (syllable, rest) = rest.split_at(length);
        if SYLLABLES.contains(syllable) {
            before.push(syllable.to_owned());
            cut(rest, before, found);
            before.pop();
        }
    }
}

/// The characters of each line.
fn slots(text: &str) -> Vec<Vec<Slot>> {
    let mut lines = vec![Vec::new()];
    for piece in pieces(text) {
        let line = match piece {
            Piece::Han(han) => han.chars().filter_map(Slot::han).collect(),
            Piece::Word { text, .. } => text.chars().map(Slot::letter).collect::<Vec<_>>(),
            Piece::Break => {
                lines.push(Vec::new());
                continue;
            }
        };
        if let Some(last) = lines.last_mut() {
            last.extend(line);
        }
    }
    lines
}

impl Slot {
    fn han(character: char) -> Option<Self> {
        let mut slot = Self { readings: Vec::new(), initials: Vec::new() };
        for reading in character.to_pinyin_multi()? {
            let reading = ascii(reading.plain());
            let Some(initial) = reading.chars().next() else { continue };
            if !slot.initials.contains(&initial) {
                slot.initials.push(initial);
            }
            if !slot.readings.contains(&reading) {
                slot.readings.push(reading);
            }
            if slot.readings.len() == READINGS_MAX {
                break;
            }
        }
        Some(slot)
    }

    fn letter(letter: char) -> Self {
        Self { readings: vec![letter.to_string()], initials: vec![letter] }
    }
}

/// Every way, at most `max`, to take one of each.
fn ways<'a, T: Clone + 'a>(each: impl Iterator<Item = &'a [T]>, max: usize) -> Vec<Vec<T>> {
    let mut ways = vec![Vec::new()];
    for choices in each {
        let longer = ways.iter().flat_map(|way: &Vec<T>| {
            choices
                .iter()
                .map(move |choice| [way.as_slice(), std::slice::from_ref(choice)].concat())
        });
        ways = longer.take(max).collect();
    }
    ways
}

fn rests(way: &[String], length_min: usize, terms: &mut BTreeSet<String>) {
    for from in 0..way.len() {
        if way.len() - from >= length_min {
            terms.insert(way[from..].concat().chars().take(REST_LENGTH_MAX).collect());
        }
    }
}

/// Keyboards write `v` for `ü`.
fn ascii(syllable: &str) -> String {
    syllable.replace('ü', "v")
}
