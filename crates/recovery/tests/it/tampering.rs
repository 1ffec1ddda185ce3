//! A backup that was tampered with is refused, with what is wrong and where.

use std::fs;
use std::path::PathBuf;

use prost::Message as _;
use publicdata_proto::recovery::v1::Segment;
use publicdata_recovery::manifest::Manifest;
use publicdata_types::Digest;

use crate::bench::Bench;

/// A backup of three runs.
async fn backup() -> Bench {
    let bench = Bench::with_events(10).await;
    std::fs::write(bench.content().join("a.csv"), "code,name\n1,a\n").unwrap();
    for _ in 0..2 {
        bench.back_up().await.unwrap();
        bench.append_many(2).await;
    }
    bench.back_up().await.unwrap();
    bench.verify().await.unwrap();
    bench
}

fn path(bench: &Bench, relative: &str) -> PathBuf {
    bench.place.folder().join(relative)
}

fn manifest(bench: &Bench, number: u64) -> Manifest {
    let text = fs::read(path(bench, &format!("manifests/{number:08}.json"))).unwrap();
    serde_json::from_slice(&text).unwrap()
}

fn write_manifest(bench: &Bench, manifest: &Manifest) {
    let path = path(bench, &format!("manifests/{:08}.json", manifest.number));
    fs::write(path, serde_json::to_vec_pretty(manifest).unwrap()).unwrap();
}

/// What is said when everything is read, and when it is restored: the same.
async fn refused(bench: &Bench) -> String {
    let said = bench.verify().await.unwrap_err().to_string();
    let restoring = bench.restore("restored").await.err().unwrap().to_string();
    assert_eq!(restoring, said);
    said
}

/// R11.1, H3: each file of a backup that was changed, cut short or removed is named, with what is wrong with it.
#[tokio::test]
async fn damaged_file_is_named() {
    let bench = backup().await;
    let second = manifest(&bench, 2).segments[0].sealed.path.clone();
    let original = fs::read(path(&bench, &second)).unwrap();

    let mut flipped = original.clone();
    flipped[original.len() / 2] ^= 1;
    fs::write(path(&bench, &second), flipped).unwrap();
    let said = refused(&bench).await;
    assert!(said.contains(&second) && said.contains("its digest is sha256:"), "{said}");

    fs::write(path(&bench, &second), &original[..original.len() - 20]).unwrap();
    let said = refused_again(&bench).await;
    assert!(said.contains(&second) && said.contains("bytes, and"), "{said}");

    fs::remove_file(path(&bench, &second)).unwrap();
    let said = refused_again(&bench).await;
    assert!(said.contains(&second) && said.contains("it is missing"), "{said}");
    fs::write(path(&bench, &second), &original).unwrap();

    let file = manifest(&bench, 1).files[0].sealed.path.clone();
    fs::write(path(&bench, &file), b"age-encryption.org/v1\n").unwrap();
    let said = refused_again(&bench).await;
    assert!(said.contains(&file), "{said}");
}

async fn refused_again(bench: &Bench) -> String {
    bench.verify().await.unwrap_err().to_string()
}

/// R11.1, H3: a manifest that is changed, replaced or missing breaks the chain, and is named.
#[tokio::test]
async fn broken_chain_is_named() {
    let bench = backup().await;
    let (first, second) = (manifest(&bench, 1), manifest(&bench, 2));

    let longer = Manifest { size: second.size + 1, ..second.clone() };
    write_manifest(&bench, &longer);
    let said = refused_again(&bench).await;
    assert!(said.contains("00000002.json") && said.contains("its checkpoint is of 36"), "{said}");

    let text = fs::read_to_string(path(&bench, "manifests/00000001.json")).unwrap();
    write_manifest(&bench, &second);
    write_manifest(&bench, &Manifest { recipients: Vec::new(), ..first });
    let said = refused_again(&bench).await;
    assert!(said.contains("00000002.json") && said.contains("the manifest before it"), "{said}");
    fs::write(path(&bench, "manifests/00000001.json"), text).unwrap();

    fs::remove_file(path(&bench, "manifests/00000002.json")).unwrap();
    let said = refused_again(&bench).await;
    assert!(said.contains("00000002.json is damaged: it is missing"), "{said}");
}

/// R11.1: whoever can write to the place knows the recipients, and can make sealed files and manifests of his own: but not a checkpoint.
/// An event that was changed, dropped or put in does not make the root that the log has signed.
#[tokio::test]
async fn forged_events_do_not_make_the_signed_root() {
    let bench = backup().await;
    let newest = manifest(&bench, 3);
    let file = newest.segments[0].clone();

    let forge = async |change: &dyn Fn(&mut Segment)| {
        let mut segment = opened(&bench, &file.sealed.path);
        change(&mut segment);
        let sealed = sealed(&bench, &segment.encode_to_vec());
        fs::write(path(&bench, &file.sealed.path), &sealed).unwrap();
        let mut forged = newest.clone();
        forged.segments[0].sealed.bytes = sealed.len() as u64;
        forged.segments[0].sealed.sha256 = Digest::of(&sealed);
        write_manifest(&bench, &forged);
        refused_again(&bench).await
    };

    let original = opened(&bench, &file.sealed.path);
    let payload = |segment: &mut Segment| segment.entries[1].payload[0] ^= 1;
    let said = forge(&payload).await;
    assert!(said.contains(&file.sealed.path), "{said}");
    assert!(said.contains("event 37 of the log is not what its leaf says"), "{said}");

    let restored = original.clone();
    let swap = move |segment: &mut Segment| {
        *segment = restored.clone();
        let first = segment.entries[0].clone();
        // The same events in another order of the log.
        segment.entries.rotate_left(2);
        assert_ne!(segment.entries[0], first);
    };
    let said = forge(&swap).await;
    assert!(said.contains("do not make the tree that was signed"), "{said}");

    let dropped = original.clone();
    let drop = move |segment: &mut Segment| {
        *segment = dropped.clone();
        segment.entries.pop();
    };
    let said = forge(&drop).await;
    assert!(said.contains("it holds 5 events"), "{said}");
}

/// R11.1: a checkpoint that another key has signed does not count.
#[tokio::test]
async fn foreign_checkpoint_does_not_count() {
    let (bench, other) = (backup().await, backup().await);
    let mut newest = manifest(&bench, 3);
    newest.checkpoint = manifest(&other, 3).checkpoint;
    write_manifest(&bench, &newest);

    let said = refused_again(&bench).await;

    assert!(said.ends_with("holds a checkpoint that does not count"), "{said}");
}

/// R11.1: no manifest makes a restore write outside of its folder.
#[tokio::test]
async fn paths_stay_inside() {
    let bench = backup().await;
    let mut newest = manifest(&bench, 3);
    let mut file = manifest(&bench, 1).files[0].clone();
    file.path = "../outside".to_owned();
    newest.files.push(file);
    write_manifest(&bench, &newest);

    let said = refused_again(&bench).await;

    assert!(said.contains("it names the file ../outside"), "{said}");
}

fn opened(bench: &Bench, sealed: &str) -> Segment {
    let identity: age::x25519::Identity = identity(bench);
    let packed = age::decrypt(&identity, &fs::read(path(bench, sealed)).unwrap()).unwrap();
    Segment::decode(zstd::decode_all(packed.as_slice()).unwrap().as_slice()).unwrap()
}

fn sealed(bench: &Bench, plain: &[u8]) -> Vec<u8> {
    let recipient: age::x25519::Recipient = bench.recipients.texts()[0].parse().unwrap();
    age::encrypt(&recipient, &zstd::encode_all(plain, 0).unwrap()).unwrap()
}

fn identity(bench: &Bench) -> age::x25519::Identity {
    let text = fs::read_to_string(bench.folder.path().join("identity")).unwrap();
    text.lines().find(|line| line.starts_with("AGE-")).unwrap().parse().unwrap()
}
