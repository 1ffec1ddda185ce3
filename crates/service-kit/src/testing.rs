//! A service's own program, as a test starts it: ended with the test. And a disk that fills up.

mod disk;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use publicdata_identity::{Credentials, SpiffeId};
use tokio::process::{Child, Command};
use tokio::time::{self, Instant};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use crate::grpc::channel;

pub use disk::SmallDisk;

const DEADLINE: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(20);

/// An address of this machine that was free a moment ago, for a program that cannot say which one it took.
///
/// # Panics
/// If none is free.
#[must_use]
pub fn free_address() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("the address of a listener")
}

/// A running program. It is killed when this is dropped.
#[derive(Debug)]
pub struct Program(Child);

impl Program {
    /// Starts `program --config <file>`.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(program: &str, config: &Path) -> Self {
        Self::start_in(program, config, [])
    }

    /// The same, with these variables in its environment as well.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start_in(
        program: &str,
        config: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Self {
        let child = Command::new(program)
            .arg("--config")
            .arg(config)
            .envs(environment)
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("a program that can be run");
        Self(child)
    }

    /// Waits until the health service at `address` says that `server` serves.
    ///
    /// # Panics
    /// If the program ends instead, or does not serve in time.
    pub async fn serves(
        &mut self,
        address: SocketAddr,
        credentials: &Credentials,
        server: &SpiffeId,
    ) {
        let channel = channel(&address.to_string(), credentials, server).expect("a channel");
        let mut health = HealthClient::new(channel.with_deadline(DEADLINE));
        let deadline = Instant::now() + DEADLINE;
        loop {
            let answer = health.check(HealthCheckRequest::default()).await;
            let ended = self.0.try_wait().expect("a child's status");
            assert!(ended.is_none(), "the program ended: {ended:?}");
            match answer.map(|answer| answer.into_inner().status()) {
                Ok(ServingStatus::Serving) => return,
                other => {
                    assert!(Instant::now() < deadline, "the program does not serve: {other:?}")
                }
            }
            time::sleep(POLL).await;
        }
    }

    /// Asks it to end, as Kubernetes does, and waits until it has.
    ///
    /// # Panics
    /// If it has ended already, or does not end in time.
    pub async fn terminate(mut self) -> ExitStatus {
        let process = self.0.id().expect("a program that runs");
        let asked = Command::new("kill").arg("-TERM").arg(process.to_string()).status().await;
        assert!(asked.expect("the program `kill`").success(), "no signal was sent");
        let ended = time::timeout(DEADLINE, self.0.wait()).await;
        ended.expect("a program that ends in time").expect("a child's status")
    }

    /// Ends it as a crash would.
    ///
    /// # Panics
    /// If it cannot be ended.
    pub async fn kill9(mut self) {
        self.0.kill().await.expect("a program that can be killed");
    }
}
