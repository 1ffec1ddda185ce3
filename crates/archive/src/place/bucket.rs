//! A place in a bucket of a store that speaks S3: an object for each archive, put there unless it is there.

use std::fmt;
use std::future::Future;
use std::time::Duration;

use bytes::Bytes;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey as Key, S3ConditionalPut};
use object_store::path::Path;
use object_store::{
    ClientConfigKey, Error, ObjectStore as _, ObjectStoreExt as _, PutMode, RetryConfig,
};
use tokio::time::timeout;
use url::Url;

use super::http::{Connector, allows_http};
use super::{PlaceError, Setting};
use crate::Fault;

/// In which an archive has to be stored or read, all attempts together.
const TIME_MAX: Duration = Duration::from_secs(300);

/// How often, and for how long, a store that does not answer is asked again.
const RETRIES_MAX: usize = 3;
const RETRY_TIME: Duration = Duration::from_secs(60);

/// Begins the names of settings.
const SETTINGS: &str = "AWS_";

/// A bucket, and the prefix of the names in it. Cheap to clone.
#[derive(Clone)]
pub(super) struct Bucket {
    store: AmazonS3,
    name: String,
    prefix: Path,
    endpoint: String,
}

/// An object that cannot be written or read, and where it is.
#[derive(Debug, thiserror::Error)]
#[error("object `{object}` of bucket `{bucket}` at {endpoint}")]
pub struct BucketError {
    /// The bucket.
    pub bucket: String,
    /// The object's name in it.
    pub object: String,
    /// Who was asked.
    pub endpoint: String,
    /// Why.
    #[source]
    pub problem: BucketProblem,
}

/// Why an object cannot be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BucketProblem {
    /// There is no such bucket.
    #[error("the bucket does not exist; make it, or name another one")]
    NoBucket,
    /// The key does not count, or not for this.
    #[error(
        "access is refused: {answer}; see to AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and to what that key may do there"
    )]
    Refused {
        /// What the store said.
        answer: String,
    },
    /// It takes too long.
    #[error("it took longer than {} s; see to the network, and try again", .0.as_secs())]
    Late(Duration),
    /// The store cannot be reached, or failed.
    #[error("{why}; see to AWS_ENDPOINT, AWS_REGION and the network, and try again")]
    Failed {
        /// What it said, or what stood in the way.
        why: String,
    },
}

impl Bucket {
    /// The bucket that this URL names, by these settings. Nothing is asked yet.
    pub(super) fn open(
        url: &Url,
        settings: impl IntoIterator<Item = Setting>,
    ) -> Result<Self, PlaceError> {
        let unknown = || PlaceError::Url { url: url.to_string() };
        let plain = url.port().is_none() && url.username().is_empty() && url.password().is_none();
        if !plain || url.query().is_some() || url.fragment().is_some() {
            return Err(unknown());
        }
        let name = url.host_str().filter(|name| !name.is_empty()).ok_or_else(unknown)?;
        let prefix = Path::from_url_path(url.path()).map_err(|_| unknown())?;

        let mut builder = AmazonS3Builder::new();
        for (key, value) in settings.into_iter().filter(|(key, _)| key.starts_with(SETTINGS)) {
            // Programs of Amazon's own have settings that mean nothing here.
            if let Ok(key) = key.to_ascii_lowercase().parse() {
                builder = builder.with_config(key, value);
            }
        }
        let endpoint = endpoint(&builder);
        let allow_http = builder.get_config_value(&Key::Client(ClientConfigKey::AllowHttp));
        if endpoint.starts_with("http://") && !allows_http(allow_http) {
            return Err(PlaceError::InTheClear { endpoint });
        }
        let retry = RetryConfig {
            max_retries: RETRIES_MAX,
            retry_timeout: RETRY_TIME,
            ..RetryConfig::default()
        };
        let store = builder
            .with_bucket_name(name)
            .with_conditional_put(S3ConditionalPut::ETagMatch)
            .with_retry(retry)
            .with_http_connector(Connector)
            .build()
            .map_err(|error| PlaceError::Settings { url: url.to_string(), why: root(&error) })?;
        Ok(Self { store, name: name.to_owned(), prefix, endpoint })
    }

    /// Stores an object, unless there is one of that name.
    pub(super) async fn put(&self, path: &str, bytes: Bytes) -> Result<(), Fault> {
        let object = self.object(path);
        let stored = self.store.put_opts(&object, bytes.into(), PutMode::Create.into());
        match timeout(TIME_MAX, stored).await {
            Ok(Ok(_) | Err(Error::AlreadyExists { .. })) => Ok(()),
            Ok(Err(error)) => Err(self.fault("written", &object, problem(&error))),
            Err(_) => Err(self.fault("written", &object, BucketProblem::Late(TIME_MAX))),
        }
    }

    /// An object of so many bytes. One of another size is not read.
    pub(super) async fn get(&self, path: &str, sealed: u64) -> Result<Bytes, Fault> {
        let object = self.object(path);
        let read = async {
            let found = self.store.get(&object).await?;
            match found.meta.size {
                size if size == sealed => found.bytes().await.map(Ok),
                size => Ok(Err(Fault::Size { found: size, sealed })),
            }
        };
        self.within_time(&object, read).await?
    }

    /// Whether there is an object. A byte of it is read: to a HEAD, a store does not say why it refuses.
    pub(super) async fn find(&self, path: &str) -> Result<(), Fault> {
        let object = self.object(path);
        self.within_time(&object, self.store.get_range(&object, 0..1)).await.map(drop)
    }

    async fn within_time<T>(
        &self,
        object: &Path,
        read: impl Future<Output = object_store::Result<T>>,
    ) -> Result<T, Fault> {
        let error = match timeout(TIME_MAX, read).await {
            Ok(Ok(read)) => return Ok(read),
            Ok(Err(error)) => error,
            Err(_) => return Err(self.fault("read", object, BucketProblem::Late(TIME_MAX))),
        };
        let problem = problem(&error);
        let no_bucket = matches!(problem, BucketProblem::NoBucket);
        match matches!(error, Error::NotFound { .. }) && !no_bucket {
            true => Err(Fault::Missing),
            false => Err(self.fault("read", object, problem)),
        }
    }

    fn object(&self, path: &str) -> Path {
        path.split('/').fold(self.prefix.clone(), Path::join)
    }

    fn fault(&self, doing: &'static str, object: &Path, problem: BucketProblem) -> Fault {
        let (bucket, endpoint) = (self.name.clone(), self.endpoint.clone());
        Fault::place(doing)(BucketError { bucket, object: object.to_string(), endpoint, problem })
    }
}

impl fmt::Debug for Bucket {
    /// Keys stay out of it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, prefix, endpoint, .. } = self;
        write!(f, "Bucket(s3://{name}/{prefix} at {endpoint})")
    }
}

/// Who will be asked.
fn endpoint(builder: &AmazonS3Builder) -> String {
    let set = |key: Key| builder.get_config_value(&key);
    let endpoint = set(Key::S3Endpoint).or_else(|| set(Key::Endpoint));
    let region = set(Key::Region).unwrap_or_else(|| "us-east-1".to_owned());
    endpoint.unwrap_or_else(|| format!("https://s3.{region}.amazonaws.com"))
}

fn problem(error: &Error) -> BucketProblem {
    let why = root(error);
    let answer = answer(&why).unwrap_or_else(|| why.clone());
    let refused = matches!(error, Error::PermissionDenied { .. } | Error::Unauthenticated { .. });
    match refused {
        true => BucketProblem::Refused { answer },
        false if why.contains("<Code>NoSuchBucket</Code>") => BucketProblem::NoBucket,
        false => BucketProblem::Failed { why: answer },
    }
}

/// What a store says in its XML: a code, and a sentence.
fn answer(said: &str) -> Option<String> {
    let between = |begin: &str, end: &str| {
        let (_, rest) = said.split_once(begin)?;
        rest.split_once(end).map(|(inside, _)| inside)
    };
    let code = between("<Code>", "</Code>")?;
    let message = between("<Message>", "</Message>").unwrap_or_default();
    Some(format!("{code} {message}").trim_end().trim_end_matches('.').to_owned())
}

/// What it comes down to: each error of this library says all that is below it, too.
fn root(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => root(source),
        None => error.to_string(),
    }
}
