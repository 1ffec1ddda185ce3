use arrow::array::RecordBatch;
use proptest::prelude::*;

use super::*;
use crate::Delivering;
use crate::push::{Content, Follows};
use crate::testing::{PARTIES, batch, noon, random, template, terms};

const BATCHES: usize = 6;

fn batches() -> Vec<RecordBatch> {
    (0..BATCHES).map(|number| batch(number * 10, 10)).collect()
}

/// All parts of one attempt.
fn deliver(request: &TransferRequest) -> (DeliveryHeader, Vec<Frame>, DeliveryTrailer) {
    let (header, mut delivering) = Delivering::new(&terms(), request, &mut random()).unwrap();
    let mut frames: Vec<_> =
        delivering.schema(&batch(0, 1).schema()).unwrap().into_iter().collect();
    for batch in batches() {
        frames.extend(delivering.batch(&batch).unwrap());
    }
    (header, frames, delivering.trailer(&PARTIES.provider_node, noon()).unwrap())
}

fn take(receiving: &mut Receiving, frames: Vec<Frame>, rows: &mut Vec<RecordBatch>) {
    for frame in frames {
        match receiving.frame(frame).unwrap() {
            Opened::Schema(..) => {}
            Opened::Batch(parts) => rows.push(parts.decode(receiving.schema().unwrap()).unwrap()),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    /// H4, R23.1: wherever and however often a transfer breaks off, it ends with the same rows and one receipt.
    #[test]
    fn interrupted_transfer_ends_like_an_uninterrupted_one(
        breaks in proptest::collection::vec(0..=BATCHES + 1, 0..5)
    ) {
        let mut receiving = Receiving::new(&terms(), template()).unwrap();
        let mut rows = Vec::new();
        for arriving in breaks {
            let request = receiving.request(noon(), &mut rand::rng());
            let (header, mut frames, _) = deliver(&request);
            receiving.header(&header).unwrap();
            frames.truncate(arriving);
            take(&mut receiving, frames, &mut rows);
        }

        let request = receiving.request(noon(), &mut rand::rng());
        let (header, frames, trailer) = deliver(&request);
        receiving.header(&header).unwrap();
        take(&mut receiving, frames, &mut rows);
        let checked = receiving.trailer(trailer, &PARTIES.roots, noon()).unwrap();

        prop_assert_eq!(rows, batches());
        prop_assert_eq!(checked.receipt().rows, 10 * BATCHES as u64);
        prop_assert_eq!(checked.receipt().frames, 1 + BATCHES as u64);
    }
}

#[test]
fn every_attempt_has_a_key_of_its_own() {
    let mut receiving = Receiving::new(&terms(), template()).unwrap();
    let first = receiving.request(noon(), &mut rand::rng());
    let second = receiving.request(noon(), &mut rand::rng());

    assert_ne!(first.seal_public_key, second.seal_public_key);
    assert_eq!(first.transfer_id, second.transfer_id);
}

#[test]
fn dropped_last_frames_are_noticed_by_the_receipt() {
    let mut receiving = Receiving::new(&terms(), template()).unwrap();
    let request = receiving.request(noon(), &mut random());
    let (header, mut frames, trailer) = deliver(&request);
    frames.pop();
    receiving.header(&header).unwrap();
    take(&mut receiving, frames, &mut Vec::new());

    let error = receiving.trailer(trailer, &PARTIES.roots, noon()).unwrap_err();

    assert!(
        matches!(error, ReceiveError::Receipt(ReceiptError::Mismatch { field: "rows" })),
        "{error}"
    );
    assert_eq!(error.reason(), "RECEIPT_REJECTED");
}

#[test]
fn header_of_another_transfer_or_place_is_refused() {
    let mut receiving = Receiving::new(&terms(), template()).unwrap();
    let request = receiving.request(noon(), &mut random());
    let (header, ..) = deliver(&request);

    let other = DeliveryHeader { transfer_id: terms().grant_id, ..header.clone() };
    assert!(matches!(receiving.header(&other), Err(ReceiveError::Header { field: "transfer" })));
    let later = DeliveryHeader { first_frame: 1, ..header };
    assert!(matches!(receiving.header(&later), Err(ReceiveError::Header { field: "first frame" })));
}

#[test]
fn parts_out_of_order_are_refused() {
    let mut receiving = Receiving::new(&terms(), template()).unwrap();
    let request = receiving.request(noon(), &mut random());
    let (header, frames, trailer) = deliver(&request);

    assert!(matches!(receiving.frame(frames[0].clone()), Err(ReceiveError::Order { .. })));
    assert!(matches!(
        receiving.trailer(trailer.clone(), &PARTIES.roots, noon()),
        Err(ReceiveError::Order { expected: "a header", .. })
    ));
    receiving.header(&header).unwrap();
    assert!(matches!(receiving.header(&header), Err(ReceiveError::Order { .. })));
    assert!(matches!(
        receiving.trailer(trailer, &PARTIES.roots, noon()),
        Err(ReceiveError::Order { expected: "a frame", .. })
    ));
}

#[test]
fn delivery_of_other_fields_is_refused() {
    let mut receiving = Receiving::new(&terms(), template()).unwrap();
    let request = receiving.request(noon(), &mut random());
    let (header, mut delivering) = Delivering::new(&terms(), &request, &mut random()).unwrap();
    receiving.header(&header).unwrap();
    let narrower = batch(0, 1).project(&[0]).unwrap().schema();

    let frame = delivering.schema(&narrower).unwrap().unwrap();

    assert!(matches!(receiving.frame(frame), Err(ReceiveError::Fields)));
}

/// R27.1, R29.1: the receipt of a push says what the delivery said before its rows: the source's state, and whether more follows. A
/// consumer's node signs nothing else; a node of before receipts said it is believed as before.
#[test]
fn receipt_of_a_push_says_the_sources_state() {
    let outline =
        Outline { content: Content::Changes(Follows::More), source_version: "state-1".to_owned() };
    let push = |version: &str, follows| deliver_push(&outline, version, follows);

    let receipt = push("state-1", Follows::More).unwrap();
    assert_eq!((receipt.source_version.as_str(), receipt.more_follows), ("state-1", true));
    let wrong = |version, follows| match push(version, follows) {
        Err(ReceiveError::Receipt(ReceiptError::Mismatch { field })) => field,
        other => panic!("{other:?}"),
    };
    assert_eq!(wrong("state-2", Follows::More), "source_version");
    assert_eq!(wrong("state-1", Follows::Nothing), "more_follows");
    assert_eq!(wrong("", Follows::More), "source_version");
    assert!(push("", Follows::Nothing).is_ok());
}

/// A push without rows, whose receipt says this of the source.
fn deliver_push(
    outline: &Outline,
    version: &str,
    follows: Follows,
) -> Result<publicdata_proto::exchange::v1::Receipt, ReceiveError> {
    let template = TransferRequest {
        mode: publicdata_proto::catalog::v1::DeliveryMode::Push.into(),
        subscription_id: "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0004".to_owned(),
        ..template()
    };
    let mut receiving = Receiving::new(&terms(), template).unwrap();
    let request = receiving.request(noon(), &mut random());
    let (header, mut delivering) = Delivering::new(&terms(), &request, &mut random()).unwrap();
    receiving.header(&header)?;
    let schema = outline.schema(&batch(0, 1).schema());
    receiving.frame(delivering.schema(&schema).unwrap().unwrap())?;
    delivering.read(version.to_owned(), follows);
    let trailer = delivering.trailer(&PARTIES.provider_node, noon()).unwrap();
    Ok(receiving.trailer(trailer, &PARTIES.roots, noon())?.receipt().clone())
}

/// R23.1: memory does not grow with what is transferred.
#[test]
fn memory_stays_constant() {
    let mut receiving = Receiving::new(&terms(), template()).unwrap();
    let request = receiving.request(noon(), &mut random());
    let (header, mut delivering) = Delivering::new(&terms(), &request, &mut random()).unwrap();
    receiving.header(&header).unwrap();
    receiving.frame(delivering.schema(&batch(0, 1).schema()).unwrap().unwrap()).unwrap();
    let mut pass_on = |from: usize, to: usize| {
        for number in from..to {
            for frame in delivering.batch(&batch(number * 8192, 8192)).unwrap() {
                receiving.frame(frame).unwrap();
            }
        }
    };

    pass_on(0, 10);
    let warm_bytes = resident_bytes();
    pass_on(10, 60);

    let grown_bytes = resident_bytes().saturating_sub(warm_bytes);
    assert!(grown_bytes < 8 << 20, "grew by {grown_bytes} bytes over 0.4 million rows");
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: u64 = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * 4096
}
