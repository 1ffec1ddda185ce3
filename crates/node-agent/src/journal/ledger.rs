//! How much grants with a limit were used, and by whom, since a standing offer has many consumers: one line for each transfer that began, and one for the rows that it delivered.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use publicdata_exchange_domain::{RatePeriod, Usage};
use publicdata_types::{GrantId, OrganisationCode, TransferId};

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

#[derive(Debug)]
struct Transfer {
    began: Timestamp,
    rows: u64,
}

/// A line of the journal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A transfer began.
    Began { key: Key, until: Timestamp, transfer: TransferId, at: Timestamp },
    /// It has delivered so many rows.
    Delivered { key: Key, transfer: TransferId, rows: u64 },
    /// So many rows were delivered by transfers that are forgotten.
    Earlier { key: Key, until: Timestamp, rows: u64 },
}

// === impl Ledger ===

impl Ledger {
    pub(super) fn knows(&self, key: Key, transfer: TransferId) -> bool {
        self.accounts.get(&key).is_some_and(|account| account.transfers.contains_key(&transfer))
    }

    /// What a consumer did under a grant, without this transfer.
    pub(super) fn usage(&self, key: Key, transfer: TransferId) -> Usage {
        let Some(account) = self.accounts.get(&key) else { return Usage::default() };
        let others = || account.transfers.iter().filter(|(other, _)| **other != transfer);
        let rows = others().map(|(_, other)| other.rows);
        Usage {
            begun: others().map(|(_, other)| other.began).collect(),
            rows: rows.fold(account.earlier_rows, u64::saturating_add),
        }
    }

    pub(super) fn enter(&mut self, line: &Line) {
        match line {
            Line::Began { key, until, transfer, at } => {
                let begun = Transfer { began: *at, rows: 0 };
                self.account(*key, *until).transfers.insert(*transfer, begun);
            }
            Line::Delivered { key, transfer, rows } => {
                let account = self.accounts.get_mut(key);
                if let Some(known) = account.and_then(|it| it.transfers.get_mut(transfer)) {
                    // An attempt that is resumed counts its rows from the beginning.
                    known.rows = known.rows.max(*rows);
                }
            }
            Line::Earlier { key, until, rows } => {
                self.account(*key, *until).earlier_rows += rows;
            }
        }
    }

    /// Forgets grants that are over, and of the others when transfers began that no rate reaches back to.
    pub(super) fn forget(&mut self, now: Timestamp) {
        self.accounts.retain(|_, account| account.until > now);
        for account in self.accounts.values_mut() {
            let Account { earlier_rows, transfers, .. } = account;
            transfers.retain(|_, transfer| {
                let matters = now.duration_since(transfer.began) <= RatePeriod::Month.length();
                if !matters {
                    *earlier_rows = earlier_rows.saturating_add(transfer.rows);
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
                let began = Line::Began { key, until, transfer, at: known.began };
                let delivered = Line::Delivered { key, transfer, rows: known.rows };
                [began, delivered]
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
            Self::Delivered { key: (grant, consumer), transfer, rows } => {
                write!(f, "delivered {grant} {consumer} {transfer} {rows}")
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
            ["delivered", grant, consumer, transfer, rows] => Self::Delivered {
                key: (read(grant)?, read(consumer)?),
                transfer: read(transfer)?,
                rows: read(rows)?,
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
