use std::os::unix::fs::PermissionsExt as _;

use super::*;

fn delivery(transfer: u128) -> Delivery {
    let id = |number: u128| uuid::Uuid::from_u128(number).to_string();
    Delivery {
        transfer: id(transfer).parse().unwrap(),
        resource: id(2).parse().unwrap(),
        grant: id(3).parse().unwrap(),
        consumer: "91350100M000100Y43".parse().unwrap(),
    }
}

fn row(row: u64) -> Rejected {
    Rejected {
        row,
        breaches: vec![
            Breach { item: "phone".to_owned(), rule: Rule::Required },
            Breach { item: "age".to_owned(), rule: Rule::Range },
        ],
        values: vec![("phone".to_owned(), None), ("age".to_owned(), Some("151".to_owned()))],
    }
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn all() -> Wanted {
    Wanted { rows_max: 100, ..Wanted::default() }
}

/// R17.2: rows are kept with reasons and values, over a restart, readable to the node's account alone.
#[tokio::test]
async fn rows_are_kept_with_reasons_and_values() {
    let folder = tempfile::tempdir().unwrap();
    let quarantine = Quarantine::open(folder.path(), BYTES_MAX).unwrap();
    quarantine.keep(&delivery(1), &[row(4), row(9)], at(100)).await.unwrap();
    drop(quarantine);

    let quarantine = Quarantine::open(folder.path(), BYTES_MAX).unwrap();
    let kept = quarantine.rows(&all()).await.unwrap();

    let found: Vec<_> = kept.iter().map(|kept| (kept.at, kept.rejected.clone())).collect();
    assert_eq!(found, [(at(100), row(4)), (at(100), row(9))]);
    for entry in std::fs::read_dir(folder.path()).unwrap() {
        let mode = entry.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

/// R17.2, H4: rows that are met again when a transfer is resumed count once.
#[tokio::test]
async fn rows_met_again_count_once() {
    let folder = tempfile::tempdir().unwrap();
    let quarantine = Quarantine::open(folder.path(), BYTES_MAX).unwrap();
    quarantine.keep(&delivery(1), &[row(4)], at(100)).await.unwrap();
    quarantine.keep(&delivery(1), &[row(4), row(9)], at(200)).await.unwrap();
    quarantine.keep(&delivery(1), &[row(4)], at(300)).await.unwrap();
    quarantine.keep(&delivery(5), &[row(4)], at(400)).await.unwrap();

    let (summaries, _) = quarantine.summaries(None).await.unwrap();

    assert_eq!(summaries.len(), 2);
    let first = &summaries[1];
    assert_eq!((first.delivery, first.rejected, first.kept), (delivery(1), 2, 2));
    assert_eq!((first.first_at, first.last_at), (at(100), at(200)));
    let broken: Vec<_> = first
        .broken
        .iter()
        .map(|(breach, rows)| (breach.item.as_str(), breach.rule, *rows))
        .collect();
    assert_eq!(broken, [("age", Rule::Range, 2), ("phone", Rule::Required, 2)]);
    assert_eq!(quarantine.rows(&all()).await.unwrap().len(), 3);
}

/// R17.2: when there is no more room the count stands, and what is discarded makes room.
#[tokio::test]
async fn a_full_quarantine_goes_on_counting() {
    let folder = tempfile::tempdir().unwrap();
    let quarantine = Quarantine::open(folder.path(), 500).unwrap();
    quarantine.keep(&delivery(1), &[row(1), row(2), row(3), row(4)], at(100)).await.unwrap();

    let (summaries, bytes) = quarantine.summaries(None).await.unwrap();
    assert_eq!((summaries[0].rejected, summaries[0].kept), (4, 2));
    assert!(bytes <= 500 && bytes > 250, "{bytes}");
    assert_eq!(summaries[0].broken[0].1, 4);

    let transfer = delivery(1).transfer;
    assert_eq!(quarantine.discard(transfer).await.unwrap(), 2);
    assert_eq!(quarantine.discard(transfer).await.unwrap(), 0);
    let (summaries, bytes) = quarantine.summaries(None).await.unwrap();
    assert_eq!((summaries[0].rejected, summaries[0].kept, bytes), (4, 0, 0));
    quarantine.keep(&delivery(1), &[row(4), row(5)], at(200)).await.unwrap();
    let kept = quarantine.rows(&all()).await.unwrap();
    assert_eq!(kept.iter().map(|kept| kept.rejected.row).collect::<Vec<_>>(), [5]);
}

#[tokio::test]
async fn rows_are_found_by_transfer_and_resource_page_by_page() {
    let folder = tempfile::tempdir().unwrap();
    let quarantine = Quarantine::open(folder.path(), BYTES_MAX).unwrap();
    quarantine.keep(&delivery(1), &[row(1), row(2)], at(100)).await.unwrap();
    quarantine.keep(&delivery(5), &[row(7)], at(100)).await.unwrap();

    let other = delivery(5).transfer;
    let found = quarantine.rows(&Wanted { transfer: Some(other), ..all() }).await.unwrap();
    assert_eq!(found.iter().map(|kept| kept.rejected.row).collect::<Vec<_>>(), [7]);
    let nowhere = uuid::Uuid::from_u128(9).to_string().parse().ok();
    assert!(quarantine.rows(&Wanted { resource: nowhere, ..all() }).await.unwrap().is_empty());
    assert!(quarantine.summaries(nowhere).await.unwrap().0.is_empty());

    let first = quarantine.rows(&Wanted { rows_max: 2, ..all() }).await.unwrap();
    let rest = quarantine.rows(&Wanted { after: first[1].id, ..all() }).await.unwrap();
    assert_eq!((first.len(), rest.len()), (2, 1));
}
