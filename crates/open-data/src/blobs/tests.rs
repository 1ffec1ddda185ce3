use super::*;

const CONTENT: &[u8] = b"code,name\n510104,a\n";

async fn received(blobs: &Blobs, content: &[u8]) -> Received {
    let mut incoming = blobs.receive().await.unwrap();
    for part in content.chunks(5) {
        incoming.write(part).await.unwrap();
    }
    incoming.finish().await.unwrap()
}

fn incoming_count(folder: &Path) -> usize {
    fs::read_dir(folder.join(INCOMING)).unwrap().count()
}

#[tokio::test]
async fn what_is_kept_is_found_by_its_digest() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(folder.path(), 100).unwrap();

    let received = received(&blobs, CONTENT).await;
    let digest = received.digest;
    assert_eq!((digest, received.bytes), (Digest::of(CONTENT), CONTENT.len() as u64));
    blobs.keep(received).await.unwrap();

    assert_eq!(fs::read(blobs.verified(&digest).await.unwrap()).unwrap(), CONTENT);
    assert_eq!(incoming_count(folder.path()), 0);
}

#[tokio::test]
async fn what_is_not_kept_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(folder.path(), 100).unwrap();
    drop(received(&blobs, CONTENT).await);
    let mut half = blobs.receive().await.unwrap();
    half.write(CONTENT).await.unwrap();
    drop(half);
    assert_eq!(incoming_count(folder.path()), 0);
}

/// H4: what a crash has left half received is gone after the next start.
#[tokio::test]
async fn leftovers_are_removed_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    drop(Blobs::open(folder.path(), 100).unwrap());
    fs::write(folder.path().join(INCOMING).join("0"), CONTENT).unwrap();

    let _blobs = Blobs::open(folder.path(), 100).unwrap();

    assert_eq!(incoming_count(folder.path()), 0);
}

#[tokio::test]
async fn a_folder_has_one_owner() {
    let folder = tempfile::tempdir().unwrap();
    let first = Blobs::open(folder.path(), 100).unwrap();
    assert!(matches!(Blobs::open(folder.path(), 100), Err(OpenError::InUse(_))));
    drop(first);
    assert!(Blobs::open(folder.path(), 100).is_ok());
}

#[tokio::test]
async fn too_much_is_refused_while_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let blobs = Blobs::open(folder.path(), 8).unwrap();
    let mut incoming = blobs.receive().await.unwrap();
    incoming.write(b"12345678").await.unwrap();
    let refused = incoming.write(b"9").await;
    assert!(matches!(refused, Err(BlobError::TooLarge { bytes_max: 8 })));
}

#[tokio::test]
async fn damaged_content_is_not_given_out() {
    let folder = tempfile::tempdir().unwrap();
    let digest = Digest::of(CONTENT);
    {
        let blobs = Blobs::open(folder.path(), 100).unwrap();
        let received = received(&blobs, CONTENT).await;
        blobs.keep(received).await.unwrap();
    }
    fs::write(folder.path().join(hex::encode(digest.as_bytes())), b"other").unwrap();

    let blobs = Blobs::open(folder.path(), 100).unwrap();
    assert!(matches!(blobs.verified(&digest).await, Err(BlobError::Damaged { .. })));

    // Whoever proposes the same again mends it.
    let again = received(&blobs, CONTENT).await;
    blobs.keep(again).await.unwrap();
    assert!(blobs.verified(&digest).await.is_ok());
}
