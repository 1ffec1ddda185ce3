//! The infrastructure register.

use std::time::Duration;

use publicdata_proto::catalog::v1::{
    AnswerNetworkOpinionRequest, ChangeSystemRequest, CloseSecurityRecordRequest,
    CountSystemsRequest, EnrolInRecoveryRequest, GetNetworkRequest, GetSystemRequest,
    GiveUpNetworkRequest, ListNetworksRequest, ListRecoveryRequest, ListSecurityRecordsRequest,
    ListSystemsRequest, Network, NetworkBasis, NetworkOpinion, NetworkPlan, NetworkStatus,
    OpenSecurityRecordRequest, RecordNetworkBuiltRequest, RecordNetworkMergedRequest, Recovery,
    RecoveryFilter, RecoveryKind, RecoveryTerms, RegisterSystemRequest,
    RequestNetworkOpinionRequest, RetireSystemRequest, Role, SecurityRecord, SecurityRecordFilter,
    SecurityRecordKind, System, SystemDescription, SystemHosting, SystemIntegration,
    WithdrawFromRecoveryRequest,
};
use tonic::{Code, Status};

use crate::fixture::{
    CITY, Catalogue, JINJIANG, QINGYANG, User, command_id, description, draft, reason,
};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

fn system(name: &str, integration: SystemIntegration) -> SystemDescription {
    let isolated = integration == SystemIntegration::Isolated;
    let (hosting, place, isolation_reason) = match isolated {
        true => (SystemHosting::OwnDataCentre, "区政府机房", "设备老旧，待更新"),
        false => (SystemHosting::GovernmentCloud, "", ""),
    };
    SystemDescription {
        name: name.to_owned(),
        operator_code: String::new(),
        hosting: hosting.into(),
        place: place.to_owned(),
        integration: integration.into(),
        integration_due_on: String::new(),
        isolation_reason: isolation_reason.to_owned(),
        protection_level: 3,
        networks: vec!["电子政务外网".to_owned()],
        holds_personal_data: true,
        agreement_id: String::new(),
    }
}

async fn register(by: &mut User, description: SystemDescription) -> Result<String, Status> {
    let description = Some(description);
    let request = RegisterSystemRequest { command_id: command_id(), description };
    by.register.register_system(request).await.map(|done| done.into_inner().system_id)
}

async fn systems(by: &mut User, request: ListSystemsRequest) -> Vec<System> {
    by.register.list_systems(request).await.unwrap().into_inner().systems
}

async fn system_of(by: &mut User, id: &str) -> Result<System, Status> {
    let found = by.register.get_system(GetSystemRequest { system_id: id.to_owned() }).await?;
    Ok(found.into_inner().system.unwrap())
}

fn plan(name: &str) -> NetworkPlan {
    NetworkPlan {
        name: name.to_owned(),
        purpose: "应急指挥".to_owned(),
        legal_basis: "《…》第十条".to_owned(),
        scope: "区应急局及 12 个街道".to_owned(),
    }
}

async fn ask(by: &mut User, name: &str) -> String {
    let plan = Some(plan(name));
    let request = RequestNetworkOpinionRequest { command_id: command_id(), plan };
    by.register.request_network_opinion(request).await.unwrap().into_inner().network_id
}

async fn answer(by: &mut User, id: &str, opinion: NetworkOpinion) -> Result<(), Status> {
    let request = AnswerNetworkOpinionRequest {
        command_id: command_id(),
        network_id: id.to_owned(),
        opinion: opinion.into(),
        reasons: "可用电子政务外网".to_owned(),
    };
    by.register.answer_network_opinion(request).await.map(|_| ())
}

fn built(network_id: &str) -> RecordNetworkBuiltRequest {
    RecordNetworkBuiltRequest {
        command_id: command_id(),
        network_id: network_id.to_owned(),
        ..RecordNetworkBuiltRequest::default()
    }
}

async fn build(
    by: &mut User,
    request: RecordNetworkBuiltRequest,
) -> Result<(String, NetworkBasis), Status> {
    let done = by.register.record_network_built(request).await?.into_inner();
    let basis = done.basis();
    Ok((done.network_id, basis))
}

async fn networks(by: &mut User, request: ListNetworksRequest) -> Vec<Network> {
    by.register.list_networks(request).await.unwrap().into_inner().networks
}

fn enrol(kind: RecoveryKind, id: &str) -> EnrolInRecoveryRequest {
    EnrolInRecoveryRequest {
        command_id: command_id(),
        kind: kind.into(),
        id: id.to_owned(),
        terms: Some(RecoveryTerms {
            method: "每日全量备份到市灾备中心".to_owned(),
            rpo_hours: 24,
            rto_hours: 4,
            since: String::new(),
        }),
    }
}

async fn recovery(by: &mut User, filter: RecoveryFilter) -> Vec<Recovery> {
    let request = ListRecoveryRequest { filter: filter.into(), ..ListRecoveryRequest::default() };
    by.register.list_recovery(request).await.unwrap().into_inner().items
}

fn drill(due_on: &str) -> OpenSecurityRecordRequest {
    OpenSecurityRecordRequest {
        command_id: command_id(),
        organisation_code: String::new(),
        kind: SecurityRecordKind::Drill.into(),
        title: "2026 年第一次应急演练".to_owned(),
        owner_account: "sec-1".to_owned(),
        opened_on: String::new(),
        due_on: due_on.to_owned(),
    }
}

async fn records(by: &mut User, filter: SecurityRecordFilter) -> Vec<SecurityRecord> {
    let request = ListSecurityRecordsRequest {
        filter: filter.into(),
        ..ListSecurityRecordsRequest::default()
    };
    by.register.list_security_records(request).await.unwrap().into_inner().records
}

fn today(catalogue: &Catalogue) -> jiff::civil::Date {
    publicdata_types::china_date(catalogue.clock.now())
}

/// One of everything that the register holds.
pub(crate) async fn fill(by: &mut User) {
    let id = register(by, system("排水监测系统", SystemIntegration::Isolated)).await.unwrap();
    by.register.enrol_in_recovery(enrol(RecoveryKind::System, &id)).await.unwrap();
    ask(by, "应急指挥专网").await;
    by.register.open_security_record(drill("2999-12-31")).await.unwrap();
    crate::agreements::register(by, "2999-12-31").await.unwrap();
}

/// What [`fill`] wrote is found, counted and paged.
pub(crate) async fn is_listed(by: &mut User) {
    assert_eq!(systems(by, ListSystemsRequest::default()).await.len(), 1);
    assert_eq!(networks(by, ListNetworksRequest::default()).await.len(), 1);
    assert_eq!(recovery(by, RecoveryFilter::Enrolled).await.len(), 1);
    assert_eq!(records(by, SecurityRecordFilter::Overdue).await.len(), 0);
    let counts = by.register.count_systems(CountSystemsRequest::default()).await.unwrap();
    assert_eq!(counts.get_ref().counts[0].isolated, 1);
    let soon = publicdata_proto::catalog::v1::ListAgreementsRequest {
        ends_within_days: Some(30),
        ..Default::default()
    };
    let soon = by.agreements.list_agreements(soon).await.unwrap();
    assert_eq!(soon.get_ref().agreements.len(), 0);
}

/// R8.2: a department lists its systems, changes and retires them, and all that it says comes back.
#[tokio::test]
async fn a_department_keeps_the_list_of_its_systems() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;

    let described = system("社区网格化管理系统", SystemIntegration::Isolated);
    let id = register(&mut provider, described.clone()).await.unwrap();
    let found = system_of(&mut provider, &id).await.unwrap();
    let operated =
        SystemDescription { operator_code: provider.code.to_string(), ..described.clone() };
    assert_eq!(found.description, Some(operated.clone()));
    assert_eq!(found.organisation_name, format!("机构 {}", provider.code));
    assert_eq!((found.region_code.as_str(), found.retired_on.as_str()), (JINJIANG, ""));

    let planned = SystemDescription {
        integration: SystemIntegration::Planned.into(),
        integration_due_on: today(&catalogue).to_string(),
        isolation_reason: String::new(),
        ..operated
    };
    let change = ChangeSystemRequest {
        command_id: command_id(),
        system_id: id.clone(),
        description: Some(planned.clone()),
    };
    provider.register.change_system(change).await.unwrap();
    assert_eq!(system_of(&mut provider, &id).await.unwrap().description, Some(planned));

    let retire = RetireSystemRequest {
        command_id: command_id(),
        system_id: id.clone(),
        retired_on: String::new(),
        reason: "由新系统替代".to_owned(),
    };
    let first = provider.register.retire_system(retire.clone()).await.unwrap().into_inner();
    let again = provider.register.retire_system(retire).await.unwrap().into_inner();
    assert_eq!(first.sequence, again.sequence, "H1: a repeat has one effect");
    let found = system_of(&mut provider, &id).await.unwrap();
    assert_eq!(found.retired_on, today(&catalogue).to_string());
    assert_eq!(systems(&mut provider, ListSystemsRequest::default()).await, []);
    let all = ListSystemsRequest { retired: true, ..ListSystemsRequest::default() };
    assert_eq!(systems(&mut provider, all).await.len(), 1);
}

/// R8.2: the authority sees who still runs isolated systems, and whose plans are overdue.
#[tokio::test]
async fn the_authority_sees_who_still_runs_isolated_systems() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut one = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let mut two = catalogue.registered(&city, 3, QINGYANG, &[Role::Provider]).await;
    for name in ["甲系统", "乙系统"] {
        register(&mut two, system(name, SystemIntegration::Isolated)).await.unwrap();
    }
    register(&mut one, system("丙系统", SystemIntegration::Integrated)).await.unwrap();
    let planned = SystemDescription {
        integration_due_on: today(&catalogue).to_string(),
        ..system("丁系统", SystemIntegration::Planned)
    };
    register(&mut one, planned).await.unwrap();

    let isolated = ListSystemsRequest {
        integration: SystemIntegration::Isolated.into(),
        page_size: 1,
        ..ListSystemsRequest::default()
    };
    let page = city.register.list_systems(isolated.clone()).await.unwrap().into_inner();
    let rest = ListSystemsRequest { page_token: page.next_page_token, ..isolated };
    let rest = city.register.list_systems(rest).await.unwrap().into_inner();
    let names =
        [&page.systems[0], &rest.systems[0]].map(|system| system.description.clone().unwrap().name);
    assert_eq!(names, ["甲系统", "乙系统"]);

    catalogue.clock.advance(2 * DAY);
    let count = |region: &str| CountSystemsRequest { region_code: region.to_owned() };
    let counts = city.register.count_systems(count("")).await.unwrap().into_inner().counts;
    let numbers: Vec<_> = counts
        .iter()
        .map(|count| {
            let of = count.organisation_code.as_str();
            (of, count.integrated, count.planned, count.overdue, count.isolated)
        })
        .collect();
    let (first, second) = (two.code.to_string(), one.code.to_string());
    assert_eq!(numbers, [(first.as_str(), 0, 0, 0, 2), (second.as_str(), 1, 1, 1, 0)]);
    let counts = city.register.count_systems(count(JINJIANG)).await.unwrap().into_inner().counts;
    assert_eq!(counts.len(), 1);
}

/// R12.1: a resource is not named after a system that its provider registered, however the name is spaced; others' systems are
/// no matter.
#[tokio::test]
async fn a_resource_is_not_named_after_its_system() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let mut other = catalogue.registered(&city, 3, JINJIANG, &[Role::Provider]).await;
    let described = system("阳光家园（二期）", SystemIntegration::Integrated);
    register(&mut provider, described).await.unwrap();

    let request = draft(description(provider.code, "阳光家园 二期"));
    let refused = provider.resources.draft_resource(request).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert!(refused.message().contains("information system"), "{refused}");
    other.draft("阳光家园 二期").await;
    let probe = draft(description(provider.code, "阳光家园 二期"));
    let refused = other.resources.draft_resource(probe).await.unwrap_err();
    assert_eq!(reason(&refused), "OTHER_ORGANISATION", "R13.1: of others' systems nothing is told");
}

/// H3: what a system lacks, or contradicts, is named.
#[tokio::test]
async fn a_system_that_contradicts_itself_is_refused() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let fine = || system("系统", SystemIntegration::Integrated);

    let cases = [
        (SystemDescription { name: String::new(), ..fine() }, "TEXT_MISSING"),
        (SystemDescription { hosting: 0, ..fine() }, "FIELD_INVALID"),
        (SystemDescription { protection_level: 6, ..fine() }, "PROTECTION_LEVEL_UNKNOWN"),
        (SystemDescription { operator_code: "x".to_owned(), ..fine() }, "FIELD_INVALID"),
        (
            SystemDescription {
                hosting: SystemHosting::Other.into(),
                place: "托管机房".to_owned(),
                ..fine()
            },
            "SYSTEM_INTEGRATED_ELSEWHERE",
        ),
        (
            SystemDescription {
                integration_due_on: "2020-01-01".to_owned(),
                ..system("系统", SystemIntegration::Planned)
            },
            "SYSTEM_PLAN_OVER",
        ),
    ];
    for (description, expected) in cases {
        let refused = register(&mut provider, description).await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused)),
            (Code::InvalidArgument, expected.to_owned())
        );
    }
    assert_eq!(systems(&mut provider, ListSystemsRequest::default()).await, []);
}

/// R13.1: an organisation sees and writes its own, a district authority sees its region, the city and an auditor all; beyond
/// the border there is nothing, not by an error either.
#[tokio::test]
async fn nobody_reads_or_writes_the_register_over_the_border() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut jinjiang = catalogue.registered(&city, 2, JINJIANG, &[Role::Authority]).await;
    let mut qingyang = catalogue.registered(&city, 3, QINGYANG, &[Role::Authority]).await;
    let mut provider = catalogue.registered(&city, 4, JINJIANG, &[Role::Provider]).await;
    let mut other = catalogue.registered(&city, 5, JINJIANG, &[Role::Provider]).await;
    let mut auditor = catalogue.registered(&city, 6, CITY, &[Role::Auditor]).await;
    let system =
        register(&mut provider, system("系统", SystemIntegration::Isolated)).await.unwrap();
    let network = ask(&mut provider, "专网").await;
    let record = provider.register.open_security_record(drill("2999-12-31")).await.unwrap();
    let record = record.into_inner().record_id;

    for insider in [&mut provider, &mut jinjiang, &mut city, &mut auditor] {
        assert!(system_of(insider, &system).await.is_ok());
        assert_eq!(systems(insider, ListSystemsRequest::default()).await.len(), 1);
        assert_eq!(networks(insider, ListNetworksRequest::default()).await.len(), 1);
        assert_eq!(recovery(insider, RecoveryFilter::NotEnrolled).await.len(), 1);
        assert_eq!(records(insider, SecurityRecordFilter::Open).await.len(), 1);
    }
    for outsider in [&mut qingyang, &mut other] {
        assert_eq!(systems(outsider, ListSystemsRequest::default()).await, []);
        assert_eq!(networks(outsider, ListNetworksRequest::default()).await, []);
        assert_eq!(recovery(outsider, RecoveryFilter::Unspecified).await, []);
        assert_eq!(records(outsider, SecurityRecordFilter::Unspecified).await, []);
        let counts = outsider.register.count_systems(CountSystemsRequest::default()).await;
        assert_eq!(counts.unwrap().into_inner().counts, []);

        let not_found = |status: Status| {
            assert_eq!(reason(&status), "REGISTER_ENTRY_NOT_FOUND");
        };
        not_found(system_of(outsider, &system).await.unwrap_err());
        let get = GetNetworkRequest { network_id: network.clone() };
        not_found(outsider.register.get_network(get).await.unwrap_err());
        not_found(answer(outsider, &network, NetworkOpinion::Agreed).await.unwrap_err());
        not_found(build(outsider, built(&network)).await.unwrap_err());
        let enrolled = outsider.register.enrol_in_recovery(enrol(RecoveryKind::System, &system));
        not_found(enrolled.await.unwrap_err());
        let close = CloseSecurityRecordRequest {
            command_id: command_id(),
            record_id: record.clone(),
            outcome: "通过".to_owned(),
        };
        not_found(outsider.register.close_security_record(close).await.unwrap_err());
    }
    // Those who see it don't write it: it is the department's.
    for reader in [&mut jinjiang, &mut city, &mut auditor] {
        let retire = RetireSystemRequest {
            command_id: command_id(),
            system_id: system.clone(),
            retired_on: String::new(),
            reason: "x".to_owned(),
        };
        let refused = reader.register.retire_system(retire).await.unwrap_err();
        assert_eq!(reason(&refused), "OTHER_ORGANISATION");
    }
    let over = OpenSecurityRecordRequest {
        organisation_code: provider.code.to_string(),
        ..drill("2999-12-31")
    };
    let refused = qingyang.register.open_security_record(over).await.unwrap_err();
    assert_eq!(reason(&refused), "OUTSIDE_REGION");
}

/// R9.1: a department asks before it builds, the authority of the same level answers, and what becomes of it is recorded.
#[tokio::test]
async fn a_network_is_asked_for_answered_built_and_merged() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut jinjiang = catalogue.registered(&city, 2, JINJIANG, &[Role::Authority]).await;
    let mut provider = catalogue.registered(&city, 3, JINJIANG, &[Role::Provider]).await;

    let id = ask(&mut provider, "应急指挥专网").await;
    let refused = answer(&mut city, &id, NetworkOpinion::Agreed).await.unwrap_err();
    assert_eq!(reason(&refused), "AUTHORITY_OF_OTHER_LEVEL");
    let refused = answer(&mut provider, &id, NetworkOpinion::Agreed).await.unwrap_err();
    assert_eq!(reason(&refused), "ROLE_MISSING");
    answer(&mut jinjiang, &id, NetworkOpinion::Agreed).await.unwrap();

    let (_, basis) = build(&mut provider, built(&id)).await.unwrap();
    assert_eq!(basis, NetworkBasis::Agreed);
    let merge = RecordNetworkMergedRequest {
        command_id: command_id(),
        network_id: id.clone(),
        merged_on: String::new(),
    };
    provider.register.record_network_merged(merge).await.unwrap();

    let found = provider.register.get_network(GetNetworkRequest { network_id: id }).await.unwrap();
    let found = found.into_inner().network.unwrap();
    assert_eq!(found.plan, Some(plan("应急指挥专网")));
    assert_eq!((found.status(), found.opinion()), (NetworkStatus::Merged, NetworkOpinion::Agreed));
    assert_eq!(found.authority_code, jinjiang.code.to_string());
    assert_eq!(found.answering_region_code, JINJIANG);
    assert_eq!(found.built_on, today(&catalogue).to_string());

    // What a district's authority asks for itself, the city answers.
    let own = ask(&mut jinjiang, "大数据局专网").await;
    let refused = answer(&mut jinjiang, &own, NetworkOpinion::Agreed).await.unwrap_err();
    assert_eq!(reason(&refused), "OUTSIDE_REGION");
    answer(&mut city, &own, NetworkOpinion::Objected).await.unwrap();
    let give_up = GiveUpNetworkRequest {
        command_id: command_id(),
        network_id: own,
        given_up_on: String::new(),
        reason: "改用电子政务外网".to_owned(),
    };
    jinjiang.register.give_up_network(give_up).await.unwrap();
}

/// R9.1: what was built without an opinion, or against one, is listed for a finding; an old network is not.
#[tokio::test]
async fn networks_without_an_agreement_are_told_apart() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, CITY, &[Role::Provider]).await;
    let unasked = || RecordNetworkBuiltRequest { plan: Some(plan("未报专网")), ..built("") };

    let (without, basis) = build(&mut provider, unasked()).await.unwrap();
    assert_eq!(basis, NetworkBasis::WithoutOpinion);
    let against = ask(&mut provider, "反对的专网").await;
    answer(&mut city, &against, NetworkOpinion::Objected).await.unwrap();
    let (_, basis) = build(&mut provider, built(&against)).await.unwrap();
    assert_eq!(basis, NetworkBasis::AgainstObjection);

    let existing = RecordNetworkBuiltRequest { existing: true, ..unasked() };
    let refused = build(&mut provider, existing.clone()).await.unwrap_err();
    assert_eq!(reason(&refused), "ROLE_MISSING", "nobody calls a network of its own an old one");
    let existing =
        RecordNetworkBuiltRequest { organisation_code: provider.code.to_string(), ..existing };
    let (_, basis) = build(&mut city, existing).await.unwrap();
    assert_eq!(basis, NetworkBasis::Existing);
    let tomorrow = today(&catalogue).tomorrow().unwrap().to_string();
    let early = RecordNetworkBuiltRequest { built_on: tomorrow, ..unasked() };
    assert_eq!(reason(&build(&mut provider, early).await.unwrap_err()), "FIELD_INVALID");

    let findings = ListNetworksRequest { without_opinion: true, ..ListNetworksRequest::default() };
    let found = networks(&mut city, findings).await;
    let mut ids: Vec<_> = found.iter().map(|network| network.id.clone()).collect();
    ids.sort();
    let mut expected = [without, against];
    expected.sort();
    assert_eq!(ids, expected);
}

/// R11.1: departments enrol resources and systems in disaster recovery, and are shown what is not backed up.
#[tokio::test]
async fn what_is_not_enrolled_in_disaster_recovery_is_shown() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let resource = provider.draft("社区名录").await.resource_id;
    let refused = provider.register.enrol_in_recovery(enrol(RecoveryKind::Resource, &resource));
    let refused = refused.await.unwrap_err();
    assert_eq!(reason(&refused), "REGISTER_ENTRY_NOT_FOUND", "it is not published yet");
    provider.submit(&resource).await;
    city.publish(&resource).await.unwrap();
    let described = system("网格系统", SystemIntegration::Integrated);
    let system = register(&mut provider, described).await.unwrap();

    let mut names: Vec<_> = recovery(&mut provider, RecoveryFilter::NotEnrolled)
        .await
        .into_iter()
        .map(|item| (item.name.clone(), item.kind()))
        .collect();
    names.sort();
    let expected = [
        ("社区名录".to_owned(), RecoveryKind::Resource),
        ("网格系统".to_owned(), RecoveryKind::System),
    ];
    assert_eq!(names, expected);

    let request = enrol(RecoveryKind::Resource, &resource);
    provider.register.enrol_in_recovery(request).await.unwrap();
    let enrolled = recovery(&mut city, RecoveryFilter::Enrolled).await;
    assert_eq!((enrolled.len(), enrolled[0].id.as_str()), (1, resource.as_str()));
    let terms = enrolled[0].terms.clone().unwrap();
    assert_eq!((terms.rpo_hours, terms.rto_hours), (24, 4));
    assert_eq!(terms.since, today(&catalogue).to_string());
    assert_eq!(recovery(&mut city, RecoveryFilter::NotEnrolled).await[0].id, system);

    let withdraw = WithdrawFromRecoveryRequest {
        command_id: command_id(),
        id: resource.clone(),
        reason: "改由系统整体备份".to_owned(),
    };
    provider.register.withdraw_from_recovery(withdraw).await.unwrap();
    assert_eq!(recovery(&mut city, RecoveryFilter::NotEnrolled).await.len(), 2);
    let mut foreign = catalogue.registered(&city, 3, JINJIANG, &[Role::Provider]).await;
    let refused = foreign.register.enrol_in_recovery(enrol(RecoveryKind::Resource, &resource));
    assert_eq!(reason(&refused.await.unwrap_err()), "OTHER_ORGANISATION");
}

/// R42.1: assessments, drills and incidents are recorded with owner and deadline, are shown when overdue, and are closed.
#[tokio::test]
async fn security_records_are_opened_overdue_and_closed() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let due = today(&catalogue).tomorrow().unwrap().to_string();
    let record = provider.register.open_security_record(drill(&due)).await.unwrap();
    let record = record.into_inner().record_id;
    let incident = OpenSecurityRecordRequest {
        organisation_code: provider.code.to_string(),
        kind: SecurityRecordKind::Incident.into(),
        title: "门户被扫描".to_owned(),
        ..drill("2999-12-31")
    };
    city.register.open_security_record(incident).await.unwrap();

    assert_eq!(records(&mut city, SecurityRecordFilter::Overdue).await, []);
    catalogue.clock.advance(3 * DAY);
    let overdue = records(&mut city, SecurityRecordFilter::Overdue).await;
    assert_eq!(overdue.len(), 1);
    assert!(overdue[0].overdue);
    assert_eq!((&overdue[0].id, overdue[0].owner_account.as_str()), (&record, "sec-1"));

    let close = |outcome: &str| CloseSecurityRecordRequest {
        command_id: command_id(),
        record_id: record.clone(),
        outcome: outcome.to_owned(),
    };
    let personal = close("已通知 13800138000");
    let refused = provider.register.close_security_record(personal).await.unwrap_err();
    assert_eq!(reason(&refused), "TEXT_PERSONAL", "H5");
    provider.register.close_security_record(close("演练通过")).await.unwrap();
    assert_eq!(records(&mut city, SecurityRecordFilter::Overdue).await, []);
    let closed = records(&mut city, SecurityRecordFilter::Closed).await;
    assert_eq!(closed[0].outcome, "演练通过");
    assert_eq!(records(&mut city, SecurityRecordFilter::Open).await.len(), 1);

    let personal = OpenSecurityRecordRequest {
        title: "张三 510102199001011234 的申诉".to_owned(),
        ..drill("2999-12-31")
    };
    let refused = provider.register.open_security_record(personal).await.unwrap_err();
    assert_eq!(reason(&refused), "TEXT_PERSONAL", "H5");
}
