use proptest::prelude::*;

use super::*;

fn hashes(level: u8, index: u64, width: u64) -> Tile {
    Tile { kind: Kind::Hashes { level }, index, width }
}

fn entries_of(index: u64, width: u64) -> Tile {
    Tile { kind: Kind::Entries, index, width }
}

/// R23.2: the paths are those of the specification, its own examples among them.
#[test]
fn paths_are_those_of_the_specification() {
    for (tile, path) in [
        (hashes(0, 0, 256), "tile/0/000"),
        (hashes(0, 273, 112), "tile/0/273.p/112"),
        (hashes(1, 1_234_067, 256), "tile/1/x001/x234/067"),
        (hashes(2, 0, 1), "tile/2/000.p/1"),
        (entries_of(1_067, 12), "tile/entries/x001/067.p/12"),
        (entries_of(0, 256), "tile/entries/000"),
    ] {
        assert_eq!(tile.to_string(), path);
        assert_eq!(path.parse(), Ok(tile));
    }
}

/// H3: what is not written as a tile's path is no tile, however close it comes.
#[test]
fn other_paths_are_refused() {
    for path in [
        "",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile/0/0",
        "tile/00/000",
        "tile/+0/000",
        "tile/8/000",
        "tile/64/000",
        "tile/-1/000",
        "tile/data/000",
        "tile/entries",
        "tile/entries/1",
        "tile/0/000.p/0",
        "tile/0/000.p/00",
        "tile/0/000.p/+0",
        "tile/0/000.p/-1",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/",
        "tile/0/000.p",
        "tile/0/x000/001",
        "tile/0/001/002",
        "tile/0/x001/2",
        "tile/0/../000",
        "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        "checkpoint",
    ] {
        assert_eq!(path.parse::<Tile>(), Err(NoTile), "{path}");
    }
}

/// The example of the specification: what a tree of 70,000 leaves has.
#[test]
fn tree_has_the_tiles_that_the_specification_counts() {
    let widest = |kind, index| Tile::in_tree(kind, index, 70_000);

    assert_eq!(widest(Kind::Hashes { level: 0 }, 272), Some(hashes(0, 272, 256)));
    assert_eq!(widest(Kind::Hashes { level: 0 }, 273), Some(hashes(0, 273, 112)));
    assert_eq!(widest(Kind::Hashes { level: 0 }, 274), None);
    assert_eq!(widest(Kind::Entries, 273), Some(entries_of(273, 112)));
    assert_eq!(
        Tile::above_leaves(70_000).collect::<Vec<_>>(),
        [hashes(1, 0, 256), hashes(1, 1, 17), hashes(2, 0, 1)]
    );
    assert_eq!(Tile::above_leaves(256).collect::<Vec<_>>(), [hashes(1, 0, 1)]);
    assert_eq!(Tile::above_leaves(255).next(), None);
}

#[test]
fn tile_beyond_the_tree_is_not_in_it() {
    assert!(hashes(0, 0, 7).is_in(7));
    assert!(hashes(0, 0, 3).is_in(7));
    assert!(!hashes(0, 0, 8).is_in(7));
    assert!(!hashes(1, 0, 1).is_in(255));
    assert!(!entries_of(1, 1).is_in(256));
    assert!(!hashes(7, 0, 1).is_in(u64::MAX >> 8));
    assert!(!hashes(0, u64::MAX, 1).is_in(u64::MAX));
    assert!(hashes(7, 0, 255).is_in(u64::MAX));
}

#[test]
fn damaged_bundle_is_refused() {
    let whole = bundle([&b"one"[..], b"", b"three"]).unwrap();

    assert_eq!(whole, b"\x00\x03one\x00\x00\x00\x05three");
    assert_eq!(entries(&whole), Ok(vec![&b"one"[..], b"", b"three"]));
    for end in [1, 2, 4, 6, 8, whole.len() - 1] {
        assert!(matches!(entries(&whole[..end]), Err(BundleError::Truncated { .. })), "{end}");
    }
    let long = vec![0; ENTRY_BYTES_MAX + 1];
    assert_eq!(bundle([&long[..]]), Err(BundleError::EntryTooLong { bytes: long.len() }));
}

proptest! {
    #[test]
    fn any_tile_is_read_back(level in 0_u8..8, index in any::<u64>(), width in 1_u64..=256) {
        for tile in [hashes(level, index, width), entries_of(index, width)] {
            prop_assert_eq!(tile.to_string().parse(), Ok(tile));
        }
    }

    /// Nothing that somebody asks for is a panic.
    #[test]
    fn any_path_is_a_tile_or_none(path in "tile/([0-9]{1,2}|entries)/[x0-9/.p+-]{0,40}") {
        if let Ok(tile) = path.parse::<Tile>() {
            prop_assert_eq!(tile.to_string(), path);
            let _ = tile.is_in(u64::MAX);
        }
    }

    #[test]
    fn any_entries_are_read_back(all in proptest::collection::vec(
        proptest::collection::vec(any::<u8>(), 0..300), 0..20,
    )) {
        let bytes = bundle(all.iter().map(Vec::as_slice)).unwrap();
        prop_assert_eq!(entries(&bytes).unwrap(), all);
    }

    /// Tiles are made of what is stored, and nothing else.
    #[test]
    fn tile_is_made_of_stored_hashes(level in 0_u8..3, index in 0_u64..4, size in 1_u64..200_000) {
        if let Some(tile) = Tile::in_tree(Kind::Hashes { level }, index, size) {
            let stored = tile.stored_indexes();
            prop_assert_eq!(stored.len() as u64, tile.width);
            prop_assert!(stored.iter().all(|at| *at < crate::tree::stored_hash_count(size)));
        }
    }
}
