use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::bail;
use tokio::time::sleep;

use super::{Ask, Latencies, at_fixed_times, highest_rate, side_by_side};

/// Answers after a while; refuses one request.
#[derive(Clone, Default)]
struct Slow {
    takes: Duration,
    refuses: Option<usize>,
    asked: Arc<Mutex<Vec<usize>>>,
}

impl Ask for Slow {
    async fn ask(&self, number: usize) -> anyhow::Result<()> {
        if self.refuses == Some(number) {
            bail!("refused");
        }
        sleep(self.takes).await;
        self.asked.lock().unwrap().push(number);
        Ok(())
    }
}

fn slow(milliseconds: u64) -> Slow {
    Slow { takes: Duration::from_millis(milliseconds), ..Slow::default() }
}

#[tokio::test]
async fn each_request_is_made_once() {
    let asker = slow(1);

    let took = side_by_side(&asker, 10, 4).await.unwrap();

    assert_eq!(took.len(), 10);
    let mut asked = asker.asked.lock().unwrap().clone();
    asked.sort_unstable();
    assert_eq!(asked, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn request_that_fails_fails_the_run() {
    let asker = Slow { refuses: Some(3), ..slow(1) };

    assert!(side_by_side(&asker, 10, 4).await.is_err());
    assert!(at_fixed_times(&asker, 10, 1_000.0).await.is_err());
}

#[tokio::test]
async fn rate_is_what_comes_through_at_once() {
    let rate = highest_rate(&slow(20), Duration::from_millis(200), 4).await.unwrap();

    assert!((20.0..=200.0).contains(&rate), "{rate}");
}

/// Whoever waited for each answer would take 20 times 50 ms.
#[tokio::test]
async fn request_is_made_when_it_is_due_whether_or_not_the_last_was_answered() {
    let asker = slow(50);
    let started = tokio::time::Instant::now();

    let took = at_fixed_times(&asker, 20, 1_000.0).await.unwrap();

    assert!(took.iter().all(|took| *took >= 50.0), "{took:?}");
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
}

#[test]
fn first_turn_is_not_counted() {
    let mut latencies = Latencies::default();

    latencies.turn(&[1_000.0]);
    assert!(latencies.microseconds(99).is_err());
    latencies.turn(&[1.5, 2.5]);

    assert_eq!(latencies.microseconds(50).unwrap(), 1_500);
    assert_eq!(latencies.microseconds(99).unwrap(), 2_500);
}
