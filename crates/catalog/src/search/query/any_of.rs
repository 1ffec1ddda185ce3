//! Any of several queries, with the best of their scores.
//!
//! The engine's own union works ahead, a window of 4,096 documents at a time: sought in by a rarer word beside it, it still walks
//! through all that its parts have. Of the ways in which a word may have been meant, some have a million documents; this union
//! seeks in each of them.

use std::sync::Arc;

use tantivy::query::{EnableScoring, Explanation, Query, Scorer, Weight};
use tantivy::{DocId, DocSet, Score, SegmentReader, TERMINATED, TantivyError, Term};

/// The queries.
#[derive(Clone, Debug)]
pub(super) struct AnyOf(Arc<[Box<dyn Query>]>);

struct AnyWeight(Vec<Box<dyn Weight>>);

struct AnyScorer {
    /// Those that have not come to their ends.
    parts: Vec<Box<dyn Scorer>>,
    doc: DocId,
}

// === impl AnyOf ===

impl AnyOf {
    pub(super) fn new(queries: Vec<Box<dyn Query>>) -> Self {
        Self(queries.into())
    }
}

impl Query for AnyOf {
    fn weight(&self, enable_scoring: EnableScoring<'_>) -> tantivy::Result<Box<dyn Weight>> {
        let weights = self.0.iter().map(|query| query.weight(enable_scoring));
        Ok(Box::new(AnyWeight(weights.collect::<Result<_, _>>()?)))
    }

    fn query_terms<'a>(&'a self, visitor: &mut dyn FnMut(&'a Term, bool)) {
        for query in self.0.iter() {
            query.query_terms(visitor);
        }
    }
}

// === impl AnyWeight ===

impl Weight for AnyWeight {
    fn scorer(&self, reader: &SegmentReader, boost: Score) -> tantivy::Result<Box<dyn Scorer>> {
        let parts = self.0.iter().map(|weight| weight.scorer(reader, boost));
        let mut any = AnyScorer { parts: parts.collect::<Result<_, _>>()?, doc: 0 };
        any.settle();
        Ok(Box::new(any))
    }

    fn explain(&self, reader: &SegmentReader, doc: DocId) -> tantivy::Result<Explanation> {
        let mut any = self.scorer(reader, 1.0)?;
        if any.doc() > doc || any.seek(doc) != doc {
            return Err(TantivyError::InvalidArgument(format!("document {doc} does not match")));
        }
        Ok(Explanation::new("best of several", any.score()))
    }
}

// === impl AnyScorer ===

impl AnyScorer {
    /// Stands at the first document that a part stands at.
    fn settle(&mut self) -> DocId {
        self.parts.retain(|part| part.doc() != TERMINATED);
        self.doc = self.parts.iter().map(DocSet::doc).min().unwrap_or(TERMINATED);
        self.doc
    }
}

impl DocSet for AnyScorer {
    fn advance(&mut self) -> DocId {
        for part in &mut self.parts {
            if part.doc() == self.doc {
                part.advance();
            }
        }
        self.settle()
    }

    fn seek(&mut self, target: DocId) -> DocId {
        for part in &mut self.parts {
            if part.doc() < target {
                part.seek(target);
            }
        }
        self.settle()
    }

    fn doc(&self) -> DocId {
        self.doc
    }

    fn size_hint(&self) -> u32 {
        self.parts.iter().map(DocSet::size_hint).fold(0, u32::saturating_add)
    }

    fn cost(&self) -> u64 {
        self.parts.iter().map(DocSet::cost).fold(0, u64::saturating_add)
    }
}

impl Scorer for AnyScorer {
    fn score(&mut self) -> Score {
        let here = self.parts.iter_mut().filter(|part| part.doc() == self.doc);
        here.map(|part| part.score()).fold(0.0, Score::max)
    }
}

#[cfg(test)]
mod tests;
