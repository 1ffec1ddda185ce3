use std::sync::LazyLock;

use jiff::civil::date;
use proptest::prelude::*;
use publicdata_types::Deadline;
use publicdata_types::quality::Quality;
use uuid::Uuid;

use super::*;
use crate::limits::RatePeriod;
use crate::resource::Item;

pub(crate) const PROVIDER: &str = "91110000802100433B";
pub(crate) const CONSUMER: &str = "12100000400002259P";
pub(crate) const STRANGER: &str = "91350100M000100Y43";
pub(crate) const PURPOSE: &str = "社区服务";

/// The villages as the exchange knows them.
pub(crate) fn villages() -> ResourceFacts {
    let item = |name: &str, kind, mask, sharing| Item {
        name: name.to_owned(),
        kind,
        mask,
        sharing,
        rules: Rules::default(),
    };
    ResourceFacts {
        id: ResourceId::from_uuid(Uuid::from_u128(1)),
        code: "302001/00001".parse().unwrap(),
        provider: PROVIDER.parse().unwrap(),
        region: "510104".parse().unwrap(),
        sharing: SharingType::Conditional,
        modes: BTreeSet::from([DeliveryMode::Bulk, DeliveryMode::Query]),
        items: vec![
            item("code", ItemType::Text, None, SharingType::Conditional),
            item("title", ItemType::Text, None, SharingType::Conditional),
            item("contact", ItemType::Text, Some(Mask::Partial), SharingType::Conditional),
            item("secret", ItemType::Text, None, SharingType::NotShared),
        ],
    }
}

/// The same, shared unconditionally.
pub(crate) fn open_villages() -> ResourceFacts {
    let mut resource = villages();
    resource.sharing = SharingType::Unconditional;
    for item in &mut resource.items[..2] {
        item.sharing = SharingType::Unconditional;
    }
    resource
}

pub(crate) fn fields(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

pub(crate) fn request() -> Request {
    Request {
        purpose: PURPOSE.to_owned(),
        legal_basis: "《成都市公共数据管理应用规定》第二十六条".to_owned(),
        fields: fields(&["code", "title", "contact"]),
        row_filter: Some("code LIKE '5101%'".to_owned()),
        modes: BTreeSet::from([DeliveryMode::Bulk]),
        valid_from: date(2026, 1, 5),
        valid_until: date(2026, 12, 31),
        renews: None,
    }
}

pub(crate) fn application() -> Application {
    let resource = villages();
    Application {
        resource: resource.id,
        resource_code: resource.code,
        provider: resource.provider,
        consumer: CONSUMER.parse().unwrap(),
        request: request(),
        deadline: Deadline {
            on: date(2026, 1, 19),
            provisional: false,
            calendar_version: "2026".to_owned(),
        },
    }
}

pub(crate) fn field(name: &str, mask: Option<Mask>) -> Field {
    Field { name: name.to_owned(), kind: ItemType::Text, mask, rules: None }
}

/// Fewer fields and rows than were applied for.
pub(crate) fn terms() -> Terms {
    let resource = villages();
    Terms {
        grant: GrantId::from_uuid(Uuid::from_u128(2)),
        resource: resource.id,
        resource_code: resource.code,
        provider: resource.provider,
        consumer: Some(CONSUMER.parse().unwrap()),
        fields: vec![field("code", None), field("contact", Some(Mask::Partial))],
        row_filter: Some("title IS NOT NULL AND code LIKE '5101%'".to_owned()),
        filter_items: ["code", "title"].map(|name| (name.to_owned(), ItemType::Text)).into(),
        purpose: PURPOSE.to_owned(),
        modes: BTreeSet::from([DeliveryMode::Bulk]),
        valid_from: "2026-01-05T00:00:00+08:00".parse().unwrap(),
        valid_until: "2027-01-01T00:00:00+08:00".parse().unwrap(),
        rows_max: None,
        rate: None,
        total_rows_max: None,
    }
}

pub(crate) fn standing_offer() -> Terms {
    Terms {
        consumer: None,
        fields: vec![field("code", None)],
        row_filter: None,
        purpose: String::new(),
        ..terms()
    }
}

/// Changes the terms and lists what is wrong then.
fn mistakes(change: impl FnOnce(&mut Terms)) -> Vec<Mistake> {
    let mut terms = terms();
    change(&mut terms);
    terms.mistakes_against(&application(), &villages())
}

fn standing_mistakes(change: impl FnOnce(&mut Terms)) -> Vec<Mistake> {
    let mut terms = standing_offer();
    change(&mut terms);
    terms.mistakes_as_standing_offer(&open_villages())
}

fn title() -> String {
    "title".to_owned()
}

/// R26.2: terms within the application have no mistake, to its last day.
#[test]
fn terms_within_the_application_have_no_mistake() {
    assert_eq!(mistakes(|_| {}), []);
    assert_eq!(mistakes(|t| t.fields = vec![field("contact", None)]), [], "a mask may be lifted");
}

/// R17.2: a grant promises the quality that the catalogue does; what was granted before there were rules stays.
#[test]
fn rules_are_signed_as_they_stand_in_the_catalogue() {
    let ruled = |required, unique| Rules {
        required,
        length_max: None,
        quality: Quality { unique, ..Quality::default() },
    };
    let mut resource = villages();
    let check = |resource: &ResourceFacts, rules| {
        let terms = Terms { fields: vec![Field { rules, ..field("code", None) }], ..terms() };
        terms.mistakes_against(&application(), resource)
    };
    let wrong = [Mistake::FieldRules { field: "code".to_owned() }];

    resource.items[0].rules = ruled(true, false);
    assert_eq!(check(&resource, None), [], "as grants always were");
    assert_eq!(check(&resource, Some(ruled(true, false))), []);
    assert_eq!(check(&resource, Some(ruled(false, false))), wrong);
    resource.items[0].rules = ruled(true, true);
    assert_eq!(check(&resource, None), wrong);
    assert_eq!(check(&resource, Some(ruled(true, false))), wrong);
    assert_eq!(check(&resource, Some(ruled(true, true))), []);
}

/// R12.1: a mask that does not fit would leave nothing of the values; that is said before anybody fetches.
#[test]
fn masks_fit_the_type_of_their_field() {
    let mask = Mask::Month;
    let found = mistakes(|t| t.fields = vec![field("contact", Some(mask.clone()))]);
    assert_eq!(found, [Mistake::FieldMask { field: "contact".to_owned(), mask }]);
    assert_eq!(mistakes(|t| t.fields = vec![field("contact", Some(Mask::Mobile))]), []);
}

/// R26.2: no field that was not applied for, or that nobody gets.
#[test]
fn fields_stay_within_the_application() {
    let add = |name: &str| mistakes(|t| t.fields.push(field(name, None)));

    let mut asked = application();
    asked.request.fields = fields(&["code", "contact"]);
    let mut wider = terms();
    wider.fields.push(field("title", None));
    assert_eq!(
        wider.mistakes_against(&asked, &villages()),
        [Mistake::FieldNotAppliedFor { field: title() }]
    );
    assert_eq!(add("code"), [Mistake::FieldRepeated { field: "code".to_owned() }]);
    assert_eq!(
        add("secret"),
        [
            Mistake::FieldNotShared { field: "secret".to_owned() },
            Mistake::FieldNotAppliedFor { field: "secret".to_owned() }
        ]
    );
    assert_eq!(
        add("salary"),
        [
            Mistake::FieldUnknown { field: "salary".to_owned() },
            Mistake::FieldNotAppliedFor { field: "salary".to_owned() }
        ]
    );
    assert_eq!(mistakes(|t| t.fields.clear()), [Mistake::FieldsMissing]);
    assert_eq!(
        mistakes(|t| t.fields[0].kind = ItemType::Integer),
        [Mistake::FieldKind { field: "code".to_owned(), kind: ItemType::Text }]
    );
}

/// R26.2: no rows beyond those applied for.
#[test]
fn rows_stay_within_the_application() {
    assert_eq!(mistakes(|t| t.row_filter = None), [Mistake::RowsWidened]);
    assert_eq!(
        mistakes(|t| t.row_filter = Some("code LIKE '51%'".to_owned())),
        [Mistake::RowsWidened]
    );
    assert!(matches!(
        mistakes(|t| t.row_filter = Some("1 = 1".to_owned()))[..],
        [Mistake::Filter(_)]
    ));
}

/// R26.2: the provider's node reads the row filter by the types that were signed, so each is there and right.
#[test]
fn items_of_the_row_filter_have_the_types_of_the_catalogue() {
    assert_eq!(
        mistakes(|t| t.filter_items.clear()),
        [Mistake::FilterItemMissing { item: title() }]
    );
    assert_eq!(
        mistakes(|t| {
            t.filter_items.insert(title(), ItemType::Integer);
        }),
        [Mistake::FilterItemKind { item: title(), kind: ItemType::Text }]
    );
    assert_eq!(
        mistakes(|t| {
            t.filter_items.insert("salary".to_owned(), ItemType::Money);
        }),
        [Mistake::FilterItemUnknown { item: "salary".to_owned() }]
    );
    assert_eq!(
        standing_mistakes(|t| t.row_filter = Some("title IS NULL AND code = '1'".to_owned())),
        [],
        "`title` has its type, and `code` is given"
    );
    assert_eq!(terms().columns().into_keys().collect::<Vec<_>>(), ["code", "contact", "title"]);
}

/// H5: a literal beside a sensitive item would be personal data in an event.
#[test]
fn row_filter_names_no_sensitive_item() {
    assert_eq!(
        mistakes(|t| {
            t.row_filter = Some("code LIKE '5101%' AND contact = '13800000000'".to_owned());
        }),
        [Mistake::FilterOnSensitive { item: "contact".to_owned() }]
    );
}

/// R26.2: neither purpose, mode nor day that was not applied for.
#[test]
fn purpose_mode_and_period_stay_within_the_application() {
    let outside = || Mistake::PeriodOutside { from: date(2026, 1, 5), until: date(2026, 12, 31) };

    assert_eq!(mistakes(|t| t.purpose = "其他".to_owned()), [Mistake::PurposeChanged]);
    assert_eq!(
        mistakes(|t| t.modes = BTreeSet::from([DeliveryMode::Query])),
        [Mistake::ModeNotAppliedFor { mode: DeliveryMode::Query }]
    );
    assert_eq!(
        mistakes(|t| t.modes = BTreeSet::from([DeliveryMode::Push])),
        [
            Mistake::ModeNotOffered { mode: DeliveryMode::Push },
            Mistake::ModeNotAppliedFor { mode: DeliveryMode::Push }
        ]
    );
    assert_eq!(mistakes(|t| t.modes.clear()), [Mistake::ModesMissing]);
    assert_eq!(
        mistakes(|t| t.valid_from = "2026-01-04T23:59:59+08:00".parse().unwrap()),
        [outside()]
    );
    assert_eq!(
        mistakes(|t| t.valid_until = "2027-01-01T00:00:01+08:00".parse().unwrap()),
        [outside()]
    );
    assert_eq!(mistakes(|t| t.valid_until = t.valid_from), [Mistake::PeriodReversed]);
}

#[test]
fn terms_name_the_same_parties() {
    assert_eq!(mistakes(|t| t.consumer = None), [Mistake::Other { what: "consumer" }]);
    assert_eq!(
        mistakes(|t| t.provider = STRANGER.parse().unwrap()),
        [Mistake::Other { what: "provider" }]
    );
    assert_eq!(
        mistakes(|t| t.resource = ResourceId::from_uuid(Uuid::from_u128(9))),
        [Mistake::Other { what: "resource" }]
    );
}

/// R26.1: everyone is offered what is shared unconditionally, and no more.
#[test]
fn standing_offers_give_unconditional_items_alone() {
    assert_eq!(standing_mistakes(|_| {}), []);
    assert_eq!(
        standing_mistakes(|t| t.fields.push(field("contact", None))),
        [Mistake::FieldNotUnconditional { field: "contact".to_owned() }]
    );
    assert_eq!(
        standing_mistakes(|t| t.provider = STRANGER.parse().unwrap()),
        [Mistake::Other { what: "provider" }]
    );
}

const AT: &str = "2026-06-01T00:00:00Z";

static GRANTED: LazyLock<Vec<String>> = LazyLock::new(|| fields(&["code"]));
static UNUSED: Usage = Usage { begun: Vec::new(), rows: 0 };

fn wanted() -> Use<'static> {
    Use {
        consumer: CONSUMER.parse().unwrap(),
        fields: &GRANTED,
        purpose: PURPOSE,
        mode: DeliveryMode::Bulk,
        proof: None,
        case_number: "",
        at: AT.parse().unwrap(),
        used: &UNUSED,
    }
}

#[track_caller]
fn check_use(terms: &Terms, wanted: &Use<'_>, reason: Result<(), &str>) {
    let answer = authorise(terms, Standing::InForce, wanted);
    assert_eq!(answer.map_err(|refusal| refusal.reason()), reason);
}

/// R26.2, R30.1: a use within the grant is allowed, any other refused with its reason.
#[test]
fn uses_outside_the_grant_are_refused() {
    let terms = terms();
    let none = fields(&[]);
    let outside = fields(&["code", "title"]);
    let twice = fields(&["code", "code"]);

    check_use(&terms, &wanted(), Ok(()));
    check_use(
        &terms,
        &Use { consumer: STRANGER.parse().unwrap(), ..wanted() },
        Err("WRONG_CONSUMER"),
    );
    check_use(
        &terms,
        &Use { at: "2026-01-04T15:59:59Z".parse().unwrap(), ..wanted() },
        Err("GRANT_NOT_YET_VALID"),
    );
    check_use(&terms, &Use { at: "2026-01-04T16:00:00Z".parse().unwrap(), ..wanted() }, Ok(()));
    check_use(&terms, &Use { at: "2026-12-31T15:59:59Z".parse().unwrap(), ..wanted() }, Ok(()));
    check_use(
        &terms,
        &Use { at: "2026-12-31T16:00:00Z".parse().unwrap(), ..wanted() },
        Err("GRANT_EXPIRED"),
    );
    check_use(&terms, &Use { purpose: "其他", ..wanted() }, Err("PURPOSE_DIFFERS"));
    check_use(&terms, &Use { purpose: " ", ..wanted() }, Err("PURPOSE_MISSING"));
    check_use(&terms, &Use { mode: DeliveryMode::Query, ..wanted() }, Err("MODE_NOT_GRANTED"));
    check_use(&terms, &Use { fields: &none, ..wanted() }, Err("FIELDS_MISSING"));
    let proof = Use { proof: Some(ProofKind::Confirm), ..wanted() };
    check_use(&terms, &proof, Err("CASE_NUMBER_MISSING"));
    check_use(&terms, &Use { case_number: "2026-0104", ..proof }, Ok(()));
    check_use(&terms, &Use { fields: &outside, ..wanted() }, Err("FIELD_OUTSIDE_GRANT"));
    check_use(&terms, &Use { fields: &twice, ..wanted() }, Err("FIELD_REPEATED"));
}

/// R26.1: a standing offer serves any consumer, for a purpose that each use names.
#[test]
fn standing_offers_serve_any_consumer_for_a_named_purpose() {
    let offer = standing_offer();

    check_use(&offer, &Use { consumer: STRANGER.parse().unwrap(), ..wanted() }, Ok(()));
    check_use(&offer, &Use { purpose: "其他", ..wanted() }, Ok(()));
    check_use(&offer, &Use { purpose: "", ..wanted() }, Err("PURPOSE_MISSING"));
    let bound = Terms { purpose: PURPOSE.to_owned(), ..offer };
    check_use(&bound, &Use { purpose: "其他", ..wanted() }, Err("PURPOSE_DIFFERS"));
}

/// R26.2: revocation ends every use.
#[test]
fn revoked_grant_allows_nothing() {
    assert_eq!(authorise(&terms(), Standing::Revoked, &wanted()), Err(Refusal::Revoked));
}

proptest! {
    /// R26.2, R30.1: whatever is asked for, what is allowed lies within the grant.
    #[test]
    fn what_is_allowed_lies_within_the_grant(
        consumer in prop::sample::select(vec![CONSUMER, PROVIDER, STRANGER]),
        names in prop::collection::vec(
            prop::sample::select(vec!["code", "contact", "title", "secret", "CODE"]), 0..4),
        purpose in prop::sample::select(vec![PURPOSE, "其他", ""]),
        second in 1_767_000_000_i64..1_799_000_000,
        revoked in any::<bool>(),
    ) {
        let terms = terms();
        let names = fields(&names);
        let wanted = Use {
            consumer: consumer.parse().unwrap(),
            fields: &names,
            purpose,
            mode: DeliveryMode::Bulk,
            proof: None,
            case_number: "",
            at: Timestamp::from_second(second).unwrap(),
            used: &UNUSED,
        };
        let standing = if revoked { Standing::Revoked } else { Standing::InForce };

        let answer = authorise(&terms, standing, &wanted);
        let distinct: BTreeSet<&String> = names.iter().collect();
        let within = !revoked
            && consumer == CONSUMER
            && purpose == PURPOSE
            && wanted.at >= terms.valid_from
            && wanted.at < terms.valid_until
            && !names.is_empty()
            && distinct.len() == names.len()
            && names.iter().all(|name| name == "code" || name == "contact");
        prop_assert_eq!(answer.is_ok(), within, "{:?}", answer);
        if consumer != CONSUMER {
            prop_assert_eq!(answer.map_err(|refusal| refusal.reason()), Err("WRONG_CONSUMER"));
        }
    }
}

/// R26.2, R30.1: a grant that was used as often, or as much, as it may be allows nothing more.
#[test]
fn a_grant_is_used_no_more_than_its_rate_and_volume_allow() {
    let rate = Rate { transfers: std::num::NonZeroU32::MIN, period: RatePeriod::Day };
    let limited = Terms { rate: Some(rate), total_rows_max: Some(100), ..terms() };
    let at: Timestamp = AT.parse().unwrap();
    let used = |hours, rows| Usage { begun: vec![at - SignedDuration::from_hours(hours)], rows };

    check_use(&limited, &wanted(), Ok(()));
    check_use(&limited, &Use { used: &used(23, 99), ..wanted() }, Err("RATE_EXCEEDED"));
    check_use(&limited, &Use { used: &used(24, 99), ..wanted() }, Ok(()));
    check_use(&limited, &Use { used: &used(24, 100), ..wanted() }, Err("VOLUME_EXHAUSTED"));
    check_use(&terms(), &Use { used: &used(0, u64::MAX), ..wanted() }, Ok(()));
    assert_eq!(limited.rows_left(&used(24, 99)), Some(1));
    assert_eq!(limited.rows_left(&used(24, 101)), Some(0));
    assert_eq!(terms().rows_left(&used(24, 101)), None);
}
