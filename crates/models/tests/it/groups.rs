//! Groups of the configuration, over real connections, beside what a search finds.

use openclaw_models::{
    Api, Chunk, DeploymentOptions, Kind, ModelOptions, Models, Options, ProviderOptions, Request,
    RoutingOptions, Secret, Settings,
};

use crate::{
    DEADLINES, collect, hello, options, provider,
    server::{Act, Asked, Server, answer, whole},
    start, steward,
};

/// A deployment at a server.
fn deployment(group: &str, at: &Server, model: &str) -> DeploymentOptions {
    DeploymentOptions {
        id: format!("{group} {model} {}", at.url),
        base_url: Some(at.url.clone()),
        ..DeploymentOptions::named(group, "openai", model, DEADLINES)
    }
}

fn with(deployments: Vec<DeploymentOptions>, settings: Settings) -> Options {
    Options {
        routing: RoutingOptions {
            deployments,
            settings,
            ..RoutingOptions::default()
        },
        ..options(Vec::new())
    }
}

/// A server that answers with the model it was asked for, and calls itself an OpenClaw router if it is one.
async fn echo(models: &'static [&'static str], instance: &'static str) -> Server {
    Server::start(move |asked: &Asked| match asked.path() {
        "/v1/models" => {
            let ids: Vec<String> = models
                .iter()
                .map(|id| format!("{{\"id\":\"{id}\"}}"))
                .collect();
            let body = format!("{{\"data\":[{}]}}", ids.join(","));
            let header = match instance {
                "" => String::new(),
                instance => format!("x-openclaw-instance: {instance}\r\n"),
            };
            vec![whole(200, &header, &body)]
        }
        "/v1/chat/completions" => answer(&[&asked.model()]),
        _ => vec![whole(404, "", "{}")],
    })
    .await
}

async fn broken() -> Server {
    Server::start(|_: &Asked| vec![whole(500, "", "{}")]).await
}

/// What the model says to whom it calls by this reference; the failure otherwise.
async fn said(models: &Models, reference: &str) -> Result<String, Kind> {
    let request = Request {
        model: reference.to_owned(),
        ..hello()
    };
    let (chunks, error) = collect(models.stream(&steward(), request)).await;
    match error {
        Some(error) => Err(error.kind()),
        None => Ok(chunks
            .iter()
            .filter_map(|chunk| match chunk {
                Chunk::Text(text) => Some(text.as_str()),
                _ => None,
            })
            .collect()),
    }
}

fn chats(server: &Server) -> usize {
    let asked = server.asked();
    asked
        .iter()
        .filter(|asked| asked.path() == "/v1/chat/completions")
        .count()
}

#[tokio::test]
async fn a_group_answers_while_one_of_its_servers_does() {
    let (good, bad) = (echo(&[], "").await, broken().await);
    let settings = Settings {
        aliases: [("fast".to_owned(), "pair".to_owned())].into(),
        ..Settings::default()
    };
    let models = start(with(
        vec![
            deployment("pair", &bad, "bad"),
            deployment("pair", &good, "good"),
            deployment("wild/*", &good, "tame-*"),
        ],
        settings,
    ));
    for _ in 0..20 {
        assert_eq!(said(&models, "fast").await.as_deref(), Ok("good"));
    }
    // After its first failure it comes last.
    assert!(chats(&bad) <= 1, "{}", chats(&bad));
    assert_eq!(chats(&good), 20);
    assert_eq!(said(&models, "wild/cat").await.as_deref(), Ok("tame-cat"));
    assert_eq!(said(&models, "nobody").await, Err(Kind::NoModel));
}

#[tokio::test]
async fn the_same_model_at_two_addresses_rests_at_one_only() {
    let (good, bad) = (echo(&[], "").await, broken().await);
    let at = |server: &Server| DeploymentOptions {
        key: Some(Secret::new("sk-same")),
        ..deployment("pair", server, "same")
    };
    let models = start(with(vec![at(&bad), at(&good)], Settings::default()));
    for _ in 0..10 {
        assert_eq!(said(&models, "pair").await.as_deref(), Ok("same"));
    }
    assert!(chats(&bad) <= 1, "{}", chats(&bad));
}

#[tokio::test]
async fn the_seeds_failover_naming_is_true_and_agents_find_their_groups() {
    let (good, bad) = (echo(&[], "").await, broken().await);
    let models = start(with(
        vec![
            deployment("agent/steward", &bad, "primary"),
            deployment("agent/steward-failover", &good, "backup"),
        ],
        Settings::default(),
    ));
    for reference in ["", "agent/steward", "litellm/agent/steward"] {
        assert_eq!(said(&models, reference).await.as_deref(), Ok("backup"));
    }
    let status = models.probe().await;
    let source = status.source.expect("a source");
    assert_eq!(
        (source.name.as_str(), source.model.as_str()),
        ("groups", "agent/steward")
    );
    for listed in &status.models {
        let reference = format!("{}/{}", listed.provider, listed.model);
        assert_eq!(said(&models, &reference).await.as_deref(), Ok("backup"));
    }
    assert_eq!(status.models.len(), 2);
}

#[tokio::test]
async fn what_a_deployment_adds_reaches_the_server() {
    let good = echo(&[], "").await;
    let mut stated = deployment("g", &good, "m");
    stated.extra.insert("temperature".to_owned(), 0.25.into());
    stated.extra.insert("max_tokens".to_owned(), 77.into());
    let models = start(with(vec![stated], Settings::default()));
    assert_eq!(said(&models, "g").await.as_deref(), Ok("m"));
    let body = good.asked()[0].body.clone();
    assert!(
        body.contains("\"temperature\":0.25") && body.contains(":77"),
        "{body}"
    );
}

/// Options with a group for the steward, and discovery that finds this server in LiteLLM's place.
fn beside(litellm: &Server, own: &Server) -> Options {
    let mut options = with(
        vec![deployment("agent/steward", own, "own")],
        Settings::default(),
    );
    options.discovery.enabled = true;
    options.discovery.litellm_url.clone_from(&litellm.url);
    options.discovery.instance = Some("me".to_owned());
    options
}

#[tokio::test]
async fn a_litellm_that_is_found_goes_first_and_our_groups_stand_in_for_it() {
    for instance in ["", "another"] {
        let litellm = echo(&["agent/steward"], instance).await;
        let own = echo(&[], "").await;
        let models = start(beside(&litellm, &own));
        for reference in ["agent/steward", "litellm/agent/steward"] {
            let said = said(&models, reference).await;
            assert_eq!(said.as_deref(), Ok("agent/steward"), "{instance}");
        }
        assert_eq!((chats(&litellm), chats(&own)), (2, 0));
    }
    let litellm = Server::start(|asked: &Asked| match asked.path() {
        "/v1/models" => vec![whole(200, "", "{\"data\":[{\"id\":\"agent/steward\"}]}")],
        _ => vec![Act::Reset],
    })
    .await;
    let own = echo(&[], "").await;
    let models = start(beside(&litellm, &own));
    assert_eq!(said(&models, "agent/steward").await.as_deref(), Ok("own"));
    assert_eq!((chats(&litellm), chats(&own)), (1, 1));
}

#[tokio::test]
async fn our_own_router_is_never_taken_for_a_litellm() {
    let (ours, own) = (echo(&["agent/steward"], "me").await, echo(&[], "").await);
    let models = start(beside(&ours, &own));
    let status = models.probe().await;
    let place = status
        .looked_at
        .iter()
        .find(|place| place.name == "LiteLLM");
    let place = place.expect("it was looked at");
    assert_eq!(
        (place.is_usable, place.detail.clone()),
        (false, format!("{} is this gateway's own router", ours.url))
    );
    for reference in ["agent/steward", "litellm/agent/steward"] {
        assert_eq!(said(&models, reference).await.as_deref(), Ok("own"));
    }
    assert_eq!(said(&models, "litellm/other").await, Err(Kind::NoModel));
    assert_eq!((chats(&ours), chats(&own)), (0, 2));
}

#[tokio::test]
async fn a_configured_provider_that_leads_back_here_is_left_out() {
    let (ours, own) = (echo(&["agent/steward"], "me").await, echo(&[], "").await);
    for declared in [vec![], vec![ModelOptions::named("agent/steward")]] {
        let mut options = beside(&own, &own);
        options.providers = vec![ProviderOptions {
            models: declared,
            ..provider("litellm", &ours.url)
        }];
        let models = start(options);
        let said = said(&models, "litellm/agent/steward").await;
        assert_eq!(said.as_deref(), Ok("own"));
    }
    assert_eq!(chats(&ours), 0);
}

#[tokio::test]
async fn a_deployment_that_cant_be_called_is_named_and_the_others_work() {
    let good = echo(&[], "").await;
    let mut unknown = deployment("g", &good, "a");
    unknown.base_url = None;
    unknown.provider = "nobody".to_owned();
    let no_address = DeploymentOptions {
        api: Some(Api::Gemini),
        base_url: Some("nowhere".to_owned()),
        ..deployment("g", &good, "b")
    };
    let models = start(with(
        vec![unknown, no_address, deployment("g", &good, "c")],
        Settings::default(),
    ));
    assert_eq!(said(&models, "g").await.as_deref(), Ok("c"));
    let left_out: Vec<(String, String)> = models
        .status()
        .looked_at
        .into_iter()
        .filter(|place| !place.is_usable && place.name.starts_with("g "))
        .map(|place| (place.name, place.detail))
        .collect();
    let pair = |name: &str, detail: &str| (name.to_owned(), detail.to_owned());
    assert_eq!(
        left_out,
        [
            pair(
                "g (nobody/a)",
                "names no `api_base`, and the address of `nobody` is not known"
            ),
            pair(
                "g (openai/b)",
                "encode the request for `openai`: relative URL without a base"
            ),
        ]
    );
}

#[tokio::test]
async fn a_deployment_takes_what_it_leaves_out_from_the_provider_of_its_name() {
    let good = echo(&[], "").await;
    let keyed = ProviderOptions {
        key: Some(Secret::new("sk-theirs")),
        models: vec![ModelOptions::named("x")],
        ..provider("mine", &good.url)
    };
    let mut options = with(
        vec![DeploymentOptions::named("g", "mine", "m", DEADLINES)],
        Settings::default(),
    );
    options.providers = vec![keyed];
    let elsewhere = echo(&[], "").await;
    options.routing.deployments.push(DeploymentOptions {
        base_url: Some(elsewhere.url.clone()),
        ..DeploymentOptions::named("h", "mine", "m", DEADLINES)
    });
    let models = start(options);
    assert_eq!(said(&models, "g").await.as_deref(), Ok("m"));
    assert_eq!(said(&models, "h").await.as_deref(), Ok("m"));
    let shows_key = |server: &Server| {
        let asked = server.asked();
        asked.iter().any(|asked| asked.head.contains("sk-theirs"))
    };
    // A key is not shown to an address that it was not stated for.
    assert_eq!((shows_key(&good), shows_key(&elsewhere)), (true, false));
}
