use proptest::prelude::*;
use tantivy::collector::DocSetCollector;
use tantivy::collector::TopDocs;
use tantivy::query::{BooleanQuery, ConstScoreQuery, DisjunctionMaxQuery, TermQuery};
use tantivy::schema::{Field, IndexRecordOption, STRING, Schema};
use tantivy::{DocAddress, Index, Searcher, TantivyDocument};

use super::*;

const WORDS: [&str; 4] = ["a", "b", "c", "d"];

/// Documents with some of the words, in several segments.
fn indexed(documents: &[u8]) -> (Searcher, Field) {
    let mut schema = Schema::builder();
    let field = schema.add_text_field("word", STRING);
    let index = Index::create_in_ram(schema.build());
    let mut writer = index.writer_with_num_threads(1, 15_000_000).unwrap();
    for segment in documents.chunks(documents.len().div_ceil(2).max(1)) {
        for words in segment {
            let mut document = TantivyDocument::default();
            for (bit, word) in WORDS.iter().enumerate() {
                if words & (1 << bit) != 0 {
                    document.add_text(field, word);
                }
            }
            writer.add_document(document).unwrap();
        }
        writer.commit().unwrap();
    }
    (index.reader().unwrap().searcher(), field)
}

fn word(field: Field, which: usize) -> Box<dyn Query> {
    let term = Term::from_field_text(field, WORDS[which]);
    let query = TermQuery::new(term, IndexRecordOption::Basic);
    Box::new(ConstScoreQuery::new(Box::new(query), f32::from(u8::try_from(which).unwrap()) + 1.0))
}

fn found(searcher: &Searcher, query: &dyn Query) -> Vec<(f32, DocAddress)> {
    let top = TopDocs::with_limit(1_000).order_by_score();
    let found = searcher.search(query, &top).unwrap();
    assert_eq!(found.len(), searcher.search(query, &DocSetCollector).unwrap().len());
    found
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The engine's union finds the same, with the same scores: alone, and sought in beside a rarer word.
    #[test]
    fn it_finds_what_the_engines_union_finds(documents in prop::collection::vec(0..16_u8, 1..200)) {
        let (searcher, field) = indexed(&documents);
        let parts = || vec![word(field, 0), word(field, 1), word(field, 2)];
        let any = || Box::new(AnyOf::new(parts())) as Box<dyn Query>;
        let engines = || Box::new(DisjunctionMaxQuery::new(parts())) as Box<dyn Query>;
        let beside = |union| BooleanQuery::intersection(vec![union, word(field, 3)]);

        prop_assert_eq!(found(&searcher, &*any()), found(&searcher, &*engines()));
        prop_assert_eq!(found(&searcher, &beside(any())), found(&searcher, &beside(engines())));
    }
}

#[test]
fn an_explanation_is_of_a_document_that_matches() {
    let (searcher, field) = indexed(&[1, 8, 3]);
    let any = AnyOf::new(vec![word(field, 0), word(field, 1)]);
    let explained = |doc_id| any.explain(&searcher, DocAddress { segment_ord: 0, doc_id });
    assert!((explained(0).unwrap().value() - 1.0).abs() < f32::EPSILON);
    assert!(explained(1).is_err());
}
