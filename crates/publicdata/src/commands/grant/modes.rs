//! How data is to be delivered.

use clap::{Args, ValueEnum};
use publicdata_proto::catalog::v1::DeliveryMode;

/// How data is to be delivered; in bulk, unless said otherwise.
#[derive(Clone, Debug, Default, Args)]
pub struct Modes {
    /// How it shall be delivered, with commas between; in bulk without it.
    #[arg(long = "mode", value_delimiter = ',')]
    pub modes: Vec<Mode>,
}

/// A way of delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Queries with parameters (数据服务封装).
    Query,
    /// Bulk pull.
    Bulk,
    /// Push: once, on schedule or on change (数据推送).
    Push,
}

impl Modes {
    /// As they are asked for.
    #[must_use]
    pub fn to_wire(&self) -> Vec<i32> {
        let wire = |mode: &Mode| match mode {
            Mode::Query => DeliveryMode::Query.into(),
            Mode::Bulk => DeliveryMode::Bulk.into(),
            Mode::Push => DeliveryMode::Push.into(),
        };
        match self.modes.is_empty() {
            true => vec![DeliveryMode::Bulk.into()],
            false => self.modes.iter().map(wire).collect(),
        }
    }
}
