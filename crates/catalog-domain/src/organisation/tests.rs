use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;

use super::*;

const CITY: &str = "510100";
const DISTRICT: &str = "510104";
const AUTHORITY: &str = "12100000400002259P";
const DEPARTMENT: &str = "91110000802100433B";

fn registration(code: &str, region: &str, role: Role) -> Registration {
    Registration {
        code: code.parse().unwrap(),
        name: "成都市民政局".to_owned(),
        region: region.parse().unwrap(),
        region_revision: Some(RegionRevision::of(2023)),
        roles: BTreeSet::from([role]),
    }
}

fn department() -> Registration {
    registration(DEPARTMENT, DISTRICT, Role::Provider)
}

fn actor(code: &str, region: &str, role: Role) -> Actor {
    Actor {
        id: format!("spiffe://chengdu.example/org/{code}/user/u1"),
        organisation: code.parse().unwrap(),
        roles: BTreeSet::from([role]),
        region: region.parse().unwrap(),
    }
}

fn city() -> Actor {
    actor(AUTHORITY, CITY, Role::Authority)
}

fn own() -> Actor {
    actor(DEPARTMENT, DISTRICT, Role::Provider)
}

fn officer() -> Actor {
    Actor { id: format!("spiffe://chengdu.example/org/{DEPARTMENT}/user/so-1"), ..own() }
}

fn account(text: &str) -> Account {
    text.parse().unwrap()
}

fn certificate(subject: &str) -> Certificate {
    let key = |serial: &str| Key { serial: serial.to_owned(), public_key: Digest::of(serial) };
    Certificate {
        spiffe_id: format!("spiffe://chengdu.example/org/{DEPARTMENT}/{subject}"),
        tls: key("0a"),
        signing: key("0b"),
        not_before: "2026-01-04T00:00:00Z".parse().unwrap(),
        not_after: "2027-01-04T00:00:00Z".parse().unwrap(),
        agreement: None,
    }
}

fn issue(subject: Subject, by: Actor) -> Command {
    let certificate = certificate(&subject.to_string());
    Command::IssueCertificate { subject, certificate, cover: None, by }
}

/// R13.1: the first authority registers itself, when there is none.
#[test]
fn first_authority_registers_itself() {
    let registration = registration(AUTHORITY, CITY, Role::Authority);
    let found = |existing| Command::Found {
        registration: registration.clone(),
        by: AUTHORITY.parse().unwrap(),
        existing_authority: existing,
    };

    let founded =
        given::<Organisation>([]).when(found(None)).then([Event::Registered(registration.clone())]);
    assert_eq!(founded.registration(), Some(&registration));

    given::<Organisation>([Event::Registered(registration.clone())])
        .when(found(Some(registration.code)))
        .then_nothing();
}

/// R13.1: founding is for the first authority alone.
#[test]
fn second_founder_is_refused() {
    given::<Organisation>([])
        .when(Command::Found {
            registration: registration(DEPARTMENT, CITY, Role::Authority),
            by: DEPARTMENT.parse().unwrap(),
            existing_authority: Some(AUTHORITY.parse().unwrap()),
        })
        .then_rejected(Rejection::AuthorityExists { existing: AUTHORITY.parse().unwrap() });
}

#[test]
fn founder_registers_nobody_else() {
    given::<Organisation>([])
        .when(Command::Found {
            registration: registration(DEPARTMENT, CITY, Role::Authority),
            by: AUTHORITY.parse().unwrap(),
            existing_authority: None,
        })
        .then_rejected(Rejection::Denied(Denied::OtherOrganisation {
            organisation: AUTHORITY.parse().unwrap(),
            owner: DEPARTMENT.parse().unwrap(),
        }));
}

#[test]
fn founder_is_an_authority() {
    given::<Organisation>([])
        .when(Command::Found {
            registration: registration(AUTHORITY, CITY, Role::Auditor),
            by: AUTHORITY.parse().unwrap(),
            existing_authority: None,
        })
        .then_rejected(Rejection::FounderNotAuthority);
}

/// R13.1: the city registers a department of a district.
#[test]
fn authority_registers_in_its_region() {
    given::<Organisation>([])
        .when(Command::Register { registration: department(), by: city() })
        .then([Event::Registered(department())]);
}

/// R13.1: a district has no say in another district.
#[test]
fn neighbouring_authority_cannot_register() {
    given::<Organisation>([])
        .when(Command::Register {
            registration: department(),
            by: actor(AUTHORITY, "510105", Role::Authority),
        })
        .then_rejected(Rejection::Denied(Denied::OutsideRegion {
            region: "510105".parse().unwrap(),
            target: DISTRICT.parse().unwrap(),
        }));
}

#[test]
fn department_cannot_register_itself() {
    given::<Organisation>([])
        .when(Command::Register { registration: department(), by: own() })
        .then_rejected(Rejection::Denied(Denied::RoleMissing {
            organisation: DEPARTMENT.parse().unwrap(),
            role: Role::Authority,
        }));
}

/// H1: the same registration again says nothing new; another one is refused.
#[test]
fn repeated_registration_is_recognised() {
    let registered = || given::<Organisation>([Event::Registered(department())]);

    registered().when(Command::Register { registration: department(), by: city() }).then_nothing();
    registered()
        .when(Command::Register {
            registration: Registration { name: "其他".to_owned(), ..department() },
            by: city(),
        })
        .then_rejected(Rejection::AlreadyRegistered { code: DEPARTMENT.parse().unwrap() });
}

#[test]
fn registration_needs_name_and_role() {
    given::<Organisation>([])
        .when(Command::Register {
            registration: Registration { name: " ".to_owned(), ..department() },
            by: city(),
        })
        .then_rejected(Rejection::NameMissing);
    given::<Organisation>([])
        .when(Command::Register {
            registration: Registration { roles: BTreeSet::new(), ..department() },
            by: city(),
        })
        .then_rejected(Rejection::RolesMissing);
}

/// R43.1: the organisation names its officer, or its authority does.
#[test]
fn officer_is_named_by_the_organisation_or_its_authority() {
    for by in [own(), city()] {
        given::<Organisation>([Event::Registered(department())])
            .when(Command::AppointSecurityOfficer { account: account("so-1"), by })
            .then([Event::SecurityOfficerAppointed { account: account("so-1") }]);
    }
}

#[test]
fn same_officer_again_says_nothing() {
    given::<Organisation>([
        Event::Registered(department()),
        Event::SecurityOfficerAppointed { account: account("so-1") },
    ])
    .when(Command::AppointSecurityOfficer { account: account("so-1"), by: own() })
    .then_nothing();
}

#[test]
fn stranger_names_no_officer() {
    given::<Organisation>([Event::Registered(department())])
        .when(Command::AppointSecurityOfficer {
            account: account("so-1"),
            by: actor(AUTHORITY, CITY, Role::Provider),
        })
        .then_rejected(Rejection::Denied(Denied::RoleMissing {
            organisation: AUTHORITY.parse().unwrap(),
            role: Role::Authority,
        }));
}

/// R43.1: without a security officer there is no node certificate.
#[test]
fn node_gets_no_certificate_before_an_officer_is_named() {
    given::<Organisation>([Event::Registered(department())])
        .when(issue(Subject::Node(account("node-1")), own()))
        .then_rejected(Rejection::SecurityOfficerMissing);
}

/// R40.1, R45.1: nobody gets a second account by oneself, to review what the first one proposed.
#[test]
fn nobody_has_certificates_issued_for_a_colleague() {
    let named = [
        Event::Registered(department()),
        Event::SecurityOfficerAppointed { account: account("so-1") },
    ];
    given::<Organisation>(named.clone())
        .when(issue(Subject::User(account("u2")), own()))
        .then_rejected(Rejection::SecurityOfficerRequired);
    given::<Organisation>(named.clone())
        .when(issue(Subject::Node(account("node-1")), own()))
        .then_rejected(Rejection::SecurityOfficerRequired);
    given::<Organisation>(named.clone())
        .when(Command::AppointSecurityOfficer { account: account("u1"), by: own() })
        .then_rejected(Rejection::SecurityOfficerRequired);

    // One's own are renewed, and the officer has them issued for anybody.
    given::<Organisation>(named.clone())
        .when(issue(Subject::User(account("u1")), own()))
        .then([Event::CertificateIssued(certificate("user/u1"))]);
    given::<Organisation>(named)
        .when(issue(Subject::User(account("u2")), officer()))
        .then([Event::CertificateIssued(certificate("user/u2"))]);
}

/// R43.1: with a security officer there is, and a repeat issues none.
#[test]
fn node_gets_a_certificate_once_an_officer_is_named() {
    let named = [
        Event::Registered(department()),
        Event::SecurityOfficerAppointed { account: account("so-1") },
    ];
    let issued = Event::CertificateIssued(certificate("node/node-1"));
    let command = issue(Subject::Node(account("node-1")), officer());

    given::<Organisation>(named.clone()).when(command.clone()).then([issued.clone()]);
    given::<Organisation>(named.into_iter().chain([issued])).when(command).then_nothing();
}

/// R43.1: users get theirs before: one of them names the officer.
#[test]
fn user_gets_a_certificate_before_an_officer_is_named() {
    given::<Organisation>([Event::Registered(department())])
        .when(issue(Subject::User(account("so-1")), city()))
        .then([Event::CertificateIssued(certificate("user/so-1"))]);
}

#[test]
fn certificate_names_its_subject() {
    given::<Organisation>([Event::Registered(department())])
        .when(Command::IssueCertificate {
            subject: Subject::User(account("so-1")),
            certificate: certificate("user/so-2"),
            cover: None,
            by: own(),
        })
        .then_rejected(Rejection::OtherSubject {
            expected: format!("/org/{DEPARTMENT}/user/so-1"),
        });
}

#[test]
fn certificate_ends_after_it_begins() {
    let certificate = certificate("user/so-1");
    let not_after = certificate.not_before;
    given::<Organisation>([Event::Registered(department())])
        .when(Command::IssueCertificate {
            subject: Subject::User(account("so-1")),
            certificate: Certificate { not_after, ..certificate },
            cover: None,
            by: city(),
        })
        .then_rejected(Rejection::NeverValid { not_after });
}

#[test]
fn nothing_happens_to_who_is_not_registered() {
    given::<Organisation>([])
        .when(Command::AppointSecurityOfficer { account: account("so-1"), by: city() })
        .then_rejected(Rejection::Absent);
    given::<Organisation>([])
        .when(issue(Subject::User(account("so-1")), city()))
        .then_rejected(Rejection::Absent);
}

fn moved(region: &str, by: Actor) -> Command {
    let region = Some((region.parse().unwrap(), RegionRevision::of(2024)));
    let change = Change { region, ..Change::default() };
    Command::Change { change, reason: "区划调整".to_owned(), by }
}

fn close(successor: Successor, by: Actor) -> Command {
    let on = "2026-01-04".parse().unwrap();
    Command::Close { successor, on, reason: "机构改革".to_owned(), by }
}

/// R13.1: the authority over both the old and the new division moves an organisation; the revision is kept.
#[test]
fn an_organisation_moves_with_its_division() {
    let after = given::<Organisation>([Event::Registered(department())])
        .when(moved("510105", city()))
        .then([Event::Changed {
            name: department().name,
            region: "510105".parse().unwrap(),
            region_revision: Some(RegionRevision::of(2024)),
            roles: department().roles,
            reason: "区划调整".to_owned(),
        }]);
    let moved_to = after.registration().unwrap();
    assert_eq!(moved_to.region.to_string(), "510105");
    assert_eq!(moved_to.code, department().code);

    let district = |region| actor(AUTHORITY, region, Role::Authority);
    for (authority, target) in [(DISTRICT, "510105"), ("510105", DISTRICT)] {
        given::<Organisation>([Event::Registered(department())])
            .when(moved("510105", district(authority)))
            .then_rejected(Rejection::Denied(Denied::OutsideRegion {
                region: authority.parse().unwrap(),
                target: target.parse().unwrap(),
            }));
    }
}

#[test]
fn what_is_not_named_is_kept_and_the_same_again_says_nothing() {
    let registered = || given::<Organisation>([Event::Registered(department())]);
    let renamed = Change { name: Some("成都市卫健委".to_owned()), ..Change::default() };

    let change =
        |change, reason: &str| Command::Change { change, reason: reason.to_owned(), by: city() };
    let after = registered().when(change(renamed.clone(), "更名")).then([Event::Changed {
        name: "成都市卫健委".to_owned(),
        region: department().region,
        region_revision: department().region_revision,
        roles: department().roles,
        reason: "更名".to_owned(),
    }]);
    assert_eq!(after.decide(change(renamed.clone(), "更名")), Ok(vec![]));
    registered().when(change(Change::default(), "")).then_nothing();
    registered()
        .when(change(renamed, " "))
        .then_rejected(Rejection::Text(crate::text::TextMistake::Empty { field: "reason" }));
    let roles = Some(BTreeSet::new());
    registered()
        .when(change(Change { roles, ..Change::default() }, "无"))
        .then_rejected(Rejection::RolesMissing);
}

/// R45.1: an authority cannot lock the platform by giving up what it is.
#[test]
fn an_authority_neither_closes_nor_demotes_itself() {
    let itself = || {
        given::<Organisation>([Event::Registered(registration(AUTHORITY, CITY, Role::Authority))])
    };
    itself().when(close(Successor::Nobody, city())).then_rejected(Rejection::OwnAuthority);
    itself().when(moved(DISTRICT, city())).then_rejected(Rejection::OwnAuthority);
    let roles = Some(BTreeSet::from([Role::Consumer]));
    let change = Change { roles, ..Change::default() };
    itself()
        .when(Command::Change { change, reason: "改".to_owned(), by: city() })
        .then_rejected(Rejection::OwnAuthority);
}

#[test]
fn a_dissolved_organisation_is_closed_for_good() {
    let successor: OrganisationCode = AUTHORITY.parse().unwrap();
    let closed = [
        Event::Registered(department()),
        Event::Closed {
            successor: Some(successor),
            on: "2026-01-04".parse().unwrap(),
            reason: "机构改革".to_owned(),
        },
    ];
    let over = || Rejection::Closed { on: "2026-01-04".parse().unwrap() };

    given::<Organisation>([closed[0].clone()])
        .when(close(Successor::TakesPart(successor), city()))
        .then([closed[1].clone()]);
    for fit in [Successor::Unknown(successor), Successor::TakesPart(department().code)] {
        let (Successor::Unknown(code) | Successor::TakesPart(code)) = fit else { unreachable!() };
        given::<Organisation>([closed[0].clone()])
            .when(close(fit, city()))
            .then_rejected(Rejection::SuccessorUnfit { code });
    }
    let closed = || given::<Organisation>(closed.clone());
    closed().when(close(Successor::Nobody, city())).then_nothing();
    closed().when(moved("510105", city())).then_rejected(over());
    closed().when(issue(Subject::User(account("u1")), own())).then_rejected(over());
    closed()
        .when(Command::Register { registration: department(), by: city() })
        .then_rejected(over());
}

fn cover(organisation: &str, not_after: &str) -> Cover {
    Cover {
        agreement: AgreementId::from_uuid(uuid::Uuid::from_u128(1)),
        organisation: organisation.parse().unwrap(),
        not_after: not_after.parse().unwrap(),
    }
}

fn issue_under(cover: Cover, by: Actor) -> Command {
    let certificate =
        Certificate { agreement: Some(cover.agreement), ..certificate("user/vendor-1") };
    let subject = Subject::User(account("vendor-1"));
    Command::IssueCertificate { subject, certificate, cover: Some(cover), by }
}

/// R44.1: the security officer has them issued for a service provider, and they end with the agreement at the latest.
#[test]
fn credentials_rest_on_the_organisations_own_agreement_and_end_with_it() {
    let named = || {
        given::<Organisation>([
            Event::Registered(department()),
            Event::SecurityOfficerAppointed { account: account("so-1") },
        ])
    };
    let fitting = cover(DEPARTMENT, "2027-01-04T00:00:00Z");

    let expected =
        Certificate { agreement: Some(fitting.agreement), ..certificate("user/vendor-1") };
    named().when(issue_under(fitting, officer())).then([Event::CertificateIssued(expected)]);
    named().when(issue_under(fitting, own())).then_rejected(Rejection::SecurityOfficerRequired);
    let shorter = cover(DEPARTMENT, "2026-12-31T15:59:59Z");
    named()
        .when(issue_under(shorter, officer()))
        .then_rejected(Rejection::OutlivesAgreement { not_after: shorter.not_after });
    let foreign = cover(AUTHORITY, "2027-01-04T00:00:00Z");
    named()
        .when(issue_under(foreign, officer()))
        .then_rejected(Rejection::AgreementOfOther { agreement: foreign.agreement });
    let node = Command::IssueCertificate {
        subject: Subject::Node(account("n1")),
        certificate: certificate("node/n1"),
        cover: Some(fitting),
        by: officer(),
    };
    named().when(node).then_rejected(Rejection::AgreementForNode);
}

/// R44.1: a service provider's account renews its certificates under its agreement, and never without it.
#[test]
fn a_service_providers_account_does_not_shed_its_agreement() {
    let fitting = cover(DEPARTMENT, "2027-01-04T00:00:00Z");
    let vendor =
        Actor { id: format!("spiffe://chengdu.example/org/{DEPARTMENT}/user/vendor-1"), ..own() };
    let issued = Certificate { agreement: Some(fitting.agreement), ..certificate("user/vendor-1") };
    let under = || {
        given::<Organisation>([
            Event::Registered(department()),
            Event::CertificateIssued(issued.clone()),
        ])
    };

    under().when(issue_under(fitting, vendor.clone())).then_nothing();
    under()
        .when(issue(Subject::User(account("vendor-1")), vendor))
        .then_rejected(Rejection::SecurityOfficerRequired);
    under()
        .when(issue(Subject::User(account("vendor-1")), city()))
        .then([Event::CertificateIssued(certificate("user/vendor-1"))]);
}

fn actors() -> impl Strategy<Value = Actor> {
    let codes = prop::sample::select(vec![AUTHORITY, DEPARTMENT]);
    let regions = prop::sample::select(vec!["510000", CITY, DISTRICT, "510105"]);
    let roles = prop::sample::select(Role::ALL.to_vec());
    (codes, regions, roles).prop_map(|(code, region, role)| actor(code, region, role))
}

fn commands() -> impl Strategy<Value = Command> {
    let accounts = || prop::sample::select(vec!["so-1", "so-2"]).prop_map(account);
    prop_oneof![
        actors().prop_map(|by| Command::Register { registration: department(), by }),
        (accounts(), actors())
            .prop_map(|(account, by)| Command::AppointSecurityOfficer { account, by }),
        (accounts(), actors()).prop_map(|(name, by)| issue(Subject::Node(name), by)),
        (accounts(), actors()).prop_map(|(name, by)| issue(Subject::User(name), by)),
        actors().prop_map(|by| moved("510105", by)),
        actors().prop_map(|by| close(Successor::Nobody, by)),
    ]
}

proptest! {
    /// R43.1: whatever callers try, no node certificate comes before an officer; and what was
    /// accepted says nothing when it is repeated.
    #[test]
    fn no_node_certificate_comes_before_an_officer(
        commands in prop::collection::vec(commands(), 0..24),
    ) {
        let mut organisation = Organisation::default();
        let (mut officer, mut closed) = (false, false);
        for command in commands {
            let Ok(events) = organisation.decide(command.clone()) else { continue };
            for event in &events {
                match event {
                    Event::SecurityOfficerAppointed { .. } => officer = true,
                    Event::CertificateIssued(issued) if issued.spiffe_id.contains("/node/") => {
                        prop_assert!(officer);
                    }
                    Event::CertificateIssued(_)
                    | Event::Registered(_)
                    | Event::Changed { .. }
                    | Event::Closed { .. } => {}
                }
                prop_assert!(!closed, "nothing follows {event:?}");
                closed = matches!(event, Event::Closed { .. });
            }
            organisation = replay(organisation, &events);
            if !closed || matches!(command, Command::Close { .. }) {
                prop_assert_eq!(organisation.decide(command), Ok(vec![]));
            }
        }
    }
}
