use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::bail;
use tokio::sync::Barrier;
use tokio::task::yield_now;

use super::{Ask, Latencies, at_fixed_times, highest_rate, side_by_side};

/// Answers so many at once, and none before; refuses one request.
#[derive(Clone)]
struct Server {
    at_once: Arc<Barrier>,
    refuses: Option<usize>,
    asked: Arc<Mutex<Vec<usize>>>,
}

impl Server {
    fn answers(at_once: usize) -> Self {
        Self { at_once: Arc::new(Barrier::new(at_once)), refuses: None, asked: Arc::default() }
    }

    fn asked(&self) -> Vec<usize> {
        let mut asked = self.asked.lock().unwrap().clone();
        asked.sort_unstable();
        asked
    }
}

impl Ask for Server {
    async fn ask(&self, number: usize) -> anyhow::Result<()> {
        if self.refuses == Some(number) {
            bail!("refused");
        }
        self.asked.lock().unwrap().push(number);
        self.at_once.wait().await;
        yield_now().await;
        Ok(())
    }
}

/// Whoever made fewer at once would wait forever.
#[tokio::test]
async fn each_request_is_made_once_and_as_many_at_once_as_wanted() {
    let server = Server::answers(4);

    let took = side_by_side(&server, 12, 4).await.unwrap();

    assert_eq!(took.len(), 12);
    assert_eq!(server.asked(), (0..12).collect::<Vec<_>>());
}

#[tokio::test]
async fn request_that_fails_fails_the_run() {
    let server = Server { refuses: Some(3), ..Server::answers(1) };

    assert!(side_by_side(&server, 10, 4).await.is_err());
    assert!(at_fixed_times(&server, 10, 1_000.0).await.is_err());
}

#[tokio::test]
async fn rate_counts_every_answer_over_all_of_the_time() {
    let server = Server::answers(1);

    let rate = highest_rate(&server, Duration::from_millis(100), 4).await.unwrap();

    let answered = f64::from(u32::try_from(server.asked().len()).unwrap());
    assert!(answered / rate >= 0.1, "{answered} at {rate} a second");
}

/// Whoever waited for an answer before the next request would wait forever.
#[tokio::test]
async fn request_is_made_when_it_is_due_whether_or_not_the_last_was_answered() {
    let server = Server::answers(20);

    let took = at_fixed_times(&server, 20, 1_000.0).await.unwrap();

    assert_eq!(server.asked(), (0..20).collect::<Vec<_>>());
    // The first was due when 19 others were still to come, a millisecond apart.
    assert!(took.iter().any(|took| *took >= 19.0), "{took:?}");
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
