use super::*;
use crate::testing::{PARTIES, batch, noon, random, template, terms};
use crate::{Receiving, receiving};

fn first_request() -> TransferRequest {
    let mut receiving = Receiving::new(&terms(), template()).unwrap();
    receiving.request(noon(), &mut random())
}

/// R26.2: the most rows that a grant allows are the most that leave the node.
#[test]
fn rows_beyond_the_grants_limit_are_refused() {
    let terms = GrantTerms { max_rows: 10, ..terms() };
    let (_, mut delivering) = Delivering::new(&terms, &first_request(), &mut random()).unwrap();
    delivering.schema(&batch(0, 1).schema()).unwrap();
    delivering.batch(&batch(0, 10)).unwrap();

    let error = delivering.batch(&batch(10, 1)).unwrap_err();

    assert_eq!(error.reason(), "ROW_LIMIT_EXCEEDED");
    assert_eq!(delivering.delivered().rows(), 10);
}

#[test]
fn changed_source_is_noticed_before_anything_is_sealed() {
    let frames_received = 3;
    let request = received(frames_received);
    let (_, mut delivering) = Delivering::new(&terms(), &request, &mut random()).unwrap();

    assert!(delivering.schema(&batch(0, 1).schema()).unwrap().is_none());
    assert!(delivering.batch(&batch(0, 10)).unwrap().is_empty());
    let error = delivering.batch(&batch(11, 10)).unwrap_err();

    assert!(matches!(error, DeliveryError::SourceChanged { frames: 3 }), "{error}");
    assert_eq!(error.reason(), "SOURCE_CHANGED");
}

#[test]
fn shrunken_source_is_noticed() {
    let (_, mut delivering) = Delivering::new(&terms(), &received(3), &mut random()).unwrap();
    delivering.schema(&batch(0, 1).schema()).unwrap();
    delivering.batch(&batch(0, 10)).unwrap();

    let error = delivering.trailer(&PARTIES.provider_node, noon()).unwrap_err();

    assert_eq!(error.reason(), "SOURCE_CHANGED");
}

#[test]
fn malformed_requests_are_refused() {
    let reason = |request| match Delivering::new(&terms(), &request, &mut random()) {
        Ok(_) => "accepted",
        Err(error) => error.reason(),
    };
    let good = first_request();

    assert_eq!(
        reason(TransferRequest { transfer_id: "1".to_owned(), ..good.clone() }),
        "REQUEST_MALFORMED"
    );
    assert_eq!(
        reason(TransferRequest { received_frames: 1, ..good.clone() }),
        "REQUEST_MALFORMED",
        "without a digest"
    );
    assert_eq!(reason(TransferRequest { seal_public_key: vec![1], ..good }), "SEAL_KEY_INVALID");
}

/// The request to go on after that many frames of batches of ten rows.
fn received(frames: usize) -> TransferRequest {
    let mut receiving = Receiving::new(&terms(), template()).unwrap();
    let request = receiving.request(noon(), &mut random());
    let (header, mut delivering) = Delivering::new(&terms(), &request, &mut random()).unwrap();
    receiving.header(&header).unwrap();

    let mut sealed: Vec<_> =
        delivering.schema(&batch(0, 1).schema()).unwrap().into_iter().collect();
    for number in 1..frames {
        sealed.extend(delivering.batch(&batch((number - 1) * 10, 10)).unwrap());
    }
    for frame in sealed {
        let opened: Result<_, receiving::ReceiveError> = receiving.frame(frame);
        opened.unwrap();
    }
    receiving.request(noon(), &mut random())
}
