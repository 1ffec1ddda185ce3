use super::*;

const TABLE: u32 = 7;
const OTHER: u32 = 8;

/// A message with the relation `(code, note)` of this number.
fn relation(number: u32, columns: &[&str]) -> Bytes {
    let mut message = vec![b'R'];
    message.extend(number.to_be_bytes());
    message.extend(b"public\0people\0d");
    message.extend(u16::try_from(columns.len()).unwrap().to_be_bytes());
    for column in columns {
        message.push(1);
        message.extend(column.as_bytes());
        message.extend([0, 0, 0, 0, 25, 255, 255, 255, 255]);
    }
    message.into()
}

fn row(values: &[Option<&str>]) -> Vec<u8> {
    let mut row = u16::try_from(values.len()).unwrap().to_be_bytes().to_vec();
    for value in values {
        match value {
            Some(value) => {
                row.push(b't');
                row.extend(u32::try_from(value.len()).unwrap().to_be_bytes());
                row.extend(value.as_bytes());
            }
            None => row.push(b'u'),
        }
    }
    row
}

fn message(kind: u8, number: u32, parts: &[(u8, &[Option<&str>])]) -> Bytes {
    let mut message = vec![kind];
    message.extend(number.to_be_bytes());
    for (mark, values) in parts {
        message.push(*mark);
        message.extend(row(values));
    }
    message.into()
}

fn decoder(key: &[&str]) -> Decoder {
    let key: Vec<String> = key.iter().map(|&column| column.to_owned()).collect();
    let mut decoder = Decoder::new(TABLE, &key);
    decoder.take(relation(TABLE, &["note", "code"])).unwrap();
    decoder
}

#[test]
fn keys_are_those_of_the_table_alone() {
    let mut decoder = decoder(&["code"]);
    decoder.take(relation(OTHER, &["code"])).unwrap();
    decoder.take(message(b'I', OTHER, &[(b'N', &[Some("x")])])).unwrap();
    decoder.take(message(b'I', TABLE, &[(b'N', &[Some("n"), Some("a")])])).unwrap();
    decoder.take(message(b'D', TABLE, &[(b'K', &[Some("n"), Some("b")])])).unwrap();

    assert_eq!(decoder.keys, [["a"], ["b"]]);
    assert!(!decoder.is_whole);
}

#[test]
fn a_changed_key_is_two() {
    let mut decoder = decoder(&["code"]);
    let (old, new) = ([Some("n"), Some("a")], [Some("n"), Some("b")]);
    decoder.take(message(b'U', TABLE, &[(b'K', &old), (b'N', &new)])).unwrap();
    assert_eq!(decoder.keys, [["a"], ["b"]]);
}

/// A long value that did not change is not sent again.
#[test]
fn a_key_that_was_not_sent_again_is_the_old_one() {
    let mut decoder = decoder(&["code", "note"]);
    let (old, new) = ([Some("long"), Some("a")], [None, Some("b")]);
    decoder.take(message(b'U', TABLE, &[(b'O', &old), (b'N', &new)])).unwrap();
    assert_eq!(decoder.keys, [["a", "long"], ["b", "long"]]);
    assert!(!decoder.is_whole);
}

#[test]
fn without_its_key_any_row_may_have_changed() {
    let mut unsent = decoder(&["note"]);
    unsent.take(message(b'U', TABLE, &[(b'N', &[None, Some("b")])])).unwrap();
    assert!(unsent.is_whole && unsent.keys.is_empty());

    let mut unknown = decoder(&["id"]);
    unknown.take(message(b'I', TABLE, &[(b'N', &[Some("n"), Some("a")])])).unwrap();
    assert!(unknown.is_whole && unknown.keys.is_empty());

    let mut emptied = decoder(&["code"]);
    let tables =
        [&b"T"[..], &2_u32.to_be_bytes(), &[0], &OTHER.to_be_bytes(), &TABLE.to_be_bytes()];
    emptied.take(tables.concat().into()).unwrap();
    assert!(emptied.is_whole);
}

#[test]
fn what_is_cut_short_is_an_error() {
    let whole = message(b'I', TABLE, &[(b'N', &[Some("n"), Some("a")])]);
    for length in 0..whole.len() {
        assert!(decoder(&["code"]).take(whole.slice(..length)).is_err(), "{length}");
    }
}
