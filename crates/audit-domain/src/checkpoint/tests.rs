use proptest::prelude::*;

use super::*;
use crate::oracle::{Log, leaf};

const ORIGIN: &str = "publicdata.example/audit";

fn key() -> LogKey {
    LogKey::from_seed(ORIGIN, [7; 32]).unwrap()
}

fn verifier() -> Verifier {
    key().verifier_key().parse().unwrap()
}

fn checkpoint() -> Checkpoint {
    Checkpoint { size: 3, hash: Log::of(3).tree.root() }
}

/// The published format: whoever keeps a checkpoint of today can check it in years.
#[test]
fn note_and_keys_read_as_ever() {
    let note = String::from_utf8(key().sign(&checkpoint())).unwrap();

    assert_eq!(key().verifier_key(), include_str!("tests/golden.vkey").trim());
    assert_eq!(note, include_str!("tests/golden.checkpoint"));
}

#[test]
fn signed_checkpoint_is_read_back() {
    assert_eq!(verifier().checkpoint(&key().sign(&checkpoint())), Ok(checkpoint()));
}

#[test]
fn key_survives_its_text() {
    let again: LogKey = key().expose().parse().unwrap();

    assert_eq!(again.sign(&checkpoint()), key().sign(&checkpoint()));
    assert_eq!(again.verifier_key(), key().verifier_key());
}

/// H5: a key that is printed by mistake stays secret.
#[test]
fn debug_output_hides_the_secret() {
    let secret = key().expose().splitn(5, '+').nth(4).unwrap().to_owned();

    assert!(!format!("{:?}", key()).contains(&secret));
}

#[test]
fn odd_origins_are_refused() {
    for origin in ["", "with space", "with+plus", "with\nline"] {
        assert_eq!(LogKey::from_seed(origin, [7; 32]).unwrap_err(), KeyError::Origin, "{origin:?}");
    }
}

#[test]
fn malformed_keys_are_refused() {
    let altered = key().verifier_key().replace(ORIGIN, "publicdata.example/other");

    assert_eq!("".parse::<Verifier>().unwrap_err(), KeyError::VerifierKey);
    assert_eq!(altered.parse::<Verifier>().unwrap_err(), KeyError::VerifierKey);
    assert_eq!("PRIVATE+KEY+a+b".parse::<LogKey>().unwrap_err(), KeyError::SigningKey);
}

#[test]
fn another_key_does_not_count() {
    let forger = LogKey::from_seed(ORIGIN, [8; 32]).unwrap();

    assert_eq!(
        verifier().checkpoint(&forger.sign(&checkpoint())),
        Err(Doubt::Unsigned { origin: ORIGIN.to_owned(), kind: "Ed25519" })
    );
}

#[test]
fn another_logs_checkpoint_does_not_count() {
    let text = format!("other.example/log\n0\n{}\n", BASE64_STANDARD.encode([0; 32]));
    let mut note = Note::new(text.as_bytes(), &[]).unwrap();
    note.add_sigs(&[&key().signer]).unwrap();

    assert_eq!(
        verifier().checkpoint(&note.to_bytes()),
        Err(Doubt::OtherLog { origin: ORIGIN.to_owned() })
    );
}

#[test]
fn witness_may_sign_beside_the_log() {
    let witness = LogKey::from_seed("witness.example", [9; 32]).unwrap();
    let mut note = Note::from_bytes(&key().sign(&checkpoint())).unwrap();
    note.add_sigs(&[&witness.signer]).unwrap();

    assert_eq!(verifier().checkpoint(&note.to_bytes()), Ok(checkpoint()));
}

/// R46.2, R23.2: an outsider with the verifier key alone checks an event and the log's growth.
#[test]
fn outsider_checks_inclusion_and_growth_offline() {
    let log = Log::of(9);
    let old = key().sign(&Checkpoint { size: 4, hash: proof::root(4, &log.hashes).unwrap() });
    let new = key().sign(&Checkpoint { size: 9, hash: log.tree.root() });
    let inclusion = proof::inclusion(9, 2, &log.hashes).unwrap();
    let consistency = proof::consistency(4, 9, &log.hashes).unwrap();

    assert_eq!(verifier().inclusion(&new, 2, &leaf(2), &inclusion).map(|tree| tree.size), Ok(9));
    assert_eq!(verifier().consistency(&old, &new, &consistency).map(|tree| tree.size), Ok(9));
    assert_eq!(
        verifier().inclusion(&new, 2, b"altered", &inclusion),
        Err(Doubt::Refuted(Refuted::Inclusion { index: 2, size: 9 }))
    );
    assert!(verifier().consistency(&new, &old, &consistency).is_err());
}

proptest! {
    #[test]
    fn any_seed_makes_a_key(seed in any::<[u8; 32]>()) {
        let key = LogKey::from_seed(ORIGIN, seed).unwrap();
        let verifier: Verifier = key.verifier_key().parse().unwrap();

        prop_assert_eq!(verifier.checkpoint(&key.sign(&checkpoint())), Ok(checkpoint()));
    }

    /// Whatever byte is changed, the note is not taken for the log's, or says the same as before.
    #[test]
    fn changed_note_does_not_count(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut note = key().sign(&checkpoint());
        let at = at.index(note.len());
        note[at] ^= 1 << bit;

        if let Ok(read) = verifier().checkpoint(&note) {
            prop_assert_eq!(read, checkpoint());
        }
    }

    #[test]
    fn garbage_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(verifier().checkpoint(&bytes).is_err());
    }
}
