//! What people get wrong: at the source, in an application, in a request. Each is told what, where and what to do (H3).

use publicdata::commands::answer;
use publicdata::commands::grant::{Apply, application};
use publicdata::sample::CITY_REGION;
use publicdata::session::new_command_id;
use publicdata_proto::catalog::v1::{RegisterOrganisationRequest, Role};

use crate::fleet::{City, Reader, Refused, Rows};

/// How a fetch of everything fails, at its beginning or later.
async fn failure(city: &City) -> Refused {
    match city.fetch().await {
        Ok(reader) => reader.rest().await.unwrap_err(),
        Err(refused) => refused,
    }
}

#[track_caller]
fn check(refused: &Refused, reason: &str, words: &[&str]) {
    let Refused { reason: found, message } = refused;
    assert_eq!(found, reason, "{message}");
    for word in words {
        assert!(message.contains(word), "`{word}` is missing: {message}");
    }
}

/// H3: the column is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_the_source_lost_is_named() {
    let city = City::ready(Rows::few()).await;
    city.change_source("ALTER TABLE people DROP COLUMN note").await;

    check(&failure(&city).await, "SOURCE_COLUMN_MISSING", &["`note`"]);
    city.change_source("ALTER TABLE people ADD COLUMN note TEXT DEFAULT ''").await;
    assert_eq!(city.fetch().await.unwrap().rest().await.unwrap(), city.source_rows().await);
}

/// H3, H5: the row is named, its value is not.
#[tokio::test(flavor = "multi_thread")]
async fn a_value_of_another_type_is_told_by_its_row_alone() {
    let city = City::ready(Rows::few()).await;
    city.change_source("UPDATE people SET size = 'abracadabra' WHERE code = 'r0000042'").await;

    let failed = failure(&city).await;

    check(&failed, "SOURCE_TYPE_MISMATCH", &["row 42", "`size`"]);
    assert!(!failed.message.contains("abracadabra"), "{}", failed.message);
    city.change_source("UPDATE people SET size = 1 WHERE code = 'r0000042'").await;
    assert_eq!(city.fetch().await.unwrap().rest().await.unwrap(), city.source_rows().await);
}

/// R26.1, R30.1, H3: neither an application nor a fetch gets what the catalogue or the grant does not have.
#[tokio::test(flavor = "multi_thread")]
async fn a_field_that_is_not_in_the_catalogue_is_named() {
    let city = City::ready(Rows::few()).await;
    let apply =
        Apply { fields: vec!["code".to_owned(), "income".to_owned()], ..city.application() };
    let mut wanted = city.wanted(Vec::new());
    wanted.fields = apply.fields.clone();

    check(&refusal(&city, apply).await, "APPLICATION_INVALID", &["income"]);
    let refused = Reader::open(&city.consumer(), &wanted).await.map(drop).unwrap_err();
    check(&refused, "FIELD_OUTSIDE_GRANT", &["income"]);
}

/// H3: the place in the filter is named.
#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_filter_is_told_by_its_place() {
    let city = City::settled(Rows::few()).await;
    let apply =
        Apply { filter: "size > 7 AND areaCode = = '510104'".to_owned(), ..city.application() };

    check(&refusal(&city, apply).await, "APPLICATION_INVALID", &["line 1", "column 25"]);
}

/// H3: a code whose check digit is wrong is a mistyped one.
#[tokio::test(flavor = "multi_thread")]
async fn an_organisation_code_with_a_wrong_check_digit_is_refused() {
    let city = City::settled(Rows::few()).await;
    let request = RegisterOrganisationRequest {
        command_id: new_command_id(),
        code: "11510100MB0000027A".to_owned(),
        name: "某局".to_owned(),
        region_code: CITY_REGION.to_owned(),
        roles: vec![Role::Consumer.into()],
        ..RegisterOrganisationRequest::default()
    };

    let refused = city.authority().organisations().unwrap().register_organisation(request).await;

    check(
        &Refused::from(answer(refused).unwrap_err()),
        "FIELD_INVALID",
        &["`code`", "`K` is expected"],
    );
}

async fn refusal(city: &City, apply: Apply) -> Refused {
    let request = application(new_command_id(), apply);
    let refused = city.consumer().grants().unwrap().submit_application(request).await;
    Refused::from(answer(refused).unwrap_err())
}
