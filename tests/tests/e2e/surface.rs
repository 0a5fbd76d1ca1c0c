//! Keys of a LiteLLM file that say what the surface does: paths that are passed on, lists, bounds, caches, modes.

use std::{net::SocketAddr, time::Duration};

use openclaw_tests::{
    gateway::{Setup, World},
    http::{Whole, request, whole},
    native::Native,
    scripted_model::{Asked, Model, Script, Step, refusal},
};
use serde_json::{Value, json};

const MASTER_KEY: &str = "sk-0123456789abcdef0123456789abcdef";
/// Time for an answer.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);
/// The bound of requests, in bytes.
const REQUEST_BYTES_MAX: usize = 10_485;

struct Surface {
    world: World,
    router: SocketAddr,
    /// What paths are passed on to.
    target: Model,
}

fn json_answer(body: &Value) -> Script {
    let kind = vec![("content-type", "application/json".to_owned())];
    vec![Step::Whole(200, kind, body.to_string().into_bytes())]
}

fn server(asked: &Asked) -> Script {
    if asked.target().1.ends_with("/embeddings") {
        return json_answer(
            &json!({"object": "list", "model": "e", "usage": {"prompt_tokens": 1, "total_tokens": 1},
            "data": [{"object": "embedding", "index": 0, "embedding": [0.5]}]}),
        );
    }
    json_answer(
        &json!({"id": "c", "object": "chat.completion", "created": 1, "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "the group"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 1, "completion_tokens": 1, "total_tokens": 2}}),
    )
}

/// Does what the request's text says.
fn target(asked: &Asked) -> Script {
    match asked.last_user().as_str() {
        "fail" => refusal(500, Vec::new(), &json!({"error": {"message": "broken"}})),
        "hang" => vec![Step::Hang],
        _ => json_answer(&json!({"from": "the target"})),
    }
}

fn file(server: SocketAddr, target: SocketAddr, settings: &str) -> String {
    format!(
        r#"
model_list:
  - model_name: agent/steward
    litellm_params: {{model: openai/m, api_base: "http://{server}/v1", api_key: group-key}}
  - model_name: vectors
    litellm_params: {{model: openai/e, api_base: "http://{server}/v1", api_key: group-key}}
    model_info: {{mode: embedding, description: Makes vectors.}}
router_settings:
  num_retries: 0
  model_group_alias:
    shown: agent/steward
    unseen: {{model: agent/steward, hidden: true}}
litellm_settings:
  cache: true
  cache_params: {{type: local, supported_call_types: [embedding, aembedding]}}
  {settings}
general_settings:
  master_key: {MASTER_KEY}
  max_request_size_mb: 0.01
  pass_through_request_timeout: 1
  pass_through_endpoints:
    - path: /agent/steward
      target: "http://{target}/exact/address"
      headers: {{authorization: "Bearer target-key"}}
    - path: /elsewhere
      target: "http://{target}/base?fixed=1"
      include_subpath: true
      forward_headers: true
    - path: /open
      target: "http://{target}/open"
      auth: false
"#
    )
}

impl Surface {
    async fn start(settings: &str) -> Self {
        let target = Model::start(target).await;
        let place = Setup::two()
            .config(json!({"router": {"port": 0}}))
            .answers(server)
            .prepare()
            .await;
        let text = file(place.model.address, target.address, settings);
        std::fs::write(place.state.path().join("litellm_config.yaml"), text).unwrap();
        let world = place.start().await;
        let mut client = Native::open(&world).await;
        let health = client.ok("router.health", json!({})).await;
        let router = health["listen"].as_str().unwrap().parse().unwrap();
        Self {
            world,
            router,
            target,
        }
    }

    async fn send(&self, method: &str, path: &str, more: &[(&str, &str)], body: &str) -> Whole {
        let key = format!("Bearer {MASTER_KEY}");
        let length = body.len().to_string();
        let mut headers = vec![
            ("Host", "localhost"),
            ("Content-Type", "application/json"),
            ("Content-Length", length.as_str()),
        ];
        if more.iter().all(|(name, _)| *name != "No-Key") {
            headers.push(("Authorization", &key));
        }
        headers.extend(more);
        let mut bytes = request(method, path, &headers);
        bytes.extend_from_slice(body.as_bytes());
        whole(self.router, &bytes, ANSWER_DEADLINE).await
    }

    /// What the models' server was asked, but for what it has.
    fn posted(&self) -> Vec<Asked> {
        let asked = self.world.model().asked().into_iter();
        asked.filter(|asked| asked.target().0 == "POST").collect()
    }

    async fn post(&self, path: &str, body: &Value) -> (u16, Value) {
        let answer = self.send("POST", path, &[], &body.to_string()).await;
        let body = serde_json::from_str(&answer.text()).unwrap_or(Value::Null);
        (answer.status, body)
    }
}

fn chat(text: &str) -> Value {
    json!({"model": "agent/steward", "messages": [{"role": "user", "content": text}]})
}

const SILENT: [(&str, &str); 1] = [("No-Key", "1")];

#[tokio::test]
async fn a_paths_own_target_is_asked_first_and_the_agents_group_stands_in_for_it() {
    let surface = Surface::start("").await;
    let (status, body) = surface.post("/agent/steward", &chat("hi")).await;
    assert_eq!((status, &body), (200, &json!({"from": "the target"})));
    let asked = surface.target.asked().remove(0);
    assert_eq!(asked.target(), ("POST", "/exact/address"));
    assert_eq!(asked.header("authorization"), Some("Bearer target-key"));
    assert_eq!(asked.json, chat("hi"), "as it came");

    for broken in ["fail", "hang"] {
        let (status, body) = surface.post("/agent/steward", &chat(broken)).await;
        let said = &body["choices"][0]["message"]["content"];
        assert_eq!(
            (status, said),
            (200, &json!("the group")),
            "{broken}: {body}"
        );
    }
    let group = surface.posted();
    assert_eq!(group[0].target(), ("POST", "/v1/chat/completions"));
    assert_eq!(group[0].json["model"], "m");

    // What only the target understands goes there too.
    let (status, _) = surface.post("/agent/steward", &json!({"odd": 1})).await;
    assert_eq!(status, 200);
    // Nobody reaches the address, and its key, by naming it as a model.
    let named = json!({"model": "/agent/steward", "messages": [{"role": "user", "content": "hi"}]});
    let before = surface.target.asked().len();
    let (status, body) = surface.post("/v1/chat/completions", &named).await;
    assert_eq!(status, 400, "{body}");
    assert_eq!(surface.target.asked().len(), before);
}

#[tokio::test]
async fn a_path_anywhere_is_passed_on_with_what_the_file_lets_through() {
    let surface = Surface::start("").await;
    let told = [("X-Told", "yes"), ("Accept", "text/plain")];
    for (method, path, target) in [
        ("GET", "/elsewhere", "/base?fixed=1"),
        ("DELETE", "/elsewhere/a/b?q=2", "/base/a/b?q=2"),
    ] {
        let answer = surface.send(method, path, &told, "").await;
        assert_eq!(answer.status, 200, "{}", answer.text());
        let asked = surface.target.asked().pop().unwrap();
        assert_eq!(asked.target(), (method, target));
        assert_eq!(asked.header("x-told"), Some("yes"));
        assert!(!asked.head.contains(MASTER_KEY), "{}", asked.head);
    }
    let answer = surface
        .send("GET", "/open", &[told[0], told[1], SILENT[0]], "")
        .await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let asked = surface.target.asked().pop().unwrap();
    assert_eq!(asked.header("x-told"), None);
    assert_eq!(asked.header("accept"), Some("text/plain"));

    let count = surface.target.asked().len();
    for (path, more, status) in [
        ("/elsewhere", &SILENT[..], 401),
        ("/open/below", &[], 404),
        ("/elsewhereabouts", &[], 404),
        ("/nowhere", &[], 404),
    ] {
        let answer = surface.send("GET", path, more, "").await;
        assert_eq!(answer.status, status, "{path}: {}", answer.text());
    }
    assert_eq!(surface.target.asked().len(), count);
    // Nothing stands in for it, and its own deadline is a second.
    let hangs = json!({"messages": [{"role": "user", "content": "hang"}]});
    let (status, _) = surface.post("/elsewhere", &hangs).await;
    assert_eq!(status, 408);
}

#[tokio::test]
async fn lists_show_what_is_not_hidden_and_addresses_are_no_models() {
    let surface = Surface::start("").await;
    let answer = surface.send("GET", "/v1/models", &[], "").await;
    let listed: Value = serde_json::from_str(&answer.text()).unwrap();
    let names: Vec<&str> = listed["data"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|model| model["id"].as_str())
        .collect();
    assert_eq!(names, ["shown", "agent/steward", "vectors"]);
    let answer = surface.send("GET", "/model/info", &[], "").await;
    let listed: Value = serde_json::from_str(&answer.text()).unwrap();
    let described = |n: usize| &listed["data"][n]["model_info"]["description"];
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    assert_eq!(
        (described(0), described(1)),
        (&Value::Null, &json!("Makes vectors."))
    );
    let mut unseen = chat("hi");
    unseen["model"] = json!("unseen");
    let (status, body) = surface.post("/v1/chat/completions", &unseen).await;
    assert_eq!(status, 200, "{body}");
}

#[tokio::test]
async fn a_model_of_vectors_is_asked_for_nothing_else_and_only_its_answers_are_kept() {
    let surface = Surface::start("").await;
    let mut wrong = chat("hi");
    wrong["model"] = json!("vectors");
    let (status, body) = surface.post("/v1/chat/completions", &wrong).await;
    assert_eq!(status, 400, "{body}");
    assert!(body.to_string().contains("only makes embeddings"), "{body}");
    assert_eq!(surface.posted().len(), 0);

    let vectors = json!({"model": "vectors", "input": "hi"});
    for (path, body, asked) in [
        ("/v1/embeddings", &vectors, 1),
        ("/v1/chat/completions", &chat("hi"), 2),
    ] {
        let before = surface.posted().len();
        for _ in 0..2 {
            let (status, body) = surface.post(path, body).await;
            assert_eq!(status, 200, "{body}");
        }
        assert_eq!(surface.posted().len() - before, asked, "{path}");
    }
}

#[tokio::test]
async fn a_request_has_the_stated_bound_and_metrics_the_stated_door() {
    for (settings, status) in [
        ("", 401),
        ("require_auth_for_metrics_endpoint: true", 401),
        ("require_auth_for_metrics_endpoint: false", 200),
    ] {
        let surface = Surface::start(settings).await;
        let answer = surface.send("GET", "/metrics/", &SILENT, "").await;
        assert_eq!(answer.status, status, "{settings}");
        if status == 200 {
            let fits = chat(&"x".repeat(REQUEST_BYTES_MAX - 200));
            assert_eq!(surface.post("/v1/chat/completions", &fits).await.0, 200);
            let long = chat(&"x".repeat(REQUEST_BYTES_MAX));
            assert_eq!(surface.post("/v1/chat/completions", &long).await.0, 413);
            assert_eq!(surface.post("/agent/steward", &long).await.0, 413);
        }
    }
}
