//! The mistakes that real filings contain, caught where they are entered.

use publicdata_proto::catalog::v1::get_resource_request::Key;
use publicdata_proto::catalog::v1::{
    DeliveryMode, DraftResourceRequest, Format, GetResourceRequest, ItemType, Mask, MaskParameters,
    QualityRules, ResourceDescription, Role, SharingType,
};
use publicdata_service_kit::Problem;
use tonic::{Code, Status};

use crate::fixture::{Catalogue, JINJIANG, QINGYANG, User, description, draft, reason};

async fn refused(by: &User, description: ResourceDescription) -> Status {
    by.resources.clone().draft_resource(draft(description)).await.unwrap_err()
}

/// The fields that a refusal names, each with its reason.
fn mistakes(status: &Status) -> Vec<(String, String)> {
    let metadata = Problem::from_status(status).metadata;
    let get = |index: usize, what: &str| metadata.get(&format!("mistakes[{index}].{what}"));
    (0..)
        .map_while(|index| Some((get(index, "field")?.clone(), get(index, "reason")?.clone())))
        .collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(field, why)| ((*field).to_owned(), (*why).to_owned())).collect()
}

/// R12.1, H3: each mistake of a filing has its own message, and a refusal names all of them by field.
#[tokio::test]
async fn every_mistake_is_named_by_its_field() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let good = || description(provider.code, "社区名录");

    let mut wrong = good();
    wrong.name = "智慧社区管理系统（二期）".to_owned();
    wrong.r#abstract = "略".to_owned();
    wrong.classification_code = "302".to_owned();
    wrong.items[1].title = "代 码".to_owned();
    wrong.sharing_condition = "/".to_owned();
    wrong.format = Format::Image.into();
    wrong.delivery_modes = vec![DeliveryMode::Query.into()];
    wrong.open_condition = String::new();
    let status = refused(&provider, wrong).await;
    assert_eq!(status.code(), Code::InvalidArgument);
    assert_eq!(reason(&status), "DESCRIPTION_INVALID");
    assert_eq!(
        mistakes(&status),
        pairs(&[
            ("name", "SYSTEM_NAME"),
            ("abstract", "FILLER"),
            ("classification_code", "CLASSIFICATION_TOO_GENERAL"),
            ("items[1].title", "DUPLICATE_ITEM_TITLE"),
            ("sharing_condition", "FILLER"),
            ("delivery_modes", "DELIVERY_MODE_UNFIT"),
            ("open_condition", "OPEN_WITHOUT_CONDITION"),
        ])
    );

    let mut closed = good();
    closed.sharing_type = SharingType::NotShared.into();
    closed.sharing_condition = String::new();
    let status = refused(&provider, closed).await;
    assert_eq!(
        mistakes(&status),
        pairs(&[("sharing_condition", "EMPTY"), ("open", "OPEN_NOT_SHARED")])
    );

    for (classification, why) in
        [("107001", "CLASSIFICATION_UNKNOWN"), ("2", "CLASSIFICATION_TOO_GENERAL")]
    {
        let wrong =
            ResourceDescription { classification_code: classification.to_owned(), ..good() };
        let status = refused(&provider, wrong).await;
        assert_eq!(mistakes(&status), pairs(&[("classification_code", why)]));
    }
    for (field, wrong) in [
        (
            "classification_code",
            ResourceDescription { classification_code: "402001".to_owned(), ..good() },
        ),
        ("provider_code", ResourceDescription { provider_code: String::new(), ..good() }),
    ] {
        let status = refused(&provider, wrong).await;
        assert_eq!(reason(&status), "FIELD_INVALID");
        assert!(status.message().contains(field), "{}", status.message());
    }
}

/// R17.2, H3: quality rules are declared with an item; one that contradicts itself or the item's type is refused with the
/// item, the field and what to do.
#[tokio::test]
async fn quality_rules_are_declared_and_bad_ones_refused() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let ruled = |quality: QualityRules| {
        let mut entry = description(provider.code, "社区名录");
        entry.items[0].quality = Some(quality);
        entry
    };
    let contradictory = QualityRules {
        minimum: "9".to_owned(),
        maximum: "1".to_owned(),
        pattern: "[0-9".to_owned(),
        ..QualityRules::default()
    };
    let mut number = ruled(contradictory.clone());
    number.items[0].r#type = ItemType::Integer.into();

    let status = refused(&provider, number).await;
    assert_eq!(
        mistakes(&status),
        pairs(&[
            ("items[0].quality.minimum", "ITEM_RULE"),
            ("items[0].quality.pattern", "ITEM_RULE")
        ])
    );
    assert!(status.message().contains("item code has a range from 9 to 1"), "{}", status.message());
    let text = ruled(contradictory);
    assert_eq!(
        mistakes(&refused(&provider, text).await),
        pairs(&[
            ("items[0].quality.minimum", "ITEM_RULE"),
            ("items[0].quality.pattern", "ITEM_RULE")
        ])
    );
    let unreadable = QualityRules { minimum: "many".to_owned(), ..QualityRules::default() };
    let status = refused(&provider, ruled(unreadable)).await;
    assert_eq!(reason(&status), "FIELD_INVALID");
    assert!(status.message().contains("items[0].quality.minimum"), "{}", status.message());

    let sound =
        QualityRules { pattern: "[0-9]{12}".to_owned(), unique: true, ..Default::default() };
    let mut entry = ruled(sound);
    entry.items[1].mask = Mask::Pseudonym.into();
    entry.items[1].mask_parameters =
        Some(MaskParameters { pseudonym_domain: "mobile".to_owned(), ..MaskParameters::default() });
    let mut resources = provider.resources.clone();
    let drafted = resources.draft_resource(draft(entry.clone())).await.unwrap().into_inner();
    let request = GetResourceRequest {
        key: Some(Key::ResourceId(drafted.resource_id)),
        ..GetResourceRequest::default()
    };
    let found = resources.get_resource(request).await.unwrap().into_inner().resource.unwrap();
    assert_eq!(found.description, Some(entry));
}

/// H3: a thousand mistakes fit an answer: the first ones are named, and the rest are counted.
#[tokio::test]
async fn a_thousand_mistakes_fit_an_answer() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let mut wrong = description(provider.code, "社区名录");
    let item = wrong.items[0].clone();
    wrong.items = vec![item; 1_000];

    let status = refused(&provider, wrong).await;

    assert_eq!(reason(&status), "DESCRIPTION_INVALID");
    assert_eq!(mistakes(&status).len(), 20);
    assert!(status.message().ends_with("and 979 more"), "{}", status.message());
}

/// Issue 3: a name that differs from another's by punctuation, width, case or spaces alone is refused, and the other
/// entry is named, as far as the caller may know of it.
#[tokio::test]
async fn a_name_that_is_another_entrys_is_refused() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut first = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let mut second = catalogue.registered(&city, 3, QINGYANG, &[Role::Provider]).await;
    let drafted = first.draft("社区（村）APP名录").await;

    // One's own draft is named at once; another's is nobody's business.
    let status = refused(&first, description(first.code, "社区 (村) ａｐｐ名录。")).await;
    assert_eq!(mistakes(&status), pairs(&[("name", "NAME_ALIKE")]));
    assert!(status.message().contains(&drafted.code), "{}", status.message());
    let hidden = second.draft("社区(村)app名录").await.resource_id;

    // Once it is published, everybody is told; and of two drafts the second is not published.
    first.submit(&drafted.resource_id).await;
    city.publish(&drafted.resource_id).await.unwrap();
    let status = refused(&second, description(second.code, "社区·村·APP·名录")).await;
    assert_eq!(mistakes(&status), pairs(&[("name", "NAME_ALIKE")]));
    assert!(status.message().contains("社区（村）APP名录"), "{}", status.message());
    second.submit(&hidden).await;
    let status = city.publish(&hidden).await.unwrap_err();
    assert_eq!(status.code(), Code::FailedPrecondition);
    assert_eq!(reason(&status), "NAME_ALIKE");

    // An entry is not alike itself, and other words are other words.
    let mut revision = description(first.code, "社区（村）ＡＰＰ名录");
    revision.use_requirements = "不得公开".to_owned();
    let resource_id = drafted.resource_id;
    let revision = DraftResourceRequest { resource_id, ..draft(revision) };
    first.resources.draft_resource(revision).await.unwrap();
    second.draft("社区和村APP名录").await;
}
