//! Events of the register, of agreements, and what organisations became capable of with them.

use publicdata_catalog_domain::owner::Owner;
use publicdata_catalog_domain::{
    agreement, consolidation, network, recovery, security_record, system,
};

use publicdata_proto::catalog::v1 as wire;

use super::*;

const CODE: &str = "91350100M000100Y43";

fn owner() -> Owner {
    Owner { code: CODE.parse().unwrap(), region: "510104".parse().unwrap() }
}

fn day(text: &str) -> jiff::civil::Date {
    text.parse().unwrap()
}

fn registration() -> organisation::Registration {
    organisation::Registration {
        code: CODE.parse().unwrap(),
        name: "成都市民政局".to_owned(),
        region: "510100".parse().unwrap(),
        region_revision: Some("2023".parse().unwrap()),
        roles: [Role::Provider].into(),
    }
}

fn certificate_under_agreement() -> organisation::Certificate {
    organisation::Certificate {
        spiffe_id: format!("spiffe://test.internal/org/{CODE}/user/vendor-1"),
        tls: key(1),
        signing: key(2),
        not_before: "2026-01-04T01:00:00Z".parse().unwrap(),
        not_after: "2026-03-31T15:59:59Z".parse().unwrap(),
        agreement: Some("11111111-2222-4333-8444-555555555555".parse().unwrap()),
    }
}

fn system() -> system::Description {
    system::Description {
        name: "社区网格化管理系统".to_owned(),
        operator: CODE.parse().unwrap(),
        hosting: system::Hosting::OwnDataCentre { place: "区政府机房".to_owned() },
        integration: system::Integration::Planned { due: day("2026-12-31") },
        protection_level: Some(3),
        networks: ["电子政务外网".to_owned(), "公安专网".to_owned()].into(),
        holds_personal_data: true,
        agreement: Some("11111111-2222-4333-8444-555555555555".parse().unwrap()),
    }
}

fn plan() -> network::Plan {
    network::Plan {
        name: "应急指挥专网".to_owned(),
        purpose: "应急指挥".to_owned(),
        legal_basis: "《…》第十条".to_owned(),
        scope: "区应急局及 12 个街道".to_owned(),
    }
}

#[test]
fn organisation_events_v1() {
    use organisation::Event;

    let organisation::Registration { name, region, region_revision, roles, .. } = registration();
    let reason = "机构改革".to_owned();
    let registered = Event::Registered(registration());
    check::<Organisation>("organisation_registered_by_revision", registered);
    let changed = Event::Changed { name, region, region_revision, roles, reason: reason.clone() };
    check::<Organisation>("organisation_changed", changed);
    let successor = Some("11332500MB1601924J".parse().unwrap());
    let closed = Event::Closed { successor, on: day("2026-01-04"), reason };
    check::<Organisation>("organisation_closed", closed);
    let issued = Event::CertificateIssued(certificate_under_agreement());
    check::<Organisation>("certificate_issued_under_agreement", issued);
}

/// R8.2: every field of a system is stored.
#[test]
fn system_events_v1() {
    use system::Event;

    let registered = Event::Registered { owner: owner(), description: system() };
    check::<System>("system_registered", registered);
    let isolated = system::Description {
        hosting: system::Hosting::Other { place: "托管机房".to_owned() },
        integration: system::Integration::Isolated { reason: "设备老旧".to_owned() },
        protection_level: None,
        ..system()
    };
    check::<System>("system_changed", Event::Changed { description: isolated });
    let retired = Event::Retired { on: day("2026-01-04"), reason: "由新系统替代".to_owned() };
    check::<System>("system_retired", retired);
}

/// R9.1: every field of a network is stored.
#[test]
fn network_events_v1() {
    use network::{Basis, Event, Opinion};

    let answering = "510104".parse().unwrap();
    let requested = Event::OpinionRequested { owner: owner(), answering, plan: plan() };
    check::<Network>("network_opinion_requested", requested);
    let given = Event::OpinionGiven {
        opinion: Opinion::Objected,
        reasons: "可用电子政务外网".to_owned(),
        authority: "11332500MB1601924J".parse().unwrap(),
    };
    check::<Network>("network_opinion_given", given);
    let basis = Basis::AgainstObjection;
    let built = Event::Built { owner: owner(), on: day("2026-01-04"), basis, plan: plan() };
    check::<Network>("network_built", built);
    check::<Network>("network_merged", Event::Merged { on: day("2026-01-04") });
    let reason = "改用电子政务外网".to_owned();
    check::<Network>("network_given_up", Event::GivenUp { on: day("2026-01-04"), reason });
}

/// R11.1: every field of an enrolment is stored.
#[test]
fn recovery_events_v1() {
    use recovery::{Event, Kind, Terms};

    let terms = Terms {
        method: "每日全量备份到市灾备中心".to_owned(),
        rpo_hours: 24,
        rto_hours: 4,
        since: day("2026-01-04"),
    };
    let enrolled = Event::Enrolled { kind: Kind::System, owner: owner(), terms };
    check::<Recovery>("recovery_enrolled", enrolled);
    let withdrawn = Event::Withdrawn { on: day("2026-02-01"), reason: "系统停用".to_owned() };
    check::<Recovery>("recovery_withdrawn", withdrawn);
}

/// R10.1: every field of a consolidation is stored.
#[test]
fn consolidation_events_v1() {
    use consolidation::{Event, Order, Source};

    let ordered = Event::Ordered(Order {
        source: Source {
            code: "302001/00001".parse().unwrap(),
            provider: CODE.parse().unwrap(),
            region: "510104".parse().unwrap(),
        },
        centre: "12100000400002259P".parse().unwrap(),
        legal_basis: "2026 年公共数据归集计划".to_owned(),
    });
    check::<Consolidation>("consolidation_ordered", ordered);
    let stopped = Event::Stopped { reason: "职能划转".to_owned() };
    check::<Consolidation>("consolidation_stopped", stopped);
}

/// R42.1: every field of a security record is stored.
#[test]
fn security_record_events_v1() {
    use security_record::{Entry, Event, Kind};

    let entry = Entry {
        organisation: CODE.parse().unwrap(),
        kind: Kind::Drill,
        title: "2026 年第一次应急演练".to_owned(),
        owner: "sec-1".parse().unwrap(),
        opened_on: day("2026-01-04"),
        due_on: day("2026-01-31"),
    };
    let opened = Event::Opened { entry, region: "510104".parse().unwrap() };
    check::<SecurityRecord>("security_record_opened", opened);
    let closed = Event::Closed { on: day("2026-01-20"), outcome: "通过".to_owned() };
    check::<SecurityRecord>("security_record_closed", closed);
}

/// R44.1: every field of an agreement is stored.
#[test]
fn agreement_events_v1() {
    use agreement::{Event, Terms};

    let terms = Terms {
        provider_name: "成都某科技有限公司".to_owned(),
        provider: "11332500MB1601924J".parse().unwrap(),
        scope: "数据清洗".to_owned(),
        from: day("2026-01-01"),
        until: day("2026-03-31"),
        security_agreement_number: "2026-安-007".to_owned(),
    };
    check::<Agreement>("agreement_registered", Event::Registered { owner: owner(), terms });
    let terminated = Event::Terminated { on: day("2026-02-01"), reason: "违约".to_owned() };
    check::<Agreement>("agreement_terminated", terminated);
    check::<Agreement>("agreement_ended", Event::Ended { until: day("2026-03-31") });
}

/// H3: what does not go together is refused by the field that is wrong.
#[test]
fn a_system_that_contradicts_itself_is_refused_by_its_field() {
    use wire::{SystemHosting, SystemIntegration};

    let described = |hosting: SystemHosting, integration: SystemIntegration, due: &str| {
        let wire = wire::SystemDescription {
            name: "系统".to_owned(),
            operator_code: CODE.to_owned(),
            hosting: hosting.into(),
            integration: integration.into(),
            integration_due_on: due.to_owned(),
            ..wire::SystemDescription::default()
        };
        system_from_wire(wire).map_err(|error| error.field)
    };
    let field = |field: &str| Err(field.to_owned());
    let cloud = SystemHosting::GovernmentCloud;
    assert!(described(cloud, SystemIntegration::Integrated, "").is_ok());
    assert_eq!(
        described(SystemHosting::Unspecified, SystemIntegration::Integrated, ""),
        field("hosting")
    );
    assert_eq!(described(cloud, SystemIntegration::Unspecified, ""), field("integration"));
    assert_eq!(described(cloud, SystemIntegration::Planned, ""), field("integration_due_on"));
    let early = described(cloud, SystemIntegration::Integrated, "2026-12-31");
    assert_eq!(early, field("integration_due_on"));
    let wrong = described(cloud, SystemIntegration::Planned, "2026-13-31");
    assert_eq!(wrong, field("integration_due_on"));
}
