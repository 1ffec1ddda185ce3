//! Questions and proofs as a department works with them, by commands alone.

use publicdata::commands::init::AUTHORITY_FOLDER;
use serde_json::Value;

use crate::fleet::{City, PURPOSE, Rows, until};
use crate::process::{Ended, Terminal};

/// R21.1: a department proves a fact in place of a paper; anyone with the root certificate verifies it, without the platform; a proof that was
/// changed does not hold; and it shows how often somebody was asked about.
#[tokio::test(flavor = "multi_thread")]
async fn a_department_proves_a_fact_in_place_of_a_paper() {
    let city = City::ready(Rows::few()).await;
    let terminal = Terminal::new(city.fleet.data());
    let file = city.path("proof.jwt").display().to_string();
    let common =
        ["--grant", &city.grant, "--purpose", PURPOSE, "--case", "2026-0104", "--as", "health"];
    let request = |more: &[&'static str]| {
        let mut arguments = vec!["proof", "request", "--parameter", "code=r0000042"];
        arguments.extend(more);
        arguments.extend(common);
        arguments.into_iter().map(ToOwned::to_owned).collect::<Vec<String>>()
    };
    let run = async |arguments: Vec<String>| {
        terminal.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).await
    };

    let mut asked = request(&["--confirm", "areaCode=510104", "--confirm", "size=7"]);
    asked.extend(["--to".to_owned(), file.clone()]);
    let said = said(run(asked).await);
    assert!(said.contains("areaCode is 510104: yes") && said.contains("size is 7: no"), "{said}");

    // Offline: no fleet, no credentials but the root.
    let nowhere = Terminal::new(&city.path("nowhere"));
    let roots = city.fleet.data().join(AUTHORITY_FOLDER).join("ca.pem").display().to_string();
    let verify = ["proof", "verify", &file, "--roots", &roots];
    let proven = nowhere.json(&verify).await;
    let subject = &proven["proof"]["credentialSubject"];
    assert_eq!(subject["confirmed"]["areaCode"]["confirmed"], true);
    assert_eq!(subject["confirmed"]["size"]["confirmed"], false);
    assert_eq!(subject["parameters"]["code"], "r0000042");
    assert_eq!(proven["proof"]["termsOfUse"]["caseNumber"], "2026-0104");

    let token = std::fs::read_to_string(&file).unwrap();
    let (signed, _) = token.rsplit_once('.').unwrap();
    let other = std::fs::read_to_string(&file).unwrap().replacen("eyJ", "eyK", 1);
    for (text, reason) in [
        (format!("{signed}.{}", "A".repeat(86)), "PROOF_SIGNATURE_INVALID"),
        (other, "PROOF_MALFORMED"),
        ("a paper".to_owned(), "PROOF_MALFORMED"),
    ] {
        std::fs::write(&file, text).unwrap();
        let refused = nowhere.run(&verify).await;
        assert_eq!(refused.code, Some(1));
        assert!(refused.stderr.contains(reason), "{reason}: {}", refused.stderr);
    }

    let stated = run(request(&["--fields", "name,size", "--output", "json"])).await;
    let stated: Value = serde_json::from_str(&stated.stdout).unwrap();
    let values = &stated["proof"]["credentialSubject"]["values"];
    assert_eq!(
        (values["size"].as_str(), values["name"].as_str()),
        (Some("294"), Some("p****************e"))
    );
    let counted = terminal.json(&["proof", "subjects", "--as", "civil-affairs"]).await;
    assert_eq!(counted["subjects"][0]["answers"], "2", "{counted}");
}

/// R23.1: what can be asked is told, a question is answered as a table, and the log is searched for it.
#[tokio::test(flavor = "multi_thread")]
async fn a_department_asks_a_data_service() {
    let city = City::ready(Rows::few()).await;
    let terminal = Terminal::new(city.fleet.data());

    let told =
        terminal.text(&["query", "services", "--grant", &city.grant, "--as", "health"]).await;
    assert!(told.contains("row") && told.contains("code (text)"), "{told}");
    let ask = |parameter| {
        [
            "query",
            "ask",
            "--grant",
            &city.grant,
            "--purpose",
            PURPOSE,
            "--parameter",
            parameter,
            "--as",
            "health",
        ]
    };
    let answer = terminal.text(&ask("code=r0000042")).await;
    assert!(answer.contains("r0000042") && answer.contains("p****************e"), "{answer}");
    assert!(terminal.text(&ask("code=nowhere")).await.contains("none"));
    let refused = terminal.run(&ask("kode=1")).await;
    assert!(refused.stderr.contains("`kode`"), "{}", refused.stderr);

    let search = ["transfer", "list", "--reason", "QUESTION_REFUSED", "--as", "civil-affairs"];
    until("the log has the refusal, once", async || {
        let log = terminal.text(&search).await;
        (log.lines().filter(|line| line.contains("query row")).count() == 1).then_some(())
    })
    .await;
}

fn said(ended: Ended) -> String {
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stdout
}
