//! What a node must remember over a restart: which grants were revoked, which requests it served, and how much grants were used.

mod ledger;

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use jiff::{SignedDuration, Timestamp};
use publicdata_exchange_domain::{Terms, Usage};
use publicdata_types::{Digest, GrantId, OrganisationCode, TransferId};

use ledger::{Ledger, Sent};

const FILE: &str = "journal";
/// After so many lines the file is written anew, without what is not needed any more.
const LINES_MAX: usize = 10_000;

/// A file of lines, each synced before it counts: by this, unless said otherwise.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: Arc<File>,
    /// Whether a sync failed: what was written may be lost, and the system says so once alone.
    is_broken: Arc<AtomicBool>,
    lines: usize,
    /// So that it is not written anew for every line where much is to be kept.
    lines_max: usize,
    revoked: HashSet<GrantId>,
    served: HashMap<Digest, Timestamp>,
    ledger: Ledger,
    keep: SignedDuration,
}

/// The journal cannot be read or written; without it, the node serves nothing.
#[derive(Debug, thiserror::Error)]
#[error("the node's journal {path} cannot be used")]
pub struct JournalError {
    path: String,
    #[source]
    source: io::Error,
}

/// Lines that were written, and may be lost until they are synced.
#[derive(Debug)]
#[must_use = "what is not synced may be lost"]
pub struct Written {
    path: PathBuf,
    file: Arc<File>,
    is_broken: Arc<AtomicBool>,
}

/// Whether a request is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// It was not served before.
    Never,
    /// It was.
    Before,
}

enum Entry {
    Revoked(GrantId),
    Served(Digest, Timestamp),
    Used(ledger::Line),
}

impl Journal {
    /// Opens the journal in this folder. Requests older than `keep` are refused for their age, and so
    /// need not be remembered.
    pub fn open(folder: &Path, now: Timestamp, keep: SignedDuration) -> Result<Self, JournalError> {
        let path = folder.join(FILE);
        let error = |source| JournalError { path: path.display().to_string(), source };
        fs::create_dir_all(folder).map_err(error)?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => String::new(),
            Err(source) => return Err(error(source)),
        };

        let (mut revoked, mut served) = (HashSet::new(), HashMap::new());
        let mut ledger = Ledger::default();
        // What follows the last line break was cut short by a crash, and had no effect.
        let whole = text.rsplit_once('\n').map_or("", |(whole, _)| whole);
        for (number, line) in whole.lines().enumerate() {
            match line.parse() {
                Ok(Entry::Revoked(grant)) => drop(revoked.insert(grant)),
                Ok(Entry::Served(request, at)) => drop(served.insert(request, at)),
                Ok(Entry::Used(line)) => ledger.enter(&line),
                Err(()) => {
                    let text = format!("line {} is damaged", number + 1);
                    return Err(error(io::Error::new(io::ErrorKind::InvalidData, text)));
                }
            }
        }
        let file = OpenOptions::new().append(true).create(true).open(&path).map_err(error)?;
        let mut journal = Self {
            path,
            file: Arc::new(file),
            is_broken: Arc::default(),
            lines: 0,
            lines_max: LINES_MAX,
            revoked,
            served,
            ledger,
            keep,
        };
        journal.rewrite(now)?;
        Ok(journal)
    }

    /// Whether the node was told that a grant was revoked.
    #[must_use]
    pub fn is_revoked(&self, grant: GrantId) -> bool {
        self.revoked.contains(&grant)
    }

    /// Remembers that a grant was revoked.
    pub fn revoke(&mut self, grant: GrantId) -> Result<(), JournalError> {
        if self.revoked.contains(&grant) {
            return Ok(());
        }
        self.write(&format!("revoked {grant}\n"))?;
        self.written().sync()?;
        self.revoked.insert(grant);
        Ok(())
    }

    /// Remembers a request before it is served, and says whether it was served before. It is [`written`](Self::written), not synced.
    pub fn serve(
        &mut self,
        transfer: TransferId,
        seal_key: &[u8],
        requested_at: Timestamp,
        now: Timestamp,
    ) -> Result<Seen, JournalError> {
        let mut request = transfer.as_uuid().as_bytes().to_vec();
        request.extend_from_slice(seal_key);
        let request = Digest::of(request);
        if self.served.contains_key(&request) {
            return Ok(Seen::Before);
        }

        self.write(&format!("served {request} {requested_at}\n"))?;
        self.served.insert(request, requested_at);
        if self.lines > self.lines_max {
            self.rewrite(now)?;
        }
        Ok(Seen::Never)
    }

    /// What a consumer did under a grant before this attempt at a transfer. If the attempt goes on with what counts already, no
    /// beginning counts.
    #[must_use]
    pub fn usage(
        &self,
        key: (GrantId, OrganisationCode),
        transfer: TransferId,
        received_frames: u64,
    ) -> Usage {
        self.ledger.usage(key, transfer, received_frames)
    }

    /// Remembers an attempt at a transfer, if its grant has a limit that it counts against. Answers how many rows the attempts
    /// before it were sent. It is [`written`](Self::written), not synced.
    pub fn begin(
        &mut self,
        terms: &Terms,
        consumer: OrganisationCode,
        (transfer, received_frames): (TransferId, u64),
        now: Timestamp,
    ) -> Result<u64, JournalError> {
        let key = (terms.grant, consumer);
        if !terms.counts_use() {
            return Ok(0);
        }
        if !self.ledger.goes_on(key, transfer, received_frames) {
            let until = terms.valid_until;
            self.enter(&ledger::Line::Began { key, until, transfer, at: now })?;
        } else if let Some(sent) = self.ledger.sent(key, transfer)
            && received_frames < sent.frames
        {
            let sent = Sent { resent: sent.resent + 1, ..sent };
            self.enter(&ledger::Line::Delivered { key, transfer, sent })?;
        }
        Ok(self.ledger.sent(key, transfer).unwrap_or_default().rows)
    }

    /// Remembers what was sent of a transfer in all its attempts, if its grant has a limit.
    pub fn delivered(
        &mut self,
        key: (GrantId, OrganisationCode),
        transfer: TransferId,
        rows: u64,
        frames: u64,
    ) -> Result<(), JournalError> {
        let Some(known) = self.ledger.sent(key, transfer) else { return Ok(()) };
        let sent = Sent { rows, frames: frames.max(known.frames), ..known };
        match sent == known {
            true => Ok(()),
            false => {
                self.enter(&ledger::Line::Delivered { key, transfer, sent })?;
                self.written().sync()
            }
        }
    }

    /// All that was written so far. Whoever syncs it need not keep others from writing meanwhile, so that many wait for the disk
    /// at once rather than in line.
    pub fn written(&self) -> Written {
        let (file, is_broken) = (Arc::clone(&self.file), Arc::clone(&self.is_broken));
        Written { path: self.path.clone(), file, is_broken }
    }

    fn enter(&mut self, line: &ledger::Line) -> Result<(), JournalError> {
        // It happened, whether or not it can be written down.
        self.ledger.enter(line);
        self.write(&format!("{line}\n"))
    }

    fn write(&mut self, line: &str) -> Result<(), JournalError> {
        if self.is_broken.load(Ordering::Acquire) {
            self.write_anew()?;
        }
        self.lines += 1;
        let length = self.file.metadata().map_err(|source| self.error(source))?.len();
        (&*self.file).write_all(line.as_bytes()).map_err(|source| {
            // Half a line would run into the next one.
            let _ = self.file.set_len(length);
            self.error(source)
        })
    }

    fn rewrite(&mut self, now: Timestamp) -> Result<(), JournalError> {
        let keep = self.keep;
        self.served.retain(|_, at| now.duration_since(*at) <= keep);
        self.ledger.forget(now);
        self.write_anew()
    }

    /// Writes and syncs all that is remembered, in the place of what was written before.
    fn write_anew(&mut self) -> Result<(), JournalError> {
        let mut lines: Vec<String> =
            self.revoked.iter().map(|grant| format!("revoked {grant}\n")).collect();
        lines.extend(self.served.iter().map(|(request, at)| format!("served {request} {at}\n")));
        lines.extend(self.ledger.lines().map(|line| format!("{line}\n")));
        let file = replace(&self.path, &lines.concat()).map_err(|source| self.error(source))?;
        self.lines = lines.len();
        self.lines_max = LINES_MAX.max(2 * lines.len());
        self.file = Arc::new(file);
        self.is_broken = Arc::default();
        Ok(())
    }

    fn error(&self, source: io::Error) -> JournalError {
        JournalError { path: self.path.display().to_string(), source }
    }
}

impl Written {
    /// Waits until all of it is on disk.
    pub fn sync(self) -> Result<(), JournalError> {
        let Self { path, file, is_broken } = self;
        let synced = match file.sync_data() {
            // Another waiter was told of a failure that is this one's too.
            Ok(()) if is_broken.load(Ordering::Acquire) => {
                Err(io::Error::other("what was written before could not be synced"))
            }
            synced => synced,
        };
        synced.map_err(|source| {
            is_broken.store(true, Ordering::Release);
            JournalError { path: path.display().to_string(), source }
        })
    }
}

fn replace(path: &Path, text: &str) -> io::Result<File> {
    let draft = path.with_extension("new");
    let mut file = File::create(&draft)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&draft, path)?;
    if let Some(folder) = path.parent() {
        File::open(folder)?.sync_all()?;
    }
    OpenOptions::new().append(true).open(path)
}

impl FromStr for Entry {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        if let Ok(line) = line.parse() {
            return Ok(Self::Used(line));
        }
        let mut words = line.split(' ');
        let entry = match (words.next(), words.next(), words.next()) {
            (Some("revoked"), Some(grant), None) => Self::Revoked(grant.parse().map_err(drop)?),
            (Some("served"), Some(request), Some(at)) => {
                Self::Served(request.parse().map_err(drop)?, at.parse().map_err(drop)?)
            }
            _ => return Err(()),
        };
        match words.next() {
            None => Ok(entry),
            Some(_) => Err(()),
        }
    }
}

#[cfg(test)]
mod tests;
