//! The fields of a document.

use tantivy::schema::{
    FAST, Field, IndexRecordOption, STORED, Schema, SchemaBuilder, TextFieldIndexing, TextOptions,
};

use super::analysis::Analyser;

/// The version of the schema, of how text is analysed and of what is stored. An index of another one is built anew, so it goes up
/// with every change of these.
pub const VERSION: u32 = 1;

/// Name of the fast field of the provider.
pub(super) const PROVIDER: &str = "provider";
/// Name of the fast field that holds what is counted and filtered, packed.
pub(super) const PACKED: &str = "packed";
/// Name of the fast field that tells entries apart that are alike in an order.
pub(super) const NUMBER: &str = "number";
/// Name of the fast field of the moment of the last change.
pub(super) const UPDATED_AT: &str = "updated_at";
/// Name of the fast field of the moment of publication.
pub(super) const PUBLISHED_AT: &str = "published_at";
/// Name of the fast field that orders by name.
pub(super) const NAME_KEY: &str = "name_key";
/// Name of the fast field that orders by code.
pub(super) const CODE_KEY: &str = "code_key";

/// Who a document is for: the document's part in [`super::view`].
pub(super) mod audience {
    /// Whoever may see drafts.
    pub(crate) const INSIDERS: &str = "insiders";
    /// Whoever may not.
    pub(crate) const OUTSIDERS: &str = "outsiders";
    /// All: there is nothing that they see otherwise.
    pub(crate) const EVERYONE: &str = "everyone";
    /// Nobody: it is no entry, but an organisation's name.
    pub(crate) const NOBODY: &str = "nobody";
}

/// The fields.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fields {
    /// The entry's id, or the organisation's code: what a document is replaced by.
    pub(super) id: Field,
    /// One of [`audience`].
    pub(super) audience: Field,
    /// The provider's code.
    pub(super) provider: Field,
    /// The provider's division and those that it lies in, as their leading digits.
    pub(super) within: Field,
    /// Every beginning of the entry's code, and so of its classification.
    pub(super) code: Field,
    /// The name.
    pub(super) name: Field,
    /// All that is searched: the name, items' titles and identifiers, the provider's name, the abstract and so on.
    pub(super) text: Field,
    /// Pinyin of the name.
    pub(super) syllables: Field,
    /// Pinyin of items' titles and of the provider's name.
    pub(super) readings: Field,
    /// What an entry is folded from and answered with, or the organisation's name.
    pub(super) state: Field,
    pub(super) packed: Field,
    pub(super) number: Field,
    pub(super) updated_at: Field,
    pub(super) published_at: Field,
    pub(super) name_key: Field,
    pub(super) code_key: Field,
}

impl Fields {
    /// The schema, and its fields.
    pub(super) fn schema() -> (Schema, Self) {
        let mut builder = Schema::builder();
        let fields = Self {
            id: builder.add_text_field("id", exact()),
            audience: builder.add_text_field("audience", exact()),
            provider: builder.add_text_field(PROVIDER, exact() | fast()),
            within: builder.add_text_field("within", exact()),
            code: analysed(&mut builder, "code", Analyser::Beginnings),
            name: analysed(&mut builder, "name", Analyser::Grams),
            text: analysed(&mut builder, "text", Analyser::Grams),
            syllables: analysed(&mut builder, "syllables", Analyser::Syllables),
            readings: analysed(&mut builder, "readings", Analyser::Readings),
            state: builder.add_bytes_field("state", STORED),
            packed: builder.add_u64_field(PACKED, FAST),
            number: builder.add_u64_field(NUMBER, FAST),
            updated_at: builder.add_u64_field(UPDATED_AT, FAST),
            published_at: builder.add_u64_field(PUBLISHED_AT, FAST),
            name_key: builder.add_text_field(NAME_KEY, fast()),
            code_key: builder.add_text_field(CODE_KEY, fast()),
        };
        (builder.build(), fields)
    }
}

fn exact() -> TextOptions {
    indexed("raw", IndexRecordOption::Basic)
}

fn fast() -> TextOptions {
    TextOptions::default().set_fast("raw")
}

fn analysed(builder: &mut SchemaBuilder, name: &str, analyser: Analyser) -> Field {
    // Where a phrase is looked for, positions count; elsewhere a term occurs or does not.
    let option = match analyser {
        Analyser::Grams | Analyser::Syllables => IndexRecordOption::WithFreqsAndPositions,
        Analyser::Readings | Analyser::Beginnings => IndexRecordOption::Basic,
    };
    builder.add_text_field(name, indexed(analyser.name(), option))
}

fn indexed(tokenizer: &str, option: IndexRecordOption) -> TextOptions {
    let indexing = TextFieldIndexing::default()
        .set_tokenizer(tokenizer)
        .set_index_option(option)
        .set_fieldnorms(false);
    TextOptions::default().set_indexing_options(indexing)
}
