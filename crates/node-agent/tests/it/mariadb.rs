//! A MariaDB of the test's own, in a temporary folder, reached through a socket there, that ends with the test.

use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::{MetadataExt as _, chown};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};

use tempfile::TempDir;

/// Of Debian's package `mariadb-server-core`. Without accounts it needs no tables of its own.
const SERVER: &str = "/usr/sbin/mariadbd";
const READY: &str = "ready for connections";
/// Runs the server, and ends it when its own input ends: when the test drops it, and also when the test itself ends without a word.
const KEEPER: &str = r#""$0" "$@" & server=$!; cat >/dev/null; kill -KILL $server; wait $server"#;
/// `nobody` and its group.
const UNPRIVILEGED: u32 = 65_534;

/// A running server.
pub(crate) struct Mariadb {
    keeper: Child,
    input: Option<ChildStdin>,
    folder: TempDir,
}

impl Mariadb {
    /// Starts a server with a database `civil` that is empty.
    pub(crate) async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let as_user = (folder.path().metadata().unwrap().uid() == 0).then_some(UNPRIVILEGED);
        chown(folder.path(), as_user, as_user).unwrap();
        let data = folder.path().join("data");
        std::fs::create_dir(&data).unwrap();
        chown(&data, as_user, as_user).unwrap();
        assert!(Path::new(SERVER).exists(), "no MariaDB server found; run `make setup`");

        let mut keeper = prepared("sh", folder.path(), as_user)
            .args([
                "-c",
                KEEPER,
                SERVER,
                "--no-defaults",
                "--skip-networking",
                "--skip-grant-tables",
            ])
            .args(["--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=16M"])
            .arg(format!("--datadir={}", data.display()))
            .arg(format!("--socket={}", folder.path().join("socket").display()))
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let (input, log) = (keeper.stdin.take(), keeper.stderr.take());
        let server = Self { keeper, input, folder };
        let mut log = BufReader::new(log.unwrap());
        let mut heard = String::new();
        while !heard.contains(READY) {
            assert!(log.read_line(&mut heard).unwrap() > 0, "MariaDB did not start: {heard}");
        }
        // It must not wait for somebody to read what else it says.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        server.execute("information_schema", "CREATE DATABASE civil CHARACTER SET utf8mb4").await;
        server
    }

    /// The URL of the database.
    pub(crate) fn url(&self, database: &str) -> String {
        let socket = self.folder.path().join("socket").display().to_string().replace('/', "%2F");
        format!("mysql://root@localhost/{database}?socket={socket}")
    }

    /// Carries out statements.
    pub(crate) async fn execute(&self, database: &str, statements: &str) {
        use sqlx::Connection as _;

        let mut connection = sqlx::MySqlConnection::connect(&self.url(database)).await.unwrap();
        let statements = sqlx::AssertSqlSafe(statements.to_owned());
        sqlx::raw_sql(statements).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

impl Drop for Mariadb {
    fn drop(&mut self) {
        drop(self.input.take());
        let _ = self.keeper.wait();
    }
}

fn prepared(program: &str, working_folder: &Path, as_user: Option<u32>) -> Command {
    let mut command = Command::new(program);
    command.current_dir(working_folder).stdin(Stdio::null()).stdout(Stdio::null());
    if let Some(user) = as_user {
        command.uid(user).gid(user);
    }
    command
}
