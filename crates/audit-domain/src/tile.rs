//! The log as static files: tiles of hashes and bundles of entries, as C2SP tlog-tiles lays them out.

use std::fmt;
use std::str::FromStr;

use tlog_tiles::{Tile as Coordinates, tlog};

/// How many levels of the tree stand in one tile.
const HEIGHT: u8 = 8;
/// How many hashes a full tile has, and how many entries a full bundle.
pub const WIDTH: u64 = 1 << HEIGHT;
/// A tree of 64-bit indexes has tiles of hashes on eight levels.
const LEVELS: u8 = 8;
/// What stands for the height, which tlog-tiles fixes, in the older form of the path.
const HEIGHT_PREFIX: &str = "tile/8/";
const LENGTH_BYTES: usize = 2;

/// The longest entry that a bundle can hold.
pub const ENTRY_BYTES_MAX: usize = u16::MAX as usize;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Hashes of the tree; on level 0 those of the leaves, on the next those of full tiles of level 0, and so on.
    Hashes {
        /// The level.
        level: u8,
    },
    /// The leaves themselves.
    Entries,
}

/// A tile, full or partial, by its place. What it holds never changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tile {
    /// What it holds.
    pub kind: Kind,
    /// Its place on its level, from 0.
    pub index: u64,
    /// How many hashes or entries it has: [`WIDTH`], or fewer.
    pub width: u64,
}

/// The path names no tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a tile's path reads `tile/<level>/<index>[.p/<width>]` or `tile/entries/<index>[.p/<width>]`"
)]
pub struct NoTile;

/// What is no bundle of entries, or cannot be made one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleError {
    /// An entry is longer than its length can say.
    #[error("an entry has {bytes} bytes; a bundle's entries have {ENTRY_BYTES_MAX} at most")]
    EntryTooLong {
        /// Its length.
        bytes: usize,
    },
    /// It ends within an entry.
    #[error("the bundle ends within entry {entry}")]
    Truncated {
        /// The entry, counted from the bundle's first, 0.
        entry: usize,
    },
}

impl Tile {
    /// The widest tile of this kind and place that a tree of `size` leaves has, if it has one.
    #[must_use]
    pub fn in_tree(kind: Kind, index: u64, size: u64) -> Option<Self> {
        let first = index.checked_mul(WIDTH)?;
        let width = on_level(kind, size).checked_sub(first)?.min(WIDTH);
        (width > 0).then_some(Self { kind, index, width })
    }

    /// Every tile of hashes that a tree of `size` leaves has above level 0, from the lowest level up.
    pub fn above_leaves(size: u64) -> impl Iterator<Item = Self> {
        (1..LEVELS).flat_map(move |level| {
            let kind = Kind::Hashes { level };
            (0..).map_while(move |index| Self::in_tree(kind, index, size))
        })
    }

    /// Whether a tree of `size` leaves has all that the tile holds.
    #[must_use]
    pub fn is_in(&self, size: u64) -> bool {
        Self::in_tree(self.kind, self.index, size).is_some_and(|widest| self.width <= widest.width)
    }

    /// Where its first hash or entry stands on its level.
    ///
    /// No tree has a tile for which this would be too large.
    #[must_use]
    pub const fn first(&self) -> u64 {
        self.index.saturating_mul(WIDTH)
    }

    /// Where the hashes that it holds are stored; those of its entries, if it holds these.
    #[must_use]
    pub fn stored_indexes(&self) -> Vec<u64> {
        let level = match self.kind {
            Kind::Hashes { level } => level,
            Kind::Entries => 0,
        };
        let first = self.first();
        (first..first + self.width).map(|n| tlog::stored_hash_index(level * HEIGHT, n)).collect()
    }
}

impl FromStr for Tile {
    type Err = NoTile;

    fn from_str(path: &str) -> Result<Self, NoTile> {
        let place = path.strip_prefix("tile/").ok_or(NoTile)?;
        let (level, _) = place.split_once('/').ok_or(NoTile)?;
        let place = match level {
            "entries" => place.replacen("entries", "data", 1),
            level if level.parse::<u8>().is_ok_and(|level| level < LEVELS) => place.to_owned(),
            _ => return Err(NoTile),
        };
        // `tlog_tiles` panics at a width of 0, however it is written.
        if let Some((_, width)) = place.rsplit_once(".p/")
            && !width.starts_with(|digit| matches!(digit, '1'..='9'))
        {
            return Err(NoTile);
        }

        let tile =
            Coordinates::from_path(&format!("{HEIGHT_PREFIX}{place}")).map_err(|_| NoTile)?;
        let kind = match tile.is_data() {
            true => Kind::Entries,
            false => Kind::Hashes { level: tile.level() },
        };
        Ok(Self { kind, index: tile.level_index(), width: tile.width().into() })
    }
}

/// The path, without the log's prefix: `tile/0/x001/067.p/12`.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (level, is_data) = match self.kind {
            Kind::Hashes { level } => (level, false),
            Kind::Entries => (0, true),
        };
        let width = u32::try_from(self.width).map_err(|_| fmt::Error)?;
        let path = Coordinates::new(HEIGHT, level, self.index, width, is_data).path();
        let place = path.strip_prefix(HEIGHT_PREFIX).unwrap_or(&path);
        match place.strip_prefix("data/") {
            Some(index) => write!(f, "tile/entries/{index}"),
            None => write!(f, "tile/{place}"),
        }
    }
}

/// Puts entries into a bundle: each after its length.
///
/// # Errors
/// An entry is too long.
pub fn bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Result<Vec<u8>, BundleError> {
    let mut bundle = Vec::new();
    for entry in entries {
        let bytes = entry.len();
        let length = u16::try_from(bytes).map_err(|_| BundleError::EntryTooLong { bytes })?;
        bundle.extend_from_slice(&length.to_be_bytes());
        bundle.extend_from_slice(entry);
    }
    Ok(bundle)
}

/// Takes a bundle apart.
///
/// # Errors
/// It ends within an entry.
pub fn entries(mut bundle: &[u8]) -> Result<Vec<&[u8]>, BundleError> {
    let mut entries = Vec::new();
    while !bundle.is_empty() {
        let truncated = BundleError::Truncated { entry: entries.len() };
        let (length, rest) = bundle.split_first_chunk::<LENGTH_BYTES>().ok_or(truncated)?;
        let length = usize::from(u16::from_be_bytes(*length));
        let (entry, rest) = rest.split_at_checked(length).ok_or(truncated)?;
        entries.push(entry);
        bundle = rest;
    }
    Ok(entries)
}

/// How many hashes or entries a tree of `size` leaves has on the tile's level.
fn on_level(kind: Kind, size: u64) -> u64 {
    match kind {
        Kind::Hashes { level } => {
            size.checked_shr(u32::from(HEIGHT) * u32::from(level)).unwrap_or_default()
        }
        Kind::Entries => size,
    }
}

#[cfg(test)]
mod tests;
