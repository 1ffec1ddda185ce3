//! What is asked of a data service, as far as anyone but the provider's node may know it (R23.1).

/// A question to a data service. Its parameters are sealed to the provider's node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    /// The data service's name.
    pub service: String,
    /// The proof that is asked for, if it is one.
    pub proof: Option<ProofKind>,
}

/// What a proof without paper (电子证明, R21.1) says about its subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofKind {
    /// Whether values that were stated are those on record.
    Confirm,
    /// The values on record.
    Extract,
}
