//! What a service may do at the server: its own subjects, and the few API calls that the store makes.

use crate::subject::all_of;

/// Subjects that a client may publish to and subscribe to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permissions {
    /// May publish to these.
    pub publish: Vec<String>,
    /// May subscribe to these.
    pub subscribe: Vec<String>,
}

/// What `service` needs that writes `streams_written` and reads these and `streams_read`. Nothing else is needed, and the
/// server should allow nothing else: a denied call shows as a timeout here and in the server's log.
#[must_use]
pub fn permissions(service: &str, streams_written: &[&str], streams_read: &[&str]) -> Permissions {
    let mut publish = Vec::new();
    for stream in streams_written {
        publish.push(all_of(stream));
        // Has no effect on a stream that exists, as long as UPDATE is not allowed.
        publish.push(format!("$JS.API.STREAM.CREATE.{stream}"));
    }
    let mut streams = [streams_written, streams_read].concat();
    streams.sort_unstable();
    streams.dedup();
    for stream in streams {
        publish.extend([
            format!("$JS.API.STREAM.INFO.{stream}"),
            format!("$JS.API.STREAM.MSG.GET.{stream}"),
            format!("$JS.API.DIRECT.GET.{stream}"),
            format!("$JS.API.CONSUMER.CREATE.{stream}.*"),
            format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.*"),
        ]);
    }
    let subscribe = vec![format!("{}.>", inbox_prefix(service))];
    Permissions { publish, subscribe }
}

/// Each service has inboxes of its own, so that none can read the answers to another.
pub(super) fn inbox_prefix(service: &str) -> String {
    format!("_INBOX.{service}")
}

/// A new name for a consumer of `service`.
pub(super) fn consumer(service: &str) -> String {
    format!("{service}-{:016x}", rand::random::<u64>())
}

#[cfg(test)]
mod tests;
