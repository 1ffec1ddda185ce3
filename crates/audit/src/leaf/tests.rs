use bytes::Bytes;
use prost::Message as _;
use publicdata_proto::audit::v1::Leaf;
use publicdata_types::Digest;

use super::*;

fn recorded() -> Recorded {
    Recorded {
        stream: "EXCHANGE".to_owned(),
        sequence: 7,
        subject: "ev.exchange.transfer.0190".parse().unwrap(),
        recorded_at: "2026-03-02T04:00:00.123456789Z".parse().unwrap(),
        message_id: "b9f6a3c2-0b7e-4d53-9d8b-6c1f5f1f4a10".to_owned(),
        traceparent: None,
        payload: Bytes::from_static(b"what was stored"),
    }
}

/// H5: the leaf holds references and a digest, nothing of the payload.
#[test]
fn leaf_holds_a_digest_and_no_payload() {
    let entry = Entry::from(&recorded());

    let leaf = Leaf::decode(entry.leaf.as_slice()).unwrap();
    assert_eq!(leaf, of(&recorded()));
    assert_eq!(leaf.payload_sha256, Digest::of(b"what was stored").as_bytes());
    assert!(!entry.leaf.windows(15).any(|window| window == b"what was stored"));
}

/// Leaves of years ago must hash as they did: the encoding is a format, never to be changed.
#[test]
fn leaf_reads_as_ever() {
    let golden = include_str!("../../tests/golden/leaf.v1.hex").trim();

    assert_eq!(hex::encode(Entry::from(&recorded()).leaf), golden);
}

#[test]
fn difference_is_named() {
    let logged = of(&recorded());
    let changed = |change: fn(&mut Recorded)| {
        let mut recorded = recorded();
        change(&mut recorded);
        difference(&logged, &of(&recorded))
    };

    assert_eq!(changed(|_| {}), None);
    assert_eq!(changed(|event| event.payload = Bytes::from_static(b"rewritten")), Some("payload"));
    assert_eq!(changed(|event| event.message_id = String::new()), Some("message id"));
    assert_eq!(changed(|event| event.sequence = 8), Some("place in the stream"));
    assert_eq!(
        changed(|event| event.subject = "ev.exchange.transfer.other".parse().unwrap()),
        Some("subject")
    );
    assert_eq!(
        changed(|event| event.recorded_at = "2026-03-02T04:00:01Z".parse().unwrap()),
        Some("time of receipt")
    );
}
