//! The infrastructure register, service providers and the import of organisations, from the command line.

use std::path::Path;

use serde_json::Value;

use crate::fleet::{City, Rows};
use crate::process::Terminal;

const TABLE: &str = "机构登记表,,,\n统一社会信用代码,机构名称,行政区划代码,角色\n\
    91350100M000100Y43,成都市新都区民政局,510114,提供部门、使用部门\n\
    11330102MB1234567A,代码有误的机构,510114,提供部门\n\
    11332500MB1601924J,区划有误的机构,510199,提供部门\n\
    91110000802100433B,角色有误的机构,510104,街道\n\
    12100000400002259P,成都市锦江区卫健局,510104,使用部门\n";

fn as_text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Issue 3: an import flags a bad code and goes on; the report names row and column; a dry run does nothing, a repeat nothing
/// twice; an entry by hand with the same code is refused.
#[tokio::test]
async fn an_import_flags_what_is_wrong_and_goes_on() {
    let city = City::settled(Rows::few()).await;
    let terminal = Terminal::new(city.fleet.data());
    let table = city.path("organisations.csv");
    let (gb18030, _, _) = encoding_rs::GB18030.encode(TABLE);
    std::fs::write(&table, gb18030).unwrap();
    let import = ["organisation", "import", as_text(&table), "--output", "json"];
    let registered = async || {
        let listed = terminal.json(&["organisation", "list"]).await;
        listed["organisations"].as_array().unwrap().len()
    };
    let before = registered().await;

    let dry = terminal.run(&[&import[..], &["--dry-run"]].concat()).await;
    assert_eq!(dry.code, Some(1), "rows have to be corrected: {dry:?}");
    let report: Value = serde_json::from_str(&dry.stdout).unwrap();
    assert_eq!(
        (&report["taken"], &report["flagged"], &report["refused"]),
        (&2.into(), &1.into(), &2.into())
    );
    assert_eq!(registered().await, before);

    let done = terminal.run(&import).await;
    assert_eq!(done.code, Some(1));
    let report: Value = serde_json::from_str(&done.stdout).unwrap();
    let outcomes: Vec<_> = report["rows"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| [&row["row"], &row["outcome"], &row["field"]].map(ToString::to_string))
        .collect();
    let expected = [
        ["3", "\"taken\"", "\"\""],
        ["4", "\"flagged\"", "\"统一社会信用代码\""],
        ["5", "\"refused\"", "\"行政区划代码\""],
        ["6", "\"refused\"", "\"角色\""],
        ["7", "\"taken\"", "\"\""],
    ];
    assert_eq!(outcomes, expected);
    assert!(!done.stdout.contains("11330102MB1234567A"), "what is wrong is not repeated");
    assert!(done.stderr.contains("3 rows"), "{}", done.stderr);
    assert_eq!(registered().await, before + 2);

    let again = terminal.run(&import).await;
    assert_eq!(again.stdout, done.stdout, "H1: a repeat is answered as the first time");
    assert_eq!(registered().await, before + 2);

    let by_hand = ["organisation", "register", "--code", "11330102MB1234567A", "--name", "x"];
    let by_hand = [&by_hand[..], &["--region", "510114", "--role", "provider"]].concat();
    let refused = terminal.run(&by_hand).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("FIELD_INVALID"), "{}", refused.stderr);
}

/// R44.1: credentials under an agreement work until it is terminated, from the command line.
#[tokio::test]
async fn a_service_provider_is_out_when_its_agreement_is() {
    let city = City::settled(Rows::few()).await;
    let terminal = Terminal::new(city.fleet.data());
    let department = publicdata::sample::PROVIDER.code;
    let registered = terminal
        .json(&[
            "organisation",
            "agreement",
            "register",
            "--as",
            "civil-affairs",
            "--provider-name",
            "成都某科技有限公司",
            "--provider-code",
            "91350100M000100Y43",
            "--scope",
            "数据清洗",
            "--from",
            "2020-01-01",
            "--until",
            "2099-12-31",
            "--security-agreement",
            "2026-安-007",
        ])
        .await;
    let agreement = registered["agreementId"].as_str().unwrap();
    let folder = city.path("vendor");
    terminal
        .text(&[
            "organisation",
            "issue",
            "--as",
            "civil-affairs-officer",
            "--organisation",
            department,
            "--account",
            "vendor-1",
            "--agreement",
            agreement,
            "--folder",
            as_text(&folder),
        ])
        .await;
    let call = ["register", "system", "list", "--as", as_text(&folder)];
    terminal.text(&call).await;

    let terminate = ["organisation", "agreement", "terminate", agreement, "--reason", "违约"];
    terminal.text(&[&terminate[..], &["--as", "civil-affairs"]].concat()).await;
    let refused = terminal.run(&call).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("AGREEMENT_OVER"), "{}", refused.stderr);
    let shown = terminal.text(&["organisation", "agreement", "show", agreement]).await;
    assert!(shown.contains("terminated") && shown.contains("vendor-1"), "{shown}");
}

/// R8.2, R9.1, R11.1, R42.1: the register is kept from the command line.
#[tokio::test]
async fn the_register_is_kept_from_the_command_line() {
    let city = City::settled(Rows::few()).await;
    let terminal = Terminal::new(city.fleet.data());
    let own = |arguments: &[&'static str]| {
        [&["register"], arguments, &["--as", "civil-affairs"]].concat()
    };

    let system = terminal
        .json(&own(&[
            "system",
            "add",
            "--name",
            "社区网格化管理系统",
            "--hosting",
            "own-data-centre",
            "--place",
            "局机房",
            "--integration",
            "isolated",
            "--isolation-reason",
            "设备老旧",
            "--protection-level",
            "3",
            "--network",
            "电子政务外网",
            "--personal-data",
        ]))
        .await;
    let id = system["systemId"].as_str().unwrap();
    let shown = terminal.text(&["register", "system", "show", id]).await;
    assert!(shown.contains("isolated") && shown.contains("设备老旧"), "{shown}");
    let counted = terminal.text(&["register", "system", "count"]).await;
    assert!(counted.contains("成都市民政局"), "{counted}");

    let built = terminal
        .json(&own(&[
            "network",
            "built",
            "--name",
            "视频专网",
            "--purpose",
            "视频会议",
            "--legal-basis",
            "无",
            "--scope",
            "全市",
            "--on",
            "2026-01-04",
        ]))
        .await;
    assert_eq!(built["basis"], "NETWORK_BASIS_WITHOUT_OPINION");
    let found = terminal.text(&["register", "network", "list", "--without-opinion"]).await;
    assert!(found.contains("视频专网"), "{found}");

    let missing = terminal.text(&["register", "recovery", "list", "--not-enrolled"]).await;
    assert!(missing.contains("社区网格化管理系统"), "{missing}");
    let enrol = ["register", "recovery", "enrol", "system", id, "--method", "每日备份"];
    let terms = ["--rpo-hours", "24", "--rto-hours", "4", "--as", "civil-affairs"];
    terminal.text(&[&enrol[..], &terms].concat()).await;
    let missing = terminal.text(&["register", "recovery", "list", "--not-enrolled"]).await;
    assert!(!missing.contains("社区网格化管理系统"), "{missing}");

    let opened = terminal
        .json(&own(&[
            "security",
            "open",
            "drill",
            "--title",
            "应急演练",
            "--owner",
            "officer-01",
            "--due",
            "2099-12-31",
        ]))
        .await;
    let record = opened["recordId"].as_str().unwrap();
    let close = ["register", "security", "close", record, "--outcome", "通过"];
    terminal.text(&[&close[..], &["--as", "civil-affairs"]].concat()).await;
    let closed = terminal.text(&["register", "security", "list", "--which", "closed"]).await;
    assert!(closed.contains("应急演练") && closed.contains("通过"), "{closed}");
}
