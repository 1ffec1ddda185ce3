//! Backups grow by what is new.

use std::collections::BTreeMap;
use std::path::Path;

use publicdata_recovery::{Error, Recipients};
use publicdata_types::Digest;

use crate::bench::Bench;

/// Every file below a folder, by its path, with its digest.
fn files(folder: &Path) -> BTreeMap<String, Digest> {
    let mut files = BTreeMap::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.insert(path.display().to_string(), Digest::of(std::fs::read(&path).unwrap()));
        }
    }
    files
}

/// R11.1: a second run writes what is new and nothing else, and changes no file that is there; without anything new it writes nothing.
#[tokio::test]
async fn second_run_writes_what_is_new() {
    let bench = Bench::with_events(100).await;
    std::fs::write(bench.content().join("a.csv"), "code,name\n1,a\n").unwrap();
    std::fs::write(bench.content().join("incoming").join("0"), "half").unwrap();
    let first = bench.back_up().await.unwrap();
    let before = files(bench.place.folder());

    let again = bench.back_up().await.unwrap();

    assert_eq!((first.events, first.new_events, first.new_files), (300, 300, 1));
    assert_eq!((again.manifest, again.new_events, again.new_bytes), (1, 0, 0));
    assert_eq!(again.manifest_sha256, first.manifest_sha256);
    assert_eq!(files(bench.place.folder()), before);

    bench.append_many(2).await;
    std::fs::write(bench.content().join("b.csv"), "code,name\n2,b\n").unwrap();
    let second = bench.back_up().await.unwrap();

    assert_eq!((second.events, second.new_events, second.new_files), (306, 6, 1));
    assert!(second.new_bytes * 5 < first.new_bytes, "{second:?} after {first:?}");
    let mut after = files(bench.place.folder());
    let new: Vec<_> = after.keys().filter(|path| !before.contains_key(*path)).cloned().collect();
    assert_eq!(new.len(), 3, "a segment, a file and a manifest: {new:?}");
    after.retain(|path, _| before.contains_key(path));
    assert_eq!(after, before);
    bench.verify().await.unwrap();
}

/// R11.1: a backup can be checked in part without a key; read it can be by each recipient, and by nobody else.
#[tokio::test]
async fn only_recipients_read_it() {
    let mut bench = Bench::with_events(5).await;
    let other = Bench::new().await;
    let both = [bench.recipients.texts(), other.recipients.texts()].concat();
    bench.recipients = Recipients::parse(&both).unwrap();
    bench.back_up().await.unwrap();
    let backup = bench.backup().unwrap();
    let stranger = Bench::new().await;

    backup.check_files(&|_, _, _| {}).unwrap();
    backup.verify(&bench.identities, &|_, _, _| {}).await.unwrap();
    backup.verify(&other.identities, &|_, _, _| {}).await.unwrap();
    let error = backup.verify(&stranger.identities, &|_, _, _| {}).await.unwrap_err();

    assert!(matches!(error, Error::OtherIdentity { .. }), "{error}");
    assert!(error.to_string().contains(&both[0]), "{error}");
    for (path, _) in files(bench.place.folder()).iter().filter(|(path, _)| path.ends_with(".age")) {
        let bytes = std::fs::read(path).unwrap();
        assert!(bytes.starts_with(b"age-encryption.org/v1\n"), "{path}");
    }

    // What is added is for the same, in whatever order they are named.
    bench.append_many(2).await;
    bench.recipients = Recipients::parse(&both[..1]).unwrap();
    let written = files(bench.place.folder());
    let error = bench.back_up().await.unwrap_err();
    assert!(matches!(error, Error::OtherRecipients { .. }), "{error}");
    assert_eq!(files(bench.place.folder()), written);
    bench.recipients = Recipients::parse(&[both[1].clone(), both[0].clone()]).unwrap();
    assert!(bench.back_up().await.unwrap().new_events >= 2);
}

/// R11.1, H3: a platform that has less than its backup is not backed up over it, and another platform's events go elsewhere.
#[tokio::test]
async fn lesser_platform_is_not_backed_up_over_it() {
    let mut bench = Bench::with_events(5).await;
    bench.back_up().await.unwrap();
    let restored = bench.restore("older").await.unwrap();
    bench.append_many(5).await;
    bench.back_up().await.unwrap();

    bench.audit = bench.audit_of(&restored).await;
    bench.store = restored.store.clone();
    let error = bench.back_up().await.unwrap_err();

    assert!(matches!(error, Error::OlderLog { backup: 30, log: 15 }), "{error}");
    assert_eq!(bench.backup().unwrap().newest().size, 30);
}

/// R11.1: two backups at once do not get in each other's way: the second is told so.
#[tokio::test]
async fn second_writer_is_refused() {
    let bench = Bench::with_events(50).await;

    let (first, second) = tokio::join!(bench.back_up(), bench.back_up());

    let errors: Vec<_> = [first, second].into_iter().filter_map(Result::err).collect();
    assert!(matches!(errors[..], [Error::Busy { .. }]), "{errors:?}");
    bench.verify().await.unwrap();
}
