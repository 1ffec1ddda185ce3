//! What may be proposed, and by whom.

use publicdata_proto::catalog::v1::{ResourceResumed, ResourceSuspended, ResourceWithdrawn};
use publicdata_proto::opendata::v1::propose_publication_request::Part;
use publicdata_service_kit::Problem;
use publicdata_types::Digest;
use uuid::Uuid;

use crate::city::{self, AREAS, AUDITOR, AUTHORITY, CONSUMER};
use crate::service::{CONTENT_BYTES_MAX, Service, header, reason, refusal};

/// R31.1: content is kept as it came, under its digest.
#[tokio::test]
async fn good_content_is_taken_in() {
    let service = Service::start().await;

    let proposed = service.proposer().propose(service.areas, AREAS).await.unwrap();

    assert_eq!(proposed.content_sha256, Digest::of(AREAS).as_bytes());
    assert_eq!(proposed.rows, 20);
    assert_eq!(proposed.sequence, 1);
    assert_eq!(service.kept_count(), 1);
}

/// R25.1: neither an item that is not open nor one that is sensitive leaves, and no error repeats a value (H5).
#[tokio::test]
async fn columns_that_are_not_open_are_refused() {
    let service = Service::start().await;
    let cases = [
        ("code,internal\n510104,7\n", "COLUMN_NOT_OPEN", "header, column 2 (internal)"),
        ("code,phone\n510104,13912345678\n", "COLUMN_SENSITIVE", "header, column 2 (phone)"),
        ("code,张三\n510104,7\n", "COLUMN_UNKNOWN", "header, column 2:"),
    ];
    for (csv, expected, place) in cases {
        let (reason, message) = refusal(service.proposer().propose(service.areas, csv).await);
        assert_eq!(reason, expected, "{message}");
        assert!(message.starts_with(place), "{message}");
        assert!(!message.contains("139") && !message.contains("张三"), "{message}");
    }
    assert_eq!((service.event_count().await, service.kept_count()), (0, 0));
}

/// H3: a malformed file is refused, with what is wrong and where.
#[tokio::test]
async fn malformed_content_is_refused_where_it_is_wrong() {
    let service = Service::start().await;
    let cases: [(&[u8], &str, &str); 8] = [
        (b"", "COLUMNS_MISSING", "header"),
        (b"code,code\n", "COLUMN_REPEATED", "header, column 2 (code)"),
        (b"code,name\n510104\n", "ROW_RAGGED", "row 1"),
        (b"code,name\n510104,a\n510105,\"b\n", "QUOTE_OPEN", "row 2"),
        (b"code,name\n510104,\xb3\xc9\n", "NOT_UTF8", "row 1, column 2 (name)"),
        (b"code,name\n,a\n", "VALUE_MISSING", "row 1, column 1 (code)"),
        (b"code\n5101040\n", "VALUE_TOO_LONG", "row 1, column 1 (code)"),
        (b"code,people\n510104,1\n510105,many\n", "VALUE_TYPE", "row 2, column 2 (people)"),
    ];
    for (csv, expected, place) in cases {
        let status = service.proposer().propose(service.areas, csv).await.unwrap_err();
        let problem = Problem::from_status(&status);
        assert_eq!(problem.reason, expected, "{problem}");
        assert!(problem.message.starts_with(&format!("{place}: ")), "{problem}");
        assert!(!problem.message.contains("many") && !problem.message.contains("5101"));
        let row = place.strip_prefix("row ").map_or("0", |rest| &rest[..1]);
        assert_eq!(problem.metadata["row"], row);
    }
    assert_eq!((service.event_count().await, service.kept_count()), (0, 0));
}

/// H3: content beyond the limit is refused while it comes, and the limit is named.
#[tokio::test]
async fn too_much_content_is_refused() {
    let service = Service::start().await;
    let csv = format!("code\n{}", "510104\n".repeat(30_000));
    assert!(csv.len() as u64 > CONTENT_BYTES_MAX);

    let (reason, message) = refusal(service.proposer().propose(service.areas, csv).await);

    assert_eq!(reason, "CONTENT_TOO_LARGE");
    assert!(message.contains(&CONTENT_BYTES_MAX.to_string()), "{message}");
    assert_eq!(service.kept_count(), 0);
}

/// H3: the stream is a header and then chunks, each within the contract's bound.
#[tokio::test]
async fn a_stream_out_of_order_is_refused() {
    let service = Service::start().await;
    let proposer = service.proposer();
    let head = || header(Uuid::new_v4(), service.areas);
    let chunk = || Part::Chunk(b"code\n".to_vec());

    assert_eq!(reason(proposer.send(vec![]).await), "PROTOCOL_VIOLATED");
    assert_eq!(reason(proposer.send(vec![chunk(), head()]).await), "PROTOCOL_VIOLATED");
    assert_eq!(reason(proposer.send(vec![head(), head()]).await), "PROTOCOL_VIOLATED");
    for bytes in [(1 << 20) + 1, 5 << 20] {
        let large = vec![head(), Part::Chunk(vec![b'a'; bytes])];
        assert_eq!(reason(proposer.send(large).await), "CHUNK_TOO_LARGE");
    }
    let (reason, message) = refusal(proposer.send(vec![header_with("510104199001011234")]).await);
    assert_eq!(reason, "FIELD_INVALID");
    assert!(message.contains("command_id") && !message.contains("1990"), "{message}");
}

fn header_with(command_id: &str) -> Part {
    Part::Header(publicdata_proto::opendata::v1::PublicationHeader {
        command_id: command_id.to_owned(),
        resource_id: Uuid::new_v4().to_string(),
    })
}

/// H3: the provider's own people propose, and nobody else; not even its authority.
#[tokio::test]
async fn a_stranger_cannot_propose() {
    let service = Service::start().await;
    for organisation in [CONSUMER, AUTHORITY, AUDITOR] {
        let answer = service.person(organisation, "a-1").propose(service.areas, AREAS).await;
        assert_eq!(reason(answer), "OTHER_ORGANISATION");
    }
    assert_eq!((service.event_count().await, service.kept_count()), (0, 0));
}

/// R12.3: what the catalogue took out of use for a time is not opened meanwhile, neither proposed nor published.
#[tokio::test]
async fn a_suspended_resource_is_not_opened_meanwhile() {
    let service = Service::start().await;
    let (proposer, reviewer) = (service.proposer(), service.reviewer());
    let id = proposer.propose(service.areas, AREAS).await.unwrap().publication_id;
    reviewer.review(&id, AREAS).await.unwrap();

    let suspended = ResourceSuspended { reason: "核查中".to_owned(), ..Default::default() };
    city::say(&service.store, service.areas, &suspended).await;
    assert_eq!(reason(proposer.propose(service.areas, AREAS).await), "RESOURCE_SUSPENDED");
    assert_eq!(reason(proposer.publish(&id).await), "RESOURCE_SUSPENDED");

    city::say(&service.store, service.areas, &ResourceResumed {}).await;
    proposer.publish(&id).await.unwrap();
    let withdrawn = ResourceWithdrawn { reason: "职能已划转".to_owned() };
    city::say(&service.store, service.areas, &withdrawn).await;
    assert_eq!(reason(proposer.propose(service.areas, AREAS).await), "RESOURCE_WITHDRAWN");
}

/// R31.1: only what the catalogue has published, and opens, is proposed.
#[tokio::test]
async fn only_open_resources_are_proposed() {
    let service = Service::start().await;
    let proposer = service.proposer();
    assert_eq!(reason(proposer.propose(Uuid::new_v4(), AREAS).await), "RESOURCE_UNKNOWN");

    let draft = Uuid::new_v4();
    city::draft(&service.store, draft, "3010100/00002", city::areas()).await;
    assert_eq!(reason(proposer.propose(draft, AREAS).await), "RESOURCE_UNKNOWN");

    let closed =
        publicdata_proto::catalog::v1::ResourceDescription { open: false, ..city::areas() };
    let id = Uuid::new_v4();
    city::publish_entry(&service.store, id, "3010100/00003", closed).await;
    assert_eq!(reason(proposer.propose(id, AREAS).await), "RESOURCE_NOT_OPEN");

    // A draft over what was published changes nothing until it is published.
    let mut wider = city::areas();
    wider.items[5].open = true;
    city::draft(&service.store, service.areas, city::AREAS_CODE, wider.clone()).await;
    let csv = "code,internal\n510104,7\n";
    assert_eq!(reason(proposer.propose(service.areas, csv).await), "COLUMN_NOT_OPEN");
    city::publish_entry(&service.store, service.areas, city::AREAS_CODE, wider).await;
    proposer.propose(service.areas, csv).await.unwrap();
}
