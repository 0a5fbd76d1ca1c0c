//! Where answers come from without configuration: loopback servers in the place of the real ones.

use std::collections::BTreeMap;

use openclaw_models::{
    Chunk, DiscoveryOptions, Kind, ModelOptions, Models, Options, ProviderOptions, Request, Secret,
};

use crate::{
    collect, hello, options, provider,
    server::{Act, Asked, Server, answer, whole},
    start, steward,
};

/// A machine on which this much can be found.
#[derive(Default)]
struct World {
    keyed: Option<Server>,
    litellm: Option<Server>,
    ollama: Option<Server>,
}

impl World {
    fn options(&self) -> Options {
        let url = |server: &Option<Server>| {
            let server = server.as_ref();
            // Port 9 is "discard": nobody listens there.
            server.map_or_else(
                || "http://127.0.0.1:9".to_owned(),
                |server| server.url.clone(),
            )
        };
        let key = |name: &str| (name.to_owned(), Secret::new("sk-test-key"));
        let base = options(Vec::new());
        Options {
            discovery: DiscoveryOptions {
                enabled: true,
                environment_keys: self.keyed.iter().map(|_| key("MINIMAX_API_KEY")).collect(),
                base_urls: BTreeMap::from([("minimax".to_owned(), url(&self.keyed))]),
                litellm_url: url(&self.litellm),
                ollama_url: url(&self.ollama),
                ..base.discovery.clone()
            },
            ..base
        }
    }

    async fn found(&self) -> (Models, Option<String>) {
        let models = start(self.options());
        // Waits for the search.
        let profile = models.profile(&steward(), "").await.ok();
        let found = profile.map(|profile| format!("{}/{}", profile.provider, profile.model));
        (models, found)
    }
}

fn list(ids: &[&str]) -> Vec<Act> {
    let items: Vec<String> = ids
        .iter()
        .map(|id| format!("{{\"id\":\"{id}\",\"object\":\"model\"}}"))
        .collect();
    vec![whole(
        200,
        "",
        &format!("{{\"object\":\"list\",\"data\":[{}]}}", items.join(",")),
    )]
}

/// A server that lists these models and answers for each.
async fn serving(ids: &'static [&'static str]) -> Server {
    Server::start(move |asked: &Asked| match asked.path() {
        "/v1/models" => list(ids),
        "/v1/chat/completions" => answer(&[&asked.model()]),
        _ => vec![whole(404, "", "{}")],
    })
    .await
}

async fn ollama() -> Server {
    let tags = "{\"models\":[{\"name\":\"old:7b\",\"modified_at\":\"2026-01-01T00:00:00Z\",\"details\":{\"family\":\"llama\"}},{\"name\":\"nomic-embed-text\",\"modified_at\":\"2026-09-01T00:00:00Z\",\"details\":{\"family\":\"nomic-bert\"}},{\"name\":\"new:4b\",\"modified_at\":\"2026-03-01T00:00:00Z\",\"details\":{\"family\":\"qwen3\"}}]}";
    Server::start(move |asked: &Asked| match asked.path() {
        "/api/tags" => vec![whole(200, "", tags)],
        "/v1/chat/completions" => answer(&[&asked.model()]),
        _ => vec![whole(404, "", "{}")],
    })
    .await
}

#[tokio::test]
async fn the_first_place_in_order_is_used_and_the_status_says_why() {
    let mut world = World {
        keyed: Some(serving(&["text-embedding-x", "MiniMax-M2.5", "other"]).await),
        litellm: Some(serving(&["default", "agent/alpha"]).await),
        ollama: Some(ollama().await),
    };
    let (models, found) = world.found().await;
    assert_eq!(found.as_deref(), Some("minimax/MiniMax-M2.5"));
    let source = models.status().source.expect("a source");
    assert_eq!(
        (source.name.as_str(), source.why.as_str()),
        ("MINIMAX_API_KEY", "MINIMAX_API_KEY is set")
    );
    let head = world.keyed.as_ref().expect("a server").asked()[0]
        .head
        .clone();
    assert!(head.contains("authorization: Bearer sk-test-key"), "{head}");

    world.keyed = None;
    let (models, found) = world.found().await;
    assert_eq!(found.as_deref(), Some("litellm/default"));
    let status = models.status();
    assert!(status.is_settled);
    let usable: Vec<(&str, bool)> = status
        .looked_at
        .iter()
        .map(|place| (place.name.as_str(), place.is_usable))
        .collect();
    assert_eq!(
        usable,
        [("LiteLLM", true), ("Ollama", true), ("local model", false)]
    );

    world.litellm = None;
    let (_, found) = world.found().await;
    assert_eq!(found.as_deref(), Some("ollama/new:4b"));

    world.ollama = None;
    let (models, found) = world.found().await;
    assert_eq!(found, None);
    assert_eq!(models.status().source, None);
}

#[tokio::test]
async fn an_agents_own_virtual_model_is_used_where_it_is_served() {
    let world = World {
        litellm: Some(serving(&["default", "agent/steward"]).await),
        ..World::default()
    };
    let (models, found) = world.found().await;
    assert_eq!(found.as_deref(), Some("litellm/agent/steward"));
    assert_eq!(models.answering(&steward(), ""), found);
    let named = models.answering(&steward(), "default");
    assert_eq!(named.as_deref(), Some("litellm/default"));
    assert_eq!(models.answering(&steward(), "openai/gpt"), None);
    // What was found besides can be named.
    let request = Request {
        model: "default".to_owned(),
        ..hello()
    };
    let (chunks, error) = collect(models.stream(&steward(), request)).await;
    assert!(error.is_none(), "{error:?}");
    assert!(
        chunks.contains(&Chunk::Text("default".to_owned())),
        "{chunks:?}"
    );
}

#[tokio::test]
async fn a_refused_key_is_reported_and_the_next_place_is_used() {
    let world = World {
        keyed: Some(Server::start(|_| vec![whole(401, "", "{}")]).await),
        litellm: Some(Server::start(|_| vec![whole(401, "", "{}")]).await),
        ollama: Some(ollama().await),
    };
    let (models, found) = world.found().await;
    assert_eq!(found.as_deref(), Some("ollama/new:4b"));
    let details: Vec<String> = models
        .status()
        .looked_at
        .into_iter()
        .map(|place| place.detail)
        .collect();
    assert_eq!(details[0], "refuses the key; check MINIMAX_API_KEY");
    assert!(
        details[1].ends_with("refuses the key; check LITELLM_MASTER_KEY"),
        "{}",
        details[1]
    );
}

#[tokio::test]
async fn a_silent_server_holds_nobody_up() {
    let world = World {
        litellm: Some(Server::start(|_| vec![Act::Hang]).await),
        ollama: Some(ollama().await),
        ..World::default()
    };
    let began = tokio::time::Instant::now();
    let (_, found) = world.found().await;
    assert_eq!(found.as_deref(), Some("ollama/new:4b"));
    assert!(began.elapsed().as_millis() < 2_500, "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_model_that_nobody_serves_is_refused_with_the_providers_that_are_there() {
    let world = World {
        ollama: Some(ollama().await),
        ..World::default()
    };
    let (models, _) = world.found().await;
    let error = models.profile(&steward(), "openai/gpt").await.unwrap_err();
    assert_eq!(
        error.hint().as_deref(),
        Some("write `provider/model` with one of these providers: ollama")
    );
}

#[tokio::test]
async fn a_configured_provider_is_the_only_source_even_when_it_is_down() {
    let world = World {
        ollama: Some(ollama().await),
        ..World::default()
    };
    let mut options = world.options();
    options.providers = vec![provider("mine", "http://127.0.0.1:9")];
    let models = start(options);
    let (_, error) = collect(models.stream(&steward(), hello())).await;
    let error = error.expect("nobody listens");
    assert_eq!(error.kind(), Kind::Transport);
    assert_eq!(
        error.full_text(),
        "none of 2 models answered: \
         mine/agent/steward: `mine` at http://127.0.0.1:9/v1 refuses the connection; \
         mine/agent/steward-failover: `mine` at http://127.0.0.1:9/v1 refuses the connection"
    );
    let status = models.probe().await;
    let source = status.source.expect("a source");
    assert_eq!(
        (source.name.as_str(), source.why.as_str()),
        ("mine", "it is configured")
    );
    assert_eq!(world.ollama.expect("a server").asked().len(), 0);
}

#[tokio::test]
async fn a_configured_provider_without_models_is_asked_for_them() {
    let server = serving(&["m1", "agent/alpha"]).await;
    let models = start(options(vec![
        provider("mine", &server.url),
        ProviderOptions {
            models: vec![ModelOptions::named("declared")],
            ..provider("other", "http://127.0.0.1:9")
        },
    ]));
    let status = models.probe().await;
    let listed: Vec<String> = status
        .models
        .iter()
        .map(|model| format!("{}/{}", model.provider, model.model))
        .collect();
    assert_eq!(listed, ["mine/m1", "mine/agent/alpha", "other/declared"]);
    let profile = models.profile(&steward(), "").await.unwrap();
    assert_eq!(format!("{}/{}", profile.provider, profile.model), "mine/m1");
    // An agent that names another model is asked about that one.
    let profile = models.profile(&steward(), "other/declared").await.unwrap();
    assert_eq!(
        format!("{}/{}", profile.provider, profile.model),
        "other/declared"
    );
}

#[tokio::test]
async fn a_call_that_comes_before_the_list_waits_for_it() {
    let server = Server::start(|asked: &Asked| match asked.path() {
        "/v1/models" => {
            let mut acts = vec![Act::Wait(std::time::Duration::from_millis(100))];
            acts.extend(list(&["m1"]));
            acts
        }
        _ => answer(&[&asked.model()]),
    })
    .await;
    let models = start(options(vec![provider("mine", &server.url)]));
    // Nobody asked for `agent/steward`, which this server does not have.
    let (chunks, error) = collect(models.stream(&steward(), hello())).await;
    assert!(error.is_none(), "{error:?}");
    assert!(chunks.contains(&Chunk::Text("m1".to_owned())), "{chunks:?}");
}

#[tokio::test]
async fn the_source_is_the_first_configured_provider_that_answers() {
    let server = serving(&["m1"]).await;
    let models = start(options(vec![
        provider("down", "http://127.0.0.1:9"),
        provider("up", &server.url),
    ]));
    let status = models.probe().await;
    let source = status.source.expect("a source");
    assert_eq!(
        (source.name.as_str(), source.model.as_str()),
        ("up", "up/m1")
    );
}

#[tokio::test]
async fn what_appears_later_is_found_when_asked_again() {
    let world = World::default();
    let (models, found) = world.found().await;
    assert_eq!(found, None);
    // The address is fixed at start, so the same port has to come alive.
    let late = ollama().await;
    let mut options = world.options();
    options.discovery.ollama_url.clone_from(&late.url);
    let models_late = start(options);
    let status = models_late.probe().await;
    assert_eq!(status.source.expect("a source").model, "ollama/new:4b");
    assert_eq!(models.probe().await.source, None);
}

/// A server at LiteLLM's address that wants a key, and says this about itself to those who show none.
async fn locked(alive: &'static str, refusal: &'static str) -> Server {
    Server::start(wants_a_key(alive, refusal)).await
}

fn wants_a_key(
    alive: &'static str,
    refusal: &'static str,
) -> impl Fn(&Asked) -> Vec<Act> + Send + Sync + 'static {
    move |asked: &Asked| {
        let shown = asked.head.contains("authorization: Bearer sk-master");
        match asked.path() {
            "/health/liveliness" => vec![whole(200, "", alive)],
            "/v1/models" if shown => list(&["default"]),
            "/v1/chat/completions" if shown => answer(&[&asked.model()]),
            _ => vec![whole(401, "", refusal)],
        }
    }
}

#[tokio::test]
async fn litellms_key_is_not_shown_to_another_users_program_whatever_it_says_it_is() {
    let server = match Server::of_nobody(wants_a_key("\"I'm alive!\"", "{}")) {
        Ok(server) => server,
        Err(error) => {
            // Only root may become somebody else.
            assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
            return;
        }
    };
    let world = World {
        litellm: Some(server),
        ..World::default()
    };
    let mut options = world.options();
    options.discovery.litellm_key = Some(Secret::new("sk-master"));
    let models = start(options);
    let status = models.probe().await;
    let place = status
        .looked_at
        .iter()
        .find(|place| place.name == "LiteLLM");
    let place = place.expect("it was looked at");
    assert!(!place.is_usable);
    assert!(
        place
            .detail
            .contains("belongs to another user (65534), so LITELLM_MASTER_KEY is not shown to it"),
        "{}",
        place.detail
    );
    let asked = world.litellm.expect("a server").asked();
    assert!(!asked.is_empty());
    assert!(
        !asked.iter().any(|asked| asked.head.contains("sk-master")),
        "{asked:#?}"
    );
}

#[tokio::test]
async fn litellms_key_is_shown_to_litellm_only_and_only_where_it_is_wanted() {
    const REFUSAL: &str = r#"{"error":{"message":"Authentication Error, No api key passed in.","type":"auth_error","param":"None","code":"401"}}"#;
    for (server, used, shown) in [
        (locked("\"I'm alive!\"", "{}").await, true, true),
        (locked("{}", REFUSAL).await, true, true),
        (locked("{}", "{}").await, false, false),
        (serving(&["default"]).await, true, false),
    ] {
        let world = World {
            litellm: Some(server),
            ..World::default()
        };
        let mut options = world.options();
        options.discovery.litellm_key = Some(Secret::new("sk-master"));
        let models = start(options);
        let (_, error) = collect(models.stream(&steward(), hello())).await;
        assert_eq!(error.is_none(), used, "{error:?}");
        let asked = world.litellm.expect("a server").asked();
        assert!(!asked[0].head.contains("sk-master"), "shown at once");
        let showed = asked.iter().any(|asked| asked.head.contains("sk-master"));
        assert_eq!(showed, shown, "{asked:#?}");
    }
}
