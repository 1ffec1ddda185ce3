//! The manifest: JSON, a line for each delivery in order, and one when its receipt was handed in.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{Read as _, Write as _};

use prost::Message as _;
use publicdata_proto::exchange::v1::ConfirmDeliveryRequest;
use publicdata_types::TransferId;
use serde::{Deserialize, Serialize};

use super::Place;
use crate::sink::note::{follows_of, follows_word};
use crate::sink::{Effect, Note, SinkError};

/// A manifest that nobody else opens meanwhile.
pub(super) struct Manifest {
    file: File,
    place: Place,
    deliveries: Vec<(String, Note)>,
    confirmed: HashSet<TransferId>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "line", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum Line {
    Delivered(Box<Delivered>),
    Confirmed { transfer_id: String },
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Delivered {
    number: u64,
    file: String,
    /// What readers do with the file's rows.
    effect: String,
    rows: u64,
    rows_total: u64,
    committed_at: String,
    transfer_id: String,
    subscription_id: String,
    run: String,
    run_began_at: String,
    follows: String,
    source_version: String,
    receipt: String,
}

impl Manifest {
    /// Opens it, or begins one, and cuts off what a crash left of a line.
    pub(super) fn open(place: &Place) -> Result<Self, SinkError> {
        let failed = |error| place.failed(error);
        fs::create_dir_all(&place.folder).map_err(failed)?;
        let mut options = OpenOptions::new();
        let mut file =
            options.read(true).append(true).create(true).open(place.manifest()).map_err(failed)?;
        file.lock().map_err(failed)?;
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(failed)?;
        let whole = text.rfind('\n').map_or(0, |last| last + 1);
        if whole < text.len() {
            file.set_len(whole as u64).and_then(|()| file.sync_all()).map_err(failed)?;
        }

        let place = place.clone();
        let mut manifest = Self { file, place, deliveries: Vec::new(), confirmed: HashSet::new() };
        for (index, line) in text[..whole].lines().enumerate() {
            manifest.read(line).ok_or_else(|| SinkError::Damaged {
                kind: manifest.place.kind,
                place: format!("line {} of {}", index + 1, manifest.place.manifest().display()),
            })?;
        }
        Ok(manifest)
    }

    pub(super) fn last(&self) -> Option<Note> {
        self.deliveries.last().map(|(_, note)| note.clone())
    }

    pub(super) fn unconfirmed(&self) -> Vec<Note> {
        let notes = self.deliveries.iter().map(|(_, note)| note);
        notes.filter(|note| !self.confirmed.contains(&note.transfer)).cloned().collect()
    }

    pub(super) fn has(&self, transfer: TransferId) -> bool {
        self.deliveries.iter().any(|(_, note)| note.transfer == transfer)
    }

    pub(super) fn names(&self, file: &str) -> bool {
        self.deliveries.iter().any(|(name, _)| name == file)
    }

    pub(super) fn enter(
        &mut self,
        file: &str,
        effect: Effect,
        note: &Note,
    ) -> Result<(), SinkError> {
        self.append(&Line::Delivered(Box::new(Delivered {
            number: note.number,
            file: file.to_owned(),
            effect: effect.as_str().to_owned(),
            rows: note.rows,
            rows_total: note.rows_total,
            committed_at: note.at.to_string(),
            transfer_id: note.transfer.to_string(),
            subscription_id: self.place.subscription.to_string(),
            run: note.run.as_str().to_owned(),
            run_began_at: note.run_began_at.to_string(),
            follows: follows_word(note.follows).to_owned(),
            source_version: note.source_version.clone(),
            receipt: hex::encode(note.receipt.encode_to_vec()),
        })))
    }

    pub(super) fn confirm(&mut self, transfer: TransferId) -> Result<(), SinkError> {
        match self.confirmed.contains(&transfer) || !self.has(transfer) {
            true => Ok(()),
            false => self.append(&Line::Confirmed { transfer_id: transfer.to_string() }),
        }
    }

    fn append(&mut self, line: &Line) -> Result<(), SinkError> {
        // A struct of texts and numbers always has a JSON form.
        let mut text = serde_json::to_string(line).unwrap_or_default();
        text.push('\n');
        let length = self.file.metadata().map_err(|error| self.place.failed(error))?.len();
        let written = self.file.write_all(text.as_bytes()).and_then(|()| self.file.sync_all());
        written.map_err(|error| {
            // Half a line would run into the next one.
            let _ = self.file.set_len(length);
            self.place.failed(error)
        })
    }

    fn read(&mut self, line: &str) -> Option<()> {
        match serde_json::from_str(line).ok()? {
            Line::Confirmed { transfer_id } => {
                self.confirmed.insert(transfer_id.parse().ok()?);
            }
            Line::Delivered(line) => {
                // The files of two subscriptions would be taken for one's.
                if line.subscription_id.parse() != Ok(self.place.subscription) {
                    return None;
                }
                let receipt = hex::decode(line.receipt).ok()?;
                let note = Note {
                    number: line.number,
                    transfer: line.transfer_id.parse().ok()?,
                    run: line.run.parse().ok()?,
                    follows: follows_of(&line.follows)?,
                    rows: line.rows,
                    rows_total: line.rows_total,
                    run_began_at: line.run_began_at.parse().ok()?,
                    at: line.committed_at.parse().ok()?,
                    source_version: line.source_version,
                    receipt: ConfirmDeliveryRequest::decode(receipt.as_slice()).ok()?,
                };
                self.deliveries.push((line.file, note));
            }
        }
        Some(())
    }
}
