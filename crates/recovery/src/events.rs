//! What is recorded of restorations and drills, in the stream [`STREAM`](crate::STREAM).

use jiff::Timestamp;
use prost::Name;
use prost_types::Any;
use publicdata_event_store::{NewCommit, Store, Subject};
use publicdata_proto::recovery::v1::{PlatformRestored, RecoveryDrilled};
use publicdata_types::CommandId;
use uuid::Uuid;

use crate::drill::Drilled;
use crate::{Backup, Error, SERVICE, time};

const RESTORATION: &str = "restoration";
const DRILL: &str = "drill";

/// Who records, and when.
#[derive(Clone, Debug)]
pub struct Recorder {
    /// The store to record in.
    pub store: Store,
    /// Who acts, as a SPIFFE id.
    pub actor: String,
    /// When it is recorded.
    pub now: Timestamp,
}

impl Recorder {
    /// Marks a restored platform as such, before anything else happens in it. Answers the restoration's id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn restored(&self, backup: &Backup, began_at: Timestamp) -> Result<Uuid, Error> {
        let event = PlatformRestored {
            backup: Some(backup.point()),
            began_at: Some(time::to_proto(began_at)),
        };
        self.record(RESTORATION, &event).await
    }

    /// Records a drill. Answers its id.
    ///
    /// # Errors
    /// The store failed.
    pub async fn drilled(&self, backup: &Backup, drilled: &Drilled) -> Result<Uuid, Error> {
        let event: RecoveryDrilled = drilled.event(backup);
        self.record(DRILL, &event).await
    }

    async fn record<M: Name>(&self, aggregate: &str, event: &M) -> Result<Uuid, Error> {
        let id = Uuid::new_v4();
        let subject =
            Subject::new(SERVICE, aggregate, &id.to_string()).expect("the parts are plain words");
        let commit = NewCommit {
            command_id: CommandId::from_uuid(id),
            actor: self.actor.clone(),
            occurred_at: self.now,
            traceparent: None,
            events: vec![Any { type_url: M::type_url(), value: event.encode_to_vec() }],
        };
        self.store.append(&subject, 0, commit).await?;
        Ok(id)
    }
}
