//! The surface with everything behind it, and requests to it.

use std::sync::Arc;

use axum::body::{Body, to_bytes};
use http::{HeaderMap, Method, Request};
use openclaw_accounts::{Accounts, Options as AccountsOptions, Secret as Key};
use openclaw_models::{
    Api, Deadlines, DeploymentOptions, Models, Options as ModelsOptions, RoutingOptions, Secret,
};
use openclaw_router::{Endpoint, Options, Router, all};
use openclaw_types::{Price, SystemEnv};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::backend::Backend;

pub(crate) const MASTER: &str = "sk-5d0b6c2f18aa47e3b9c4d7e1";
/// What the backend is asked with.
pub(crate) const UPSTREAM: &str = "sk-of-the-provider-8f2e";
pub(crate) const INSTANCE: &str = "an-instance";

const DEADLINES: Deadlines = Deadlines {
    connect_ms: 5_000,
    first_byte_ms: 5_000,
    idle_ms: 5_000,
    total_ms: 20_000,
};
/// No answer of these tests is longer.
const BYTES_MAX: usize = 4 << 20;

pub(crate) struct World {
    pub(crate) surface: axum::Router,
    pub(crate) backend: Backend,
    accounts: Accounts,
    stop: CancellationToken,
    _dir: TempDir,
}

/// An answer, read whole.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    /// The body, which is JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name);
        value.map_or("", |value| value.to_str().expect("visible"))
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
        self.accounts.shutdown();
    }
}

impl World {
    /// With a master key.
    pub(crate) async fn start() -> Self {
        Self::with(Some(MASTER), true).await
    }

    pub(crate) async fn with(master: Option<&str>, metrics_need_key: bool) -> Self {
        let backend = Backend::start().await;
        let dir = TempDir::new().expect("a folder");
        let options = AccountsOptions {
            master_key: master.map(Key::new),
            ..AccountsOptions::new(dir.path())
        };
        let accounts = Accounts::open(options, Arc::new(SystemEnv)).expect("accounts");
        let stop = CancellationToken::new();
        let options = models(&backend.url, &accounts);
        let models = Models::start(options, Arc::new(SystemEnv), stop.clone()).expect("models");
        let options = Options {
            instance: INSTANCE.to_owned(),
            version: "1.2.3",
            endpoints: vec![
                endpoint("/agent/narrow", false, false),
                endpoint("/agent/open", true, true),
            ],
            metrics_need_key,
            request_bytes_max: None,
        };
        let router = Router::new(options, models, accounts.clone(), Arc::new(SystemEnv));
        Self {
            surface: all(router),
            backend,
            accounts,
            stop,
            _dir: dir,
        }
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let answer = self.surface.clone().oneshot(request).await;
        let (parts, body) = answer.expect("it can't fail").into_parts();
        let body = to_bytes(body, BYTES_MAX).await.expect("a whole body");
        Answer {
            status: parts.status.as_u16(),
            headers: parts.headers,
            text: String::from_utf8(body.to_vec()).expect("UTF-8"),
        }
    }

    /// Asks with a key, or without.
    pub(crate) async fn ask(&self, method: &str, path: &str, key: &str, body: &str) -> Answer {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).expect("a method"))
            .uri(path);
        if !key.is_empty() {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        let request = request.body(Body::from(body.to_owned()));
        self.send(request.expect("a request")).await
    }

    /// Asks with the master key.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Answer {
        self.ask("POST", path, MASTER, &body.to_string()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path, MASTER, "").await
    }

    /// A new virtual key.
    pub(crate) async fn key(&self, fields: &Value) -> String {
        let made = self.post("/key/generate", fields).await;
        assert_eq!(made.status, 200, "{made:?}");
        made.json()["key"].as_str().expect("a key").to_owned()
    }
}

fn endpoint(path: &str, has_subpaths: bool, is_open: bool) -> Endpoint {
    Endpoint {
        path: path.to_owned(),
        reference: "chat".to_owned(),
        has_subpaths,
        forwards_headers: true,
        has_target: false,
        is_open,
    }
}

fn models(url: &str, accounts: &Accounts) -> ModelsOptions {
    let deployment = |group: &str, model: &str| DeploymentOptions {
        base_url: Some(format!("{url}/v1")),
        key: Some(Secret::new(UPSTREAM)),
        price: Price::per_token_usd(0.001, 0.002, None, None),
        ..DeploymentOptions::named(group, "openai", model, DEADLINES)
    };
    let claude = DeploymentOptions {
        base_url: Some(url.to_owned()),
        api: Some(Api::AnthropicMessages),
        ..DeploymentOptions::named("claude", "anthropic", "claude-mock", DEADLINES)
    };
    let routing = RoutingOptions {
        deployments: vec![
            deployment("chat", "gpt-mock"),
            deployment("agent/steward", "steward-mock"),
            deployment("broken", "broken"),
            deployment("wild/*", "*"),
            claude,
        ],
        ..RoutingOptions::default()
    };
    ModelsOptions {
        accounts: Some(accounts.clone()),
        ..ModelsOptions::routed(routing, DEADLINES)
    }
}

/// A question for a model.
pub(crate) fn chat(model: &str) -> Value {
    json!({"model": model, "max_tokens": 9, "messages": [{"role": "user", "content": "Hello"}]})
}
