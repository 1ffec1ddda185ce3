use super::{PLANS, chosen};

fn names(only: &[&str]) -> Vec<&'static str> {
    let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
    chosen(&only).unwrap().into_iter().map(|plan| plan.name).collect()
}

#[test]
fn everything_is_measured_unless_something_is_named() {
    assert_eq!(names(&[]), PLANS.map(|plan| plan.name));
}

#[test]
fn beginning_of_a_name_chooses_all_that_begin_so() {
    assert_eq!(names(&["commands"]), ["commands_1", "commands_16", "commands_64", "commands_hot"]);
    assert_eq!(names(&["replay", "commands_64"]), ["commands_64", "replay"]);
}

#[test]
fn unknown_name_is_refused_with_those_that_there_are() {
    let error = chosen(&["speed".to_owned()]).unwrap_err().to_string();

    assert!(
        error.contains("speed")
            && error.contains("commands_16, commands_64, commands_hot, append_1"),
        "{error}"
    );
}
