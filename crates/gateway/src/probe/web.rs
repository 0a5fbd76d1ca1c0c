//! Neighbours that speak HTTP: model servers and Ollama, asked for the cheapest thing they can answer.

use openclaw_config::{Config, config::Provider};
use openclaw_models::http::{
    Call, HeaderMap, HeaderValue, Http, Method, Options, StatusCode, Transport, Url, header,
};
use openclaw_wire::methods::gateway::Probe;
use tokio::time::{Instant, timeout};

use super::PROBE_DEADLINE;
use crate::report::chain;

/// Asks every configured model server for its models, and the configured Ollama for its version.
pub(crate) async fn ask_all(config: &Config) -> Vec<Probe> {
    let http = Http::new(Options::default());
    let providers = config
        .models
        .providers
        .iter()
        .map(|provider| ask_provider(&http, provider));
    let mut probes = futures_util::future::join_all(providers).await;
    if let Some(ollama) = &config.memory.ollama {
        let url = format!("http://{}:{}/api/version", ollama.host, ollama.port);
        let (ok, detail, latency_ms) = ask(&http, &url, HeaderMap::new()).await;
        let hint = (!ok).then(|| "start Ollama, or set OLLAMA_HOST to where it listens".to_owned());
        probes.push(Probe {
            name: "ollama".to_owned(),
            target: url,
            ok,
            detail,
            hint,
            latency_ms,
        });
    }
    probes
}

async fn ask_provider(http: &Http, provider: &Provider) -> Probe {
    let url = format!("{}/models", provider.base_url);
    let mut headers = HeaderMap::new();
    let bearer = provider
        .key
        .as_ref()
        .and_then(|key| HeaderValue::from_str(&format!("Bearer {}", key.expose())).ok());
    if let Some(mut bearer) = bearer {
        bearer.set_sensitive(true);
        let _none = headers.insert(header::AUTHORIZATION, bearer);
    }
    let (ok, detail, latency_ms) = ask(http, &url, headers).await;
    let hint = (!ok).then(|| match &provider.key_variable {
        Some(variable) => format!(
            "check that it runs at {} and that {variable} holds its key",
            provider.base_url
        ),
        None => format!("check that it runs at {}", provider.base_url),
    });
    Probe {
        name: format!("provider {}", provider.id),
        target: url,
        ok,
        detail,
        hint,
        latency_ms,
    }
}

/// Whether it answers, in which words, and how fast.
async fn ask(http: &Http, url: &str, headers: HeaderMap) -> (bool, String, Option<u64>) {
    let parsed = match Url::parse(url) {
        Ok(parsed) => parsed,
        Err(error) => return (false, error.to_string(), None),
    };
    let call = Call {
        method: Method::GET,
        url: parsed,
        headers,
        body: bytes::Bytes::new(),
        transport: Transport::Tcp,
        connect: PROBE_DEADLINE,
    };
    let started = Instant::now();
    let answer = timeout(PROBE_DEADLINE, http.send(call)).await;
    let latency_ms = u64::try_from(started.elapsed().as_millis()).ok();
    match answer {
        Ok(Ok(answer)) if answer.status.is_success() => (true, "answers".to_owned(), latency_ms),
        // A server without this path is there all the same.
        Ok(Ok(answer)) if answer.status == StatusCode::NOT_FOUND => {
            (true, "answers, and lists no models".to_owned(), latency_ms)
        }
        Ok(Ok(answer)) => (
            false,
            format!("answers with HTTP status {}", answer.status.as_u16()),
            latency_ms,
        ),
        Ok(Err(error)) => (false, chain(&error), None),
        Err(_elapsed) => (
            false,
            format!("no answer within {} s", PROBE_DEADLINE.as_secs()),
            None,
        ),
    }
}
