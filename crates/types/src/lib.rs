#![doc = include_str!("../README.md")]

pub mod actor;
pub mod digest;
pub mod id;
pub mod organisation;
pub mod region;

pub use actor::{Actor, Denied, Role};
pub use digest::Digest;
pub use id::{CommandId, GrantId, PublicationId, ResourceId, TransferId};
pub use organisation::OrganisationCode;
pub use region::RegionCode;
