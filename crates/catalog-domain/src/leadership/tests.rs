use publicdata_types::Role;

use super::*;

const LEAD: &str = "12100000400002259P";
const OTHER: &str = "91110000802100433B";

fn provider(code: &str) -> Actor {
    Actor {
        id: format!("spiffe://chengdu.example/org/{code}/user/u1"),
        organisation: code.parse().unwrap(),
        roles: [Role::Provider].into(),
        region: "510100".parse().unwrap(),
    }
}

fn led() -> Leadership {
    Leadership::Led { library: "101".parse().unwrap(), lead: LEAD.parse().unwrap() }
}

/// R16.1: whoever does not lead the library is told who does, whether it would write for itself or for the lead.
#[test]
fn a_librarys_entries_are_written_by_its_lead_alone() {
    let (lead, other) = (provider(LEAD), provider(OTHER));

    assert_eq!(led().may_write(&lead.organisation, &lead), Ok(()));
    let refused = led().may_write(&other.organisation, &other).unwrap_err();
    assert_eq!(refused.reason(), "LIBRARY_LED_BY_OTHER");
    assert!(refused.to_string().contains(LEAD), "{refused}");
    assert_eq!(
        led().may_write(&lead.organisation, &other).unwrap_err().reason(),
        "OTHER_ORGANISATION"
    );
    assert_eq!(
        led().may_write(&other.organisation, &lead).unwrap_err().reason(),
        "LIBRARY_LED_BY_OTHER"
    );
}

/// H3: where no library is established, the refusal says what to do.
#[test]
fn nobody_writes_where_no_library_is_established() {
    let vacant = Leadership::Vacant { place: "201001".parse().unwrap() };
    let other = provider(OTHER);

    let refused = vacant.may_write(&other.organisation, &other).unwrap_err();

    assert_eq!(refused.reason(), "LIBRARY_NOT_ESTABLISHED");
    assert!(refused.to_string().contains("201001"), "{refused}");
}

#[test]
fn departments_write_their_own() {
    let other = provider(OTHER);

    assert_eq!(Leadership::Provider.may_write(&other.organisation, &other), Ok(()));
    assert!(!Leadership::lies_in_library(&"302001".parse().unwrap()));
    assert!(Leadership::lies_in_library(&"101001".parse().unwrap()));
    assert!(Leadership::lies_in_library(&"2".parse().unwrap()));
}

#[test]
fn entries_pass_to_the_next_lead_and_to_nobody_else() {
    let (lead, other) = (LEAD.parse().unwrap(), OTHER.parse().unwrap());

    assert!(led().passes_to(&lead));
    assert!(!led().passes_to(&other));
    assert!(!Leadership::Provider.passes_to(&lead));
}
