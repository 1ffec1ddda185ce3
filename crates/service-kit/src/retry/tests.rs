use super::*;

const BACKOFF: Backoff = Backoff {
    delay_first: Duration::from_secs(1),
    delay_max: Duration::from_secs(8),
    deadline: Duration::from_secs(60),
};

#[derive(Debug, PartialEq)]
enum Failure {
    Passing,
    Lasting,
}

#[tokio::test(start_paused = true)]
async fn a_passing_failure_is_retried_ever_more_slowly() {
    let mut attempts = Vec::new();
    let begun = Instant::now();

    let result = BACKOFF
        .retry(
            async || {
                attempts.push(begun.elapsed());
                match attempts.len() {
                    4 => Ok("done"),
                    _ => Err(Failure::Passing),
                }
            },
            |failure| *failure == Failure::Passing,
        )
        .await;

    assert_eq!(result, Ok("done"));
    let waits: Vec<Duration> = attempts.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (wait, least) in waits.iter().zip([1, 2, 4]) {
        let least = Duration::from_secs(least);
        assert!((least..=2 * least).contains(wait), "{waits:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_lasting_failure_is_not_retried() {
    let mut attempts = 0;

    let result: Result<(), _> = BACKOFF
        .retry(
            async || {
                attempts += 1;
                Err(Failure::Lasting)
            },
            |failure| *failure == Failure::Passing,
        )
        .await;

    assert_eq!(result, Err(Failure::Lasting));
    assert_eq!(attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn the_deadline_ends_it() {
    let begun = Instant::now();

    let result: Result<(), _> = BACKOFF.retry(async || Err(Failure::Passing), |_| true).await;

    assert_eq!(result, Err(Failure::Passing));
    assert!(begun.elapsed() <= BACKOFF.deadline);
    assert!(begun.elapsed() >= BACKOFF.deadline - 2 * BACKOFF.delay_max);
}
