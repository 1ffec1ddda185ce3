use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::bail;
use tokio::sync::Barrier;

use super::{Ask, Latencies, at_fixed_times, highest_rate, side_by_side};

/// Writes down what it was asked.
#[derive(Clone, Default)]
struct Asker {
    refuses: Option<usize>,
    /// Where requests wait for each other.
    meeting: Option<Arc<Barrier>>,
    asked: Arc<Mutex<Vec<usize>>>,
}

impl Ask for Asker {
    async fn ask(&self, number: usize) -> anyhow::Result<()> {
        if self.refuses == Some(number) {
            bail!("refused");
        }
        if let Some(meeting) = &self.meeting {
            meeting.wait().await;
        }
        self.asked.lock().unwrap().push(number);
        Ok(())
    }
}

#[tokio::test]
async fn each_request_is_made_once() {
    let asker = Asker::default();

    let took = side_by_side(&asker, 10, 4).await.unwrap();

    assert_eq!(took.len(), 10);
    let mut asked = asker.asked.lock().unwrap().clone();
    asked.sort_unstable();
    assert_eq!(asked, (0..10).collect::<Vec<_>>());
}

#[tokio::test]
async fn request_that_fails_fails_the_run() {
    let asker = Asker { refuses: Some(3), ..Asker::default() };

    assert!(side_by_side(&asker, 10, 4).await.is_err());
    assert!(at_fixed_times(&asker, 10, 1_000.0).await.is_err());
}

#[tokio::test]
async fn rate_is_of_what_came_through() {
    let asker = Asker::default();

    let rate = highest_rate(&asker, Duration::ZERO, 4).await.unwrap();

    assert!(rate > 0.0, "{rate}");
    let mut asked = asker.asked.lock().unwrap().clone();
    asked.sort_unstable();
    assert_eq!(asked, [0, 1, 2, 3]);
}

/// Whoever waited for an answer before the next request would wait for ever.
#[tokio::test]
async fn request_is_made_when_it_is_due_whether_or_not_the_last_was_answered() {
    let asker = Asker { meeting: Some(Arc::new(Barrier::new(20))), ..Asker::default() };

    let took = at_fixed_times(&asker, 20, 1_000.0).await.unwrap();

    assert_eq!(took.len(), 20);
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
