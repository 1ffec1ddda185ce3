//! Supervision and assessment.

use prost::{Message, Name};
use prost_types::Any;
use publicdata_event_store::{NewCommit, Store, Subject};
use publicdata_proto::catalog::v1::{
    AssessRequest, AssessResponse, Criterion, CriterionWeight, GetAssessmentRequest,
    ListAssessmentsRequest, ListLossesRequest, Loss, ObligationKind, ObligationMet,
    ObligationMissed, ObligationOpened, PublishAssessmentRequest, ReturnResourceRequest, Role,
    Standing,
};
use publicdata_proto::common::v1::Deadline;
use publicdata_proto::exchange::v1::{
    ApplicationOverdue, ApplicationSubmitted, GrantIssued, TransferCompleted, TransferRequested,
};
use publicdata_types::{CommandId, OrganisationCode};
use tonic::Status;
use uuid::Uuid;

use crate::fixture::{Catalogue, JINJIANG, QINGYANG, SOON, User, command_id, reason};

/// A period that is over, and in which every event of [`append`] lies.
const WINTER: (&str, &str) = ("2026-01-01", "2026-03-31");
/// A period in which everything lies that the tests do.
const EVER: (&str, &str) = ("2020-01-01", "2098-12-31");
const CRITERIA: [Criterion; 4] =
    [Criterion::Completeness, Criterion::Timeliness, Criterion::Response, Criterion::Use];

async fn assess(
    by: &mut User,
    (first, last): (&str, &str),
    weights: Vec<CriterionWeight>,
) -> AssessResponse {
    let request = AssessRequest {
        first_on: first.to_owned(),
        last_on: last.to_owned(),
        region_code: String::new(),
        weights,
    };
    by.assessments.assess(request).await.unwrap().into_inner()
}

async fn losses(by: &mut User, of: OrganisationCode) -> Result<Vec<Loss>, Status> {
    let mut request = ListLossesRequest {
        first_on: EVER.0.to_owned(),
        last_on: EVER.1.to_owned(),
        organisation_code: of.to_string(),
        page_size: 2,
        ..ListLossesRequest::default()
    };
    let mut losses = Vec::new();
    loop {
        let page = by.assessments.list_losses(request.clone()).await?.into_inner();
        losses.extend(page.losses);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            return Ok(losses);
        }
    }
}

fn publish((first, last): (&str, &str), region: &str) -> PublishAssessmentRequest {
    PublishAssessmentRequest {
        command_id: command_id(),
        first_on: first.to_owned(),
        last_on: last.to_owned(),
        region_code: region.to_owned(),
        weights: vec![],
    }
}

fn weights(weights: [u32; 4]) -> Vec<CriterionWeight> {
    CRITERIA
        .into_iter()
        .zip(weights)
        .map(|(criterion, weight)| CriterionWeight { criterion: criterion.into(), weight })
        .collect()
}

fn standing(standings: &[Standing], code: impl ToString) -> &Standing {
    standings.iter().find(|standing| standing.code == code.to_string()).unwrap()
}

fn points(standing: &Standing, criterion: Criterion) -> Option<u64> {
    let mut scores = standing.criteria.iter();
    scores.find(|score| score.criterion() == criterion).map(|score| score.micropoints / 1_000_000)
}

/// Tells of something that another part of the platform decided in January.
async fn append(store: &Store, subject: (&str, &str, &str), last: u64, events: Vec<Any>) -> u64 {
    let (service, aggregate, id) = subject;
    let subject = Subject::new(service, aggregate, id).unwrap();
    let commit = NewCommit {
        command_id: CommandId::from_uuid(Uuid::new_v4()),
        actor: format!("spiffe://test.internal/service/{service}"),
        occurred_at: "2026-01-20T01:00:00Z".parse().unwrap(),
        traceparent: None,
        events,
    };
    store.append(&subject, last, commit).await.unwrap().sequence
}

fn event<M: Message + Name>(message: &M) -> Any {
    Any { type_url: M::type_url(), value: message.encode_to_vec() }
}

fn limit() -> Deadline {
    Deadline {
        due_on: "2026-01-23".to_owned(),
        rule: "R12.4".to_owned(),
        calendar_version: "test".to_owned(),
        provisional: false,
    }
}

fn missed() -> Any {
    event(&ObligationMissed { deadline: Some(limit()) })
}

fn met() -> Any {
    event(&ObligationMet { met_on: "2026-01-20".to_owned(), ..ObligationMet::default() })
}

/// An obligation of `by` that ends with `end`; the sequence of its end.
async fn obligation(store: &Store, by: &User, kind: ObligationKind, end: Any) -> u64 {
    let id = Uuid::new_v4().to_string();
    let opened = ObligationOpened {
        kind: kind.into(),
        organisation_code: by.code.to_string(),
        region_code: JINJIANG.to_owned(),
        cause_id: Uuid::new_v4().to_string(),
        subject: "社区名录".to_owned(),
        counted_from: "2026-01-04".to_owned(),
        opened_on: "2026-01-04".to_owned(),
        working_days: 15,
        deadline: Some(limit()),
        ..ObligationOpened::default()
    };
    let subject = ("catalog", "obligation", id.as_str());
    let opened = append(store, subject, 0, vec![event(&opened)]).await;
    append(store, subject, opened, vec![end]).await
}

/// An application to `provider` that ends with `end`; the sequence of its end.
async fn application(store: &Store, provider: &User, end: Any) -> u64 {
    let id = Uuid::new_v4().to_string();
    let submitted = ApplicationSubmitted {
        provider_code: provider.code.to_string(),
        resource_code: "302001/00001".to_owned(),
        ..ApplicationSubmitted::default()
    };
    let subject = ("exchange", "grant", id.as_str());
    let submitted = append(store, subject, 0, vec![event(&submitted)]).await;
    append(store, subject, submitted, vec![end]).await
}

/// A delivery of a resource; the sequence of its end.
async fn delivery(store: &Store, resource_id: &str) -> u64 {
    let id = Uuid::new_v4().to_string();
    let requested =
        TransferRequested { resource_id: resource_id.to_owned(), ..TransferRequested::default() };
    let subject = ("exchange", "transfer", id.as_str());
    let requested = append(store, subject, 0, vec![event(&requested)]).await;
    append(store, subject, requested, vec![event(&TransferCompleted::default())]).await
}

async fn published(city: &mut User, by: &mut User, name: &str) -> String {
    let id = by.draft(name).await.resource_id;
    by.submit(&id).await;
    city.publish(&id).await.unwrap();
    id
}

/// R12.4: organisations and districts are scored for a period, each point lost names its event, and other weights give what it
/// would have been.
#[tokio::test]
async fn a_period_is_scored_and_every_loss_names_its_event() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut slow = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let mut quick = catalogue.registered(&city, 3, QINGYANG, &[Role::Provider]).await;
    let store = &catalogue.store;

    let returned = slow.draft("社区名录").await.resource_id;
    slow.submit(&returned).await;
    let request = ReturnResourceRequest {
        command_id: command_id(),
        resource_id: returned.clone(),
        reason: "摘要不完整".to_owned(),
    };
    let returned = city.resources.return_resource(request).await.unwrap().into_inner().sequence;
    let kind = ObligationKind::DataUpdate;
    let missed = obligation(store, &slow, kind, missed()).await;
    obligation(store, &slow, kind, met()).await;
    let overdue = application(store, &slow, event(&ApplicationOverdue::default())).await;
    let used = published(&mut city, &mut quick, "街道名录").await;
    application(store, &quick, event(&GrantIssued::default())).await;
    let delivered = delivery(store, &used).await;
    catalogue.marks.wait_for("EXCHANGE", delivered, SOON).await.unwrap();
    catalogue.marked().await;

    let found = assess(&mut city, EVER, vec![]).await;
    let ranks: Vec<_> = found.organisations.iter().map(|it| (it.rank, it.code.as_str())).collect();
    assert_eq!(ranks, [(1, quick.code.as_str()), (2, slow.code.as_str())]);
    let worst = standing(&found.organisations, slow.code);
    let scores = CRITERIA.map(|criterion| points(worst, criterion));
    assert_eq!(scores, [Some(0), Some(50), Some(0), None]);
    // 80 of 100 weigh, of which timeliness keeps half of its 30.
    assert_eq!(worst.total_micropoints, 18_750_000);
    let districts = (standing(&found.districts, JINJIANG), standing(&found.districts, QINGYANG));
    assert_eq!(districts.0.total_micropoints, worst.total_micropoints);
    assert_eq!((districts.0.rank, districts.1.rank), (2, 1));

    let code = slow.code;
    let lost = losses(&mut slow, code).await.unwrap();
    let evidence: Vec<_> =
        lost.iter().map(|loss| (loss.criterion(), loss.stream.as_str(), loss.sequence)).collect();
    assert_eq!(
        evidence,
        [
            (Criterion::Completeness, "CATALOG", returned),
            (Criterion::Response, "EXCHANGE", overdue),
            (Criterion::Timeliness, "CATALOG", missed),
        ]
    );
    let sum: u64 = lost.iter().map(|loss| loss.micropoints).sum();
    assert_eq!(sum, 100_000_000 - worst.total_micropoints);
    assert!(lost[0].what.contains("摘要不完整"), "{lost:?}");

    let otherwise = assess(&mut city, EVER, weights([0, 100, 0, 0])).await;
    let worst = standing(&otherwise.organisations, slow.code);
    assert_eq!(worst.total_micropoints, 50_000_000);
}

/// R12.4: what is not used by anybody costs its provider, until somebody fetches it.
#[tokio::test]
async fn a_resource_that_nobody_uses_costs_points() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let (id, code) = (published(&mut city, &mut provider, "社区名录").await, provider.code);
    catalogue.marked().await;

    let lost = losses(&mut provider, code).await.unwrap();
    let unused: Vec<_> = lost.iter().filter(|loss| loss.criterion() == Criterion::Use).collect();
    assert_eq!(unused.len(), 1, "{lost:?}");
    assert_eq!(unused[0].about_id, id);

    let delivered = delivery(&catalogue.store, &id).await;
    catalogue.marks.wait_for("EXCHANGE", delivered, SOON).await.unwrap();
    let lost = losses(&mut provider, code).await.unwrap();
    assert!(lost.iter().all(|loss| loss.criterion() != Criterion::Use), "{lost:?}");
}

/// R12.4: the authority publishes a period that is over, once; what was published can be weighed otherwise, and stays.
#[tokio::test]
async fn a_published_assessment_stays_and_can_be_weighed_otherwise() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let mut stranger = catalogue.registered(&city, 3, QINGYANG, &[Role::Provider]).await;
    let (missed, met) = (missed(), met());
    obligation(&catalogue.store, &provider, ObligationKind::DataUpdate, missed.clone()).await;
    let last = obligation(&catalogue.store, &provider, ObligationKind::CatalogueUpdate, met).await;
    catalogue.marks.wait_for("CATALOG", last, SOON).await.unwrap();

    let open = city.assessments.publish_assessment(publish(EVER, "")).await.unwrap_err();
    assert_eq!(reason(&open), "PERIOD_OPEN");
    let done = city.assessments.publish_assessment(publish(WINTER, "")).await.unwrap();
    let id = done.into_inner().assessment_id;
    // What happens afterwards changes nothing of it.
    obligation(&catalogue.store, &provider, ObligationKind::DataUpdate, missed).await;
    let again = city.assessments.publish_assessment(publish(WINTER, "")).await.unwrap();
    assert_eq!(again.into_inner().assessment_id, id);

    for (weights, total) in
        [(vec![], 50), (weights([1, 0, 0, 0]), 100), (weights([1, 3, 0, 0]), 25)]
    {
        let request = GetAssessmentRequest { assessment_id: id.clone(), weights };
        let found = provider.assessments.get_assessment(request).await.unwrap().into_inner();
        let own = standing(&found.organisations, provider.code);
        assert_eq!(own.total_micropoints, total * 1_000_000);
    }
    let listed = city.assessments.list_assessments(ListAssessmentsRequest::default()).await;
    assert_eq!(listed.unwrap().into_inner().assessments[0].id, id);

    let request = GetAssessmentRequest { assessment_id: id, weights: vec![] };
    let refused = stranger.assessments.get_assessment(request).await.unwrap_err();
    assert_eq!(reason(&refused), "ASSESSMENT_NOT_FOUND");
}

/// R13.1: a district authority assesses its own region; whoever is no authority sees its own organisation alone.
#[tokio::test]
async fn nobody_sees_marks_over_the_border() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut jinjiang = catalogue.registered(&city, 2, JINJIANG, &[Role::Authority]).await;
    let mut qingyang = catalogue.registered(&city, 3, QINGYANG, &[Role::Authority]).await;
    let mut provider = catalogue.registered(&city, 4, JINJIANG, &[Role::Provider]).await;
    let mut neighbour = catalogue.registered(&city, 5, JINJIANG, &[Role::Provider]).await;
    let mut auditor = catalogue.registered(&city, 6, "510100", &[Role::Auditor]).await;
    published(&mut city, &mut provider, "社区名录").await;
    catalogue.marked().await;
    let code = provider.code;

    for insider in [&mut city, &mut jinjiang, &mut provider, &mut auditor] {
        let found = assess(insider, EVER, vec![]).await;
        let codes: Vec<_> = found.organisations.iter().map(|it| it.code.as_str()).collect();
        assert_eq!(codes, [code.as_str()]);
        assert!(losses(insider, code).await.is_ok());
    }
    for outsider in [&mut qingyang, &mut neighbour] {
        assert_eq!(assess(outsider, EVER, vec![]).await.organisations, []);
        let refused = losses(outsider, code).await.unwrap_err();
        assert_eq!(reason(&refused), "ORGANISATION_NOT_FOUND");
        let refused = outsider.assessments.publish_assessment(publish(WINTER, JINJIANG)).await;
        assert!(
            ["OUTSIDE_REGION", "ROLE_MISSING"].contains(&reason(&refused.unwrap_err()).as_str())
        );
    }
    let beyond = AssessRequest {
        first_on: EVER.0.to_owned(),
        last_on: EVER.1.to_owned(),
        region_code: JINJIANG.to_owned(),
        weights: vec![],
    };
    let refused = qingyang.assessments.assess(beyond).await.unwrap_err();
    assert_eq!(reason(&refused), "OUTSIDE_REGION");
}

/// H3: days and weights that cannot be are named.
#[tokio::test]
async fn wrong_periods_and_weights_are_named() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;

    for (first, last, weights, expected) in [
        ("2026-13-01", "2026-12-31", vec![], "first_on"),
        ("2026-02-01", "2026-01-31", vec![], "before it begins"),
        ("2026-01-01", "2026-01-31", weights([0, 0, 0, 0]), "all weights are 0"),
        ("2026-01-01", "2026-01-31", weights([1_001, 0, 0, 0]), "at most 1000"),
        ("2026-01-01", "2026-01-31", vec![CriterionWeight { criterion: 9, weight: 1 }], "unknown"),
    ] {
        let request = AssessRequest {
            first_on: first.to_owned(),
            last_on: last.to_owned(),
            region_code: String::new(),
            weights,
        };
        let refused = city.assessments.assess(request).await.unwrap_err();
        assert!(refused.message().contains(expected), "{refused:?}");
    }
}
