//! Archives in a bucket of a server that speaks S3, checks signatures and keeps conditions.

use super::*;
use crate::place::PlaceError;
use crate::testing::{BUCKET, S3Server};

const PREFIX: &str = "province/stream archives";

fn place(server: &S3Server) -> Place {
    let url = format!("s3://{BUCKET}/{PREFIX}");
    Place::open_with(&url, server.settings()).unwrap()
}

/// Everything that is wrong, from the outermost to what it comes down to.
fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}

async fn refused(url: &str, settings: Vec<place::Setting>) -> (String, String) {
    let place = Place::open_with(url, settings).unwrap();
    let log = Log::of(&[1]);
    let packed = log.pack(|_| {});
    let put = place.put(&packed).await.unwrap_err();
    let get = place.sealed(&log.seal(&packed)).await.unwrap_err();
    let has = place.has(&packed.path()).await.unwrap_err();
    assert_eq!(chain(&has), chain(&get));
    assert!(matches!(put.fault, Fault::Place { doing: "written", .. }), "{put:?}");
    assert!(matches!(get.fault, Fault::Place { doing: "read", .. }), "{get:?}");
    (chain(&put), chain(&get))
}

/// R23.2: what holds of a folder holds of a bucket.
#[tokio::test]
async fn objects_are_held_against_their_seals() {
    let server = S3Server::start().await;
    let write = async |path: &str, bytes: &[u8]| {
        server.overwrite(&format!("{PREFIX}/{path}"), bytes.to_vec()).await;
    };

    keeps_files(&place(&server), write).await;
}

/// R23.2: an archive of many megabytes goes to a bucket and comes back as it was.
#[tokio::test]
async fn large_archives_come_back_as_they_were() {
    let server = S3Server::start().await;
    let place = place(&server);
    let log = Log::of(&[0; 4]);
    let mut random = 1_u32;
    // What does not get smaller by packing.
    let mut next = || {
        random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (random >> 24).to_le_bytes()[0]
    };
    let payload = Bytes::from_iter((0..2 << 20).map(|_| next()));
    let packed = log.pack(|row| row.recorded.payload = payload.clone());

    place.put(&packed).await.unwrap();
    let archive = place.sealed(&log.seal(&packed)).await.unwrap();

    let rows: Vec<Row> = archive.rows().unwrap().map(Result::unwrap).collect();
    assert!(rows.len() == 4 && rows.iter().all(|row| row.recorded.payload == payload));
}

/// R23.2: a second archive of that name, with another content, leaves the first one as it is.
#[tokio::test]
async fn objects_are_never_written_over() {
    let server = S3Server::start().await;
    let place = place(&server);
    let log = Log::of(&[1, 2]);
    let first = log.pack(|_| {});
    let mut second = first.clone();
    second.bytes = Bytes::from_static(b"something else");
    place.put(&first).await.unwrap();

    place.put(&second).await.unwrap();

    place.verify(&log.seal(&first), &log.verifier()).await.unwrap();
}

/// R23.2: a key that is unknown, and one whose secret is another: said, with what to look at, and without the secret.
#[tokio::test]
async fn wrong_keys_are_said() {
    let server = S3Server::start().await;
    let url = format!("s3://{BUCKET}/x");
    for settings in [
        server.settings_as(&server.key.0, "another-secret"),
        server.settings_as("AKIANOBODY", &server.key.1),
    ] {
        let (put, get) = refused(&url, settings).await;
        for said in [put, get] {
            let object = "object `x/EXCHANGE/";
            assert!(said.contains(object) && said.contains("of bucket `archives`"), "{said}");
            assert!(said.contains("access is refused") && said.contains("AWS_ACCESS_KEY_ID"));
            assert!(!said.contains("another-secret") && !said.contains(&server.key.1), "{said}");
        }
    }
}

/// R23.2: a bucket that is not there is said, and is not taken for an archive that is missing.
#[tokio::test]
async fn missing_buckets_are_said() {
    let server = S3Server::start().await;

    let (put, get) = refused("s3://nowhere", server.settings()).await;

    for said in [put, get] {
        let at = format!("of bucket `nowhere` at {}", server.endpoint);
        assert!(said.contains(&at) && said.contains("the bucket does not exist"), "{said}");
    }
}

/// R23.2: a store that nobody keeps, and one that never answers: given up, and said.
#[tokio::test]
async fn silent_stores_are_given_up() {
    let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let nobody = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
    let silent = listener.local_addr().unwrap();
    for (address, why) in [(nobody, "refused"), (silent, "deadline has elapsed")] {
        let settings = [
            ("AWS_ENDPOINT", format!("http://{address}").as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_TIMEOUT", "100ms"),
            ("AWS_ACCESS_KEY_ID", "x"),
            ("AWS_SECRET_ACCESS_KEY", "y"),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));

        let (put, get) = refused("s3://archives", settings.into()).await;

        for said in [put, get] {
            assert!(said.contains(why) && said.contains("AWS_ENDPOINT"), "{said}");
        }
    }
}

/// R23.2: neither keys nor archives go over the network in the clear, unless that is asked for.
#[test]
fn plain_http_has_to_be_allowed() {
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let endpoint = set("AWS_ENDPOINT", "http://127.0.0.1:9");
    let open = |allowed: &str| {
        Place::open_with("s3://archives", [endpoint.clone(), set("AWS_ALLOW_HTTP", allowed)])
    };

    assert!(matches!(open("false").unwrap_err(), PlaceError::InTheClear { .. }));
    assert!(open("true").is_ok());
}

/// R23.2: settings that do not go together are said when the place is opened.
#[test]
fn settings_are_looked_at() {
    let set = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for (settings, what) in [
        (vec![set("AWS_ACCESS_KEY_ID", "x")], "SecretAccessKey"),
        (vec![set("AWS_TIMEOUT", "soon")], "`soon` is no time for `timeout`"),
    ] {
        let refused = Place::open_with("s3://archives", settings).unwrap_err();
        assert!(refused.to_string().contains(what), "{refused}");
    }
}
