use super::*;

#[test]
fn places_are_numbered_through() {
    assert_eq!(places(2, 3), "($1, $2, $3), ($4, $5, $6)");
    assert_eq!(places(1, 1), "($1)");
}

#[test]
fn parts_have_few_lengths_and_lose_nothing() {
    let rows = Vec::from_iter(0..37);
    let cut = Vec::from_iter(parts(&rows));
    assert_eq!(cut.concat(), rows);
    assert_eq!(cut.iter().map(|part| part.len()).collect::<Vec<_>>(), [16, 16, 4, 1]);
    assert_eq!(parts::<u8>(&[]).count(), 0);
}
