//! How much grants with a limit were used, and by whom, since a standing offer has many consumers: a line for each transfer that
//! began, and one for what it delivered.
//!
//! A transfer that is resumed is the same use. But whoever asks again and again for frames that were sent has had them, as far as
//! this side can know: after a few times that is another use. Rows count however often they are sent.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use publicdata_exchange_domain::{RatePeriod, Usage};
use publicdata_types::{GrantId, OrganisationCode, TransferId};

/// How often an attempt may ask for frames that were sent before it counts as another use: a connection breaks now and then.
const RESENT_MAX: u32 = 3;

/// A grant and a consumer that uses it.
pub(super) type Key = (GrantId, OrganisationCode);

/// What was done under each grant that is not over.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    accounts: HashMap<Key, Account>,
}

#[derive(Debug)]
struct Account {
    /// When the grant ends, and nothing of it matters any more.
    until: Timestamp,
    /// Rows of transfers that are too old for every rate.
    earlier_rows: u64,
    transfers: HashMap<TransferId, Transfer>,
}

#[derive(Debug, Default)]
struct Transfer {
    /// When it began, and when it was asked for once too often.
    began: Vec<Timestamp>,
    sent: Sent,
}

/// What was sent of a transfer, in all its attempts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sent {
    pub(super) rows: u64,
    /// Up to which frame.
    pub(super) frames: u64,
    /// How often frames were asked for again.
    pub(super) resent: u32,
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A transfer began, or is counted anew.
    Began { key: Key, until: Timestamp, transfer: TransferId, at: Timestamp },
    /// So much of it was sent.
    Delivered { key: Key, transfer: TransferId, sent: Sent },
    /// So many rows were delivered by transfers that are forgotten.
    Earlier { key: Key, until: Timestamp, rows: u64 },
}

// === impl Ledger ===

impl Ledger {
    /// What was sent of a transfer; none if it never began.
    pub(super) fn sent(&self, key: Key, transfer: TransferId) -> Option<Sent> {
        Some(self.accounts.get(&key)?.transfers.get(&transfer)?.sent)
    }

    /// Whether an attempt with so many frames received goes on with a transfer that counts already.
    pub(super) fn goes_on(&self, key: Key, transfer: TransferId, received_frames: u64) -> bool {
        let sent = self.sent(key, transfer);
        sent.is_some_and(|it| received_frames >= it.frames || it.resent < RESENT_MAX)
    }

    /// What a consumer did under a grant before this attempt. If it goes on with a transfer, no beginning counts.
    pub(super) fn usage(&self, key: Key, transfer: TransferId, received_frames: u64) -> Usage {
        let Some(account) = self.accounts.get(&key) else { return Usage::default() };
        let transfers = || account.transfers.values();
        let begun = match self.goes_on(key, transfer, received_frames) {
            true => vec![],
            false => transfers().flat_map(|known| known.began.iter().copied()).collect(),
        };
        let rows = transfers().map(|known| known.sent.rows);
        Usage { begun, rows: rows.fold(account.earlier_rows, u64::saturating_add) }
    }

    pub(super) fn enter(&mut self, line: &Line) {
        match line {
            Line::Began { key, until, transfer, at } => {
                let known = self.account(*key, *until).transfers.entry(*transfer).or_default();
                known.began.push(*at);
                known.sent.resent = 0;
            }
            Line::Delivered { key, transfer, sent } => {
                let account = self.accounts.get_mut(key);
                if let Some(known) = account.and_then(|it| it.transfers.get_mut(transfer)) {
                    known.sent = *sent;
                }
            }
            Line::Earlier { key, until, rows } => {
                let account = self.account(*key, *until);
                account.earlier_rows = account.earlier_rows.saturating_add(*rows);
            }
        }
    }

    /// Forgets grants that are over, and of the others when transfers began that no rate reaches back to.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.accounts.retain(|_, account| account.until > now);
        for account in self.accounts.values_mut() {
            let Account { earlier_rows, transfers, .. } = account;
            transfers.retain(|_, transfer| {
                let reach = RatePeriod::Month.length();
                transfer.began.retain(|began| now.duration_since(*began) <= reach);
                let matters = !transfer.began.is_empty();
                if !matters {
                    *earlier_rows = earlier_rows.saturating_add(transfer.sent.rows);
                }
                matters
            });
        }
    }

    /// The lines that say the same.
    pub(super) fn lines(&self) -> impl Iterator<Item = Line> {
        self.accounts.iter().flat_map(|(&key, account)| {
            let Account { until, earlier_rows, transfers } = account;
            let until = *until;
            let earlier =
                (*earlier_rows > 0).then_some(Line::Earlier { key, until, rows: *earlier_rows });
            let each = transfers.iter().flat_map(move |(&transfer, known)| {
                let began = known.began.iter();
                let began = began.map(move |&at| Line::Began { key, until, transfer, at });
                began.chain([Line::Delivered { key, transfer, sent: known.sent }])
            });
            earlier.into_iter().chain(each)
        })
    }

    fn account(&mut self, key: Key, until: Timestamp) -> &mut Account {
        self.accounts.entry(key).or_insert_with(|| Account {
            until,
            earlier_rows: 0,
            transfers: HashMap::new(),
        })
    }
}

// === impl Line ===

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Began { key: (grant, consumer), until, transfer, at } => {
                write!(f, "began {grant} {consumer} {until} {transfer} {at}")
            }
            Self::Delivered { key: (grant, consumer), transfer, sent } => {
                let Sent { rows, frames, resent } = sent;
                write!(f, "delivered {grant} {consumer} {transfer} {rows} {frames} {resent}")
            }
            Self::Earlier { key: (grant, consumer), until, rows } => {
                write!(f, "earlier {grant} {consumer} {until} {rows}")
            }
        }
    }
}

impl FromStr for Line {
    type Err = ();

    fn from_str(line: &str) -> Result<Self, ()> {
        let words: Vec<&str> = line.split(' ').collect();
        Ok(match words.as_slice() {
            ["began", grant, consumer, until, transfer, at] => Self::Began {
                key: (read(grant)?, read(consumer)?),
                until: read(until)?,
                transfer: read(transfer)?,
                at: read(at)?,
            },
            ["delivered", grant, consumer, transfer, rows, frames, resent] => Self::Delivered {
                key: (read(grant)?, read(consumer)?),
                transfer: read(transfer)?,
                sent: Sent { rows: read(rows)?, frames: read(frames)?, resent: read(resent)? },
            },
            ["earlier", grant, consumer, until, rows] => Self::Earlier {
                key: (read(grant)?, read(consumer)?),
                until: read(until)?,
                rows: read(rows)?,
            },
            _ => return Err(()),
        })
    }
}

fn read<T: FromStr>(word: &str) -> Result<T, ()> {
    word.parse().map_err(|_| ())
}
