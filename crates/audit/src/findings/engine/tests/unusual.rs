//! Unusual use of data (article 45).

use super::*;

/// R45.1: ten times as much as on other days; of a newcomer nobody knows what is usual.
#[tokio::test]
async fn unusual_volume() {
    let days = |last: u64| {
        let mut story = Story::new();
        for day in 0..9 {
            let on = format!("exchange.transfer.{day}");
            let rows = if day == 8 { last } else { 5_000 };
            story = story.event(&on, &bulk()).event(&on, &completed(rows, 0));
            story = story.later(jiff::SignedDuration::from_hours(24));
        }
        story
    };
    assert_eq!(days(45_000).found("unusual-volume", None).await, Vec::new());
    let found = days(60_000).found("unusual-volume", None).await;
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].clause, None);
    assert_eq!(found[0].organisation, CONSUMER);
    let newcomer = Story::new();
    let newcomer = newcomer.event("exchange.transfer.1", &bulk());
    let newcomer = newcomer.event("exchange.transfer.1", &completed(60_000, 0));
    assert_eq!(newcomer.found("unusual-volume", None).await, Vec::new());
    let measured = found[0].measured.as_deref();
    assert_eq!(measured, Some("60000 in 24h, from 10000 on; 35000 in the 7 times as long before"));
}

/// R45.1: an hour, and a field, that were never seen before.
#[tokio::test]
async fn unusual_hours_and_fields() {
    let queries = |count: usize| {
        let mut story = Story::new();
        for number in 0..count {
            let on = format!("exchange.transfer.{number}");
            story = story.event(&on, &requested(catalog::DeliveryMode::Query, &["code", "name"]));
            story = story.event(&on, &completed(1, 0)).later(jiff::SignedDuration::from_secs(30));
        }
        let on = "exchange.transfer.night";
        story
            .at("2026-01-06T03:20")
            .event(on, &requested(catalog::DeliveryMode::Query, &["code", "phone"]))
            .event(on, &completed(1, 0))
    };
    let hours = queries(60).found("unusual-hour", None).await;
    assert_eq!(hours.len(), 1);
    assert_eq!(hours[0].measured.as_deref(), Some("3, not seen in 60 before"));
    let fields = queries(60).found("new-field", None).await;
    assert_eq!(fields[0].measured.as_deref(), Some("phone, not seen in 60 before"));
    // So few say nothing of what is usual.
    assert_eq!(queries(10).found("unusual-hour", None).await, Vec::new());
    assert_eq!(queries(10).found("new-field", None).await, Vec::new());
}

/// R45.1: identifiers asked for one after the other, and refusals in a row.
#[tokio::test]
async fn sweeping_and_refusals() {
    let swept = |count: usize| {
        let first = requested(catalog::DeliveryMode::Query, &["code"]);
        let mut story = Story::new().event("exchange.transfer.first", &first);
        story = story.later(jiff::SignedDuration::from_hours(26));
        for number in 0..count {
            let on = format!("exchange.transfer.{number}");
            story = story.event(&on, &requested(catalog::DeliveryMode::Query, &["code"]));
            story = story.later(jiff::SignedDuration::from_secs(5));
        }
        story
    };
    assert_eq!(swept(199).found("identifiers-swept", None).await, Vec::new());
    assert_eq!(swept(250).found("identifiers-swept", None).await.len(), 1);

    let refusals = |count: usize| {
        let mut story = Story::new();
        for number in 0..count {
            let on = format!("exchange.transfer.{number}");
            story = story.event(&on, &bulk()).event(&on, &refused("GRANT_EXPIRED"));
        }
        story
    };
    assert_eq!(refusals(4).found("refused-repeatedly", None).await, Vec::new());
    assert_eq!(refusals(6).found("refused-repeatedly", None).await.len(), 1);
}
