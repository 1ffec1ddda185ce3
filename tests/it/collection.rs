//! Libraries, sources and plans from the command line, as departments and the authority meet them.

use crate::fleet::{City, Rows};
use crate::process::{Ended, Terminal};
use publicdata::sample::{CONSUMER, PROVIDER};

/// R17.1, R18.1: a department is told what to apply for instead of collecting it again, by commands alone; the authority keeps
/// the vocabulary that this rests on. R16.1, R20.1: libraries are established, and show who is late.
#[tokio::test]
async fn a_department_is_kept_from_collecting_twice() {
    let city = City::settled(Rows::few()).await;
    let terminal = Terminal::new(city.fleet.data());
    let entry = city.path("entry.json");
    std::fs::write(&entry, terminal.text(&["catalog", "template"]).await).unwrap();
    let draft = ["catalog", "draft", entry.to_str().unwrap(), "--as", "civil-affairs"];
    let drafted = terminal.json(&draft).await;
    let (id, code) = (drafted["resourceId"].as_str().unwrap(), drafted["code"].as_str().unwrap());
    terminal.text(&["catalog", "submit", id, "--as", "civil-affairs"]).await;
    terminal.text(&["catalog", "publish", id]).await;

    for _ in 0..2 {
        let loaded = terminal.json(&["collection", "vocabulary", "load"]).await;
        assert!(loaded["entity_groups"].as_u64().unwrap() > 5, "{loaded}");
    }
    let shown = terminal.text(&["collection", "vocabulary", "show", "entity"]).await;
    assert!(shown.contains("社区（村）"), "{shown}");

    let claimed = terminal.text(&["collection", "claim", id, "--as", "civil-affairs"]).await;
    assert!(claimed.contains(code) && claimed.contains(PROVIDER.code), "{claimed}");
    let sources = ["collection", "sources", "--entity", "村", "--as", "health"];
    assert_eq!(terminal.json(&sources).await["sources"].as_array().unwrap().len(), 6);

    let asked = ["--entity", "村", "--item", "村名称", "--as", "health"];
    let checked = terminal.text(&[&["collection", "check"][..], &asked].concat()).await;
    assert!(checked.contains(code) && checked.contains("grant apply"), "{checked}");
    let why = ["--purpose", "随访", "--legal-basis", "《…》", "--method", "问卷"];
    let plan = [&["collection", "plan", "--until", "2999-12-31"][..], &why].concat();
    let refused = failure(terminal.run(&[&plan[..], &asked].concat()).await);
    assert!(refused.contains("DATUM_TO_BE_HAD") && refused.contains(code), "{refused}");
    let other = ["--entity", "村", "--item", "jtys=家庭医生签约户数", "--as", "health"];
    terminal.text(&[&plan[..], &other].concat()).await;
    let plans = terminal.text(&["collection", "plans", "--as", "health"]).await;
    assert!(plans.contains("家庭医生签约户数") && plans.contains(CONSUMER.name), "{plans}");

    let establish = ["library", "establish", "--code", "101", "--name", "人口库", "--lead"];
    let establish = [&establish[..], &[PROVIDER.code]].concat();
    let refused = failure(terminal.run(&establish).await);
    assert!(refused.contains("NOT_LEAD_DEPARTMENT"), "{refused}");
    assert!(terminal.text(&["library", "list"]).await.contains("none"));
    assert!(terminal.text(&["library", "items", "--late"]).await.contains("none"));
}

/// What a failed command said; it says nothing on standard output.
#[track_caller]
fn failure(ended: Ended) -> String {
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    ended.stderr
}
