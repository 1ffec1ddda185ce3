//! A Postgres of the test's own, in a temporary folder, that ends with the test.

use std::io::{self, BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

const READY: &str = "ready to accept connections";
/// What a server says that starts while processes of a killed one still end.
const STILL_IN_USE: &str = "is still in use";
const RESTART_DEADLINE: Duration = Duration::from_secs(20);
/// Runs the server, and ends it when its own input ends: when the test drops it, and also when the test itself ends without a
/// word. SIGQUIT is Postgres' immediate shutdown, which leaves no shared memory behind.
const KEEPER: &str =
    r#""$0" "$@" & server=$!; exec 2>/dev/null; cat >/dev/null; kill -QUIT $server; wait $server"#;
/// `nobody` and its group: Postgres refuses to run as root.
const UNPRIVILEGED: u32 = 65_534;

/// A running server, reached through a socket in its own folder only, so that no port is needed.
#[derive(Debug)]
pub struct TestPostgres {
    programs: Programs,
    sync: Sync,
    keeper: Option<Keeper>,
    folder: TempDir,
}

/// Whether what was committed outlasts the machine, and not the server alone.
#[derive(Clone, Copy, Debug)]
enum Sync {
    On,
    Off,
}

/// What runs the server.
#[derive(Debug)]
struct Keeper {
    process: Child,
    /// Open as long as the server is to run.
    input: Option<ChildStdin>,
}

#[derive(Debug)]
struct Programs {
    folder: PathBuf,
    as_user: Option<u32>,
}

/// Starts a Postgres from the server programs of this machine: those of `PATH`, or the newest of `/usr/lib/postgresql`.
///
/// # Panics
/// If there are none, with the command that installs them, or if the server does not start.
#[must_use]
pub fn postgres() -> TestPostgres {
    started(tempfile::tempdir(), Sync::Off)
}

/// The same with the server's own settings of what it syncs, which let it keep whatever it has committed; in `folder`, which
/// should lie on a disk.
///
/// # Panics
/// As [`postgres`].
#[must_use]
pub fn postgres_that_syncs(folder: &Path) -> TestPostgres {
    started(tempfile::Builder::new().prefix("postgres-").tempdir_in(folder), Sync::On)
}

fn started(folder: io::Result<TempDir>, sync: Sync) -> TestPostgres {
    let Some(programs) = find_programs() else {
        panic!("no Postgres server found; install one: apt-get install -y postgresql");
    };
    match folder.and_then(|folder| TestPostgres::start(programs, folder, sync)) {
        Ok(server) => server,
        Err(error) => panic!("cannot start Postgres: {error}"),
    }
}

impl TestPostgres {
    /// The URL of a database that is empty at first.
    #[must_use]
    pub fn url(&self) -> String {
        let socket = self.socket().display();
        format!("postgres://postgres@localhost/postgres?host={socket}")
    }

    /// The folder of the socket at which it listens.
    #[must_use]
    pub fn socket(&self) -> &Path {
        self.folder.path()
    }

    /// Gives a folder to the account that the server runs as, so that it can keep tables there.
    ///
    /// # Panics
    /// If the folder is not there.
    pub fn own(&self, folder: &Path) {
        let owner = self.programs.as_user;
        if let Err(error) = chown(folder, owner, owner) {
            panic!("cannot give {} to the server: {error}", folder.display());
        }
    }

    /// Kills the server as a crash would, and starts it again with what it has on disk.
    ///
    /// # Panics
    /// If it does not start again.
    pub fn kill9_and_restart(&mut self) {
        self.kill9();
        let deadline = Instant::now() + RESTART_DEADLINE;
        loop {
            match self.launch() {
                Ok(()) => return,
                // What served its connections ends by itself, in its own time.
                Err(error)
                    if error.to_string().contains(STILL_IN_USE) && Instant::now() < deadline => {}
                Err(error) => panic!("cannot start Postgres again: {error}"),
            }
        }
    }

    /// Kills the server as a crash would, with what serves its connections.
    fn kill9(&mut self) {
        let file = self.data().join("postmaster.pid");
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if let Some(process) = text.lines().next() {
            let children = format!("/proc/{process}/task/{process}/children");
            let children = std::fs::read_to_string(children).unwrap_or_default();
            // Fails only if one has ended by itself, which is what is wanted.
            let kill = ["-s", "KILL", process].into_iter().chain(children.split_whitespace());
            let _ = Command::new("kill").args(kill).status();
        }
        self.keeper = None;
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn start(programs: PathBuf, folder: TempDir, sync: Sync) -> io::Result<Self> {
        let as_user = match folder.path().metadata()?.uid() {
            0 => Some(UNPRIVILEGED),
            _ => None,
        };
        chown(folder.path(), as_user, as_user)?;
        let programs = Programs { folder: programs, as_user };
        let mut server = Self { programs, sync, keeper: None, folder };

        let made = server
            .programs
            .command("initdb", server.folder.path())
            .args(["--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C.UTF-8"])
            .args(["--no-sync", "--no-instructions", "--pgdata"])
            .arg(server.data())
            .output()?;
        if !made.status.success() {
            return Err(io::Error::other(String::from_utf8_lossy(&made.stderr).into_owned()));
        }
        server.launch()?;
        Ok(server)
    }

    /// Runs the server until it is ready.
    fn launch(&mut self) -> io::Result<()> {
        let mut keeper = self.programs.keeper(self.folder.path());
        let fsync = match self.sync {
            Sync::On => "fsync=on",
            Sync::Off => "fsync=off",
        };
        keeper
            .args(["-c", "listen_addresses=", "-c", fsync, "-c", "logging_collector=off"])
            .args(["-c", "log_destination=stderr", "-c", "lc_messages=C"])
            .args(["-c", "max_connections=200", "-c", "wal_level=logical"])
            .arg("-k")
            .arg(self.folder.path())
            .arg("-D")
            .arg(self.data());
        let mut process = keeper.stdin(Stdio::piped()).stderr(Stdio::piped()).spawn()?;
        let (log, input) = (process.stderr.take(), process.stdin.take());
        // From here on, `drop` ends it.
        let keeper = Keeper { process, input };
        wait_until_ready(log)?;
        self.keeper = Some(keeper);
        Ok(())
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.process.wait();
    }
}

impl Programs {
    fn keeper(&self, working_folder: &Path) -> Command {
        let mut command = self.prepared(Command::new("sh"), working_folder);
        command.args(["-c", KEEPER]).arg(self.folder.join("postgres"));
        command
    }

    fn command(&self, name: &str, working_folder: &Path) -> Command {
        self.prepared(Command::new(self.folder.join(name)), working_folder)
    }

    fn prepared(&self, mut command: Command, working_folder: &Path) -> Command {
        command.current_dir(working_folder).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null());
        if let Some(user) = self.as_user {
            command.uid(user).gid(user);
        }
        command
    }
}

fn find_programs() -> Option<PathBuf> {
    let complete =
        |folder: &Path| ["initdb", "postgres"].iter().all(|program| folder.join(program).is_file());
    #[expect(clippy::disallowed_methods, reason = "the search path is where programs are found")]
    let path = std::env::var("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).find(|folder| complete(folder));

    let installed = || {
        let versions = std::fs::read_dir("/usr/lib/postgresql").ok()?;
        let mut folders: Vec<(u32, PathBuf)> = versions
            .filter_map(|version| {
                let version = version.ok()?;
                let number = version.file_name().to_str()?.parse().ok()?;
                Some((number, version.path().join("bin")))
            })
            .filter(|(_, folder)| complete(folder))
            .collect();
        folders.sort();
        folders.pop().map(|(_, folder)| folder)
    };
    on_path.or_else(installed)
}

/// Reads the server's log until it says that it is ready; a thread goes on reading, so that the server never blocks.
fn wait_until_ready(log: Option<ChildStderr>) -> io::Result<()> {
    let Some(log) = log else { return Err(io::Error::other("its log cannot be read")) };
    let mut log = BufReader::new(log);
    let mut heard = String::new();
    while !heard.contains(READY) {
        if log.read_line(&mut heard)? == 0 {
            return Err(io::Error::other(heard));
        }
    }
    std::thread::spawn(move || io::copy(&mut log, &mut io::sink()));
    Ok(())
}
