//! What a failed connection means. tonic calls everything a `transport error`; the causes tell more.

use std::error::Error;
use std::io;
use std::sync::Arc;

use publicdata_identity::SpiffeId;
use rustls::CertificateError;
use tonic::{ConnectError, Status, TimeoutExpired};

use crate::problem::{Code, Problem, chain};

/// The other side of a channel.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) address: String,
    pub(super) server: SpiffeId,
    pub(super) client: SpiffeId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cause {
    NotListening,
    Unreachable,
    TimedOut,
    OtherServer,
    ServerNotTrusted,
    ClientRefused,
    Lost,
}

/// A status with a reason and words, in place of a transport error. The error stays as its source.
pub(super) fn explain(error: impl Error + Send + Sync + 'static, target: &Target) -> Status {
    let Target { address, server, client } = target;
    let (code, reason, message) = match cause(&error) {
        Cause::NotListening => (
            Code::Unavailable,
            "SERVER_NOT_RUNNING",
            format!("nothing listens at {address}; start {server}, or correct its address"),
        ),
        Cause::Unreachable => (
            Code::Unavailable,
            "SERVER_UNREACHABLE",
            format!("cannot reach {server} at {address}: {}", innermost(&error)),
        ),
        Cause::TimedOut => (
            Code::Unavailable,
            "DEADLINE_EXCEEDED",
            format!("{server} at {address} did not answer in time"),
        ),
        Cause::OtherServer => (
            Code::Unauthenticated,
            "WRONG_SERVER",
            format!("what answers at {address} is not {server}; correct the address"),
        ),
        Cause::ServerNotTrusted => (
            Code::Unauthenticated,
            "SERVER_NOT_TRUSTED",
            format!(
                "the certificate of the server at {address} is not accepted ({}); check that \
                 ca.pem of both sides is of the same authority",
                innermost(&error)
            ),
        ),
        Cause::ClientRefused => (
            Code::Unauthenticated,
            "CERTIFICATE_REFUSED",
            format!(
                "{server} at {address} refuses the certificate of {client} ({}); check that it has \
                 not expired, and is of the same authority",
                innermost(&error)
            ),
        ),
        Cause::Lost => (
            Code::Unavailable,
            "CONNECTION_LOST",
            format!("the connection to {server} at {address} broke off"),
        ),
    };

    tracing::debug!(error = chain(&error), reason, "connection failed");
    let mut status = Status::from(Problem::new(code, reason, message).with("address", address));
    status.set_source(Arc::new(error));
    status
}

fn cause(error: &(dyn Error + 'static)) -> Cause {
    causes(error).into_iter().rev().find_map(cause_of_one).unwrap_or(Cause::Lost)
}

fn cause_of_one(error: &(dyn Error + 'static)) -> Option<Cause> {
    if let Some(tls) = error.downcast_ref::<rustls::Error>() {
        return cause_in_tls(tls);
    }
    if error.is::<TimeoutExpired>() {
        return Some(Cause::TimedOut);
    }
    if error.is::<ConnectError>() {
        return Some(Cause::Unreachable);
    }
    let kind = error.downcast_ref::<io::Error>()?.kind();
    if kind == io::ErrorKind::ConnectionRefused {
        return Some(Cause::NotListening);
    }
    (kind == io::ErrorKind::TimedOut).then_some(Cause::TimedOut)
}

#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "rustls has many errors, few of which tell us more"
)]
fn cause_in_tls(error: &rustls::Error) -> Option<Cause> {
    match error {
        rustls::Error::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        ) => Some(Cause::OtherServer),
        rustls::Error::InvalidCertificate(_) => Some(Cause::ServerNotTrusted),
        rustls::Error::AlertReceived(_) => Some(Cause::ClientRefused),
        _ => None,
    }
}

fn innermost(error: &(dyn Error + 'static)) -> String {
    causes(error).last().map(ToString::to_string).unwrap_or_default()
}

/// An error and its causes; an `io::Error` is followed into what it wraps, which it hides.
fn causes<'a>(error: &'a (dyn Error + 'static)) -> Vec<&'a (dyn Error + 'static)> {
    let mut causes = Vec::new();
    let mut next = Some(error);
    while let Some(error) = next {
        causes.push(error);
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    causes
}
