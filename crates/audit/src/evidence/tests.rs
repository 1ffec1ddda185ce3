use std::sync::LazyLock;

use prost::Name;
use prost_reflect::{DescriptorPool, Kind};
use publicdata_audit_domain::tree::Hashes;
use publicdata_audit_domain::{Checkpoint, LogKey, Tree, proof};
use publicdata_identity::{CertificateAuthority, Signer, SpiffeId, TrustRoots, testing};
use publicdata_proto::DESCRIPTORS;
use publicdata_proto::event::v1::Commit;
use publicdata_proto::exchange::v1::{
    GrantIssued, GrantRevoked, GrantTerms, Receipt, TransferCompleted,
};
use publicdata_transfer::signed;

use super::archive::Files;
use super::*;

const PROVIDER: &str = "91350100M000100Y43";
const CONSUMER: &str = "12100000400002259P";
/// Where the events of the bundle stand in the log.
const GRANT: u64 = 2;
const TRANSFER: u64 = 3;
const REVOCATION: u64 = 5;

/// A log of seven events, and whoever signed what is in it.
struct Case {
    key: LogKey,
    authority: CertificateAuthority,
    evidence: Evidence,
    bundle: Vec<u8>,
}

static CASE: LazyLock<Case> = LazyLock::new(|| Case::with(Parties::honest));

/// Who signs.
struct Parties {
    account: SpiffeId,
    provider_node: SpiffeId,
    consumer_node: SpiffeId,
    /// Rows, as the event says beside the receipt.
    rows: u64,
    /// What grant and receipt are about.
    grant: &'static str,
    transfer: &'static str,
}

impl Parties {
    fn honest() -> Self {
        let node = |code: &str| {
            SpiffeId::node(&testing::domain(), code.parse().unwrap(), "node-1").unwrap()
        };
        let (provider_node, consumer_node) = (node(PROVIDER), node(CONSUMER));
        let (account, rows) = (testing::user("officer"), 7);
        // As the subjects of their events say.
        let (grant, transfer) = ("3", "4");
        Self { account, provider_node, consumer_node, rows, grant, transfer }
    }
}

impl Case {
    fn with(parties: impl FnOnce() -> Parties) -> Self {
        let authority = testing::authority();
        let parties = parties();
        let mut payloads: Vec<Vec<u8>> =
            (0..7).map(|number| revoked(&number.to_string())).collect();
        payloads[usize::try_from(GRANT).unwrap()] = grant(&authority, &parties);
        payloads[usize::try_from(TRANSFER).unwrap()] = transfer(&authority, &parties);
        let key = LogKey::from_seed("test.internal/audit", [7; 32]).unwrap();
        let statement = Statement {
            title: "一次交换 <b>".to_owned(),
            selection: "three events".to_owned(),
            finding: Some(serde_json::json!({ "id": "F-1" })),
        };
        let (checkpoint, items) = logged(&key, &payloads, &[GRANT, TRANSFER, REVOCATION]);
        let evidence = Evidence::new(statement, checkpoint, items).unwrap();
        let bundle = evidence.write().unwrap();
        Self { key, authority, evidence, bundle }
    }

    fn trust(&self) -> Trust {
        Trust {
            log: self.key.verifier_key().parse().unwrap(),
            witnesses: Vec::new(),
            roots: Some(TrustRoots::from_pem(self.authority.root_pem()).unwrap()),
        }
    }

    fn verdict(&self, bundle: &[u8]) -> Verdict {
        verify(bundle, &self.trust(), Texts::Compare).unwrap()
    }

    /// What is found if files are changed so, and the list of files is left as it was.
    fn altered(&self, change: impl FnOnce(&mut Files)) -> Vec<String> {
        let mut files = archive::read(&self.bundle).unwrap();
        change(&mut files);
        found(&self.verdict(&archive::write(&files).unwrap()))
    }

    /// The same by somebody who knows to make the list fit.
    fn relisted(&self, change: impl FnOnce(&mut Files)) -> Vec<String> {
        self.altered(|files| {
            change(files);
            relist(files, &report::words());
        })
    }
}

fn relist(files: &mut Files, words: &str) {
    files.remove(files::MANIFEST);
    let manifest = serde_json::to_vec_pretty(&files::manifest(files, words)).unwrap();
    files.insert(files::MANIFEST.to_owned(), [manifest, b"\n".to_vec()].concat());
}

/// Code and place of each fault, as `CODE place`.
fn found(verdict: &Verdict) -> Vec<String> {
    let word = |fault: &Fault| fault.to_string().split(' ').next().unwrap_or_default().to_owned();
    verdict.faults.iter().map(|fault| format!("{} {}", fault.reason(), word(fault))).collect()
}

fn commit<M: Name>(event: &M) -> Vec<u8> {
    let commit = Commit {
        command_id: "b9f6a3c2-0b7e-4d53-9d8b-6c1f5f1f4a10".to_owned(),
        actor: testing::service("exchange-bus").to_string(),
        occurred_at: Some(time_of(testing::noon())),
        events: vec![prost_types::Any { type_url: M::type_url(), value: event.encode_to_vec() }],
    };
    commit.encode_to_vec()
}

fn time_of(at: jiff::Timestamp) -> prost_types::Timestamp {
    crate::time::to_proto(at)
}

fn revoked(reason: &str) -> Vec<u8> {
    commit(&GrantRevoked { reason: reason.to_owned() })
}

fn signer(authority: &CertificateAuthority, id: &SpiffeId) -> Signer {
    Signer::from(&testing::credentials(authority, id))
}

fn grant(authority: &CertificateAuthority, parties: &Parties) -> Vec<u8> {
    let terms = GrantTerms {
        grant_id: parties.grant.to_owned(),
        provider_code: PROVIDER.to_owned(),
        ..GrantTerms::default()
    };
    commit(&GrantIssued { grant: Some(signed::sign(&signer(authority, &parties.account), &terms)) })
}

fn transfer(authority: &CertificateAuthority, parties: &Parties) -> Vec<u8> {
    let receipt = Receipt {
        transfer_id: parties.transfer.to_owned(),
        provider_code: PROVIDER.to_owned(),
        consumer_code: CONSUMER.to_owned(),
        rows: 7,
        ..Receipt::default()
    };
    let by_provider = signed::sign(&signer(authority, &parties.provider_node), &receipt);
    let consumer = signer(authority, &parties.consumer_node);
    let consumer_signature = Some(signed::countersign::<Receipt>(&consumer, &by_provider));
    commit(&TransferCompleted {
        receipt: by_provider.message,
        provider_signature: by_provider.signature,
        consumer_signature,
        rows: parties.rows,
        ..TransferCompleted::default()
    })
}

/// A log of these events, and what proves some of them.
fn logged(key: &LogKey, payloads: &[Vec<u8>], chosen: &[u64]) -> (String, Vec<Item>) {
    let (mut tree, mut hashes, mut leaves) = (Tree::default(), Hashes::default(), Vec::new());
    for (payload, sequence) in payloads.iter().zip(1..) {
        let leaf = Leaf {
            stream: "EXCHANGE".to_owned(),
            sequence,
            subject: format!("ev.exchange.grant.{sequence}"),
            recorded_at: Some(time_of(testing::noon())),
            message_id: sequence.to_string(),
            payload_sha256: Digest::of(payload).as_bytes().to_vec(),
        };
        let leaf = leaf.encode_to_vec();
        hashes.extend(tree.append(&leaf));
        leaves.push(leaf);
    }
    let note = key.sign(&Checkpoint { size: tree.size(), hash: tree.root() });
    let item = |&index: &u64| Item {
        index,
        leaf: leaves[usize::try_from(index).unwrap()].clone(),
        payload: payloads[usize::try_from(index).unwrap()].clone().into(),
        hashes: proof::inclusion(tree.size(), index, &hashes).unwrap(),
    };
    (String::from_utf8(note).unwrap(), chosen.iter().map(item).collect())
}

fn flip(files: &mut Files, path: &str) {
    let content = files.get_mut(path).unwrap_or_else(|| panic!("{path} is not there"));
    let middle = content.len() / 2;
    content[middle] ^= 1;
}

fn replace(files: &mut Files, path: &str, from: &str, to: &str) {
    let text = String::from_utf8(files[path].clone()).unwrap();
    assert!(text.contains(from), "{path} has no {from}: {text}");
    files.insert(path.to_owned(), text.replacen(from, to, 1).into_bytes());
}

/// R46.2: who holds the file and the public keys is told what happened, that it is in the log, and who signed what.
#[test]
fn whole_bundle_holds() {
    let verdict = CASE.verdict(&CASE.bundle);

    assert_eq!(verdict.faults, []);
    assert_eq!((verdict.size, verdict.events.len()), (7, 3));
    let signed: Vec<_> = verdict
        .signatures
        .iter()
        .map(|signed| (signed.index, signed.what, signed.signer.as_str(), signed.accepted))
        .collect();
    let parties = Parties::honest();
    let (account, nodes) = (
        parties.account.to_string(),
        [parties.provider_node, parties.consumer_node].map(|node| node.to_string()),
    );
    assert_eq!(
        signed,
        [
            (GRANT, "grant", account.as_str(), Some(true)),
            (TRANSFER, "receipt", nodes[0].as_str(), Some(true)),
            (TRANSFER, "receipt", nodes[1].as_str(), Some(true)),
        ]
    );
    assert!(verdict.report.contains("一次交换 &#60;b&#62;"), "titles are escaped");
    assert!(verdict.report.contains("grant revoked: reason 5"), "events are told");
}

#[test]
fn same_evidence_is_the_same_file() {
    assert_eq!(CASE.evidence.write().unwrap(), CASE.bundle);
}

/// R46.2: without a root certificate nothing is said of signatures, and that is said.
#[test]
fn signatures_are_not_judged_without_a_root() {
    let trust = Trust { roots: None, ..CASE.trust() };

    let verdict = verify(&CASE.bundle, &trust, Texts::Compare).unwrap();

    assert!(verdict.holds());
    assert!(verdict.signatures.iter().all(|signed| signed.accepted.is_none()));
}

/// R46.2: whatever is altered is found, and named: each file there is.
#[test]
fn altered_file_is_named() {
    let paths: Vec<String> = archive::read(&CASE.bundle).unwrap().into_keys().collect();
    assert!(paths.len() > 16, "{paths:?}");
    for path in paths.iter().filter(|path| *path != files::MANIFEST) {
        let found = CASE.altered(|files| flip(files, path));
        assert!(found.contains(&format!("FILE_ALTERED {path}")), "{path}: {found:?}");
    }
}

/// R46.2: a missing file is named, whether the list of files knows of it or not.
#[test]
fn missing_file_is_named() {
    for path in archive::read(&CASE.bundle).unwrap().into_keys() {
        let drop = |files: &mut Files| {
            files.remove(&path);
        };
        let expected = format!("FILE_MISSING {path}");
        assert!(CASE.altered(drop).contains(&expected), "{path}");
        if path != files::MANIFEST && !path.starts_with("events/2.bin") {
            let found = CASE.relisted(drop);
            let is_of_no_event = path.ends_with(".bin") && path.starts_with("events/");
            assert!(is_of_no_event || found.contains(&expected), "{path}: {found:?}");
            assert!(!found.is_empty(), "{path}");
        }
    }
}

/// R46.2: nothing that belongs to nothing goes along.
#[test]
fn extra_file_is_named() {
    let add = |files: &mut Files| {
        files.insert("events/notes.txt".to_owned(), b"believe me".to_vec());
    };

    assert_eq!(CASE.altered(add), ["FILE_EXTRA events/notes.txt"]);
    assert_eq!(CASE.relisted(add), ["FILE_EXTRA events/notes.txt"]);
}

/// R46.2: whoever makes the list of files fit is found by what is proven.
#[test]
fn payload_leaf_and_proof_hold_each_other() {
    let payload = CASE.relisted(|files| flip(files, "events/5.bin"));
    assert!(payload.contains(&"PAYLOAD_REWRITTEN events/5.bin".to_owned()), "{payload:?}");
    let leaf =
        CASE.relisted(|files| replace_bytes(files, "leaves/5.bin", b"EXCHANGE", b"EXCHANGF"));
    assert!(leaf.contains(&"INCLUSION_NOT_PROVEN proofs/5.tlog-proof".to_owned()), "{leaf:?}");
    let proof = CASE.relisted(|files| {
        let other = files["proofs/2.tlog-proof"].clone();
        let other = String::from_utf8(other).unwrap().replacen("index 2", "index 5", 1);
        files.insert("proofs/5.tlog-proof".to_owned(), other.into_bytes());
    });
    assert!(proof.contains(&"INCLUSION_NOT_PROVEN proofs/5.tlog-proof".to_owned()), "{proof:?}");
    let other = CASE.relisted(|files| replace(files, "proofs/5.tlog-proof", "index 5", "index 4"));
    assert!(other.contains(&"PROOF_OF_ANOTHER proofs/5.tlog-proof".to_owned()), "{other:?}");
    let none = CASE.relisted(|files| replace(files, "proofs/5.tlog-proof", "c2sp", "C2SP"));
    assert_eq!(none, ["PROOF_MALFORMED proofs/5.tlog-proof"]);
    let leaf = CASE.relisted(|files| {
        files.insert("leaves/5.bin".to_owned(), vec![0xff; 3]);
    });
    assert_eq!(leaf, ["LEAF_MALFORMED leaves/5.bin"]);
}

fn replace_bytes(files: &mut Files, path: &str, from: &[u8], to: &[u8]) {
    let content = files.get_mut(path).unwrap();
    let at = content.windows(from.len()).position(|window| window == from).unwrap();
    content[at..at + to.len()].copy_from_slice(to);
}

/// R46.2: the signed tree is the log's own, and no other.
#[test]
fn checkpoint_is_the_logs() {
    let changed = CASE.relisted(|files| replace(files, "checkpoint", "\n7\n", "\n8\n"));
    assert_eq!(changed, ["CHECKPOINT_DOUBTFUL checkpoint"]);

    let other = LogKey::from_seed("test.internal/audit", [8; 32]).unwrap();
    let trust = Trust { log: other.verifier_key().parse().unwrap(), ..CASE.trust() };
    let verdict = verify(&CASE.bundle, &trust, Texts::Compare).unwrap();
    assert_eq!(found(&verdict), ["CHECKPOINT_DOUBTFUL checkpoint"]);
    assert!(verdict.events.is_empty(), "nothing is told that is not proven");
}

/// R46.2: what is told, in the report as in the list of files, is what the events say.
#[test]
fn what_is_told_is_derived_anew() {
    let report = |files: &mut Files| replace(files, "report.html", "reason 5", "reason 6");
    assert_eq!(CASE.relisted(report), ["TEXT_DIFFERS report.html"]);
    let told = |files: &mut Files| replace(files, "events/5.json", "reason 5", "reason 6");
    assert_eq!(CASE.relisted(told), ["TEXT_DIFFERS events/5.json"]);
    let title = |files: &mut Files| replace(files, "statement.json", "three", "all");
    assert_eq!(CASE.relisted(title), ["TEXT_DIFFERS report.html"]);
    let certificate = CASE.relisted(|files| {
        let path = files.keys().find(|path| path.starts_with("certificates/")).unwrap().clone();
        files.insert(path, b"none".to_vec());
    });
    assert!(certificate[0].starts_with("TEXT_DIFFERS certificates/"), "{certificate:?}");
}

/// R46.2: the list of files is no more and no less than that.
#[test]
fn manifest_is_derived_anew() {
    let spaced = CASE.altered(|files| replace(files, "manifest.json", "{", "{ "));
    assert_eq!(spaced, ["TEXT_DIFFERS manifest.json"]);
    let unlisted =
        CASE.altered(|files| replace(files, "manifest.json", "checkpoint", "chequepoint"));
    assert_eq!(unlisted, ["FILE_MISSING chequepoint", "FILE_EXTRA checkpoint"]);
    let broken = CASE.altered(|files| replace(files, "manifest.json", "{", "["));
    assert_eq!(broken, ["MANIFEST_MALFORMED manifest.json"]);
    let other = CASE.altered(|files| replace(files, "manifest.json", "evidence/1", "evidence/2"));
    assert_eq!(other, ["FORMAT_UNKNOWN the"]);
}

/// R46.2: words of another version of the program cannot pass for what the events say: they are refused, or told anew.
#[test]
fn words_of_another_version_are_refused_or_told_anew() {
    let mut files = archive::read(&CASE.bundle).unwrap();
    replace(&mut files, "report.html", "reason 5", "ground 5");
    relist(&mut files, "0-before");
    let bundle = archive::write(&files).unwrap();

    assert_eq!(found(&CASE.verdict(&bundle)), ["TEXT_OF_ANOTHER_VERSION report.html"]);
    let retold = verify(&bundle, &CASE.trust(), Texts::Retell).unwrap();
    assert!(retold.holds(), "{:?}", retold.faults);
    assert_eq!(retold.not_covered, ["report.html"]);
    assert!(retold.report.contains("reason 5"));
}

/// R46.2: a file that was cut short, or added to, is refused; so is every bit that changes anything.
#[test]
fn damaged_archive_is_refused() {
    for length in (0..CASE.bundle.len()).step_by(251) {
        let found = found(&CASE.verdict(&CASE.bundle[..length]));
        assert_eq!(found, ["ARCHIVE_DAMAGED the"], "{length}");
    }
    let after = [&CASE.bundle[..], b"more"].concat();
    assert_eq!(found(&CASE.verdict(&after)), ["ARCHIVE_DAMAGED the"]);
    let before = [b"more", &CASE.bundle[..]].concat();
    assert_eq!(found(&CASE.verdict(&before)), ["ARCHIVE_DAMAGED the"]);

    let whole = archive::read(&CASE.bundle).unwrap();
    for at in (0..CASE.bundle.len()).step_by(61) {
        let mut flipped = CASE.bundle.clone();
        flipped[at] ^= 0x10;
        // Some bits of an archive say nothing, such as when a file was made.
        let is_same = archive::read(&flipped).is_ok_and(|files| files == whole);
        assert!(is_same || !CASE.verdict(&flipped).holds(), "byte {at}");
    }
}

/// R46.2: an archive in which other programs find other files than this one is refused.
#[test]
fn archive_of_two_contents_is_refused() {
    let lies = Files::from([(files::REPORT.to_owned(), b"lies".to_vec())]);
    let mut lies = archive::write(&lies).unwrap();
    let end = lies.len() - 22;
    // Its end is one of several disks, so that some programs look for another end, and the bundle's has it as a comment.
    lies[end + 8] = 2;
    let mut both = CASE.bundle.clone();
    let comment = both.len() - 2;
    both[comment..].copy_from_slice(&u16::try_from(lies.len()).unwrap().to_le_bytes());
    both.extend(&lies);
    assert_eq!(found(&CASE.verdict(&both)), ["ARCHIVE_DAMAGED the"]);

    // The directory has a file more than its end counts.
    let mut more = CASE.bundle.clone();
    let end = more.len() - 22;
    more[end + 8] -= 1;
    more[end + 10] -= 1;
    assert_eq!(found(&CASE.verdict(&more)), ["ARCHIVE_DAMAGED the"]);
}

/// R46.2: a genuine signature for one thing is none for another.
#[test]
fn signature_for_another_thing_is_refused() {
    let another = || Parties { grant: "7", transfer: "7", ..Parties::honest() };
    let case = Case::with(another);
    let verdict = case.verdict(&case.bundle);
    assert_eq!(found(&verdict), ["SIGNATURE_REFUSED the"; 3]);
    let fault = verdict.faults[0].to_string();
    assert!(fault.contains("is about 7, and the event about 3"), "{fault}");
}

/// R46.2: a signature counts if the root vouches for its certificate, and if it is of whom it has to be.
#[test]
fn foreign_and_wrong_signatures_are_refused() {
    let foreign = testing::authority();
    let roots = TrustRoots::from_pem(foreign.root_pem()).unwrap();
    let trust = Trust { roots: Some(roots), ..CASE.trust() };
    let verdict = verify(&CASE.bundle, &trust, Texts::Compare).unwrap();
    assert_eq!(found(&verdict), ["SIGNATURE_REFUSED the"; 3]);
    assert!(verdict.faults[0].to_string().contains("not issued by a trusted authority"));

    let own = || Parties { consumer_node: Parties::honest().provider_node, ..Parties::honest() };
    let case = Case::with(own);
    let verdict = case.verdict(&case.bundle);
    assert_eq!(found(&verdict), ["SIGNATURE_REFUSED the"]);
    let expected = format!("should be by a node of organisation {CONSUMER}");
    assert!(verdict.faults[0].to_string().ends_with(&expected), "{}", verdict.faults[0]);
}

/// R46.2: what an event says beside a receipt is what was signed.
#[test]
fn event_that_contradicts_its_receipt_is_found() {
    let case = Case::with(|| Parties { rows: 8, ..Parties::honest() });

    let verdict = case.verdict(&case.bundle);

    let index = TRANSFER;
    assert_eq!(verdict.faults, [Fault::Contradiction { index, field: "rows" }]);
}

#[test]
fn nothing_is_no_evidence() {
    let nothing = Evidence::new(Statement::default(), String::new(), []);
    assert!(matches!(nothing, Err(EvidenceError::Empty)));

    let none = CASE.relisted(|files| {
        files.retain(|path, _| path == files::STATEMENT || path == files::CHECKPOINT);
    });
    assert_eq!(none, ["NO_EVENT the"]);
}

fn is_signature(kind: &Kind) -> bool {
    kind.as_message().is_some_and(|message| {
        matches!(
            message.full_name(),
            "publicdata.common.v1.SignedMessage" | "publicdata.common.v1.Signature"
        )
    })
}

/// Whether a message of this kind has a signature at any depth.
fn holds_signature(kind: &Kind, seen: &mut Vec<String>) -> bool {
    let Some(message) = kind.as_message() else { return false };
    if is_signature(kind) {
        return true;
    }
    if seen.iter().any(|name| name == message.full_name()) {
        return false;
    }
    seen.push(message.full_name().to_owned());
    message.fields().any(|field| holds_signature(&field.kind(), seen))
}

/// Every event that holds a signature is known here: whose it has to be, and over what.
#[test]
fn no_signature_is_overlooked() {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let mut signed = 0;
    for message in pool.all_messages() {
        if !message.parent_file().name().ends_with("events.proto") {
            continue;
        }
        let fields = message.fields().filter(|field| is_signature(&field.kind())).count();
        let deeper = message.fields().filter(|field| !is_signature(&field.kind()));
        let overlooked = deeper.filter(|field| holds_signature(&field.kind(), &mut Vec::new()));
        assert_eq!(overlooked.count(), 0, "{} has a signature further down", message.full_name());
        let event = prost_types::Any {
            type_url: format!("type.googleapis.com/{}", message.full_name()),
            value: Vec::new(),
        };
        let payload = Commit { events: vec![event], ..Commit::default() }.encode_to_vec();
        assert_eq!(signatures::of(0, &[], &payload).len(), fields, "{}", message.full_name());
        signed += fields;
    }
    assert!(signed > 5);
}
