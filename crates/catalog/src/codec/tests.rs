mod collection;

use std::path::Path;

use publicdata_catalog_domain::assessment::score::{Criterion, Tallies, Tally, Weights};
use publicdata_catalog_domain::description::{
    Description, Format, Item, Opening, Sharing, UpdateCycle,
};
use publicdata_catalog_domain::{
    assessment, change, classification, foreign_resource, harvest_source, library, obligation,
    organisation, resource,
};
use publicdata_event_store::aggregates::{Codec, EventOf};
use publicdata_types::Period;
use publicdata_types::quality::Quality;
use publicdata_types::{DeliveryMode, Digest, ItemType, Mask, Role, SharingType};

use super::*;

mod register;

fn item(name: &str, kind: ItemType) -> Item {
    Item {
        name: name.to_owned(),
        title: "名称".to_owned(),
        kind,
        length: Some(12),
        required: true,
        mask: Some(Mask::Partial),
        sharing: Some(SharingType::NotShared),
        open: false,
        quality: Quality::default(),
    }
}

/// Every field set to something that is not its default.
fn description() -> Description {
    Description {
        name: "成都市社区（村）名录".to_owned(),
        abstract_: "全市社区和村的名称与代码".to_owned(),
        classification: "302001".parse().unwrap(),
        provider: "91350100M000100Y43".parse().unwrap(),
        format: Format::Database,
        items: vec![
            item("code", ItemType::Text),
            Item {
                length: None,
                mask: None,
                sharing: None,
                open: true,
                ..item("n", ItemType::Integer)
            },
        ],
        sharing: Sharing::Conditional { condition: "仅用于城乡治理".to_owned() },
        delivery_modes: [DeliveryMode::Bulk, DeliveryMode::Push].into(),
        opening: Opening::Open { condition: "注明来源".to_owned() },
        update_cycle: UpdateCycle::HalfYearly,
        related: vec!["101001/00001".parse().unwrap()],
        use_requirements: "不得转让".to_owned(),
        entity: String::new(),
        format_detail: String::new(),
    }
}

fn key(fill: u8) -> organisation::Key {
    organisation::Key { serial: format!("{fill:02x}"), public_key: Digest::from_bytes([fill; 32]) }
}

/// The stored form of `event` is what it was when it was first published, and reads as `event`.
#[track_caller]
fn check<C>(name: &str, event: EventOf<C>)
where
    C: Codec,
    EventOf<C>: PartialEq + std::fmt::Debug,
{
    let any = C::encode(&event);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/golden/{name}.v1.bin"));
    match std::fs::read(&path) {
        Ok(golden) => {
            assert_eq!(any.value, golden, "{name} is stored in another form than it once was");
            let golden = Any { type_url: any.type_url, value: golden };
            assert_eq!(C::decode(&golden).unwrap(), Some(event));
        }
        Err(_) => {
            std::fs::write(&path, &any.value).unwrap();
            panic!(
                "{} was missing and is written now: commit it, never to change it",
                path.display()
            );
        }
    }
}

#[test]
fn organisation_registered_v1() {
    check::<Organisation>(
        "organisation_registered",
        organisation::Event::Registered(organisation::Registration {
            code: "91350100M000100Y43".parse().unwrap(),
            name: "成都市民政局".to_owned(),
            region: "510100".parse().unwrap(),
            region_revision: None,
            roles: Role::ALL.into(),
        }),
    );
}

#[test]
fn security_officer_appointed_v1() {
    check::<Organisation>(
        "security_officer_appointed",
        organisation::Event::SecurityOfficerAppointed { account: "sec-1".parse().unwrap() },
    );
}

#[test]
fn certificate_issued_v1() {
    check::<Organisation>(
        "certificate_issued",
        organisation::Event::CertificateIssued(organisation::Certificate {
            spiffe_id: "spiffe://test.internal/org/91350100M000100Y43/node/n1".to_owned(),
            tls: key(1),
            signing: key(2),
            not_before: "2026-01-04T01:00:00Z".parse().unwrap(),
            not_after: "2027-01-04T01:00:00Z".parse().unwrap(),
            agreement: None,
        }),
    );
}

#[test]
fn serial_assigned_v1() {
    check::<Classification>(
        "serial_assigned",
        classification::Event::SerialAssigned {
            resource: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
            serial: 7,
        },
    );
}

/// R12.1: every field of an entry is stored.
#[test]
fn resource_drafted_v1() {
    check::<Resource>(
        "resource_drafted",
        resource::Event::Drafted {
            code: "302001/00007".parse().unwrap(),
            description: description(),
            region: "510104".parse().unwrap(),
        },
    );
}

#[test]
fn classification_named_v1() {
    let name = "医疗健康信息".to_owned();
    check::<Classification>("classification_named", classification::Event::Named { name });
}

#[test]
fn resource_submitted_v1() {
    check::<Resource>("resource_submitted", resource::Event::Submitted);
}

#[test]
fn resource_returned_v1() {
    let reason = "信息项不完整".to_owned();
    check::<Resource>("resource_returned", resource::Event::Returned { reason });
}

#[test]
fn resource_published_v1() {
    let on = "2026-01-04".parse().unwrap();
    check::<Resource>("resource_published", resource::Event::Published { version: 2, on });
}

/// R12.4: what a published assessment was counted from is stored with it.
#[test]
fn assessment_published_v1() {
    let mut tallies = Tallies::default();
    tallies.add(Criterion::Timeliness, Tally { marks: 4, earned_permille: 3_000 });
    tallies.add(Criterion::Use, Tally { marks: 1, earned_permille: 1_000 });
    let (first, last) = ("2026-01-01".parse().unwrap(), "2026-03-31".parse().unwrap());
    check::<Assessment>(
        "assessment_published",
        assessment::Event::Published(assessment::Bulletin {
            period: assessment::Period::new(first, last).unwrap(),
            region: "510100".parse().unwrap(),
            weights: Weights::default(),
            organisations: [("91350100M000100Y43".parse().unwrap(), tallies.clone())].into(),
            districts: [("510104".parse().unwrap(), tallies)].into(),
            positions: [("CATALOG".to_owned(), 7), ("EXCHANGE".to_owned(), 9)].into(),
        }),
    );
}

#[test]
fn library_established_v1() {
    check::<Library>(
        "library_established",
        library::Event::Established {
            name: "人口基础信息资源库".to_owned(),
            lead: "91350100M000100Y43".parse().unwrap(),
        },
    );
}

#[test]
fn library_lead_changed_v1() {
    check::<Library>(
        "library_lead_changed",
        library::Event::LeadChanged {
            lead: "91350100M000100Y43".parse().unwrap(),
            reason: "机构改革".to_owned(),
        },
    );
}

#[test]
fn library_item_assigned_v1() {
    check::<Library>(
        "library_item_assigned",
        library::Event::ItemAssigned {
            item: "婚姻状况".to_owned(),
            organisation: "91350100M000100Y43".parse().unwrap(),
            region: "510104".parse().unwrap(),
            update_cycle: UpdateCycle::Monthly,
            from: "2026-01-04".parse().unwrap(),
        },
    );
}

#[test]
fn library_item_released_v1() {
    let (item, reason) = ("婚姻状况".to_owned(), "改由省级采集".to_owned());
    check::<Library>("library_item_released", library::Event::ItemReleased { item, reason });
}

#[test]
fn library_item_updated_v1() {
    let (item, current_on) = ("婚姻状况".to_owned(), "2026-01-04".parse().unwrap());
    check::<Library>("library_item_updated", library::Event::ItemUpdated { item, current_on });
}

#[test]
fn resource_suspended_v1() {
    let reason = "数据有误，核查中".to_owned();
    let authority = Some("510100".parse().unwrap());
    let event = resource::Event::Suspended { reason: reason.clone(), authority };
    check::<Resource>("resource_suspended", event);
    let by_provider = resource::Event::Suspended { reason, authority: None };
    assert_eq!(Resource::decode(&Resource::encode(&by_provider)).unwrap(), Some(by_provider));
}

#[test]
fn resource_resumed_v1() {
    check::<Resource>("resource_resumed", resource::Event::Resumed);
}

#[test]
fn resource_withdrawn_v1() {
    let reason = "职能已划转".to_owned();
    check::<Resource>("resource_withdrawn", resource::Event::Withdrawn { reason });
}

#[test]
fn resource_updated_v1() {
    let current_on = "2026-01-04".parse().unwrap();
    let updated = resource::Update { current_on, rows: Some(3_300) };
    check::<Resource>("resource_updated", resource::Event::Updated(updated));
    let unsaid = resource::Event::Updated(resource::Update { current_on, rows: None });
    assert_eq!(Resource::decode(&Resource::encode(&unsaid)).unwrap(), Some(unsaid));
}

fn limit() -> publicdata_types::Deadline {
    publicdata_types::Deadline {
        on: "2026-10-22".parse().unwrap(),
        provisional: true,
        calendar_version: "cn-0123456789ab".to_owned(),
    }
}

fn duty(cause: obligation::Cause, term: obligation::Term) -> obligation::Duty {
    obligation::Duty {
        organisation: "91350100M000100Y43".parse().unwrap(),
        region: "510104".parse().unwrap(),
        cause,
        subject: "《四川省数据条例》修订".to_owned(),
        counted_from: "2026-09-25".parse().unwrap(),
        opened_on: "2026-09-21".parse().unwrap(),
        term,
    }
}

/// R14.1: a change keeps what changed, since when, and whom it affects.
#[test]
fn change_recorded_v1() {
    let affected = |code: &str, region: &str| change::Affected {
        organisation: code.parse().unwrap(),
        region: region.parse().unwrap(),
    };
    check::<Change>(
        "change_recorded",
        change::Event::Recorded {
            record: change::Record {
                kind: change::Kind::Function,
                title: "机构职能调整方案".to_owned(),
                description: "职责划转".to_owned(),
                effective_on: "2026-09-25".parse().unwrap(),
                affected: vec![
                    affected("91350100M000100Y43", "510104"),
                    affected("12100000400002259P", "510105"),
                ],
            },
            region: "510100".parse().unwrap(),
        },
    );
}

/// R14.1, R12.4, R20.1: what has to be done, by whom, and until when.
#[test]
fn obligation_opened_v1() {
    let id = "11111111-2222-4333-8444-555555555555";
    for (name, cause, term) in [
        (
            "obligation_opened_by_change",
            obligation::Cause::Change(id.parse().unwrap()),
            obligation::Term::WorkingDays(15),
        ),
        (
            "obligation_opened_by_resource",
            obligation::Cause::Resource(id.parse().unwrap()),
            obligation::Term::Every(Period::Daily),
        ),
        (
            "obligation_opened_by_library",
            obligation::Cause::Library("101001".parse().unwrap()),
            obligation::Term::Every(Period::HalfYearly),
        ),
    ] {
        let duty = duty(cause, term);
        check::<Obligation>(name, obligation::Event::Opened { duty, deadline: limit() });
    }
}

#[test]
fn obligation_warned_v1() {
    let kind = obligation::Kind::CatalogueUpdate;
    check::<Obligation>("obligation_warned", obligation::Event::Warned { kind, deadline: limit() });
}

#[test]
fn obligation_recounted_v1() {
    let kind = obligation::Kind::DataUpdate;
    check::<Obligation>(
        "obligation_recounted",
        obligation::Event::Recounted { kind, deadline: limit() },
    );
}

#[test]
fn obligation_missed_v1() {
    let kind = obligation::Kind::LibraryItem;
    check::<Obligation>("obligation_missed", obligation::Event::Missed { kind, deadline: limit() });
}

#[test]
fn obligation_met_v1() {
    check::<Obligation>(
        "obligation_met",
        obligation::Event::Met(obligation::Fulfilment {
            on: "2026-10-23".parse().unwrap(),
            late: true,
            resources: vec!["11111111-2222-4333-8444-555555555555".parse().unwrap()],
            note: "已按新条款调整".to_owned(),
        }),
    );
}

#[test]
fn harvest_source_registered_v1() {
    check::<HarvestSource>(
        "harvest_source_registered",
        harvest_source::Event::Registered(harvest_source::Registration {
            name: "四川省公共数据目录".to_owned(),
            kind: harvest_source::Kind::Ckan,
            url: "https://data.sc.example".to_owned(),
            platform: "四川省大数据中心".to_owned(),
            region: "510100".parse().unwrap(),
        }),
    );
}

#[test]
fn obligation_cancelled_v1() {
    let reason = "误报".to_owned();
    check::<Obligation>("obligation_cancelled", obligation::Event::Cancelled { reason });
}

#[test]
fn harvest_advanced_v1() {
    check::<HarvestSource>(
        "harvest_advanced",
        harvest_source::Event::Advanced(harvest_source::Advance {
            cursor: "2026-01-04T01:00:00Z".to_owned(),
            taken: 3,
            gone: 2,
            refused: 1,
            reached: harvest_source::Reached::End,
        }),
    );
}

/// R23.3: every field of another platform's dataset is stored.
#[test]
fn foreign_resource_seen_v1() {
    let text = |text: &str| text.to_owned();
    check::<ForeignResource>(
        "foreign_resource_seen",
        foreign_resource::Event::Seen {
            source: "11111111-2222-4333-8444-555555555555".parse().unwrap(),
            description: foreign_resource::Description {
                uri: text("https://data.sc.example/dataset/1"),
                identifier: text("1"),
                title: text("行政村名录"),
                description: text("全省行政村"),
                publisher: text("四川省民政厅"),
                themes: vec![text("民政")],
                keywords: vec![text("村"), text("镇")],
                license: text("https://licence.example/by"),
                modified: text("2026-01-04"),
                landing_page: text("https://data.sc.example/dataset/villages"),
                distributions: vec![foreign_resource::Distribution {
                    title: text("CSV"),
                    url: text("https://data.sc.example/1.csv"),
                    format: text("csv"),
                }],
                version: text("2"),
            },
        },
    );
}

#[test]
fn foreign_resource_gone_v1() {
    check::<ForeignResource>("foreign_resource_gone", foreign_resource::Event::Gone);
}

/// H3: a mistake in a nested field is named from the message on.
#[test]
fn a_wrong_field_is_named_with_its_path() {
    let mut wire = description_to_wire(&description());
    wire.items[1].r#type = 99;

    let error = description_from_wire(wire).unwrap_err().within("description");

    assert_eq!(error.field, "description.items[1].type");
}

#[test]
fn all_that_a_description_can_say_survives_the_wire() {
    let plain = Description {
        sharing: Sharing::NotShared { reason: "涉密".to_owned() },
        opening: Opening::NotOpen,
        ..description()
    };
    let free = Description { sharing: Sharing::Unconditional, ..description() };
    for description in [description(), plain, free] {
        assert_eq!(description_from_wire(description_to_wire(&description)).unwrap(), description);
    }
}

#[test]
fn times_survive_the_wire() {
    for text in
        ["1969-12-31T23:59:59.25Z", "2026-01-04T01:00:00Z", "2026-01-04T01:00:00.123456789Z"]
    {
        let time: Timestamp = text.parse().unwrap();
        assert_eq!(time_from_wire("at", Some(time_to_wire(time))).unwrap(), time);
    }
    assert_eq!(time_from_wire("at", None).unwrap_err().field, "at");
}

/// An event that this program does not know may change what follows: it is never skipped.
#[test]
fn an_unknown_event_is_an_error() {
    let any = Any {
        type_url: "type.googleapis.com/publicdata.catalog.v2.Other".to_owned(),
        value: vec![],
    };
    assert!(Resource::decode(&any).is_err());
    assert!(Organisation::decode(&any).is_err());
    assert!(Classification::decode(&any).is_err());
    assert!(System::decode(&any).is_err());
    assert!(Network::decode(&any).is_err());
    assert!(Recovery::decode(&any).is_err());
    assert!(SecurityRecord::decode(&any).is_err());
    assert!(Agreement::decode(&any).is_err());
    assert!(Library::decode(&any).is_err());
}
