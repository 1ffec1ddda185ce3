//! The demonstration is a test: every claim in it is checked as it is made.

use std::collections::BTreeSet;
use std::path::Path;

use futures::TryStreamExt as _;
use publicdata::fleet::{Fleet, Options};
use publicdata::narrator::{Audience, Narrator};
use publicdata::session::Session;
use publicdata::{sample, story};
use publicdata_proto::audit::v1::{ReadEventsRequest, ReadEventsResponse};
use publicdata_service_kit::Clock;

use crate::process::{Terminal, processes_of};

/// A fleet in which the story was told, and of how many steps it is.
pub(crate) async fn told(data: &Path) -> (Fleet, u32) {
    let init = sample::init_arguments().unwrap();
    let mut fleet = Fleet::start(Options::new(data, Clock::system(), init)).await.unwrap();
    let mut narrator = Narrator::new(Audience::Nobody);
    story::tell(&mut fleet, &mut narrator).await.unwrap();
    (fleet, narrator.summary().0)
}

/// R12.1: an entry with its items is drafted, returned for correction, published, and found again by a word of its name.
/// R17.1, R18.1: each datum has one source, and a double collection is refused with the resource to apply for.
/// R23.1: the data is pulled in bulk. R23.2: every attempt stands in the exchange log, with its reason.
/// R24.1: the provider signs the grant, and its own node serves it. R25.1: one entry is shared on conditions, with a masked
/// item, the other without any. R26.1: an application has a due date, and approval makes a grant.
/// R26.2: only granted rows and fields arrive; a revoked grant gives nothing. R30.1: another purpose or field is refused.
/// R31.1: opened content is downloaded over HTTP as CSV and JSON. R40.1: nothing is published without a secrecy review, and
/// nobody reviews one's own proposal.
/// R43.1: each organisation names its security officer. H2: the catalogue's view is rebuilt to the same content.
/// H3: each refusal says what was wrong and what to do.
#[tokio::test]
async fn the_main_job_is_done_from_end_to_end() {
    let folder = tempfile::tempdir().unwrap();

    let (fleet, steps) = told(&folder.path().join("data")).await;

    assert!(steps > 20, "the story was cut short after {steps} steps");
    fleet.stop().await.unwrap();
}

/// R23.2: the story's events carry references and digests alone. H5: no row of the data, not even the masked column, stands
/// in an event.
#[tokio::test]
async fn no_event_holds_any_of_the_data() {
    let folder = tempfile::tempdir().unwrap();
    let (fleet, _) = told(&folder.path().join("data")).await;

    let events = events(&fleet).await;

    assert!(events.len() > 30, "only {} events were read", events.len());
    for event in &events {
        assert_holds_no_row(&event.payload, &format!("event {}", event.index));
    }
    fleet.stop().await.unwrap();
}

/// H4: the demonstration ends everything that it began, and can be told again in the same folder. H5: what it logs, down to
/// the last detail, names no row of the data.
#[tokio::test]
async fn the_demonstration_leaves_nothing_running_and_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let terminal = Terminal::new(folder.path());

    for _ in 0..2 {
        let ended = terminal.run(&["demo", "--output", "json", "--log", "trace"]).await;

        assert_eq!(ended.code, Some(0), "{}", ended.stderr);
        let report: serde_json::Value = serde_json::from_str(&ended.stdout).unwrap();
        assert!(report["steps"].as_u64().unwrap() > 20, "{report}");
        assert_eq!(processes_of(folder.path()), [0; 0]);
        assert!(ended.stderr.contains("linked to the bus"), "the log says little");
        assert_holds_no_row(ended.stderr.as_bytes(), "the log");
    }
}

/// H4: a folder that holds anything else is left alone.
#[tokio::test]
async fn the_demonstration_replaces_nothing_but_a_demonstration() {
    let folder = tempfile::tempdir().unwrap();
    let precious = folder.path().join("demo/precious.txt");
    std::fs::create_dir_all(precious.parent().unwrap()).unwrap();
    std::fs::write(&precious, "mine").unwrap();

    let ended = Terminal::new(folder.path()).run(&["demo"]).await;

    assert_eq!(ended.code, Some(1));
    assert!(ended.stderr.contains("--data"), "{}", ended.stderr);
    assert_eq!(std::fs::read_to_string(&precious).unwrap(), "mine");
}

async fn events(fleet: &Fleet) -> Vec<ReadEventsResponse> {
    let auditor = Session::open(fleet.data(), "auditor").unwrap();
    let mut audit = auditor.audit().unwrap();
    let read = audit.read_events(ReadEventsRequest::default()).await.unwrap();
    read.into_inner().try_collect().await.unwrap()
}

/// Names and codes of the villages are what the provider's data holds: as text they would stand there as they are.
#[track_caller]
fn assert_holds_no_row(text: &[u8], what: &str) {
    let text = String::from_utf8_lossy(text);
    // Each word once: a log of megabytes says the same thing over and over.
    let words: BTreeSet<_> = text.split(|c: char| !c.is_alphanumeric()).collect();
    let words: Vec<_> = words.into_iter().filter(|word| may_be_of_a_row(word)).collect();
    let mut rows = 0;
    for record in csv::Reader::from_reader(sample::VILLAGES_CSV.as_bytes()).records() {
        let record = record.unwrap();
        for value in [&record[0], &record[1]] {
            assert!(may_be_of_a_row(value), "{value} would be overlooked");
            assert!(!words.iter().any(|word| word.contains(value)), "{what} holds {value}");
        }
        rows += 1;
    }
    assert_eq!(rows, 3_047);
}

/// Names are Chinese, and codes have 12 digits.
fn may_be_of_a_row(word: &str) -> bool {
    let has_code = || word.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() >= 12);
    !word.is_ascii() || has_code()
}
