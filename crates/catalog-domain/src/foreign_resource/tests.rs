use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;
use uuid::Uuid;

use super::*;

fn says(title: &str) -> Description {
    Description {
        uri: "https://data.sc.example/dataset/1".to_owned(),
        title: title.to_owned(),
        ..Description::default()
    }
}

fn source() -> HarvestSourceId {
    HarvestSourceId::from_uuid(Uuid::nil())
}

fn see(title: &str) -> Command {
    Command::See { source: source(), description: says(title) }
}

fn seen(title: &str) -> Event {
    Event::Seen { source: source(), description: says(title) }
}

/// R23.3: only what changed is an event.
#[test]
fn a_dataset_is_an_event_when_it_says_something_new() {
    given::<ForeignResource>([]).when(see("名录")).then([seen("名录")]);
    given::<ForeignResource>([seen("名录")]).when(see("名录")).then_nothing();
    given::<ForeignResource>([seen("名录")]).when(see("清单")).then([seen("清单")]);
}

/// R23.3: what is offered no more is gone, and may come back.
#[test]
fn a_dataset_goes_once_and_may_come_back() {
    given::<ForeignResource>([seen("名录")]).when(Command::Miss).then([Event::Gone]);
    given::<ForeignResource>([seen("名录"), Event::Gone]).when(Command::Miss).then_nothing();
    given::<ForeignResource>([]).when(Command::Miss).then_nothing();
    given::<ForeignResource>([seen("名录"), Event::Gone]).when(see("名录")).then([seen("名录")]);
}

#[test]
fn a_dataset_without_uri_or_title_is_refused() {
    let nameless = Description { uri: "no uri".to_owned(), ..says("名录") };
    given::<ForeignResource>([])
        .when(Command::See { source: source(), description: nameless })
        .then_rejected(Rejection::UriMissing);
    given::<ForeignResource>([]).when(see(" ")).then_rejected(Rejection::TitleMissing);
    let large = Description { keywords: vec![String::new(); PARTS_MAX + 1], ..says("名录") };
    given::<ForeignResource>([])
        .when(Command::See { source: source(), description: large })
        .then_rejected(Rejection::TooLarge { field: "keywords", max: PARTS_MAX });
}

proptest! {
    /// Whatever is seen and missed in whatever order, twice the same says nothing the second time.
    #[test]
    fn saying_it_again_says_nothing(steps in proptest::collection::vec(0..4usize, 1..20)) {
        let mut state = ForeignResource::default();
        for step in steps {
            let command = match ["甲", "乙", "丙"].get(step) {
                Some(title) => see(title),
                None => Command::Miss,
            };
            let events = state.decide(command.clone()).unwrap();
            state = replay(state, &events);
            prop_assert_eq!(state.decide(command), Ok(vec![]));
        }
    }
}
