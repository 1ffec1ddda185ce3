use publicdata_decider::testing::given;
use publicdata_types::Role;
use uuid::Uuid;

use super::*;

const PROVIDER: &str = "91110000802100433B";
const CONSUMER: &str = "12100000400002259P";
const STRANGER: &str = "91350100M000100Y43";

fn actor(organisation: &str, roles: &[Role]) -> Actor {
    Actor {
        id: format!("spiffe://chengdu.example/org/{organisation}/node/node-1"),
        organisation: organisation.parse().unwrap(),
        region: "510100".parse().unwrap(),
        roles: roles.iter().copied().collect(),
    }
}

fn consumer() -> Actor {
    actor(CONSUMER, &[Role::Consumer])
}

fn grant(number: u128) -> GrantId {
    GrantId::from_uuid(Uuid::from_u128(number))
}

fn settings() -> Settings {
    Settings {
        name: "villages".to_owned(),
        grant: grant(2),
        resource: ResourceId::from_uuid(Uuid::from_u128(1)),
        resource_code: "302001/00001".parse().unwrap(),
        provider: PROVIDER.parse().unwrap(),
        consumer: CONSUMER.parse().unwrap(),
        consumer_node: consumer().id,
        fields: vec![],
        purpose: "社区服务".to_owned(),
        case_number: String::new(),
        trigger: Trigger::OnChange,
    }
}

fn open(settings: Settings) -> Command {
    Command::Open { settings: Box::new(settings), by: consumer() }
}

fn end(by: Actor) -> Command {
    Command::End { reason: "系统下线".to_owned(), by }
}

fn requested() -> Event {
    Event::Ended(End::Requested { reason: "系统下线".to_owned() })
}

/// R23.1: a node may say what it wants as often as it likes; it is recorded once.
#[test]
fn opening_again_changes_nothing() {
    given::<Subscription>([]).when(open(settings())).then([Event::Opened(settings())]);
    given::<Subscription>([Event::Opened(settings())]).when(open(settings())).then_nothing();
}

#[test]
fn other_settings_are_a_change() {
    let hourly = Settings { trigger: Trigger::Every { seconds: 3_600 }, ..settings() };
    given::<Subscription>([Event::Opened(settings())])
        .when(open(hourly.clone()))
        .then([Event::Changed(hourly)]);
}

/// R10.1: what a node no longer wants ends, and the node alone may begin it anew, under the same grant; but not what a person ended.
#[test]
fn what_its_node_withdrew_may_be_opened_anew() {
    let withdraw = |by: Actor| Command::Withdraw { reason: "归集已停止".to_owned(), by };
    let withdrawn = || Event::Ended(End::Withdrawn { reason: "归集已停止".to_owned() });
    let history = || [Event::Opened(settings()), withdrawn()];
    let other = Actor { id: consumer().id.replace("node-1", "node-2"), ..consumer() };

    given::<Subscription>([Event::Opened(settings())])
        .when(withdraw(consumer()))
        .then([withdrawn()]);
    given::<Subscription>([Event::Opened(settings())])
        .when(withdraw(other))
        .then_rejected(Rejection::OtherNode);
    given::<Subscription>(history()).when(withdraw(consumer())).then_nothing();
    given::<Subscription>(history()).when(open(settings())).then([Event::Opened(settings())]);
    given::<Subscription>(history()).when(end(consumer())).then([requested()]);
    given::<Subscription>([Event::Opened(settings()), withdrawn(), requested()])
        .when(open(settings()))
        .then_rejected(Rejection::Ended);
}

#[test]
fn what_has_ended_stays_so_under_its_grant() {
    let history = || [Event::Opened(settings()), requested()];
    let later = Settings { grant: grant(3), ..settings() };

    given::<Subscription>(history()).when(open(settings())).then_rejected(Rejection::Ended);
    given::<Subscription>(history()).when(open(later.clone())).then([Event::Opened(later)]);
}

#[test]
fn a_subscription_stays_with_its_node() {
    let elsewhere = Settings { consumer_node: "spiffe://x/node/2".to_owned(), ..settings() };
    given::<Subscription>([Event::Opened(settings())])
        .when(open(elsewhere))
        .then_rejected(Rejection::OtherNode);
}

#[test]
fn nobody_subscribes_for_others() {
    let stranger = actor(STRANGER, &[Role::Consumer]);
    let command = Command::Open { settings: Box::new(settings()), by: stranger };
    let denied = Denied::OtherOrganisation {
        organisation: STRANGER.parse().unwrap(),
        owner: CONSUMER.parse().unwrap(),
    };
    given::<Subscription>([]).when(command).then_rejected(Rejection::Denied(denied));
}

#[test]
fn both_sides_may_end_it_and_nobody_else() {
    for by in [consumer(), actor(PROVIDER, &[Role::Provider])] {
        given::<Subscription>([Event::Opened(settings())])
            .when(end(by.clone()))
            .then([requested()]);
        given::<Subscription>([Event::Opened(settings()), requested()])
            .when(end(by))
            .then_nothing();
    }
    let denied = Denied::OtherOrganisation {
        organisation: STRANGER.parse().unwrap(),
        owner: PROVIDER.parse().unwrap(),
    };
    given::<Subscription>([Event::Opened(settings())])
        .when(end(actor(STRANGER, &[Role::Provider])))
        .then_rejected(Rejection::Denied(denied));
    given::<Subscription>([]).when(end(consumer())).then_rejected(Rejection::Absent);
}

#[test]
fn an_end_has_a_reason() {
    let command = Command::End { reason: " ".to_owned(), by: consumer() };
    given::<Subscription>([Event::Opened(settings())])
        .when(command)
        .then_rejected(Rejection::ReasonMissing);
}

#[test]
fn a_name_is_needed() {
    let nameless = Settings { name: " ".to_owned(), ..settings() };
    given::<Subscription>([]).when(open(nameless)).then_rejected(Rejection::NameMissing);
}

/// R26.2: with its grant a subscription ends, once; another grant's end is nothing to it.
#[test]
fn it_ends_with_its_grant() {
    for (how, ended) in
        [(GrantEnd::Revoked, End::GrantRevoked), (GrantEnd::Expired, End::GrantExpired)]
    {
        let command = |grant| Command::GrantEnded { grant, how };
        given::<Subscription>([Event::Opened(settings())])
            .when(command(grant(2)))
            .then([Event::Ended(ended.clone())]);
        given::<Subscription>([Event::Opened(settings()), Event::Ended(ended)])
            .when(command(grant(2)))
            .then_nothing();
        given::<Subscription>([Event::Opened(settings())]).when(command(grant(9))).then_nothing();
    }
}

/// R10.1: the node that fetches says what its sink holds, while the subscription is open; a digest that differs is enough.
#[test]
fn the_subscriptions_node_reconciles() {
    let rows = |rows, digest| RowSet { rows, digest: [digest; 32], source_version: String::new() };
    let found = |sink| Reconciliation {
        transfer: TransferId::from_uuid(Uuid::from_u128(9)),
        statement: SignedBytes(vec![1]),
        source: rows(30, 7),
        sink,
    };
    let reconcile = |by| Command::Reconcile { reconciliation: Box::new(found(rows(30, 7))), by };
    let other_node = Actor { id: format!("{}-2", consumer().id), ..consumer() };
    let opened = || Event::Opened(settings());

    given::<Subscription>([opened()])
        .when(reconcile(consumer()))
        .then([Event::Reconciled(found(rows(30, 7)))]);
    given::<Subscription>([opened()])
        .when(reconcile(other_node))
        .then_rejected(Rejection::OtherNode);
    given::<Subscription>([opened(), requested()])
        .when(reconcile(consumer()))
        .then_rejected(Rejection::Ended);
    given::<Subscription>([]).when(reconcile(consumer())).then_rejected(Rejection::Absent);
    assert!(found(rows(30, 7)).is_equal());
    assert!(!found(rows(31, 7)).is_equal() && !found(rows(30, 8)).is_equal());
}
