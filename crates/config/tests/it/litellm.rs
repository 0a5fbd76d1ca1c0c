//! `litellm_config.yaml`: what is read, what is said about the rest, and where the file is found.

use std::fs;

use openclaw_config::{
    Config, RouterOverrides, Severity,
    config::{Api, CallType, Deployment, Litellm, Mode, Strategy},
};
use openclaw_types::{Money, Price};
use proptest::prelude::*;

use crate::fixture::Home;

const SEED: &str = include_str!("../fixtures/litellm/seed.yaml");
const COLLECTIVE: &str = include_str!("../fixtures/litellm/collective.yaml");
const FEATURES: &str = include_str!("../fixtures/litellm/features.yaml");
const BROKEN: &str = include_str!("../fixtures/litellm/broken.yaml");
const CAPTURES: &str = include_str!("../../../../tests/fixtures/litellm/captures.yaml");

fn home(yaml: &str) -> Home {
    let home = Home::new();
    home.write(".litellm/litellm_config.yaml", yaml);
    home.variable("MINIMAX_API_KEY", "mm-key")
        .variable("ZAI_API_KEY", "z-key")
}

fn read(home: &Home) -> Litellm {
    *home.loaded().0.router.litellm.unwrap()
}

fn deployment<'a>(litellm: &'a Litellm, group: &str) -> &'a Deployment {
    let mut all = litellm.deployments.iter();
    all.find(|deployment| deployment.group == group).unwrap()
}

#[test]
fn the_snippet_of_the_specification_is_read_without_a_word() {
    let home = home(SEED);
    assert_eq!(home.report(), "");
    let litellm = read(&home);
    let [steward, failover] = litellm.deployments.as_slice() else {
        panic!("two deployments");
    };
    assert_eq!(steward.id.as_deref(), Some("agent/steward"));
    assert_eq!(failover.id, None);
    for (deployment, group, provider, model, url, key, line) in [
        (
            steward,
            "agent/steward",
            "minimax",
            "MiniMax-M2.7",
            "https://api.minimaxi.chat/v1",
            "mm-key",
            3,
        ),
        (
            failover,
            "agent/steward-failover",
            "zai",
            "glm-5-1",
            "https://api.z.ai/api/paas/v4",
            "z-key",
            10,
        ),
    ] {
        assert_eq!(deployment.group, group);
        assert_eq!(deployment.provider, provider);
        assert_eq!(deployment.model, model);
        assert_eq!(deployment.base_url, url);
        assert_eq!(deployment.key.as_ref().unwrap().expose(), key);
        assert_eq!(deployment.api, Api::OpenAiCompletions);
        assert_eq!(deployment.line, line);
        assert_eq!(deployment.price, None);
    }
    let moved = home
        .variable("MINIMAX_API_BASE", "http://127.0.0.1:9/mm")
        .variable("ZAI_API_BASE", "http://127.0.0.1:9/v4/");
    let litellm = read(&moved);
    assert_eq!(litellm.deployments[0].base_url, "http://127.0.0.1:9/mm/v1");
    assert_eq!(litellm.deployments[1].base_url, "http://127.0.0.1:9/v4");
}

#[test]
fn a_collectives_file_has_its_agents_its_budgets_and_its_failover() {
    let home = home(COLLECTIVE)
        .variable("CODER_KEY", "c-key")
        .variable("REDIS_URL", "redis://redis:6379")
        .variable("DATABASE_URL", "postgresql://x")
        .variable("LITELLM_SALT_KEY", "salt")
        .variable("LITELLM_MASTER_KEY", "sk-0123456789abcdef");
    insta::assert_snapshot!("collective", home.report());
    let (config, _) = home.loaded();
    let litellm = *config.router.litellm.unwrap();
    let steward = deployment(&litellm, "agent/steward");
    // The variables with their addresses are not set, so each goes to its own provider, also where the file calls
    // the other one OpenAI.
    assert_eq!(steward.base_url, "https://api.minimaxi.chat/v1");
    assert_eq!(
        deployment(&litellm, "failover").base_url,
        "https://api.z.ai/api/paas/v4"
    );
    assert_eq!(deployment(&litellm, "failover").provider, "openai");
    assert_eq!(deployment(&litellm, "agent/coder").model, "glm-4");
    let first = deployment(&litellm, "minimax/MiniMax-M2.7");
    assert_eq!(first.price, Price::per_token_usd(1e-7, 4e-7, None, None));
    assert_eq!((first.context_window, first.max_output), (128_000, 0));
    assert_eq!(first.deadlines.total_ms, 300_000);
    assert!(first.drop_params);
    let embed = deployment(&litellm, "ollama/nomic-embed-text");
    assert_eq!((embed.api, embed.mode), (Api::Ollama, Mode::Embedding));
    assert_eq!(embed.base_url, "http://ollama:11434");
    let coder = deployment(&litellm, "openai/gpt-5");
    assert_eq!(coder.key.as_ref().unwrap().expose(), "c-key");
    assert_eq!(
        litellm.routing.default_fallbacks,
        ["minimax/MiniMax-M2.7", "zai/glm-5-1", "failover"]
    );
    assert_eq!(litellm.routing.num_retries, Some(3));
    assert_eq!(
        litellm.default_model.as_deref(),
        Some("minimax/MiniMax-M2.7")
    );
    let agents: Vec<&str> = litellm.agents.keys().map(|id| id.as_str()).collect();
    assert_eq!(agents, ["coder", "steward"]);
    let mapping = litellm.agents.values().nth(1).unwrap();
    assert_eq!(mapping.fallbacks, ["zai/glm-5-1", "failover"]);
    assert_eq!(
        mapping.defaults.0,
        serde_json::json!({ "max_tokens": 8192, "temperature": 0.7 })
    );
    let cache = litellm.cache.unwrap();
    assert_eq!(cache.redis.unwrap().url.expose(), "redis://redis:6379");
    assert_eq!(cache.ttl_ms, Some(3_600_000));
    let budgets = &config.router.budgets;
    let of = |name: &str| {
        let mut agents = budgets.agents.iter();
        agents.find(|(id, _)| id.as_str() == name).unwrap().1
    };
    assert_eq!(of("steward").max_budget, Money::from_usd(20.0));
    assert_eq!(of("steward").budget_duration.as_deref(), Some("daily"));
    assert_eq!(of("steward").tokens_per_day, Some(1_000_000));
    assert_eq!(of("steward").alert_at, [50, 80, 90, 100]);
    assert_eq!(of("coder").max_budget, Money::from_usd(50.5));
    assert_eq!(of("dreamer").tokens_per_day, Some(500_000));
    assert_eq!(budgets.global.tokens_per_day, Some(5_000_000));
    assert_eq!(budgets.key_defaults.rpm, Some(60));
    let key = config.router.master_key.unwrap();
    assert_eq!(key.expose(), "sk-0123456789abcdef");
}

#[test]
fn every_feature_of_its_documentation_is_read() {
    let home = home(FEATURES);
    insta::assert_snapshot!("features", home.report());
    let (config, _) = home.loaded();
    let litellm = *config.router.litellm.unwrap();
    let gpt = deployment(&litellm, "gpt");
    assert_eq!(
        (gpt.provider.as_str(), gpt.model.as_str()),
        ("openai", "gpt-4o-mini")
    );
    assert_eq!(gpt.key.as_ref().unwrap().expose(), "sk-of-the-file");
    assert_eq!((gpt.rpm, gpt.weight, gpt.order), (Some(60), Some(60), 0));
    assert_eq!(
        (gpt.deadlines.total_ms, gpt.stream_deadlines.first_byte_ms),
        (30_000, 2_500)
    );
    assert_eq!(gpt.stream_deadlines.total_ms, 600_000);
    assert_eq!(
        (gpt.num_retries, gpt.cooldown_ms, gpt.allowed_fails),
        (Some(1), Some(500), Some(2))
    );
    assert_eq!((gpt.reads_images, gpt.calls_tools), (false, Some(true)));
    assert_eq!((gpt.context_window, gpt.max_output), (1_000, 100));
    assert_eq!(
        gpt.extra.0,
        serde_json::json!({ "max_tokens": 512, "temperature": 0.2, "safe_mode": true })
    );
    let headers: Vec<(&str, &str)> = gpt
        .headers
        .iter()
        .map(|(name, value)| (name.as_str(), value.expose()))
        .collect();
    assert_eq!(
        headers,
        [("openai-organization", "org-1"), ("x-team", "red")]
    );
    assert!(!litellm.deployments[1].drop_params && gpt.drop_params);
    let [first, second] = [2, 3].map(|index: usize| &litellm.deployments[index]);
    assert_eq!((first.weight, second.weight), (Some(9), Some(0)));
    assert_eq!((first.order, second.order), (1, u32::MAX));
    assert_eq!(second.base_url, "http://127.0.0.1:2/v1");
    protocols(&litellm);
    settings(&litellm, &config.router.budgets);
}

fn protocols(litellm: &Litellm) {
    let claude = deployment(litellm, "claude");
    assert_eq!(claude.api, Api::AnthropicMessages);
    assert_eq!(
        claude.price,
        Price::per_token_usd(3e-6, 1.5e-5, Some(3e-7), None)
    );
    assert_eq!(claude.headers["anthropic-version"].expose(), "2023-06-01");
    let gemini = deployment(litellm, "gemini");
    assert_eq!(gemini.api, Api::Gemini);
    assert_eq!(
        gemini.base_url,
        "https://generativelanguage.googleapis.com/v1beta"
    );
    let responses = deployment(litellm, "o");
    assert_eq!(
        (responses.api, responses.model.as_str()),
        (Api::OpenAiResponses, "gpt-5")
    );
    let text = deployment(litellm, "text");
    assert_eq!(
        (text.mode, text.price),
        (Mode::Completion, Some(Price::FREE))
    );
    let local = deployment(litellm, "local");
    assert_eq!(
        (local.api, local.base_url.as_str()),
        (Api::Ollama, "http://127.0.0.1:11434")
    );
    assert_eq!(
        local.extra.0,
        serde_json::json!({ "options": { "num_ctx": 4096 } })
    );
    let proxy = deployment(litellm, "proxy");
    assert_eq!(
        (proxy.provider.as_str(), proxy.model.as_str()),
        ("litellm", "big/model")
    );
    assert_eq!(deployment(litellm, "wild/*").model, "*");
}

fn settings(litellm: &Litellm, budgets: &openclaw_config::config::Budgets) {
    let routing = &litellm.routing;
    assert_eq!(routing.strategy, Strategy::LatencyBased);
    assert_eq!(routing.fallbacks["gpt"], ["claude", "gemini"]);
    assert_eq!(routing.fallbacks["*"], ["local"]);
    assert_eq!(routing.context_window_fallbacks["gpt"], ["claude"]);
    assert_eq!(routing.content_policy_fallbacks["claude"], ["gpt"]);
    assert_eq!(routing.default_fallbacks, ["local"]);
    assert_eq!(
        (routing.max_fallbacks, routing.cooldown_ms),
        (Some(3), Some(7_000))
    );
    assert_eq!(routing.allowed_fails_policy.rate_limit, Some(5));
    assert_eq!(routing.allowed_fails_policy.bad_request, None);
    assert_eq!(routing.retry_policy.timeout, Some(2));
    assert_eq!(routing.aliases["quick"].model, "gpt");
    assert!(routing.aliases["secret"].is_hidden && !routing.aliases["quick"].is_hidden);
    let cache = litellm.cache.as_ref().unwrap();
    let redis = cache.redis.as_ref().unwrap();
    assert_eq!(redis.url.expose(), "redis://:p%40ss@cache.example.org:6380");
    assert_eq!(redis.namespace.as_deref(), Some("ours"));
    assert_eq!(cache.call_types, [CallType::Chat, CallType::Embedding]);
    assert!(!cache.is_default_on);
    let [endpoint] = litellm.pass_through.as_slice() else {
        panic!("one endpoint");
    };
    assert_eq!(
        endpoint.headers["authorization"].expose(),
        "bearer sk-of-the-file"
    );
    assert!(endpoint.has_subpaths && !endpoint.needs_key && !endpoint.forwards_headers);
    assert_eq!(budgets.global.max_budget, Money::from_usd(100.0));
    assert_eq!(budgets.global.budget_duration.as_deref(), Some("30d"));
    assert_eq!(budgets.global.max_parallel, Some(100));
    assert_eq!(budgets.key_defaults.max_parallel, Some(4));
    assert_eq!(budgets.teams["red"].rpm, Some(10));
}

#[test]
fn a_broken_member_takes_out_that_member_and_is_told_with_its_line() {
    let home = home(BROKEN);
    let report = home.report();
    assert!(!report.contains("canary"), "{report}");
    insta::assert_snapshot!("broken_litellm", report);
    let litellm = read(&home);
    let groups: Vec<&str> = litellm
        .deployments
        .iter()
        .map(|deployment| deployment.group.as_str())
        .collect();
    assert_eq!(groups, ["good"]);
    assert_eq!(litellm.routing.strategy, Strategy::SimpleShuffle);
    assert_eq!(litellm.routing.num_retries, Some(1));
    assert_eq!(deployment(&litellm, "good").deadlines.total_ms, 300_000);
    assert!(
        home.problems()
            .iter()
            .all(|problem| problem.severity != Severity::Fatal)
    );
    assert_eq!(home.loaded().0.agents.len(), 12);
}

#[test]
fn the_file_that_the_captures_were_made_with_is_read_without_a_word() {
    let yaml = CAPTURES.replace("BACKEND", "127.0.0.1:9101");
    let home = home(&yaml)
        .variable("UPSTREAM_KEY", "sk-upstream")
        .variable("LITELLM_MASTER_KEY", "sk-0123456789abcdef");
    assert_eq!(home.report(), "");
    let litellm = read(&home);
    let count = |word: &str| CAPTURES.matches(word).count();
    assert_eq!(litellm.deployments.len(), count("- model_name:"));
    assert_eq!(litellm.pass_through.len(), count("- path:"));
    assert_eq!(
        deployment(&litellm, "claude").base_url,
        "http://127.0.0.1:9101/m/ok/v1"
    );
}

#[test]
fn a_file_that_is_no_yaml_is_one_problem_and_the_gateway_works() {
    for (text, place) in [
        ("model_list:\n  - a: [1\n", ":"),
        ("a: 1\n  b: 2\n", ":2:"),
        ("- a\n- b\n", ":1:1:"),
        ("a: \u{0}", ":"),
    ] {
        let home = home(text);
        let problems = home.problems();
        assert_eq!(problems.len(), 1, "{problems:?}");
        assert_eq!(problems[0].severity, Severity::Degraded);
        assert!(
            problems[0].line > 0 && problems[0].column > 0,
            "{problems:?}"
        );
        assert!(
            home.report()
                .contains(&format!("litellm_config.yaml{place}")),
            "{place}"
        );
        assert_eq!(home.loaded().0.router.litellm, None);
    }
    let home = Home::with("{ router: { config: 'absent.yaml' } }");
    let report = home.report();
    assert!(
        report.contains("~/.openclaw/absent.yaml: the file can't be read"),
        "{report}"
    );
    assert_eq!(home.loaded().0.router.listen, None);
}

#[test]
fn the_file_is_looked_for_in_one_place_after_the_other() {
    let of = |name: &str| {
        format!(
            "model_list: [{{ model_name: {name}, litellm_params: {{ model: openai/a, api_key: k }} }}]"
        )
    };
    let mut home = Home::with("{}");
    let found = |home: &Home| {
        let litellm = home.loaded().0.router.litellm;
        litellm.map(|litellm| litellm.deployments[0].group.clone())
    };
    assert_eq!(found(&home), None);
    home.write(".litellm/config.yaml", of("container"));
    assert_eq!(found(&home).as_deref(), Some("container"));
    home.write(".litellm/litellm_config.yaml", of("home"));
    assert_eq!(found(&home).as_deref(), Some("home"));
    home.write(".openclaw/litellm_config.yaml", of("state"));
    assert_eq!(found(&home).as_deref(), Some("state"));
    home.write(".openclaw/named.yaml", of("named"));
    home.write(
        ".openclaw/openclaw.json",
        "{ router: { config: 'named.yaml' } }",
    );
    assert_eq!(found(&home).as_deref(), Some("named"));
    let typed = home.write("typed.yaml", of("typed"));
    home.overrides.router = Some(RouterOverrides {
        config: Some(typed),
        ..RouterOverrides::default()
    });
    assert_eq!(found(&home).as_deref(), Some("typed"));
}

fn with_router(json: &str, yaml: &str) -> Home {
    let home = Home::with(json);
    fs::create_dir_all(home.path(".litellm")).unwrap();
    home.write(".litellm/litellm_config.yaml", yaml);
    home
}

fn listen(config: &Config) -> Option<String> {
    config.router.listen.map(|address| address.to_string())
}

#[test]
fn the_port_is_opened_where_it_is_asked_for_and_never_wider_than_its_key_allows() {
    let strong = "general_settings: { master_key: sk-0123456789abcdef }";
    let known = "general_settings: { master_key: sk-1234 }";
    let unset = "general_settings: { master_key: os.environ/NOT_SET }";
    let loopback = Some("127.0.0.1:4000");
    for (json, yaml, opened) in [
        ("{}", strong, None),
        ("{ router: {} }", strong, loopback),
        ("{ router: true }", "{}", loopback),
        ("{ router: false }", strong, None),
        ("{ router: { enabled: false, port: 1 } }", strong, None),
        ("{ router: { port: 4001 } }", known, Some("127.0.0.1:4001")),
        ("{ router: { bind: 'lan' } }", strong, Some("0.0.0.0:4000")),
        ("{ router: { bind: 'lan' } }", known, loopback),
        ("{ router: { bind: 'lan' } }", "{}", loopback),
        (
            "{ router: { bind: 'lan', masterKey: 'short' } }",
            "{}",
            loopback,
        ),
        ("{ router: {} }", unset, None),
        (
            "{ router: { masterKey: 'sk-of-openclaw' } }",
            unset,
            loopback,
        ),
        ("{ router: {} }", "a: [", None),
        (
            "{ router: {} }",
            "general_settings: { custom_auth: a.b }",
            None,
        ),
    ] {
        let home = with_router(json, yaml);
        let (config, problems) = home.loaded();
        assert_eq!(
            listen(&config).as_deref(),
            opened,
            "{json} {yaml}: {problems:?}"
        );
        let is_narrowed = json.contains("lan") && opened == loopback;
        let told = problems.iter().any(|problem| problem.path == "router.bind");
        assert_eq!(told, is_narrowed, "{json} {yaml}: {problems:?}");
    }
    let mut home = with_router("{}", strong);
    home.overrides.router = Some(RouterOverrides {
        port: Some(0),
        bind: Some("0.0.0.0".to_owned()),
        ..RouterOverrides::default()
    });
    assert_eq!(listen(&home.loaded().0).as_deref(), Some("0.0.0.0:0"));
}

#[test]
fn budgets_of_openclaw_json_come_before_those_of_the_litellm_file() {
    let json = "{ budgets: { global: { rpm: 5, tpm: 9 }, agents: { steward: { dailyUsd: 2, alertAt: [10, 90] }, \
        'no id!': {} }, teams: { red: { maxUsd: 1, period: 'weekly', models: 'gpt' } }, keys: { maxParallel: 2, period: 'never' } } }";
    let yaml = "litellm_settings: { max_budget: 7, budget_duration: 1d }\n\
        agent_model_mappings: { steward: { budget_daily_usd: 20 }, alpha: { budget_daily_usd: 15 } }\n";
    let home = with_router(json, yaml);
    let report = home.report();
    assert!(
        report.contains("budgets.agents[\"no id!\"]") && report.contains("budgets.keys.period"),
        "{report}"
    );
    let budgets = home.loaded().0.router.budgets;
    assert_eq!(budgets.global.max_budget, Money::from_usd(7.0));
    assert_eq!((budgets.global.rpm, budgets.global.tpm), (Some(5), Some(9)));
    let agents: Vec<_> = budgets
        .agents
        .iter()
        .map(|(id, allowance)| {
            (
                id.as_str(),
                allowance.max_budget,
                allowance.alert_at.clone(),
            )
        })
        .collect();
    assert_eq!(
        agents,
        [
            ("alpha", Money::from_usd(15.0), vec![]),
            ("steward", Money::from_usd(2.0), vec![10, 90]),
        ]
    );
    assert_eq!(
        budgets.teams["red"].budget_duration.as_deref(),
        Some("weekly")
    );
    assert_eq!(budgets.key_defaults.max_parallel, Some(2));
    assert_eq!(budgets.key_defaults.budget_duration, None);
}

#[test]
fn no_secret_of_the_file_is_in_what_is_printed_of_it() {
    let home = home(FEATURES);
    let shown = format!("{:?}", home.loaded().0);
    for secret in [
        "sk-of-the-file",
        "sk-0123456789abcdef",
        "p%40ss",
        "plain",
        "mm-key",
    ] {
        assert!(!shown.contains(secret), "{secret}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_bytes_in_place_of_the_file_stop_the_gateway(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let home = Home::new();
        home.write(".litellm/litellm_config.yaml", &bytes);
        prop_assert!(home.load().is_ok());
    }

    #[test]
    fn a_file_with_a_line_lost_and_a_line_twice_stops_nothing(lost in 0..70_usize, twice in 0..70_usize) {
        let lines: Vec<&str> = FEATURES.lines().collect();
        let mut text = String::new();
        for (index, line) in lines.iter().enumerate() {
            let times = usize::from(index != lost) + usize::from(index == twice);
            for _ in 0..times {
                text.push_str(line);
                text.push('\n');
            }
        }
        let home = home(&text);
        prop_assert!(home.load().is_ok());
    }
}
