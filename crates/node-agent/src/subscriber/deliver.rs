//! One delivery: from the first frame until the sink has it, with the receipt.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use publicdata_exchange_domain::terms::Field;
use publicdata_transfer::push::{Content, Follows, Outline};
use publicdata_transfer::receipt::Checked;
use publicdata_transfer::receiving::{Opened, ReceiveError};
use publicdata_types::Mask;

use super::due::Due;
use super::{Failure, Subscriber};
use crate::error::FetchError;
use crate::fetch::{Came, Fetch, Order};
use crate::sink::{Effect, Intake, Note, Start, Taking};

impl Subscriber {
    /// Fetches the next delivery into the sink. What goes wrong before the sink's commit leaves no trace there.
    pub(super) async fn deliver(&self, last: Option<Note>, due: &Due) -> Result<Note, Failure> {
        let began_at = self.parts.clock.now();
        let start = due.start(last.as_ref(), began_at);
        let goes_on = last.as_ref().filter(|_| start != Start::Beginning);
        let order = Order {
            subscription_id: self.id.to_string(),
            after_transfer_id: goes_on.map(|last| last.transfer.to_string()).unwrap_or_default(),
            reconcile: false,
        };
        let (fetcher, node) = (self.parts.fetcher.ordering(order), &self.parts.node);
        let offer = fetcher.offer(self.ticket.clone(), node).await?;
        // What the sink does not take is not asked for.
        self.check_key(&offer.fields)?;
        self.sink.check(&offer.schema).await?;
        let mut fetch = fetcher.begin(offer, node).await?;
        let schema = fetch.delivered_schema().ok_or(Failure::Content)?;
        let Outline { content, source_version } = Outline::of(&schema).ok_or(Failure::Content)?;
        let effect = Effect::of(content, start);
        let (transfer, fields) = (fetch.transfer(), fields_of(&schema, content));
        let intake = Intake { transfer, effect, schema: fields, content };
        let mut taking = self.sink.begin(intake).await?;
        let receipt = rows_into(&mut *taking, &mut fetch, &schema).await?;

        let rows = receipt.receipt().rows;
        let note = Note {
            number: last.as_ref().map_or(0, |last| last.number) + 1,
            transfer,
            run: effect.run(),
            follows: match content {
                Content::Whole => Follows::Nothing,
                Content::Changes(follows) => follows,
            },
            rows,
            rows_total: last.as_ref().map_or(0, |last| last.rows_total) + rows,
            run_began_at: match effect {
                Effect::Replace | Effect::BeginRun => began_at,
                Effect::ExtendRun | Effect::CompleteRun | Effect::Change => {
                    goes_on.map_or(began_at, |last| last.run_began_at)
                }
            },
            at: self.parts.clock.now(),
            source_version,
            receipt: fetch.countersigned(&receipt),
        };
        taking.commit(&note).await?;
        tracing::info!(transfer.id = %transfer, subscription = self.name, rows, "delivered into the sink");
        Ok(note)
    }

    /// A key whose values are the same for several rows would mix these up.
    fn check_key(&self, fields: &[Field]) -> Result<(), Failure> {
        let is_masked = |field: &&Field| {
            let is_unique = matches!(field.mask, None | Some(Mask::Pseudonym(_)));
            !is_unique && self.sink.key().contains(&field.name)
        };
        match fields.iter().find(is_masked) {
            Some(field) => Err(Failure::KeyMasked { field: field.name.clone() }),
            None => Ok(()),
        }
    }
}

async fn rows_into(
    taking: &mut dyn Taking,
    fetch: &mut Fetch,
    schema: &SchemaRef,
) -> Result<Box<Checked>, Failure> {
    loop {
        match fetch.advance().await? {
            Came::Frame(Opened::Schema(..)) => {}
            Came::Frame(Opened::Batch(parts)) => {
                let index = fetch.frames();
                let rows = parts
                    .decode(schema)
                    .map_err(|source| FetchError::from(ReceiveError::Decode { index, source }))?;
                taking.rows(&rows).await?;
            }
            Came::Receipt(checked) => return Ok(checked),
        }
    }
}

/// The fields, without the column that says what became of a row.
fn fields_of(schema: &Schema, content: Content) -> SchemaRef {
    let skipped = usize::from(matches!(content, Content::Changes(_)));
    Arc::new(Schema::new(schema.fields().iter().skip(skipped).cloned().collect::<Vec<_>>()))
}
