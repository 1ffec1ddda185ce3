//! A bus that lies about the end of a delivery.

use std::sync::Mutex;

use prost::Message as _;
use publicdata_identity::{Credentials, Signer};
use publicdata_proto::common::v1::SignedMessage;
use publicdata_proto::exchange::v1::Receipt;
use publicdata_proto::exchange::v1::fetch_response::Part;
use publicdata_transfer::signed;

use crate::exchange::{Fleet, ticket};
use crate::parties::{CONSUMER, PROVIDER, Parties, terms};

/// R30.1: the receipt of another transfer, though it was signed by the right node over the same rows, is not countersigned, and what is
/// wrong with it is told.
#[tokio::test]
async fn a_replayed_receipt_is_named() {
    let fleet = Fleet::start(&terms(), 10).await;
    let first = Mutex::new(None);
    fleet.bus.on_part(move |_, part| match part {
        Part::Trailer(trailer) => {
            let trailer = first.lock().unwrap().get_or_insert(trailer).clone();
            vec![Ok(Part::Trailer(trailer))]
        }
        Part::Header(_) | Part::Frame(_) => vec![Ok(part)],
    });
    fleet.fetch(&ticket(&["code"])).await.unwrap();
    assert_eq!(fleet.bus.confirmed.lock().unwrap().len(), 1);

    let problem = fleet.fetch(&ticket(&["code"])).await.unwrap_err();

    assert_eq!(problem.reason, "RECEIPT_REJECTED", "{problem}");
    assert!(problem.message.contains("transfer_id"), "{problem}");
    assert_eq!(fleet.bus.confirmed.lock().unwrap().len(), 1, "nothing more was signed for");
}

/// R30.1, R9.2: a receipt counts with the signature of a node of the provider alone: not with that of another organisation's node, a
/// user of the provider, the bus, or a namesake of another authority.
#[tokio::test]
async fn a_receipt_with_another_certificate_is_named() {
    let fleet = Fleet::start(&terms(), 10).await;
    let foreign = Parties::new().node(PROVIDER);
    let others: [(Credentials, &str); 4] = [
        (fleet.parties.node(CONSUMER), CONSUMER),
        (fleet.parties.user(PROVIDER), "officer-1"),
        (fleet.parties.bus(), "exchange-bus"),
        (foreign, "authority"),
    ];
    for (credentials, told) in others {
        let signer = Signer::from(&credentials);
        fleet.bus.on_part(move |_, part| match part {
            Part::Trailer(mut trailer) => {
                trailer.receipt = trailer.receipt.map(|receipt| signed_anew(&signer, &receipt));
                vec![Ok(Part::Trailer(trailer))]
            }
            Part::Header(_) | Part::Frame(_) => vec![Ok(part)],
        });

        let problem = fleet.fetch(&ticket(&["code"])).await.unwrap_err();

        assert_eq!(problem.reason, "RECEIPT_REJECTED", "{problem}");
        assert!(problem.message.contains(told), "`{told}` is missing: {problem}");
    }
    assert!(fleet.bus.confirmed.lock().unwrap().is_empty());
}

/// The same receipt, in another name.
fn signed_anew(signer: &Signer, receipt: &SignedMessage) -> SignedMessage {
    signed::sign(signer, &Receipt::decode(receipt.message.as_slice()).unwrap())
}
