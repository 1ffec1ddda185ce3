#![doc = include_str!("../README.md")]

pub mod id;
pub mod organisation;
pub mod region;

pub mod account;
pub mod actor;

pub mod classification;
pub mod item;

pub mod decimal;
pub mod mask;
pub mod person;
pub mod prose;
pub mod quality;

pub mod calendar;
pub mod cycle;
pub mod digest;
pub mod page;
pub mod retention;

pub use account::Account;
pub use actor::{Actor, Denied, Role};
pub use calendar::{Calendar, Deadline, china_date, china_day_end};
pub use classification::{ClassificationCode, ResourceCode};
pub use cycle::{Period, UpdateCycle};
pub use decimal::Decimal;
pub use digest::Digest;
pub use id::{
    AgreementId, ChangeId, CommandId, ContestId, DisputeId, EntityId, FindingId, GrantId,
    HarvestSourceId, NetworkId, ObligationId, PlanId, PublicationId, ResourceId, SecurityRecordId,
    SubscriptionId, SystemId, TicketId, TransferId,
};
pub use item::{DeliveryMode, ItemType, SharingType};
pub use mask::Mask;
pub use organisation::OrganisationCode;
pub use page::PageToken;
pub use prose::Prose;
pub use region::{RegionCode, RegionRevision};
pub use retention::{KeptTooShort, KeptYears};
