use super::*;

/// H4: a second process on the same folder is told so.
#[test]
fn a_folder_is_taken_once() {
    let root = tempfile::tempdir().unwrap();
    let first = Folder::open(root.path()).unwrap();
    let second = Folder::open(root.path()).unwrap_err();
    assert!(matches!(second, OpenError::InUse { .. }), "{second}");
    drop(first);
    Folder::open(root.path()).unwrap();
}

#[test]
fn the_index_in_use_is_named_by_a_file() {
    let root = tempfile::tempdir().unwrap();
    let folder = Folder::open(root.path()).unwrap();
    assert_eq!(folder.current().unwrap(), None);

    let first = folder.fresh().unwrap();
    folder.point_at(&first).unwrap();
    let second = folder.fresh().unwrap();
    assert_ne!(first, second);
    assert_eq!(folder.current().unwrap().as_ref(), Some(&first));
    folder.point_at(&second).unwrap();
    folder.clear(&[&second]).unwrap();
    assert!(!first.exists());

    // An index of another schema is none.
    let other = root.path().join("v0-9");
    fs::create_dir(&other).unwrap();
    folder.point_at(&other).unwrap();
    assert_eq!(folder.current().unwrap(), None);
}
