//! Rows that break a rule of the grant's terms (R17.2), between two nodes.

use std::path::PathBuf;

use arrow::array::{Array as _, AsArray as _};
use arrow::datatypes::Int64Type;
use publicdata_node_agent::config::DatasetConfig;
use publicdata_proto::catalog::v1::{
    ItemType, Mask, MaskParameters, QualityReference, QualityRules,
};
use publicdata_proto::exchange::v1::fetch_response::Part;
use publicdata_proto::exchange::v1::{FieldRules, GrantTerms, GrantedField, Receipt};
use publicdata_proto::node::v1::node_service_client::NodeServiceClient;
use publicdata_proto::node::v1::{
    DiscardQuarantineRequest, GetQuarantineSummaryRequest, ListQuarantineRequest,
};
use publicdata_service_kit::{Problem, grpc};
use publicdata_transfer::receipt;
use tonic::Request;

use crate::bus::interrupted;
use crate::exchange::{Fleet, dataset, ticket};
use crate::parties::{CONSUMER, PROVIDER, RESOURCE, terms};

/// A resource of the same provider, with the codes of areas.
const AREAS: &str = "0b51e1a6-7ba2-4a53-8d6f-1c0e2f7f0009";

fn rules(quality: QualityRules) -> Option<FieldRules> {
    Some(FieldRules { quality: Some(quality), ..FieldRules::default() })
}

/// Codes unique and of six digits, names required, people from 1 to 1,000.
fn ruled() -> GrantTerms {
    let mut terms = terms();
    let [code, name, people] = &mut terms.fields[..] else { panic!("three fields") };
    code.rules =
        rules(QualityRules { pattern: "[0-9]{6}".to_owned(), unique: true, ..Default::default() });
    name.rules = Some(FieldRules { required: true, length: 4, quality: None });
    people.rules = rules(QualityRules {
        minimum: "1".to_owned(),
        maximum: "1000".to_owned(),
        ..Default::default()
    });
    terms
}

fn write(path: PathBuf, header: &str, rows: &[&str]) {
    std::fs::write(path, format!("{header}\n{}\n", rows.join("\n"))).unwrap();
}

impl Fleet {
    fn quarantine(&self) -> NodeServiceClient<grpc::Channel> {
        self.quarantine_as(PROVIDER)
    }

    fn quarantine_as(&self, organisation: &str) -> NodeServiceClient<grpc::Channel> {
        let node = self.parties.node(PROVIDER);
        let user = self.parties.user(organisation);
        let address = self.provider.to_string();
        NodeServiceClient::new(grpc::channel(&address, &user, node.id()).unwrap())
    }

    fn receipt(&self) -> Receipt {
        let confirmed = self.bus.confirmed.lock().unwrap().remove(0);
        receipt::verify(
            self.parties.bus().roots(),
            confirmed.receipt.as_ref().unwrap(),
            confirmed.consumer_signature.as_ref(),
            self.clock.now(),
        )
        .unwrap()
    }
}

/// R17.2: a row that breaks a rule stays with its provider, with reasons and values; the rest is delivered, and both
/// nodes sign for how many were kept back.
#[tokio::test]
async fn rows_that_break_a_rule_are_kept_and_counted() {
    let fleet = Fleet::start(&ruled(), 1).await;
    write(
        fleet.source(),
        "code,name,people",
        &["000001,甲村,10", "000002,,2000", "00003,丙村,30", "000001,丁村,40", "000005,戊村,50"],
    );

    let rows = fleet.fetch(&ticket(&[])).await.unwrap();

    assert_eq!(rows.column(2).as_primitive::<Int64Type>().values().to_vec(), [10, 50]);
    let names: Vec<_> = rows.column(1).as_string::<i32>().iter().flatten().collect();
    assert_eq!(names, ["甲*", "戊*"], "what is delivered is masked");
    let receipt = fleet.receipt();
    assert_eq!((receipt.rows, receipt.rejected_rows), (2, 3));

    let mut client = fleet.quarantine();
    let listed = client.list_quarantine(ListQuarantineRequest::default()).await.unwrap();
    let kept = listed.into_inner().rows;
    let reasons: Vec<_> = kept
        .iter()
        .map(|row| {
            let why: Vec<_> = row.breaches.iter().map(|breach| breach.message.as_str()).collect();
            (row.row, why.join("; "))
        })
        .collect();
    assert_eq!(
        reasons,
        [
            (2, "name has no value; people lies outside of the range".to_owned()),
            (3, "code does not match the pattern".to_owned()),
            (4, "code has a value that an earlier row has".to_owned()),
        ]
    );
    assert_eq!(kept[0].transfer_id, receipt.transfer_id);
    assert_eq!(kept[0].resource_id, RESOURCE);
    let values: Vec<_> = kept[2].values.iter().map(|value| value.value.as_deref()).collect();
    assert_eq!(values, [Some("000001"), Some("丁村"), Some("40")], "plain, for its own department");

    let summary = client.get_quarantine_summary(GetQuarantineSummaryRequest::default()).await;
    let summary = summary.unwrap().into_inner();
    assert_eq!(summary.transfers.len(), 1);
    let transfer = &summary.transfers[0];
    assert_eq!((transfer.rejected_rows, transfer.kept_rows), (3, 3));
    assert_eq!(transfer.consumer_code, CONSUMER);
    assert!(summary.bytes > 0 && summary.bytes < summary.bytes_max);

    let transfer_id = transfer.transfer_id.clone();
    let discarded = client.discard_quarantine(DiscardQuarantineRequest { transfer_id }).await;
    assert_eq!(discarded.unwrap().into_inner().rows, 3);
}

/// R17.2, R45.1: what was kept back is shown to the rows' own department alone.
#[tokio::test]
async fn nobody_else_sees_the_quarantine() {
    let fleet = Fleet::start(&ruled(), 1).await;
    let mut stranger = fleet.quarantine_as(CONSUMER);

    let listed = stranger.list_quarantine(Request::new(ListQuarantineRequest::default())).await;
    let summary = stranger.get_quarantine_summary(GetQuarantineSummaryRequest::default()).await;

    for status in [listed.map(drop).unwrap_err(), summary.map(drop).unwrap_err()] {
        assert_eq!(Problem::from_status(&status).reason, "OTHER_ORGANISATION");
    }
}

/// R17.2, H4: a transfer that breaks off and is resumed delivers the same rows, and counts each rejected row once, in the
/// receipt and in the quarantine, also over a restart of the provider's node.
#[tokio::test]
async fn a_resumed_transfer_counts_a_rejected_row_once() {
    const ROWS: usize = 30_000;
    let mut fleet = Fleet::start(&ruled(), ROWS).await;
    let mut text = "code,name,people\n".to_owned();
    for row in 0..ROWS {
        let name = if row % 100 == 7 { "" } else { "村庄" };
        text.push_str(&format!("{row:06},{name},{}\n", row % 1_000 + 1));
    }
    std::fs::write(fleet.source(), text).unwrap();
    fleet.bus.on_part(|attempt, part| match &part {
        Part::Frame(frame) if attempt < 3 && frame.index == attempt + 1 => vec![Err(interrupted())],
        Part::Header(_) | Part::Frame(_) | Part::Trailer(_) => vec![Ok(part)],
    });

    let rows = fleet.fetch(&ticket(&["code", "name"])).await.unwrap();

    assert_eq!(fleet.bus.attempts(), 3);
    let rejected = ROWS / 100;
    assert_eq!(rows.num_rows(), ROWS - rejected);
    let codes = rows.column(0).as_string::<i32>();
    let expected = (0..ROWS).filter(|row| row % 100 != 7).map(|row| format!("{row:06}"));
    assert!(codes.iter().flatten().eq(expected), "every other row, once and in order");
    let receipt = fleet.receipt();
    assert_eq!((receipt.rows, receipt.rejected_rows), (codes.len() as u64, rejected as u64));

    fleet.restart_provider().await;
    let mut client = fleet.quarantine();
    let summary = client.get_quarantine_summary(GetQuarantineSummaryRequest::default()).await;
    let transfers = summary.unwrap().into_inner().transfers;
    assert_eq!(transfers.len(), 1);
    assert_eq!((transfers[0].rejected_rows, transfers[0].kept_rows), (300, 300));
}

/// R17.2: a value has to occur in another resource that the same node serves.
#[tokio::test]
async fn values_are_looked_up_in_another_resource() {
    let mut terms = terms();
    let reference = QualityReference { resource_id: AREAS.to_owned(), item: "area".to_owned() };
    terms.fields[0].rules =
        rules(QualityRules { reference: Some(reference), ..Default::default() });
    let mut fleet = Fleet::start(&terms, 10).await;
    let refused = fleet.fetch(&ticket(&["code"])).await.unwrap_err();
    assert_eq!(refused.reason, "REFERENCE_NOT_SERVED");
    assert!(refused.message.contains(AREAS), "{refused}");

    let areas = fleet.folder.path().join("areas.csv");
    write(areas.clone(), "area", &["000001", "000003", "000099"]);
    fleet.more_datasets = vec![DatasetConfig { resource_id: AREAS.to_owned(), ..dataset(areas) }];
    fleet.restart_provider().await;

    let rows = fleet.fetch(&ticket(&["code"])).await.unwrap();

    let codes: Vec<_> = rows.column(0).as_string::<i32>().iter().flatten().collect();
    assert_eq!(codes, ["000001", "000003"]);
    assert_eq!(fleet.receipt().rejected_rows, 8);
}

/// R17.2: grants that were made without rules deliver every row, as they did.
#[tokio::test]
async fn a_grant_without_rules_delivers_every_row() {
    let fleet = Fleet::start(&terms(), 1).await;
    write(fleet.source(), "code,name,people", &["1,,1", "1,,1"]);

    let rows = fleet.fetch(&ticket(&[])).await.unwrap();

    assert_eq!(rows.num_rows(), 2);
    assert_eq!(fleet.receipt().rejected_rows, 0);
}

/// R12.1: masks of a kind leave the node, and pseudonyms in one domain join whatever the item is called.
#[tokio::test]
async fn values_are_masked_by_their_kind() {
    let domain = "identity-number".to_owned();
    let field = |name: &str, mask: Mask, parameters: Option<MaskParameters>| GrantedField {
        name: name.to_owned(),
        r#type: ItemType::Text.into(),
        mask: mask.into(),
        mask_parameters: parameters,
        rules: None,
    };
    let joined =
        || Some(MaskParameters { pseudonym_domain: domain.clone(), ..MaskParameters::default() });
    let fields = vec![
        field("id", Mask::Pseudonym, joined()),
        field("guardian", Mask::Pseudonym, joined()),
        field("card", Mask::IdentityNumber, None),
        field("phone", Mask::Mobile, None),
        field("home", Mask::Address, None),
    ];
    let fleet = Fleet::start(&GrantTerms { fields, ..terms() }, 1).await;
    write(
        fleet.source(),
        "id,guardian,card,phone,home",
        &[
            "11010519491231002X, 11010519491231002x,11010519491231002X,13800001234,成都市武侯区浆洗街2号",
            "a,b,no number,no number,nowhere",
        ],
    );

    let rows = fleet.fetch(&ticket(&[])).await.unwrap();

    let value = |column: usize, row: usize| {
        let column = rows.column(column).as_string::<i32>();
        column.is_valid(row).then(|| column.value(row).to_owned())
    };
    assert_eq!(value(0, 0), value(1, 0));
    assert_ne!(value(0, 1), value(1, 1));
    assert_eq!(value(0, 0).unwrap().len(), 32);
    assert_eq!(value(2, 0).unwrap(), "110105********002X");
    assert_eq!(value(3, 0).unwrap(), "138****1234");
    assert_eq!(value(4, 0).unwrap(), "成都市武侯区*****");
    for column in 2..5 {
        assert_eq!(value(column, 1), None, "what does not fit is not let through");
    }
}
