//! A grant that ends while data flows.

use publicdata::commands::answer;
use publicdata::session::new_command_id;
use publicdata_proto::exchange::v1::RevokeGrantRequest;

use crate::fleet::{City, Refused, Rows};

/// R26.2: a running transfer stops short, the consumer is told why, and it cannot be taken up again.
#[tokio::test(flavor = "multi_thread")]
async fn revocation_stops_a_running_transfer() {
    let city = City::ready(Rows::many()).await;
    let source = city.source_rows().await;

    let mut reader = city.paused().await;
    let request = RevokeGrantRequest {
        command_id: new_command_id(),
        grant_id: city.grant.clone(),
        reason: "工作已经完成".to_owned(),
    };
    let revoked = city.provider().grants().unwrap().revoke_grant(request).await;
    let revoked = answer(revoked).unwrap();
    let ended: Refused = loop {
        match reader.next().await {
            Ok(more) => assert!(more, "all rows came in spite of the revocation"),
            Err(ended) => break ended,
        }
    };

    assert_eq!(revoked.stopped_transfers, 1);
    assert_eq!(ended.reason, "GRANT_REVOKED", "{}", ended.message);
    assert!(reader.rows.len() < source.len() / 2, "{} rows came", reader.rows.len());
    assert!(reader.rows == source[..reader.rows.len()]);
    let again = city.fetch().await.map(drop).unwrap_err();
    assert_eq!(again.reason, "GRANT_REVOKED", "{}", again.message);

    // In the log's order: asked for, the grant revoked, stopped; and never completed.
    let told = city.told("ev.exchange.").await;
    let names: Vec<_> = told
        .iter()
        .flat_map(|told| &told.events)
        .map(|event| event.type_name.rsplit('.').next().unwrap())
        .skip_while(|name| *name != "TransferRequested")
        .collect();
    let expected = [
        "TransferRequested",
        "GrantRevoked",
        "TransferStopped",
        "TransferRequested",
        "TransferRefused",
    ];
    assert_eq!(names, expected);
}
