//! What a sink remembers of a delivery.

use std::str::FromStr;

use jiff::Timestamp;
use publicdata_proto::exchange::v1::ConfirmDeliveryRequest;
use publicdata_transfer::push::Follows;
use publicdata_types::TransferId;

/// The note of a delivery that was taken.
#[derive(Clone, Debug, PartialEq)]
pub struct Note {
    /// Which delivery of the subscription, counted from 1.
    pub number: u64,
    /// The transfer.
    pub transfer: TransferId,
    /// Whether the sink's rows are those of a complete run.
    pub run: Run,
    /// Whether the source had more.
    pub follows: Follows,
    /// How many rows came.
    pub rows: u64,
    /// How many came with all deliveries so far.
    pub rows_total: u64,
    /// When the run that the rows belong to began.
    pub run_began_at: Timestamp,
    /// When it was taken.
    pub at: Timestamp,
    /// The state of the source that the rows have at least; empty if it is not watched.
    pub source_version: String,
    /// The receipt with both signatures, as it is handed in.
    pub receipt: ConfirmDeliveryRequest,
}

/// Whether what the sink has of the source is complete.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Run {
    /// A run from the beginning is being gathered beside the rows.
    Gathering,
    /// The rows are those of the source, as of the delivery.
    Complete,
}

// === impl Run ===

impl Run {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Gathering => "gathering",
            Self::Complete => "complete",
        }
    }
}

impl FromStr for Run {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "gathering" => Ok(Self::Gathering),
            "complete" => Ok(Self::Complete),
            _ => Err(()),
        }
    }
}

pub(super) fn follows_word(follows: Follows) -> &'static str {
    match follows {
        Follows::More => "more",
        Follows::Nothing => "nothing",
    }
}

pub(super) fn follows_of(word: &str) -> Option<Follows> {
    match word {
        "more" => Some(Follows::More),
        "nothing" => Some(Follows::Nothing),
        _ => None,
    }
}
