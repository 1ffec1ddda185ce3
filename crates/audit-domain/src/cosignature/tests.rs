use ed25519_dalek::{Signer as _, SigningKey};
use proptest::prelude::*;

use super::*;
use crate::checkpoint::{Checkpoint, LogKey};
use crate::tree::Tree;

const NAME: &str = "witness.example/w1";
const TIME_S: u64 = 1_767_000_000;

fn key() -> SigningKey {
    SigningKey::from_bytes(&[9; 32])
}

fn verifier_key(name: &str, algorithm: u8, key: &[u8]) -> String {
    let bytes = [&[algorithm], key].concat();
    let id = signed_note::key_id(name, &bytes);
    format!("{name}+{id:08x}+{}", BASE64_STANDARD.encode(bytes))
}

fn witness() -> Witness {
    verifier_key(NAME, COSIGNATURE_V1, key().verifying_key().as_bytes()).parse().unwrap()
}

fn note() -> Vec<u8> {
    let log = LogKey::from_seed("publicdata.example/audit", [7; 32]).unwrap();
    log.sign(&Checkpoint { size: 0, hash: Tree::default().root() })
}

/// The line that the witness adds to a note with this text.
fn line(text: &[u8], time_s: u64) -> String {
    let signature = key().sign(&message(time_s, text)).to_bytes();
    let bytes = [&witness().id.to_be_bytes()[..], &time_s.to_be_bytes(), &signature].concat();
    format!("— {NAME} {}", BASE64_STANDARD.encode(bytes))
}

fn text() -> Vec<u8> {
    Note::from_bytes(&note()).unwrap().text().to_vec()
}

fn with(line: &str) -> Vec<u8> {
    [&note()[..], line.as_bytes(), b"\n"].concat()
}

/// R46.2: a witness's cosignature counts beside the log's signature, and says when.
#[test]
fn cosignature_is_found_beside_the_logs_signature() {
    let line = line(&text(), TIME_S);

    let found = witness().cosignature(&with(&line));

    assert_eq!(found, Ok(Some(Cosignature { time_s: TIME_S, line })));
    assert_eq!(witness().cosignature(&note()), Ok(None));
    assert_eq!(witness().cosignature(b"no note"), Err(Doubt::NotANote));
}

/// R46.2: a signature of another text, without a time, or at one that no date can tell, does not count.
#[test]
fn cosignature_of_something_else_does_not_count() {
    let wrong = Err(Doubt::WrongSignature { origin: NAME.to_owned() });

    assert_eq!(witness().cosignature(&with(&line(b"another text\n", TIME_S))), wrong);
    for time_s in [0, TIME_S_MAX + 1, u64::MAX] {
        assert_eq!(witness().cosignature(&with(&line(&text(), time_s))), wrong, "{time_s}");
    }
    let short = BASE64_STANDARD.encode([&witness().id.to_be_bytes()[..], b"short"].concat());
    assert_eq!(witness().cosignature(&with(&format!("— {NAME} {short}"))), wrong);
}

/// H3: what is no key of a witness is refused: the key of a log, a weak key, a wrong id.
#[test]
fn other_keys_are_refused() {
    let public = key().verifying_key();
    let log_key = verifier_key(NAME, 1, public.as_bytes());
    let weak = verifier_key(NAME, COSIGNATURE_V1, &[0; 32]);
    let short = verifier_key(NAME, COSIGNATURE_V1, &[1; 31]);
    let good = verifier_key(NAME, COSIGNATURE_V1, public.as_bytes());
    let renamed = good.replace("w1", "w2");

    for text in ["", "a+b", "a+0+", &log_key, &weak, &short, &renamed] {
        assert_eq!(text.parse::<Witness>().unwrap_err(), WitnessKeyError, "{text}");
    }
    assert_eq!(format!("{good}\n").parse::<Witness>().unwrap().name(), NAME);
}

/// The published form of an offer.
#[test]
fn offer_reads_as_specified() {
    let hash = Digest::of(b"");
    let offer = String::from_utf8(offer(20, &[hash, hash], b"the note\n")).unwrap();

    let hash = BASE64_STANDARD.encode(hash.as_bytes());
    assert_eq!(offer, format!("old 20\n{hash}\n{hash}\n\nthe note\n"));
}

#[test]
fn signed_size_is_a_plain_number() {
    assert_eq!(signed_size(b"20852014\n"), Some(20_852_014));
    assert_eq!(signed_size(b"0"), Some(0));
    for text in ["", "\n", "+1\n", "-1\n", "1 \n", "1\n\n", "99999999999999999999\n", "<html>"] {
        assert_eq!(signed_size(text.as_bytes()), None, "{text:?}");
    }
    assert_eq!(signed_size(&[0xff]), None);
}

proptest! {
    /// Whatever bit of a cosigned note is changed, the cosignature no longer counts, or says the same as before.
    #[test]
    fn changed_cosignature_does_not_count(at in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let mut note = with(&line(&text(), TIME_S));
        let whole = witness().cosignature(&note).unwrap().unwrap();
        let at = at.index(note.len());
        note[at] ^= 1 << bit;

        if let Ok(Some(found)) = witness().cosignature(&note) {
            prop_assert_eq!(found, whole);
            let read = Note::from_bytes(&note).unwrap();
            prop_assert_eq!(read.text(), text());
        }
    }
}
