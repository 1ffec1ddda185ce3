//! Entries in bulk: taken, revised, refused, resumed.

use std::collections::BTreeSet;

use futures::{StreamExt as _, TryStreamExt as _};
use publicdata_catalog::codec;
use publicdata_event_store::aggregates::Codec as _;
use publicdata_proto::catalog::v1::import_resources_request::Part;
use publicdata_proto::catalog::v1::{
    ExportResourcesRequest, ImportNoteSeverity, ImportOptions, ImportOutcome,
    ImportResourcesRequest, ImportResourcesResponse, ImportRow, Resource, ResourceDescription,
    ResourceStatus, Role,
};
use tonic::Status;

use crate::fixture::{Catalogue, JINJIANG, QINGYANG, User, code, command_id, description, reason};

fn options(import_id: &str) -> ImportOptions {
    ImportOptions { import_id: import_id.to_owned(), ..ImportOptions::default() }
}

fn message(part: Part) -> ImportResourcesRequest {
    ImportResourcesRequest { part: Some(part) }
}

fn rows(
    options: ImportOptions,
    entries: impl IntoIterator<Item = ResourceDescription>,
) -> Vec<ImportResourcesRequest> {
    let rows = (1..).zip(entries).map(|(number, description)| {
        let description = Some(description);
        message(Part::Row(ImportRow { number, description, ..ImportRow::default() }))
    });
    [message(Part::Options(options))].into_iter().chain(rows).collect()
}

async fn send(
    user: &User,
    messages: Vec<ImportResourcesRequest>,
) -> Result<Vec<ImportResourcesResponse>, Status> {
    let answers = user.imports.clone().import_resources(futures::stream::iter(messages)).await?;
    answers.into_inner().try_collect().await
}

fn outcomes(answers: &[ImportResourcesResponse]) -> Vec<ImportOutcome> {
    answers.iter().map(ImportResourcesResponse::outcome).collect()
}

async fn export(user: &User, request: ExportResourcesRequest) -> Vec<Resource> {
    let entries = user.exports.clone().export_resources(request).await.unwrap().into_inner();
    entries.map(|entry| entry.unwrap().resource.unwrap()).collect().await
}

async fn all(user: &User) -> Vec<Resource> {
    export(user, ExportResourcesRequest::default()).await
}

fn named(user: &User, names: impl IntoIterator<Item = String>) -> Vec<ResourceDescription> {
    names.into_iter().map(|name| description(user.code, &name)).collect()
}

/// R12.1: entries are taken, known again by their name or code, revised, and left alone where nothing changed.
#[tokio::test]
async fn an_import_takes_revises_and_leaves_alone() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let entries = named(&provider, ["社区名录", "村名录"].map(str::to_owned));
    use ImportOutcome::{Revised, Taken, Unchanged};

    let first = send(&provider, rows(options(&command_id()), entries.clone())).await.unwrap();
    assert_eq!(outcomes(&first), [Taken, Taken]);
    assert_eq!(first[1].code, "302001/00002");

    let mut changed = entries.clone();
    changed[0].name = "社区 名录".to_owned();
    changed[1].r#abstract = "另一个摘要".to_owned();
    let again = send(&provider, rows(options(&command_id()), changed.clone())).await.unwrap();
    assert_eq!(outcomes(&again), [Revised, Revised], "a name is the same but for spaces");
    assert_eq!(again[0].code, first[0].code);

    let unchanged = send(&provider, rows(options(&command_id()), changed.clone())).await.unwrap();
    assert_eq!(outcomes(&unchanged), [Unchanged, Unchanged]);

    // By its code an entry is known under another name; a code that nobody has is flagged.
    let row = |number, code: &str, name: &str| {
        let description = Some(description(provider.code, name));
        message(Part::Row(ImportRow { number, code: code.to_owned(), description }))
    };
    let messages = vec![
        message(Part::Options(options(&command_id()))),
        row(1, &first[0].code, "居委会名录"),
        row(2, "302001/00099", "街道名录"),
    ];
    let by_code = send(&provider, messages).await.unwrap();
    assert_eq!(outcomes(&by_code), [Revised, Taken]);
    assert_eq!(by_code[1].notes[0].reason, "CODE_UNKNOWN");
    assert_eq!(by_code[1].notes[0].severity(), ImportNoteSeverity::Warning);
    assert_eq!(by_code[1].code, "302001/00003");
    let names: Vec<String> =
        all(&provider).await.into_iter().map(|entry| entry.description.unwrap().name).collect();
    assert_eq!(names, ["居委会名录", "村名录", "街道名录"]);
}

/// H3: what is wrong is named by row and field, and the other rows are taken.
#[tokio::test]
async fn what_is_wrong_is_named_by_row_and_field() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let mut entries = named(&provider, (0..6).map(|number| format!("名录 {number}")));
    entries[0].r#abstract.clear();
    entries[1].provider_code = code(9).to_string();
    entries[2].classification_code = "3x2".to_owned();
    entries[3].name = "名录 5".to_owned();

    let answers = send(&provider, rows(options(&command_id()), entries)).await.unwrap();

    use ImportOutcome::{Refused, Taken};
    assert_eq!(outcomes(&answers), [Refused, Refused, Refused, Taken, Taken, Refused]);
    let note = |index: usize| {
        let note = &answers[index].notes[0];
        assert_eq!(note.severity(), ImportNoteSeverity::Mistake);
        (note.field.as_str(), note.reason.as_str())
    };
    assert_eq!(note(0), ("abstract", "EMPTY"));
    assert_eq!(note(1), ("provider_code", "OTHER_ORGANISATION"));
    assert_eq!(note(2), ("classification_code", "FIELD_INVALID"));
    assert_eq!(note(5), ("name", "TWICE_IN_IMPORT"));
    // What was refused takes no number.
    assert_eq!(answers[4].code, "302001/00002");
}

/// A dry run says what an import would do, and writes nothing.
#[tokio::test]
async fn a_dry_run_writes_nothing() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let mut provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let under_review = provider.draft("名录 0").await;
    provider.submit(&under_review.resource_id).await;
    provider.draft("名录 1").await;
    let before = catalogue.store.last_sequence("CATALOG").await.unwrap();
    let mut entries = named(&provider, (0..4).map(|number| format!("名录 {number}")));
    entries[0].r#abstract = "改".to_owned();
    entries[1].r#abstract = "改".to_owned();
    entries[3].items.clear();

    let options = ImportOptions { dry_run: true, ..options(&command_id()) };
    let answers = send(&provider, rows(options, entries)).await.unwrap();

    use ImportOutcome::{Refused, Revised, Taken};
    assert_eq!(outcomes(&answers), [Refused, Revised, Taken, Refused]);
    assert_eq!(answers[0].notes[0].reason, "UNDER_REVIEW");
    assert_eq!(answers[2].code, "", "its code would follow from what else is written");
    assert_eq!(catalogue.store.last_sequence("CATALOG").await.unwrap(), before);
}

/// R12.3: entries are handed in with the import, and also those that were only drafted by one before.
#[tokio::test]
async fn entries_are_handed_in_with_the_import() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let entries = named(&provider, ["社区名录", "村名录"].map(str::to_owned));
    send(&provider, rows(options(&command_id()), entries[..1].to_vec())).await.unwrap();

    let submit = ImportOptions { submit: true, ..options(&command_id()) };
    let answers = send(&provider, rows(submit.clone(), entries.clone())).await.unwrap();

    assert_eq!(outcomes(&answers), [ImportOutcome::Unchanged, ImportOutcome::Taken]);
    for entry in all(&provider).await {
        assert_eq!(entry.status(), ResourceStatus::Submitted);
    }
    city.publish(&answers[0].resource_id).await.unwrap();
    let again = send(&provider, rows(submit, entries)).await.unwrap();
    assert_eq!(outcomes(&again), [ImportOutcome::Unchanged; 2]);
}

/// R13.1: nobody imports for another organisation or over a region's border, and an export shows what its reader may see.
#[tokio::test]
async fn nothing_goes_over_the_border() {
    let catalogue = Catalogue::start().await;
    let mut city = catalogue.city().await;
    let jinjiang = catalogue.registered(&city, 2, JINJIANG, &[Role::Authority]).await;
    let qingyang = catalogue.registered(&city, 3, QINGYANG, &[Role::Authority]).await;
    let mut provider = catalogue.registered(&city, 4, JINJIANG, &[Role::Provider]).await;
    let consumer = catalogue.registered(&city, 5, QINGYANG, &[Role::Consumer]).await;
    let entries = named(&provider, (0..3).map(|number| format!("名录 {number}")));
    for stranger in [&jinjiang, &qingyang, &consumer] {
        let answers = send(stranger, rows(options(&command_id()), entries.clone())).await.unwrap();
        assert_eq!(outcomes(&answers), [ImportOutcome::Refused; 3]);
    }
    let taken = send(&provider, rows(options(&command_id()), entries)).await.unwrap();
    provider.submit(&taken[1].resource_id).await;
    city.publish(&taken[1].resource_id).await.unwrap();

    assert_eq!(all(&provider).await.len(), 3);
    assert_eq!(all(&jinjiang).await.len(), 3);
    assert_eq!(all(&city).await.len(), 3);
    for outsider in [&qingyang, &consumer] {
        let seen = all(outsider).await;
        assert_eq!(seen.len(), 1);
        assert_eq!(seen[0].status(), ResourceStatus::Published);
    }
    let narrowed = |request| export(&city, request);
    let within = ExportResourcesRequest { region_code: QINGYANG.to_owned(), ..Default::default() };
    assert_eq!(narrowed(within).await.len(), 0);
    let class =
        ExportResourcesRequest { classification_code: "302".to_owned(), ..Default::default() };
    assert_eq!(narrowed(class).await.len(), 3);
    let drafts =
        ExportResourcesRequest { status: ResourceStatus::Draft.into(), ..Default::default() };
    assert_eq!(narrowed(drafts).await.len(), 2);
    let after =
        ExportResourcesRequest { after_code: "302001/00002".to_owned(), ..Default::default() };
    assert_eq!(narrowed(after).await.len(), 1);
}

#[tokio::test]
async fn an_import_that_does_not_say_how_is_refused() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let entry = description(provider.code, "名录");

    let without = rows(options(&command_id()), [entry.clone()]).split_off(1);
    assert_eq!(reason(&send(&provider, without).await.unwrap_err()), "FIELD_INVALID");
    let no_id = rows(options("import of today"), [entry.clone()]);
    assert_eq!(reason(&send(&provider, no_id).await.unwrap_err()), "FIELD_INVALID");
    let mut twice = rows(options(&command_id()), [entry]);
    twice.push(twice[0].clone());
    assert_eq!(reason(&send(&provider, twice).await.unwrap_err()), "FIELD_INVALID");
    let node = catalogue.node(provider.code);
    let by_node = send(&node, rows(options(&command_id()), [])).await.unwrap_err();
    assert_eq!(reason(&by_node), "USER_REQUIRED");
}

/// H1, H4: an import of thousands of entries that is cut off goes on when it is repeated, and writes nothing twice.
#[tokio::test]
async fn an_import_that_was_cut_off_goes_on() {
    const ENTRIES: usize = 2_000;
    const CUT: usize = 600;
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let begun = catalogue.store.last_sequence("CATALOG").await.unwrap();
    let import_id = command_id();
    let entries = named(&provider, (0..ENTRIES).map(|number| format!("名录 {number}")));
    let messages = || futures::stream::iter(rows(options(&import_id), entries.clone()));

    let cut = provider.imports.clone().import_resources(messages()).await.unwrap().into_inner();
    let before: Vec<ImportResourcesResponse> = cut.take(CUT).try_collect().await.unwrap();
    assert_eq!(before.len(), CUT);
    // The stream is gone now, with thousands of entries on their way.
    let after = provider.imports.clone().import_resources(messages()).await.unwrap().into_inner();
    let after: Vec<ImportResourcesResponse> = after.try_collect().await.unwrap();

    assert_eq!(after.len(), ENTRIES);
    for (first, again) in before.iter().zip(&after) {
        assert_eq!((&first.code, &first.resource_id), (&again.code, &again.resource_id));
        assert_eq!(again.outcome(), ImportOutcome::Unchanged);
    }
    let codes: BTreeSet<&str> = after.iter().map(|answer| answer.code.as_str()).collect();
    assert_eq!(codes.len(), ENTRIES);
    assert_eq!(codes.last().copied(), Some("302001/02000"), "numbers without gaps");

    let history = catalogue.store.read("CATALOG", begun + 1, None).await.unwrap();
    let history: Vec<_> = history.try_collect().await.unwrap();
    let drafted = history
        .iter()
        .filter(|recorded| recorded.subject.aggregate() == codec::Resource::AGGREGATE);
    let drafted: Vec<&str> = drafted.map(|recorded| recorded.subject.id()).collect();
    assert_eq!(drafted.len(), ENTRIES, "each entry was written once");
    assert_eq!(drafted.iter().collect::<BTreeSet<_>>().len(), ENTRIES);
}

/// R12.1: however many entries come at once, each is answered, in their order.
#[tokio::test]
async fn a_long_import_is_answered_to_its_end() {
    let catalogue = Catalogue::start().await;
    let city = catalogue.city().await;
    let provider = catalogue.registered(&city, 2, JINJIANG, &[Role::Provider]).await;
    let entries = named(&provider, (1..=2_500).map(|number| format!("第{number}号名录")));

    let answers = send(&provider, rows(options(&command_id()), entries)).await.unwrap();
    let numbers: Vec<u32> = answers.iter().map(|answer| answer.number).collect();
    assert_eq!(numbers, Vec::from_iter(1..=2_500));
}
