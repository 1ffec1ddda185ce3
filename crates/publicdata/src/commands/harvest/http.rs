//! Reading another platform: bounded in time and size, and again where it fails for the moment.

use std::time::Duration;

use anyhow::{Context as _, bail};
use futures::StreamExt as _;
use publicdata_service_kit::retry::Backoff;
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Client, StatusCode, redirect};

/// Answers that are larger are refused.
const BODY_BYTES_MAX: usize = 64 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long one answer may take, from the request to its last byte.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(120);
const REDIRECTS_MAX: usize = 5;

/// An answer.
pub(super) struct Answer {
    pub(super) body: Vec<u8>,
    pub(super) media_type: String,
    /// Where it came from in the end.
    pub(super) url: String,
}

/// Reads another platform.
pub(super) struct Reader {
    client: Client,
    backoff: Backoff,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Asking again may help.
    #[error("{0}")]
    Passing(String),
    /// It will not.
    #[error("{0}")]
    Lasting(String),
}

impl Reader {
    pub(super) fn new() -> anyhow::Result<Self> {
        let client = Client::builder()
            .user_agent(concat!("publicdata/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .timeout(ANSWER_TIMEOUT)
            .redirect(redirect::Policy::limited(REDIRECTS_MAX))
            .build()?;
        let backoff = Backoff {
            delay_first: Duration::from_millis(500),
            delay_max: Duration::from_secs(15),
            deadline: Duration::from_secs(60),
        };
        Ok(Self { client, backoff })
    }

    /// What stands at this address.
    pub(super) async fn get(&self, url: &str, accept: &str) -> anyhow::Result<Answer> {
        let attempt = async || self.try_get(url, accept).await;
        let answer = self.backoff.retry(attempt, |failure| matches!(failure, Failure::Passing(_)));
        answer.await.with_context(|| format!("cannot read {url}"))
    }

    async fn try_get(&self, url: &str, accept: &str) -> Result<Answer, Failure> {
        let passing = |error: reqwest::Error| Failure::Passing(error.without_url().to_string());
        let request = self.client.get(url).header(ACCEPT, accept);
        let response = match request.send().await {
            Ok(response) => response,
            Err(error) if error.is_builder() || error.is_redirect() => {
                return Err(Failure::Lasting(error.to_string()));
            }
            Err(error) => return Err(passing(error)),
        };
        match response.status() {
            status if status.is_success() => {}
            status
                if status.is_server_error()
                    || status == StatusCode::TOO_MANY_REQUESTS
                    || status == StatusCode::REQUEST_TIMEOUT =>
            {
                return Err(Failure::Passing(format!("it answered {status}")));
            }
            status => return Err(Failure::Lasting(format!("it answered {status}"))),
        }
        let url = response.url().to_string();
        let media_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = media_type.unwrap_or_default().to_owned();
        let (mut body, mut chunks) = (Vec::new(), response.bytes_stream());
        while let Some(chunk) = chunks.next().await {
            body.extend_from_slice(&chunk.map_err(passing)?);
            if body.len() > BODY_BYTES_MAX {
                let message = format!("it answered more than {BODY_BYTES_MAX} bytes");
                return Err(Failure::Lasting(message));
            }
        }
        Ok(Answer { body, media_type, url })
    }
}

/// The content of a file, if it is not too large.
pub(super) fn file(path: &std::path::Path) -> anyhow::Result<Vec<u8>> {
    let unreadable = || format!("cannot read {}", path.display());
    let length = std::fs::metadata(path).with_context(unreadable)?.len();
    if usize::try_from(length).is_ok_and(|length| length <= BODY_BYTES_MAX) {
        return std::fs::read(path).with_context(unreadable);
    }
    bail!("{} has more than {BODY_BYTES_MAX} bytes", path.display())
}
