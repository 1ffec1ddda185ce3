use tokio::sync::oneshot;

use super::*;

const DEADLINE: Duration = Duration::from_secs(5);

/// Ends when it is asked to, and says so.
fn obedient(tasks: &Tasks) -> oneshot::Receiver<()> {
    let (ended, watch) = oneshot::channel();
    let shutdown = tasks.shutdown().clone();
    tasks.spawn("obedient", async move {
        shutdown.cancelled().await;
        ended.send(()).ok();
    });
    watch
}

#[tokio::test]
async fn a_signal_drains_all_tasks() {
    let tasks = Tasks::new();
    let ended = obedient(&tasks);

    tasks.run(std::future::ready(()), DEADLINE).await.unwrap();

    ended.await.unwrap();
}

#[tokio::test]
async fn a_service_runs_once_it_has_started() {
    let tasks = Tasks::new();
    let ((signal, asked), (tell, ended)) = (oneshot::channel::<()>(), oneshot::channel());
    let started = tasks.clone();
    let start = async move {
        tell.send(obedient(&started)).unwrap();
        signal.send(()).unwrap();
        Ok::<_, Failure>(())
    };

    tasks.start_and_run(start, async { asked.await.unwrap() }, DEADLINE).await.unwrap();

    ended.await.unwrap().await.unwrap();
}

#[tokio::test]
async fn a_signal_ends_a_start_that_waits() {
    let (tasks, start) = (Tasks::new(), std::future::pending::<Result<(), Failure>>());

    tasks.start_and_run(start, std::future::ready(()), DEADLINE).await.unwrap();
}

#[tokio::test]
async fn what_does_not_start_is_told() {
    let start = async { Err::<(), BoxError>("no database".into()) };

    let failed = Tasks::new().start_and_run(start, std::future::pending(), DEADLINE).await;

    assert_eq!(failed.unwrap_err().to_string(), "no database");
}

#[tokio::test]
async fn a_failing_task_ends_the_service() {
    let tasks = Tasks::new();
    let ended = obedient(&tasks);
    tasks.try_spawn("view", async { Err("disk full") });

    let failure = tasks.run(std::future::pending(), DEADLINE).await.unwrap_err();

    assert_eq!(chain(&failure), "task `view` failed: disk full");
    ended.await.unwrap();
}

#[tokio::test]
async fn a_panicking_task_ends_the_service() {
    let tasks = Tasks::new();
    tasks.spawn("policy", async { panic!("impossible {}", "state") });

    let failure = tasks.run(std::future::pending(), DEADLINE).await.unwrap_err();

    assert_eq!(failure.to_string(), "task `policy` panicked: impossible state");
}

#[tokio::test]
async fn a_task_may_end_early() {
    let tasks = Tasks::new();
    tasks.try_spawn("once", async { Ok::<(), BoxError>(()) });
    let ended = obedient(&tasks);
    tokio::task::yield_now().await;

    assert!(!tasks.shutdown().is_cancelled());
    tasks.drain(DEADLINE).await.unwrap();
    ended.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_does_not_end_is_cut_off_and_named() {
    let tasks = Tasks::new();
    let (held, watch) = oneshot::channel::<()>();
    tasks.spawn("deaf", async move {
        std::future::pending::<()>().await;
        drop(held);
    });

    let failure = tasks.drain(DEADLINE).await.unwrap_err();

    assert_eq!(failure.to_string(), "cut off after 5 s: deaf");
    assert!(watch.await.is_err());
}

#[tokio::test]
async fn dropping_the_last_handle_ends_its_tasks() {
    let tasks = Tasks::new();
    let (held, watch) = oneshot::channel::<()>();
    tasks.spawn("left behind", async move {
        std::future::pending::<()>().await;
        drop(held);
    });

    drop(tasks);

    assert!(watch.await.is_err());
}

#[tokio::test]
async fn a_parent_shuts_down_its_children() {
    let parent = CancellationToken::new();
    let tasks = Tasks::under(&parent);
    let ended = obedient(&tasks);

    parent.cancel();

    tasks.run(std::future::pending(), DEADLINE).await.unwrap();
    ended.await.unwrap();
}
