use super::*;
use crate::checkpoint::Doubt;
use crate::{Checkpoint, LogKey, Tree, Verifier};

const ORIGIN: &str = "publicdata.example/audit";

fn sm2() -> Sm2Key {
    Sm2Key::from_seed(ORIGIN, &[7; 32]).unwrap().unwrap()
}

fn key() -> LogKey {
    LogKey::from_seed(ORIGIN, [7; 32]).unwrap().with_sm2(sm2()).unwrap()
}

fn checkpoint() -> Checkpoint {
    let mut tree = Tree::default();
    tree.append(b"a leaf");
    Checkpoint { size: tree.size(), hash: tree.root() }
}

/// The published format: whoever keeps a checkpoint of today can check it in years.
#[test]
fn note_and_keys_read_as_ever() {
    let note = String::from_utf8(key().sign(&checkpoint())).unwrap();

    assert_eq!(sm2().verifier_key(), include_str!("tests/golden.vkey").trim());
    assert_eq!(note, include_str!("tests/golden.checkpoint"));
}

#[test]
fn key_survives_its_text() {
    let again: Sm2Key = sm2().expose().parse().unwrap();

    assert_eq!(again.verifier_key(), sm2().verifier_key());
}

/// Each key that a verifier has must have signed, in whatever order they are named.
#[test]
fn each_key_counts() {
    let (both, keys) = (key().sign(&checkpoint()), key());
    let plain = LogKey::from_seed(ORIGIN, [7; 32]).unwrap().sign(&checkpoint());
    let (one, other) = (keys.verifier_key(), sm2().verifier_key().to_owned());

    for named in [format!("{one}\n{other}\n"), format!("{other} {one}"), other] {
        let verifier: Verifier = named.parse().unwrap();
        assert_eq!(verifier.origin(), ORIGIN);
        assert_eq!(verifier.checkpoint(&both), Ok(checkpoint()));
        let missing = Doubt::Unsigned { origin: ORIGIN.to_owned(), kind: "SM2" };
        assert_eq!(verifier.checkpoint(&plain), Err(missing));
    }
    let forger = Sm2Key::from_seed(ORIGIN, &[8; 32]).unwrap().unwrap();
    let verifier: Verifier = forger.verifier_key().parse().unwrap();
    assert!(matches!(verifier.checkpoint(&both), Err(Doubt::Unsigned { .. })));
}

#[test]
fn what_is_no_key_is_refused() {
    let elsewhere = Sm2Key::from_seed("other.example/log", &[7; 32]).unwrap().unwrap();
    let two = format!("{} {}", key().verifier_key(), elsewhere.verifier_key());
    assert_eq!(two.parse::<Verifier>().unwrap_err(), KeyError::OtherOrigin);
    let plain = LogKey::from_seed(ORIGIN, [7; 32]).unwrap();
    assert_eq!(plain.with_sm2(elsewhere).unwrap_err(), KeyError::OtherOrigin);

    let vkey = sm2().verifier_key().to_owned();
    let point = parts(&vkey).unwrap().2;
    let short = [TYPE, &[2 + (point[64] & 1)], &point[1..33]].concat();
    let id = signed_note::key_id(ORIGIN, &short);
    let compressed = format!("{ORIGIN}+{id:08x}+{}", BASE64_STANDARD.encode(short));
    for odd in [vkey.replace(ORIGIN, "publicdata.example/other"), compressed, vkey[..60].into()] {
        assert_eq!(odd.parse::<Verifier>().unwrap_err(), KeyError::VerifierKey, "{odd}");
    }
    for odd in ["", "PRIVATE+KEY+a+b", key().expose(), &sm2().expose().replace(ORIGIN, "other")] {
        assert_eq!(odd.parse::<Sm2Key>().unwrap_err(), KeyError::Sm2SigningKey, "{odd}");
    }
    assert!(Sm2Key::from_seed(ORIGIN, &[0; 32]).unwrap().is_none());
    assert_eq!(Sm2Key::from_seed("with space", &[7; 32]).unwrap_err(), KeyError::Origin);
}

/// H5: a key that is printed by mistake stays secret.
#[test]
fn debug_output_hides_the_secret() {
    let secret = sm2().expose().splitn(5, '+').nth(4).unwrap().to_owned();

    assert!(!format!("{:?} {:?}", sm2(), key()).contains(&secret));
}
