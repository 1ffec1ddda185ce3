use super::*;

#[track_caller]
fn check(text: &str, problem: &str) {
    let error = RuleSet::alone(text).unwrap_err();
    let told = publicdata_service_kit::problem::chain(&error);
    assert!(told.contains(problem), "{told}");
}

fn rule(raise: &str) -> String {
    format!(
        "[[rule]]\nname = \"own\"\nclause = 4\narticle = \"第十四条\"\ntitle = \"目录\"\n\
         organisation = \"event.provider_code\"\n[rule.raise]\non = [\"catalog.v1.ResourcePublished\"]\n{raise}"
    )
}

/// R46.1: each number of article 46 has a rule, and unusual use has some.
#[test]
fn built_in_rules_cover_article_46() {
    let rules = RuleSet::built_in().unwrap();
    for clause in CLAUSES {
        let matter = Matter::Breach { clause };
        assert!(rules.rules.iter().any(|rule| rule.matter == matter), "no rule for ({clause})");
    }
    assert!(rules.rules.iter().any(|rule| rule.matter == Matter::UnusualUse));
}

#[test]
fn own_rules_replace_and_turn_off() {
    let built_in = RuleSet::built_in().unwrap();
    let own = rule("").replace("\"own\"", "\"application-overdue\"");
    let rules = RuleSet::with(&format!("off = [\"new-field\"]\n{own}")).unwrap();

    assert_eq!(rules.names().count(), built_in.names().count() - 1);
    assert!(rules.names().all(|name| name != "new-field"));
    assert_ne!(rules.digest(), built_in.digest());
    assert_eq!(RuleSet::built_in().unwrap().digest(), built_in.digest());
}

#[test]
fn rules_that_cannot_be_are_refused_with_what_is_wrong() {
    check("[[rule]]\nname = 1", "expected a string");
    check("off = [\"nothing\"]", "`off` names `nothing`");
    check(&rule("when = \"event.version ==\""), "rule `own`: `when` is no CEL expression");
    check(&rule("after_days = 3\ndue = \"event.published_on\""), "only one of `due`");
    check(&rule("count = { at_least = 0, within = \"1h\" }"), "greater than 0");
    check(&rule("wenn = \"true\""), "unknown field `wenn`");
    check(&rule("").replace("ResourcePublished", "Published"), "`catalog.v1.Published` is no type");
    check(&rule("").replace("clause = 4", "clause = 12"), "1 to 11");
    check(&rule("").replace("clause = 4\n", ""), "1 to 11");
    check(&rule("").replace("\"own\"", "\"Own rule\""), "lower-case");
    check(&format!("{}\n{}", rule(""), rule("")), "stands there twice");
    let things = |kind: &str, field: &str| format!("[things.\"{kind}\"]\nkeep = [\"{field}\"]\n");
    check(&things("catalog.resource", "provder_code"), "keeps `provder_code`, which no event");
    check(&things("catalog.resource", "page_size"), "keeps `page_size`, which no event");
    check(&things("katalog.resource", "description"), "`things.\"katalog.resource\"` keeps");
}
