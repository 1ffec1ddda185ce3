//! An entry as documents: one if all see the same of it, two if those who may see drafts see something else.

use publicdata_types::ResourceCode;
use tantivy::TantivyDocument;

use super::analysis::pinyin;
use super::facets::Packed;
use super::schema::{Fields, audience};
use super::state::State;
use crate::codec::status_to_wire;
use crate::entry::{Entry, Reader};

/// The documents of an entry.
pub(super) fn of_entry(
    fields: &Fields,
    state: &State,
    provider_name: &str,
) -> Vec<TantivyDocument> {
    let written = &state.entry;
    let shown = written.clone().seen_by(Reader::Service);
    let stored = state.encode();
    let make = |entry, audience| {
        let mut document = described(fields, entry, provider_name);
        document.add_text(fields.audience, audience);
        document.add_bytes(fields.state, &stored);
        document.add_u64(fields.number, state.number);
        document
    };
    match &shown {
        None => vec![make(written, audience::INSIDERS)],
        Some(shown) if shown == written => vec![make(written, audience::EVERYONE)],
        Some(shown) => {
            vec![make(written, audience::INSIDERS), make(shown, audience::OUTSIDERS)]
        }
    }
}

/// The document that keeps an organisation's name.
pub(super) fn of_organisation(fields: &Fields, code: &str, name: &str) -> TantivyDocument {
    let mut document = TantivyDocument::default();
    document.add_text(fields.id, code);
    document.add_text(fields.audience, audience::NOBODY);
    document.add_bytes(fields.state, name.as_bytes());
    document
}

fn described(fields: &Fields, entry: &Entry, provider_name: &str) -> TantivyDocument {
    let description = &entry.description;
    let mut document = TantivyDocument::default();
    document.add_text(fields.id, entry.id.to_string());
    document.add_text(fields.provider, description.provider.to_string());
    let region = entry.region.to_string();
    for digits in [2, 4, 6] {
        document.add_text(fields.within, &region[..digits]);
    }
    document.add_text(fields.code, entry.code.to_string());

    // One name: line breaks within it are no end of it.
    let name = description.name.replace('\n', " ");
    let provider_name = provider_name.replace('\n', " ");
    let titles: Vec<String> =
        description.items.iter().map(|item| item.title.replace('\n', " ")).collect();
    let mut readings = titles.join("\n");
    readings.push('\n');
    readings.push_str(&provider_name);
    document.add_text(fields.readings, &readings);
    document.add_text(fields.syllables, &name);
    document.add_text(fields.name_key, pinyin::sort_key(&name));

    let texts = [
        name.as_str(),
        &readings,
        &description.entity,
        &description.abstract_,
        &description.use_requirements,
        &description.format_detail,
    ];
    let mut text = texts.join("\n");
    for item in &description.items {
        text.push('\n');
        text.push_str(&item.name);
    }
    document.add_text(fields.text, text);
    document.add_text(fields.name, name);

    document.add_text(fields.code_key, code_key(&entry.code));
    document.add_u64(fields.packed, Packed::of(entry, status_to_wire(entry.status)).0);
    document.add_u64(fields.updated_at, microseconds(entry.updated_at));
    let published = entry.published.as_ref();
    document.add_u64(fields.published_at, published.map_or(0, |it| microseconds(it.at)));
    document
}

/// What puts codes in order, however many digits the serial number has.
fn code_key(code: &ResourceCode) -> String {
    format!("{}/{:020}", code.classification, code.serial)
}

/// Before 1970 there is no catalogue.
fn microseconds(at: jiff::Timestamp) -> u64 {
    u64::try_from(at.as_microsecond()).unwrap_or_default()
}
