//! The log signed with SM2 and SM3 (国密) beside Ed25519.

use publicdata_audit::client::{Finding, TileLog, Verification};
use publicdata_audit::keys::{SM2_KEY_FILE, SM2_VERIFIER_KEY_FILE};
use publicdata_audit_domain::checkpoint::Doubt;
use publicdata_audit_domain::sm2::{DISTINGUISHING_ID, TYPE};
use signed_note::{Note, Signature};

use crate::bench::{Bench, ORIGIN};
use crate::outside::{openssl, read_log, told};

/// A `SubjectPublicKeyInfo` of an uncompressed SM2 point, up to the point (GB/T 35276).
const PUBLIC_KEY_PREFIX: &str = "3059301306072a8648ce3d020106082a811ccf5501822d034200";

/// R46.2: both signatures stand under the checkpoint; who demands both gets both. Tools that know nothing of SM2 read on: aics-tlog 0.2.1
/// accepts the log.
#[tokio::test]
async fn a_checkpoint_has_both_signatures() {
    let bench = Bench::in_memory();
    bench.append_many(5).await;
    let running = bench.start_with_sm2().await;
    let size = bench.settled(&running).await;

    let log = TileLog::new(&running.url).unwrap();
    let report = log.verify(&running.verifier, &Verification::default()).await.unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
    assert_eq!(report.size, size);
    let read = told(read_log(&[&running.url, &bench.log_key()]).await);
    let read: serde_json::Value = serde_json::from_str(&read).unwrap();
    assert_eq!(read["size"], size);
    let debug = format!("{:?}", publicdata_audit::keys::open_sm2(&log_folder(&bench), ORIGIN));
    let secret = std::fs::read_to_string(log_folder(&bench).join(SM2_KEY_FILE)).unwrap();
    assert!(!debug.contains(secret.trim().rsplit('+').next().unwrap()));
}

/// R46.2: an implementation that we did not write (OpenSSL 3) verifies the signature, and no other text's.
#[tokio::test]
async fn openssl_accepts_the_signature() {
    let bench = Bench::in_memory();
    bench.append_many(3).await;
    let running = bench.start_with_sm2().await;
    bench.settled(&running).await;
    let note = reqwest::get(format!("{}/checkpoint", running.url)).await.unwrap();
    let bytes = note.bytes().await.unwrap();
    let note = Note::from_bytes(&bytes).unwrap();
    let vkey = std::fs::read_to_string(log_folder(&bench).join(SM2_VERIFIER_KEY_FILE)).unwrap();
    let parts: Vec<&str> = vkey.trim().splitn(3, '+').collect();

    let folder = bench.folder.path();
    let [text, signature, public] = ["text", "signature", "public"].map(|name| folder.join(name));
    let id = u32::from_str_radix(parts[1], 16).unwrap();
    let lines = bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| {
        let signed = Signature::from_bytes(line.trim_ascii_end()).ok()?;
        (signed.id() == id).then_some(signed)
    });
    let [signed] = &lines.collect::<Vec<_>>()[..] else { panic!("{bytes:?}") };
    std::fs::write(&signature, der(signed.signature())).unwrap();
    let point = decoded(parts[2]).strip_prefix(TYPE).unwrap().to_vec();
    std::fs::write(&public, [hex::decode(PUBLIC_KEY_PREFIX).unwrap(), point].concat()).unwrap();
    let distid = format!("distid:{DISTINGUISHING_ID}");
    let verify = async |bytes: &[u8]| {
        std::fs::write(&text, bytes).unwrap();
        let files = [&text, &signature, &public].map(|path| path.to_str().unwrap());
        openssl(&[
            "pkeyutl", "-verify", "-rawin", "-digest", "sm3", "-pkeyopt", &distid, "-in", files[0],
            "-sigfile", files[1], "-pubin", "-keyform", "DER", "-inkey", files[2],
        ])
        .await
    };

    assert!(told(verify(note.text()).await).contains("Verified Successfully"));
    let altered = [note.text(), b"altered\n"].concat();
    assert!(!verify(&altered).await.status.success());
}

/// A log that began without SM2 goes on with it: nothing is signed anew, and who demands both gets both from then on. A signature that
/// is taken away or altered is missed.
#[tokio::test]
async fn a_log_goes_on_with_sm2() {
    let bench = Bench::in_memory();
    bench.append_many(3).await;
    let before = bench.start().await;
    bench.settled(&before).await;
    let auditor = bench.auditor(&before).await;
    let old = auditor.checkpoint().await.unwrap();
    let plain = before.verifier.clone();
    drop(before);

    let running = bench.start_with_sm2().await;
    bench.append_many(2).await;
    bench.settled(&running).await;
    let auditor = bench.auditor(&running).await;
    let new = auditor.checkpoint().await.unwrap();
    let missing = Doubt::Unsigned { origin: ORIGIN.to_owned(), kind: "SM2" };
    assert_eq!(running.verifier.checkpoint(&old), Err(missing.clone()));
    assert!(running.verifier.checkpoint(&new).is_ok());
    let since = Verification { old_checkpoint: Some(old), ..Verification::default() };
    let report = auditor.verify(&plain, &since).await.unwrap();
    assert!(report.is_sound() && report.continues.is_some(), "{:?}", report.findings);
    let report = auditor.verify(&running.verifier, &since).await.unwrap();
    let [Finding::OldCheckpoint(doubt)] = report.findings.as_slice() else {
        panic!("{:?}", report.findings)
    };
    assert_eq!(doubt, &missing);

    assert_eq!((report.signed_with, plain.algorithms()), (vec!["Ed25519", "SM2"], vec!["Ed25519"]));
    let note = String::from_utf8(new).unwrap();
    let (rest, line) = note.trim_end().rsplit_once('\n').unwrap();
    assert_eq!(running.verifier.checkpoint(format!("{rest}\n").as_bytes()), Err(missing));
    let (name, signature) = line.rsplit_once(' ').unwrap();
    let mut signature = decoded(signature);
    signature[20] ^= 1;
    let altered = format!("{rest}\n{name} {}\n", crate::verifiers::base64(signature));
    let wrong = Doubt::WrongSignature { origin: ORIGIN.to_owned() };
    assert_eq!(running.verifier.checkpoint(altered.as_bytes()), Err(wrong));
}

/// Whoever demands both signatures is not left without one by a key that was lost, or a setting: the service doesn't start.
#[tokio::test]
async fn a_key_that_was_lost_is_missed() {
    let bench = Bench::in_memory();
    bench.append_many(3).await;
    let running = bench.start_with_sm2().await;
    bench.settled(&running).await;
    drop(running);

    let missed = |told: String| told.contains("was signed with test.internal/audit+");
    let unset = bench.refused(bench.config()).await;
    assert!(missed(unset.clone()), "{unset}");
    let kept = log_folder(&bench).join("kept");
    std::fs::rename(log_folder(&bench).join(SM2_KEY_FILE), &kept).unwrap();
    let mut config = bench.config();
    config.sm2 = true;
    let lost = bench.refused(config).await;
    assert!(missed(lost.clone()), "{lost}");
    std::fs::rename(&kept, log_folder(&bench).join(SM2_KEY_FILE)).unwrap();
    let running = bench.start_with_sm2().await;
    bench.settled(&running).await;
}

fn log_folder(bench: &Bench) -> std::path::PathBuf {
    bench.folder.path().join("log")
}

fn decoded(text: &str) -> Vec<u8> {
    base64::Engine::decode(&base64::prelude::BASE64_STANDARD, text).unwrap()
}

/// Two numbers of 32 bytes as DER has them: `SEQUENCE { INTEGER r, INTEGER s }`.
fn der(signature: &[u8]) -> Vec<u8> {
    let numbers = signature.chunks(32).flat_map(|number| {
        let first = number.iter().position(|byte| *byte != 0).unwrap();
        let mut number = number[first..].to_vec();
        if number[0] >= 0x80 {
            number.insert(0, 0);
        }
        [vec![2, u8::try_from(number.len()).unwrap()], number].concat()
    });
    let numbers: Vec<u8> = numbers.collect();
    [vec![0x30, u8::try_from(numbers.len()).unwrap()], numbers].concat()
}
