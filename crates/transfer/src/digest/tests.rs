use super::*;

#[test]
fn digest_of_frames_is_the_digest_of_their_concatenation() {
    let mut progress = Progress::default();
    progress.record(b"schema", 0);
    progress.record(b"batch", 3);

    assert_eq!(progress.digest(), Digest::of(b"schemabatch"));
    assert_eq!((progress.frames(), progress.rows(), progress.bytes()), (2, 3, 11));
}

#[test]
fn taking_the_digest_does_not_end_it() {
    let mut progress = Progress::default();
    progress.record(b"schema", 0);
    let before = progress.digest();
    progress.record(b"batch", 1);

    assert_eq!(before, Digest::of(b"schema"));
    assert_eq!(progress.digest(), Digest::of(b"schemabatch"));
}
