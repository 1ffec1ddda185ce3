#![doc = include_str!("../README.md")]

pub mod view;

pub mod projector;

mod position;

pub mod compare;
pub mod content;
pub mod database;

#[cfg(feature = "testing")]
pub mod testing;

pub use compare::{ColumnDifference, Comparison, Difference};
pub use content::Content;
pub use database::{Database, DatabaseError, Engine, Transaction};
pub use projector::{Projector, ProjectorError, Rebuilt, Told, WaitError, rebuild_all};
pub use view::{ApplyError, View, parts, places};
