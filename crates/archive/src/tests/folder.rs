//! What only a folder has: files on their way into it.

use std::fs::File;
use std::time::Duration;

use super::*;

/// R23.2: a folder holds whole files alone, and what is on its way is elsewhere.
#[tokio::test]
async fn folders_hold_whole_files_alone() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::folder(folder.path()).unwrap();
    let packed = Log::of(&[1]).pack(|_| {});

    place.put(&packed).await.unwrap();
    place.put(&packed).await.unwrap();

    let files = |name| std::fs::read_dir(folder.path().join(name)).unwrap().count();
    assert_eq!((files(STREAM), files(place::UNSEALED)), (1, 0));
}

/// R23.2: what a process that was killed left on its way is swept with a later archive, and what another one may be writing is not.
#[tokio::test]
async fn what_is_left_behind_is_swept() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::folder(folder.path()).unwrap();
    let unsealed = folder.path().join(place::UNSEALED);
    std::fs::create_dir(&unsealed).unwrap();
    for (name, hours) in [("yesterday", 25), ("today", 23), ("now", 0)] {
        let file = File::create(unsealed.join(name)).unwrap();
        let now = file.metadata().unwrap().modified().unwrap();
        file.set_modified(now - Duration::from_hours(hours)).unwrap();
    }

    place.put(&Log::of(&[1]).pack(|_| {})).await.unwrap();

    let left = std::fs::read_dir(&unsealed).unwrap().map(|entry| entry.unwrap().file_name());
    let mut left: Vec<_> = left.collect();
    left.sort();
    assert_eq!(left, ["now", "today"]);
}
