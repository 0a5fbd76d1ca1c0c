//! The captures of LiteLLM against our router: equal, or listed with the reason.

use openclaw_tests::{
    backend::Backend,
    captures::{Capture, Difference, Listed, Series, captures, differences, replay},
    http,
    peer::{MASTER_KEY, Peer, configuration, file},
};
use openclaw_types::{Env as _, SystemEnv};
use serde_json::{Value, json};

/// The page that lists what differs on purpose, and where.
const PAGE: &str = "../docs/compatibility.md";
const HEADING: &str = "## Differences from LiteLLM";
/// The team of one of the keys; LiteLLM was told of it with the key.
const TEAM: &str =
    "litellm_settings:\n  default_team_settings:\n    - team_id: team-2\n      rpm_limit: 1\n";
const SETTINGS: &str = "litellm_settings:\n";
/// Captures of a deployment's limit: two requests are let through in a minute of the clock, and two are not.
const OF_A_MINUTE: &str = "63_";
/// A minute of the clock.
const MINUTE_MS: i64 = 60_000;
/// What is left of a minute has to be more than they take.
const MINUTE_LEFT_MS: i64 = 10_000;
const DEADLINE: std::time::Duration = std::time::Duration::from_secs(10);

fn of(wanted: &[Series]) -> Vec<Capture> {
    let all = captures().into_iter();
    all.filter(|capture| wanted.contains(&capture.series()))
        .collect()
}

async fn found(peer: &Peer, captures: &[Capture]) -> Vec<Difference> {
    let replayed = replay(peer.address, MASTER_KEY, captures).await;
    assert_eq!(replayed.len(), captures.len());
    let each = replayed.iter();
    each.flat_map(|one| differences(&one.capture.name, &one.capture.answer, &one.answer))
        .collect()
}

/// The keys that LiteLLM had by custom authentication, with what each may do.
fn keys() -> serde_json::Map<String, Value> {
    let keys = std::fs::read_to_string(file("fixtures/litellm/keys.json")).unwrap();
    serde_json::from_str(&keys).unwrap()
}

/// Keys as short as those of the captures can be guessed, and are refused.
fn long(key: &str) -> String {
    format!("{key}-0123456789abcdef")
}

/// The same requests, with long keys.
fn lengthened(mut captures: Vec<Capture>) -> Vec<Capture> {
    let keys = keys();
    let headers = captures.iter_mut().flat_map(|capture| &mut capture.headers);
    for (_, value) in headers {
        let key = value.rsplit(' ').next().unwrap_or_default();
        if keys.contains_key(key) {
            *value = value.replace(key, &long(key));
        }
    }
    captures
}

/// Waits for the next minute of the clock when this one is nearly over.
async fn within_one_minute() {
    let left = MINUTE_MS - SystemEnv.now().as_millis().rem_euclid(MINUTE_MS);
    if left < MINUTE_LEFT_MS {
        let left = u64::try_from(left).unwrap();
        tokio::time::sleep(std::time::Duration::from_millis(left)).await;
    }
}

/// Makes the keys, as far as they can be made by asking.
async fn make_keys(peer: &Peer) {
    for (key, fields) in &keys() {
        let mut asked = fields.clone();
        asked["key"] = json!(long(key));
        let fields = asked.as_object_mut().unwrap();
        // Limits of a team are the team's, not a key's; LiteLLM did not look at these.
        fields.retain(|name, _| name == "team_id" || !name.starts_with("team_"));
        if fields.remove("expires").is_some() {
            asked["duration"] = json!("1s");
        }
        let answer = post(peer, "/key/generate", &asked).await;
        assert_eq!(answer.status, 200, "{key}: {}", answer.text());
    }
    // The one that expires has done so by then.
    tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
}

async fn post(peer: &Peer, path: &str, body: &Value) -> http::Whole {
    let body = body.to_string();
    let (length, key) = (body.len().to_string(), format!("Bearer {MASTER_KEY}"));
    let headers = [
        ("Host", "localhost"),
        ("Authorization", key.as_str()),
        ("Content-Type", "application/json"),
        ("Content-Length", length.as_str()),
    ];
    let mut request = http::request("POST", path, &headers);
    request.extend_from_slice(body.as_bytes());
    http::whole(peer.address, &request, DEADLINE).await
}

#[tokio::test]
async fn our_answers_are_litellms_or_listed() {
    let backend = Backend::start().await;
    let router = Peer::ours(&configuration("captures.yaml", backend.address)).await;
    let (of_a_minute, others) = of(&[Series::Models])
        .into_iter()
        .partition::<Vec<_>, _>(|capture| capture.name.starts_with(OF_A_MINUTE));
    let mut found = found(&router, &others).await;
    within_one_minute().await;
    found.extend(self::found(&router, &of_a_minute).await);
    for series in [Series::Keys, Series::CheckedKeys] {
        let config = configuration("keys.yaml", backend.address).replace(SETTINGS, TEAM);
        let router = Peer::ours(&config).await;
        make_keys(&router).await;
        found.extend(self::found(&router, &lengthened(of(&[series]))).await);
    }
    let page = std::fs::read_to_string(file(PAGE)).unwrap();
    let (unlisted, stale) = Listed::read(&page, HEADING).unlisted(&found);
    let said: Vec<String> = unlisted.iter().map(ToString::to_string).collect();
    assert!(
        said.is_empty(),
        "{} differences are not in {PAGE}:\n{}",
        said.len(),
        said.join("\n")
    );
    assert!(
        stale.is_empty(),
        "nothing differs any more in {PAGE}:\n{}",
        stale.join("\n")
    );
}
