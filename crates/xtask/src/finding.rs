//! Where the tree departs from a rule, and what to do about it.

use std::fmt;
use std::path::PathBuf;

/// One departure from a rule.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Relative to the workspace.
    pub file: PathBuf,
    /// Counted from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to do.
    pub remedy: String,
}

/// What recording brought: how much is new, and what stood in the way.
#[derive(Debug)]
pub struct Recorded {
    /// How many lines or files were added to the record.
    pub added: usize,
    /// Why nothing was recorded, if there are any.
    pub findings: Vec<Finding>,
}

impl Finding {
    pub(crate) fn new(
        file: impl Into<PathBuf>,
        line: usize,
        what: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self { file: file.into(), line, what: what.into(), remedy: remedy.into() }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}; {}", self.file.display(), self.line, self.what, self.remedy)
    }
}
