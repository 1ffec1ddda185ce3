//! Logs to stderr, traces and metrics by OTLP, and the trace context that travels between services.

use std::io::{self, IsTerminal as _};
use std::sync::Arc;

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_otlp::{ExporterBuildError, MetricExporter, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkError;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde::Deserialize;
use tracing::Level;
use tracing_subscriber::filter::{LevelFilter, ParseError, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::{SubscriberInitExt as _, TryInitError};
use tracing_subscriber::{EnvFilter, Layer as _, fmt};

use crate::problem::chain;

mod context;

pub use context::{current_traceparent, set_parent};
pub(crate) use context::{inject, set_parent_of};

/// The beginning of every target of ours.
const OURS: &str = "publicdata";

/// What is logged and exported, and where to.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TelemetryConfig {
    /// The `service.name` of all that this process exports.
    pub service_name: String,
    /// Which log lines: directives as of `RUST_LOG`, such as `info,publicdata_audit=debug`.
    pub log: String,
    /// How log lines look.
    pub format: LogFormat,
    /// Where traces and metrics go, such as `http://localhost:4317` (OTLP over gRPC).
    pub otlp_endpoint: Option<String>,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// For machines: one object a line.
    Json,
}

/// Sends what is still buffered. Keep it until the end of `main`.
#[derive(Debug)]
#[must_use = "telemetry that is still buffered is sent through the guard"]
pub struct Guard(Arc<Providers>);

#[derive(Debug)]
struct Providers {
    tracer: SdkTracerProvider,
    meter: SdkMeterProvider,
}

/// Why telemetry does not start, or does not send.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The filter cannot be read.
    #[error(
        "log filter `{filter}` is invalid; write directives such as `info,publicdata_audit=debug`"
    )]
    Filter {
        /// The filter.
        filter: String,
        /// What is wrong with it.
        #[source]
        source: ParseError,
    },
    /// The exporter cannot be built.
    #[error("cannot export to otlp_endpoint `{endpoint}`; write it as `http://host:4317`")]
    Exporter {
        /// The endpoint.
        endpoint: String,
        /// What is wrong with it.
        #[source]
        source: ExporterBuildError,
    },
    /// Telemetry runs already.
    #[error("telemetry is initialised once a process")]
    Twice(#[source] TryInitError),
    /// Buffered telemetry was not sent.
    #[error("telemetry was not sent")]
    Send(#[source] OTelSdkError),
}

impl Default for TelemetryConfig {
    fn default() -> Self {
        Self {
            service_name: OURS.to_owned(),
            log: "info".to_owned(),
            format: LogFormat::Pretty,
            otlp_endpoint: None,
        }
    }
}

/// Starts telemetry for this process, however many services it runs. Needs a tokio runtime.
pub fn init(config: &TelemetryConfig) -> Result<Guard, TelemetryError> {
    let filter = EnvFilter::try_new(&config.log)
        .map_err(|source| TelemetryError::Filter { filter: config.log.clone(), source })?;
    let providers = Providers::build(config)?;
    opentelemetry::global::set_meter_provider(providers.meter.clone());

    let lines = fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let lines = match config.format {
        LogFormat::Pretty => lines.with_filter(filter).boxed(),
        LogFormat::Json => {
            lines.json().with_span_list(false).flatten_event(true).with_filter(filter).boxed()
        }
    };
    // Only our spans: those of the exporter's own connection would beget spans without end.
    let ours = Targets::new().with_default(LevelFilter::OFF).with_target(OURS, Level::INFO);
    let spans = tracing_opentelemetry::layer()
        .with_tracer(providers.tracer.tracer(OURS))
        .with_location(false)
        .with_threads(false)
        .with_filter(ours);

    tracing_subscriber::registry()
        .with(lines)
        .with(spans)
        .try_init()
        .map_err(TelemetryError::Twice)?;
    Ok(Guard(Arc::new(providers)))
}

// === impl Guard ===

impl Guard {
    /// Sends what is buffered, and goes on.
    pub async fn flush(&self) -> Result<(), TelemetryError> {
        self.blocking(|providers| {
            providers.tracer.force_flush()?;
            providers.meter.force_flush()
        })
        .await
    }

    /// Sends what is buffered, and ends.
    pub async fn shutdown(self) -> Result<(), TelemetryError> {
        self.blocking(|providers| {
            providers.tracer.shutdown()?;
            providers.meter.shutdown()
        })
        .await
    }

    /// Sends what is buffered, and ends. What cannot be sent is no reason for a service to have failed: it is logged.
    pub async fn finish(self) {
        if let Err(error) = self.shutdown().await {
            tracing::warn!(error = chain(&error), "telemetry was not sent");
        }
    }

    /// The SDK blocks until the exporter is done, and the exporter needs the runtime.
    async fn blocking(
        &self,
        work: impl FnOnce(&Providers) -> Result<(), OTelSdkError> + Send + 'static,
    ) -> Result<(), TelemetryError> {
        let providers = Arc::clone(&self.0);
        let done = tokio::task::spawn_blocking(move || work(&providers)).await;
        done.unwrap_or_else(|lost| Err(OTelSdkError::InternalFailure(lost.to_string())))
            .map_err(TelemetryError::Send)
    }
}

// === impl Providers ===

impl Providers {
    /// Without an endpoint, spans still get ids, for logs and events to name.
    fn build(config: &TelemetryConfig) -> Result<Self, TelemetryError> {
        let resource = Resource::builder()
            .with_service_name(config.service_name.clone())
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .build();
        let mut tracer = SdkTracerProvider::builder().with_resource(resource.clone());
        let mut meter = SdkMeterProvider::builder().with_resource(resource);

        if let Some(endpoint) = &config.otlp_endpoint {
            let wrong = |source| TelemetryError::Exporter { endpoint: endpoint.clone(), source };
            let spans = SpanExporter::builder().with_tonic().with_endpoint(endpoint);
            tracer = tracer.with_batch_exporter(spans.build().map_err(wrong)?);
            let metrics = MetricExporter::builder().with_tonic().with_endpoint(endpoint);
            meter = meter.with_periodic_exporter(metrics.build().map_err(wrong)?);
        }
        Ok(Self { tracer: tracer.build(), meter: meter.build() })
    }
}

#[cfg(test)]
mod tests;
