//! Puts a stream back as it was: the same places, times of receipt, subjects, ids and bytes.
//!
//! Whoever publishes cannot say when a message was received, and a log that proves that time would find each event changed. So a stream
//! is written as the files that nats-server keeps of it, before a server starts on them: block after block of records, each with its
//! checksum, and the stream's configuration. Every later server has to read them, since it has to read its own of years ago; and one
//! that does not is found out, because whoever restores reads everything back.

mod record;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::path::{Path, PathBuf};

use highway::{HighwayHash as _, HighwayHasher};
use serde_json::json;

use crate::jetstream::StreamOptions;
use crate::{BoxError, Recorded};

/// Where the streams of the one account are, below the folder of streams.
const ACCOUNT_FOLDER: &str = "jetstream/$G/streams";
const MESSAGES_FOLDER: &str = "msgs";
const CONFIG_FILE: &str = "meta.inf";
const CONFIG_CHECKSUM_FILE: &str = "meta.sum";
/// What the server puts into one file of a stream without limits.
const BLOCK_BYTES_MAX: usize = 8 << 20;
const BUFFER_BYTES: usize = 1 << 20;

/// Why a stream is not restored. What is there of it is not the stream: begin again in an empty folder.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is a stream already.
    #[error(
        "{} is there already: restore into a folder without streams", folder.display()
    )]
    Exists {
        /// Its folder.
        folder: PathBuf,
    },
    /// What was handed over is not what comes next.
    #[error("stream {stream} goes on with commit {expected}, not with {found} of {of}")]
    OutOfOrder {
        /// The stream.
        stream: String,
        /// What comes next.
        expected: u64,
        /// What was handed over.
        found: u64,
        /// The stream that it is of.
        of: String,
    },
    /// A file or folder cannot be written.
    #[error("cannot write {}", path.display())]
    File {
        /// The file or folder.
        path: PathBuf,
        /// Why it failed.
        source: io::Error,
    },
    /// A commit has a length or a time that cannot be written.
    #[error("commit {sequence} of stream {stream} cannot be stored")]
    Unstorable {
        /// The stream.
        stream: String,
        /// The commit.
        sequence: u64,
        /// Why.
        source: BoxError,
    },
}

/// A stream that is being restored. The server must not run before it is finished.
#[derive(Debug)]
pub struct Restoring {
    options: StreamOptions,
    folder: PathBuf,
    last: u64,
    block: Option<Block>,
    blocks: u32,
}

#[derive(Debug)]
struct Block {
    path: PathBuf,
    file: BufWriter<File>,
    bytes: usize,
    checksums: record::Checksums,
}

impl Restoring {
    /// Begins to restore a stream for a server whose data folder is `data_dir`, as in [`ServerOptions`](crate::server::ServerOptions).
    ///
    /// # Errors
    /// The stream exists, or its folder cannot be made.
    pub fn begin(data_dir: &Path, options: StreamOptions) -> Result<Self, RestoreError> {
        let store = crate::server::config::store_dir(data_dir);
        let folder = store.join(ACCOUNT_FOLDER).join(&options.name);
        if folder.exists() {
            return Err(RestoreError::Exists { folder });
        }
        let messages = folder.join(MESSAGES_FOLDER);
        fs::create_dir_all(&messages)
            .map_err(|source| RestoreError::File { path: messages, source })?;
        Ok(Self { options, folder, last: 0, block: None, blocks: 0 })
    }

    /// Hands over the next commit.
    ///
    /// # Errors
    /// It is not the next one, or cannot be written.
    pub fn push(&mut self, recorded: &Recorded) -> Result<(), RestoreError> {
        let expected = self.last + 1;
        if recorded.sequence != expected || recorded.stream != self.options.name {
            let (stream, found) = (self.options.name.clone(), recorded.sequence);
            let of = recorded.stream.clone();
            return Err(RestoreError::OutOfOrder { stream, expected, found, of });
        }
        let mut block = match self.block.take() {
            Some(block) if block.bytes < BLOCK_BYTES_MAX => block,
            full => {
                full.map_or(Ok(()), Block::finish)?;
                self.next_block()?
            }
        };
        let bytes = block.checksums.record(recorded).map_err(|source| {
            let (stream, sequence) = (recorded.stream.clone(), recorded.sequence);
            RestoreError::Unstorable { stream, sequence, source }
        })?;
        let written = block.file.write_all(&bytes);
        written.map_err(|source| RestoreError::File { path: block.path.clone(), source })?;
        block.bytes += bytes.len();
        self.block = Some(block);
        self.last = expected;
        Ok(())
    }

    /// That was all: the stream is on disk. Answers its last sequence.
    ///
    /// # Errors
    /// A file cannot be written.
    pub fn finish(mut self) -> Result<u64, RestoreError> {
        self.block.take().map_or(Ok(()), Block::finish)?;
        let config = self.config()?;
        let key = record::key(&self.options.name);
        let checksum = HighwayHasher::new(key).hash64(&config).to_le_bytes();
        self.write(CONFIG_FILE, &config)?;
        self.write(CONFIG_CHECKSUM_FILE, hex::encode(checksum).as_bytes())?;
        for folder in [self.folder.join(MESSAGES_FOLDER), self.folder.clone()] {
            let synced = File::open(&folder).and_then(|folder| folder.sync_all());
            synced.map_err(|source| RestoreError::File { path: folder, source })?;
        }
        Ok(self.last)
    }

    fn next_block(&mut self) -> Result<Block, RestoreError> {
        self.blocks += 1;
        let path = self.folder.join(MESSAGES_FOLDER).join(format!("{}.blk", self.blocks));
        match File::create_new(&path) {
            Ok(file) => Ok(Block {
                path,
                file: BufWriter::with_capacity(BUFFER_BYTES, file),
                bytes: 0,
                checksums: record::Checksums::of_block(&self.options.name, self.blocks),
            }),
            Err(source) => Err(RestoreError::File { path, source }),
        }
    }

    /// The configuration as the server keeps it: what it is asked for, and when the stream was made.
    fn config(&self) -> Result<Vec<u8>, RestoreError> {
        let written = serde_json::to_value(self.options.config()).and_then(|mut config| {
            // The server sets its own where there is none; the time tells nobody anything, but has to be one.
            config["Created"] = json!("1970-01-01T00:00:00Z");
            serde_json::to_vec(&config)
        });
        written.map_err(|error| RestoreError::File {
            path: self.folder.join(CONFIG_FILE),
            source: error.into(),
        })
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), RestoreError> {
        let path = self.folder.join(name);
        let written = File::create_new(&path).and_then(|mut file| {
            file.write_all(bytes)?;
            file.sync_all()
        });
        written.map_err(|source| RestoreError::File { path, source })
    }
}

impl Block {
    fn finish(mut self) -> Result<(), RestoreError> {
        let synced = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        synced.map_err(|source| RestoreError::File { path: self.path, source })
    }
}
