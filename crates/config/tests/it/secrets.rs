//! Where secrets come from, and that none of them gets out.

use std::{fs, os::unix::fs::PermissionsExt};

use openclaw_config::Origin;

use crate::fixture::{Home, report};

fn provider(key: &str) -> String {
    format!("{{ models: {{ providers: {{ p: {{ baseUrl: 'http://h', apiKey: {key} }} }} }} }}")
}

#[test]
fn a_secret_is_written_named_or_kept_in_a_file() {
    for (text, value, origin) in [
        ("'inline'", "inline", Origin::Inline),
        (
            "'env:KEY'",
            "of-variable",
            Origin::Environment("KEY".to_owned()),
        ),
        (
            "'${KEY}'",
            "of-variable",
            Origin::Environment("KEY".to_owned()),
        ),
        (
            "{ source: 'env', id: 'KEY' }",
            "of-variable",
            Origin::Environment("KEY".to_owned()),
        ),
        ("'x-${KEY}'", "x-of-variable", Origin::Inline),
        ("'${NONE:-y}'", "y", Origin::Inline),
    ] {
        let home = Home::with(provider(text)).variable("KEY", "of-variable");
        let (config, problems) = home.loaded();
        let key = config.models.providers[0].key.clone().unwrap();
        assert_eq!((key.expose(), key.origin()), (value, &origin), "{text}");
        assert_eq!(problems, [], "{text}");
    }
}

#[test]
fn a_secret_file_is_trimmed_and_its_mode_looked_at() {
    let home = Home::with(provider("'file:~/key'"));
    assert!(home.report().contains("can't be used"), "{}", home.report());
    let path = home.write("key", " of-file\n");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    let (config, problems) = home.loaded();
    let key = config.models.providers[0].key.clone().unwrap();
    assert_eq!(
        (key.expose(), key.origin()),
        ("of-file", &Origin::File(path.clone()))
    );
    assert_eq!(problems, []);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    let (_, problems) = home.loaded();
    assert!(report(&problems).contains("can be read by other users"));
    fs::write(&path, "\n").unwrap();
    assert!(home.report().contains("it is empty"));
}

#[test]
fn a_litellm_finds_its_key_and_names_its_variable() {
    let key = "of-the-environment";
    for (text, variable, found) in [
        (
            "litellm: { baseUrl: 'http://elsewhere' }",
            Some("LITELLM_MASTER_KEY"),
            true,
        ),
        (
            "proxy: { baseUrl: 'http://h:4000' }",
            Some("LITELLM_MASTER_KEY"),
            true,
        ),
        ("openai: {}", Some("OPENAI_API_KEY"), false),
        ("other: { baseUrl: 'http://h:5000' }", None, false),
        (
            "litellm: { baseUrl: 'http://h', apiKey: 'env:OTHER' }",
            Some("OTHER"),
            true,
        ),
        (
            "litellm: { baseUrl: 'http://h', apiKey: 'inline' }",
            Some("LITELLM_MASTER_KEY"),
            true,
        ),
    ] {
        let home = Home::with(format!("{{ models: {{ providers: {{ {text} }} }} }}"))
            .variable("LITELLM_MASTER_KEY", key)
            .variable("OTHER", key);
        let provider = home.loaded().0.models.providers.remove(0);
        assert_eq!(provider.key_variable.as_deref(), variable, "{text}");
        assert_eq!(provider.key.is_some(), found, "{text}");
    }
}

#[test]
fn keys_of_the_environment_are_captured_for_discovery() {
    let home = Home::new()
        .variable("OPENAI_API_KEY", "canary")
        .variable("ZAI_API_KEY", "canary")
        .variable("ZAI_API_BASE", "https://z.example.org/api")
        .variable("MISTRAL_API_KEY", "")
        .variable("OLLAMA_HOST", "0.0.0.0")
        .variable("LITELLM_URL", "http://proxy:4000/");
    let discovery = home.loaded().0.models.discovery;
    let names: Vec<&String> = discovery.environment_keys.keys().collect();
    assert_eq!(names, ["OPENAI_API_KEY", "ZAI_API_KEY"]);
    assert_eq!(
        discovery.zai_base_url.as_deref(),
        Some("https://z.example.org/api/v1")
    );
    assert_eq!(discovery.ollama_url, "http://127.0.0.1:11434");
    assert_eq!(discovery.litellm_url, "http://proxy:4000");
    assert!(discovery.enabled);
    let off = Home::with("{ models: { mode: 'replace' } }").loaded().0;
    assert!(!off.models.discovery.enabled);
}

#[test]
fn no_secret_is_ever_printed() {
    // Every place where a secret belongs, and the places where one lands by mistake.
    let text = r#"{
        gateway: { port: "canary1", bind: "canary1", mode: "canary1",
            auth: { mode: "canary1", token: "canary1", password: "canary1" } },
        models: { mode: "canary1", providers: {
            a: { baseUrl: "http://user:canary1@h", apiKey: "canary1" },
            b: { baseUrl: "http://h?key=canary1" },
            c: { baseUrl: "canary1" },
            litellm: { baseUrl: "http://h", apiKey: "canary1", api: "openai-completions",
                headers: { "X-Key": "canary1", "bad name": "canary1" }, enabled: "canary1",
                timeouts: { idleMs: "canary1" } },
            d: { baseUrl: "http://h", api: "canary1", models: [{ id: "m", contextWindow: "canary1" }] } } },
        memory: { pgvector: { connectionString: "postgresql://u:canary1@h/db" },
            redis: { url: "redis://:canary1@h" }, provider: "canary1", connection: "canary1",
            ollama: { url: "http://u:canary1@h:1" } },
        embedding: { api_base: "http://u:canary1@h", dimensions: "canary1" },
        plugins: { x: { config: { key: "canary1" } }, timeout: "canary1" },
        session: { durability: "canary1" }, roster: "canary1", logging: { level: "canary1" },
        unknown: "canary1", agents: { list: [{ id: "n", port: "canary1", parameters: { key: "canary1" } }] },
    }"#;
    let home = Home::with(text)
        .variable("OPENAI_API_KEY", "canary1")
        .variable("LITELLM_MASTER_KEY", "canary1")
        .variable("OPENCLAW_GATEWAY_TOKEN", "canary1 with space")
        .variable("OPENCLAW_GATEWAY_PORT", "canary1")
        .variable("LITELLM_URL", "http://u:canary1@h")
        .variable("OLLAMA_HOST", "canary1 canary1");
    let (config, problems) = home.loaded();
    assert!(problems.len() > 15, "{}", report(&problems));
    for printed in [
        report(&problems),
        format!("{problems:?}"),
        format!("{config:#?}"),
    ] {
        assert!(!printed.contains("canary1"), "{printed}");
    }
    assert!(!format!("{:?}", home.environment()).contains("canary1"));
}
