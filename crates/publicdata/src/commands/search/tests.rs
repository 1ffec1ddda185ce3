use clap::{CommandFactory as _, Parser};

use super::*;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    search: Search,
}

/// Every word that the command line offers is one that the service knows.
#[test]
fn every_word_that_is_offered_is_known() {
    for argument in Line::command().get_arguments() {
        let option = argument.get_id().as_str().to_owned();
        for value in argument.get_possible_values() {
            if ["true", "false"].contains(&value.get_name()) {
                continue;
            }
            let line = ["search", &format!("--{option}"), value.get_name()];
            let request = request(Line::parse_from(line).search);
            let said = [
                request.sharing_types,
                request.opening_types,
                request.formats,
                request.update_cycles,
                request.statuses,
                vec![request.order].into_iter().filter(|order| *order != 0).collect(),
            ];
            assert_eq!(said.concat().len(), 1, "--{option} {}", value.get_name());
        }
    }
}
