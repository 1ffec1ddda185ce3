//! Changes of law and functions, what organisations have to do because of them, and the calendar.

use std::time::Duration;

use futures::TryStreamExt as _;
use publicdata_event_store::aggregates::Codec;
use publicdata_proto::catalog::v1::count_deadline_request::Limit;
use publicdata_proto::catalog::v1::{
    AssignLibraryItemRequest, CancelObligationRequest, Change, ChangeKind, CountDeadlineRequest,
    CountDeadlineResponse, DraftResourceRequest, EstablishLibraryRequest, FulfilObligationRequest,
    GetCalendarRequest, GetObligationRequest, ListChangesRequest, ListObligationsRequest,
    Obligation, ObligationKind, ObligationState, RecordChangeRequest, RecordChangeResponse,
    RecordLibraryItemUpdateRequest, RecordResourceUpdateRequest, ReleaseLibraryItemRequest,
    ResourceDescription, Role, SuspendResourceRequest, UpdateCycle,
};
use publicdata_types::OrganisationCode;
use tonic::{Code, Status};

use crate::fixture::{
    CITY, Catalogue, JINJIANG, QINGYANG, User, code, command_id, description, draft, reason,
};

/// Monday 21 September 2026, in the morning in China. The limit of 15 working days from this day ends on 19 October: 25 to 27
/// September and 1 to 7 October are off, and Saturday 10 October is worked.
const MORNING: &str = "2026-09-21T01:00:00Z";
const TODAY: &str = "2026-09-21";
const DUE: &str = "2026-10-19";
const DAY: Duration = Duration::from_secs(86_400);
/// Holidays of 2026 alone, and then of 2027 as well.
const UNTIL_2026: &str = r#"{"years":{"2026":{"holidays":["2026-01-01"],"workdays":[]}}}"#;
const UNTIL_2027: &str = r#"{"years":{
    "2026":{"holidays":["2026-01-01"],"workdays":[]},
    "2027":{"holidays":["2027-01-01"],"workdays":["2027-01-09"]}
}}"#;

fn change(affected: &[&User]) -> RecordChangeRequest {
    RecordChangeRequest {
        command_id: command_id(),
        kind: ChangeKind::Law.into(),
        title: "《四川省数据条例》修订".to_owned(),
        description: "新增授权运营的规定".to_owned(),
        effective_on: TODAY.to_owned(),
        organisation_codes: affected.iter().map(|user| user.code.to_string()).collect(),
    }
}

async fn record(by: &mut User, affected: &[&User]) -> RecordChangeResponse {
    by.obligations.record_change(change(affected)).await.unwrap().into_inner()
}

async fn changes(by: &mut User) -> Vec<Change> {
    let page = by.obligations.list_changes(ListChangesRequest::default()).await;
    page.unwrap().into_inner().changes
}

async fn list(by: &mut User, request: ListObligationsRequest) -> Vec<Obligation> {
    by.obligations.list_obligations(request).await.unwrap().into_inner().obligations
}

async fn all(by: &mut User) -> Vec<Obligation> {
    list(by, ListObligationsRequest::default()).await
}

async fn get(by: &mut User, id: &str) -> Result<Obligation, Status> {
    let request = GetObligationRequest { obligation_id: id.to_owned() };
    let found = by.obligations.get_obligation(request).await?;
    Ok(found.into_inner().obligation.unwrap())
}

fn fulfil(obligation: &str, resources: &[&str], note: &str) -> FulfilObligationRequest {
    FulfilObligationRequest {
        command_id: command_id(),
        obligation_id: obligation.to_owned(),
        resource_ids: resources.iter().map(|id| (*id).to_owned()).collect(),
        note: note.to_owned(),
    }
}

fn cancel(obligation: &str, reason: &str) -> CancelObligationRequest {
    CancelObligationRequest {
        command_id: command_id(),
        obligation_id: obligation.to_owned(),
        reason: reason.to_owned(),
    }
}

async fn refusal_of_fulfilment(by: &mut User, request: FulfilObligationRequest) -> String {
    reason(&by.obligations.fulfil_obligation(request).await.unwrap_err())
}

/// Asks until the answer is what is awaited: policies act within moments.
async fn eventually<T>(mut ask: impl AsyncFnMut() -> Option<T>) -> T {
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        tokio::task::yield_now().await;
    }
}

/// The only obligation of the caller, once it is there.
async fn only(by: &mut User) -> Obligation {
    eventually(async || all(by).await.into_iter().next()).await
}

async fn until_state(by: &mut User, id: &str, state: ObligationState) -> Obligation {
    eventually(async || {
        let found = get(by, id).await.unwrap();
        (found.state() == state).then_some(found)
    })
    .await
}

async fn until_warned(by: &mut User, id: &str) -> Obligation {
    eventually(async || {
        let found = get(by, id).await.unwrap();
        found.warned.then_some(found)
    })
    .await
}

/// What happened to an obligation, by the names of its events.
async fn events(catalogue: &Catalogue, id: &str) -> Vec<String> {
    let subject = format!("ev.catalog.obligation.{id}").parse().unwrap();
    let history = catalogue.store.tail(&subject, 0).await.unwrap();
    let names = history.iter().flat_map(|recorded| recorded.commit().unwrap().events);
    names.map(|any| any.type_url.rsplit('.').next().unwrap().to_owned()).collect()
}

/// How many commits of obligations there are.
async fn commits(catalogue: &Catalogue) -> usize {
    let history = catalogue.store.read("CATALOG", 1, None).await.unwrap();
    let history: Vec<_> = history.try_collect().await.unwrap();
    let obligations = history.iter().filter(|recorded| {
        recorded.subject.aggregate() == publicdata_catalog::codec::Obligation::AGGREGATE
    });
    obligations.count()
}

fn due_on(obligation: &Obligation) -> &str {
    &obligation.deadline.as_ref().unwrap().due_on
}

async fn count(by: &mut User, from: &str, limit: Limit) -> Result<CountDeadlineResponse, Status> {
    let request = CountDeadlineRequest { from: from.to_owned(), limit: Some(limit) };
    by.obligations.count_deadline(request).await.map(tonic::Response::into_inner)
}

/// R14.1: a change names whom it affects, and opens an obligation of 15 working days on each; the day itself is not counted.
#[tokio::test]
async fn a_change_opens_an_obligation_on_each_organisation_that_it_names() {
    let catalogue = Catalogue::start_at(MORNING, None).await;
    let mut city = catalogue.city().await;
    let mut first = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let mut second = catalogue.registered(&city, 3, QINGYANG, &[Role::Provider]).await;

    let recorded = record(&mut city, &[&first, &second]).await;

    let deadline = recorded.deadline.unwrap();
    assert_eq!((deadline.due_on.as_str(), deadline.rule.as_str()), (DUE, "R14.1"));
    assert!(!deadline.provisional);
    for user in [&mut first, &mut second] {
        let obligation = only(user).await;
        assert_eq!(obligation.kind(), ObligationKind::CatalogueUpdate);
        assert_eq!(obligation.state(), ObligationState::Open);
        assert_eq!(obligation.organisation_code, user.code.to_string());
        assert_eq!(obligation.organisation_name, format!("机构 {}", user.code));
        assert_eq!(obligation.cause_id, recorded.change_id);
        assert_eq!(obligation.subject, "《四川省数据条例》修订");
        assert_eq!((obligation.counted_from.as_str(), obligation.working_days), (TODAY, 15));
        assert_eq!(obligation.deadline, Some(deadline.clone()));
        assert!(!obligation.warned);
    }
    let listed = &changes(&mut city).await[0];
    assert_eq!((&listed.id, listed.kind()), (&recorded.change_id, ChangeKind::Law));
    assert_eq!(listed.organisation_codes.len(), 2);
}

/// R14.1: three working days before the last one the organisation is warned; the day after the last one it is overdue.
#[tokio::test]
async fn an_obligation_warns_and_is_missed_in_its_time() {
    let catalogue = Catalogue::start_at(MORNING, None).await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    record(&mut city, &[&provider]).await;
    let id = only(&mut provider).await.id;

    // Wednesday 14 October: 15, 16 and 19 October are left.
    catalogue.clock.advance(DAY * 23);
    until_warned(&mut provider, &id).await;
    assert_eq!(events(&catalogue, &id).await, ["ObligationOpened", "ObligationWarned"]);

    catalogue.clock.advance(DAY * 6);
    until_state(&mut provider, &id, ObligationState::Missed).await;
    assert_eq!(
        events(&catalogue, &id).await,
        ["ObligationOpened", "ObligationWarned", "ObligationMissed"]
    );

    let request = ListObligationsRequest {
        state: ObligationState::Missed.into(),
        due_before: "2026-10-20".to_owned(),
        ..ListObligationsRequest::default()
    };
    assert_eq!(list(&mut city, request).await[0].id, id, "the authority sees who is overdue");

    let late = provider.obligations.fulfil_obligation(fulfil(&id, &[], "目录不涉及该条款")).await;
    let met = late.unwrap().into_inner().obligation.unwrap();
    assert_eq!(
        (met.state(), met.late, met.met_on.as_str()),
        (ObligationState::Met, true, "2026-10-20")
    );
}

/// R14.1: a change that is recorded late leaves no time to wait: the warning comes with the opening, and the miss after it.
#[tokio::test]
async fn a_change_that_is_recorded_late_warns_at_once() {
    let catalogue = Catalogue::start_at("2026-10-19T01:00:00Z", None).await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    record(&mut city, &[&provider]).await;

    let obligation = only(&mut provider).await;

    assert!(obligation.warned && due_on(&obligation) == DUE, "{obligation:?}");
    assert_eq!(commits(&catalogue).await, 1, "one commit says both");
    assert_eq!(obligation.opened_on, "2026-10-19");
}

/// R14.1: an obligation is met by entries that the organisation itself brought up to date since, or by saying why none had to.
#[tokio::test]
async fn an_obligation_is_met_by_what_was_changed_since() {
    let catalogue = Catalogue::start_at("2026-09-18T01:00:00Z", None).await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let mut other = catalogue.registered(&city, 3, JINJIANG, &[Role::Provider]).await;
    let before = provider.draft("改前编制的目录").await.resource_id;
    let foreign = other.draft("他部门目录").await.resource_id;
    catalogue.clock.advance(DAY * 3);
    record(&mut city, &[&provider]).await;
    let id = only(&mut provider).await.id;

    let unknown = uuid::Uuid::new_v4().to_string();
    for (resources, expected) in [
        (&[before.as_str()][..], "ENTRY_UNCHANGED"),
        (&[&foreign], "ENTRY_NOT_OWN"),
        (&[&unknown], "ENTRY_NOT_OWN"),
        (&["no-uuid"], "FIELD_INVALID"),
        (&[], "FULFILMENT_EMPTY"),
    ] {
        let refused = refusal_of_fulfilment(&mut provider, fulfil(&id, resources, "")).await;
        assert_eq!(refused, expected);
    }

    let revision = DraftResourceRequest {
        resource_id: before.clone(),
        ..draft(description(provider.code, "改后编制的目录"))
    };
    provider.resources.draft_resource(revision).await.unwrap();
    let request = fulfil(&id, &[&before], "已按新条款调整");
    let met = provider.obligations.fulfil_obligation(request.clone()).await.unwrap().into_inner();

    let obligation = met.obligation.unwrap();
    assert_eq!((obligation.state(), obligation.late), (ObligationState::Met, false));
    assert_eq!((obligation.met_on.as_str(), obligation.resource_ids), (TODAY, vec![before]));
    assert_eq!(obligation.note, "已按新条款调整");
    // H1: a repeat is answered as the first was.
    let again = provider.obligations.fulfil_obligation(request).await.unwrap().into_inner();
    assert_eq!(again.sequence, met.sequence);
    let refused = refusal_of_fulfilment(&mut provider, fulfil(&id, &[], "再说一次")).await;
    assert_eq!(refused, "OBLIGATION_MET");
}

/// R14.1: the authority over the organisation lets an obligation go, with a reason.
#[tokio::test]
async fn the_authority_cancels_with_a_reason() {
    let catalogue = Catalogue::start_at(MORNING, None).await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    record(&mut city, &[&provider]).await;
    let id = only(&mut provider).await.id;

    let silent = city.obligations.cancel_obligation(cancel(&id, " ")).await.unwrap_err();
    assert_eq!(reason(&silent), "REASON_MISSING");
    let own = provider.obligations.cancel_obligation(cancel(&id, "不涉及")).await.unwrap_err();
    assert_eq!(reason(&own), "ROLE_MISSING");
    city.obligations.cancel_obligation(cancel(&id, "误报")).await.unwrap();

    let cancelled = get(&mut provider, &id).await.unwrap();
    assert_eq!(cancelled.state(), ObligationState::Cancelled);
    assert_eq!(cancelled.cancel_reason, "误报");
}

/// R13.1: nobody records, reads, fulfils or cancels over a region's border; an auditor reads all and writes nothing.
#[tokio::test]
async fn nobody_reads_or_writes_over_the_border() {
    let catalogue = Catalogue::start_at(MORNING, None).await;
    let mut city = catalogue.city().await;
    let mut jinjiang = catalogue.registered(&city, 2, JINJIANG, &[Role::Authority]).await;
    let mut qingyang = catalogue.registered(&city, 3, QINGYANG, &[Role::Authority]).await;
    let mut here = catalogue.registered(&city, 4, JINJIANG, &[Role::Provider]).await;
    let mut there = catalogue.registered(&city, 5, QINGYANG, &[Role::Provider]).await;
    let mut auditor = catalogue.registered(&city, 6, CITY, &[Role::Auditor]).await;
    let mut bystander = catalogue.registered(&city, 7, JINJIANG, &[Role::Consumer]).await;

    let abroad = change(&[&there]);
    for (by, expected) in [
        (&mut jinjiang, "OUTSIDE_REGION"),
        (&mut here, "ROLE_MISSING"),
        (&mut auditor, "ROLE_MISSING"),
    ] {
        let refused = by.obligations.record_change(abroad.clone()).await.unwrap_err();
        assert_eq!(reason(&refused), expected);
    }
    record(&mut jinjiang, &[&here]).await;
    let of_here = only(&mut here).await.id;
    let both = record(&mut city, &[&here, &there]).await;
    let of_there = only(&mut there).await.id;
    eventually(async || (all(&mut here).await.len() == 2).then_some(())).await;

    for (by, expected) in [
        (&mut city, 3),
        (&mut auditor, 3),
        (&mut jinjiang, 2),
        (&mut qingyang, 1),
        (&mut there, 1),
        (&mut bystander, 0),
    ] {
        assert_eq!(all(by).await.len(), expected, "{}", by.code);
    }
    for outsider in [&mut qingyang, &mut there, &mut bystander] {
        assert_eq!(reason(&get(outsider, &of_here).await.unwrap_err()), "OBLIGATION_NOT_FOUND");
        let request = fulfil(&of_here, &[], "不涉及");
        let refused = outsider.obligations.fulfil_obligation(request).await.unwrap_err();
        assert_eq!(reason(&refused), "OBLIGATION_NOT_FOUND");
        let refused = outsider.obligations.cancel_obligation(cancel(&of_here, "误报")).await;
        assert_eq!(reason(&refused.unwrap_err()), "OBLIGATION_NOT_FOUND");
    }
    for insider in [&mut jinjiang, &mut city, &mut auditor] {
        let refused = refusal_of_fulfilment(insider, fulfil(&of_here, &[], "不涉及")).await;
        assert_eq!(refused, "OTHER_ORGANISATION");
    }
    let refused = auditor.obligations.cancel_obligation(cancel(&of_there, "误报")).await;
    assert_eq!(reason(&refused.unwrap_err()), "ROLE_MISSING");

    let named = |changes: Vec<Change>| -> Vec<(String, Vec<String>)> {
        changes.into_iter().map(|change| (change.id, change.organisation_codes)).collect()
    };
    let seen = named(changes(&mut there).await);
    assert_eq!(seen, [(both.change_id.clone(), vec![there.code.to_string()])]);
    let seen = named(changes(&mut jinjiang).await);
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0], (both.change_id, vec![here.code.to_string()]));
    assert_eq!(named(changes(&mut bystander).await), []);
    assert_eq!(named(changes(&mut auditor).await).len(), 2);
}

/// H3: what cannot be recorded is named by its field or its reason.
#[tokio::test]
async fn a_change_that_cannot_be_is_refused_by_name() {
    let catalogue = Catalogue::start_at(MORNING, None).await;
    let mut city = catalogue.city().await;
    let provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let good = || change(&[&provider]);
    let stranger: OrganisationCode = code(99);

    for (wrong, expected) in [
        (RecordChangeRequest { title: String::new(), ..good() }, "TITLE_MISSING"),
        (RecordChangeRequest { kind: 0, ..good() }, "FIELD_INVALID"),
        (RecordChangeRequest { effective_on: "昨天".to_owned(), ..good() }, "FIELD_INVALID"),
        (RecordChangeRequest { effective_on: "2036-09-21".to_owned(), ..good() }, "CHANGE_FAR_OFF"),
        (RecordChangeRequest { organisation_codes: vec![], ..good() }, "NOBODY_AFFECTED"),
        (change(&[&provider, &provider]), "ORGANISATION_NAMED_TWICE"),
        (
            RecordChangeRequest { organisation_codes: vec![stranger.to_string()], ..good() },
            "ORGANISATION_NOT_REGISTERED",
        ),
        (
            RecordChangeRequest { organisation_codes: vec!["123".to_owned()], ..good() },
            "FIELD_INVALID",
        ),
        (RecordChangeRequest { command_id: "1".to_owned(), ..good() }, "FIELD_INVALID"),
    ] {
        let refused = city.obligations.record_change(wrong).await.unwrap_err();
        assert_eq!(reason(&refused), expected, "{refused}");
    }

    // H1: a repeat records nothing anew.
    let request = good();
    let first = city.obligations.record_change(request.clone()).await.unwrap().into_inner();
    let again = city.obligations.record_change(request).await.unwrap().into_inner();
    assert_eq!(first, again);
    assert_eq!(changes(&mut city).await.len(), 1);
}

/// H4: killed between opening and warning, and between the change and its obligations, it goes on where it was.
#[tokio::test]
async fn what_was_cut_off_goes_on_and_says_nothing_twice() {
    let mut catalogue = Catalogue::start_at(MORNING, None).await;
    let mut city = catalogue.city().await;
    let mut affected = Vec::new();
    for number in 2..14 {
        affected.push(catalogue.registered(&city, number, JINJIANG, &[Role::Provider]).await);
    }
    let users: Vec<&User> = affected.iter().collect();
    record(&mut city, &users).await;
    catalogue.kill().await;

    let mut city = catalogue.user(city.code);
    eventually(async || (all(&mut city).await.len() == 12).then_some(())).await;
    catalogue.kill().await;
    catalogue.clock.advance(DAY * 23);
    let mut city = catalogue.user(city.code);
    eventually(async || all(&mut city).await.iter().all(|open| open.warned).then_some(())).await;
    assert_eq!(commits(&catalogue).await, 24, "each opened once and warned once");

    // H2: from events alone the same comes about, and nothing is said again.
    let before = catalogue.obligations.content().await.unwrap();
    catalogue.restart_from_events().await;
    let mut city = catalogue.user(city.code);
    let last = catalogue.store.last_sequence("CATALOG").await.unwrap();
    catalogue.obligations.wait_for("CATALOG", last, DAY).await.unwrap();
    assert_eq!(catalogue.obligations.content().await.unwrap(), before);
    record(&mut city, &[&affected[0]]).await;
    eventually(async || (all(&mut city).await.len() == 13).then_some(())).await;
    assert_eq!(commits(&catalogue).await, 25, "the follower began anew, and repeated nothing");
    assert_eq!(catalogue.obligations.rebuild().await.unwrap().content.rows, 2 + 13 + 13);
}

/// R14.1: a limit that reaches into a year without announced holidays is provisional; it binds nobody until they are
/// announced, and is then counted anew, without a restart.
#[tokio::test]
async fn a_provisional_limit_is_counted_anew_when_holidays_are_announced() {
    let catalogue = Catalogue::start_at("2026-12-21T01:00:00Z", Some(UNTIL_2026)).await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let request =
        RecordChangeRequest { effective_on: "2026-12-21".to_owned(), ..change(&[&provider]) };
    let recorded = city.obligations.record_change(request).await.unwrap().into_inner();
    let provisional = recorded.deadline.unwrap();
    // 22 to 25 and 28 to 31 December, and 1 January as if it were worked; 4 to 8 and 11 January.
    assert_eq!((provisional.due_on.as_str(), provisional.provisional), ("2027-01-11", true));
    let id = only(&mut provider).await.id;

    // Well past that day, everybody is warned and nobody is late.
    catalogue.clock.advance(DAY * 30);
    until_warned(&mut provider, &id).await;
    assert_eq!(get(&mut provider, &id).await.unwrap().state(), ObligationState::Open);

    // Of an unfinished file nothing is taken up; then 1 January is off, and Saturday 9 January is worked for it.
    std::fs::write(catalogue.holidays(), "{").unwrap();
    std::fs::write(catalogue.holidays(), UNTIL_2027).unwrap();
    let missed = until_state(&mut provider, &id, ObligationState::Missed).await;

    let deadline = missed.deadline.unwrap();
    assert_eq!((deadline.due_on.as_str(), deadline.provisional), ("2027-01-11", false));
    assert_ne!(deadline.calendar_version, provisional.calendar_version);
    assert_eq!(
        events(&catalogue, &id).await,
        ["ObligationOpened", "ObligationWarned", "ObligationRecounted", "ObligationMissed"]
    );
}

/// R14.1: holidays that are announced while the service is down are taken up when it comes back; a limit that moves warns anew.
#[tokio::test]
async fn a_restart_takes_up_what_was_announced_meanwhile() {
    let mut catalogue = Catalogue::start_at("2026-12-21T01:00:00Z", Some(UNTIL_2026)).await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let request =
        RecordChangeRequest { effective_on: "2026-12-21".to_owned(), ..change(&[&provider]) };
    city.obligations.record_change(request).await.unwrap();
    let id = only(&mut provider).await.id;
    catalogue.clock.advance(DAY * 17);
    until_warned(&mut provider, &id).await;

    let longer =
        UNTIL_2027.replace(r#"["2027-01-01"]"#, r#"["2027-01-01","2027-01-04","2027-01-05"]"#);
    std::fs::write(catalogue.holidays(), longer).unwrap();
    catalogue.restart().await;

    let mut provider = catalogue.user(provider.code);
    let recounted = eventually(async || {
        let found = get(&mut provider, &id).await.unwrap();
        (due_on(&found) == "2027-01-13").then_some(found)
    })
    .await;
    assert!(!recounted.deadline.unwrap().provisional);
    catalogue.clock.advance(DAY * 4);
    eventually(async || {
        let told = events(&catalogue, &id).await;
        (told.iter().filter(|name| *name == "ObligationWarned").count() == 2).then_some(())
    })
    .await;
}

/// A draft whose data are updated in this cycle, published.
async fn published(city: &mut User, provider: &mut User, cycle: UpdateCycle) -> String {
    let name = match cycle == UpdateCycle::RealTime {
        true => "社区实时信息",
        false => "社区名录",
    };
    let request = draft(ResourceDescription {
        update_cycle: cycle.into(),
        ..description(provider.code, name)
    });
    let id = provider.resources.draft_resource(request).await.unwrap().into_inner().resource_id;
    provider.submit(&id).await;
    city.publish(&id).await.unwrap();
    id
}

async fn revise(city: &mut User, provider: &mut User, id: &str, cycle: UpdateCycle) {
    let request = DraftResourceRequest {
        resource_id: id.to_owned(),
        ..draft(ResourceDescription {
            update_cycle: cycle.into(),
            ..description(provider.code, "社区名录")
        })
    };
    provider.resources.draft_resource(request).await.unwrap();
    provider.submit(id).await;
    city.publish(id).await.unwrap();
}

/// R12.4: a published resource owes an update within its cycle; another cycle is planned anew, real time owes nothing.
#[tokio::test]
async fn a_published_resource_owes_an_update_within_its_cycle() {
    let catalogue = Catalogue::start_at(MORNING, None).await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let id = published(&mut city, &mut provider, UpdateCycle::Monthly).await;
    published(&mut city, &mut provider, UpdateCycle::RealTime).await;

    let monthly = only(&mut provider).await;
    assert_eq!(monthly.kind(), ObligationKind::DataUpdate);
    assert_eq!((&monthly.cause_id, monthly.subject.as_str()), (&id, "社区名录"));
    assert_eq!((monthly.update_cycle(), due_on(&monthly)), (UpdateCycle::Monthly, "2026-10-21"));
    assert_eq!(monthly.deadline.as_ref().unwrap().rule, "R12.4");
    let refused = refusal_of_fulfilment(&mut provider, fulfil(&monthly.id, &[], "已更新")).await;
    assert_eq!(refused, "MET_BY_UPDATE");
    let refused = city.obligations.cancel_obligation(cancel(&monthly.id, "免除")).await;
    assert_eq!(reason(&refused.unwrap_err()), "OBLIGATION_FOLLOWS_CAUSE");

    revise(&mut city, &mut provider, &id, UpdateCycle::Daily).await;
    until_state(&mut provider, &monthly.id, ObligationState::Cancelled).await;
    let open = ListObligationsRequest {
        state: ObligationState::Open.into(),
        cause_id: id.clone(),
        ..ListObligationsRequest::default()
    };
    let daily =
        eventually(async || list(&mut provider, open.clone()).await.into_iter().next()).await;
    assert_eq!((due_on(&daily), daily.working_days, daily.warned), ("2026-09-22", 1, true));

    catalogue.clock.advance(DAY * 2);
    until_state(&mut provider, &daily.id, ObligationState::Missed).await;
    assert_eq!(all(&mut provider).await.len(), 2);
}

/// R12.4: the provider's report of an update meets the cycle, and the next one counts from that day; a suspension cancels.
#[tokio::test]
async fn an_update_of_the_data_meets_the_cycle() {
    let catalogue = Catalogue::start_at(MORNING, None).await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let id = published(&mut city, &mut provider, UpdateCycle::Weekly).await;
    let first = only(&mut provider).await;
    assert_eq!(due_on(&first), "2026-09-28");

    catalogue.clock.advance(DAY * 3);
    let update = RecordResourceUpdateRequest {
        command_id: command_id(),
        resource_id: id.clone(),
        current_on: "2026-09-23".to_owned(),
        rows: 3_047,
    };
    provider.resources.record_resource_update(update).await.unwrap();
    let met = until_state(&mut provider, &first.id, ObligationState::Met).await;
    assert_eq!((met.met_on.as_str(), met.late), ("2026-09-24", false));
    assert_eq!(met.resource_ids, std::slice::from_ref(&id));
    let open = ListObligationsRequest {
        state: ObligationState::Open.into(),
        ..ListObligationsRequest::default()
    };
    let next =
        eventually(async || list(&mut provider, open.clone()).await.into_iter().next()).await;
    assert_eq!(due_on(&next), "2026-10-01");

    let suspend = SuspendResourceRequest {
        command_id: command_id(),
        resource_id: id,
        reason: "系统改造".to_owned(),
    };
    provider.resources.suspend_resource(suspend).await.unwrap();
    let gone = until_state(&mut provider, &next.id, ObligationState::Cancelled).await;
    assert_eq!(gone.cancel_reason, "the resource was suspended: 系统改造");
}

/// R20.1: an item of a library is owed by the department that it is assigned to: met, met late, passed on, released.
#[tokio::test]
async fn items_of_a_library_are_owed_by_those_they_are_assigned_to() {
    let catalogue = Catalogue::start_at(MORNING, None).await;
    let mut city = catalogue.city().await;
    let mut lead =
        catalogue.registered(&city, 2, CITY, &[Role::Provider, Role::LeadDepartment]).await;
    let mut provider = catalogue.registered(&city, 3, JINJIANG, &[Role::Provider]).await;
    let library = EstablishLibraryRequest {
        command_id: command_id(),
        code: "101".to_owned(),
        name: "人口基础信息资源库".to_owned(),
        lead_code: lead.code.to_string(),
    };
    city.libraries.establish_library(library).await.unwrap();
    let assignment = AssignLibraryItemRequest {
        command_id: command_id(),
        code: "101".to_owned(),
        item: "常住地址".to_owned(),
        organisation_code: provider.code.to_string(),
        update_cycle: UpdateCycle::Weekly.into(),
        from: TODAY.to_owned(),
    };
    lead.libraries.assign_library_item(assignment).await.unwrap();
    let update = |current_on: &str| RecordLibraryItemUpdateRequest {
        command_id: command_id(),
        code: "101".to_owned(),
        item: "常住地址".to_owned(),
        current_on: current_on.to_owned(),
    };

    let first = only(&mut provider).await;
    assert_eq!((first.kind(), first.cause_id.as_str()), (ObligationKind::LibraryItem, "101"));
    assert_eq!((first.subject.as_str(), due_on(&first)), ("常住地址", "2026-09-28"));

    catalogue.clock.advance(DAY * 4);
    provider.libraries.record_library_item_update(update("2026-09-24")).await.unwrap();
    let met = until_state(&mut provider, &first.id, ObligationState::Met).await;
    assert_eq!((met.met_on.as_str(), met.late), ("2026-09-25", false));
    let open = ListObligationsRequest {
        state: ObligationState::Open.into(),
        ..ListObligationsRequest::default()
    };
    let second =
        eventually(async || list(&mut provider, open.clone()).await.into_iter().next()).await;
    assert_eq!(due_on(&second), "2026-10-02");

    catalogue.clock.advance(DAY * 10);
    until_state(&mut provider, &second.id, ObligationState::Missed).await;
    provider.libraries.record_library_item_update(update("2026-10-05")).await.unwrap();
    let late = until_state(&mut provider, &second.id, ObligationState::Met).await;
    assert!(late.late, "{late:?}");
    let third =
        eventually(async || list(&mut provider, open.clone()).await.into_iter().next()).await;

    let release = ReleaseLibraryItemRequest {
        command_id: command_id(),
        code: "101".to_owned(),
        item: "常住地址".to_owned(),
        reason: "改由公安采集".to_owned(),
    };
    lead.libraries.release_library_item(release).await.unwrap();
    let gone = until_state(&mut provider, &third.id, ObligationState::Cancelled).await;
    assert_eq!(gone.cancel_reason, "the item was released: 改由公安采集");
}

/// R13.1: lists go on page by page, in the order of the last days.
#[tokio::test]
async fn lists_go_on_page_by_page() {
    let catalogue = Catalogue::start_at(MORNING, None).await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    for days in [3, 1, 2, 1] {
        let effective_on = format!("2026-09-2{days}");
        let request = RecordChangeRequest { effective_on, ..change(&[&provider]) };
        city.obligations.record_change(request).await.unwrap();
    }
    eventually(async || (all(&mut provider).await.len() == 4).then_some(())).await;

    let mut request = ListObligationsRequest { page_size: 3, ..ListObligationsRequest::default() };
    let mut pages = Vec::new();
    loop {
        let page =
            provider.obligations.list_obligations(request.clone()).await.unwrap().into_inner();
        pages.push(page.obligations.len());
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    assert_eq!(pages, [3, 1]);
    let dues: Vec<String> =
        all(&mut provider).await.iter().map(|found| due_on(found).to_owned()).collect();
    assert!(dues.is_sorted() && dues[0] == DUE, "{dues:?}");
    for wrong in [
        ListObligationsRequest { page_token: "token".to_owned(), ..request.clone() },
        ListObligationsRequest { state: 99, ..request.clone() },
        ListObligationsRequest { kind: 99, ..request.clone() },
        ListObligationsRequest { cause_id: "%".to_owned(), ..request.clone() },
        ListObligationsRequest { due_before: "morgen".to_owned(), ..request.clone() },
        ListObligationsRequest { page_size: 501, ..request.clone() },
    ] {
        let refused = provider.obligations.list_obligations(wrong).await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::InvalidArgument, "FIELD_INVALID")
        );
    }

    let request = ListChangesRequest { page_size: 3, ..ListChangesRequest::default() };
    let page = city.obligations.list_changes(request).await.unwrap().into_inner();
    let request =
        ListChangesRequest { page_token: page.next_page_token, ..ListChangesRequest::default() };
    let rest = city.obligations.list_changes(request).await.unwrap().into_inner();
    assert_eq!((page.changes.len(), rest.changes.len()), (3, 1));
}

/// R14.1, R26.1: anybody counts a limit by the calendar that the platform counts by, and reads that calendar.
#[tokio::test]
async fn the_calendar_counts_for_everybody() {
    let catalogue = Catalogue::start_at(MORNING, None).await;
    let city = catalogue.city().await;
    let mut user = catalogue.registered(&city, 2, JINJIANG, &[Role::Consumer]).await;

    let counted = count(&mut user, "2026-09-25", Limit::WorkingDays(15)).await.unwrap();
    let deadline = counted.deadline.unwrap();
    assert_eq!((deadline.due_on.as_str(), deadline.provisional), ("2026-10-22", false));
    assert_eq!(counted.warn_on, "2026-10-19");
    let days = count(&mut user, "2026-09-25", Limit::Days(15)).await.unwrap();
    assert_eq!(days.deadline.unwrap().due_on, "2026-10-10");
    let beyond = count(&mut user, "2026-12-31", Limit::WorkingDays(15)).await.unwrap();
    assert!(beyond.deadline.unwrap().provisional);
    for (from, limit) in [
        ("2026-13-01", Limit::Days(1)),
        ("2026-09-25", Limit::WorkingDays(1_001)),
        ("2026-09-25", Limit::Days(10_001)),
    ] {
        let refused = count(&mut user, from, limit).await.unwrap_err();
        assert_eq!(reason(&refused), "FIELD_INVALID");
    }

    let year = |year| GetCalendarRequest { year };
    let known = user.obligations.get_calendar(year(2026)).await.unwrap().into_inner();
    assert!(known.announced && known.holidays.contains(&"2026-02-17".to_owned()));
    assert_eq!((known.make_up_days.len(), known.working_days), (6, 248));
    assert_eq!(known.calendar_version, deadline.calendar_version);
    let unknown = user.obligations.get_calendar(year(2035)).await.unwrap().into_inner();
    assert_eq!((unknown.announced, unknown.holidays.len()), (false, 0));
    let refused = user.obligations.get_calendar(year(0)).await.unwrap_err();
    assert_eq!(reason(&refused), "FIELD_INVALID");
}
