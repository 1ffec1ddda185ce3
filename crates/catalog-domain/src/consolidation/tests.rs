use publicdata_decider::testing::given;

use super::*;

const PROVIDER: &str = "91110000802100433B";
const CENTRE: &str = "12100000400002259P";

fn authority(region: &str) -> Actor {
    Actor {
        id: "spiffe://chengdu.example/org/91350100M000100Y43/user/u1".to_owned(),
        organisation: "91350100M000100Y43".parse().unwrap(),
        roles: [Role::Authority].into(),
        region: region.parse().unwrap(),
    }
}

fn order(centre: &str, legal_basis: &str) -> Order {
    Order {
        source: Source {
            code: "302001/00001".parse().unwrap(),
            provider: PROVIDER.parse().unwrap(),
            region: "510104".parse().unwrap(),
        },
        centre: centre.parse().unwrap(),
        legal_basis: legal_basis.to_owned(),
    }
}

fn ordering(order: Order) -> Command {
    Command::Order { order, roles: vec![Role::Consumer], by: authority("510100") }
}

fn stop(reason: &str, region: &str) -> Command {
    Command::Stop { reason: reason.to_owned(), by: authority(region) }
}

/// R10.1: the authority over the provider orders it, on another basis if need be, and stops it; it may be ordered again.
#[test]
fn the_authority_orders_and_stops() {
    let first = || order(CENTRE, "《成都市公共数据管理应用暂行规定》第十条");
    let ordered = || Event::Ordered(first());
    let stopped = || Event::Stopped { reason: "职能划转".to_owned() };
    let other = order(CENTRE, "2026 年归集计划");

    given::<Consolidation>([]).when(ordering(first())).then([ordered()]);
    given::<Consolidation>([ordered()]).when(ordering(first())).then_nothing();
    given::<Consolidation>([ordered()]).when(ordering(other.clone())).then([Event::Ordered(other)]);
    given::<Consolidation>([ordered()]).when(stop("职能划转", "510104")).then([stopped()]);
    given::<Consolidation>([ordered(), stopped()]).when(stop("职能划转", "510104")).then_nothing();
    given::<Consolidation>([ordered(), stopped()]).when(ordering(first())).then([ordered()]);
    given::<Consolidation>([]).when(stop("职能划转", "510100")).then_rejected(Rejection::Absent);
}

/// R13.1: an authority of another division has no say in it.
#[test]
fn another_divisions_authority_has_no_say() {
    let denied = || {
        Rejection::Denied(Denied::OutsideRegion {
            region: "510105".parse().unwrap(),
            target: "510104".parse().unwrap(),
        })
    };
    let by = authority("510105");
    let command =
        Command::Order { order: order(CENTRE, "某法"), roles: vec![Role::Consumer], by };
    given::<Consolidation>([]).when(command).then_rejected(denied());
    given::<Consolidation>([Event::Ordered(order(CENTRE, "某法"))])
        .when(stop("不再需要", "510105"))
        .then_rejected(denied());
}

#[test]
fn an_order_can_be_carried_out() {
    let missing = |field| Rejection::Text(TextMistake::Empty { field });
    given::<Consolidation>([])
        .when(ordering(order(CENTRE, " ")))
        .then_rejected(missing("legal_basis"));
    given::<Consolidation>([Event::Ordered(order(CENTRE, "某法"))])
        .when(stop("", "510100"))
        .then_rejected(missing("reason"));
    given::<Consolidation>([])
        .when(ordering(order(PROVIDER, "某法")))
        .then_rejected(Rejection::OwnResource);
    let by = authority("510100");
    let command =
        Command::Order { order: order(CENTRE, "某法"), roles: vec![Role::Provider], by };
    given::<Consolidation>([])
        .when(command)
        .then_rejected(Rejection::CentreNoConsumer { centre: CENTRE.parse().unwrap() });
}
