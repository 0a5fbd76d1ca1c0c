//! Counters in Prometheus's text format, under LiteLLM's names where the same thing is meant.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    extract::State,
    response::{IntoResponse as _, Redirect, Response},
};
use http::header;
use openclaw_models::{dialect::Front, exchange::Spent};

use crate::{
    auth::{self, Asker},
    error::Refusal,
    state::Router,
};

/// Upper bounds of the buckets of durations, in seconds.
const BUCKETS: [f64; 12] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0, 300.0,
];
/// Groups that are counted by themselves; those of wildcards have no end.
const SERIES_MAX: usize = 2_000;
/// The name of all others together.
const OTHERS: &str = "other";

/// Everything that is counted.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    counted: Mutex<Counted>,
}

#[derive(Debug, Default)]
struct Counted {
    /// By dialect or path, group and status.
    requests: BTreeMap<(Arc<str>, Arc<str>, u16), u64>,
    groups: BTreeMap<Arc<str>, Group>,
}

#[derive(Debug, Default)]
struct Group {
    input_tokens: u64,
    output_tokens: u64,
    dollars: f64,
    first: Durations,
    whole: Durations,
    overhead: Durations,
}

#[derive(Debug, Default)]
struct Durations {
    buckets: [u64; BUCKETS.len()],
    count: u64,
    seconds: f64,
}

impl Durations {
    fn add(&mut self, ms: u64) {
        let seconds = std::time::Duration::from_millis(ms).as_secs_f64();
        for (bucket, bound) in self.buckets.iter_mut().zip(BUCKETS) {
            *bucket += u64::from(seconds <= bound);
        }
        self.count += 1;
        self.seconds += seconds;
    }
}

impl Metrics {
    fn lock(&self) -> MutexGuard<'_, Counted> {
        self.counted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A request for a model that got no answer.
    pub(crate) fn refused(&self, front: Front, status: u16) {
        self.add(Arc::from(front.as_str()), Arc::from(""), status);
    }

    /// Any other request that was refused. The path is the table's, and none for what is not in it: what a client
    /// writes into an address is no name of a series.
    pub(crate) fn refused_elsewhere(&self, path: Option<&str>, status: u16) {
        self.add(Arc::from(path.unwrap_or(OTHERS)), Arc::from(""), status);
    }

    fn add(&self, route: Arc<str>, group: Arc<str>, status: u16) {
        let mut counted = self.lock();
        *counted.requests.entry((route, group, status)).or_default() += 1;
    }

    /// One that got an answer, once that has ended.
    pub(crate) fn answered(&self, front: Front, group: &Arc<str>, status: u16, spent: &Spent) {
        let mut counted = self.lock();
        let is_known = counted.groups.contains_key(group) || counted.groups.len() < SERIES_MAX;
        let group = if is_known {
            Arc::clone(group)
        } else {
            Arc::from(OTHERS)
        };
        let key = (Arc::from(front.as_str()), Arc::clone(&group), status);
        *counted.requests.entry(key).or_default() += 1;
        let sums = counted.groups.entry(group).or_default();
        if let Some(usage) = spent.usage {
            sums.input_tokens += usage.input_tokens;
            sums.output_tokens += usage.output_tokens;
        }
        sums.dollars += spent.cost.map_or(0.0, |cost| cost.as_usd());
        if let Some(first) = spent.first_ms {
            sums.first.add(first);
        }
        sums.whole.add(spent.ms);
        sums.overhead
            .add(spent.ms.saturating_sub(spent.upstream_ms));
    }
}

/// Everything for Prometheus.
pub(crate) async fn metrics(
    State(router): State<Router>,
    asker: Asker,
) -> Result<Response, Refusal> {
    if router.inner.options.metrics_need_key {
        auth::owner(&router.inner.accounts, &asker)?;
    }
    let text = router.inner.metrics.text() + &deployments(&router) + &recordings(&router);
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}

/// Where LiteLLM has them.
pub(crate) async fn moved() -> Redirect {
    Redirect::temporary("/metrics/")
}

impl Metrics {
    fn text(&self) -> String {
        let counted = self.lock();
        let mut text = String::new();
        head(
            &mut text,
            "litellm_proxy_total_requests_metric_total",
            "counter",
            "Requests, by dialect or path, group and status.",
        );
        for ((route, group, status), count) in &counted.requests {
            let labels = format!(
                "route=\"{route}\",requested_model=\"{}\",status_code=\"{status}\"",
                label(group)
            );
            line(
                &mut text,
                "litellm_proxy_total_requests_metric_total",
                &labels,
                count,
            );
        }
        for (name, help, value) in [
            (
                "litellm_input_tokens_metric",
                "Tokens read.",
                (|group| group.input_tokens as f64) as fn(&Group) -> f64,
            ),
            ("litellm_output_tokens_metric", "Tokens written.", |group| {
                group.output_tokens as f64
            }),
            ("litellm_spend_metric", "Dollars spent.", |group| {
                group.dollars
            }),
        ] {
            head(&mut text, &format!("{name}_total"), "counter", help);
            for (group, sums) in &counted.groups {
                let labels = format!("requested_model=\"{}\"", label(group));
                line(&mut text, &format!("{name}_total"), &labels, &value(sums));
            }
        }
        for (name, help, part) in [
            (
                "litellm_llm_api_time_to_first_token_metric",
                "Seconds until the first content.",
                (|group| &group.first) as fn(&Group) -> &Durations,
            ),
            (
                "litellm_request_total_latency_metric",
                "Seconds until the end of an answer.",
                |group| &group.whole,
            ),
            (
                "litellm_overhead_latency_metric",
                "Seconds of it that were ours.",
                |group| &group.overhead,
            ),
        ] {
            head(&mut text, name, "histogram", help);
            for (group, sums) in &counted.groups {
                histogram(&mut text, name, &label(group), part(sums));
            }
        }
        text
    }
}

fn histogram(text: &mut String, name: &str, group: &str, durations: &Durations) {
    let labels = format!("requested_model=\"{group}\"");
    let bucket = format!("{name}_bucket");
    for (count, bound) in durations.buckets.iter().zip(BUCKETS) {
        line(text, &bucket, &format!("{labels},le=\"{bound}\""), count);
    }
    line(
        text,
        &bucket,
        &format!("{labels},le=\"+Inf\""),
        &durations.count,
    );
    line(text, &format!("{name}_count"), &labels, &durations.count);
    line(text, &format!("{name}_sum"), &labels, &durations.seconds);
}

/// How deployments are: 0 is well, 2 is resting, as LiteLLM counts.
fn deployments(router: &Router) -> String {
    let mut text = String::new();
    head(
        &mut text,
        "litellm_deployment_state",
        "gauge",
        "0 healthy, 2 resting.",
    );
    for group in router.inner.models.inventory().groups {
        for state in &group.deployments {
            let labels = format!(
                "litellm_model_name=\"{}\",model_id=\"{}\",api_provider=\"{}\"",
                label(&state.deployment.model),
                label(&state.deployment.id),
                label(state.deployment.provider()),
            );
            let value = if state.resting.is_some() { 2 } else { 0 };
            line(&mut text, "litellm_deployment_state", &labels, &value);
        }
    }
    text
}

/// What has become of recordings, where anything is recorded.
fn recordings(router: &Router) -> String {
    let mut text = String::new();
    let Some(counts) = router.inner.models.recordings() else {
        return text;
    };
    let name = "openclaw_recordings_total";
    let help = "Recordings, by what became of them; those that were cut are written too.";
    head(&mut text, name, "counter", help);
    for (state, count) in [
        ("written", counts.written),
        ("cut", counts.cut),
        ("dropped", counts.dropped),
        ("failed", counts.failed),
        ("removed", counts.removed),
    ] {
        line(&mut text, name, &format!("state=\"{state}\""), &count);
    }
    let name = "openclaw_recordings_bytes";
    head(
        &mut text,
        name,
        "gauge",
        "Bytes of the recordings that are kept.",
    );
    writeln!(text, "{name} {}", counts.bytes).unwrap_or_default();
    text
}

fn head(text: &mut String, name: &str, kind: &str, help: &str) {
    // Writing to a string can't fail.
    writeln!(text, "# HELP {name} {help}\n# TYPE {name} {kind}").unwrap_or_default();
}

fn line(text: &mut String, name: &str, labels: &str, value: &impl std::fmt::Display) {
    writeln!(text, "{name}{{{labels}}} {value}").unwrap_or_default();
}

/// A label's value, in which these three have to be escaped.
fn label(value: &str) -> String {
    value
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
