//! How often and how much a grant may be used, as people write it.

use clap::Args;
use prost::Message as _;
use publicdata_proto::exchange::v1::{Grant, GrantTerms, RateLimit, RatePeriod};

/// How often and how much a grant may be used (R26.2).
#[derive(Clone, Copy, Debug, Default, Args)]
pub struct Limits {
    /// The most rows in one transfer; 0 for no limit.
    #[arg(long, default_value_t = 0)]
    pub max_rows: u64,
    /// The most rows over all transfers; 0 for no limit.
    #[arg(long, default_value_t = 0)]
    pub max_total_rows: u64,
    /// The most transfers within any hour, day, week or month (30 days), such as 10/day; no limit without it.
    #[arg(long, value_parser = rate)]
    pub rate: Option<RateLimit>,
}

const PERIODS: [(&str, RatePeriod); 4] = [
    ("hour", RatePeriod::Hour),
    ("day", RatePeriod::Day),
    ("week", RatePeriod::Week),
    ("month", RatePeriod::Month),
];

/// A rate as people write it: `10/day`.
fn rate(text: &str) -> Result<RateLimit, String> {
    let read = || {
        let (transfers, period) = text.split_once('/')?;
        let (_, period) = PERIODS.iter().find(|(name, _)| *name == period)?;
        let transfers = transfers.parse().ok().filter(|transfers: &u32| *transfers > 0)?;
        Some(RateLimit { transfers, period: (*period).into() })
    };
    read().ok_or_else(|| {
        "write a number of transfers and a span (hour, day, week, month), such as 10/day".to_owned()
    })
}

/// The limits of a grant that was issued, for people; empty if there are none.
pub(super) fn text(grant: &Grant) -> String {
    let signed = grant.signed_terms.as_ref().map(|signed| signed.message.as_slice());
    let Ok(terms) = GrantTerms::decode(signed.unwrap_or_default()) else { return String::new() };
    let named = |period: RatePeriod| PERIODS.iter().find(|(_, known)| *known == period);
    let rate = terms.rate.map(|rate| {
        let period = named(rate.period()).map_or("unknown span", |(name, _)| name);
        format!("{} transfers/{period}", rate.transfers)
    });
    let rows = (terms.max_rows > 0).then(|| format!("{} rows/transfer", terms.max_rows));
    let total = (terms.max_total_rows > 0).then(|| format!("{} rows in all", terms.max_total_rows));
    [rate, rows, total].into_iter().flatten().collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
