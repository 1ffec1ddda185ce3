//! The search engine as one would use it without a service around it: each document's text by single characters and pairs, its
//! facets as columns; a query is all its words' pairs, twenty documents by relevance, how many there are, and counts of each
//! facet's values.

use tantivy::aggregation::AggregationCollector;
use tantivy::aggregation::agg_req::Aggregations;
use tantivy::collector::{Count, TopDocs};
use tantivy::query::{BooleanQuery, Query, TermQuery};
use tantivy::schema::{
    FAST, Field, IndexRecordOption, STORED, STRING, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{NgramTokenizer, TextAnalyzer};
use tantivy::{Index, IndexReader, TantivyDocument, Term};

use super::Catalogue;

/// How many documents a page has.
pub(super) const PAGE: usize = 20;
/// How many values of a facet are counted, as the service answers.
const VALUES: usize = 100;
const FACETS: [&str; 8] =
    ["class", "provider", "region", "sharing", "opening", "format", "cycle", "status"];
const WRITER_BYTES: usize = 256 << 20;
const TOKENIZER: &str = "grams";

pub(super) struct Bare {
    reader: IndexReader,
    text: Field,
    facets: Aggregations,
}

impl Bare {
    /// Indexes what the catalogue was filled with.
    pub(super) fn index(catalogue: &Catalogue) -> anyhow::Result<Self> {
        let folder = catalogue.folder.path().join("bare");
        std::fs::create_dir_all(&folder)?;
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(TOKENIZER)
            .set_index_option(IndexRecordOption::WithFreqs);
        let text =
            schema.add_text_field("text", TextOptions::default().set_indexing_options(indexing));
        let id = schema.add_text_field("id", STRING | STORED);
        let facets = FACETS.map(|facet| schema.add_text_field(facet, STRING | FAST));
        let index = Index::create_in_dir(&folder, schema.build())?;
        let grams = TextAnalyzer::builder(NgramTokenizer::new(1, 2, false)?).build();
        index.tokenizers().register(TOKENIZER, grams);

        let mut writer = index.writer(WRITER_BYTES)?;
        for number in 0..catalogue.entries {
            let entry = catalogue.filings.description(&catalogue.providers, number);
            let provider = catalogue.filings.provider(&catalogue.providers, number);
            let mut document = TantivyDocument::default();
            document.add_text(id, number.to_string());
            for part in [&entry.name, &entry.r#abstract, &entry.use_requirements, &entry.entity] {
                document.add_text(text, part);
            }
            document.add_text(text, &provider.name);
            for item in &entry.items {
                document.add_text(text, &item.title);
                document.add_text(text, &item.name);
            }
            let values = [
                entry.classification_code.clone(),
                entry.provider_code.clone(),
                provider.region.clone(),
                entry.sharing_type.to_string(),
                entry.open.to_string(),
                entry.format.to_string(),
                entry.update_cycle.to_string(),
                "published".to_owned(),
            ];
            for (facet, value) in facets.iter().zip(values) {
                document.add_text(*facet, value);
            }
            writer.add_document(document)?;
        }
        writer.commit()?;
        writer.wait_merging_threads()?;
        let counted = FACETS.map(|facet| {
            let terms = serde_json::json!({"terms": {"field": facet, "size": VALUES}});
            (facet.to_owned(), terms)
        });
        let facets =
            serde_json::from_value(serde_json::Value::Object(counted.into_iter().collect()))?;
        Ok(Self { reader: index.reader()?, text, facets })
    }

    /// Answers how many documents have every word.
    pub(super) fn search(&self, words: &str) -> anyhow::Result<usize> {
        let mut pairs: Vec<Box<dyn Query>> = Vec::new();
        for word in words.split_whitespace() {
            let characters: Vec<char> = word.chars().collect();
            for pair in characters.windows(2) {
                let term = Term::from_field_text(self.text, &String::from_iter(pair));
                pairs.push(Box::new(TermQuery::new(term, IndexRecordOption::WithFreqs)));
            }
        }
        let query = BooleanQuery::intersection(pairs);
        let searcher = self.reader.searcher();
        let facets = AggregationCollector::from_aggs(self.facets.clone(), Default::default());
        let top = TopDocs::with_limit(PAGE).order_by_score();
        let (best, total, _) = searcher.search(&query, &(top, Count, facets))?;
        for (_, address) in best {
            let _: TantivyDocument = searcher.doc(address)?;
        }
        Ok(total)
    }
}
