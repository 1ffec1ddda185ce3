//! A department's systems in another language: Arrow Flight by pyarrow, and gRPC by stubs that were generated from the contracts.

use publicdata::commands::init::AUTHORITY_FOLDER;
use publicdata::session::{CREDENTIALS_FOLDER, Session};
use publicdata_identity::CertificateAuthority;
use publicdata_identity::testing::{always, credentials_for};
use serde_json::{Value, json};

use crate::fleet::{City, FIELDS, PURPOSE, Row, Rows};
use crate::python;

/// The consumer's node, as its systems dial it: its address, its name in the certificate, and the folder with the system's own credentials.
fn node(city: &City, consumer: &Session) -> (String, String, String) {
    let own = consumer.credentials.id().organisation().unwrap().to_string();
    let nodes = &consumer.endpoints.nodes;
    let (key, address) = nodes.iter().find(|(key, _)| key.starts_with(&own)).unwrap();
    let (_, name) = key.split_once('/').unwrap();
    let domain = consumer.domain().unwrap();
    let id = publicdata_identity::SpiffeId::node(&domain, own.parse().unwrap(), name).unwrap();
    let folder = city.fleet.data().join(CREDENTIALS_FOLDER).join("health");
    (address.clone(), id.dns_name().unwrap(), folder.display().to_string())
}

fn ticket(city: &City, more: Value) -> String {
    let mut ticket = json!({ "grantId": city.grant, "purpose": PURPOSE });
    ticket.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    ticket.to_string()
}

/// R23.1: pyarrow fetches exactly the rows that the grant gives, and asks a data service, with no more than the contract's ticket.
#[tokio::test(flavor = "multi_thread")]
async fn pyarrow_fetches_through_a_node() {
    let city = City::ready(Rows::few()).await;
    let (address, name, folder) = node(&city, &city.consumer());

    let fetched =
        python::run("fetch.py", &[&address, &name, &folder, &ticket(&city, json!({}))]).await;
    assert_eq!(fetched.code, Some(0), "{}", fetched.stderr);
    assert_eq!(rows(&fetched.stdout), city.source_rows().await);

    let question = json!({ "service": "row", "parameters": { "code": "r0000042" } });
    let asked =
        python::run("fetch.py", &[&address, &name, &folder, &ticket(&city, question)]).await;
    assert_eq!(asked.code, Some(0), "{}", asked.stderr);
    assert_eq!(rows(&asked.stdout), city.source_rows().await[41..42]);
}

/// R23.1: stubs that were generated from the contracts ask a data service, and are answered in plain messages.
#[tokio::test(flavor = "multi_thread")]
async fn generated_stubs_ask_through_a_node() {
    let city = City::ready(Rows::few()).await;
    let (address, name, folder) = node(&city, &city.consumer());
    let contracts = python::contracts().display().to_string();
    let question = json!({ "service": "row", "parameters": { "code": "r0000042" } });
    let question = ticket(&city, question);

    let asked = python::run("ask.py", &[&address, &name, &folder, &contracts, &question]).await;

    assert_eq!(asked.code, Some(0), "{}", asked.stderr);
    let answer: Value = serde_json::from_str(&asked.stdout).unwrap();
    let columns: Vec<_> =
        answer["columns"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!(columns, FIELDS);
    let values = answer["rows"][0]["values"].as_array().unwrap();
    let expected = &city.source_rows().await[41];
    assert_eq!(values[0]["text"], expected[0].as_str());
    assert_eq!(values[2]["text"], expected[2].as_str());
    assert_eq!(values[3]["integer"], expected[3].as_str());
    assert_eq!(answer["rows"].as_array().unwrap().len(), 1);
    assert_eq!(answer["receipt"]["rows"], "1");
}

/// R30.1, R45.1: whoever only reaches the port gets nothing: not with the certificate of another organisation, not with one of another
/// authority; and what is refused to the right caller is said in words.
#[tokio::test(flavor = "multi_thread")]
async fn reaching_the_port_is_not_enough() {
    let city = City::ready(Rows::few()).await;
    let (address, name, folder) = node(&city, &city.consumer());
    let other = city.fleet.data().join(CREDENTIALS_FOLDER).join("civil-affairs");
    let foreign = city.path("foreign");
    let consumer = city.consumer();
    let authority =
        CertificateAuthority::create(&city.path("authority"), consumer.domain().unwrap(), always());
    let theirs = credentials_for(&authority.unwrap(), consumer.credentials.id(), always());
    theirs.save(&foreign).unwrap();
    // It trusts the node, which does not trust it.
    let roots = city.fleet.data().join(AUTHORITY_FOLDER).join("ca.pem");
    std::fs::copy(roots, foreign.join("ca.pem")).unwrap();
    let ticket = ticket(&city, json!({}));

    for folder in [other, foreign] {
        let folder = folder.display().to_string();
        let refused = python::run("fetch.py", &[&address, &name, &folder, &ticket]).await;
        assert_eq!((refused.code, refused.stdout.as_str()), (Some(1), ""), "{}", refused.stderr);
        assert!(refused.stderr.contains("refused: "), "{}", refused.stderr);
    }
    let purpose = ticket.replace(PURPOSE, "商业推广");
    let refused = python::run("fetch.py", &[&address, &name, &folder, &purpose]).await;
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("purpose differs"), "{}", refused.stderr);
}

fn rows(lines: &str) -> Vec<Row> {
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).unwrap();
        FIELDS.map(|field| match row[field].as_str() {
            Some(text) => text.to_owned(),
            None => row[field].to_string(),
        })
    };
    lines.lines().map(|line| row(line).to_vec()).collect()
}
