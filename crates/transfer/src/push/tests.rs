use publicdata_proto::catalog::v1::DeliveryMode as WireMode;

use super::*;
use crate::testing::batch;

#[test]
fn content_is_read_back_from_the_schema() {
    let fields = batch(0, 1).schema();
    for content in
        [Content::Whole, Content::Changes(Follows::More), Content::Changes(Follows::Nothing)]
    {
        for source_version in ["", "v1; v2"] {
            let outline = Outline { content, source_version: source_version.to_owned() };
            let schema = outline.schema(&fields);
            assert_eq!(Outline::of(&schema), Some(outline));
            assert!(field_names(&schema).eq(["code", "people"]), "{content:?}");
        }
    }
    assert_eq!(Outline::of(&fields), None);
}

#[test]
fn changes_say_what_became_of_each_row() {
    let rows = batch(0, 3);
    let content = Content::Changes(Follows::Nothing);
    let outline = Outline { content, source_version: String::new() };
    let changes = outline.rows(&outline.schema(&rows.schema()), Change::Upsert, &rows).unwrap();

    assert_eq!(changes.num_columns(), 3);
    assert_eq!(**changes.column(0), StringArray::from(vec![UPSERT; 3]));
    assert_eq!(changes.column(1), rows.column(0));
}

/// R23.1: what is fetched for a subscription has to be granted as a push.
#[test]
fn a_subscriptions_transfer_is_a_push() {
    let bulk = TransferRequest::default();
    let push = TransferRequest { subscription_id: "1".to_owned(), ..bulk.clone() };

    assert_eq!(mode_of(&bulk), Some(DeliveryMode::Bulk));
    assert_eq!(mode_of(&push), None, "a subscription alone is no mode");
    let push = TransferRequest { mode: WireMode::Push.into(), ..push };
    assert_eq!(mode_of(&push), Some(DeliveryMode::Push));
    let of_none = TransferRequest { subscription_id: String::new(), ..push };
    assert_eq!(mode_of(&of_none), None);
}
