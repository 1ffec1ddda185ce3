use proptest::prelude::*;
use publicdata_decider::replay;
use publicdata_decider::testing::given;
use publicdata_types::Role;

use super::*;

fn actor(region: &str, role: Role) -> Actor {
    Actor {
        id: "spiffe://chengdu.example/org/12100000400002259P/user/u1".to_owned(),
        organisation: "12100000400002259P".parse().unwrap(),
        roles: [role].into(),
        region: region.parse().unwrap(),
    }
}

fn city() -> Actor {
    actor("510100", Role::Authority)
}

fn terms(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn declare(names: &[&str]) -> Command {
    Command::Declare { terms: terms(names), by: city() }
}

fn declared(names: &[&str]) -> Event {
    Event::Declared { terms: terms(names) }
}

fn withdraw(term: &str) -> Command {
    Command::Withdraw { term: term.to_owned(), reason: "另有所指".to_owned(), by: city() }
}

fn withdrawn(term: &str) -> Event {
    Event::Withdrawn { term: term.to_owned(), reason: "另有所指".to_owned() }
}

/// R17.1: the authority declares what means the same; said again, it says nothing new.
#[test]
fn the_authority_declares_synonyms() {
    given::<Vocabulary>([])
        .when(declare(&["自然人", "公民", " 公民 "]))
        .then([declared(&["自然人", "公民"])]);
    given::<Vocabulary>([declared(&["自然人", "公民", "个人"])])
        .when(declare(&["公民", "个人"]))
        .then_nothing();
    given::<Vocabulary>([])
        .when(declare(&["自然人", "自 然 人"]))
        .then_rejected(Rejection::TooFew { found: 1 });
    given::<Vocabulary>([])
        .when(declare(&["自然人", "（）"]))
        .then_rejected(TextMistake::Empty { field: "name" }.into());
}

/// R13.1: a vocabulary is the whole city's.
#[test]
fn nobody_else_declares_synonyms() {
    for by in [actor("510104", Role::Authority), actor("510100", Role::Provider)] {
        let declare = Command::Declare { terms: terms(&["自然人", "公民"]), by: by.clone() };
        assert!(matches!(Vocabulary::default().decide(declare), Err(Rejection::Denied(_))));
        let withdraw =
            Command::Withdraw { term: "公民".to_owned(), reason: "误".to_owned(), by };
        assert!(matches!(Vocabulary::default().decide(withdraw), Err(Rejection::Denied(_))));
    }
}

#[test]
fn groups_that_share_a_name_are_one() {
    let vocabulary = given::<Vocabulary>([
        declared(&["自然人", "公民"]),
        declared(&["个人", "居民"]),
        declared(&["居民", "公民"]),
    ])
    .state();

    let groups: Vec<_> = vocabulary.groups().collect();
    assert_eq!(groups, [&["个人", "居民", "自然人", "公民"]]);
    assert_eq!(vocabulary.preferred_of_key("公民"), Some("个人"));
    assert_eq!(vocabulary.names_of("法人"), ["法人"]);
}

#[test]
fn a_name_is_taken_out() {
    let history = || [declared(&["自然人", "公民", "个人"])];

    let vocabulary =
        given::<Vocabulary>(history()).when(withdraw("自然人")).then([withdrawn("自然人")]);
    assert_eq!(vocabulary.preferred_of_key("个人"), Some("公民"));
    assert_eq!(vocabulary.preferred_of_key("自然人"), None);
    let alone = given::<Vocabulary>([declared(&["自然人", "公民"]), withdrawn("公民")]);
    assert_eq!(alone.state().groups().count(), 0);
    given::<Vocabulary>(history())
        .when(withdraw("法人"))
        .then_rejected(Rejection::Unknown { term: "法人".to_owned() });
}

fn names() -> impl Strategy<Value = Vec<String>> {
    let name = prop::sample::select(vec!["自然人", "公民", "个人", "居民", "法人", "企业", "单位"]);
    prop::collection::vec(name.prop_map(ToOwned::to_owned), 1..4)
}

proptest! {
    /// Whatever is declared and withdrawn, each name stands in at most one group, each group has at least two, and a repeat
    /// says nothing new.
    #[test]
    fn each_name_stands_in_one_group(
        asked in prop::collection::vec((names(), any::<prop::sample::Index>(), 0..3_u8), 0..20)
    ) {
        let mut vocabulary = Vocabulary::default();
        for (names, index, kind) in asked {
            let command = match kind {
                0 => withdraw(index.get::<String>(&names)),
                _ => Command::Declare { terms: names, by: city() },
            };
            let Ok(events) = vocabulary.decide(command.clone()) else { continue };
            vocabulary = replay(vocabulary, &events);

            if let Command::Declare { terms, .. } = &command {
                prop_assert_eq!(vocabulary.decide(command.clone()), Ok(vec![]));
                let preferred = vocabulary.preferred_of_key(&terms[0]);
                prop_assert!(preferred.is_some());
                for term in terms {
                    prop_assert_eq!(vocabulary.preferred_of_key(term), preferred);
                }
            }
            let all: Vec<&String> = vocabulary.groups().flatten().collect();
            let different: std::collections::BTreeSet<_> = all.iter().collect();
            prop_assert_eq!(all.len(), different.len());
            prop_assert_eq!(all.len(), vocabulary.group_of.len());
            prop_assert!(vocabulary.groups().all(|group| group.len() > 1));
        }
    }
}
