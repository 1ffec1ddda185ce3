//! Masking of sensitive items, before anything leaves the node.

mod address;
mod form;
mod general;
mod kind;

use std::fmt;
use std::fs;
use std::io;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, RecordBatch, StringArray, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Schema, SchemaRef};
use arrow::error::ArrowError;
use publicdata_exchange_domain::terms::Field;
use publicdata_types::mask::JoinDomain;
use publicdata_types::{GrantId, Mask, ResourceId};
use rand::RngCore as _;
use ring::hmac;

use crate::source::value::arrow_type;

const KEY_BYTES: usize = 32;
const KEY_FILE: &str = "pseudonym.key";
/// Half of the digest: short enough to read, long enough never to meet by chance.
const PSEUDONYM_BYTES: usize = 16;
/// What stands for a hidden character.
const VEIL: char = '*';

/// The key that turns values into pseudonyms. It never leaves its node, and if it is lost, so is the
/// link between old and new pseudonyms.
#[derive(Clone)]
pub struct PseudonymKey(hmac::Key);

/// Masks the columns of each batch.
#[derive(Clone, Debug)]
pub struct Masking {
    fields: Vec<Field>,
    key: PseudonymKey,
    schema: SchemaRef,
}

/// Where pseudonyms are the same for the same value.
#[derive(Clone, Copy)]
enum Place<'a> {
    /// In items of this name.
    Item(&'a str),
    /// In this domain.
    Domain(&'a JoinDomain),
}

/// The key cannot be read or made.
#[derive(Debug, thiserror::Error)]
#[error("the node's pseudonym key in {path} cannot be used")]
pub struct KeyError {
    path: String,
    #[source]
    source: io::Error,
}

/// The schema of what is delivered: a grant's fields, and what their masks leave of them.
#[must_use]
pub fn schema_of(fields: &[Field]) -> SchemaRef {
    let field = |field: &Field| {
        let masked = match &field.mask {
            Some(mask) if !mask.keeps_type() => DataType::Utf8,
            Some(_) | None => arrow_type(field.kind),
        };
        arrow::datatypes::Field::new(&field.name, masked, true)
    };
    Arc::new(Schema::new(fields.iter().map(field).collect::<Vec<_>>()))
}

// === impl PseudonymKey ===

impl PseudonymKey {
    /// Reads the node's key, or makes one at the first start.
    pub fn open(folder: &Path) -> Result<Self, KeyError> {
        let path = folder.join(KEY_FILE);
        let error = |source| KeyError { path: path.display().to_string(), source };
        let bytes = match fs::read(&path) {
            Ok(bytes) => bytes,
            Err(missing) if missing.kind() == io::ErrorKind::NotFound => {
                make_key(&path).map_err(error)?
            }
            Err(source) => return Err(error(source)),
        };
        match bytes.len() {
            KEY_BYTES => Ok(Self::from_bytes(&bytes)),
            _ => Err(error(io::Error::new(io::ErrorKind::InvalidData, "not a key of 32 bytes"))),
        }
    }

    /// A key of these bytes.
    #[must_use]
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// The reference of a row: the same for the same values of what identifies it, and another under each grant, so that two grants of
    /// a resource cannot be joined by it.
    #[must_use]
    pub fn row<'v>(
        &self,
        resource: ResourceId,
        grant: GrantId,
        values: impl Iterator<Item = Option<&'v str>>,
    ) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"\0\0row\0");
        context.update(resource.as_uuid().as_bytes());
        context.update(grant.as_uuid().as_bytes());
        for value in values {
            // With its length, so that no two rows run together.
            let value = value.map_or(&[][..], str::as_bytes);
            context.update(&(value.len() as u64).to_be_bytes());
            context.update(value);
        }
        hex::encode(&context.sign().as_ref()[..PSEUDONYM_BYTES])
    }

    /// The reference of whom or what a data service of a resource is asked about: the same in all answers, whoever asks.
    #[must_use]
    pub fn subject(&self, resource: ResourceId, parameter: &str, value: &str) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        context.update(b"\0\0subject\0");
        context.update(resource.as_uuid().as_bytes());
        context.update(parameter.as_bytes());
        context.update(&[0]);
        context.update(value.trim().as_bytes());
        hex::encode(&context.sign().as_ref()[..PSEUDONYM_BYTES])
    }

    /// The same value always has the same pseudonym: of items of the same name, or in the same domain.
    fn pseudonym(&self, place: Place<'_>, value: &str) -> String {
        let mut context = hmac::Context::with_key(&self.0);
        match place {
            Place::Item(name) => context.update(name.as_bytes()),
            Place::Domain(domain) => {
                // No item's name begins so: no domain has the pseudonyms of an item.
                context.update(&[0]);
                context.update(domain.as_str().as_bytes());
            }
        }
        context.update(&[0]);
        context.update(value.as_bytes());
        hex::encode(&context.sign().as_ref()[..PSEUDONYM_BYTES])
    }
}

impl fmt::Debug for PseudonymKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PseudonymKey").finish_non_exhaustive()
    }
}

fn make_key(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = vec![0; KEY_BYTES];
    rand::rng().fill_bytes(&mut bytes);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(&bytes)?;
    file.sync_all()?;
    Ok(bytes)
}

// === impl Masking ===

impl Masking {
    /// Masks for these fields, in order.
    #[must_use]
    pub fn new(fields: &[Field], key: PseudonymKey) -> Self {
        Self { fields: fields.to_vec(), key, schema: schema_of(fields) }
    }

    /// The schema of masked batches.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// Masks a batch.
    pub fn apply(&self, batch: &RecordBatch) -> Result<RecordBatch, ArrowError> {
        let mut columns = Vec::with_capacity(self.fields.len());
        for (field, column) in self.fields.iter().zip(batch.columns()) {
            columns.push(match &field.mask {
                None => ArrayRef::clone(column),
                Some(mask) => self.masked(mask, field, column)?,
            });
        }
        RecordBatch::try_new(SchemaRef::clone(&self.schema), columns)
    }

    fn masked(
        &self,
        mask: &Mask,
        field: &Field,
        column: &ArrayRef,
    ) -> Result<ArrayRef, ArrowError> {
        if !mask.fits(field.kind) {
            // Whoever signed this, nothing of it leaves.
            let kept = if mask.keeps_type() { column.data_type() } else { &DataType::Utf8 };
            return Ok(new_null_array(kept, column.len()));
        }
        match mask {
            Mask::Suppress => Ok(new_null_array(column.data_type(), column.len())),
            Mask::Partial => texts(column, |text| Some(veil(text))),
            Mask::Pseudonym(None) => {
                texts(column, |text| Some(self.key.pseudonym(Place::Item(&field.name), text)))
            }
            Mask::Pseudonym(Some(domain)) => texts(column, |text| {
                let text = form::joining(domain.form(), text)?;
                Some(self.key.pseudonym(Place::Domain(domain), &text))
            }),
            Mask::IdentityNumber => texts(column, kind::identity_number),
            Mask::Mobile => texts(column, kind::mobile),
            Mask::PersonName => texts(column, kind::person_name),
            Mask::Address => texts(column, address::address),
            Mask::BankCard => texts(column, kind::bank_card),
            Mask::Month => texts(column, general::month),
            Mask::Year => texts(column, general::year),
            Mask::Band(width) => general::bands(column, *width),
            Mask::Round(step) => general::rounded(column, *step),
        }
    }
}

/// Masks values as texts. What the mask makes nothing of becomes null.
fn texts(column: &ArrayRef, mask: impl Fn(&str) -> Option<String>) -> Result<ArrayRef, ArrowError> {
    let plain = cast(column, &DataType::Utf8)?;
    let masked: StringArray =
        plain.as_string::<i32>().iter().map(|text| text.and_then(&mask)).collect();
    Ok(Arc::new(masked))
}

/// The first and the last character stay, those between become asterisks. Of one or two characters,
/// nothing would be hidden: only the first of two stays, and none of one.
fn veil(text: &str) -> String {
    let characters: Vec<char> = text.chars().collect();
    match characters.as_slice() {
        [] => String::new(),
        [_] => VEIL.to_string(),
        [first, _] => [*first, VEIL].iter().collect(),
        [first, between @ .., last] => {
            let mut veiled = String::with_capacity(text.len());
            veiled.push(*first);
            veiled.extend(between.iter().map(|_| VEIL));
            veiled.push(*last);
            veiled
        }
    }
}

#[cfg(test)]
mod tests;
