//! Command line over environment over file over default.

use std::net::IpAddr;

use openclaw_config::{Environment, Error, Origin, Overrides, Severity, locate};

use crate::fixture::Home;

const TOKEN: &str = "0123456789abcdef0123";

#[test]
fn the_port_comes_from_the_first_place_that_names_it() {
    for (flag, variable, file, port) in [
        (Some(1), Some("2"), Some(3), 1),
        (Some(0), Some("2"), Some(3), 0),
        (None, Some("2"), Some(3), 2),
        (None, Some("nonsense"), Some(3), 3),
        (None, Some("70000"), None, 18_789),
        (None, Some(""), Some(3), 3),
        (None, None, Some(3), 3),
        (None, None, None, 18_789),
    ] {
        let text = file.map_or_else(String::new, |port| format!("port: {port}"));
        let mut home = Home::with(format!("{{ gateway: {{ {text} }} }}"));
        home.overrides.port = flag;
        if let Some(value) = variable {
            home = home.variable("OPENCLAW_GATEWAY_PORT", value);
        }
        assert_eq!(
            home.loaded().0.gateway.port,
            port,
            "{flag:?} {variable:?} {file:?}"
        );
    }
    let older = Home::with("{ collective: { configuration: { gateway_port: 5 } } }");
    assert_eq!(older.loaded().0.gateway.port, 5);
}

#[test]
fn what_comes_from_outside_the_file_is_known_alone() {
    let variables = [
        ("HOME", "/home/a"),
        ("OPENCLAW_GATEWAY_PORT", " 7 "),
        ("OPENCLAW_CONFIG_PATH", "~/c.json"),
        ("OPENCLAW_STATE_DIR", "/s"),
    ];
    let environment = Environment::of(variables);
    let from_variables = Overrides {
        config_file: Some("/home/a/c.json".into()),
        state_dir: Some("/s".into()),
        port: Some(7),
        bind: None,
        router: None,
    };
    let said = Overrides::default().with_environment(&environment);
    assert_eq!(said, from_variables);
    let flags = Overrides {
        config_file: Some("/f.json".into()),
        state_dir: Some("/f".into()),
        port: Some(0),
        bind: Some("::1".to_owned()),
        router: None,
    };
    assert_eq!(flags.clone().with_environment(&environment), flags);
    let wrong = Environment::of([("OPENCLAW_GATEWAY_PORT", "x")]);
    let nothing = Overrides::default().with_environment(&wrong);
    assert_eq!(nothing, Overrides::default());
}

#[test]
fn a_variable_that_is_wrong_is_named() {
    let home = Home::new()
        .variable("OPENCLAW_GATEWAY_PORT", "x")
        .variable("OPENCLAW_LOG_LEVEL", "loud")
        .variable("LITELLM_URL", "canary")
        .variable("OLLAMA_HOST", "a b");
    insta::assert_snapshot!(home.report(), @r"
    degraded: environment: OLLAMA_HOST: not a URL; it is ignored
        hint: write `http://host:port`
    degraded: environment: LITELLM_URL: not a URL; it is ignored
        hint: write `http://host:port`
    degraded: environment: OPENCLAW_GATEWAY_PORT: not a port number; it is ignored
        hint: write a number from 0 to 65535
    degraded: environment: OPENCLAW_LOG_LEVEL: not a log level; it is ignored
        hint: one of error, warn, info, debug, trace
    ");
}

#[test]
fn the_token_of_the_environment_comes_before_that_of_the_file() {
    let file = format!("{{ gateway: {{ auth: {{ token: '{TOKEN}' }} }} }}");
    let token = |home: Home| home.loaded().0.gateway.token;
    let of_file = token(Home::with(&file)).unwrap();
    assert_eq!(
        (of_file.expose(), of_file.origin()),
        (TOKEN, &Origin::Inline)
    );
    let other = "fedcba9876543210fedc";
    let of_variable = token(Home::with(&file).variable("OPENCLAW_GATEWAY_TOKEN", other)).unwrap();
    assert_eq!(of_variable.expose(), other);
    assert_eq!(of_variable.variable(), Some("OPENCLAW_GATEWAY_TOKEN"));
    assert_eq!(token(Home::new()), None);
    assert_eq!(
        token(Home::with("{ gateway: { auth: { token: 'with space' } } }")),
        None
    );
}

#[test]
fn only_a_loopback_bind_or_written_down_token_authentication_starts() {
    let any: IpAddr = [0, 0, 0, 0].into();
    let here: IpAddr = [127, 0, 0, 1].into();
    for (bind, auth, flag, answer) in [
        ("", "", None, Some(here)),
        ("loopback", "", None, Some(here)),
        ("localhost", "mode: 'none'", None, Some(here)),
        ("127.0.0.2", "", None, Some([127, 0, 0, 2].into())),
        ("::1", "", None, Some("::1".parse().unwrap())),
        ("[::1]", "", None, Some("::1".parse().unwrap())),
        ("nonsense", "", None, Some(here)),
        ("tailnet", "mode: 'token'", None, Some(here)),
        ("lan", "", None, None),
        ("0.0.0.0", "", None, None),
        ("::", "", None, None),
        ("::ffff:127.0.0.1", "", None, None),
        ("192.168.1.5", "", None, None),
        ("lan", "mode: 'none'", None, None),
        (
            "lan",
            "mode: 'password', token: '0123456789abcdef0123'",
            None,
            None,
        ),
        (
            "lan",
            "mode: 'none', token: '0123456789abcdef0123'",
            None,
            None,
        ),
        ("lan", "token: 'short'", None, None),
        ("lan", "mode: 'token', token: 'short'", None, None),
        ("lan", "mode: 'token', token: '${NOT_SET}'", None, Some(any)),
        ("lan", "mode: 'token'", None, Some(any)),
        ("lan", "token: '0123456789abcdef0123'", None, Some(any)),
        ("lan", "mode: 'tokn'", None, None),
        ("", "", Some("0.0.0.0"), None),
        ("", "mode: 'token'", Some("0.0.0.0"), Some(any)),
        ("lan", "", Some("127.0.0.1"), Some(here)),
    ] {
        let bind_key = if bind.is_empty() {
            String::new()
        } else {
            format!("bind: '{bind}',")
        };
        let mut home = Home::with(format!(
            "{{ gateway: {{ {bind_key} auth: {{ {auth} }} }} }}"
        ));
        home.overrides.bind = flag.map(str::to_owned);
        let found = match home.load() {
            Ok(loaded) => Some(loaded.config.gateway.bind),
            Err(Error::Refused { problems }) => {
                let fatal = problems
                    .iter()
                    .find(|problem| problem.severity == Severity::Fatal);
                let expected = if flag.is_some() {
                    "--bind"
                } else {
                    "gateway.bind"
                };
                assert_eq!(fatal.unwrap().path, expected);
                None
            }
        };
        assert_eq!(found, answer, "{bind} {auth} {flag:?}");
    }
}

#[test]
fn the_state_directory_comes_from_the_first_place_that_names_it() {
    for (flag, variable, file, state) in [
        (Some("flag"), Some("variable"), Some("file"), "flag"),
        (None, Some("variable"), Some("file"), "variable"),
        (None, None, Some("file"), "file"),
        (None, None, None, ".openclaw"),
    ] {
        let mut home = Home::new();
        let text = file.map_or_else(
            || "{}".to_owned(),
            |file| format!("{{ workspace: '{}' }}", home.path(file).display()),
        );
        home.overrides.config_file = Some(home.write("config.json5", text));
        home.overrides.state_dir = flag.map(|flag| home.path(flag));
        if let Some(variable) = variable {
            let value = home.path(variable).display().to_string();
            home = home.variable("OPENCLAW_STATE_DIR", &value);
        }
        assert_eq!(home.loaded().0.paths.state, home.path(state));
    }
}

#[test]
fn the_configuration_file_comes_from_the_first_place_that_names_it() {
    for (flag, variable, state, port) in [
        (true, true, true, 1),
        (false, true, true, 2),
        (false, false, true, 3),
        (false, false, false, 4),
    ] {
        let mut home = Home::with("{ gateway: { port: 4 } }");
        let by_flag = home.write("flag.json", "{ gateway: { port: 1 } }");
        let by_variable = home.write("variable.json", "{ gateway: { port: 2 } }");
        home.write("state/openclaw.json", "{ gateway: { port: 3 } }");
        home.overrides.config_file = flag.then_some(by_flag);
        if variable {
            home = home.variable("OPENCLAW_CONFIG_PATH", by_variable.to_str().unwrap());
        }
        home.overrides.state_dir = state.then(|| home.path("state"));
        assert_eq!(home.loaded().0.gateway.port, port);
    }
}

#[test]
fn a_workspace_may_start_at_home_or_beside_the_file() {
    for (workspace, state) in [
        ("~/elsewhere", "elsewhere"),
        ("./near", "config/near"),
        ("${HOME}/var", "var"),
        ("$${HOME}", "config/${HOME}"),
    ] {
        let mut home = Home::new();
        let text = format!("{{ workspace: '{workspace}' }}");
        home.overrides.config_file = Some(home.write("config/openclaw.json", text));
        assert_eq!(home.loaded().0.paths.state, home.path(state), "{workspace}");
    }
}

#[test]
fn places_are_found_without_a_usable_configuration_too() {
    for (text, state) in [
        ("{", ".openclaw"),
        ("{ workspace: '~/else', gateway: { bind: 'lan' } }", "else"),
        ("{ workspace: '~/else' }", "else"),
    ] {
        let home = Home::with(text);
        let paths = locate(&home.overrides, &home.environment()).unwrap();
        assert_eq!(paths.state, home.path(state), "{text}");
        assert_eq!(paths.config_file, home.path(".openclaw/openclaw.json"));
    }
}
