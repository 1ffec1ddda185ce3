//! An S3-compatible server of a test's own: on a free port of loopback, ended with the test.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::{ObjectStoreExt as _, path};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::place::{Connector, Setting};

/// The bucket that is there from the beginning.
pub const BUCKET: &str = "archives";

/// A server (moto, in Python) that has one bucket, and lets one key in. It is killed when this is dropped.
#[derive(Debug)]
pub struct S3Server {
    /// Where it is: `http://127.0.0.1:<port>`.
    pub endpoint: String,
    /// Name and secret of its key.
    pub key: (String, String),
    _process: Child,
}

impl S3Server {
    /// Starts one.
    ///
    /// # Panics
    /// If it cannot be started: `make setup` brings it.
    pub async fn start() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let wheels: PathBuf = root.join(".tools/s3");
        let there = wheels.join("moto").is_dir();
        assert!(there, "{} is missing: run `make setup`", wheels.display());
        let mut process = Command::new("python3")
            .arg(root.join("tests/python/s3_server.py"))
            .arg(BUCKET)
            .env("PYTHONPATH", &wheels)
            .env("PYTHONDONTWRITEBYTECODE", "1")
            // It ends when this does.
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("python3: run `make setup`");
        let told = BufReader::new(process.stdout.take().expect("its standard output"));
        let line = told.lines().next_line().await.expect("what it tells");
        let line = line.expect("an S3-compatible server that tells its address");
        let words: Vec<&str> = line.split_whitespace().collect();
        let [endpoint, id, secret] = words[..] else { panic!("it told `{line}`") };
        let key = (id.to_owned(), secret.to_owned());
        Self { endpoint: endpoint.to_owned(), key, _process: process }
    }

    /// What stands in the environment of whoever may use it.
    #[must_use]
    pub fn settings(&self) -> Vec<Setting> {
        let (id, secret) = &self.key;
        self.settings_as(id, secret)
    }

    /// The same, with another key.
    #[must_use]
    pub fn settings_as(&self, id: &str, secret: &str) -> Vec<Setting> {
        let pairs = [
            ("AWS_ENDPOINT", self.endpoint.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", id),
            ("AWS_SECRET_ACCESS_KEY", secret),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// Writes an object over, as whoever holds a key can.
    ///
    /// # Panics
    /// If that fails.
    pub async fn overwrite(&self, object: &str, bytes: Vec<u8>) {
        let object = path::Path::from(object);
        self.store().put(&object, bytes.into()).await.expect("an object that can be written over");
    }

    fn store(&self) -> AmazonS3 {
        let (id, secret) = &self.key;
        let builder = AmazonS3Builder::new()
            .with_endpoint(&self.endpoint)
            .with_allow_http(true)
            .with_bucket_name(BUCKET)
            .with_access_key_id(id)
            .with_secret_access_key(secret)
            .with_http_connector(Connector);
        builder.build().expect("settings of a bucket")
    }
}
