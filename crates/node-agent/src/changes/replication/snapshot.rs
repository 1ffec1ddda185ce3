//! Which transactions others can see.

/// Where the first transaction is that has not begun, and which run.
pub(super) const QUERY: &str = "SELECT pg_snapshot_xmax(now)::text, \
    (SELECT string_agg(running::text, ' ') FROM pg_snapshot_xip(now) AS running) \
    FROM pg_current_snapshot() AS now";

/// Which transactions can be seen.
pub(super) struct Snapshot {
    /// The first that had not begun.
    end: u64,
    running: Vec<u64>,
}

impl Snapshot {
    pub(super) fn of(found: Vec<Vec<Option<String>>>) -> Option<Self> {
        let mut words = found.into_iter().flatten();
        let end = words.next()??.parse().ok()?;
        let running = words.next()?.unwrap_or_default();
        let running = running.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        Some(Self { end, running })
    }

    /// Whether what these did can be seen. Numbers of transactions in the log are the lower halves of those in a snapshot, and go round.
    pub(super) fn shows(&self, transactions: &[u32]) -> bool {
        let low = |number: u64| (number & u64::from(u32::MAX)) as u32;
        let end = low(self.end);
        transactions.iter().all(|&transaction| {
            let is_before_end = end.wrapping_sub(transaction).wrapping_sub(1) < 1 << 31;
            is_before_end && !self.running.iter().any(|&running| low(running) == transaction)
        })
    }
}

#[cfg(test)]
mod tests;
