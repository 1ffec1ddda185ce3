//! Ways of delivery, as they are written.

use clap::ValueEnum;
use publicdata_proto::catalog::v1::DeliveryMode;

/// Ways of delivery (R23.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Mode {
    /// Questions to data services, and proofs (服务调用).
    Query,
    /// All rows at once (批量拉取).
    Bulk,
    /// Rows as they change (数据推送).
    Push,
}

impl From<Mode> for i32 {
    fn from(mode: Mode) -> Self {
        match mode {
            Mode::Query => DeliveryMode::Query.into(),
            Mode::Bulk => DeliveryMode::Bulk.into(),
            Mode::Push => DeliveryMode::Push.into(),
        }
    }
}
