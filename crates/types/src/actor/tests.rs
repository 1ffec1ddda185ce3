use super::*;

const CITY: &str = "510100";
const OWN: &str = "12100000400002259P";
const OTHER: &str = "91110000802100433B";

fn actor(region: &str, roles: impl IntoIterator<Item = Role>) -> Actor {
    Actor {
        id: "spiffe://chengdu.example/org/12100000400002259P/user/zhang".to_owned(),
        organisation: OWN.parse().unwrap(),
        roles: roles.into_iter().collect(),
        region: region.parse().unwrap(),
    }
}

/// R13.1: an authority governs its own region and those below, and no other.
#[test]
fn authority_governs_its_region_and_those_below() {
    let city = actor(CITY, [Role::Authority]);
    let district = actor("510104", [Role::Authority]);

    assert!(city.is_authority_over(&"510104".parse().unwrap()));
    assert!(district.is_authority_over(&"510104".parse().unwrap()));
    assert_eq!(
        district.may_govern(&"510105".parse().unwrap()).map_err(|denied| denied.reason()),
        Err("OUTSIDE_REGION")
    );
    assert_eq!(
        district.may_govern(&CITY.parse().unwrap()).map_err(|denied| denied.to_string()),
        Err("an authority of region 510104 has no say in region 510100".to_owned())
    );
}

/// R13.1: without the role the region does not help.
#[test]
fn region_without_role_governs_nothing() {
    let provider = actor(CITY, [Role::Provider]);

    assert_eq!(
        provider.may_govern(&CITY.parse().unwrap()).map_err(|denied| denied.reason()),
        Err("ROLE_MISSING")
    );
}

/// R12.3: a provider writes its own entries, and those alone.
#[test]
fn provider_writes_only_for_itself() {
    let provider = actor(CITY, [Role::Provider]);
    let consumer = actor(CITY, [Role::Consumer]);
    let own = OWN.parse().unwrap();

    assert_eq!(provider.may_write_for(&own), Ok(()));
    assert_eq!(
        provider.may_write_for(&OTHER.parse().unwrap()).map_err(|denied| denied.reason()),
        Err("OTHER_ORGANISATION")
    );
    assert_eq!(consumer.may_write_for(&own).map_err(|denied| denied.reason()), Err("ROLE_MISSING"));
    assert_eq!(consumer.may_consume(), Ok(()));
    assert!(consumer.may_audit().is_err());
}

/// R16.1, R13.1: a lead department speaks for itself alone, and what is the whole city's is not for a district's authority.
#[test]
fn leading_and_the_citys_matters_have_their_own_people() {
    let lead = actor(CITY, [Role::LeadDepartment]);

    assert_eq!(lead.may_lead_as(&OWN.parse().unwrap()), Ok(()));
    assert!(lead.may_lead_as(&OTHER.parse().unwrap()).is_err());
    assert!(actor(CITY, [Role::Provider]).may_lead_as(&OWN.parse().unwrap()).is_err());
    for (region, may) in [("510000", true), (CITY, true), ("510104", false)] {
        assert_eq!(actor(region, [Role::Authority]).may_govern_city().is_ok(), may, "{region}");
    }
    assert!(lead.may_govern_city().is_err());
}

#[test]
fn roles_have_one_text_each() {
    for role in Role::ALL {
        assert_eq!(role.to_string().parse(), Ok(role));
    }
    assert_eq!("admin".parse::<Role>(), Err(RoleError));
}

/// R28.1: the committee of the city advises in its districts; an authority is no committee.
#[test]
fn only_an_expert_committee_gives_opinions_and_only_in_its_region() {
    let committee = actor(CITY, [Role::ExpertCommittee]);
    let district: RegionCode = "510104".parse().unwrap();

    assert_eq!(committee.may_advise(&district), Ok(()));
    assert_eq!(
        committee.may_advise(&"510300".parse().unwrap()).map_err(|denied| denied.to_string()),
        Err("an expert committee of region 510100 gives no opinions in region 510300".to_owned())
    );
    assert_eq!(
        actor(CITY, [Role::Authority]).may_advise(&district).map_err(|denied| denied.reason()),
        Err("ROLE_MISSING")
    );
}
