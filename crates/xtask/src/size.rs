//! How long a file and a function may be. Tests are exempt: what they show matters more than their length.

#[cfg(test)]
mod tests;

use proc_macro2::Span;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{ImplItemFn, ItemFn, Signature, TraitItemFn};

use crate::finding::Finding;
use crate::tree::{Source, Tree};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in tree.sources.iter().filter(|source| !source.is_test()) {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            let what = format!("{lines} lines, {FILE_LINES_MAX} at most");
            findings.push(Finding::new(&source.path, 1, what, "split it by idea"));
        }
        let mut functions = Functions { source, findings: Vec::new() };
        functions.visit_file(&source.syntax);
        findings.extend(functions.findings);
    }
    findings
}

struct Functions<'a> {
    source: &'a Source,
    findings: Vec<Finding>,
}

impl Functions<'_> {
    /// From `fn` to the closing brace: attributes and docs do not count.
    fn measure(&mut self, signature: &Signature, body: Span) {
        let start = signature.span().start().line;
        let lines = body.end().line - start + 1;
        if lines > FUNCTION_LINES_MAX {
            let what =
                format!("{} has {lines} lines, {FUNCTION_LINES_MAX} at most", signature.ident);
            let remedy = "give its parts names of their own";
            self.findings.push(Finding::new(&self.source.path, start, what, remedy));
        }
    }
}

impl<'ast> Visit<'ast> for Functions<'_> {
    fn visit_item_fn(&mut self, function: &'ast ItemFn) {
        self.measure(&function.sig, function.block.span());
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast ImplItemFn) {
        self.measure(&function.sig, function.block.span());
        visit::visit_impl_item_fn(self, function);
    }

    fn visit_trait_item_fn(&mut self, function: &'ast TraitItemFn) {
        if let Some(body) = &function.default {
            self.measure(&function.sig, body.span());
        }
        visit::visit_trait_item_fn(self, function);
    }
}
