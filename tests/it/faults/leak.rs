//! What must not be found anywhere.

use std::path::{Path, PathBuf};

use publicdata::sample::CONSUMER;
use publicdata::session::Session;

use crate::fleet::{City, Granted, MARKS, Reader, Rows, masked, until};
use crate::process::{Terminal, Up};

const AREA: &str = "510104";

/// H5, R26.2: rows and values that were not granted reach neither the consumer nor any event, view or log line.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_granted_is_nowhere_but_at_its_source() {
    let granted = Granted {
        fields: vec!["code", "areaCode", "name"],
        filter: "areaCode = '510104'",
        ..Granted::default()
    };
    let mut city = City::settled_with(Rows { count: 500, note_bytes: 40 }, granted).await;
    city.start_provider().await;
    let source = city.plain_rows().await;
    let (grant, wanted) = (city.grant.clone(), city.wanted(Vec::new()));
    let at_source = std::fs::read(&city.database).unwrap();
    let log = "publicdata=trace,publicdata_exchange_bus=trace,publicdata_node_agent=trace,debug";
    let folder = city.stopped().await;
    let data = folder.path().join("data");
    let up = Up::start(&Terminal::new(&data), &["--log", log]).await;
    let consumer = Session::open(&data, CONSUMER.accounts[1].1).unwrap();

    let reader = until("the provider's node is connected", async || {
        Reader::open(&consumer, &wanted).await.ok()
    })
    .await;
    let rows = reader.rest().await.unwrap();

    let of_area = source.iter().filter(|row| row[1] == AREA);
    let expected: Vec<_> =
        of_area.map(|row| vec![row[0].clone(), row[1].clone(), masked(&row[2])]).collect();
    assert_eq!(rows, expected);
    let said = until("the log tells of the transfer's end", async || {
        let said = up.said();
        (said.contains("DEBUG") && said.contains("received and signed for")).then_some(said)
    })
    .await;
    let mut kept = vec![(PathBuf::from("the log"), said.into_bytes())];
    collect(&data, &mut kept);
    // The search finds what is there.
    assert!(kept.iter().filter(|(_, bytes)| contains(bytes, &grant)).count() >= 3);
    for mark in MARKS {
        assert!(contains(&at_source, mark));
        let leaks: Vec<_> = kept.iter().filter(|(_, bytes)| contains(bytes, mark)).collect();
        let places: Vec<_> = leaks.iter().map(|(path, _)| path).collect();
        assert!(places.is_empty(), "`{mark}` is found in {places:?}");
    }
}

fn collect(folder: &Path, into: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, into);
        } else if let Ok(bytes) = std::fs::read(&path) {
            // A file may go while we look, such as one that is being replaced.
            into.push((path, bytes));
        }
    }
}

fn contains(bytes: &[u8], value: &str) -> bool {
    bytes.windows(value.len()).any(|window| window == value.as_bytes())
}
