//! Archives as files, without a platform: proven, and read in the order of the log.

use std::collections::{BTreeMap, VecDeque};
use std::path::{Path, PathBuf};

use publicdata_audit_domain::Verifier;

use crate::place::UNSEALED;
use crate::{Archive, ArchiveError, Fault, Row};

pub use history::History;

mod history;

const EXTENSION: &str = "parquet";

/// Archives that were found as files.
#[derive(Clone, Debug)]
pub struct Files {
    /// Of each stream, the files by the first and the last event that they say to hold.
    streams: BTreeMap<String, BTreeMap<(u64, u64), PathBuf>>,
}

/// Events of a stream that no file says to hold, though all of the stream from its first one on are needed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{} of stream {stream} are in none of the archives; put the files that hold them beside the others, and try again",
    match last { Some(last) => format!("events {first} to {last}"), None => format!("events {first} and all after it") }
)]
pub struct Incomplete {
    /// The stream.
    pub stream: String,
    /// The first event that is missing.
    pub first: u64,
    /// The last one before those that are there; nothing if there are none.
    pub last: Option<u64>,
}

/// The events of files, in the order of the log.
pub struct Events {
    streams: Vec<Stream>,
    failed: bool,
}

/// One stream on its way.
struct Stream {
    name: String,
    files: VecDeque<PathBuf>,
    verifier: Verifier,
    rows: Option<Box<dyn Iterator<Item = Result<Row, Fault>> + Send>>,
    /// The file that is being read.
    path: PathBuf,
    /// The event that comes next; unknown before the first one.
    next: Option<u64>,
    ahead: Option<Row>,
}

impl Files {
    /// Finds them: one file, or all below a folder. Nothing is believed yet.
    ///
    /// # Errors
    /// There are none, or one is no archive.
    pub fn find(path: &Path) -> Result<Self, ArchiveError> {
        let mut streams: BTreeMap<String, BTreeMap<(u64, u64), PathBuf>> = BTreeMap::new();
        for path in files(path).map_err(|error| at(path, Fault::place("read")(error)))? {
            let archive = open(&path)?;
            // What a crash left behind holds events of the file that was sealed in the end: they are told once.
            let files = streams.entry(archive.stream().to_owned()).or_default();
            files.insert(archive.sequences(), path);
        }
        match streams.is_empty() {
            true => Err(at(path, Fault::Missing)),
            false => Ok(Self { streams }),
        }
    }

    /// What they say to hold: of each stream, the first event and the last. That nothing comes before and after, no file says.
    #[must_use]
    pub fn extents(&self) -> Vec<(&str, u64, u64)> {
        let mut extents = Vec::new();
        for (stream, files) in &self.streams {
            let first = files.keys().map(|(first, _)| *first).min().unwrap_or_default();
            let last = files.keys().map(|(_, last)| *last).max().unwrap_or_default();
            extents.push((stream.as_str(), first, last));
        }
        extents
    }

    /// Makes sure that they say to hold all of a stream from its first event on; answers the last one.
    ///
    /// # Errors
    /// Which events are missing.
    pub fn whole(&self, stream: &str) -> Result<u64, Incomplete> {
        let missing = |first, last| Incomplete { stream: stream.to_owned(), first, last };
        let files = self.streams.get(stream).ok_or_else(|| missing(1, None))?;
        let mut end = 0_u64;
        for (first, last) in files.keys() {
            if *first > end.saturating_add(1) {
                return Err(missing(end + 1, Some(first - 1)));
            }
            end = end.max(*last);
        }
        Ok(end)
    }

    /// Tells their events in the order of the log. Each file is proven before any of its events is told.
    #[must_use]
    pub fn events(self, verifier: &Verifier) -> Events {
        let stream = |(name, files)| Stream::of(name, files, verifier, None);
        Events { streams: self.streams.into_iter().map(stream).collect(), failed: false }
    }

    /// Tells one stream from its first event on, likewise.
    fn told_from_first(&self, stream: &str, verifier: &Verifier) -> Events {
        let files = self.streams.get(stream).cloned().unwrap_or_default();
        let stream = Stream::of(stream.to_owned(), files, verifier, Some(1));
        Events { streams: vec![stream], failed: false }
    }
}

impl Iterator for Events {
    type Item = Result<Row, ArchiveError>;

    /// After an error, nothing follows.
    fn next(&mut self) -> Option<Self::Item> {
        if self.failed {
            return None;
        }
        let next = self.next_row().transpose();
        self.failed = matches!(next, Some(Err(_)));
        next
    }
}

impl Events {
    fn next_row(&mut self) -> Result<Option<Row>, ArchiveError> {
        for stream in &mut self.streams {
            if stream.ahead.is_none() {
                stream.ahead = stream.read()?;
            }
        }
        let first = self
            .streams
            .iter_mut()
            .filter(|stream| stream.ahead.is_some())
            .min_by_key(|stream| stream.ahead.as_ref().map(|row| row.log_index));
        Ok(first.and_then(|stream| stream.ahead.take()))
    }
}

impl Stream {
    fn of(
        name: String,
        files: BTreeMap<(u64, u64), PathBuf>,
        verifier: &Verifier,
        next: Option<u64>,
    ) -> Self {
        let (files, verifier) = (files.into_values().collect(), verifier.clone());
        Self { name, files, verifier, rows: None, path: PathBuf::new(), next, ahead: None }
    }

    fn read(&mut self) -> Result<Option<Row>, ArchiveError> {
        loop {
            let Some(rows) = &mut self.rows else {
                let Some(path) = self.files.pop_front() else { return Ok(None) };
                let archive = open(&path)?;
                if archive.stream() != self.name {
                    return Err(at(&path, Fault::layout("another file has come in its place")));
                }
                archive.prove(&self.verifier).map_err(|fault| at(&path, fault))?;
                self.rows = Some(Box::new(archive.rows().map_err(|fault| at(&path, fault))?));
                self.path = path;
                continue;
            };
            let Some(row) = rows.next() else {
                self.rows = None;
                continue;
            };
            let row = row.map_err(|fault| at(&self.path, fault))?;
            let found = row.recorded.sequence;
            match self.next {
                // Another file has told it.
                Some(next) if found < next => {}
                Some(expected) if found > expected => {
                    let stream = self.name.clone();
                    return Err(at(&self.path, Fault::OutOfOrder { stream, expected, found }));
                }
                Some(_) | None => {
                    self.next = Some(found + 1);
                    return Ok(Some(row));
                }
            }
        }
    }
}

fn open(path: &Path) -> Result<Archive, ArchiveError> {
    let bytes = std::fs::read(path).map_err(|error| at(path, Fault::place("read")(error)))?;
    Archive::open(bytes.into()).map_err(|fault| at(path, fault))
}

fn files(path: &Path) -> std::io::Result<Vec<PathBuf>> {
    if !std::fs::metadata(path)?.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let mut found = Vec::new();
    for entry in std::fs::read_dir(path)? {
        let path = entry?.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != UNSEALED) {
                found.extend(files(&path)?);
            }
        } else if path.extension().is_some_and(|extension| extension == EXTENSION) {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

fn at(path: &Path, fault: Fault) -> ArchiveError {
    fault.of(path.display().to_string())
}
