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
    }
}

fn issue(subject: Subject, by: Actor) -> Command {
    let certificate = certificate(&subject.to_string());
    Command::IssueCertificate { subject, certificate, by }
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
        let mut officer = false;
        for command in commands {
            let Ok(events) = organisation.decide(command.clone()) else { continue };
            for event in &events {
                match event {
                    Event::SecurityOfficerAppointed { .. } => officer = true,
                    Event::CertificateIssued(issued) if issued.spiffe_id.contains("/node/") => {
                        prop_assert!(officer);
                    }
                    Event::CertificateIssued(_) | Event::Registered(_) => {}
                }
            }
            organisation = replay(organisation, &events);
            prop_assert_eq!(organisation.decide(command), Ok(vec![]));
        }
    }
}
