use super::*;

/// R26.2: a rate is written as people say it, and what is no rate is refused.
#[test]
fn a_rate_is_a_number_and_a_span() {
    for (text, transfers, period) in [
        ("1/hour", 1, RatePeriod::Hour),
        ("10/day", 10, RatePeriod::Day),
        ("4294967295/month", u32::MAX, RatePeriod::Month),
    ] {
        assert_eq!(rate(text), Ok(RateLimit { transfers, period: period.into() }));
    }
    for text in
        ["", "10", "10/", "/day", "0/day", "-1/day", "10/year", "10 / day", "4294967296/day"]
    {
        assert!(rate(text).unwrap_err().contains("10/day"), "{text}");
    }
}
