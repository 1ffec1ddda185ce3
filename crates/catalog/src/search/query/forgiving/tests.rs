use super::mistakes;

/// What remains of the text, with gaps, is what phrases look for.
#[test]
fn every_mistake_leaves_the_rest_in_its_place() {
    let typed: Vec<char> = "社区名".chars().collect();
    let found = mistakes(&typed);
    let parts = |parts: &[(usize, &str)]| {
        parts.iter().map(|(at, text)| (*at, (*text).to_owned())).collect::<Vec<_>>()
    };
    for expected in [
        parts(&[(0, "社"), (2, "名")]),
        parts(&[(0, "社"), (1, "名")]),
        parts(&[(0, "社"), (2, "区名")]),
        parts(&[(0, "区社名")]),
    ] {
        assert!(found.contains(&expected), "{expected:?} in {found:?}");
    }
    assert_eq!(found.len(), 4 * typed.len() - 2);
    let two: Vec<char> = "社区".chars().collect();
    assert_eq!(mistakes(&two), [parts(&[(0, "社"), (2, "区")]), parts(&[(0, "区社")])]);
}
