//! Archives of the exchange log (R23.2): sealed, searched together with what is near, kept for five years.

use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;
use prost::Message as _;
use publicdata_event_store::Recorded;
use publicdata_exchange_bus::{ArchiveConfig, Config};
use publicdata_proto::event::v1::Commit;
use publicdata_proto::exchange::v1::answer_ticket_request::Answer;
use publicdata_proto::exchange::v1::{
    CountSubjectsRequest, DisputeMatterKind, GrantTerms, ListLogArchivesRequest,
    ListTransfersRequest, LogArchive, LogArchiveSealed, LogArchiveStatus, RateLimit, RatePeriod,
    SealedLogArchive, SubjectCount, Transfer, TransferRequest, TransferStatus, Upholding,
};
use publicdata_transfer::signed;
use publicdata_types::Digest;
use publicdata_views::testing::postgres;
use tempfile::TempDir;
use tokio::time::timeout;
use tonic::{Code, Status};
use url::Url;

use crate::disputes::raise_about;
use crate::fleet::{Fleet, Who};
use crate::nodes::{SOON, assert_refused, next, read, reason, receipt_in};
use crate::questions::{answered, question, serve};
use crate::tickets::{answer, deliver, raise, received, uphold};
use crate::transfers::again;

/// The fewest that may be asked for.
const NEAR_DAYS: u32 = 31;

/// A bus with archives in a folder of the test's.
struct Archived {
    fleet: Fleet,
    folder: TempDir,
}

/// R23.2: the transfers of a month, those refused too, are sealed when it is over, in China; when they are no longer near they are
/// read from the file, and whoever searches sees no difference.
#[tokio::test]
async fn a_finished_month_is_sealed_and_then_read_from_its_file() {
    let mut archived = Archived::start(|config| config).await;
    seals_and_reads(&mut archived).await;
}

/// R23.2: the same with views in Postgres.
#[tokio::test]
async fn a_finished_month_is_sealed_with_views_in_postgres() {
    let postgres = postgres();
    let folder = tempfile::tempdir().unwrap();
    let url = Url::from_directory_path(folder.path().join("archive")).unwrap();
    let fleet = Fleet::start_on(postgres.url(), tempfile::tempdir().unwrap(), |config| Config {
        archive: Some(ArchiveConfig { near_days: NEAR_DAYS, ..ArchiveConfig::new(url.as_str()) }),
        ..config
    })
    .await;
    seals_and_reads(&mut Archived { fleet, folder }).await;
}

async fn seals_and_reads(archived: &mut Archived) {
    let terms = archived.fleet.granted().await;
    let mut node = archived.fleet.provider_node().await;
    for _ in 0..2 {
        deliver(&archived.fleet, &mut node, Who::Consumer, &terms).await;
        archived.refused(&terms, Who::Consumer).await;
        archived.refused(&terms, Who::Stranger).await;
    }
    // 23:59:59 on the last day of the month in China.
    archived.clock_shows("2026-03-31T15:59:59Z");
    let last_of_march = archived.refused(&terms, Who::Consumer).await;
    archived.fleet.clock.advance(Duration::from_secs(1));
    let first_of_april = archived.refused(&terms, Who::Consumer).await;

    let sealed = archived.sealed(1, LogArchiveStatus::Sealed).await;
    let archive = archived.checked(&sealed).await;
    assert_eq!((archive.rows, archive.after_sequence), (7, 0));
    let wire = |text: &str| {
        let seconds = text.parse::<Timestamp>().unwrap().as_second();
        Some(prost_types::Timestamp { seconds, nanos: 0 })
    };
    assert_eq!(archive.from, wire("2026-03-01T00:00:00+08:00"));
    assert_eq!(archive.until, wire("2026-04-01T00:00:00+08:00"));
    let before = archived.views().await;
    assert_eq!(before.all[0].id, first_of_april);
    assert_eq!(before.all[1].id, last_of_march);

    archived.clock_shows("2026-05-02T00:00:00+08:00");
    archived.sealed(1, LogArchiveStatus::Trimmed).await;
    archived.sealed(2, LogArchiveStatus::Sealed).await;
    // H2: what left the tables stays away when they are built anew.
    let [_, log, _] = &archived.fleet.bus.projectors;
    let content = log.content().await.unwrap();
    assert_eq!(log.rebuild().await.unwrap().content, content);
    let after = archived.views().await;
    assert_eq!(after, before);
    // R23.2: nobody sees in an archive what it does not see near.
    assert!(
        after.stranger.iter().all(|entry| entry.consumer_code == Who::Stranger.code().as_str())
    );
    assert_eq!((after.all.len(), after.stranger.len()), (8, 2));

    // H4: a bus that is started again finds everything where it was.
    archived.fleet.restart_bus().await;
    assert_eq!(archived.views().await, before);
}

/// R23.2: filters mean the same near and far, and pages go on over the seam.
#[tokio::test]
async fn a_search_spans_what_is_near_and_what_is_far() {
    let archived = Archived::start(|config| config).await;
    let terms = archived.fleet.granted().await;
    let mut node = archived.fleet.provider_node().await;
    for day in ["2026-03-10", "2026-04-10", "2026-05-10"] {
        archived.clock_shows(&format!("{day}T09:00:00+08:00"));
        deliver(&archived.fleet, &mut node, Who::Consumer, &terms).await;
        archived.refused(&terms, Who::Consumer).await;
    }
    archived.clock_shows("2026-06-02T00:00:00+08:00");
    archived.sealed(2, LogArchiveStatus::Trimmed).await;
    archived.sealed(3, LogArchiveStatus::Sealed).await;
    let all = archived.log(Who::Auditor, ListTransfersRequest::default()).await;
    assert_eq!(all.len(), 6);

    let (march, may) = (&all[5], &all[1]);
    for request in [
        ListTransfersRequest { status: march.status, ..ListTransfersRequest::default() },
        ListTransfersRequest { reason: all[0].reason.clone(), ..ListTransfersRequest::default() },
        ListTransfersRequest {
            provider_code: march.provider_code.clone(),
            purpose: "网格".to_owned(),
            requested_from: march.requested_at,
            requested_before: may.requested_at,
            ..ListTransfersRequest::default()
        },
        ListTransfersRequest {
            grant_id: march.grant_id.clone(),
            consumer_code: march.consumer_code.clone(),
            resource_code: march.resource_code.clone(),
            case_number: march.case_number.clone(),
            ..ListTransfersRequest::default()
        },
        ListTransfersRequest { purpose: "网%".to_owned(), ..ListTransfersRequest::default() },
        ListTransfersRequest {
            case_number: "nobody's".to_owned(),
            ..ListTransfersRequest::default()
        },
    ] {
        let expected: Vec<_> = all.iter().filter(|entry| fits(entry, &request)).cloned().collect();
        for page_size in [0, 1, 4] {
            let request = ListTransfersRequest { page_size, ..request.clone() };
            assert_eq!(archived.log(Who::Auditor, request.clone()).await, expected, "{request:?}");
        }
    }
}

/// R21.1, R23.2: how often a subject was asked about counts what is near and what is far, each answer once.
#[tokio::test]
async fn subjects_are_counted_over_the_seam() {
    let archived = Archived::start(|config| config).await;
    let (terms, mut node) = serve(&archived.fleet).await;
    let consumer = archived.fleet.consumer_node(Who::Consumer);
    let mut counted = Vec::new();
    for day in ["2026-03-10", "2026-05-10"] {
        archived.clock_shows(&format!("{day}T09:00:00+08:00"));
        let request = question(&archived.fleet, &consumer, &terms);
        answered(&consumer, &mut node, &request).await;
        archived.fleet.logged(&request.transfer_id, TransferStatus::Completed, "").await;
        counted.push(archived.subjects(Who::Auditor).await);
    }
    let answers = |subjects: &[SubjectCount]| {
        subjects.iter().map(|subject| (subject.answers, subject.consumers)).collect::<Vec<_>>()
    };

    archived.clock_shows("2026-05-20T09:00:00+08:00");
    archived.sealed(1, LogArchiveStatus::Trimmed).await;

    let subjects = archived.subjects(Who::Auditor).await;
    assert_eq!(subjects, counted[1]);
    assert_eq!(answers(&counted[0]), [(1, 1)]);
    assert_eq!(answers(&subjects), [(2, 1)]);
    assert!(archived.subjects(Who::Stranger).await.is_empty());
}

/// R26.2, R27.1, R28.1, R23.2: what is asked about transfers later does not depend on where they are read from: a grant's volume, who
/// is owed a correction, what a ticket or a dispute is about.
#[tokio::test]
async fn what_left_the_near_log_still_counts() {
    let archived = Archived::start(|config| config).await;
    let fleet = &archived.fleet;
    let terms = fleet.terms(&fleet.apply().await);
    let rate = Some(RateLimit { transfers: 9, period: RatePeriod::Month.into() });
    let terms = GrantTerms { rate, max_total_rows: 20, ..terms };
    fleet.issue(&terms).await.unwrap();
    let mut node = fleet.provider_node().await;
    let transfer = deliver(fleet, &mut node, Who::Consumer, &terms).await;
    archived.clock_shows("2026-05-02T00:00:00+08:00");
    archived.sealed(1, LogArchiveStatus::Trimmed).await;

    let status = fleet.consumer_node(Who::Consumer).refused(&archived.request(&terms)).await;
    assert_eq!(reason(&status), "VOLUME_EXHAUSTED");
    raise_about(fleet, Who::Consumer, DisputeMatterKind::Transfer, &transfer).await.unwrap();
    let strange = raise_about(fleet, Who::Stranger, DisputeMatterKind::Transfer, &transfer).await;
    assert!(strange.is_err(), "{strange:?}");
    let ticket = raise(fleet, &transfer).await;
    assert_eq!(uphold(fleet, &ticket).await.unwrap().corrections_owed, 1);
}

/// R27.1, R23.2: data that were corrected long before the ticket is answered had come with a transfer that is read from an archive by now.
#[tokio::test]
async fn a_correction_that_left_the_near_log_has_arrived() {
    let archived = Archived::start(|config| config).await;
    let fleet = &archived.fleet;
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let wrong = deliver(fleet, &mut node, Who::Consumer, &terms).await;
    fleet.clock.advance(Duration::from_secs(3_600));
    let corrected_at = fleet.clock.now();
    let corrected = deliver(fleet, &mut node, Who::Consumer, &terms).await;
    archived.clock_shows("2026-05-02T00:00:00+08:00");
    archived.sealed(1, LogArchiveStatus::Trimmed).await;

    let ticket = raise(fleet, &wrong).await;
    let upheld = Upholding {
        corrected_at: Some(prost_types::Timestamp {
            seconds: corrected_at.as_second(),
            nanos: corrected_at.subsec_nanosecond(),
        }),
        description: "已按登记更正".to_owned(),
        flows: true,
    };
    let answered = answer(fleet, Who::Provider, &ticket, Answer::Upheld(upheld)).await.unwrap();

    assert_eq!(answered.corrections_owed, 1);
    assert_eq!(received(fleet, Who::Consumer).await.transfer_id, corrected);
}

/// R23.2, H4: what was broken off stays near as long as it may go on; when it does, and ends, it is archived again with all that
/// happened, and stands in the log once.
#[tokio::test]
async fn what_may_still_go_on_stays_near() {
    let archived = Archived::start(|config| config).await;
    let fleet = &archived.fleet;
    let terms = fleet.granted().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    let request = consumer.request(&terms);
    let node = fleet.provider_node().await;
    drop(node);
    consumer.fetch(&request).await.unwrap_err();
    fleet.logged(&request.transfer_id, TransferStatus::Interrupted, "NODE_NOT_CONNECTED").await;
    archived.clock_shows("2026-05-02T00:00:00+08:00");
    archived.sealed(1, LogArchiveStatus::Trimmed).await;
    let near = fleet.log(Who::Auditor).await;
    assert_eq!(near.len(), 1);
    assert_eq!(near[0].status(), TransferStatus::Interrupted);

    let mut node = fleet.provider_node().await;
    let answer = consumer.fetch(&again(&consumer, &request, 0)).await.unwrap();
    let serve = node.asked().await;
    let (delivered, (parts, ended)) = tokio::join!(node.deliver(&serve, 2), read(answer));
    delivered.unwrap();
    ended.unwrap();
    consumer.confirm(&receipt_in(&parts)).await.unwrap();
    archived.clock_shows("2026-07-05T00:00:00+08:00");
    archived.sealed(2, LogArchiveStatus::Trimmed).await;

    let far = fleet.log(Who::Auditor).await;
    assert_eq!(far.len(), 1);
    assert_eq!(far[0].status(), TransferStatus::Completed);
    let first = archived.archive(1).await;
    let second = archived.archive(2).await;
    assert_eq!((first.rows, second.rows), (1, 1));
    assert_eq!(second.after_sequence, first.last_sequence);
}

/// R23.2: a transfer that runs when its month ends belongs to the month in which it ends.
#[tokio::test]
async fn a_transfer_belongs_to_the_month_in_which_it_ends() {
    let archived = Archived::start(|config| config).await;
    let fleet = &archived.fleet;
    let terms = fleet.granted().await;
    let mut node = fleet.provider_node().await;
    let consumer = fleet.consumer_node(Who::Consumer);
    archived.clock_shows("2026-03-31T23:59:00+08:00");
    let mut answer = consumer.fetch(&consumer.request(&terms)).await.unwrap();
    let delivery = node.begin_when_asked().await;
    delivery.frame(0).await;
    next(&mut answer).await;
    archived.refused(&terms, Who::Consumer).await;

    archived.clock_shows("2026-04-01T00:01:00+08:00");
    assert_eq!(archived.archive(1).await.rows, 1);
    delivery.kill();
    read(answer).await.1.unwrap_err();
    let broken_off = async |archives: &Archived| {
        let log = archives.fleet.log(Who::Auditor).await;
        log.iter().any(|entry| entry.status() == TransferStatus::Interrupted).then_some(())
    };
    archived.until("the transfer has broken off", broken_off).await;
    archived.clock_shows("2026-05-01T00:00:00+08:00");

    let april = archived.archive(2).await;
    assert_eq!(april.rows, 1);
    assert!(april.first_transfer_sequence < archived.archive(1).await.last_sequence);
}

/// R23.2, H3: a file that is missing or altered is named, with its period and digest, and no shorter answer is given; what is near is
/// not given up for a file that is not the sealed one.
#[tokio::test]
async fn a_missing_or_altered_file_is_named() {
    let archived = Archived::start(|config| config).await;
    let terms = archived.fleet.granted().await;
    archived.refused(&terms, Who::Consumer).await;
    archived.clock_shows("2026-04-01T00:00:00+08:00");
    let archive = archived.archive(1).await;
    let file = archived.place().join(&archive.path);
    let bytes = std::fs::read(&file).unwrap();

    // Near still: the file is not needed yet, and what is near stays until it is right.
    std::fs::remove_file(&file).unwrap();
    archived.clock_shows("2026-05-02T00:00:00+08:00");
    archived.refused(&terms, Who::Consumer).await;
    let hindered = async |archives: &Archived| {
        Some(archives.hindrance().await).filter(|text| text.contains(&archive.path))
    };
    archived.until("it says which file is missing", hindered).await;
    assert_eq!(archived.fleet.log(Who::Auditor).await.len(), 2);
    std::fs::write(&file, &bytes).unwrap();
    archived.sealed(1, LogArchiveStatus::Trimmed).await;
    assert_eq!(archived.fleet.log(Who::Auditor).await.len(), 2);

    let mut altered = bytes.clone();
    altered[bytes.len() / 2] ^= 1;
    std::fs::write(&file, &altered).unwrap();
    let status = archived.fails().await;
    assert_refused::<()>(Err(status.clone()), Code::DataLoss, "ARCHIVE_ALTERED");
    let digest = format!("sha256:{}", hex::encode(&archive.sha256));
    for named in [&*archive.path, "2026-03-01 to 2026-03-31", &digest] {
        assert!(status.message().contains(named), "{status}");
    }

    std::fs::remove_file(&file).unwrap();
    let status = archived.fails().await;
    assert!(status.message().contains(&archive.path), "{status}");
    assert_refused::<()>(Err(status), Code::DataLoss, "ARCHIVE_MISSING");
    // A search that needs nothing of it is answered.
    let recent = Some(prost_types::Timestamp { seconds: 1_777_600_000, nanos: 0 });
    let request =
        ListTransfersRequest { requested_from: recent, ..ListTransfersRequest::default() };
    assert_eq!(archived.log(Who::Auditor, request).await.len(), 1);

    std::fs::write(&file, &bytes).unwrap();
    assert_eq!(archived.fleet.log(Who::Auditor).await.len(), 2);
}

/// R23.2, H4: a place that takes nothing in holds nobody up; what crashes left behind is swept away, and the month is sealed once.
#[tokio::test]
async fn an_unwritable_place_is_tried_again() {
    let archived = Archived::start(|config| config).await;
    let terms = archived.fleet.granted().await;
    archived.refused(&terms, Who::Consumer).await;
    let unsealed = archived.place().join("unsealed");
    // No folder can be made where a file is.
    std::fs::write(&unsealed, "in the way").unwrap();
    archived.clock_shows("2026-04-01T00:00:00+08:00");
    archived.refused(&terms, Who::Consumer).await;
    let hindered = async |archives: &Archived| {
        Some(archives.hindrance().await).filter(|text| !text.is_empty())
    };
    let hindrance = archived.until("it says what is wrong", hindered).await;
    assert!(hindrance.contains("`archive.url`"), "{hindrance}");
    assert!(archived.listed().await.is_empty());
    assert_eq!(archived.fleet.log(Who::Auditor).await.len(), 2);

    std::fs::remove_file(&unsealed).unwrap();
    std::fs::create_dir(&unsealed).unwrap();
    std::fs::write(unsealed.join("half.parquet"), "PAR1").unwrap();

    assert_eq!(archived.archive(1).await.rows, 1);
    let unhindered =
        async |archives: &Archived| archives.hindrance().await.is_empty().then_some(());
    archived.until("nothing is wrong any more", unhindered).await;
    assert_eq!(std::fs::read_dir(&unsealed).unwrap().count(), 0);
}

/// R23.2, H4: whoever seals, and however often they are interrupted: there is one archive for one period.
#[tokio::test]
async fn buses_that_seal_at_once_give_one_archive() {
    let mut archived = Archived::start(|config| config).await;
    let terms = archived.fleet.granted().await;
    for _ in 0..3 {
        archived.refused(&terms, Who::Consumer).await;
    }
    // The one before is cut off, as it is by a crash, and knows nothing of its successors.
    let first =
        std::mem::replace(&mut archived.fleet.bus.tasks, publicdata_service_kit::Tasks::new());
    archived.fleet.start_bus().await;
    let second =
        std::mem::replace(&mut archived.fleet.bus.tasks, publicdata_service_kit::Tasks::new());
    archived.fleet.start_bus().await;

    for (number, month) in (1..).zip(["2026-04", "2026-05", "2026-06"]) {
        archived.clock_shows(&format!("{month}-01T00:00:00+08:00"));
        assert_eq!(
            archived.checked(&archived.sealed(number, LogArchiveStatus::Sealed).await).await.number,
            number
        );
        archived.refused(&terms, Who::Consumer).await;
    }

    let events = archived.fleet.events("log-archive", "transfers").await;
    assert_eq!(events.iter().filter(|event| *event == "LogArchiveSealed").count(), 3);
    drop((first, second));
}

/// R23.2: an archive is kept for five years, whatever is asked for; then, if it was asked for, its file goes, and stays gone.
#[tokio::test]
async fn an_archive_is_kept_for_five_years() {
    let mut archived =
        Archived::start(|config| ArchiveConfig { keep_years: Some(5), ..config }).await;
    let terms = archived.fleet.granted().await;
    archived.refused(&terms, Who::Consumer).await;
    archived.clock_shows("2031-03-31T23:59:59+08:00");
    let archive = archived.archive_in(1, LogArchiveStatus::Trimmed).await;
    let file = archived.place().join(&archive.path);
    assert!(file.exists());
    assert_eq!(archived.fleet.log(Who::Auditor).await.len(), 1);

    archived.fleet.clock.advance(Duration::from_secs(1));
    archived.sealed(1, LogArchiveStatus::Expired).await;
    let events = archived.fleet.commits("log-archive", "transfers").await;
    let expired = events.last().unwrap().commit().unwrap().occurred_at.unwrap();
    let first_moment: Timestamp = "2031-04-01T00:00:00+08:00".parse().unwrap();
    assert_eq!(expired.seconds, first_moment.as_second(), "no sooner than after five years");
    archived.until("the file is deleted", async |_| (!file.exists()).then_some(())).await;
    assert!(archived.fleet.log(Who::Auditor).await.is_empty());
    archived.fleet.restart_bus().await;
    assert!(archived.fleet.log(Who::Auditor).await.is_empty());
}

// === impl Archived ===

impl Archived {
    async fn start(change: impl FnOnce(ArchiveConfig) -> ArchiveConfig) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = Url::from_directory_path(folder.path().join("archive")).unwrap();
        let config =
            change(ArchiveConfig { near_days: NEAR_DAYS, ..ArchiveConfig::new(url.as_str()) });
        let fleet = Fleet::start_with(|usual| Config { archive: Some(config), ..usual }).await;
        Self { fleet, folder }
    }

    fn place(&self) -> PathBuf {
        self.folder.path().join("archive")
    }

    /// Moves the clock on to this time.
    fn clock_shows(&self, time: &str) {
        let time: Timestamp = time.parse().unwrap();
        let by = time.duration_since(self.fleet.clock.now());
        self.fleet.clock.advance(by.try_into().unwrap());
    }

    fn request(&self, terms: &GrantTerms) -> TransferRequest {
        self.fleet.consumer_node(Who::Consumer).request(terms)
    }

    /// Has an attempt refused for its purpose, or because the grant is another's, and says its id.
    async fn refused(&self, terms: &GrantTerms, who: Who) -> String {
        let consumer = self.fleet.consumer_node(who);
        let request =
            TransferRequest { purpose: "其他网格".to_owned(), ..consumer.request(terms) };
        let status = consumer.refused(&request).await;
        let why = reason(&status);
        self.fleet.logged(&request.transfer_id, TransferStatus::Refused, &why).await;
        request.transfer_id
    }

    /// All pages of what this organisation sees of the log.
    async fn log(&self, who: Who, mut request: ListTransfersRequest) -> Vec<Transfer> {
        let mut transfers = Vec::new();
        loop {
            let listed = self.fleet.transfers(who).list_transfers(request.clone()).await;
            let page = listed.unwrap().into_inner();
            transfers.extend(page.transfers);
            if page.next_page_token.is_empty() {
                return transfers;
            }
            request.page_token = page.next_page_token;
        }
    }

    async fn views(&self) -> Views {
        let paged = ListTransfersRequest { page_size: 3, ..ListTransfersRequest::default() };
        Views {
            all: self.fleet.log(Who::Auditor).await,
            paged: self.log(Who::City, paged).await,
            provider: self.fleet.log(Who::Provider).await,
            consumer: self.fleet.log(Who::Consumer).await,
            stranger: self.fleet.log(Who::Stranger).await,
        }
    }

    async fn subjects(&self, who: Who) -> Vec<SubjectCount> {
        let request = CountSubjectsRequest::default();
        let counted = self.fleet.transfers(who).count_subjects(request).await;
        counted.unwrap().into_inner().subjects
    }

    async fn listed(&self) -> Vec<SealedLogArchive> {
        let request = ListLogArchivesRequest::default();
        let listed = self.fleet.archives(Who::Stranger).list_log_archives(request).await;
        listed.unwrap().into_inner().archives
    }

    /// Waits until an archive stands so.
    async fn sealed(&self, number: u32, status: LogArchiveStatus) -> SealedLogArchive {
        let what = format!("archive {number} is {status:?}");
        self.until(&what, async |archives: &Self| {
            let listed = archives.listed().await;
            listed.into_iter().find(|sealed| {
                let archive = sealed.archive.as_ref().unwrap();
                archive.number == number && sealed.status() == status
            })
        })
        .await
    }

    async fn archive_in(&self, number: u32, status: LogArchiveStatus) -> LogArchive {
        self.sealed(number, status).await.archive.unwrap()
    }

    /// Waits until an archive is sealed, whatever became of it since.
    async fn archive(&self, number: u32) -> LogArchive {
        self.until("the archive is sealed", async |archives: &Self| {
            let listed = archives.listed().await.into_iter().filter_map(|sealed| sealed.archive);
            listed.into_iter().find(|archive| archive.number == number)
        })
        .await
    }

    /// What an archive's seal says, once signature, digest and file were held against each other.
    async fn checked(&self, sealed: &SealedLogArchive) -> LogArchive {
        let commit = Commit::decode(sealed.commit.as_slice()).unwrap();
        let event = LogArchiveSealed::decode(commit.events[0].value.as_slice()).unwrap();
        let at = self.fleet.clock.now();
        let seal = event.archive.unwrap();
        let verified = signed::verify::<LogArchive>(self.fleet.roots(), &seal, at).unwrap();
        assert!(verified.signer.to_string().ends_with("/service/exchange-bus"));
        assert_eq!(Some(&verified.message), sealed.archive.as_ref());
        let stored = self.fleet.commits("log-archive", "transfers").await;
        let is_stored = |recorded: &Recorded| recorded.sequence == sealed.sequence;
        assert_eq!(stored.into_iter().find(is_stored).unwrap().payload, sealed.commit);

        let archive = verified.message;
        let bytes = std::fs::read(self.place().join(&archive.path)).unwrap();
        assert_eq!(Digest::of(&bytes).as_bytes(), archive.sha256.as_slice());
        assert_eq!(bytes.len() as u64, archive.bytes);
        archive
    }

    /// Why a search that needs everything fails.
    async fn fails(&self) -> Status {
        let request = ListTransfersRequest::default();
        self.fleet.transfers(Who::Auditor).list_transfers(request).await.unwrap_err()
    }

    /// What keeps the bus from archiving.
    async fn hindrance(&self) -> String {
        let request = ListLogArchivesRequest::default();
        let listed = self.fleet.archives(Who::City).list_log_archives(request).await;
        listed.unwrap().into_inner().hindrance
    }

    async fn until<T>(&self, what: &str, look: impl AsyncFn(&Self) -> Option<T>) -> T {
        let found = async {
            loop {
                match look(self).await {
                    Some(found) => return found,
                    None => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        match timeout(SOON * 3, found).await {
            Ok(found) => found,
            Err(_) => panic!("{what}: never; {:?}", self.listed().await),
        }
    }
}

/// The log as different readers see it.
#[derive(Debug, PartialEq)]
struct Views {
    all: Vec<Transfer>,
    paged: Vec<Transfer>,
    provider: Vec<Transfer>,
    consumer: Vec<Transfer>,
    stranger: Vec<Transfer>,
}

fn fits(entry: &Transfer, request: &ListTransfersRequest) -> bool {
    let same = |wanted: &str, found: &str| wanted.is_empty() || wanted == found;
    let at = |time: Option<prost_types::Timestamp>| time.map(|time| (time.seconds, time.nanos));
    same(&request.grant_id, &entry.grant_id)
        && same(&request.provider_code, &entry.provider_code)
        && same(&request.consumer_code, &entry.consumer_code)
        && same(&request.resource_code, &entry.resource_code)
        && same(&request.case_number, &entry.case_number)
        && same(&request.reason, &entry.reason)
        && (request.status == 0 || request.status == entry.status)
        && entry.purpose.contains(&request.purpose)
        && request.requested_from.is_none_or(|from| at(entry.requested_at) >= at(Some(from)))
        && request.requested_before.is_none_or(|before| at(entry.requested_at) < at(Some(before)))
}
