use std::time::Duration;

use super::{Contest, interleaved, per_second};

/// Answers how often it was asked, and remembers who was.
#[derive(Default)]
struct Script {
    said: String,
}

impl Contest for Script {
    async fn ours(&mut self) -> anyhow::Result<f64> {
        self.said.push('o');
        Ok(f64::from(u32::try_from(self.said.len())?))
    }

    async fn limit(&mut self) -> anyhow::Result<f64> {
        self.said.push('l');
        Ok(f64::from(u32::try_from(self.said.len())?))
    }
}

#[tokio::test]
async fn both_take_turns_and_the_first_turn_is_not_counted() {
    let mut script = Script::default();

    let (values, limits) = interleaved(&mut script, 3).await.unwrap();

    assert_eq!(script.said, "olollool");
    assert_eq!((values.min(), values.median(), values.max()), (3.0, 6.0, 7.0));
    assert_eq!((limits.min(), limits.median(), limits.max()), (4.0, 5.0, 8.0));
}

#[test]
fn rate_counts_by_the_second() {
    assert_eq!(per_second(3_000, Duration::from_millis(1_500)), 2_000.0);
}
