//! What tests must not do: be ignored, or sleep and hope.

#[cfg(test)]
mod tests;

use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprCall, ExprForLoop, ExprLoop, ExprWhile};

use crate::finding::Finding;
use crate::tree::{Source, Tree};

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for source in &tree.sources {
        let mut habits = Habits { source, loops: 0, findings: Vec::new() };
        habits.visit_file(&source.syntax);
        findings.extend(habits.findings);
    }
    findings
}

struct Habits<'a> {
    source: &'a Source,
    /// How many loops stand around what is looked at.
    loops: usize,
    findings: Vec<Finding>,
}

impl Habits<'_> {
    fn find(&mut self, at: &impl Spanned, what: &str, remedy: &str) {
        let line = at.span().start().line;
        self.findings.push(Finding::new(&self.source.path, line, what, remedy));
    }
}

impl<'ast> Visit<'ast> for Habits<'_> {
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if attribute.path().is_ident("ignore") {
            self.find(attribute, "an ignored test shows nothing", "mend it or delete it");
        }
    }

    fn visit_expr_call(&mut self, call: &'ast ExprCall) {
        // Between two looks at a condition, a test may rest.
        if self.source.is_test() && self.loops == 0 && is_sleep(&call.func) {
            let what = "a sleep is too short on a busy machine and too long on any other";
            self.find(call, what, "wait for the condition, or pause the clock");
        }
        visit::visit_expr_call(self, call);
    }

    fn visit_expr_loop(&mut self, body: &'ast ExprLoop) {
        self.loops += 1;
        visit::visit_expr_loop(self, body);
        self.loops -= 1;
    }

    fn visit_expr_while(&mut self, body: &'ast ExprWhile) {
        self.loops += 1;
        visit::visit_expr_while(self, body);
        self.loops -= 1;
    }

    fn visit_expr_for_loop(&mut self, body: &'ast ExprForLoop) {
        self.loops += 1;
        visit::visit_expr_for_loop(self, body);
        self.loops -= 1;
    }
}

fn is_sleep(function: &Expr) -> bool {
    let Expr::Path(function) = function else { return false };
    function.path.segments.last().is_some_and(|name| name.ident == "sleep")
}
