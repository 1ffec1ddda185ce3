//! The log over plain HTTP.

use publicdata_audit_domain::tile::{self, Kind, Tile};
use publicdata_audit_domain::tree::{self, Tree};
use publicdata_types::Digest;
use reqwest::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE,
};
use reqwest::{Client, Method, Response, StatusCode};

use crate::bench::{Bench, Running};

const IMMUTABLE: &str = "public, max-age=31536000, immutable";

/// A log of more than one full tile.
async fn log() -> (Bench, Running, u64) {
    let bench = Bench::in_memory();
    bench.append_many(100).await;
    let running = bench.start().await;
    let size = bench.settled(&running).await;
    assert_eq!(size, 300);
    (bench, running, size)
}

/// Asks as a client that takes nothing compressed.
async fn ask(running: &Running, method: Method, path: &str) -> Response {
    let client = Client::builder().no_gzip().build().unwrap();
    client.request(method, format!("{}/{path}", running.url)).send().await.unwrap()
}

async fn get(running: &Running, path: &str) -> Response {
    ask(running, Method::GET, path).await
}

async fn bytes(running: &Running, tile: Tile) -> Vec<u8> {
    let answer = get(running, &tile.to_string()).await;
    assert_eq!(answer.status(), StatusCode::OK, "{tile}");
    answer.bytes().await.unwrap().to_vec()
}

fn header(answer: &Response, name: impl reqwest::header::AsHeaderName) -> Option<&str> {
    answer.headers().get(name).map(|value| value.to_str().unwrap())
}

/// R23.2: the checkpoint is served as it was signed, and is never kept by a cache unasked.
#[tokio::test]
async fn checkpoint_is_served_as_it_was_signed() {
    let (_bench, running, size) = log().await;

    let answer = get(&running, "checkpoint").await;

    assert_eq!(answer.status(), StatusCode::OK);
    assert_eq!(header(&answer, CONTENT_TYPE), Some("text/plain; charset=utf-8"));
    assert_eq!(header(&answer, CACHE_CONTROL), Some("public, no-cache"));
    let note = answer.bytes().await.unwrap();
    assert_eq!(running.verifier.checkpoint(&note).unwrap().size, size);
}

/// R23.2: from the bundles alone anybody builds the tree that was signed, and the tiles hold that tree's hashes.
#[tokio::test]
async fn tiles_and_bundles_are_those_of_the_signed_tree() {
    let (_bench, running, size) = log().await;
    let note = get(&running, "checkpoint").await.bytes().await.unwrap();
    let signed = running.verifier.checkpoint(&note).unwrap();

    let (mut built, mut stored) = (Tree::default(), tree::Hashes::default());
    for index in 0.. {
        let Some(tile) = Tile::in_tree(Kind::Entries, index, size) else { break };
        let bundle = bytes(&running, tile).await;
        for entry in tile::entries(&bundle).unwrap() {
            stored.extend(built.append(entry));
        }
    }
    assert_eq!((built.size(), built.root()), (size, signed.hash));

    let leaves = |index| Tile::in_tree(Kind::Hashes { level: 0 }, index, size).unwrap();
    let narrow = Tile { width: 9, ..leaves(1) };
    let mut tiles = vec![leaves(0), leaves(1), narrow];
    tiles.extend(Tile::above_leaves(size));
    assert_eq!(tiles.len(), 4);
    for tile in tiles {
        let hashes = bytes(&running, tile).await;
        let hashes: Vec<_> =
            hashes.chunks(32).map(|hash| Digest::from_bytes(hash.try_into().unwrap())).collect();
        let expected: Vec<_> =
            tile.stored_indexes().iter().map(|index| stored.at(*index).unwrap()).collect();
        assert_eq!(hashes, expected, "{tile}");
    }
}

/// R23.2: a tile may be kept for ever, full or partial; a HEAD says the same as a GET.
#[tokio::test]
async fn tiles_are_immutable() {
    let (_bench, running, _) = log().await;

    for (path, length) in [
        ("tile/0/000", Some("8192")),
        ("tile/0/001.p/44", Some("1408")),
        ("tile/1/000.p/1", Some("32")),
        ("tile/entries/000", None),
        ("tile/entries/001.p/44", None),
    ] {
        for method in [Method::GET, Method::HEAD] {
            let answer = ask(&running, method, path).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert_eq!(header(&answer, CONTENT_TYPE), Some("application/octet-stream"));
            assert_eq!(header(&answer, CACHE_CONTROL), Some(IMMUTABLE));
            assert!(length.is_none() || header(&answer, CONTENT_LENGTH) == length, "{path}");
        }
    }
}

/// R23.2: bundles are compressed for who can read that, and hold the same.
#[tokio::test]
async fn bundles_are_compressed_on_request() {
    let (_bench, running, _) = log().await;
    let plain = get(&running, "tile/entries/000").await;
    assert_eq!(header(&plain, CONTENT_ENCODING), None);
    let plain = plain.bytes().await.unwrap();

    let url = format!("{}/tile/entries/000", running.url);
    let raw = Client::builder().no_gzip().build().unwrap();
    let packed = raw.get(&url).header(ACCEPT_ENCODING, "gzip, identity").send().await.unwrap();
    assert_eq!(header(&packed, CONTENT_ENCODING), Some("gzip"));
    assert!(packed.bytes().await.unwrap().len() < plain.len());

    let read = Client::new().get(&url).send().await.unwrap().bytes().await.unwrap();
    assert_eq!(read, plain);
}

/// H3: what the tree does not have is not there, yet, and no cache is told to remember that.
#[tokio::test]
async fn tiles_beyond_the_tree_are_not_there() {
    let (_bench, running, _) = log().await;

    for path in [
        "tile/0/001",
        "tile/0/001.p/45",
        "tile/0/002.p/1",
        "tile/1/000.p/2",
        "tile/2/000.p/1",
        "tile/entries/001",
        "tile/entries/002.p/1",
        "tile/7/000.p/1",
    ] {
        let answer = get(&running, path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(header(&answer, CACHE_CONTROL), Some("no-store"), "{path}");
        let said = answer.text().await.unwrap();
        assert!(said.contains("300 events"), "{path}: {said}");
    }
}

/// H3: whatever else is asked for is refused in words.
#[tokio::test]
async fn other_requests_are_refused() {
    let (_bench, running, _) = log().await;

    for path in [
        "",
        "tile",
        "tile/0",
        "tile/0/000.p/0",
        "tile/0/000.p/00",
        "tile/99/000",
        "tile/entries/..%2f000",
        "tile/0/000.p/256",
        "tile/data/000",
        "checkpoint/",
    ] {
        let answer = get(&running, path).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(header(&answer, CONTENT_TYPE), Some("text/plain; charset=utf-8"), "{path}");
    }
    for path in ["checkpoint", "tile/0/000", "tile/entries/000"] {
        let answer = ask(&running, Method::POST, path).await;
        assert_eq!(answer.status(), StatusCode::METHOD_NOT_ALLOWED, "{path}");
        assert_eq!(header(&answer, ALLOW), Some("GET,HEAD"), "{path}");
    }
}

/// R23.2: a log without an event has a checkpoint, and no tiles.
#[tokio::test]
async fn empty_log_has_no_tiles() {
    let bench = Bench::in_memory();
    let running = bench.start().await;

    let note = get(&running, "checkpoint").await.bytes().await.unwrap();

    assert_eq!(running.verifier.checkpoint(&note).unwrap().size, 0);
    assert_eq!(get(&running, "tile/0/000.p/1").await.status(), StatusCode::NOT_FOUND);
}

/// R23.2: a leaf that was altered in the tables is not given out, nor one whose hash was.
#[tokio::test]
async fn damage_is_not_given_out() {
    let (bench, running, _) = log().await;
    let database = bench.database().await;
    for statement in [
        "UPDATE log_leaf SET leaf = '0a00' WHERE leaf_index = 7",
        "DELETE FROM log_leaf WHERE leaf_index = 299",
        "DELETE FROM log_hash WHERE hash_index = 600",
    ] {
        sqlx::query(statement).execute(database.pool()).await.unwrap();
    }
    let lost = Tile { kind: Kind::Hashes { level: 0 }, index: 1, width: 44 };
    assert!(lost.stored_indexes().contains(&tree::stored_leaf_index(299)));

    for (path, says) in [
        ("tile/entries/000", "leaf 7 of the log"),
        ("tile/entries/001.p/44", "leaf 299 of the log is lost"),
    ] {
        let answer = get(&running, path).await;
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert_eq!(header(&answer, CACHE_CONTROL), Some("no-store"), "{path}");
        let said = answer.text().await.unwrap();
        assert!(said.contains(says), "{path}: {said}");
    }
}
