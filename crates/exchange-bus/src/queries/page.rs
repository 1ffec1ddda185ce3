//! Lists in parts, newest first.

use publicdata_types::PageToken;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use crate::error::Error;
use crate::views::from_column;

const PAGE_SIZE: u32 = 50;
const PAGE_SIZE_MAX: u32 = 500;

/// Which part of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// How many entries at most; 0 for the usual number.
    pub size: u32,
    /// Where the page before ended.
    pub after: Option<PageToken>,
}

/// A part of a list, and where the next begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Listed<T> {
    /// The entries.
    pub entries: Vec<T>,
    /// Where to go on, if there is more.
    pub next: Option<PageToken>,
}

impl Page {
    pub(super) fn limit(&self) -> i64 {
        match self.size {
            0 => PAGE_SIZE.into(),
            size => size.min(PAGE_SIZE_MAX).into(),
        }
    }

    pub(super) fn before(&self) -> Result<i64, Error> {
        match &self.after {
            Some(token) => token.key().parse().map_err(|_| Error::PageToken),
            None => Ok(i64::MAX),
        }
    }

    /// The part of a list that is at hand, in the order of a key.
    pub(super) fn cut<T>(&self, mut entries: Vec<T>, key: impl Fn(&T) -> String) -> Listed<T> {
        entries.sort_by_cached_key(&key);
        if let Some(after) = &self.after {
            entries.retain(|entry| key(entry).as_str() > after.key());
        }
        let limit = usize::try_from(self.limit()).unwrap_or(usize::MAX);
        let is_more = entries.len() > limit;
        entries.truncate(limit);
        let next = entries.last().filter(|_| is_more).map(|last| PageToken::after(key(last)));
        Listed { entries, next }
    }

    /// One row more than fits says that there is a next page.
    pub(super) fn list<T: prost::Message + Default>(
        &self,
        rows: &[AnyRow],
    ) -> Result<Listed<T>, Error> {
        Ok(self.newest(rows.iter().map(entry).collect::<Result<_, _>>()?))
    }

    /// The same of entries with what pages go by.
    pub(super) fn newest<T>(&self, mut entries: Vec<(i64, T)>) -> Listed<T> {
        let limit = usize::try_from(self.limit()).unwrap_or(usize::MAX);
        let is_last = entries.len() <= limit;
        entries.truncate(limit);
        let next = match entries.last() {
            Some((sequence, _)) if !is_last => Some(PageToken::after(sequence.to_string())),
            Some(_) | None => None,
        };
        Listed { entries: entries.into_iter().map(|(_, entry)| entry).collect(), next }
    }
}

/// A row's entry, with what pages go by.
pub(super) fn entry<T: prost::Message + Default>(row: &AnyRow) -> Result<(i64, T), sqlx::Error> {
    Ok((row.try_get("sequence")?, from_column(row, "body")?))
}
