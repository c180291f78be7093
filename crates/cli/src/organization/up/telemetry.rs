//! What an organization that is up tells of itself: warnings on standard error, the spans of its calls to a collector, requests and
//! acts of administrators as lines of JSON.

use super::served::Organization;
use crate::{
    args::TellArgs,
    output::{Failure, complain},
    warnings::Warnings,
};
use legation_gateway::{Lines, Logs, Place};
use opentelemetry::{KeyValue, trace::TracerProvider};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    error::{OTelSdkError, OTelSdkResult},
    trace::{SdkTracerProvider, SpanData},
};
use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::filter_fn, layer::SubscriberExt, registry};

/// For how long the collector may take to answer.
const COLLECTOR: Duration = Duration::from_secs(10);
/// Where OTLP's HTTP end point takes spans, below its URL (OTLP §"Endpoint URLs for OTLP/HTTP").
const TRACES: &str = "/v1/traces";

/// What is told, until it is dropped: then what waits is sent.
#[derive(Debug)]
pub(crate) struct Telemetry {
    spans: Option<SdkTracerProvider>,
    lines: Vec<Arc<Lines>>,
}

/// Begins to tell.
pub(super) fn start(args: &TellArgs, all: &[Organization]) -> Result<Telemetry, Failure> {
    // Of several, each span and each line says whose it is.
    let (did, is_one) = match all {
        [one] => (Some(one.did().as_str()), true),
        _ => (None, false),
    };
    // A variable of the environment that is empty says nothing.
    let otlp = args.otlp.as_deref().filter(|url| !url.is_empty());
    let spans = otlp.map(|url| provider(url, did)).transpose()?;
    let registry = registry().with(Warnings);
    let set = match &spans {
        // Spans of others' crates are theirs.
        Some(provider) => {
            let spans = tracing_opentelemetry::layer()
                .with_location(false)
                .with_threads(false)
                .with_target(false)
                .with_tracked_inactivity(false)
                .with_tracer(provider.tracer("legation"));
            let own = filter_fn(|meta| meta.is_event() || meta.target().starts_with("legation"));
            tracing::subscriber::set_global_default(registry.with(spans).with(own).with(LevelFilter::INFO))
        }
        // Below warnings nothing is even looked at.
        None => tracing::subscriber::set_global_default(registry.with(LevelFilter::WARN)),
    };
    set.map_err(|error| Failure::network("telemetry", error.to_string()))?;
    let access = lines(args.access_log.is_on(), args.access_log_file.as_ref())?;
    let audit = lines(args.audit_log.is_on(), args.audit_log_file.as_ref())?;
    for one in all {
        let named = (!is_one).then(|| one.registry.host());
        one.gateway.log_to(Logs::new(access.clone(), audit.clone()).of(named));
    }
    Ok(Telemetry { spans, lines: access.into_iter().chain(audit).collect() })
}

fn lines(is_on: bool, file: Option<&PathBuf>) -> Result<Option<Arc<Lines>>, Failure> {
    if !is_on {
        return Ok(None);
    }
    let place = file.cloned().map_or(Place::Stdout, Place::File);
    let lines = Lines::at(place).map_err(|error| {
        let to = file.map_or_else(|| "standard output".to_owned(), |file| format!("`{}`", file.display()));
        Failure::file(format!("no log can be written to {to}: {error}"))
    })?;
    Ok(Some(Arc::new(lines)))
}

/// Who sends spans to a collector.
fn provider(url: &str, did: Option<&str>) -> Result<SdkTracerProvider, Failure> {
    let endpoint = endpoint(url)?;
    // Nothing is followed elsewhere: what is sent there may hold a key of the collector's.
    let client = reqwest::blocking::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .timeout(COLLECTOR)
        .build()
        .map_err(|error| Failure::network("telemetry", error.to_string()))?;
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(client)
        .with_endpoint(endpoint)
        .build()
        .map_err(|error| Failure::network("telemetry", error.to_string()))?;
    let resource = Resource::builder()
        .with_service_name("legation")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .with_attributes(did.map(|did| KeyValue::new("service.namespace", did.to_owned())))
        .build();
    let exporter = Told { exporter, failed: AtomicBool::new(false) };
    Ok(SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build())
}

/// The URL that takes spans.
fn endpoint(text: &str) -> Result<String, Failure> {
    let wrong = |what: &str| {
        // A password may stand in it.
        Failure::usage(format!(
            "--otlp: {what}; expected the URL of a collector, such as http://localhost:4318"
        ))
    };
    let url = url::Url::parse(text).map_err(|error| wrong(&error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(wrong("OTLP is spoken over http or https here"));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("a key belongs into OTEL_EXPORTER_OTLP_HEADERS and not into the URL"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("it has a query or a fragment"));
    }
    let text = text.trim_end_matches('/');
    Ok(if text.ends_with(TRACES) { text.to_owned() } else { format!("{text}{TRACES}") })
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        if let Some(spans) = &self.spans {
            // What could not be sent was told of.
            let _ = spans.shutdown();
        }
        self.lines.iter().for_each(|lines| lines.end());
    }
}

/// Says once that spans can't be sent, and once that they can again.
#[derive(Debug)]
struct Told {
    exporter: SpanExporter,
    failed: AtomicBool,
}

impl opentelemetry_sdk::trace::SpanExporter for Told {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.exporter.export(batch).await;
        match &sent {
            Err(error) => {
                if !self.failed.swap(true, Ordering::Relaxed) {
                    complain(&format!(
                        "spans can't be sent to the collector, and are lost meanwhile: {error}\n"
                    ));
                }
            }
            Ok(()) => {
                if self.failed.swap(false, Ordering::Relaxed) {
                    complain("spans are sent to the collector again\n");
                }
            }
        }
        sent
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> Result<(), OTelSdkError> {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
